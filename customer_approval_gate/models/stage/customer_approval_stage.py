# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import ormcache

from ...tools import capability, triggers
from ...tools.event_data import HISTORY_KEPT
from ...tools.registry import models_with

STAGES_CHANGED = "stages_changed"
"""The key of the cursor's cache that says that a transaction has changed stages."""

# What changes which stages come before which, or whose documents they are for.
STRUCTURE_FIELDS = {
    "active",
    "company_id",
    "document_state",
    "reachable_anytime",
    "sequence",
}


class CustomerApprovalStage(models.Model):
    """A step of the business's own workflow, the guide's "order status".

    There is one ordered list for each type of document. A stage asks for its own
    gates and for those of all stages before it in its list, so that nobody gets
    round a gate by dropping a card two columns further.
    """

    _name = "customer.approval.stage"
    _inherit = [
        "customer.approval.stage.log.mixin",
        "customer.approval.stage.advance.mixin",
        "customer.approval.stage.history.mixin",
        "customer.approval.stage.documents.mixin",
        "customer.approval.stage.mixin",
        "mail.thread",
        "customer.approval.guarded.mixin",
    ]
    _description = "Document Stage"
    _order = "document_type, sequence, id"
    _check_company_auto = True

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    fold = fields.Boolean(
        string="Folded in Kanban",
        help="The stage's column is folded in the kanban view.",
    )
    color = fields.Integer(aggregator=None)
    description = fields.Text(
        translate=True,
        help="What belongs into this stage, for the people who move documents.",
    )
    document_type = fields.Selection(
        selection="_get_document_types",
        required=True,
        index=True,
    )
    document_state = fields.Selection(
        selection="_get_document_states",
        string="Stands for",
        help="The state of Odoo's own that this stage stands for. Entering the stage "
        "brings the document into that state, and a document that gets into that "
        "state enters the first stage that stands for it. Leave it empty for a stage "
        "that does not touch the document's state.",
    )
    document_state_choice = fields.Json(
        compute="_compute_document_state_choice",
        help="The states that a stage of this list can stand for.",
    )
    entry_action_ids = fields.One2many(
        "customer.approval.stage.action",
        "stage_id",
        string="Entry Actions",
        copy=True,
        help="What is done with documents that have entered the stage.",
    )
    gate_stage_ids = fields.Many2many(
        "customer.approval.stage",
        relation="customer_approval_stage_gate_rel",
        column1="stage_id",
        column2="gate_id",
        string="Asks for the Gates of",
        compute="_compute_gate_stage_ids",
        store=True,
        help="The stages whose conditions a document must meet to enter this one: "
        "those before it in the list, and itself.",
    )
    _type_sequence_idx = models.Index("(document_type, sequence, id)")
    # ------------------------------------------------------------------
    # Which stage asks for what
    # ------------------------------------------------------------------

    @api.model
    def _document_models(self):
        """Return the name of the model of each type of document: those that have
        stages, found in the registry."""
        return dict(self._find_document_models())

    @api.model
    def _get_document_types(self):
        return [
            (document_type, self.env[model]._get_stage_label())
            for document_type, model in self._document_models().items()
        ]

    @api.model
    def _get_document_states(self):
        """Return the states of all documents that have stages; one that several have
        may be called differently by each."""
        labels = {}
        for model in self._document_models().values():
            for state, label in self.env[model]._get_state_labels():
                labels.setdefault(state, []).append(label)
        return [
            (state, " / ".join(dict.fromkeys(own))) for state, own in labels.items()
        ]

    @api.depends("document_type")
    def _compute_document_state_choice(self):
        known = self._document_models()
        for stage in self:
            name = known.get(stage.document_type)
            states = self.env[name]._get_state_labels() if name else []
            # The widget takes a list, and an empty one is none.
            stage.document_state_choice = [False, *(state for state, _label in states)]

    @api.model
    @ormcache()
    def _find_document_models(self):
        found = models_with(self.env, "customer.approval.staged.mixin")
        found.sort(key=lambda model: model._stage_list_sequence)
        return tuple((model._stage_document_type, model._name) for model in found)

    # No dependencies: other stages' fields count, see _recompute_gates().
    def _compute_gate_stage_ids(self):
        lists = {
            document_type: self._get_list(document_type)
            for document_type in set(self.mapped("document_type"))
        }
        for stage in self:
            stage.gate_stage_ids = stage._find_gates(lists[stage.document_type])

    def _find_gates(self, stages=None):
        """Return the stages whose conditions must be met to enter this one, from the
        list itself: design rule 2, "a gate cannot be jumped over".

        The gate asks this method and not ``gate_stage_ids``, which says the same for
        people and for the database, but is a column that somebody may alter.

        :param stages: all stages of the list, in order, if they were read already
        """
        self.ensure_one()
        stage = self.sudo()  # stages of all companies count
        gates = stage.browse()
        if stage.reachable_anytime:
            return gates
        for other in (
            stages if stages is not None else self._get_list(stage.document_type)
        ):
            if (
                other._is_gate()
                and not other.reachable_anytime
                and (
                    not other.company_id
                    or not stage.company_id
                    or other.company_id == stage.company_id
                )
                and (other.sequence, other.id) <= (stage.sequence, stage.id)
            ):
                gates |= other
        return gates

    def _get_gates(self, company):
        """Return the stages whose conditions a document of the company must meet to
        enter this stage, as far as showing them goes: see ``_find_gates()``."""
        self.ensure_one()
        if not self._is_list_in_use(self.document_type):
            return self.browse()
        return self.sudo().gate_stage_ids._of_company(company)  # of all companies

    @api.model
    def _get_list(self, document_type):
        """Return all active stages of a type of document, in order."""
        # Stages of companies that the user is not logged in to count as well.
        if STAGES_CHANGED in capability.memory(self.env):
            # What this transaction has changed may be undone by a savepoint.
            return self.sudo().browse(self._find_list_ids(document_type))
        return self.sudo().browse(self._get_list_ids(document_type))

    @api.model
    @ormcache("document_type")
    def _get_list_ids(self, document_type):
        """Return the ids of the stages of a list. What they ask for is not kept: it is
        read in each transaction."""
        return self._find_list_ids(document_type)

    @api.model
    def _find_list_ids(self, document_type):
        stages = self.sudo().with_context(active_test=True)  # as above
        return stages.search(
            [("document_type", "=", document_type)], order="sequence, id"
        )._ids

    @api.model
    def _forget_lists(self):
        """Let all transactions read the lists anew: now, and when this one is over."""
        capability.memory(self.env)[STAGES_CHANGED] = True
        self.env.registry.clear_cache()
        self.env.cr.postcommit.add(self.env.registry.clear_cache)

    @api.model
    def _has_gates(self, document_type):
        """Return whether any stage of a list asks for an approval."""
        return any(
            stage.requires_customer_approval for stage in self._get_list(document_type)
        )

    def _is_in_use(self):
        """Return whether the stage does anything, or asks for anything.

        Override for stages that do more.
        """
        self.ensure_one()
        return bool(
            self._is_gate()
            or self.edit_lock
            or self.auto_advance_stage_id
            or self.approved_stage_id
            or self.rejected_stage_id
            or self.entry_action_ids
        )

    @api.model
    def _is_list_in_use(self, document_type):
        """Return whether any stage of a list does anything, or asks for anything. Until
        then Odoo is left alone."""
        if STAGES_CHANGED in capability.memory(self.env):
            return self._find_out_in_use(document_type)
        return self._is_list_in_use_cached(document_type)

    @api.model
    @ormcache("document_type")
    def _is_list_in_use_cached(self, document_type):
        return self._find_out_in_use(document_type)

    @api.model
    def _find_out_in_use(self, document_type):
        stages = self._get_list(document_type)
        # What is asked for is read already, what else happens is not.
        return any(stage._is_gate() for stage in stages) or any(
            stage._is_in_use() for stage in stages
        )

    @api.model
    def _is_history_kept(self, model):
        """Return whether anything has ever happened to documents of a model that has
        to do with stages: what Odoo does to them is history from then on."""
        if self._is_list_in_use(self.env[model]._stage_document_type):
            return True
        # As long as this transaction writes no event, others' are not seen either.
        known = capability.memory(self.env).setdefault(HISTORY_KEPT, {})
        if model not in known:
            self.env.cr.execute(
                "SELECT EXISTS"
                " (SELECT FROM customer_approval_event WHERE res_model = %s)",
                [model],
            )
            known[model] = self.env.cr.fetchone()[0]
        return known[model]

    def _first_of_state(self, state, company):
        """Return the first of these stages that stands for a state."""
        own = self._of_company(company)
        return own.filtered(lambda stage: stage.document_state == state)[:1]

    # ------------------------------------------------------------------
    # Constraints
    # ------------------------------------------------------------------

    @api.constrains("document_type", "document_state")
    def _check_document_state(self):
        for stage in self:
            model = self.env[self._document_models()[stage.document_type]]
            states = dict(model._get_state_labels())
            if stage.document_state and stage.document_state not in states:
                raise ValidationError(
                    self.env._(
                        "The stage %(stage)s cannot stand for “%(state)s”: documents "
                        "of its type are never in that state. Choose another state, "
                        "or none.",
                        stage=stage.name,
                        state=dict(self._get_document_states())[stage.document_state],
                    )
                )

    @api.constrains("requires_customer_approval", "document_type")
    def _check_customers_can_be_asked(self):
        approvable = self.env.registry["customer.approval.approved.mixin"]
        for stage in self.filtered("requires_customer_approval"):
            model = self.env[self._document_models()[stage.document_type]]
            if not isinstance(model, approvable):
                raise ValidationError(
                    self.env._(
                        "Customers cannot be asked to approve documents of the list of "
                        "%(stage)s. Untick “Requires Customer Approval”.",
                        stage=stage.name,
                    )
                )

    @api.constrains("requires_customer_approval", "reachable_anytime")
    def _check_side_stage_has_no_gate(self):
        for stage in self:
            if stage.requires_customer_approval and stage.reachable_anytime:
                raise ValidationError(
                    self.env._(
                        "The stage %(stage)s cannot both be reachable at any time and "
                        "require the customer's approval. Untick one of the two.",
                        stage=stage.name,
                    )
                )

    def _check_entry_stages(self):
        """A new document starts in the first stage of its draft state: if that one
        asked for an approval, nobody could ever be asked for it."""
        for document_type in set(self.mapped("document_type")):
            stages = self._get_list(document_type)
            model = self._document_models().get(document_type)
            state = self.env[model]._get_initial_state() if model else False
            # Without a company: the stages that all companies share.
            for company in (self.env["res.company"], *stages.company_id):
                entry = stages._first_of_state(state, company)
                if entry and entry._get_gates(company):
                    raise ValidationError(
                        self.env._(
                            "New documents start in the stage %(stage)s: if anything "
                            "were required to enter it, no document could be created "
                            "to ask about. Require it in a later stage.",
                            stage=entry.name,
                        )
                    )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_in_use(self):
        for stage in self:
            if stage._count_documents():
                raise UserError(
                    self.env._(
                        "The stage %(stage)s holds documents and cannot be deleted. "
                        "Move them to another stage first, or archive the stage.",
                        stage=stage.name,
                    )
                )

    def _check_document_type_change(self, document_type):
        for stage in self:
            if stage.document_type != document_type and stage._count_documents():
                raise UserError(
                    self.env._(
                        "The stage %(stage)s holds documents, so it cannot become a "
                        "stage of other documents. Create a new stage instead.",
                        stage=stage.name,
                    )
                )

    @api.model
    def _search_display_name(self, operator, value):
        """Names are looked up in one list where one is meant: an import of orders finds
        no stage of invoices."""
        domain = super()._search_display_name(operator, value)
        document_type = self.env.context.get("customer_approval_list")
        if document_type:
            domain = (
                Domain(domain)
                & Domain("document_type", "=", document_type)
                & Domain("company_id", "in", [False, *self.env.companies.ids])
            )
        return domain

    # ------------------------------------------------------------------
    # Changes of gates: recomputed, checked, logged, told
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        self._check_gates_are_not_written(vals_list)
        before = self._get_all_gates()
        self._forget_lists()
        stages = super().create(vals_list)
        capability.call(stages._record_configuration, {stage: {} for stage in stages})
        stages._after_gate_change(before)
        # Those that there were before the addon that brings their stages.
        types = {*stages.mapped("document_type")}
        self._place_existing_documents(
            {
                document_type
                for document_type in types
                if not any(stage._is_gate() for stage in self._get_list(document_type))
            }
        )
        return stages

    @api.model
    def _check_gates_are_not_written(self, vals_list):
        if any("gate_stage_ids" in vals for vals in vals_list):
            raise UserError(
                self.env._(
                    "Which gates a stage asks for follows from the order of the stages "
                    "and from their flags. Change those."
                )
            )

    @api.model
    def default_get(self, fields):
        defaults = super().default_get(fields)
        defaults.pop("gate_stage_ids", None)
        return defaults

    def write(self, vals):
        self._check_gates_are_not_written([vals])
        if {"active", *self._get_movement_fields()} & vals.keys():
            self._forget_advances(vals)
        if not self._get_gate_fields() & vals.keys():
            return super().write(vals)
        if vals.get("document_type"):
            self._check_document_type_change(vals["document_type"])
        # Documents that moved before the change were judged before it.
        self.env.flush_all()
        before = self._get_all_gates()
        demands = self._get_all_demands() if STRUCTURE_FIELDS & vals.keys() else {}
        own = {stage: stage._read_flags() for stage in self}
        columns = {stage: stage._read_columns() for stage in self}
        self._forget_lists()
        result = super().write(vals)
        capability.call(self._record_configuration, columns)
        self._log_flags(own)
        self._after_gate_change(before)
        self._check_demands(demands)
        return result

    def unlink(self):
        self._forget_lists()
        before = self._get_all_gates()
        types = set(self.mapped("document_type"))
        columns = {stage: stage._read_columns() for stage in self}
        # Together or not at all: code may go on after an error.
        with self.env.cr.savepoint():
            capability.call(self._record_configuration, columns, deleted=True)
            self._forget_advances()
            result = super().unlink()
        remaining = self.search([("document_type", "in", list(types))])
        remaining._after_gate_change(before)
        return result

    def _after_gate_change(self, before):
        """Recompute what each stage asks for, and say what has changed by it."""
        self._recompute_gates()
        self._check_entry_stages()
        changed = self.browse()
        for stage, gates in self._get_all_gates().items():
            # Deleted gates are gone from the cache as well.
            old = before.get(stage, self.browse()).exists()
            if stage.active and set(gates) != set(old):
                changed |= stage
        for stage in changed:
            stage._message_log(body=stage._describe_gates())
        self._notify_gate_change(changed.filtered(lambda s: s not in before or s.id))
        if not self.env.context.get("install_mode"):
            for document_type in {*self.mapped("document_type")}:
                model = self._document_models()[document_type]
                self.env[model].sudo()._update_all_blocked()  # of whatever company

    def _recompute_gates(self):
        stages = self._get_all_stages()
        self.env.add_to_compute(self._fields["gate_stage_ids"], stages)
        # The database asks the stages' table, whenever a document is written.
        stages.flush_recordset()

    @api.model
    def _get_triggers(self):
        return [
            *super()._get_triggers(),
            triggers.Trigger(
                self._table,
                "stage_logged",
                "AFTER INSERT OR UPDATE OR DELETE",
                "customer_approval_stage",
                [json.dumps(sorted(self._get_logged_fields()))],
                deferred=True,
            ),
        ]

    @api.model
    def _get_columns_read(self):
        return super()._get_columns_read() | self._get_gate_fields()

    def _lock_list(self):
        """Keep the stages of a list as they are until the transaction is over: nobody
        moves a document past a gate that somebody makes at the same time.

        :raise SerializationFailure: somebody has changed them; Odoo tries again
        """
        if self.env.cr.readonly:
            return  # nothing moves
        memory = capability.memory(self.env)
        known = memory.setdefault("stages_locked", set())
        for document_type in {*self.mapped("document_type")} - known:
            known.add(document_type)
            # What is asked next, see _is_history_kept(), costs no query of its own.
            model = self._document_models().get(document_type)
            self.env.cr.execute(
                "SELECT EXISTS"
                " (SELECT FROM customer_approval_event WHERE res_model = %s)"
                "  FROM customer_approval_stage WHERE document_type = %s FOR SHARE",
                [model, document_type],
            )
            if rows := self.env.cr.fetchall():
                memory.setdefault(HISTORY_KEPT, {})[model] = rows[0][0]
