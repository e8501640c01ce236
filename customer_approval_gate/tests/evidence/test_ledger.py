# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Digests, chains, checkpoints and differences: plain Python, without a database."""

import copy
import json
import locale
import os
import pathlib
import subprocess
import sys

from hypothesis import HealthCheck, given, settings, strategies as st

from odoo.tests import BaseCase, tagged

from ...tools import ledger, seal
from ...tools.content import (
    apply_difference,
    changes_that_matter,
    difference,
    is_same_scope,
    is_typo,
    normalized,
)

TEXT = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"),
    max_size=12,
)
AMOUNT = st.decimals(0, 9999, places=2).map(str)
RELATED = st.one_of(
    st.none(), st.fixed_dictionaries({"id": st.integers(1, 5), "text": TEXT})
)
LINE = st.fixed_dictionaries(
    {
        "line_id": st.integers(1, 9),
        "kind": st.just("product"),
        "description": TEXT,
        "product": st.fixed_dictionaries({"id": st.integers(1, 4), "text": TEXT}),
        "quantity": AMOUNT,
        "unit": RELATED,
        "unit_price": AMOUNT,
        "discount": AMOUNT,
        "taxes": st.lists(
            st.fixed_dictionaries({"id": st.integers(1, 3), "text": TEXT}), max_size=2
        ),
        "subtotal": AMOUNT,
        "total": AMOUNT,
    }
)
FILE = st.fixed_dictionaries(
    {"name": TEXT, "size": st.integers(0, 99), "sha256": st.sampled_from("abc")}
)
CONTENT = st.fixed_dictionaries(
    {
        "header": st.fixed_dictionaries(
            {
                "partner": RELATED,
                "payment_term": RELATED,
                "terms": st.one_of(st.none(), TEXT),
                "delivery_date": st.one_of(st.none(), TEXT),
            }
        ),
        "lines": st.lists(LINE, max_size=5),
        "totals": st.fixed_dictionaries(
            {"untaxed": AMOUNT, "tax": AMOUNT, "total": AMOUNT}
        ),
        "files": st.lists(FILE, max_size=2, unique_by=lambda file: file["sha256"]),
    }
)
STRICT = {
    "percent": "0",
    "amount": "0",
    "lower": False,
    "typos": False,
    "delivery_date": False,
}
quick = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def shuffled(value):
    """The same data, its keys in another order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(list(value))}
    if isinstance(value, list):
        return [shuffled(part) for part in value]
    return value


@tagged("post_install", "-at_install")
class TestDigests(BaseCase):
    @quick
    @given(CONTENT)
    def test_order_of_keys(self, content):
        other = shuffled(content)
        self.assertEqual(ledger.digest(content), ledger.digest(other))
        self.assertEqual(ledger.canonical(content), ledger.canonical(other))

    @quick
    @given(CONTENT, st.randoms())
    def test_order_of_lines(self, content, random):
        other = copy.deepcopy(content)
        random.shuffle(other["lines"])
        for number, line in enumerate(other["lines"]):
            line["line_id"] = 100 + number
        self.assertEqual(ledger.scope_digest(content), ledger.scope_digest(other))
        self.assertEqual(difference(content, other), {})

    @quick
    @given(CONTENT)
    def test_survives_the_database(self, content):
        """As PostgreSQL's jsonb: through text, keys reordered."""
        again = json.loads(json.dumps(shuffled(content)))
        self.assertEqual(ledger.digest(content), ledger.digest(again))

    def test_other_process_and_locale(self):
        content = {"a": "Ünïcödé ₤ 1.234,50", "b": ["1234.50", None, True]}
        code = (
            "import sys, json, locale; sys.path.insert(0, sys.argv[1]); import ledger;"
            "locale.setlocale(locale.LC_ALL, '');"
            "print(ledger.digest(json.loads(sys.argv[2])))"
        )
        folder = str(pathlib.Path(ledger.__file__).parent)
        # Whatever Pythons there are: the digest is the same on all of them.
        pythons = {sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"}
        for python in sorted(path for path in pythons if os.path.exists(path)):
            for lang in ("C", "C.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8"):
                with self.subTest(python=python, lang=lang):
                    try:
                        result = subprocess.run(
                            [python, "-c", code, folder, json.dumps(content)],
                            env={"LC_ALL": lang, "PYTHONHASHSEED": "random"},
                            check=True,
                            capture_output=True,
                            text=True,
                        )
                    except subprocess.CalledProcessError as error:
                        # The locale is not installed here.
                        self.assertIn("locale.Error", error.stderr)
                        continue
                    self.assertEqual(result.stdout.strip(), ledger.digest(content))
        self.assertTrue(locale.getlocale())

    def test_format_of_tomorrow(self):
        """What was digested today is verified after the format has changed."""
        content = {"a": "1.00"}
        today = ledger.digest(content)
        ledger.FORMATS[4] = lambda value: b"3" + ledger.canonical(value)
        try:
            tomorrow = ledger.digest(content, 4)
            self.assertTrue(tomorrow.startswith("4:"))
            self.assertTrue(ledger.is_digest_of(today, content))
            self.assertTrue(ledger.is_digest_of(tomorrow, content))
            self.assertFalse(ledger.is_digest_of(today, {"a": "1.01"}))
        finally:
            del ledger.FORMATS[4]
        self.assertFalse(ledger.is_digest_of(tomorrow, content), "unknown format")
        for nonsense in (None, "", "1", ":", "x:y", "1:abc"):
            self.assertFalse(ledger.is_digest_of(nonsense, content))

    def test_format_of_yesterday(self):
        """What was approved in the first format is the same today."""
        old = {
            "header": {"partner": {"id": 3, "text": "Ada"}},
            "lines": [
                {
                    "line_id": 1,
                    "quantity": "2.00",
                    "unit_price": "10.50",
                    "discount": "0.00",
                    "taxes": [{"id": 1, "text": "15%"}],
                }
            ],
            "totals": {"total": "21.00"},
        }
        line = {"line_id": 1, "quantity": "2", "unit_price": "10.5", "discount": "0"}
        line["taxes"] = [{"id": 1, "text": "15%", "rate": "15"}]
        new = {
            "format": ledger.FORMAT,
            "header": {"partner": {"id": 3, "text": "Ada"}, "incoterm": None},
            "lines": [{**line, "lead_days": "3.00"}],
            "totals": {"total": "21.00"},
            "files": [],
        }
        self.assertTrue(is_same_scope(old, new))
        self.assertEqual(difference(old, new), {}, "nothing that old ones could say")
        new["lines"][0]["unit_price"] = "10.51"
        self.assertFalse(is_same_scope(old, new))


@tagged("post_install", "-at_install")
class TestDifference(BaseCase):
    @quick
    @given(CONTENT)
    def test_with_itself(self, content):
        self.assertEqual(difference(content, copy.deepcopy(content)), {})
        self.assertEqual(changes_that_matter(content, content, STRICT), [])

    @quick
    @given(CONTENT, CONTENT)
    def test_applied_it_gives_the_other(self, old, new):
        changes = difference(old, new)
        self.assertEqual(normalized(apply_difference(old, changes)), normalized(new))
        self.assertEqual(
            ledger.canonical(json.loads(json.dumps(changes))), ledger.canonical(changes)
        )

    @quick
    @given(CONTENT, CONTENT)
    def test_every_change_matters_by_default(self, old, new):
        """What is another scope is never tolerated by a company that tolerates
        nothing, and what is the same never matters."""
        same = ledger.scope_digest(old) == ledger.scope_digest(new)
        self.assertEqual(not changes_that_matter(old, new, STRICT), same)

    def _content(self, *lines, **header):
        total = sum(float(line["total"]) for line in lines)
        return {
            "header": header,
            "lines": list(lines),
            "totals": {"untaxed": "0.00", "tax": "0.00", "total": f"{total:.2f}"},
        }

    def _line(self, price, quantity="1.00", **values):
        total = f"{float(price) * float(quantity):.2f}"
        return {
            "line_id": 1,
            "kind": "product",
            "description": "Oak table, 2 m",
            "product": {"id": 1, "text": "Table"},
            "quantity": quantity,
            "unit": None,
            "unit_price": price,
            "discount": "0.00",
            "taxes": [],
            "subtotal": total,
            "total": total,
            **values,
        }

    def test_what_is_said_of_a_line(self):
        old = self._content(self._line("100.00"))
        new = self._content(self._line("120.00"), self._line("5.00", line_id=2))
        changes = difference(old, new)
        self.assertEqual(
            changes["lines"]["changed"][0]["fields"],
            ["subtotal", "total", "unit_price"],
        )
        self.assertEqual(len(changes["lines"]["added"]), 1)
        self.assertEqual(changes["totals"]["total"], ["100.00", "125.00"])

    def _matters(self, old, new, **policy):
        return changes_that_matter(old, new, {**STRICT, **policy})

    def test_tolerance(self):
        old = self._content(self._line("100.00"))
        new = self._content(self._line("105.00"))
        self.assertIn("higher_total", self._matters(old, new))
        self.assertEqual(self._matters(old, new, percent="5"), [])
        self.assertIn("higher_total", self._matters(old, new, percent="4.9"))
        self.assertEqual(self._matters(old, new, amount="5.00"), [])
        # Where both are set, both have to be kept.
        self.assertTrue(self._matters(old, new, percent="5", amount="4.00"))
        self.assertIn("lower_total", self._matters(new, old, percent="5"))
        self.assertEqual(self._matters(new, old, lower=True), [])

    def test_line_by_line(self):
        """A higher price here is not made good by a lower one there."""
        old = self._content(self._line("100.00"), self._line("100.00", line_id=2))
        new = self._content(self._line("150.00"), self._line("50.00", line_id=2))
        policy = {"percent": "5", "lower": True}
        self.assertIn("higher_total", self._matters(old, new, **policy))

    def test_less_for_more(self):
        old = self._content(self._line("100.00", "2.00"))
        new = self._content(self._line("150.00", "1.00"))
        self.assertIn("less_for_more", self._matters(old, new, lower=True))

    def test_what_no_tolerance_covers(self):
        old = self._content(self._line("100.00"))
        policy = {
            "percent": "50",
            "lower": True,
            "typos": True,
            "delivery_date": True,
        }
        for reason, new in (
            ("product", self._content(self._line("100.00", product={"id": 2}))),
            ("unit", self._content(self._line("100.00", unit={"id": 2, "text": "m"}))),
            ("taxes", self._content(self._line("100.00", taxes=[{"id": 1}]))),
            ("line_added", self._content(*old["lines"], self._line("1.00", line_id=2))),
            ("line_removed", self._content()),
            ("terms", self._content(self._line("100.00"), terms="Other")),
        ):
            with self.subTest(reason):
                self.assertIn(reason, self._matters(old, new, **policy))

    def test_typos_and_dates(self):
        old = self._content(self._line("1.00"), delivery_date="2026-12-01 10:00:00")
        new = self._content(
            self._line("1.00", description="Oak table, 2 m."), delivery_date=None
        )
        self.assertEqual(self._matters(old, new), ["delivery_date", "description"])
        policy = {"typos": True, "delivery_date": True}
        self.assertEqual(self._matters(old, new, **policy), [])
        self.assertTrue(is_typo("A robust oak tabel", "A robust oak table"))
        self.assertFalse(is_typo("Oak table, 2 m", "Oak table, 3 m"))
        self.assertFalse(is_typo("Oak table", "Pine table"))


@tagged("post_install", "-at_install")
class TestChains(BaseCase):
    def _chain(self, length=4, res_id=7):
        events, previous = [], None
        for position in range(1, length + 1):
            event = {name: None for name in ledger.EVENT_FIELDS_3}
            event |= {
                "id": 10 * position + res_id,
                "res_model": "sale.order",
                "res_id": res_id,
                "kind": "opened",
                "occurred_on": "2026-01-01 00:00:00",
                "user_id": 1,
                "nonce": f"{res_id}{position}",
                "position": position,
                "xact": "7",
                "previous_hash": previous,
                "seal": None,
                "key_id": None,
            }
            event["entry_digest"] = ledger.entry_digest(event)
            event["hash"] = previous = ledger.chain_hash(event)
            events.append(event)
        return events

    def test_intact(self):
        self.assertEqual(ledger.check_chain(self._chain(), {}), [])
        self.assertEqual(ledger.check_chain([], {}), [])

    def test_names_the_first_row_that_does_not_fit(self):
        for name in self._chain()[1]:
            events = self._chain()
            value = events[1][name]
            events[1][name] = value + 1 if isinstance(value, int) else "forged"
            problems = ledger.check_chain(events, {})
            self.assertTrue(problems, name)
            self.assertEqual(len(problems), 1)
        events = self._chain()
        del events[1]
        self.assertIn("position 2 is missing", ledger.check_chain(events, {})[0])
        events = self._chain()
        events.append({**events[1], "id": 99})
        self.assertTrue(ledger.check_chain(events, {}))
        events = self._chain()
        events[1]["position"], events[2]["position"] = 3, 2
        self.assertTrue(ledger.check_chain(events, {}))

    def test_seal_is_needed(self):
        """Somebody who computes all digests anew has no key."""
        events = self._chain(1)
        events[0]["kind"] = "decided"
        events[0]["entry_digest"] = ledger.entry_digest(events[0])
        events[0]["hash"] = ledger.chain_hash(events[0])
        self.assertIn("not genuine", ledger.check_chain(events, {})[0])

    def test_merkle(self):
        for count in range(0, 9):
            leaves = [ledger.sha256(str(number)) for number in range(count)]
            root = ledger.merkle_root(leaves)
            self.assertEqual(root, ledger.merkle_root(reversed(leaves)))
            for leaf in leaves:
                path = ledger.merkle_path(leaves, leaf)
                self.assertEqual(ledger.merkle_climb(leaf, path), root)
                self.assertNotEqual(ledger.merkle_climb("0" * 64, path), root)

    def test_checkpoints(self):
        def checkpoint(position, events, previous):
            heads = {}
            for event in sorted(events, key=lambda event: event["id"]):
                heads[event["res_id"]] = ledger.head_leaf(event)
            row = {
                "position": position,
                "made_on": "2026-01-01 00:00:00",
                "last_event_id": max(event["id"] for event in events),
                "chain_count": len(heads),
                "root": ledger.merkle_root(heads.values()),
                "previous_hash": previous and previous["hash"],
                "hash": "of before format 3",
            }
            row["hash"] = ledger.checkpoint_hash(row)
            row["seal"], row["key_id"] = seal.make_seal(row["hash"])
            return row

        events = self._chain() + self._chain(3, res_id=8)
        early = [event for event in events if event["id"] < 30]
        first = checkpoint(1, early, None)
        rows = [first, checkpoint(2, events, first)]
        keys = dict([seal.get_public_key()])
        self.assertEqual(ledger.check_checkpoints(rows, keys), [])
        self.assertTrue(ledger.check_checkpoints(rows, {}))
        self.assertEqual(ledger.check_roots(rows, events), [])
        rewritten = [event for event in events if event["id"] != 27]
        self.assertIn("checkpoint 1", ledger.check_roots(rows, rewritten)[0])
        self.assertTrue(ledger.check_checkpoints(rows[1:], keys))
        forged = [{**first, "root": "0"}, rows[1]]
        self.assertTrue(ledger.check_checkpoints(forged, keys))
