# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models
from odoo.exceptions import UserError

from ...tools import capability, ledger
from ...tools.event_data import EventData, EvidenceValues


class CustomerApprovalAskedMixin(models.AbstractModel):
    """Who is asked in a request, after it was made: more people, other ones, or fewer.

    Of its host, the request, it asks ``approver_ids``, ``_record()``, ``_send()`` and
    ``_ask_next()``.
    """

    _name = "customer.approval.asked.mixin"
    _description = "Who Is Asked in a Request"

    @capability.required
    def _add_approvers(self, partners):
        """Ask more people.

        :param partners: ``res.partner`` records
        :raise UserError: somebody is asked already, or has no address
        """
        self.ensure_one()
        request = self.sudo()  # whoever may work on the document may change it
        request._check_may_handle(self.env)
        request._lock_with_document()
        request._check_open()
        request.approver_ids._check_no_staff(partners)
        asked = request.approver_ids._filter_counted()
        for partner in partners:
            if partner in asked.partner_id or partner.email_normalized in asked.mapped(
                "email"
            ):
                raise UserError(
                    self.env._("%(name)s is asked already.", name=partner.display_name)
                )
            partner._check_approval_address()
        last = max(request.approver_ids.mapped("sequence"), default=0)
        approvers = request.approver_ids.create(
            [
                EvidenceValues(
                    request_id=request.id,
                    partner_id=partner.id,
                    email=partner.email_normalized,
                    sequence=last + number,
                    is_outsider=request._is_outsider(partner),
                    origin="added",
                    state="waiting" if request.rule == "order" else "asked",
                )
                for number, partner in enumerate(partners, 1)
            ]
        )
        exported = {
            row["id"]: row for row in approvers._export_evidence().get(request.id, [])
        }
        self.env["customer.approval.event"].sudo()._append(
            [
                EventData(
                    request._get_document(),
                    "approver_added",
                    request,
                    text=approver.partner_id.name,
                    details={
                        "approver": approver.id,
                        "frozen": ledger.approver_digest(exported[approver.id]),
                        "outsider": approver.is_outsider,
                    },
                )
                for approver in approvers
            ]
        )
        request.invalidate_recordset(["approver_ids"])
        request._subscribe_approvers()
        asked = approvers.filtered(lambda a: a.state == "asked")
        if asked:
            request._send(approvers=asked)
        capability.call(request._ask_next)

    @capability.required
    def _replace_approver(self, approver):
        """Ask the same person anew, at the address that they have now.

        :return: the new approver
        """
        self.ensure_one()
        request = self.sudo()  # the caller checked who may
        new = request.approver_ids.create(
            [
                EvidenceValues(
                    request_id=request.id,
                    partner_id=approver.partner_id.id,
                    email=approver.partner_id.email_normalized,
                    sequence=approver.sequence,
                    is_outsider=approver.is_outsider,
                    origin="added",
                    state="asked",
                )
            ]
        )
        exported = new._export_evidence()[request.id][0]
        document = request._get_document()

        def entry(kind, own, **details):
            return EventData(
                document,
                kind,
                request,
                text=approver.partner_id.name,
                details={"approver": own.id, **details},
            )

        came = entry(
            "approver_added",
            new,
            frozen=ledger.approver_digest(exported),
            outsider=new.is_outsider,
        )
        entries = [came, entry("approver_removed", approver)]
        if request.rule == "order":
            entries.append(entry("turn_came", new))
        approver._record(EvidenceValues(state="removed"), *entries)
        capability.call(approver._change_links)
        request.invalidate_recordset(["approver_ids"])
        request._subscribe_approvers()
        return new

    @capability.required
    def _remove_approvers(self, approvers, others=None):
        """Ask these people no longer.

        :param others: the ``res.partner`` records who are asked instead
        :raise UserError: too few would remain, or they have answered
        """
        self.ensure_one()
        request = self.sudo()  # whoever may work on the document may change it
        request._check_may_handle(self.env)
        request._lock_with_document()
        request._check_open()
        approvers = approvers.sudo()
        remaining = request.approver_ids._filter_counted() - approvers
        if approvers.request_id - request or approvers.filtered(
            lambda a: a.state not in ("waiting", "asked")
        ):
            raise UserError(
                self.env._("Only people who have not answered can be let go.")
            )
        # A decision is what people say, not what is left when others are let go.
        required = ledger.required_answers(
            request.rule, request.required_count, len(remaining)
        )
        people = len({approver.email or approver.id for approver in remaining})
        if people < max(
            required, request._get_document()._get_required_people()
        ) or ledger.outcome(
            required, request.rejection_ends, [a._get_decision() for a in remaining]
        ):
            raise UserError(
                self.env._(
                    "Too few people would remain to answer. Ask somebody else first, "
                    "or withdraw the request and ask anew."
                )
            )
        told = approvers.filtered(lambda a: a.state == "asked")
        for approver in approvers:
            approver._record(
                EvidenceValues(state="removed"),
                EventData(
                    request._get_document(),
                    "approver_removed",
                    request,
                    text=approver.partner_id.name,
                    details={"approver": approver.id},
                ),
            )
        names = ", ".join(others.mapped("name")) if others else ""
        request._mail("replaced", told._filter_reached(), other=names)
        capability.call(approvers._change_links)
        request._subscribe_approvers()
        capability.call(request._ask_next)

    def _is_outsider(self, partner):
        self.ensure_one()
        return partner.commercial_partner_id != self.partner_id.commercial_partner_id
