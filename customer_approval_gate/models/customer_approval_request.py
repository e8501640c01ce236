# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import base64
import json
import logging
import uuid
from decimal import Decimal

from markupsafe import Markup

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, LockError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_datetime

from ..tools import content as content_tools, ledger, triggers
from ..tools.entry import Answer, Entry, EvidenceValues
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
        "res.partner", string="Asked", readonly=True, help="Who got the link."
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
            ("link", "Personal Link"),
            ("in_person", "In Person"),
            ("online_signature", "Online Signature"),
            ("online_payment", "Online Payment"),
        ],
        readonly=True,
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
    # Who has the token can answer as the customer: staff have no use for it.
    access_token = fields.Char(groups="base.group_system")

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
        """Return the token to our own code only: ``get_portal_url()`` can be called by
        anybody who is logged in, and who has the token answers as the customer."""
        return self.access_token if self.env.su else ""

    def _sign_token(self, pid):
        return super(CustomerApprovalRequest, self.sudo())._sign_token(pid)

    @api.model
    def _render_content(self, content, currency, lang):
        """Return content as a person reads it, in their language."""
        return (
            self.env["ir.qweb"]
            .with_context(lang=lang)
            ._render(
                "customer_approval_gate.request_content",
                {"content": content, "currency": currency},
            )
        )

    @api.depends("content")
    @api.depends_context("lang")
    def _compute_difference_html(self):
        for request in self:
            changes = request._get_difference()
            request.difference_html = (
                self.env["ir.qweb"]._render(
                    "customer_approval_gate.difference",
                    {
                        "changes": changes,
                        "currency": request.currency_id,
                        "label": self._get_field_label,
                        "text": self._get_value_text,
                    },
                )
                if changes
                else False
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
        frozen = {*ledger.FROZEN_FIELDS} - {"partner_ids"}
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
        vals_list = [
            {
                **empty,
                "name": self.env["ir.sequence"].next_by_code(self._name) or "/",
                "state": "pending",
                "requested_on": fields.Datetime.now(),
                "access_token": str(uuid.uuid4()),
                **vals,
            }
            for vals in vals_list
        ]
        requests = super().create(vals_list)
        requests.flush_recordset()
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
        attachments = self.env["ir.attachment"].sudo()  # the copies are nobody's
        attachments = attachments.browse(sorted(set().union(*files.values(), [])))
        descriptions = {
            attachment.id: {
                "name": attachment.name,
                "size": len(attachment.raw or b""),
                "sha256": ledger.sha256(attachment.raw or b""),
            }
            for attachment in attachments.exists()
        }
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
            row["partner_ids"] = sorted(partners.get(row["id"], []))
            row["files"] = [
                descriptions.get(key, {"name": "", "size": 0, "sha256": ""})
                for key in sorted(files.get(row["id"], []))
            ]
        return rows

    def _read_relation(self, name):
        field = self._fields[name]
        rows = self.env.execute_query(
            SQL(
                "SELECT %(own)s, array_agg(%(other)s) FROM %(table)s"
                " WHERE %(own)s = ANY(%(ids)s) GROUP BY %(own)s",
                own=SQL.identifier(field.column1),
                other=SQL.identifier(field.column2),
                table=SQL.identifier(field.relation),
                ids=list(self.ids),
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
        """Let the conversation below the document reach both sides."""
        for request in self:
            request.message_subscribe(
                (request.partner_ids | request._get_told_users().partner_id).ids
            )

    def _send(self, kind="mail_sent"):
        """Mail the link to those who are asked, in their language.

        :param str kind: of the events: ``mail_sent`` or ``reminded``
        """
        if kind not in ("mail_sent", "reminded"):
            raise ValueError(f"{kind} is no kind of mail")
        template = self.env.ref("customer_approval_gate.mail_template_request")
        for request in self:
            # As sale does: mail sent with superuser rights comes from the superuser,
            # with the salesperson as its author.
            request.with_user(SUPERUSER_ID).message_post_with_source(
                template,
                email_layout_xmlid="mail.mail_notification_layout_with_responsible_signature",
                subtype_xmlid="mail.mt_comment",
            )
        self.env["customer.approval.event"]._append(
            [
                Entry(
                    request._get_document(),
                    kind,
                    request,
                    method="mail",
                    personal={
                        "recipients": ", ".join(
                            partner.email_formatted or partner.name
                            for partner in request.sudo().partner_ids
                        )
                    },
                )
                for request in self
            ]
        )

    def _notify_get_recipients_groups(self, message, model_description, msg_vals=False):
        groups = super()._notify_get_recipients_groups(
            message, model_description, msg_vals=msg_vals
        )
        if not self:
            return groups
        self.ensure_one()
        asked = set(self.sudo().partner_ids.ids)
        in_their_language = self.with_context(lang=self.sudo().partner_id.lang)
        return [
            (
                "customer_approval_asked",
                lambda partner: partner["id"] in asked,
                {
                    "active": True,
                    "has_button_access": True,
                    "button_access": {
                        # Only those who are asked get this link.
                        "url": self.get_base_url() + self.sudo().get_portal_url(),
                        "title": in_their_language.env._("Review & Approve")
                        if self.sudo().state == "pending"
                        else in_their_language.env._("View"),
                    },
                },
            ),
            *groups,
        ]

    def _log_on_documents(self):
        for request in self:
            request._get_document().message_post(
                body=self.env._(
                    "%(partners)s asked to approve version %(version)s: %(request)s.",
                    partners=", ".join(request.partner_ids.mapped("name")),
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
        decided_on = fields.Datetime.now()
        values = EvidenceValues(request._prepare_decision(answer, decided_on))
        plain = {
            name: fields.Datetime.to_string(decided_on)
            if name == "decided_on"
            else values[name] or None
            for name in ledger.DECISION_FIELDS
        }
        event = Entry(
            request._get_document(),
            "decided",
            request,
            decision=answer.decision,
            method=answer.method,
            text=values["conditions"] or values["reason"] or "",
            details={"answer": ledger.sha256(ledger.canonical(plain))},
            personal=request._get_personal(values),
            occurred_on=decided_on,
        )
        request._record(values, event)
        request._after_decision()

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

    def _prepare_decision(self, answer, decided_on):
        _user_id, personal, _method = self.env["customer.approval.event"]._get_actor()
        signature = False
        if answer.signature:
            # One way to write it, so that the image alone gives its digest.
            signature = base64.b64encode(base64.b64decode(answer.signature))
        return {
            "state": answer.decision,
            "decided_on": decided_on,
            "decided_by_name": answer.name.strip(),
            "decided_by_id": answer.partner.id if answer.partner else False,
            "decision_method": answer.method,
            "witness_id": answer.witness.id if answer.witness else False,
            "decision_ip": personal.get("ip"),
            "decision_user_agent": personal.get("user_agent"),
            "consent": self._get_consent() if "approved" in answer.decision else False,
            "reason": (answer.reason or "").strip() or False,
            "conditions": (answer.conditions or "").strip() or False,
            "signature": signature,
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
            and answer.method != "online_payment"
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

    def _get_consent(self):
        """Return the words the customer agrees to, in the customer's language."""
        self.ensure_one()
        in_their_language = self.with_context(lang=self.partner_id.lang)
        return in_their_language.company_id._get_customer_approval_consent()

    def _after_decision(self):
        self.ensure_one()
        document = self._get_document()
        author = self.decided_by_id or self.partner_id
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

    # ------------------------------------------------------------------
    # Ends without an answer
    # ------------------------------------------------------------------

    def _withdraw(self, reason):
        """Take back requests that wait for an answer.

        :param str reason: shown to staff
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
        for request in pending:
            request._get_document().message_post(
                body=self.env._(
                    "Request %(request)s withdrawn: %(reason)s",
                    request=request.name,
                    reason=reason,
                ),
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

    def action_remind(self):
        """Mail the link again to those who have not answered.

        :raise AccessError: the user may not ask for approvals either
        """
        for request in self.sudo():  # whoever may work on the document may remind
            document = request._get_document().with_env(self.env)
            document.check_access("write")
            document._check_customer_approval_right()
            request._check_open()
            request._send("reminded")

    def action_withdraw(self):
        """Withdraw the request.

        :raise AccessError: the user may not ask for approvals either
        """
        for request in self.sudo():  # whoever may work on the document may withdraw
            document = request._get_document().with_env(self.env)
            document.check_access("write")
            document._check_customer_approval_right()
        self.sudo()._withdraw(
            self.env._("Withdrawn by %(user)s.", user=self.env.user.name)
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
        self.certificate_id.unlink()
