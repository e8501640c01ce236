# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class ResPartner(models.Model):
    _inherit = "res.partner"

    customer_approval_order_partner_ids = fields.Many2many(
        "res.partner",
        relation="customer_approval_order_partner_rel",
        column1="partner_id",
        column2="approver_id",
        string="Approve Orders",
        domain="[('commercial_partner_id', '=', commercial_partner_id)]",
        help="Who is asked to approve orders. Empty: the contact of the order.",
    )
    customer_approval_invoice_partner_ids = fields.Many2many(
        "res.partner",
        relation="customer_approval_invoice_partner_rel",
        column1="partner_id",
        column2="approver_id",
        string="Approve Invoices",
        domain="[('commercial_partner_id', '=', commercial_partner_id)]",
        help="Who is asked to approve invoices. Empty: the contact of the invoice.",
    )
    customer_approval_second_amount = fields.Float(
        string="Two People from",
        company_dependent=True,
        tracking=True,
        help="From this total on, in your company's currency, two people of the "
        "customer have to approve. 0: one is always enough.",
    )

    @api.constrains(
        "customer_approval_order_partner_ids", "customer_approval_invoice_partner_ids"
    )
    def _check_customer_approvers(self):
        for partner in self:
            approvers = (
                partner.customer_approval_order_partner_ids
                | partner.customer_approval_invoice_partner_ids
            )
            for approver in approvers:
                if approver.commercial_partner_id != partner.commercial_partner_id:
                    raise ValidationError(
                        self.env._(
                            "%(approver)s is no contact of %(customer)s. Choose one of "
                            "the customer's own contacts.",
                            approver=approver.display_name,
                            customer=partner.display_name,
                        )
                    )

    @api.constrains("customer_approval_second_amount")
    def _check_customer_approval_second_amount(self):
        for partner in self:
            if partner.customer_approval_second_amount < 0:
                raise ValidationError(
                    self.env._("Amounts cannot be negative. Enter 0 for none.")
                )

    def _check_approval_address(self):
        """Mails go to one address, the first that is one.

        :raise UserError: a contact has none
        """
        for partner in self:
            if partner.email_normalized:
                continue
            if partner.email:
                raise UserError(
                    self.env._(
                        "“%(email)s” is not an e-mail address. Enter one for "
                        "%(partner)s, or ask on this screen.",
                        email=partner.email,
                        partner=partner.display_name,
                    )
                )
            raise UserError(
                self.env._(
                    "%(partner)s has no e-mail address. Enter one, or ask on this "
                    "screen.",
                    partner=partner.display_name,
                )
            )
