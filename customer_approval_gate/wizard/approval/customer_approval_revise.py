# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models
from odoo.exceptions import UserError

from ...tools import capability


class CustomerApprovalRevise(models.TransientModel):
    """The dialog that asks why an approved document is revised."""

    _name = "customer.approval.revise"
    _description = "Revise an Approved Document"

    res_model = fields.Char(required=True)
    res_id = fields.Many2oneReference(model_field="res_model", required=True)
    reason = fields.Text(required=True, help="It is kept in the document's history.")

    def action_revise(self):
        """Open a new version: the approval is no longer in force."""
        self.ensure_one()
        capability.call(self._get_document()._revise_customer_approval, self.reason)
        return {"type": "ir.actions.act_window_close"}

    def _get_document(self):
        model = self.env.registry.get(self.res_model)
        if model is None or not issubclass(
            model, self.env.registry["customer.approval.mixin"]
        ):
            raise UserError(self.env._("Customers cannot approve such records."))
        return self.env[self.res_model].browse(self.res_id)
