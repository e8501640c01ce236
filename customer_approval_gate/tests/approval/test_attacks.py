# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Ways round the gate that were found by trying, and are closed."""

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import HttpCase, new_test_user, tagged

from ...tools import links
from ..account.test_invoice import InvoiceCommon
from ..common import ApprovalCommon


@tagged("post_install", "-at_install")
class TestAttacks(ApprovalCommon):
    def setUp(self):
        super().setUp()
        self.order = self._create_order().with_user(self.salesperson)

    def _approved(self, stage=None):
        order = self._create_order()
        self._bring_to_status(order, "approved")
        if stage:
            order.stage_id = stage
        return order.with_user(self.salesperson)

    def _check_blocked(self, order=None):
        order = order or self.order
        with self.assertRaises(UserError):
            order.action_confirm()
        self.assertEqual(order.state, "draft")

    # Evidence out of defaults

    def test_stored_defaults_are_no_evidence(self):
        defaults = self.env["ir.default"].with_user(self.salesperson)
        for name, value in (
            ("state", "approved"),
            ("decided_by_name", "Ada"),
            ("conditions_accepted_on", "2026-01-01 00:00:00"),
        ):
            defaults.set("customer.approval.request", name, value, user_id=True)
        self.order.action_ask_on_screen()
        request = self.order.sudo().customer_approval_request_id
        self.assertRecordValues(
            request,
            [
                {
                    "state": "pending",
                    "decided_by_name": False,
                    "conditions_accepted_on": False,
                }
            ],
        )
        self._check_blocked()

    # The gate itself

    def test_gates_cannot_be_written(self):
        for stage in (self.production, self.production.with_context(install_mode=True)):
            with self.assertRaisesRegex(UserError, "order of the stages"):
                stage.gate_stage_ids = [Command.clear()]
        with self.assertRaisesRegex(UserError, "order of the stages"):
            self.production.copy({"gate_stage_ids": [Command.clear()]})

    def test_altered_gates_open_nothing(self):
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM customer_approval_stage_gate_rel")
        self.env.invalidate_all()
        self.assertFalse(self.production.gate_stage_ids)
        self._check_blocked()

    def test_loosening_a_gate_is_logged(self):
        self.production.requires_customer_approval = False
        self.production.document_state = False
        self.production.company_id = self.env.company
        log = "".join(self.production.message_ids.mapped("body"))
        self.assertIn("Confirmed Order → None", log)
        self.assertIn(f"None → {self.env.company.name}", log)

    # Ids that are none

    def test_stage_as_text(self):
        for value in (str(self.production.id), f" {self.production.id}", [3], True):
            with self.assertRaises(UserError):
                self._create_order(stage_id=value)
            with self.assertRaises(UserError):
                self.order.write({"stage_id": value})
        with self.assertRaisesRegex(UserError, "is no state"):
            self.order.write({"state": False})
        self.assertEqual(self._create_order(stage_id=False).stage_id, self.quote)

    # Content by the back door

    def _check_refused(self, order, function):
        total = order.amount_total
        with self.assertRaises(UserError):
            function()
        self.env.invalidate_all()
        self.assertEqual(order.amount_total, total)

    def _line(self, order, **values):
        return {
            "order_id": order.id,
            "product_id": self.product.id,
            "product_uom_qty": 50,
            "price_unit": 1000,
            **values,
        }

    def test_line_nested_in_another_order(self):
        order = self._approved(self.production)
        nested = [Command.create(self._line(order))]

        def attack():
            line = {"product_id": self.product.id, "linked_line_ids": nested}
            order.create(
                {
                    "partner_id": order.partner_id.id,
                    "order_line": [Command.create(line)],
                }
            )

        self._check_refused(order, attack)

    def test_line_nested_lets_a_pending_request_lapse(self):
        order = self._create_order()
        request = self._bring_to_status(order, "pending")
        nested = [Command.create(self._line(order))]
        self._create_order(
            order_line=[
                Command.create(
                    {"product_id": self.product.id, "linked_line_ids": nested}
                )
            ]
        )
        self.assertEqual(request.state, "withdrawn")

    def test_line_by_a_stored_default(self):
        order = self._approved(self.production)
        defaults = self.env["ir.default"].with_user(self.salesperson)
        defaults.set("sale.order.line", "order_id", order.id, user_id=True)
        values = self._line(order)
        del values["order_id"]
        self._check_refused(order, lambda: order.order_line.create(values))

    def test_line_moved_from_another_order(self):
        order = self._approved(self.production)
        line = self.order.order_line
        self._check_refused(order, lambda: line.write({"order_id": order.id}))

    def test_expense_that_is_none(self):
        order = self._approved(self.production)
        values = self._line(order, product_uom_qty=0, is_expense=True)
        self._check_refused(order, lambda: order.order_line.create(values))

    def test_confirmed_order_in_a_side_stage_stays_locked(self):
        hold = self.quote.copy({"document_state": False, "reachable_anytime": True})
        order = self._approved(self.production)
        order.stage_id = hold
        self.assertEqual(order.state, "sale")
        line = order.order_line
        self._check_refused(order, lambda: line.write({"price_unit": 5000}))

    # Getting rid of it

    def test_deletion_with_a_context_key(self):
        order = self._create_order()
        request = self._bring_to_status(order, "pending")
        with self.assertRaisesRegex(UserError, "Cancel it instead"):
            order.with_context(_force_unlink=True).unlink()
        with self.assertRaisesRegex(UserError, "evidence"):
            request.with_context(_force_unlink=True).unlink()

    # Reading and answering for others

    def test_dialogs_take_nonsense(self):
        for ids in ([], False, 5, "12", {"a": 1}, ["x"], [True], [[1]]):
            with self.assertRaises(UserError):
                self.env["customer.approval.send"].create(
                    {"res_model": "sale.order", "res_ids": ids}
                )

    def test_status_for_portal_users(self):
        user = new_test_user(self.env, "approval_reader", "base.group_portal")
        user.partner_id.parent_id = self.partner
        self._bring_to_status(self.order, "pending")
        order = self.order.with_user(user)
        values = order.read(
            ["stage_id", "next_stage_id", "customer_approval_status", "state"]
        )[0]
        self.assertEqual(values["customer_approval_status"], "pending")
        self.assertEqual(values["stage_id"][0], self.order.stage_id.id)
        self.assertEqual(values["next_stage_id"][0], self.order.next_stage_id.id)
        # What staff would do about it is nothing for them.
        for name in ("customer_approval_remark", "blocked_by", "gate_states"):
            with self.assertRaises(AccessError):
                order.read([name])


