# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL, email_split

from ..tools import ledger, seal, triggers

EMAILS_PARAMETER = "customer_approval_gate.checkpoint_emails"


class CustomerApprovalCheckpoint(models.Model):
    """The heads of all chains at one moment, as one digest that is mailed out: what is
    in somebody else's mailbox cannot be rewritten here."""

    _name = "customer.approval.checkpoint"
    _inherit = ["customer.approval.insert.only.mixin"]
    _log_access = False
    _description = "Checkpoint of Customer Approval Events"
    _order = "position desc"
    _rec_name = "position"

    position = fields.Integer(string="Number", required=True, readonly=True)
    made_on = fields.Datetime(required=True, readonly=True)
    last_event_id = fields.Integer(
        readonly=True, help="Events up to this one are in it."
    )
    chain_count = fields.Integer(string="Documents", readonly=True)
    root = fields.Char(
        required=True, readonly=True, help="Of the Merkle tree over all chains' heads."
    )
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
    def _read_rows(self):
        """Return all checkpoints as plain data, in order."""
        self.env.cr.execute(
            "SELECT position, made_on, last_event_id, chain_count, root,"
            " previous_hash, hash, seal, key_id FROM customer_approval_checkpoint"
            " ORDER BY position"
        )
        rows = self.env.cr.dictfetchall()
        for row in rows:
            row["made_on"] = fields.Datetime.to_string(row["made_on"])
        return rows

    @api.model
    def _read_heads(self, last_event_id=None):
        """Return the last event of each chain, as it was when an event was the last."""
        self.env.cr.execute(
            SQL(
                """
                SELECT DISTINCT ON (res_model, res_id)
                       id, res_model, res_id, position, hash
                  FROM customer_approval_event
                 WHERE %s
              ORDER BY res_model, res_id, position DESC
                """,
                SQL("id <= %s", last_event_id) if last_event_id else SQL("TRUE"),
            )
        )
        return self.env.cr.dictfetchall()

    @api.model
    def _make(self):
        """Make a checkpoint of all events there are.

        Call it first thing in a transaction: it waits for events that are being
        written, so that none gets a lower number than the last one later.

        :return: the new checkpoint
        """
        self.env.cr.execute("SET LOCAL lock_timeout = '30s'")
        self.env.cr.execute("LOCK TABLE customer_approval_event IN SHARE MODE")
        rows = self._read_rows()
        heads = self._read_heads()
        checkpoint = {
            "position": len(rows) + 1,
            "made_on": fields.Datetime.to_string(fields.Datetime.now()),
            "last_event_id": max((head["id"] for head in heads), default=0),
            "chain_count": len(heads),
            "root": ledger.merkle_root(map(ledger.head_leaf, heads)),
            "previous_hash": rows[-1]["hash"] if rows else None,
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
        return self.browse(self.env.cr.fetchone()[0])

    @api.model
    def _get_proofs(self, events):
        """Return, for each checkpoint, what proves that a document's chain is in it.

        :param events: all events of the document, as plain data
        """
        proofs = {}
        for row in self._read_rows():
            known = [event for event in events if event["id"] <= row["last_event_id"]]
            if not known:
                continue
            head = max(known, key=lambda event: event["position"])
            leaves = [
                ledger.head_leaf(other)
                for other in self._read_heads(row["last_event_id"])
            ]
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
        # A transaction of its own, as it has to begin with the lock.
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
            self.env._("Documents: %(count)s", count=self.chain_count),
            self.env._("Last event: %(event)s", event=self.last_event_id),
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
        self.env["customer.approval.mailing"]._queue(
            self[:1] or self.search([], order="id desc", limit=1), mail, kind
        )

    def _tell_staff(self, note, topic=None):
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
