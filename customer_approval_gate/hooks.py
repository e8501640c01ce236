# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.tools import SQL
from odoo.tools.sql import column_exists, create_column

# What each document's table gets, with the stage's type of document and the rows
# that have stages at all.
TABLES = {
    "sale_order": ("sale_order", SQL("TRUE")),
    "account_move": ("invoice", SQL("move_type = 'out_invoice'")),
}


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


def post_init_hook(env):
    """Give the documents that were there before the stage of their state."""
    env.flush_all()
    for table, (document_type, staged) in TABLES.items():
        env.cr.execute(
            SQL(
                """
                UPDATE %(table)s
                   SET stage_id = stage.id,
                       stage_entered_on = COALESCE(%(table)s.write_date, now())
                  FROM (
                        SELECT DISTINCT ON (document_state) document_state, id
                          FROM customer_approval_stage
                         WHERE document_type = %(document_type)s
                           AND document_state IS NOT NULL
                           AND company_id IS NULL
                           AND active
                      ORDER BY document_state, sequence, id
                       ) AS stage
                 WHERE stage.document_state = %(table)s.state
                   AND %(table)s.stage_id IS NULL
                   AND %(staged)s
                """,
                table=SQL.identifier(table),
                document_type=document_type,
                staged=staged,
            )
        )
    env.invalidate_all()


def uninstall_hook(env):
    """Let go of stages and requests, which go with the addon: documents are no longer
    held by them."""
    env.flush_all()
    for table in TABLES:
        env.cr.execute(
            SQL(
                "UPDATE %s SET stage_id = NULL, customer_approval_request_id = NULL",
                SQL.identifier(table),
            )
        )
    env.cr.execute(SQL("DELETE FROM customer_approval_request"))
    env.invalidate_all()
