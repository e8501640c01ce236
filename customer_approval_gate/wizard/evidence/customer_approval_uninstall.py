# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from ...tools import capability


class CustomerApprovalUninstall(models.TransientModel):
    """The dialog that says what goes with the addon, and keeps it before it goes."""

    _name = "customer.approval.uninstall"
    _description = "Uninstall Customer Approval Gate"

    request_count = fields.Integer(string="Requests", compute="_compute_counts")
    answer_count = fields.Integer(string="Answers", compute="_compute_counts")
    delivery_count = fields.Integer(
        string="Confirmed Deliveries", compute="_compute_counts"
    )
    event_count = fields.Integer(string="Events", compute="_compute_counts")
    stage_count = fields.Integer(string="Stages", compute="_compute_counts")
    is_exported = fields.Boolean(compute="_compute_counts")
    database_name = fields.Char(compute="_compute_counts")
    typed_name = fields.Char(string="Name of This Database")

    @api.depends_context("uid")
    def _compute_counts(self):
        self._check_administrator()
        counts = {
            name: self.env[model]
            .sudo()
            .with_context(active_test=False)  # all there are
            for name, model in (
                ("request_count", "customer.approval.request"),
                ("delivery_count", "customer.approval.delivery"),
                ("event_count", "customer.approval.event"),
                ("stage_count", "customer.approval.stage"),
            )
        }
        counts = {
            name: model.search_count(Domain.TRUE) for name, model in counts.items()
        }
        events = self.env["customer.approval.event"].sudo()  # as above
        for dialog in self:
            dialog.update(counts)
            dialog.answer_count = events.search_count([("kind", "=", "decided")])
            dialog.is_exported = events._is_exported()
            dialog.database_name = self.env.cr.dbname

    def _check_administrator(self):
        if not self.env.is_system():
            raise AccessError(self.env._("Only administrators may do this: ask yours."))

    def action_export(self):
        """Download all evidence."""
        return {
            "type": "ir.actions.act_url",
            "url": "/customer_approval/export",
            "target": "download",
        }

    def action_uninstall(self):
        """Uninstall the addon with all evidence in this database.

        :raise UserError: the evidence was not downloaded, or there is new one; or the
            name of the database is another one
        """
        self.ensure_one()
        self._check_administrator()
        if not self.env["customer.approval.event"].sudo()._is_exported():
            raise UserError(
                self.env._(
                    "Download all evidence first: what has come since the last "
                    "download would be lost."
                )
            )
        if (self.typed_name or "").strip() != self.env.cr.dbname:
            raise UserError(
                self.env._(
                    "Type the name of this database, %(name)s, to say that its "
                    "evidence is to go.",
                    name=self.env.cr.dbname,
                )
            )
        module = self.env["ir.module.module"]._get("customer_approval_gate")
        with capability.hold(self.env, capability.Uninstalling()):
            return module.button_immediate_uninstall()
