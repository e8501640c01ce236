# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from psycopg2.errors import CheckViolation

from odoo.tests import tagged
from odoo.tools import mute_logger

from .test_advance import AdvanceCommon


@tagged("post_install", "-at_install")
class TestFromAmount(AdvanceCommon):
    """Large orders: below an amount the gate does not apply."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.production.write(
            {"requires_customer_approval": True, "approval_from_amount": 1000}
        )

    def _order(self, price, **values):
        order = self._create_order(**values)
        order.order_line.write(
            {"price_unit": price, "product_uom_qty": 1, "tax_ids": False}
        )
        self.env.flush_all()
        return order

    def test_small_orders_pass(self):
        order = self._order(999.99)
        self.assertFalse(order.customer_approval_banner)
        self.assertFalse(order._has_approval_gates())
        order.action_confirm()
        self.env.flush_all()
        self.assertEqual(order.stage_id, self.production)
        self.assertFalse(order.customer_approval_missing)
        self.assertNotIn(
            order,
            self.env["sale.order"].search([("customer_approval_missing", "=", True)]),
        )
        self.assertFalse(self.env["sale.order"]._find_evidence_problems())
        self.assertFalse(self.env["customer.approval.stage"]._find_evidence_problems())

    def test_large_orders_are_asked(self):
        order = self._order(1000)
        with self._refused("customer approval is required"):
            order.action_confirm()
        self._bring_to_status(order, "approved")
        order.action_confirm()
        self.env.flush_all()
        self.assertEqual(order.state, "sale")

    def test_order_that_grows_before_the_gate(self):
        order = self._order(900)
        order.stage_id = self.pending_stage
        self.assertFalse(order.customer_approval_banner)
        order.order_line.price_unit = 1100
        self.assertEqual(order.customer_approval_banner, "request")
        self.assertEqual(order.blocked_by, "approval")
        with self._refused("customer approval is required"):
            order.action_confirm()

    def test_order_that_grows_behind_the_gate(self):
        order = self._order(900)
        order.action_confirm()
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation) as catcher,
            self.env.cr.savepoint(),
        ):
            order.order_line.price_unit = 1100
            self.env.flush_all()
        self.assertIn("customer's approval", str(catcher.exception))
        self.env.invalidate_all()
        self.assertEqual(order.amount_total, 900)
        order.order_line.price_unit = 950
        self.env.flush_all()
        # What is to be added is asked for on its own, and counts with the rest.
        change = order._create_change_order()
        change.order_line = [
            (0, 0, {"product_id": self.product.id, "price_unit": 100, "tax_ids": False})
        ]
        self.env.flush_all()
        with self._refused("customer approval is required"):
            change.action_confirm()

    def test_database_knows_the_amount(self):
        order = self._order(1100)
        for query in (
            "UPDATE sale_order SET stage_id = %s WHERE id = %s",
            # Nor by a smaller total, while the lines say more.
            "UPDATE sale_order SET amount_total = 0, stage_id = %s WHERE id = %s",
        ):
            with (
                mute_logger("odoo.sql_db"),
                self.assertRaises(CheckViolation) as catcher,
                self.env.cr.savepoint(),
            ):
                self.env.cr.execute(query, [self.production.id, order.id])
            self.assertIn("customer approval is required", str(catcher.exception))
        small = self._order(900)
        self.env.cr.execute(
            "UPDATE sale_order SET stage_id = %s WHERE id = %s",
            [self.production.id, small.id],
        )
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation) as catcher,
            self.env.cr.savepoint(),
        ):
            self.env.cr.execute(
                "UPDATE sale_order SET amount_total = 5000 WHERE id = %s", [small.id]
            )
        self.assertIn("With so large a total", str(catcher.exception))

    def test_totals_that_somebody_wrote_count_nothing(self):
        order = self._order(50000).with_user(self.salesperson)
        with self._refused("cannot be written"):
            order.order_line.write({"price_total": 1, "price_subtotal": 1})
        with self._refused("cannot be written"):
            order.write({"amount_total": 1, "amount_untaxed": 1})
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE sale_order_line SET price_total = 1, price_subtotal = 1"
            " WHERE order_id = %s;"
            "UPDATE sale_order SET amount_total = 1, amount_untaxed = 1 WHERE id = %s",
            [order.id, order.id],
        )
        self.env.invalidate_all()
        with self._refused("customer approval is required"):
            order.action_confirm()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation),
            self.env.cr.savepoint(),
        ):
            self.env.cr.execute(
                "UPDATE sale_order_line SET price_total = 1 WHERE order_id = %s;"
                "UPDATE sale_order SET amount_total = 1, stage_id = %s WHERE id = %s",
                [order.id, self.production.id, order.id],
            )

    def test_rate_that_somebody_wrote_counts_nothing(self):
        self.invoice_posted.write(
            {"requires_customer_approval": True, "approval_from_amount": 1000}
        )
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_line_ids": [
                    (0, 0, {"name": "Work", "price_unit": 5000, "tax_ids": False})
                ],
            }
        )
        invoice.invoice_currency_rate = 1e6
        with self._refused("customer approval is required"):
            invoice.action_post()

    def test_change_order_stays_one(self):
        order = self._order(900)
        order.action_confirm()
        change = order._create_change_order()
        with self._refused("stays one of the order it changes"):
            change.with_user(self.salesperson).customer_approval_parent_id = False
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation),
            self.env.cr.savepoint(),
        ):
            self.env.cr.execute(
                "UPDATE sale_order SET customer_approval_parent_id = NULL"
                " WHERE id = %s",
                [change.id],
            )

    def test_company_currency(self):
        currency = self.env["res.currency"].create(
            {"name": "XYZ", "symbol": "X", "rounding": 0.01}
        )
        self.env["res.currency.rate"].create(
            {
                "name": "2020-01-01",
                "currency_id": currency.id,
                "company_id": self.env.company.id,
                "rate": 10,
            }
        )
        pricelist = self.env["product.pricelist"].create(
            {"name": "X", "currency_id": currency.id}
        )
        order = self._order(9990, pricelist_id=pricelist.id)
        self.assertEqual(order.currency_id, currency)
        order.action_confirm()
        self.env.flush_all()
        order = self._order(10000, pricelist_id=pricelist.id)
        with self._refused("customer approval is required"):
            order.action_confirm()

    def test_lower_amount_is_logged_and_logged_only(self):
        event = self.env["customer.approval.event"].search(
            [("kind", "=", "stage_configured"), ("res_id", "=", self.production.id)],
            limit=1,
        )
        self.assertEqual(
            event.details["changes"]["approval_from_amount"], [None, "1000"]
        )
        self.env.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self.production.approval_from_amount = 1500.5
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation),
            self.env.cr.savepoint(),
        ):
            self.env.cr.execute(
                "UPDATE customer_approval_stage SET approval_from_amount = 99999"
                " WHERE id = %s",
                [self.production.id],
            )
