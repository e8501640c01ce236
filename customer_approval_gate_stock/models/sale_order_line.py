# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    def _action_launch_stock_rule(self, *, previous_product_uom_qty=False):
        """Where stock follows stages, nothing is moved before the stage comes."""
        waiting = self.filtered(lambda line: line.order_id._waits_for_stock_stage())
        waiting.order_id._hold_stock_back()
        return super(SaleOrderLine, self - waiting)._action_launch_stock_rule(
            previous_product_uom_qty=previous_product_uom_qty
        )

    def unlink(self):
        """What is no longer sold does not leave."""
        self._cancel_open_moves()
        return super().unlink()

    def _cancel_open_moves(self):
        moves = self.sudo().move_ids  # whoever sells need not move goods
        moves.filtered(lambda m: m.state not in ("done", "cancel"))._action_cancel()

    def _launch_missing_stock(self):
        """Order from stock what no stock move is there for yet, also for orders that
        are not confirmed: what Odoo does at the confirmation counts the moves that are
        there, so that nothing is doubled. Where too much is to leave, it is ordered
        anew."""
        procurements = []
        for line in self.filtered(
            lambda line: not line.display_type and line.product_id.type == "consu"
        ):
            line = line.with_company(line.company_id)
            missing = line.product_uom_qty - line._get_qty_procurement()
            if line.product_uom_id.compare(missing, 0) < 0:
                line._cancel_open_moves()
                missing = line.product_uom_qty - line._get_qty_procurement()
            if line.product_uom_id.compare(missing, 0) <= 0:
                continue
            if not line.order_id.stock_reference_ids:
                self.env["stock.reference"].create(line._prepare_reference_vals())
            quantity, unit = line.product_uom_id._adjust_uom_quantities(
                missing, line.product_id.uom_id
            )
            procurements += line._create_procurements(
                quantity, unit, line._prepare_procurement_values()
            )
        if procurements:
            self.env["stock.rule"].run(procurements)
