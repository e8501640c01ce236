# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whether all evidence of a database still is what it was, whatever its size: some
chains at a time, in memory that does not grow, and from where it stopped."""

import hmac
import logging
import time

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_datetime

from ...tools import capability, seal

_logger = logging.getLogger(__name__)

PROBLEMS_KEPT = 200
PROGRESS = ("last_chain", "done_count", "problem_count", "problems", "ended_on")
SECONDS_TO_WAIT = 20
"""How long somebody waits who wants to see it at once; a job does the rest."""


class CustomerApprovalVerification(models.Model):
    """One time that all evidence was verified: how far it is, and what was found."""

    _name = "customer.approval.verification"
    _inherit = ["customer.approval.insert.only.mixin"]
    _log_access = False
    _description = "Verification of All Evidence"
    _order = "id desc"
    _rec_name = "started_on"

    started_on = fields.Datetime(required=True, readonly=True)
    ended_on = fields.Datetime(readonly=True)
    last_chain = fields.Char(readonly=True, help="Up to where it has come.")
    event_count = fields.Integer(string="Events", readonly=True)
    done_count = fields.Integer(string="Verified", readonly=True)
    problem_count = fields.Integer(string="Number of Problems", readonly=True)
    problems = fields.Text(readonly=True)
    # By it this server goes on, and believes, what it has written itself.
    proof = fields.Char(readonly=True, groups=fields.NO_ACCESS)

    @api.model
    def _get_triggers(self):
        return []  # what was found once is no evidence: it is found again

    @api.model
    def _start(self):
        """Return the verification that goes on, or a new one."""
        running = self.search([("ended_on", "=", False)], limit=1)
        if running and running._is_ours():
            return running
        self.env.cr.execute("SELECT count(*) FROM customer_approval_event")
        self.env.cr.execute(
            "INSERT INTO customer_approval_verification (started_on, event_count)"
            " VALUES (%s, %s) RETURNING id",
            [fields.Datetime.now(), self.env.cr.fetchone()[0]],
        )
        run = self.browse(self.env.cr.fetchone()[0])
        capability.call(run._write_progress, "", 0, 0, "", None)
        return run

    @capability.required
    def _write_progress(self, *progress):
        """Write how far it is, with the proof that this server has written it: of what
        was to be written, whatever became of it on its way into the database.

        :param progress: the values of ``PROGRESS``
        """
        self.env.cr.execute(
            SQL(
                "UPDATE customer_approval_verification SET %s, proof = %s"
                " WHERE id = %s",
                SQL(", ").join(
                    SQL("%s = %s", SQL.identifier(name), value)
                    for name, value in zip(PROGRESS, progress, strict=True)
                ),
                _make_proof(self.id, progress),
                self.id,
            )
        )
        self.invalidate_recordset()

    def _is_ours(self):
        """Return whether this server has written it, and nobody has changed it."""
        self.ensure_one()
        self.env.cr.execute(
            SQL(
                "SELECT proof, %s FROM customer_approval_verification WHERE id = %s",
                SQL(", ").join(map(SQL.identifier, PROGRESS)),
                self.id,
            )
        )
        proof, *progress = self.env.cr.fetchone()
        return hmac.compare_digest(proof or "", _make_proof(self.id, progress))

    def _step(self):
        """Verify the next chains, or what is left when all are done.

        :return: whether it has ended
        :raise UserError: somebody else has written how far it is
        """
        self.ensure_one()
        events = self.env["customer.approval.event"]
        if not self._is_ours():
            raise UserError(
                self.env._(
                    "Somebody has changed how far the verification of evidence is, by "
                    "a way round Odoo. Try again; “Check the Database” in the "
                    "settings may say how."
                )
            )
        chain, count, problems = events._verify_chains(self.last_chain or "")
        ended_on = None
        done = self.done_count + count
        if not chain:
            problems += events._verify_rest()
            ended_on = fields.Datetime.now()
            if done < self.event_count:
                problems.append(f"only {done} of {self.event_count} events were found")
        found = [*filter(None, (self.problems or "").split("\n")), *problems]
        capability.call(
            self._write_progress,
            chain,
            done,
            self.problem_count + len(problems),
            "\n".join(found[:PROBLEMS_KEPT]),
            ended_on,
        )
        # All evidence at once does not fit into memory.
        self.env.invalidate_all()
        return bool(ended_on)

    @api.model
    def _run_for_somebody(self):
        """Verify as much as somebody waits for, and let the job do the rest.

        :return: the verification
        """
        run, start = self._start(), time.monotonic()
        while not run._step():
            if time.monotonic() - start > SECONDS_TO_WAIT:
                self.env.ref("customer_approval_gate.cron_verify").sudo()._trigger()
                break
        return run

    @api.model
    def _cron_run(self):
        """Go on with the verification, and tell the administrators what does not
        fit."""
        run = self._start()
        # Outside of a job nobody has asked to commit.
        cron = self.env["ir.cron"] if self.env.context.get("cron_id") else None
        while not run._step():
            left = max(run.event_count - run.done_count, 1)
            if cron is not None and cron._commit_progress(0, remaining=left) <= 0:
                return  # it is started again
        if run.problem_count:
            problems = run.problems.split("\n")
            self.env["customer.approval.checkpoint"]._mail_problems(problems)
            _logger.error("Evidence does not fit: %s", "; ".join(problems[:20]))

    def _describe(self):
        """Return how far it is, or what was found."""
        self.ensure_one()
        if not self.ended_on:
            share = 100 * self.done_count // max(self.event_count, 1)
            return self.env._(
                "%(share)s %% of %(events)s events are verified. It goes on by itself: "
                "what was found is here when it has ended.",
                share=min(share, 99),
                events=self.event_count,
            )
        values = {
            "when": format_datetime(self.env, self.ended_on),
            "events": self.done_count,
        }
        if self.problem_count:
            return self.env._(
                "Last verified on %(when)s: %(events)s events. Problems found: "
                "%(count)s.",
                count=self.problem_count,
                **values,
            )
        return self.env._(
            "Last verified on %(when)s: all of %(events)s events fit together.",
            **values,
        )


def _make_proof(run_id, progress):
    text = "|".join(str(value) for value in (run_id, *progress))
    try:
        return seal.make_mark(f"verification:{text}")[0]
    except seal.KeyProblem:
        return ""  # nobody can tell, and that is one of the problems
