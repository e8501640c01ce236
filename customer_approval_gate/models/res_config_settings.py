# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    customer_approval_signature = fields.Boolean(
        related="company_id.customer_approval_signature", readonly=False
    )
    customer_approval_days = fields.Integer(
        related="company_id.customer_approval_days", readonly=False
    )
    customer_approval_consent = fields.Text(
        related="company_id.customer_approval_consent", readonly=False
    )
