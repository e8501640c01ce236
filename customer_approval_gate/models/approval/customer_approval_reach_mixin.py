# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import (
    email_normalize,
)

from ...tools import (
    capability,
)


class CustomerApprovalReachMixin(models.AbstractModel):
    """Whether the mail with the link has reached whoever is asked, and what staff do
    where it has not.

    Of its host, the approver, it asks ``email``, ``partner_id``, ``request_id`` and
    ``_is_open()``.
    """

    _name = "customer.approval.reach.mixin"
    _description = "Whether Somebody Is Reached"

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

    def _filter_reached(self):
        """Return those who may know that they are asked: not those whose mail waits in
        our own queue, and goes no further."""
        last = self.env["customer.approval.mailing"]._get_last(self)
        return self.filtered(lambda a: a not in last or last[a].state != "queued")

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
