# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json
import logging
import secrets

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ...tools import (
    capability,
    content as content_tools,
    ledger,
    links,
    moments,
    triggers,
)
from ...tools.event_data import EventData, EvidenceValues
from ...tools.ledger import DECISIONS
from ...tools.registry import GoneDocument, find_document

_logger = logging.getLogger(__name__)


# What the chatter needs; everything else of a request is evidence.
CHATTER_PREFIXES = ("message_", "activity_", "website_message_", "rating_")


class CustomerApprovalRequest(models.Model):
    """One round of asking the customer about one version of a document.

    Nobody creates, writes or deletes requests: ``_request_customer_approval()`` of
    the document makes them, ``_decide()`` records the answer, and both are private.
    """

    _name = "customer.approval.request"
    _inherit = [
        "customer.approval.presented.mixin",
        "customer.approval.frozen.mixin",
        "customer.approval.answer.mixin",
        "customer.approval.handling.mixin",
        "customer.approval.asked.mixin",
        "customer.approval.mail.mixin",
        "customer.approval.certificate.mixin",
        "customer.approval.bundle.mixin",
        "portal.mixin",
        "mail.thread",
        "mail.activity.mixin",
        "customer.approval.guarded.mixin",
    ]
    _description = "Customer Approval Request"
    _order = "id desc"
    _mail_post_access = "read"
    _is_answered_by_customers = True
    _keeps_files = True

    name = fields.Char(string="Number", required=True, readonly=True, default="New")
    res_model = fields.Char(string="Document Model", required=True, readonly=True)
    res_id = fields.Many2oneReference(
        string="Document ID", model_field="res_model", required=True, readonly=True
    )
    document_name = fields.Char(string="Document", required=True, readonly=True)
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, readonly=True, index=True
    )
    partner_ids = fields.Many2many(
        "res.partner",
        string="Asked at First",
        readonly=True,
        help="Who was asked when the request was made.",
    )
    approver_ids = fields.One2many(
        "customer.approval.approver", "request_id", string="Asked", readonly=True
    )
    rule = fields.Selection(
        [
            ("any", "Any One of Them"),
            ("all", "All of Them"),
            ("some", "Some of Them"),
            ("order", "All, One after the Other"),
        ],
        string="Who Has to Approve",
        readonly=True,
    )
    required_count = fields.Integer(
        string="How Many Have to Approve", readonly=True, help="For the rule “some”."
    )
    rejection_ends = fields.Boolean(
        string="One Rejection Ends It",
        readonly=True,
        help="Otherwise the others can still answer, and it ends when not enough of "
        "them can approve any more.",
    )
    progress = fields.Char(
        compute="_compute_progress", help="How many have approved, of how many."
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    amount_total = fields.Monetary(string="Total", readonly=True)
    user_id = fields.Many2one("res.users", string="Salesperson", readonly=True)
    version = fields.Integer(
        readonly=True, help="Counts how often the content changed between requests."
    )
    round = fields.Integer(
        readonly=True, help="Counts how often the customer was asked about the version."
    )
    state = fields.Selection(
        [
            ("pending", "Pending"),
            ("approved", "Approved"),
            ("approved_conditions", "Approved with Conditions"),
            ("changes_requested", "Changes Requested"),
            ("rejected", "Rejected"),
            ("withdrawn", "Withdrawn"),
            ("expired", "Expired"),
        ],
        required=True,
        readonly=True,
        default="pending",
        index=True,
    )
    # Large, and read with each request otherwise.
    content = fields.Json(
        readonly=True,
        prefetch=False,
        help="What the customer was asked about, as it was then.",
    )
    digest = fields.Char(readonly=True, help="SHA-256 of the content.")
    scope_digest = fields.Char(
        readonly=True, help="SHA-256 of scope and price: the approval counts for these."
    )
    content_html = fields.Html(
        string="What the Customer Reads",
        readonly=True,
        prefetch=False,
        sanitize=False,
        help="As it was shown, in the customer's language.",
    )
    lang = fields.Char(string="Language", readonly=True)
    event_ids = fields.One2many(
        "customer.approval.event", "request_id", string="Events", readonly=True
    )
    attachment_ids = fields.Many2many(
        "ir.attachment", string="Files", readonly=True, bypass_search_access=True
    )
    requested_by_id = fields.Many2one("res.users", readonly=True)
    requested_on = fields.Datetime(readonly=True, default=fields.Datetime.now)
    deadline = fields.Date(readonly=True, help="The last day for an answer.")
    message = fields.Text(readonly=True)
    decided_on = fields.Datetime(readonly=True)
    decided_by_name = fields.Char(string="Decided by", readonly=True)
    decided_by_id = fields.Many2one(
        "res.partner",
        string="Decided by Contact",
        readonly=True,
        help="The contact whose login answered, if there was a login.",
    )
    decision_method = fields.Selection(
        [
            ("portal", "Portal"),
            ("code", "Personal Link and One-Time Code"),
            ("link", "Personal Link"),
            ("in_person", "In Person"),
            ("online_signature", "Online Signature"),
            ("online_payment", "Online Payment"),
            ("recorded", "Recorded by Staff"),
        ],
        readonly=True,
    )
    evidence_strength = fields.Selection(
        selection="_get_strength_labels",
        compute="_compute_evidence_strength",
        compute_sudo=True,
        help="How sure it is who answered.",
    )
    witness_id = fields.Many2one(
        "res.users", readonly=True, help="On whose screen the customer answered."
    )
    decision_ip = fields.Char(string="IP Address", readonly=True)
    decision_user_agent = fields.Char(string="Browser", readonly=True)
    consent = fields.Text(
        readonly=True, help="The words the customer agreed to, as they were shown."
    )
    reason = fields.Text(readonly=True)
    conditions = fields.Text(readonly=True)
    category_id = fields.Many2one(
        "customer.approval.category",
        string="About",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
        help="What the rejection, or the wish for changes, is about.",
    )
    conditions_accepted_by_id = fields.Many2one("res.users", readonly=True)
    conditions_accepted_on = fields.Datetime(readonly=True)
    # In the table, where the database keeps it from being changed.
    signature = fields.Binary(attachment=False, readonly=True)
    lapsed_on = fields.Datetime(
        readonly=True,
        help="When the content changed after the approval, so that it counts no more.",
    )
    certificate_id = fields.Many2one(
        "ir.attachment", readonly=True, copy=False, bypass_search_access=True
    )
    document_pdf_id = fields.Many2one(
        "ir.attachment",
        string="Version as PDF",
        readonly=True,
        copy=False,
        bypass_search_access=True,
    )
    certificate_done = fields.Boolean(
        readonly=True,
        help="Nothing is left to be made: there is a certificate, or there was one "
        "before its data were erased.",
    )
    answer_mailed = fields.Boolean(
        readonly=True, help="Both sides were told of the answer by mail."
    )
    # Requests have no link of their own: everybody who is asked has one.
    access_token = fields.Char(groups=fields.NO_ACCESS)
    link_nonce = fields.Char(
        groups=fields.NO_ACCESS, copy=False, help="What is random about its links."
    )

    document_readable = fields.Boolean(
        compute="_compute_document_readable", search="_search_document_readable"
    )

    _document_idx = models.Index("(res_model, res_id, id)")
    _one_pending = models.UniqueIndex(
        "(res_model, res_id) WHERE state = 'pending'",
        "There is already a request that waits for the customer's answer.",
    )

    @api.depends_context("uid")
    def _compute_document_readable(self):
        domain = self._search_document_readable("in", [True])
        # This is what the rule asks, so it cannot go by the rule.
        readable = self.sudo().search(Domain("id", "in", self.ids) & domain)
        for request in self:
            request.document_readable = request.id in readable.ids

    @api.model
    def _search_document_readable(self, operator, value):
        """Whoever may read a document may read what its customer was asked."""
        return self.env["customer.approval.event"]._search_document_readable(
            operator, value
        )

    def _compute_access_url(self):
        result = super()._compute_access_url()
        for request in self:
            request.access_url = f"/my/approvals/{request.id}"
        return result

    @api.depends("name", "document_name")
    def _compute_display_name(self):
        for request in self:
            request.display_name = f"{request.name} ({request.document_name})"

    @api.model
    def _mail_get_partner_fields(self, introspect_fields=False):
        # One customer; all who are asked have a group of their own below.
        return ["partner_id"]

    def _portal_ensure_token(self):
        """Links are those of the people who are asked, see ``tools/links.py``."""
        return ""

    def get_portal_url(self, suffix=None, query_string=None, anchor=None, **kwargs):
        """Return the address of the page, which opens for whoever is logged in, or has
        opened their own link before.

        :param suffix: added to the path
        :param query_string: such as ``&answered=1``
        :param anchor: the part of the page
        """
        self.ensure_one()
        query = (query_string or "").lstrip("&")
        return "".join(
            [
                self.access_url,
                suffix or "",
                f"?{query}" if query else "",
                f"#{anchor}" if anchor else "",
            ]
        )

    def _sign_token(self, pid):
        """The conversation is open to those who are asked as long as their link is."""
        approver = self.sudo().approver_ids.filtered(
            lambda a: a.partner_id.id == int(pid) and a.state != "removed"
        )[-1:]
        # Odoo's own could be made from a parameter that administrators read.
        return links.thread_token(self, int(pid), approver)

    @api.model
    def _get_thread_with_access(self, thread_id, *, token=None, **kwargs):
        """Requests have no token of their own that could open the conversation: each
        person's opens it. The reader's page sends nothing else to read messages."""
        thread = super()._get_thread_with_access(thread_id, token=None, **kwargs)
        if thread or not token:
            return thread
        request = self.browse(thread_id).sudo().exists()  # who it is comes next
        return request if links.find_by_thread_token(request, token) else self.browse()

    @api.depends("approver_ids.state", "rule", "required_count")
    def _compute_progress(self):
        for request in self:
            approvers = request.approver_ids._filter_counted()
            yes = approvers.filtered(lambda approver: approver.state in DECISIONS[:2])
            request.progress = f"{len(yes)} / {request._get_required()}"

    def _get_required(self):
        """Return how many of those who are asked have to say yes."""
        self.ensure_one()
        asked = len(self.approver_ids._filter_counted())
        return ledger.required_answers(self.rule, self.required_count, asked)

    @api.model
    def _get_strength_labels(self):
        return [
            ("4", self.env._("Login or one-time code")),
            ("3", self.env._("Personal link")),
            ("2", self.env._("Before a witness")),
            ("1", self.env._("Recorded by staff, or on the order's own page")),
        ]

    def _compute_evidence_strength(self):
        strengths = self._get_strengths()
        for request in self:
            request.evidence_strength = str(strengths.get(request.id) or "") or False

    def _get_strengths(self):
        """Return ``{id of the request: how sure it is who answered}``, from the
        ledger. See ``tools.ledger.LEVELS``."""
        events = self.env["customer.approval.event"].sudo()  # evidence
        events = events.search_fetch(
            [("kind", "=", "decided"), ("request_id", "in", self.ids)],
            ["request_id", "details", "method"],
        )
        return {
            event.request_id.id: ledger.strength_of(event.details, event.method)
            for event in events
        }

    # ------------------------------------------------------------------
    # Insert only by our own methods
    # ------------------------------------------------------------------

    @api.model
    def _get_triggers(self):
        # The deadline changes together with its event.
        frozen = {*ledger.FROZEN_FIELDS} - {"partner_ids", "deadline"}
        frozen |= {"id", "content", "content_html", "link_nonce"}
        tables = [
            self._fields[name].relation for name in ("partner_ids", "attachment_ids")
        ]
        return [
            *super()._get_triggers(),
            *triggers.unalterable(self._table, rows=False),
            *(trigger for table in tables for trigger in triggers.unalterable(table)),
            triggers.Trigger(
                self._table,
                "evidence",
                "BEFORE INSERT OR UPDATE",
                "customer_approval_request",
                [
                    json.dumps(sorted(frozen)),
                    json.dumps(sorted(ledger.DECISION_FIELDS)),
                    json.dumps(sorted(ledger.PERSONAL_FIELDS)),
                ],
            ),
            triggers.Trigger(
                self._table, "keep", "BEFORE DELETE", "customer_approval_unalterable"
            ),
            triggers.asked(self._table),
        ]

    @api.model_create_multi
    def create(self, vals_list):
        if not all(isinstance(vals, EvidenceValues) for vals in vals_list):
            self._refuse_writing()
        # Every field gets its value here: a default that somebody has set must not
        # become evidence.
        empty = {
            name: False
            for name, field in self._fields.items()
            if field.store
            and not (field.compute or field.related or name in models.MAGIC_COLUMNS)
            and not name.startswith(CHATTER_PREFIXES)
        }
        asked = [vals.pop("approvers") for vals in vals_list]
        vals_list = [
            {
                **empty,
                "state": "pending",
                "requested_on": fields.Datetime.now(),
                **vals,
                "link_nonce": secrets.token_urlsafe(16),
            }
            for vals in vals_list
        ]
        requests = super().create(vals_list)
        requests.flush_recordset()
        requests._adopt_files()
        self.env["customer.approval.approver"].sudo().create(
            [
                EvidenceValues(request_id=request.id, origin="asked", **approver)
                for request, approvers in zip(requests, asked, strict=True)
                for approver in approvers
            ]
        )
        exported = {row["id"]: row for row in requests._export_evidence()}
        self.env["customer.approval.event"]._append(
            [
                EventData(
                    request._get_document(),
                    "requested",
                    request,
                    text=request.message or "",
                    details={
                        "frozen": ledger.frozen_digest(exported[request.id]),
                        "round": request.round,
                    },
                )
                for request in requests
            ]
        )
        triggers.check_asked(self.env.cr)
        return requests

    def write(self, vals):
        if not isinstance(vals, EvidenceValues) and any(
            not name.startswith(CHATTER_PREFIXES) for name in vals
        ):
            self._refuse_writing()
        return super().write(vals)

    def unlink(self):
        # Not api.ondelete, which a context key switches off.
        if self:
            self._refuse_writing()
        return super().unlink()

    def _refuse_writing(self):
        raise UserError(
            self.env._(
                "Approval requests are evidence: nobody can create, change or delete "
                "them by hand. Request customer approval on the document, and let the "
                "customer answer."
            )
        )

    def _record(self, values, *entries):
        """Write events, and on the requests what they say.

        :param values: ``EvidenceValues``: those who have them were meant to call
        """
        # Nobody has write access; who may call is checked by the callers. The
        # database takes a decision only with its event.
        requests = self.sudo()
        requests.flush_recordset()
        if "state" in values:
            # What was counted while they were open comes before their end.
            repetitions = self.env["customer.approval.repetition"].sudo()
            capability.call(repetitions._write_down, requests)
        self.env["customer.approval.event"].sudo()._append(list(entries))
        requests.write(values)
        # The gate reads these rows, so they must be there before any stage is.
        requests.flush_recordset()

    # ------------------------------------------------------------------
    # What follows from a request
    # ------------------------------------------------------------------

    def _get_document(self):
        """Return the document the request is about; only its key where its addon has
        left, see ``tools.registry.GoneDocument``."""
        self.ensure_one()
        return find_document(
            self.env, self.res_model, self.res_id, "customer.approval.mixin"
        )

    def _has_document(self):
        """Return whether customers can still be asked about documents like this."""
        self.ensure_one()
        return not isinstance(self._get_document(), GoneDocument)

    def _get_document_status(self):
        """Return the document's approval status, as far as this is its last request.

        "Approved with conditions" is no approval until staff accept the conditions.
        """
        self.ensure_one()
        if self.state in ("approved", "approved_conditions"):
            if self.lapsed_on:
                return "not_required"
            if self.state == "approved" or self.conditions_accepted_on:
                return "approved"
            return "pending"
        return {
            "pending": "pending",
            "changes_requested": "rejected",
            "rejected": "rejected",
        }.get(self.state, "not_required")

    def _get_document_substate(self):
        """Return what lies behind the document's approval status, as far as this is its
        last request."""
        self.ensure_one()
        if self.lapsed_on:
            return "preparing"
        if self.state == "approved_conditions":
            return False if self.conditions_accepted_on else "conditions"
        if self.state in ("changes_requested", "expired", "withdrawn"):
            return self.state
        return False

    def _get_line_remarks(self):
        """Return what was remarked about single lines: ``{id of the line: text}``."""
        self.ensure_one()
        remarks = {}
        for approver in self.approver_ids:
            several = len(self.approver_ids) > 1
            for key, text in (approver.remarks or {}).items():
                who = f"{approver.decided_by_name or approver.partner_id.name}: "
                text = f"{who if several else ''}{text}"
                remarks[int(key)] = "\n".join(
                    filter(None, [remarks.get(int(key)), text])
                )
        return remarks

    def _describe_remark(self):
        """Return the reason or the conditions of the answer, and what it is about."""
        text = self.conditions or (self.decided_on and self.reason) or ""
        if self.category_id and text:
            return f"{self.category_id.name}: {text}"
        return text

    def _get_status_date(self):
        self.ensure_one()
        return (
            self.lapsed_on
            or self.conditions_accepted_on
            or self.decided_on
            or self.requested_on
        )

    def _is_outdated(self):
        """Return whether the document's content is no longer what was asked about."""
        self.ensure_one()
        document = self.sudo()._get_document()
        if document._get_scope_digests()[document.id] == self.scope_digest:
            return False
        scopes = document._get_scope_digests_as_asked({document.id: self.sudo()})
        return scopes[document.id] != self.scope_digest

    def _get_digits(self):
        """Return with how many decimals prices and quantities were written when the
        customer was asked: a setting that changes later changes no document."""
        self.ensure_one()
        return content_tools.digits_of(self.sudo().content)

    def _format_moment(self, moment):
        """Return a moment as whoever reads the page reads it, with its time zone.

        :param moment: a ``datetime``
        """
        self.ensure_one()
        zone = self.env.context.get("tz") or self._get_time_zone()
        return moments.format_moment(self.env, moment, zone)

    @capability.required
    def _hand_over_screen(self):
        """Keep that the user lets the customer answer before them: on their screen, or
        by the code that it shows."""
        self.ensure_one()
        events = self.env["customer.approval.event"].sudo()  # what happens writes them
        if not events.search_count(
            [
                ("request_id", "=", self.id),
                ("kind", "=", "handed_over"),
                ("user_id", "=", self.env.uid),
            ],
            limit=1,
        ):
            events._append([EventData(self._get_document(), "handed_over", self)])

    # ------------------------------------------------------------------
    # How sure it has to be
    # ------------------------------------------------------------------

    def _needs_code(self):
        """Return whether whoever approves by a link has to enter a one-time code."""
        self.ensure_one()
        request = self.sudo()  # asked for customers
        return (
            request.company_id.customer_approval_code
            or request._has_document()
            and request._get_document()._get_minimum_strength() >= 4
        )

    # ------------------------------------------------------------------
    # Erasure
    # ------------------------------------------------------------------

    @capability.required
    def _forget_personal(self):
        """Empty what can be erased, after the event that says so. The certificates
        hold it too, and go."""
        capability.call(self._empty_columns, ledger.PERSONAL_FIELDS)
        approvers = self.approver_ids
        capability.call(approvers._empty_columns, ledger.PERSONAL_FIELDS)
        with capability.hold(self.env, capability.Erasing()):
            self.certificate_id.unlink()
