# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from psycopg2.errors import CheckViolation

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..common import ApprovalCommon
from .test_database import DatabaseMixin
from .test_evidence import EvidenceMixin


@tagged("post_install", "-at_install")
class TestCopiesOfAState(DatabaseMixin, EvidenceMixin, ApprovalCommon):
    """Odoo invoices and delivers by a line's copy of its document's state."""

    def setUp(self):
        super().setUp()
        self.order = self._create_order()
        self.line = self.order.order_line[0]

    def test_which_they_are(self):
        for name, fields in DERIVED.items():
            self.assertLessEqual(fields, self.env[name]._get_derived_fields(), name)

    def test_written(self):
        for values in (
            {"state": "sale"},
            {"qty_to_invoice": 5},
            {"invoice_status": "to invoice"},
            {"price_total": 1},
            {"state": "sale", "product_uom_qty": 7},
        ):
            with (
                self.subTest(values),
                self._refused("cannot be written"),
            ):
                self.line.write(values)
        self.env.invalidate_all()
        self.assertEqual(self.line.state, "draft")
        self.line.write({"state": "draft"})  # as it is
        with self._refused("cannot be written"):
            self.order.write({"amount_total": 1})

    def test_created(self):
        vals = {"product_id": self.line.product_id.id, "order_id": self.order.id}
        with self._refused("cannot be written"):
            self.line.create({**vals, "state": "sale"})
        line = self.line.with_context(default_state="sale").create(vals)
        self.assertEqual(line.state, "draft", "it has no default")
        with self._refused("cannot be written"):
            self.order.write(
                {"order_line": [Command.update(self.line.id, {"state": "sale"})]}
            )
        result = self.line.load([".id", "state"], [[str(self.line.id), "Sales Order"]])
        self.assertIn("cannot be written", str(result["messages"]))

    def test_invoice(self):
        self.invoice_posted.requires_customer_approval = True
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_line_ids": [Command.create({"name": "x", "price_unit": 5})],
            }
        )
        line = invoice.invoice_line_ids
        for values in ({"parent_state": "posted"}, {"parent_state": "cancel"}):
            with self._refused("cannot be written"):
                line.write(values)
        with self._refused("cannot be written"):
            line.copy({"parent_state": "cancel", "move_id": invoice.id})

    def test_where_nothing_is_asked_for(self):
        """Odoo is left alone."""
        self.env["customer.approval.stage"].search([]).write(
            {"requires_customer_approval": False}
        )
        self.line.write({"qty_to_invoice": 5})
        self.assertEqual(self.line.qty_to_invoice, 5)

    def test_database(self):
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(CheckViolation, "state of a line"),
            self.cr.savepoint(flush=False),
        ):
            self.cr.execute(
                "UPDATE sale_order_line SET state = 'sale' WHERE id = %s",
                [self.line.id],
            )
            self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def test_verify(self):
        self.env.flush_all()
        self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self.cr.execute(
            "ALTER TABLE sale_order_line DISABLE TRIGGER customer_approval_copied;"
            "UPDATE sale_order_line SET state = 'sale' WHERE id = %s",
            [self.line.id],
        )
        self.env.invalidate_all()
        self.assertIn(
            f"sale.order.line,{self.line.id}: its copy of the document's state",
            "".join(self._verify_all()),
        )

    def test_confirmed(self):
        """Odoo's own way goes on: lines follow."""
        self._bring_to_status(self.order, "approved")
        self.order.action_confirm()
        self.env.flush_all()
        self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self.assertEqual(self.line.state, "sale")

    def test_cancelled_orders_cover_nothing(self):
        self.invoice_posted.requires_customer_approval = True
        self._bring_to_status(self.order, "approved")
        self.order.action_confirm()
        invoice = self.order._create_invoices()
        self.assertEqual(invoice._cover_by_orders(), invoice)
        self.order._action_cancel()
        self.assertFalse(invoice.exists() and invoice._cover_by_orders())


# What of lines and documents follows from others, and Odoo reads as the truth.
DERIVED = {
    "sale.order.line": {
        "company_id",
        "currency_id",
        "invoice_status",
        "price_subtotal",
        "price_tax",
        "price_total",
        "qty_invoiced",
        "qty_to_invoice",
        "salesman_id",
        "state",
        "untaxed_amount_to_invoice",
    },
    "account.move.line": {
        "amount_residual",
        "company_id",
        "date",
        "journal_id",
        "parent_state",
        "price_subtotal",
        "price_total",
        "reconciled",
    },
    "sale.order": {"amount_total", "amount_untaxed", "currency_rate", "invoice_status"},
    "account.move": {"amount_residual", "amount_tax", "amount_untaxed"},
}
