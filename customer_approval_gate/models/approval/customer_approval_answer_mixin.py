# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from markupsafe import Markup

from odoo import fields, models
from odoo.exceptions import AccessError, LockError, UserError
from odoo.tools import format_date

from ...tools import capability, content as content_tools, ledger
from ...tools.event_data import Answer, EventData, EvidenceValues
from ...tools.languages import find_lang
from ...tools.ledger import DECISIONS
from ...tools.mails import MAIL_LATER
from ...tools.texts import clean_name, is_blank


class CustomerApprovalAnswerMixin(models.AbstractModel):
    """How the answers of those who are asked become the decision of their request.

    Of its host, the request, it asks ``approver_ids`` and the fields of a decision,
    ``_record()``, ``_send()``, ``_withdraw()`` and ``_get_document()``.
    """

    _name = "customer.approval.answer.mixin"
    _description = "How Answers Become a Decision"

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
        # Customers have no access, the caller identified them; and they wait for no
        # mail server.
        request = self.sudo().with_context(**MAIL_LATER)
        request._lock_with_document()
        # Evidence is made from what the database has: code before may have filled the
        # cache with what nobody answered.
        self.env.flush_all()
        self.env.invalidate_all()
        request._check_can_decide(answer)
        approver = request._get_answering(answer).with_env(request.env)
        declined = []
        if answer.chosen is not None and answer.decision in DECISIONS[:2]:
            approver, declined = request._choose(approver, answer.chosen)
            request = approver.request_id
        decided_on = fields.Datetime.now()
        approver._record_answer(answer, decided_on, declined)
        decision = capability.call(request._conclude, approver, decided_on)
        if not decision:
            request._after_partial_answer(approver)
        request._notify_live()
        if decision:
            request._get_document()._follow_answer(decision)
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
        capability.call(
            self._withdraw,
            self.env._("%(name)s chose other options.", name=approver.partner_id.name),
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

    @capability.required
    def _conclude(self, approver, decided_on):
        """End the round if the answers amount to a decision.

        :param approver: who answered last
        :return: the decision, or ``None`` while the round goes on
        """
        self.ensure_one()
        counted = self.approver_ids._filter_counted()
        decision = ledger.outcome(
            self._get_required(),
            self.rejection_ends or not self.rule,  # as it was before there were rules
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
        event = EventData(
            self._get_document(),
            "decided",
            self,
            decision=decision,
            method=approver.decision_method,
            text=values["conditions"] or values["reason"] or "",
            details={
                "answer": ledger.decision_digest(plain),
                "level": min(self._get_answer_levels(agreeing), key=ledger.LEVELS.get),
            },
            personal=self._get_personal(values),
            occurred_on=decided_on,
        )
        self._record(values, event)
        self._after_decision()
        return decision

    def _get_answer_levels(self, approvers):
        events = self.env["customer.approval.event"].sudo()  # evidence
        events = events.search(
            [("request_id", "=", self.id), ("kind", "=", "answered")]
        )
        return [
            event.details.get("level") or ledger.LEVEL_OF_METHOD[event.method]
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
        capability.call(self._ask_next)

    @capability.required
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
                EventData(
                    self._get_document(),
                    "turn_came",
                    self,
                    text=following.partner_id.name,
                    details={"approver": following.id},
                ),
            )
            self._send(approvers=following)

    def _notify_live(self):
        """Let the screens of staff that show the document show the answer at once."""
        self.ensure_one()
        events = self.env["customer.approval.event"].sudo()  # who handed it over
        handed = events.search(
            [("request_id", "=", self.id), ("kind", "=", "handed_over")]
        )
        users = self._get_told_users() | self.requested_by_id | handed.user_id
        bus = self.env["bus.bus"]
        for target in [*users.partner_id, self]:  # screens handed over hear the last
            bus._sendone(
                target,
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
        self._check_open(answer.approver)
        self._check_not_too_late(answer)
        if answer.decision not in DECISIONS:
            raise UserError(self.env._("Please choose one of the answers."))
        if not clean_name(answer.name):
            raise UserError(self.env._("Please enter your full name."))
        if answer.decision in ("rejected", "changes_requested") and is_blank(
            answer.reason
        ):
            raise UserError(
                self.env._("Please say why, so that we know what to change.")
            )
        if answer.decision == "approved_conditions" and is_blank(answer.conditions):
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

    def _check_not_too_late(self, answer):
        """
        :raise UserError: the document can be approved no longer
        """
        document = self._get_document()
        if (
            "approved" in answer.decision
            and document._is_too_late()
            and not self.company_id.customer_approval_late_allowed
        ):
            raise UserError(
                self.env._(
                    "This offer was valid until %(day)s. Please ask us for a new one.",
                    day=format_date(self.env, document._get_last_day_to_approve()),
                )
            )

    def _check_open(self, approver=None):
        """
        :param approver: the person who answers, whose day counts
        :raise UserError: the request does not wait for an answer any more
        """
        self.ensure_one()
        if self._is_expired(approver):
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
        in_their_language = self.with_context(
            lang=find_lang(self.env, partner.lang, self.lang)
        )
        return in_their_language.company_id._get_customer_approval_consent()

    def _after_decision(self):
        self.ensure_one()
        document = self._get_document()
        author = self.decided_by_id or self.partner_id
        capability.call(self.approver_ids._change_links)
        message = document.with_context(mail_create_nosubscribe=True).message_post(
            body=self._describe_decision(),
            author_id=author.id,
            # To be told is the point, so the salesperson is told by mail as well.
            partner_ids=self._get_told_users().partner_id.ids,
            subtype_xmlid="mail.mt_note",
        )
        self.message_post(body=message.body, author_id=author.id)
        document._close_for_staff(
            "answer", "expired", "bounced", "mail", "new_link", "proposal"
        )
        if self.state != "approved":
            self._schedule_follow_up(document)
        # Printing takes seconds and may fail: the answer waits for neither.
        self.env.ref("customer_approval_gate.cron_certificates").sudo()._trigger()

    def _get_told_users(self):
        document = self._get_document()
        for users in (self.user_id, self.requested_by_id):
            if staff := users.filtered(document._is_staff):
                return staff
        return document._get_staff()[:1]

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
        return Markup("<b>%s</b>") % text + self._describe_remarks()

    def _describe_remarks(self):
        """Return all that the customer said, for the chatter and for staff's lists of
        things to do."""
        body = Markup()
        if remark := self._describe_remark():
            body += Markup("<p>%s</p>") % remark
        names = {
            line["line_id"]: content_tools.line_name(line)
            for line in ledger.flat(self.content or {}).get("lines", [])
        }
        if remarks := self._get_line_remarks():
            body += Markup("<ul>%s</ul>") % Markup().join(
                Markup("<li>%s: %s</li>") % (names.get(key) or self.env._("Item"), text)
                for key, text in remarks.items()
            )
        return body

    def _schedule_follow_up(self, document):
        """Put the answer on the salesperson's list of things to do."""
        summary = {
            "approved_conditions": self.env._("Accept the customer's conditions"),
            "changes_requested": self.env._("Change what the customer asks for"),
            "rejected": self.env._("The customer has rejected: change and ask again"),
        }[self.state]
        document._schedule_for_staff(
            "mail.mail_activity_data_todo",
            self._get_told_users(),
            topic="answer",
            summary=summary,
            note=self._describe_remarks(),
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
        event = EventData(
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
        document._close_for_staff("answer")
        request._mail("conditions_accepted", request.approver_ids._filter_counted())
        document._follow_answer("approved")
