# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import binascii
import functools
import logging
import secrets
import struct
from contextlib import nullcontext

from werkzeug.exceptions import MethodNotAllowed

from odoo.exceptions import UserError
from odoo.http import content_disposition, request

from odoo.addons.base.models.ir_mail_server import MailDeliveryException

from ...tools import content as content_tools, files, ledger, links
from ...tools.event_data import Answer, EvidenceValues
from ...tools.seal import KeyProblem
from ...tools.texts import clean_text

_logger = logging.getLogger(__name__)

REMARK_LENGTH = 1000
TEXT_LENGTH = 10_000
NAME_LENGTH = 200

MOST_PIXELS = 5000
"""How wide and how high a signature may be: screens are smaller."""
FORMS = "customer_approval_forms"
KEPT_FORMS = 10
ANSWER_KEYS = "customer_approval_answer_keys"

# No other site gets the address or shows the page in a frame, and nobody keeps it.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}


def guarded(function):
    """Around each page of ours, and what we override of Odoo's own: where something is
    answered, or written down.

    Odoo lets each route be called by ``OPTIONS`` as well, and without a token against
    forged forms: it would answer in the customer's name. And customers learn that a
    page cannot be shown, and not why: the key of this server cannot be used.
    """

    @functools.wraps(function)
    def page(self, *args, **kwargs):
        if request.httprequest.method in ("OPTIONS", "TRACE"):
            raise MethodNotAllowed()
        try:
            response = function(self, *args, **kwargs)
            if hasattr(response, "flatten"):
                response.flatten()  # what the page says is found out here, too
            return response
        except KeyProblem as error:
            if request.env.user._is_internal():
                raise
            _logger.error("%s", error.detail)
            if request.dispatcher.routing_type != "http":
                raise
            return _refuse_without_key(error)

    return page


def _refuse_without_key(error):
    values = {
        "page_name": "customer_approval",
        "resend": False,
        "title": request.env._("This page cannot be shown at the moment"),
        "message": request.env._(error.args[0]),
    }
    response = render("portal_refusal", values, 503)
    response.flatten()  # as Odoo does with what a page returns
    return response


def render(template, values, status=200):
    """Return a page about approvals, in the reader's language, from left to right or
    the other way.

    :param str template: its name, without that of the addon
    """
    lang = request.env["res.lang"]._get_data(code=request.env.lang)
    html_data = {"lang": request.env.lang.replace("_", "-")}
    if lang.direction == "rtl":
        html_data["dir"] = "rtl"
    response = request.render(
        f"customer_approval_gate.{template}", {"html_data": html_data, **values}
    )
    response.status_code = status
    return secure(response)


def secure(response):
    """Add the headers that pages about approvals have.

    :return: the response
    """
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


