# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models

from ...tools import capability
from ...tools.event_data import Answer


class PaymentTransaction(models.Model):
    _inherit = "payment.transaction"

    def _post_process(self):
        """A payment is booked whatever a gate says: draft invoices that a gate blocks
        stay drafts (``account.move.action_post()``)."""
        with capability.hold(self.env, capability.LeavingBlocked("account.move")):
            result = super()._post_process()
        done = self.filtered(lambda tx: tx.state == "done")
        (done | done.source_transaction_id).sale_order_ids._after_money()
        return result

    def _get_share_of(self, order):
        """Return how much of a payment for several orders is one order's, from 0 to
        1: in the ratio of their totals."""
        self.ensure_one()
        orders = self.sale_order_ids
        if len(orders) < 2:
            return 1.0
        totals = {other: max(other.amount_total, 0.0) for other in orders}
        return totals[order] / (sum(totals.values()) or 1.0)

    def _check_amount_and_confirm_order(self):
        """Paying what the order's page asks for is the customer's yes. Where a gate
        blocks the order nonetheless, it stays where it is and staff are told."""
        confirming = self
        for tx in self:
            order = tx.sale_order_ids
            if (
                len(order) != 1
                or order.state not in ("draft", "sent")
                or not order._is_confirmation_amount_reached()
            ):
                continue
            if tx._is_customers_consent(order):
                order._approve_by_customer(
                    Answer(
                        "approved",
                        tx.partner_id.name or order.partner_id.name,
                        "online_payment",
                        partner=tx.partner_id,
                    )
                )
            if order._filter_blocked("sale"):
                confirming -= tx
                reasons = order._get_blocked_text("sale")
                order._schedule_blocked_activity(
                    self.env._(
                        "A payment arrived (%(reference)s), but the order was not "
                        "confirmed: %(reasons)s",
                        reference=tx.reference,
                        reasons=reasons,
                    )
                )
                # What the customer paid for is confirmed as soon as nothing blocks it.
                capability.call(
                    order._block_advance,
                    order._get_entry_stage("sale"),
                    reasons,
                    "payment_arrived",
                )
        confirmed = self.env["sale.order"]
        for tx in confirming:
            orders = tx.sale_order_ids.filtered(lambda order: order.state != "sale")
            with capability.call(
                orders._preserve_trigger_if_refused, "payment_arrived"
            ) as kept:
                confirmed |= super(
                    PaymentTransaction, tx
                )._check_amount_and_confirm_order()
            for order in kept:
                order._schedule_blocked_activity(
                    self.env._(
                        "A payment arrived (%(reference)s), but the order was not "
                        "confirmed: %(reasons)s",
                        reference=tx.reference,
                        reasons=order.advance_blocked_reason,
                    )
                )
        return confirmed

    def _set_pending(self, **kwargs):
        """Payment at the door confirms orders by itself (addons *delivery* and
        *website_sale_collect*), drafts only: what a gate blocks is none any more.

        :param kwargs: as for Odoo's own method
        :return: the transactions
        """
        transactions = super()._set_pending(**kwargs)
        later = transactions.filtered(
            lambda tx: (
                "custom_mode" in tx.provider_id._fields
                and tx.provider_id.custom_mode in ("cash_on_delivery", "on_site")
            )
        )
        drafts = later.sale_order_ids.filtered(lambda order: order.state == "draft")
        for order in drafts._filter_blocked("sale"):
            order._leave_cart("ordered")
        return transactions

    def _is_customers_consent(self, order):
        """Return whether paying was meant as the customer's yes.

        It is where the order asks for payment online, and in the shop: there the
        customer pays below the words "you confirm acceptance". A payment link sent by
        staff says nothing of the kind, and somebody else's payment is nobody's consent.
        """
        self.ensure_one()
        # Where the shop sends whoever has paid. A payment link leads elsewhere.
        in_shop = order._is_of_shop() and (self.landing_route or "").startswith("/shop")
        return (
            (order.require_payment or in_shop)
            and order.customer_approval_status != "rejected"
            # Where several people are asked, one payment is not their answer.
            and order._takes_own_page()
            and not order._waits_for_several()
            and self.partner_id.commercial_partner_id
            == order.partner_id.commercial_partner_id
        )
