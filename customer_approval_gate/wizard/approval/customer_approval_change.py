# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...tools import capability


class CustomerApprovalChange(models.TransientModel):
    """The dialog that changes a request that waits: its deadline, and who is asked."""

    _name = "customer.approval.change"
    _description = "Change a Request"

    request_id = fields.Many2one(
        "customer.approval.request", required=True, ondelete="cascade"
    )
    deadline = fields.Date(
        compute="_compute_deadline",
        store=True,
        readonly=False,
        help="The last day for an answer.",
    )
    allowed_partner_ids = fields.Many2many("res.partner", compute="_compute_partners")
    add_partner_ids = fields.Many2many(
        "res.partner",
        relation="customer_approval_change_add_rel",
        string="Also Ask",
        domain="[('id', 'in', allowed_partner_ids)]",
    )
    ask_others = fields.Boolean(
        string="Ask Somebody Else",
        help="Also people who are no contacts of the customer. It is recorded.",
    )
    other_partner_ids = fields.Many2many(
        "res.partner",
        relation="customer_approval_change_other_rel",
        string="Others to Ask",
    )
    asked_partner_ids = fields.Many2many("res.partner", compute="_compute_partners")
    remove_partner_ids = fields.Many2many(
        "res.partner",
        relation="customer_approval_change_remove_rel",
        string="No Longer Ask",
        domain="[('id', 'in', asked_partner_ids)]",
    )

    @api.depends("request_id")
    def _compute_deadline(self):
        for dialog in self:
            dialog.deadline = dialog.request_id.deadline

    @api.depends("request_id")
    def _compute_partners(self):
        for dialog in self:
            request = dialog.request_id
            dialog.asked_partner_ids = request.approver_ids.filtered(
                lambda approver: approver.state in ("waiting", "asked")
            ).partner_id
            customer = request.partner_id.commercial_partner_id
            contacts = self.env["res.partner"].search(
                [("commercial_partner_id", "=", customer.id)]
            )
            dialog.allowed_partner_ids = (
                contacts - request.approver_ids._filter_counted().partner_id
            )

    def action_change(self):
        """Change what was changed in the dialog, and tell those concerned.

        :raise UserError: it cannot be changed in this way
        """
        self.ensure_one()
        request = self.request_id
        if strangers := self.add_partner_ids - self.allowed_partner_ids:
            raise UserError(
                self.env._(
                    "%(partner)s is no contact of the customer, or is asked already. "
                    "To ask somebody else, tick “Ask Somebody Else”.",
                    partner=strangers[0].display_name,
                )
            )
        capability.call(request._change_deadline, self.deadline)
        others = self.other_partner_ids if self.ask_others else self.browse()
        added = self.add_partner_ids | (others or self.add_partner_ids.browse())
        if added:
            capability.call(request._add_approvers, added)
        if self.remove_partner_ids:
            approvers = request.approver_ids.filtered(
                lambda approver: (
                    approver.partner_id in self.remove_partner_ids
                    and approver.state in ("waiting", "asked")
                )
            )
            capability.call(request._remove_approvers, approvers, added)
        return {"type": "ir.actions.client", "tag": "soft_reload"}
