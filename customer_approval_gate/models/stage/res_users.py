# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models

from ...tools.registry import models_with


class ResUsers(models.Model):
    _inherit = "res.users"

    def _get_stage_types(self):
        """Return the types of documents whose stages the user may configure: those that
        the user's groups manage, and all of them for administrators. A record rule
        asks."""
        self.ensure_one()
        return [
            model._stage_document_type
            for model in models_with(self.env, "customer.approval.staged.mixin")
            if self.has_group("base.group_system")
            or model._stage_manager_group
            and self.has_group(model._stage_manager_group)
        ]
