# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import api, models

from ...tools import capability


class IrMailServer(models.Model):
    _inherit = "ir.mail_server"

    @api.model
    def send_email(self, message, *args, **kwargs):
        """Send a mail, and know of one about an approval that a server has taken it.

        :return: as Odoo's own method
        """
        result = super().send_email(message, *args, **kwargs)
        handing = capability.find(self.env, capability.HandingOver)
        if result and handing and message["Message-Id"] == handing.message_id:
            handing.is_taken = True
        return result
