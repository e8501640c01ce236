# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models

from odoo.addons.customer_approval_gate.tools.stage_field import stage_field


class CustomerApprovalTestJob(models.Model):
    """A document whose fields are all called otherwise, and that has a stage_id of
    its own that is something else."""

    _name = "customer.approval.test.job"
    _inherit = [
        "customer.approval.panel.mixin",
        "customer.approval.mixin",
        "customer.approval.staged.mixin",
    ]
    _description = "Job"
    _document_company_field = "firm_id"
    _document_customer_field = "client_id"
    _document_salesperson_field = "clerk_id"
    _document_state_field = "status"
    _document_initial_state = "new"
    _document_cancelled_states = ("dropped", "lost")
    _document_total_field = "price"
    _document_currency_field = "money_id"
    _stage_field = "phase_id"
    _stage_gated_states = ("running", "over", "billed")
    _stage_locked_states = ("over", "billed")
    _approval_content_fields = ("title", "starts_on", "size", "is_urgent", "kind")
    _approval_line_field = "part_ids"
    _rec_name = "title"

    title = fields.Char(required=True)
    client_id = fields.Many2one("res.partner")
    firm_id = fields.Many2one("res.company")
    clerk_id = fields.Many2one("res.users")
    status = fields.Selection(
        [
            ("new", "New"),
            ("running", "Running"),
            ("over", "Over"),
            ("billed", "Billed"),
            ("dropped", "Dropped"),
            ("lost", "Lost"),
        ],
        default="new",
        required=True,
    )
    price = fields.Monetary(currency_field="money_id")
    money_id = fields.Many2one("res.currency")
    starts_on = fields.Date()
    size = fields.Float()
    is_urgent = fields.Boolean()
    kind = fields.Selection([("a", "Large"), ("b", "Small")])
    part_ids = fields.One2many("customer.approval.test.part", "job_id")
    stage_id = fields.Char(string="Where It Is Played")
    phase_id = stage_field(string="Phase")
