# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models


class ProductAttributeCustomValue(models.Model):
    _inherit = "product.attribute.custom.value"

    @api.model_create_multi
    def create(self, vals_list):
        values = super().create(vals_list)
        lines = values.sale_order_line_id
        lines._after_adding_to_documents()
        return values

    def write(self, vals):
        with self.sale_order_line_id.order_id._guard_approved_content():
            return super().write(vals)

    def unlink(self):
        with self.sale_order_line_id.order_id._guard_approved_content():
            return super().unlink()
