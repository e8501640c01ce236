# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import functools
import logging
import secrets
import smtplib

from odoo import SUPERUSER_ID, api, fields, models, sql_db
from odoo.exceptions import UserError
from odoo.tools import (
    SQL,
    html2plaintext,
)

from odoo.addons.base.models.ir_mail_server import MailDeliveryException

from ...tools import (
    capability,
    links,
    mails,
)
from ...tools.event_data import EvidenceValues, append_of, entry_of

_logger = logging.getLogger(__name__)

CODE_MINUTES = 10
CODE_TRIES = 5


class CustomerApprovalCodeMixin(models.AbstractModel):
    """One-time codes, by which whoever has a link shows that the mailbox is theirs.

    Of its host, the approver, it asks ``email``, ``partner_id`` and ``request_id``.
    """

    _name = "customer.approval.code.mixin"
    _description = "One-Time Codes"

    code_digest = fields.Char(groups=fields.NO_ACCESS)

    code_until = fields.Datetime(groups=fields.NO_ACCESS)

    code_tries = fields.Integer(groups=fields.NO_ACCESS)

    code_failures = fields.Integer(groups=fields.NO_ACCESS)

    code_blocked_until = fields.Datetime(groups=fields.NO_ACCESS)

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
            [entry_of(self.sudo(), "code_sent", recipients=self.sudo().email)]
        )

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
            append_of(approver, "code_confirmed")
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
        append_of(approver, "code_failed")
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


def _send_mail(dbname, message):
    """Send a mail in a thread of its own, which has a connection of its own."""
    with sql_db.db_connect(dbname).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        env["ir.mail_server"].send_email(message)
