# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which keys are believed, and what a bundle proves to somebody who has only it."""

import base64
import gzip
import io
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from unittest.mock import patch

from psycopg2.errors import CheckViolation, SerializationFailure, UniqueViolation

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ..tools import capability, identity, ledger, seal, triggers
from ..tools.entry import Answer
from .common import SIGNATURE, ApprovalCommon
from .test_evidence import EvidenceMixin
from .test_golden import GOLDEN

VARIABLE = "CUSTOMER_APPROVAL_GATE_KEY_FILE"


class KeyCommon(EvidenceMixin, ApprovalCommon):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.events = self.env["customer.approval.event"].sudo()

    @contextmanager
    def _server(self, name):
        """Another server of the same database, with a key of its own."""
        path = self.folder / name / "seal_key.pem"
        if not path.exists():
            seal._make_key(path)
        with patch.dict(os.environ, {VARIABLE: str(path)}):
            self.events._introduce_key()
            capability.call(self.events._record_server)
            yield path

    def _own_server(self):
        """Our own key, in a folder that these tests may write into."""
        own = self.folder / "own" / "seal_key.pem"
        own.parent.mkdir(exist_ok=True)
        own.write_bytes(seal.get_key_path().read_bytes())
        return {VARIABLE: str(own)}

    def _problems_of_keys(self):
        return [line for line in self._verify_all() if line.startswith("key ")]

    def _open_bundle(self, request):
        self.env.flush_all()
        with zipfile.ZipFile(io.BytesIO(request.sudo()._make_bundle())) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def _check(self, files, known=()):
        try:
            return ledger.check_bundle(files.__getitem__, list(files), known)[1]
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            return [repr(error)]


