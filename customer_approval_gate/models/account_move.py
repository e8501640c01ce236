# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.tools import html2plaintext

from .account_move_line import CONTENT_TYPES


class AccountMove(models.Model):
    _name = "account.move"
    _inherit = [
        "customer.approval.mixin",
        "customer.approval.staged.mixin",
        "account.move",
    ]
    _stage_document_type = "invoice"
    _stage_final_states = ("posted",)

    # ------------------------------------------------------------------
    # Stages: customer invoices only
    # ------------------------------------------------------------------

    def _is_staged(self):
        self.ensure_one()
        return self.move_type == "out_invoice"

    @api.model
    def _get_fields_deciding_stages(self):
        return super()._get_fields_deciding_stages() | {"journal_id", "move_type"}

    def _enter_state(self, state):
        if state == "cancel":
            self.button_cancel()
            return
        self.filtered(lambda move: move.state == "cancel").button_draft()
        if state == "posted":
            self.action_post()

    def _way_back_message(self, stage):
        self.ensure_one()
        return self.env._(
            "%(invoice)s is posted and cannot be moved to %(stage)s. To take it back, "
            "use its button “Reset to Draft”, or make a credit note.",
            invoice=self.display_name,
            stage=stage.name,
        )

    def action_post(self):
        """Where an invoice is posted on the way to something that must not break, a
        payment being booked, the blocked ones are left out and staff are told."""
        if not self.env.context.get("customer_approval_leave_blocked"):
            return super().action_post()
        blocked = self.filtered(
            lambda move: move._is_staged() and move.state == "draft"
        )._filter_blocked("posted")
        for move in blocked:
            move._schedule_blocked_activity(
                self.env._(
                    "A payment arrived, but the invoice was not posted: its customer "
                    "has not approved it. Request customer approval."
                )
            )
        return super(AccountMove, self - blocked).action_post()

    # ------------------------------------------------------------------
    # Approval
    # ------------------------------------------------------------------

    def _get_fields_beside_content(self):
        return super()._get_fields_beside_content() | {
            "auto_post",
            "checked",
            "date",
            "invoice_date",
            "invoice_date_due",
            "is_manually_modified",
            "is_move_sent",
            "made_sequence_gap",
            "name",
            "payment_reference",
            "payment_state",
            "posted_before",
            "sending_data",
            "sequence_number",
            "sequence_prefix",
        }

    def _can_request_customer_approval(self):
        self.ensure_one()
        if not self._is_staged():
            return self.env._(
                "%(document)s is no customer invoice: only customers are asked for "
                "their approval.",
                document=self.display_name,
            )
        if self.state == "cancel":
            return self.env._(
                "%(invoice)s is cancelled: use its button “Reset to Draft” first.",
                invoice=self.display_name,
            )
        if not self.partner_id:
            return self.env._(
                "%(invoice)s has no customer to ask: choose one.",
                invoice=self.display_name,
            )
        if not self.invoice_line_ids.filtered(
            lambda line: line.display_type == "product"
        ):
            return self.env._(
                "%(invoice)s has no lines: enter what the customer is to approve.",
                invoice=self.display_name,
            )
        return super()._can_request_customer_approval()

    def _get_customer_approval_salesperson(self):
        return self.invoice_user_id

    def _get_customer_approval_lines(self):
        return self.env["account.move.line"].search_fetch(
            [
                ("move_id", "in", self.ids),
                ("display_type", "in", CONTENT_TYPES),
            ],
            order="move_id, sequence, id",
        )

    def _get_customer_approval_header(self, with_texts):
        """Posting gives an invoice its number and dates: they are no content."""
        self.ensure_one()
        of = self._related_content
        return {
            "partner": of(self.partner_id, with_texts),
            "invoice_address": of(self.partner_id, with_texts, address=True),
            "shipping_address": of(self.partner_shipping_id, with_texts, address=True),
            "company": of(self.company_id, with_texts),
            "currency": of(self.currency_id, with_texts),
            "payment_term": of(self.invoice_payment_term_id, with_texts),
            "fiscal_position": of(self.fiscal_position_id, with_texts),
            "customer_reference": self.ref or None,
            # Where the money goes is not to be changed behind the customer's back.
            "bank_account": of(self.partner_bank_id, with_texts),
            "terms": html2plaintext(self.narration).strip() if self.narration else None,
        }
