# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.exceptions import UserError

from ...tools import triggers


class CustomerApprovalInsertOnlyMixin(models.AbstractModel):
    """Evidence: rows that our own methods insert by SQL, and that nobody changes or
    deletes, neither by Odoo nor in the database."""

    _name = "customer.approval.insert.only.mixin"
    _inherit = ["customer.approval.guarded.mixin"]
    _description = "Evidence"

    @api.model
    def _get_triggers(self):
        return [*super()._get_triggers(), *triggers.unalterable(self._table)]

    @api.model_create_multi
    def create(self, vals_list):
        self._refuse_writing()
        return super().create(vals_list)

    def write(self, vals):
        self._refuse_writing()
        return super().write(vals)

    def unlink(self):
        # Not api.ondelete, which a context key switches off.
        if self:
            self._refuse_writing()
        return super().unlink()

    @api.model
    def _refuse_writing(self):
        raise UserError(
            self.env._(
                "Events are evidence: they are written by what happens, and can be "
                "neither changed nor deleted."
            )
        )
