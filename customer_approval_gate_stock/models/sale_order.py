# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models


class SaleOrder(models.Model):
    _inherit = "sale.order"

    stock_held_back = fields.Boolean(
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Confirmed, and its goods wait for a stage that reserves or delivers.",
    )

    @api.model
    def _get_engine_fields(self):
        return super()._get_engine_fields() | {"stock_held_back"}

    def _hold_stock_back(self):
        confirmed = self.filtered(
            lambda order: order.state == "sale" and not order.stock_held_back
        )
        if confirmed:
            confirmed._write_engine_fields({"stock_held_back": True})

    def _launch_held_back_stock(self):
        """Deliver as always what was held back, where it waits no longer."""
        late = self.filtered(
            lambda order: (
                order.stock_held_back
                and order.state == "sale"
                and not order._waits_for_stock_stage()
            )
        )
        if late:
            late._write_engine_fields({"stock_held_back": False})
            late.order_line._action_launch_stock_rule()

    def _waits_for_stock_stage(self):
        """Return whether the order's goods wait for a stage that reserves or delivers:
        its company wants it so, and such a stage is ahead."""
        self.ensure_one()
        company = self.company_id.sudo()  # its settings
        if company.customer_approval_stock_policy != "stage" or not self.stage_id:
            return False
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        using = stages._of_company(self.company_id).filtered(
            lambda stage: stage._uses_stock()
        )
        own = self.stage_id.sudo()
        reached = using.filtered(
            lambda stage: (stage.sequence, stage.id) <= (own.sequence, own.id)
        )
        if own.reachable_anytime:
            # A side stage is no progress; what there is stays.
            return bool(using) and not self.order_line.move_ids
        return bool(using) and not reached

    def unlink(self):
        """What is no longer sold does not leave."""
        if not self or not self._keeps_history():
            return super().unlink()  # no stage has ever reserved anything
        self.sudo()._get_open_pickings().action_cancel()  # as for lines
        return super().unlink()

    def _run_entry_actions(self, stage):
        result = super()._run_entry_actions(stage)
        # Who has passed by the stage that reserves is delivered as always.
        self._launch_held_back_stock()
        return result

    def _prepare_stock(self):
        self.order_line._launch_missing_stock()

    def _get_stock_products(self):
        return self.order_line.product_id

    def _get_stock_pickings(self):
        # Of orders that are not confirmed, Odoo's own field knows the pickings as well.
        return self.picking_ids | self.order_line.move_ids.picking_id

    def _release_stock(self):
        """What is not confirmed gives up its deliveries, which Odoo would reserve anew
        by itself."""
        drafts = self.filtered(lambda order: order.state != "sale")
        drafts._get_open_pickings().action_cancel()
        return super(SaleOrder, self - drafts)._release_stock()

    def _is_approved_or_behind(self):
        """Return whether something that is added needs an approval of its own."""
        return bool(self) and (
            self.customer_approval_status == "approved" or self._is_below_gate_amount()
        )

    def _add_to_change_order(self, moves):
        """Add what these stock moves need to a change order: the one that is being
        prepared, or a new one.

        :param moves: ``stock.move`` records of a repair
        :return: the change order
        """
        self.ensure_one()
        change = (
            self.customer_approval_change_ids.filtered(
                lambda order: (
                    order.state == "draft"
                    and order.customer_approval_status == "not_required"
                )
            )[:1]
            or self._create_change_order()
        )
        self.env["sale.order.line"].create(
            [
                {
                    "order_id": change.id,
                    "product_id": move.product_id.id,
                    "product_uom_qty": move.product_uom_qty,
                    "product_uom_id": move.product_uom.id,
                    "move_ids": [fields.Command.link(move.id)],
                }
                for move in moves
            ]
        )
        self._schedule_blocked_activity(
            self.env._(
                "A repair needs more than the customer has approved: see the change "
                "order %(order)s, and request customer approval.",
                order=change.name,
            )
        )
        return change
