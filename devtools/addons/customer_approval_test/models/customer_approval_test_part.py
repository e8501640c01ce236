# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class CustomerApprovalTestPart(models.Model):
    """A line that may belong to no document."""

    _name = "customer.approval.test.part"
    _inherit = ["customer.approval.line.mixin"]
    _description = "Part of a Job"
    _approval_document_field = "job_id"
    _approval_content_fields = ("product_id", "pieces", "partner_ids")

    job_id = fields.Many2one("customer.approval.test.job")
    product_id = fields.Many2one("product.product")
    pieces = fields.Integer()
    partner_ids = fields.Many2many("res.partner")
    shelf = fields.Char()
