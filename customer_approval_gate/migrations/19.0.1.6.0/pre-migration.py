# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


def migrate(cr, version):
    """Give requests what is random about their links, before the database keeps it."""
    cr.execute(
        "ALTER TABLE customer_approval_request"
        " ADD COLUMN IF NOT EXISTS link_nonce varchar"
    )
    cr.execute(
        """
        UPDATE customer_approval_request
           SET link_nonce = replace(
                   gen_random_uuid()::text || gen_random_uuid()::text, '-', ''
               )
         WHERE link_nonce IS NULL
        """
    )
