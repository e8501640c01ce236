# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import math
from bisect import bisect_right
from collections import defaultdict

from odoo import api, models
from odoo.tools import SQL

from ...tools.demands import Demands, with_last_move

MOVES_AT_ONCE = 5000


class CustomerApprovalStageHistoryMixin(models.AbstractModel):
    """What stages asked for at any time, as the ledger has it: *Verify* compares it
    with what they ask for now, and with the documents that moved.

    Of its host, the stage, it asks ``_get_all_stages()`` and ``_document_models()``.
    """

    _name = "customer.approval.stage.history.mixin"
    _description = "What Stages Asked for at Any Time"

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
