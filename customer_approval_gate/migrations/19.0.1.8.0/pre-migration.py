# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.tools import SQL
from odoo.tools.sql import column_exists, rename_column

RENAMED = {
    "headed_cause": "advance_trigger",
    "headed_reason": "advance_blocked_reason",
    "headed_stage_id": "advance_stage_id",
}
JOBS = {"cron_go_on": "_cron_advance", "cron_blocked": "_cron_update_blocked"}
TABLES = {"sale.order": "sale_order", "account.move": "account_move"}


def migrate(cr, version):
    """Fields have other names; what is in them stays, and so do the jobs that read
    them."""
    for table in TABLES.values():
        for old, new in RENAMED.items():
            if column_exists(cr, table, old):
                rename_column(cr, table, old, new)
        index = SQL.identifier(f"{table}__headed_stage_id_index")
        cr.execute(SQL("DROP INDEX IF EXISTS %s", index))
        cr.execute(
            SQL(
                "ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s",
                SQL.identifier(table),
                SQL.identifier(f"{table}_headed_stage_id_fkey"),
            )
        )
    for old, new in RENAMED.items():
        cr.execute(
            "UPDATE ir_model_fields SET name = %s WHERE name = %s"
            " AND (model = ANY(%s) OR model LIKE 'customer.approval.%%')",
            [new, old, list(TABLES)],
        )
        cr.execute(
            "UPDATE ir_model_data SET name = replace(name, %s, %s)"
            " WHERE module = 'customer_approval_gate' AND model = 'ir.model.fields'"
            " AND name LIKE %s",
            [old, new, f"%\\_\\_{old}"],
        )
    # Jobs about the documents of all lists are those of stages, and call other names.
    for old, new in JOBS.items():
        cr.execute(
            """
            UPDATE ir_act_server
               SET code = %s, model_id = model.id
              FROM ir_model AS model
             WHERE model.model = 'customer.approval.stage'
               AND ir_act_server.id IN (
                   SELECT ir_actions_server_id FROM ir_cron
                    WHERE id IN (
                          SELECT res_id FROM ir_model_data
                           WHERE module = 'customer_approval_gate'
                             AND model = 'ir.cron' AND name = %s
                          )
                   )
            """,
            [f"model.{new}()", old],
        )
