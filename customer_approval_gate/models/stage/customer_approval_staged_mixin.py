# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

# write() is split into methods, which go on to the model's own write().
# pylint: disable=super-method-mismatch, method-required-super, missing-return


from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ...tools import capability, contract
from ...tools.event_data import EventData


class CustomerApprovalStagedMixin(models.AbstractModel):
    """A document that goes through stages: the engine.

    Every route of Odoo into a stage or a state ends in ``write()`` or ``create()``
    of the document; here they are the one door. Neither superuser rights nor a
    context key open it.

    A model joins with ``_inherit = ["customer.approval.staged.mixin", its own name]``
    (in this order: the engine has to be around the model's own ``write()``) and with a
    ``tools.stage_field.stage_field()`` of the name that ``_stage_field`` says.
    """

    _name = "customer.approval.staged.mixin"
    _inherit = [
        "customer.approval.advance.mixin",
        "customer.approval.blocked.mixin",
        "customer.approval.move.mixin",
        "customer.approval.gate.mixin",
        "customer.approval.staff.mixin",
        "customer.approval.guarded.mixin",
        "mail.tracking.duration.mixin",
    ]
    _description = "Document with Stages"

    _stage_label = None
    """What documents of this type are called, where it is not the model's
    description."""
    _stage_field = "stage_id"
    _stage_gated_states = None
    """By default all states but that of new documents and those of cancelled ones."""
    _stage_states = {}
    """By which method Odoo itself brings documents into a state, for those that a stage
    can lead to. Without any, a stage that stands for a state writes it."""
    _stage_state_labels = {}
    """The states that a stage may stand for, and what they are called there; by default
    all there are, as Odoo calls them."""
    _stage_list_sequence = 100
    """Where the list of these documents stands among the lists."""
    _stage_manager_group = None
    """The external id of the group that configures the stages of these documents,
    beside administrators."""
    _stage_action = None
    """The external id of the action that shows these documents by stage."""
    _stage_locked_states = None
    """States that are only left by Odoo's own cancel or reset, never by a drag; by
    default those that are gated."""

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

    def _post_model_setup__(self):
        result = super()._post_model_setup__()
        if not self._abstract:
            if not self._stage_document_type:
                type(self)._stage_document_type = self._table
            type(self)._stage_gated_states = self._find_gated_states()
            # Others may show how long something else has lasted.
            if not getattr(type(self), "_track_duration_field", None):
                type(self)._track_duration_field = self._stage_field
            self._check_contract()
        return result

    @api.model
    def _find_gated_states(self):
        """Return the states that are gated: as the model says, or all that follow."""
        name = "_stage_gated_states"
        # The attribute of the class itself is what was found before.
        definitions = map(vars, type(self)._model_classes__)
        declared = next(own[name] for own in definitions if name in own)
        if declared is not None:
            return declared
        field = self._fields.get(self._document_state_field)
        selection = field.selection if field else []
        if not isinstance(selection, list):
            problem = "is missing: the states are found by a method"
            contract.refuse(self, name, problem, '("confirmed", "done")')
        others = {self._document_initial_state, *self._document_cancelled_states}
        return tuple(state for state, _label in selection if state not in others)

    def _check_contract(self):
        """Check what the model says of itself, when the registry is loaded.

        :raise ContractError: something is missing, or is not there
        """
        if self._find_document_field("state"):
            states = [self._document_initial_state]
            name = "_document_initial_state"
            contract.check_states(self, name, states, '"new"')
        for attribute, example in (
            ("_stage_gated_states", '("done",)'),
            ("_stage_locked_states", '("done",)'),
            ("_stage_states", '{"done": "action_done"}'),
            ("_stage_state_labels", '{"done": "Done"}'),
        ):
            states = getattr(self, attribute) or ()
            contract.check_states(self, attribute, states, example)
        for method in filter(None, self._stage_states.values()):
            contract.check_method(
                self, "_stage_states", method, '{"done": "action_done"}'
            )
        contract.check_fields(self, "_stage_field", [self._stage_field], '"stage_id"')
        contract.check_fields(
            self,
            "_stage_columns",
            self._stage_columns,
            '{"move_type": ("out_invoice",)}',
        )

    @api.model
    def _get_stage_label(self):
        return self.env._(self._stage_label) if self._stage_label else self._description

    @api.model
    def _get_state_labels(self):
        """Return the states that a stage may stand for, and what they are called."""
        if self._stage_state_labels:
            return [
                (state, self.env._(label))
                for state, label in self._stage_state_labels.items()
            ]
        name = self._find_document_field("state")
        return self._fields[name]._description_selection(self.env) if name else []

    @api.model
    def _get_locked_states(self):
        if self._stage_locked_states is None:
            return self._stage_gated_states
        return self._stage_locked_states

    def _get_stage(self):
        return self[self._stage_field]

    def _get_next_stage(self):
        return self.next_stage_id

    @api.model
    def _get_stage_action(self):
        """Return the action that shows these documents by stage."""
        if self._stage_action:
            return self.env["ir.actions.act_window"]._for_xml_id(self._stage_action)
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "views": [(False, "list"), (False, "form")],
        }

    @api.model
    def _stage_domain(self):
        company = self._find_document_field("company")
        company = f", {company}" if company else ""
        return (
            f"[('document_type', '=', '{self._stage_document_type}'),"
            f" ('company_id', 'in', [False{company}])]"
        )

    @api.model
    @capability.required
    def _leave(self):
        """The stages of these documents go: those documents that have a history keep
        that they are in none any more."""
        result = capability.call(super()._leave)
        documents = self.with_context(active_test=False).search(
            [(self._stage_field, "!=", False)]
        )
        self.env.cr.execute(
            SQL(
                "UPDATE %(table)s SET %(stage)s = NULL WHERE %(stage)s IS NOT NULL",
                table=SQL.identifier(self._table),
                stage=SQL.identifier(self._stage_field),
            )
        )
        capability.call(documents._record_placing)
        stages = self.env["customer.approval.stage"].with_context(active_test=False)
        stages.search([("document_type", "=", self._stage_document_type)]).unlink()
        return result

    @api.model
    def _read_group_stage_ids(self, stages, domain):
        return stages.search(
            Domain("document_type", "=", self._stage_document_type)
            & Domain("company_id", "in", [False, *self.env.companies.ids])
        )

    def _is_staged(self):
        self.ensure_one()
        return all(self[name] in values for name, values in self._stage_columns.items())

    @api.model
    def _get_columns_read(self):
        return super()._get_columns_read() | {*self._get_gate_columns()[0]}

    # ------------------------------------------------------------------
    # Computes
    # ------------------------------------------------------------------

    @api.depends(lambda self: self._find_document_fields("company"))
    def _compute_stage_id(self):
        """A new document starts in the first stage of its state; later only the
        engine moves it."""
        stages = self.env["customer.approval.stage"]
        if any(not document._origin for document in self):
            stages = stages._get_list(self._stage_document_type)
        for document in self:
            if document._origin:
                stage = document._origin._get_stage()
            elif document._is_staged():
                stage = stages._first_of_state(
                    document._get_document_state(), document._get_document_company()
                )
            else:
                stage = False
            document[self._stage_field] = stage

    @api.depends(lambda self: self._find_stage_fields())
    def _compute_stage_entered_on(self):
        staged = self.filtered(self._stage_field)
        staged.stage_entered_on = fields.Datetime.now()
        (self - staged).stage_entered_on = False

    @api.depends(lambda self: self._get_fields_deciding_next())
    def _compute_next_stage_id(self):
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        following = self._find_next_stages(stages)
        for document in self:
            document.next_stage_id = following[document]

    @api.model
    def _get_fields_deciding_next(self):
        return [*self._find_stage_fields(), *self._find_document_fields("company")]

    def _find_next_stages(self, stages):
        """Return the stage that comes next for each document, if there is one.

        :param stages: all stages of the list, in order
        """
        result = {}
        for (stage, company), documents in self.grouped(
            lambda document: (document._get_stage(), document._get_document_company())
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
        name = self._stage_field
        if name in defaults:
            stage = self.env["customer.approval.stage"].sudo()
            if isinstance(defaults[name], int):
                stage = stage.browse(defaults[name]).exists()
            if stage.document_type != self._stage_document_type:
                del defaults[name]
        return defaults

    # ------------------------------------------------------------------
    # The one door
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        vals_list = [dict(vals) for vals in vals_list]
        for vals in vals_list:
            self._check_engine_values(vals)
            if self._document_state_field in vals:
                self._check_state_given(vals)
            if vals.get(self._stage_field):
                self._get_target_stage(vals[self._stage_field])
            else:
                vals.pop(self._stage_field, None)
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
        state_field = self._document_state_field
        company_field = self._document_company_field
        own = self._find_document_fields("state", "company")
        defaults = self.default_get([self._stage_field, *own, *self._stage_columns])
        reasons = []
        for given in vals_list:
            vals = {**defaults, **given}
            if any(
                vals.get(name) not in values
                for name, values in self._stage_columns.items()
            ):
                continue
            company = self.env["res.company"].browse(vals.get(company_field) or [])
            Stage = self.env["customer.approval.stage"].sudo()  # of any company
            targets = Stage.browse(vals.get(self._stage_field) or []).exists()
            if vals.get(state_field) in self._stage_gated_states:
                stages = Stage._get_list(self._stage_document_type)
                targets |= self._get_stage_of_state(stages, vals[state_field], company)
            for stage in targets:
                reasons += self._new_document_blockers(stage, company)
        if reasons:
            raise UserError("\n".join(dict.fromkeys(reasons)))

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
            lambda document: (
                vals.get(self._document_state_field, document._get_document_state()),
                document._get_document_company(),
            )
        ).items():
            if state in self._stage_gated_states:
                stages = self.env["customer.approval.stage"]._get_list(
                    self._stage_document_type
                )
                if stage := self._get_stage_of_state(stages, state, company):
                    documents._check_gates(stage)

    @api.model
    def _check_engine_values(self, vals):
        if self._get_engine_fields() & vals.keys():
            raise UserError(
                self.env._(
                    "Where a document advances to, and what blocks it, cannot be "
                    "written: it follows from its stage. Change the stage instead."
                )
            )

    @api.model
    def _get_fields_deciding_stages(self):
        """Return the fields that decide whether a document has stages, and which."""
        return {*self._find_document_fields("company"), *self._stage_columns}

    def _get_stage_list_key(self):
        self.ensure_one()
        return (self._is_staged(), self._get_document_company())

    def _after_stage_list_change(self):
        """Judge documents that have become documents with other stages, as if they
        were new: what was confirmed elsewhere is not let in without an approval."""
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        before = {}
        for document in self:
            stage = document._get_stage() if document._is_staged() else stages.browse()
            if document._is_staged() and stage.sudo().company_id not in (
                document._get_document_company(),
                self.env["res.company"],
            ):
                stage = stages.browse()
            if document._is_staged() and not stage:
                stage = stages._first_of_state(
                    document._get_document_state(), document._get_document_company()
                )
            if stage != document._get_stage():
                before[document] = document._get_stage()
                super(CustomerApprovalStagedMixin, document).write(
                    {self._stage_field: stage.id}
                )
        self._check_created()
        for document, stage in before.items():
            capability.call(document._record_stages, {document: stage})

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
        return [*known, self._stage_field, *sorted(self._get_engine_fields())]

    def _after_staged_create(self):
        self._check_created()
        if behind := self.filtered(lambda document: document._was_gate_asked()):
            nowhere = self.env["customer.approval.stage"]
            if behind._keeps_history():
                capability.call(behind._record_stages, dict.fromkeys(behind, nowhere))
        self._enter_stages()

    def _check_created(self):
        """Judge documents that were just created, wherever their stage came from."""
        staged = self.filtered(lambda document: document._is_staged())
        for stage, documents in staged.grouped(self._stage_field).items():
            if not stage:
                continue
            documents._check_stage_type(stage)
            documents._check_company_of_stage(stage)
            documents._check_gates(stage)
            if stage.document_state:
                documents._align_created_state(stage)
        initial = self._get_initial_state()
        self._check_created_states(
            staged.filtered(lambda d: d._get_document_state() != initial)
        )
        if misplaced := (self - staged).filtered(self._stage_field):
            misplaced._refuse_stage()

    def _align_created_state(self, stage):
        """A document created in a stage gets the state the stage stands for."""
        different = self.filtered(
            lambda d: d._get_document_state() != stage.document_state
        )
        initial = self._get_initial_state()
        drafts = different.filtered(lambda d: d._get_document_state() == initial)
        drafts._drive_state(stage)
        name = self._document_state_field
        for state, documents in (different - drafts).grouped(name).items():
            documents._write_state({name: state})

    def _check_created_states(self, documents):
        """A state has the gates of its first stage, whatever stage was given."""
        if not documents:
            return
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        for (state, company), group in documents.grouped(
            lambda document: (
                document._get_document_state(),
                document._get_document_company(),
            )
        ).items():
            entry = self._get_stage_of_state(stages, state, company)
            elsewhere = group.filtered(
                lambda d: d._get_stage().document_state != d._get_document_state()
            )
            if entry and elsewhere:
                elsewhere._check_gates(entry)

    # ------------------------------------------------------------------
    # Gates
    # ------------------------------------------------------------------

    def unlink(self):
        if not self or not self._keeps_history():
            return super().unlink()
        # What was deleted leaves the end of its chain behind.
        entries = [
            EventData(document, "deleted", text=document.display_name)
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
        if self._get_stage():
            gates = self._get_stage()._find_gates(stages)
        if self._get_document_state() in self._stage_gated_states:
            entry = self._get_stage_of_state(
                stages, self._get_document_state(), self._get_document_company()
            )
            gates |= entry._find_gates(stages) if entry else gates
        return gates._of_company(self._get_document_company())
