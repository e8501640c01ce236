# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class CustomerApprovalTestDocument(models.Model):
    """A document without amount, state, lines, company or salesperson."""

    _name = "customer.approval.test.document"
    _inherit = ["customer.approval.document.mixin"]
    _description = "Design"
    _approval_content_fields = ("name", "description")

    name = fields.Char(required=True)
    description = fields.Text()
    partner_id = fields.Many2one("res.partner")
