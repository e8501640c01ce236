# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL

from odoo.addons.customer_approval_gate.tools.event_data import EventData


def migrate(cr, version):
    """Receipts go through the stages of invoices from now on: those that there are get
    the stage of their state, as documents do at the installation, whatever it asks
    for."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    cr.execute(
        "SELECT id FROM account_move"
        " WHERE move_type = 'out_receipt' AND stage_id IS NULL ORDER BY id"
    )
    ids = [row[0] for row in cr.fetchall()]
    if not ids:
        return
    stages = env["customer.approval.stage"]
    # The gate refuses what nobody has approved, and rightly so: the upgrade may do it.
    gates = [
        trigger.name
        for trigger in env["account.move"]._get_triggers()
        if trigger.table == "account_move" and trigger.name.endswith("_gate")
    ]
    for name in gates:
        cr.execute(
            SQL("ALTER TABLE account_move DISABLE TRIGGER %s", SQL.identifier(name))
        )
    stages._place_existing_documents()
    for name in gates:
        cr.execute(
            SQL("ALTER TABLE account_move ENABLE TRIGGER %s", SQL.identifier(name))
        )
    if not stages._is_history_kept("account.move"):
        return
    receipts = env["account.move"].browse(ids)
    env["customer.approval.event"]._append(
        [
            EventData(
                receipt,
                "stage_changed",
                text="Receipts have stages since version 19.0.1.7.0",
                details={
                    "to": receipt.stage_id.with_context(lang=None).name,
                    "to_id": receipt.stage_id.id,
                    "state": receipt.state,
                },
            )
            for receipt in receipts
            if receipt.stage_id
        ]
    )
