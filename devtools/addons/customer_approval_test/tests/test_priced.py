# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from .common import Joins


@tagged("post_install", "-at_install")
class TestPriced(Joins, HttpCase):
    """Priced lines, a total and a currency that are no columns."""

    name = "customer.approval.test.priced"
    stage_state = "done"
    difference = "Unit price: .*10.*→.*12"
    shown = "Board"

    @classmethod
    def _create(cls, **values):
        return cls.env[cls.name].create(
            {
                "name": "Shed",
                "partner_id": cls.partner.id,
                "user_id": cls.user.id,
                "line_ids": [
                    Command.create(
                        {"name": "Board, oiled", "quantity": 3, "price_unit": 10}
                    )
                ],
                **values,
            }
        )

    def _change(self, document):
        document.line_ids.price_unit = 12

    def test_each_field_of_a_line_is_locked(self):
        document = self._create()
        self._bring_to_status(document, "approved")
        for name, value in (
            ("price_unit", 9999),
            ("quantity", 4),
            ("discount", -10),
            ("name", "Air"),
            ("product_id", self.env["product.product"].search([], limit=1).id),
            ("tax_ids", [Command.set(self.env["account.tax"].search([], limit=1).ids)]),
        ):
            with self.subTest(name), self._refused("cannot be changed"):
                document.line_ids.write({name: value})

    def test_content_that_is_none_elsewhere(self):
        """Who takes care of it is content where the model says so."""
        document = self._create()
        self._bring_to_status(document, "approved")
        with self._refused("cannot be changed"):
            document.user_id = self.env.user

    def test_the_total_is_asked(self):
        document = self._create()
        request = self._bring_to_status(document, "pending")
        self.assertEqual(request.amount_total, 30)
        self.assertTrue(request.has_amount)
