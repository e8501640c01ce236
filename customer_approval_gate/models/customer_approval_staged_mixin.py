# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

# write() is split into methods, which go on to the model's own write().
# pylint: disable=super-method-mismatch, method-required-super, missing-return

import json
from collections import defaultdict
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.http import request as http_request
from odoo.tools import SQL

from ..tools import capability, triggers
from ..tools.entry import Entry
from ..tools.errors import GateError
from ..tools.gates import Reason


class CustomerApprovalStagedMixin(models.AbstractModel):
    """A document that goes through stages: the engine.

    Every route of Odoo into a stage or a state ends in ``write()`` or ``create()``
    of the document; here they are the one door. Neither superuser rights nor a
    context key open it.

    A model joins with ``_inherit = ["customer.approval.staged.mixin", its own name]``
    (in this order: the engine has to be around the model's own ``write()``), the two
    attributes below and ``_enter_state()``.
    """

    _name = "customer.approval.staged.mixin"
    _inherit = ["mail.tracking.duration.mixin", "customer.approval.guarded.mixin"]
    _description = "Document with Stages"
    _track_duration_field = "stage_id"

    _stage_document_type = None
    """Which list of stages applies, a value of the stage's ``document_type``."""
    _stage_final_states = ()
    """States that are only left by Odoo's own cancel or reset, never by a drag."""
    _stage_columns = {}
    """Which documents go through stages at all: for each column the values it has
    then. By column, because the database asks as well."""

    stage_id = fields.Many2one(
        "customer.approval.stage",
        compute="_compute_stage_id",
        store=True,
        precompute=True,
        readonly=False,
        index=True,
        copy=False,
        tracking=True,
        ondelete="restrict",
        group_expand="_read_group_stage_ids",
        domain=lambda self: self._stage_domain(),
    )
    stage_entered_on = fields.Datetime(
        string="In Stage Since",
        compute="_compute_stage_entered_on",
        store=True,
        precompute=True,
        copy=False,
    )
    next_stage_id = fields.Many2one(
        "customer.approval.stage",
        compute="_compute_next_stage_id",
        compute_sudo=True,
    )

    @api.model
    def _stage_domain(self):
        return (
            f"[('document_type', '=', '{self._stage_document_type}'),"
            " ('company_id', 'in', [False, company_id])]"
        )

    @api.model
    def _read_group_stage_ids(self, stages, domain):
        return stages.search(
            Domain("document_type", "=", self._stage_document_type)
            & Domain("company_id", "in", [False, *self.env.companies.ids])
        )

    def _is_staged(self):
        """Return whether the document goes through stages at all."""
        self.ensure_one()
        return all(self[name] in values for name, values in self._stage_columns.items())

    @api.model
    def _get_gate_columns(self):
        """Return which columns of the table matter to gates, and which of them do even
        where no stage asks for anything.

        :rtype: tuple
        """
        columns = ["id", "company_id", "stage_id", "state", *self._stage_columns]
        return columns, ["id"]

    @api.model
    def _get_triggers(self):
        arguments = [
            self._name,
            self._stage_document_type,
            json.dumps({name: list(v) for name, v in self._stage_columns.items()}),
            json.dumps(list(self._stage_final_states)),
        ]
        return [
            *super()._get_triggers(),
            triggers.gate(self._table, arguments, *self._get_gate_columns()),
            triggers.Trigger(
                self._table,
                "no_truncate",
                "BEFORE TRUNCATE",
                "customer_approval_gate",
                arguments,
                level="STATEMENT",
            ),
        ]

    # ------------------------------------------------------------------
    # Computes
    # ------------------------------------------------------------------

    @api.depends("company_id")
    def _compute_stage_id(self):
        """A new document starts in the first stage of its state; later only the
        engine moves it."""
        stages = self.env["customer.approval.stage"]
        if any(not document._origin for document in self):
            stages = stages._get_list(self._stage_document_type)
        for document in self:
            if document._origin:
                document.stage_id = document._origin.stage_id
            elif document._is_staged():
                document.stage_id = stages._first_of_state(
                    document.state, document.company_id
                )
            else:
                document.stage_id = False

    @api.depends("stage_id")
    def _compute_stage_entered_on(self):
        staged = self.filtered("stage_id")
        staged.stage_entered_on = fields.Datetime.now()
        (self - staged).stage_entered_on = False

    @api.depends("stage_id", "company_id")
    def _compute_next_stage_id(self):
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        following = self._find_next_stages(stages)
        for document in self:
            document.next_stage_id = following[document]

    def _find_next_stages(self, stages):
        """Return the stage that comes next for each document, if there is one.

        :param stages: all stages of the list, in order
        """
        result = {}
        for (stage, company), documents in self.grouped(
            lambda document: (document.stage_id, document.company_id)
        ).items():
            stage = stage.sudo()  # of whatever company
            following = stages._of_company(company).filtered(
                lambda s, stage=stage: (
                    (s.sequence, s.id) > (stage.sequence, stage.id)
                    and not s.reachable_anytime
                )
            )
            goes_on = stage and not stage.reachable_anytime and not stage.is_closed
            following = following[:1] if goes_on else stages.browse()
            result.update(dict.fromkeys(documents, following))
        return result

    @api.model
    def load(self, fields, data):
        """Import: stages are looked up in the list of these documents.

        :param list fields: as for Odoo's own method
        :param list data: as for Odoo's own method
        """
        own = self.with_context(customer_approval_list=self._stage_document_type)
        return super(CustomerApprovalStagedMixin, own).load(fields, data)

    @api.model
    def default_get(self, fields):
        """Other apps' kanban views put the stage of *their* records into the context
        under the same name; that is no stage of this document."""
        defaults = super().default_get(fields)
        for name in self._get_engine_fields() & defaults.keys():
            del defaults[name]
        if "stage_id" in defaults:
            stage = self.env["customer.approval.stage"].sudo()
            if isinstance(defaults["stage_id"], int):
                stage = stage.browse(defaults["stage_id"]).exists()
            if stage.document_type != self._stage_document_type:
                del defaults["stage_id"]
        return defaults

    # ------------------------------------------------------------------
    # The one door
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        vals_list = [dict(vals) for vals in vals_list]
        for vals in vals_list:
            self._check_engine_values(vals)
            if "state" in vals:
                self._check_state_given(vals)
            if vals.get("stage_id"):
                self._get_target_stage(vals["stage_id"])
            else:
                vals.pop("stage_id", None)
        self._check_values_of_new(vals_list)
        documents = super().create(vals_list)
        # The records are judged, not the values: defaults from a context or from
        # ir.default are only merged on the way.
        documents._after_staged_create()
        return documents

    def _check_values_of_new(self, vals_list):
        """Refuse documents that would begin behind a gate, before the database does:
        the message is better. What is not seen here is judged afterwards.

        :raise UserError: with one line for each reason
        """
        names = ["stage_id", "state", "company_id", *self._stage_columns]
        defaults = self.default_get(names)
        reasons = []
        for given in vals_list:
            vals = {**defaults, **given}
            if any(
                vals.get(name) not in values
                for name, values in self._stage_columns.items()
            ):
                continue
            company = self.env["res.company"].browse(vals.get("company_id") or [])
            Stage = self.env["customer.approval.stage"].sudo()  # of any company
            targets = Stage.browse(vals.get("stage_id") or []).exists()
            if vals.get("state") in self._stage_final_states:
                stages = Stage._get_list(self._stage_document_type)
                targets |= stages._first_of_state(vals["state"], company)
            for stage in targets:
                reasons += self._new_document_blockers(stage, company)
        if reasons:
            raise UserError("\n".join(dict.fromkeys(reasons)))

    @api.model
    def _new_document_blockers(self, stage, company):
        """Return why no new document may begin in a stage, as ``_gate_blockers()``.

        :param company: the document's ``res.company``, if it is known already
        """
        return []

    def write(self, vals):
        self._check_engine_values(vals)
        if not self._get_fields_deciding_stages() & vals.keys():
            return self._write_moving(vals)
        self._check_becoming_staged(vals)
        before = {document: document._get_stage_list_key() for document in self}
        result = self._write_moving(vals)
        self.filtered(
            lambda document: document._get_stage_list_key() != before[document]
        )._after_stage_list_change()
        return result

    def _check_becoming_staged(self, vals):
        """Judge documents that begin to go through stages before they do."""
        becoming = self.filtered(
            lambda document: (
                not document._is_staged()
                and all(
                    vals.get(name, document[name]) in values
                    for name, values in self._stage_columns.items()
                )
            )
        )
        for (state, company), documents in becoming.grouped(
            lambda document: (vals.get("state", document.state), document.company_id)
        ).items():
            if state in self._stage_final_states:
                stages = self.env["customer.approval.stage"]._get_list(
                    self._stage_document_type
                )
                if stage := stages._first_of_state(state, company):
                    documents._check_gates(stage)

    @api.model
    def _get_engine_fields(self):
        """Return the fields that follow from what happens, and that nobody writes."""
        return set()

    @api.model
    def _check_engine_values(self, vals):
        if self._get_engine_fields() & vals.keys():
            raise UserError(
                self.env._(
                    "Where a document is headed, and what blocks it, cannot be "
                    "written: it follows from its stage. Change the stage instead."
                )
            )

    def _write_past_engine(self, vals):
        """Write what the engine itself keeps on documents. Past whatever other addons
        refuse: what caused it, a customer's answer, must not be lost by that."""
        return models.BaseModel.write(self, vals)

    @contextmanager
    def _entering_afterwards(self):
        """Around a method of Odoo's own that moves documents: what entering their
        stages causes comes after it, when all of it is done.
        """
        stages = self.env["customer.approval.stage"]
        if capability.find(self.env, capability.Entering) or not stages._is_list_in_use(
            self._stage_document_type
        ):
            yield
            return
        with capability.hold(self.env, capability.Entering()) as entering:
            yield
        for name, ids in entering.documents.items():
            self.env[name].browse(ids).exists()._cause_entry()

    @api.model
    def _get_fields_deciding_stages(self):
        """Return the fields that decide whether a document has stages, and which."""
        return {"company_id", *self._stage_columns}

    def _get_stage_list_key(self):
        self.ensure_one()
        return (self._is_staged(), self.company_id)

    def _after_stage_list_change(self):
        """Judge documents that have become documents with other stages, as if they
        were new: what was confirmed elsewhere is not let in without an approval."""
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        before = {}
        for document in self:
            stage = document.stage_id if document._is_staged() else stages.browse()
            if document._is_staged() and stage.sudo().company_id not in (
                document.company_id,
                self.env["res.company"],
            ):
                stage = stages.browse()
            if document._is_staged() and not stage:
                stage = stages._first_of_state(document.state, document.company_id)
            if stage != document.stage_id:
                before[document] = document.stage_id
                super(CustomerApprovalStagedMixin, document).write(
                    {"stage_id": stage.id}
                )
        self._judge_created()
        for document, stage in before.items():
            capability.call(document._record_stages, {document: stage})

    def _write_moving(self, vals):
        if "stage_id" not in vals and "state" not in vals:
            return super().write(vals)
        if "state" in vals:
            self._check_state_given(vals)
        staged = self.filtered(lambda document: document._is_staged())
        if others := self - staged:
            others._write_unstaged(vals)
        if staged and "state" in vals:
            return staged._write_state(vals)
        if staged:
            return staged._write_stage(vals)
        return True

    def _write_unstaged(self, vals):
        if vals.get("stage_id"):
            self._refuse_stage()
        vals = {name: value for name, value in vals.items() if name != "stage_id"}
        return super().write(vals)

    # OCA's *base_tier_validation* asks which fields it leaves alone: moves are judged
    # by the state they lead to, and what the engine keeps is nobody's to write.

    @api.model
    def _get_all_validation_exceptions(self):
        return self._add_to_exceptions("_get_all_validation_exceptions")

    @api.model
    def _get_under_validation_exceptions(self):
        return self._add_to_exceptions("_get_under_validation_exceptions")

    @api.model
    def _get_after_validation_exceptions(self):
        return self._add_to_exceptions("_get_after_validation_exceptions")

    @api.model
    def _add_to_exceptions(self, method):
        known = getattr(super(), method, list)()
        return [*known, "stage_id", *sorted(self._get_engine_fields())]

    def _refuse_stage(self):
        raise UserError(
            self.env._(
                "%(document)s has no stages: only customer invoices and sales orders "
                "go through them.",
                document=self[0].display_name,
            )
        )

    def _write_stage(self, vals):
        """Move to a stage, the document's own state along with it."""
        stage = self._get_target_stage(vals["stage_id"])
        moving = self.filtered(lambda document: document.stage_id != stage)
        rest = {name: value for name, value in vals.items() if name != "stage_id"}
        moving._check_stage_allowed(stage)
        moving._check_gates(stage)
        if rest:
            super().write(rest)
            # What else was written may have changed what was approved.
            moving._check_gates(stage)
        if moving:
            before = {document: document.stage_id for document in moving}
            with moving._entering_afterwards():
                super(CustomerApprovalStagedMixin, moving).write({"stage_id": stage.id})
                moving._follow_stage(stage)
                # A state on the way, such as draft for what was cancelled, has a stage
                # of its own.
                if lost := moving.filtered(lambda d: d.stage_id != stage):
                    super(CustomerApprovalStagedMixin, lost).write(
                        {"stage_id": stage.id}
                    )
                capability.call(moving._after_move, before)
        return True

    @capability.required
    def _after_move(self, before, keeps_history=True, states=None):
        """Keep the history of documents that moved, and let happen what follows.

        :param dict before: the stage that each document was in
        :param bool keeps_history: see ``_keeps_history()``
        :param dict states: the state that each document had
        """
        if keeps_history:
            capability.call(self._record_stages, before, states)
        moved = self.filtered(lambda document: document.stage_id != before[document])
        moved._forget_heading()
        moved._enter_stages()

    @capability.required
    def _record_stages(self, before, states=None):
        """Keep the history of stages (guide, "Status History"): who moved which
        document, from where, to where, when. That a document was confirmed or posted,
        or is no longer, is kept where no stage stands for it as well.

        :param dict before: the stage that each document was in
        :param dict states: the state that each document had, if it may be another one
        """
        entries, details = [], self._get_move_details()
        final = self._stage_final_states
        nowhere = self.env["customer.approval.stage"].sudo()  # of whatever company
        stages = nowhere.union(*before.values(), self.stage_id)
        named = {stage.id: (stage, stage.id, stage.name) for stage in stages}
        named[False] = (nowhere, None, None)
        for document in self:
            old, old_id, old_name = named[before[document].id]
            new, new_id, new_name = named[document.stage_id.id]
            state = states[document] if states else document.state
            if old != new or (
                state != document.state and (state in final or document.state in final)
            ):
                entries.append(
                    Entry(
                        document,
                        "stage_changed",
                        text=capability.get_note(document),
                        details={
                            "from_id": old_id,
                            "from": old_name or None,
                            "to_id": new_id,
                            "to": new_name or None,
                            "state": document.state,
                            **(
                                {"from_state": state} if state != document.state else {}
                            ),
                            **details.get(document, {}),
                        },
                    )
                )
        # Nobody writes events but what happens.
        self.env["customer.approval.event"].sudo()._append(entries)
        self._forget_gates_asked()

    def _forget_gates_asked(self):
        """Forget what was asked for the move that is over. Override with what you
        remember."""

    def _get_move_details(self):
        """Return what else is kept of moves: ``{document: details}``. Override to have
        a say."""
        return {}

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

    def _write_state(self, vals):
        """Let the stage follow a state that Odoo itself is moving to."""
        state = vals["state"]
        explicit = self.browse().stage_id
        if "stage_id" in vals:
            explicit = self._get_target_stage(vals["stage_id"])
            self._check_company_of_stage(explicit)
            if explicit.document_state and explicit.document_state != state:
                raise UserError(
                    self.env._(
                        "The stage %(stage)s stands for another state than the one "
                        "asked for. Change only one of the two.",
                        stage=explicit.name,
                    )
                )
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        stages.mapped("document_state")  # all of them in one query
        targets = defaultdict(self.browse)
        entered = defaultdict(self.browse)
        for (old, company, old_state), documents in self.grouped(
            lambda document: (document.stage_id, document.company_id, document.state)
        ).items():
            stage = explicit or old
            entry = stage
            if stage.document_state != state:
                entry = stages._first_of_state(state, company) or stage
                # A stage that stands for no state holds no document back, but
                # the state has a gate of its own.
                stage = explicit or entry
            targets[stage] |= documents
            if old_state != state or old != stage:
                entered[entry] |= documents
                entered[stage] |= documents
        blockers = defaultdict(list)
        for stage, documents in entered.items():
            for document, reasons in documents._gate_blockers(stage).items():
                blockers[document] += reasons
        capability.call(self._raise_blockers, blockers)
        before = {document: document.stage_id for document in self}
        states = {document: document.state for document in self}
        keeps_history = self._keeps_history()
        for stage, documents in targets.items():
            values = dict(vals)
            if stage and any(document.stage_id != stage for document in documents):
                values["stage_id"] = stage.id
            else:
                values.pop("stage_id", None)
            super(CustomerApprovalStagedMixin, documents).write(values)
        if not capability.is_following_stage(self):
            capability.call(self._after_move, before, keeps_history, states)
        return True

    def _keeps_history(self):
        """Return whether it is written which stage these documents leave and enter as
        Odoo moves them. Not while nobody has ever used any stage: then stages follow
        Odoo's own states, whose history is Odoo's."""
        return self.env["customer.approval.stage"]._is_history_kept(self._name)

    def _after_staged_create(self):
        self._judge_created()
        if behind := self.filtered(lambda document: document._was_gate_asked()):
            nowhere = self.env["customer.approval.stage"]
            if behind._keeps_history():
                capability.call(behind._record_stages, dict.fromkeys(behind, nowhere))
        self._enter_stages()

    def _was_gate_asked(self):
        """Return whether a gate was asked about the document that moves now, or was
        created."""
        self.ensure_one()
        return False

    def _judge_created(self):
        """Judge documents that were just created, wherever their stage came from."""
        staged = self.filtered(lambda document: document._is_staged())
        for stage, documents in staged.grouped("stage_id").items():
            if not stage:
                continue
            documents._check_stage_type(stage)
            documents._check_company_of_stage(stage)
            documents._check_gates(stage)
            if stage.document_state:
                documents._align_created_state(stage)
        self._check_created_states(staged.filtered(lambda d: d.state != "draft"))
        if misplaced := (self - staged).filtered("stage_id"):
            misplaced._refuse_stage()

    def _align_created_state(self, stage):
        """A document created in a stage gets the state the stage stands for."""
        different = self.filtered(lambda d: d.state != stage.document_state)
        drafts = different.filtered(lambda d: d.state == "draft")
        drafts._follow_stage(stage)
        for state, documents in (different - drafts).grouped("state").items():
            documents._write_state({"state": state})

    def _check_created_states(self, documents):
        """A state has the gates of its first stage, whatever stage was given."""
        if not documents:
            return
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        for (state, company), group in documents.grouped(
            lambda document: (document.state, document.company_id)
        ).items():
            entry = stages._first_of_state(state, company)
            elsewhere = group.filtered(lambda d: d.stage_id.document_state != d.state)
            if entry and elsewhere:
                elsewhere._check_gates(entry)

    # ------------------------------------------------------------------
    # Gates
    # ------------------------------------------------------------------

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
        stage._lock_list()
        gates = stage._find_gates()
        if any(gate._looks_at_amounts() for gate in gates):
            self._compute_totals_anew()
        for document, states in self._ask_gates(stage, gates).items():
            if reasons := [
                Reason(state.message, state.gate) for state in states if state.message
            ]:
                blockers[document] = reasons
        return blockers

    def _compute_totals_anew(self):
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
        error.customer_approval_gate = True  # see _judge_once()
        raise error

    def _make_gate_error(self, message, blockers):
        """Return the exception that refuses a move: with a way to the stage that asks,
        where somebody is at the web client who may change it."""
        gates = [
            reason.gate for own in blockers.values() for reason in own if reason.gate
        ]
        gate = gates and gates[0]
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
                Entry(
                    document,
                    "gate_refused",
                    text="\n".join(dict.fromkeys(reasons)),
                    details={"from": document.stage_id.sudo().name or None},
                )
                for document, reasons in blockers.items()
            ]
        )

    def unlink(self):
        if not self or not self._keeps_history():
            return super().unlink()
        # What was deleted leaves the end of its chain behind.
        entries = [
            Entry(document, "deleted", text=document.display_name)
            for document in self.filtered(lambda document: document._is_staged())
        ]
        result = super().unlink()
        # It was, and not only meant to be: code may go on after an error.
        self.env["customer.approval.event"].sudo()._append(entries)
        return result

    def _get_gates_passed(self):
        """Return the gates that the document stands behind: those of its stage, and
        while it is confirmed or posted those of that state, whatever its stage."""
        self.ensure_one()
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        gates = stages.browse()
        if self.stage_id:
            gates = self.stage_id._find_gates(stages)
        if self.state in self._stage_final_states:
            entry = stages._first_of_state(self.state, self.company_id)
            gates |= entry._find_gates(stages) if entry else gates
        return gates._of_company(self.company_id)

    def _get_entry_stage(self, state):
        """Return the stage the document enters when it gets into a state."""
        self.ensure_one()
        if self.stage_id.document_state == state:
            return self.stage_id
        return (
            self.env["customer.approval.stage"]
            ._get_list(self._stage_document_type)
            ._first_of_state(state, self.company_id)
        )

    def _filter_blocked(self, state):
        """Return the documents that a gate keeps from getting into a state."""
        blocked = self.browse()
        for stage, documents in self.grouped(
            lambda document: document._get_entry_stage(state)
        ).items():
            if stage:
                blocked |= self.browse().union(*documents._gate_blockers(stage))
        return blocked

    def _get_blocked_text(self, state):
        """Return why the document may not get into a state, for people."""
        self.ensure_one()
        stage = self._get_entry_stage(state)
        return " ".join(self._gate_blockers(stage).get(self, []))

    # ------------------------------------------------------------------
    # The move
    # ------------------------------------------------------------------

    def _get_target_stage(self, stage_id):
        # Whether the user may use the stage is checked against the document's company.
        stage = self.env["customer.approval.stage"].sudo()
        if isinstance(stage_id, int) and not isinstance(stage_id, bool):
            stage = stage.browse(stage_id).exists()
        if not stage:
            raise UserError(
                self.env._("A document is always in a stage. Choose one from the list.")
            )
        self._check_stage_type(stage)
        if not stage.active and stage not in self.stage_id:
            raise UserError(
                self.env._(
                    "The stage %(stage)s is archived: no document can enter it.",
                    stage=stage.name,
                )
            )
        return stage.with_env(self.env)

    @api.model
    def _check_state_given(self, vals):
        if vals["state"] not in dict(self._fields["state"].selection):
            raise UserError(
                self.env._(
                    "“%(state)s” is no state of these documents.", state=vals["state"]
                )
            )

    def _check_stage_type(self, stage):
        if stage.sudo().document_type != self._stage_document_type:
            raise UserError(
                self.env._(
                    "%(stage)s is no stage of these documents. Choose another one.",
                    stage=stage.sudo().name,
                )
            )

    def _check_company_of_stage(self, stage):
        company = stage.sudo().company_id
        for document in self:
            if company and document.company_id != company:
                raise UserError(
                    self.env._(
                        "The stage %(stage)s belongs to %(company)s, and %(document)s "
                        "does not. Choose another stage.",
                        stage=stage.sudo().name,
                        company=company.name,
                        document=document.display_name,
                    )
                )

    def _check_stage_allowed(self, stage):
        self._check_company_of_stage(stage)
        state = stage.document_state
        for document in self:
            if (
                state
                and document.state != state
                and document.state in self._stage_final_states
            ):
                raise UserError(document._way_back_message(stage))

    def _way_back_message(self, stage):
        """Return which button takes a confirmed or posted document back.

        :param stage: the stage it was dragged to
        """
        raise NotImplementedError

    def _follow_stage(self, stage):
        """Bring documents that entered a stage into the state it stands for.

        :raise UserError: Odoo did not do it
        """
        state = stage.document_state
        following = self.filtered(lambda d: state and d.state != state)
        if not following:
            return
        # The move is one, whatever states are on the way.
        with capability.hold(self.env, capability.FollowingStage(following)):
            following._enter_state(state)
        if behind := following.filtered(lambda d: d.state != state)[:1]:
            if reason := behind._get_refusal_of_others():
                raise UserError(reason)
            raise UserError(
                self.env._(
                    "%(document)s could not be brought into the state that %(stage)s "
                    "stands for. Open it and use its buttons: they say what is "
                    "missing.",
                    document=behind.display_name,
                    stage=stage.name,
                )
            )

    def _get_refusal_of_others(self):
        """Return why another addon keeps the document in its state, where its method
        raised nothing but said so on the record. Override for further addons."""
        self.ensure_one()
        # OCA's *base_exception* shows a dialog instead.
        if "exception_ids" not in self._fields:
            return ""
        return "\n".join(
            f"{rule.name}: {rule.description}" if rule.description else rule.name
            for rule in self.exception_ids
        )

    def _enter_state(self, state):
        """Run Odoo's own method that brings the documents into a state."""
        raise NotImplementedError
