# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What stages asked for at one time, as plain data from the ledger."""

from typing import NamedTuple

from odoo.tools import SQL

from .ledger import LEVELS

STRENGTHS = {
    "in_person": LEVELS["in_person"],
    "link": LEVELS["link"],
    "strong": LEVELS["code"],
}
"""How sure a stage wants to be who approved, by its *Minimum Evidence*."""


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

    def stage_of_state(self, states, state, company):
        """Return the first stage that stood for a state, or for the last of the gated
        states before it; or nothing.

        :param states: those that are gated, in order
        :param company: the number of the document's company
        """
        before = states[: states.index(state) + 1] if state in states else (state,)
        found = (self._first_of_state(own, company) for own in reversed(before))
        return next(filter(None, found), None)

    def _first_of_state(self, state, company):
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


def with_last_move(documents):
    """Return the rows of a table of documents, as ``document``, with what was kept of
    the last move of each, as ``last``."""
    return SQL(
        """
        %s AS document
        JOIN LATERAL (
             SELECT id, details
               FROM customer_approval_event
              WHERE res_model = %s AND res_id = document.id AND kind = 'stage_changed'
           ORDER BY position DESC LIMIT 1
             ) AS last ON TRUE
        """,
        SQL.identifier(documents._table),
        documents._name,
    )
