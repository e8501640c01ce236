# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import binascii
import json
import re

from odoo import http
from odoo.exceptions import AccessError, MissingError, UserError
from odoo.fields import Domain
from odoo.http import content_disposition, request

from odoo.addons.portal.controllers.portal import CustomerPortal, pager as portal_pager

from ..tools.entry import Answer, Entry
from ..tools.ledger import DECISIONS

# Programs that open links in mails and chats before a person does.
LOOKS_LIKE_A_ROBOT = re.compile(
    r"bot\b|robot|crawl|spider|preview|facebookexternalhit|slurp|curl|wget|python-"
    r"|headlesschrome/.*lighthouse|safelinks|proofpoint|mimecast|barracuda",
    re.IGNORECASE,
)


class CustomerApprovalPortal(CustomerPortal):
    # ------------------------------------------------------------------
    # Home and list
    # ------------------------------------------------------------------

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if "customer_approval_count" in counters:
            Request = request.env["customer.approval.request"]
            values["customer_approval_count"] = (
                Request.search_count(self._get_approvals_domain("open"))
                if Request.has_access("read")
                else 0
            )
        return values

    def _get_approvals_domain(self, filterby):
        # Staff have a portal too, and may read other customers' requests elsewhere.
        partner = request.env.user.partner_id.commercial_partner_id
        own = Domain("partner_id", "child_of", partner.id)
        return {
            "all": own,
            "open": own & Domain("state", "=", "pending"),
            "answered": own & Domain("state", "in", DECISIONS),
        }.get(filterby, own)

    def _get_approvals_sortings(self):
        return {
            "date": {
                "label": request.env._("Newest"),
                "order": "requested_on desc, id",
            },
            "deadline": {
                "label": request.env._("Answer by"),
                "order": "deadline, id desc",
            },
            "name": {"label": request.env._("Document"), "order": "document_name, id"},
        }

    def _get_approvals_filters(self):
        return {
            "all": {"label": request.env._("All"), "domain": []},
            "open": {"label": request.env._("To review"), "domain": []},
            "answered": {"label": request.env._("Answered"), "domain": []},
        }

    def _get_approvals_inputs(self):
        return {
            "document_name": {
                "input": "document_name",
                "label": request.env._("Search in Document"),
            },
            "name": {"input": "name", "label": request.env._("Search in Number")},
        }

    @http.route(
        ["/my/approvals", "/my/approvals/page/<int:page>"],
        type="http",
        auth="user",
        website=True,
        readonly=True,
    )
    def portal_my_approvals(
        self, page=1, sortby=None, filterby=None, search=None, search_in=None, **kwargs
    ):
        """List the requests of the customer who is logged in.

        :param sortby: ``date``, ``deadline`` or ``name``
        :param filterby: ``all``, ``open`` or ``answered``
        :param search: text to look for
        :param search_in: ``document_name`` or ``name``
        """
        Request = request.env["customer.approval.request"]
        sortings = self._get_approvals_sortings()
        filters = self._get_approvals_filters()
        inputs = self._get_approvals_inputs()
        sortby = sortby if sortby in sortings else "date"
        filterby = filterby if filterby in filters else "all"
        search_in = search_in if search_in in inputs else "document_name"
        domain = self._get_approvals_domain(filterby)
        if search:
            domain &= Domain(search_in, "ilike", search)
        allowed = Request.has_access("read")
        pager = portal_pager(
            url="/my/approvals",
            url_args={
                "sortby": sortby,
                "filterby": filterby,
                "search": search,
                "search_in": search_in,
            },
            total=Request.search_count(domain) if allowed else 0,
            page=page,
            step=self._items_per_page,
        )
        requests = Request.browse()
        if allowed:
            requests = Request.search(
                domain,
                order=sortings[sortby]["order"],
                limit=self._items_per_page,
                offset=pager["offset"],
            )
        values = self._prepare_portal_layout_values()
        values.update(
            {
                "requests": requests,
                "page_name": "customer_approval",
                "pager": pager,
                "default_url": "/my/approvals",
                "searchbar_sortings": sortings,
                "sortby": sortby,
                "searchbar_filters": filters,
                "filterby": filterby,
                "searchbar_inputs": inputs,
                "search_in": search_in,
                "search": search,
            }
        )
        return request.render("customer_approval_gate.portal_my_approvals", values)

    # ------------------------------------------------------------------
    # One request
    # ------------------------------------------------------------------

    @http.route(
        "/my/approvals/<int:request_id>", type="http", auth="public", website=True
    )
    def portal_my_approval(self, request_id, access_token=None, **kwargs):
        """Show the request as it was asked; a GET changes nothing.

        :param access_token: opens the page without a login
        """
        approval, refusal = self._get_approval(request_id, access_token)
        if refusal:
            return refusal
        self._record_opened(approval)
        return self._render_approval(approval, access_token, **kwargs)

    def _record_opened(self, approval):
        """Keep that a person looked at the request: no preview of a link, no member of
        staff, and nobody who looked a moment ago."""
        headers = request.httprequest.headers
        if (
            request.env.user._is_internal()
            or request.httprequest.method != "GET"
            or headers.get("Odoo-Link-Preview")
            or "prefetch"
            in (headers.get("Sec-Purpose") or headers.get("Purpose") or "")
            or LOOKS_LIKE_A_ROBOT.search(headers.get("User-Agent") or "robot")
            or request.session.get(f"customer_approval_opened_{approval.id}")
        ):
            return
        request.session[f"customer_approval_opened_{approval.id}"] = True
        user = request.env.user
        request.env["customer.approval.event"].sudo()._append(
            [
                Entry(
                    approval._get_document(),
                    "opened",
                    approval,
                    method=self._get_decision_method(approval),
                    personal={} if user._is_public() else {"name": user.name},
                )
            ]
        )

    @http.route(
        "/my/approvals/<int:request_id>/certificate",
        type="http",
        auth="public",
        website=True,
    )
    def portal_my_approval_certificate(self, request_id, access_token=None, **kwargs):
        """Download the certificate of the answer, as PDF where this machine prints.

        :param access_token: opens the page without a login
        """
        approval, refusal = self._get_approval(request_id, access_token)
        if refusal:
            return refusal
        if approval.state not in DECISIONS:
            return self._refuse(
                404,
                request.env._("There is no certificate yet"),
                request.env._("There is one when the request has been answered."),
            )
        approval._record_download(self._get_certificate_name(approval))
        pdf = approval.certificate_id.raw or approval._print(
            "customer_approval_gate.action_report_certificate"
        )
        if pdf:
            return request.make_response(
                pdf,
                headers=[
                    ("Content-Type", "application/pdf"),
                    (
                        "Content-Disposition",
                        content_disposition(self._get_certificate_name(approval)),
                    ),
                ],
            )
        html = (
            request.env["ir.actions.report"]
            .sudo()  # the access was checked above
            .with_context(lang=approval.lang, tz=approval._get_time_zone())
            ._render_qweb_html(
                "customer_approval_gate.action_report_certificate", approval.ids
            )[0]
        )
        return request.make_response(html)

    def _get_certificate_name(self, approval):
        return f"{request.env._('Certificate')} {approval.name}.pdf"

    @http.route("/customer_approval/bundle/<int:request_id>", type="http", auth="user")
    def customer_approval_bundle(self, request_id, **kwargs):
        """Download all evidence about the document of a request, as staff."""
        approval = request.env["customer.approval.request"].browse(request_id)
        if not request.env.user._is_internal() or not approval.exists():
            raise request.not_found()
        approval.check_access("read")
        approval._record_download(request.env._("Evidence bundle"))
        return request.make_response(
            approval._make_bundle(),
            headers=[
                ("Content-Type", "application/zip"),
                ("Content-Disposition", content_disposition(f"{approval.name}.zip")),
            ],
        )

    @http.route(
        ["/approval/verify", "/approval/verify/<string:code>"],
        type="http",
        auth="public",
        website=True,
        sitemap=False,
    )
    def approval_verify(self, code=None, **kwargs):
        """Say whether a certificate is genuine, and nothing of what was approved.

        :param code: the code on the certificate
        """
        code = (code or "").strip().lower()
        # Whoever holds a certificate may ask; the page gives no content away.
        approval = request.env["customer.approval.request"].sudo()._find_by_code(code)
        problems = []
        if approval:
            problems = approval.env["customer.approval.event"]._verify_document(
                approval._get_document()
            )
        response = request.render(
            "customer_approval_gate.verify_page",
            {
                "code": code,
                "approval": approval,
                "genuine": bool(approval) and not problems,
                "digests": json.dumps(approval._get_known_digests())
                if approval
                else "{}",
                "page_name": "customer_approval_verify",
            },
        )
        if code and not approval:
            response.status_code = 404
        return response

    @http.route(
        "/my/approvals/<int:request_id>/answer",
        type="http",
        auth="public",
        methods=["POST"],
        website=True,
    )
    def portal_my_approval_answer(
        self,
        request_id,
        access_token=None,
        decision=None,
        name=None,
        reason=None,
        conditions=None,
        signature=None,
        consent=None,
        **kwargs,
    ):
        """Record the customer's answer.

        :param decision: one of the request's four answers
        :param name: the full name of who answers
        :param reason: why, to reject or to request changes
        :param conditions: under which conditions it is approved
        :param signature: an image, base64
        :param consent: set when the words of consent were ticked
        """
        approval, refusal = self._get_approval(request_id, access_token)
        if refusal:
            return refusal
        if request.env.user._is_internal():
            return self._refuse(
                403,
                request.env._("You cannot answer for the customer"),
                request.env._(
                    "You are logged in as a member of staff. If the customer is with "
                    "you, use “On This Screen” on the document."
                ),
            )
        typed = {
            "decision": decision,
            "name": name,
            "reason": reason,
            "conditions": conditions,
        }
        if not self._is_open(approval):
            return self._render_approval(approval, access_token, status=409)
        try:
            if "approved" in (decision or "") and not consent:
                raise UserError(
                    request.env._("Please tick that you agree before you approve.")
                )
            self._check_image(signature)
            # What fails on the way must not stay half done.
            with request.env.cr.savepoint():
                approval._decide(
                    Answer(
                        decision or "",
                        name or "",
                        self._get_decision_method(approval),
                        reason=reason or "",
                        conditions=conditions or "",
                        signature=signature,
                        partner=self._get_logged_in_partner(),
                    )
                )
        except UserError as error:
            return self._render_approval(
                approval, access_token, status=422, error=str(error), typed=typed
            )
        return request.redirect(approval.get_portal_url(query_string="&answered=1"))

    def _get_approval(self, request_id, access_token):
        """Return the request with superuser rights, or the page that refuses it."""
        try:
            approval = self._document_check_access(
                "customer.approval.request", request_id, access_token
            )
        except MissingError:
            return None, self._refuse(
                404,
                request.env._("There is no such request"),
                request.env._("Please use the link in our e-mail as it is."),
            )
        except AccessError:
            if request.env.user._is_public() and not access_token:
                url = f"/my/approvals/{request_id}"
                return None, request.redirect_query("/web/login", {"redirect": url})
            return None, self._refuse(
                403,
                request.env._("This request is not for you"),
                request.env._(
                    "The link is not complete, or it belongs to somebody else. Please "
                    "use the link in our e-mail as it is, or ask your contact."
                ),
            )
        self._use_customers_language(approval)
        return approval.with_env(approval.env(context=request.env.context)), None

    def _use_customers_language(self, approval):
        """Whoever comes by a link reads the page in the language of their mail."""
        lang = approval.partner_id.lang
        if (
            request.env.user._is_public()
            and "frontend_lang" not in request.cookies
            and lang in dict(request.env["res.lang"].get_installed())
        ):
            request.update_context(lang=lang)

    def _is_open(self, approval):
        """Return whether the customer can still answer.

        A document that has changed in the meantime is not what was asked about: its
        request is withdrawn, here at the latest.
        """
        if approval.state == "pending" and approval._is_outdated():
            approval._after_content_change()
        return approval.state == "pending" and not approval._is_expired()

    def _get_decision_method(self, approval):
        own = approval.with_env(request.env).has_access("read")
        return "portal" if own and not request.env.user._is_public() else "link"

    def _get_logged_in_partner(self):
        user = request.env.user
        return request.env["res.partner"] if user._is_public() else user.partner_id

    def _check_image(self, signature):
        if not signature:
            return
        try:
            content = binascii.a2b_base64(signature, strict_mode=True)
        except (binascii.Error, ValueError) as error:
            raise UserError(
                request.env._("The signature cannot be read. Please sign again.")
            ) from error
        if not content.startswith(b"\x89PNG") or len(content) > 1_000_000:
            raise UserError(
                request.env._("The signature cannot be read. Please sign again.")
            )

    def _render_approval(
        self, approval, access_token, status=200, error=None, typed=None, **kwargs
    ):
        can_answer = (
            approval.state == "pending"
            and not approval._is_expired()
            and not approval._is_outdated()
        )
        values = self._get_page_view_values(
            approval,
            access_token,
            {
                "page_name": "customer_approval",
                "approval": approval,
                "can_answer": can_answer,
                "is_outdated": approval.state == "pending" and approval._is_outdated(),
                "is_staff": request.env.user._is_internal(),
                "consent": approval._get_consent(),
                "typed": typed or {},
                "error_message": error,
                "decisions": DECISIONS,
                "just_answered": bool(kwargs.pop("answered", False)),
                "successor": self._get_successor(approval),
            },
            "my_approvals_history",
            False,
        )
        response = request.render("customer_approval_gate.portal_my_approval", values)
        response.status_code = status
        # The address holds the token: no other site is to get it.
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    def _get_successor(self, approval):
        """Return the request that the customer should answer instead of this one."""
        last = approval._get_document().customer_approval_request_id
        if (
            last != approval
            and last.state == "pending"
            and (
                approval.partner_id.commercial_partner_id
                == last.partner_id.commercial_partner_id
            )
        ):
            return last
        return approval.browse()

    def _refuse(self, status, title, message):
        response = request.render(
            "customer_approval_gate.portal_refusal",
            {"title": title, "message": message, "page_name": "customer_approval"},
        )
        response.status_code = status
        return response
