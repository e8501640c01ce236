# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import base64

from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from ...tools import capability, links
from .answer_form import guarded, render, secure


class CustomerApprovalInPerson(http.Controller):
    """The guide's Customer Approval dialog: the customer answers on our screen, or on
    their own phone by a code that our screen shows.

    The screen is handed over by logging out: what is left is the customer's page, as by
    a link. The way back is Odoo's own login.
    """

    def _get_approval(self, request_id):
        """Return the request with superuser rights, if the user may handle its
        document: whoever may work on the document may let the customer answer."""
        approval = request.env["customer.approval.request"].sudo().browse(request_id)
        if not request.env.user._is_internal() or not approval.exists():
            raise request.not_found()
        approval._check_may_handle(request.env)
        return approval

    def _get_approver(self, approval, post):
        """Return who answers.

        :raise UserError: nobody who is asked was chosen
        """
        waiting = approval.approver_ids.filtered(lambda a: a._is_open())
        typed = post.get("approver") or ""
        approver = waiting.filtered(lambda a: str(a.id) == typed)
        if not approver:
            approval._check_open()
            raise UserError(request.env._("Please choose who answers."))
        return approver

    @http.route(
        "/customer_approval/in_person/<int:request_id>",
        type="http",
        auth="user",
        website=True,
    )
    @guarded
    def in_person(self, request_id, shown=None, **kwargs):
        """Ask whoever is logged in how the customer answers. Loading it changes
        nothing.

        :param shown: the id of the person whose code is shown
        """
        return self._render(self._get_approval(request_id), shown)

    def _render(self, approval, shown=None, error=None):
        waiting = approval.approver_ids.filtered(lambda a: a._is_open())
        shown = waiting.filtered(lambda a: str(a.id) == (shown or ""))
        document = approval._get_document()
        return render(
            "in_person_page",
            {
                "approval": approval,
                "back_url": f"/odoo/{document._name}/{document.id}",
                "error": error,
                "qr_code": shown and self._make_code(shown),
                "shown": shown,
                "url": f"/customer_approval/in_person/{approval.id}",
                "waiting": waiting,
                "no_header": True,
                "no_footer": True,
            },
            422 if error else 200,
        )

    def _hand_over(self, request_id, post, respond):
        """Record that the screen was handed over to whom the form names.

        :param respond: makes the response for that person
        :return: the response, or the page again with what was wrong
        """
        approval = self._get_approval(request_id)
        try:
            approver = self._get_approver(approval, post)
        except UserError as error:
            return self._render(approval, error=str(error))
        own = approval.with_user(request.env.user)
        capability.call(own._hand_over_screen)
        return respond(approver)

    def _log_out_to(self, approver):
        """Log the user out, and open the page on which the customer answers."""
        url = links.url_of(approver, request.env.user)
        request.session.logout(keep_db=True)
        response = secure(request.redirect(url[url.index("/my/") :]))
        # Or the button "Back" of some browsers would show what was there before.
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    def _make_code(self, approver):
        """Return the image of a link by which the person answers before this user."""
        barcode = request.env["ir.actions.report"].barcode(
            "QR",
            links.url_of(approver, request.env.user),
            width=300,
            height=300,
            quiet=0,
        )
        return base64.b64encode(barcode).decode()

    @http.route(
        "/customer_approval/in_person/<int:request_id>/show",
        type="http",
        auth="user",
        methods=["POST"],
        website=True,
    )
    @guarded
    def in_person_show(self, request_id, **post):
        """Show the code that opens the page on the customer's own phone.

        :param post: ``approver``, who answers
        """
        url = f"/customer_approval/in_person/{request_id}?shown="
        return self._hand_over(
            request_id,
            post,
            lambda approver: secure(request.redirect(f"{url}{approver.id}")),
        )

    @http.route(
        "/customer_approval/in_person/<int:request_id>/hand_over",
        type="http",
        auth="user",
        methods=["POST"],
        website=True,
    )
    @guarded
    def in_person_hand_over(self, request_id, **post):
        """Log the user out, and open the page on which the customer answers.

        :param post: ``approver``, who answers
        """
        return self._hand_over(request_id, post, self._log_out_to)

    @http.route(
        [
            "/customer_approval/in_person/<int:request_id>/show",
            "/customer_approval/in_person/<int:request_id>/hand_over",
        ],
        type="http",
        auth="user",
        methods=["GET"],
        website=True,
        sitemap=False,
    )
    @guarded
    def in_person_reload(self, request_id, **kwargs):
        """Whoever loads again what they have sent gets the page."""
        return request.redirect(f"/customer_approval/in_person/{request_id}")
