# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import http
from odoo.exceptions import AccessError, MissingError
from odoo.http import request

from odoo.addons.sale.controllers.portal import CustomerPortal

from ...tools import capability
from ...tools.event_data import Answer
from ...tools.mails import MAIL_LATER
from ..approval.answer_form import guarded


class SaleApprovalPortal(CustomerPortal):
    @http.route()
    @guarded
    def portal_order_page(self, order_id, *args, **kwargs):
        """What is signed is what was shown: remember it."""
        response = super().portal_order_page(order_id, *args, **kwargs)
        if response.status_code == 200 and self._is_gated(order_id):
            request.session[self._get_seen_key(order_id)] = self._get_scope(order_id)
        return response

    def _get_seen_key(self, order_id):
        return f"customer_approval_seen_{order_id}"

    def _get_scope(self, order_id):
        # A digest, which gives nothing away.
        order = request.env["sale.order"].sudo().browse(order_id).exists()
        return order._get_scope_digests().get(order.id)

    @http.route()
    @guarded
    def portal_quote_accept(self, order_id, access_token=None, **kwargs):
        """Signing on the order's own page is the customer's yes too, unless it is
        staff who sign."""
        if request.env.user._is_internal() and self._is_gated(order_id):
            return {
                "error": request.env._(
                    "You are logged in as a member of staff and cannot sign for the "
                    "customer. If the customer is with you, use “On This Screen” on "
                    "the order."
                )
            }
        seen = request.session.get(self._get_seen_key(order_id))
        if seen and seen != self._get_scope(order_id):
            return {
                "error": request.env._(
                    "This document has changed since you opened it. Please load the "
                    "page again, and read it before you sign."
                )
            }
        user = request.env.user
        partner = None if user._is_public() else user.partner_id
        request.update_context(**MAIL_LATER)
        signature = capability.PortalSignature(order_id, partner)
        with capability.hold(request.env, signature):
            return super().portal_quote_accept(
                order_id, access_token=access_token, **kwargs
            )

    @http.route()
    @guarded
    def portal_quote_decline(
        self, order_id, access_token=None, decline_message=None, **kwargs
    ):
        """Where the customer is asked for an approval, declining is a rejection: the
        order is not cancelled, so that staff can change it and ask again."""
        try:
            order_sudo = self._document_check_access(
                "sale.order", order_id, access_token=access_token
            )
        except (AccessError, MissingError):
            return request.redirect("/my")
        approval = order_sudo.with_context(**MAIL_LATER).customer_approval_request_id
        if (
            approval.state != "pending"
            or not decline_message
            or approval._is_outdated()
            or approval._is_expired()
        ):
            return super().portal_quote_decline(
                order_id,
                access_token=access_token,
                decline_message=decline_message,
                **kwargs,
            )
        user = request.env.user
        approvers = approval.approver_ids.filtered(lambda a: a._is_open())
        if not user._is_public():
            approvers = approvers._acts_for(user.partner_id)
        # Whoever is one of several says so on the page of the request.
        if user._is_internal() or len(approvers) != 1:
            return request.redirect(approval.get_portal_url())
        approval._decide(
            Answer(
                "rejected",
                (approvers.partner_id if user._is_public() else user.partner_id).name,
                "online_signature" if user._is_public() else "portal",
                reason=decline_message,
                approver=approvers,
                partner=None if user._is_public() else user.partner_id,
            )
        )
        if user._is_public():
            return request.redirect(order_sudo.get_portal_url())
        return request.redirect(approval.get_portal_url(query_string="answered=1"))

    def _is_gated(self, order_id):
        order = request.env["sale.order"].sudo().browse(order_id).exists()
        return bool(order) and order._has_approval_gates()
