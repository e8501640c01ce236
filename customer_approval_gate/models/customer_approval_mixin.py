# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, LockError, UserError
from odoo.fields import Domain
from odoo.http import request as http_request
from odoo.tools import SQL, format_date, html2plaintext
from odoo.tools.translate import LazyTranslate

from ..tools import blocks, capability, content as content_tools, ledger, moments
from ..tools.entry import Entry, EvidenceValues
from ..tools.gates import GateState
from ..tools.languages import find_lang
from ..tools.quantities import format_decimals
from ..tools.texts import in_one_line
from .customer_approval_line_mixin import describe_tax

_lt = LazyTranslate(__name__)


class _NewDocuments:
    """The documents that are being created: they have no numbers yet, but higher ones
    than all there were.

    :param str name: of their model
    :param int last_id: the highest number there was
    """

    def __init__(self, name, last_id):
        self.name = name
        self.last_id = last_id

    def __contains__(self, key):
        name, document_id = key
        is_new = isinstance(document_id, int) and document_id > self.last_id
        return name == self.name and is_new


def _is_gated_by_amount(documents, alias, _query):
    """Return the condition that a document comes to so much that a gate asks for its
    approval, as the database itself judges it."""
    documents.env.flush_all()
    return SQL(
        "customer_approval_is_gated(%(stage)s, %(company)s,"
        " customer_approval_amount(%(model)s, %(id)s, to_jsonb(%(row)s), TRUE))",
        stage=SQL.identifier(alias, "stage_id"),
        company=SQL.identifier(alias, "company_id"),
        model=documents._name,
        id=SQL.identifier(alias, "id"),
        row=SQL.identifier(alias),
    )


GATES_ASKED = "gates_asked"
"""What is remembered of the gates that documents pass as they move."""


@lru_cache(512)  # the same terms are those of thousands of documents
def _plain_text(html):
    return html2plaintext(html).strip() if html else None


