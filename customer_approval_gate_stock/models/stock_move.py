# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class StockMove(models.Model):
    _inherit = "stock.move"

    customer_approval_invoice_line_id = fields.Many2one(
        "account.move.line",
        string="Customer Invoice Line",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="The line of an invoice without an order whose goods these are.",
    )
