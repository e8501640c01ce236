# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models


class AccountMoveLine(models.Model):
    _name = "account.move.line"
    _inherit = ["customer.approval.line.mixin", "account.move.line"]
    _approval_document_field = "move_id"
    _approval_quantity_field = "quantity"

    @api.model
    def _is_content_write(self, vals):
        # Unlike an order's lines, journal items are written all day long for
        # reasons of bookkeeping.
        return bool(
            {
                "currency_id",
                "discount",
                "display_type",
                "move_id",
                "name",
                "price_unit",
                "product_id",
                "product_uom_id",
                "quantity",
                "sequence",
                "tax_ids",
            }
            & vals.keys()
        )
