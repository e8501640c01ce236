# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import base64
import functools
import json
import logging
import secrets
import smtplib
from dataclasses import replace

from werkzeug import urls

from odoo import SUPERUSER_ID, api, fields, models, sql_db
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import (
    SQL,
    email_domain_extract,
    email_normalize,
    formataddr,
    html2plaintext,
)

from odoo.addons.base.models.ir_mail_server import MailDeliveryException

from ...tools import (
    capability,
    content as content_tools,
    ledger,
    links,
    mails,
    triggers,
)
from ...tools.entry import Entry, EvidenceValues
from ...tools.texts import clean_name

_logger = logging.getLogger(__name__)

CODE_MINUTES = 10
CONSENTING_METHODS = ("portal", "code", "link", "in_person")
CODE_TRIES = 5
# Providers whose addresses say nothing about where somebody works: the part of the
# domain before the country's.
PUBLIC_PROVIDERS = frozenset(
    [
        "aol",
        "att",
        "bluewin",
        "btinternet",
        "comcast",
        "free",
        "freenet",
        "gmail",
        "gmx",
        "googlemail",
        "hey",
        "hotmail",
        "icloud",
        "laposte",
        "libero",
        "live",
        "mac",
        "mail",
        "me",
        "msn",
        "mailbox",
        "naver",
        "online",
        "orange",
        "outlook",
        "pm",
        "posteo",
        "proton",
        "protonmail",
        "qq",
        "rambler",
        "sbcglobal",
        "sfr",
        "t-online",
        "tiscali",
        "verizon",
        "virgilio",
        "wanadoo",
        "web",
        "yahoo",
        "yandex",
        "ymail",
        "zoho",
        "126",
        "163",
    ]
)


