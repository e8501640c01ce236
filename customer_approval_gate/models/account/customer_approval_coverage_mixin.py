# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from contextlib import contextmanager

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, html2plaintext

from ...tools.capability import is_guarded
from ...tools.event_data import EventData
from ...tools.languages import find_lang


class CustomerApprovalCoverageMixin(models.AbstractModel):
    """One consent across documents: a bill that asks for no more than approved orders
    is covered by their approval.

    Of its host, the invoice, it asks to be a ``customer.approval.mixin`` with Odoo's
    own fields of a journal entry.
    """

    _name = "customer.approval.coverage.mixin"
    _description = "Bill Covered by Approved Orders"

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
