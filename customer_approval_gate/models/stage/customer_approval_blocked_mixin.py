# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.fields import Domain

BATCH = 1000


class CustomerApprovalBlockedMixin(models.AbstractModel):
    """Why a document cannot go on, before somebody tries.

    Of its host, a staged document, it asks ``stage_id``, ``_find_next_stages()`` and
    ``_ask_gates()``.
    """

    _name = "customer.approval.blocked.mixin"
    _inherit = ["customer.approval.gate.mixin"]
    _description = "Why a Document Cannot Go On"

    blocked_by = fields.Selection(
        [
            ("approval", "Customer Approval"),
            ("other", "Another Gate"),
            ("several", "Several Gates"),
        ],
        compute="_compute_blocked_by",
        groups="base.group_user",
        store=True,
        copy=False,
        index="btree_not_null",
        help="What keeps the document from its next stage.",
    )
    gate_states = fields.Json(
        string="Gates",
        compute="_compute_gate_states",
        groups="base.group_user",
        help="Every gate before the next stage, how far it is, and who can open it.",
    )

    @api.model
    def _get_engine_fields(self):
        """Return the fields that follow from what happens, and that nobody writes."""
        return {"blocked_by", "gate_states"}

    @api.depends(lambda self: self._get_fields_blocking())
    def _compute_blocked_by(self):
        states_of = self._ask_next_gates()
        known = dict(self._fields["blocked_by"].selection)

        def get_kind(document):
            kinds = {state.kind for state in states_of[document] if state.message}
            kind = "several" if len(kinds) > 1 else next(iter(kinds), False)
            return kind if not kind or kind in known else "other"

        # One value at once for many: each assignment costs as much as to find it out.
        for kind, documents in self.grouped(get_kind).items():
            documents.blocked_by = kind

    @api.depends(lambda self: self._get_fields_blocking())
    @api.depends_context("lang", "uid")
    def _compute_gate_states(self):
        states_of = self._ask_next_gates()
        for document in self:
            document.gate_states = [
                {
                    "kind": state.kind,
                    **{"label": "", "state": "", "who": "", **state.describe()},
                    "stage": document.next_stage_id.sudo().name,
                    "open": not state.message,
                }
                for state in states_of[document]
            ]

    def _ask_next_gates(self):
        """Return what the gates before each document's next stage say, for all
        documents at once: one round of questions for each stage that is next.

        :return: ``{document: [GateState]}``
        """
        states = {document: [] for document in self}
        # While somebody edits, it is shown what the document is as it is saved.
        stored = self._origin.filtered(self._stage_field)
        stages = self.env["customer.approval.stage"]
        if stored:
            stages = stages._get_list(self._stage_document_type)
        if not any(stage._is_gate() for stage in stages):
            return states
        # Whoever sees a document sees what blocks it.
        following = stored._find_next_stages(stages)
        for target, documents in stored.sudo().grouped(following.get).items():
            gates = target._find_gates(stages) if target else target
            if gates:
                states.update(documents._ask_gates(target, gates, shown=True))
        return {document: states.get(document._origin, []) for document in self}

    def _update_blocked(self):
        """Find out anew what blocks documents: something happened that no field of
        theirs shows."""
        self.env.add_to_compute(self._fields["blocked_by"], self)
        self.invalidate_recordset(["gate_states"])

    @api.model
    def _get_open_domain(self):
        """Return the domain of documents that may go on."""
        stage = self._stage_field
        return Domain(f"{stage}.is_closed", "=", False) & Domain(
            f"{stage}.reachable_anytime", "=", False
        )

    @api.model
    def _update_all_blocked(self):
        """Find out anew what blocks all documents, after stages have changed: now where
        they are few, else by a job."""
        documents = self.with_context(active_test=False).search(
            self._get_open_domain(), limit=BATCH + 1
        )
        if len(documents) <= BATCH:
            documents._update_blocked()
            waiting = documents.filtered("advance_stage_id")
            waiting._as_automation()._retry()
        else:
            self.env.ref("customer_approval_gate.cron_blocked").sudo()._trigger()

    def _update_by_job(self):
        self._update_blocked()
        self.flush_recordset(["blocked_by"])
