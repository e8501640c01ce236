# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What stages asked for at any time, as the ledger has it: *Verify* compares it with
what they ask for now, and with the documents that moved."""

from bisect import bisect_right
from collections import defaultdict

from odoo import api, models
from odoo.tools import SQL, float_compare

APPROVING = ("covered", "decided")
NO_LONGER = ("coverage_ended", "lapsed", "revised")
APPROVED = ("approved", "approved_conditions")


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
    def _find_unallowed_moves(self, document_type, model):
        """Documents whose last move was into a stage that asked for an approval then,
        without one: as the ledger has both, whatever the stage said at that moment."""
        numbers, gates = [], []
        stages = defaultdict(dict)
        for event_id, stage_id, values in self._read_configurations():
            stages[stage_id].update(values)
            numbers.append(event_id)
            gates.append(_find_demands(stages, document_type))
        targets = {stage_id for demands in gates for stage_id in demands}
        if not targets:
            return []
        documents = self.env[model].sudo()  # of whatever company
        rows = self.env.execute_query(
            SQL(
                """
                SELECT document.id, document.company_id, document.currency_id,
                       move.id, (move.details->>'to_id')::int,
                       (move.details->>'total')::float
                  FROM %(table)s AS document
                  JOIN LATERAL (
                       SELECT id, position, details, entry_digest
                         FROM customer_approval_event
                        WHERE res_model = %(model)s AND res_id = document.id
                          AND kind = 'stage_changed'
                     ORDER BY position DESC LIMIT 1
                       ) AS move ON TRUE
             LEFT JOIN LATERAL (
                       SELECT kind, decision
                         FROM customer_approval_event
                        WHERE res_model = %(model)s AND res_id = document.id
                          AND position < move.position AND kind = ANY(%(kinds)s)
                     ORDER BY position DESC LIMIT 1
                       ) AS last ON TRUE
                       -- Before format 3 not all that matters was in the ledger.
                 WHERE starts_with(move.entry_digest, '3:')
                   AND (move.details->>'to_id')::int = ANY(%(targets)s)
                   AND NOT COALESCE(
                       last.kind = 'covered'
                       OR last.kind = 'decided' AND last.decision = ANY(%(approved)s),
                       FALSE
                   )
              ORDER BY document.id
                """,
                table=SQL.identifier(documents._table),
                model=model,
                kinds=[*APPROVING, *NO_LONGER],
                targets=list(targets),
                approved=list(APPROVED),
            )
        )
        companies = self.env["res.company"].sudo().browse({row[1] for row in rows})
        currency_of = {company.id: company.currency_id.id for company in companies}
        problems = []
        for document_id, company_id, currency_id, event_id, stage_id, total in rows:
            place = bisect_right(numbers, event_id) - 1
            demands = gates[place].get(stage_id, ()) if place >= 0 else ()
            # Of a total in another currency it is not known what it came to then.
            is_known = total is not None and currency_of[company_id] == currency_id
            if any(
                gate_company in (None, company_id)
                and (
                    not amount
                    or total is None
                    or (is_known and float_compare(total, amount, 2) >= 0)
                )
                for gate_company, amount in demands
            ):
                problems.append(
                    f"{model},{document_id}: event {event_id} moved it past a gate "
                    "without an approval"
                )
        return problems


def _find_demands(stages, document_type):
    """Return what each stage asks for with those before it (design rule 2).

    :param dict stages: values of the stages' fields by their numbers
    :return: ``{number of a stage: [(company or None, amount from which on)]}``
    """

    def place(stage_id):
        return (stages[stage_id].get("sequence") or 0, stage_id)

    own = [
        stage_id
        for stage_id, values in stages.items()
        if values.get("document_type") == document_type
        and not values.get("reachable_anytime")
    ]
    asking = [
        stage_id
        for stage_id in own
        if stages[stage_id].get("requires_customer_approval")
        and stages[stage_id].get("active")
    ]
    demands = {}
    for stage_id in own:
        company = stages[stage_id].get("company_id")
        gates = [
            (
                stages[gate].get("company_id"),
                float(stages[gate].get("approval_from_amount") or 0),
            )
            for gate in asking
            if place(gate) <= place(stage_id)
            and (not company or stages[gate].get("company_id") in (None, company))
        ]
        if gates:
            demands[stage_id] = gates
    return demands
