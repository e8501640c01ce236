# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models

from odoo.addons.customer_approval_gate.tools.stage_field import stage_field


class CustomerApprovalTestParcel(models.Model):
    """A document that goes through stages, and that nobody is asked about."""

    _name = "customer.approval.test.parcel"
    _inherit = ["customer.approval.staged.mixin"]
    _description = "Parcel"

    name = fields.Char(required=True)
    stage_id = stage_field()
