# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


def migrate(cr, version):
    """Nobody is told again of what was answered before; and certificates that a printer
    did not make count as not made."""
    cr.execute(
        "UPDATE customer_approval_request SET answer_mailed = TRUE"
        " WHERE certificate_done"
    )
    cr.execute(
        """
        UPDATE customer_approval_request AS request
           SET certificate_done = FALSE
         WHERE certificate_done AND certificate_id IS NULL
           AND EXISTS (
               SELECT FROM customer_approval_event AS event
                WHERE event.request_id = request.id
                  AND event.kind = 'certified'
                  AND event.details->'certificate_id' IS NULL
           )
           AND NOT EXISTS (
               SELECT FROM customer_approval_event AS event
                WHERE event.res_model = request.res_model
                  AND event.res_id = request.res_id
                  AND event.kind = 'erased'
           )
        """
    )
