# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Evidence that was made long ago still verifies: see ``golden/README.md``."""

import copy
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

from odoo.tests import BaseCase, TransactionCase, tagged

from ...tools import ledger
from ..shown import read

GOLDEN = pathlib.Path(__file__).parent / "golden"
FORMATS = (1, 2, 3)


@tagged("post_install", "-at_install")
class TestGolden(BaseCase):
    def _read_ledger(self, number):
        path = GOLDEN / f"format_{number}" / "ledger.json.gz"
        return json.loads(gzip.decompress(path.read_bytes()))

    def _run(self, *arguments):
        return subprocess.run(
            [sys.executable, "-I", "-B", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    def test_ledgers(self):
        for number in FORMATS:
            data = self._read_ledger(number)
            with self.subTest(format=number):
                self.assertEqual(
                    {ledger.format_of(row["digest"]) for row in data["requests"]},
                    {number},
                )
                self.assertEqual(ledger.check_ledger(data), [])

    def test_what_is_altered_is_found(self):
        for number in FORMATS:
            data = self._read_ledger(number)
            decided = [row for row in data["requests"] if row["decided_on"]]
            for name, value in (
                ("conditions", "None"),
                ("amount_total", "1"),
                ("consent", "Yes"),
                ("content", {**decided[0]["content"], "digits": {}}),
            ):
                altered = copy.deepcopy(data)
                ids = [row["id"] for row in altered["requests"]]
                altered["requests"][ids.index(decided[0]["id"])][name] = value
                with self.subTest(format=number, field=name):
                    self.assertTrue(ledger.check_ledger(altered))

    def test_bundles(self):
        for path in sorted(GOLDEN.glob("*/*.zip")):
            with tempfile.TemporaryDirectory() as folder:
                with zipfile.ZipFile(path) as archive:
                    archive.extractall(folder)
                then = self._run(pathlib.Path(folder, "verify.py"))
                now = self._run(ledger.__file__, path)
            for when, result in (("then", then), ("now", now)):
                with self.subTest(bundle=path.name, verify=when):
                    self.assertEqual(result.returncode, 0, result.stdout)
                    self.assertIn("Everything fits together", result.stdout)

    def _check(self, files):
        try:
            return ledger.check_bundle(files.__getitem__, list(files))[1]
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            return [repr(error)]

    def _open(self, path):
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def _alter(self, value):
        """Each value changed, something written beside it, or taken away."""
        if isinstance(value, dict):
            yield {**value, "x": 1}
        elif isinstance(value, list):
            yield [*value, 1]
        else:
            yield value + 1 if isinstance(value, int) else f"{value}x"
        if not isinstance(value, (dict, list)):
            return
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in list(parts):
            for changed in self._alter(part):
                other = copy.copy(value)
                other[key] = changed
                yield other
            if isinstance(value, dict):
                yield {name: own for name, own in value.items() if name != key}

    def test_every_value_of_bundles_that_are_not_sealed(self):
        """Of before format 3: also what nobody looks at cannot be written there."""
        count = 0
        for path in ("1/CA00017", "1/CA00018", "2/CA00015", "2/CA00021"):
            files = self._open(GOLDEN / f"format_{path}.zip")
            plain = json.loads(files["evidence.json"])
            for changed in self._alter(plain):
                data = ledger.write_plain(changed)
                problems = self._check({**files, "evidence.json": data})
                self.assertTrue(problems, path)
                count += 1
            # Said twice: another program may take the first.
            data = files["evidence.json"].replace(b"{", b'{\n "events": [],', 1)
            self.assertTrue(self._check({**files, "evidence.json": data}))
        self.assertGreater(count, 2000)

    def test_the_first_bundles(self):
        """They had neither people who are asked nor a rule."""
        files = self._open(GOLDEN / "format_1" / "CA00018.zip")
        plain = json.loads(files["evidence.json"])
        for request in plain["requests"]:
            for name in (*ledger.NEW_IN_2, "approvers"):
                del request[name]
        files["evidence.json"] = ledger.write_plain(plain)
        self.assertEqual(self._check(files), [])

    def test_a_seal_is_written_in_one_way(self):
        files = self._open(GOLDEN / "format_3" / "CA00019.zip")
        self.assertEqual(self._check(files), [])
        plain = json.loads(files["evidence.json"])
        seal = plain["seal"]
        for other in (
            {**seal, "note": "genuine"},
            {**seal, "seal": f"0{seal['seal']}"},
            {**seal, "seal": f" {seal['seal']}"},
            {**seal, "seal": seal["seal"].translate({49: 0x661})},
        ):
            data = ledger.write_plain({**plain, "seal": other})
            self.assertTrue(self._check({**files, "evidence.json": data}), other)


@tagged("post_install", "-at_install")
class TestGoldenContent(TransactionCase):
    """What was asked long ago is still shown, in whatever format it is kept."""

    def test_rendered(self):
        requests = self.env["customer.approval.request"]
        euro = self.env.ref("base.EUR")
        for number in FORMATS:
            path = GOLDEN / f"format_{number}" / "ledger.json.gz"
            rows = json.loads(gzip.decompress(path.read_bytes()))["requests"]
            for row in rows:
                content = row["content"]
                if not content:
                    continue
                with self.subTest(format=number, request=row["id"]):
                    html = requests._render_content(content, euro, "en_US", "UTC")
                    text = read(html)
                    flat = ledger.flat(content)
                    for line in flat["lines"]:
                        words = " ".join(line["description"].split())
                        self.assertIn(words, text)
                    total = euro.format(float(flat["totals"]["total"]))
                    self.assertIn(" ".join(total.split()), text)
                    changes = requests.new(
                        {"content": content, "currency_id": euro.id}
                    )._render_changes(
                        {"lines": {"added": flat["lines"]}},
                        requests.new({"content": content}),
                    )
                    self.assertTrue(read(changes))
