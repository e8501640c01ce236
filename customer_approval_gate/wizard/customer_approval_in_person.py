# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import base64

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools.entry import Answer


class CustomerApprovalInPerson(models.TransientModel):
    """The guide's Customer Approval dialog: the customer answers on our screen."""

    _name = "customer.approval.in.person"
    _description = "Customer Approval"

    request_id = fields.Many2one("customer.approval.request", required=True)
    # Not related fields: those are read with superuser rights, for anybody.
    document_name = fields.Char(compute="_compute_from_request")
    amount_total = fields.Monetary(compute="_compute_from_request")
    currency_id = fields.Many2one("res.currency", compute="_compute_from_request")
    content_html = fields.Html(compute="_compute_from_request", sanitize=False)
    state = fields.Char(compute="_compute_from_request")
    consent = fields.Text(compute="_compute_from_request")
    signature_required = fields.Boolean(compute="_compute_from_request")
    qr_code = fields.Image(
        string="Answer on Your Own Phone", compute="_compute_from_request"
    )
    decided_by_name = fields.Char(string="Full Name")
    signature = fields.Image(max_width=1024, max_height=1024)
    reason = fields.Text()

    @api.model_create_multi
    def create(self, vals_list):
        dialogs = super().create(vals_list)
        for dialog in dialogs:
            dialog._get_request_to_answer()
        return dialogs

    def write(self, vals):
        result = super().write(vals)
        for dialog in self:
            dialog._get_request_to_answer()
        return result

    def _get_request_to_answer(self):
        """Return the request with superuser rights, if the user may handle its
        document: whoever may work on the document may let the customer answer."""
        self.ensure_one()
        request = self.request_id.sudo().exists()
        if not request:
            raise UserError(
                self.env._("There is no such request. Open the dialog on the document.")
            )
        document = request._get_document().with_env(self.env)
        document.check_access("write")
        document._check_customer_approval_right()
        return request

    @api.depends("request_id")
    def _compute_from_request(self):
        for dialog in self:
            request = dialog._get_request_to_answer()
            dialog.document_name = request.document_name
            dialog.amount_total = request.amount_total
            dialog.currency_id = request.currency_id
            dialog.content_html = request.content_html
            dialog.state = request.state
            dialog.consent = request._get_consent()
            dialog.signature_required = request.company_id.customer_approval_signature
            barcode = self.env["ir.actions.report"].barcode(
                "QR",
                # The customer's phone reads it off the screen.
                request.get_base_url() + request.get_portal_url(),
                width=300,
                height=300,
                quiet=0,
            )
            dialog.qr_code = base64.b64encode(barcode)

    def action_approve(self):
        """Record that the customer approved, here and now."""
        return self._answer("approved")

    def action_reject(self):
        """Record that the customer rejected, and why."""
        return self._answer("rejected")

    def _answer(self, decision):
        self.ensure_one()
        self._get_request_to_answer()._decide(
            Answer(
                decision,
                self.decided_by_name or "",
                "in_person",
                reason=self.reason or "",
                signature=self.signature,
                witness=self.env.user,
            )
        )
        return {"type": "ir.actions.client", "tag": "soft_reload"}
