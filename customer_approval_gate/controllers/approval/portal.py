# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

from odoo import fields, http
from odoo.exceptions import UserError
from odoo.http import content_disposition, request

from odoo.addons.portal.controllers.portal import CustomerPortal

from ...tools import capability, links
from ...tools.event_data import EventData
from ...tools.languages import find_lang
from ...tools.ledger import DECISIONS
from .answer_form import NAME_LENGTH, guarded, render, secure
from .visitor import Visitor

# How long a one-time code that was entered is good for.
CONFIRMED_MINUTES = 30


class CustomerApprovalPortal(Visitor, CustomerPortal):
    # ------------------------------------------------------------------
    # Pages that say why not
    # ------------------------------------------------------------------

    @http.route(
        "/my/approvals/<int:request_id>/resend",
        type="http",
        auth="public",
        methods=["POST"],
        website=True,
    )
    @guarded
    def portal_my_approval_resend(self, request_id, access_token=None, **kwargs):
        """Mail the link again, to those alone who are asked. Whoever wants it learns
        nothing, and gets nobody mailed by a number that they have counted up to.

        :param access_token: of a link that has stopped: only its person gets a mail; or
            of the document's own page: all get one
        """
        Request = request.env["customer.approval.request"].sudo()  # tells nothing
        approval = Request.browse(request_id).exists()
        rates = self._get_rates()
        if not rates._count("resend", self._get_address()) or not rates._count(
            "resend_request", request_id
        ):
            return self._refuse_too_many()
        if approval:
            token = self._clean({"token": access_token}).get("token")
            self._resend(approval, token)
        return self._refuse(
            200,
            request.env._("Look into your mail"),
            request.env._("If you are asked, a new link is on its way to you."),
        )

    def _resend(self, approval, token):
        own = links.find_by_old_token(approval.approver_ids, token)
        own |= links.find_by_token(approval.approver_ids, token)
        if links.is_resend_token(approval, token):
            own = approval.approver_ids
        partners = own.partner_id
        if approval.state in DECISIONS:
            counted = approval.approver_ids._filter_counted()
            approval._mail(
                "answer", counted.filtered(lambda a: a.partner_id in partners)
            )
            return
        last = self._get_successor(approval) or approval
        waiting = last.approver_ids.filtered(
            lambda a: a._is_open() and a.partner_id in partners
        )
        if waiting:
            capability.call(last._remind, waiting)

    # ------------------------------------------------------------------
    # One request
    # ------------------------------------------------------------------

    @http.route(
        "/my/approvals/<int:request_id>", type="http", auth="public", website=True
    )
    @guarded
    def portal_my_approval(self, request_id, access_token=None, **kwargs):
        """Show the request as it was asked; a GET decides nothing.

        :param access_token: opens the page without a login, and does not stay in the
            address
        """
        access_token = self._clean({"token": access_token}).get("token")
        approval, approver, refusal = self._identify(request_id, access_token)
        if refusal:
            return refusal
        if access_token:
            return secure(request.redirect(f"/my/approvals/{request_id}"))
        kept = self._take_form(self._get_form(approval, approver))
        return self._render_approval(
            approval, approver, answered=bool(kwargs.get("answered")), **kept
        )

    @http.route(
        [
            f"/my/approvals/<int:request_id>/{name}"
            for name in ("answer", "code", "opened", "pass_on", "resend")
        ],
        type="http",
        auth="public",
        methods=["GET"],
        website=True,
        readonly=True,
        sitemap=False,
    )
    @guarded
    def portal_my_approval_reload(self, request_id, **kwargs):
        """Whoever loads again what they have sent gets the page."""
        return request.redirect(f"/my/approvals/{request_id}")

    @http.route(
        "/my/approvals/<int:request_id>/opened",
        type="http",
        auth="public",
        methods=["POST"],
        website=True,
        sitemap=False,
    )
    @guarded
    def portal_my_approval_opened(self, request_id, **kwargs):
        """Keep that the page was shown to a person: their browser says so."""
        approval, approver, refusal = self._identify(request_id)
        if refusal:
            return refusal
        self._record_opened(approval, approver)
        return secure(request.make_response("", status=204))

    def _get_form(self, approval, approver):
        return f"answer-{approval.id}-{approver.id}-{request.session.uid or 0}"

    def _ask_again(self, approval, approver, anchor, post=None, **shown):
        """See ``_show_again()``."""
        return self._show_again(
            self._get_form(approval, approver),
            approval.get_portal_url(anchor=anchor),
            post,
            **shown,
        )

    def _record_opened(self, approval, approver):
        """Keep that a person looked at the request: no member of staff, and nobody who
        looked a moment ago."""
        key = f"customer_approval_opened_{approval.id}_{approver.id}"
        if request.env.user._is_internal() or request.session.get(key):
            return
        request.session[key] = True
        user = request.env.user
        name = approver.partner_id.name if user._is_public() else user.name
        repetitions = request.env["customer.approval.repetition"].sudo()  # nobody's
        capability.call(
            repetitions._append_or_count,
            [
                EventData(
                    approval._get_document(),
                    "opened",
                    approval,
                    method=self._get_method(approval, approver),
                    details={"approver": approver.id} if approver else {},
                    personal={"name": name},
                )
            ],
        )

    def _render_approval(
        self,
        approval,
        approver,
        status=200,
        error=None,
        notice=None,
        typed=None,
        code_sent=False,
        answered=False,
    ):
        is_open = self._is_open(approval, approver)
        is_staff = request.env.user._is_internal()
        if is_open and not is_staff:
            self._prepare_signing(approval)
        can_answer = is_open and not is_staff and bool(approver) and approver._is_open()
        method = self._get_method(approval, approver)
        previous, seen = self._get_compared(approval, approver)
        values = self._get_page_view_values(
            approval,
            None,
            {
                **self._get_form_values(approval, approver, typed),
                "page_name": "customer_approval",
                "can_answer": can_answer,
                "is_waiting": bool(approver) and approver.state == "waiting",
                "is_staff": is_staff,
                "answer_url": f"/my/approvals/{approval.id}/answer",
                "opened_url": not is_staff and f"/my/approvals/{approval.id}/opened",
                "code_url": f"/my/approvals/{approval.id}/code",
                "needs_code": can_answer
                and method == "link"
                and approval._needs_code(),
                "code_sent": code_sent,
                "error_message": error,
                "notice": notice,
                "decisions": DECISIONS,
                "just_answered": answered,
                "successor": self._find_way_on(approval, approver),
                "others": approval.approver_ids._filter_counted() - approver,
                "files": self._get_files(approval, f"/my/approvals/{approval.id}"),
                "difference": previous and approval._render_difference(previous),
                "difference_seen": seen,
                "previous": previous,
                "content_html": self._get_content_html(approval),
                "may_pass_on": can_answer and method != "in_person",
                "witness": self._get_witness(approval),
                "leave_url": f"/web/login?redirect=/odoo/{approval.res_model}/"
                f"{approval.res_id}",
            },
            "my_approvals_history",
            False,
        )
        if request.env.user._is_public() and approver and method != "in_person":
            values["pid"] = approver.partner_id.id
            values["hash"] = approval._sign_token(approver.partner_id.id)
            # Odoo lets only those write who have a token: the hash is what counts.
            values["token"] = values["hash"]
        return render("portal_my_approval", values, status)

    def _find_way_on(self, approval, approver):
        """Return the request that replaces this one. Whoever was asked before, and is
        asked again, may go there."""
        successor = self._get_successor(approval)
        own = successor.approver_ids.filtered(
            lambda other: other._is_open() and other.partner_id == approver.partner_id
        )[:1]
        by_link = self._get_session_token(approval.id) and not self._get_witness(
            approval
        )
        if own and approver and by_link:
            self._keep_token(successor, links.token_of(own))
        elif request.env.user._is_public():
            return successor.browse()
        return successor

    def _get_compared(self, approval, approver):
        """Return the version to compare with, and whether this person has seen it."""
        seen = approval._get_last_seen(approver.partner_id) if approver else None
        return seen or approval._get_previous(), bool(seen)

    def _get_content_html(self, approval):
        """Return the document as frozen; with another language's headings for somebody
        who reads another one than the customer."""
        lang = request.env.lang
        if lang and approval.lang and lang != approval.lang:
            return approval._render_content(
                approval.content,
                approval.currency_id,
                lang,
                approval._get_time_zone(),
            )
        return approval.content_html

    @http.route(
        "/my/approvals/<int:request_id>/files/<int:file_id>",
        type="http",
        auth="public",
        website=True,
    )
    @guarded
    def portal_my_approval_file(self, request_id, file_id, download=None, **kwargs):
        """Show or download a file of a request. What could run in the browser is
        downloaded, whatever it is called.

        :param download: set to download it in any case
        """
        approval, _approver, refusal = self._identify(request_id)
        if refusal:
            return refusal
        return self._send_file(approval, file_id, download) or self._refuse(
            404,
            request.env._("There is no such file"),
            request.env._("Please open it from the page of the request."),
        )

    @http.route(
        "/my/approvals/<int:request_id>/totals",
        type="jsonrpc",
        auth="public",
        website=True,
        readonly=True,
    )
    @guarded
    def portal_my_approval_totals(self, request_id, lines=None, **kwargs):
        """Return the totals with a choice of optional lines; nothing is changed.

        :param lines: the ids of the lines that are wanted
        """
        approval, _approver, refusal = self._identify(request_id)
        if (
            refusal
            or not isinstance(lines, list)
            or approval.state != "pending"
            or approval._is_outdated()
        ):
            return {}
        return self._get_totals(approval, lines)

    @http.route(
        "/my/approvals/<int:request_id>/certificate",
        type="http",
        auth="public",
        website=True,
    )
    @guarded
    def portal_my_approval_certificate(self, request_id, **kwargs):
        """Download the certificate of the answer, as PDF where this machine prints."""
        approval, _approver, refusal = self._identify(
            request_id, kwargs.get("access_token")
        )
        if refusal:
            return refusal
        if approval.state not in DECISIONS:
            return self._refuse(
                404,
                request.env._("There is no certificate yet"),
                request.env._("There is one when the request has been answered."),
            )
        name = f"{request.env._('Certificate')} {approval.name}.pdf"
        pdf = approval.certificate_id.raw
        if pdf:
            capability.call(approval._record_download, name)
            return secure(
                request.make_response(
                    pdf,
                    headers=[
                        ("Content-Type", "application/pdf"),
                        ("Content-Disposition", content_disposition(name)),
                    ],
                )
            )
        # There is one certificate for an answer, and a job makes it: nobody waits for
        # a printer, and what is taken away is what verification knows.
        if not approval.certificate_done and (
            request.env["ir.actions.report"]._can_print_approvals()
        ):
            return self._refuse_unprinted(approval)
        capability.call(approval._record_download, name)
        html = (
            request.env["ir.actions.report"]
            .sudo()  # the access was checked above
            .with_context(
                lang=find_lang(request.env, approval.lang),
                tz=approval._get_time_zone(),
            )
            ._render_qweb_html(
                "customer_approval_gate.action_report_certificate", approval.ids
            )[0]
        )
        return secure(request.make_response(html))

    def _refuse_unprinted(self, approval):
        """The page that comes instead of a certificate until there is one."""
        job = request.env.ref("customer_approval_gate.cron_certificates")
        job.sudo()._trigger()  # the job's own: it is only told that there is work
        response = self._refuse(
            202,
            request.env._("Your certificate is being prepared"),
            request.env._(
                "This takes a minute: the page looks again by itself. We also mail the "
                "certificate to you."
            ),
            back=approval.get_portal_url(),
        )
        response.headers["Refresh"] = "10"
        return response

    # ------------------------------------------------------------------
    # The answer
    # ------------------------------------------------------------------

    @http.route(
        "/my/approvals/<int:request_id>/answer",
        type="http",
        auth="public",
        methods=["POST"],
        website=True,
    )
    @guarded
    def portal_my_approval_answer(self, request_id, **post):
        """Record the customer's answer.

        :param post: the values of the form: ``decision``, ``name``, ``reason``,
            ``category_id``, ``conditions``, ``signature`` (base64), ``consent``,
            ``code``, ``option_…`` and ``remark_…`` by the ids of lines
        """
        post = self._clean(post)
        approval, approver, refusal = self._identify(
            request_id, post.pop("access_token", None)
        )
        if refusal:
            return refusal
        if refusal := self._refuse_staff(approval):
            return refusal
        if not self._may_try("answer", approval):
            return self._refuse_too_many()
        if (
            not self._is_open(approval, approver)
            or not approver
            or not approver._is_open()
        ):
            own_answer = self._find_own_answer(approval)
            if own_answer and own_answer.state == post.get("decision"):
                # They were not shown that it is done, and have sent it again.
                return self._greet(own_answer.request_id)
            notice = own_answer and request.env._(
                "You have answered already. What you sent now was not recorded."
            )
            return self._ask_again(
                approval, approver, None, status=409, notice=notice or None
            )

        def read():
            self._check_code(approval, approver, post)
            return self._read_answer(
                approval,
                approver,
                self._get_method(approval, approver),
                post,
                partner=self._get_logged_in_partner(),
                witness=self._get_witness(approval) or None,
            )

        answer, error = self._attempt(read, undo=False)
        answered = None
        if answer:
            answered, error = self._attempt(lambda: approval._decide(answer))
        if error:
            return self._ask_again(
                approval, approver, "answer", post, error=error, status=422
            )
        self._forget_form(self._get_form(approval, approver))
        approver = answered
        self._sign_answer(approval, approver)
        if answer.witness or self._get_session_token(request_id):
            self._keep_answerer(approver)
        return self._greet(approver.request_id)

    def _keep_answerer(self, approver):
        """The link has changed with the answer: whoever gave it goes on looking, and
        whoever came by the code on our screen gets no link of their own."""
        witness = approver.witness_id
        token = (
            links.handover_token(approver, witness)
            if witness
            else links.token_of(approver)
        )
        self._keep_token(approver.request_id, token)

    def _greet(self, approval):
        """Show whoever has answered the page with their answer."""
        return secure(
            request.redirect(approval.get_portal_url(query_string="answered=1"))
        )

    def _check_code(self, approval, approver, post):
        """Whoever approves by a link where a one-time code is asked for enters it."""
        if (
            "approved" not in (post.get("decision") or "")
            or self._get_method(approval, approver) != "link"
            or not approval._needs_code()
        ):
            return
        code = post.pop("code", None)
        if not code:
            raise UserError(
                request.env._("Please have a code sent to you, and enter it.")
            )
        if not self._may_try("code", approval):
            raise UserError(request.env._("Too many codes. Please wait an hour."))
        if not approver._confirm_code(code):
            raise UserError(request.env._("This code is not right. Please try again."))
        until = fields.Datetime.now() + timedelta(minutes=CONFIRMED_MINUTES)
        request.session[f"customer_approval_confirmed_{approver.id}"] = (
            fields.Datetime.to_string(until)
        )

    @http.route(
        "/my/approvals/<int:request_id>/code",
        type="http",
        auth="public",
        methods=["POST"],
        website=True,
    )
    @guarded
    def portal_my_approval_code(self, request_id, **post):
        """Mail a one-time code to the person whose link it is, and show the page with
        what was typed."""
        approval, approver, refusal = self._identify(request_id)
        if refusal:
            return refusal
        if refusal := self._refuse_staff(approval):
            return refusal
        if refusal := self._refuse_witnessed(approval):
            return refusal
        if (
            not self._is_open(approval, approver)
            or not approver
            or not approver._is_open()
        ):
            return self._ask_again(approval, approver, None, status=409)
        post = self._clean(post)
        error = ""
        if not self._may_try("code", approval):
            error = request.env._("Too many codes. Please wait an hour.")
        else:
            _sent, error = self._attempt(lambda: self._send_code(approver), undo=False)
        if error:
            return self._ask_again(
                approval, approver, "answer", post, error=error, status=422
            )
        return self._ask_again(
            approval, approver, "customer_approval_code", post, code_sent=True
        )

    def _send_code(self, approver):
        message = capability.call(approver._prepare_code)
        # Others would wait behind the locks for as long as the mail server takes.
        request.env.cr.commit()  # pylint: disable=invalid-commit
        capability.call(approver._mail_code, message)

    @http.route(
        "/my/approvals/<int:request_id>/pass_on",
        type="http",
        auth="public",
        methods=["POST"],
        website=True,
    )
    @guarded
    def portal_my_approval_pass_on(self, request_id, **post):
        """Let a colleague answer instead.

        :param post: the values of the form: their full ``name`` and their ``email``
        """
        post = self._clean(post)
        approval, approver, refusal = self._identify(request_id)
        if refusal:
            return refusal
        if refusal := self._refuse_staff(approval):
            return refusal
        if refusal := self._refuse_witnessed(approval):
            return refusal
        if not self._may_try("answer", approval):
            return self._refuse_too_many()
        if not self._is_open(approval, approver) or not approver:
            return self._ask_again(approval, approver, None, status=409)
        done, error = self._attempt(
            lambda: capability.call(
                approver._delegate,
                post.get("name", "")[:NAME_LENGTH],
                post.get("email", "")[:NAME_LENGTH],
            )
        )
        if error:
            return self._ask_again(
                approval, approver, "answer", error=error, status=422
            )
        if not done:
            return self._ask_again(
                approval,
                approver,
                None,
                notice=request.env._(
                    "We do not recognise this address as one of your company's; we "
                    "will check it and let you know by mail. Until then your own link "
                    "goes on working."
                ),
            )
        if request.env.user._is_public():
            # The page of a link that has stopped says why.
            return secure(request.redirect(approval.get_portal_url()))
        return self._ask_again(
            approval,
            approver.browse(),
            None,
            notice=request.env._("A colleague has been asked instead of you."),
        )
