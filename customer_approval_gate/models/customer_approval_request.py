# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import uuid

from markupsafe import Markup

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain

from ..tools.grants import GRANT, RECORD_EVIDENCE, granted

DECISIONS = ("approved", "approved_conditions", "changes_requested", "rejected")

# What the chatter needs; everything else of a request is evidence.
CHATTER_PREFIXES = ("message_", "activity_", "website_message_", "rating_")


class CustomerApprovalRequest(models.Model):
    """One round of asking the customer about one version of a document.

    Nobody creates, writes or deletes requests: ``_request_customer_approval()`` of
    the document makes them, ``_decide()`` records the answer, and both are private.
    """

    _name = "customer.approval.request"
    _inherit = ["portal.mixin", "mail.thread", "mail.activity.mixin"]
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
        compute="_compute_content_html",
        sanitize=False,
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
    signature = fields.Image(max_width=1024, max_height=1024, readonly=True)
    lapsed_on = fields.Datetime(
        readonly=True,
        help="When the content changed after the approval, so that it counts no more.",
    )
    # Who has the token can answer as the customer: staff have no use for it.
    access_token = fields.Char(groups="base.group_system")

    _document_idx = models.Index("(res_model, res_id, id)")
    _one_pending = models.UniqueIndex(
        "(res_model, res_id) WHERE state = 'pending'",
        "There is already a request that waits for the customer's answer.",
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

    @api.depends("content")
    @api.depends_context("lang")
    def _compute_content_html(self):
        for request in self:
            request.content_html = request._render_content()

    def _render_content(self):
        """Return the frozen content as a person reads it."""
        self.ensure_one()
        return self.env["ir.qweb"]._render(
            "customer_approval_gate.request_content",
            {"content": self.content, "currency": self.currency_id},
        )

    # ------------------------------------------------------------------
    # Insert only by our own methods
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        if not granted(self.env, RECORD_EVIDENCE):
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
        ungranted = self.with_context(**{GRANT: None})
        return super(CustomerApprovalRequest, ungranted).create(vals_list)

    def write(self, vals):
        if not granted(self.env, RECORD_EVIDENCE) and any(
            not name.startswith(CHATTER_PREFIXES) for name in vals
        ):
            self._refuse_writing()
        ungranted = self.with_context(**{GRANT: None})
        return super(CustomerApprovalRequest, ungranted).write(vals)

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

    def _record(self, vals):
        # Nobody has write access; who may call is checked by the callers.
        self.sudo().with_context(**{GRANT: RECORD_EVIDENCE}).write(vals)
        # The gate reads these rows, so they must be there before any stage is.
        self.sudo().flush_recordset()

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

    def _attach_copies(self, attachments):
        """Keep copies of the files, so that what was shown stays what it was."""
        if not attachments:
            return
        attachments.check_access("read")
        for request in self:
            copies = attachments.sudo().copy(  # the request is nobody's to write on
                {"res_model": self._name, "res_id": request.id, "res_field": False}
            )
            copies.generate_access_token()
            request._record({"attachment_ids": [Command.set(copies.ids)]})

    def _subscribe(self):
        """Let the conversation below the document reach both sides."""
        for request in self:
            request.message_subscribe(
                (request.partner_ids | request._get_told_users().partner_id).ids
            )

    def _send(self):
        """Mail the link to those who are asked, in their language."""
        template = self.env.ref("customer_approval_gate.mail_template_request")
        for request in self:
            # As sale does: mail sent with superuser rights comes from the superuser,
            # with the salesperson as its author.
            request.with_user(SUPERUSER_ID).message_post_with_source(
                template,
                email_layout_xmlid="mail.mail_notification_layout_with_responsible_signature",
                subtype_xmlid="mail.mt_comment",
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
                        "title": in_their_language.env._("Review & Approve"),
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

    def _decide(self, decision, name, method, **details):
        """Record the customer's answer. The one way a decision comes to be.

        :param str decision: one of ``DECISIONS``
        :param str name: the full name of who answers
        :param str method: a value of ``decision_method``
        :param details: ``reason`` (required to reject or to request changes),
            ``conditions`` (required to approve with conditions), ``signature``
            (base64), ``partner`` (the contact who is logged in), ``witness`` (the
            user on whose screen it was), ``ip``, ``user_agent``
        :raise UserError: something is missing, or the request no longer waits for an
            answer, or the document has changed since it was sent
        """
        self.ensure_one()
        request = self.sudo()  # customers have no access; the caller identified them
        request.lock_for_update()
        request.invalidate_recordset()
        name = (name or "").strip()
        details = {key: value for key, value in details.items() if value}
        request._check_can_decide(decision, name, method, details)
        request._record(
            {
                "state": decision,
                "decided_on": fields.Datetime.now(),
                "decided_by_name": name,
                "decided_by_id": details.get("partner", self.env["res.partner"]).id,
                "decision_method": method,
                "witness_id": details.get("witness", self.env["res.users"]).id,
                "decision_ip": details.get("ip"),
                "decision_user_agent": details.get("user_agent"),
                "consent": request._get_consent() if "approved" in decision else False,
                "reason": details.get("reason"),
                "conditions": details.get("conditions"),
                "signature": details.get("signature"),
            }
        )
        request._after_decision()

    def _check_can_decide(self, decision, name, method, details):
        self._check_open()
        if decision not in DECISIONS:
            raise UserError(self.env._("Please choose one of the answers."))
        if not name:
            raise UserError(self.env._("Please enter your full name."))
        if decision in ("rejected", "changes_requested") and not (
            details.get("reason", "").strip()
        ):
            raise UserError(
                self.env._("Please say why, so that we know what to change.")
            )
        if decision == "approved_conditions" and not (
            details.get("conditions", "").strip()
        ):
            raise UserError(
                self.env._("Please enter the conditions under which you approve.")
            )
        if (
            "approved" in decision
            and self.company_id.customer_approval_signature
            and method != "online_payment"
            and not details.get("signature")
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
        request.lock_for_update()
        request.invalidate_recordset()
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
        request._record(
            {
                "conditions_accepted_by_id": self.env.uid,
                "conditions_accepted_on": fields.Datetime.now(),
            }
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
        pending._record({"state": "withdrawn", "reason": reason})
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
        approved = self.filtered(
            lambda request: (
                request.state in ("approved", "approved_conditions")
                and not request.lapsed_on
            )
        )
        if not approved:
            return
        approved._record({"lapsed_on": fields.Datetime.now()})
        for request in approved:
            request._get_document().message_post(
                body=self.env._(
                    "The document was changed, so the approval of version %(version)s "
                    "by %(name)s counts no more. Request customer approval again.",
                    version=request.version,
                    name=request.decided_by_name,
                ),
            )

    def _expire(self):
        """End requests whose time is over, without an answer."""
        self._record({"state": "expired"})
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

    def action_view_document(self):
        """Open the document the request is about."""
        return self._get_document().get_formview_action()

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