@tagged("post_install", "-at_install")
class TestKeys(KeyCommon):
    def test_a_second_server_vouches_for_itself(self):
        """Whoever has only the password of the database starts an Odoo elsewhere."""
        order = self._create_order()
        with self._server("attacker"):
            request = self._bring_to_status(order, "approved")
            forged = seal.get_public_key()[0]
            files = self._open_bundle(request)
        self.assertEqual(order.customer_approval_status, "approved")
        problems = self._problems_of_keys()
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(forged, problems[0])
        self.assertTrue(self._verify(order), "also from the document itself")
        self.assertIn(forged, "".join(self._check(files)))
        self.assertIn(
            "no known key", "".join(self._check(files, [seal.get_public_key()[0]]))
        )

    def test_an_administrator_confirms_it(self):
        order = self._create_order()
        with self._server("other"):
            request = self._bring_to_status(order, "approved")
            other = seal.get_public_key()[0]
        # Our own server, in a folder that these tests may write into.
        own = self.folder / "own" / "seal_key.pem"
        own.parent.mkdir()
        own.write_bytes(seal.get_key_path().read_bytes())
        with patch.dict(os.environ, {VARIABLE: str(own)}):
            with self.assertRaises(AccessError):
                self.events._confirm_keys([other])
            events = self.events.with_user(self.salesperson).sudo(False)
            with self.assertRaises(AccessError):
                capability.call(events._confirm_keys, [other])
            with self._refused("Load the page again"):
                capability.call(self.events._confirm_keys, ["0" * 32])
            capability.call(self.events._confirm_keys, [other])
            capability.call(self.events._pin_confirmed_keys)
            self.env.flush_all()
            self.cr.execute("SAVEPOINT confirmed")
            self.assertIn(other, seal.get_trusted())
            # Who confirmed it stays known.
            self.env.flush_all()
            with self._without_triggers("customer_approval_event"):
                self.cr.execute(
                    "DELETE FROM customer_approval_event WHERE kind = 'key_confirmed'"
                )
            self.env.invalidate_all()
            self.assertIn("was altered or deleted", "".join(self._verify_all()))
            self.cr.execute("ROLLBACK TO SAVEPOINT confirmed")
            self.env.invalidate_all()
            self.assertEqual(self._problems_of_keys(), [])
            files = self._open_bundle(request)
            self.assertEqual(self._check(files), [], "the first key vouches")
            self.assertEqual(self._check(files, [seal.get_public_key()[0]]), [])

    def test_an_older_key_vouches_for_a_new_one(self):
        """Whoever puts a new key in place keeps the old one beside it."""
        with self._server("rotated") as path:
            first = seal.get_public_key()[0]
            seal.trust([*ledger.keys_of(self.events._read_key_events())][:1])
            path.rename(path.with_name("seal_key_2025.pem"))
            # Another process: what was loaded from the path is forgotten.
            for function in (seal._load_key, seal._get_public_key, seal._derive):
                function.cache_clear()
            seal._get_key_bytes.cache_clear()
            seal._make_key(path)
            self.events._introduce_key()
            capability.call(self.events._record_server)
            second = seal.get_public_key()[0]
            self.assertNotEqual(first, second)
            events = self.events._read_key_events()
            trusted = ledger.trusted_keys(events, [first])
            self.assertIn(second, trusted)
        for function in (seal._load_key, seal._get_public_key, seal._derive):
            function.cache_clear()
        seal._get_key_bytes.cache_clear()

    def test_events_of_a_key_that_was_replaced(self):
        """Unsealed events with the mark of the old server come no more."""
        order = self._create_order()
        self._bring_to_status(order, "pending")
        capability.call(order.customer_approval_request_id._record_download, "PDF")
        self.env.flush_all()
        free = self.events.search([], order="id desc", limit=1).id + 1
        self.cr.execute("SELECT setval('customer_approval_event_id_seq', %s)", [free])
        forged = "no Odoo server has written it"
        own = seal.get_public_key()[0]
        with self._server("next"):
            seal.trust([own])
            self.assertEqual(self._verify(order), [], "of before: nobody can tell")
            # With the old key's name, under a number that was never given.
            for number in (free, 0, -1):
                with self.subTest(number=number), self.cr.savepoint() as savepoint:
                    other = self._copy_event(order, number)
                    problems = "".join(self._verify(other))
                    self.assertIn(forged if number > 0 else "such a number", problems)
                    savepoint.close(rollback=True)
            # With the new one's, which is checked.
            other = self._copy_event(order, free, key_id=seal.get_public_key()[0])
            self.assertIn(forged, "".join(self._verify(other)))

    def test_the_mark_of_a_key_that_was_left_there(self):
        order = self._create_order()
        self._bring_to_status(order, "pending")
        capability.call(order.customer_approval_request_id._record_download, "PDF")
        self.env.flush_all()
        former = seal.get_key_path().read_bytes()
        own = seal.get_public_key()[0]
        with self._server("next") as path:
            seal.trust([own])
            path.with_name("seal_key_2025.pem").write_bytes(former)
            self.assertEqual(self._verify(order), [])
            with self._without_any_trigger():
                self.cr.execute(
                    "UPDATE customer_approval_event SET seal = md5(seal)"
                    " WHERE res_model = 'sale.order' AND res_id = %s"
                    " AND kind = 'downloaded'",
                    [order.id],
                )
            self.assertIn("no Odoo server has written", "".join(self._verify(order)))

    def test_several_processes_start_at_once(self):
        """One of them writes what server this is, and the others start all the same."""
        model = type(self.events)
        for error in (SerializationFailure, UniqueViolation):
            with patch.object(model, "_introduce_key", side_effect=error) as record:
                self.events._register_hook()
            record.assert_called_once()

    def _copy_event(self, order, number, **values):
        """Forge a chain of one event without a seal.

        :return: the document that it is about
        """
        other = self._create_order()
        self.env.flush_all()
        row = next(
            row
            for row in self.events._read_rows("sale.order", order.id)
            if row["kind"] == "downloaded"
        )
        row |= {"id": number, "res_id": other.id, "position": 1, "previous_hash": None}
        row |= {"request_id": None, "version": None, "digest": None}
        row |= {
            "scope_digest": None,
            "details": None,
            "personal_digest": None,
            **values,
        }
        row["entry_digest"] = ledger.entry_digest(row)
        row["hash"] = ledger.chain_hash(row)
        with self._without_any_trigger():
            self.cr.execute(
                SQL(
                    "INSERT INTO customer_approval_event (%s) VALUES (%s)",
                    SQL(", ").join(SQL.identifier(name) for name in row),
                    SQL(", ").join(SQL("%s", value) for value in row.values()),
                )
            )
        self.env.invalidate_all()
        return other

    def test_a_key_in_the_function_only(self):
        keys = triggers.read_keys(self.cr)
        triggers.install_keys(self.cr, {**keys, "f" * 32: "35"})
        self.assertIn("f" * 32, "".join(self._problems_of_keys()))

    def test_what_administrators_read(self):
        with self._server("elsewhere"):
            fingerprint = seal.get_public_key()[0]
        settings = self.env["res.config.settings"].create({})
        self.assertIn(fingerprint, settings.customer_approval_unknown_keys)
        self.assertFalse(settings.customer_approval_verified, "not yet")
        settings.action_verify_customer_approvals()
        settings.invalidate_recordset()
        self.assertIn("Problems found", settings.customer_approval_verified)
        with patch.dict(os.environ, self._own_server()):
            with self._refused("over HTTP"):  # code does not confirm any
                settings.action_confirm_customer_approval_keys()
            # After somebody has given their password again.
            settings.action_confirm_customer_approval_keys.__wrapped__(settings)
            settings.invalidate_recordset()
            self.assertFalse(settings.customer_approval_unknown_keys)
            settings.action_verify_customer_approvals()
            settings.invalidate_recordset()
            self.assertIn("fit together", settings.customer_approval_verified)


