# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class CustomerApprovalEvent(models.Model):
    _inherit = "customer.approval.event"

    kind = fields.Selection(
        selection_add=[
            ("delivery_confirmed", "Delivery Confirmed"),
            ("stage_configured",),
        ],
        ondelete={"delivery_confirmed": "cascade"},
    )

    _delivery_idx = models.Index("(left(hash, 32)) WHERE kind = 'delivery_confirmed'")
