# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from psycopg2.errors import CheckViolation

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.account_payment.tests.common import AccountPaymentCommon

from ..common import GATE_SENTENCE, ApprovalCommon


class DepositCommon(ApprovalCommon, AccountPaymentCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.production.requires_customer_approval = False
        cls.production.minimum_deposit = 30
        cls.product.taxes_id = False
        cls.order = cls._order_of(1000)

    @classmethod
    def _order_of(cls, amount, **values):
        return cls._create_order(
            order_line=[
                Command.create(
                    {
                        "product_id": cls.product.id,
                        "product_uom_qty": 1,
                        "price_unit": amount,
                        "tax_ids": False,
                    }
                )
            ],
            **values,
        )

    def _down_payment(self, amount, order=None, post=True):
        order = order or self.order
        wizard = (
            self.env["sale.advance.payment.inv"]
            .with_context(active_ids=order.ids)
            .create({"advance_payment_method": "fixed", "fixed_amount": amount})
        )
        invoice = wizard._create_invoices(order)
        if post:
            invoice.action_post()
        return invoice

    def _pay_invoice(self, invoice, amount=None, **values):
        wizard = (
            self.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"amount": amount or invoice.amount_residual, **values})
        )
        return wizard._create_payments()

    def _pay_on_account(self, amount, order=None, **values):
        payment = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.partner.id,
                "amount": amount,
                "deposit_order_id": (order or self.order).id,
                **values,
            }
        )
        payment.action_post()
        return payment

    def _transaction(self, amount, state="done", order=None, **values):
        order = order or self.order
        self.count = getattr(self, "count", 0) + 1
        tx = self._create_transaction(
            flow="redirect",
            sale_order_ids=[order.id],
            partner_id=order.partner_id.id,
            amount=amount,
            currency_id=order.currency_id.id,
            state=state,
            reference=f"Deposit {order.name} {self.count}",
            **values,
        )
        with mute_logger("odoo.addons.sale.models.payment_transaction"):
            tx._post_process()
        return tx

    def _collected(self, order=None):
        self.env.flush_all()
        self.env.invalidate_all()
        return (order or self.order).deposit_collected


class DepositCase(DepositCommon):
    def _reconcile(self, *moves):
        lines = (
            self.env["account.move"]
            .union(*moves)
            .line_ids.filtered(
                lambda line: (
                    line.account_type == "asset_receivable" and not line.reconciled
                )
            )
        )
        lines.reconcile()

    def _statement(self, amount, **lines):
        line = self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.company_data["default_journal_bank"].id,
                "payment_ref": "Bank",
                "partner_id": self.partner.id,
                "amount": amount,
                "date": fields.Date.today(),
            }
        )
        _liquidity, suspense, _other = line._seek_for_lines()
        receivable = self.partner.property_account_receivable_id
        suspense.account_id = receivable
        return line.move_id


