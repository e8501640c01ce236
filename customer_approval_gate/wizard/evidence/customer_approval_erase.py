# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models
from odoo.exceptions import AccessError

from ...tools import capability


class CustomerApprovalErase(models.TransientModel):
    """The dialog that erases personal data in evidence, on legal request."""

    _name = "customer.approval.erase"
    _description = "Erase Personal Data"

    request_id = fields.Many2one(
        "customer.approval.request", required=True, ondelete="cascade"
    )
    reason = fields.Text(
        required=True, help="Such as the reference of the person's request."
    )

    def action_erase(self):
        """Erase the personal data in the evidence about the request's document.

        :raise AccessError: the user is no administrator
        """
        self.ensure_one()
        if not self.env.is_system():
            raise AccessError(
                self.env._("Only administrators may erase personal data: ask yours.")
            )
        document = self.request_id._get_document()
        # Nobody writes evidence but our own methods.
        capability.call(
            self.env["customer.approval.event"].sudo()._erase_personal,
            document,
            self.reason,
        )
        return {"type": "ir.actions.client", "tag": "soft_reload"}
