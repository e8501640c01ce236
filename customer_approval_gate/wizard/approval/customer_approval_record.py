# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ...tools import files
from ...tools.event_data import Answer


class CustomerApprovalRecord(models.TransientModel):
    """The dialog in which staff record an answer that came on paper or by mail."""

    _name = "customer.approval.record"
    _description = "Record an Answer"

    request_id = fields.Many2one(
        "customer.approval.request", required=True, ondelete="cascade"
    )
    open_approver_ids = fields.Many2many(
        "customer.approval.approver", compute="_compute_open_approver_ids"
    )
    approver_id = fields.Many2one(
        "customer.approval.approver",
        string="Who Answered",
        compute="_compute_approver_id",
        store=True,
        readonly=False,
        domain="[('id', 'in', open_approver_ids)]",
    )
    decision = fields.Selection(
        [
            ("approved", "Approved"),
            ("approved_conditions", "Approved with Conditions"),
            ("changes_requested", "Changes Requested"),
            ("rejected", "Rejected"),
        ],
        required=True,
        default="approved",
    )
    name = fields.Char(
        string="Name as Written",
        compute="_compute_name",
        store=True,
        readonly=False,
    )
    conditions = fields.Text()
    reason = fields.Text()
    category_id = fields.Many2one("customer.approval.category", string="About")
    attachment_ids = fields.Many2many(
        "ir.attachment",
        string="The Scan or the Mail",
        help="PDF, picture or saved mail. It becomes part of the evidence.",
    )

    @api.depends("request_id")
    def _compute_open_approver_ids(self):
        for dialog in self:
            approvers = dialog.request_id.approver_ids.filtered(
                lambda approver: approver._is_open()
            )
            dialog.open_approver_ids = approvers

    @api.depends("open_approver_ids")
    def _compute_approver_id(self):
        for dialog in self:
            approvers = dialog.open_approver_ids
            dialog.approver_id = approvers if len(approvers) == 1 else False

    @api.depends("approver_id")
    def _compute_name(self):
        for dialog in self:
            partner = dialog.approver_id.partner_id
            dialog.name = False if partner.is_company else partner.name

    def action_record(self):
        """Record the answer, with what it came on as evidence.

        :raise AccessError: the user may not record answers
        :raise UserError: there is no scan and no mail, or something else is missing
        """
        self.ensure_one()
        group = "customer_approval_gate.group_record_approval"
        if not self.env.user.has_group(group):
            raise AccessError(
                self.env._(
                    "You may not record customers' answers. Ask your manager, or "
                    "somebody with the right “Record answers from paper or mail”."
                )
            )
        request = self.request_id.sudo()  # whoever may work on the document
        request._check_may_handle(self.env)
        if not self.attachment_ids:
            raise UserError(
                self.env._(
                    "Attach the scan or the mail: without it, it is no evidence."
                )
            )
        if not self.approver_id:
            raise UserError(self.env._("Choose who of those who are asked answered."))
        self.attachment_ids.check_access("read")
        for attachment in self.attachment_ids.sudo():  # read just above
            files.check_proof(self.env, attachment.name, attachment.raw or b"")
        copies = self.env["ir.attachment"].sudo()  # of the request, as evidence
        for attachment in self.attachment_ids.sudo():
            copies |= attachment.copy(
                {
                    "name": attachment.name,
                    "res_model": request._name,
                    "res_id": request.id,
                    "res_field": False,
                }
            )
        request._decide(
            Answer(
                self.decision,
                self.name or "",
                "recorded",
                reason=self.reason or "",
                conditions=self.conditions or "",
                witness=self.env.user,
                approver=self.approver_id.sudo(),
                category=self.category_id,
                proofs=copies,
            )
        )
        return {"type": "ir.actions.client", "tag": "soft_reload"}
