# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import SUPERUSER_ID, api

from odoo.addons.customer_approval_gate.tools import capability, ledger
from odoo.addons.customer_approval_gate.tools.event_data import (
    EventData,
    EvidenceValues,
)

# These requests have what the first format knows, and are digested as it does.
OLD_FORMAT = 1
OLD_RULES = (
    "customer_approval_request_rule_sale_unassigned",
    "customer_approval_request_rule_sale_all",
    "customer_approval_request_rule_invoice",
)


def migrate(cr, version):
    """Take stages and requests of before into the ledger. Not by a method of a model:
    code of server actions could call that."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    for name in OLD_RULES:
        if rule := env.ref(f"customer_approval_gate.{name}", raise_if_not_found=False):
            rule.unlink()
    env.ref(
        "customer_approval_gate.customer_approval_request_rule_user"
    ).domain_force = '[("document_readable", "=", True)]'
    stages = env["customer.approval.stage"]._get_all_stages()
    capability.call(stages._record_configuration, {stage: {} for stage in stages})
    requests = env["customer.approval.request"].search([("id", ">", 0)], order="id")
    # The database refuses what follows, and rightly so: the upgrade may do it.
    cr.execute("ALTER TABLE customer_approval_request DISABLE TRIGGER USER")
    for request in requests:
        _complete(request)
    requests.flush_recordset()
    cr.execute("ALTER TABLE customer_approval_request ENABLE TRIGGER USER")
    exported = {row["id"]: row for row in requests._export_evidence()}
    for request in requests:
        env["customer.approval.event"]._append(
            _get_events(request, exported[request.id])
        )


def _complete(request):
    """Freeze what was not frozen before, and keep the signature in the table."""
    lang = request.partner_id.lang or "en_US"
    signature = request.env["ir.attachment"].search(
        [
            ("res_model", "=", request._name),
            ("res_field", "=", "signature"),
            ("res_id", "=", request.id),
        ]
    )
    request.write(
        EvidenceValues(
            lang=lang,
            content_html=request._render_content(
                request.content, request.currency_id, lang, request._get_time_zone()
            ),
            signature=signature.datas or request.signature,
            certificate_done=True,
        )
    )
    with capability.hold(request.env, capability.Erasing()):
        signature.unlink()  # it is in the table now


def _get_events(request, row):
    document = request._get_document()

    def entry(kind, occurred_on, **values):
        return EventData(
            document,
            kind,
            request,
            **{"text": ledger.TAKEN_OVER, **values},
            occurred_on=occurred_on,
        )

    entries = [
        entry(
            "requested",
            request.requested_on,
            details={
                "frozen": ledger.frozen_digest(row, OLD_FORMAT),
                "round": request.round,
            },
        )
    ]
    if request.state in ledger.DECISIONS:
        entries.append(
            entry(
                "decided",
                request.decided_on,
                decision=request.state,
                method=request.decision_method,
                details={"answer": ledger.decision_digest(row, OLD_FORMAT)},
                personal={
                    key: row[name] for name, key in ledger.PERSONAL_FIELDS.items()
                },
            )
        )
    elif request.state in ledger.ENDS.values():
        entries.append(entry(request.state, None, text=request.reason or ""))
    if request.conditions_accepted_on:
        entries.append(
            entry(
                "conditions_accepted",
                request.conditions_accepted_on,
                details={"user_id": request.conditions_accepted_by_id.id},
            )
        )
    if request.lapsed_on:
        entries.append(entry("lapsed", request.lapsed_on))
    return entries
