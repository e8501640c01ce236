# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models

from ...tools import capability


class CustomerApprovalCheckpoint(models.Model):
    _inherit = "customer.approval.checkpoint"

    def _hand_over(self, mail, kind):
        """What becomes of these mails is kept as of all others."""
        res = super()._hand_over(mail, kind)
        capability.call(self.env["customer.approval.mailing"]._queue, self, mail, kind)
        return res
