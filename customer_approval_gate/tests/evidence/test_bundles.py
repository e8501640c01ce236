# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import base64
import gzip
import io
import json
import os
import random
import subprocess
import sys
import zipfile

from odoo.tests import tagged

from ...tools import capability, ledger, seal
from ...tools.event_data import Answer
from ..common import SIGNATURE
from .test_golden import GOLDEN
from .test_keys import KeyCommon


@tagged("post_install", "-at_install")
class TestBundles(KeyCommon):
    def _make_full(self):
        """A request with everything that a bundle can have."""
        order = self._create_order()
        file = self.env["ir.attachment"].create({"name": "plan.txt", "raw": b"Plan"})
        request = order.sudo()._open_customer_approval(attachments=file, mail=False)
        proof = self.env["ir.attachment"].create({"name": "scan.pdf", "raw": b"%PDF-1"})
        request._decide(
            Answer(
                "approved",
                "Ada",
                "recorded",
                signature=SIGNATURE,
                proofs=proof,
                witness=self.env.user,
            )
        )
        capability.call(
            request._store_certificate,
            {"document_pdf_id": b"%PDF-1 document", "certificate_id": b"%PDF-1 cert"},
        )
        self.env["customer.approval.checkpoint"].sudo()._make()
        return request

    def _reseal(self, files, evidence):
        """As somebody does it who has no key: with what they have."""
        evidence["files"] = {
            name: ledger.sha256(data)
            for name, data in files.items()
            if name != "evidence.json"
        }
        return {**files, "evidence.json": ledger.write_plain(evidence)}

    def test_each_file_against_a_sealed_event(self):
        """Also where the list of files and its seal were left out of it."""
        files = self._open_bundle(self._make_full())
        self.assertEqual(self._check(files), [])
        names = [name for name in files if name != "evidence.json"]
        for wanted in (
            "certificate.pdf",
            "document.pdf",
            "scan.pdf",
            "signature.png",
            "plan.txt",
            "content.json",
            "document.html",
            "verify.py",
            "README.txt",
        ):
            self.assertTrue(any(name.endswith(wanted) for name in names), wanted)
        for name in names:
            for data in (files[name] + b" ", None):
                other = {**files, name: data}
                if data is None:
                    del other[name]
                evidence = json.loads(files["evidence.json"])
                problems = self._check(self._reseal(other, evidence))
                self.assertTrue(
                    [p for p in problems if "evidence.json" not in p], (name, problems)
                )

    def test_thousands_of_mutants(self):
        """None of them is taken for genuine."""
        files = self._open_bundle(self._make_full())
        chance = random.Random(7)
        names = sorted(files)
        survivors, count = [], 0
        for _number in range(2500):
            name = chance.choice(names)
            data = bytearray(files[name])
            kind = chance.choice(("flip", "cut", "insert", "swap", "drop", "add"))
            other = dict(files)
            place = chance.randrange(len(data))
            if kind == "flip":
                data[place] ^= 1 << chance.randrange(8)
            elif kind == "cut":
                del data[place]
            elif kind == "insert":
                data.insert(place, chance.randrange(256))
            other[name] = bytes(data)
            if kind == "drop":
                del other[name]
            elif kind == "add":
                other[f"requests/{place}.txt"] = b"More"
            elif kind == "swap":
                second = chance.choice([n for n in names if files[n] != files[name]])
                other[name], other[second] = files[second], files[name]
            count += 1
            if not self._check(other):
                survivors.append((kind, name, place))
        self.assertEqual(survivors, [])
        self.assertEqual(count, 2500)

    def test_every_value_of_the_list(self):
        """Each value of evidence.json, changed and written as the server writes it."""
        files = self._open_bundle(self._make_full())
        plain = json.loads(files["evidence.json"])
        count = 0
        for path in list(self._paths(plain)):
            changed = json.loads(files["evidence.json"])
            parent = changed
            for key in path[:-1]:
                parent = parent[key]
            value = parent[path[-1]]
            parent[path[-1]] = value + 1 if isinstance(value, int) else f"{value}x"
            other = {**files, "evidence.json": ledger.write_plain(changed)}
            self.assertTrue(self._check(other), path)
            count += 1
        self.assertGreater(count, 300)

    def _paths(self, value, path=()):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in parts:
            if isinstance(part, (dict, list)):
                yield from self._paths(part, (*path, key))
            else:
                yield (*path, key)

    def test_signatures_of_two_people_exchanged(self):
        files = self._open_bundle(self._make_full())
        name = next(
            name for name in files if "approvers" in name and "signature" in name
        )
        other = base64.b64decode(SIGNATURE) + b"x"
        evidence = json.loads(files["evidence.json"])
        problems = self._check(self._reseal({**files, name: other}, evidence))
        self.assertIn(name, "".join(problems))

    def test_it_reads_no_other_chain(self):
        request = self._make_full()
        events = self.events._read_rows("sale.order", request.res_id)
        proofs = self.env["customer.approval.checkpoint"].sudo()._get_proofs(events)
        self.assertEqual({*proofs["inclusion"]}, {str(event["id"]) for event in events})
        size = proofs["checkpoints"][-1]["tree_size"]
        for proof in proofs["inclusion"].values():
            self.assertLessEqual(len(proof["path"]), size.bit_length())


