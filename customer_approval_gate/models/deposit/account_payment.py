# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...tools.money import COUNTED_STATES, PARTIAL_SIDES


class AccountPayment(models.Model):
    _inherit = "account.payment"

    deposit_order_id = fields.Many2one(
        "sale.order",
        string="Deposit for",
        copy=False,
        check_company=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The order that this payment on account is a deposit for: it counts there "
        "before there is an invoice.",
    )

    @api.constrains("deposit_order_id", "partner_id", "partner_type")
    def _check_deposit_order(self):
        for payment in self:
            order = payment.deposit_order_id.sudo()  # whatever the bookkeeper may read
            if order and (
                payment.partner_type != "customer"
                or payment.partner_id.commercial_partner_id
                not in (
                    order.partner_id.commercial_partner_id
                    | order.partner_invoice_id.commercial_partner_id
                )
            ):
                raise ValidationError(
                    self.env._(
                        "%(payment)s cannot be a deposit for %(order)s, which is of "
                        "another customer. Choose one of this customer's orders.",
                        payment=payment.display_name,
                        order=order.display_name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        payments = super().create(vals_list)
        payments.filtered("deposit_order_id")._notify_documents()
        return payments

    def write(self, vals):
        if not {"deposit_order_id", "state", "amount"} & vals.keys():
            return super().write(vals)
        orders = self.sudo().deposit_order_id  # to be told, not shown
        result = super().write(vals)
        self._notify_documents(orders)
        return result

    def _notify_documents(self, orders=None):
        """Let the documents know that money came or went.

        :param orders: what else this was a deposit for
        """
        payments = self.sudo()  # to be told, not shown
        transactions = payments.payment_transaction_id
        orders = (orders or payments.deposit_order_id) | payments.deposit_order_id
        (orders | transactions.sale_order_ids)._after_money()
        payments.reconciled_invoice_ids._notify_of_money()

    def _get_counted_amount(self):
        """Return the payment as money that arrived, in its currency: negative if it was
        paid back, and nothing as long as it is a draft, or was cancelled."""
        self.ensure_one()
        if self.state not in COUNTED_STATES or (
            self.move_id and self.move_id.state != "posted"
        ):
            return 0.0
        return self.amount if self.payment_type == "inbound" else -self.amount

    def _read_uses(self):
        """Return what these payments were reconciled with: ``{payment: [(entry,
        amount)]}``, in the payment's currency, negative for what was paid back."""
        result = defaultdict(list)
        counted = self.filtered(lambda payment: payment.state in COUNTED_STATES)
        if not counted.move_id:
            return result
        Partial = self.env["account.partial.reconcile"]
        for side, other, amount_field in PARTIAL_SIDES:
            for partial in Partial.search(
                [(f"{side}.move_id", "in", counted.move_id.ids)]
            ):
                own = partial[side]
                payment = own.move_id.origin_payment_id
                # The other account waits for the bank's statement.
                if own.account_id != payment.destination_account_id:
                    continue
                sign = 1 if payment.payment_type == "inbound" else -1
                amount = own.currency_id._convert(
                    sign * partial[amount_field],
                    payment.currency_id,
                    payment.company_id,
                    payment.date,
                    round=False,
                )
                result[payment].append((partial[other].move_id, amount))
        return result

    def _get_money_factor(self):
        """Return how much of what the payment satisfies is money: less than all where
        a difference was written off."""
        self.ensure_one()
        lines = self.move_id.line_ids.filtered(
            lambda line: line.account_id == self.destination_account_id
        )
        satisfied = abs(sum(lines.mapped("amount_currency")))
        return min(self.amount / satisfied, 1.0) if satisfied else 1.0
