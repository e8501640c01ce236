# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json
from collections import defaultdict

from odoo import api, models
from odoo.fields import Domain

from ...tools import capability, triggers
from ...tools.gates import GateState

GATES_ASKED = "gates_asked"
"""What is remembered of the gates that documents pass as they move."""


class CustomerApprovalApprovedMixin(models.AbstractModel):
    """The gate: only what its customer has approved passes.

    Of its host it asks the content, and which request is in force.
    """

    _name = "customer.approval.approved.mixin"
    _inherit = ["customer.approval.gate.mixin", "customer.approval.guarded.mixin"]
    _description = "Gate: Approved by the Customer"

    _approval_rate_fields = ()
    """How much of the document's currency one unit of its company's is."""
    _approval_parent_field = None
    """The many2one to the document that this one changes, if they count together."""
    _approval_amount_counts_lines = False
    """Whether lines count beside the total, which could be written."""

    def _ask_gates(self, stage, gates, shown=False):
        """Add the guide's gate: only "approved" allows advancement."""
        states = super()._ask_gates(stage, gates, shown)
        if not gates:
            return states
        asking = self._get_approval_gates(gates, not shown)
        gated = self.filtered(lambda document: asking[document])
        if not gated:
            return states
        if shown:
            approved = gated.filtered(
                lambda d: d.customer_approval_status == "approved"
            )
        else:
            approved = gated._filter_customer_approved()
        weak, strengths = {}, {}
        if any(gates.mapped("minimum_evidence")):
            strengths = approved._get_evidence_strengths()
            for document in approved:
                minimum = asking[document]._get_minimum_strength()
                if strengths[document.id] < minimum:
                    weak[document] = document._strength_message(
                        stage, strengths[document.id], minimum
                    )
        named = {own: own._get_asking(stage) for own in {*asking.values()}}
        yes = {*approved._ids}
        for document in gated:
            gate = named[asking[document]]
            reason = "" if document.id in yes else self._gate_message(stage, gate)
            if not shown and not reason and document not in weak:
                facts = _gate_facts(document)
                facts["gates"] = tuple(sorted({*facts["gates"], *asking[document].ids}))
                if document.id in strengths:
                    facts["strength"] = strengths[document.id]
            states[document].append(
                GateState(
                    "approval",
                    weak.get(document, reason),
                    gate=gate,
                    describe=document._describe_approval_gate,
                )
            )
        return states

    @api.model
    def _get_fields_blocking(self):
        return [
            *super()._get_fields_blocking(),
            *self._find_document_fields("total"),
            "customer_approval_status",
        ]

    def _was_gate_asked(self):
        known = capability.transaction_memory(self.env).get(GATES_ASKED, {})
        return super()._was_gate_asked() or (self._name, self.id) in known

    def _forget_gates_asked(self):
        result = super()._forget_gates_asked()
        known = capability.transaction_memory(self.env).get(GATES_ASKED, {})
        for document in self:
            known.pop((document._name, document.id), None)
        return result

    def _get_approval_gates(self, gates, is_move=False):
        """Return which of these stages' gates ask for the approval of each document:
        those of its company, from the amount on that they are for.

        :param bool is_move: whether the documents are to move past them
        :rtype: dict
        """
        gates = gates.sudo()  # of all companies
        asking = gates.filtered("requires_customer_approval")
        own = {}
        result = {}
        for document in self:
            company = document._get_document_company()
            if company not in own:
                own[company] = asking._of_company(company)
            result[document] = own[company]
        if not any(asking.mapped("approval_from_amount")):
            return result
        amounts = self._get_gate_amounts()
        for document, own in result.items():
            if is_move and own:
                amount = self._format_decimals(amounts[document], 6, exact=False)
                _gate_facts(document)["amount"] = amount
            result[document] = own.filtered(
                lambda gate, document=document: (
                    not gate.approval_from_amount
                    or document._get_gate_currency().compare_amounts(
                        amounts[document], gate.approval_from_amount
                    )
                    >= 0
                )
            )
        return result

    def _get_gate_currency(self):
        """Return the currency in which stages ask from an amount on: the company's."""
        self.ensure_one()
        company = self._get_document_company()
        return company.currency_id or self._get_document_currency()

    def _get_largest_total(self):
        """Return the most that any of the figures says the document comes to, in its
        currency."""
        self.ensure_one()
        return self._get_document_total()

    def _get_move_details(self):
        """Which gates were asked, and how small those are that pass one that is for
        larger ones."""
        details = super()._get_move_details()
        known = capability.transaction_memory(self.env).get(GATES_ASKED, {})
        for document in self:
            if facts := known.get((document._name, document.id)):
                gate = {**facts, "gates": list(facts["gates"])}
                details[document] = {**details.get(document, {}), "gate": gate}
        for stage, documents in self.grouped(lambda d: d._get_stage()).items():
            if any(
                gate.requires_customer_approval and gate.approval_from_amount
                for gate in (stage.sudo()._find_gates() if stage else ())
            ):
                for document in documents:
                    total = document._format_decimals(
                        document._get_largest_total(),
                        document._get_document_currency().decimal_places,
                    )
                    details[document] = {**details.get(document, {}), "total": total}
        return details

    def _get_gate_amounts(self):
        """Return what each document comes to, in its company's currency, as the
        database has it: see ``customer_approval_amount`` in ``sql/gate.sql``.

        :rtype: dict
        """
        return {document: document._get_document_total() for document in self}

    def _describe_approval_gate(self):
        """Return how the gate of approval is shown."""
        self.ensure_one()
        status = self.customer_approval_status
        labels = dict(
            self._fields["customer_approval_status"]._description_selection(self.env)
        )
        # Whose turn it is may be seen by whoever sees the document.
        request = self.sudo().customer_approval_request_id
        who = self.env._("staff: request approval")
        if status == "pending" and request.state == "approved_conditions":
            who = self.env._("staff: accept the conditions")
        elif status == "pending":
            open_ones = request.approver_ids.filtered(lambda a: a._is_open())
            who = ", ".join(open_ones.partner_id.mapped("name"))
        elif status == "rejected":
            who = self.env._("staff: change it and ask again")
        elif status == "approved":
            who = request.decided_by_name or ""
        return {
            "label": self.env._("Customer approval"),
            "state": labels[status],
            "who": who,
        }

    def _strength_message(self, stage, strength, minimum):
        self.ensure_one()
        requests = self.env["customer.approval.request"]
        labels = {int(key): label for key, label in requests._get_strength_labels()}
        return self.env._(
            "Cannot advance to %(stage)s: the evidence that the customer approved "
            "%(document)s is too weak. There is: %(found)s. It takes: %(needed)s. "
            "Request customer approval again.",
            stage=stage.name,
            document=self.display_name,
            found=labels.get(strength, self.env._("none")),
            needed=labels[minimum],
        )

    def _get_approving_requests(self):
        """Return ``{id of the document: the requests by which it is approved}``, from
        evidence."""
        requests = self.sudo()._get_last_requests()  # evidence, not the user's view
        return {
            document_id: request
            for document_id, request in requests.items()
            if request._get_document_status() == "approved"
        }

    def _get_evidence_strengths(self):
        """Return ``{id of the document: how sure it is who approved it}``."""
        approving = self._get_approving_requests()
        Request = self.env["customer.approval.request"].sudo()  # as above
        strengths = Request.union(*approving.values())._get_strengths()
        return {
            document.id: min(
                (
                    strengths.get(request.id, 0)
                    for request in approving.get(document.id, ())
                ),
                default=0,
            )
            for document in self
        }

    def _get_minimum_strength(self):
        """Return how sure any of the gates on the document's way wants to be."""
        self.ensure_one()
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        gates = self._get_field_gate() if self._gate_field else stages
        return self._get_approval_gates(gates)[self]._get_minimum_strength()

    def _needs_stronger_evidence(self):
        """Return whether the document is approved, and not surely enough for the gates
        that are ahead."""
        self.ensure_one()
        minimum = self._get_minimum_strength()
        return bool(minimum) and self._get_evidence_strengths()[self.id] < minimum

    @api.model
    def _new_document_blockers(self, stage, company):
        blockers = super()._new_document_blockers(stage, company)
        gates = stage._find_gates() if stage.ids else stage
        gates = gates.filtered(
            # How much it will come to is not known yet.
            lambda gate: (
                gate.requires_customer_approval and not gate.approval_from_amount
            )
        )
        if gates._of_company(company):
            own = gates._of_company(company)
            blockers.append(self._gate_message(stage, own._get_asking(stage)))
        return blockers

    def _gate_message(self, stage, gate):
        """Return the guide's sentence, and which stage asks where it is another one.

        :param stage: the ``customer.approval.stage`` to be entered
        :param gate: the one whose flag blocks
        """
        message = self._get_gate_sentence(stage)
        if gate and gate != stage:
            asked = self.env._("(asked for by %(gate)s)", gate=gate.name)
            message = f"{message} {asked}"
        return message

    def _get_gate_sentence(self, stage):
        """Return the guide's sentence."""
        return self.env._(
            "Cannot advance to %(stage)s: customer approval is required. Request "
            "customer approval before changing to this status.",
            stage=stage.name,
        )

    def _filter_customer_approved(self):
        """Return the documents whose customer approved their present content.

        The requests are read, never the status; and the content is compared, so
        that it does not matter how it was changed.
        """
        requests = self.sudo()._get_last_requests()  # evidence, not the user's view
        approved = self.filtered(
            lambda document: (
                document.id in requests
                and requests[document.id]._get_document_status() == "approved"
            )
        )
        scopes = approved._get_scope_digests()
        same = approved.filtered(
            lambda document: scopes[document.id] == requests[document.id].scope_digest
        )
        if different := approved - same:
            then = different._get_scope_digests_as_asked(requests)
            scopes.update(then)
            same |= different.filtered(
                lambda document: then[document.id] == requests[document.id].scope_digest
            )
            different -= same
        if different:
            tolerated = different._get_tolerated_scopes(requests)
            same |= different.filtered(
                lambda document: scopes[document.id] in tolerated[document.id]
            )
        return same

    def _get_tolerated_scopes(self, requests):
        """Return ``{id of the document: digests of the changes that its company's
        policy tolerated}``, from the ledger.

        :param requests: ``{id of the document: the request in force}``
        """
        events = self.env["customer.approval.event"].sudo()  # evidence, as above
        events = events.search(
            [
                ("kind", "=", "tolerated"),
                ("request_id", "in", [requests[document.id].id for document in self]),
            ]
        )
        scopes = defaultdict(set)
        for event in events:
            scopes[event.request_id.res_id].add(event.scope_digest)
        return scopes

    def _is_gated(self, stage):
        """Return whether entering a stage takes the customer's approval, by its own
        flag or by that of a stage before it, as far as showing it goes."""
        self.ensure_one()
        gates = stage
        if stage.ids:  # the gate of a field is in no list
            gates = stage._get_gates(self._get_document_company())
        return bool(self._get_approval_gates(gates)[self])

    def _has_approval_gates(self):
        """Return whether anything will ever ask for this document's approval."""
        self.ensure_one()
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        gates = self._get_field_gate() if self._gate_field else stages
        return self.customer_approval_status == "pending" or bool(
            self._get_approval_gates(gates)[self]
        )

    def _is_past_gate(self):
        """Return whether the document stands where only approved ones may."""
        self.ensure_one()
        return bool(self._get_approval_gates(self._get_gates_passed())[self])

    def _is_in_gated_state(self):
        """Return whether the document has a state of Odoo's own that only approved ones
        may have, whatever its stage says."""
        self.ensure_one()
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        if self._get_document_state() not in self._stage_gated_states:
            return False
        stage = self._get_stage_of_state(
            stages, self._get_document_state(), self._get_document_company()
        )
        return bool(stage) and self._is_gated(stage)

    def _get_first_gate_passed(self):
        """Return the first gate before which nothing is locked any more."""
        self.ensure_one()
        return self._get_approval_gates(self._get_gates_passed())[self][:1]

    @api.model
    def _get_unapproved_domain(self):
        return Domain("customer_approval_status", "!=", "approved")

    @api.model
    def _get_triggers(self):
        """The database itself lets nothing into a stage that was not approved."""
        arguments = [
            self._name,
            self._stage_document_type or "",
            json.dumps({name: list(v) for name, v in self._stage_columns.items()}),
            json.dumps(list(self._stage_gated_states)),
        ]
        return [
            *super()._get_triggers(),
            triggers.gate(
                self._table,
                arguments,
                *self._get_gate_columns(),
                self._get_trigger_roles(),
                self._get_amount_columns(),
            ),
            triggers.Trigger(
                self._table,
                "no_truncate",
                "BEFORE TRUNCATE",
                "customer_approval_truncated",
                arguments[:1],
                level="STATEMENT",
            ),
        ]

    @api.model
    def _get_trigger_roles(self):
        """Return which columns are what all documents have.

        :rtype: tools.triggers.Roles
        """
        return triggers.Roles(
            *self._find_stage_fields() or [None],
            self._find_document_column("state"),
            self._find_document_column("company"),
            self._document_cancelled_states,
            self._gate_field,
            self._gate_values,
        )

    @api.model
    def _get_amount_columns(self):
        """Return the columns by which stages ask for an approval from an amount on.

        :rtype: tools.triggers.Amount
        """
        lines = None
        if self._approval_amount_counts_lines:
            model = self._get_approval_line_model()
            lines = (
                model._table,
                model._approval_document_field,
                model._approval_quantity_field,
            )
        return triggers.Amount(
            self._find_document_column("total"),
            self._find_document_column("currency"),
            self._approval_rate_fields,
            self._approval_parent_field,
            lines,
        )

    @api.model
    def _get_gate_columns(self):
        columns, fixed = super()._get_gate_columns()
        amount = self._get_amount_columns()
        if amount.parent:
            fixed = [*fixed, amount.parent]
        return [*columns, *amount.columns, "customer_approval_status"], fixed


# A function and no method: code of a server action could fill what it returns.
def _gate_facts(document):
    """Return what is known of the gates that a document passes as it moves: which have
    asked for an approval and got it, what it comes to in the currency of its company,
    and how sure it is who approved. It is kept with the move.

    :rtype: dict
    """
    known = capability.transaction_memory(document.env).setdefault(GATES_ASKED, {})
    return known.setdefault(
        (document._name, document.id),
        {"company_id": document._get_document_company().id, "gates": ()},
    )
