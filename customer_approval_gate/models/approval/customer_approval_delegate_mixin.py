# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from dataclasses import replace

from werkzeug import urls

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import (
    email_domain_extract,
    email_normalize,
)

from ...tools import (
    capability,
    ledger,
)
from ...tools.event_data import EventData, EvidenceValues, append_of, entry_of
from ...tools.texts import clean_name

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


class CustomerApprovalDelegateMixin(models.AbstractModel):
    """Whoever is asked lets a colleague answer in their place.

    Of its host, the approver, it asks ``partner_id``, ``request_id``, ``_is_open()``,
    ``_record()`` and ``_change_links()``.
    """

    _name = "customer.approval.delegate.mixin"
    _description = "Somebody Else Answers"

    proposed_name = fields.Char(readonly=True)

    proposed_email = fields.Char(string="Proposed Substitute", readonly=True)

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
    def _delegate(self, name, email):
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
                approver._delegate_to, approver._find_or_create_colleague(name, address)
            )
            return True
        approver.write(EvidenceValues(proposed_name=name, proposed_email=address))
        append_of(approver, "pass_on_proposed", to=f"{name} <{address}>")
        approver.request_id._notify_staff(
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

    @capability.required
    def _delegate_to(self, partner):
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
        event = EventData(
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
                own._delegate_to,
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
        event = entry_of(own, "pass_on_refused")
        own._record(
            EvidenceValues(proposed_name=False, proposed_email=False),
            replace(event, text=reason),
        )
        own.request_id._get_document()._close_for_staff("proposal")
        own.request_id._mail("proposal_refused", own, other=name, reason=reason)
