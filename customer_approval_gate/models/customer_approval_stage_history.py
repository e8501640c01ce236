# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What stages asked for at any time, as the ledger has it: *Verify* compares it with
what they ask for now, and with the documents that moved."""

import math
from bisect import bisect_right
from collections import defaultdict
from typing import NamedTuple

from odoo import api, models
from odoo.tools import SQL

from .customer_approval_stage import STRENGTHS, with_last_move

MOVES_AT_ONCE = 5000


class CustomerApprovalStage(models.Model):
    _inherit = "customer.approval.stage"

    @api.model
    def _read_configurations(self):
        """Return what stages were configured to, in order: ``[(number of the event,
        stage's number, {field: value})]``."""
        rows = self.env.execute_query(
            SQL(
                "SELECT id, res_id, details->'changes' FROM customer_approval_event"
                " WHERE res_model = %s AND kind = 'stage_configured' ORDER BY id",
                self._name,
            )
        )
        return [
            (event_id, stage_id, {name: new for name, (_old, new) in changes.items()})
            for event_id, stage_id, changes in rows
        ]

    @api.model
    def _find_unlogged(self):
        """Stages that ask for something else than the ledger says, or that are gone."""
        logged = defaultdict(dict)
        for _event_id, stage_id, values in self._read_configurations():
            logged[stage_id].update(values)
        problems = []
        stages = self._get_all_stages()
        for stage in stages:
            for name, value in stage._read_columns().items():
                if value != logged[stage.id].get(name):
                    problems.append(
                        f"{self._name},{stage.id} ({stage.name}): {name} was changed "
                        "by a way round Odoo"
                    )
        types = self._document_models()
        return problems + [
            f"{self._name},{stage_id}: was deleted, or is one of other documents, by a "
            "way round Odoo"
            for stage_id in sorted(logged.keys() - {*stages.ids})
            if logged[stage_id].get("document_type") in types
        ]

    @api.model
    def _replay(self, document_type):
        """Return what stages asked for since each time that they were configured.

        :return: the numbers of the events, and a ``Demands`` for each
        :rtype: tuple
        """
        numbers, replayed = [], []
        stages = defaultdict(dict)
        for event_id, stage_id, values in self._read_configurations():
            stages[stage_id].update(values)
            numbers.append(event_id)
            replayed.append(Demands(stages, document_type))
        return numbers, replayed

    @api.model
    def _find_unallowed_moves(self, document_type, model):
        """Documents that moved past a gate which was not asked: as the ledger has what
        stages asked for then, whatever the stages themselves said at that moment. With
        each move it is kept which gates were asked, and said yes."""
        numbers, replayed = self._replay(document_type)
        if not any(demands.gates for demands in replayed):
            return []
        final = self.env[model]._stage_final_states
        problems, last = [], 0
        while True:
            rows = self.env.execute_query(
                SQL(
                    """
                    SELECT id, res_id, (details->>'to_id')::int, details->'gate',
                           -- Whoever was confirmed before, and moves on, has passed.
                           CASE WHEN details ? 'from_state'
                                     OR details->>'from_id' IS NULL
                                THEN details->>'state' END
                      FROM customer_approval_event
                     WHERE res_model = %s AND kind = 'stage_changed' AND id > %s
                           -- Before format 3 not all that matters was in the ledger.
                       AND left(entry_digest, 2) = '3:'
                  ORDER BY id LIMIT %s
                    """,
                    model,
                    last,
                    MOVES_AT_ONCE,
                )
            )
            if not rows:
                return problems
            last = rows[-1][0]
            companies = self._read_companies(
                model, [row[1] for row in rows if not row[3]]
            )
            for event_id, document_id, stage_id, facts, state in rows:
                place = bisect_right(numbers, event_id) - 1
                if place < 0:
                    continue
                facts = facts or {"company_id": companies.get(document_id)}
                company = facts["company_id"]
                demands = replayed[place]
                targets = {stage_id}
                if state in final:
                    targets.add(demands.first_of_state(state, company))
                if not all(
                    gate.lets_pass(facts)
                    for target in targets
                    for gate in demands.gates.get(target, ())
                ):
                    problems.append(
                        f"{model},{document_id}: event {event_id} moved it past a gate "
                        "that was not asked"
                    )

    @api.model
    def _read_companies(self, model, ids):
        """Return the companies of documents, as far as these are there."""
        return dict(
            self.env.execute_query(
                SQL(
                    "SELECT id, company_id FROM %s WHERE id = ANY(%s)",
                    SQL.identifier(self.env[model]._table),
                    ids,
                )
            )
        )

    @api.model
    def _find_grown(self, document_type, model):
        """Documents behind a gate that is for larger ones, which have become larger
        since they came there than any gate would have let them, by a way round Odoo.

        Those in another currency than their company's are left out: what they come to
        follows from the rate of the day.
        """
        numbers, replayed = self._replay(document_type)
        documents = self.env[model].sudo()  # of whatever company
        rows = self.env.execute_query(
            SQL(
                """
                SELECT document.id, last.id, (last.details->>'to_id')::int,
                       last.details->>'state', (last.details->>'total')::float
                  FROM %s
                 WHERE document.customer_approval_status IS DISTINCT FROM 'approved'
                   AND last.details ? 'total'
              ORDER BY document.id
                """,
                with_last_move(documents),
            )
        )
        problems = []
        final = documents._stage_final_states
        records = documents.browse([row[0] for row in rows])
        for document, row in zip(records, rows, strict=True):
            _id, event_id, stage_id, state, total = row
            company, currency = document.company_id, document.currency_id
            largest = document._get_largest_total()
            if (
                currency != company.currency_id
                or currency.compare_amounts(largest, total) <= 0
            ):
                continue
            limits = []
            for demands in replayed[max(bisect_right(numbers, event_id) - 1, 0) :]:
                targets = {stage_id}
                if state in final:
                    targets.add(demands.first_of_state(state, company.id))
                amounts = [
                    gate.amount
                    for target in targets
                    for gate in demands.gates.get(target, ())
                    if gate.company in (None, company.id)
                ]
                limits.append(min(amounts, default=math.inf))
            limit = max(limits, default=math.inf)
            if limit < math.inf and currency.compare_amounts(largest, limit) >= 0:
                problems.append(
                    f"{model},{document.id}: has become larger behind a gate"
                )
        return problems


class Gate(NamedTuple):
    """One stage that asked for an approval."""

    id: int
    company: int | None
    amount: float
    strength: int

    def lets_pass(self, facts):
        """Return whether what is kept with a move says that the gate was asked, or is
        for larger documents or those of another company.

        :param dict facts: see ``_gate_facts()`` of documents
        """
        if self.company not in (None, facts["company_id"]):
            return True
        if self.id in facts.get("gates", ()):
            return facts.get("strength", 0) >= self.strength
        return "amount" in facts and float(facts["amount"]) < self.amount


class Demands:
    """What the stages of a kind of documents asked for at one time.

    :param dict stages: values of the stages' fields by their numbers
    """

    def __init__(self, stages, document_type):
        own = {
            stage_id: dict(values)
            for stage_id, values in stages.items()
            if values.get("document_type") == document_type
        }
        self._order = sorted(
            own, key=lambda stage_id: (own[stage_id].get("sequence") or 0, stage_id)
        )
        self._own = own
        passed = [
            stage_id
            for stage_id in self._order
            if not own[stage_id].get("reachable_anytime")
        ]
        self.gates = {}
        """The gates that each stage has with those before it (design rule 2)."""
        before = []
        for stage_id in passed:
            values = own[stage_id]
            company = values.get("company_id")
            if values.get("requires_customer_approval") and values.get("active"):
                before.append(
                    Gate(
                        stage_id,
                        company,
                        float(values.get("approval_from_amount") or 0),
                        STRENGTHS.get(values.get("minimum_evidence"), 0),
                    )
                )
            gates = [
                gate
                for gate in before
                if not company or gate.company in (None, company)
            ]
            if gates:
                self.gates[stage_id] = gates

    def first_of_state(self, state, company):
        """Return the first stage that stood for a state, or nothing."""
        return next(
            (
                stage_id
                for stage_id in self._order
                if self._own[stage_id].get("document_state") == state
                and self._own[stage_id].get("active")
                and self._own[stage_id].get("company_id") in (None, company)
            ),
            None,
        )
