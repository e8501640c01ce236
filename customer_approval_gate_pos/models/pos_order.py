# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.exceptions import UserError

from odoo.addons.customer_approval_gate.tools import capability


class PosOrder(models.Model):
    _inherit = "pos.order"

    @api.model
    def sync_from_ui(self, orders):
        """The cashier has the money: what a gate blocks waits, and sale and payment are
        kept nonetheless.

        :param orders: as Odoo's own method takes them
        """
        with capability.hold(self.env, capability.LeavingBlocked("sale.order")):
            return super().sync_from_ui(orders)

    def _generate_pos_order_invoice(self):
        """An invoice that takes its customer's approval is not made at the till."""
        try:
            with self.env.cr.savepoint():
                return super()._generate_pos_order_invoice()
        except UserError as error:
            if not getattr(error, "customer_approval_gate", False):
                raise
            self.env.invalidate_all()
            for order in self:
                order.to_invoice = False
                order._notify_of_missing_invoice(str(error))
            return self.env["account.move"]

    def _notify_of_missing_invoice(self, reason):
        """Tell staff that the sale has no invoice yet."""
        self.ensure_one()
        self.message_post(
            body=self.env._("The invoice was not made: %(reason)s", reason=reason)
        )
