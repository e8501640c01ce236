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

    def _is_approval_content(self):
        """Odoo itself appends down payments, and expenses that are re-invoiced: lines
        that order nothing."""
        self.ensure_one()
        if self.product_uom_qty:
            return True
        reinvoiced = self.is_expense and self.product_id.expense_policy != "no"
        return not (self.is_downpayment or reinvoiced)

    def _get_approval_content(self, with_texts):
        lines = self.filtered(lambda line: line._is_approval_content())
        lines = lines.with_prefetch(self._prefetch_ids)
        contents = super(SaleOrderLine, lines)._get_approval_content(with_texts)
        for line, content in zip(lines, contents, strict=True):
            if not line._is_priced():
                content["optional"] = line.is_optional
        return contents