@tagged("post_install", "-at_install")
class TestDatabaseIdentity(KeyCommon):
    def test_events_say_which_database(self):
        order = self._create_order()
        self._bring_to_status(order, "approved")
        rows = self.events._read_rows("sale.order", order.id)
        self.assertEqual(
            {row["database"] for row in rows}, {identity.get_identity(self.env)}
        )
        self.assertEqual(self._verify_all(), [])

    def test_another_identity_by_hand(self):
        """Who makes this database one that it is not."""
        order = self._create_order()
        self._bring_to_status(order, "approved")
        self.env.flush_all()
        # Odoo remembers the old one.
        self.cr.execute(
            "UPDATE ir_config_parameter SET value = 'other' WHERE key = %s",
            [identity.PARAMETER],
        )
        wrong = "the identity of the database was changed by hand"
        self.assertIn(wrong, "".join(self._verify_all()))
        capability.call(self.events._record_server)  # as when Odoo starts
        self.assertIn(wrong, "".join(self._verify_all()))
        self.env.registry.clear_all_caches()
        other = self._create_order()
        self._bring_to_status(other, "pending")
        self.assertIn("it is of another database", "".join(self._verify(other)))

    def test_seals_of_another_database(self):
        """An event that the same server has sealed elsewhere is refused."""
        order = self._create_order()
        self.env.flush_all()
        with (
            patch(
                "odoo.addons.customer_approval_gate.models.evidence.customer_approval_event"
                ".get_identity",
                return_value="other",
            ),
            self._refused("needs the seal", CheckViolation),
            mute_logger("odoo.sql_db"),
        ):
            self._bring_to_status(order, "approved")

    def test_a_copy_says_what_it_is(self):
        order = self._create_order()
        self._bring_to_status(order, "approved")
        self.env["ir.config_parameter"].sudo().set_param(identity.HOME, "elsewhere/1")
        self.assertTrue(identity.check_home(self.env))
        home = identity._find_home(self.cr)
        with patch(
            "odoo.addons.customer_approval_gate.tools.identity._find_home",
            return_value="elsewhere/2",
        ):
            capability.call(self.events._record_server, is_new=True)
            other = self._create_order()
            self._bring_to_status(other, "approved")
            self.assertEqual(self._verify_all(), [], "both, each in its time")
        self.assertNotEqual(home, "elsewhere/2")
        self.assertIn("is not where its last identity", "".join(self._verify_all()))

    def test_a_copy_with_another_key(self):
        """Which database it is comes before whatever is sealed there."""
        order = self._create_order()
        request = self._bring_to_status(order, "approved")
        for _number in range(2):  # the second time is counted, by the server of then
            capability.call(request._record_download, "PDF")
        parameters = self.env["ir.config_parameter"].sudo()
        capability.call(self.events._record_server)
        own = seal.get_public_key()[0]
        former = seal.get_key_path().read_bytes()
        path = self.folder / "copy" / "seal_key.pem"
        seal._make_key(path)
        path.with_name("seal_key_2025.pem").write_bytes(former)
        with (
            patch.dict(os.environ, {VARIABLE: str(path)}),
            patch(
                "odoo.addons.customer_approval_gate.tools.identity._find_home",
                return_value="elsewhere/3",
            ),
        ):
            seal.trust([own])
            parameters.set_param(identity.HOME, "before/1")
            self.events._introduce_server()
            self.assertEqual(self._verify_all(), [])
            self.assertEqual(self._check(self._open_bundle(request), [own]), [])

    def test_its_home_by_hand(self):
        """The ledger says where it was: a setting makes no copy of it."""
        parameters = self.env["ir.config_parameter"].sudo()
        before, home = identity.read_identity(self.env)
        capability.call(self.events._record_server)
        parameters.set_param(identity.HOME, "elsewhere/1")
        recorded = self.events._read_recorded_identity()
        self.assertEqual(recorded, (before, home))
        self.assertFalse(identity.check_home(self.env, recorded))
        self.assertEqual(identity.read_identity(self.env)[0], before)
        self.assertEqual(parameters.get_param(identity.HOME), home)
        self.assertEqual(self._verify_all(), [])

    def test_said_to_be_neutralised(self):
        capability.call(self.events._record_server)
        self.env["ir.config_parameter"].sudo().set_param(
            "database.is_neutralized", "true"
        )
        self.env["ir.config_parameter"].sudo().set_param(identity.PARAMETER, "other")
        self.assertIn("changed by hand", "".join(self._verify_all()))

    def test_it_does_not_come_back(self):
        """Another database with the same key cannot be put in its place and back."""

        def event(number, home):
            return {
                "id": number,
                "kind": "database_identified",
                "position": number,
                "res_model": "customer.approval.event",
                "res_id": 0,
                "details": {"database": str(number), "home": home},
            }

        events = [event(1, "a/1"), event(2, "a/2")]
        self.assertEqual(ledger.check_homes(events, "a/2"), [])
        self.assertTrue(ledger.check_homes(events, "a/1"))
        for home in ("a/1", "a/2"):
            self.assertTrue(ledger.check_homes([*events, event(3, home)]))


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


