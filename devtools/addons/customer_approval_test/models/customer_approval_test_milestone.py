# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class CustomerApprovalTestMilestone(models.Model):
    """A field that is held back, and no stage."""

    _name = "customer.approval.test.milestone"
    _inherit = ["customer.approval.mixin"]
    _description = "Milestone"
    _gate_field = "is_reached"
    _approval_content_fields = ("name", "deadline")
    _stage_columns = {"kind": ("large",)}

    name = fields.Char(required=True)
    deadline = fields.Date()
    partner_id = fields.Many2one("res.partner")
    is_reached = fields.Boolean(string="Reached")
    kind = fields.Selection([("large", "Large"), ("small", "Small")], default="large")