@tagged("post_install", "-at_install")
class TestInvoiceAttacks(InvoiceCommon):
    def setUp(self):
        super().setUp()
        self._bring_to_status(self.invoice, "approved")

    def _product_line(self):
        return self.invoice.invoice_line_ids[0]

    def test_amounts_of_a_posted_invoice(self):
        self.invoice.action_post()
        with self.assertRaises(UserError):
            self._product_line().write({"amount_currency": -9000})

    def test_amounts_before_the_gate(self):
        with self.assertRaises(UserError):
            self._product_line().write({"amount_currency": -9000})

    def test_posted_invoice_in_a_stage_without_a_state(self):
        self.invoice.action_post()
        self.invoice.stage_id = self.invoice_waiting
        self.assertEqual(self.invoice.state, "posted")
        with self.assertRaises(UserError):
            self.invoice.narration = "Pay to somebody else"

    def test_refund_that_becomes_an_invoice(self):
        refund = self._create_draft("out_refund")
        with self.assertRaises(UserError):
            refund.write({"move_type": "out_invoice", "state": "posted"})
        refund.action_post()
        with self.assertRaises(UserError):
            refund.write({"move_type": "out_invoice"})

    def test_line_nested_in_an_order(self):
        self.invoice.action_post()
        total = self.invoice.amount_total
        nested = [
            Command.create(
                {"move_id": self.invoice.id, "quantity": 5, "price_unit": 1000}
            )
        ]
        with self.assertRaises(UserError):
            self.env["sale.order"].sudo().create(
                {
                    "partner_id": self.partner_a.id,
                    "order_line": [
                        Command.create(
                            {"product_id": self.product_a.id, "invoice_lines": nested}
                        )
                    ],
                }
            )
        self.env.invalidate_all()
        self.assertEqual(self.invoice.amount_total, total)


@tagged("post_install", "-at_install")
class TestTokens(HttpCase, ApprovalCommon):
    def test_links_are_nobodys_to_read(self):
        """get_portal_url() can be called by anybody who is logged in."""
        request = self._bring_to_status(self.sale_order, "pending")
        new_test_user(self.env, "approval_thief", "base.group_portal")
        self.env.flush_all()
        for login in ("approval_thief", self.salesperson.login):
            self.authenticate(login, login)
            url = self.make_jsonrpc_request(
                f"/web/dataset/call_kw/{request._name}/get_portal_url",
                {
                    "model": request._name,
                    "method": "get_portal_url",
                    "args": [request.ids],
                    "kwargs": {},
                },
            )
            self.assertNotIn(links.token_of(request.approver_ids[:1]), url)
