# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models


class CustomerApprovalTestPriced(models.Model):
    """A document whose currency and total are no columns, with priced lines."""

    _name = "customer.approval.test.priced"
    _inherit = ["customer.approval.document.mixin"]
    _description = "Estimate"
    _approval_content_fields = ("name", "user_id")
    _approval_line_field = "line_ids"

    name = fields.Char(required=True)
    partner_id = fields.Many2one("res.partner")
    user_id = fields.Many2one("res.users")
    company_id = fields.Many2one(
        "res.company", default=lambda self: self.env.company, required=True
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    state = fields.Selection(
        [("draft", "Draft"), ("done", "Done"), ("cancel", "Cancelled")], default="draft"
    )
    line_ids = fields.One2many("customer.approval.test.priced.line", "estimate_id")
    amount_total = fields.Monetary(compute="_compute_amount_total")

    @api.depends("line_ids.price_total")
    def _compute_amount_total(self):
        for estimate in self:
            estimate.amount_total = sum(estimate.line_ids.mapped("price_total"))


class CustomerApprovalTestPricedLine(models.Model):
    _name = "customer.approval.test.priced.line"
    _inherit = ["customer.approval.priced.line.mixin"]
    _description = "Line of an Estimate"
    _order = "sequence, id"
    _approval_document_field = "estimate_id"
    _approval_quantity_field = "quantity"

    estimate_id = fields.Many2one("customer.approval.test.priced")
    state = fields.Selection(related="estimate_id.state", store=True)
    sequence = fields.Integer(default=10)
    name = fields.Char()
    display_type = fields.Selection(
        [("line_section", "Section"), ("line_note", "Note")], default=False
    )
    product_id = fields.Many2one("product.product")
    product_uom_id = fields.Many2one("uom.uom")
    quantity = fields.Float(default=1)
    price_unit = fields.Float()
    discount = fields.Float()
    tax_ids = fields.Many2many("account.tax")
    currency_id = fields.Many2one(
        "res.currency", default=lambda self: self.env.company.currency_id
    )
    price_subtotal = fields.Monetary(compute="_compute_price", store=True)
    price_total = fields.Monetary(compute="_compute_price", store=True)

    @api.depends("quantity", "price_unit", "discount")
    def _compute_price(self):
        for line in self:
            price = line.price_unit * (1 - line.discount / 100)
            line.price_subtotal = line.price_total = line.quantity * price
