# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models


class SaleOrderLine(models.Model):
    _name = "sale.order.line"
    _inherit = ["customer.approval.line.mixin", "sale.order.line"]
    _approval_document_field = "order_id"
    _approval_quantity_field = "product_uom_qty"

    @api.model
    def _is_content_write(self, vals):
        return not vals.keys() <= {
            "analytic_distribution",
            "invoice_lines",
            "qty_delivered",
            "qty_invoiced",
            "salesman_id",
            "state",
        }

    def _is_bookkeeping(self):
        """Return whether Odoo itself appended the line without ordering anything:
        down payments, and expenses that are re-invoiced."""
        self.ensure_one()
        return not self.product_uom_qty and (self.is_downpayment or self.is_expense)

    def _get_approval_content(self, with_texts):
        lines = self.filtered(lambda line: not line._is_bookkeeping())
        lines = lines.with_prefetch(self._prefetch_ids)
        contents = super(SaleOrderLine, lines)._get_approval_content(with_texts)
        for line, content in zip(lines, contents, strict=True):
            if not line._is_priced():
                content["optional"] = line.is_optional
        return contents
