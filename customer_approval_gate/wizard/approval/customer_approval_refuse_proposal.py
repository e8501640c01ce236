# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models

from ...tools import capability


class CustomerApprovalRefuseProposal(models.TransientModel):
    """The dialog that asks why a proposed colleague may not answer."""

    _name = "customer.approval.refuse.proposal"
    _description = "Refuse a Proposed Substitute"

    approver_id = fields.Many2one(
        "customer.approval.approver",
        string="Person",
        required=True,
        readonly=True,
        ondelete="cascade",
    )
    proposed_name = fields.Char(related="approver_id.proposed_name")
    proposed_email = fields.Char(related="approver_id.proposed_email")
    reason = fields.Text(required=True, help="The person who proposed them reads it.")

    def action_refuse(self):
        """Refuse, and mail the reason to whoever made the proposal."""
        self.ensure_one()
        capability.call(self.approver_id._refuse_proposal, self.reason)
        return {"type": "ir.actions.client", "tag": "soft_reload"}
