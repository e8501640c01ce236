# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import hmac
import smtplib
from datetime import timedelta
from operator import methodcaller

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ...tools import capability, seal
from ...tools.event_data import EventData, EvidenceValues

# As long as no mail takes: whoever is at it after that was killed.
INTERRUPTED_MINUTES = 15
# Over some four days, see customer.approval.failure.
TRIES = 8
# What Odoo knows will never work.
FINAL_FAILURES = ("mail_email_invalid", "mail_email_missing")
# Mails that ask for an answer: nobody gets one who has nothing to answer any more.
ASKING = ("asked", "reminder", "changed", "passed_on", "new_link")


class CustomerApprovalMailing(models.Model):
    """One mail of ours to one person: whether it has left, and what became of it.

    Nobody waits for a mail server: a job hands mails over, one after the other, each in
    transactions of its own. What was handed over is never sent again, whatever else
    fails; what a mail server does not take is tried again, later and later.
    """

    _name = "customer.approval.mailing"
    _description = "Mail about a Customer Approval"
    _order = "id desc"
    _log_access = False

    res_model = fields.Char(string="Model", required=True, readonly=True)
    res_id = fields.Many2oneReference(
        string="Record", model_field="res_model", required=True, readonly=True
    )
    approver_id = fields.Many2one(
        "customer.approval.approver",
        readonly=True,
        index="btree_not_null",
        ondelete="cascade",
    )
    template = fields.Char(readonly=True, help="Which of our templates.")
    email = fields.Char(string="To", readonly=True)
    mail_id = fields.Many2one(
        "mail.mail", readonly=True, index="btree_not_null", ondelete="set null"
    )
    state = fields.Selection(
        [
            ("queued", "Queued"),
            ("sending", "Being Sent"),
            ("accepted", "Accepted by the Mail Server"),
            ("failed", "Failed"),
            ("bounced", "Bounced"),
            ("cancelled", "Not Needed Any More"),
        ],
        required=True,
        readonly=True,
        default="queued",
        index=True,
    )
    changed_on = fields.Datetime(readonly=True)
    tries = fields.Integer(readonly=True)
    reason = fields.Text(string="Why It Failed", readonly=True)
    is_final = fields.Boolean(
        readonly=True, help="It is not tried again by itself: somebody has to."
    )
    is_recorded = fields.Boolean(
        readonly=True, help="The event that says what became of it is written."
    )

    proof = fields.Char(
        groups=fields.NO_ACCESS,
        help="By it the server knows that what became of the mail is what it has seen.",
    )

    # ------------------------------------------------------------------
    # Written by our own functions only: events say what is written here
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        if not all(isinstance(vals, EvidenceValues) for vals in vals_list):
            self._refuse_writing()
        return super().create(vals_list)

    def write(self, vals):
        if not isinstance(vals, EvidenceValues):
            self._refuse_writing()
        return super().write(vals)

    @api.model
    def _refuse_writing(self):
        raise UserError(
            self.env._(
                "What became of mails is written by what happens. To send one again, "
                "use “Retry” on the request."
            )
        )

    # ------------------------------------------------------------------
    # Into the queue
    # ------------------------------------------------------------------

    @api.model
    @capability.required
    def _queue(self, record, mails, template, approver=None):
        """Let the job send mails, and keep in the evidence that they are queued.

        :param record: what they are about
        :param mails: ``mail.mail`` records, to one person each
        :param str template: which of our templates
        :param approver: the person who is asked, if it is to one
        :return: the new mailings
        """
        if not mails:
            return self.browse()
        mails.write({"auto_delete": False})  # its state says whether it was sent
        mailings = self.sudo().create(  # nobody writes them
            [
                EvidenceValues(
                    res_model=record._name,
                    res_id=record.id,
                    approver_id=approver.id if approver else False,
                    template=template,
                    email=approver.email
                    if approver
                    else mail.email_to or ", ".join(mail.recipient_ids.mapped("email")),
                    mail_id=mail.id,
                    changed_on=fields.Datetime.now(),
                    is_recorded=True,
                )
                for mail in mails
            ]
        )
        _append_events(mailings)
        self._start_job()
        return mailings

    @api.model
    def _start_job(self, moment=None):
        job = self.env.ref("customer_approval_gate.cron_mailings")
        job.sudo()._trigger(at=moment)  # the job's own: it is told that there is work

    @api.model
    def _find(self, mails):
        """Return the mailings of these mails."""
        if not mails:
            return self.browse()
        return self.sudo().search([("mail_id", "in", mails.ids)])  # nobody reads them

    # ------------------------------------------------------------------
    # Out of it
    # ------------------------------------------------------------------

    @api.model
    def _cron_send(self):
        """Hand over what is queued, and once more what a mail server did not take."""
        failures = self.env["customer.approval.failure"]
        interrupted = fields.Datetime.now() - timedelta(minutes=INTERRUPTED_MINUTES)
        mailings = self.search(
            Domain("state", "=", "queued")
            | Domain("is_recorded", "=", False)
            | (Domain("state", "=", "failed") & Domain("is_final", "=", False))
            | (
                Domain("state", "=", "sending") & Domain("changed_on", "<", interrupted)
            ),
            order="id",
        )
        failures._run(
            "mail",
            mailings,
            methodcaller("_send"),
            on_failure=lambda mailing, reason: mailing._notify_failure(),
        )
        if moment := failures._get_next_try("mail"):
            self._start_job(moment)

    def _send(self):
        """Hand the mail over, as the job does, and write the event of what became of
        it.

        :raise UserError: the mail server did not take it
        """
        self.ensure_one()
        mailing = self.try_lock_for_update()
        if not mailing:
            return  # somebody else is at it
        if mailing.state == "sending":
            _keep(
                mailing,
                "failed",
                self.env._(
                    "The server was stopped while it sent this mail. It may have "
                    "arrived, so it is not sent again by itself."
                ),
                is_final=True,
            )
        elif mailing.state in ("queued", "failed") and not mailing.is_final:
            mailing._hand_over()
        # What the mail server has taken stays taken, if the event cannot be written.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        if not mailing.is_recorded:
            _append_events(mailing)
            mailing.write(EvidenceValues(is_recorded=True))
            self.env.cr.commit()  # pylint: disable=invalid-commit
        if mailing.state == "failed":
            if mailing.is_final and mailing.tries > 1:
                mailing._notify_failure()  # it is not tried again by itself any more
                self.env.cr.commit()  # pylint: disable=invalid-commit
            raise UserError(mailing.reason or "")

    def _hand_over(self):
        mail = self.mail_id
        if self._is_needless() or not mail:
            _keep(self, "cancelled")
            mail.unlink()
            return
        _keep(self, "sending")
        self.write(EvidenceValues(tries=self.tries + 1))
        mail.state = "outgoing"
        if self.approver_id:
            # Whatever somebody has made of it in the queue: what the evidence says.
            mail.write(
                {
                    "email_to": self.approver_id._format_address(),
                    "email_cc": False,
                    "recipient_ids": [fields.Command.clear()],
                }
            )
        # Whoever is killed from here on has perhaps sent it: nobody sends it again.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        handing = capability.HandingOver(mail.message_id)
        try:
            with capability.hold(self.env, handing):
                mail._send_about_approval()
        except smtplib.SMTPServerDisconnected as error:
            mail.failure_reason = str(error)
        # What the mail itself says can be written, as by an automation.
        if mail.state == "sent" and handing.is_taken:
            _keep(self, "accepted")
            mail.unlink()  # its link is in no database any longer
        else:
            _keep(
                self,
                "failed",
                mail.failure_reason,
                is_final=mail.failure_type in FINAL_FAILURES or self.tries >= TRIES,
            )

    def _is_needless(self):
        """Return whether there is nothing to answer any more."""
        approver = self.approver_id
        return self.template in ASKING and approver and not approver._is_open()

    # ------------------------------------------------------------------
    # What staff see and do
    # ------------------------------------------------------------------

    def _notify_failure(self):
        """Put a failure on the list of things to do of whoever takes care of it."""
        self.ensure_one()
        record = self.env[self.res_model].browse(self.res_id).exists()
        if self.state != "failed" or not record:
            return
        values = {
            "record": record.display_name,
            "email": self.email,
            "reason": self.reason or "",
        }
        if self.is_final:
            note = self.env._(
                "The mail about %(record)s to %(email)s was not sent (%(reason)s). "
                "Send it again, correct the address, or ask on your screen.",
                **values,
            )
        else:
            note = self.env._(
                "The mail about %(record)s to %(email)s could not be sent "
                "(%(reason)s). It is tried again by itself; you can also correct the "
                "address, or ask on your screen.",
                **values,
            )
        record._notify_staff(note, topic="mail")

    def _retry(self):
        """Send what failed once more, now."""
        failed = self.filtered(lambda mailing: mailing.state == "failed")
        failed.write(EvidenceValues(is_final=False, tries=0))
        failures = self.env["customer.approval.failure"]
        for mailing in failed:
            failures._find("mail", mailing).unlink()
        self._start_job()

    @api.model
    def _get_last(self, approvers, asking=True):
        """Return the last mail to each of these people: ``{approver: mailing}``.

        :param bool asking: only those that ask for an answer
        """
        domain = Domain("approver_id", "in", approvers.ids)
        domain &= Domain("state", "!=", "cancelled")
        if asking:
            domain &= Domain("template", "in", ASKING)
        mailings = self.sudo().search(domain, order="id")  # nobody reads them
        return {mailing.approver_id: mailing for mailing in mailings}

    @api.autovacuum
    def _gc_sent(self):
        """Forget mails whose events say all there is to say."""
        limit = fields.Datetime.subtract(fields.Datetime.now(), days=365)
        self.search(
            [
                ("state", "in", ("accepted", "cancelled")),
                ("is_recorded", "=", True),
                ("changed_on", "<", limit),
            ],
            limit=10_000,
        ).unlink()


