# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.tools import SQL

from ...tools import seal

HOUR = 3600
# How many an hour, by what is tried.
LIMITS = {
    "token": 20,
    "token_request": 100,
    "answer": 60,
    "answer_request": 30,
    "code": 20,
    "code_request": 20,
    "resend": 10,
    "resend_request": 3,
    "verify": 120,
}


class CustomerApprovalRate(models.Model):
    """How often something was tried within the hour: whoever guesses is stopped.

    Addresses are kept as keyed digests, and not longer than a day.
    """

    _name = "customer.approval.rate"
    _description = "Attempts on the Customer's Page"
    _log_access = False

    kind = fields.Char(required=True, readonly=True)
    key = fields.Char(required=True, readonly=True)
    count = fields.Integer(readonly=True)
    since = fields.Datetime(readonly=True)

    _one_for_each = models.UniqueIndex("(kind, key)")

    @api.model
    def _make_key(self, subject):
        return seal.make_token("rate", str(subject))

    @api.model
    def _count(self, kind, subject):
        """Count an attempt. Two at the same moment are both counted: the later one
        fails as Odoo's transactions do, and is tried again.

        :param str kind: one of ``LIMITS``
        :param subject: who or what is counted: an address, a request
        :return: whether there were no more than allowed, this one included
        """
        key = self._make_key(subject)
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO customer_approval_rate AS rate (kind, key, count, since)
                VALUES (%(kind)s, %(key)s, 1, now() AT TIME ZONE 'UTC')
                ON CONFLICT (kind, key) DO UPDATE SET
                    count = CASE WHEN rate.since < %(start)s THEN 1
                                 ELSE rate.count + 1 END,
                    since = CASE WHEN rate.since < %(start)s THEN excluded.since
                                 ELSE rate.since END
                RETURNING count
                """,
                kind=kind,
                key=key,
                start=self._get_start(),
            )
        )
        return self.env.cr.fetchone()[0] <= LIMITS[kind]

    @api.model
    def _is_exceeded(self, kind, subject):
        """Return whether as many were counted as are allowed, counting nothing."""
        rows = self.env.execute_query(
            SQL(
                "SELECT count FROM customer_approval_rate"
                " WHERE kind = %s AND key = %s AND since >= %s",
                kind,
                self._make_key(subject),
                self._get_start(),
            )
        )
        return bool(rows) and rows[0][0] >= LIMITS[kind]

    @api.model
    def _get_start(self):
        return fields.Datetime.subtract(fields.Datetime.now(), seconds=HOUR)

    @api.autovacuum
    def _gc_old(self):
        self.env.cr.execute(
            SQL(
                "DELETE FROM customer_approval_rate WHERE since < %s",
                fields.Datetime.subtract(fields.Datetime.now(), days=1),
            )
        )
