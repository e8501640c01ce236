# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import SUPERUSER_ID, api

OLD_RULES = (
    "customer_approval_request_rule_sale_unassigned",
    "customer_approval_request_rule_sale_all",
    "customer_approval_request_rule_invoice",
)


def migrate(cr, version):
    """Take the requests of before into the ledger."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    for name in OLD_RULES:
        if rule := env.ref(f"customer_approval_gate.{name}", raise_if_not_found=False):
            rule.unlink()
    env.ref(
        "customer_approval_gate.customer_approval_request_rule_user"
    ).domain_force = '[("document_readable", "=", True)]'
    stages = env["customer.approval.stage"]._get_all_stages()
    stages._record_configuration({stage: {} for stage in stages})
    env["customer.approval.request"].search([])._take_into_ledger()
