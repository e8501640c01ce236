# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging
from operator import methodcaller

from psycopg2 import OperationalError

from odoo import api, fields, models

_logger = logging.getLogger(__name__)

TRIES_AT_ONCE = 3
FIRST_WAIT_MINUTES = 5
LONGEST_WAIT_MINUTES = 24 * 60


class CustomerApprovalFailure(models.Model):
    """What a job could not do with a record, and when it tries again.

    The jobs of this addon go through ``_run()``: each record in a transaction of its
    own, so that one that fails stops no other.
    """

    _name = "customer.approval.failure"
    _description = "Failure of a Job about Customer Approvals"
    _order = "retry_on"
    _log_access = False

    job = fields.Char(required=True, readonly=True)
    res_model = fields.Char(required=True, readonly=True)
    res_id = fields.Many2oneReference(
        model_field="res_model", required=True, readonly=True
    )
    count = fields.Integer(
        string="Failures", readonly=True, help="How often in a row it failed."
    )
    message = fields.Text(readonly=True)
    is_told = fields.Boolean(readonly=True, help="Staff were told of it.")
    retry_on = fields.Datetime(string="Tried Again", readonly=True)

    _one_for_each = models.UniqueIndex("(job, res_model, res_id)")

    @api.model
    def _run(self, job, records, function, on_failure=None):
        """Do something with each record of a job, in the order given, as long as there
        is time.

        What fails is undone, tried again later, less and less often, and told once.

        :param str job: its name: records wait for each job on their own
        :param records: the oldest first; those that wait after a failure are left out
        :param function: called with each record; it may commit
        :param on_failure: called with the record and the reason, when it fails for the
            first time
        """
        due = records - self._get_waiting(job, records)
        progress = self.env["ir.cron"]
        progress._commit_progress(remaining=len(due))
        for record in due:
            error = self._try(record, function)
            if error:
                self._note_failure(job, record, error, on_failure)
            else:
                self._find(job, record).unlink()
            if not progress._commit_progress(processed=1):
                break

    @api.model
    def _run_batch(self, job, documents, method):
        """Do something with documents of a job together; where one of them fails, with
        each on its own.

        :param str job: its name
        :param documents: with ``_schedule_blocked_activity()``
        :param str method: of the documents
        """
        documents -= self._get_waiting(job, documents)
        if not documents or not self._try(documents, methodcaller(method)):
            return
        for document in documents:
            error = self._try(document, methodcaller(method))
            if error:
                self._note_failure(
                    job,
                    document,
                    error,
                    lambda failed, reason: failed._schedule_blocked_activity(
                        self.env._(
                            "A job could not go on with it: %(reason)s",
                            reason=reason,
                        )
                    ),
                )

    @api.model
    def _try(self, record, function):
        """Do something with a record. Whatever else was written before is committed.

        :return: the exception by which it failed, or ``None``
        """
        cr = self.env.cr
        for left in range(TRIES_AT_ONCE - 1, -1, -1):
            # A transaction that sees what others have written by now.
            cr.commit()  # pylint: disable=invalid-commit
            try:
                if record.exists():
                    function(record)
                    self.env.flush_all()
                return None
            except OperationalError as error:
                cr.rollback()  # somebody else was faster: once more
                if not left:
                    return error
            except Exception as error:  # one record must not stop the others
                cr.rollback()
                _logger.warning("%s failed", record, exc_info=True)
                return error
        return None

    @api.model
    def _find(self, job, record):
        return self.sudo().search(  # nobody may see them but administrators
            [
                ("job", "=", job),
                ("res_model", "=", record._name),
                ("res_id", "=", record.id),
            ]
        )

    @api.model
    def _get_waiting(self, job, records):
        """Return those of these records that failed, and are not tried again yet."""
        failures = self.sudo().search(  # as above
            [
                ("job", "=", job),
                ("res_model", "=", records._name),
                ("retry_on", ">", fields.Datetime.now()),
            ]
        )
        return records & records.browse(failures.mapped("res_id"))

    @api.model
    def _get_next_try(self, job):
        """Return when what failed first is tried again, or ``None``."""
        failure = self.sudo().search(  # as above
            [("job", "=", job), ("retry_on", ">", fields.Datetime.now())],
            order="retry_on",
            limit=1,
        )
        return failure.retry_on or None

    @api.model
    def _note_failure(self, job, record, error, on_failure=None):
        """Keep that a record failed, and tell it once. Telling may fail as well: then
        it is still tried again less and less often.

        :param error: the exception
        :param on_failure: see ``_run()``
        """
        self._try(record, lambda own: self._record_failure(job, own, error))
        failure = self._find(job, record)
        if on_failure and failure and not failure.is_told:

            def tell(own):
                on_failure(own, str(error))
                failure.is_told = True

            self._try(record, tell)

    @api.model
    def _record_failure(self, job, record, error):
        failure = self._find(job, record)
        count = failure.count + 1
        wait = min(FIRST_WAIT_MINUTES * 4 ** (count - 1), LONGEST_WAIT_MINUTES)
        values = {
            "count": count,
            "message": str(error),
            "retry_on": fields.Datetime.add(fields.Datetime.now(), minutes=wait),
        }
        if failure:
            failure.write(values)
            return
        self.sudo().create(  # as above
            {"job": job, "res_model": record._name, "res_id": record.id, **values}
        )

    @api.autovacuum
    def _gc_forgotten(self):
        """Forget what has not been tried for a long time: its record needs it no
        more."""
        limit = fields.Datetime.subtract(fields.Datetime.now(), days=30)
        self.search([("retry_on", "<", limit)]).unlink()
