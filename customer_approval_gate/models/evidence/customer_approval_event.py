# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import functools
import logging
import re
import secrets

from psycopg2 import OperationalError
from psycopg2.errors import SerializationFailure, UniqueViolation
from psycopg2.extras import Json

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.http import request as http_request
from odoo.tools import SQL, format_datetime, sql

from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG

from ...tools import capability, ledger, seal, triggers
from ...tools.event_data import HISTORY_KEPT, NO_RECORD, EventData
from ...tools.identity import check_home, get_identity
from ...tools.registry import models_with
from .customer_approval_repetition import WITHIN

_logger = logging.getLogger(__name__)

TRIES_BESIDE = 3
TO_A_STAGE = ("stage_changed", "gate_refused", "advance_blocked")


class CustomerApprovalEvent(models.Model):
    """One line of the evidence: who, what, when, from where.

    Rows are only ever inserted, by ``_append()``; the database chains them (one chain a
    document) and refuses to change or delete them. See ``tools/ledger.py`` for what
    proves what.
    """

    _name = "customer.approval.event"
    _inherit = [
        "customer.approval.key.mixin",
        "customer.approval.export.mixin",
        "customer.approval.verifying.mixin",
        "customer.approval.insert.only.mixin",
    ]
    _log_access = False
    _description = "Customer Approval Event"
    _order = "id desc"
    _rec_name = "kind"

    res_model = fields.Char(string="Document Model", required=True, readonly=True)
    res_id = fields.Many2oneReference(
        string="Document ID", model_field="res_model", required=True, readonly=True
    )
    position = fields.Integer(
        required=True, readonly=True, help="The place in the chain of its document."
    )
    request_id = fields.Many2one(
        "customer.approval.request",
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    kind = fields.Selection(
        [
            ("requested", "Requested"),
            ("mail_sent", "Mail Handed Over"),
            ("mail_queued", "Mail Queued"),
            ("mail_accepted", "Mail Accepted by the Mail Server"),
            ("mail_failed", "Mail Failed"),
            ("mail_cancelled", "Mail Not Needed Any More"),
            ("opened", "Opened"),
            ("reminded", "Reminded"),
            ("answered", "One Answer"),
            ("decided", "Answered"),
            ("approver_added", "Also Asked"),
            ("approver_removed", "No Longer Asked"),
            ("turn_came", "Turn Came"),
            ("passed_on", "Passed On"),
            ("pass_on_proposed", "Colleague Proposed"),
            ("pass_on_refused", "Colleague Refused"),
            ("deadline_changed", "Deadline Changed"),
            ("code_sent", "One-Time Code Sent"),
            ("code_confirmed", "One-Time Code Entered"),
            ("code_failed", "Wrong One-Time Code"),
            ("handed_over", "Screen Handed Over"),
            ("mail_bounced", "Mail Came Back"),
            ("conditions_accepted", "Conditions Accepted"),
            ("withdrawn", "Withdrawn"),
            ("revised", "Revised"),
            ("lapsed", "Lapsed"),
            ("expired", "Expired"),
            ("tolerated", "Changed within the Tolerance"),
            ("covered", "Covered by an Order's Approval"),
            ("coverage_ended", "No Longer Covered"),
            ("change_order", "Change Order"),
            ("line_added", "Line Added by Odoo"),
            ("stage_changed", "Stage Changed"),
            ("gate_refused", "Refused by the Gate"),
            ("entry_action", "Entry Action"),
            ("advance_blocked", "Did Not Go On"),
            ("stage_configured", "Stage Configured"),
            ("policy_changed", "Policy Changed"),
            ("certified", "Certificate Made"),
            ("downloaded", "Evidence Downloaded"),
            ("exported", "All Evidence Downloaded"),
            ("erased", "Personal Data Erased"),
            ("deleted", "Deleted"),
            ("upgrade_noted", "Digest of an Upgrade Explained"),
            ("key_registered", "Key Introduced"),
            ("key_confirmed", "Key Confirmed"),
            ("database_identified", "Database Identified"),
            ("program_recorded", "Program That Verifies"),
        ],
        required=True,
        readonly=True,
    )
    decision = fields.Selection(
        [
            ("approved", "Approved"),
            ("approved_conditions", "Approved with Conditions"),
            ("changes_requested", "Changes Requested"),
            ("rejected", "Rejected"),
        ],
        readonly=True,
    )
    occurred_on = fields.Datetime(string="When", required=True, readonly=True)
    user_id = fields.Many2one(
        "res.users",
        required=True,
        readonly=True,
        ondelete="restrict",
        help="Whose login it was; OdooBot where nobody was logged in.",
    )
    method = fields.Char(readonly=True, help="By which way it came.")
    version = fields.Integer(readonly=True)
    digest = fields.Char(readonly=True, help="SHA-256 of the content it is about.")
    scope_digest = fields.Char(readonly=True)
    text = fields.Text(string="Note", readonly=True)
    details = fields.Json(readonly=True)
    personal_digest = fields.Char(readonly=True)
    database = fields.Char(readonly=True, help="The identity of the database.")
    nonce = fields.Char(readonly=True, help="Something random: no two are the same.")
    entry_digest = fields.Char(required=True, readonly=True)
    xact = fields.Char(
        string="Transaction", readonly=True, help="In which it was written."
    )
    previous_hash = fields.Char(readonly=True)
    hash = fields.Char(required=True, readonly=True)
    seal = fields.Char(readonly=True)
    key_id = fields.Char(readonly=True)

    description = fields.Char(string="What", compute="_compute_description")
    personal_name = fields.Char(string="Who", compute="_compute_personal")
    personal_ip = fields.Char(string="IP Address", compute="_compute_personal")
    personal_user_agent = fields.Char(string="Browser", compute="_compute_personal")
    document_readable = fields.Boolean(
        compute="_compute_document_readable", search="_search_document_readable"
    )

    _chain = models.UniqueIndex("(res_model, res_id, position)")
    _code_idx = models.Index("(left(hash, 32)) WHERE kind = 'decided'")

    # ------------------------------------------------------------------
    # Database
    # ------------------------------------------------------------------

    @api.model
    def _get_triggers(self):
        return [
            *super()._get_triggers(),
            triggers.Trigger(
                self._table, "chain", "BEFORE INSERT", "customer_approval_event"
            ),
        ]

    @api.model
    def _register_hook(self):
        """Say when the database does not hold the rules, and bring it a new key: a
        database that was restored elsewhere meets a server with another one."""
        super()._register_hook()
        try:
            with self.env.cr.savepoint():
                self._introduce_server()
        except (SerializationFailure, UniqueViolation):
            _logger.info("Another process has just written what server this is.")
        for problem in triggers.find_problems(self.env.cr, self._get_all_triggers()):
            _logger.error(
                "Customer approvals are not held by the database: %s. Update the "
                "addon customer_approval_gate to mend it.",
                problem,
            )

    @api.model
    def _introduce_server(self):
        """Say which key, program and database this is, where that is new."""
        is_new = check_home(self.env, self._read_recorded_identity())
        if self._introduce_key():
            _logger.info("The database takes the seals of this server from now on.")
        if not seal.find_problem(self.env):
            capability.call(self._record_server, is_new)

    @api.model
    def _find_database_problems(self):
        """Return what of the database's part is missing, disabled or altered, and why
        nothing can be sealed."""
        problems = triggers.find_problems(self.env.cr, self._get_all_triggers())
        return [
            *filter(None, [seal.find_problem(self.env)]),
            *problems,
            *self._find_column_problems(),
            *self._find_index_problems(),
        ]

    @api.model
    def _find_index_problems(self):
        """Return which indexes are missing that keep rows of ours from being there
        twice: the second would be looked at by nobody."""
        wanted = {
            index.full_name(self.env[name]): (
                self.env[name]._table,
                _bare(index.get_definition(self.pool).removeprefix("UNIQUE INDEX")),
            )
            for name, model in self.env.registry.items()
            if name.startswith("customer.approval.") and not model._abstract
            for index in model._table_objects.values()
            if isinstance(index, models.UniqueIndex)
        }
        rows = self.env.execute_query(
            SQL(
                """
                SELECT index.relname, owner.relname, pg_get_indexdef(index.oid)
                  FROM pg_index
                  JOIN pg_class AS index ON index.oid = indexrelid
                  JOIN pg_class AS owner ON owner.oid = indrelid
                 WHERE indisunique AND indisvalid
                   AND owner.relnamespace = current_schema::regnamespace
                   AND index.relname = ANY(%s)
                """,
                [*wanted],
            )
        )
        found = {
            name: (table, _bare(definition).partition("usingbtree")[2])
            for name, table, definition in rows
        }
        return [
            f"index {name} of table {table} is missing, or another one: rows may be "
            "there twice"
            for name, (table, definition) in sorted(wanted.items())
            if found.get(name) != (table, definition)
        ]

    @api.model
    def _find_column_problems(self):
        """Return which of the columns that triggers read have another type than Odoo
        gave them."""
        problems = []
        for model in models_with(self.env, "customer.approval.evidence.mixin"):
            names = model._get_columns_read() - {"id"}
            found = names and sql.table_columns(self.env.cr, model._table)
            problems += [
                f"column {name} of table {model._table} has another type"
                for name in sorted(names)
                if name in found
                and found[name]["udt_name"] != model._fields[name].column_type[0]
            ]
        return problems

    # ------------------------------------------------------------------
    # Insert only, by our own code only
    # ------------------------------------------------------------------

    @api.model
    def _append(self, entries):
        """Write events: in one statement, and one more where they are sealed.

        Two transactions that write to the same chain at once: the later one fails as
        Odoo's do, by a serialization failure, and is tried again.

        :param entries: a list of ``EventData``
        :return: the ids of the events
        :raise AccessError: something else than entries was given
        """
        if not all(isinstance(entry, EventData) for entry in entries):
            raise AccessError(self.env._("Events are written by what happens only."))
        ids, batch = [], []
        if self._is_uninstalling():
            return ids
        for entry in entries:
            # The seal is made for a place in the chain, after what is there already.
            if entry.kind not in ledger.UNSEALED_KINDS and any(
                other.record == entry.record for other in batch
            ):
                ids += self._insert(batch)
                batch = []
            batch.append(entry)
        return ids + self._insert(batch)

    @api.model
    def _is_uninstalling(self):
        """Return whether the addon goes: what makes the chains has gone already."""
        if not self.env.context.get(MODULE_UNINSTALL_FLAG):
            return False
        # Whoever sends the key may not read this, and is not believed without.
        module = self.env["ir.module.module"].sudo()._get("customer_approval_gate")
        return module.state == "to remove"

    @api.model
    def _insert(self, entries):
        # By what _append() was given.
        if not all(isinstance(entry, EventData) for entry in entries) or not entries:
            return []
        heads = self._read_heads(
            [entry for entry in entries if entry.kind not in ledger.UNSEALED_KINDS]
        )
        common = self._get_common_values()
        # All in one query, whichever records they are of.
        requests = {entry.request.id for entry in entries if entry.request}
        requests = self.env["customer.approval.request"].sudo().browse(requests)
        requests.mapped("version")
        rows = [
            self._prepare_row(entry, heads.get(self._get_chain(entry)), common)
            for entry in entries
        ]
        # What no row has takes time as well.
        columns = [
            name
            for name in rows[0]
            if name != "personal" and any(row[name] is not None for row in rows)
        ]
        # One flat statement: an object for each value takes longer than the rest.
        place = f"({', '.join(['%s'] * len(columns))})"
        query = SQL(
            f"INSERT INTO customer_approval_event ({', '.join(columns)})"
            f" VALUES {', '.join([place] * len(rows))}"
            " ON CONFLICT DO NOTHING RETURNING id, personal_digest",
            *(row[name] for row in rows for name in columns),
        )
        personal = [row["personal"] for row in rows if row["personal"]]
        if personal:
            query = SQL(
                """
                WITH event AS (%s), datum AS (
                    INSERT INTO customer_approval_personal (event_id, salt, value)
                    SELECT event.id, given.salt, given.value::jsonb
                      FROM event
                      JOIN (VALUES %s) AS given (digest, salt, value)
                        ON given.digest = event.personal_digest
                )
                SELECT id, personal_digest FROM event
                """,
                query,
                SQL(
                    ", ".join(["(%s, %s, %s)"] * len(personal)),
                    *(
                        part
                        for digest, salt, value in personal
                        for part in (digest, salt, ledger.rfc8785(value).decode())
                    ),
                ),
            )
        capability.memory(self.env).pop(HISTORY_KEPT, None)
        # Raw: the ORM does not know ON CONFLICT, which is what makes the failure above.
        self.env.cr.execute(query)
        ids = [row[0] for row in self.env.cr.fetchall()]
        if len(ids) != len(rows):
            raise SerializationFailure(
                self.env._("Somebody else is working on the same document. Try again.")
            )
        self.invalidate_model()
        return ids

    @api.model
    def _get_chain(self, entry):
        return (entry.record._name, entry.record.id) if entry.record else NO_RECORD

    @api.model
    def _read_heads(self, entries):
        """Return the last position and hash of the chains of these entries."""
        if not entries:
            return {}
        self.env.cr.execute(
            SQL(
                """
                SELECT DISTINCT ON (res_model, res_id) res_model, res_id, position, hash
                  FROM customer_approval_event
                 WHERE (res_model, res_id) IN %s
              ORDER BY res_model, res_id, position DESC
                """,
                tuple({self._get_chain(entry) for entry in entries}),
            )
        )
        return {row[:2]: row[2:] for row in self.env.cr.fetchall()}

    @api.model
    def _get_common_values(self):
        """Return what is the same for all events that are written at once, and their
        personal data.

        :rtype: tuple
        """
        user_id, personal, method = self._get_actor()
        now = fields.Datetime.to_string(fields.Datetime.now())
        common = {
            "user_id": user_id,
            "method": method,
            "occurred_on": now,
            "database": get_identity(self.env),
        }
        return common, personal

    @api.model
    def _prepare_row(self, entry, head=None, common=None):
        if not isinstance(entry, EventData):
            raise AccessError(self.env._("Events are written by what happens only."))
        common, personal = common or self._get_common_values()
        personal = {
            key: value for key, value in {**personal, **entry.personal}.items() if value
        }
        res_model, res_id = self._get_chain(entry)
        row = {
            "res_model": res_model,
            "res_id": res_id,
            "request_id": None,
            "kind": entry.kind,
            "decision": entry.decision,
            "occurred_on": fields.Datetime.to_string(entry.occurred_on)
            or common["occurred_on"],
            "user_id": common["user_id"],
            "method": entry.method or common["method"],
            "version": None,
            "digest": None,
            "scope_digest": entry.scope_digest or None,
            "text": entry.text or None,
            "details": entry.details or None,
            "personal_digest": None,
            "database": common["database"],
            "nonce": None,
        }
        if entry.request:
            request = entry.request.sudo()  # what is recorded, not what one may read
            row["request_id"] = request.id
            row["version"] = request.version or None
            row["digest"] = request.digest or None
            row["scope_digest"] = row["scope_digest"] or request.scope_digest or None
        salt = None
        if personal:
            salt = secrets.token_hex(16)
            row["personal_digest"] = ledger.personal_digest(salt, personal)
        if entry.kind in ledger.UNSEALED_KINDS:
            # A seal is of one place in the chain; a mark could be used again.
            row["nonce"] = secrets.token_hex(8)
        row["entry_digest"] = ledger.entry_digest(row)
        if entry.kind in ledger.UNSEALED_KINDS:
            row["seal"], row["key_id"] = seal.make_mark(row["entry_digest"])
        else:
            position, previous = head or (0, None)
            place = {"position": position + 1, "previous_hash": previous}
            row["seal"], row["key_id"] = seal.make_seal(
                ledger.sealed_text({**row, **place}),
                self._find_voucher() if entry.kind == "key_registered" else None,
            )
        row["personal"] = personal and (row["personal_digest"], salt, personal)
        row["details"] = Json(row["details"]) if row["details"] else None
        return row

    @api.model
    def _get_actor(self):
        """Return the id of the user whose login it is, personal data, and the way."""
        if not http_request:
            return self.env.uid, {}, "server"
        # Portal pages work as OdooBot: the session knows better.
        user_id = http_request.session.uid or self.env.uid
        browser = http_request.httprequest.user_agent.string or ""
        personal = {
            "ip": http_request.httprequest.remote_addr,
            "user_agent": browser[:500],
        }
        return user_id, personal, "web"

    @api.model
    def _append_beside(self, entries):
        """Write events beside the transaction: once it is over, whatever becomes of it.
        That they cannot be written makes nothing else fail."""
        cr = self.env.cr
        user_id, personal, method = self._get_actor()
        given = [
            (
                entry.record._name,
                entry.record.id,
                EventData(
                    self.browse(),
                    entry.kind,
                    entry.request.id if entry.request else None,
                    text=entry.text,
                    method=method,
                    details={**entry.details},
                    personal={**personal, **entry.personal},
                ),
            )
            for entry in entries
            if isinstance(entry, EventData) and entry.record.ids
        ]
        if not given:
            return
        registry, done = self.env.registry, []

        # What a callback is made of can be read, and changed, by the code of a server
        # action, but for what it closes over.
        def write():
            if not done:
                done.append(True)
                _write_beside(registry, user_id, given)

        cr.postrollback.add(write)
        cr.postcommit.add(write)

    # ------------------------------------------------------------------
    # What is shown
    # ------------------------------------------------------------------

    @api.depends("kind", "decision", "details")
    def _compute_description(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        counts = self.env["customer.approval.repetition"].sudo()  # the events' own
        counts = counts._get_counts(self)
        decisions = dict(self._fields["decision"]._description_selection(self.env))
        for event in self:
            details = event.details or {}
            text = decisions.get(event.decision) or kinds.get(event.kind, "")
            if event.kind == "answered":
                text = f"{kinds[event.kind]}: {text}"
            if event.kind in TO_A_STAGE and details.get("to"):
                way = [details.get("from") or "", details["to"]]
                if details.get("from_id") == details.get("to_id"):
                    way = way[1:]  # confirmed, posted or taken back in the same stage
                text = f"{text}: {' → '.join(way)}"
            elif event.kind == "stage_configured" and details.get("changes"):
                changes = ", ".join(
                    f"{name}: {old} → {new}"
                    for name, (old, new) in sorted(details["changes"].items())
                )
                text = f"{text}: {changes}"
            count, last = counts[event.id]
            if details.get("repeats"):
                last = fields.Datetime.to_datetime(details["last"])
                text = self.env._(
                    "%(what)s: %(count)s more times, the last on %(when)s",
                    what=text,
                    count=details["count"],
                    when=format_datetime(self.env, last),
                )
            elif count:
                text = self.env._(
                    "%(what)s (and %(count)s more times until %(when)s)",
                    what=text,
                    count=count,
                    when=format_datetime(self.env, last),
                )
            event.description = text

    def _compute_personal(self):
        personal = self._read_personal()
        for event in self:
            value = (personal.get(event.id) or {}).get("value") or {}
            event.personal_name = value.get("name")
            event.personal_ip = value.get("ip")
            event.personal_user_agent = value.get("user_agent")

    @api.depends_context("uid")
    def _compute_document_readable(self):
        domain = self._search_document_readable("in", [True])
        # This is what the rule asks, so it cannot go by the rule.
        readable = self.sudo().search(Domain("id", "in", self.ids) & domain)
        for event in self:
            event.document_readable = event.id in readable.ids

    @api.model
    def _search_document_readable(self, operator, value):
        """Whoever may read a document may read its history."""
        if operator != "in":
            return NotImplemented
        # Rules are searched with superuser rights.
        user = self.env.user.with_user(self.env.uid)
        domains = []
        for model in models_with(user.env, "customer.approval.subject.mixin"):
            model = model.with_context(active_test=False)
            if model.has_access("read"):
                domains.append(
                    Domain("res_model", "=", model._name)
                    & Domain.custom(to_sql=functools.partial(_is_readable, model))
                )
        readable = Domain.OR(domains) if domains else Domain.FALSE
        return readable if True in value else ~readable

    # ------------------------------------------------------------------
    # Erasure
    # ------------------------------------------------------------------

    @api.model
    @capability.required
    def _erase_personal(self, document, reason):
        """Erase the personal data in the evidence about a document: names, addresses
        of computers, browsers and signatures. The events stay, and so does the chain.

        :param str reason: why, such as the reference of the person's request
        """
        events = self._read_rows(document._name, document.id)
        personal = self._read_personal([event["id"] for event in events])
        ids = sorted(key for key, row in personal.items() if row["value"] is not None)
        self._append(
            [EventData(document, "erased", text=reason, details={"events": ids})]
        )
        self.env.cr.execute(
            SQL(
                "UPDATE customer_approval_personal SET value = NULL, salt = NULL"
                " WHERE event_id = ANY(%s)",
                ids,
            )
        )
        requests = self.env["customer.approval.request"].sudo()  # nobody may write them
        requests = requests.search(
            [("res_model", "=", document._name), ("res_id", "=", document.id)]
        )
        capability.call(requests._forget_personal)
        self.invalidate_model()


def _bare(definition):
    """A definition of an index without what PostgreSQL writes in its own way."""
    return re.sub(r"::\w+|[()\s\"]", "", definition.partition(";")[0]).lower()


def _is_readable(documents, _model, alias, _query):
    """Return the condition that the document of a row is one of those that the user
    may read: looked up by its number, and not in a list of all there are.

    :param documents: the model, in the name of the user
    :param str alias: of the table with ``res_id``
    """
    query = documents._search(Domain.TRUE)
    own, other = SQL.identifier(query.table, "id"), SQL.identifier(alias, "res_id")
    query.add_where(SQL("%s = %s", own, other))
    return SQL("EXISTS (%s)", query.select(SQL("1")))


def _write_beside(registry, user_id, given):
    for left in range(TRIES_BESIDE - 1, -1, -1):
        try:
            with registry.cursor() as cr:
                env = api.Environment(cr, user_id or SUPERUSER_ID, {})
                requests = env["customer.approval.request"].sudo()  # whoever causes it
                entries = [
                    EventData(
                        env[name].sudo().browse(record_id),
                        entry.kind,
                        requests.browse(entry.request),
                        text=entry.text,
                        method=entry.method,
                        details=entry.details,
                        personal=entry.personal,
                    )
                    for name, record_id, entry in given
                    if env[name].sudo().browse(record_id).exists()
                ]
                env["customer.approval.event"]._append(
                    [entry for entry in entries if entry.kind not in WITHIN]
                )
                capability.call(
                    env["customer.approval.repetition"]._append_or_count,
                    [entry for entry in entries if entry.kind in WITHIN],
                )
            return
        except OperationalError:  # somebody else wrote to the same chain: once more
            if not left:
                _logger.warning("An event could not be written", exc_info=True)
        except Exception:  # what it is about has to reach the user
            _logger.warning("An event could not be written", exc_info=True)
            return
