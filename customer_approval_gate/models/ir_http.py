# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import re

import werkzeug

from odoo import models
from odoo.exceptions import AccessDenied
from odoo.http import request

HANDED_OVER = "customer_approval_handed_over"
"""The key of the session that says which request a screen was handed over for, and
whose session it is."""

# What the page needs besides itself; static files do not come here.
ALLOWED = re.compile(
    r"/(web/assets/.+|web/(login|manifest\.webmanifest|session/logout)"
    r"|web/sign/get_fonts(/.*)?|web/webclient/translations(/.*)?|website/translations"
    r"|websocket|bus/websocket_worker_bundle)"
)


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _pre_dispatch(cls, rule, args):
        """A screen that was handed over to a customer shows nothing of the back office,
        whatever address is typed, until the salesperson takes it back."""
        cls._keep_screen_handed_over()
        return super()._pre_dispatch(rule, args)

    @classmethod
    def _keep_screen_handed_over(cls):
        request_id, user_id = request.session.get(HANDED_OVER) or (None, None)
        if not request_id or request.session.uid != user_id:
            return
        page = f"/customer_approval/in_person/{request_id}"
        own = rf"{page}(/(answer|leave|files/\d+))?|/my/approvals/{request_id}/totals"
        path = request.httprequest.path
        if re.fullmatch(own, path) or ALLOWED.fullmatch(path):
            return
        if request.httprequest.method == "GET":
            werkzeug.exceptions.abort(request.redirect(page))
        raise AccessDenied()
