# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging

from odoo import api, models
from odoo.tools import SQL

from ...tools import capability, seal, triggers
from ...tools.registry import models_with

_logger = logging.getLogger(__name__)


class CustomerApprovalGuardedMixin(models.AbstractModel):
    """A model some of whose rules are held by the database itself.

    A model says in ``_get_triggers()`` which triggers its tables have. They are made
    whenever the model's table is, by whatever addon brings the model.
    """

    _name = "customer.approval.guarded.mixin"
    _inherit = ["customer.approval.evidence.mixin"]
    _description = "Model with Triggers"

    @api.model
    def _get_triggers(self):
        """Return the ``tools.triggers.Trigger`` of this model's tables."""
        return []

    def init(self):
        super().init()
        if self._abstract:
            return
        triggers.install_functions(self.env.cr, self._get_triggers())
        self._introduce_key()
        # The tables between models are made after all models are.
        self.pool.post_init(self._install_triggers)

    @api.model
    def _install_triggers(self):
        for trigger in self._get_triggers():
            trigger.install(self.env.cr)

    @api.model
    def _is_leaving(self, modules):
        """Return whether the model is one of ours no more without some addons.

        :param modules: their names
        """
        registry, model = self.env.registry, type(self)
        guarded = registry["customer.approval.guarded.mixin"]
        bringing = {
            definition._module
            for definition in model._base_classes__
            if not hasattr(definition, "pool")
            for parent in definition._inherit
            if parent != self._name and issubclass(registry[parent], guarded)
        }
        return (
            model._original_module in modules
            or bool(bringing)
            and (bringing <= modules)
        )

    @api.model
    @capability.required
    def _leave(self):
        """Let go of a model that is one of ours no more: its addon is uninstalled.

        Override to let go of more.
        """
        self.env.flush_all()
        for trigger in self._get_triggers():
            trigger.drop(self.env.cr)

    @api.model
    def _introduce_key(self):
        """Let the database take the seals of this Odoo server.

        :return: whether it did not take them before
        """
        if problem := seal.find_problem(self.env):
            # Odoo works without it, but for what needs it, which says so.
            _logger.error("%s", problem)
            return False
        fingerprint, modulus = seal.get_public_key()
        keys = triggers.read_keys(self.env.cr)
        if fingerprint in keys:
            return False
        triggers.install_keys(self.env.cr, {**keys, fingerprint: modulus})
        return True

    @api.model
    def _get_all_triggers(self):
        """Return the triggers of all models that have any."""
        return [
            trigger
            for model in models_with(self.env, "customer.approval.guarded.mixin")
            for trigger in model._get_triggers()
        ]

    @capability.required
    def _empty_columns(self, names):
        """Empty columns that the ORM may not write, as far as the triggers let it.

        :param names: of the columns
        """
        self.flush_recordset()
        self.env.cr.execute(
            SQL(
                "UPDATE %s SET %s WHERE id = ANY(%s)",
                SQL.identifier(self._table),
                SQL(", ").join(
                    SQL("%s = NULL", SQL.identifier(name)) for name in names
                ),
                list(self.ids),
            )
        )
        self.invalidate_recordset()

    @api.model
    def _get_name_of_gate(self, detail):
        """Return what could not be entered, as the database says it.

        :param str detail: of the error: the number of the stage, if it is one
        """
        stages = self.env["customer.approval.stage"].sudo()  # of whatever company
        return stages.browse(int(detail)).name if detail.isdigit() else ""

    @api.model
    def _sql_error_to_message(self, exc):
        stages = self.env["customer.approval.stage"].sudo()  # of whatever company
        detail = exc.diag.message_detail or ""
        messages = {
            "customer_approval_gate": lambda: self.env._(
                "Cannot advance to %(stage)s: customer approval is required. Request "
                "customer approval before changing to this status.",
                stage=self._get_name_of_gate(detail),
            ),
            "customer_approval_grown": lambda: self.env._(
                "With so large a total, the stage %(stage)s takes the customer's "
                "approval, and there is none. Make a change order for what is to be "
                "added, or take the document back before that stage and request "
                "customer approval.",
                stage=stages.browse(int(detail)).name if detail.isdigit() else "",
            ),
            "customer_approval_parent": lambda: self.env._(
                "A change order stays one of the order it changes. Cancel it, and make "
                "another one."
            ),
            "customer_approval_strength": lambda: self.env._(
                "Cannot advance to %(stage)s: the evidence of the customer's approval "
                "is too weak for it. Request customer approval again.",
                stage=stages.browse(int(detail)).name if detail.isdigit() else "",
            ),
            "customer_approval_status": lambda: self.env._(
                "The customer's approval cannot be written: it follows from what the "
                "customer answers. Request customer approval instead."
            ),
            "customer_approval_copied": lambda: self.env._(
                "The status of a line follows from its document and cannot be written. "
                "Use the document's buttons."
            ),
            "customer_approval_missing_table": lambda: self.env._(
                "A table of Customer Approval is missing in the database, so that "
                "nobody can tell what was approved. Ask your administrator to use "
                "“Check the Database” in the settings."
            ),
            "customer_approval_asked": lambda: self.env._(
                "A document whose customer was asked to approve it cannot be deleted. "
                "Cancel it instead."
            ),
            "customer_approval_evidence": lambda: self.env._(
                "Evidence of customer approvals can be neither changed nor deleted. "
                "Archive what you no longer need instead."
            ),
            "customer_approval_request_evidence": lambda: self.env._(
                "Approval requests are evidence: nobody can create, change or delete "
                "them by hand. Request customer approval on the document, and let the "
                "customer answer."
            ),
            "customer_approval_seal": lambda: self.env._(
                "The database does not take the seal of this Odoo server. Ask your "
                "administrator to use “Check the Database” in the settings of "
                "Customer Approval."
            ),
            "customer_approval_stage_logged": lambda: self.env._(
                "What stages ask for is changed in Odoo only, where it is logged."
            ),
        }
        message = messages.get(exc.diag.constraint_name)
        return message() if message else super()._sql_error_to_message(exc)
