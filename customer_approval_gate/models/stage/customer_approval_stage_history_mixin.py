# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
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
    _inherit = ["customer.approval.evidence.mixin"]
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
        final = self.env[model]._stage_gated_states
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
                    targets.add(demands.stage_of_state(final, state, company))
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
        documents = self.env[model]
        name = documents._find_document_column("company")
        if not name:
            return {}
        return dict(
            self.env.execute_query(
                SQL(
                    "SELECT id, %s FROM %s WHERE id = ANY(%s)",
                    SQL.identifier(name),
                    SQL.identifier(documents._table),
                    ids,
                )
            )
        )

    @api.model
    def _find_moves_outside_odoo(self, model):
        """Documents whose history ends with another stage, or another final state,
        than theirs."""
        documents = self.env[model]
        own = documents._find_document_columns("state")
        documents.flush_model([documents._stage_field, *own])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT document.id
                  FROM %(moved)s
                 WHERE (last.details->'to_id' IS DISTINCT FROM
                       COALESCE(to_jsonb(document.%(stage)s), 'null')
                    OR %(staged)s AND (%(state)s = ANY(%(final)s)
                         OR last.details->>'state' = ANY(%(final)s)
                         AND %(state)s != ALL(%(cancelled)s))
                        AND last.details->>'state' != %(state)s)
              ORDER BY document.id
                """,
                moved=with_last_move(documents),
                final=list(documents._stage_gated_states),
                staged=documents._get_staged_condition(),
                stage=SQL.identifier(documents._stage_field),
                state=documents._get_state_column("document"),
                cancelled=list(documents._document_cancelled_states),
            )
        )
        return [
            f"{model},{row[0]}: its stage or state was changed by a way round Odoo"
            for row in rows
        ]

    @api.model
    def _find_vanished(self, model):
        """Documents that have a history, and are not there any more, though nobody has
        deleted them in Odoo."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT last.res_id
                  FROM (
                        SELECT DISTINCT ON (res_id) res_id, kind
                          FROM customer_approval_event
                         WHERE res_model = %s AND res_id <> 0
                      ORDER BY res_id, position DESC
                       ) AS last
                 WHERE NOT EXISTS (SELECT FROM %s WHERE id = last.res_id)
                   AND NOT EXISTS (
                       SELECT FROM customer_approval_event
                        WHERE res_model = %s AND res_id = last.res_id
                          AND kind = 'deleted'
                       )
              ORDER BY last.res_id
                """,
                model,
                SQL.identifier(self.env[model]._table),
                model,
            )
        )
        return [f"{model},{row[0]}: was deleted by a way round Odoo" for row in rows]

    @api.model
    def _find_evidence_problems(self, document=None):
        """Return which stages ask for something else than the ledger says, and which
        documents stand where they did not get by Odoo."""
        problems = super()._find_evidence_problems(document)
        if document is not None:
            return problems
        problems += self._find_unlogged()
        for document_type, model in self._document_models().items():
            problems += self._find_moves_outside_odoo(model)
            problems += self._find_unallowed_moves(document_type, model)
            problems += self._find_vanished(model)
        return problems

    def _read_last_at_configuration(self, documents):
        """Return the highest number of a document that there was when these stages were
        last configured.

        :param documents: of the model
        """
        self.env.cr.execute(
            """
            SELECT max((details->>'last_id')::int)
              FROM customer_approval_event
             WHERE res_model = %s AND res_id = ANY(%s) AND kind = 'stage_configured'
            """,
            [self._name, list(self.ids)],
        )
        last = self.env.cr.fetchone()[0]
        if last is not None:
            return last
        # Configured before version 19.0.1.7.0: as far as dates say.
        rows = self.env.execute_query(
            SQL(
                """
                SELECT COALESCE(max(id), 0) FROM %s WHERE create_date <= (
                    SELECT max(occurred_on) FROM customer_approval_event
                     WHERE res_model = %s AND kind = 'stage_configured'
                )
                """,
                SQL.identifier(documents._table),
                self._name,
            )
        )
        return rows[0][0]
