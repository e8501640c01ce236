# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict

from markupsafe import Markup

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tools import email_normalize

from ...tools import capability, links
from ...tools.event_data import EventData, EvidenceValues
from ...tools.languages import find_lang
from ...tools.mails import MAIL_LATER


class CustomerApprovalMailMixin(models.AbstractModel):
    """Whom a request's mails go to, and who reads its conversation.

    Of its host, the request, it asks to be a ``mail.thread``, ``approver_ids`` and
    ``_get_document()``.
    """

    _name = "customer.approval.mail.mixin"
    _description = "Mails and Conversation about a Request"

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

    def _send(self, template="asked", approvers=None):
        """Mail their links to those who are to answer now, in their languages.

        :param str template: which of our templates
        :param approvers: whom; by default all who have not answered
        """
        requests = self.sudo()  # whoever is asked; the callers checked who may ask
        if approvers is None:
            approvers = requests.approver_ids.filtered(
                lambda approver: approver.state == "asked"
            )
        requests._mail(template, approvers)

    @capability.required
    def _remind(self, approvers):
        """Mail the links again to those who have not answered.

        :param approvers: whom
        """
        requests = self.sudo()  # as above
        self.env["customer.approval.event"].sudo()._append(
            [
                EventData(
                    request._get_document(),
                    "reminded",
                    request,
                    method="mail",
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
        self._send("reminder", approvers)

    @api.model
    def _mail(self, kind, approvers, attachments=None, **values):
        """Mail people who are asked, each in their language and with their own link, as
        soon as the job gets to it.

        :param str kind: the template, without the prefix of its id
        :param attachments: ``ir.attachment`` records to go along
        :param values: what the template finds in ``ctx``
        """
        template = self.env.ref(f"customer_approval_gate.mail_template_{kind}").sudo()
        # No sender may read them. Whoever has no address was asked in person: the
        # callers made sure.
        for approver in approvers.sudo().filtered("email"):
            approver.request_id._notify_by_template(
                template.with_context(**values),
                kind,
                approver,
                approver.partner_id,
                attachments,
            )

    def _notify_by_template(self, template, kind, approver, partner, attachments):
        self.ensure_one()
        lang = find_lang(self.env, partner.lang, self.lang)
        rendered = template._generate_template(
            approver.ids, ("subject", "body_html", "email_from")
        )[approver.id]
        # As sale does: mail sent with superuser rights comes from the superuser, with
        # the salesperson as its author.
        own = approver.id if partner == approver.partner_id else None
        sender = self.with_user(SUPERUSER_ID)
        with capability.hold(self.env, capability.Mailing(own)):
            message = sender.with_context(lang=lang).message_notify(
                subject=rendered["subject"],
                body=rendered["body_html"],
                author_id=self.requested_by_id.partner_id.id,
                email_from=rendered["email_from"],
                partner_ids=partner.ids,
                # What is answered to it is no internal note.
                subtype_xmlid="mail.mt_comment",
                email_layout_xmlid=(
                    "mail.mail_notification_layout_with_responsible_signature"
                ),
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
        capability.call(
            self.env["customer.approval.mailing"]._queue,
            self,
            mails,
            kind,
            approver if own else None,
        )

    def _notify_get_recipients_groups(self, message, model_description, msg_vals=False):
        groups = super()._notify_get_recipients_groups(
            message, model_description, msg_vals=msg_vals
        )
        if not self:
            return groups
        self.ensure_one()
        own = []
        for approver in self.sudo().approver_ids._filter_counted():
            theirs = self.with_context(
                lang=find_lang(self.env, approver.partner_id.lang, self.lang)
            )
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
                            if capability.is_mailing(approver)
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
        if not self.env.user._is_internal():
            self = self.with_context(**MAIL_LATER)  # they wait for no mail server
        self._check_author(kwargs)
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

    def _check_author(self, values):
        """Refuse what staff write in somebody else's name, such as the customer's.

        :param values: of a message
        :raise AccessError: it says that somebody else wrote it
        """
        if self.env.su or not self.env.user._is_internal():
            return  # our own code, or what Odoo lets customers write
        own = self.env.user.partner_id
        author = values.get("author_id")
        address = values.get("email_from")
        if (
            values.get("author_guest_id")
            or (author and author != own.id)
            or (address and email_normalize(address) != own.email_normalized)
        ):
            raise AccessError(
                self.env._(
                    "You may write about an approval in your own name only. Leave the "
                    "author empty."
                )
            )

    def _get_resend_token(self):
        self.ensure_one()
        return links.resend_token(self)

    def _get_conversation_domain(self, reader):
        """Return the domain of the messages that a person reads on the page: one
        conversation a document, over all rounds. In it is what the customer's people
        wrote, and what was sent to any of them; never what staff wrote to each other.

        :param reader: the ``res.partner`` who reads. Contacts of the customer's company
            read all of it; others what was written since they were first asked.
        """
        self.ensure_one()
        request = self.sudo()  # of all rounds, and whoever was asked
        rounds = request.search(
            [("res_model", "=", request.res_model), ("res_id", "=", request.res_id)]
        )
        customer = request.partner_id.commercial_partner_id
        asked = rounds.approver_ids.filtered(lambda a: a.state != "removed")
        people = Domain.OR(
            Domain(field, operator, ids)
            for field in ("author_id", "partner_ids", "notified_partner_ids")
            for operator, ids in (
                ("child_of", customer.ids),
                ("in", asked.partner_id.ids),
            )
        )
        domain = people & Domain.OR(
            Domain(thread._fields["website_message_ids"].get_comodel_domain(thread))
            & Domain("res_id", "in", thread.ids)
            for thread in (
                rounds,
                *([request._get_document()] if request._has_document() else []),
            )
        )
        # As everywhere in the portal: no notes, nothing internal.
        domain &= Domain("subtype_id", "=", self.env.ref("mail.mt_comment").id)
        domain &= Domain(self.env["mail.message"]._get_search_domain_share())
        if reader.commercial_partner_id != customer:
            own = asked.filtered(lambda a: a.partner_id == reader)
            since = min(own.mapped("create_date"), default=request.create_date)
            domain &= Domain("date", ">=", since)
        return domain

    def _message_receive_bounce(self, email, partner):
        """Tell the salesperson that somebody who is asked cannot be reached."""
        result = super()._message_receive_bounce(email, partner)
        request = self.sudo()  # the mail gateway has no rights of its own
        approver = request.approver_ids._filter_counted().filtered(
            lambda a: a.email == email_normalize(email or "")
        )[:1]
        if not approver:
            return result  # what came back was none of ours
        mailings = self.env["customer.approval.mailing"]
        last = mailings._get_last(approver, asking=False).get(approver, mailings)
        last.write(
            EvidenceValues(
                state="bounced", changed_on=fields.Datetime.now(), is_recorded=True
            )
        )
        self.env["customer.approval.event"].sudo()._append(
            [
                EventData(
                    request._get_document(),
                    "mail_bounced",
                    request,
                    method="mail",
                    details={"approver": approver.id},
                    personal={"recipients": email},
                )
            ]
        )
        request._notify_staff(
            self.env._(
                "The mail about %(request)s to %(email)s came back: it was not "
                "delivered. Correct the address, and remind them on the request.",
                request=request.display_name,
                email=email,
            ),
            topic="bounced",
        )
        return result

    def _mail_new_links(self):
        """Mail new links to those who are asked, where the ones of before have stopped,
        by an upgrade or because the database was moved, and tell staff."""
        for request in self:
            asked = request.approver_ids.filtered(lambda a: a._is_open())
            request._mail("new_link", asked)
            names = ", ".join(
                f"{approver.partner_id.name} ({approver.email or '-'})"
                for approver in asked
            )
            request._notify_staff(
                self.env._(
                    "The links of %(request)s have stopped. New ones are mailed to "
                    "%(names)s. Anyone without an address needs to be asked on your "
                    "screen.",
                    request=request.display_name,
                    names=names,
                ),
                topic="new_link",
            )

    def _get_unreached(self):
        """Return those who are asked, and have not got the mail with their link."""
        return self.approver_ids.filtered(
            lambda a: a._is_open() and a.mail_state == "failed"
        )

    def _notify_staff(self, note, topic=None):
        """Put something about the request on the salesperson's list of things to do.

        :param str note: what happened, and what to do next
        :param str topic: what it is about, for ``_close_for_staff()``
        """
        self.ensure_one()
        document = self._get_document()
        if topic:
            document._close_for_staff(topic)  # the last news counts
        return document._schedule_for_staff(
            "mail.mail_activity_data_warning",
            self._get_told_users(),
            topic=topic,
            # Names and addresses are what somebody typed.
            note=Markup("<p>%s</p>") % note,
        )

    def _message_compute_author(self, author_id=None, email_from=None):
        """As for documents: nothing is written without a sender."""
        author_id, email_from = super()._message_compute_author(author_id, email_from)
        if not email_from and self:
            email_from = self.sudo()[:1]._get_document()._get_sender()
        return author_id, email_from

    def _post_on_document(self, body):
        self.ensure_one()
        self._get_document().message_post(
            body=body, author_id=self.env.ref("base.partner_root").id
        )

    def _log_on_documents(self):
        bodies = defaultdict(dict)
        for request in self:
            asked = request.approver_ids.filtered(lambda a: a.state == "asked")
            waiting = request.approver_ids.filtered(lambda a: a.state == "waiting")
            body = self.env._(
                "Approval of version %(version)s requested from %(partners)s: "
                "%(request)s.",
                partners=", ".join(asked.partner_id.mapped("name")),
                version=request.version,
                request=request._get_html_link(title=request.name),
            )
            if waiting:
                body += Markup("<br/>") + self.env._(
                    "After that, one after the other: %(partners)s.",
                    partners=", ".join(waiting.partner_id.mapped("name")),
                )
            bodies[request.res_model, request.requested_by_id][request.res_id] = body
        for (model, user), own in bodies.items():
            documents = self.env[model].browse(own)
            documents._message_log_batch(own, author_id=user.partner_id.id)
