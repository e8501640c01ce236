# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import hmac
from collections import Counter, defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ...tools import capability, seal
from ...tools.event_data import EventData
from ...tools.registry import find_document

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
    @capability.required
    def _append_or_count(self, entries):
        """Write events, but for those that happened before: they are counted.

        :param entries: a list of ``EventData``, see ``customer.approval.event``
        :raise AccessError: something else than entries was given
        """
        if not all(isinstance(entry, EventData) for entry in entries):
            raise AccessError(self.env._("Events are written by what happens only."))
        if not entries:
            return
        before = self._find_before(entries)
        if before:
            capability.call(self._count, before)
        new = [entry for number, entry in enumerate(entries) if number not in before]
        if new:
            events = self.env["customer.approval.event"].sudo()  # what happens writes
            events._append(new)

    @api.model
    @capability.required
    def _count(self, before):
        """Count what events say once more. What this server has not counted does not
        count.

        :param dict before: see ``_find_before()``
        """
        again = Counter(before.values())
        rows = {row[0]: row for row in self._read(SQL("FOR UPDATE"), [*again])}
        now = fields.Datetime.now()
        counts = {
            event_id: number
            + (rows[event_id][1] if _is_counted(*rows.get(event_id, [None] * 4)) else 0)
            for event_id, number in again.items()
        }
        self.env.cr.execute(
            """
            INSERT INTO customer_approval_repetition (event_id, count, last_on, proof)
                 SELECT event_id, count, %s, proof
                   FROM unnest(%s::int[], %s::int[], %s::text[])
                        AS given (event_id, count, proof)
            ON CONFLICT (event_id) DO UPDATE
                    SET count = excluded.count, last_on = excluded.last_on,
                        proof = excluded.proof
            """,
            [
                now,
                [*counts],
                [*counts.values()],
                [_make_proof(key, count, now) for key, count in counts.items()],
            ],
        )
        self.invalidate_model()

    @api.model
    def _read(self, end, event_ids=None):
        """Return what was counted, from the database itself: ``[(event_id, count,
        last_on, proof)]``.

        :param end: of the query
        :param event_ids: of which events; by default all
        """
        where = SQL("TRUE")
        if event_ids is not None:
            where = SQL("event_id = ANY(%s)", event_ids)
        return self.env.execute_query(
            SQL(
                "SELECT event_id, count, last_on, proof"
                " FROM customer_approval_repetition WHERE %s %s",
                where,
                end,
            )
        )

    @api.model
    def _find_evidence_problems(self, document=None):
        """Return which rows somebody else has written, about events of this server:
        of what one with another key has counted nobody here can tell. It is not
        believed."""
        if document is not None or seal.find_problem(
            self.env
        ):  # which is one of those that are found
            return []
        rows = [
            row for row in self._read(SQL("ORDER BY event_id")) if not _is_counted(*row)
        ]
        self.env.cr.execute(
            "SELECT id FROM customer_approval_event WHERE id = ANY(%s) AND key_id = %s",
            [[row[0] for row in rows], seal.get_public_key()[0]],
        )
        return [
            f"repetition of event {event_id}: this server has not counted it"
            for (event_id,) in self.env.cr.fetchall()
        ]

    @api.model
    def _find_before(self, entries):
        """Return which events say the same already: ``{place in the list: number of the
        event}``."""
        events = self.env["customer.approval.event"]
        events.flush_model()
        actor = events._get_actor()[0]
        now = fields.Datetime.now()
        given = [
            (
                number,
                entry.record._name,
                entry.record.id,
                entry.kind,
                entry.request.id or None if entry.request else None,
                WITHIN[entry.kind] and now - WITHIN[entry.kind],
                entry.text or "",
                (entry.details or {}).get("approver"),
            )
            for number, entry in enumerate(entries)
        ]
        # By login or by link, it is the same person who is asked.
        self.env.cr.execute(
            """
            SELECT DISTINCT ON (given.number) given.number, event.id
              FROM unnest(%s::int[], %s::text[], %s::int[], %s::text[], %s::int[],
                          %s::timestamp[], %s::text[], %s::int[])
                   AS given (number, res_model, res_id, kind, request_id, since, text,
                             approver)
              JOIN customer_approval_event AS event
                ON event.res_model = given.res_model AND event.res_id = given.res_id
               AND event.kind = given.kind
               AND event.request_id IS NOT DISTINCT FROM given.request_id
               AND (given.since IS NULL OR event.occurred_on > given.since)
               AND COALESCE(event.text, '') = given.text
               AND event.details->>'repeats' IS NULL
               AND event.details->>'approver'
                   IS NOT DISTINCT FROM given.approver::text
               AND (given.approver IS NOT NULL OR event.user_id = %s)
          ORDER BY given.number, event.id DESC
            """,
            [*(list(column) for column in zip(*given, strict=True)), actor],
        )
        return dict(self.env.cr.fetchall())

    @api.model
    @capability.required
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
        rows = [row for row in self.env.cr.fetchall() if _is_counted(*row[1:])]
        if not rows:
            return
        events = self.env["customer.approval.event"].sudo()  # as above
        entries = []
        for _own, event_id, count, last_on, _proof in rows:
            event = events.browse(event_id)
            entries.append(
                EventData(
                    find_document(self.env, event.res_model, event.res_id),
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
        capability.call(self._write_down)

    @api.model
    def _get_counts(self, events):
        """Return what was counted and is no event yet: ``{id of the event: (count,
        last)}``."""
        counts = defaultdict(lambda: (0, None))
        if not events.ids or seal.find_problem(self.env):
            return counts
        rows = self._read(SQL(), events.ids)
        counts.update((row[0], row[1:3]) for row in rows if _is_counted(*row))
        return counts


def _make_proof(event_id, count, last_on):
    text = f"repetition:{event_id}:{count}:{fields.Datetime.to_string(last_on)}"
    return seal.make_mark(text)[0]


def _is_counted(event_id, count, last_on, proof):
    """Return whether this server has counted it."""
    return bool(proof) and hmac.compare_digest(
        proof, _make_proof(event_id, count, last_on)
    )
