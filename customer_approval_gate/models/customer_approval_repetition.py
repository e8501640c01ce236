# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

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
    _description = "Repetition of an Event"
    _log_access = False
    _rec_name = "event_id"

    event_id = fields.Many2one(
        "customer.approval.event", required=True, readonly=True, ondelete="cascade"
    )
    count = fields.Integer(readonly=True)
    last_on = fields.Datetime(readonly=True)

    _event_uniq = models.UniqueIndex("(event_id)")

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
            self.env.cr.execute(
                """
                INSERT INTO customer_approval_repetition AS own
                            (event_id, count, last_on)
                     VALUES (%s, 1, %s)
                ON CONFLICT (event_id) DO UPDATE
                        SET count = own.count + 1, last_on = excluded.last_on
                """,
                [before, fields.Datetime.now()],
            )
        self.invalidate_model()
        if new:
            events._append(new)

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
                SELECT own.id, own.event_id, own.count, own.last_on
                  FROM customer_approval_repetition AS own
                  JOIN customer_approval_event AS event ON event.id = own.event_id
             LEFT JOIN customer_approval_request AS request
                    ON request.id = event.request_id
                 WHERE %s
              ORDER BY own.event_id
                """,
                SQL("event.kind = 'opened' AND request.id = ANY(%s)", requests.ids)
                if requests
                else SQL(
                    "event.occurred_on < %(before)s AND (event.kind <> 'opened'"
                    " OR request.state <> 'pending' AND own.last_on < %(before)s)",
                    before=fields.Datetime.now() - timedelta(hours=1),
                ),
            )
        )
        rows = self.env.cr.fetchall()
        if not rows:
            return
        events = self.env["customer.approval.event"].sudo()  # as above
        entries = []
        for _own, event_id, count, last_on in rows:
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
