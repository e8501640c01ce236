# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...tools import ledger, seal
from ...tools.registry import models_with

EVENTS_AT_ONCE = 1000


class CustomerApprovalVerifyingMixin(models.AbstractModel):
    """Whether evidence still is what it was: of a document, of some chains, of the
    whole database.

    Of its host, the event, it asks the columns of an event, ``_get_all_keys()`` and
    ``_find_key_problems()``.
    """

    _name = "customer.approval.verifying.mixin"
    _description = "Whether Evidence Is What It Was"

    # ------------------------------------------------------------------
    # As plain data
    # ------------------------------------------------------------------

    @api.model
    def _read_where(self, where, limit=None):
        """Return events as plain data, from the database itself, chain by chain.

        :param where: a condition
        """
        columns = ("id", *ledger.EVENT_FIELDS_3, "position", "entry_digest")
        columns += ("xact", "previous_hash", "hash", "seal", "key_id")
        self.flush_model()
        rows = self.env.execute_query_dict(
            SQL(
                "SELECT %s FROM customer_approval_event WHERE %s"
                " ORDER BY res_model, res_id, position %s",
                SQL(", ").join(SQL.identifier(name) for name in columns),
                where,
                SQL("LIMIT %s", limit) if limit else SQL(),
            )
        )
        for row in rows:
            row["occurred_on"] = fields.Datetime.to_string(row["occurred_on"])
        return rows

    @api.model
    def _read_rows(self, res_model=None, res_id=None):
        """Return events as plain data, in the order of their ids: of one document, or
        all."""
        where = SQL("TRUE")
        if res_model:
            where = SQL("res_model = %s AND res_id = %s", res_model, res_id)
        return sorted(self._read_where(where), key=lambda row: row["id"])

    def _read_personal(self, ids=None):
        """Return the personal data beside events, by the events' ids."""
        where = SQL("TRUE")
        if ids is not None or self:
            where = SQL(
                "event_id = ANY(%s)", list(ids if ids is not None else self.ids)
            )
        rows = self.env.execute_query(
            SQL(
                "SELECT event_id, salt, value FROM customer_approval_personal WHERE %s",
                where,
            )
        )
        return {row[0]: {"salt": row[1], "value": row[2]} for row in rows}

    # ------------------------------------------------------------------
    # Some chains
    # ------------------------------------------------------------------

    @api.model
    def _get_mark_check(self, events, key_events):
        """Return the function that says whether an event without a seal was written by
        the server of its time.

        Marks of another server cannot be told here, unless its key was left beside the
        present one. They are believed where a checkpoint holds the event that was made
        when the other key came, at the latest: whoever knows only what the old key is
        called comes too late.

        :param events: those that it will be asked about
        :param key_events: see ``_read_key_events()``
        """
        if seal.find_problem(self.env):  # which is one of those that are found
            return None
        paths = {**seal.find_former_keys(), seal.get_public_key()[0]: None}
        held = self.env["customer.approval.checkpoint"]._find_held_by_then(
            [
                event["id"]
                for event in events
                if event["kind"] in ledger.UNSEALED_KINDS
                and event["key_id"] not in paths
            ]
        )

        def is_marked(event):
            if event["key_id"] in paths:
                return seal.is_marked(event, paths[event["key_id"]])
            active = ledger.active_key(key_events, event["id"])
            return event["id"] in held and event["key_id"] == active

        return is_marked

    @api.model
    def _verify_document(self, document):
        """Return what does not fit in the evidence about a document.

        :return: a list of texts, each naming the row; empty if all is well
        """
        events = self._read_rows(document._name, document.id)
        requests = self.env["customer.approval.request"].sudo()
        requests = requests.search(
            [("res_model", "=", document._name), ("res_id", "=", document.id)]
        )
        problems = self._verify_rows(
            [(events, requests._export_evidence())], self._read_key_events()
        )
        used = {event["key_id"] for event in events}
        problems += [
            problem
            for problem in self._find_key_problems()
            if any(f"key {key}:" in problem for key in used)
        ]
        return problems + self._find_problems_of_models(document)

    @api.model
    def _find_problems_of_models(self, document=None):
        """Return what all models that have a part in the evidence find of theirs."""
        return [
            problem
            for model in models_with(self.env, "customer.approval.evidence.mixin")
            for problem in model.sudo()._find_evidence_problems(
                document
            )  # all there is
        ]

    @api.model
    def _verify_rows(self, chains, key_events):
        """Return what does not fit in some chains.

        :param chains: pairs of the events and the requests of a document
        :param key_events: see ``_read_key_events()``
        """
        keys = self._get_all_keys()  # who vouches for them is another question
        rows = [event for events, _requests in chains for event in events]
        is_marked = self._get_mark_check(rows, key_events)
        personal = self._read_personal([event["id"] for event in rows])
        problems = []
        for events, requests in chains:
            problems += ledger.check_chain(events, keys, is_marked)
            problems += ledger.check_database(events, key_events)
            problems += ledger.check_personal(events, personal)
            problems += ledger.known_requests(requests, events)
            for request in requests:
                try:
                    problems += ledger.check_request(
                        request, events, personal, ledger.scope_digest
                    )
                except (KeyError, TypeError, AttributeError, ValueError) as error:
                    problems.append(
                        f"request {request['id']}: cannot be read ({error!r})"
                    )
        return problems

    @api.model
    def _verify_chains(self, after):
        """Verify the next chains.

        :param str after: the last chain before, as ``model,number``; empty at first
        :return: the last of these chains, empty if there are none; how many events
            they have; and what does not fit
        :rtype: tuple
        """
        model, _comma, number = after.partition(",")
        rows = self._read_where(
            SQL("(res_model, res_id) > (%s, %s)", model, int(number or 0))
            if after
            else SQL("TRUE"),
            EVENTS_AT_ONCE,
        )
        if not rows:
            return "", 0, []
        last = (rows[-1]["res_model"], rows[-1]["res_id"])
        if len(rows) == EVENTS_AT_ONCE:
            # The last chain may go on: it is read as a whole.
            rows = [row for row in rows if (row["res_model"], row["res_id"]) != last]
            rows += self._read_where(SQL("res_model = %s AND res_id = %s", *last))
        chains = defaultdict(lambda: ([], []))
        for row in rows:
            chains[row["res_model"], row["res_id"]][0].append(row)
        Request = self.env["customer.approval.request"].sudo()  # all there are
        domain = Domain.OR(
            Domain("res_model", "=", name)
            & Domain("res_id", "in", [key[1] for key in chains if key[0] == name])
            for name in {key[0] for key in chains}
        )
        for request in Request.search(domain, order="id")._export_evidence():
            chains[request["res_model"], request["res_id"]][1].append(request)
        problems = self._verify_rows(list(chains.values()), self._read_key_events())
        return f"{last[0]},{last[1]}", len(rows), problems

    # ------------------------------------------------------------------
    # All
    # ------------------------------------------------------------------

    @api.model
    def _verify_rest(self):
        """Return what does not fit beside the chains: rows that belong to none,
        checkpoints, keys, documents, and what the database holds itself."""
        problems = self._find_lone_rows()
        problems += self._find_key_problems()
        problems += self._find_problems_of_models()
        problems += self._find_identity_problems()
        return problems + self._find_database_problems()

    @api.model
    def _find_lone_rows(self):
        """Return the rows whose events there are not."""
        self.env.cr.execute(
            """
            SELECT 'personal data of event ' || event_id || ': the event was deleted'
              FROM customer_approval_personal AS datum
             WHERE NOT EXISTS (
                   SELECT FROM customer_approval_event WHERE id = datum.event_id
                   )
             UNION ALL
            SELECT 'request ' || request.name || ' (id ' || request.id
                   || '): there is no event that it was asked: inserted'
              FROM customer_approval_request AS request
             WHERE NOT EXISTS (
                   SELECT FROM customer_approval_event
                    WHERE res_model = request.res_model AND res_id = request.res_id
                   )
            """
        )
        return [row[0] for row in self.env.cr.fetchall()]

    @api.model
    def _verify_all(self):
        """Return what does not fit in all evidence, checkpoints included, in one go.

        :return: the list of texts, and the number of rows that were looked at
        :rtype: tuple
        """
        problems, total, chain = [], 0, ""
        while True:
            chain, count, found = self._verify_chains(chain)
            problems += found
            total += count
            if not chain:
                return problems + self._verify_rest(), total
            # All evidence at once does not fit into memory.
            self.env.invalidate_all()

    @api.model
    def _cron_verify(self):
        """Verify everything, and tell the administrators what does not fit."""
        self.env["customer.approval.verification"]._cron_run()
