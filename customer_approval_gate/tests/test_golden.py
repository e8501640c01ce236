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

from odoo.tests import BaseCase, tagged

from ..tools import ledger

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
