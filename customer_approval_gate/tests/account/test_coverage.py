# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One consent across documents: what of an approved order is billed needs no other."""

from psycopg2.errors import CheckViolation

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.sale.tests.common import TestSaleCommon

from ...tools import capability
from ...tools.event_data import Answer
from ..common import ApprovalMixin


@tagged("post_install", "-at_install")
class TestCoverage(ApprovalMixin, TestSaleCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_approval()
        cls.invoice_posted.requires_customer_approval = True
        cls.partner_a.email = "a@example.com"
        cls.salesperson = cls._create_salesperson(
            company_id=cls.env.company.id,
            company_ids=[Command.set(cls.env.company.ids)],
        )

    def setUp(self):
        super().setUp()
        self.order = self._order()

    def _order(self, approve=True, **values):
        order = self.env["sale.order"].create(
            {
                "partner_id": self.partner_a.id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": self.company_data["product_order_no"].id,
                            "product_uom_qty": 4,
                            "price_unit": 100,
                        }
                    ),
                ],
                **values,
            }
        )
        if approve:
            self._bring_to_status(order, "approved")
        order.action_confirm()
        return order

    def _bill(self, orders=None):
        invoices = (orders or self.order)._create_invoices()
        self.env.flush_all()
        return invoices

    def _assert_covered(self, invoice, covered=True):
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(
            invoice.customer_approval_status, "approved" if covered else "not_required"
        )
        self.assertEqual(bool(invoice.customer_approval_coverage), covered)
        if covered:
            invoice.action_post()
            self.assertEqual(invoice.state, "posted")
            self.assertEqual(invoice.stage_id, self.invoice_posted)
        else:
            with self.assertRaisesRegex(UserError, "customer approval is required"):
                invoice.action_post()

    def test_whole_order(self):
        invoice = self._bill()
        self.assertIn(self.order.name, invoice.customer_approval_coverage)
        self.assertEqual(invoice.customer_approval_banner, "covered")
        self._assert_covered(invoice)
        event = self.env["customer.approval.event"].search(
            [("kind", "=", "covered"), ("res_id", "=", invoice.id)], limit=1
        )
        self.assertEqual(event.request_id, self.order.customer_approval_request_id)
        self.assertTrue(event.seal)
        verify = self.env["customer.approval.event"]._verify_document
        self.assertEqual(verify(invoice), [])

    def test_order_that_nobody_approved(self):
        self._assert_covered(self._bill(self._order(approve=False)), False)

    def test_partial(self):
        line = self.order.order_line
        for quantity in (1, 3):
            invoice = self._bill()
            invoice.invoice_line_ids.quantity = quantity
            self._assert_covered(invoice)
        self.assertEqual(line.qty_invoiced, 4)
        with self.assertRaises(UserError):
            self._bill()

    def test_more_of_it(self):
        invoice = self._bill()
        invoice.invoice_line_ids.quantity = 5
        self._assert_covered(invoice, False)
        invoice.invoice_line_ids.quantity = 4
        invoice.action_post()

    def test_two_halves_that_are_more(self):
        """Each invoice alone bills no more than was ordered; together they do."""
        first = self._bill()
        first.invoice_line_ids.quantity = 3
        second = self._bill()
        self.assertEqual(second.invoice_line_ids.quantity, 1)
        self._assert_covered(first)
        second.invoice_line_ids.quantity = 3
        self._assert_covered(second, False)

    def test_dearer(self):
        for values in ({"price_unit": 101}, {"name": "Same", "price_unit": 100.01}):
            invoice = self._bill()
            invoice.invoice_line_ids.write(values)
            self._assert_covered(invoice, False)
            invoice.button_cancel()
        invoice = self._bill()
        invoice.invoice_line_ids.price_unit = 90
        self._assert_covered(invoice)

    def test_something_else(self):
        invoice = self._bill()
        invoice.invoice_line_ids = [
            Command.create({"name": "Extra", "price_unit": 5, "quantity": 1})
        ]
        self._assert_covered(invoice, False)
        # Its customer can approve just this invoice.
        self._bring_to_status(invoice, "approved")
        invoice.action_post()

    def test_other_terms(self):
        term = self.env.ref("account.account_payment_term_30days")
        order = self._order(payment_term_id=term.id)
        invoice = self._bill(order)
        invoice.invoice_payment_term_id = self.env.ref(
            "account.account_payment_term_immediate"
        )
        self._assert_covered(invoice, False)

    def test_its_own_request_comes_first(self):
        """Whoever was asked about the bill itself, and has not said yes, decides."""
        for status in ("pending", "rejected"):
            with self.subTest(status):
                order = self._order(approve=False)
                invoice = self._bill(order)
                self._bring_to_status(invoice, status)
                self._bring_to_status(order, "approved")
                self.assertFalse(invoice._cover_by_orders())
                self.assertFalse(invoice._filter_customer_approved())
                self.assertEqual(invoice.customer_approval_status, status)
                with self._refused("customer approval is required"):
                    invoice.action_post()

    def test_the_weakest_of_several_approvals_counts(self):
        self.invoice_posted.minimum_evidence = "link"
        weak = self._order(approve=False)
        request = weak._open_customer_approval(mail=False).sudo()
        request._decide(Answer("approved", "Ada", "recorded"))
        invoice = self._bill(self.order | weak)
        self.assertEqual(len(invoice), 1)
        self.assertEqual(invoice._get_evidence_strengths()[invoice.id], 1)
        with self._refused("too weak"):
            invoice.action_post()

    def test_grouped(self):
        second = self._order()
        invoice = self._bill(self.order | second)
        self.assertEqual(len(invoice), 1)
        self.assertIn(second.name, invoice.customer_approval_coverage)
        self._assert_covered(invoice)

    def test_grouped_with_one_that_nobody_approved(self):
        self._assert_covered(self._bill(self.order | self._order(approve=False)), False)

    def _pay_down(self, percent, order=None):
        order = order or self.order
        wizard = self.env["sale.advance.payment.inv"].create(
            {
                "sale_order_ids": [Command.set(order.ids)],
                "advance_payment_method": "percentage",
                "amount": percent,
            }
        )
        return wizard._create_invoices(order)

    def test_down_payment_and_the_rest(self):
        down = self._pay_down(30)
        self._assert_covered(down)
        rest = self.order._create_invoices(final=True)
        self.assertLess(rest.amount_total, self.order.amount_total)
        self._assert_covered(rest)

    def test_down_payment_beyond_what_was_agreed(self):
        order = self._order(require_payment=True, prepayment_percent=0.3)
        self._assert_covered(self._pay_down(30, order))
        self._assert_covered(self._pay_down(20, order), False)

    def test_down_payments_beyond_the_total(self):
        self._assert_covered(self._pay_down(60))
        self._assert_covered(self._pay_down(60), False)

    def test_change_order_is_billed_with_its_order(self):
        change = self.order._create_change_order()
        change.order_line = [
            Command.create(
                {
                    "product_id": self.company_data["product_order_no"].id,
                    "price_unit": 50,
                }
            )
        ]
        self._bring_to_status(change, "approved")
        change.action_confirm()
        invoice = self._bill(self.order | change)
        self._assert_covered(invoice)

    def test_refund_makes_room(self):
        invoice = self._bill()
        self._assert_covered(invoice)
        refund = invoice._reverse_moves([{}], cancel=True)
        self.assertEqual(refund.state, "posted")
        again = self._bill()
        self._assert_covered(again)

    def test_posted_stays_as_it_is(self):
        invoice = self._bill()
        invoice.action_post()
        with self.assertRaises(UserError):
            invoice.narration = "Pay somebody else"
        invoice.button_draft()
        self.assertEqual(invoice.stage_id, self.invoice_draft)
        invoice.action_post()

    def test_order_that_is_revised(self):
        invoice = self._bill()
        self.order.with_context(disable_cancel_warning=True)._action_cancel()
        draft = self.order.copy()
        self.assertTrue(draft)
        self.order.action_draft()
        capability.call(self.order._revise_customer_approval, "All new")
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(invoice.customer_approval_status, "not_required")

    def test_database(self):
        """The database takes an order's approval for its invoices, and no other."""
        invoice = self._bill()
        other = self._bill(self._order(approve=False))
        query = "UPDATE account_move SET state = 'posted' WHERE id = %s"
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation),
            self.cr.savepoint(),
        ):
            self.cr.execute(query, [other.id])
        self.cr.execute(query, [invoice.id])

    def test_bills_that_lose_their_order(self):
        invoice = self._bill()
        invoice.action_post()
        line = invoice.invoice_line_ids
        with self.assertRaisesRegex(UserError, "credit note"):
            line.sale_line_ids = [Command.clear()]

    def test_orders_that_lose_their_bills(self):
        self._bill().action_post()
        with self.assertRaisesRegex(UserError, "credit note"):
            self.order.order_line.invoice_lines = [Command.clear()]

    def test_drafts_give_nothing_back(self):
        invoice = self._bill()
        invoice.action_post()
        refund = invoice._reverse_moves([{}])
        self.assertEqual(refund.state, "draft")
        again = invoice.copy({"invoice_line_ids": []})
        again.invoice_line_ids = [
            Command.create(
                {
                    "product_id": line.product_id.id,
                    "quantity": line.quantity,
                    "price_unit": line.price_unit,
                    "tax_ids": [Command.set(line.tax_ids.ids)],
                    "sale_line_ids": [Command.set(line.sale_line_ids.ids)],
                }
            )
            for line in invoice.invoice_line_ids
        ]
        self._assert_covered(again, False)

    def test_twice_negative(self):
        invoice = self._bill()
        invoice.invoice_line_ids.write({"quantity": -1, "price_unit": -200})
        self._assert_covered(invoice, False)

    def test_what_else_it_says(self):
        """Terms, the bank account, notes and names are part of what is billed."""
        stranger = self.env["res.partner.bank"].create(
            {"acc_number": "NL00 1234", "partner_id": self.partner_b.id}
        )
        for change in (
            {"narration": "You also owe us 5000"},
            {"partner_bank_id": stranger.id},
            {
                "invoice_line_ids": [
                    Command.create({"display_type": "line_note", "name": "And more"})
                ]
            },
        ):
            with self.subTest(change):
                invoice = self._bill()
                invoice.write(change)
                self._assert_covered(invoice, False)
                invoice.button_cancel()
        invoice = self._bill()
        invoice.invoice_line_ids.name = "Gold bars"
        self._assert_covered(invoice, False)

    def test_credit_note_that_made_room_stays(self):
        invoice = self._bill()
        invoice.action_post()
        refund = invoice._reverse_moves([{}], cancel=True)
        self._assert_covered(self._bill())
        with self.assertRaisesRegex(UserError, "stays"):
            refund.button_draft()

    # What is paid counts

    def _create_coins(self, smallest):
        """Return a cash rounding up to the smallest coin."""
        return self.env["account.cash.rounding"].create(
            {
                "name": str(smallest),
                "rounding": smallest,
                "rounding_method": "UP",
                "strategy": "add_invoice_line",
                "profit_account_id": self.company_data["default_account_revenue"].id,
                "loss_account_id": self.company_data["default_account_expense"].id,
            }
        )

    def test_cash_that_is_rounded_up(self):
        order = self._order(
            order_line=[
                Command.create(
                    {
                        "product_id": self.company_data["product_order_no"].id,
                        "product_uom_qty": 1,
                        "price_unit": 10.93,
                        "tax_ids": False,
                    }
                )
            ]
        )
        for rounding, covered in ((100, False), (0.05, True)):
            invoice = self._bill(order)
            invoice.invoice_cash_rounding_id = self._create_coins(rounding)
            self.env.flush_all()
            self.assertEqual(invoice.amount_total, {100: 100, 0.05: 10.95}[rounding])
            self._assert_covered(invoice, covered)
            if not covered:
                invoice.unlink()

    def test_bills_that_were_cancelled_make_no_room(self):
        order = self._order()
        rounding = self._create_coins(0.05)
        for _number in range(6):
            bill = self._bill(order)
            bill.invoice_cash_rounding_id = rounding
            bill.button_cancel()
        bill = self._bill(order)
        bill.invoice_cash_rounding_id = rounding
        bill.invoice_line_ids[0].price_unit += 0.25
        self.env.flush_all()
        self._assert_covered(bill, False)

    def test_taxes_that_were_edited(self):
        order = self._order(
            order_line=[
                Command.create(
                    {
                        "product_id": self.company_data["product_order_no"].id,
                        "product_uom_qty": 1,
                        "price_unit": 100,
                        "tax_ids": [
                            Command.set(self.company_data["default_tax_sale"].ids)
                        ],
                    }
                )
            ]
        )
        invoice = self._bill(order)
        self._assert_status(invoice, "approved")
        totals = invoice.tax_totals
        totals["subtotals"][0]["tax_groups"][0]["tax_amount_currency"] += 50
        invoice.tax_totals = totals
        self.env.flush_all()
        self.assertGreater(invoice.amount_total, order.amount_total)
        self._assert_covered(invoice, False)

    def _assert_status(self, invoice, status):
        self.env.flush_all()
        self.assertEqual(invoice.customer_approval_status, status)

    def test_two_halves_of_an_odd_total(self):
        order = self._order(
            order_line=[
                Command.create(
                    {
                        "product_id": self.company_data["product_order_no"].id,
                        "product_uom_qty": 1,
                        "price_unit": 12870.59,
                        "tax_ids": False,
                    }
                )
            ]
        )
        for expected in (6435.3, 6435.3):
            invoice = self._pay_down(50, order)
            self.assertEqual(invoice.amount_total, expected)
            self._assert_covered(invoice)

    def test_more_than_the_slack_of_rounding(self):
        self._assert_covered(self._pay_down(50))
        invoice = self._pay_down(50)
        line = invoice.invoice_line_ids.filtered(lambda line: line.price_unit > 0)
        line.price_unit += 0.02
        self.env.flush_all()
        self._assert_covered(invoice, False)

    def test_many_small_deliveries(self):
        tax = self.company_data["default_tax_sale"].copy(
            {"name": "19 %", "amount": 19, "price_include_override": "tax_excluded"}
        )
        order = self._order(
            order_line=[
                Command.create(
                    {
                        "product_id": self.company_data["product_delivery_no"].id,
                        "product_uom_qty": 10,
                        "price_unit": 0.35,
                        "tax_ids": [Command.set(tax.ids)],
                    }
                )
            ]
        )
        for number in range(1, 11):
            order.order_line.qty_delivered = number
            invoice = self._bill(order)
            self.assertEqual(invoice.amount_total, 0.42)
            self._assert_covered(invoice)

    # The digits of then

    def test_decimals_that_are_raised(self):
        precision = self.env.ref("product.decimal_price")
        precision.digits = 2
        order = self._order(
            order_line=[
                Command.create(
                    {
                        "product_id": self.company_data["product_order_no"].id,
                        "product_uom_qty": 3,
                        "price_unit": 0.333,
                        "tax_ids": False,
                    }
                )
            ]
        )
        invoice = self._bill(order)
        self._assert_covered(invoice)
        precision.digits = 4
        self.env.invalidate_all()
        self.assertEqual(order._filter_customer_approved(), order)
        self.assertFalse((order | self.order)._find_content_problems())
        self.assertFalse(invoice._find_content_problems())
        order.write({"stage_id": self.quality.id})
        with self._refused("cannot be changed"):
            order.order_line.price_unit = 0.5

    # A discount for paying early

    def _bill_with_discount(self, percentage):
        """Return an order whose deposit is all of it, and its invoice, which is cheaper
        for whoever pays early."""
        term = self.env["account.payment.term"].create(
            {
                "name": f"{percentage} % in 10 days",
                "early_discount": True,
                "discount_percentage": percentage,
                "discount_days": 10,
                "line_ids": [
                    Command.create(
                        {"value": "percent", "value_amount": 100, "nb_days": 30}
                    )
                ],
            }
        )
        self.production.requires_customer_approval = False
        self.quality.minimum_deposit = 100
        order = self._order(payment_term_id=term.id)
        invoice = self._bill(order)
        invoice.invoice_date = fields.Date.today()
        invoice.action_post()
        return order, invoice

    def test_an_early_payment_settles_the_deposit(self):
        order, invoice = self._bill_with_discount(2)
        wizard = (
            self.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"payment_date": fields.Date.today()})
        )
        self.assertLess(wizard.amount, invoice.amount_total)
        wizard.action_create_payments()
        self.assertIn(invoice.payment_state, ("paid", "in_payment"))
        self.env.invalidate_all()
        self.assertEqual(order.deposit_missing, 0)
        order.write({"stage_id": self.quality.id})

    def test_costs_in_the_name_of_a_discount_are_no_money(self):
        order, invoice = self._bill_with_discount(50)
        total = invoice.amount_total
        receivable = invoice.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )
        journal = self.company_data["default_journal_bank"]
        entry = self.env["account.move"].create(
            {
                "journal_id": journal.id,
                "line_ids": [
                    Command.create({"account_id": account.id, "balance": balance})
                    for account, balance in (
                        (journal.default_account_id, total * 0.6),
                        (self.company_data["default_account_expense"], total * 0.4),
                        (receivable.account_id, -total),
                    )
                ],
            }
        )
        entry.action_post()
        (receivable | entry.line_ids[-1]).reconcile()
        self.env.invalidate_all()
        self.assertAlmostEqual(order.deposit_missing, total * 0.4)
