# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json
import logging
from decimal import Decimal

from markupsafe import Markup

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, LockError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date, format_datetime

from ..tools import content as content_tools, ledger, links, triggers
from ..tools.entry import Answer, Entry, EvidenceValues
from ..tools.grants import GRANT, Mailing, is_mailing
from ..tools.ledger import DECISIONS

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
        "portal.mixin",
        "mail.thread",
        "mail.activity.mixin",
        "customer.approval.guarded.mixin",
    ]
    _description = "Customer Approval Request"
    _order = "id desc"
    _mail_post_access = "read"

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
    content = fields.Json(
        readonly=True, help="What the customer was asked about, as it was then."
    )
    digest = fields.Char(readonly=True, help="SHA-256 of the content.")
    scope_digest = fields.Char(
        readonly=True, help="SHA-256 of scope and price: the approval counts for these."
    )
    content_html = fields.Html(
        string="What the Customer Reads",
        readonly=True,
        sanitize=False,
        help="As it was shown, in the customer's language.",
    )
    lang = fields.Char(string="Language", readonly=True)
    difference_html = fields.Html(
        string="What Has Changed",
        compute="_compute_difference_html",
        sanitize=False,
        help="Since the version that the customer was asked about before.",
    )
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
        help="The certificate was made and mailed, as far as that was possible.",
    )
    # Requests have no link of their own: everybody who is asked has one.
    access_token = fields.Char(groups=fields.NO_ACCESS)

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
        """Requests have no token of their own that could open the conversation."""
        return super()._get_thread_with_access(thread_id, token=None, **kwargs)

    @api.model
    def _render_content(self, content, currency, lang):
        """Return content as a person reads it, in their language."""
        return (
            self.env["ir.qweb"]
            .with_context(lang=lang)
            ._render(
                "customer_approval_gate.request_content",
                {
                    "content": content,
                    "currency": currency,
                    "optional_ids": content_tools.optional_lines(content),
                },
            )
        )

    @api.depends("content")
    @api.depends_context("lang")
    def _compute_difference_html(self):
        for request in self:
            changes = request._get_difference()
            request.difference_html = (
                request._render_changes(changes) if changes else False
            )

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
        return ledger.required_answers(self.rule or "any", self.required_count, asked)

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
        ledger. See ``tools.ledger.STRENGTHS``."""
        events = self.env["customer.approval.event"].sudo()  # evidence
        events = events.search_fetch(
            [("kind", "=", "decided"), ("request_id", "in", self.ids)],
            ["request_id", "details", "method"],
        )
        return {
            event.request_id.id: (event.details or {}).get(
                "strength", ledger.STRENGTHS.get(event.method, 0)
            )
            for event in events
        }

    def _get_last_seen(self, partner):
        """Return the last request about another version of the document that this
        person has looked at, or none."""
        self.ensure_one()
        approvers = self.env["customer.approval.approver"].sudo()  # the person's own
        approvers = approvers.search(
            [
                ("partner_id", "=", partner.id),
                ("request_id.res_model", "=", self.res_model),
                ("request_id.res_id", "=", self.res_id),
                ("request_id", "<", self.id),
                ("request_id.version", "<", self.version),
            ]
        )
        events = self.env["customer.approval.event"].sudo()  # the document's own
        events = events.search(
            [
                ("kind", "in", ("opened", "answered")),
                ("request_id", "in", approvers.request_id.ids),
            ],
            order="request_id desc",
        )
        return next(
            (
                event.request_id
                for event in events
                if (event.details or {}).get("approver") in approvers.ids
            ),
            self.browse(),
        )

    def _render_difference(self, previous):
        """Return what has changed since another request, as a person reads it."""
        self.ensure_one()
        changes = content_tools.difference(
            ledger.as_today(previous.content), ledger.as_today(self.content)
        )
        return changes and self._render_changes(changes)

    def _render_changes(self, changes):
        return self.env["ir.qweb"]._render(
            "customer_approval_gate.difference",
            {
                "changes": changes,
                "currency": self.currency_id,
                "label": self._get_field_label,
                "text": self._get_value_text,
            },
        )

    def _get_previous(self):
        """Return the last request about another version of the same document."""
        self.ensure_one()
        # What the customer was shown before, whoever looks at it now.
        return self.sudo().search(
            [
                ("res_model", "=", self.res_model),
                ("res_id", "=", self.res_id),
                ("id", "<", self.id or 0),
                ("version", "<", self.version),
            ],
            order="id desc",
            limit=1,
        )

    def _get_difference(self):
        """Return what has changed since the version before, as plain data."""
        self.ensure_one()
        previous = self._get_previous()
        if not previous:
            return {}
        return content_tools.difference(
            ledger.as_today(previous.content), ledger.as_today(self.content)
        )

    @api.model
    def _get_field_label(self, name):
        """Return what a person calls a field of content."""
        labels = {
            "partner": self.env._("Customer"),
            "invoice_address": self.env._("Invoice address"),
            "shipping_address": self.env._("Delivery address"),
            "company": self.env._("Company"),
            "currency": self.env._("Currency"),
            "payment_term": self.env._("Payment terms"),
            "fiscal_position": self.env._("Fiscal position"),
            "valid_until": self.env._("Offer valid until"),
            "delivery_date": self.env._("Delivery date"),
            "customer_reference": self.env._("Your reference"),
            "terms": self.env._("Terms"),
            "prepayment": self.env._("To be paid in advance"),
            "bank_account": self.env._("Bank account"),
            "change_of": self.env._("Change of"),
            "incoterm": self.env._("Incoterm"),
            "untaxed": self.env._("Untaxed amount"),
            "tax": self.env._("Taxes"),
            "total": self.env._("Total"),
            "kind": self.env._("Kind"),
            "section": self.env._("Section"),
            "subsection": self.env._("Subsection"),
            "description": self.env._("Description"),
            "product": self.env._("Product"),
            "quantity": self.env._("Quantity"),
            "unit": self.env._("Unit"),
            "unit_price": self.env._("Unit price"),
            "discount": self.env._("Discount (%)"),
            "taxes": self.env._("Taxes"),
            "subtotal": self.env._("Amount"),
            "optional": self.env._("Optional"),
            "attributes": self.env._("Options"),
            "lead_days": self.env._("Delivery time (days)"),
        }
        return labels.get(name, name)

    @api.model
    def _get_value_text(self, name, value, currency):
        """Return a value of content as a person reads it."""
        if value is None or value == "":
            return self.env._("none")
        if isinstance(value, bool):
            return self.env._("yes") if value else self.env._("no")
        if name == "attributes":
            return ", ".join(typed for _value, typed in value if typed) or "…"
        if isinstance(value, list):
            return ", ".join(
                self._get_value_text(None, part, currency) for part in value
            )
        if isinstance(value, dict):
            return value.get("text") or str(value.get("id", ""))
        if name in ("unit_price", "subtotal", "total", "untaxed", "tax"):
            return currency.format(float(value))
        if name in ("quantity", "discount"):
            return self.env["ir.qweb.field.float"].value_to_html(
                float(value), {"precision": 2}
            )
        if name == "prepayment":
            return f"{float(value) * 100:g} %"
        if name == "valid_until":
            return self.env["ir.qweb.field.date"].value_to_html(
                fields.Date.to_date(value), {}
            )
        if name == "delivery_date":
            return format_datetime(self.env, fields.Datetime.to_datetime(value))
        return value

    # ------------------------------------------------------------------
    # Insert only by our own methods
    # ------------------------------------------------------------------

    @api.model
    def _get_triggers(self):
        # The deadline changes together with its event.
        frozen = {*ledger.FROZEN_FIELDS} - {"partner_ids", "deadline"}
        frozen |= {"id", "content", "content_html"}
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
                "name": self.env["ir.sequence"].next_by_code(self._name) or "/",
                "state": "pending",
                "requested_on": fields.Datetime.now(),
                **vals,
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
                Entry(
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
        return requests

    def _adopt_files(self):
        """Let the copies of files belong to their requests, so that whoever may read
        the one may read the other, and nobody may change them."""
        for request in self:
            request.attachment_ids.sudo().write(  # nobody's so far
                {"res_model": self._name, "res_id": request.id}
            )

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
        self.env["customer.approval.event"].sudo()._append(list(entries))
        requests.write(values)
        # The gate reads these rows, so they must be there before any stage is.
        requests.flush_recordset()

    def _export_evidence(self):
        """Return the requests as plain data, for digests, *Verify* and bundles, from
        the database itself."""
        if not self:
            return []
        self.flush_recordset()
        columns = (
            "id",
            *(name for name in ledger.FROZEN_FIELDS if name != "partner_ids"),
            *ledger.DECISION_FIELDS,
            *ledger.PERSONAL_FIELDS,
            "state",
            "content",
            "content_html",
            "conditions_accepted_by_id",
            "conditions_accepted_on",
            "lapsed_on",
            "certificate_id",
            "document_pdf_id",
        )
        rows = self.env.execute_query_dict(
            SQL(
                "SELECT %s FROM customer_approval_request"
                " WHERE id = ANY(%s) ORDER BY id",
                SQL(", ").join(SQL.identifier(name) for name in columns),
                list(self.ids),
            )
        )
        partners = self._read_relation("partner_ids")
        files = self._read_relation("attachment_ids")
        descriptions = self._describe_files(set().union(*files.values(), []))
        approvers = self.env["customer.approval.approver"].sudo()  # the requests' own
        approvers = approvers.search([("request_id", "in", self.ids)])
        approvers = approvers._export_evidence()
        for row in rows:
            for name, value in row.items():
                if hasattr(value, "isoformat"):
                    is_date = self._fields[name].type == "date"
                    row[name] = (
                        fields.Date.to_string(value)
                        if is_date
                        else value.isoformat(
                            " "
                        )  # with fractions, if somebody adds any
                    )
            row["amount_total"] = format(
                Decimal(row["amount_total"] or 0).normalize(), "f"
            )
            if row["signature"]:
                row["signature"] = ledger.sha256(bytes(row["signature"]))
            for name in ("certificate", "document_pdf"):
                key = row.pop(f"{name}_id")
                row[name] = key and self._describe_files([key])[key]["sha256"]
            row["partner_ids"] = sorted(partners.get(row["id"], []))
            row["files"] = [
                descriptions[key] for key in sorted(files.get(row["id"], []))
            ]
            row["approvers"] = approvers.get(row["id"], [])
        return rows

    @api.model
    def _describe_files(self, ids):
        """Return names, sizes and digests of attachments, by their ids; those that
        are gone have none."""
        files = self.env["ir.attachment"].sudo()  # copies of the requests' own
        described = {key: {"name": "", "size": 0, "sha256": ""} for key in sorted(ids)}
        for file in files.browse(described).exists():
            described[file.id] = {
                "name": file.name,
                "size": len(file.raw or b""),
                "sha256": ledger.sha256(file.raw or b""),
            }
        return described

    @api.model
    def _read_relation(self, name, records=None):
        """Return a many2many, by the ids of the records, from the table itself.

        :param records: by default these requests
        """
        records = self if records is None else records
        field = records._fields[name]
        rows = self.env.execute_query(
            SQL(
                "SELECT %(own)s, array_agg(%(other)s) FROM %(table)s"
                " WHERE %(own)s = ANY(%(ids)s) GROUP BY %(own)s",
                own=SQL.identifier(field.column1),
                other=SQL.identifier(field.column2),
                table=SQL.identifier(field.relation),
                ids=list(records.ids),
            )
        )
        return dict(rows)

    # ------------------------------------------------------------------
    # What follows from a request
    # ------------------------------------------------------------------

    def _get_document(self):
        """Return the document the request is about."""
        self.ensure_one()
        return self.env[self.res_model].browse(self.res_id)

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
        if ledger.format_of(self.scope_digest) != ledger.FORMAT:
            return not document._filter_same_scope({document.id: self.sudo()})
        return document._get_scope_digests()[document.id] != self.scope_digest

    def _is_expired(self):
        self.ensure_one()
        return self.state == "expired" or (
            self.state == "pending"
            and bool(self.deadline)
            and self.deadline < fields.Date.context_today(self)
        )

    # ------------------------------------------------------------------
    # Sending
    # ------------------------------------------------------------------

    def _subscribe(self):
        """Let the conversation on the page reach both sides."""
        for request in self:
            request._subscribe_approvers()
            request.message_subscribe(request._get_told_users().partner_id.ids)

    def _subscribe_approvers(self):
        self.ensure_one()
        counted = self.approver_ids._filter_counted()
        self.message_unsubscribe((self.approver_ids - counted).partner_id.ids)
        self.message_subscribe(counted.partner_id.ids)

    def _send(self, kind="mail_sent", template="asked", approvers=None, text=""):
        """Mail their links to those who are to answer now, in their languages.

        Many at once go through the mail queue.

        :param str kind: of the events: ``mail_sent`` or ``reminded``
        :param str template: which of our templates
        :param approvers: whom; by default all who have not answered
        :param str text: kept in the events
        """
        if kind not in ("mail_sent", "reminded"):
            raise ValueError(f"{kind} is no kind of mail")
        requests = self.sudo()  # whoever is asked; the callers checked who may ask
        if approvers is None:
            approvers = requests.approver_ids.filtered(
                lambda approver: approver.state == "asked"
            )
        requests._mail(template, approvers, queue=len(self) > 1)
        self.env["customer.approval.event"].sudo()._append(
            [
                Entry(
                    request._get_document(),
                    kind,
                    request,
                    method="mail",
                    text=text,
                    personal={
                        "recipients": ", ".join(
                            approver._format_address()
                            for approver in approvers
                            if approver.request_id == request
                        )
                    },
                )
                for request in requests
            ]
        )

    def _remind(self, approvers=None):
        """Mail the links again to those who have not answered."""
        self._send("reminded", "reminder", approvers)

    @api.model
    def _mail(self, kind, approvers, queue=False, attachments=None, **values):
        """Mail people who are asked, each in their language and with their own link.

        :param str kind: the template, without the prefix of its id
        :param bool queue: whether to leave it to the mail queue
        :param attachments: ``ir.attachment`` records to go along
        :param values: what the template finds in ``ctx``
        """
        template = self.env.ref(f"customer_approval_gate.mail_template_{kind}").sudo()
        # No sender may read them. Whoever has no address was asked in person: the
        # callers made sure.
        for approver in approvers.sudo().filtered("email"):
            approver.request_id._notify_by_template(
                template.with_context(**values),
                approver,
                approver.partner_id,
                queue,
                attachments,
            )

    def _notify_by_template(self, template, approver, partner, queue, attachments):
        self.ensure_one()
        lang = partner.lang or self.lang
        rendered = template._generate_template(
            approver.ids, ("subject", "body_html", "email_from")
        )[approver.id]
        # As sale does: mail sent with superuser rights comes from the superuser, with
        # the salesperson as its author.
        own = approver.id if partner == approver.partner_id else None
        sender = self.with_user(SUPERUSER_ID)
        sender = sender.with_context(lang=lang, **{GRANT: Mailing(own)})
        message = sender.message_notify(
            subject=rendered["subject"],
            body=rendered["body_html"],
            author_id=self.requested_by_id.partner_id.id,
            email_from=rendered["email_from"],
            partner_ids=partner.ids,
            # What is answered to it is no internal note.
            subtype_xmlid="mail.mt_comment",
            email_layout_xmlid="mail.mail_notification_layout_with_responsible_signature",
            attachment_ids=attachments.ids if attachments else [],
            force_send=False,
        )
        mails = message.sudo().mail_ids
        if own:
            # To the address that the evidence holds, whatever the contact's is when
            # the mail is made, or sent.
            mails.write(
                {"email_to": approver._format_address(), "recipient_ids": False}
            )
        if not queue:
            mails.send_after_commit()

    def _notify_get_recipients_groups(self, message, model_description, msg_vals=False):
        groups = super()._notify_get_recipients_groups(
            message, model_description, msg_vals=msg_vals
        )
        if not self:
            return groups
        self.ensure_one()
        own = []
        for approver in self.sudo().approver_ids._filter_counted():
            theirs = self.with_context(lang=approver.partner_id.lang)
            own.append(
                (
                    f"customer_approval_{approver.id}",
                    lambda partner, approver=approver: (
                        partner["id"] == approver.partner_id.id
                    ),
                    {
                        "active": True,
                        "has_button_access": True,
                        "button_access": {
                            # Nobody else gets this link, and nothing but a mail.
                            "url": links.url_of(approver)
                            if is_mailing(approver)
                            else self.get_base_url() + self.get_portal_url(),
                            "title": theirs.env._("Review & Approve")
                            if approver._is_open()
                            else theirs.env._("View"),
                        },
                    },
                )
            )
        return own + groups

    def message_post(self, **kwargs):
        """What customers write on the page, or in reply to our mails, is also found at
        the document, and is no decision.

        :return: the message
        """
        message = super().message_post(**kwargs)
        if message.message_type in ("comment", "email") and not any(
            user._is_internal() for user in message.author_id.user_ids
        ):
            request = self.sudo()  # customers have no access to the document
            request._get_document().with_context(
                mail_create_nosubscribe=True
            ).message_post(
                body=message.body,
                author_id=message.author_id.id,
                email_from=message.email_from,
                subtype_xmlid="mail.mt_note",
            )
        return message

    def _message_receive_bounce(self, email, partner):
        """Tell the salesperson that somebody who is asked cannot be reached."""
        result = super()._message_receive_bounce(email, partner)
        request = self.sudo()  # the mail gateway has no rights of its own
        self.env["customer.approval.event"].sudo()._append(
            [
                Entry(
                    request._get_document(),
                    "mail_bounced",
                    request,
                    method="mail",
                    personal={"recipients": email},
                )
            ]
        )
        request._tell_staff(
            self.env._(
                "The mail about %(request)s to %(email)s came back: it was not "
                "delivered. Mend the address, and nudge them on the request.",
                request=request.display_name,
                email=email,
            )
        )
        return result

    def _tell_staff(self, note):
        """Put something about the request on the salesperson's list of things to do."""
        self.ensure_one()
        self._get_document().activity_schedule(
            "mail.mail_activity_data_warning",
            # Names and addresses are what somebody typed.
            note=Markup("<p>%s</p>") % note,
            user_id=self._get_told_users()[:1].id or self.requested_by_id.id,
        )

    def _post_on_document(self, body):
        self.ensure_one()
        self._get_document().message_post(
            body=body, author_id=self.env.ref("base.partner_root").id
        )

    def _log_on_documents(self):
        for request in self:
            request._get_document().message_post(
                body=self.env._(
                    "%(partners)s asked to approve version %(version)s: %(request)s.",
                    partners=", ".join(request.approver_ids.partner_id.mapped("name")),
                    version=request.version,
                    request=request._get_html_link(title=request.name),
                ),
                author_id=request.requested_by_id.partner_id.id,
            )

    # ------------------------------------------------------------------
    # The answer
    # ------------------------------------------------------------------

    def _decide(self, answer):
        """Record the customer's answer. The one way a decision comes to be.

        :param answer: an ``Answer``; the caller identified who gives it
        :raise AccessError: something else was given: only the pages and dialogs on
            which customers answer can make one
        :raise UserError: something is missing, or the request no longer waits for an
            answer, or the document has changed since it was sent
        """
        if not isinstance(answer, Answer):
            raise AccessError(
                self.env._("Only customers answer: on their page, or on this screen.")
            )
        self.ensure_one()
        request = self.sudo()  # customers have no access; the caller identified them
        request._lock_with_document()
        request._check_can_decide(answer)
        approver = request._get_answering(answer)
        declined = []
        if answer.chosen is not None and answer.decision in DECISIONS[:2]:
            approver, declined = request._choose(approver, answer.chosen)
            request = approver.request_id
        decided_on = fields.Datetime.now()
        approver._record_answer(answer, decided_on, declined)
        if not request._conclude(approver, decided_on):
            request._after_partial_answer(approver)
        request._tell_live()
        return approver

    def _get_answering(self, answer):
        """Return the approver who answers.

        :raise UserError: it is not clear who, or it is not their turn
        """
        approver = answer.approver
        if not approver:
            candidates = self.approver_ids.filtered(lambda a: a._is_open())
            if answer.partner:
                candidates = candidates._acts_for(answer.partner) or candidates
            if len(candidates) != 1:
                raise UserError(
                    self.env._(
                        "Several people are asked. Please use the link that was mailed "
                        "to you."
                    )
                )
            approver = candidates
        if approver.request_id != self or not approver._is_open():
            if approver.state == "waiting":
                raise UserError(
                    self.env._(
                        "It is not your turn yet: others are asked before you. You "
                        "will get a mail."
                    )
                )
            raise UserError(
                self.env._("You have answered this request, or passed it on, already.")
            )
        return approver

    def _choose(self, approver, chosen):
        """Take the optional lines that the customer wants, and no others. Where that
        is something else than what was asked about, it makes a new version, which is
        the one that is answered.

        :param chosen: the ids of the lines
        :return: the approver, of the new request if there is one, and the ids of the
            lines that are not wanted
        :rtype: tuple
        """
        self.ensure_one()
        document = self._get_document()
        optional = document._get_optional_lines()
        wanted = optional.filtered(lambda line: line.id in chosen)
        declined = (optional - wanted).ids
        if wanted == document._get_chosen_lines():
            return approver, declined
        if self.approver_ids.filtered(lambda a: a._get_decision()):
            raise UserError(
                self.env._(
                    "Others have answered about this choice of options already. To "
                    "choose otherwise, please request changes."
                )
            )
        if approver != self.approver_ids.filtered(lambda a: a._is_open())[:1] and (
            self.rule == "order"
        ):
            raise UserError(self.env._("It is not your turn yet."))
        self._withdraw(
            self.env._("%(name)s chose other options.", name=approver.partner_id.name)
        )
        try:
            document._choose_optional_lines(wanted)
            request = document.with_user(self.requested_by_id).sudo()
            request = request._reopen_customer_approval(self)
        except UserError as error:
            # Customers have no use for what staff would do about it.
            raise UserError(
                self.env._(
                    "This choice cannot be made here. Please use “Request changes”, "
                    "and say what you want."
                )
            ) from error
        own = request.approver_ids.filtered(
            lambda a: a.partner_id == approver.partner_id
        )[:1]
        others = request.approver_ids.filtered(lambda a: a._is_open()) - own
        if others:
            request._send(template="changed", approvers=others)
        return own.with_env(self.env), declined

    def _conclude(self, approver, decided_on):
        """End the round if the answers amount to a decision.

        :param approver: who answered last
        :return: the decision, or ``None`` while the round goes on
        """
        self.ensure_one()
        counted = self.approver_ids._filter_counted()
        decision = ledger.outcome(
            self._get_required(),
            self.rejection_ends,
            [other._get_decision() for other in counted],
        )
        if not decision:
            return None
        agreeing = counted.filtered(
            lambda other: (
                (other.state in DECISIONS[:2]) == (decision in DECISIONS[:2])
                and other._get_decision()
            )
        )
        values = EvidenceValues(
            self._prepare_decision(decision, agreeing, approver, decided_on)
        )
        plain = {
            name: fields.Datetime.to_string(decided_on)
            if name == "decided_on"
            else values[name] or None
            for name in ledger.DECISION_FIELDS
        }
        event = Entry(
            self._get_document(),
            "decided",
            self,
            decision=decision,
            method=approver.decision_method,
            text=values["conditions"] or values["reason"] or "",
            details={
                "answer": ledger.decision_digest(plain),
                "strength": min(self._get_answer_strengths(agreeing)),
            },
            personal=self._get_personal(values),
            occurred_on=decided_on,
        )
        self._record(values, event)
        self._after_decision()
        return decision

    def _get_answer_strengths(self, approvers):
        events = self.env["customer.approval.event"].sudo()  # evidence
        events = events.search(
            [("request_id", "=", self.id), ("kind", "=", "answered")]
        )
        return [
            event.details["strength"]
            for event in events
            if event.details["approver"] in approvers.ids
        ]

    def _after_partial_answer(self, approver):
        """Tell staff, and ask whoever comes next."""
        self.ensure_one()
        labels = dict(approver._fields["state"]._description_selection(self.env))
        body = self.env._(
            "%(answer)s: %(name)s, version %(version)s (%(progress)s).",
            answer=labels[approver.state],
            name=approver.decided_by_name,
            version=self.version,
            progress=self.progress,
        )
        self._get_document().with_context(mail_create_nosubscribe=True).message_post(
            body=body,
            author_id=approver.partner_id.id,
            partner_ids=self._get_told_users().partner_id.ids,
            subtype_xmlid="mail.mt_note",
        )
        self._ask_next()

    def _ask_next(self):
        """Where one is asked after the other, ask who comes next."""
        self.ensure_one()
        counted = self.approver_ids._filter_counted()
        if self.rule != "order" or counted.filtered(lambda a: a.state == "asked"):
            return
        following = counted.filtered(lambda a: a.state == "waiting")[:1]
        if following:
            following._record(
                EvidenceValues(state="asked"),
                Entry(
                    self._get_document(),
                    "turn_came",
                    self,
                    text=following.partner_id.name,
                    details={"approver": following.id},
                ),
            )
            self._send(approvers=following)

    def _tell_live(self):
        """Let the screens of staff that show the document show the answer at once."""
        self.ensure_one()
        events = self.env["customer.approval.event"].sudo()  # who handed it over
        handed = events.search(
            [("request_id", "=", self.id), ("kind", "=", "handed_over")]
        )
        users = self._get_told_users() | self.requested_by_id | handed.user_id
        for user in users:
            user._bus_send(
                "customer_approval_answered",
                {
                    "request_id": self.id,
                    "res_model": self.res_model,
                    "res_id": self.res_id,
                    "state": self.state,
                },
            )

    def _lock_with_document(self):
        """Keep everybody else from deciding, and from changing the content, while one
        decides.

        :raise UserError: somebody else is at it
        """
        self.ensure_one()
        try:
            self._get_document().lock_for_update(allow_referencing=True)
            self.lock_for_update(allow_referencing=True)
        except LockError as error:
            raise UserError(
                self.env._(
                    "Somebody is working on %(document)s at this moment. Please try "
                    "again in a minute.",
                    document=self.document_name,
                )
            ) from error
        self.invalidate_recordset()

    def _prepare_decision(self, decision, agreeing, approver, decided_on):
        def joined(name):
            # Whose name was erased meanwhile is still somebody.
            nobody = self.env._("Somebody")
            texts = [
                (other.decided_by_name or nobody, other[name]) for other in agreeing
            ]
            texts = [(who, text) for who, text in texts if text]
            if len(agreeing) == 1:
                return texts[0][1] if texts else False
            return "\n".join(f"{who}: {text}" for who, text in texts) or False

        last = approver if approver in agreeing else agreeing[-1:]
        return {
            "state": decision,
            "decided_on": decided_on,
            "decided_by_name": ", ".join(
                filter(None, agreeing.mapped("decided_by_name"))
            ),
            "decided_by_id": last.decided_by_id.id,
            "decision_method": last.decision_method,
            "witness_id": last.witness_id.id,
            "decision_ip": last.decision_ip,
            "decision_user_agent": last.decision_user_agent,
            "consent": last.consent,
            "reason": joined("reason"),
            "conditions": joined("conditions"),
            "category_id": last.category_id.id,
            "signature": last.signature,
        }

    def _get_personal(self, values):
        """Return the personal part of a decision as its event keeps it."""
        personal = {key: values[name] for name, key in ledger.PERSONAL_FIELDS.items()}
        if personal["signature"]:
            personal["signature"] = ledger.sha256(personal["signature"])
        return personal

    def _check_can_decide(self, answer):
        self._check_open()
        if answer.decision not in DECISIONS:
            raise UserError(self.env._("Please choose one of the answers."))
        if not (answer.name or "").strip():
            raise UserError(self.env._("Please enter your full name."))
        if answer.decision in ("rejected", "changes_requested") and not (
            (answer.reason or "").strip()
        ):
            raise UserError(
                self.env._("Please say why, so that we know what to change.")
            )
        if answer.decision == "approved_conditions" and not (
            (answer.conditions or "").strip()
        ):
            raise UserError(
                self.env._("Please enter the conditions under which you approve.")
            )
        if (
            "approved" in answer.decision
            and self.company_id.customer_approval_signature
            and answer.method not in ("online_payment", "recorded")
            and not answer.signature
        ):
            raise UserError(self.env._("Please sign before you approve."))

    def _check_open(self):
        """
        :raise UserError: the request does not wait for an answer any more
        """
        self.ensure_one()
        if self._is_expired():
            raise UserError(
                self.env._("This request has expired. Please ask us to send it again.")
            )
        if self.state != "pending":
            raise UserError(
                self.env._("This request has been answered or withdrawn already.")
            )
        if self._is_outdated():
            raise UserError(
                self.env._(
                    "The document has changed since this request was sent, so it can "
                    "no longer be answered. You will get a new one."
                )
            )

    def _get_consent(self, approver=None):
        """Return the words that whoever answers agrees to, in their language."""
        self.ensure_one()
        partner = approver.partner_id if approver else self.partner_id
        in_their_language = self.with_context(lang=partner.lang or self.lang)
        return in_their_language.company_id._get_customer_approval_consent()

    def _after_decision(self):
        self.ensure_one()
        document = self._get_document()
        author = self.decided_by_id or self.partner_id
        self.approver_ids._change_links()
        message = document.with_context(mail_create_nosubscribe=True).message_post(
            body=self._describe_decision(),
            author_id=author.id,
            # To be told is the point, so the salesperson is told by mail as well.
            partner_ids=self._get_told_users().partner_id.ids,
            subtype_xmlid="mail.mt_note",
        )
        self.message_post(body=message.body, author_id=author.id)
        if self.state != "approved":
            self._schedule_follow_up(document)
        # Printing takes seconds and may fail: the answer waits for neither.
        self.env.ref("customer_approval_gate.cron_certificates").sudo()._trigger()

    def _get_told_users(self):
        return (self.user_id or self.requested_by_id).filtered(
            lambda user: user.active and not user.share and user.id != SUPERUSER_ID
        )

    def _describe_decision(self):
        self.ensure_one()
        labels = dict(self._fields["state"]._description_selection(self.env))
        methods = dict(self._fields["decision_method"]._description_selection(self.env))
        text = self.env._(
            "%(answer)s: %(name)s, version %(version)s, %(method)s.",
            answer=labels[self.state],
            name=self.decided_by_name,
            version=self.version,
            method=methods[self.decision_method],
        )
        body = Markup("<b>%s</b>") % text
        for remark in filter(None, (self.conditions, self.reason)):
            body += Markup("<p>%s</p>") % remark
        return body

    def _schedule_follow_up(self, document):
        """Put the answer on the salesperson's list of things to do."""
        summary = {
            "approved_conditions": self.env._("Accept the customer's conditions"),
            "changes_requested": self.env._("Change what the customer asks for"),
            "rejected": self.env._("The customer has rejected: change and ask again"),
        }[self.state]
        document.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=summary,
            note=Markup("<p>%s</p>") % (self.conditions or self.reason or ""),
            user_id=self._get_told_users()[:1].id or self.requested_by_id.id,
        )

    def action_accept_conditions(self):
        """Accept, for the company, the conditions under which the customer approved.

        :raise AccessError: the user may not ask for approvals either
        """
        self.ensure_one()
        request = self.sudo()  # whoever may work on the document may accept
        document = request._get_document().with_env(self.env)
        document.check_access("write")
        document._check_customer_approval_right()
        request._lock_with_document()
        if (
            request.state != "approved_conditions"
            or request.conditions_accepted_on
            or request.lapsed_on
        ):
            raise UserError(
                self.env._(
                    "%(request)s has no conditions to accept.", request=self.name
                )
            )
        if request._is_outdated():
            raise UserError(
                self.env._(
                    "%(document)s has changed since the customer's answer. Request "
                    "customer approval again.",
                    document=document.display_name,
                )
            )
        accepted_on = fields.Datetime.now()
        event = Entry(
            document,
            "conditions_accepted",
            request,
            text=request.conditions,
            occurred_on=accepted_on,
        )
        user_id = self.env["customer.approval.event"]._get_actor()[0]
        request._record(
            EvidenceValues(
                conditions_accepted_by_id=user_id, conditions_accepted_on=accepted_on
            ),
            event,
        )
        document.message_post(
            body=self.env._(
                "Conditions of %(name)s accepted: %(conditions)s",
                name=request.decided_by_name,
                conditions=request.conditions,
            )
        )
        request._mail("conditions_accepted", request.approver_ids._filter_counted())

    # ------------------------------------------------------------------
    # Ends without an answer
    # ------------------------------------------------------------------

    def _withdraw(self, reason):
        """Take back requests that wait for an answer. Their links stop.

        :param str reason: kept in the events
        """
        pending = self.filtered(lambda request: request.state == "pending")
        if not pending:
            return
        pending._record(
            EvidenceValues(state="withdrawn", reason=reason),
            *(
                Entry(request._get_document(), "withdrawn", request, text=reason)
                for request in pending
            ),
        )
        pending.approver_ids._change_links()
        user = self.env.user
        author = user.partner_id if user._is_internal() else self.partner_id[:1]
        for request in pending:
            request._get_document().message_post(
                body=self.env._(
                    "Request %(request)s withdrawn: %(reason)s",
                    request=request.name,
                    reason=reason,
                ),
                author_id=author.id,
            )

    def _after_content_change(self):
        """What was asked, or approved, is no longer what the document says."""
        self._withdraw(self.env._("The document was changed."))
        self._end_approval(
            "lapsed",
            self.env._("The document was changed."),
            self.env._(
                "The document was changed, so that the customer's answer counts no "
                "more. Request customer approval again."
            ),
        )

    def _end_approval(self, kind, reason, message):
        """Let approvals be in force no longer.

        :param str kind: of the events: ``revised`` or ``lapsed``
        :param str reason: kept in the events
        :param str message: for the documents' chatter
        """
        approved = self.filtered(
            lambda request: (
                request.state in ("approved", "approved_conditions")
                and not request.lapsed_on
            )
        )
        if not approved:
            return
        for request in approved:
            document = request._get_document()
            if (
                request._get_document_status() == "approved"
                and document._is_past_gate()
            ):
                raise UserError(document._approved_content_message(request))
        if kind not in ledger.LAPSES:
            raise ValueError(f"{kind} ends no approval")
        lapsed_on = fields.Datetime.now()
        approved._record(
            EvidenceValues(lapsed_on=lapsed_on),
            *(
                Entry(
                    request._get_document(),
                    kind,
                    request,
                    text=reason,
                    occurred_on=lapsed_on,
                )
                for request in approved
            ),
        )
        approved._recompute_covered_documents()
        for request in approved:
            request._get_document().message_post(body=message)

    def _recompute_covered_documents(self):
        """Let the documents that these approvals cover follow."""
        events = self.env["customer.approval.event"].sudo()  # evidence
        covered = events.search(
            [("kind", "=", "covered"), ("request_id", "in", self.ids)]
        )
        for model, own in covered.grouped("res_model").items():
            documents = self.env[model].browse(set(own.mapped("res_id"))).exists()
            documents._recompute_customer_approval()

    def _expire(self):
        """End requests whose time is over, without an answer."""
        self._record(
            EvidenceValues(state="expired"),
            *(
                Entry(request._get_document(), "expired", request, method="cron")
                for request in self
            ),
        )
        for request in self:
            request._get_document().message_post(
                body=self.env._(
                    "Request %(request)s expired without an answer.",
                    request=request.name,
                ),
            )

    @api.model
    def _cron_expire(self):
        """Expire requests whose last day is over. Silence is never consent."""
        domain = Domain("state", "=", "pending") & Domain(
            "deadline", "<", fields.Date.context_today(self)
        )
        requests = self.search(domain, limit=500)
        self.env["ir.cron"]._commit_progress(remaining=self.search_count(domain))
        for request in requests:
            request.try_lock_for_update().filtered_domain(domain)._expire()
            if not self.env["ir.cron"]._commit_progress(processed=1):
                break

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_verify(self):
        """Recompute all digests of the evidence about the document, and say whether
        they fit."""
        return self._get_document().action_verify_customer_approval()

    def action_view_document(self):
        """Open the document the request is about."""
        return self._get_document().get_formview_action()

    def _check_may_handle(self, env):
        """
        :param env: of the user who wants to handle the request
        :raise AccessError: they may not work on the document, or ask for approvals
        """
        self.ensure_one()
        document = self._get_document().with_env(env(su=False))
        document.check_access("write")
        document._check_customer_approval_right()

    def action_remind(self):
        """Mail their links again to those who have not answered.

        :raise AccessError: the user may not ask for approvals either
        """
        for request in self.sudo():  # whoever may work on the document may remind
            request._check_may_handle(self.env)
            request._check_open()
            waiting = request.approver_ids.filtered(lambda a: a.state == "asked")
            waiting._check_address()
            request._remind(waiting)

    def action_withdraw(self):
        """Open the dialog that asks why the request is withdrawn."""
        return self._open_dialog("withdraw", self.env._("Withdraw"))

    def action_change(self):
        """Open the dialog that changes the deadline and who is asked."""
        return self._open_dialog("change", self.env._("Change the Request"))

    def action_record_answer(self):
        """Open the dialog that records an answer from paper or mail."""
        return self._open_dialog("record", self.env._("Record an Answer"))

    def _open_dialog(self, name, title):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": f"customer.approval.{name}",
            "view_mode": "form",
            "target": "new",
            "context": {**self.env.context, "default_request_id": self.id},
        }

    def _withdraw_by_staff(self, reason):
        """Take the requests back, and tell those who were asked.

        :param str reason: the customer reads it, too
        :raise AccessError: the user may not ask for approvals either
        :raise UserError: there is no reason
        """
        reason = (reason or "").strip()
        if not reason:
            raise UserError(self.env._("Please say why the request is withdrawn."))
        for request in self.sudo():  # whoever may work on the document may withdraw
            request._check_may_handle(self.env)
            request._lock_with_document()
            if request.state != "pending":
                request._check_open()
            asked = request.approver_ids.filtered(
                lambda a: a.state not in ("waiting", "removed", "passed_on")
            )
            request._withdraw(reason)
            request._mail("withdrawn", asked)

    def _change_deadline(self, deadline):
        """Give the customer another last day.

        :param deadline: a ``date``, or ``False`` for none
        :raise UserError: it has passed already, or nobody is asked any more
        """
        self.ensure_one()
        request = self.sudo()  # whoever may work on the document may change it
        request._check_may_handle(self.env)
        request._lock_with_document()
        if request.state != "pending":
            request._check_open()
        if deadline and deadline < fields.Date.context_today(self):
            raise UserError(
                self.env._("The deadline has passed already. Choose a later day.")
            )
        old, new = (
            fields.Date.to_string(value) or None
            for value in (request.deadline, deadline)
        )
        if old == new:
            return
        request._record(
            EvidenceValues(deadline=deadline),
            Entry(
                request._get_document(),
                "deadline_changed",
                request,
                text=f"{old or '-'} → {new or '-'}",
                details={"deadline": [old, new]},
            ),
        )
        request._post_on_document(
            self.env._(
                "Answer to %(request)s now by %(deadline)s.",
                request=request.name,
                deadline=format_date(self.env, deadline) or self.env._("no fixed day"),
            )
        )
        request._mail("deadline", request.approver_ids.filtered(lambda a: a._is_open()))

    def _add_approvers(self, partners):
        """Ask more people.

        :param partners: ``res.partner`` records
        :raise UserError: somebody is asked already, or has no address
        """
        self.ensure_one()
        request = self.sudo()  # whoever may work on the document may change it
        request._check_may_handle(self.env)
        request._lock_with_document()
        request._check_open()
        request.approver_ids._check_no_staff(partners)
        asked = request.approver_ids._filter_counted()
        for partner in partners:
            if partner in asked.partner_id or partner.email_normalized in asked.mapped(
                "email"
            ):
                raise UserError(
                    self.env._("%(name)s is asked already.", name=partner.display_name)
                )
            if not partner.email:
                raise UserError(
                    self.env._(
                        "%(name)s has no e-mail address. Enter one first.",
                        name=partner.display_name,
                    )
                )
        last = max(request.approver_ids.mapped("sequence"), default=0)
        approvers = request.approver_ids.create(
            [
                EvidenceValues(
                    request_id=request.id,
                    partner_id=partner.id,
                    email=partner.email_normalized,
                    sequence=last + number,
                    is_outsider=request._is_outsider(partner),
                    origin="added",
                    state="waiting" if request.rule == "order" else "asked",
                )
                for number, partner in enumerate(partners, 1)
            ]
        )
        exported = {
            row["id"]: row for row in approvers._export_evidence().get(request.id, [])
        }
        self.env["customer.approval.event"].sudo()._append(
            [
                Entry(
                    request._get_document(),
                    "approver_added",
                    request,
                    text=approver.partner_id.name,
                    details={
                        "approver": approver.id,
                        "frozen": ledger.approver_digest(exported[approver.id]),
                        "outsider": approver.is_outsider,
                    },
                )
                for approver in approvers
            ]
        )
        request.invalidate_recordset(["approver_ids"])
        request._subscribe_approvers()
        asked = approvers.filtered(lambda a: a.state == "asked")
        if asked:
            request._send(approvers=asked)
        request._ask_next()

    def _remove_approvers(self, approvers):
        """Ask these people no longer.

        :raise UserError: too few would remain, or they have answered
        """
        self.ensure_one()
        request = self.sudo()  # whoever may work on the document may change it
        request._check_may_handle(self.env)
        request._lock_with_document()
        request._check_open()
        approvers = approvers.sudo()
        remaining = request.approver_ids._filter_counted() - approvers
        if approvers.request_id - request or approvers.filtered(
            lambda a: a.state not in ("waiting", "asked")
        ):
            raise UserError(
                self.env._("Only people who have not answered can be let go.")
            )
        # A decision is what people say, not what is left when others are let go.
        required = ledger.required_answers(
            request.rule, request.required_count, len(remaining)
        )
        people = len({approver.email or approver.id for approver in remaining})
        if people < max(
            required, request._get_document()._get_required_people()
        ) or ledger.outcome(
            required, request.rejection_ends, [a._get_decision() for a in remaining]
        ):
            raise UserError(
                self.env._(
                    "Too few people would remain to answer. Ask somebody else first, "
                    "or withdraw the request and ask anew."
                )
            )
        told = approvers.filtered(lambda a: a.state == "asked")
        for approver in approvers:
            approver._record(
                EvidenceValues(state="removed"),
                Entry(
                    request._get_document(),
                    "approver_removed",
                    request,
                    text=approver.partner_id.name,
                    details={"approver": approver.id},
                ),
            )
        request._mail("withdrawn", told)
        approvers._change_links()
        request._subscribe_approvers()
        request._ask_next()

    def _is_outsider(self, partner):
        self.ensure_one()
        return partner.commercial_partner_id != self.partner_id.commercial_partner_id

    # ------------------------------------------------------------------
    # How sure it has to be
    # ------------------------------------------------------------------

    def _needs_code(self):
        """Return whether whoever approves by a link has to enter a one-time code."""
        self.ensure_one()
        request = self.sudo()  # asked for customers
        return (
            request.company_id.customer_approval_code
            or request._get_document()._get_minimum_strength() >= 4
        )

    # ------------------------------------------------------------------
    # Erasure
    # ------------------------------------------------------------------

    def _forget_personal(self):
        """Empty what can be erased, after the event that says so. The certificates
        hold it too, and go."""
        self.flush_recordset()
        self.env.cr.execute(
            SQL(
                "UPDATE customer_approval_request SET %s WHERE id = ANY(%s)",
                SQL(", ").join(
                    SQL("%s = NULL", SQL.identifier(name))
                    for name in ledger.PERSONAL_FIELDS
                ),
                list(self.ids),
            )
        )
        self.invalidate_recordset()
        self.approver_ids._forget_personal()
        self.certificate_id.unlink()
