# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_date

from ...tools import capability, ledger, moments
from ...tools.event_data import EventData, EvidenceValues


class CustomerApprovalHandlingMixin(models.AbstractModel):
    """What staff do with a request, and how it ends without an answer.

    Of its host, the request, it asks ``approver_ids``, ``state``, ``deadline``,
    ``_record()``, ``_mail()`` and ``_get_document()``.
    """

    _name = "customer.approval.handling.mixin"
    _description = "What Staff Do with a Request"

    is_overdue = fields.Boolean(
        string="Time to Answer Over",
        compute="_compute_is_overdue",
        search="_search_is_overdue",
    )

    # ------------------------------------------------------------------
    # Ends without an answer
    # ------------------------------------------------------------------

    @capability.required
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
                EventData(request._get_document(), "withdrawn", request, text=reason)
                for request in pending
            ),
        )
        capability.call(pending.approver_ids._change_links)
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

    @capability.required
    def _after_content_change(self):
        """What was asked, or approved, is no longer what the document says."""
        capability.call(self._withdraw, self.env._("The document was changed."))
        capability.call(
            self._end_approval,
            "lapsed",
            self.env._("The document was changed."),
            self.env._(
                "The document was changed, so that the customer's answer counts no "
                "more. Request customer approval again."
            ),
        )

    @capability.required
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
                and not document._is_cancelled()
                and document._is_past_gate()
            ):
                raise UserError(document._approved_content_message(request))
        if kind not in ledger.LAPSES:
            raise ValueError(f"{kind} ends no approval")
        lapsed_on = fields.Datetime.now()
        approved._record(
            EvidenceValues(lapsed_on=lapsed_on),
            *(
                EventData(
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

    @capability.required
    def _expire(self):
        """End requests whose time is over, without an answer."""
        self._record(
            EvidenceValues(state="expired"),
            *(
                EventData(request._get_document(), "expired", request, method="cron")
                for request in self
            ),
        )
        for request in self:
            document = request._get_document()
            text = self.env._(
                "Request %(request)s expired without an answer.", request=request.name
            )
            document.message_post(body=text)
            document._schedule_for_staff(
                "mail.mail_activity_data_todo",
                request._get_told_users(),
                topic="expired",
                summary=self.env._("The customer has not answered: ask again"),
                note=text,
            )

    @api.model
    def _cron_expire(self):
        """Expire requests whose last day is over where they are asked. Silence is never
        consent."""
        requests = self.search(
            [("state", "=", "pending"), ("is_overdue", "=", True)], order="deadline, id"
        )
        self.env["customer.approval.failure"]._run(
            "expire", requests, lambda request: request._expire_overdue()
        )

    def _expire_overdue(self):
        """Expire the request, if nobody has answered or extended it meanwhile."""
        request = self.try_lock_for_update()
        if request and request._is_expired() and request.state == "pending":
            capability.call(request._expire)

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_verify(self):
        """Recompute all digests of the evidence about the document, and say whether
        they fit."""
        self._check_has_document()
        return self._get_document().action_verify_customer_approval()

    def action_view_document(self):
        """Open the document the request is about."""
        self._check_has_document()
        return self._get_document().get_formview_action()

    def _check_has_document(self):
        """
        :raise UserError: the addon that asks about documents like this has left
        """
        self.ensure_one()
        if not self._has_document():
            self._get_document().check_access("read")

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
            capability.call(request._remind, waiting)

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

    @capability.required
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
            told = asked._filter_reached()
            capability.call(request._withdraw, reason)
            request._mail("withdrawn", told)

    @capability.required
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
        if deadline and all(
            moments.is_over(deadline, approver._get_time_zone())
            for approver in request.approver_ids
        ):
            raise UserError(
                self.env._("The deadline has passed already. Choose a later day.")
            )
        deadline = request._get_document()._limit_deadline(deadline)
        old, new = (
            fields.Date.to_string(value) or None
            for value in (request.deadline, deadline)
        )
        if old == new:
            return
        request._record(
            EvidenceValues(deadline=deadline),
            EventData(
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

    def _is_expired(self, approver=None):
        """Return whether the time to answer is over: for one person by their own clock,
        for the request when the last one's day is over.

        :param approver: the person who answers
        """
        self.ensure_one()
        if self.state != "pending":
            return self.state == "expired"
        # Whoever sees the request sees whether it is over, if not who is asked.
        request = self.sudo()
        asked = (approver or request.approver_ids).sudo()
        asked = asked.filtered(lambda a: a.state in ("asked", "waiting"))
        zones = {own._get_time_zone() for own in asked} or {request._get_time_zone()}
        return all(moments.is_over(request.deadline, zone) for zone in zones)

    @api.depends("deadline", "state")
    def _compute_is_overdue(self):
        for request in self:
            request.is_overdue = request._is_expired()

    @api.model
    def _search_is_overdue(self, operator, value):
        if operator != "in":
            return NotImplemented
        # In no time zone is a day over before it has begun in all.
        tomorrow = fields.Date.add(fields.Date.today(), days=1)
        candidates = self.sudo().search(  # as above; rules come on top
            [("state", "=", "pending"), ("deadline", "<", tomorrow)]
        )
        overdue = candidates.filtered(lambda request: request._is_expired())
        domain = Domain("state", "=", "expired") | Domain("id", "in", overdue.ids)
        return domain if True in value else ~domain
