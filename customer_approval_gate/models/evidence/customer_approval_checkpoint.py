# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL, email_split

from ...tools import capability, ledger, seal, triggers
from ...tools.identity import get_identity, read_identity
from .customer_approval_node import LEAVES_AT_ONCE

_logger = logging.getLogger(__name__)

LAST = "position = (SELECT max(position) FROM customer_approval_checkpoint)"
EMAILS_PARAMETER = "customer_approval_gate.checkpoint_emails"


class CustomerApprovalCheckpoint(models.Model):
    """All events at one moment, as one digest that is mailed out: what is in somebody
    else's mailbox cannot be rewritten here."""

    _name = "customer.approval.checkpoint"
    _inherit = ["customer.approval.insert.only.mixin"]
    _log_access = False
    _description = "Checkpoint of Customer Approval Events"
    _order = "position desc"
    _rec_name = "position"

    position = fields.Integer(string="Number", required=True, readonly=True)
    made_on = fields.Datetime(required=True, readonly=True)
    tree_size = fields.Integer(
        string="Events", readonly=True, help="So many events are in it."
    )
    last_event_id = fields.Integer(
        readonly=True,
        help="Of old ones: events up to this one are in it.",
    )
    chain_count = fields.Integer(string="Documents", readonly=True)
    root = fields.Char(
        required=True, readonly=True, help="Of the Merkle tree over all events."
    )
    database = fields.Char(readonly=True, help="The identity of the database.")
    previous_hash = fields.Char(readonly=True)
    hash = fields.Char(required=True, readonly=True)
    seal = fields.Char(readonly=True)
    key_id = fields.Char(readonly=True)

    _position_uniq = models.UniqueIndex("(position)")

    @api.model
    def _get_triggers(self):
        return [
            *super()._get_triggers(),
            triggers.Trigger(
                self._table, "sealed", "BEFORE INSERT", "customer_approval_checkpoint"
            ),
        ]

    @api.model
    def _read_rows(self, where=None):
        """Return checkpoints as plain data, in order.

        :param where: a condition; by default all
        """
        columns = ("position", "made_on", "tree_size", "last_event_id", "chain_count")
        columns += ("root", "database", "previous_hash", "hash", "seal", "key_id")
        rows = self.env.execute_query_dict(
            SQL(
                "SELECT %s FROM customer_approval_checkpoint WHERE %s"
                " ORDER BY position",
                SQL(", ").join(SQL.identifier(name) for name in columns),
                where or SQL("TRUE"),
            )
        )
        for row in rows:
            row["made_on"] = fields.Datetime.to_string(row["made_on"])
        return rows

    @api.model
    def _make(self):
        """Make a checkpoint of all events there are.

        :return: the new checkpoint
        """
        tree = self.env["customer.approval.node"]._grow()
        last = self._read_rows(SQL(LAST))
        checkpoint = {
            "position": last[0]["position"] + 1 if last else 1,
            "made_on": fields.Datetime.to_string(fields.Datetime.now()),
            "tree_size": tree.size,
            "root": tree.root(),
            "database": get_identity(self.env),
            "previous_hash": last[0]["hash"] if last else None,
        }
        checkpoint["hash"] = ledger.checkpoint_hash(checkpoint)
        checkpoint["seal"], checkpoint["key_id"] = seal.make_seal(checkpoint["hash"])
        self.env.cr.execute(
            SQL(
                "INSERT INTO customer_approval_checkpoint (%s)"
                " VALUES (%s) RETURNING id",
                SQL(", ").join(SQL.identifier(name) for name in checkpoint),
                SQL(", ").join(SQL("%s", value) for value in checkpoint.values()),
            )
        )
        made = self.browse(self.env.cr.fetchone()[0])
        capability.call_after_commit(self._keep_last)
        return made

    @api.model
    @capability.required
    def _keep_last(self):
        """Keep on this server which checkpoint is the last: that this fails undoes
        nothing."""
        try:
            fingerprint, modulus = seal.get_public_key()
            for row in self._read_rows(SQL(LAST)):
                if not ledger.check_checkpoint(row, {fingerprint: modulus}):
                    home = read_identity(self.env)[1]
                    seal.keep_checkpoint(home, row["position"], row["hash"])
        except seal.KeyProblem as error:
            _logger.warning("%s", error)

    @api.model
    def _find_held_by_then(self, event_ids):
        """Return which events a checkpoint held when their key was replaced: the first
        one after the last that this key has sealed.

        :param event_ids: the numbers of events
        :rtype: set
        """
        if not event_ids:
            return set()
        self.env["customer.approval.event"].flush_model()
        self.env.cr.execute(
            """
            WITH held AS (
                SELECT key.key_id, COALESCE(min(later.tree_size), (
                           SELECT max(tree_size) FROM customer_approval_checkpoint
                       )) AS tree_size
                  FROM (SELECT key_id,
                               (SELECT COALESCE(max(position), 0)
                                  FROM customer_approval_checkpoint
                                 WHERE key_id = event.key_id) AS last
                          FROM customer_approval_event AS event
                         WHERE id = ANY(%(ids)s)
                      GROUP BY key_id) AS key
             LEFT JOIN customer_approval_checkpoint AS later
                    ON later.position > key.last AND later.tree_size > 0
              GROUP BY key.key_id
            )
            SELECT event.id
              FROM customer_approval_event AS event
              JOIN customer_approval_node AS leaf
                ON leaf.level = 0 AND leaf.event_id = event.id
              JOIN held ON held.key_id = event.key_id
             WHERE event.id = ANY(%(ids)s) AND leaf.number < held.tree_size
            """,
            {"ids": event_ids},
        )
        return {row[0] for row in self.env.cr.fetchall()}

    @api.model
    def _find_forgotten(self, rows):
        """Return whether the last checkpoint is gone that this server has made: what is
        newer than the others could go with it.

        :param rows: all checkpoints, as plain data
        """
        if seal.find_problem(self.env):  # which is one of those that are found
            return []
        kept = seal.get_kept_checkpoint(read_identity(self.env)[1])
        if not kept or kept in [[row["position"], row["hash"]] for row in rows]:
            return []
        return [
            f"checkpoint {kept[0]} is missing: this server has made it, and either it "
            "was deleted, with what it proves, or the database is an older one"
        ]

    @api.model
    def _find_evidence_problems(self, document=None):
        """Return what is wrong with the checkpoints, and with the tree that they are
        of. It is read through in pieces."""
        if document is not None:
            return []
        keys = self.env["customer.approval.event"]._get_all_keys()
        rows = self._read_rows()
        nodes = self.env["customer.approval.node"]
        problems = ledger.check_checkpoints(rows, keys) + nodes._find_wrong_nodes()
        problems += self._find_forgotten(rows)
        roots, last = ledger.Roots(rows), 0
        while any(map(ledger.is_old_checkpoint, rows)):
            self.env.cr.execute(
                "SELECT id, res_model, res_id, position, hash"
                "  FROM customer_approval_event WHERE id > %s ORDER BY id LIMIT %s",
                [last, LEAVES_AT_ONCE],
            )
            events = self.env.cr.dictfetchall()
            for event in events:
                roots.add(event)
            if not events:
                break
            last = events[-1]["id"]
        first = 0
        while leaves := nodes._read_leaves(first, LEAVES_AT_ONCE):
            for number, leaf, event_hash in leaves:
                if number != first:
                    return [*problems, f"leaf {first} of the tree was deleted"]
                roots.add_leaf(leaf, event_hash)
                first += 1
        return problems + roots.finish()

    @api.model
    def _read_all_leaves(self):
        """Return the leaves of the tree in order: ``(event's id, hash)``."""
        self.env.cr.execute(
            "SELECT event_id, hash FROM customer_approval_node"
            " WHERE level = 0 ORDER BY number"
        )
        return self.env.cr.fetchall()

    # ------------------------------------------------------------------
    # For bundles
    # ------------------------------------------------------------------

    @api.model
    def _get_proofs(self, events):
        """Return what proves that events are in checkpoints, and that each of these
        continues the one before: without looking at any other event.

        :param events: as plain data
        :return: what a bundle has of it
        :rtype: dict
        """
        old = self._read_rows(SQL("tree_size IS NULL"))
        rows = {}
        inclusion = {}
        node = self.env["customer.approval.node"]._read_node
        self.env.cr.execute(
            """
            SELECT node.event_id, node.number, (
                       SELECT position FROM customer_approval_checkpoint
                        WHERE tree_size > node.number ORDER BY position LIMIT 1
                   )
              FROM customer_approval_node AS node
             WHERE node.level = 0 AND node.event_id = ANY(%s)
            """,
            [[event["id"] for event in events]],
        )
        places = [row for row in self.env.cr.fetchall() if row[2]]
        last = SQL(LAST)
        for row in self._read_rows(
            SQL(
                "tree_size IS NOT NULL AND (position = ANY(%s) OR %s)",
                [row[2] for row in places],
                last,
            )
        ):
            rows[row["position"]] = row
        for event_id, index, position in places:
            inclusion[str(event_id)] = {
                "checkpoint": position,
                "index": index,
                "path": ledger.inclusion_proof(
                    index, rows[position]["tree_size"], node
                ),
            }
        sizes = [(row["position"], row["tree_size"]) for row in rows.values()]
        consistency = {
            str(position): ledger.consistency_proof(before, size, node)
            for (_before, before), (position, size) in zip(
                sizes, sizes[1:], strict=False
            )
        }
        return {
            "checkpoints": [*old, *rows.values()],
            "consistency": consistency,
            "inclusion": inclusion,
            "proofs": self._get_old_proofs(old, events),
        }

    @api.model
    def _get_old_proofs(self, rows, events):
        """Return what proves that a document's chain is in checkpoints of before
        version 19.0.1.7.0.

        :param events: all events of the document, as plain data
        """
        proofs = {}
        for row in rows:
            known = [event for event in events if event["id"] <= row["last_event_id"]]
            if not known:
                continue
            head = max(known, key=lambda event: event["position"])
            self.env.cr.execute(
                """
                SELECT DISTINCT ON (res_model, res_id)
                       id, res_model, res_id, position, hash
                  FROM customer_approval_event
                 WHERE id <= %s
              ORDER BY res_model, res_id, position DESC
                """,
                [row["last_event_id"]],
            )
            leaves = [ledger.head_leaf(other) for other in self.env.cr.dictfetchall()]
            leaf = ledger.head_leaf(head)
            proofs[str(row["position"])] = {
                "event_id": head["id"],
                "path": ledger.merkle_path(leaves, leaf) if leaf in leaves else [],
            }
        return proofs

    # ------------------------------------------------------------------
    # Once a day
    # ------------------------------------------------------------------

    @api.model
    def _cron_checkpoint(self):
        """Make a checkpoint and mail it to those who keep it."""
        # A transaction of its own, which sees what others have written until now.
        with self.env.registry.cursor() as cr:
            checkpoint = self.with_env(self.env(cr=cr))._make()
            checkpoint._mail()

    @api.model
    def _get_recipients(self):
        # Settings are the administrator's, and the cron runs as whoever.
        value = self.env["ir.config_parameter"].sudo().get_param(EMAILS_PARAMETER)
        return ",".join(email_split(value or ""))

    def _mail(self):
        self.ensure_one()
        fingerprints = ", ".join(self.env["customer.approval.event"]._get_keys())
        lines = [
            self.env._(
                "Checkpoint %(number)s of %(date)s UTC",
                number=self.position,
                date=fields.Datetime.to_string(self.made_on),
            ),
            self.env._("Hash: %(hash)s", hash=self.hash),
            self.env._("Root: %(root)s", root=self.root),
            self.env._("Events: %(count)s", count=self.tree_size),
            self.env._("Keys: %(keys)s", keys=fingerprints),
            self.env._(
                "Keep this mail: it proves that the evidence of customer approvals "
                "up to this moment was not rewritten later."
            ),
        ]
        self._send_mail(
            "checkpoint",
            self.env._(
                "Customer approvals: checkpoint %(number)s", number=self.position
            ),
            lines,
        )

    @api.model
    def _mail_problems(self, problems):
        self._send_mail(
            "problems",
            self.env._("Customer approvals: evidence does not fit"),
            problems[:100],
        )

    @api.model
    def _send_mail(self, kind, subject, lines):
        recipients = self._get_recipients()
        if not recipients:
            return
        body = Markup().join(Markup("<p>%s</p>") % line for line in lines)
        mail = (
            self.env["mail.mail"]
            .sudo()
            .create(  # a cron's mail, from the company
                {
                    "subject": subject,
                    "body_html": body,
                    "email_to": recipients,
                    "email_from": self.env.company.email_formatted
                    or self.env.user.email_formatted,
                    "auto_delete": False,
                }
            )
        )
        last = self[:1] or self.search([], order="id desc", limit=1)
        last._hand_over(mail, kind)

    def _hand_over(self, mail, kind):
        """Let a mail about this checkpoint leave: by Odoo's own queue.

        :param mail: the ``mail.mail``
        :param str kind: what it is
        """

    def _notify_staff(self, note, topic=None):
        """Put something about the mails with checkpoints on the administrators' list of
        things to do.

        :param str note: what happened, and what to do next
        """
        company = self.env.company.partner_id
        for user in self.env.ref("base.group_system").user_ids:
            company.activity_schedule(
                "mail.mail_activity_data_warning",
                user_id=user.id,
                note=Markup("<p>%s</p>") % note,
                customer_approval_topic=topic,
            )
