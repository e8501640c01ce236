# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import models

from ...tools import ledger
from .customer_approval_line_mixin import describe_tax


class CustomerApprovalAuditMixin(models.AbstractModel):
    """Whether documents still are what their customers approved.

    Of its host it asks the content, and which request is in force.
    """

    _name = "customer.approval.audit.mixin"
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
        taxes = self.env["account.tax"].sudo()  # whatever the user may read
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


def _describe_problems(documents, problem):
    """Return a problem for each of the documents, in a line."""
    return [
        f"{document._name},{document.id} ({document.display_name}): {problem}"
        for document in documents
    ]
