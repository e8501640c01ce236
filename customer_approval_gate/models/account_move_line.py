# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.tools import float_compare

# What of an invoice's journal items its customer reads.
CONTENT_TYPES = ("product", "line_section", "line_subsection", "line_note")


class AccountMoveLine(models.Model):
    _name = "account.move.line"
    _inherit = ["customer.approval.line.mixin", "account.move.line"]
    _approval_document_field = "move_id"
    _approval_quantity_field = "quantity"

    @api.model
    def _is_content_write(self, vals):
        # Journal items are written all day long for reasons of bookkeeping.
        return not vals.keys() <= {
            "account_id",
            "analytic_distribution",
            "analytic_line_ids",
            "date",
            "date_maturity",
            "full_reconcile_id",
            "matching_number",
            "partner_id",
            "reconciled",
        }

    def _is_approval_content(self):
        return self.display_type in CONTENT_TYPES

    def _bills_what_was_approved(self):
        """Return whether the line bills something that an approved order has, with all
        other invoices no more of it, and at no higher price.

        Orders whose customer approved them say what was approved: they are locked.
        """
        self.ensure_one()
        if not self.sale_line_ids:
            return self.price_total <= 0
        return all(self._bills_sale_line(line) for line in self.sale_line_ids)

    def _bills_sale_line(self, sale_line):
        if sale_line.is_downpayment:
            return True  # part of the total, see account.move._agrees_with_order()
        if not sale_line._is_approval_content() or (
            self.product_id != sale_line.product_id
            or self.product_uom_id != sale_line.product_uom_id
            or self.tax_ids != sale_line.tax_ids
        ):
            return False
        quantity = 0.0
        for line in sale_line.invoice_lines:
            if line.move_id.state == "cancel":
                continue
            sign = -1 if line.move_id.move_type == "out_refund" else 1
            quantity += sign * line.product_uom_id._compute_quantity(
                line.quantity, sale_line.product_uom_id
            )
        unit = sale_line.product_uom_id
        price, approved = (
            line.price_unit * (100 - line.discount) for line in (self, sale_line)
        )
        return (
            unit.compare(quantity, sale_line.product_uom_qty) <= 0
            and float_compare(price, approved, precision_digits=4) <= 0
        )
