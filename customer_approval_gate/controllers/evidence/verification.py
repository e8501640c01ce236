# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json
import tempfile

from werkzeug.wsgi import wrap_file

from odoo import http
from odoo.http import content_disposition, request

from ...tools import capability
from ..approval.answer_form import guarded, render, secure


class CustomerApprovalVerification(http.Controller):
    @http.route("/customer_approval/bundle/<int:request_id>", type="http", auth="user")
    @guarded
    def customer_approval_bundle(self, request_id, **kwargs):
        """Download all evidence about the document of a request, as staff."""
        approval = request.env["customer.approval.request"].browse(request_id)
        if not request.env.user._is_internal() or not approval.exists():
            raise request.not_found()
        approval.check_access("read")
        capability.call(approval._record_download, request.env._("Evidence bundle"))
        return secure(
            request.make_response(
                approval._make_bundle(),
                headers=[
                    ("Content-Type", "application/zip"),
                    (
                        "Content-Disposition",
                        content_disposition(f"{approval.name}.zip"),
                    ),
                ],
            )
        )

    @http.route("/customer_approval/export", type="http", auth="user")
    @guarded
    def customer_approval_export(self, **kwargs):
        """Download all evidence of the database, as administrator."""
        if not request.env.is_system():
            raise request.not_found()
        file = tempfile.TemporaryFile()  # noqa: SIM115  the response closes it
        request.env["customer.approval.event"].sudo()._write_export(file)  # see above
        size = file.tell()
        file.seek(0)
        name = f"{request.env.cr.dbname} {request.env._('evidence')}.zip"
        return secure(
            request.make_response(
                wrap_file(request.httprequest.environ, file),
                headers=[
                    ("Content-Type", "application/zip"),
                    ("Content-Length", size),
                    ("Content-Disposition", content_disposition(name)),
                ],
            )
        )

    @http.route(
        ["/approval/verify", "/approval/verify/<string:code>"],
        type="http",
        auth="public",
        website=True,
        sitemap=False,
    )
    @guarded
    def approval_verify(self, code=None, **kwargs):
        """Say whether a certificate is genuine, and nothing of what was approved.

        :param code: the code on the certificate
        """
        code = (code or "").strip().lower()
        rates = request.env["customer.approval.rate"].sudo()  # nobody may see them
        values = {
            "code": code,
            "approval": None,
            "delivery": None,
            "genuine": False,
            "digests": "{}",
            "too_many": False,
            "page_name": "customer_approval_verify",
        }
        if code and not rates._count("verify", request.httprequest.remote_addr):
            values["too_many"] = True
            return render("verify_page", values, 429)
        # Whoever holds a certificate may ask; the page gives no content away.
        approval = request.env["customer.approval.request"].sudo()._find_by_code(code)
        if approval:
            problems = approval.env["customer.approval.event"]._verify_document(
                approval._get_document()
            )
            values |= {
                "approval": approval,
                "genuine": not problems,
                "digests": json.dumps(approval._get_known_digests()),
            }
        # As above: the code of a delivery says no more than that it was confirmed.
        delivery = request.env["customer.approval.delivery"].sudo()._find_by_code(code)
        if delivery:
            Event = delivery.env["customer.approval.event"]
            problems = Event._verify_document(delivery._get_document())
            values |= {"delivery": delivery, "genuine": not problems}
        found = approval or delivery
        return render("verify_page", values, 404 if code and not found else 200)
