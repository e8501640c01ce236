# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.tools import SQL
from odoo.tools.sql import column_exists, create_column

from .tools import triggers

# The documents' tables: before the installation there are no models to ask.
TABLES = ("sale_order", "account_move")


def pre_init_hook(env):
    """Make the columns before Odoo does: it would compute them one document at a
    time, which takes hours where there are many."""
    for table in TABLES:
        for column, kind in (
            ("stage_id", "int4"),
            ("stage_entered_on", "timestamp"),
            ("customer_approval_request_id", "int4"),
            ("customer_approval_since", "timestamp"),
        ):
            if not column_exists(env.cr, table, column):
                create_column(env.cr, table, column, kind)
        if not column_exists(env.cr, table, "customer_approval_status"):
            # The default fills all rows without touching one, and is taken away
            # again: from now on Odoo gives the value.
            env.cr.execute(
                SQL(
                    "ALTER TABLE %s ADD COLUMN customer_approval_status varchar"
                    " DEFAULT 'not_required'",
                    SQL.identifier(table),
                )
            )
            env.cr.execute(
                SQL(
                    "ALTER TABLE %s ALTER COLUMN customer_approval_status DROP DEFAULT",
                    SQL.identifier(table),
                )
            )


def uninstall_hook(env):
    """Let go of stages and evidence, which go with the addon: the database no longer
    holds their rules, and documents are no longer held by them."""
    env.flush_all()
    triggers.drop_all(env.cr)
    for table in TABLES:
        env.cr.execute(
            SQL(
                "UPDATE %s SET stage_id = NULL, customer_approval_request_id = NULL",
                SQL.identifier(table),
            )
        )
    for table in ("personal", "checkpoint", "event", "request"):
        env.cr.execute(
            SQL("DELETE FROM %s", SQL.identifier(f"customer_approval_{table}"))
        )
    env.invalidate_all()
