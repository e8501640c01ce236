# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging
import re

import werkzeug

from odoo import models
from odoo.exceptions import AccessDenied, UserError
from odoo.http import request

from ...tools.seal import KeyProblem

_logger = logging.getLogger(__name__)

HANDED_OVER = "customer_approval_handed_over"
"""The key of the session that says which request a screen was handed over for, and
whose session it is."""

# What the page needs besides itself; static files do not come here.
ALLOWED = re.compile(
    r"/(web/assets/.+|web/(login|manifest\.webmanifest|session/logout)"
    r"|web/sign/get_fonts(/.*)?|web/webclient/translations(/.*)?|website/translations"
    r"|websocket|bus/websocket_worker_bundle)"
)


# Where something is answered, or written down.
OURS = re.compile(
    r"(/[a-z]{2}(_[A-Z]{2})?)?/"
    r"(my/(approvals|deliveries|orders|invoices)|customer_approval|approval)(/|$)"
)


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _pre_dispatch(cls, rule, args):
        """A screen that was handed over to a customer shows nothing of the back office,
        whatever address is typed, until the salesperson takes it back."""
        # Odoo lets each route be called by this method, and without a token against
        # forged forms: it would answer in the customer's name.
        if request.httprequest.method in ("OPTIONS", "TRACE") and OURS.match(
            request.httprequest.path
        ):
            raise werkzeug.exceptions.MethodNotAllowed()
        cls._keep_screen_handed_over()
        return super()._pre_dispatch(rule, args)

    @classmethod
    def _dispatch(cls, endpoint):
        """Customers learn that a page cannot be shown, and not why: the key of this
        server cannot be used."""
        try:
            return super()._dispatch(endpoint)
        except KeyProblem as error:
            if request.env.user._is_internal():
                raise
            _logger.error("%s", error)
            message = request.env._(
                "Something on our side does not work. Nothing was answered. Please try "
                "again later, or write to your contact."
            )
            if request.dispatcher.routing_type != "http":
                raise UserError(message) from None
            response = request.render(
                "customer_approval_gate.portal_refusal",
                {
                    "page_name": "customer_approval",
                    "resend": False,
                    "title": request.env._("This page cannot be shown at the moment"),
                    "message": message,
                },
                status=503,
            )
            response.flatten()  # as Odoo does with what a page returns
            return response

    @classmethod
    def _keep_screen_handed_over(cls):
        request_id, user_id = request.session.get(HANDED_OVER) or (None, None)
        if not request_id or request.session.uid != user_id:
            return
        page = f"/customer_approval/in_person/{request_id}"
        own = (
            rf"{page}(/(answer|hand_over|leave|files/\d+))?"
            rf"|/my/approvals/{request_id}/totals"
        )
        path = request.httprequest.path
        if re.fullmatch(own, path) or ALLOWED.fullmatch(path):
            return
        if request.httprequest.method == "GET":
            werkzeug.exceptions.abort(request.redirect(page))
        raise AccessDenied()
