# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def write(self, vals):
        if "invoice_lines" not in vals:
            return super().write(vals)
        with self.invoice_lines._keep_bills():
            return super().write(vals)
