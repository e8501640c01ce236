# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import re

import werkzeug

from odoo import models
from odoo.exceptions import AccessDenied
from odoo.http import request

HANDED_OVER = "customer_approval_handed_over"
"""The key of the session that says which request a screen was handed over for."""

# What the page needs besides itself, and what tells nothing of the back office.
ALLOWED = re.compile(
    r"/(web/(assets|static|image|webclient/(translations|load_menus)|bundle|login"
    r"|session/logout|manifest)|website/translations|websocket|bus|[a-z_]+/static|report/barcode|favicon)"
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
        request_id = request.session.get(HANDED_OVER)
        if not request_id or not request.session.uid:
            return
        own = f"/customer_approval/in_person/{request_id}"
        path = request.httprequest.path
        totals = f"/my/approvals/{request_id}/totals"
        # Choosing other options makes a request of its own.
        if (
            path.startswith("/customer_approval/in_person/")
            or path == totals
            or ALLOWED.match(path)
        ):
            return
        if request.httprequest.method == "GET":
            werkzeug.exceptions.abort(request.redirect(own))
        raise AccessDenied()
