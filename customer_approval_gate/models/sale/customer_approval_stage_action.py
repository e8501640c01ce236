# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import ValidationError


class CustomerApprovalStageAction(models.Model):
    _inherit = "customer.approval.stage.action"

    kind = fields.Selection(
        selection_add=[("invoice", "Create an Invoice"), ("activity",)],
        ondelete={"invoice": "cascade"},
    )

    invoice_method = fields.Selection(
        [("delivered", "Regular Invoice"), ("percentage", "Down Payment")],
        default="delivered",
    )

    invoice_percent = fields.Float(string="Percent", digits=(5, 2), default=30)

    invoice_post = fields.Boolean(
        string="Confirm It",
        help="The invoice is confirmed at once, gates of its own included. Otherwise "
        "it stays a draft.",
    )

    _percent_range = models.Constraint(
        "CHECK (invoice_percent > 0 AND invoice_percent <= 100)",
        "A down payment is a percentage of more than 0 and of 100 at most.",
    )

    def _run_invoice(self, documents):
        # Each on its own: of several at once, Odoo leaves out what has nothing to bill.
        for order in documents:
            order = order.with_company(order.company_id)
            if self.invoice_method == "delivered":
                invoice = order._create_invoices(final=True)
            else:
                invoice = self._create_down_payment(order)
            if self.invoice_post:
                invoice.action_post()

    def _create_down_payment(self, order):
        wizard = (
            order.env["sale.advance.payment.inv"]
            .with_context(active_model=order._name, active_ids=order.ids)
            .create(
                {
                    "advance_payment_method": "percentage",
                    "amount": self.invoice_percent,
                    "sale_order_ids": [fields.Command.set(order.ids)],
                }
            )
        )
        return wizard._create_invoices(order)

    @api.constrains("kind", "stage_id")
    def _check_bills_orders(self):
        for action in self:
            if action.kind == "invoice" and action.model_name != "sale.order":
                raise ValidationError(
                    self.env._(
                        "Invoices are made from orders: %(stage)s is no stage of "
                        "orders. Choose another action.",
                        stage=action.stage_id.name,
                    )
                )