# Functions and no methods: the code of server actions could call those, and so let the
# server sign what has not happened.


def _keep(mailing, state, reason=None, is_final=False):
    """Keep what became of a mail, so that the event of it is written next."""
    changed_on = fields.Datetime.now()
    mailing.write(
        EvidenceValues(
            state=state,
            # Mail servers answer in several lines.
            reason=" ".join(reason.split()) if reason else False,
            is_final=is_final,
            changed_on=changed_on,
            is_recorded=state == "sending",
        )
    )
    mailing.write(EvidenceValues(proof=_make_proof(mailing)))


def _make_proof(mailing):
    return seal.make_token(
        "mailing",
        f"{mailing.id}:{mailing.state}:{mailing.changed_on}:{mailing.reason}",
    )


def _append_events(mailings):
    """Write the events of what became of mails to people who are asked."""
    entries = []
    for mailing in mailings.filtered("approver_id"):
        if mailing.state != "queued" and not hmac.compare_digest(
            mailing.proof or "", _make_proof(mailing)
        ):
            raise UserError(
                mailing.env._(
                    "Somebody has written what became of this mail: it is no event."
                )
            )
        request = mailing.approver_id.request_id
        entries.append(
            EventData(
                request._get_document(),
                f"mail_{mailing.state}",
                request,
                method="mail",
                text=mailing.template,
                details={"approver": mailing.approver_id.id, "mailing": mailing.id},
                # A mail server's reason has addresses in it.
                personal={
                    "recipients": mailing.approver_id._format_address(),
                    "reason": mailing.reason,
                },
                occurred_on=mailing.changed_on,
            )
        )
    # Whoever causes it.
    mailings.env["customer.approval.event"].sudo()._append(entries)
