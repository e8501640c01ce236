# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

from odoo import fields, http
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.http import content_disposition, request

from odoo.addons.portal.controllers.portal import CustomerPortal, pager as portal_pager

from ..tools import capability, links
from ..tools.entry import Entry
from ..tools.languages import find_lang
from ..tools.ledger import DECISIONS
from ..tools.mails import MAIL_LATER
from .answer_form import NAME_LENGTH, AnswerForm, guarded, render, secure

# How long a one-time code that was entered is good for.
CONFIRMED_MINUTES = 30
SESSION_TOKENS = "customer_approval_tokens"
KEPT_TOKENS = 20


class CustomerApprovalPortal(AnswerForm, CustomerPortal):
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
        partner = request.env.user.partner_id
        own = Domain("partner_id", "child_of", partner.commercial_partner_id.id)
        own |= Domain(
            "approver_ids",
            "any!",  # portal users may not read them
            Domain("partner_id", "=", partner.id)
            & Domain("state", "not in", ("removed", "passed_on")),
        )
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
    @guarded
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
        search = (search or "").replace("\x00", "")
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
        return render("portal_my_approvals", values)

    # ------------------------------------------------------------------
    # Who is there
    # ------------------------------------------------------------------

    def _identify(self, request_id, access_token=None):
        """Find out who wants to see a request, by their link or their login.

        :return: the request with superuser rights, the approver who is there (none if
            somebody else may look), and the page that refuses, if they may not
        :rtype: tuple
        """
        request.update_context(**MAIL_LATER)  # nobody waits for a mail server
        Request = request.env["customer.approval.request"]
        nobody = (Request.browse(), Request.approver_ids.browse())
        # Who may see it is found out below.
        approval = Request.sudo().browse(request_id).exists()
        if not approval:
            return (*nobody, self._refuse_unknown())
        token = access_token or self._get_session_token(request_id)
        approver, _witness = self._find_by_link(approval, token)
        if access_token and not approver and not self._find_own_answer(approval):
            return (*nobody, self._refuse_token(approval, access_token))
        if access_token and approver:
            self._keep_token(approval, access_token)
        own = approval.with_env(request.env)
        is_public = request.env.user._is_public()
        if not is_public and own.has_access("read"):
            theirs = approval.approver_ids._filter_counted()._acts_for(
                request.env.user.partner_id
            )
            approver = theirs[:1] or approver
        elif own_answer := not approver and self._find_own_answer(approval):
            answered = own_answer.request_id
            self._keep_answerer(own_answer)
            if answered != approval:
                return (*nobody, self._greet(answered))
            approver = own_answer
        elif not approver:
            if is_public and token:
                return (*nobody, self._refuse_token(approval, token))
            if is_public:
                url = f"/my/approvals/{request_id}"
                redirect = request.redirect_query("/web/login", {"redirect": url})
                return (*nobody, redirect)
            return (*nobody, self._refuse_foreign())
        if approver.state == "passed_on":
            return (*nobody, self._refuse_token(approval, token))
        self._use_persons_language(approval, approver)
        env = approval.env(context=request.env.context)
        return approval.with_env(env), approver.with_env(env), None

    def _find_by_link(self, approval, token):
        """Return whose link it is, and before which user it is used, if it is the code
        that their screen shows.

        :rtype: tuple
        """
        approver = links.find_by_token(approval.approver_ids, token)
        if approver or not token:
            return approver, request.env["res.users"]
        events = request.env["customer.approval.event"].sudo()  # who handed it over
        events = events.search(
            [("request_id", "=", approval.id), ("kind", "=", "handed_over")]
        )
        return links.find_by_handover(approval.approver_ids, events.user_id, token)

    def _get_tokens_key(self):
        # Whoever logs in to the same browser afterwards is somebody else.
        return f"{SESSION_TOKENS}_{request.session.uid or 0}"

    def _get_session_token(self, request_id):
        return request.session.get(self._get_tokens_key(), {}).get(str(request_id))

    def _keep_token(self, approval, token):
        """Remember who is there, so that the address need not say it."""
        key = self._get_tokens_key()
        tokens = {**request.session.get(key, {}), str(approval.id): token}
        request.session[key] = dict(list(tokens.items())[-KEPT_TOKENS:])

    def _use_persons_language(self, approval, approver):
        """Whoever comes by a link reads the page in the language of their mail, and
        times in their time zone."""
        partner = approver.partner_id or approval.partner_id
        if request.env.user._is_public():
            lang = find_lang(request.env, partner.lang, approval.lang)
            request.update_context(lang=lang)
        if request.env.user._is_public() or not request.env.user.tz:
            request.update_context(tz=partner.tz or approval._get_time_zone())

    # ------------------------------------------------------------------
    # Limits
    # ------------------------------------------------------------------

    def _get_address(self):
        return request.httprequest.remote_addr

    def _get_rates(self):
        return request.env["customer.approval.rate"].sudo()  # nobody may see them

    def _count_wrong(self, request_id):
        """Count a wrong link. Whoever has the right one does not suffer from those who
        guess at the same request elsewhere.

        :return: whether there were not too many
        """
        rates = self._get_rates()
        by_address = rates._count("token", self._get_address())
        return rates._count("token_request", request_id) and by_address

    def _may_try(self, kind, approval):
        """Count something that is tried, and return whether it is not too often."""
        rates = self._get_rates()
        by_address = rates._count(kind, self._get_address())
        return rates._count(f"{kind}_request", approval.id) and by_address

    def _refuse_too_many(self):
        return self._refuse(
            429,
            request.env._("Too many attempts"),
            request.env._("Please wait an hour, then use the link in our e-mail."),
        )

    # ------------------------------------------------------------------
    # Pages that say why not
    # ------------------------------------------------------------------

    def _refuse_token(self, approval, token):
        """The page for a link that opens nothing: what became of it, if it ever was
        one of ours."""
        approver = links.find_by_old_token(approval.approver_ids, token)
        approver |= links.find_by_token(approval.approver_ids, token)
        if foreign := links.find_by_foreign_token(approval.approver_ids, token):
            self._use_persons_language(approval, foreign)
            return self._refuse_other_system()
        if not approver:
            if not self._count_wrong(approval.id):
                return self._refuse_too_many()
            return self._refuse_foreign()
        self._use_persons_language(approval, approver)
        env = request.env
        successor = self._get_successor(approval)
        if approver.state == "passed_on":
            title = env._("You have passed this on")
            text = env._("A colleague answers in your place. Your link has stopped.")
        elif approver.state == "removed":
            title = env._("You need not answer")
            text = env._("We do not ask you any more. Thank you.")
        elif successor:
            title = env._("There is a new version")
            text = env._(
                "What this link was about has been replaced. We have mailed you a link "
                "to the new version, and can do so again."
            )
        elif approval.state == "withdrawn":
            title = env._("This request has been withdrawn")
            text = env._("There is nothing to answer at the moment.")
        elif approval.state in DECISIONS:
            title = env._("This request has been answered")
            text = env._(
                "The link in our e-mail about the answer shows it. We can mail it "
                "again."
            )
        else:
            title = env._("This link has stopped")
            text = env._("Please use the link in our latest e-mail.")
        return self._refuse(
            410,
            title,
            text,
            approval=approval,
            resend=approver.state != "passed_on"
            and (bool(successor) or approval.state in (*DECISIONS, "pending"))
            and token,
        )

    def _refuse_unknown(self):
        return self._refuse(
            404,
            request.env._("There is no such request"),
            request.env._("Please use the link in our e-mail as it is."),
        )

    def _refuse_foreign(self):
        return self._refuse(
            403,
            request.env._("This request is not for you"),
            request.env._(
                "The link is not complete, or it belongs to somebody else. Please "
                "use the link in our e-mail as it is, or ask your contact."
            ),
        )

    def _refuse_other_system(self):
        return self._refuse(
            403,
            request.env._("This link belongs to another system"),
            request.env._(
                "It was mailed from a system of which this one is a copy, or before "
                "this one was moved. Please use the link in our last e-mail, or ask "
                "us for a new one."
            ),
        )

    def _refuse(self, status, title, message, **values):
        values = {"page_name": "customer_approval", "resend": False, **values}
        return render(
            "portal_refusal", {"title": title, "message": message, **values}, status
        )

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
                Entry(
                    approval._get_document(),
                    "opened",
                    approval,
                    method=self._get_method(approval, approver),
                    details={"approver": approver.id} if approver else {},
                    personal={"name": name},
                )
            ],
        )

    def _get_method(self, approval, approver):
        """Return by which way whoever is there would answer."""
        user = request.env.user
        if not user._is_public() and approver and approver._acts_for(user.partner_id):
            return "portal"
        if self._get_witness(approval):
            return "in_person"
        return "code" if self._is_confirmed(approver) else "link"

    def _get_witness(self, approval):
        """Return the user on whose screen the code of this visitor's link was."""
        token = self._get_session_token(approval.id)
        return self._find_by_link(approval, token)[1]

    def _is_confirmed(self, approver):
        until = request.session.get(f"customer_approval_confirmed_{approver.id}")
        return bool(until) and fields.Datetime.to_datetime(until) > (
            fields.Datetime.now()
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
                approver._pass_on,
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

    def _refuse_witnessed(self, approval):
        """The code on our screen is for the answer alone."""
        if not self._get_witness(approval):
            return None
        return self._refuse(
            403,
            request.env._("Please use your own link"),
            request.env._("The code on our screen is for your answer alone."),
            back=approval.get_portal_url(),
        )

    def _refuse_staff(self, approval):
        if not request.env.user._is_internal():
            return None
        return self._refuse(
            403,
            request.env._("You cannot answer for the customer"),
            request.env._(
                "You are logged in as a member of staff. If the customer is with "
                "you, use “On This Screen” on the document."
            ),
        )

    def _is_open(self, approval, approver):
        """Return whether the customer can still answer.

        A document that has changed in the meantime is not what was asked about: its
        request is withdrawn, here at the latest.
        """
        if approval.state == "pending" and approval._is_outdated():
            capability.call(approval._after_content_change)
        return approval.state == "pending" and not approval._is_expired(approver)

    def _get_logged_in_partner(self):
        user = request.env.user
        return None if user._is_public() else user.partner_id
