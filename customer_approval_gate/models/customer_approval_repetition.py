# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import hmac
from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import seal
from ..tools.entry import Entry

WITHIN = {
    "opened": None,
    "gate_refused": timedelta(hours=1),
    "downloaded": timedelta(hours=1),
}
"""What is counted instead of written again, and for how long: openings of a request
until it ends."""


class CustomerApprovalRepetition(models.Model):
    """How often something happened again that an event says already.

    Whoever loads a page forty times would fill the ledger with what nobody can delete.
    The first time is an event at once; what follows is counted here, and becomes one
    event when it is over.
    """

    _name = "customer.approval.repetition"
    _inherit = ["customer.approval.insert.only.mixin"]
    _description = "Repetition of an Event"
    _log_access = False
    _rec_name = "event_id"

    event_id = fields.Many2one(
        "customer.approval.event", required=True, readonly=True, ondelete="cascade"
    )
    count = fields.Integer(readonly=True)
    last_on = fields.Datetime(readonly=True)
    # By it an event is made of what this server has counted, and of nothing else.
    proof = fields.Char(readonly=True, groups=fields.NO_ACCESS)

    _event_uniq = models.UniqueIndex("(event_id)")

    @api.model
    def _get_triggers(self):
        return []  # rows go when they become events

    @api.model
    def _make_proof(self, event_id, count, last_on):
        text = f"repetition:{event_id}:{count}:{fields.Datetime.to_string(last_on)}"
        return seal.make_mark(text)[0]

    @api.model
    def _append_or_count(self, entries):
        """Write events, but for those that happened before: they are counted.

        :param entries: a list of ``Entry``, see ``customer.approval.event``
        """
        events = self.env["customer.approval.event"].sudo()  # what happens writes them
        new = []
        for entry in entries:
            before = self._find_before(entry)
            if not before:
                new.append(entry)
                continue
            self._count(before)
        self.invalidate_model()
        if new:
            events._append(new)

    def _count(self, event_id):
        """Count what an event says once more. What this server has not counted does not
        count."""
        self.env.cr.execute(
            "SELECT count, last_on, proof FROM customer_approval_repetition"
            " WHERE event_id = %s FOR UPDATE",
            [event_id],
        )
        row = self.env.cr.fetchone()
        count = row[0] + 1 if row and self._is_counted(event_id, *row) else 1
        now = fields.Datetime.now()
        self.env.cr.execute(
            """
            INSERT INTO customer_approval_repetition (event_id, count, last_on, proof)
                 VALUES (%s, %s, %s, %s)
            ON CONFLICT (event_id) DO UPDATE
                    SET count = excluded.count, last_on = excluded.last_on,
                        proof = excluded.proof
            """,
            [event_id, count, now, self._make_proof(event_id, count, now)],
        )

    @api.model
    def _is_counted(self, event_id, count, last_on, proof):
        """Return whether this server has counted it."""
        expected = self._make_proof(event_id, count, last_on)
        return hmac.compare_digest(proof or "", expected)

    @api.model
    def _find_problems(self):
        """Return which rows somebody else has written."""
        self.env.cr.execute(
            "SELECT event_id, count, last_on, proof FROM customer_approval_repetition"
            " ORDER BY event_id"
        )
        rows = self.env.cr.fetchall()
        if seal.find_problem(self.env):  # which is one of those that are found
            return []
        return [
            f"repetition of event {row[0]}: this server has not counted it"
            for row in rows
            if not self._is_counted(*row)
        ]

    def _find_before(self, entry):
        """Return the number of the event that says the same already, or nothing."""
        events = self.env["customer.approval.event"].sudo()  # as above
        domain = (
            Domain("res_model", "=", entry.record._name)
            & Domain("res_id", "=", entry.record.id)
            & Domain("kind", "=", entry.kind)
            & Domain("request_id", "=", entry.request.id if entry.request else False)
        )
        within = WITHIN[entry.kind]
        if within:
            since = fields.Datetime.now() - within
            domain &= Domain("occurred_on", ">", since)
        actor = events._get_actor()[0]
        approver = (entry.details or {}).get("approver")
        for event in events.search(domain, order="id desc", limit=100):
            details = event.details or {}
            if "repeats" in details or (event.text or "") != (entry.text or ""):
                continue
            # By login or by link, it is the same person.
            if details.get("approver") == approver and (
                approver or event.user_id.id == actor
            ):
                return event.id
        return None

    @api.model
    def _write_down(self, requests=None):
        """Make events of what was counted and is over.

        :param requests: those that end; by default whatever is over by now
        """
        self.env.cr.execute(
            SQL(
                """
                SELECT own.id, own.event_id, own.count, own.last_on, own.proof
                  FROM customer_approval_repetition AS own
                  JOIN customer_approval_event AS event ON event.id = own.event_id
             LEFT JOIN customer_approval_request AS request
                    ON request.id = event.request_id
                 WHERE event.kind IN %s AND %s
                       -- It was written down already.
                   AND NOT EXISTS (
                       SELECT FROM customer_approval_event AS later
                        WHERE later.res_model = event.res_model
                          AND later.res_id = event.res_id
                          AND later.kind = event.kind
                          AND later.details->'repeats' = to_jsonb(event.id)
                          AND (later.details->>'last')::timestamp >= own.last_on
                       )
              ORDER BY own.event_id
                """,
                tuple(WITHIN),
                SQL("event.kind = 'opened' AND request.id = ANY(%s)", requests.ids)
                if requests
                else SQL(
                    "event.occurred_on < %(before)s AND (event.kind <> 'opened'"
                    " OR request.state <> 'pending' AND own.last_on < %(before)s)",
                    before=fields.Datetime.now() - timedelta(hours=1),
                ),
            )
        )
        rows = [row for row in self.env.cr.fetchall() if self._is_counted(*row[1:])]
        if not rows:
            return
        events = self.env["customer.approval.event"].sudo()  # as above
        entries = []
        for _own, event_id, count, last_on, _proof in rows:
            event = events.browse(event_id)
            entries.append(
                Entry(
                    self.env[event.res_model].browse(event.res_id),
                    event.kind,
                    event.request_id,
                    text=event.text,
                    method=event.method,
                    details={
                        **(event.details or {}),
                        "repeats": event_id,
                        "count": count,
                        "last": fields.Datetime.to_string(last_on),
                    },
                )
            )
        self.env.cr.execute(
            "DELETE FROM customer_approval_repetition WHERE id = ANY(%s)",
            [[row[0] for row in rows]],
        )
        self.invalidate_model()
        events._append(entries)

    @api.model
    def _cron_write_down(self):
        """Make events of what has not been repeated any more."""
        self._write_down()

    @api.model
    def _get_counts(self, events):
        """Return what was counted and is no event yet: ``{id of the event: (count,
        last)}``."""
        rows = self.search_fetch(
            [("event_id", "in", events.ids)], ["event_id", "count", "last_on"]
        )
        counts = defaultdict(lambda: (0, None))
        for row in rows:
            counts[row.event_id.id] = (row.count, row.last_on)
        return counts
