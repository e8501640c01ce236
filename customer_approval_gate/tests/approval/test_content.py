# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import copy

from odoo.tests import BaseCase, tagged

from ...tools.content import related
from ...tools.ledger import canonical, digest, scope_digest

CONTENT = {
    "document": {"model": "sale.order", "id": 7, "name": "S00007"},
    "header": {"partner": {"id": 3, "text": "Ada"}, "payment_term": None},
    "lines": [
        {
            "line_id": 1,
            "kind": "product",
            "description": "Table",
            "unit_price": "10.00",
            "taxes": [{"id": 1, "text": "15%"}],
        },
        {"line_id": 2, "kind": "line_note", "description": "Oak"},
    ],
    "totals": {"untaxed": "10.00", "tax": "1.50", "total": "11.50"},
}


@tagged("post_install", "-at_install")
class TestContent(BaseCase):
    def test_canonical_does_not_depend_on_the_order_of_keys(self):
        shuffled = {key: CONTENT[key] for key in reversed(CONTENT)}
        self.assertEqual(canonical(CONTENT), canonical(shuffled))

    def test_canonical_is_ascii(self):
        self.assertEqual(canonical({"a": "Ü"}), b'{"a":"\\u00dc"}')

    def test_floats_are_refused(self):
        with self.assertRaises(TypeError):
            canonical({"price": 1.5})
        with self.assertRaises(TypeError):
            canonical({1: "one"})

    def test_digest_names_its_format(self):
        self.assertRegex(digest(CONTENT), r"^3:[0-9a-f]{64}$")

    def test_known_digest(self):
        """Digests of yesterday must be those of tomorrow."""
        self.assertEqual(
            digest({"a": ["1.00", None, True]}, 1),
            "1:b26db729ce44aab5dc579735f03a221dd7ee1404133d4a7adc2556bb2f2c19ae",
        )

    def _changed(self, change):
        content = copy.deepcopy(CONTENT)
        change(content)
        return scope_digest(content)

    def test_scope_ignores_names_and_order(self):
        same = scope_digest(CONTENT)

        def rename(content):
            content["header"]["partner"]["text"] = "Ada Lovelace"
            content["lines"][0]["taxes"][0]["text"] = "VAT"

        self.assertEqual(self._changed(rename), same)
        self.assertEqual(self._changed(lambda c: c["lines"].reverse()), same)
        self.assertEqual(self._changed(lambda c: c["lines"][0].update(line_id=9)), same)
        self.assertEqual(self._changed(lambda c: c["document"].update(name="S8")), same)

    def test_scope_sees_every_change_of_scope_and_price(self):
        same = scope_digest(CONTENT)
        for change in (
            lambda c: c["header"]["partner"].update(id=4),
            lambda c: c["header"].update(payment_term=related(1, "30 days")),
            lambda c: c["lines"][0].update(unit_price="10.01"),
            lambda c: c["lines"][0].update(description="Chair"),
            lambda c: c["lines"][0].update(taxes=[]),
            lambda c: c["lines"].pop(),
            lambda c: c["lines"].append(copy.deepcopy(c["lines"][1])),
            lambda c: c["totals"].update(total="11.51"),
        ):
            self.assertNotEqual(self._changed(change), same)

    def test_related(self):
        self.assertEqual(related(3, "Ada"), {"id": 3, "text": "Ada"})
        self.assertIsNone(related(False, "Nobody"))
