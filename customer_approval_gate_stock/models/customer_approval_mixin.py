# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models


class CustomerApprovalMixin(models.AbstractModel):
    _inherit = "customer.approval.mixin"

    def _get_approval_gates(self, gates, is_move=False):
        """A document whose customer has to approve it at all never touches stock before
        that, wherever in the list the stage is that reserves or delivers."""
        result = super()._get_approval_gates(gates, is_move)
        using = gates.sudo().filtered(lambda stage: stage._uses_stock())
        early = self.filtered(
            lambda d: not result[d] and using._of_company(d._get_document_company())
        )
        if not early:
            return result
        stages = using._get_list(self._stage_document_type)
        asking = super(CustomerApprovalMixin, early)._get_approval_gates(stages)
        for document in early:
            if asking[document]:
                result[document] = using._of_company(document._get_document_company())
        return result
