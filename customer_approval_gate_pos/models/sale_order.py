# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models

from odoo.addons.customer_approval_gate.tools import capability
from odoo.addons.customer_approval_gate.tools.capability import is_leaving_blocked

CAUSE = "sold_at_the_till"


class SaleOrder(models.Model):
    _inherit = "sale.order"

    customer_approval_till_message = fields.Char(
        compute="_compute_customer_approval_till_message",
        groups="base.group_user",
        help="Why the order cannot be settled at the till yet.",
    )

    @api.depends("state", "customer_approval_status")
    def _compute_customer_approval_till_message(self):
        for order in self:
            message = ""
            if order.state in ("draft", "sent"):
                # Whoever sees the order sees what blocks it.
                message = order.sudo()._get_blocked_text("sale")
            order.customer_approval_till_message = message

    @api.model
    def _load_pos_data_fields(self, config):
        return [
            *super()._load_pos_data_fields(config),
            "customer_approval_till_message",
        ]

    def action_confirm(self):
        """At the till what a gate blocks is left out, and staff are told."""
        if not is_leaving_blocked(self):
            result = super().action_confirm()
            self._deliver_less_what_was_sold()
            return result
        # The cashier need not be allowed to see what blocks it.
        waiting = self.sudo()._filter_blocked("sale").with_env(self.env)
        for order in waiting:
            order.sudo()._wait_after_sale()
        free = self - waiting
        return super(SaleOrder, free).action_confirm() if free else True

    def _wait_after_sale(self):
        """Keep that the order is to be confirmed, and tell staff why it is not."""
        self.ensure_one()
        reasons = self._get_blocked_text("sale")
        capability.call(
            self._block_advance, self._get_entry_stage("sale"), reasons, CAUSE
        )
        self._schedule_blocked_activity(
            self.env._(
                "It was sold at the till, but the order was not confirmed: %(reasons)s",
                reasons=reasons,
            )
        )

    def _deliver_less_what_was_sold(self):
        """What left at the till before the order was confirmed is not planned again:
        Odoo takes it off when a sale that is stored already comes once more."""
        sold = self.sudo().filtered(lambda order: order.state == "sale")
        sales = sold.pos_order_line_ids.order_id.filtered(
            lambda sale: sale.state not in ("draft", "cancel")
        )
        if sales:
            self.env["pos.order"].sudo().sync_from_ui(
                [
                    {"uuid": sale.uuid, "session_id": sale.session_id.id, "lines": []}
                    for sale in sales
                ]
            )

    @api.model
    def _describe_cause(self, cause):
        if cause == CAUSE:
            return self.env._("Sold at the till")
        return super()._describe_cause(cause)