class AnswerForm:
    """The form in which the customer answers: on their page and on our screen."""

    # ------------------------------------------------------------------
    # What is sent, is shown on a page of its own
    # ------------------------------------------------------------------

    def _attempt(self, function, undo=True):
        """Do what a form asks for.

        :param bool undo: whether what was written goes if it fails; what counts
            attempts has to stay
        :return: what the function returned, and why it was not done, for people
        :rtype: tuple
        """
        try:
            with request.env.cr.savepoint() if undo else nullcontext():
                return function(), ""
        except UserError as error:
            reason = str(error)
        except (OSError, MailDeliveryException):
            # A mail server, a printer, the store of files.
            _logger.warning("Something needed cannot be reached", exc_info=True)
            reason = request.env._(
                "Something we need for this cannot be reached at the moment. What you "
                "entered is still here: please send it again in a few minutes."
            )
        request.env.invalidate_all()
        return None, reason

    def _show_again(self, form, url, post=None, **shown):
        """Go back to the page of a form: it can be loaded again, and keeps what was
        typed.

        :param str form: which form, and whose
        :param str url: of the page, with the place to scroll to
        :param dict post: what was typed
        :param shown: what the page says: ``error``, ``notice`` and ``status`` once;
            ``code_sent`` as long as the form is open
        """
        kept = request.session.get(FORMS) or {}
        typed = {
            name: value[:TEXT_LENGTH]
            for name, value in (post or {}).items()
            if name not in ("csrf_token", "signature", "code", "password")
        }
        forms = {**kept, form: {"typed": typed, **shown}}
        request.session[FORMS] = dict(list(forms.items())[-KEPT_FORMS:])
        return secure(request.redirect(url))

    def _take_form(self, form):
        """Return what ``_show_again()`` kept, each message once."""
        forms = request.session.get(FORMS) or {}
        kept = forms.get(form) or {}
        if kept.keys() & {"error", "notice", "status"}:
            rest = {name: kept[name] for name in ("typed", "code_sent") if name in kept}
            request.session[FORMS] = {**forms, form: rest}
        return kept

    def _forget_form(self, form):
        forms = dict(request.session.get(FORMS) or {})
        if forms.pop(form, None):
            request.session[FORMS] = forms

    # ------------------------------------------------------------------
    # Whoever was not shown that they have answered is told so
    # ------------------------------------------------------------------

    def _prepare_signing(self, approval):
        """Give this browser something by which it is known again, if its answer is
        recorded and the page after it is not shown."""
        name = self._get_answer_keys_name()
        keys = request.session.get(name) or {}
        if str(approval.id) not in keys:
            keys = {**keys, str(approval.id): secrets.token_urlsafe(16)}
            request.session[name] = dict(list(keys.items())[-KEPT_FORMS:])

    def _get_answer_keys_name(self):
        # Whoever logs in to the same browser afterwards is somebody else.
        return f"{ANSWER_KEYS}_{request.session.uid or 0}"

    def _get_answer_key(self, approval):
        keys = request.session.get(self._get_answer_keys_name()) or {}
        key = keys.get(str(approval.id))
        return key and links.answer_key(approval, key)

    def _sign_answer(self, approval, approver):
        """Keep which browser has answered.

        :param approval: the request whose page it was
        :param approver: who has answered: of another one, if they chose other options
        """
        if key := self._get_answer_key(approval):
            approver.sudo().write(EvidenceValues(answer_key=key))  # no evidence

    def _find_own_answer(self, approval):
        """Return the approver whose answer this very browser has sent, or none."""
        key = self._get_answer_key(approval)
        approvers = request.env["customer.approval.approver"].sudo()  # by a secret
        if not key:
            return approvers
        return approvers.search(
            [("answer_key", "=", key)], order="decided_on desc", limit=1
        )

    # ------------------------------------------------------------------
    # What is read
    # ------------------------------------------------------------------

    def _clean(self, post):
        """Return the values of a form that are text, without characters that nobody
        types, one of which PostgreSQL does not take."""
        return {
            name: value if name == "password" else clean_text(value)
            for name, value in post.items()
            if isinstance(value, str)
        }

    def _read_answer(self, approval, approver, method, post, **who):
        """Return what was typed as an ``Answer``.

        :param post: the values of the form
        :param who: ``partner`` or ``witness`` of the answer
        :raise UserError: something is missing, or was not meant so
        """
        decision = post.get("decision") or ""
        if "approved" in decision:
            self._check_consent(approval, approver, post)
            self._check_total(approval, post)
        signature = post.get("signature")
        self._check_image(signature)
        return Answer(
            decision,
            (post.get("name") or "")[:NAME_LENGTH],
            method,
            reason=(post.get("reason") or "")[:TEXT_LENGTH],
            conditions=(post.get("conditions") or "")[:TEXT_LENGTH],
            signature=signature,
            approver=approver,
            category=self._read_category(approval, decision, post),
            remarks=self._read_remarks(approval, post),
            chosen=self._read_choice(approval, post),
            **who,
        )

    def _check_consent(self, approval, approver, post):
        if not post.get("consent"):
            raise UserError(
                request.env._("Please tick that you agree before you approve.")
            )
        shown = post.get("consent_digest")
        if shown and shown != ledger.sha256(approval._get_consent(approver)):
            raise UserError(
                request.env._(
                    "The words you agree to have changed. Please read them again."
                )
            )

    def _check_total(self, approval, post):
        """What is approved is the total that was on the screen."""
        if not post.get("options"):
            return
        totals = self._get_totals(approval, self._read_choice(approval, post))
        if post.get("shown_total") != totals["value"]:
            raise UserError(
                request.env._(
                    "With your choice the total is %(total)s. Please have a look, "
                    "and send your answer again.",
                    total=totals["total"],
                )
            )

    def _read_choice(self, approval, post):
        """Return the ids of the optional lines that were ticked, or ``None`` where
        there was nothing to choose."""
        if not post.get("options"):
            return None
        optional = approval._get_document()._get_optional_lines()
        return [line.id for line in optional if post.get(f"option_{line.id}")]

    def _get_totals(self, approval, chosen):
        """Return the totals with these optional lines, as they are shown."""
        document = approval._get_document()
        optional = document._get_optional_lines()
        wanted = optional.filtered(lambda line: line.id in (chosen or ()))
        totals = document._get_totals_of_choice(wanted)
        shown = {
            name: approval.currency_id.format(amount) for name, amount in totals.items()
        }
        return {
            **shown,
            "value": document._format_decimals(
                totals["total"], approval.currency_id.decimal_places
            ),
        }

    def _read_category(self, approval, decision, post):
        if decision not in ledger.DECISIONS[2:]:
            return None
        choice = self._get_categories(approval)
        typed = post.get("category_id") or ""
        category = choice.filtered(lambda own: str(own.id) == typed)
        # Why comes first: without it, it is asked for.
        if choice and not category and (post.get("reason") or "").strip():
            raise UserError(request.env._("Please choose what it is about."))
        return category

    def _get_categories(self, approval):
        Category = request.env["customer.approval.category"]
        return Category.sudo()._get_choice(approval.company_id)  # shown to customers

    def _read_remarks(self, approval, post):
        remarks = {}
        for line in ledger.flat(approval.content)["lines"]:
            key = str(line["line_id"])
            text = (post.get(f"remark_{key}") or "").strip()[:REMARK_LENGTH]
            if text:
                remarks[key] = text
        return remarks

    def _check_image(self, signature):
        if not signature:
            return
        try:
            content = binascii.a2b_base64(signature, strict_mode=True)
        except (binascii.Error, ValueError) as error:
            raise UserError(
                request.env._("The signature cannot be read. Please sign again.")
            ) from error
        if (
            files.kind_of("", content) != "image/png"
            or not content.startswith(b"\x89PNG")
            or len(content) > 1_000_000
            # A small file may be a large image, which takes the memory of the server.
            or max(struct.unpack(">II", content[16:24].ljust(8, b"\xff"))) > MOST_PIXELS
        ):
            raise UserError(
                request.env._("The signature cannot be read. Please sign again.")
            )

    def _get_files(self, approval, url):
        """Return the files with what the page needs to know.

        :param str url: of the page
        """
        result = []
        for file in approval.attachment_ids.sudo():  # shown to who may see the request
            kind = files.kind_of(file.name, file.raw or b"")
            result.append(
                {
                    "name": file.name,
                    "url": f"{url}/files/{file.id}",
                    "is_image": kind.startswith("image/")
                    and kind in files.SHOWN_IN_PLACE,
                    "is_pdf": kind == "application/pdf",
                }
            )
        return result

    def _send_file(self, approval, file_id, download):
        """Return a file of the request, or ``None``. What could run in the browser is
        downloaded, whatever it is called."""
        file = approval.attachment_ids.sudo().filtered(lambda own: own.id == file_id)
        if not file:
            return None
        data = file.raw or b""
        in_place = not download and files.is_shown_in_place(file.name, data)
        kind = files.kind_of(file.name, data)
        response = request.make_response(
            data,
            headers=[
                ("Content-Type", kind if in_place else "application/octet-stream"),
                (
                    "Content-Disposition",
                    content_disposition(
                        file.name, "inline" if in_place else "attachment"
                    ),
                ),
            ],
        )
        secure(response)
        # The page itself shows it.
        response.headers["Content-Security-Policy"] = "frame-ancestors 'self'"
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        return response

    def _get_form_values(self, approval, approver, post=None):
        """Return what the form needs."""
        post = post or {}
        document = approval._get_document()
        optional = chosen = request.env["customer.approval.line.mixin"]
        if approval._has_document():
            optional = document._get_optional_lines()
            chosen = document._get_chosen_lines()
        if post.get("options"):
            chosen = optional.filtered(
                lambda line: line.id in self._read_choice(approval, post)
            )
        consent = approval._get_consent(approver)
        return {
            "approval": approval,
            "approver": approver,
            "categories": self._get_categories(approval),
            "chosen": chosen,
            "consent": consent,
            "consent_digest": ledger.sha256(consent),
            "document": document,
            "line_name": content_tools.line_name,
            "optional": optional,
            "priced_lines": [
                line
                for line in ledger.flat(approval.content)["lines"]
                if line["kind"] == "product"
            ],
            "totals": self._get_totals(approval, chosen.ids) if optional else None,
            "typed": post,
        }
