# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_date
from odoo.tools.translate import LazyTranslate

from ...tools import blocks
from ...tools.blocks import Item
from ...tools.capability import is_leaving_blocked
from .account_move_line import CONTENT_TYPES

_lt = LazyTranslate(__name__)


class AccountMove(models.Model):
    _name = "account.move"
    _inherit = [
        "customer.approval.coverage.mixin",
        "customer.approval.invoice.money.mixin",
        "customer.approval.delivered.mixin",
        "customer.approval.document.mixin",
        "account.move",
    ]
    _stage_document_type = "invoice"
    _stage_label = _lt("Customer Invoice")
    _stage_action = "customer_approval_gate.account_move_stage_action"
    _stage_list_sequence = 20
    _stage_manager_group = "account.group_account_manager"
    _stage_state_labels = {
        "draft": _lt("Draft"),
        "posted": _lt("Posted"),
        "cancel": _lt("Cancelled"),
    }
    _stage_gated_states = ("posted",)
    _document_salesperson_field = "invoice_user_id"
    _approval_approvers_field = "customer_approval_invoice_partner_ids"
    _approval_rate_fields = ("invoice_currency_rate",)
    # A receipt asks for money as an invoice does.
    _stage_columns = {"move_type": ("out_invoice", "out_receipt")}
    _approval_line_field = "invoice_line_ids"
    _approval_items = (
        blocks.PARTNER,
        Item("invoice_address", "partner_id", _lt("Customer"), "address"),
        blocks.SHIPPING_ADDRESS,
        blocks.COMPANY,
        Item("payment_term", "invoice_payment_term_id", _lt("Payment terms")),
        Item("due_date", "invoice_date_due", _lt("Due date")),
        Item("incoterm", "invoice_incoterm_id", _lt("Incoterm")),
        blocks.INCOTERM_LOCATION,
        Item("delivery_date", "delivery_date", _lt("Delivery date")),
        # Where the money goes is not to be changed behind the customer's back.
        Item("bank_account", "partner_bank_id", _lt("Bank account"), shown=False),
        blocks.FISCAL_POSITION,
        blocks.CURRENCY,
        Item("terms", "narration", _lt("Terms"), "text"),
    )
    _approval_item_columns = ("invoice_date",)

    # ------------------------------------------------------------------
    # Stages: customer invoices only
    # ------------------------------------------------------------------

    @api.model
    def _get_fields_deciding_stages(self):
        return super()._get_fields_deciding_stages() | {"journal_id"}

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

    def _post(self, soft=True):
        """What entering the stage causes comes when all of the posting is done."""
        with self._defer_entry_actions():
            return super()._post(soft)

    def button_cancel(self):
        """As for ``_post()``."""
        with self._defer_entry_actions():
            return super().button_cancel()

    def button_draft(self):
        """As for ``_post()``."""
        with self._defer_entry_actions():
            return super().button_draft()

    def action_post(self):
        """Where an invoice is posted on the way to something that must not break, a
        payment being booked, the blocked ones are left out and staff are told."""
        if not is_leaving_blocked(self):
            return super().action_post()
        blocked = self.filtered(
            lambda move: move._is_staged() and move.state == "draft"
        )._filter_blocked("posted")
        for move in blocked:
            move._schedule_blocked_activity(
                self.env._(
                    "A payment arrived, but the invoice was not posted: %(reasons)s",
                    reasons=move._get_blocked_text("posted"),
                )
            )
        return super(AccountMove, self - blocked).action_post()

    # ------------------------------------------------------------------
    # One consent across documents: covered by the approval of orders
    # ------------------------------------------------------------------

    def write(self, vals):
        result = super().write(vals)
        if "state" in vals:
            self._check_room_for_bills()
        return result

    # ------------------------------------------------------------------
    # Approval
    # ------------------------------------------------------------------

    def _get_non_content_fields(self):
        return super()._get_non_content_fields() | {
            "auto_post",
            "checked",
            "date",
            "is_manually_modified",
            "is_move_sent",
            "made_sequence_gap",
            "name",
            "payment_reference",
            "payment_state",
            "posted_before",
            "ref",
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

    def _get_name_for_customer(self, number):
        """Drafts have no number: several of one customer would be called the same."""
        name = super()._get_name_for_customer(number)
        if self.name and self.name != "/":
            return name
        date = self.invoice_date or self.date or fields.Date.context_today(self)
        parts = [
            self.currency_id.format(self.amount_total),
            format_date(self.env, date),
            self.ref,
        ]
        return self.env._(
            "%(name)s %(number)s (%(details)s)",
            name=self.env._("Draft Invoice"),
            number=number,
            details=", ".join(filter(None, parts)),
        )

    def _get_shown_prices(self):
        self.ensure_one()
        return self.company_id.sudo().account_price_include  # shown to customers

    def _recompute_totals(self):
        drafts = self.filtered(lambda move: move.state == "draft")
        lines = drafts.sudo().invoice_line_ids
        for name in ("price_subtotal", "price_total"):
            self.env.add_to_compute(lines._fields[name], lines)
        for name in ("amount_untaxed", "amount_tax", "amount_total", "amount_residual"):
            self.env.add_to_compute(self._fields[name], drafts)
        return super()._recompute_totals()

    def _get_gate_amounts(self):
        amounts = {}
        for move in self:
            currency, company = move.currency_id, move.company_id
            rate = move.invoice_currency_rate or 1
            # The invoice's own rate can be typed.
            date = move.invoice_date or fields.Date.context_today(move)
            total = currency._convert(
                move.amount_total, company.currency_id, company, date
            )
            if currency != company.currency_id:
                today = currency._convert(
                    move.amount_total,
                    company.currency_id,
                    company,
                    fields.Date.today(),
                )
                total = max(total, today, move.amount_total / rate)
            amounts[move] = total
        return amounts

    def _get_customer_approval_lines(self):
        return self.env["account.move.line"].search_fetch(
            [
                ("move_id", "in", self.ids),
                ("display_type", "in", CONTENT_TYPES),
            ],
            order="move_id, sequence, id",
        )

    def _complete_approval_header(self, header, row):
        """Posting gives an invoice its number and date: they are no content. The day it
        is due on is: as it was entered, or as payment terms make it of the invoice's
        date, if there is one already."""
        res = super()._complete_approval_header(header, row)
        if term_id := row["invoice_payment_term_id"]:
            header.pop("due_date", None)
            if row["invoice_date"]:
                # Not by the stored day, which drafts do not keep up with their date.
                term = self.env["account.payment.term"].browse(term_id)
                days = [
                    line._get_due_date(row["invoice_date"]) for line in term.line_ids
                ]
                header["due_date"] = fields.Date.to_string(
                    max(days, default=row["invoice_date"])
                )
        return res

    def _ignore_own_changes(self, content, asked, request):
        res = super()._ignore_own_changes(content, asked, request)
        header, asked = content["header"], asked["header"]
        # Payment terms give an invoice its day when it gets its date, which may not lie
        # before the customer was asked.
        if (
            "due_date" not in asked
            and self.invoice_date
            and self.invoice_date >= request.requested_on.date() - timedelta(days=1)
        ):
            header.pop("due_date", None)
        # Whoever gets more time to pay need not be asked.
        if asked.get("due_date") and (header.get("due_date") or "") > asked["due_date"]:
            header["due_date"] = asked["due_date"]
        # Odoo itself writes here when the goods were delivered.
        orders = self.invoice_line_ids.sale_line_ids.order_id
        if "effective_date" in orders._fields and header.get("delivery_date") in {
            fields.Date.to_string(order.effective_date) for order in orders
        }:
            header.pop("delivery_date")
            if "delivery_date" in asked:
                header["delivery_date"] = asked["delivery_date"]
        return res
