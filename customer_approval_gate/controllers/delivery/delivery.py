# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import re
import secrets

from odoo import http
from odoo.http import content_disposition, request

from ...tools import files
from ...tools.event_data import Delivery
from ...tools.mails import MAIL_LATER
from ...tools.quantities import format_quantity, parse_quantity
from ..approval.answer_form import (
    NAME_LENGTH,
    TEXT_LENGTH,
    AnswerForm,
    guarded,
    render,
    secure,
)

# How long somebody who wants a PDF waits for the printer.
PRINT_SECONDS = 20
COORDINATE = re.compile(r"-?\d{1,3}(\.\d{1,10})?")


class CustomerApprovalDelivery(AnswerForm, http.Controller):
    """The page on which a delivery, or a completion, is confirmed: by staff, on a phone
    at the customer's door, and by customers who are logged in."""

    def _get_document(self, document_type, document_id):
        """Return the document with superuser rights, and the customer's contact if it
        is the customer who is there.

        :rtype: tuple
        """
        request.update_context(**MAIL_LATER)  # nobody waits for a mail server
        Stage = request.env["customer.approval.stage"].sudo()  # customers may not
        model = Stage._document_models().get(document_type)
        if not model:
            raise request.not_found()
        own = request.env[model].browse(document_id).exists()
        if not own or not own.has_access("read"):
            raise request.not_found()
        user = request.env.user
        document = own.sudo()  # found out above who it is, and what they may see
        if user._is_internal():
            document.with_env(request.env)._check_delivery_right()
            return document, None
        customer = document.partner_id.commercial_partner_id
        if user.partner_id.commercial_partner_id != customer:
            raise request.not_found()
        return document, user.partner_id

    @http.route(
        "/my/deliveries/<string:document_type>/<int:document_id>",
        type="http",
        auth="user",
        website=True,
    )
    @guarded
    def delivery_page(self, document_type, document_id, **kwargs):
        """Show what is to be confirmed; a GET confirms nothing."""
        document, partner = self._get_document(document_type, document_id)
        kept = self._take_form(self._get_form(document))
        return self._render(
            document,
            partner,
            status=kept.get("status", 200),
            confirmed=kwargs.get("confirmed"),
            error_message=kept.get("error"),
            typed=kept.get("typed") or {},
        )

    @http.route(
        "/my/deliveries/<string:document_type>/<int:document_id>/confirm",
        type="http",
        auth="user",
        methods=["POST"],
        website=True,
    )
    @guarded
    def delivery_confirm(self, document_type, document_id, **post):
        """Record what was delivered, or completed.

        :param post: ``kind_id``, ``quantity_<line id>``, ``name``, ``present``,
            ``signature``, ``remarks``, ``place``, ``latitude``, ``longitude``; files
            ``photos``
        """
        document, partner = self._get_document(document_type, document_id)
        post = self._clean(post)
        url = f"/my/deliveries/{document_type}/{document_id}"
        # Nobody may write confirmations.
        deliveries = request.env["customer.approval.delivery"].sudo()
        row, error = self._attempt(
            lambda: deliveries._record(
                document, self._read_delivery(document, partner, post)
            )
        )
        form = self._get_form(document)
        if error:
            return self._show_again(form, url, post, error=error, status=422)
        self._forget_form(form)
        return secure(request.redirect(f"{url}?confirmed={row.id}"))

    @http.route(
        "/my/deliveries/<string:document_type>/<int:document_id>/confirm",
        type="http",
        auth="user",
        methods=["GET"],
        website=True,
        sitemap=False,
    )
    @guarded
    def delivery_reload(self, document_type, document_id, **kwargs):
        """Whoever loads again what they have sent gets the page."""
        return request.redirect(f"/my/deliveries/{document_type}/{document_id}")

    def _get_form(self, document):
        return f"delivery-{document._name}-{document.id}-{request.env.uid}"

    def _read_delivery(self, document, partner, post):
        self._check_image(post.get("signature"))
        kinds = self._get_kinds(document)
        kind = kinds.filtered(lambda k: str(k.id) == post.get("kind_id"))
        position = (post.get("latitude") or "", post.get("longitude") or "")
        if not all(COORDINATE.fullmatch(part) for part in position):
            position = ()
        return Delivery(
            kind,
            self._read_quantities(document, post),
            (post.get("name") or "")[:NAME_LENGTH],
            "portal" if partner else "staff",
            present=bool(post.get("present")) or bool(partner),
            signature=post.get("signature"),
            remarks=(post.get("remarks") or "")[:TEXT_LENGTH],
            photos=self._read_photos(),
            place=(post.get("place") or "")[:NAME_LENGTH],
            position=position,
            partner=partner,
            form=(post.get("form_key") or "")[:NAME_LENGTH],
        )

    def _read_quantities(self, document, post):
        quantities = {}
        for line in document._get_delivery_items():
            typed = post.get(f"quantity_{line.id}")
            quantities[line.id] = parse_quantity(request.env, typed)
        return quantities

    def _read_photos(self):
        photos = []
        for upload in request.httprequest.files.getlist("photos"):
            data = upload.read(files.MEGABYTES * 1024 * 1024 + 1)
            if upload.filename and data:
                name = upload.filename.replace("\x00", "")[:NAME_LENGTH]
                photos.append((name, data))
        return tuple(photos)

    def _get_kinds(self, document):
        kinds = request.env["customer.approval.delivery.kind"]
        return kinds.sudo()._get_choice(document.company_id)  # shown to customers

    def _render(self, document, partner, status=200, **values):
        document.invalidate_recordset(["delivery_confirmation", "delivery_ids"])
        done = document._get_delivered_quantities()[document.id]
        confirmed = document.delivery_ids.filtered(
            lambda row: str(row.id) == values.get("confirmed")
        )
        items = [
            {
                "line": line,
                "ordered": quantity,
                "done": done[line.id],
                "left": max(quantity - done[line.id], 0.0),
            }
            for line, quantity in document._get_delivery_items().items()
        ]
        url = f"/my/deliveries/{document._stage_document_type}/{document.id}"
        back = f"/odoo/{document._name}/{document.id}"
        if partner:
            back = document.get_portal_url()
        return render(
            "delivery_page",
            {
                "document": document,
                "format_quantity": lambda value: format_quantity(request.env, value),
                "items": items,
                "kinds": self._get_kinds(document),
                "partner": partner,
                "reason": document._can_confirm_delivery(),
                "confirm_url": f"{url}/confirm",
                "back_url": back,
                "deliveries": document.delivery_ids,
                "error_message": None,
                "form_key": secrets.token_urlsafe(16),
                "typed": {},
                "no_header": True,
                "no_footer": True,
                **values,
                "confirmed": confirmed,
            },
            status,
        )

    def _get_confirmation(self, delivery_id):
        """Return a confirmation with superuser rights, if the user may see it."""
        own = request.env["customer.approval.delivery"].browse(delivery_id).exists()
        if not own or not own.has_access("read"):
            raise request.not_found()
        return own.sudo()  # photos and reports are of nobody's

    @http.route(
        "/my/deliveries/<int:delivery_id>/certificate",
        type="http",
        auth="user",
        website=True,
    )
    @guarded
    def delivery_certificate(self, delivery_id, **kwargs):
        """Download the certificate of a confirmation as PDF."""
        row = self._get_confirmation(delivery_id)
        reports = request.env["ir.actions.report"].sudo()  # customers may not print
        reports = reports.with_context(lang=row._get_lang(), tz=row._get_time_zone())
        report = "customer_approval_gate.action_report_delivery"
        pdf = None
        if reports._can_print_approvals():
            pdf, _error = self._attempt(
                lambda: reports._print_approval(report, row, seconds=PRINT_SECONDS)
            )
        end = "pdf" if pdf and pdf.startswith(b"%PDF") else "html"
        # Without a printer the same is shown as a page.
        pdf = pdf or reports._render_qweb_html(report, row.ids)[0]
        return secure(
            request.make_response(
                pdf,
                headers=[
                    (
                        "Content-Type",
                        "application/pdf" if end == "pdf" else "text/html",
                    ),
                    (
                        "Content-Disposition",
                        content_disposition(f"{row.name}.{end}".replace("/", "-")),
                    ),
                ],
            )
        )

    @http.route(
        "/my/deliveries/<int:delivery_id>/photos/<int:file_id>",
        type="http",
        auth="user",
        website=True,
    )
    @guarded
    def delivery_photo(self, delivery_id, file_id, **kwargs):
        """Show a photo of a confirmation."""
        row = self._get_confirmation(delivery_id)
        photo = row.attachment_ids.filtered(lambda file: file.id == file_id)
        if not photo:
            raise request.not_found()
        kind = files.kind_of(photo.name, photo.raw or b"")
        in_place = kind in files.SHOWN_IN_PLACE
        return secure(
            request.make_response(
                photo.raw or b"",
                headers=[
                    ("Content-Type", kind if in_place else "application/octet-stream"),
                    (
                        "Content-Disposition",
                        content_disposition(
                            photo.name, "inline" if in_place else "attachment"
                        ),
                    ),
                ],
            )
        )
