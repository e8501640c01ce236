# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models

from ...tools import capability
from ...tools.registry import models_with

MIXIN = "customer.approval.guarded.mixin"


class IrModuleModule(models.Model):
    _inherit = "ir.module.module"

    def module_uninstall(self):
        """Let go of documents whose addon leaves: what their customers were asked stays
        readable."""
        leaving = self.filtered(lambda module: module.state == "to remove")
        names = {*leaving.mapped("name")}
        if "customer_approval_gate" not in names:
            for model in models_with(self.env, MIXIN):
                if model._is_leaving(names):
                    capability.call(model.sudo()._leave)  # all there are
        return super().module_uninstall()
