# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_date

from ...tools import capability, content as content_tools, ledger, moments
from ...tools.event_data import EvidenceValues
from ...tools.languages import find_lang


class CustomerApprovalAskingMixin(models.AbstractModel):
    """Asking the customer: who is asked, by which rule, until when.

    Of its host it asks the content, and what all documents have.
    """

    _name = "customer.approval.asking.mixin"
    _description = "Document to Ask the Customer about"

    _approval_approvers_field = None
    """The many2many of customers that names who approves documents like this."""

    def _get_asking_company(self):
        """Return the company whose settings count when the customer is asked: the
        document's, or that of whoever asks."""
        self.ensure_one()
        return self._get_document_company() or self.env.company

    def _get_name_for_customer(self, number):
        """Return what the document is called to its customer, so that they can tell it
        from others.

        :param str number: of the request
        """
        self.ensure_one()
        return self.display_name

    def _get_time_zone(self):
        """Return the time zone in which the customer reads times."""
        self.ensure_one()
        partner = self._get_document_customer()
        partner = partner.sudo()  # shown to whoever sees the document
        return (
            partner.tz
            or partner.commercial_partner_id.tz
            or self._get_asking_company().sudo().partner_id.tz
            or self._get_customer_approval_salesperson().sudo().tz
            or "UTC"
        )

    def _get_last_day_to_approve(self):
        """Return until which ``date`` the document can be approved, or ``False`` where
        it does not say so."""
        self.ensure_one()
        return False

    def _is_too_late(self):
        """Return whether the document's own last day is over, for its customer."""
        self.ensure_one()
        return moments.is_over(self._get_last_day_to_approve(), self._get_time_zone())

    def _get_deadline(self, deadline=None):
        """Return the last day for an answer to a request that is made now: never after
        the document's own, unless the company takes late answers.

        :param deadline: the ``date`` that somebody chose; by default the company's
            number of days from today
        """
        self.ensure_one()
        company = self._get_asking_company().sudo()  # its settings
        if not deadline and company.customer_approval_days:
            today = moments.today_in(self._get_time_zone())
            deadline = today + timedelta(days=company.customer_approval_days)
        return self._limit_deadline(deadline)

    def _limit_deadline(self, deadline):
        """Return a last day for an answer that is not after the document's own.

        :param deadline: a ``date``, or nothing for no last day
        """
        self.ensure_one()
        last = self._get_last_day_to_approve()
        if not last or self._get_asking_company().sudo().customer_approval_late_allowed:
            return deadline or False
        return min(deadline or last, last)

    def _can_request_customer_approval(self):
        """Return why the customer cannot be asked about this document, or ``None``."""
        self.ensure_one()
        company = self._get_asking_company().sudo()  # its settings
        if self._is_too_late() and not company.customer_approval_late_allowed:
            return self.env._(
                "%(document)s was valid until %(day)s: choose a later day first.",
                document=self.display_name,
                day=format_date(self.env, self._get_last_day_to_approve()),
            )
        return None

    def _get_named_approvers(self, customer):
        """Return whom the customer's tab *Approvals* names for documents like this.

        :param customer: the ``res.partner``
        """
        name = self._approval_approvers_field
        return customer[name] if name else customer.browse()

    def _get_default_approvers(self):
        """Return who is asked about the document where nobody says otherwise: those
        whom the customer's tab *Approvals* names, or the document's own contact."""
        self.ensure_one()
        # Its settings.
        customer = self._get_document_customer().commercial_partner_id.sudo()
        return self._get_named_approvers(customer) or self._get_document_customer()

    def _get_amount_to_commit(self):
        """Return what the customer commits to, what they approved before included."""
        return self._get_customer_approval_amount()

    def _get_required_people(self):
        """Return how many people of the customer have to approve, at least."""
        self.ensure_one()
        # Its settings.
        customer = self._get_document_customer().commercial_partner_id.sudo()
        company = self._get_asking_company()
        threshold = customer.with_company(company).customer_approval_second_amount
        amount = self._get_document_currency()._convert(
            self._get_amount_to_commit(),
            company.currency_id,
            company,
            fields.Date.context_today(self),
        )
        return 2 if threshold and amount >= threshold else 1

    def _request_customer_approval(self, partners=None, deadline=None, message=None):
        """Ask the customer of each document to approve it as it is now, by mail.

        :param partners: the ``res.partner`` records to ask; each document's own
            customer if empty
        :param deadline: the last ``date`` for an answer; by default the company's
            number of days from today
        :param message: text for the customer
        :return: the new requests
        :raise UserError: a document cannot be asked about: it has no lines, its
            customer has no mail address, it is approved already …
        """
        requests = self._open_customer_approval(partners, deadline, message)
        requests._send()
        return requests

    def _open_customer_approval(
        self,
        partners=None,
        deadline=None,
        message=None,
        attachments=None,
        mail=True,
        **rules,
    ):
        """Make the requests of ``_request_customer_approval()`` without sending them.

        :param attachments: ``ir.attachment`` records to show; they are copied
        :param bool mail: whether mail addresses will be needed
        :param rules: ``rule``, ``required_count`` and ``rejection_ends`` of the
            requests, see their fields; by default one answer is enough, or two where
            the customer's settings ask for a second person
        """
        # What is frozen is what the database has, see _decide() of the request.
        self.env.flush_all()
        self.env.invalidate_all()
        self._check_can_open_customer_approval(partners, mail)
        Request = self.env["customer.approval.request"]
        asked = {
            document: document._prepare_approvers(partners, rules) for document in self
        }
        people = {
            approver["partner_id"]
            for vals in asked.values()
            for approver in vals["approvers"]
        }
        self.env["customer.approval.approver"]._check_no_staff(
            self.env["res.partner"].browse(people)
        )
        # Users may make requests by this method only: nobody has write access.
        last_requests = self.sudo()._get_last_requests()
        for request in last_requests.values():
            if request.state == "pending":
                capability.call(
                    request._withdraw, self.env._("The customer was asked anew.")
                )
        vals_list = []
        for documents in self._split_by_language():
            contents = documents.sudo()._get_customer_approval_content()
            vals_list += [
                document._prepare_customer_approval_vals(
                    contents[document.id],
                    last_requests.get(document.id),
                    deadline,
                    message,
                    document._copy_customer_approval_files(attachments),
                )
                | asked[document]
                for document in documents
            ]
        requests = Request.sudo().create([EvidenceValues(vals) for vals in vals_list])
        requests._subscribe()
        requests._log_on_documents()
        self._close_for_staff(
            "answer", "expired", "bounced", "mail", "new_link", "proposal"
        )
        return requests

    def _prepare_approvers(self, partners, rules):
        """Return who is asked, and by which rule.

        :raise UserError: fewer people than the customer's settings want
        """
        self.ensure_one()
        partners = partners or self._get_default_approvers()
        if not partners:
            raise UserError(
                self.env._(
                    "%(document)s has no customer: choose who is asked.",
                    document=self.display_name,
                )
            )
        people = self._get_required_people()
        default = {"rule": "some" if people > 1 else "any", "required_count": people}
        rules = {"rejection_ends": True, **default, **rules}
        rule, count = rules["rule"], rules["required_count"] or 1
        if rule not in ledger.RULES:
            raise UserError(self.env._("Choose who of them has to approve."))
        if rule == "some" and not 0 < count <= len(partners):
            raise UserError(
                self.env._(
                    "%(count)s people have to approve %(document)s, and %(asked)s are "
                    "asked. Choose more of the customer's contacts.",
                    count=count,
                    document=self.display_name,
                    asked=len(partners),
                )
            )
        customer = self._get_document_customer().commercial_partner_id
        # Two contacts with one address are one person, as far as a link goes.
        distinct = len({partner.email_normalized or partner.id for partner in partners})
        answers = ledger.required_answers(rule, count, len(partners))
        if people > 1 and min(answers, distinct) < people:
            raise UserError(
                self.env._(
                    "%(document)s is so large that two people of %(customer)s have to "
                    "approve it. Ask at least two, and let two of them approve.",
                    document=self.display_name,
                    customer=customer.display_name,
                )
            )
        return {
            "partner_id": (self._get_document_customer() or partners[0]).id,
            "partner_ids": [fields.Command.set(partners.ids)],
            "rule": rule,
            "required_count": count,
            "rejection_ends": rules["rejection_ends"],
            "approvers": [
                {
                    "partner_id": partner.id,
                    "email": partner.email_normalized,
                    "sequence": number,
                    "is_outsider": partner.commercial_partner_id != customer,
                    "state": "waiting" if rule == "order" and number > 1 else "asked",
                }
                for number, partner in enumerate(partners, 1)
            ],
        }

    def _reopen_customer_approval(self, request):
        """Ask the same people about the document as it is now, in the same way.

        :param request: the request that this one replaces
        """
        self.ensure_one()
        return self._open_customer_approval(
            request.approver_ids._filter_counted().partner_id,
            request.deadline,
            request.message,
            # Those of products are copied anew.
            request.attachment_ids.filtered(
                lambda file: (
                    file.checksum
                    not in self._get_customer_approval_files().mapped("checksum")
                )
            ),
            mail=False,
            rule=request.rule,
            required_count=request.required_count,
            rejection_ends=request.rejection_ends,
        )

    def _get_customer_approval_files(self):
        """Return the ``ir.attachment`` records that the customer is shown with the
        document, beside those that are chosen."""
        self.ensure_one()
        return self.env["ir.attachment"]

    def _copy_customer_approval_files(self, attachments):
        """Keep copies of the files, so that what was shown stays what it was.

        :raise AccessError: the user may not read one of them
        """
        self.ensure_one()
        if attachments:
            attachments.check_access("read")
        # Product documents are shown to customers, whatever the user may read.
        files = self.sudo()._get_customer_approval_files()
        files |= (attachments or files.browse()).sudo()
        copies = files.browse()
        for file in files:
            copies |= file.copy(
                {
                    "name": file.name,
                    "res_model": "customer.approval.request",
                    "res_id": 0,
                    "res_field": False,
                }
            )
        return copies

    def _check_can_open_customer_approval(self, partners, mail):
        self.check_access("write")
        self._check_customer_approval_right()
        for document in self:
            if reason := document._can_request_customer_approval():
                raise UserError(reason)
            asked = partners or document._get_default_approvers()
            if mail:
                asked._check_approval_address()
        approved = self._filter_customer_approved()
        weak = approved.filtered(lambda document: document._needs_stronger_evidence())
        if behind := weak.filtered(lambda document: document._is_past_gate())[:1]:
            raise UserError(
                self.env._(
                    "%(document)s is behind a gate already, by the approval there is. "
                    "To ask for a stronger one, move it back before the stage "
                    "%(stage)s first.",
                    document=behind.display_name,
                    stage=behind._get_first_gate_passed().name,
                )
            )
        if approved := (approved - weak)[:1]:
            raise UserError(
                self.env._(
                    "The customer has already approved %(document)s as it is now: "
                    "there is nothing to ask.",
                    document=approved.display_name,
                )
            )

    @api.model
    def _check_customer_approval_right(self):
        """
        :raise AccessError: the user may not ask customers for their approval
        """
        if not self.env.su and not self.env.user.has_group(
            "customer_approval_gate.group_request_approval"
        ):
            raise AccessError(
                self.env._(
                    "You may not ask customers for their approval. Ask your "
                    "administrator for the right “Request customer approval”."
                )
            )

    def _prepare_customer_approval_vals(
        self, content, last_request, deadline, message, files
    ):
        self.ensure_one()
        Request = self.env["customer.approval.request"]
        # Whoever asks need not be allowed to number.
        number = self.env["ir.sequence"].sudo().next_by_code(Request._name) or "/"
        content["document"]["name"] = self._get_name_for_customer(number)
        described = sorted(
            (
                {
                    "name": file.name,
                    "size": len(file.raw or b""),
                    "sha256": ledger.sha256(file.raw or b""),
                }
                for file in files
            ),
            key=ledger.canonical,
        )
        if described:
            content["blocks"].append(
                {
                    "kind": "files",
                    "key": "files",
                    "label": self.env._("Files"),
                    "files": described,
                }
            )
        scope = ledger.scope_digest(content)
        version = round_number = 1
        if last_request:
            same = (
                content_tools.is_same_scope(last_request.content, ledger.flat(content))
                and ledger.flat(last_request.content).get("files", []) == described
            )
            version = last_request.version + (not same)
            round_number = last_request.round + 1 if same else 1
        lang = self.env.lang or "en_US"
        return {
            "name": number,
            "res_model": self._name,
            "res_id": self.id,
            "document_name": content["document"]["name"],
            "company_id": self._get_asking_company().id,
            "currency_id": self._get_document_currency().id,
            "amount_total": self._get_customer_approval_amount(),
            "user_id": self._get_customer_approval_salesperson().id,
            "version": version,
            "round": round_number,
            "lang": lang,
            "content": content,
            "content_html": Request.sudo()._render_content(
                content, self._get_document_currency(), lang, self._get_time_zone()
            ),
            "digest": ledger.digest(content),
            "scope_digest": scope,
            "attachment_ids": [fields.Command.set(files.ids)],
            "requested_by_id": self.env.uid,
            "deadline": self._get_deadline(deadline),
            "message": message,
        }

    def _split_by_language(self):
        """Return the same documents in their customer's language, by language."""
        by_lang = defaultdict(self.browse)
        for document in self:
            lang = document._get_document_customer().lang
            by_lang[find_lang(self.env, lang)] |= document
        return [docs.with_context(lang=lang) for lang, docs in by_lang.items()]

    def action_request_customer_approval(self):
        """Open the dialog that asks the customers of these documents."""
        self._check_can_open_customer_approval(None, mail=False)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Request Customer Approval"),
            "res_model": "customer.approval.send",
            "view_mode": "form",
            "target": "new",
            "context": {
                **self.env.context,
                "default_res_model": self._name,
                "default_res_ids": self.ids,
            },
        }

    def action_ask_on_screen(self):
        """Open the Customer Approval dialog for the customer's own hands: on this
        screen, which shows nothing of the back office then, or on their phone.

        Opening it makes the approval pending; closing it leaves it so (guide,
        "Approval Statuses Explained").
        """
        self.ensure_one()
        request = self.sudo().customer_approval_request_id
        if request.state != "pending" or request._is_outdated():
            request = self._open_customer_approval(mail=False)
        else:
            self.check_access("write")
        return {
            "type": "ir.actions.act_url",
            "url": f"/customer_approval/in_person/{request.id}",
            "target": "self",
        }