@tagged("post_install", "-at_install")
class TestCheckpoints(KeyCommon):
    def test_the_last_one_is_missed(self):
        """What is newer than the others would go with it."""
        with patch.dict(os.environ, self._own_server()):
            self._make()
            self._bring_to_status(self._create_order(), "pending")
            last = self._make()
            position = last.position
            capability.call(last._keep_last)
            self.assertEqual(self._verify_all(), [])
            with self._without_triggers(
                "customer_approval_checkpoint", "customer_approval_node"
            ):
                self.cr.execute(
                    "DELETE FROM customer_approval_checkpoint WHERE id = %s", [last.id]
                )
            self.env.invalidate_all()
            missing = f"checkpoint {position} is missing"
            self.assertIn(missing, "".join(self._verify_all()))
            # Whatever the database says that it is.
            self.env["ir.config_parameter"].sudo().set_param(
                identity.PARAMETER, "other"
            )
            self.assertIn(missing, "".join(self._verify_all()))

    def _make(self):
        return self.env["customer.approval.checkpoint"].sudo()._make()

    def test_each_continues_the_one_before(self):
        checkpoints = []
        for _number in range(3):
            self._bring_to_status(self._create_order(), "pending")
            checkpoints.append(self._make())
        sizes = [checkpoint.tree_size for checkpoint in checkpoints]
        self.assertEqual(sizes, sorted(set(sizes)))
        node = self.env["customer.approval.node"].sudo()._read_node
        for old, new in zip(checkpoints, checkpoints[1:], strict=False):
            path = ledger.consistency_proof(old.tree_size, new.tree_size, node)
            self.assertTrue(
                ledger.is_consistent(
                    old.tree_size, new.tree_size, old.root, new.root, path
                )
            )
        self.assertEqual(self._verify_all(), [])

    def test_numbers_that_come_late(self):
        """A transaction that began before, and ends after, a checkpoint."""
        order = self._create_order()
        self._bring_to_status(order, "pending")
        self.env.flush_all()
        self.cr.execute("SELECT max(id) FROM customer_approval_event")
        last = self.cr.fetchone()[0]
        with self._without_triggers("customer_approval_event"):
            self.cr.execute(
                "UPDATE customer_approval_event SET id = id + 100 WHERE id = %s", [last]
            )
            self._make()
            self.cr.execute(
                "UPDATE customer_approval_event SET id = id - 100 WHERE id = %s",
                [last + 100],
            )
        leaves = self.env["customer.approval.node"].sudo()._read_leaves(0, 10**6)
        self.assertEqual(sum(leaf[2] is None for leaf in leaves), 1)

    def test_no_lock_of_the_table(self):
        with self.assertLogs("odoo.sql_db", "DEBUG") as logs:
            self._make()
        self.assertNotIn("LOCK TABLE", "".join(logs.output))

    def test_altered_nodes(self):
        for _number in range(3):
            self._bring_to_status(self._create_order(), "pending")
        self._make()
        for where in (
            "level = 0 AND number = 1",
            "level = 1 AND number = 0",
            "level > 0",
            "level > 1",
        ):
            for query in (
                "UPDATE customer_approval_node SET hash = md5(hash) || md5(hash)",
                "DELETE FROM customer_approval_node",
            ):
                with self.cr.savepoint(flush=False) as savepoint:
                    with self._without_triggers("customer_approval_node"):
                        self.cr.execute(f"{query} WHERE {where}")
                    self.env.invalidate_all()
                    self.assertTrue(self._verify_all(), query + where)
                    savepoint.rollback()
        self.assertEqual(self._verify_all(), [])


