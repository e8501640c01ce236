# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models

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
