# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models

from odoo.addons.customer_approval_gate.tools.quantities import format_quantity


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

    # ------------------------------------------------------------------
    # Of the addon repair: without it nobody calls these
    # ------------------------------------------------------------------

    def _create_repair_sale_order_line(self):
        """A part that a repair needs beyond what its customer approved becomes a change
        order, which the customer is asked about on its own."""
        extra = self.filtered(
            lambda move: (
                not move.sale_line_id
                and move.repair_line_type == "add"
                and move.repair_id.sale_order_id.sudo()._is_approved_or_behind()
            )
        )
        super(StockMove, self - extra)._create_repair_sale_order_line()
        for order, moves in extra.grouped(
            lambda move: move.repair_id.sale_order_id
        ).items():
            # Whoever repairs need not be allowed to sell.
            order.sudo()._add_to_change_order(moves.sudo())

    def _clean_repair_sale_order_line(self):
        """What was approved stays in the order, though less of it is delivered."""
        return super(
            StockMove, self - self._filter_approved_lines()
        )._clean_repair_sale_order_line()

    def _update_repair_sale_order_line(self):
        """As above. More of it than was approved is told to staff."""
        approved = self._filter_approved_lines()
        for line, moves in approved.grouped("sale_line_id").items():
            needed = sum(line.move_ids.mapped("product_uom_qty"))
            if line.product_uom_id.compare(needed, line.product_uom_qty) > 0:
                moves._notify_of_more_than_approved(line, needed)
        return super(StockMove, self - approved)._update_repair_sale_order_line()

    def _filter_approved_lines(self):
        return self.filtered(
            lambda move: move.sale_line_id.order_id.sudo()._is_approved_or_behind()
        )

    def _notify_of_more_than_approved(self, line, needed):
        order = line.order_id.sudo()  # whoever repairs need not see orders
        order._schedule_blocked_activity(
            self.env._(
                "The repair needs %(needed)s of %(product)s, and the customer has "
                "approved %(approved)s. Make a change order for the rest.",
                needed=format_quantity(self.env, needed),
                approved=format_quantity(self.env, line.product_uom_qty),
                product=line.product_id.display_name,
            )
        )
