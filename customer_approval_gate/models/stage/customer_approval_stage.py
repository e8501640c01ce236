# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, ormcache

from ...tools import capability, triggers
from ...tools.demands import STRENGTHS
from ...tools.entry import HISTORY_KEPT, Entry
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

# What makes a stage ask for something, or changes which stages come before which.
GATE_FIELDS = {
    "active",
    "approval_from_amount",
    "company_id",
    "document_state",
    "document_type",
    "edit_lock",
    "minimum_evidence",
    "reachable_anytime",
    "requires_customer_approval",
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
        "customer.approval.stage.history.mixin",
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
    color = fields.Integer()
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
    requires_customer_approval = fields.Boolean(
        help="A document cannot enter this stage, or any stage after it, until its "
        "customer has approved exactly this scope and price.",
    )
    minimum_evidence = fields.Selection(
        [
            ("in_person", "In person before a witness, or better"),
            ("link", "Personal link, or better"),
            ("strong", "Login or one-time code"),
        ],
        help="How sure it has to be who approved. Empty: any evidence will do, also an "
        "answer that staff recorded from paper or mail.",
    )
    currency_id = fields.Many2one(
        "res.currency", compute="_compute_currency_id", compute_sudo=True
    )
    approval_from_amount = fields.Monetary(
        string="From an Amount of",
        help="Only documents that come to this amount or more, in their company's "
        "currency, need the customer's approval to enter. 0: all of them.",
    )
    reachable_anytime = fields.Boolean(
        help="A side stage such as On Hold or Cancelled: documents can always enter "
        "it, whatever the stages before it ask for.",
    )
    edit_lock = fields.Boolean(
        help="What is sold, and at which price, cannot be edited while the document "
        "is in this stage.",
    )
    entry_action_ids = fields.One2many(
        "customer.approval.stage.action",
        "stage_id",
        string="Entry Actions",
        copy=True,
        help="What is done with documents that have entered the stage.",
    )
    auto_advance_stage_id = fields.Many2one(
        "customer.approval.stage",
        string="Goes on to",
        domain="[('document_type', '=', document_type), ('id', '!=', id)]",
        ondelete="restrict",
        help="Where documents go by themselves from here, gates included.",
    )
    auto_advance_on = fields.Selection(
        [
            ("entry", "At once"),
        ],
        string="Goes on When",
        help="What lets documents go on by themselves.",
    )
    approved_stage_id = fields.Many2one(
        "customer.approval.stage",
        string="When Approved, Goes to",
        domain="[('document_type', '=', document_type), ('id', '!=', id)]",
        ondelete="restrict",
        help="Where documents in this stage go by themselves when their customer "
        "approves.",
    )
    rejected_stage_id = fields.Many2one(
        "customer.approval.stage",
        string="When Rejected, Goes to",
        domain="[('document_type', '=', document_type), ('id', '!=', id)]",
        ondelete="restrict",
        help="Where documents in this stage go by themselves when their customer "
        "rejects, or requests changes.",
    )
    is_closed = fields.Boolean(
        string="Closed", help="The work on documents in this stage is done."
    )
    company_id = fields.Many2one(
        "res.company", help="Leave it empty for a stage of all companies."
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
    document_count = fields.Integer(
        string="Documents", compute="_compute_document_count"
    )
    unapproved_count = fields.Integer(
        string="Not Approved",
        compute="_compute_document_count",
        help="Documents in this stage whose customer has not approved them.",
    )

    _type_sequence_idx = models.Index("(document_type, sequence, id)")
    _approval_from_amount_positive = models.Constraint(
        "CHECK (approval_from_amount >= 0)",
        "The amount from which on approval is required cannot be negative. Enter 0 for "
        "all documents.",
    )

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

    @api.model
    @ormcache()
    def _find_document_models(self):
        return tuple(
            (model._stage_document_type, model._name)
            for model in models_with(self.env, "customer.approval.staged.mixin")
        )

    def _is_gate(self):
        """Return whether entering the stage asks for anything of its own.

        Override to add a gate.
        """
        self.ensure_one()
        return self.requires_customer_approval

    def _looks_at_amounts(self):
        """Return whether it depends on what a document comes to what the stage asks
        for."""
        self.ensure_one()
        return bool(self.approval_from_amount)

    @api.depends("company_id")
    @api.depends_context("company")
    def _compute_currency_id(self):
        for stage in self:
            company = stage.company_id or self.env.company
            stage.currency_id = company.currency_id

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

    def _get_asking(self, stage):
        """Return which of these gates is named as the one that asks: the stage's own if
        it is one of them, or else the first.

        :param stage: the stage to be entered
        """
        return (self & stage.sudo()) or self[:1]

    def _of_company(self, company):
        """Return those of these stages that count for a company's documents."""
        return self.filtered(
            lambda stage: stage.company_id in (company, self.env["res.company"])
        )

    def _get_gates(self, company):
        """Return the stages whose conditions a document of the company must meet to
        enter this stage, as far as showing them goes: see ``_find_gates()``."""
        self.ensure_one()
        if not self._is_list_in_use(self.document_type):
            return self.browse()
        return self.sudo().gate_stage_ids._of_company(company)  # of all companies

    def _get_minimum_strength(self):
        """Return how sure the surest of these stages wants to be who approved, see
        ``tools.ledger.LEVELS``; 0 where any evidence will do."""
        return max(
            (
                STRENGTHS.get(stage.minimum_evidence, 0)
                for stage in self
                if stage.requires_customer_approval
            ),
            default=0,
        )

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

    @api.model
    def _get_gate_fields(self):
        """Return the fields that make a stage ask for something, or change which stages
        come before which. Override for those of further addons."""
        return self._get_logged_fields()

    @api.model
    def _get_logged_fields(self):
        """Return those of the fields that the database watches as well: of this addon,
        which are there whenever its trigger is made."""
        return set(GATE_FIELDS)

    @api.model
    def _get_movement_fields(self):
        """Return the fields that say what happens to documents that enter a stage."""
        return {
            "approved_stage_id",
            "auto_advance_on",
            "auto_advance_stage_id",
            "is_closed",
            "rejected_stage_id",
        }

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

    @api.constrains(
        "approved_stage_id",
        "auto_advance_on",
        "auto_advance_stage_id",
        "company_id",
        "document_type",
        "rejected_stage_id",
    )
    def _check_going_on(self):
        for stage in self:
            if bool(stage.auto_advance_stage_id) != bool(stage.auto_advance_on):
                raise ValidationError(
                    self.env._(
                        "Say both where documents go on to from %(stage)s, and when.",
                        stage=stage.name,
                    )
                )
            targets = (
                stage.auto_advance_stage_id
                | stage.approved_stage_id
                | stage.rejected_stage_id
            )
            for target in targets:
                if target.document_type != stage.document_type or (
                    target.company_id and target.company_id != stage.company_id
                ):
                    raise ValidationError(
                        self.env._(
                            "Documents in %(stage)s cannot go on to %(target)s, which "
                            "is a stage of other documents, or of one company only. "
                            "Choose another one.",
                            stage=stage.name,
                            target=target.name,
                        )
                    )
            stage._check_no_loop()

    def _check_no_loop(self):
        """
        :raise ValidationError: documents would come back to this stage by themselves
        """
        self.ensure_one()
        stage = self.sudo()  # stages of all companies lead on
        starts = (
            (stage.auto_advance_stage_id, ("entry", *self._get_causes())),
            (stage.approved_stage_id, ("entry",)),
            (stage.rejected_stage_id, ("entry",)),
        )
        for start, causes in starts:
            path = start
            while path[-1:].auto_advance_on in causes:
                following = path[-1:].auto_advance_stage_id
                if not following or following in path:
                    break
                path += following
            if stage in path:
                names = " → ".join([stage.name, *path.mapped("name")])
                raise ValidationError(
                    self.env._(
                        "Documents would go in a circle by themselves: %(path)s. "
                        "Change where one of these stages leads.",
                        path=names,
                    )
                )

    @api.model
    def _get_later_causes(self):
        """Return what lets documents go on some time after they have entered."""
        return [cause for cause in self._get_causes() if cause != "entry"]

    @api.model
    def _get_causes(self):
        return [value for value, _label in self._fields["auto_advance_on"].selection]

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
            # Without a company: the stages that all companies share.
            for company in (self.env["res.company"], *stages.company_id):
                entry = stages._first_of_state("draft", company)
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

    # ------------------------------------------------------------------
    # Documents in the stage
    # ------------------------------------------------------------------

    def _count_documents(self):
        self.ensure_one()
        return self._read_documents("__count").get(self.id, 0)

    def _read_documents(self, aggregate, domain=Domain.TRUE):
        """Return an aggregate over the documents of each stage, by the stage's id."""
        result = {}
        for document_type in set(self.mapped("document_type")):
            model = self.env[self._document_models()[document_type]]
            stages = self.filtered(lambda s, t=document_type: s.document_type == t)
            groups = (
                model.sudo()  # whoever configures stages need not see all documents
                .with_context(active_test=False)
                ._read_group(
                    Domain("stage_id", "in", stages.ids) & domain,
                    ["stage_id"],
                    [aggregate],
                )
            )
            result.update({stage.id: value for stage, value in groups})
        return result

    @api.model
    def _place_existing_documents(self):
        """Give documents that have no stage the one of their state, one statement a
        model: at the installation, before any stage asks for anything."""
        self.env.flush_all()
        for document_type, name in self._document_models().items():
            model = self.env[name]
            staged = [
                SQL("%s IN %s", SQL.identifier(model._table, column), tuple(values))
                for column, values in model._stage_columns.items()
            ]
            self.env.cr.execute(
                SQL(
                    """
                    UPDATE %(table)s
                       SET stage_id = stage.id,
                           stage_entered_on = COALESCE(%(table)s.write_date, now())
                      FROM (
                            SELECT DISTINCT ON (document_state) document_state, id
                              FROM customer_approval_stage
                             WHERE document_type = %(document_type)s
                               AND document_state IS NOT NULL
                               AND company_id IS NULL
                               AND active
                          ORDER BY document_state, sequence, id
                           ) AS stage
                     WHERE stage.document_state = %(table)s.state
                       AND %(table)s.stage_id IS NULL
                       AND %(staged)s
                    """,
                    table=SQL.identifier(model._table),
                    document_type=document_type,
                    staged=SQL(" AND ").join([SQL("TRUE"), *staged]),
                )
            )
        self.env.invalidate_all()

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

    def _compute_document_count(self):
        stored = self.filtered("id")
        counts = stored._read_documents("__count")
        unapproved = stored._read_documents(
            "__count", Domain("customer_approval_status", "!=", "approved")
        )
        for stage in self:
            stage.document_count = counts.get(stage._origin.id, 0)
            stage.unapproved_count = unapproved.get(stage._origin.id, 0)

    def action_view_documents(self):
        """Open the documents that are in this stage."""
        self.ensure_one()
        model = self.env[self._document_models()[self.document_type]]
        return {
            **model._get_stage_action(),
            "domain": [("stage_id", "=", self.id)],
            "name": self.name,
        }

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
            self._forget_headings(vals)
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

    def _get_demands(self):
        """Return what these gates ask for: pairs of a gate and of ``(kind, company,
        amount)``, from which amount on and of which company's documents."""
        demands = set()
        for gate in self.sudo():  # of all companies
            if gate.requires_customer_approval:
                demand = ("approval", gate.company_id, gate.approval_from_amount)
                demands.add((gate, demand))
        return demands

    @api.model
    def _get_all_demands(self):
        """Return what is asked for on the way into each stage, and into each status of
        Odoo's: ``{(stage, status): demands}``."""
        companies = self.env["res.company"].sudo()  # of all there are
        companies = companies.search(Domain.TRUE)
        demands = {}
        for document_type in self._document_models():
            stages = self._get_list(document_type)
            for stage in stages:
                demands[stage, ""] = stage._find_gates(stages)._get_demands()
            for state in {*stages.mapped("document_state")} - {False}:
                gates = self.browse()
                for company in companies:
                    entry = stages._first_of_state(state, company)
                    gates |= entry._find_gates(stages) if entry else gates
                demands[self.browse(), f"{document_type}.{state}"] = (
                    gates._get_demands()
                )
        return demands

    def _check_demands(self, before):
        """Refuse to take a gate away by moving stages: it goes by its own flag, where
        everybody sees it.

        :param dict before: what ``_get_all_demands()`` returned
        :raise UserError: a stage would ask for less than before
        """
        present = self._get_all_demands() if before else {}
        for key, demands in before.items():
            own = {demand for _gate, demand in present.get(key, ())}
            if key not in present and not key[1]:
                continue  # nobody enters what was archived
            for gate, (kind, company, amount) in demands:
                still = {k for _gate, (k, _c, _a) in gate._get_demands()}
                if kind not in still or any(
                    kind == other
                    and of in (company, company.browse())
                    and since <= amount
                    for other, of, since in own
                ):
                    continue
                stage = key[0] or gate
                count = stage._read_documents("__count").get(stage.id, 0)
                raise UserError(
                    self.env._(
                        "With this, “%(stage)s” would no longer require what "
                        "“%(gate)s” requires (%(count)s documents are in it). If that "
                        "is what you want, remove the requirement on “%(gate)s” "
                        "first, which is logged; then change the stages, and set it "
                        "again.",
                        stage=stage.name,
                        gate=gate.name,
                        count=count,
                    )
                )

    def unlink(self):
        self._forget_lists()
        before = self._get_all_gates()
        types = set(self.mapped("document_type"))
        columns = {stage: stage._read_columns() for stage in self}
        # Together or not at all: code may go on after an error.
        with self.env.cr.savepoint():
            capability.call(self._record_configuration, columns, deleted=True)
            self._forget_headings()
            result = super().unlink()
        remaining = self.search([("document_type", "in", list(types))])
        remaining._after_gate_change(before)
        return result

    def _forget_headings(self, vals=None):
        """Documents are not headed any more for where these stages no longer lead to,
        or for these stages, where they go.

        :param vals: what is written on the stages; nothing if they go
        """
        for document_type, model in self._document_models().items():
            stages = self.filtered(lambda s, t=document_type: s.document_type == t)
            domain = Domain("headed_stage_id", "in", stages.ids)
            if vals is not None and vals.get("active", True):
                domain = Domain("stage_id", "in", stages.ids) & Domain(
                    "headed_cause", "not in", ("payment_arrived", "signed")
                )
            documents = self.env[model].sudo()  # of whatever company
            documents = documents.with_context(active_test=False)
            documents.search(
                domain & Domain("headed_stage_id", "!=", False)
            )._forget_heading()

    @api.model
    def _get_all_gates(self):
        return {stage: stage.gate_stage_ids for stage in self._get_all_stages()}

    @api.model
    def _get_all_stages(self):
        # Of all companies, and the archived ones: their gates are to go.
        return (
            self.sudo()
            .with_context(active_test=False)
            .search([("document_type", "in", list(self._document_models()))])
        )

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

    def _read_columns(self):
        """Return what decides on gates, as plain data."""
        self.ensure_one()
        values = {}
        for name in sorted(self._get_gate_fields()):
            field, value = self._fields[name], self[name]
            if field.type == "many2one":
                value = value.id
            elif field.type in ("float", "monetary") and value:
                # Events hold no floating point numbers: their text could differ.
                value = f"{value:.6f}".rstrip("0").rstrip(".")
            values[name] = value or None
        return values

    @capability.required
    def _record_configuration(self, before, deleted=False):
        """Keep what of stages was changed, by whom and when. The database refuses
        changes that are not.

        :param dict before: what ``_read_columns()`` said of each stage
        :param bool deleted: whether the stages go
        """
        entries = []
        for stage in self:
            old, new = before[stage], {} if deleted else stage._read_columns()
            changes = {
                name: [old.get(name), new.get(name)]
                for name in sorted(self._get_gate_fields())
                if old.get(name) != new.get(name)
            }
            if changes:
                name = stage.with_context(lang=None).name
                # What comes later has a higher number, whatever its date says.
                last = stage._read_last_document()
                entries.append(
                    Entry(
                        stage,
                        "stage_configured",
                        text=name,
                        details={"changes": changes, "last_id": last},
                    )
                )
        # Nobody writes events but what happens.
        self.env["customer.approval.event"].sudo()._append(entries)

    def _read_last_document(self):
        """Return the highest number of a document that goes through this stage's
        list."""
        self.ensure_one()
        name = self._document_models().get(self.document_type)
        if not name:
            return 0
        # Also of those that other transactions are creating.
        self.env.cr.execute(
            "SELECT COALESCE(pg_sequence_last_value("
            "pg_get_serial_sequence(%s, 'id')::regclass), 0)",
            [self.env[name]._table],
        )
        return self.env.cr.fetchone()[0]

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

    def _read_flags(self):
        self.ensure_one()
        values = {}
        for name in sorted(self._get_gate_fields() - {"sequence"}):
            field = self._fields[name]
            values[name] = self[name]
            if field.type == "selection":
                labels = dict(field._description_selection(self.env))
                values[name] = labels.get(self[name])
            elif field.type == "many2one":
                values[name] = self[name].sudo().display_name  # of other companies too
        return values

    def _log_flags(self, before):
        """Log what decides on gates: flags that were ticked or unticked, and so on.

        Field tracking would not do: a context key switches it off.
        """
        for stage, flags in before.items():
            now = stage._read_flags()
            for name, old in flags.items():
                if now[name] == old:
                    continue
                label = stage._fields[name]._description_string(self.env)
                if now[name] is True:
                    body = self.env._("%(flag)s: ticked", flag=label)
                elif now[name] is False and old is True:
                    body = self.env._("%(flag)s: unticked", flag=label)
                else:
                    body = self.env._(
                        "%(field)s: %(old)s → %(new)s",
                        field=label,
                        old=old or self.env._("None"),
                        new=now[name] or self.env._("None"),
                    )
                stage._message_log(body=body)

    def _describe_gates(self):
        """Return what entering the stage requires now, in a sentence."""
        self.ensure_one()
        return " ".join(self._describe_requirements()) or self.env._(
            "“%(stage)s” requires nothing.", stage=self.name
        )

    def _describe_requirements(self):
        """Return what entering the stage requires now, a sentence for each kind of
        gate. Override for your own."""
        self.ensure_one()
        gates = self.gate_stage_ids.filtered("requires_customer_approval")
        if not gates:
            return []
        return [
            self.env._(
                "“%(stage)s” now requires customer approval (gate: %(gates)s).",
                stage=self.name,
                gates=", ".join(gates.mapped("name")),
            )
        ]

    def _notify_gate_change(self, changed):
        """Tell whoever changed the stages what follows from it, at once."""
        if not changed or self.env.context.get("install_mode"):
            return
        unapproved = changed._read_documents(
            "__count", Domain("customer_approval_status", "!=", "approved")
        )
        lines = []
        for stage in changed.sorted(lambda s: (s.document_type, s.sequence, s.id)):
            count = unapproved.get(stage.id, 0)
            line = stage._describe_gates()
            if stage.gate_stage_ids and count:
                line += " " + self.env._(
                    "%(count)s documents in it have no approval: they stay, marked as "
                    "not approved.",
                    count=count,
                )
            lines.append(line)
        self.env.user._bus_send(
            "simple_notification",
            {
                "type": "warning",
                "title": self.env._("Gates have changed"),
                # The client shows it as it is, tags included.
                "message": " ".join(lines),
                "sticky": True,
            },
        )
