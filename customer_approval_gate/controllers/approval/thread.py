# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from werkzeug.exceptions import NotFound

from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from odoo.addons.mail.controllers.attachment import AttachmentController
from odoo.addons.portal.controllers.portal_thread import PortalChatter

from ...tools import files, links
from .answer_form import guarded

MODEL = "customer.approval.request"
# What of the client's parameters says which messages; nothing else is passed on.
FETCH_PARAMETERS = ("after", "around", "before", "limit", "search_term")


class CustomerApprovalConversation(PortalChatter):
    @http.route()
    @guarded
    def portal_message_fetch(self, thread_model, thread_id, fetch_params=None, **kw):
        """On the page of a request: the conversation of its document.

        :param thread_model: the model of the page's record
        :param thread_id: its id
        :param dict fetch_params: which messages, as for Odoo's own pages
        :param kw: ``token`` of the person, where nobody is logged in
        """
        if thread_model != MODEL:
            return super().portal_message_fetch(
                thread_model, thread_id, fetch_params=fetch_params, **kw
            )
        approval = self._get_thread_with_access(thread_model, thread_id, **kw)
        if not approval:
            raise NotFound()
        domain = approval._get_conversation_domain(self._get_reader(approval, kw))
        parameters = {
            name: value
            for name, value in (fetch_params or {}).items()
            if name in FETCH_PARAMETERS
        }
        # Found out above who reads, and what.
        Message = request.env["mail.message"].sudo()
        result = Message._message_fetch(domain, **parameters)
        messages = result.pop("messages")
        values = messages.portal_message_format(options=kw)
        for message in values:
            # They are shown in this thread, wherever they were written.
            message.update(
                model=MODEL,
                res_id=approval.id,
                thread={"model": MODEL, "id": approval.id},
            )
        return {
            **result,
            "data": {"mail.message": values},
            "messages": messages.ids,
        }

    def _get_reader(self, approval, kw):
        """Return the contact who reads: of the login, or of the link."""
        if not request.env.user._is_public():
            return request.env.user.partner_id
        # Whose token it is: nobody else may see approvers.
        approver = links.find_by_thread_token(approval.sudo(), kw.get("token"))
        return approver[:1].partner_id


class CustomerApprovalAttachments(AttachmentController):
    @http.route()
    @guarded
    def mail_attachment_upload(
        self, ufile, thread_id, thread_model, is_pending=False, **kwargs
    ):
        """Files that customers bring into the conversation about a request: kind and
        size are checked."""
        if thread_model == MODEL:
            data = ufile.read(files.MEGABYTES * 1024 * 1024 + 1)
            ufile.seek(0)
            try:
                files.check_upload(request.env, ufile.filename, data)
            except UserError as error:
                return request.make_json_response({"error": str(error)})
        return super().mail_attachment_upload(
            ufile, thread_id, thread_model, is_pending=is_pending, **kwargs
        )
