# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

from psycopg2.errors import UniqueViolation

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from ...tools.event_data import Answer
from .test_approval import ApprovalCase


@tagged("post_install", "-at_install")
class TestApprovalChange(ApprovalCase):
    def test_change_of_anything_else_does_nothing(self):
        request = self._request()
        self.order.write({"client_order_ref": self.order.client_order_ref})
        self.order.user_id = self.env.user
        self.order.message_post(body="A note")
        self.order.order_line[0].sequence = 99
        self.order.order_line[0].write(
            {"price_unit": self.order.order_line[0].price_unit}
        )
        self.partner.phone = "+1 555 0100"
        self.assertEqual(request.state, "pending")

    def test_change_of_conditions_to_accept(self):
        request = self._request()
        request._decide(Answer("approved_conditions", "Ada", "link", conditions="Blue"))
        self.order.order_line[0].price_unit += 1
        self.assertEqual(request.state, "approved_conditions", "what was said is said")
        self.assertTrue(request.lapsed_on)
        self.assertEqual(self.order.customer_approval_status, "not_required")
        self.order.order_line[0].price_unit -= 1
        with self.assertRaises(UserError):
            self.order.stage_id = self.production

    def test_change_past_the_gate_is_refused(self):
        self._bring_to_status(self.sale_order, "approved")
        self.order.stage_id = self.production
        with self.assertRaisesRegex(UserError, "Ada Approver approved version 1"):
            self.order.order_line[0].price_unit += 1
        with self.assertRaisesRegex(UserError, "Ada Approver approved version 1"):
            self.order.order_line = [Command.create({"product_id": self.product.id})]
        with self.assertRaises(UserError):
            self.order.order_line[0].unlink()
        self.assertEqual(self.order.customer_approval_status, "approved")

    def test_change_in_the_same_write_as_the_move(self):
        self._bring_to_status(self.sale_order, "approved")
        line = self.order.order_line[0]
        command = [Command.update(line.id, {"price_unit": 9999})]
        for values in (
            {"stage_id": self.production.id, "order_line": command},
            {"state": "sale", "order_line": command},
            {"state": "sale", "payment_term_id": 1},
        ):
            with self.assertRaises(UserError):
                self.order.write(values)
        self.assertEqual(self.order.state, "draft")

    def test_the_gate_compares_the_content_itself(self):
        """However it was changed, the gate sees it."""
        self._bring_to_status(self.sale_order, "approved")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE sale_order_line SET name = 'Sneaky' WHERE id = %s",
            [self.order.order_line[0].id],
        )
        self.env.invalidate_all()
        self.assertEqual(self.order.customer_approval_status, "approved")
        with self.assertRaises(UserError):
            self.order.stage_id = self.production

    def test_answer_to_what_has_changed_unseen(self):
        request = self._request()
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE sale_order_line SET name = 'Sneaky' WHERE id = %s",
            [self.order.order_line[0].id],
        )
        self.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "has changed"):
            request._decide(Answer("approved", "Ada", "link"))

    def test_down_payments_are_no_content(self):
        self._bring_to_status(self.sale_order, "approved")
        self.order.stage_id = self.production
        wizard = (
            self.env["sale.advance.payment.inv"]
            .with_context(active_ids=self.order.ids, active_model="sale.order")
            .create({"advance_payment_method": "percentage", "amount": 50})
        )
        wizard.create_invoices()
        self.assertTrue(self.order.order_line.filtered("is_downpayment"))
        self.assertEqual(self.order.customer_approval_status, "approved")
        self.order.stage_id = self.quality

    def test_down_payment_flag_hides_nothing(self):
        """A line that is ordered is content, whatever it calls itself."""
        self._bring_to_status(self.sale_order, "approved")
        with self.assertRaisesRegex(UserError, "Ada Approver approved version 1"):
            self.env["sale.order.line"].create(
                {
                    "order_id": self.order.id,
                    "product_id": self.product.id,
                    "product_uom_qty": 5,
                    "is_downpayment": True,
                }
            )

    def test_expiry(self):
        request = self._request(deadline=fields.Date.today() - timedelta(days=2))
        with self.assertRaisesRegex(UserError, "expired"):
            request._decide(Answer("approved", "Ada", "link"))
        self._run_expiry()
        self.assertEqual(request.state, "expired")
        self.assertEqual(self.order.customer_approval_status, "not_required")
        overdue = self.env["sale.order"].search(
            [
                ("customer_approval_request_id.state", "in", ("pending", "expired")),
                ("customer_approval_request_id.deadline", "<", "today"),
            ]
        )
        self.assertIn(self.sale_order, overdue)

    def test_no_deadline(self):
        self.order.company_id.sudo().customer_approval_days = 0
        self.order.validity_date = False
        request = self._request()
        self.assertFalse(request.deadline)
        self._run_expiry()
        self.assertEqual(request.state, "pending")

    def test_withdraw(self):
        request = self._request()
        action = request.with_user(self.salesperson).action_withdraw()
        dialog = self.env[action["res_model"]].with_context(**action["context"])
        dialog.create({"reason": "A mistake"}).action_withdraw()
        self.assertEqual(request.state, "withdrawn")
        self.assertEqual(self.order.customer_approval_status, "not_required")

    def test_requests_cannot_be_written(self):
        request = self._bring_to_status(self.sale_order, "pending")
        Request = self.env["customer.approval.request"]
        values = {
            "res_model": "sale.order",
            "res_id": self.order.id,
            "document_name": "x",
            "partner_id": self.partner.id,
            "company_id": self.env.company.id,
            "currency_id": self.env.company.currency_id.id,
            "state": "approved",
        }
        contexts = [
            {},
            {"customer_approval_grant": True},
            {"customer_approval_grant": "RECORD_EVIDENCE"},
            {"customer_approval_grant": 1, "install_mode": True, "module": "x"},
        ]
        for context in contexts:
            for model in (Request.sudo(), Request.with_user(self.salesperson).sudo()):
                model = model.with_context(**context)
                with self.assertRaisesRegex(UserError, "evidence"):
                    model.create(values)
                for name, value in (
                    ("state", "approved"),
                    ("lapsed_on", False),
                    ("scope_digest", "1:0"),
                    ("content", {}),
                    ("res_id", self._create_order().id),
                    ("conditions_accepted_on", fields.Datetime.now()),
                    ("access_token", "mine"),
                    ("active", False),
                ):
                    with self.assertRaisesRegex(UserError, "evidence"):
                        model.browse(request.id).write({name: value})
                with self.assertRaisesRegex(UserError, "evidence"):
                    model.browse(request.id).unlink()
        with self.assertRaises(UserError):
            Request.with_user(self.salesperson).create(values)
        with self.assertRaises(UserError):
            request.copy()
        self.assertEqual(request.state, "pending")

    def test_status_cannot_be_written(self):
        for name, value in (
            ("customer_approval_status", "approved"),
            ("customer_approval_request_id", False),
            ("customer_approval_since", False),
            ("customer_approval_request_ids", [Command.clear()]),
        ):
            with self.assertRaisesRegex(UserError, "cannot be written"):
                self.sale_order.sudo().write({name: value})
            with self.assertRaisesRegex(UserError, "cannot be written"):
                self.env["sale.order"].create(
                    {"partner_id": self.partner.id, name: value}
                )

    def test_status_takes_no_defaults(self):
        self.env["ir.default"].set("sale.order", "customer_approval_status", "approved")
        order = (
            self.env["sale.order"]
            .with_context(default_customer_approval_status="approved")
            .create({"partner_id": self.partner.id})
        )
        self.assertEqual(order.customer_approval_status, "not_required")

    def test_forged_status_opens_nothing(self):
        self.env.flush_all()
        with self._without_triggers("sale_order"):
            self.env.cr.execute(
                "UPDATE sale_order SET customer_approval_status = 'approved'"
                " WHERE id = %s",
                [self.order.id],
            )
        self.env.invalidate_all()
        with self.assertRaises(UserError):
            self.order.stage_id = self.production

    def test_one_pending_request_only(self):
        request = self._request()
        self.env.flush_all()
        with mute_logger("odoo.sql_db"), self.assertRaises(UniqueViolation):
            self.env.cr.execute(
                """
                INSERT INTO customer_approval_request
                       (name, res_model, res_id, document_name, partner_id, company_id,
                        currency_id, state)
                SELECT name, res_model, res_id, document_name, partner_id, company_id,
                       currency_id, state
                  FROM customer_approval_request
                 WHERE id = %s
                """,
                [request.id],
            )

    def test_asked_documents_cannot_be_deleted(self):
        request = self._request()
        with self.assertRaisesRegex(UserError, "Cancel it instead"):
            self.sale_order.unlink()
        request.action_withdraw()
        with self.assertRaisesRegex(UserError, "Cancel it instead"):
            self.sale_order.unlink()
        self._create_order().unlink()

    def test_copy_is_not_approved(self):
        self._bring_to_status(self.sale_order, "approved")
        copy = self.sale_order.copy()
        self.assertEqual(copy.customer_approval_status, "not_required")
        self.assertFalse(copy.customer_approval_request_ids)
        with self.assertRaises(UserError):
            copy.action_confirm()