@tagged("post_install", "-at_install")
class TestDeposit(DepositCase):
    def test_message(self):
        with self.assertRaises(UserError) as catcher:
            self.order.action_confirm()
        form = self.order.currency_id.format
        self.assertEqual(
            str(catcher.exception),
            f"Cannot advance to In Production: a deposit of {form(300)} is required, "
            f"{form(300)} is still to be collected.",
        )
        self.assertEqual(self.order.state, "draft")
        self._pay_on_account(100)
        with self.assertRaises(UserError) as catcher:
            self.order.stage_id = self.delivered
        self.assertEqual(
            str(catcher.exception),
            f"Cannot advance to Delivered: a deposit of {form(300)} is required, "
            f"{form(200)} is still to be collected.",
        )

    def test_all_gates_are_named_at_once(self):
        self.production.requires_customer_approval = True
        with self.assertRaises(UserError) as catcher:
            self.order.action_confirm()
        first, second = str(catcher.exception).splitlines()
        self.assertEqual(first, GATE_SENTENCE % "In Production")
        self.assertIn("is still to be collected", second)

    def test_cancelling_and_stages_without_a_minimum_are_free(self):
        self.order.write({"deposit_required": True, "deposit_percent": 100})
        self.order.stage_id = self.pending_stage
        self.order.action_cancel()
        self.assertEqual(self.order.stage_id, self.cancelled)

    def test_stricter_one_wins(self):
        self.order.write({"deposit_required": True, "deposit_percent": 50})
        self.assertEqual(self.order.deposit_due, 500)
        self.order.deposit_amount = 600
        self.assertEqual(self.order.deposit_due, 600)
        self.order.deposit_amount = 5000
        self.assertEqual(self.order.deposit_due, 1000, "never more than the total")
        self.order.deposit_required = False
        self.assertEqual(self.order.deposit_due, 300)
        self.quality.minimum_deposit = 80
        self._pay_on_account(300)
        self.order.action_confirm()
        self.assertEqual(self.order.deposit_due, 800)
        with self.assertRaises(UserError):
            self.order.stage_id = self.ready
        self._pay_on_account(500)
        self.order.stage_id = self.ready

    def test_gate_that_is_behind_does_not_hold_back(self):
        payment = self._pay_on_account(300)
        self.order.action_confirm()
        payment.action_cancel()
        self.assertFalse(self.order.blocked_by)
        self.order.stage_id = self.quality
        self.order.stage_id = self.ready
        # Going back and entering it again takes the deposit again.
        with self._refused("a deposit of"):
            self.order.stage_id = self.production
        hold = self.quality.copy(
            {"name": "Hold", "document_state": False, "reachable_anytime": True}
        )
        self.order.stage_id = hold
        with self._refused("a deposit of"):
            self.order.stage_id = self.delivered

    def test_own_deposit_does_not_count_where_no_stage_asks(self):
        self.production.minimum_deposit = 0
        self.order.write({"deposit_required": True, "deposit_percent": 50})
        self.order.action_confirm()
        self.assertEqual(self.order.state, "sale")

    def test_company_default_and_right(self):
        company = self.order.company_id
        company.customer_approval_deposit_percent = 40
        self.assertFalse(self.order.deposit_required, "new orders only")
        order = self._order_of(1000)
        self.assertTrue(order.deposit_required)
        self.assertEqual(order.deposit_due, 400)
        self.assertEqual(order.copy().deposit_percent, 40)
        salesperson = order.with_user(self.salesperson)
        for vals in (
            {"deposit_required": False},
            {"deposit_percent": 0},
            {"deposit_amount": 1},
        ):
            with self.assertRaises(AccessError):
                salesperson.write(vals)
        with self.assertRaises(AccessError):
            self.env["sale.order"].with_user(self.salesperson).create(
                {"partner_id": self.partner.id, "deposit_percent": 1}
            )
        with self.assertRaises(AccessError):
            self.env["sale.order"].with_user(self.salesperson).with_context(
                default_deposit_required=False
            ).create({"partner_id": self.partner.id})
        self.salesperson.group_ids += self.env.ref(
            "customer_approval_gate.group_change_deposit"
        )
        salesperson.write({"deposit_percent": 10})
        self.assertEqual(order.deposit_percent, 10)

    def test_order_does_not_grow_beyond_what_was_paid_for(self):
        self._pay_on_account(300)
        self.order.action_confirm()
        line = self.order.order_line
        with self._refused("cannot grow so far: .* would be required"):
            line.price_unit = 2000
        with self._refused("cannot grow so far"):
            line.write({"product_uom_qty": 5, "price_unit": 1000})
        with self._refused("cannot grow so far"):
            self.order.order_line = [
                Command.create({"product_id": self.product.id, "price_unit": 900})
            ]
        with self._refused("cannot grow so far"):
            line.create(
                {
                    "order_id": self.order.id,
                    "product_id": self.product.id,
                    "price_unit": 900,
                }
            )
        line.price_unit = 900
        self._pay_on_account(300)
        line.price_unit = 2000
        # An empty one has nothing to pay.
        empty = self._create_order(order_line=[])
        empty.action_confirm()
        with self._refused("cannot grow so far"):
            empty.order_line = [
                Command.create({"product_id": self.product.id, "price_unit": 100})
            ]

    def test_who_was_behind_the_gate_before_may_stay(self):
        self.production.minimum_deposit = 0
        self.order.action_confirm()
        self.production.minimum_deposit = 30
        self.order.order_line.price_unit = 2000
        self.order.order_line = [
            Command.create({"product_id": self.product.id, "price_unit": 900})
        ]
        self.assertEqual(self.order.order_line[-1:].price_unit, 900)
        self.assertEqual(self.order.stage_id, self.production)
        # It goes no further, as a new one would not.
        self.quality.minimum_deposit = 30
        with self._refused("a deposit of"):
            self.order.stage_id = self.quality

    def test_deposit_is_no_content(self):
        self._bring_to_status(self.order, "approved")
        self.order.deposit_percent = 10
        self.assertEqual(self.order.customer_approval_status, "approved")

    def test_wrong_numbers(self):
        for record, vals in (
            (self.order, {"deposit_percent": 101}),
            (self.order, {"deposit_amount": -1}),
            (self.production, {"minimum_deposit": -1}),
            (self.order.company_id, {"customer_approval_deposit_percent": 200}),
        ):
            with (
                mute_logger("odoo.sql_db"),
                self.assertRaises(CheckViolation),
                self.env.cr.savepoint(),
            ):
                record.write(vals)
                record.flush_recordset()

    def test_stages_that_take_no_deposit(self):
        with self._refused("New documents start", ValidationError):
            self.quote.minimum_deposit = 10
        with self._refused("reachable at any time", ValidationError):
            self.cancelled.minimum_deposit = 10

    def test_down_payment_invoice(self):
        invoice = self._down_payment(300)
        self.assertEqual(self._collected(), 0, "billed is not paid")
        self._pay_invoice(invoice, 100)
        self.assertEqual(self._collected(), 100)
        self._pay_invoice(invoice)
        self.assertEqual(self._collected(), 300)
        self.order.action_confirm()

    def test_draft_invoice(self):
        invoice = self._down_payment(300, post=False)
        self.assertEqual(self._collected(), 0)
        self._pay_invoice(invoice, 100)
        self.assertEqual(invoice.state, "draft")
        self.assertEqual(self._collected(), 100)

    def test_credit_note_and_money_back(self):
        invoice = self._down_payment(300)
        self._pay_invoice(invoice)
        reversal = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"journal_id": invoice.journal_id.id})
        )
        reversal.reverse_moves()
        refund = reversal.new_move_ids
        self.assertEqual(self._collected(), 300, "a draft gives nothing back")
        refund.action_post()
        self.assertEqual(self._collected(), 0)
        self._pay_invoice(refund)
        self.assertEqual(self._collected(), 0, "and not twice")

    def test_credit_note_is_no_payment(self):
        invoice = self._down_payment(300)
        invoice._reverse_moves(cancel=True)
        self.assertEqual(invoice.payment_state, "reversed")
        self.assertEqual(self._collected(), 0)

    def test_write_off_is_no_payment(self):
        invoice = self._down_payment(300)
        self._pay_invoice(
            invoice,
            60,
            payment_difference_handling="reconcile",
            writeoff_account_id=self.company_data["default_account_revenue"].id,
        )
        self.assertIn(invoice.payment_state, ("paid", "in_payment"))
        self.assertEqual(self._collected(), 60)

    def test_unreconciled_and_cancelled_payments(self):
        invoice = self._down_payment(300)
        payment = self._pay_invoice(invoice)
        self.assertEqual(self._collected(), 300)
        payment.action_draft()
        self.assertEqual(self._collected(), 0)

    def test_invoice_of_several_orders(self):
        self.production.minimum_deposit = 0
        other = self._order_of(3000)
        both = self.order | other
        both.action_confirm()
        invoice = both._create_invoices()
        self.assertEqual(len(invoice), 1)
        invoice.action_post()
        self._pay_invoice(invoice, 2000)
        self.production.minimum_deposit = 30
        self.assertEqual(self._collected(), 500)
        self.assertEqual(self._collected(other), 1500)

    def test_final_invoice_does_not_count_the_deposit_twice(self):
        self._pay_invoice(self._down_payment(300))
        self.order.action_confirm()
        final = self.order._create_invoices(final=True)
        final.action_post()
        self.assertEqual(final.amount_total, 700)
        self.assertEqual(self._collected(), 300)
        self._pay_invoice(final)
        self.assertEqual(self._collected(), 1000)

    def test_payment_on_account(self):
        payment = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.partner.id,
                "amount": 300,
                "deposit_order_id": self.order.id,
            }
        )
        self.assertEqual(self._collected(), 0)
        payment.action_post()
        self.assertEqual(self._collected(), 300)
        # Reconciled with this order's invoice later it is the same money.
        invoice = self._down_payment(300)
        lines = (payment.move_id | invoice).line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )
        lines.reconcile()
        self.assertEqual(self._collected(), 300)
        back = self._pay_on_account(50, payment_type="outbound")
        self.assertEqual(self._collected(), 250)
        back.action_cancel()
        self.assertEqual(self._collected(), 300)

    def test_payment_on_account_that_paid_something_else(self):
        payment = self._pay_on_account(300)
        other = self._down_payment(200, self._order_of(1000))
        lines = (payment.move_id | other).line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )
        lines.reconcile()
        self.assertEqual(self._collected(), 100)

    def test_bank_statement(self):
        invoice = self._down_payment(300)
        self._reconcile(invoice, self._statement(300))
        self.assertEqual(self._collected(), 300)

    def test_money_paid_back_by_the_bank(self):
        payment = self._pay_on_account(300)
        self._reconcile(payment.move_id, self._statement(-300))
        self.assertEqual(self._collected(), 0)

    def test_money_paid_back_by_another_payment(self):
        payment = self._pay_on_account(300)
        back = self._pay_on_account(
            300, payment_type="outbound", deposit_order_id=False
        )
        self._reconcile(payment.move_id, back.move_id)
        self.assertEqual(self._collected(), 0)

    def test_payment_without_an_entry_is_counted_once(self):
        """As in other accounting apps: the bank's statement settles it later."""
        invoice = self._down_payment(300)
        payment_class = self.env.registry["account.payment"]
        self.patch(
            payment_class,
            "_get_outstanding_account",
            lambda payment, payment_type: self.env["account.account"],
        )
        methods = self.company_data[
            "default_journal_bank"
        ].inbound_payment_method_line_ids
        methods.payment_account_id = False
        payment = self._pay_invoice(invoice)
        self.assertFalse(payment.move_id)
        self.assertEqual(self._collected(), 300)
        self._reconcile(invoice, self._statement(300))
        self.assertEqual(self._collected(), 300)

    def test_payment_counts_for_one_order(self):
        tx = self._transaction(300)
        other = self._order_of(1000)
        tx.payment_id.deposit_order_id = other
        self.assertEqual(self._collected(), 0)
        self.assertEqual(self._collected(other), 300)

    def test_credit_used_for_another_order(self):
        invoice = self._down_payment(300)
        self._pay_invoice(invoice)
        refund = invoice._reverse_moves()
        refund.action_post()
        other = self._order_of(1000)
        self._reconcile(refund, self._down_payment(300, other))
        self.assertEqual(self._collected(), 0)

    def test_total_that_somebody_wrote_counts_nothing(self):
        order = self.order.with_user(self.salesperson)
        with self._refused("cannot be written"):
            order.write({"amount_total": 0})
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE sale_order SET amount_total = 0 WHERE id = %s", [order.id]
        )
        self.env.invalidate_all()
        with self._refused("still to be collected"):
            order.action_confirm()

    def test_other_company_asks_for_more_never_for_less(self):
        company = self.env["res.company"].create(
            {"name": "Other", "customer_approval_deposit_percent": 40}
        )
        order = self.env["sale.order"].create({"partner_id": self.partner.id})
        order.order_line.unlink()
        values = {"company_id": company.id}
        if "warehouse_id" in order._fields:
            values["warehouse_id"] = (
                self.env["stock.warehouse"]
                .search([("company_id", "=", company.id)], limit=1)
                .id
            )
        order.pricelist_id.company_id = False
        order.write(values)
        self.assertEqual((order.deposit_required, order.deposit_percent), (True, 40))

    def test_empty_order_is_not_complete(self):
        self.quote.write(
            {
                "auto_advance_stage_id": self.production.id,
                "auto_advance_on": "deposit_complete",
            }
        )
        order = self.env["sale.order"].create({"partner_id": self.partner.id})
        self.assertEqual(order.stage_id, self.quote)

    def test_payment_is_booked_whatever_an_action_does(self):
        self.production.minimum_deposit = 0
        self.order.write({"require_payment": True, "prepayment_percent": 1})
        action_class = self.env.registry["customer.approval.stage.action"]
        self.env["customer.approval.stage.action"].create(
            {"stage_id": self.production.id, "kind": "activity"}
        )

        def broken(action, documents):
            raise UserError(action.env._("No paint left."))

        self.patch(action_class, "_run", broken)
        tx = self._transaction(1000)
        self.assertTrue(tx.payment_id)
        self.assertEqual(self.order.state, "draft")
        self.assertEqual(self.order.advance_stage_id, self.production)
        self.assertIn("No paint left.", self.order.activity_ids[:1].note)

    def test_shown_while_somebody_edits(self):
        self._pay_on_account(300)
        self.salesperson.group_ids += self.env.ref("sales_team.group_sale_manager")
        with Form(self.order.with_user(self.salesperson)) as form:
            with form.order_line.edit(0) as line:
                line.product_uom_qty = 2
                line.price_unit = 1000
            self.assertEqual(form.deposit_due, 600)
            self.assertEqual(form.deposit_collected, 300)
            self.assertEqual(form.deposit_missing, 300)

    def test_entry_that_is_no_longer_posted(self):
        self.order.stage_id = self.pending_stage
        payment = self._pay_on_account(300)
        self.assertFalse(self.order.blocked_by)
        payment.move_id.button_draft()
        self.assertEqual(self._collected(), 0)
        self.assertEqual(self.order.blocked_by, "deposit")
        payment.move_id.action_post()
        self.assertFalse(self.order.blocked_by)

    def test_what_blocks_follows_money_used_elsewhere(self):
        self.order.stage_id = self.pending_stage
        payment = self._pay_on_account(300)
        self._reconcile(payment.move_id, self._down_payment(300, self._order_of(1000)))
        self.assertEqual(self.order.blocked_by, "deposit")

    def test_what_blocks_follows_credit_notes(self):
        self.order.stage_id = self.pending_stage
        invoice = self._down_payment(300)
        self._pay_invoice(invoice)
        refund = invoice._reverse_moves()
        refund.action_post()
        self.assertEqual(self.order.blocked_by, "deposit")
        refund.button_draft()
        self.assertFalse(self.order.blocked_by)

    def test_order_with_a_deposit_cannot_be_deleted(self):
        self._pay_on_account(300)
        with self._refused("is a deposit for it"):
            self.order.unlink()

    def test_customers_do_not_read_internal_reasons(self):
        user = new_test_user(self.env, "deposit_portal", "base.group_portal")
        user.partner_id.parent_id = self.partner
        self.order.message_subscribe(user.partner_id.ids)
        for name in (
            "advance_blocked_reason",
            "gate_states",
            "blocked_by",
            "advance_stage_id",
        ):
            with self.assertRaises(AccessError):
                self.order.with_user(user).read([name])

    def test_payment_that_is_gone_confirms_nothing(self):
        self.production.requires_customer_approval = True
        tx = self._transaction(1000)
        self.assertEqual(self.order.advance_stage_id, self.production)
        tx.payment_id.action_cancel()
        self.production.minimum_deposit = 0
        self._bring_to_status(self.order, "approved")
        self.assertEqual(self.order.state, "draft")
        self.assertFalse(self.order.advance_stage_id)

    def test_payment_of_another_customer(self):
        stranger = self.env["res.partner"].create({"name": "Stranger"})
        with self._refused("another customer", ValidationError):
            self._pay_on_account(300, partner_id=stranger.id)

    def test_online_payments(self):
        self.provider.support_manual_capture = "full_only"
        self._transaction(300, "pending")
        self._transaction(300, "authorized")
        self._transaction(300, "error")
        self._transaction(300, "cancel")
        self.assertEqual(self._collected(), 0)
        tx = self._transaction(300)
        self.assertEqual(self._collected(), 300)
        self.assertTrue(tx.payment_id)
        refund = tx._create_child_transaction(100, is_refund=True)
        refund._set_done()
        refund._post_process()
        self.assertEqual(self._collected(), 200)

    def test_online_payment_captured_in_parts(self):
        self.provider.support_manual_capture = "partial"
        tx = self._transaction(300, "authorized")
        part = tx._create_child_transaction(100)
        part._set_done()
        part._post_process()
        self.assertEqual(self._collected(), 100)
        rest = tx._create_child_transaction(200)
        rest._set_done()
        rest._post_process()
        self.assertEqual(tx.state, "done")
        self.assertEqual(self._collected(), 300)

    def test_online_payment_of_an_invoice_is_counted_once(self):
        invoice = self._down_payment(300)
        tx = self._create_transaction(
            flow="redirect",
            invoice_ids=[invoice.id],
            sale_order_ids=[self.order.id],
            partner_id=self.partner.id,
            amount=300,
            currency_id=self.order.currency_id.id,
            state="done",
            reference="Both",
        )
        tx._post_process()
        self.assertEqual(self._collected(), 300)

    def test_other_currency_at_the_payments_rate(self):
        currency = self.env["res.currency"].create(
            {"name": "XYZ", "symbol": "X", "rounding": 0.01}
        )
        for date, rate in (("2020-01-01", 2), (fields.Date.today(), 4)):
            self.env["res.currency.rate"].create(
                {
                    "name": date,
                    "currency_id": currency.id,
                    "company_id": self.order.company_id.id,
                    "rate": rate,
                }
            )
        self._pay_on_account(200, currency_id=currency.id, date="2020-06-01")
        self.assertEqual(self._collected(), 100)
        self._pay_on_account(200, currency_id=currency.id)
        self.assertEqual(self._collected(), 150)

    def test_core_fields_mislead(self):
        """Why the money is counted here: Odoo's own fields say something else."""
        self._pay_invoice(self._down_payment(300))
        self.assertEqual(self.order.amount_paid, 0)
        self.provider.support_manual_capture = "full_only"
        other = self._order_of(1000)
        self._transaction(300, "authorized", order=other)
        self.assertEqual(other.amount_paid, 300)
        self.assertEqual(self._collected(other), 0)
