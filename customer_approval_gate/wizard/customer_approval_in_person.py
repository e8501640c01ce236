# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import base64

from odoo import api, fields, models


class CustomerApprovalInPerson(models.TransientModel):
    """The guide's Customer Approval dialog: the customer answers on our screen."""

    _name = "customer.approval.in.person"
    _description = "Customer Approval"

    request_id = fields.Many2one("customer.approval.request", required=True)
    document_name = fields.Char(related="request_id.document_name")
    amount_total = fields.Monetary(related="request_id.amount_total")
    currency_id = fields.Many2one(related="request_id.currency_id")
    content_html = fields.Html(related="request_id.content_html")
    state = fields.Selection(related="request_id.state")
    consent = fields.Text(compute="_compute_consent")
    signature_required = fields.Boolean(
        related="request_id.company_id.customer_approval_signature"
    )
    qr_code = fields.Image(
        string="Answer on Your Own Phone", compute="_compute_qr_code"
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
        request = self.request_id.sudo()
        document = request._get_document().with_env(self.env)
        document.check_access("write")
        document._check_customer_approval_right()
        return request

    @api.depends("request_id")
    def _compute_consent(self):
        for dialog in self:
            dialog.consent = dialog._get_request_to_answer()._get_consent()

    @api.depends("request_id")
    def _compute_qr_code(self):
        for dialog in self:
            request = dialog._get_request_to_answer()
            barcode = self.env["ir.actions.report"].barcode(
                "QR",
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
            decision,
            self.decided_by_name,
            "in_person",
            reason=self.reason,
            signature=self.signature,
            witness=self.env.user,
        )
        return {"type": "ir.actions.client", "tag": "soft_reload"}