@tagged("post_install", "-at_install")
class TestVerification(KeyCommon):
    def test_it_goes_on_where_it_stopped(self):
        for _number in range(4):
            self._bring_to_status(self._create_order(), "approved")
        self.env.flush_all()
        runs = self.env["customer.approval.verification"].sudo()
        with patch(
            "odoo.addons.customer_approval_gate.models.evidence.customer_approval_verification"
            ".EVENTS_AT_ONCE",
            5,
        ):
            run = runs._start()
            self.assertFalse(run._step())
            first = run.done_count
            self.assertIn("%", run._describe())
            self.assertEqual(runs._start(), run, "the same goes on")
            for _number in range(10_000):
                if run._step():
                    break
        self.assertGreater(run.done_count, first)
        self.assertEqual(run.done_count, run.event_count)
        self.assertEqual(run.problem_count, 0, run.problems)
        self.assertIn("fit together", run._describe())
        self.assertNotEqual(runs._start(), run)

    def test_it_says_what_it_found(self):
        order = self._create_order()
        self._bring_to_status(order, "approved")
        self.env.flush_all()
        with self._without_triggers("customer_approval_event"):
            self.cr.execute(
                "UPDATE customer_approval_event SET text = 'Other'"
                " WHERE res_model = 'sale.order' AND res_id = %s",
                [order.id],
            )
        self.env.invalidate_all()
        run = self.env["customer.approval.verification"].sudo()._run_for_somebody()
        self.assertTrue(run.problem_count)
        self.assertIn("altered", run.problems)
        self.assertIn("Problems found", run._describe())

    def test_time_that_runs_backwards(self):
        order = self._create_order()
        self._bring_to_status(order, "pending")
        early = fields.Datetime.subtract(fields.Datetime.now(), days=3)
        with patch.object(fields.Datetime, "now", lambda: early):
            order.customer_approval_request_id.sudo()._decide(
                Answer("approved", "Ada", "link")
            )
        self.assertIn("its time runs backwards", "".join(self._verify(order)))

    def test_nobody_writes_what_was_found(self):
        runs = self.env["customer.approval.verification"]
        run = runs.sudo()._start()
        for call in (
            lambda: runs.create({"started_on": fields.Datetime.now()}),
            lambda: run.write({"problem_count": 0}),
            run.unlink,
        ):
            with self.assertRaises(UserError):
                call()
