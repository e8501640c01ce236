# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import re

from odoo import SUPERUSER_ID, api

AMOUNT = re.compile(
    r"(,? ?\w*)\s*"
    r"(<strong[^>]*t-out=\"format_amount\(request\.amount_total, "
    r"request\.currency_id\) or ''\"[^>]*>[^<]*</strong>)"
)
FORMER_RULES = (
    "customer_approval_stage_rule_sale_manager",
    "customer_approval_stage_rule_account_manager",
    "customer_approval_stage_action_rule_sale_manager",
    "customer_approval_stage_action_rule_account_manager",
)


def migrate(cr, version):
    """Documents may come to nothing that could be said: mails leave the amount out
    then, in the texts that a company has made its own as well."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    # One rule says it for all documents now.
    for name in FORMER_RULES:
        if rule := env.ref(f"customer_approval_gate.{name}", raise_if_not_found=False):
            rule.unlink()
    templates = env["mail.template"].search([("model", "=like", "customer.approval.%")])
    for template in templates:
        for lang, _name in env["res.lang"].get_installed():
            own = template.with_context(lang=lang)
            body = str(own.body_html or "")
            if "request.has_amount" in body:
                continue
            changed = AMOUNT.sub(r'<t t-if="request.has_amount">\1 \2</t>', body)
            if changed != body:
                own.body_html = changed
