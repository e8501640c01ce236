# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models
from odoo.exceptions import RedirectWarning

from ...tools import capability

OURS = "customer_approval_gate"


class IrModuleModule(models.Model):
    _inherit = "ir.module.module"

    def button_uninstall_wizard(self):
        """Open the dialog that says what goes, where evidence would go.

        :return: an action
        """
        # Whatever else depends on what is uninstalled goes too.
        modules = self | self.downstream_dependencies()
        if modules._would_destroy_evidence():
            return self.env["ir.actions.actions"]._for_xml_id(
                f"{OURS}.customer_approval_uninstall_action"
            )
        return super().button_uninstall_wizard()

    def write(self, vals):
        """Refuse the uninstallation as long as there is evidence that nobody has taken
        away.

        :raise RedirectWarning: there is
        """
        if vals.get("state") == "to remove" and self._would_destroy_evidence():
            raise RedirectWarning(
                self.env._(
                    "Customer Approval Gate holds evidence of customers' approvals, "
                    "which would be destroyed. Open “Uninstall” in the settings of "
                    "Customer Approval: there you download all evidence first."
                ),
                self.env.ref(f"{OURS}.customer_approval_uninstall_action").id,
                self.env._("What Goes, and What to Keep"),
            )
        return super().write(vals)

    def _would_destroy_evidence(self):
        """Return whether one of these is the addon with evidence, and nobody has gone
        through its own dialog. A copy for tests may be emptied."""
        if OURS not in self.mapped("name"):
            return False
        if capability.find(self.env, capability.Uninstalling):
            return False
        parameters = self.env["ir.config_parameter"].sudo()  # whoever uninstalls
        if parameters.get_param("database.is_neutralized"):
            return False
        return self.env["customer.approval.event"].sudo()._has_evidence()
