# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...tools.event_data import EventData


class CustomerApprovalChangeOrderMixin(models.AbstractModel):
    """Change orders: what is added to an approved order is a quotation of its own.

    Of its host, the order, it asks to be a ``customer.approval.mixin`` with Odoo's own
    fields of an order.
    """

    _name = "customer.approval.change.order.mixin"
    _description = "Change Orders"

    currency_id = fields.Many2one("res.currency")  # the order's own

    customer_approval_parent_id = fields.Many2one(
        "sale.order",
        string="Change of",
        readonly=True,
        copy=False,
        index="btree_not_null",
        check_company=True,
        ondelete="restrict",
        help="The approved order to which this one adds.",
    )

    customer_approval_change_ids = fields.One2many(
        "sale.order", "customer_approval_parent_id", string="Change Orders"
    )

    customer_approval_change_count = fields.Integer(
        string="Number of Change Orders", compute="_compute_customer_approval_changes"
    )

    customer_approval_family_total = fields.Monetary(
        string="Total with Changes",
        compute="_compute_customer_approval_changes",
        help="The original order and all its change orders that are not cancelled.",
    )

    # Not on the parent: each total that is written would be looked up in all orders, to
    # find those that change it. A job finds out what blocks change orders.
    @api.depends(
        "amount_total",
        "customer_approval_change_ids.amount_total",
        "customer_approval_change_ids.state",
    )
    def _compute_customer_approval_changes(self):
        stages = self.env["customer.approval.stage"]
        # Change orders are made of orders that were approved, which is an event.
        if not stages._is_history_kept(self._name):
            for order in self:
                order.customer_approval_change_count = 0
                order.customer_approval_family_total = order.amount_total
            return
        for order in self:
            original = order.customer_approval_parent_id or order
            changes = original.customer_approval_change_ids
            order.customer_approval_change_count = len(
                order.customer_approval_change_ids
            )
            counted = (original | changes).filtered(lambda o: o.state != "cancel")
            order.customer_approval_family_total = sum(
                other.currency_id._convert(
                    other.amount_total,
                    order.currency_id,
                    order.company_id,
                    (other.date_order or fields.Datetime.now()).date(),
                )
                for other in counted
            )

    def _create_change_order(self):
        """Return a new quotation for what is to be added to an approved order. Its
        customer approves it on its own.

        :raise UserError: nobody approved the order, or it is a change order itself
        """
        self.ensure_one()
        self._check_customer_approval_right()
        if (
            self.customer_approval_status != "approved"
            and not self._is_below_gate_amount()
        ):
            raise UserError(
                self.env._(
                    "%(order)s is not approved: change it as it is, and request "
                    "customer approval.",
                    order=self.display_name,
                )
            )
        original = self.customer_approval_parent_id or self
        change = original.copy(
            {
                "order_line": [],
                "customer_approval_parent_id": original.id,
                "origin": original.name,
            }
        )
        request = self.sudo().customer_approval_request_id  # see the mixin
        self.env["customer.approval.event"].sudo()._append(
            [
                EventData(
                    original,
                    "change_order",
                    request,
                    text=change.name,
                    details={"order_id": change.id},
                )
            ]
        )
        original.message_post(
            body=self.env._("Change order: %(order)s", order=change._get_html_link())
        )
        return change

    def _is_below_gate_amount(self):
        """Return whether the order is behind a gate that only larger orders need an
        approval for: it cannot grow beyond that without one."""
        self.ensure_one()
        passed = self._get_gates_passed().filtered("requires_customer_approval")
        return bool(passed) and not self._is_past_gate()

    def action_create_change_order(self):
        """Open a new quotation for what is to be added to an approved order."""
        change = self._create_change_order()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Change Order"),
            "res_model": self._name,
            "res_id": change.id,
            "view_mode": "form",
        }

    def action_view_change_orders(self):
        """Open the change orders of this order, or the order that this one changes."""
        self.ensure_one()
        orders = self.customer_approval_change_ids or self.customer_approval_parent_id
        action = self.env["ir.actions.act_window"]._for_xml_id("sale.action_orders")
        action["domain"] = [("id", "in", orders.ids)]
        action["context"] = {"create": False}
        if len(orders) == 1:
            action["views"] = [(False, "form")]
            action["res_id"] = orders.id
        return action

    def _get_amount_to_commit(self):
        """What belongs together counts as a whole, but for what is given back: it can
        be cancelled when the rest is approved."""
        original = self.customer_approval_parent_id or self
        others = (original | original.customer_approval_change_ids) - self
        return max(self._get_customer_approval_amount(), 0) + sum(
            other.currency_id._convert(
                max(other.amount_total, 0),
                self.currency_id,
                self.company_id,
                (other.date_order or fields.Datetime.now()).date(),
            )
            for other in others.filtered(lambda order: order.state != "cancel")
        )