class CustomerApprovalMixin(models.AbstractModel):
    """A document that its customer can approve: status, requests, content.

    It contributes one gate to whatever has gates (``_ask_gates()``) and knows
    nothing of how documents move.

    A model joins with ``_inherit = ["customer.approval.mixin", its own name]``, the
    methods under "What a document model says of itself", and
    ``_guard_approved_content()`` around whatever else changes its content (its
    lines' ``create()``, ``write()`` and ``unlink()``).
    """

    _name = "customer.approval.mixin"
    _inherit = "customer.approval.derived.mixin"
    _description = "Document to Be Approved by the Customer"

    customer_approval_status = fields.Selection(
        [
            ("not_required", "Not Requested"),
            ("pending", "Pending"),
            ("approved", "Approved"),
            ("rejected", "Rejected"),
        ],
        string="Customer Approval",
        compute="_compute_customer_approval",
        store=True,
        precompute=True,
        copy=False,
        index="btree_not_null",
        help="Not requested: the customer has not been asked, or the content has "
        "changed since. Pending: waiting for the customer's answer. Approved: the "
        "customer has approved the present content. Rejected: the customer has "
        "declined, or wants changes.",
    )
    customer_approval_request_id = fields.Many2one(
        "customer.approval.request",
        string="Approval Request",
        compute="_compute_customer_approval",
        store=True,
        precompute=True,
        copy=False,
        index="btree_not_null",
        help="The request in force: the last one.",
    )
    customer_approval_substate = fields.Selection(
        [
            ("conditions", "Conditions to Accept"),
            ("changes_requested", "Changes Requested"),
            ("preparing", "New Version Being Prepared"),
            ("expired", "Expired"),
            ("withdrawn", "Withdrawn"),
        ],
        string="Approval Detail",
        compute="_compute_customer_approval",
        store=True,
        precompute=True,
        copy=False,
        index="btree_not_null",
        help="What lies behind the status: why nobody is asked at the moment, or what "
        "is to be done with the answer.",
    )
    customer_approval_remark = fields.Text(
        string="What the Customer Says",
        compute="_compute_customer_approval_remark",
        groups="base.group_user",
        help="The reason or the conditions of the last answer, and what it is about.",
    )
    customer_approval_has_line_remarks = fields.Boolean(
        compute="_compute_customer_approval_remark", groups="base.group_user"
    )
    customer_approval_since = fields.Datetime(
        string="Approval Status Since",
        compute="_compute_customer_approval",
        store=True,
        precompute=True,
        copy=False,
    )
    customer_approval_deadline = fields.Date(
        related="customer_approval_request_id.deadline", string="Approval Deadline"
    )
    customer_approval_request_ids = fields.One2many(
        "customer.approval.request",
        "res_id",
        string="Approval Requests",
        domain=lambda self: [("res_model", "=", self._name)],
        copy=False,
    )
    customer_approval_request_count = fields.Integer(
        compute="_compute_customer_approval_request_count", compute_sudo=True
    )
    customer_approval_banner = fields.Selection(
        [
            ("request", "Ask the customer"),
            ("stronger", "Ask again, for stronger evidence"),
            ("wait", "Waiting for the customer"),
            ("unreached", "The mail has not reached the customer"),
            ("conditions", "Conditions to accept"),
            ("rejected", "Rejected by the customer"),
            ("revise", "Approved, not yet begun"),
            ("begun", "Approved, and begun"),
            ("covered", "Covered by another approval"),
        ],
        compute="_compute_customer_approval_banner",
        compute_sudo=True,
        help="What keeps the document from its next stage, and so which button helps.",
    )
    customer_approval_unreached = fields.Char(
        string="Not Reached",
        compute="_compute_customer_approval_unreached",
        compute_sudo=True,
        help="Who is asked and has not got the mail, and why.",
    )
    customer_approval_event_ids = fields.One2many(
        "customer.approval.event",
        "res_id",
        string="History",
        domain=lambda self: [("res_model", "=", self._name)],
        copy=False,
    )
    customer_approval_missing = fields.Boolean(
        string="Past the Gate without Approval",
        compute="_compute_customer_approval_missing",
        search="_search_customer_approval_missing",
        compute_sudo=True,
        help="The document is in a stage that takes the customer's approval, and has "
        "none: it was there before the stage asked for it.",
    )

    # ------------------------------------------------------------------
    # What a document model says of itself
    # ------------------------------------------------------------------

    _approval_items = ()
    """The ``tools.blocks.Item`` that content is made of beside the lines: whatever
    binds both sides. Fields that other addons have may be named."""
    _approval_item_columns = ()
    """Further fields that ``_complete_approval_header()`` reads."""
    _approval_line_field = None
    """The one2many of the lines, of a model with ``customer.approval.line.mixin``."""
    _approval_totals = (
        ("untaxed", "amount_untaxed", _lt("Untaxed amount")),
        ("tax", "amount_tax", _lt("Taxes")),
        ("total", "amount_total", _lt("Total")),
    )
    """The totals of content: key, field and label."""

    def _get_customer_approval_lines(self):
        """Return the lines of all these documents that their customers read, in
        order, of a model with ``customer.approval.line.mixin``."""
        return self[self._approval_line_field]

    @api.model
    def _get_approval_line_model(self):
        return self.env[self._fields[self._approval_line_field].comodel_name]

    def _complete_approval_header(self, header, row):
        """Complete what content says beside lines and totals, for one document.

        :param dict header: the values by the items' keys, which is changed
        :param dict row: the fields of the document as the database has them
        """

    def _get_customer_approval_amount(self):
        """Return the total that the customer is asked to approve, in the document's
        currency."""
        self.ensure_one()
        return self.amount_total

    def _get_customer_approval_totals(self):
        """Return the totals that content has: ``untaxed``, ``tax`` and ``total``, in
        the document's currency."""
        self.ensure_one()
        return {
            "untaxed": self.amount_untaxed,
            "tax": self.amount_tax,
            "total": self.amount_total,
        }

    def _get_name_for_customer(self, number):
        """Return what the document is called to its customer, so that they can tell it
        from others.

        :param str number: of the request
        """
        self.ensure_one()
        return self.display_name

    def _get_time_zone(self):
        """Return the time zone in which the customer reads times."""
        self.ensure_one()
        partner = self.partner_id.sudo()  # shown to whoever sees the document
        return (
            partner.tz
            or partner.commercial_partner_id.tz
            or self.company_id.sudo().partner_id.tz
            or self._get_customer_approval_salesperson().sudo().tz
            or "UTC"
        )

    def _get_last_day_to_approve(self):
        """Return until which ``date`` the document can be approved, or ``False`` where
        it does not say so."""
        self.ensure_one()
        return False

    def _is_too_late(self):
        """Return whether the document's own last day is over, for its customer."""
        self.ensure_one()
        return moments.is_over(self._get_last_day_to_approve(), self._get_time_zone())

    def _get_deadline(self, deadline=None):
        """Return the last day for an answer to a request that is made now: never after
        the document's own, unless the company takes late answers.

        :param deadline: the ``date`` that somebody chose; by default the company's
            number of days from today
        """
        self.ensure_one()
        company = self.company_id.sudo()  # its settings
        if not deadline and company.customer_approval_days:
            today = moments.today_in(self._get_time_zone())
            deadline = today + timedelta(days=company.customer_approval_days)
        return self._limit_deadline(deadline)

    def _limit_deadline(self, deadline):
        """Return a last day for an answer that is not after the document's own.

        :param deadline: a ``date``, or nothing for no last day
        """
        self.ensure_one()
        last = self._get_last_day_to_approve()
        if not last or self.company_id.sudo().customer_approval_late_allowed:
            return deadline or False
        return min(deadline or last, last)

    def _get_shown_prices(self):
        """Return how the company shows prices: ``tax_excluded`` or ``tax_included``."""
        return "tax_excluded"

    def _get_customer_approval_salesperson(self):
        """Return the user who is told what the customer answered."""
        self.ensure_one()
        return self.user_id

    def _get_optional_lines(self):
        """Return the lines that the customer may choose before they approve."""
        self.ensure_one()
        return self._get_customer_approval_lines().browse()

    def _get_chosen_lines(self):
        """Return those of the optional lines that are in the total."""
        return self._get_optional_lines()

    def _choose_optional_lines(self, wanted):
        """Let the customer have these of the optional lines, and not the others."""
        raise NotImplementedError

    def _get_totals_of_choice(self, wanted):
        """Return what the totals are with these of the optional lines, as
        ``_get_customer_approval_totals()`` does."""
        self.ensure_one()
        return self._get_customer_approval_totals()

    def _schedule_blocked_activity(self, note):
        """Tell the salesperson that a gate held the document back where raising an
        error would have broken something else.

        :param str note: what happened, and what to do next
        """
        self.ensure_one()
        self._schedule_for_staff(
            "mail.mail_activity_data_warning", topic="blocked", note=note
        )

    def _schedule_for_staff(self, activity_type, users=None, topic=None, **values):
        """Put something on a colleague's list of things to do, whoever causes it.

        :param str activity_type: the external id of the ``mail.activity.type``
        :param str topic: what it is about, for ``_close_for_staff()``
        :param users: whom, the first who can; by default those of the document
        :param values: of the activity
        :return: the activity
        """
        self.ensure_one()
        # The customer, who caused it, is no colleague: nothing is theirs to make.
        document = self.with_user(SUPERUSER_ID)
        user = (users or self._get_staff()).filtered(self._is_staff)[:1]
        # A type that is given as a record counts.
        return document.activity_schedule(
            "" if "activity_type_id" in values else activity_type,
            user_id=(user or self._get_staff()[:1]).id,
            customer_approval_topic=topic,
            **values,
        )

    def _close_for_staff(self, *topics):
        """Mark as done what staff need not do any more, whoever has seen to it.

        :param topics: as given to ``_schedule_for_staff()``
        """
        # Activities of whomever, closed by what happened.
        activities = self.env["mail.activity"].with_user(SUPERUSER_ID)
        activities = activities.search(
            [
                ("customer_approval_topic", "in", topics),
                ("res_model", "=", self._name),
                ("res_id", "in", self.ids),
            ]
        )
        if activities:
            activities.action_feedback()

    def _after_move(self, before, keeps_history=True, states=None):
        result = super()._after_move(before, keeps_history, states)
        if not keeps_history:
            return result  # nothing was ever blocked
        done = self.filtered(
            lambda document: document.state in self._stage_final_states
        )
        done._close_for_staff("blocked")
        return result

    @api.model
    def _is_staff(self, user):
        """Return whether the user is a person who works in the back office."""
        return user.active and not user.share and user.id != SUPERUSER_ID

    def _get_staff(self):
        """Return the colleagues who take care of the document, the first before the
        others: its salesperson, or else those who may revise what was approved."""
        self.ensure_one()
        salesperson = self._get_customer_approval_salesperson()
        if staff := salesperson.filtered(self._is_staff):
            return staff
        for group in (
            "customer_approval_gate.group_revise_approval",
            "base.group_system",
        ):
            users = self.env.ref(group).sudo().all_user_ids  # whoever causes it
            staff = users.filtered(
                lambda user: (
                    self._is_staff(user) and self.company_id in user.company_ids
                )
            )
            if staff:
                return staff.sorted("id")
        return salesperson

    def _message_compute_author(self, author_id=None, email_from=None):
        """What the system writes because of a customer has a sender nonetheless: mail
        without one is not sent."""
        author_id, email_from = super()._message_compute_author(author_id, email_from)
        return author_id, email_from or self._get_sender()

    def _get_sender(self):
        """Return the address that mails about the document come from where their author
        has none."""
        company = self.company_id[:1] or self.env.company
        salesperson = self and self[:1]._get_customer_approval_salesperson().sudo()
        # Not by ref(), which looks each time whether the record is still there.
        robot = self.env["ir.model.data"]._xmlid_to_res_id("base.partner_root")
        return (
            company.sudo().email_formatted
            or (salesperson and salesperson.email_formatted)
            or self.env["res.partner"].sudo().browse(robot).email_formatted
        )

    def _can_request_customer_approval(self):
        """Return why the customer cannot be asked about this document, or ``None``."""
        self.ensure_one()
        company = self.company_id.sudo()  # its settings
        if self._is_too_late() and not company.customer_approval_late_allowed:
            return self.env._(
                "%(document)s was valid until %(day)s: choose a later day first.",
                document=self.display_name,
                day=format_date(self.env, self._get_last_day_to_approve()),
            )
        return None

    # ------------------------------------------------------------------
    # Status: derived from the requests, writable by nobody
    # ------------------------------------------------------------------

    @api.depends(
        "customer_approval_request_ids.state",
        "customer_approval_request_ids.lapsed_on",
        "customer_approval_request_ids.conditions_accepted_on",
    )
    def _compute_customer_approval(self):
        # Whoever sees the document sees its status, if not the requests.
        requests_of = self.sudo()._get_last_requests()
        covered = self._filter_covered() if self.ids else self.browse()
        for document in self:
            request = requests_of.get(document._origin.id)
            status = request._get_document_status() if request else "not_required"
            if status == "not_required" and document._origin in covered:
                status = "approved"
            document.customer_approval_status = status
            document.customer_approval_substate = (
                request._get_document_substate()
                if request and (status != "approved")
                else False
            )
            document.customer_approval_request_id = request
            document.customer_approval_since = (
                request._get_status_date() if request else False
            )

    @api.depends("customer_approval_request_id.state")
    def _compute_customer_approval_remark(self):
        for document in self:
            # Whoever sees the document sees what its customer says about it.
            request = document.sudo().customer_approval_request_id
            document.customer_approval_remark = request._describe_remark()
            document.customer_approval_has_line_remarks = bool(
                request and request._get_line_remarks()
            )

    def _recompute_customer_approval(self):
        """Let the status follow evidence that no field of a request shows."""
        names = (
            "customer_approval_status",
            "customer_approval_substate",
            "customer_approval_request_id",
            "customer_approval_since",
        )
        for name in names:
            self.env.add_to_compute(self._fields[name], self)
        self.modified([])

    def _filter_covered(self):
        """Return the documents that the approval of others covers, by their events.

        Override for documents that are made from approved ones.
        """
        return self.browse()

    def _get_last_requests(self):
        """Return ``{id of the document: its last request}``."""
        if not self.ids:
            return {}
        requests = self.env["customer.approval.request"].search_fetch(
            [("res_model", "=", self._name), ("res_id", "in", self.ids)],
            [
                "res_id",
                "state",
                "lapsed_on",
                "conditions_accepted_on",
                "requested_on",
                "decided_on",
                "scope_digest",
            ],
            order="id",
        )
        return {request.res_id: request for request in requests}

    @api.depends("customer_approval_request_ids")
    def _compute_customer_approval_request_count(self):
        for document in self:
            # The last request is stored: where there is none, none is looked for.
            document.customer_approval_request_count = (
                len(document.customer_approval_request_ids)
                if document.customer_approval_request_id
                else 0
            )

    @api.depends("amount_total", "customer_approval_status", "next_stage_id", "state")
    def _compute_customer_approval_banner(self):
        for document in self:
            status = document.customer_approval_status
            stage = document.next_stage_id
            # The banner may be seen by people who may not read requests.
            request = document.sudo().customer_approval_request_id
            banner = False
            if document.state == "cancel":
                banner = False
            elif status == "pending" and request.state == "approved_conditions":
                banner = "conditions"
            elif status == "pending":
                banner = "unreached" if request._get_unreached() else "wait"
            elif status == "rejected":
                banner = "rejected"
            elif status == "approved" and not request:
                banner = "covered"
            elif status == "approved" and document._needs_stronger_evidence():
                banner = "stronger"
            elif status == "approved":
                banner = "begun" if document._is_past_gate() else "revise"
            elif status == "not_required" and stage:
                banner = "request" if document._is_gated(stage) else False
            document.customer_approval_banner = banner

    @api.depends("customer_approval_status")
    def _compute_customer_approval_unreached(self):
        for document in self:
            people = document.customer_approval_request_id._get_unreached()
            document.customer_approval_unreached = "; ".join(
                f"{approver.partner_id.name} ({approver.email}): {approver.mail_reason}"
                if approver.mail_reason
                else f"{approver.partner_id.name} ({approver.email})"
                for approver in people
            )

    def action_retry_customer_approval_mail(self):
        """Send the mails that failed once more.

        :raise AccessError: the user may not ask for approvals either
        """
        self.ensure_one()
        request = self.sudo().customer_approval_request_id  # checked for each person
        request._get_unreached().with_env(self.env).action_retry_mail()

    def action_change_customer_approval_address(self):
        """Open the dialog that corrects the address of whoever was not reached."""
        self.ensure_one()
        request = self.sudo().customer_approval_request_id  # checked for the person
        people = request._get_unreached().with_env(self.env)
        if not people:
            raise UserError(self.env._("Nobody's mail has failed."))
        return people[:1].action_change_address()

    @api.depends("amount_total", "customer_approval_status", "stage_id")
    def _compute_customer_approval_missing(self):
        for document in self:
            document.customer_approval_missing = (
                document.customer_approval_status != "approved"
                and bool(document.stage_id)
                and document._is_gated(document.stage_id)
            )

    def _search_customer_approval_missing(self, operator, value):
        if operator != "in":
            return NotImplemented
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        domains = []
        for stage in stages:
            gates = stage._find_gates(stages).filtered("requires_customer_approval")
            for gate in gates:
                domain = Domain("stage_id", "=", stage.id)
                if gate.company_id:
                    domain &= Domain("company_id", "=", gate.company_id.id)
                if gate.approval_from_amount:
                    # Below the amount that a gate is for, nothing is missing.
                    domain &= Domain.custom(to_sql=_is_gated_by_amount)
                domains.append(domain)
        missing = Domain.OR(domains) if domains else Domain.FALSE
        missing &= Domain("customer_approval_status", "!=", "approved")
        return missing if True in value else ~missing

    def _is_gated(self, stage):
        """Return whether entering a stage takes the customer's approval, by its own
        flag or by that of a stage before it, as far as showing it goes."""
        self.ensure_one()
        return bool(self._get_approval_gates(stage._get_gates(self.company_id))[self])

    def _has_approval_gates(self):
        """Return whether anything will ever ask for this document's approval."""
        self.ensure_one()
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        return self.customer_approval_status == "pending" or bool(
            self._get_approval_gates(stages)[self]
        )

    def _is_past_gate(self):
        """Return whether the document stands where only approved ones may."""
        self.ensure_one()
        return bool(self._get_approval_gates(self._get_gates_passed())[self])

    def _is_in_gated_state(self):
        """Return whether the document has a state of Odoo's own that only approved ones
        may have, whatever its stage says."""
        self.ensure_one()
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        if self.state not in self._stage_final_states:
            return False
        stage = stages._first_of_state(self.state, self.company_id)
        return bool(stage) and self._is_gated(stage)

    def _get_first_gate_passed(self):
        """Return the first gate before which nothing is locked any more."""
        self.ensure_one()
        return self._get_approval_gates(self._get_gates_passed())[self][:1]

    @api.model
    def _get_gate_columns(self):
        columns, fixed = super()._get_gate_columns()
        # With what a document comes to, stages may ask for an approval.
        amounts = (
            "amount_total",
            "currency_id",
            "currency_rate",
            "invoice_currency_rate",
        )
        columns += [
            name
            for name in amounts
            if name in self._fields and self._fields[name].store
        ]
        if "customer_approval_parent_id" in self._fields:
            columns.append("customer_approval_parent_id")
            fixed = [*fixed, "customer_approval_parent_id"]
        return [*columns, "customer_approval_status"], fixed

    @api.model
    def _is_derived(self, field):
        # Odoo itself writes others, such as whether an invoice is blocked for payment.
        return field.type in ("float", "monetary") or field.name == "invoice_status"

    def _is_derivation_watched(self):
        staged = self.filtered(lambda document: document._is_staged())
        return bool(staged) and staged._is_any_watched()

    @api.model
    def _get_derived_approval_fields(self):
        return {
            "customer_approval_status",
            "customer_approval_substate",
            "customer_approval_request_id",
            "customer_approval_since",
            "customer_approval_request_ids",
            "customer_approval_event_ids",
            "customer_approval_deadline",
        }

    def _check_no_derived_values(self, vals):
        if self._get_derived_approval_fields() & vals.keys():
            raise UserError(
                self.env._(
                    "The customer's approval cannot be written: it follows from what "
                    "the customer answers. Request customer approval instead."
                )
            )

    @api.model
    def _get_fields_without_default(self):
        own = self._get_derived_approval_fields()
        return super()._get_fields_without_default() | own

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_no_derived_values(vals)
        with self._creating():
            return super().create(vals_list)

    @contextmanager
    def _creating(self):
        """Around the creation of documents: nobody was asked about them, so that
        nothing is compared whenever Odoo writes one of their lines on the way."""
        stages = self.env["customer.approval.stage"]
        if not stages._is_list_in_use(self._stage_document_type):
            yield
            return
        self.env.cr.execute(
            SQL("SELECT COALESCE(max(id), 0) FROM %s", SQL.identifier(self._table))
        )
        own = _NewDocuments(self._name, self.env.cr.fetchone()[0])
        with capability.hold(self.env, capability.Guarded(own)):
            yield

    def write(self, vals):
        self._check_no_derived_values(vals)
        if vals.get("state") == "cancel":
            capability.call(self._withdraw_cancelled)
        if (
            vals.keys() <= self._get_fields_beside_content()
            or not self._is_any_watched()
        ):
            return super().write(vals)
        # Odoo's own methods find lines as they are, if those change with the state.
        with self._guard_approved_content(at_end="state" not in vals):
            return super().write(vals)

    @capability.required
    def _withdraw_cancelled(self):
        """Nobody is asked about what is cancelled."""
        waiting = self.filtered(lambda d: d.customer_approval_status == "pending")
        if waiting:
            # Whoever cancels need not be allowed to read requests.
            requests = waiting.sudo().customer_approval_request_id
            capability.call(
                requests._withdraw, self.env._("The document was cancelled.")
            )

    @api.model
    def _get_fields_beside_content(self):
        """Return fields that never matter to scope and price, so that writing them
        costs nothing."""
        return {
            "access_token",
            "activity_ids",
            "date_order",
            "message_follower_ids",
            "message_ids",
            "message_main_attachment_id",
            "stage_id",
            "state",
            "tag_ids",
            "team_id",
            "user_id",
        }

    def unlink(self):
        # Not api.ondelete, which a context key switches off.
        if self and self._keeps_history():
            self._check_never_asked()
        return super().unlink()

    def _check_never_asked(self):
        asked = self.sudo()._get_last_requests()  # whoever deletes may not see them
        for document in self:
            if document.id in asked:
                raise UserError(
                    self.env._(
                        "%(document)s cannot be deleted: its customer has been asked "
                        "to approve it, and what was asked and answered is kept as "
                        "evidence. Cancel it instead.",
                        document=document.display_name,
                    )
                )

    # ------------------------------------------------------------------
    # The gate
    # ------------------------------------------------------------------

    def _ask_gates(self, stage, gates, shown=False):
        """Add the guide's gate: only "approved" allows advancement."""
        states = super()._ask_gates(stage, gates, shown)
        if not gates:
            return states
        asking = self._get_approval_gates(gates, not shown)
        gated = self.filtered(lambda document: asking[document])
        if not gated:
            return states
        if shown:
            approved = gated.filtered(
                lambda d: d.customer_approval_status == "approved"
            )
        else:
            approved = gated._filter_customer_approved()
        weak, strengths = {}, {}
        if any(gates.mapped("minimum_evidence")):
            strengths = approved._get_evidence_strengths()
            for document in approved:
                minimum = asking[document]._get_minimum_strength()
                if strengths[document.id] < minimum:
                    weak[document] = document._strength_message(
                        stage, strengths[document.id], minimum
                    )
        named = {own: own._get_asking(stage) for own in {*asking.values()}}
        yes = {*approved._ids}
        for document in gated:
            gate = named[asking[document]]
            reason = "" if document.id in yes else self._gate_message(stage, gate)
            if not shown and not reason and document not in weak:
                facts = _gate_facts(document)
                facts["gates"] = tuple(sorted({*facts["gates"], *asking[document].ids}))
                if document.id in strengths:
                    facts["strength"] = strengths[document.id]
            states[document].append(
                GateState(
                    "approval",
                    weak.get(document, reason),
                    gate=gate,
                    describe=document._describe_approval_gate,
                )
            )
        return states

    @api.model
    def _get_fields_blocking(self):
        return [
            *super()._get_fields_blocking(),
            "amount_total",
            "customer_approval_status",
        ]

    def _was_gate_asked(self):
        known = capability.transaction_memory(self.env).get(GATES_ASKED, {})
        return super()._was_gate_asked() or (self._name, self.id) in known

    def _forget_gates_asked(self):
        result = super()._forget_gates_asked()
        known = capability.transaction_memory(self.env).get(GATES_ASKED, {})
        for document in self:
            known.pop((document._name, document.id), None)
        return result

    def _get_approval_gates(self, gates, is_move=False):
        """Return which of these stages' gates ask for the approval of each document:
        those of its company, from the amount on that they are for.

        :param bool is_move: whether the documents are to move past them
        :rtype: dict
        """
        gates = gates.sudo()  # of all companies
        asking = gates.filtered("requires_customer_approval")
        own = {company: asking._of_company(company) for company in self.company_id}
        result = {document: own[document.company_id] for document in self}
        if not any(asking.mapped("approval_from_amount")):
            return result
        amounts = self._get_gate_amounts()
        for document, own in result.items():
            if is_move and own:
                amount = self._format_decimals(amounts[document], 6, exact=False)
                _gate_facts(document)["amount"] = amount
            result[document] = own.filtered(
                lambda gate, document=document: (
                    not gate.approval_from_amount
                    or document.company_id.currency_id.compare_amounts(
                        amounts[document], gate.approval_from_amount
                    )
                    >= 0
                )
            )
        return result

    def _get_largest_total(self):
        """Return the most that any of the figures says the document comes to, in its
        currency."""
        self.ensure_one()
        return self.amount_total

    def _get_move_details(self):
        """Which gates were asked, and how small those are that pass one that is for
        larger ones."""
        details = super()._get_move_details()
        known = capability.transaction_memory(self.env).get(GATES_ASKED, {})
        for document in self:
            if facts := known.get((document._name, document.id)):
                gate = {**facts, "gates": list(facts["gates"])}
                details[document] = {**details.get(document, {}), "gate": gate}
        for stage, documents in self.grouped("stage_id").items():
            if any(
                gate.requires_customer_approval and gate.approval_from_amount
                for gate in (stage.sudo()._find_gates() if stage else ())
            ):
                for document in documents:
                    total = document._format_decimals(
                        document._get_largest_total(),
                        document.currency_id.decimal_places,
                    )
                    details[document] = {**details.get(document, {}), "total": total}
        return details

    def _get_gate_amounts(self):
        """Return what each document comes to, in its company's currency, as the
        database has it: see ``customer_approval_amount`` in ``tools/triggers.py``.

        :rtype: dict
        """
        return {document: document.amount_total for document in self}

    def _describe_approval_gate(self):
        """Return how the gate of approval is shown."""
        self.ensure_one()
        status = self.customer_approval_status
        labels = dict(
            self._fields["customer_approval_status"]._description_selection(self.env)
        )
        # Whose turn it is may be seen by whoever sees the document.
        request = self.sudo().customer_approval_request_id
        who = self.env._("staff: request approval")
        if status == "pending" and request.state == "approved_conditions":
            who = self.env._("staff: accept the conditions")
        elif status == "pending":
            open_ones = request.approver_ids.filtered(lambda a: a._is_open())
            who = ", ".join(open_ones.partner_id.mapped("name"))
        elif status == "rejected":
            who = self.env._("staff: change it and ask again")
        elif status == "approved":
            who = request.decided_by_name or ""
        return {
            "label": self.env._("Customer approval"),
            "state": labels[status],
            "who": who,
        }

    def _strength_message(self, stage, strength, minimum):
        self.ensure_one()
        requests = self.env["customer.approval.request"]
        labels = {int(key): label for key, label in requests._get_strength_labels()}
        return self.env._(
            "Cannot advance to %(stage)s: the evidence that the customer approved "
            "%(document)s is too weak. There is: %(found)s. It takes: %(needed)s. "
            "Request customer approval again.",
            stage=stage.name,
            document=self.display_name,
            found=labels.get(strength, self.env._("none")),
            needed=labels[minimum],
        )

    def _get_approving_requests(self):
        """Return ``{id of the document: the requests by which it is approved}``, from
        evidence."""
        requests = self.sudo()._get_last_requests()  # evidence, not the user's view
        return {
            document_id: request
            for document_id, request in requests.items()
            if request._get_document_status() == "approved"
        }

    def _get_evidence_strengths(self):
        """Return ``{id of the document: how sure it is who approved it}``."""
        approving = self._get_approving_requests()
        Request = self.env["customer.approval.request"].sudo()  # as above
        strengths = Request.union(*approving.values())._get_strengths()
        return {
            document.id: min(
                (
                    strengths.get(request.id, 0)
                    for request in approving.get(document.id, ())
                ),
                default=0,
            )
            for document in self
        }

    def _get_minimum_strength(self):
        """Return how sure any of the gates on the document's way wants to be."""
        self.ensure_one()
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        return self._get_approval_gates(stages)[self]._get_minimum_strength()

    def _needs_stronger_evidence(self):
        """Return whether the document is approved, and not surely enough for the gates
        that are ahead."""
        self.ensure_one()
        minimum = self._get_minimum_strength()
        return bool(minimum) and self._get_evidence_strengths()[self.id] < minimum

    @api.model
    def _new_document_blockers(self, stage, company):
        blockers = super()._new_document_blockers(stage, company)
        gates = stage._find_gates().filtered(
            # How much it will come to is not known yet.
            lambda gate: (
                gate.requires_customer_approval and not gate.approval_from_amount
            )
        )
        if gates._of_company(company):
            own = gates._of_company(company)
            blockers.append(self._gate_message(stage, own._get_asking(stage)))
        return blockers

    def _gate_message(self, stage, gate):
        """Return the guide's sentence, and which stage asks where it is another one.

        :param stage: the ``customer.approval.stage`` to be entered
        :param gate: the one whose flag blocks
        """
        message = self._get_gate_sentence(stage)
        if gate and gate != stage:
            asked = self.env._("(asked for by %(gate)s)", gate=gate.name)
            message = f"{message} {asked}"
        return message

    def _get_gate_sentence(self, stage):
        """Return the guide's sentence."""
        return self.env._(
            "Cannot advance to %(stage)s: customer approval is required. Request "
            "customer approval before changing to this status.",
            stage=stage.name,
        )

    def _filter_customer_approved(self):
        """Return the documents whose customer approved their present content.

        The requests are read, never the status; and the content is compared, so
        that it does not matter how it was changed.
        """
        requests = self.sudo()._get_last_requests()  # evidence, not the user's view
        approved = self.filtered(
            lambda document: (
                document.id in requests
                and requests[document.id]._get_document_status() == "approved"
            )
        )
        scopes = approved._get_scope_digests()
        same = approved.filtered(
            lambda document: scopes[document.id] == requests[document.id].scope_digest
        )
        if different := approved - same:
            then = different._get_scope_digests_as_asked(requests)
            scopes.update(then)
            same |= different.filtered(
                lambda document: then[document.id] == requests[document.id].scope_digest
            )
            different -= same
        if different:
            tolerated = different._get_tolerated_scopes(requests)
            same |= different.filtered(
                lambda document: scopes[document.id] in tolerated[document.id]
            )
        return same

    def _get_tolerated_scopes(self, requests):
        """Return ``{id of the document: digests of the changes that its company's
        policy tolerated}``, from the ledger.

        :param requests: ``{id of the document: the request in force}``
        """
        events = self.env["customer.approval.event"].sudo()  # evidence, as above
        events = events.search(
            [
                ("kind", "=", "tolerated"),
                ("request_id", "in", [requests[document.id].id for document in self]),
            ]
        )
        scopes = defaultdict(set)
        for event in events:
            scopes[event.request_id.res_id].add(event.scope_digest)
        return scopes

    # ------------------------------------------------------------------
    # Content
    # ------------------------------------------------------------------

    @api.model
    def _get_approval_items(self):
        """Return those of the items whose fields there are."""
        return [
            item
            for item in self._approval_items
            if not item.field or item.field in self._fields
        ]

    def _describe_approval_items(self):
        """Return label and format of all that content has, in the user's language:
        ``{key: (label, format)}``."""
        described = {}
        for item in self._get_approval_items():
            field = self._fields[item.field] if item.field else None
            format_ = item.format or blocks.FORMATS.get(field and field.type, "text")
            described[item.key] = (self.env._(item.label), format_)
        for key, _field, label in self._approval_totals:
            described[key] = (self.env._(label), "money")
        if self._approval_line_field:
            lines = self._get_approval_line_model()
            described |= lines._describe_approval_items()
        return described

    def _read_approval_scopes(self, digits_of=None):
        """Return what the content of each document says, from rows of the database:
        what is compared is not what somebody has put into a cache.

        :param digits_of: with how many decimals numbers are written, by the document's
            id; as the settings say where nothing is given
        :return: ``{id of the document: flat content}``, see ``tools.ledger.flat()``
        :rtype: dict
        """
        items = self._get_approval_items()
        names = {item.field for item in items if item.field}
        names |= {*self._approval_item_columns} & self._fields.keys()
        names |= {field for _key, field, _label in self._approval_totals}
        names.add("currency_id")
        rows = self._read_approval_columns(names)
        addresses = self._read_approval_addresses(
            {
                row[item.field]
                for item in items
                if item.kind == "address"
                for row in rows.values()
            }
        )
        lines, excluded = {}, {}
        if self._approval_line_field:
            model = self._get_approval_line_model()
            lines, excluded = model._read_approval_lines(self.ids, digits_of or {})
        currencies = self.env["res.currency"]
        decimals = {
            currency.id: currency.decimal_places
            for currency in currencies.browse({r["currency_id"] for r in rows.values()})
        }
        scopes = {}
        for document_id, row in rows.items():
            header = self._convert_approval_items(items, row, addresses)
            self._complete_approval_header(header, row)
            digits = decimals.get(row["currency_id"], 2)
            less = excluded.get(document_id, {})
            scopes[document_id] = {
                "format": ledger.FORMAT,
                "header": header,
                "lines": lines.get(document_id, []),
                "totals": {
                    key: format_decimals(
                        (row[field] or 0.0) - less.get(key, 0.0), digits, True
                    )
                    for key, field, _label in self._approval_totals
                },
                "files": [],
            }
        return scopes

    def _read_approval_columns(self, names):
        """Return fields of these records: ``{id: {name: value}}``, many2one by id."""
        stored = sorted(
            name
            for name in names
            if self._fields[name].store and self._fields[name].column_type
        )
        self.flush_model(stored)
        rows = self.env.execute_query_dict(
            SQL(
                "SELECT %s FROM %s WHERE id = ANY(%s)",
                SQL(", ").join(SQL.identifier(name) for name in ["id", *stored]),
                SQL.identifier(self._table),
                list(self.ids),
            )
        )
        result = {row["id"]: row for row in rows}
        for name in names - {*stored}:
            is_record = self._fields[name].type == "many2one"
            for document in self:
                value = document[name]
                result[document.id][name] = value.id if is_record else value
        return {key: result[key] for key in self.ids if key in result}

    def _read_approval_addresses(self, ids):
        """Return the parts of the addresses of partners, without what is empty: a
        street that is changed later is another place."""
        partners = self.env["res.partner"].browse(filter(None, ids))
        names = {
            name
            for name in partners._address_fields()
            if partners._fields[name].store and partners._fields[name].column_type
        }
        if not partners:
            return {}
        partners.flush_model(names)
        rows = self.env.execute_query_dict(
            SQL(
                "SELECT %s FROM res_partner WHERE id = ANY(%s)",
                SQL(", ").join(SQL.identifier(name) for name in ["id", *sorted(names)]),
                list(partners.ids),
            )
        )
        return {
            row["id"]: {name: row[name] for name in sorted(names) if row[name]}
            for row in rows
        }

    @api.model
    def _convert_approval_items(self, items, row, addresses):
        header = {}
        for item in items:
            value = row[item.field] if item.field else None
            if value is None or value is False or value == item.default or value == "":
                continue
            kind = self._fields[item.field].type
            if kind in ("many2one", "selection"):
                value = {"id": value, "text": None}
                if item.kind == "address":
                    value["address"] = addresses.get(value["id"], {})
            elif kind == "html":
                value = _plain_text(value)
            elif kind == "date":
                value = fields.Date.to_string(value)
            elif kind == "datetime":
                value = fields.Datetime.to_string(value)
            elif kind in ("float", "monetary"):
                value = format_decimals(value, 4, True)
            if value not in (None, "", []):
                header[item.key] = value
        return header

    def _get_customer_approval_content(self, digits_of=None):
        """Return the commercial content of each document as it is frozen, see
        ``tools/content.py``.

        :param digits_of: with how many decimals numbers are written, by the document's
            id; as the settings say where nothing is given
        :return: ``{id of the document: content}``
        :rtype: dict
        """
        today = {}
        describe = self._describe_approval_items()
        items = self._get_approval_items()
        scopes = self._read_approval_scopes(digits_of)
        if self._approval_line_field:
            model = self._get_approval_line_model()
            today = model._get_content_digits()
            model._name_approval_lines([scope["lines"] for scope in scopes.values()])
        contents = {}
        for document in self:
            flat = scopes[document.id]
            document._name_approval_items(items, flat["header"])
            contents[document.id] = {
                "format": ledger.FORMAT,
                "document": {
                    "model": document._name,
                    "id": document.id,
                    "name": document.display_name,
                },
                # How it is shown is no part of what is agreed, and not in the scope.
                "prices": document._get_shown_prices(),
                "digits": (digits_of or {}).get(document.id, today),
                "blocks": blocks.make_blocks(
                    items, flat, describe, document._make_block_of_lines(flat, describe)
                ),
            }
        return contents

    def _make_block_of_lines(self, flat, describe):
        """Return the block of the lines and their totals, or nothing where the document
        has none.

        :param dict flat: content, see ``tools.ledger.flat()``
        :param dict describe: label and format by key
        """
        if not self._approval_line_field:
            return None
        model = self._get_approval_line_model()
        return {
            "kind": "lines",
            "key": "lines",
            "labels": {
                key: list(describe[key]) for key in model._describe_approval_items()
            },
            "lines": model._pack_approval_lines(flat["lines"], describe),
            "totals": [
                {"key": key, "label": describe[key][0], "value": flat["totals"][key]}
                for key, _field, _label in self._approval_totals
                if key in flat["totals"]
            ],
        }

    def _name_approval_items(self, items, header):
        """Put into content what related records are called, as the customer reads it.

        :param dict header: the values by the items' keys, which is changed
        """
        self.ensure_one()
        for item in items:
            value = header.get(item.key)
            if not isinstance(value, dict) or not item.field:
                continue
            field = self._fields[item.field]
            if field.type == "selection":
                labels = dict(field._description_selection(self.env))
                value["text"] = labels.get(value["id"], value["id"])
                continue
            record = self.env[field.comodel_name].browse(value["id"])
            value["text"] = record.display_name
            if item.kind == "address":
                text = [record.display_name, *record._display_address(True).split("\n")]
                value["text"] = "\n".join(line for line in text if line.strip())

    def _ignore_own_changes(self, content, asked, request):
        """Write into the present content what was asked, where it became something else
        without any change of what is agreed. Override for what Odoo itself changes.

        :param dict content: the present content, flat, which is changed
        :param dict asked: the content that the customer was asked about, flat
        :param request: the ``customer.approval.request``
        """
        self.ensure_one()

    def _get_scope_digests_as_asked(self, requests):
        """Return ``{id of the document: digest of its present scope and price}``, as it
        would have been when the customer was asked: with the decimals of then, in the
        format of then, and without what Odoo itself has changed since.

        :param requests: ``{id of the document: the request in force}``
        """
        if not self:
            return {}
        scopes = self.sudo()._read_approval_scopes(
            {d.id: requests[d.id]._get_digits() for d in self}
        )
        digests = {}
        for document in self:
            request = requests[document.id].sudo()
            scope = scopes[document.id]
            document._ignore_own_changes(scope, ledger.flat(request.content), request)
            digests[document.id] = (
                request.scope_digest
                if content_tools.is_same_scope(request.content, scope)
                else content_tools.scope_as_asked(request.content, scope)
            )
        return digests

    def _get_scope_digests(self, digits_of=None):
        """Return ``{id of the document: digest of its present scope and price}``.

        :param digits_of: see ``_get_customer_approval_content()``
        """
        if not self:
            return {}
        # Prices and taxes count, whatever the user may see of them.
        scopes = self.sudo()._read_approval_scopes(digits_of)
        return {
            document_id: ledger.scope_digest(scope)
            for document_id, scope in scopes.items()
        }

    @contextmanager
    def _guard_approved_content(self, at_end=True):
        """Around whatever may change the content: afterwards a pending request is
        withdrawn and an approval counts no more where the content did change; and
        where it may not change, the whole is refused (design rule 5).

        :param bool at_end: whether what happens on the way is judged at the end only
        """
        if not self._is_any_watched():
            yield
            return
        watched = self.filtered(
            lambda document: (
                not capability.is_guarded(document) and document._is_content_watched()
            )
        )
        watched._lock_content()
        before = watched._get_scope_digests()
        keys = {(self._name, document_id) for document_id in watched.ids}
        with capability.hold(self.env, capability.Guarded(keys if at_end else ())):
            yield
        if not watched:
            return
        watched = watched.exists()
        after = watched._get_scope_digests()
        changed = watched.filtered(lambda d: before[d.id] != after[d.id])
        changed._after_content_change()

    @contextmanager
    def _judge_once(self):
        """Around an operation of Odoo's own that takes content away and puts it back:
        what counts is what the documents are when all of it is done.

        :raise UserError: approved content is something else then; the message says what
        """
        approved = self.filtered(lambda d: d.customer_approval_status == "approved")
        try:
            with self._guard_approved_content():
                yield
        except UserError as error:
            # The gate was asked on the way, when the content had changed already. What
            # others refuse is passed on in their own words.
            if getattr(error, "customer_approval_gate", False):
                for document in approved - approved._filter_customer_approved():
                    request = document.sudo().customer_approval_request_id
                    changes = request and document._get_changes_since(request)
                    if changes:
                        raise UserError(
                            document._approved_content_message(request, changes)
                        ) from error
            raise

    def _lock_content(self):
        """Keep everybody else from answering while the content changes.

        :raise UserError: somebody answers at this moment
        """
        try:
            self.lock_for_update(allow_referencing=True)
        except LockError as error:
            raise UserError(
                self.env._(
                    "The customer, or somebody else, is working on %(document)s at "
                    "this moment. Try again in a minute.",
                    document=self[:1].display_name,
                )
            ) from error

    def _after_adding_lines(self, lines):
        """Judge a document that lines were added to. Override to have a say."""

    def _is_any_watched(self):
        """Return whether it matters to any of these documents what becomes of its
        content: a gate, or an edit lock, or somebody who is asked or has approved."""
        stages = self.env["customer.approval.stage"]
        return stages._is_list_in_use(self._stage_document_type) or any(
            document.customer_approval_status in ("pending", "approved")
            for document in self
        )

    def _is_content_watched(self):
        self.ensure_one()
        return bool(self.id) and (
            self.customer_approval_status in ("pending", "approved")
            or self.stage_id.edit_lock
        )

    def _after_content_change(self):
        for document in self - self._filter_as_asked():
            if capability.is_guarded(document):
                continue
            if document.stage_id.edit_lock:
                raise UserError(
                    self.env._(
                        "%(document)s cannot be edited while it is in the stage "
                        "%(stage)s. Move it to another stage first.",
                        document=document.display_name,
                        stage=document.stage_id.name,
                    )
                )
            # Whoever edits the document need not be allowed to read requests.
            request = document.sudo().customer_approval_request_id
            if document.state == "cancel" and request:
                # Odoo takes rewards and the like from what is cancelled.
                capability.call(
                    request._end_approval,
                    "lapsed",
                    self.env._("The document was cancelled."),
                    self.env._(
                        "With the cancellation the content has changed, so that the "
                        "customer's approval counts no more."
                    ),
                )
            elif document.customer_approval_status == "approved":
                capability.call(document._judge_approved_change, request)
            elif request.state != "pending" or request._is_outdated():
                capability.call(request._after_content_change)

    def _filter_as_asked(self):
        """Return the documents whose content is what their customer was asked about,
        for all of them at once: nothing is to be judged there."""
        requests = {
            document.id: document.sudo().customer_approval_request_id  # evidence
            for document in self
            if document.state != "cancel"
            and not document.stage_id.edit_lock
            and document.customer_approval_status in ("pending", "approved")
        }
        requests = {key: request for key, request in requests.items() if request}
        documents = self.browse(requests)
        scopes = documents._get_scope_digests_as_asked(requests)
        return documents.filtered(
            lambda document: scopes[document.id] == requests[document.id].scope_digest
        )

    @capability.required
    def _judge_approved_change(self, request):
        """Let a change of what was approved pass if the company's policy tolerates it.

        :raise UserError: it matters
        """
        self.ensure_one()
        content, approved = self._get_content_and_asked(request)
        matters = content_tools.changes_that_matter(
            approved,
            content,
            self.company_id.sudo()._get_recorded_policy(self.currency_id),
        )
        if matters:
            changes = content_tools.difference(approved, content)
            raise UserError(self._approved_content_message(request, changes))
        if content_tools.is_same_scope(approved, content):
            return
        scope = content_tools.scope_as_asked(approved, content)
        changes = content_tools.difference(approved, content)
        self.env["customer.approval.event"].sudo()._append(
            [
                Entry(
                    self,
                    "tolerated",
                    request,
                    scope_digest=scope,
                    text=self._summarize(changes),
                    details={"changes": changes},
                )
            ]
        )

    def _get_changes_since(self, request):
        """Return what is different from what was asked, as plain data."""
        content, asked = self._get_content_and_asked(request)
        return content_tools.difference(asked, content)

    def _get_content_and_asked(self, request):
        """Return the present content and that which the customer was asked about, both
        flat.

        :rtype: tuple
        """
        self.ensure_one()
        request = request.sudo()  # whatever the user may read of it
        content = self.sudo()._get_customer_approval_content(
            {self.id: request._get_digits()}
        )[self.id]
        content, asked = ledger.flat(content), ledger.flat(request.content)
        self._ignore_own_changes(content, asked, request)
        return content, asked

    def _summarize(self, changes):
        """Return a difference in one line: what was, and what is."""
        self.ensure_one()
        Request = self.env["customer.approval.request"]
        describe = Request._describe_content(self)

        def change(name, old, new):
            label, format_ = describe(name)
            old, new = (
                in_one_line(
                    Request._get_value_text(
                        format_, value, self.currency_id, self._get_time_zone()
                    )
                )
                for value in (old, new)
            )
            return f"{label}: {old} → {new}"

        parts = [
            f"{content_tools.line_name(line['new']) or self.env._('Item')}: "
            + change(name, line["old"].get(name), line["new"].get(name))
            for line in changes.get("lines", {}).get("changed", [])
            for name in line["fields"]
        ]
        lines = changes.get("lines", {})
        for name, label in (
            ("added", self.env._("added")),
            ("removed", self.env._("removed")),
        ):
            parts += [
                f"{content_tools.line_name(line) or self.env._('Item')}: {label}"
                for line in lines.get(name, [])
            ]
        for group in ("header", "totals"):
            parts += [
                change(name, *values) for name, values in changes.get(group, {}).items()
            ]
        return "; ".join(parts)

    def _approved_content_message(self, request, changes=None):
        """Return why approved content stays as it is, and what helps.

        :param changes: what would be different, as plain data
        """
        message = self._get_approved_content_text(request)
        if changes:
            message += "\n" + self._summarize(changes)
        return message

    def _get_approved_content_text(self, request):
        self.ensure_one()
        values = {
            "document": self.display_name,
            "name": request.decided_by_name or self.env._("the customer"),
            "version": request.version,
            "date": format_date(self.env, request.decided_on),
        }
        if self._is_past_gate():
            return self.env._(
                "%(document)s cannot be changed: %(name)s approved version %(version)s "
                "of it on %(date)s, and work on it has begun. To sell something else, "
                "use “Change Order”, or take it back before the stage %(stage)s and "
                "use “Revise”.",
                stage=self._get_first_gate_passed().name or self.stage_id.name,
                **values,
            )
        return self.env._(
            "%(document)s cannot be changed: %(name)s approved version %(version)s of "
            "it on %(date)s. To change it, use “Revise”, and ask the customer again.",
            **values,
        )

    # ------------------------------------------------------------------
    # Revise
    # ------------------------------------------------------------------

    @capability.required
    def _revise_customer_approval(self, reason):
        """Open a new version of approved documents: the approval is no longer in force.

        :param str reason: why; kept in the events
        :raise AccessError: the user may not revise what customers approved
        :raise UserError: there is no reason, no approval, or work has begun
        """
        self.check_access("write")
        self._check_revise_right()
        reason = (reason or "").strip()
        if not reason:
            raise UserError(self.env._("Please say why the document is revised."))
        for document in self:
            request = document.sudo().customer_approval_request_id
            if (
                document.customer_approval_status != "approved"
                or request._get_document_status() != "approved"
            ):
                raise UserError(
                    self.env._(
                        "%(document)s is not approved: it can be changed as it is.",
                        document=document.display_name,
                    )
                )
            if document._is_past_gate():
                raise UserError(
                    self.env._(
                        "%(document)s is in a stage that takes the customer's "
                        "approval. Move it back before the stage %(stage)s first, or "
                        "use “Change Order” for what is to be added.",
                        document=document.display_name,
                        stage=document._get_first_gate_passed().name,
                    )
                )
            request._lock_with_document()
            capability.call(
                request._end_approval,
                "revised",
                reason,
                self.env._(
                    "Revised: %(reason)s. The approval of version %(version)s counts "
                    "no more. Change what is to be changed, then request customer "
                    "approval.",
                    reason=reason,
                    version=request.version,
                ),
            )

    @api.model
    def _check_revise_right(self):
        if not self.env.su and not self.env.user.has_group(
            "customer_approval_gate.group_revise_approval"
        ):
            raise AccessError(
                self.env._(
                    "You may not revise what customers approved. Ask your manager, or "
                    "somebody with the right “Revise approved documents”."
                )
            )

    def action_revise_customer_approval(self):
        """Open the dialog that asks for the reason of a revision."""
        self.ensure_one()
        self._check_revise_right()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Revise"),
            "res_model": "customer.approval.revise",
            "view_mode": "form",
            "target": "new",
            "context": {
                **self.env.context,
                "default_res_model": self._name,
                "default_res_id": self.id,
            },
        }

    def _format_decimals(self, value, digits, exact=True):
        """Return a number as the decimal string that content is made of.

        :param bool exact: keep zeros at the end: amounts have their currency's
            precision, while that of prices and quantities is a setting
        """
        return format_decimals(value or 0.0, digits, exact)

    def _split_by_language(self):
        """Return the same documents in their customer's language, by language."""
        by_lang = defaultdict(self.browse)
        for document in self:
            by_lang[find_lang(self.env, document.partner_id.lang)] |= document
        return [docs.with_context(lang=lang) for lang, docs in by_lang.items()]

    # ------------------------------------------------------------------
    # Asking the customer
    # ------------------------------------------------------------------

    def _get_default_approvers(self):
        """Return who is asked about the document where nobody says otherwise: those
        whom the customer's tab *Approvals* names, or the document's own contact."""
        self.ensure_one()
        customer = self.partner_id.commercial_partner_id.sudo()  # its settings
        return customer._get_approvers(self._stage_document_type) or self.partner_id

    def _get_amount_to_commit(self):
        """Return what the customer commits to, what they approved before included."""
        return self._get_customer_approval_amount()

    def _get_required_people(self):
        """Return how many people of the customer have to approve, at least."""
        self.ensure_one()
        customer = self.partner_id.commercial_partner_id.sudo()  # its settings
        threshold = customer.with_company(
            self.company_id
        ).customer_approval_second_amount
        amount = self.currency_id._convert(
            self._get_amount_to_commit(),
            self.company_id.currency_id,
            self.company_id,
            fields.Date.context_today(self),
        )
        return 2 if threshold and amount >= threshold else 1

    def _request_customer_approval(self, partners=None, deadline=None, message=None):
        """Ask the customer of each document to approve it as it is now, by mail.

        :param partners: the ``res.partner`` records to ask; each document's own
            customer if empty
        :param deadline: the last ``date`` for an answer; by default the company's
            number of days from today
        :param message: text for the customer
        :return: the new requests
        :raise UserError: a document cannot be asked about: it has no lines, its
            customer has no mail address, it is approved already …
        """
        requests = self._open_customer_approval(partners, deadline, message)
        requests._send()
        return requests

    def _open_customer_approval(
        self,
        partners=None,
        deadline=None,
        message=None,
        attachments=None,
        mail=True,
        **rules,
    ):
        """Make the requests of ``_request_customer_approval()`` without sending them.

        :param attachments: ``ir.attachment`` records to show; they are copied
        :param bool mail: whether mail addresses will be needed
        :param rules: ``rule``, ``required_count`` and ``rejection_ends`` of the
            requests, see their fields; by default one answer is enough, or two where
            the customer's settings ask for a second person
        """
        # What is frozen is what the database has, see _decide() of the request.
        self.env.flush_all()
        self.env.invalidate_all()
        self._check_can_open_customer_approval(partners, mail)
        Request = self.env["customer.approval.request"]
        asked = {
            document: document._prepare_approvers(partners, rules) for document in self
        }
        people = {
            approver["partner_id"]
            for vals in asked.values()
            for approver in vals["approvers"]
        }
        self.env["customer.approval.approver"]._check_no_staff(
            self.env["res.partner"].browse(people)
        )
        # Users may make requests by this method only: nobody has write access.
        last_requests = self.sudo()._get_last_requests()
        for request in last_requests.values():
            if request.state == "pending":
                capability.call(
                    request._withdraw, self.env._("The customer was asked anew.")
                )
        vals_list = []
        for documents in self._split_by_language():
            contents = documents.sudo()._get_customer_approval_content()
            vals_list += [
                document._prepare_customer_approval_vals(
                    contents[document.id],
                    last_requests.get(document.id),
                    deadline,
                    message,
                    document._copy_customer_approval_files(attachments),
                )
                | asked[document]
                for document in documents
            ]
        requests = Request.sudo().create([EvidenceValues(vals) for vals in vals_list])
        requests._subscribe()
        requests._log_on_documents()
        self._close_for_staff(
            "answer", "expired", "bounced", "mail", "new_link", "proposal"
        )
        return requests

    def _prepare_approvers(self, partners, rules):
        """Return who is asked, and by which rule.

        :raise UserError: fewer people than the customer's settings want
        """
        self.ensure_one()
        partners = partners or self._get_default_approvers()
        people = self._get_required_people()
        default = {"rule": "some" if people > 1 else "any", "required_count": people}
        rules = {"rejection_ends": True, **default, **rules}
        rule, count = rules["rule"], rules["required_count"] or 1
        if rule not in ledger.RULES:
            raise UserError(self.env._("Choose who of them has to approve."))
        if rule == "some" and not 0 < count <= len(partners):
            raise UserError(
                self.env._(
                    "%(count)s people have to approve %(document)s, and %(asked)s are "
                    "asked. Choose more of the customer's contacts.",
                    count=count,
                    document=self.display_name,
                    asked=len(partners),
                )
            )
        # Two contacts with one address are one person, as far as a link goes.
        distinct = len({partner.email_normalized or partner.id for partner in partners})
        answers = ledger.required_answers(rule, count, len(partners))
        if people > 1 and min(answers, distinct) < people:
            raise UserError(
                self.env._(
                    "%(document)s is so large that two people of %(customer)s have to "
                    "approve it. Ask at least two, and let two of them approve.",
                    document=self.display_name,
                    customer=self.partner_id.commercial_partner_id.display_name,
                )
            )
        customer = self.partner_id.commercial_partner_id
        return {
            "partner_ids": [fields.Command.set(partners.ids)],
            "rule": rule,
            "required_count": count,
            "rejection_ends": rules["rejection_ends"],
            "approvers": [
                {
                    "partner_id": partner.id,
                    "email": partner.email_normalized,
                    "sequence": number,
                    "is_outsider": partner.commercial_partner_id != customer,
                    "state": "waiting" if rule == "order" and number > 1 else "asked",
                }
                for number, partner in enumerate(partners, 1)
            ],
        }

    def _reopen_customer_approval(self, request):
        """Ask the same people about the document as it is now, in the same way.

        :param request: the request that this one replaces
        """
        self.ensure_one()
        return self._open_customer_approval(
            request.approver_ids._filter_counted().partner_id,
            request.deadline,
            request.message,
            # Those of products are copied anew.
            request.attachment_ids.filtered(
                lambda file: (
                    file.checksum
                    not in self._get_customer_approval_files().mapped("checksum")
                )
            ),
            mail=False,
            rule=request.rule,
            required_count=request.required_count,
            rejection_ends=request.rejection_ends,
        )

    def _get_customer_approval_files(self):
        """Return the ``ir.attachment`` records that the customer is shown with the
        document, beside those that are chosen."""
        self.ensure_one()
        return self.env["ir.attachment"]

    def _copy_customer_approval_files(self, attachments):
        """Keep copies of the files, so that what was shown stays what it was.

        :raise AccessError: the user may not read one of them
        """
        self.ensure_one()
        if attachments:
            attachments.check_access("read")
        # Product documents are shown to customers, whatever the user may read.
        files = self.sudo()._get_customer_approval_files()
        files |= (attachments or files.browse()).sudo()
        copies = files.browse()
        for file in files:
            copies |= file.copy(
                {
                    "name": file.name,
                    "res_model": "customer.approval.request",
                    "res_id": 0,
                    "res_field": False,
                }
            )
        return copies

    def _check_can_open_customer_approval(self, partners, mail):
        self.check_access("write")
        self._check_customer_approval_right()
        for document in self:
            if reason := document._can_request_customer_approval():
                raise UserError(reason)
            asked = partners or document._get_default_approvers()
            if mail:
                asked._check_approval_address()
        approved = self._filter_customer_approved()
        weak = approved.filtered(lambda document: document._needs_stronger_evidence())
        if behind := weak.filtered(lambda document: document._is_past_gate())[:1]:
            raise UserError(
                self.env._(
                    "%(document)s is behind a gate already, by the approval there is. "
                    "To ask for a stronger one, move it back before the stage "
                    "%(stage)s first.",
                    document=behind.display_name,
                    stage=behind._get_first_gate_passed().name,
                )
            )
        if approved := (approved - weak)[:1]:
            raise UserError(
                self.env._(
                    "The customer has already approved %(document)s as it is now: "
                    "there is nothing to ask.",
                    document=approved.display_name,
                )
            )

    @api.model
    def _check_customer_approval_right(self):
        """
        :raise AccessError: the user may not ask customers for their approval
        """
        if not self.env.su and not self.env.user.has_group(
            "customer_approval_gate.group_request_approval"
        ):
            raise AccessError(
                self.env._(
                    "You may not ask customers for their approval. Ask your "
                    "administrator for the right “Request customer approval”."
                )
            )

    def _prepare_customer_approval_vals(
        self, content, last_request, deadline, message, files
    ):
        self.ensure_one()
        Request = self.env["customer.approval.request"]
        # Whoever asks need not be allowed to number.
        number = self.env["ir.sequence"].sudo().next_by_code(Request._name) or "/"
        content["document"]["name"] = self._get_name_for_customer(number)
        described = sorted(
            (
                {
                    "name": file.name,
                    "size": len(file.raw or b""),
                    "sha256": ledger.sha256(file.raw or b""),
                }
                for file in files
            ),
            key=ledger.canonical,
        )
        if described:
            content["blocks"].append(
                {
                    "kind": "files",
                    "key": "files",
                    "label": self.env._("Files"),
                    "files": described,
                }
            )
        scope = ledger.scope_digest(content)
        version = round_number = 1
        if last_request:
            same = (
                content_tools.is_same_scope(last_request.content, ledger.flat(content))
                and ledger.flat(last_request.content).get("files", []) == described
            )
            version = last_request.version + (not same)
            round_number = last_request.round + 1 if same else 1
        lang = self.env.lang or "en_US"
        return {
            "name": number,
            "res_model": self._name,
            "res_id": self.id,
            "document_name": content["document"]["name"],
            "partner_id": self.partner_id.id,
            "company_id": self.company_id.id,
            "currency_id": self.currency_id.id,
            "amount_total": self._get_customer_approval_amount(),
            "user_id": self._get_customer_approval_salesperson().id,
            "version": version,
            "round": round_number,
            "lang": lang,
            "content": content,
            "content_html": Request.sudo()._render_content(
                content, self.currency_id, lang, self._get_time_zone()
            ),
            "digest": ledger.digest(content),
            "scope_digest": scope,
            "attachment_ids": [fields.Command.set(files.ids)],
            "requested_by_id": self.env.uid,
            "deadline": self._get_deadline(deadline),
            "message": message,
        }

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_request_customer_approval(self):
        """Open the dialog that asks the customers of these documents."""
        self._check_can_open_customer_approval(None, mail=False)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Request Customer Approval"),
            "res_model": "customer.approval.send",
            "view_mode": "form",
            "target": "new",
            "context": {
                **self.env.context,
                "default_res_model": self._name,
                "default_res_ids": self.ids,
            },
        }

    def action_ask_on_screen(self):
        """Open the Customer Approval dialog for the customer's own hands: a page that
        shows nothing of the back office.

        Opening it makes the approval pending; closing it leaves it so (guide,
        "Approval Statuses Explained").
        """
        self.ensure_one()
        request = self.sudo().customer_approval_request_id
        if request.state != "pending" or request._is_outdated():
            request = self._open_customer_approval(mail=False)
        else:
            self.check_access("write")
        if http_request:
            own = request.with_env(self.env)
            capability.call(own._hand_over_screen, http_request.session)
        return {
            "type": "ir.actions.act_url",
            "url": f"/customer_approval/in_person/{request.id}",
            "target": "self",
        }

    def action_view_customer_approval_requests(self):
        """Open the requests that were made about this document."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "customer_approval_gate.customer_approval_request_action"
        )
        action["domain"] = [("res_model", "=", self._name), ("res_id", "=", self.id)]
        action["context"] = {}
        if len(self.customer_approval_request_ids) == 1:
            action["views"] = [(False, "form")]
            action["res_id"] = self.customer_approval_request_ids.id
        return action

    def action_accept_customer_conditions(self):
        """Accept the conditions under which the customer approved."""
        self.ensure_one()
        return self.customer_approval_request_id.action_accept_conditions()

    def action_view_customer_approval_events(self):
        """Open the history of this document: its stages, and all that was asked and
        answered."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "customer_approval_gate.customer_approval_event_action"
        )
        action["domain"] = [("res_model", "=", self._name), ("res_id", "=", self.id)]
        action["context"] = {}
        title = self.env._("History of %(name)s", name=self.display_name)
        action["name"] = action["display_name"] = title
        return action

    def action_verify_customer_approval(self):
        """Recompute all digests of the evidence about this document, and say whether
        they fit."""
        self.ensure_one()
        self.check_access("read")
        # The whole chain counts, whatever of it the user may read.
        problems = self.env["customer.approval.event"].sudo()._verify_document(self)
        problems += self._find_content_problems()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "danger" if problems else "success",
                "sticky": bool(problems),
                "title": self.env._("The evidence does not fit")
                if problems
                else self.env._("The evidence is genuine"),
                "message": "\n".join(problems)
                or self.env._("All digests, chains and seals fit together."),
            },
        }

    def _find_changed_taxes(self, last_requests):
        """Return which of these documents have taxes that are others now than when the
        customer approved: they show the figures of then.

        :param last_requests: ``{id of the document: its last request}``
        """
        frozen = {
            document: {
                tax["id"]: tax
                for line in ledger.flat(last_requests[document.id].content)["lines"]
                for tax in line.get("taxes") or ()
            }
            for document in self
            if document.id in last_requests
        }
        taxes = self.env["account.tax"].sudo()  # whatever the user may read
        taxes = taxes.browse({tax_id for own in frozen.values() for tax_id in own})
        present = {tax.id: describe_tax(tax) for tax in taxes.exists()}
        problems = []
        for document, own in frozen.items():
            label = f"{document._name},{document.id} ({document.display_name})"
            for tax_id, tax in own.items():
                now = present.get(tax_id, {})
                if tax.get("rate", now.get("rate")) != now.get("rate"):
                    problems.append(
                        f"{label}: the rate of tax {tax_id} was {tax['rate']} when the "
                        f"customer approved, and is {now.get('rate')}"
                    )
                elif tax.get("works", now.get("works")) != now.get("works"):
                    problems.append(
                        f"{label}: tax {tax_id} is computed in another way than when "
                        "the customer approved"
                    )
        return problems

    def _find_content_problems(self):
        """Return which of these documents say something else than was approved: their
        content was changed by a way round Odoo."""
        requests = self.sudo()._get_last_requests()  # whatever the user may read
        approved = self.filtered(
            lambda d: (
                d.customer_approval_status == "approved"
                or (
                    d.id in requests
                    and requests[d.id]._get_document_status() == "approved"
                )
            )
        )
        return [
            *_describe_problems(
                approved - approved._filter_customer_approved(),
                "its content is not what the customer approved",
            ),
            *approved._find_changed_taxes(requests),
            *_describe_problems(
                approved.filtered(lambda d: d.customer_approval_status != "approved"),
                "its status does not say that its customer approved it",
            ),
        ]


# A function and no method: code of a server action could fill what it returns.
def _gate_facts(document):
    """Return what is known of the gates that a document passes as it moves: which have
    asked for an approval and got it, what it comes to in the currency of its company,
    and how sure it is who approved. It is kept with the move.

    :rtype: dict
    """
    known = capability.transaction_memory(document.env).setdefault(GATES_ASKED, {})
    return known.setdefault(
        (document._name, document.id),
        {"company_id": document.company_id.id, "gates": ()},
    )


def _describe_problems(documents, problem):
    """Return a problem for each of the documents, in a line."""
    return [
        f"{document._name},{document.id} ({document.display_name}): {problem}"
        for document in documents
    ]
