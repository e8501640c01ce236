# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models


class CustomerApprovalAddress(models.TransientModel):
    """The dialog that corrects the address of somebody who is asked."""

    _name = "customer.approval.address"
    _description = "Change an Address"

    approver_id = fields.Many2one(
        "customer.approval.approver",
        string="Person",
        required=True,
        readonly=True,
        ondelete="cascade",
    )
    old_email = fields.Char(related="approver_id.email", string="Address until Now")
    reason = fields.Text(related="approver_id.mail_reason", string="What Happened")
    email = fields.Char(
        string="New Address",
        compute="_compute_email",
        store=True,
        readonly=False,
        help="It is kept on the contact, and the link goes there.",
    )

    @api.depends("approver_id")
    def _compute_email(self):
        for dialog in self:
            dialog.email = dialog.approver_id.partner_id.email

    def action_change_address(self):
        """Ask the person at the new address: the link of before stops.

        :raise UserError: it is no address, or somebody else's
        """
        self.ensure_one()
        self.approver_id._change_address(self.email)
        return {"type": "ir.actions.client", "tag": "soft_reload"}
