# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models
from odoo.tools import html2plaintext

from ..tools.grants import GRANT, PORTAL_SIGNATURE, granted


class SaleOrder(models.Model):
    _name = "sale.order"
    _inherit = [
        "customer.approval.mixin",
        "customer.approval.staged.mixin",
        "sale.order",
    ]
    _stage_document_type = "sale_order"
    _stage_final_states = ("sale",)

    # ------------------------------------------------------------------
    # Stages
    # ------------------------------------------------------------------

    def _enter_state(self, state):
        if state == "cancel":
            self.action_cancel()
            return
        # Odoo marks only drafts as sent, and confirms no cancelled order.
        self.filtered(
            lambda order: (
                order.state == "cancel" or (order.state == "sent" and state == "draft")
            )
        ).action_draft()
        if state == "sent":
            self.filtered(lambda order: order.state == "draft").action_quotation_sent()
        elif state == "sale":
            self.action_confirm()

    def _way_back_message(self, stage):
        self.ensure_one()
        if stage.document_state == "cancel":
            return self.env._(
                "%(order)s is confirmed: use its button “Cancel” to cancel it.",
                order=self.display_name,
            )
        return self.env._(
            "%(order)s is confirmed and cannot be moved back to %(stage)s. To take it "
            "back, use its button “Cancel”, then “Set to Quotation”.",
            order=self.display_name,
            stage=stage.name,
        )

    # ------------------------------------------------------------------
    # Approval
    # ------------------------------------------------------------------

    def _can_request_customer_approval(self):
        self.ensure_one()
        if self.state == "cancel":
            return self.env._(
                "%(order)s is cancelled: use its button “Set to Quotation” first.",
                order=self.display_name,
            )
        if not self.order_line.filtered(lambda line: not line.display_type):
            return self.env._(
                "%(order)s has no lines: enter what the customer is to approve.",
                order=self.display_name,
            )
        return super()._can_request_customer_approval()

    def _get_customer_approval_lines(self):
        return self.env["sale.order.line"].search_fetch(
            [("order_id", "in", self.ids)], order="order_id, sequence, id"
        )

    def _get_customer_approval_header(self, with_texts):
        self.ensure_one()
        of = self._related_content
        return {
            "partner": of(self.partner_id, with_texts),
            "invoice_address": of(self.partner_invoice_id, with_texts, address=True),
            "shipping_address": of(self.partner_shipping_id, with_texts, address=True),
            "company": of(self.company_id, with_texts),
            "currency": of(self.currency_id, with_texts),
            "payment_term": of(self.payment_term_id, with_texts),
            "fiscal_position": of(self.fiscal_position_id, with_texts),
            "valid_until": fields.Date.to_string(self.validity_date) or None,
            "delivery_date": fields.Datetime.to_string(self.commitment_date) or None,
            "customer_reference": self.client_order_ref or None,
            "terms": html2plaintext(self.note).strip() if self.note else None,
            "prepayment": self._format_decimals(self.prepayment_percent, 4)
            if self.require_payment
            else None,
        }

    # ------------------------------------------------------------------
    # The order's own page: signature and payment
    # ------------------------------------------------------------------

    def _has_to_be_signed(self):
        """One way to answer, not two: where the customer is asked, or has answered,
        they need not sign as well."""
        if self._is_signing():
            return super()._has_to_be_signed()
        return (
            self.customer_approval_status not in ("pending", "approved")
            and super()._has_to_be_signed()
        )

    def _has_to_be_paid(self):
        if self.customer_approval_status == "pending" and not self._is_signing():
            return False
        return super()._has_to_be_paid()

    def _can_be_edited_on_portal(self):
        """What the customer was asked about, or approved, stays as it is."""
        return (
            self.customer_approval_status not in ("pending", "approved")
            and super()._can_be_edited_on_portal()
        )

    def _is_signing(self):
        return granted(self.env, PORTAL_SIGNATURE)

    def write(self, vals):
        result = super().write(vals)
        if vals.get("signature") and self._is_signing():
            for order in self.with_context(**{GRANT: None}):
                order._approve_by_customer(
                    order.signed_by, "online_signature", signature=order.signature
                )
        return result

    def _approve_by_customer(self, name, method, **details):
        """Take what the customer did on the order's own page as their yes, so that
        nobody is asked twice."""
        self.ensure_one()
        if not self._has_approval_gates():
            return
        request = self.sudo().customer_approval_request_id  # the customer has no access
        if request.state != "pending" or request._is_outdated():
            if self._filter_customer_approved():
                return
            request = self.sudo()._open_customer_approval(mail=False)
        request._decide("approved", name, method, **details)

    def _has_approval_gates(self):
        """Return whether anything will ever ask for this order's approval."""
        self.ensure_one()
        stages = self.env["customer.approval.stage"]._get_list("sale_order")
        return self.customer_approval_status == "pending" or any(
            stage._requires_customer_approval(self.company_id) for stage in stages
        )
