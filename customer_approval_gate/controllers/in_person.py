# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import base64

from odoo import http
from odoo.exceptions import AccessDenied, AccessError, UserError
from odoo.http import request

from ..models.approval.ir_http import HANDED_OVER
from ..tools import capability, links
from ..tools.languages import find_lang
from ..tools.ledger import DECISIONS
from ..tools.mails import MAIL_LATER
from .answer_form import AnswerForm, render, secure


class CustomerApprovalInPerson(AnswerForm, http.Controller):
    """The guide's Customer Approval dialog: the customer answers on our screen, which
    shows nothing of the back office. Leaving it takes the salesperson."""

    def _get_approval(self, request_id):
        """Return the request with superuser rights, if the user may handle its
        document: whoever may work on the document may let the customer answer."""
        approval = request.env["customer.approval.request"].sudo().browse(request_id)
        if not request.env.user._is_internal() or not approval.exists():
            raise request.not_found()
        try:
            approval._check_may_handle(request.env)
        except AccessError:
            request.session.pop(HANDED_OVER, None)  # it would not come back
            raise
        request.update_context(**MAIL_LATER)  # nobody waits for a mail server
        partner = approval.partner_id
        request.update_context(lang=find_lang(request.env, partner.lang, approval.lang))
        return approval.with_context(
            lang=request.env.lang, tz=approval._get_time_zone(), **MAIL_LATER
        )

    def _hand_over(self, approval):
        """From now on the screen shows nothing else, see ``ir.http``."""
        own = approval.with_user(request.env.user)
        capability.call(own._hand_over_screen, request.session)

    def _get_approver(self, approval, post):
        """Return who answers: chosen on the screen where several are asked."""
        waiting = approval.approver_ids.filtered(lambda a: a._is_open())
        if len(waiting) == 1:
            return waiting
        typed = post.get("approver") or ""
        return waiting.filtered(lambda a: str(a.id) == typed)

    @http.route(
        "/customer_approval/in_person/<int:request_id>",
        type="http",
        auth="user",
        website=True,
    )
    def in_person(self, request_id, **kwargs):
        """Show the request full-screen, for the customer's own hands. Whoever has typed
        the address hands the screen over when the page is there: its own script asks
        for it, as loading an address changes nothing."""
        approval = self._get_approval(request_id)
        kept = self._take_form(self._get_form(approval))
        return self._render(
            approval, just_answered=bool(kwargs.get("answered")), **kept
        )

    @http.route(
        [
            "/customer_approval/in_person/<int:request_id>/answer",
            "/customer_approval/in_person/<int:request_id>/hand_over",
            "/customer_approval/in_person/<int:request_id>/leave",
        ],
        type="http",
        auth="user",
        methods=["GET"],
        website=True,
        sitemap=False,
    )
    def in_person_reload(self, request_id, **kwargs):
        """Whoever loads again what they have sent gets the page."""
        return request.redirect(f"/customer_approval/in_person/{request_id}")

    @http.route(
        "/customer_approval/in_person/<int:request_id>/hand_over",
        type="http",
        auth="user",
        methods=["POST"],
        website=True,
        sitemap=False,
    )
    def in_person_hand_over(self, request_id, **kwargs):
        """Let the screen show nothing else from now on."""
        self._hand_over(self._get_approval(request_id))
        return secure(request.make_response("", status=204))

    def _get_form(self, approval):
        return f"in_person-{approval.id}-{request.env.uid}"

    def _get_url(self, approval):
        return f"/customer_approval/in_person/{approval.id}"

    @http.route(
        "/customer_approval/in_person/<int:request_id>/answer",
        type="http",
        auth="user",
        methods=["POST"],
        website=True,
    )
    def in_person_answer(self, request_id, **post):
        """Record what the customer answered here, before the user as their witness.

        :param post: as on the customer's own page, and ``approver``, who answers
        """
        approval = self._get_approval(request_id)
        self._hand_over(approval)
        post = self._clean(post)

        def decide():
            approver = self._get_approver(approval, post)
            if not approver:
                approval._check_open()
                raise UserError(request.env._("Please choose who you are."))
            answer = self._read_answer(
                approval, approver, "in_person", post, witness=request.env.user
            )
            return approval._decide(answer)

        approver, error = self._attempt(decide)
        own_answer = self._find_own_answer(approval)
        if error and (
            approval.state != "pending"
            or post.get("approver") == str(own_answer.id or "")
        ):
            approver = own_answer  # sent again, as the page after it was not shown
        if not approver:
            return self._show_again(
                self._get_form(approval),
                f"{self._get_url(approval)}#answer",
                post,
                error=error,
                status=422,
            )
        self._forget_form(self._get_form(approval))
        self._sign_answer(approval, approver)
        return self._greet(approver)

    def _greet(self, approver):
        """Show the page with the answer that was given."""
        # Choosing other options makes a request of its own.
        self._hand_over(approver.request_id)
        return secure(
            request.redirect(
                f"/customer_approval/in_person/{approver.request_id.id}?answered=1"
            )
        )

    @http.route(
        "/customer_approval/in_person/<int:request_id>/files/<int:file_id>",
        type="http",
        auth="user",
        website=True,
    )
    def in_person_file(self, request_id, file_id, download=None, **kwargs):
        """Show or download a file of the request.

        :param download: set to download it in any case
        """
        approval = self._get_approval(request_id)
        response = self._send_file(approval, file_id, download)
        if not response:
            raise request.not_found()
        return response

    @http.route(
        "/customer_approval/in_person/<int:request_id>/leave",
        type="http",
        auth="user",
        methods=["POST"],
        website=True,
    )
    def in_person_leave(self, request_id, password=None, **kwargs):
        """Go back to the document, after the salesperson has said who they are.

        :param password: of the user
        """
        approval = self._get_approval(request_id)
        rates = request.env["customer.approval.rate"].sudo()  # nobody may see them
        if not rates._count("leave", request.env.uid):
            return self._render(
                approval,
                leave_error=request.env._("Too many attempts. Please log in again."),
                status=429,
            )
        user = request.env.user
        credential = {
            "type": "password",
            "login": user.login,
            "password": password if isinstance(password, str) else "",
        }
        try:
            user._check_credentials(credential, {"interactive": True})
        except AccessDenied:
            return self._render(
                approval,
                leave_error=request.env._("This is not your password."),
                status=403,
            )
        request.session.pop(HANDED_OVER, None)
        # What one customer typed is not shown to the next.
        self._forget_form(self._get_form(approval))
        document = approval._get_document()
        return request.redirect(f"/odoo/{document._name}/{document.id}")

    def _render(self, approval, status=200, error=None, typed=None, **values):
        waiting = approval.approver_ids.filtered(lambda a: a._is_open())
        can_answer = (
            approval.state == "pending"
            and not approval._is_expired()
            and not approval._is_outdated()
        )
        approver = waiting if len(waiting) == 1 else waiting.browse()
        if can_answer:
            self._prepare_signing(approval)
        url = self._get_url(approval)
        qr_code = False
        if can_answer and approver:
            barcode = request.env["ir.actions.report"].barcode(
                "QR",
                # The customer's phone reads it off the screen: no personal link, but
                # one by which they answer before this user.
                links.url_of(approver, request.env.user),
                width=300,
                height=300,
                quiet=0,
            )
            qr_code = base64.b64encode(barcode).decode()
        return render(
            "in_person_page",
            {
                **self._get_form_values(approval, approver, typed),
                "can_answer": can_answer,
                "is_staff": False,
                "is_waiting": False,
                "answer_url": f"{url}/answer",
                "opened_url": False,
                "leave_url": f"{url}/leave",
                "hand_over_url": f"{url}/hand_over",
                "needs_code": False,
                "code_sent": False,
                "decisions": DECISIONS,
                "error_message": error,
                "leave_error": None,
                "just_answered": False,
                "successor": approval.browse(),
                "others": approval.approver_ids._filter_counted(),
                "files": self._get_files(approval, url),
                "difference": approval.difference_html,
                "difference_seen": False,
                "previous": approval._get_previous(),
                "content_html": approval.content_html,
                "may_pass_on": False,
                "in_person": True,
                "qr_code": qr_code,
                "salesperson": request.env.user,
                "waiting": waiting,
                "no_header": True,
                "no_footer": True,
                **values,
            },
            status,
        )