@tagged("post_install", "-at_install")
class TestVerifier(KeyCommon):
    """What is run by whoever has only the bundle."""

    def _run_on(self, files, *arguments, name="bundle.zip"):
        path = self.folder / name
        with zipfile.ZipFile(path, "w") as archive:
            for own, data in files.items():
                archive.writestr(own, data)
        return self._run_program(path, *arguments)

    def _run_program(self, *arguments, program=ledger.__file__):
        return subprocess.run(
            [sys.executable, "-B", program, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    def test_other_programs_see_the_same_files(self):
        """An archive in which another program finds other files than this one."""
        request = self._bring_to_status(self._create_order(), "approved")
        self.env.flush_all()
        genuine = request.sudo()._make_bundle()
        path = self.folder / "bundle.zip"
        path.write_bytes(genuine)
        result = self._run_program(path)
        self.assertEqual(result.returncode, 0, result.stdout)
        with zipfile.ZipFile(io.BytesIO(genuine)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}

        def pack(change=None, comment=b""):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.comment = comment
                for name, data in files.items():
                    info = zipfile.ZipInfo(name)
                    if change:
                        change(info)
                    archive.writestr(info, data)
            return buffer.getvalue()

        def unicode_path(info):
            info.extra = b"\x75\x70\x06\x00\x01" + b"\x00" * 4 + b"x"

        def link(info):
            info.external_attr = 0o120777 << 16

        def note(info):
            info.comment = b"This bundle was rejected"

        path.write_bytes(pack())
        self.assertEqual(self._run_program(path).returncode, 0)
        end = genuine.rindex(b"PK\x05\x06")
        for data in (
            pack(unicode_path),
            pack(link),
            pack(note),
            pack(comment=b"This bundle was rejected"),
            pack(comment=genuine),
            b"Other" + genuine,
            genuine + b"Other",
            genuine[:-2] + len(genuine).to_bytes(4, "little")[:2] + genuine,
            genuine[:30] + b"x" + genuine[31:],
            genuine[:14] + bytes(4) + genuine[18:],  # what only streams look at
            genuine[:18] + (8).to_bytes(4, "little") + genuine[22:],
            genuine[:6] + b"\x08" + genuine[7:],
            genuine[:-14] + bytes(4) + genuine[-10:],  # as if there were no files
            genuine[: end // 2],
            b"PK\x05\x06" + bytes(18),
        ):
            path.write_bytes(data)
            result = self._run_program(path)
            self.assertIn(result.returncode, (1, 2), data[:40])
            self.assertNotIn("Everything fits", result.stdout)
            self.assertFalse(result.stderr)

    def test_it_ends_with_a_verdict(self):
        """Whatever somebody has written, and without telling anything else."""
        files = self._open_bundle(
            self._bring_to_status(self._create_order(), "approved")
        )
        deep = b"[" * 200_000 + b"]" * 200_000
        lie = "x\x1b[2J\nEverything fits together\u202e"
        for change in (
            {"evidence.json": deep},
            {"evidence.json": b"{}"},
            {"evidence.json": b"[]"},
            {"evidence.json": b"\xff"},
            {lie: b""},
        ):
            result = self._run_on({**files, **change})
            self.assertEqual(result.returncode, 1, result.stdout[-200:])
            self.assertFalse(result.stderr)
            self.assertNotIn("\x1b", result.stdout)
            self.assertNotIn("\nEverything", result.stdout)
        for name in ("nothing.zip", "bundle.zip/nothing"):
            result = self._run_program(self.folder / name)
            self.assertEqual(result.returncode, 2)
        folder = self.folder / "unpacked"
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        self.assertEqual(self._run_program(folder).returncode, 0)
        (folder / "more").symlink_to(self.folder)
        self.assertEqual(self._run_program(folder).returncode, 1)
        (folder / "more").unlink()
        os.mkfifo(folder / "more")
        self.assertEqual(self._run_program(folder).returncode, 1)

    def test_an_export_in_a_bundle(self):
        """It would be looked at instead."""
        files = self._open_bundle(
            self._bring_to_status(self._create_order(), "approved")
        )
        name = next(name for name in files if name.endswith("document.html"))
        files[name] = b"Other"
        empty = {"events": [], "personal": {}, "requests": [], "checkpoints": []}
        files["ledger.json"] = json.dumps(
            {**empty, "keys": {}}, sort_keys=True
        ).encode()
        export = {"files": {own: ledger.sha256(data) for own, data in files.items()}}
        files["export.json"] = ledger.write_plain(export)
        self.assertEqual(self._run_on(files).returncode, 1)
        only = {key: files[key] for key in ("ledger.json", "export.json")}
        export = {"files": {"ledger.json": ledger.sha256(files["ledger.json"])}}
        only["export.json"] = ledger.write_plain(export)
        self.assertEqual(self._run_on(only).returncode, 1, "nothing is sealed")

    def test_keys_that_an_export_brings_itself(self):
        data = json.loads(
            gzip.decompress((GOLDEN / "format_2" / "ledger.json.gz").read_bytes())
        )
        data["events"] = [event for event in data["events"] if event["res_id"]]
        self.assertTrue(ledger.check_ledger(data))

    def test_old_bundles_without_anything_sealed(self):
        with zipfile.ZipFile(next((GOLDEN / "format_2").glob("*.zip"))) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        evidence = json.loads(files["evidence.json"])
        for change in (
            {"requests": []},
            {"events": [], "requests": []},
            {"key_events": self.events._read_key_events()},
        ):
            own = {**evidence, **change}
            other = {**files, "evidence.json": ledger.write_plain(own)}
            self.assertEqual(self._run_on(other).returncode, 1, change.keys())
        result = self._run_on(files)
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn("may have been left out", result.stdout)

    def test_fingerprints_as_people_type_them(self):
        files = self._open_bundle(
            self._bring_to_status(self._create_order(), "approved")
        )
        key = seal.get_public_key()[0]
        groups = " ".join(key[start : start + 4] for start in range(0, 32, 4))
        for text in (key, key.upper(), groups):
            self.assertEqual(self._run_on(files, text).returncode, 0, text)
        other = key[::-1]
        for text in (other, other.upper(), f" {other}"):
            self.assertEqual(self._run_on(files, text).returncode, 1, text)
        for text in (f"{key}.", key[:-1], "key"):
            result = self._run_on(files, text)
            self.assertEqual(result.returncode, 2, text)
            self.assertIn("is no fingerprint", result.stdout)

    def test_a_module_in_the_folder(self):
        """Nothing of what is checked is run."""
        files = self._open_bundle(
            self._bring_to_status(self._create_order(), "approved")
        )
        folder = self.folder / "unpacked"
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        result = self._run_program(program=folder / "verify.py")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        (folder / "zipfile.py").write_text("import sys; print('fine'); sys.exit(0)")
        result = self._run_program(program=folder / "verify.py")
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        (folder / "zipfile.py").unlink()
        cache = folder / "requests" / "__pycache__"
        cache.mkdir()
        (cache / "signed.pdf").write_bytes(b"%PDF")
        result = self._run_program(program=folder / "verify.py")
        self.assertEqual(result.returncode, 1)
