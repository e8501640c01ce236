# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    customer_approval_stock_policy = fields.Selection(
        related="company_id.customer_approval_stock_policy", readonly=False
    )
    customer_approval_shortage = fields.Selection(
        related="company_id.customer_approval_shortage", readonly=False
    )
