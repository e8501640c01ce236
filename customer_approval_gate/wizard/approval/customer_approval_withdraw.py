# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models

from ...tools import capability


class CustomerApprovalWithdraw(models.TransientModel):
    """The dialog that asks why a request is withdrawn."""

    _name = "customer.approval.withdraw"
    _description = "Withdraw a Request"

    request_id = fields.Many2one(
        "customer.approval.request", required=True, ondelete="cascade"
    )
    reason = fields.Text(required=True, help="Those who were asked read it.")

    def action_withdraw(self):
        """Take the request back, and tell those who were asked."""
        self.ensure_one()
        capability.call(self.request_id._withdraw_by_staff, self.reason)
        return {"type": "ir.actions.client", "tag": "soft_reload"}
