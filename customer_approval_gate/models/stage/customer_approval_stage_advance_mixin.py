# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain

DOCUMENTS_AT_ONCE = 1000


class CustomerApprovalStageAdvanceMixin(models.AbstractModel):
    """Where documents go by themselves from a stage.

    Of its host, the stage, it asks ``document_type``, ``company_id`` and
    ``_document_models()``.
    """

    _name = "customer.approval.stage.advance.mixin"
    _description = "Where Documents Go from a Stage"

    auto_advance_stage_id = fields.Many2one(
        "customer.approval.stage",
        string="Goes on to",
        domain="[('document_type', '=', document_type), ('id', '!=', id)]",
        ondelete="restrict",
        help="Where documents go by themselves from here, gates included.",
    )

    auto_advance_on = fields.Selection(
        [
            ("entry", "At once"),
        ],
        string="Goes on When",
        help="What lets documents go on by themselves.",
    )

    approved_stage_id = fields.Many2one(
        "customer.approval.stage",
        string="When Approved, Goes to",
        domain="[('document_type', '=', document_type), ('id', '!=', id)]",
        ondelete="restrict",
        help="Where documents in this stage go by themselves when their customer "
        "approves.",
    )

    rejected_stage_id = fields.Many2one(
        "customer.approval.stage",
        string="When Rejected, Goes to",
        domain="[('document_type', '=', document_type), ('id', '!=', id)]",
        ondelete="restrict",
        help="Where documents in this stage go by themselves when their customer "
        "rejects, or requests changes.",
    )

    @api.model
    def _get_movement_fields(self):
        """Return the fields that say what happens to documents that enter a stage."""
        return {
            "approved_stage_id",
            "auto_advance_on",
            "auto_advance_stage_id",
            "is_closed",
            "rejected_stage_id",
        }

    @api.constrains(
        "approved_stage_id",
        "auto_advance_on",
        "auto_advance_stage_id",
        "company_id",
        "document_type",
        "rejected_stage_id",
    )
    def _check_advance(self):
        for stage in self:
            if bool(stage.auto_advance_stage_id) != bool(stage.auto_advance_on):
                raise ValidationError(
                    self.env._(
                        "Say both where documents go on to from %(stage)s, and when.",
                        stage=stage.name,
                    )
                )
            targets = (
                stage.auto_advance_stage_id
                | stage.approved_stage_id
                | stage.rejected_stage_id
            )
            for target in targets:
                if target.document_type != stage.document_type or (
                    target.company_id and target.company_id != stage.company_id
                ):
                    raise ValidationError(
                        self.env._(
                            "Documents in %(stage)s cannot go on to %(target)s, which "
                            "is a stage of other documents, or of one company only. "
                            "Choose another one.",
                            stage=stage.name,
                            target=target.name,
                        )
                    )
            stage._check_no_loop()

    def _check_no_loop(self):
        """
        :raise ValidationError: documents would come back to this stage by themselves
        """
        self.ensure_one()
        stage = self.sudo()  # stages of all companies lead on
        starts = (
            (stage.auto_advance_stage_id, ("entry", *self._get_causes())),
            (stage.approved_stage_id, ("entry",)),
            (stage.rejected_stage_id, ("entry",)),
        )
        for start, causes in starts:
            path = start
            while path[-1:].auto_advance_on in causes:
                following = path[-1:].auto_advance_stage_id
                if not following or following in path:
                    break
                path += following
            if stage in path:
                names = " → ".join([stage.name, *path.mapped("name")])
                raise ValidationError(
                    self.env._(
                        "Documents would go in a circle by themselves: %(path)s. "
                        "Change where one of these stages leads.",
                        path=names,
                    )
                )

    @api.model
    def _get_later_causes(self):
        """Return what lets documents go on some time after they have entered."""
        return [cause for cause in self._get_causes() if cause != "entry"]

    @api.model
    def _get_causes(self):
        return [value for value, _label in self._fields["auto_advance_on"].selection]

    def _forget_advances(self, vals=None):
        """Documents are not headed any more for where these stages no longer lead to,
        or for these stages, where they go.

        :param vals: what is written on the stages; nothing if they go
        """
        for document_type, model in self._document_models().items():
            stages = self.filtered(lambda s, t=document_type: s.document_type == t)
            domain = Domain("advance_stage_id", "in", stages.ids)
            if vals is not None and vals.get("active", True):
                stage = self.env[model]._stage_field
                domain = Domain(stage, "in", stages.ids) & Domain(
                    "advance_trigger", "not in", ("payment_arrived", "signed")
                )
            documents = self.env[model].sudo()  # of whatever company
            documents = documents.with_context(active_test=False)
            documents.search(
                domain & Domain("advance_stage_id", "!=", False)
            )._forget_advance()

    @api.model
    def _cron_advance(self):
        """Let documents advance that wait for it: the net under what tells them
        at once."""
        causes = self._get_later_causes()
        waiting = Domain("advance_stage_id", "!=", False)
        self._iter_in_batches(
            "go_on",
            lambda model: (
                waiting | Domain(f"{model._stage_field}.auto_advance_on", "in", causes)
            ),
            50,
            "_advance_by_job",
        )

    @api.model
    def _iter_in_batches(self, key, domain_of, size, method):
        """Walk through the documents of all models in a job, batch by batch, and go on
        there the next time where the time was over. A document that fails stops no
        other: it is told once, and tried again later.

        :param str key: the job's, under which it is kept how far it got
        :param domain_of: the function that returns the domain of a model
        :param int size: of a batch
        :param str method: what is called with each batch
        """
        parameters = self.env["ir.config_parameter"].sudo()  # the job's own
        failures = self.env["customer.approval.failure"]
        name = f"customer_approval_gate.{key}"
        last_model, _comma, last_id = (parameters.get_param(name) or "").partition(",")
        left = {}
        for model in sorted(self._document_models().values()):
            domain = Domain(domain_of(self.env[model]))
            if model == last_model:
                domain &= Domain("id", ">", int(last_id))
            if model >= last_model:
                documents = self.env[model].with_context(active_test=False)
                left[model] = documents.search(domain, order="id").ids
        total = sum(len(ids) for ids in left.values())
        self.env["ir.cron"]._commit_progress(remaining=total)
        for model, ids in left.items():
            for start in range(0, len(ids), size):
                batch = ids[start : start + size]
                failures._run_batch(key, self.env[model].browse(batch), method)
                parameters.set_param(name, f"{model},{batch[-1]}")
                if not self.env["ir.cron"]._commit_progress(len(batch)):
                    return
        parameters.set_param(name, "")

    @api.model
    def _cron_update_blocked(self):
        """Find out anew what blocks documents, batch by batch: stages have changed, or
        money came by a way that told nobody."""
        self._iter_in_batches(
            "blocked",
            lambda model: model._get_open_domain(),
            DOCUMENTS_AT_ONCE,
            "_update_by_job",
        )
