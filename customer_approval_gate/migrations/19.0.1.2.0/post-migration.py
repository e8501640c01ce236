# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import SUPERUSER_ID, api

from odoo.addons.customer_approval_gate.tools import ledger
from odoo.addons.customer_approval_gate.tools.event_data import (
    EventData,
    EvidenceValues,
)

OLD_TEMPLATES = ("mail_template_request", "mail_template_decided")
NOTE = "Asked before everybody had a link of their own"


def migrate(cr, version):
    """Give everybody who is asked a link of their own. Not by a method of a model: code
    of server actions could call that."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    for name in OLD_TEMPLATES:
        if template := env.ref(f"customer_approval_gate.{name}", False):
            template.unlink()
    rule = env.ref("customer_approval_gate.customer_approval_request_rule_portal")
    rule.domain_force = (
        '["|", ("partner_id", "child_of", [user.commercial_partner_id.id]),'
        ' ("approver_ids", "any", [("partner_id", "=", user.partner_id.id),'
        ' ("state", "not in", ("removed", "passed_on"))])]'
    )
    # Links of before said nothing about who opened them: they stop.
    cr.execute("UPDATE customer_approval_request SET access_token = NULL")
    requests = env["customer.approval.request"].search([("state", "=", "pending")])
    for request in requests:
        _ask_again(request)
    _adopt_files(env)


def _ask_again(request):
    approvers = request.approver_ids.create(
        [
            EvidenceValues(
                request_id=request.id,
                partner_id=partner.id,
                email=partner.email_normalized,
                sequence=number,
                is_outsider=request._is_outsider(partner),
                origin="added",
                state="asked",
            )
            for number, partner in enumerate(request.partner_ids, 1)
        ]
    )
    exported = {row["id"]: row for row in approvers._export_evidence()[request.id]}
    request.env["customer.approval.event"]._append(
        [
            EventData(
                request._get_document(),
                "approver_added",
                request,
                text=NOTE,
                details={
                    "approver": approver.id,
                    "frozen": ledger.approver_digest(exported[approver.id]),
                    "outsider": approver.is_outsider,
                },
            )
            for approver in approvers
        ]
    )


def _adopt_files(env):
    for request in env["customer.approval.request"].search([]):
        request.attachment_ids.write({"res_model": request._name, "res_id": request.id})