class CustomerApprovalApprover(models.Model):
    """One person who is asked in a request, with a link of their own.

    Like requests, nobody creates, writes or deletes them: they are evidence.
    """

    _name = "customer.approval.approver"
    _inherit = ["customer.approval.guarded.mixin"]
    _description = "Person Asked for an Approval"
    _order = "request_id desc, sequence, id"
    _rec_name = "partner_id"
    _keeps_files = True

    request_id = fields.Many2one(
        "customer.approval.request",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    partner_id = fields.Many2one(
        "res.partner", string="Person", required=True, readonly=True, index=True
    )
    email = fields.Char(
        readonly=True, help="The address that the link was for, as it was then."
    )
    sequence = fields.Integer(readonly=True)
    is_outsider = fields.Boolean(
        string="Not of the Customer",
        readonly=True,
        help="The person is no contact of the customer: somebody chose them "
        "nonetheless.",
    )
    origin = fields.Selection(
        [
            ("asked", "Asked at First"),
            ("added", "Added Later"),
            ("passed_on", "Named by Another"),
        ],
        required=True,
        readonly=True,
    )
    state = fields.Selection(
        [
            ("waiting", "Waits for Others"),
            ("asked", "Asked"),
            ("approved", "Approved"),
            ("approved_conditions", "Approved with Conditions"),
            ("changes_requested", "Changes Requested"),
            ("rejected", "Rejected"),
            ("passed_on", "Passed On"),
            ("removed", "No Longer Asked"),
        ],
        required=True,
        readonly=True,
    )
    decided_on = fields.Datetime(string="Answered on", readonly=True)
    decided_by_name = fields.Char(string="Name Given", readonly=True)
    decided_by_id = fields.Many2one(
        "res.partner", string="Contact Logged In", readonly=True
    )
    decision_method = fields.Selection(
        selection="_get_decision_methods", string="Way", readonly=True
    )
    witness_id = fields.Many2one("res.users", readonly=True)
    decision_ip = fields.Char(string="IP Address", readonly=True)
    decision_user_agent = fields.Char(string="Browser", readonly=True)
    consent = fields.Text(readonly=True)
    reason = fields.Text(readonly=True)
    conditions = fields.Text(readonly=True)
    category_id = fields.Many2one(
        "customer.approval.category", readonly=True, ondelete="restrict"
    )
    remarks = fields.Json(
        string="Remarks by Line",
        readonly=True,
        help="About single lines, by their ids.",
    )
    declined = fields.Json(
        readonly=True, help="Optional lines that the person did not want."
    )
    signature = fields.Binary(attachment=False, readonly=True)
    proof_ids = fields.Many2many(
        "ir.attachment",
        string="Recorded from",
        readonly=True,
        bypass_search_access=True,
    )
    remarks_text = fields.Text(string="Remarks", compute="_compute_remarks_text")
    proposed_name = fields.Char(readonly=True)
    proposed_email = fields.Char(string="Proposed Substitute", readonly=True)
    answer = fields.Selection(
        selection="_get_answers",
        compute="_compute_answer",
        help="What the person has answered, or why they have not.",
    )
    mail_state = fields.Selection(
        [
            ("handed_over", "Handed Over"),
            ("queued", "Queued"),
            ("sent", "Sent"),
            ("failed", "Failed"),
            ("opened", "Opened"),
            ("answered", "Answered"),
        ],
        string="Mail",
        compute="_compute_mail_state",
        compute_sudo=True,
        help="How far the mail with the link has come: “Sent” when a mail server has "
        "accepted it, “Opened” when the page was shown to the person.",
    )
    mail_reason = fields.Text(
        string="Why the Mail Failed", compute="_compute_mail_state", compute_sudo=True
    )

    # The link is made of these and of the server's key: it is in no database.
    token_number = fields.Integer(groups=fields.NO_ACCESS)
    code_digest = fields.Char(groups=fields.NO_ACCESS)
    code_until = fields.Datetime(groups=fields.NO_ACCESS)
    code_tries = fields.Integer(groups=fields.NO_ACCESS)
    code_failures = fields.Integer(groups=fields.NO_ACCESS)
    code_blocked_until = fields.Datetime(groups=fields.NO_ACCESS)
    # By it a browser that was shown no page knows its own answer again.
    answer_key = fields.Char(groups=fields.NO_ACCESS)

    @api.model
    def _get_decision_methods(self):
        requests = self.env["customer.approval.request"]
        return requests._fields["decision_method"].selection

    @api.model
    def _get_answers(self):
        labels = self._fields["state"]._description_selection(self.env)
        return [*labels, ("unanswered", self.env._("No Answer"))]

    @api.depends("state", "request_id.state")
    def _compute_answer(self):
        for approver in self:
            # Whoever sees the person sees whether they are asked still.
            ended = approver.request_id.sudo().state != "pending"
            is_open = approver.state in ("waiting", "asked")
            approver.answer = "unanswered" if ended and is_open else approver.state

    @api.depends("state")
    def _compute_mail_state(self):
        last = self.env["customer.approval.mailing"]._get_last(self)
        opened, handed_over = {}, set()
        events = self.env["customer.approval.event"].search_fetch(
            [
                ("kind", "in", ("opened", "mail_sent")),
                ("request_id", "in", self.request_id.ids),
            ],
            ["kind", "request_id", "details", "occurred_on"],
            order="id",
        )
        counts = self.env["customer.approval.repetition"]._get_counts(events)
        for event in events:
            if event.kind == "opened":
                key = (event.details or {}).get("approver")
                opened[key] = counts[event.id][1] or event.occurred_on
            else:
                handed_over.add(event.request_id)
        for approver in self:
            mailing = last.get(approver)
            seen = opened.get(approver.id)
            has_failed = mailing and mailing.state in ("failed", "bounced")
            state = False
            if approver._get_decision():
                state = "answered"
            elif has_failed and not (seen and seen >= mailing.changed_on):
                state = "failed"
            elif seen:
                state = "opened"
            elif mailing:
                state = "sent" if mailing.state == "accepted" else "queued"
            elif approver.request_id in handed_over:
                state = "handed_over"
            approver.mail_state = state
            approver.mail_reason = mailing.reason if state == "failed" else False

    @api.depends("remarks")
    def _compute_remarks_text(self):
        for approver in self:
            # Whoever sees the answer sees what it is about.
            content = approver.request_id.sudo().content or {}
            names = {
                str(line["line_id"]): content_tools.line_name(line)
                for line in ledger.flat(content).get("lines", [])
            }
            approver.remarks_text = "\n".join(
                f"{names.get(key) or self.env._('Item')}: {text}"
                for key, text in (approver.remarks or {}).items()
            )

    # ------------------------------------------------------------------
    # Insert only by our own methods
    # ------------------------------------------------------------------

    @api.model
    def _get_triggers(self):
        frozen = [*ledger.APPROVER_FIELDS, "request_id", "origin"]
        answer = [*ledger.ANSWER_FIELDS]
        proofs = self._fields["proof_ids"].relation
        return [
            *super()._get_triggers(),
            *triggers.unalterable(self._table, rows=False),
            *triggers.unalterable(proofs),
            triggers.Trigger(
                self._table,
                "evidence",
                "BEFORE INSERT OR UPDATE",
                "customer_approval_approver",
                [
                    json.dumps(sorted(frozen)),
                    json.dumps(sorted(answer)),
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
            self.env["customer.approval.request"]._refuse_writing()
        empty = {
            name: False
            for name, field in self._fields.items()
            if field.store
            and not (field.compute or field.related or name in models.MAGIC_COLUMNS)
        }
        vals_list = [{**empty, "token_number": 1, **vals} for vals in vals_list]
        approvers = super().create(vals_list)
        approvers.flush_recordset()
        return approvers

    def write(self, vals):
        if not isinstance(vals, EvidenceValues):
            self.env["customer.approval.request"]._refuse_writing()
        return super().write(vals)

    def unlink(self):
        # Not api.ondelete, which a context key switches off.
        if self:
            self.env["customer.approval.request"]._refuse_writing()
        return super().unlink()

    def _record(self, values, *entries):
        """Write events, and on the approvers what they say: see the request's."""
        approvers = self.sudo()  # nobody has write access
        approvers.flush_recordset()
        self.env["customer.approval.event"].sudo()._append(list(entries))
        approvers.write(values)
        approvers.flush_recordset()

    def _export_evidence(self):
        """Return the approvers as plain data, by request, from the database itself."""
        if not self:
            return {}
        self.flush_recordset()
        columns = (
            "request_id",
            "origin",
            "state",
            *ledger.APPROVER_FIELDS,
            *ledger.ANSWER_FIELDS,
            *ledger.PERSONAL_FIELDS,
        )
        rows = self.env.execute_query_dict(
            SQL(
                "SELECT %s FROM customer_approval_approver"
                " WHERE id = ANY(%s) ORDER BY id",
                SQL(", ").join(SQL.identifier(name) for name in columns),
                list(self.ids),
            )
        )
        Request = self.env["customer.approval.request"]
        proofs = Request._read_relation("proof_ids", self)
        described = Request._describe_files(set().union(*proofs.values(), []))
        result = {}
        for row in rows:
            if row["decided_on"]:
                row["decided_on"] = row["decided_on"].isoformat(" ")
            if row["signature"]:
                row["signature"] = ledger.sha256(bytes(row["signature"]))
            row["proofs"] = [
                described[key] for key in sorted(proofs.get(row["id"], []))
            ]
            result.setdefault(row.pop("request_id"), []).append(row)
        return result

    # ------------------------------------------------------------------
    # Who is asked
    # ------------------------------------------------------------------

    def _get_time_zone(self):
        """Return the time zone in which the person reads times, and days end."""
        self.ensure_one()
        partner = self.partner_id.sudo()  # their days are their request's matter
        return (
            partner.tz
            or partner.commercial_partner_id.tz
            or self.request_id._get_time_zone()
        )

    def _is_open(self):
        """Return whether the person is asked, and has not answered."""
        self.ensure_one()
        return self.state == "asked" and self.request_id.state == "pending"

    def _filter_counted(self):
        """Return those whose answers count: not who passed it on or was let go."""
        return self.filtered(lambda a: a.state not in ("removed", "passed_on"))

    def _filter_reached(self):
        """Return those who may know that they are asked: not those whose mail waits in
        our own queue, and goes no further."""
        last = self.env["customer.approval.mailing"]._get_last(self)
        return self.filtered(lambda a: a not in last or last[a].state != "queued")

    def _get_decision(self):
        self.ensure_one()
        return self.state if self.state in ledger.DECISIONS else None

    def _acts_for(self, partner):
        """Return those of these approvers in whose place a contact who is logged in
        answers: their own, or that of their company."""
        own = self.filtered(lambda a: a.partner_id == partner)
        return own or self.filtered(
            lambda a: a.partner_id == partner.commercial_partner_id
        )

    # ------------------------------------------------------------------
    # Links
    # ------------------------------------------------------------------

    @capability.required
    def _change_links(self):
        """Let the links that were sent until now stop."""
        for approver in self.sudo():  # the link is no evidence
            approver.write(EvidenceValues(token_number=approver.token_number + 1))

    def _check_address(self):
        """Tell staff who remind somebody that the mail would go to the address that
        was there when the person was asked, and that the evidence holds.

        :raise UserError: it has changed since
        """
        for approver in self.sudo():  # no sender may read them
            address = approver.partner_id.email_normalized
            if approver.email and address != approver.email:
                raise UserError(
                    self.env._(
                        "The e-mail address of %(name)s has changed since they were "
                        "asked. Use “Change Address” on the request, or request "
                        "approval anew.",
                        name=approver.partner_id.name,
                    )
                )

    # ------------------------------------------------------------------
    # One-time codes
    # ------------------------------------------------------------------

    @capability.required
    def _prepare_code(self):
        """Make a one-time code for the person, and the mail with it. The mail is kept
        nowhere: neither as a message, which its author may read, nor in the queue; and
        whoever writes templates does not get the code.

        :return: the mail, for ``_mail_code()``
        :raise UserError: too many wrong codes were entered a while ago, or the person
            has no address
        """
        self.ensure_one()
        approver = self.sudo()  # nobody may see or write codes
        approver._lock()
        approver._check_code_pause()
        if not approver.email:
            raise UserError(
                self.env._("We cannot mail a code to you. Please ask your contact.")
            )
        code = f"{secrets.randbelow(10**6):06}"
        now = fields.Datetime.now()
        approver.write(
            EvidenceValues(
                code_until=fields.Datetime.add(now, minutes=CODE_MINUTES), code_tries=0
            )
        )
        digest = links.code_digest(approver, code)
        approver.write(EvidenceValues(code_digest=digest))
        return approver._build_code_mail(code)

    def _build_code_mail(self, code):
        template = self.env.ref("customer_approval_gate.mail_template_code").sudo()
        place = secrets.token_hex(8)
        rendered = template.with_context(code=place)._generate_template(
            self.ids, ("subject", "body_html", "email_from")
        )[self.id]
        body = str(rendered["body_html"]).replace(place, code)
        server = self.env["ir.mail_server"].sudo()  # mail for customers, who wait
        return server._build_email__(
            rendered["email_from"],
            [self._format_address()],
            rendered["subject"],
            body,
            subtype="html",
            body_alternative=html2plaintext(body),
            headers={"Auto-Submitted": "auto-generated"},
        )

    @capability.required
    def _mail_code(self, message):
        """Send a code at once: whoever wants it waits for it, and not for long. The
        caller has committed, as nobody may wait behind a lock. That it was sent is
        written beside the transaction.

        :raise UserError: the mail server does not take it, or not in time
        """
        server = self.env["ir.mail_server"].sudo()  # as above
        try:
            if server._disable_send():
                server.send_email(message)  # nowhere, so there is nothing to wait for
            else:
                mails.within(
                    mails.SECONDS,
                    functools.partial(_send_mail, self.env.cr.dbname, message),
                )
        except (OSError, MailDeliveryException, smtplib.SMTPException) as error:
            _logger.warning("A one-time code could not be sent", exc_info=True)
            raise UserError(
                self.env._(
                    "The code could not be sent. Please try again in a few minutes, or "
                    "ask your contact."
                )
            ) from error
        self.env["customer.approval.event"]._append_beside(
            [_make_entry(self.sudo(), "code_sent", recipients=self.sudo().email)]
        )

    def _format_address(self):
        """Return the person and the address that mails to them go to."""
        self.ensure_one()
        name = " ".join((self.partner_id.name or "").split())
        return formataddr((name, self.email)) if self.email else name

    def _confirm_code(self, code):
        """Return whether the code is the one that was mailed last. It is good once.

        :raise UserError: it is too late, or it was tried too often
        """
        self.ensure_one()
        approver = self.sudo()  # nobody may see or write codes
        approver._lock()
        approver._check_code_pause()
        if not approver.code_digest or approver.code_until < fields.Datetime.now():
            raise UserError(
                self.env._("This code is no longer good. Please have a new one sent.")
            )
        if links.is_code(approver, code):
            approver.write(
                EvidenceValues(code_digest=False, code_tries=0, code_failures=0)
            )
            _append_event(approver, "code_confirmed")
            return True
        tries = approver.code_tries + 1
        values = EvidenceValues(code_tries=tries)
        if tries >= CODE_TRIES:
            failures = approver.code_failures + 1
            pause = CODE_MINUTES * 2 ** min(failures - 1, 8)
            values |= {
                "code_digest": False,
                "code_failures": failures,
                "code_blocked_until": fields.Datetime.add(
                    fields.Datetime.now(), minutes=pause
                ),
            }
        approver.write(values)
        _append_event(approver, "code_failed")
        return False

    def _lock(self):
        # Who tries codes at the same time is served one after the other.
        self.env.cr.execute(
            SQL(
                "SELECT FROM customer_approval_approver WHERE id = ANY(%s) FOR UPDATE",
                list(self.ids),
            )
        )
        self.invalidate_recordset()

    def _check_code_pause(self):
        until = self.code_blocked_until
        if until and until > fields.Datetime.now():
            minutes = int((until - fields.Datetime.now()).total_seconds() // 60) + 1
            raise UserError(
                self.env._(
                    "Too many wrong codes were entered. Please try again in "
                    "%(minutes)s minutes.",
                    minutes=minutes,
                )
            )

    # ------------------------------------------------------------------
    # The answer
    # ------------------------------------------------------------------

    def _prepare_answer(self, answer, decided_on, declined):
        _user_id, personal, _method = self.env["customer.approval.event"]._get_actor()
        signature = False
        if answer.signature:
            # One way to write it, so that the image alone gives its digest.
            signature = base64.b64encode(base64.b64decode(answer.signature))
        agrees = answer.decision in ledger.DECISIONS[:2]
        is_own = answer.method not in ("recorded", "online_payment")
        return {
            "state": answer.decision,
            "decided_on": decided_on,
            "decided_by_name": clean_name(answer.name),
            "decided_by_id": answer.partner.id if answer.partner else False,
            "decision_method": answer.method,
            "witness_id": answer.witness.id if answer.witness else False,
            # What staff record, or a payment provider reports, comes from neither the
            # customer's computer nor their browser.
            "decision_ip": is_own and personal.get("ip"),
            "decision_user_agent": is_own and personal.get("user_agent"),
            # Only our form shows words to agree to.
            "consent": agrees
            and answer.method in CONSENTING_METHODS
            and self.request_id._get_consent(self),
            "proposed_name": False,
            "proposed_email": False,
            # What was typed for another answer is hidden by this one, and not meant.
            "reason": not agrees and (answer.reason or "").strip() or False,
            "conditions": answer.decision == "approved_conditions"
            and (answer.conditions or "").strip()
            or False,
            "category_id": not agrees and answer.category and answer.category.id,
            "remarks": answer.remarks or False,
            "declined": declined or False,
            "signature": signature,
        }

    def _record_answer(self, answer, decided_on, declined):
        """Keep what the person answered, as an event and beside it.

        :param declined: the ids of the optional lines that are not wanted
        :return: how sure it is who answered
        """
        self.ensure_one()
        request = self.request_id
        values = EvidenceValues(self._prepare_answer(answer, decided_on, declined))
        plain = {
            name: fields.Datetime.to_string(decided_on)
            if name == "decided_on"
            else values[name] or None
            for name in ledger.ANSWER_FIELDS
        }
        proofs = (answer.proofs or self.env["ir.attachment"]).sorted("id")
        described = request._describe_files(proofs.ids)
        plain["proofs"] = [described[key] for key in proofs.ids]
        level = ledger.LEVEL_OF_METHOD[answer.method]
        if answer.method == "online_signature" and answer.partner:
            level = "login"
        event = Entry(
            request._get_document(),
            "answered",
            request,
            decision=answer.decision,
            method=answer.method,
            text=values["conditions"] or values["reason"] or "",
            details={
                "approver": self.id,
                "answer": ledger.answer_digest(plain),
                "level": level,
                **self._get_lateness(),
            },
            personal=request._get_personal(values),
            occurred_on=decided_on,
        )
        if proofs:
            values["proof_ids"] = [fields.Command.set(proofs.ids)]
        self._record(values, event)
        return level

    def _get_lateness(self):
        """Return what is recorded of an answer after the document's own last day."""
        document = self.request_id._get_document()
        if not document._is_too_late():
            return {}
        day = document._get_last_day_to_approve()
        return {"late": fields.Date.to_string(day)}

    # ------------------------------------------------------------------
    # Passing it on
    # ------------------------------------------------------------------

    def _get_known_domains(self):
        """Return the domains of mail addresses at the customer's company: those of the
        company itself, not of whoever is a contact there."""
        self.ensure_one()
        customer = self.request_id.partner_id.commercial_partner_id
        if not customer.is_company:
            return set()
        domains = {email_domain_extract(customer.email or "")}
        if customer.website:
            domains.add(
                (urls.url_parse(customer.website).host or "").removeprefix("www.")
            )
        return {
            domain
            for domain in domains
            if domain and domain.split(".")[0] not in PUBLIC_PROVIDERS
        }

    @capability.required
    def _pass_on(self, name, email):
        """Let a colleague answer in this person's place. Where their address is none
        of the customer's company, staff have to confirm it first.

        :return: whether it was done; else it waits for staff
        :raise UserError: it cannot be passed on
        """
        self.ensure_one()
        approver = self.sudo()  # customers have no access; the caller identified them
        approver.request_id._lock_with_document()
        if not approver._is_open():
            raise UserError(self.env._("You have answered, or passed it on already."))
        name, address = clean_name(name), email_normalize(email or "")
        if not name or not address:
            raise UserError(self.env._("Please enter the name and the e-mail address."))
        if address in approver.request_id.approver_ids._filter_counted().mapped(
            "email"
        ):
            raise UserError(self.env._("This person is asked already."))
        if self._find_staff([address]):
            raise UserError(
                self.env._("This is an address of ours: only you can approve.")
            )
        if email_domain_extract(address) in approver._get_known_domains():
            capability.call(
                approver._move_to, approver._find_or_create_colleague(name, address)
            )
            return True
        approver.write(EvidenceValues(proposed_name=name, proposed_email=address))
        _append_event(approver, "pass_on_proposed", to=f"{name} <{address}>")
        approver.request_id._tell_staff(
            self.env._(
                "%(name)s wants %(other)s (%(address)s) to approve instead. The "
                "address is none of the customer's: confirm or refuse it on the "
                "request.",
                name=approver.partner_id.name,
                other=name,
                address=address,
            ),
            topic="proposal",
        )
        return False

    def _find_or_create_colleague(self, name, address):
        customer = self.request_id.partner_id.commercial_partner_id
        Partner = self.env["res.partner"]
        partner = Partner.search(
            [
                ("email_normalized", "=", address),
                ("commercial_partner_id", "=", customer.id),
            ],
            limit=1,
        )
        return partner or Partner.create(
            {
                "name": name,
                "email": address,
                "parent_id": customer.id,
                "type": "contact",
                "lang": self.partner_id.lang,
                "company_id": customer.company_id.id,
            }
        )

    @api.model
    def _find_staff(self, addresses):
        """Return the members of staff who have one of these addresses."""
        users = self.env["res.users"].sudo()  # whoever they are
        return users.search(
            Domain("share", "=", False)
            & Domain("partner_id.email_normalized", "in", [*filter(None, addresses)])
        )

    @api.model
    def _check_no_staff(self, partners):
        """Nobody asks themselves, or a colleague.

        :raise UserError: one of these contacts is of our own staff
        """
        partners = partners.sudo()  # their users are nobody's matter
        staff = self._find_staff(partners.mapped("email_normalized"))
        addresses = set(staff.partner_id.mapped("email_normalized"))
        for partner in partners:
            if partner.email_normalized in addresses or any(
                user._is_internal() for user in partner.user_ids
            ):
                raise UserError(
                    self.env._(
                        "%(name)s is of your own staff, or has the address of somebody "
                        "who is: ask the customer.",
                        name=partner.display_name,
                    )
                )

    @capability.required
    def _move_to(self, partner):
        """Let somebody else answer in this person's place: the link moves.

        :raise UserError: they are asked already, or are staff
        """
        self.ensure_one()
        request = self.request_id
        self._check_no_staff(partner)
        if partner.email_normalized in request.approver_ids._filter_counted().mapped(
            "email"
        ):
            raise UserError(self.env._("This person is asked already."))
        other = self.create(
            [
                EvidenceValues(
                    request_id=request.id,
                    partner_id=partner.id,
                    email=partner.email_normalized,
                    sequence=self.sequence,
                    is_outsider=request._is_outsider(partner),
                    origin="passed_on",
                    state="asked",
                )
            ]
        )
        exported = other._export_evidence()[request.id][0]
        event = Entry(
            request._get_document(),
            "passed_on",
            request,
            text=f"{self.partner_id.name} → {partner.name}",
            details={
                "from": self.id,
                "approver": other.id,
                "frozen": ledger.approver_digest(exported),
            },
        )
        self._record(
            EvidenceValues(
                state="passed_on", proposed_name=False, proposed_email=False
            ),
            event,
        )
        capability.call(self._change_links)
        request._get_document()._close_for_staff("proposal")
        request._subscribe_approvers()
        request._post_on_document(
            self.env._(
                "%(name)s passed %(request)s on to %(other)s.",
                name=self.partner_id.name,
                request=request.name,
                other=partner.name,
            )
        )
        request._mail("passed_on", other, other=self.partner_id.name)
        return other

    def action_confirm_pass_on(self):
        """Confirm, as staff, that the colleague who was named may answer, and tell
        whoever named them.

        :raise AccessError: the user may not ask for approvals either
        """
        for approver in self:
            own = approver._check_staff()
            own._check_proposal()
            other = capability.call(
                own._move_to,
                own._find_or_create_colleague(own.proposed_name, own.proposed_email),
            )
            own.request_id._mail(
                "proposal_confirmed", own, other=other.partner_id.display_name
            )

    def action_refuse_pass_on(self):
        """Open the dialog that asks why somebody else may not answer."""
        self.ensure_one()
        self._check_staff()._check_proposal()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Refuse the Proposed Substitute"),
            "res_model": "customer.approval.refuse.proposal",
            "view_mode": "form",
            "target": "new",
            "context": {**self.env.context, "default_approver_id": self.id},
        }

    def _check_proposal(self):
        if not self.proposed_email or not self._is_open():
            raise UserError(self.env._("Nobody is named there to pass it on to."))

    @capability.required
    def _refuse_proposal(self, reason):
        """Refuse, as staff, that somebody else answers: the person stays asked, and is
        told.

        :param str reason: they read it
        :raise AccessError: the user may not ask for approvals either
        :raise UserError: there is no reason, or nobody is proposed
        """
        own = self._check_staff()
        own.request_id._lock_with_document()
        own._check_proposal()
        reason = (reason or "").strip()
        if not reason:
            raise UserError(
                self.env._(
                    "Please say why: %(name)s reads it.", name=own.partner_id.name
                )
            )
        name = own.proposed_name
        event = _make_entry(own, "pass_on_refused")
        own._record(
            EvidenceValues(proposed_name=False, proposed_email=False),
            replace(event, text=reason),
        )
        own.request_id._get_document()._close_for_staff("proposal")
        own.request_id._mail("proposal_refused", own, other=name, reason=reason)

    # ------------------------------------------------------------------
    # A mail that did not arrive
    # ------------------------------------------------------------------

    def action_retry_mail(self):
        """Send the mail that failed once more, or another one where it is gone.

        :raise AccessError: the user may not ask for approvals either
        """
        mailings = self.env["customer.approval.mailing"]
        for approver in self:
            own = approver._check_staff()
            own.request_id._check_open()
            own._check_asked()
            last = mailings._get_last(own).get(own, mailings)
            if last.state == "failed" and last.mail_id:
                last._retry()
            elif last.state != "queued":
                own._check_address()
                capability.call(own.request_id._remind, own)
            own.request_id._get_document()._close_for_staff("mail", "bounced")

    def action_change_address(self):
        """Open the dialog that corrects a person's address."""
        self.ensure_one()
        self._check_staff()._check_asked()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Change Address"),
            "res_model": "customer.approval.address",
            "view_mode": "form",
            "target": "new",
            "context": {**self.env.context, "default_approver_id": self.id},
        }

    def _change_address(self, email):
        """Ask the same person at another address: what went to the old one stops.

        :param str email: what was typed
        :raise AccessError: the user may not ask for approvals either
        :raise UserError: it is no address, or somebody else's, or nobody is asked
        :return: the new approver
        """
        own = self._check_staff()
        request = own.request_id
        request._lock_with_document()
        request._check_open()
        own._check_asked()
        address = email_normalize(email or "")
        if not address:
            raise UserError(
                self.env._(
                    "“%(email)s” is not an e-mail address. Enter one for %(partner)s.",
                    email=email or "",
                    partner=own.partner_id.display_name,
                )
            )
        if address == own.email:
            return own
        others = request.approver_ids._filter_counted() - own
        if address in others.mapped("email"):
            raise UserError(
                self.env._("Somebody else is asked at this address already.")
            )
        if self._find_staff([address]):
            raise UserError(
                self.env._("This is an address of your own staff: ask the customer.")
            )
        if own.partner_id.email_normalized != address:
            # As in the form of the contact, by whoever may write it.
            partner = own.partner_id.with_env(self.env(su=False))
            if not partner.has_access("write"):
                raise UserError(
                    self.env._(
                        "You may not change contacts. Let somebody who may correct the "
                        "address of %(name)s, then come back here; or ask on your "
                        "screen.",
                        name=own.partner_id.name,
                    )
                )
            partner.email = address
        new = capability.call(request._replace_approver, own)
        request._get_document()._close_for_staff("mail", "bounced")
        request._send(approvers=new)
        return new

    def _check_asked(self):
        """
        :raise UserError: the person has nothing to answer at the moment
        """
        if not self._is_open():
            raise UserError(
                self.env._(
                    "%(name)s has nothing to answer at the moment.",
                    name=self.display_name,
                )
            )

    def action_remind(self):
        """Mail the link again to these people, where they have not answered.

        :raise AccessError: the user may not ask for approvals either
        """
        for approver in self:
            own = approver._check_staff()
            own.request_id._check_open()
            own._check_asked()
            own._check_address()
            capability.call(own.request_id._remind, own)

    def _check_staff(self):
        """Return the approver with superuser rights, if the user may handle the
        request: whoever may work on the document may."""
        self.ensure_one()
        own = self.sudo()
        own.request_id._check_may_handle(self.env)
        return own


# Functions and no methods: the code of server actions could call those.


def _make_entry(approver, kind, **personal):
    """Return an event about one person who is asked."""
    return Entry(
        approver.request_id._get_document(),
        kind,
        approver.request_id,
        details={"approver": approver.id},
        personal={"name": approver.partner_id.name, **personal},
    )


def _append_event(approver, kind, **personal):
    events = approver.env["customer.approval.event"].sudo()  # whoever causes it
    events._append([_make_entry(approver, kind, **personal)])


def _send_mail(dbname, message):
    """Send a mail in a thread of its own, which has a connection of its own."""
    with sql_db.db_connect(dbname).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        env["ir.mail_server"].send_email(message)
