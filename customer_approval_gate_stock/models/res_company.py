# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    customer_approval_stock_policy = fields.Selection(
        [
            ("confirmation", "Stock follows Odoo's confirmation"),
            ("stage", "Stock follows stages"),
        ],
        string="Stock of Orders",
        default="confirmation",
        required=True,
        help="When a confirmed order gets its delivery orders: as always in Odoo, when "
        "it is confirmed; or when it enters the first stage that reserves or delivers.",
    )
    customer_approval_shortage = fields.Selection(
        [
            ("refuse", "Refuse the move"),
            ("deliver", "Deliver what is there, the rest later"),
        ],
        string="Where Stock Is Short",
        default="refuse",
        required=True,
        help="What happens when a document enters a stage that delivers, and not all "
        "of its goods are there.",
    )

    def write(self, vals):
        result = super().write(vals)
        if "customer_approval_stock_policy" in vals:
            orders = self.env["sale.order"].sudo()  # of whatever salesperson
            orders.search(
                [("stock_held_back", "=", True), ("company_id", "in", self.ids)]
            )._launch_held_back_stock()
        return result
