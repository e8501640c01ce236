# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from contextlib import contextmanager
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, html2plaintext
from odoo.tools.translate import LazyTranslate

from ...tools import blocks
from ...tools.blocks import Item
from ...tools.capability import is_guarded, is_leaving_blocked
from ...tools.event_data import EventData
from ...tools.languages import find_lang
from .account_move_line import CONTENT_TYPES

_lt = LazyTranslate(__name__)


class AccountMove(models.Model):
    _name = "account.move"
    _inherit = [
        "customer.approval.invoice.money.mixin",
        "customer.approval.delivered.mixin",
        "customer.approval.mixin",
        "customer.approval.staged.mixin",
        "account.move",
    ]
    _stage_document_type = "invoice"
    _stage_label = _lt("Customer Invoice")
    _stage_action = "customer_approval_gate.account_move_stage_action"
    _stage_final_states = ("posted",)
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

    customer_approval_coverage = fields.Char(
        string="Covered by",
        compute="_compute_customer_approval_coverage",
        help="The approved orders that this invoice bills, and nothing beyond.",
    )

    @api.depends("customer_approval_status", "customer_approval_request_id")
    def _compute_customer_approval_coverage(self):
        coverage = self._read_coverage()
        for move in self:
            _scope, requests = coverage.get(move.id, (None, ()))
            move.customer_approval_coverage = ", ".join(
                self.env._(
                    "%(order)s, version %(version)s, approved by %(name)s on %(date)s",
                    order=request.document_name,
                    version=request.version,
                    name=request.decided_by_name or self.env._("the customer"),
                    date=format_date(self.env, request.decided_on),
                )
                for request in requests
            )

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

    @api.model_create_multi
    def create(self, vals_list):
        moves = super().create(vals_list)
        moves._cover_by_orders()
        return moves

    @contextmanager
    def _guard_approved_content(self, at_end=True):
        with super()._guard_approved_content(at_end):
            yield
        stages = self.env["customer.approval.stage"]
        judged = self.filtered(lambda move: not is_guarded(move))
        # What billed more may now bill what was approved.
        if judged and stages._has_gates(self._stage_document_type):
            judged.exists().filtered(
                lambda move: move.customer_approval_status == "not_required"
            )._cover_by_orders()

    def _filter_customer_approved(self):
        approved = super()._filter_customer_approved()
        rest = self - approved
        drafts = rest.filtered(lambda move: move.state == "draft")
        return approved | drafts._cover_by_orders() | (rest - drafts)._filter_covered()

    def _filter_covered(self):
        coverage = self._read_coverage()
        covered = self.browse(coverage)
        scopes = covered._get_scope_digests()
        same = covered.filtered(lambda move: scopes[move.id] == coverage[move.id][0])
        if different := covered - same:
            then = different._get_scope_digests(different._read_covered_digits())
            same |= different.filtered(
                lambda move: then[move.id] == coverage[move.id][0]
            )
        return same

    def _read_covered_digits(self):
        """Return with how many decimals the content of covered invoices was written
        when they were covered, by their ids."""
        events = self.env["customer.approval.event"].sudo()  # evidence
        events = events.search_fetch(
            [
                ("res_model", "=", self._name),
                ("res_id", "in", self.ids),
                ("kind", "=", "covered"),
            ],
            ["res_id", "details"],
            order="position",
        )
        return {
            event.res_id: event.details["digits"]
            for event in events
            if (event.details or {}).get("digits")
        }

    def _get_approving_requests(self):
        requests = super()._get_approving_requests()
        coverage = (self - self.browse(requests))._read_coverage()
        return {
            **requests,
            **{move_id: covering for move_id, (_scope, covering) in coverage.items()},
        }

    def _read_coverage(self):
        """Return, for each invoice that an order's approval in force covers by the
        ledger, the digest of the scope and the covering requests."""
        if not self.ids:
            return {}
        Event = self.env["customer.approval.event"].sudo()  # evidence
        events = Event.search(
            [
                ("res_model", "=", self._name),
                ("res_id", "in", self.ids),
                ("kind", "in", ("covered", "coverage_ended")),
            ],
            order="res_id, position desc",
        )
        coverage = {}
        for move_id, own in events.grouped("res_id").items():
            last = own[0]
            requests = own.filtered(
                lambda event, last=last: (
                    event.kind == "covered" and event.scope_digest == last.scope_digest
                )
            ).request_id
            in_force = all(
                request._get_document_status() == "approved" for request in requests
            )
            if last.kind == "covered" and in_force:
                coverage[move_id] = (last.scope_digest, requests)
        return coverage

    def _cover_by_orders(self):
        """Find out which draft invoices bill no more than approved orders, and write
        it into the ledger where that is new.

        :return: the invoices that are covered
        """
        candidates = self.filtered(
            lambda move: (
                move.state == "draft"
                and move._is_staged()
                and move.invoice_line_ids.sudo().sale_line_ids
                and move._has_approval_gates()
            )
        )
        if not candidates:
            return candidates
        own = candidates.sudo()._get_last_requests()
        candidates = candidates.filtered(
            lambda move: (
                move.id not in own
                or own[move.id]._get_document_status() == "not_required"
            )
        )
        known = candidates._read_coverage()
        scopes = candidates._get_scope_digests()
        covered, entries = self.browse(), []
        # Orders are looked at whatever the bookkeeper may read of them.
        orders = candidates.sudo().invoice_line_ids.sale_line_ids.order_id
        # What is cancelled is nobody's to bill.
        approved = orders.filtered(lambda order: order.state != "cancel")
        approved = approved._filter_customer_approved()
        for move in candidates:
            requests = move.sudo()._get_covering_requests(approved)
            scope = scopes[move.id]
            if requests:
                covered |= move
                if known.get(move.id) != (scope, requests):
                    # With how many decimals the digest was made.
                    digits = move.invoice_line_ids._get_content_digits()
                    entries += [
                        EventData(
                            move,
                            "covered",
                            request,
                            scope_digest=scope,
                            details={"digits": digits},
                        )
                        for request in requests
                    ]
            elif move.id in known:
                entries.append(EventData(move, "coverage_ended", scope_digest=scope))
        if entries:
            self.env["customer.approval.event"].sudo()._append(entries)
            candidates._recompute_customer_approval()
        return covered

    def _get_covering_requests(self, approved):
        """Return the requests by which customers approved what this invoice bills, or
        none if it bills anything beyond.

        :param approved: those of the orders it may bill whose customer approved them
        """
        self.ensure_one()
        nothing = self.env["customer.approval.request"]
        lines = self.invoice_line_ids.filtered(lambda line: line._is_priced())
        orders = lines.sale_line_ids.order_id
        if not orders or orders - approved:
            return nothing
        for line in lines:
            if not line._bills_what_was_approved():
                return nothing
        if not self._says_what_was_approved(orders):
            return nothing
        if not all(self._agrees_with_order(order) for order in orders):
            return nothing
        if not self._bills_no_more_than(orders):
            return nothing
        return orders.customer_approval_request_id.sorted("id")

    def _says_what_was_approved(self, orders):
        """Return whether notes, terms and the bank account are what Odoo took over from
        the orders, or the company's own."""
        self.ensure_one()
        for line in self.invoice_line_ids:
            if line.display_type == "line_note" and (
                line.name not in line.sale_line_ids.mapped("name")
            ):
                return False
        company = self.company_id.with_context(
            lang=find_lang(self.env, self.partner_id.lang)
        )
        terms = {
            html2plaintext(text or "").strip()
            for text in (False, company.invoice_terms, *orders.mapped("note"))
        }
        return html2plaintext(self.narration or "").strip() in terms and (
            not self.partner_bank_id
            or self.partner_bank_id.partner_id == self.company_id.partner_id
        )

    def write(self, vals):
        result = super().write(vals)
        if "state" in vals:
            self._check_room_for_bills()
        return result

    def _check_room_for_bills(self):
        """A credit note that made room for another bill under the same approval stays.

        :raise UserError: without it more would be billed than was approved
        """
        credits = self.filtered(
            lambda move: move.move_type == "out_refund" and move.state != "posted"
        )
        # Whatever the bookkeeper may read of the orders.
        orders = credits.invoice_line_ids.sudo().sale_line_ids.order_id
        for order in orders.filtered(
            lambda o: o.customer_approval_status == "approved"
        ):
            posted = order.order_line.invoice_lines.move_id.filtered(
                lambda move: move.state == "posted"
            )
            if posted._read_coverage() and not posted._bills_no_more_than(
                order, posted
            ):
                raise UserError(
                    self.env._(
                        "%(credit)s stays: without it, more of %(order)s would be "
                        "billed than its customer approved. Make a credit note for "
                        "the other invoice first.",
                        credit=credits[:1].display_name,
                        order=order.display_name,
                    )
                )

    def _bills_no_more_than(self, orders, bills=None):
        """Return whether all bills of these orders together ask for no more than what
        their customer approved: what is paid counts, with taxes as they were edited and
        cash that was rounded, not a sum of lines.

        :param orders: approved ``sale.order`` records, of one currency
        :param bills: by default all there are
        """
        if bills is None:
            bills = orders.order_line.invoice_lines.move_id
        billed, count, slack = 0.0, 0, 0.0
        for bill in bills:
            amount = bill._get_billed_amount(orders, own=bill in self)
            billed += amount
            if amount:
                count += 1
                slack += bill._get_cash_slack()
        currency = orders.currency_id[:1]
        approved = sum(order._get_approved_total() for order in orders)
        slack += currency.rounding / 2 * max(count, 1)
        return currency.compare_amounts(billed, approved) <= 0 or (
            billed - approved <= slack + currency.rounding / 1000
        )

    def _get_billed_amount(self, orders, own):
        """Return how much of the bill is for these orders, negative for what it gives
        back.

        :param bool own: whether what is only drafted counts as it is: an invoice's own
            deductions do
        """
        self.ensure_one()
        lines = self.invoice_line_ids.filtered(lambda line: line._is_priced())
        total = sum(lines.mapped("price_total"))
        for_orders = counted = 0.0
        for line in lines:
            if line.sale_line_ids.order_id & orders:
                sign = 1 if own else line._get_billing_sign(line.price_total)
                for_orders += line.price_total
                counted += sign * line.price_total
        if not counted:
            return 0.0
        # What no line says: cash rounding, taxes that were edited.
        rest = self.amount_total - total
        sign = -1 if self.move_type == "out_refund" else 1
        return counted + sign * rest * (for_orders / total if total else 1.0)

    def _get_cash_slack(self):
        """Return by how much cash that is rounded may make the bill dearer: by a few of
        the currency's smallest coins, whatever it is rounded to."""
        self.ensure_one()
        rounded = self.line_ids.filtered(lambda line: line.display_type == "rounding")
        added = abs(sum(rounded.mapped("amount_currency")))
        return min(added, 10 * self.currency_id.rounding)

    def _agrees_with_order(self, order):
        """Return whether customer, currency, terms and down payments are as agreed."""
        prepaid, bills = 0.0, self.browse()
        for line in order.order_line.invoice_lines:
            is_downpayment = any(line.sale_line_ids.mapped("is_downpayment"))
            if is_downpayment and line.price_total > 0:
                own = line.move_id == self
                sign = 1 if own else line._get_billing_sign(line.price_total)
                prepaid += sign * line.price_total
                bills |= line.move_id
        total = order._get_approved_total()
        agreed = total * order.prepayment_percent if order.require_payment else total
        # Each down payment is rounded by itself.
        agreed += order.currency_id.rounding / 2 * max(len(bills), 1)
        return (
            self.currency_id == order.currency_id
            and self.partner_id.commercial_partner_id
            == order.partner_invoice_id.commercial_partner_id
            and (
                not order.payment_term_id
                or self.invoice_payment_term_id == order.payment_term_id
            )
            and prepaid <= agreed + order.currency_id.rounding / 1000
        )

    def _check_approved_change(self, request):
        if request:
            return super()._check_approved_change(request)
        # Covered by orders: either still, or its customer has to be asked.
        if self.state == "draft":
            self._cover_by_orders()
            return None
        raise UserError(
            self.env._(
                "%(invoice)s cannot be changed: its customer approved the order it "
                "bills, and nothing else. Use its button “Reset to Draft”, or make a "
                "credit note.",
                invoice=self.display_name,
            )
        )

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

    def _get_customer_approval_salesperson(self):
        return self.invoice_user_id

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
