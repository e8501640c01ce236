# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import ValidationError

USING_STOCK = ("reserve", "deliver")


class CustomerApprovalStage(models.Model):
    _inherit = "customer.approval.stage"

    inventory_action = fields.Selection(
        [
            ("reserve", "Reserve"),
            ("deliver", "Deliver"),
            ("release", "Release"),
        ],
        string="Stock",
        help="What happens to the goods when a document has entered the stage. "
        "Reserve: they are kept for it. Deliver: they leave the stock. Release: what "
        "was kept is free again. Empty: nothing.",
    )
    stock_policy = fields.Selection(
        lambda self: (
            self.env["res.company"]._fields["customer_approval_stock_policy"].selection
        ),
        string="Stock Policy",
        compute="_compute_stock_policy",
        compute_sudo=True,
        help="Set in the settings, for all stages of the company.",
    )

    @api.depends("company_id.customer_approval_stock_policy")
    @api.depends_context("company")
    def _compute_stock_policy(self):
        for stage in self:
            company = stage.company_id or self.env.company
            stage.stock_policy = company.customer_approval_stock_policy

    @api.model
    def _get_gate_fields(self):
        return super()._get_gate_fields() | {"inventory_action"}

    def _uses_stock(self):
        """Return whether entering the stage keeps or takes goods."""
        self.ensure_one()
        return self.inventory_action in USING_STOCK

    def _is_in_use(self):
        return super()._is_in_use() or bool(self.inventory_action)

    def _asks_for_deposit(self):
        return super()._asks_for_deposit() or self._uses_stock()

    @api.constrains("inventory_action", "reachable_anytime", "document_state")
    def _check_stock_is_behind_gates(self):
        for stage in self:
            if stage._uses_stock() and (
                stage.reachable_anytime or stage.document_state == "cancel"
            ):
                raise ValidationError(
                    self.env._(
                        "The stage %(stage)s can be entered whatever the customer "
                        "says: it cannot reserve or deliver goods. Choose “Release”, "
                        "or nothing.",
                        stage=stage.name,
                    )
                )
