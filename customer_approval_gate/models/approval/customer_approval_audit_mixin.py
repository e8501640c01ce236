# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


import math
from bisect import bisect_right

from odoo import api, models
from odoo.tools import SQL

from ...tools import ledger
from ...tools.demands import with_last_move
from .customer_approval_priced_line_mixin import describe_tax

DOCUMENTS_AT_ONCE = 500


class CustomerApprovalAuditMixin(models.AbstractModel):
    """Whether documents still are what their customers approved.

    Of its host it asks the content, and which request is in force.
    """

    _name = "customer.approval.audit.mixin"
    _inherit = ["customer.approval.evidence.mixin"]
    _description = "Whether a Document Is What Was Approved"

    def action_verify_customer_approval(self):
        """Recompute all digests of the evidence about this document, and say whether
        they fit."""
        self.ensure_one()
        self.check_access("read")
        # The whole chain counts, whatever of it the user may read.
        problems = self.env["customer.approval.event"].sudo()._verify_document(self)
        problems += self._find_content_problems()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "danger" if problems else "success",
                "sticky": bool(problems),
                "title": self.env._("The evidence does not fit")
                if problems
                else self.env._("The evidence is genuine"),
                "message": "\n".join(problems)
                or self.env._("All digests, chains and seals fit together."),
            },
        }

    def _find_changed_taxes(self, last_requests):
        """Return which of these documents have taxes that are others now than when the
        customer approved: they show the figures of then.

        :param last_requests: ``{id of the document: its last request}``
        """
        frozen = {
            document: {
                tax["id"]: tax
                for line in ledger.flat(last_requests[document.id].content)["lines"]
                for tax in line.get("taxes") or ()
            }
            for document in self
            if document.id in last_requests
        }
        if not self._approval_line_field:
            return []
        lines = self._get_approval_line_model()
        if "tax_ids" not in lines._fields:
            return []
        taxes = self.env[lines._fields["tax_ids"].comodel_name]
        taxes = taxes.sudo()  # whatever the user may read
        taxes = taxes.browse({tax_id for own in frozen.values() for tax_id in own})
        present = {tax.id: describe_tax(tax) for tax in taxes.exists()}
        problems = []
        for document, own in frozen.items():
            label = f"{document._name},{document.id} ({document.display_name})"
            for tax_id, tax in own.items():
                now = present.get(tax_id, {})
                if tax.get("rate", now.get("rate")) != now.get("rate"):
                    problems.append(
                        f"{label}: the rate of tax {tax_id} was {tax['rate']} when the "
                        f"customer approved, and is {now.get('rate')}"
                    )
                elif tax.get("works", now.get("works")) != now.get("works"):
                    problems.append(
                        f"{label}: tax {tax_id} is computed in another way than when "
                        "the customer approved"
                    )
        return problems

    def _find_content_problems(self):
        """Return which of these documents say something else than was approved: their
        content was changed by a way round Odoo."""
        requests = self.sudo()._get_last_requests()  # whatever the user may read
        approved = self.filtered(
            lambda d: (
                d.customer_approval_status == "approved"
                or (
                    d.id in requests
                    and requests[d.id]._get_document_status() == "approved"
                )
            )
        )
        return [
            *_describe_problems(
                approved - approved._filter_customer_approved(),
                "its content is not what the customer approved",
            ),
            *approved._find_changed_taxes(requests),
            *_describe_problems(
                approved.filtered(lambda d: d.customer_approval_status != "approved"),
                "its status does not say that its customer approved it",
            ),
        ]

    @api.model
    def _find_evidence_problems(self, document=None):
        """Return which documents are not what was approved, and which stand where they
        did not get by Odoo. Those that were in a stage before it asked for an approval
        may stay."""
        problems = super()._find_evidence_problems(document)
        if document is not None:
            return problems  # see action_verify_customer_approval()
        approved = self.sudo()  # of whatever company
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM %s WHERE customer_approval_status = 'approved'"
                " OR customer_approval_is_approved(%s, id) ORDER BY id",
                SQL.identifier(self._table),
                self._name,
            )
        )
        for start in range(0, len(rows), DOCUMENTS_AT_ONCE):
            part = rows[start : start + DOCUMENTS_AT_ONCE]
            documents = approved.browse(row[0] for row in part)
            problems += documents._find_content_problems()
            # The content of all of them does not fit into memory.
            self.env.invalidate_all()
        return problems + self._find_grown() + self._find_never_entered()

    @api.model
    def _find_never_entered(self):
        """Documents that are in stages behind a gate, or have a state that only these
        give, have no history, and were made after the stages were last configured: by
        their numbers, as dates can be written."""
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        gated = stages.filtered(
            lambda stage: any(
                stage._find_gates(stages).mapped("requires_customer_approval")
            )
        )
        if not gated:
            return []
        documents = self.sudo()  # of whatever company
        own = documents._find_document_columns("state")
        documents.flush_model(
            [documents._stage_field, *own, "customer_approval_status"]
        )
        last = gated._read_last_at_configuration(self)
        states = [
            state
            for state in documents._stage_gated_states
            if self._get_stage_of_state(gated, state, self.env["res.company"])
        ]
        rows = self.env.execute_query(
            SQL(
                """
                SELECT document.id
                  FROM %s AS document
                 WHERE (document.%s = ANY(%s) OR %s = ANY(%s))
                   AND %s
                   AND (document.id > %s OR document.id < 1)
                   AND document.customer_approval_status IS DISTINCT FROM 'approved'
                   AND NOT EXISTS (
                       SELECT FROM customer_approval_event
                        WHERE res_model = %s AND res_id = document.id
                          AND kind = 'stage_changed'
                        )
              ORDER BY document.id
                """,
                SQL.identifier(documents._table),
                SQL.identifier(documents._stage_field),
                list(gated.ids),
                documents._get_state_column("document"),
                states,
                documents._get_staged_condition(),
                last,
                self._name,
            )
        )
        return [
            f"{self._name},{document.id}: is behind a gate without the customer's "
            "approval"
            for document in documents.browse(row[0] for row in rows)
            # Small ones need none.
            if document._is_past_gate() or document._is_in_gated_state()
        ]

    @api.model
    def _find_grown(self):
        """Documents behind a gate that is for larger ones, which have become larger
        since they came there than any gate would have let them, by a way round Odoo.

        Those in another currency than their company's are left out: what they come to
        follows from the rate of the day.
        """
        stages = self.env["customer.approval.stage"]
        numbers, replayed = stages._replay(self._stage_document_type)
        documents = self.sudo()  # of whatever company
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
        final = documents._stage_gated_states
        records = documents.browse([row[0] for row in rows])
        for document, row in zip(records, rows, strict=True):
            _id, event_id, stage_id, state, total = row
            company = document._get_document_company()
            currency = document._get_document_currency()
            largest = document._get_largest_total()
            if (
                currency != document._get_gate_currency()
                or currency.compare_amounts(largest, total) <= 0
            ):
                continue
            limits = []
            for demands in replayed[max(bisect_right(numbers, event_id) - 1, 0) :]:
                targets = {stage_id}
                if state in final:
                    targets.add(demands.stage_of_state(final, state, company.id))
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
                    f"{self._name},{document.id}: has become larger behind a gate"
                )
        return problems


def _describe_problems(documents, problem):
    """Return a problem for each of the documents, in a line."""
    return [
        f"{document._name},{document.id} ({document.display_name}): {problem}"
        for document in documents
    ]
