# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.http import request as http_request
from odoo.tools import SQL

from ...tools import capability, contract
from ...tools.errors import GateError
from ...tools.event_data import EventData
from ...tools.gates import Reason


class CustomerApprovalGateMixin(models.AbstractModel):
    """What gates hold back until they open.

    Whatever asks for something overrides ``_ask_gates()``; whoever is about to do what
    is held back calls ``_check_gates()``. Where documents have no stages, a field can
    be held back instead: it is set when its gate is open.
    """

    _name = "customer.approval.gate.mixin"
    _inherit = ["customer.approval.subject.mixin"]
    _description = "What Gates Hold Back"

    _stage_document_type = None
    """Which list of stages applies, a value of the stage's ``document_type``; the name
    of the table where documents with stages do not say it."""
    _stage_field = None
    """The many2one to the stage; nothing where documents have no stages."""
    _stage_columns = {}
    """Which documents go through stages at all: for each column the values it has
    then. By column, because the database asks as well."""
    _stage_gated_states = ()
    """The states of the document's own that are held back as their stages are, in their
    order: one that no stage stands for is held back as the one before it."""

    _gate_field = None
    """The field that is held back, where documents have no stages: that a milestone is
    reached. Whoever sets it enters a stage of that name."""
    _gate_values = (True,)
    """The values of that field that are held back."""

    def _post_model_setup__(self):
        result = super()._post_model_setup__()
        if not self._abstract:
            name = "_gate_field"
            contract.check_fields(self, name, [self._gate_field], '"is_reached"')
            if self._gate_field and not self._is_column(self._gate_field):
                problem = f"names {self._gate_field}, which is no column"
                contract.refuse(self, name, problem, '"is_reached"')
        return result

    @api.model_create_multi
    def create(self, vals_list):
        if not self._gate_field:
            return super().create(vals_list)
        gate = self._get_field_gate()
        names = [self._gate_field, *self._stage_columns]
        defaults = self.default_get(names)
        if any(self._is_held({**defaults, **vals}) for vals in vals_list):
            # Before the database does: the message is better.
            company = self.env["res.company"]
            if reasons := self._new_document_blockers(gate, company):
                raise UserError("\n".join(reasons))
        documents = super().create(vals_list)
        documents.filtered(lambda document: document._is_held())._check_gates(gate)
        return documents

    def write(self, vals):
        if not {self._gate_field, *self._stage_columns} & vals.keys() or (
            not self._gate_field
        ):
            return super().write(vals)
        held = self.filtered(lambda d: d._is_held(vals) and not d._is_held())
        gate = self._get_field_gate()
        held._check_gates(gate)
        result = super().write(vals)
        # What else was written may have changed what was approved.
        held._check_gates(gate)
        return result

    @api.model
    def _get_name_of_gate(self, detail):
        if self._gate_field:
            return self._get_field_gate().name
        return super()._get_name_of_gate(detail)

    def _is_held(self, vals=None):
        """Return whether the field that is held back is set, of a document that has
        gates at all.

        :param vals: values that count instead of those that the document has
        """
        wanted = {**self._stage_columns, self._gate_field: self._gate_values}
        vals = vals or {}
        return all(
            (vals[name] if name in vals else self[name]) in values
            for name, values in wanted.items()
        )

    @api.model
    def _get_field_gate(self):
        """Return what the field that is held back asks for, as a stage that is in no
        list. Override to ask for more."""
        label = self._fields[self._gate_field]._description_string(self.env)
        return self.env["customer.approval.stage"].new(
            {"name": label, "requires_customer_approval": True}
        )

    @api.model
    def _get_unapproved_domain(self):
        """Return the domain of documents that are not approved: none where nobody is
        asked."""
        return Domain.FALSE

    @api.model
    def _get_fields_blocking(self):
        """Return the fields on which it depends what blocks a document."""
        held = [self._gate_field] if self._gate_field else []
        company = self._find_document_fields("company")
        return [*self._find_stage_fields(), *company, *held]

    @api.model
    def _find_stage_fields(self):
        """Return the name of the field of the stage, in a list, if there is one."""
        return [self._stage_field] if self._stage_field in self._fields else []

    @api.model
    def _get_gate_columns(self):
        """Return which columns of the table matter to gates, and which of them do even
        where no stage asks for anything.

        :rtype: tuple
        """
        own = self._find_document_columns("company", "state")
        held = [self._gate_field] if self._gate_field else []
        columns = ["id", *self._find_stage_fields(), *own, *self._stage_columns, *held]
        return columns, ["id"]

    @api.model
    def _get_staged_condition(self):
        """Return which rows of the table go through stages, as a condition on the alias
        ``document``."""
        return SQL(" AND ").join(
            [
                SQL("TRUE"),
                *(
                    SQL("%s IN %s", SQL.identifier("document", column), tuple(values))
                    for column, values in self._stage_columns.items()
                ),
            ]
        )

    @api.model
    def _get_stage_of_state(self, stages, state, company):
        """Return the stage whose gates count for a state: the first that stands for it,
        or else for the last of the gated states before it.

        :param stages: all stages of the list, in order
        :param company: the document's ``res.company``
        """
        states = self._stage_gated_states
        if state in states:
            for own in reversed(states[: states.index(state) + 1]):
                if stage := stages._first_of_state(own, company):
                    return stage
        return stages._first_of_state(state, company)

    def _keeps_history(self):
        """Return whether it is written which stage these documents leave and enter as
        Odoo moves them. Not while nobody has ever used any stage: then stages follow
        Odoo's own states, whose history is Odoo's."""
        return self.env["customer.approval.stage"]._is_history_kept(self._name)

    def _follow_answer(self, decision):
        """Let the document go where its stage leads after the customer's answer.

        :param decision: the answer, one of the request's four
        """
        self.ensure_one()

    def _get_next_stage(self):
        """Return the stage that comes next for the document, if there is one."""
        self.ensure_one()
        if self._gate_field and not self._is_held():
            return self._get_field_gate()
        return self.env["customer.approval.stage"]

    def _get_stage(self):
        """Return the ``customer.approval.stage`` that the document is in; none where
        documents have no stages."""
        return self.env["customer.approval.stage"]

    def _is_staged(self):
        """Return whether the document goes through stages at all."""
        self.ensure_one()
        return False

    def _get_gates_passed(self):
        """Return the gates that the document stands behind."""
        self.ensure_one()
        if self._gate_field and self._is_held():
            return self._get_field_gate()
        return self.env["customer.approval.stage"]

    def _ask_gates(self, stage, gates, shown=False):
        """Return what the gates say of documents that are to enter a stage.

        Override to add a gate; it is asked for the whole batch at once, before
        anything is written.

        :param stage: the one ``customer.approval.stage`` to be entered
        :param gates: all stages whose conditions count, the stage itself included
        :param bool shown: whether it is for people to read, who want to know more
            than what blocks; then what documents say of themselves is good enough
        :return: for each document the list of ``tools.gates.GateState``
        :rtype: dict
        """
        return {document: [] for document in self}

    def _gate_blockers(self, stage):
        """Return why documents may not enter a stage: for each that is blocked the list
        of reasons, each a sentence that says what to do next, a ``Reason``.

        :param stage: the one ``customer.approval.stage`` to be entered
        :rtype: dict
        """
        blockers = {}
        if not self:
            return blockers
        gates = stage
        if stage.ids:  # the gate of a field is in no list
            stage._lock_list()
            gates = stage._find_gates()
        if any(gate._looks_at_amounts() for gate in gates):
            self._recompute_totals()
        for document, states in self._ask_gates(stage, gates).items():
            if reasons := [
                Reason(state.message, state.gate) for state in states if state.message
            ]:
                blockers[document] = reasons
        return blockers

    def _recompute_totals(self):
        """Let totals be what the lines make them: they are columns, which somebody may
        have written. Override to say which."""
        self.env.flush_all()

    def _check_gates(self, stage):
        """Refuse the move if a gate up to the stage blocks any of the documents.

        :raise UserError: with one line for each document and reason
        """
        capability.call(self._raise_blockers, self._gate_blockers(stage))

    @capability.required
    def _raise_blockers(self, blockers):
        blockers = {
            document: reasons for document, reasons in blockers.items() if reasons
        }
        if not blockers:
            return
        capability.call(self._record_refusals, blockers)
        several = len(self) > 1
        lines = [
            f"{document.display_name}: {reason}" if several else reason
            for document, reasons in blockers.items()
            for reason in dict.fromkeys(reasons)
        ]
        error = self._make_gate_error("\n".join(lines), blockers)
        error.customer_approval_gate = True  # see _check_once()
        raise error

    def _make_gate_error(self, message, blockers):
        """Return the exception that refuses a move: with a way to the stage that asks,
        where somebody is at the web client who may change it."""
        gates = [
            reason.gate for own in blockers.values() for reason in own if reason.gate
        ]
        gate = gates and gates[0]._origin
        in_client = http_request and http_request.httprequest.path.startswith("/web/")
        if (
            gate
            and in_client
            and not self.env.su
            and self.env["customer.approval.stage"].has_access("write")
        ):
            return GateError(message, gate)
        return UserError(message)

    @capability.required
    def _record_refusals(self, blockers):
        """Keep what the gate refused, beside the transaction that fails by it."""
        self.env["customer.approval.event"]._append_beside(
            [
                EventData(
                    document,
                    "gate_refused",
                    text="\n".join(dict.fromkeys(reasons)),
                    details={"from": document._get_stage().sudo().name or None},
                )
                for document, reasons in blockers.items()
            ]
        )

    @api.model
    def _new_document_blockers(self, stage, company):
        """Return why no new document may begin in a stage, as ``_gate_blockers()``.

        :param company: the document's ``res.company``, if it is known already
        """
        return []

    def _get_move_details(self):
        """Return what else is kept of moves: ``{document: details}``. Override to have
        a say."""
        return {}

    def _was_gate_asked(self):
        """Return whether a gate was asked about the document that moves now, or was
        created."""
        self.ensure_one()
        return False

    def _forget_gates_asked(self):
        """Forget what was asked for the move that is over. Override with what you
        remember."""
