# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The money that arrived for an invoice."""

from collections import defaultdict

from odoo import models

from ..tools.money import COUNTED_STATES, MONEY_JOURNALS, PARTIAL_SIDES, Received


class AccountMove(models.Model):
    _inherit = "account.move"

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
                is_money = (
                    payment.state in COUNTED_STATES
                    if payment
                    else counter.journal_id.type in MONEY_JOURNALS
                )
                if (counter.move_type, counter.state) != ("entry", "posted") or (
                    not is_money
                ):
                    continue
                if move.move_type == "out_refund":
                    amount = -amount
                elif payment:
                    amount *= payment._get_money_factor()
                result[move].append(Received(amount, counter.date, payment))
        for move in self:
            # A credit note that is open is money the customer gets back.
            if move.move_type == "out_refund" and move.state == "posted":
                rest = move.amount_total - settled[move]
                if not move.currency_id.is_zero(rest):
                    result[move].append(Received(-rest, move.date))
            # Where payments have no entry of their own, as in other accounting apps.
            if move.move_type == "out_invoice":
                for payment in move.matched_payment_ids:
                    if not payment.move_id and payment.state in COUNTED_STATES:
                        amount = payment.currency_id._convert(
                            payment._get_counted_amount(),
                            move.currency_id,
                            move.company_id,
                            payment.date,
                        )
                        amount = min(amount, move.amount_total)
                        result[move].append(Received(amount, payment.date, payment))
        return result

    def _tell_of_money(self):
        """Let invoices, and the orders that they bill, know that money came or went."""
        moves = self.sudo().filtered(  # to be told, not shown
            lambda move: move.move_type in ("out_invoice", "out_refund")
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
