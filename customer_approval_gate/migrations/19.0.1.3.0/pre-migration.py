# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.tools.sql import column_exists, create_column


def migrate(cr, version):
    """Make the new columns before Odoo does, which would compute them one document at
    a time. No stage asks for a deposit yet; what blocks documents is found out by a
    job."""
    for table, columns in (
        (
            "sale_order",
            (
                ("blocked_by", "varchar"),
                ("deposit_required", "bool"),
                ("deposit_percent", "numeric"),
            ),
        ),
        ("account_move", (("blocked_by", "varchar"),)),
    ):
        for column, kind in columns:
            if not column_exists(cr, table, column):
                create_column(cr, table, column, kind)
