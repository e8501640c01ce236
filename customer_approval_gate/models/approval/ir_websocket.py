# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models
from odoo.http import request

from odoo.addons.bus.websocket import wsrequest

from .ir_http import HANDED_OVER


class IrWebsocket(models.AbstractModel):
    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        """A screen that was handed over to a customer hears what becomes of the
        request, and nothing that is meant for the salesperson."""
        session = (request or wsrequest).session
        request_id, user_id = session.get(HANDED_OVER) or (None, None)
        if request_id and session.uid == user_id:
            return [self.env["customer.approval.request"].browse(request_id)]
        return super()._build_bus_channel_list(channels)
