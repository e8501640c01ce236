# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from collections import defaultdict

from odoo import api, models

from ...tools.money import COUNTED_STATES, MONEY_JOURNALS, PARTIAL_SIDES, Received


class CustomerApprovalInvoiceMoneyMixin(models.AbstractModel):
    """The money that arrived for an invoice.

    Of its host, the invoice, it asks to be a ``customer.approval.deposit.mixin`` and
    Odoo's own fields of a journal entry.
    """

    _name = "customer.approval.invoice.money.mixin"
    _inherit = ["customer.approval.deposit.mixin"]
    _description = "Money That Arrived for an Invoice"

    def _read_money_received(self):
        """Return what of these invoices was paid, and of these credit notes was paid
        back or is owed back: ``{move: [Received]}``.

        What satisfies an invoice without being money does not count: credit notes,
        write-offs, discounts, entries of other journals.
        """
        result = defaultdict(list)
        if not self:
            return result
        Partial = self.env["account.partial.reconcile"]
        settled = defaultdict(float)
        for side, other, amount_field in PARTIAL_SIDES:
            partials = Partial.search([(f"{side}.move_id", "in", self.ids)])
            for partial in partials:
                move, counter = partial[side].move_id, partial[other].move_id
                amount = partial[amount_field]
                settled[move] += amount
                payment = counter.origin_payment_id
                is_credit = move.move_type == "out_refund"
                if counter.move_type in ("out_invoice", "out_receipt") and is_credit:
                    # Of another order: what was this one's is that one's now.
                    if not (move._get_orders() & counter._get_orders()):
                        result[move].append(Received(-amount, counter.date))
                    continue
                if (counter.move_type, counter.state) != ("entry", "posted"):
                    continue
                if payment and payment.state in COUNTED_STATES:
                    factor = payment._get_money_factor()
                elif not payment and counter.journal_id.type in MONEY_JOURNALS:
                    factor = counter._get_money_factor()
                else:
                    continue
                if move._gives_early_discount(factor, counter):
                    factor = 1.0
                amount = -amount if is_credit else amount * factor
                result[move].append(Received(amount, counter.date, payment))
        for move in self:
            # A credit note that is open is money the customer gets back.
            if move.move_type == "out_refund" and move.state == "posted":
                rest = move.amount_total - settled[move]
                if not move.currency_id.is_zero(rest):
                    result[move].append(Received(-rest, move.date))
            if move.move_type in ("out_invoice", "out_receipt"):
                # What was paid without an entry is settled by one later.
                paid = sum(part.amount for part in result.get(move, ()))
                for payment, amount in move._get_payments_without_entry():
                    amount = min(max(amount - paid, 0.0), amount)
                    paid = max(paid - amount, 0.0)
                    result[move].append(Received(amount, payment.date, payment))
        return result

    def _post(self, soft=True):
        posted = super()._post(soft)
        self._notify_of_money()
        return posted

    def button_draft(self):
        result = super().button_draft()
        self._notify_of_money()
        return result

    def button_cancel(self):
        result = super().button_cancel()
        self._notify_of_money()
        return result

    def _get_orders(self):
        return self.invoice_line_ids.sale_line_ids.order_id

    def _get_money_factor(self):
        """Return how much of what an entry of a bank or of a cash box settles is money:
        the rest was written off in the same entry."""
        self.ensure_one()
        money = self.line_ids.filtered(
            lambda line: line.account_type in ("asset_cash", "liability_credit_card")
        )
        settled = self.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )
        total = abs(sum(settled.mapped("balance")))
        return min(abs(sum(money.mapped("balance"))) / total, 1.0) if total else 0.0

    def _get_written_off(self):
        """Return the lines of a payment's entry that are neither money nor what it
        settles."""
        self.ensure_one()
        settled = ("asset_receivable", "liability_payable")
        money = self.line_ids.filtered(
            lambda line: line.account_type in ("asset_cash", "liability_credit_card")
        )
        if self.origin_payment_id:
            money |= self.origin_payment_id._seek_for_lines()[0]
        return self.line_ids.filtered(
            lambda line: line.account_type not in settled and line not in money
        )

    def _gives_early_discount(self, factor, entry):
        """Return whether what was not paid is the discount for paying early that the
        invoice's own terms give: settled is settled then.

        :param float factor: how much of what was settled is money, from 0 to 1
        :param entry: the payment's entry
        """
        self.ensure_one()
        term = self.invoice_payment_term_id
        if not 0 < factor < 1 or not term.early_discount:
            return False
        agreed = self._get_orders().payment_term_id
        if agreed and term not in agreed:
            return False
        # Nothing else was written off in the name of a discount.
        company = self.company_id.sudo()  # its settings
        accounts = (
            company.account_journal_early_pay_discount_loss_account_id
            | company.account_journal_early_pay_discount_gain_account_id
        )
        if any(
            line.account_id not in accounts and not line.tax_line_id
            for line in entry._get_written_off()
        ):
            return False
        last_days = [
            line.discount_date
            for line in self.line_ids
            if line.display_type == "payment_term" and line.discount_date
        ]
        cent = self.currency_id.rounding / (self.amount_total or 1)
        return (
            bool(last_days)
            and entry.date <= max(last_days)
            and factor >= 1 - term.discount_percentage / 100 - cent
        )

    def _get_payments_without_entry(self):
        """Return the payments that have no entry of their own, as in other accounting
        apps, with this invoice's part of each, in the invoice's currency."""
        self.ensure_one()
        result = []
        for payment in self.matched_payment_ids:
            if payment.move_id or payment.state not in COUNTED_STATES:
                continue
            total = sum(payment.invoice_ids.mapped("amount_total"))
            part = self.amount_total / total if total else 1.0
            amount = payment.currency_id._convert(
                part * payment._get_counted_amount(),
                self.currency_id,
                self.company_id,
                payment.date,
            )
            result.append((payment, min(amount, self.amount_total)))
        return result

    def _get_paid_without_entry(self, payments):
        """Return how much of these payments, which have no entry, is this invoice's."""
        self.ensure_one()
        return sum(
            amount
            for payment, amount in self._get_payments_without_entry()
            if payment in payments
        )

    @api.model
    def _is_money_of_interest(self):
        """Return whether any stage does anything: what is paid, or paid back, moves
        nothing otherwise."""
        stages = self.env["customer.approval.stage"]
        return any(map(stages._is_list_in_use, stages._document_models()))

    def _notify_of_money(self):
        """Let invoices, and the orders that they bill, know that money came or went."""
        if not self or not self._is_money_of_interest():
            return
        moves = self.sudo()  # to be told, not shown
        payments = moves.origin_payment_id
        orders = payments.deposit_order_id
        orders |= payments.payment_transaction_id.sale_order_ids
        orders._after_money()
        moves = moves.filtered(
            lambda move: move.move_type in ("out_invoice", "out_receipt", "out_refund")
        )
        moves.filtered(lambda move: move._is_staged())._after_money()
        moves.invoice_line_ids.sale_line_ids.order_id._after_money()

    def _get_money_sources(self):
        sources = {}
        for move in self:
            payments, rest = self._sort_transactions(move.transaction_ids)
            # Those payments are reconciled with the invoice, or about to be.
            open_payments = payments.filtered(
                lambda payment, move=move: (
                    payment.state in COUNTED_STATES
                    and move not in payment.reconciled_invoice_ids
                )
            )
            share = 1 / max(len(move.transaction_ids.invoice_ids), 1)
            sources[move] = (
                {move: 1.0},
                dict.fromkeys(open_payments, share),
                dict.fromkeys(rest, share),
            )
        return sources
