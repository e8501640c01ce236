# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .test_deposit import DepositCase


@tagged("post_install", "-at_install")
class TestDepositAsking(DepositCase):
    def test_invoice(self):
        self.invoice_posted.minimum_deposit = 50
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_line_ids": [
                    Command.create(
                        {"name": "Work", "price_unit": 100, "tax_ids": False}
                    )
                ],
            }
        )
        with self.assertRaises(UserError) as catcher:
            invoice.action_post()
        self.assertIn("50.00", str(catcher.exception))
        self._pay_invoice(invoice, 50)
        invoice.action_post()
        self.assertEqual(invoice.state, "posted")

    def test_request_deposit(self):
        action = self.order.action_request_deposit()
        wizard = (
            self.env[action["res_model"]].with_context(**action["context"]).create({})
        )
        self.assertEqual(wizard.fixed_amount, 300)
        invoice = wizard._create_invoices(wizard.sale_order_ids)
        self.assertEqual(invoice.amount_total, 300)
        action = self.order.action_request_deposit_online()
        link = (
            self.env[action["res_model"]].with_context(**action["context"]).create({})
        )
        self.assertEqual(link.amount, 300)
        invoice.action_post()
        self._pay_invoice(invoice)
        with self._refused("nothing is missing"):
            self.order.action_request_deposit()

    def test_order_goes_on_when_the_money_arrives(self):
        ways = {
            "payment on account": lambda order: self._pay_on_account(300, order),
            "invoice": lambda order: self._pay_invoice(self._down_payment(300, order)),
            "online": lambda order: self._transaction(300, order=order),
        }
        self.pending_stage.write(
            {
                "auto_advance_stage_id": self.production.id,
                "auto_advance_on": "deposit_complete",
            }
        )
        for name, pay in ways.items():
            with self.subTest(way=name):
                order = self._order_of(1000)
                order.stage_id = self.pending_stage
                self.assertEqual(order.stage_id, self.pending_stage)
                pay(order)
                self.assertEqual(order.stage_id, self.production)
                self.assertEqual(order.state, "sale")

    def test_bookkeeper_without_sales_rights_sets_it_going(self):
        user = new_test_user(
            self.env, "bookkeeper", "account.group_account_invoice,base.group_user"
        )
        self.pending_stage.write(
            {
                "auto_advance_stage_id": self.production.id,
                "auto_advance_on": "deposit_complete",
            }
        )
        self.order.stage_id = self.pending_stage
        invoice = self._down_payment(300)
        wizard = (
            self.env["account.payment.register"]
            .with_user(user)
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({})
        )
        wizard._create_payments()
        self.assertEqual(self.order.stage_id, self.production)

    def test_blocked_by_the_deposit_alone_it_goes_on_by_itself(self):
        self.production.requires_customer_approval = True
        self.quote.approved_stage_id = self.production
        self._bring_to_status(self.order, "approved")
        self.assertEqual(self.order.stage_id, self.quote)
        self.assertEqual(self.order.advance_stage_id, self.production)
        self.assertIn("still to be collected", self.order.advance_blocked_reason)
        self._pay_on_account(299)
        self.assertEqual(self.order.stage_id, self.quote)
        self._pay_on_account(1)
        self.assertEqual(self.order.stage_id, self.production)
        self.assertFalse(self.order.advance_stage_id)

    def test_online_payment_that_a_gate_blocks_confirms_later(self):
        self.production.requires_customer_approval = True
        self._transaction(1000)
        self.assertEqual(self.order.state, "draft")
        self.assertEqual(self.order.advance_stage_id, self.production)
        self._bring_to_status(self.order, "approved")
        self.assertEqual(self.order.state, "sale")

    def test_blocked(self):
        order = self.order
        self.assertEqual(order.blocked_by, False)
        order.stage_id = self.pending_stage
        self.assertEqual(order.blocked_by, "deposit")
        gates = order.gate_states
        self.assertEqual([gate["kind"] for gate in gates], ["deposit"])
        self.assertIn("300.00", gates[0]["state"])
        self.production.requires_customer_approval = True
        self.assertEqual(order.blocked_by, "several")
        self._bring_to_status(order, "approved")
        self.assertEqual(order.blocked_by, "deposit")
        approval, deposit = order.gate_states
        self.assertEqual(approval["who"], "Ada Approver")
        self.assertTrue(approval["open"])
        self.assertFalse(deposit["open"])
        self._pay_on_account(300)
        self.assertFalse(order.blocked_by)
        self.assertIn(
            order, self.env["sale.order"].search([("blocked_by", "=", False)])
        )
        self.production.minimum_deposit = 50
        self.assertEqual(order.blocked_by, "deposit")

    def test_what_blocks_cannot_be_written(self):
        for vals in (
            {"blocked_by": False},
            {"advance_stage_id": self.delivered.id},
            {"advance_blocked_reason": "x"},
        ):
            with self._refused("cannot be written"):
                self.order.write(vals)
            with self._refused("cannot be written"):
                self.order.create({"partner_id": self.partner.id, **vals})

    def test_constant_number_of_queries(self):
        def count(number):
            orders = self.env["sale.order"]
            for _number in range(number):
                orders |= self._order_of(1000)
            orders.write({"stage_id": self.pending_stage.id})
            self._pay_on_account(10, orders[0])
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            orders.mapped("gate_states")
            orders.mapped("deposit_missing")
            return self.env.cr.sql_log_count - before

        count(2)  # warm
        self.assertEqual(count(10), count(50))
