# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from odoo.addons.mail.controllers.attachment import AttachmentController

from ..tools import files


class CustomerApprovalAttachments(AttachmentController):
    @http.route()
    def mail_attachment_upload(
        self, ufile, thread_id, thread_model, is_pending=False, **kwargs
    ):
        """Files that customers bring into the conversation about a request: kind and
        size are checked."""
        if thread_model == "customer.approval.request":
            data = ufile.read(files.MEGABYTES * 1024 * 1024 + 1)
            ufile.seek(0)
            try:
                files.check_upload(request.env, ufile.filename, data)
            except UserError as error:
                return request.make_json_response({"error": str(error)})
        return super().mail_attachment_upload(
            ufile, thread_id, thread_model, is_pending=is_pending, **kwargs
        )
