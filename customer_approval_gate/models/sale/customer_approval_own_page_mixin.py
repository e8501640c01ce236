# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import SUPERUSER_ID, models
from odoo.http import request as http_request

from ...tools import capability
from ...tools.capability import is_signing
from ...tools.event_data import Answer
from ...tools.ledger import LEVELS


class CustomerApprovalOwnPageMixin(models.AbstractModel):
    """The order's own page, and the shop: signing or paying there is the customer's
    yes.

    Of its host, the order, it asks to be a ``customer.approval.mixin`` with stages.
    """

    _name = "customer.approval.own.page.mixin"
    _description = "The Order's Own Page"

    def _validate_order(self):
        """The customer's answer may have moved the order on already: then the page that
        they answered on has nothing left to confirm."""
        waiting = self.filtered(lambda order: order.state != "sale")
        if not waiting:
            return None
        cause = ""
        if waiting._is_cart():
            waiting._answer_by_ordering()
            cause = "ordered"
        elif any(is_signing(order) for order in waiting):
            cause = "signed"
        if not cause:
            return super(CustomerApprovalOwnPageMixin, waiting)._validate_order()
        # Keep the order and the signature even if confirming is refused, and tell staff
        # why it was.
        result = None
        with capability.call(waiting._preserve_trigger_if_refused, cause) as kept:
            result = super(CustomerApprovalOwnPageMixin, waiting)._validate_order()
        for order in kept:
            if cause == "ordered":
                order._leave_cart(cause)
                continue
            order._schedule_blocked_activity(
                self.env._(
                    "The customer has signed, but the order was not confirmed: "
                    "%(reasons)s",
                    reasons=order.advance_blocked_reason,
                )
            )
        return result

    def _is_cart(self):
        """Return whether these orders were put together by shoppers, who are at the end
        of their way through the shop."""
        return bool(self) and all(
            order._is_of_shop() and order.state == "draft" and not is_signing(order)
            for order in self
        )

    def _is_of_shop(self):
        """Return whether the shop (addon *website_sale*) made the order, for a shopper:
        it does so by itself. Whoever writes orders can write a website on theirs."""
        self.ensure_one()
        return (
            "website_id" in self._fields
            and bool(self.website_id)
            and self.create_uid.id == SUPERUSER_ID
        )

    def _is_shoppers_own(self):
        """Return whether whoever is at the shop's last page can answer for the order's
        customer: themselves, or without a login a customer who has none."""
        self.ensure_one()
        user, customer = self.env["res.users"], self.partner_id.commercial_partner_id
        if http_request.session.uid:
            user = user.sudo().browse(http_request.session.uid)  # any user's contact
            return user.partner_id.commercial_partner_id == customer
        return not self.partner_id.sudo().user_ids  # as above

    def _answer_by_ordering(self):
        """Accepting the shop's terms is the shopper's yes, where one answer is enough.
        Opening an address decides nothing."""
        if not http_request or http_request.httprequest.method != "POST":
            return
        for order in self:
            if not order._takes_own_page() or not order._is_shoppers_own():
                continue
            order._approve_by_customer(
                Answer(
                    "approved",
                    order.partner_id.name or "",
                    "online_payment",
                    partner=order.partner_id,
                )
            )

    def _leave_cart(self, cause):
        """Let a shopper's order wait as a quotation, and tell staff."""
        self.ensure_one()
        order = self._as_automation()
        if order.state == "draft":
            order._try(order.action_quotation_sent)
        reasons = order._get_blocked_text("sale") or order.advance_blocked_reason or ""
        if target := order._get_entry_stage("sale"):
            # Marking it as sent was a move, which forgets where it was headed.
            capability.call(order._block_advance, target, reasons, cause)
        order._schedule_blocked_activity(
            self.env._(
                "It was ordered in the shop, but not confirmed: %(reasons)s",
                reasons=reasons,
            )
        )

    def _has_to_be_signed(self):
        """One way to answer, not two: where the customer is asked, or has answered,
        they need not sign as well."""
        if self._has_approval_gates() and not self._takes_own_page():
            return False
        return (
            is_signing(self)
            or self.customer_approval_status not in ("pending", "approved")
        ) and super()._has_to_be_signed()

    def _has_to_be_paid(self):
        if self.customer_approval_status == "pending" and not is_signing(self):
            return False
        return super()._has_to_be_paid()

    def _can_be_edited_on_portal(self):
        """What the customer was asked about, or approved, stays as it is."""
        return (
            self.customer_approval_status not in ("pending", "approved")
            and super()._can_be_edited_on_portal()
        )

    def _takes_own_page(self):
        """Return whether signing or paying on the order's own page can be the
        customer's yes: its link is nobody's alone."""
        self.ensure_one()
        return (
            self._get_required_people() == 1
            and self._get_minimum_strength() <= LEVELS["document_page"]
            and not self.company_id.sudo().customer_approval_code
        )

    def _waits_for_several(self):
        """Return whether several people were asked, so that none speaks for all."""
        self.ensure_one()
        request = self.sudo().customer_approval_request_id  # the customer has no access
        return (
            request.state == "pending"
            and len(request.approver_ids.filtered(lambda a: a._is_open())) > 1
        )

    def _approve_by_customer(self, answer):
        """Take what the customer did on the order's own page as their yes, so that
        nobody is asked twice.

        :param answer: the ``Answer`` it stands for
        """
        self.ensure_one()
        if not self._has_approval_gates():
            return
        request = self.sudo().customer_approval_request_id  # the customer has no access
        if request.state != "pending" or request._is_outdated():
            if self._filter_customer_approved():
                return
            # Whose order it is: it is their page.
            request = self.sudo()._open_customer_approval(self.partner_id, mail=False)
        request._decide(answer)
