# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class CustomerApprovalTestNote(models.Model):
    """What customers approve without any stage."""

    _name = "customer.approval.test.note"
    _inherit = ["customer.approval.mixin"]
    _description = "Note"
    _approval_content_fields = ("name",)

    name = fields.Char(required=True)
    partner_id = fields.Many2one("res.partner")
