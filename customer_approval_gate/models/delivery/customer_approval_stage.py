# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class CustomerApprovalStage(models.Model):
    _inherit = "customer.approval.stage"

    auto_advance_on = fields.Selection(
        selection_add=[
            ("delivery_confirmed", "Delivery confirmed"),
            ("deposit_complete",),
            ("entry",),
        ],
        ondelete={"delivery_confirmed": "set null"},
    )
