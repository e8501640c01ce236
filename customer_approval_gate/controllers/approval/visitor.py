# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import fields
from odoo.http import request

from ...tools import capability, links
from ...tools.languages import find_lang
from ...tools.ledger import DECISIONS
from ...tools.mails import MAIL_LATER
from .answer_form import AnswerForm, render

SESSION_TOKENS = "customer_approval_tokens"
KEPT_TOKENS = 20


class Visitor(AnswerForm):
    """Who wants to see a request, by their link or their login; and the pages that say
    why not."""

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
        if not approval._has_document():
            return approval.browse()
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
