# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json
from operator import methodcaller

from odoo import api, models
from odoo.fields import Domain

from ...tools import capability, fonts, ledger
from ...tools.event_data import EventData, EvidenceValues
from ...tools.languages import find_lang
from ...tools.ledger import DECISIONS


class CustomerApprovalCertificateMixin(models.AbstractModel):
    """The certificate of an answer: printed, kept, and mailed to both sides.

    Of its host, the request, it asks the fields of a decision, ``approver_ids``,
    ``_record()``, ``_mail()`` and ``_get_document()``.
    """

    _name = "customer.approval.certificate.mixin"
    _description = "What Is Certified of a Request"

    # ------------------------------------------------------------------
    # Verification
    # ------------------------------------------------------------------

    def _get_lang(self):
        """Return the language in which the customer was asked, or another that is
        active."""
        return find_lang(self.env, self.lang, self.partner_id.lang)

    def _get_time_zone(self):
        """Return the time zone in which the customer reads times."""
        return (
            self.partner_id.tz
            or self.partner_id.commercial_partner_id.tz
            or self.company_id.partner_id.tz
            or self.user_id.tz
            or "UTC"
        )

    def _find_unprintable_names(self):
        """Return the names for which this server has no font, with what can be read
        anywhere beside them."""
        self.ensure_one()
        names = [
            self.decided_by_name,
            self.partner_id.name,
            self.company_id.name,
            *self.approver_ids.mapped("decided_by_name"),
            *self.approver_ids.partner_id.mapped("name"),
        ]
        return [
            (name, json.dumps(name).strip('"'))
            for name in fonts.find_unprintable(dict.fromkeys(filter(None, names)))
        ]

    # ------------------------------------------------------------------
    # Certificates
    # ------------------------------------------------------------------

    @api.model
    def _cron_make_certificates(self):
        """Make the certificates of the latest answers, and mail the answers to both
        sides. One answer after the other, printed outside of any lock."""
        can_print = self.env["ir.actions.report"]._can_print_approvals()
        domain = Domain("state", "in", DECISIONS) & Domain(
            "certificate_done", "=", False
        )
        if not can_print:
            domain &= Domain("answer_mailed", "=", False)
        self.env["customer.approval.failure"]._run(
            "certificate",
            self.search(domain, order="id"),
            methodcaller("_certify" if can_print else "_mail_answer"),
            on_failure=lambda request, reason: request._after_certificate_failure(
                reason
            ),
        )

    def _certify(self):
        """Print, store and mail, as a job does."""
        pdfs = self._print_certificate()
        # Printing takes seconds. What others have written meanwhile has to be seen, or
        # the events of this would collide with theirs.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        capability.call(self._store_certificate, pdfs)

    def _print_certificate(self):
        """Return the certificate, and the version that was answered, as PDF.

        :return: ``{field: bytes}``
        :raise UserError: one of them cannot be printed
        """
        self.ensure_one()
        return {
            "document_pdf_id": self._print(
                "customer_approval_gate.action_report_version"
            ),
            "certificate_id": self._print(
                "customer_approval_gate.action_report_certificate"
            ),
        }

    @capability.required
    def _store_certificate(self, pdfs):
        """Keep the certificate of the answer, and mail it: there is one for a decision,
        and whoever comes second leaves it alone.

        :param dict pdfs: as ``_print_certificate()`` returns them
        """
        self.ensure_one()
        request = self.sudo()  # files of nobody's, and of the request only
        if request.certificate_done:
            return
        names = {
            "document_pdf_id": self.document_name,
            "certificate_id": self.env._("Certificate"),
        }
        files = self.env["ir.attachment"].sudo()  # as above
        vals = {
            field: files.create(
                {
                    "name": f"{names[field]} {self.name}.pdf".replace("/", "-"),
                    "raw": pdf,
                    "mimetype": "application/pdf",
                    "res_model": self._name,
                    "res_id": self.id,
                }
            ).id
            for field, pdf in pdfs.items()
        }
        request._record(
            EvidenceValues(certificate_done=True, **vals),
            EventData(
                request._get_document(),
                "certified",
                request,
                details={field: ledger.sha256(pdf) for field, pdf in pdfs.items()},
            ),
        )
        request._get_document()._close_for_staff("certificate")
        request._mail_answer()

    def _print(self, report):
        """Return a report as PDF in the customer's language and time zone.

        :raise UserError: it cannot be printed
        """
        self.ensure_one()
        reports = self.env["ir.actions.report"].sudo()  # whoever may see the request
        reports = reports.with_context(lang=self._get_lang(), tz=self._get_time_zone())
        return reports._print_approval(report, self)

    def _after_certificate_failure(self, reason):
        """Nobody waits for the printer to hear of the answer."""
        self._mail_answer()
        self._notify_staff(
            self.env._(
                "The certificate of %(request)s could not be made yet: %(reason)s It "
                "is tried again by itself.",
                request=self.display_name,
                reason=reason,
            ),
            topic="certificate",
        )

    def _mail_answer(self):
        """Mail the answer to both sides, once, with its certificate if there is one."""
        self.ensure_one()
        request = self.sudo()  # nobody writes them
        if request.answer_mailed:
            return
        request.write(EvidenceValues(answer_mailed=True))
        approvers = request.approver_ids._filter_counted()
        certificate = request.certificate_id
        request._mail("answer", approvers, attachments=certificate)
        template = self.env.ref("customer_approval_gate.mail_template_answer_staff")
        for user in request._get_told_users().filtered("email"):
            request._notify_by_template(
                template.sudo().with_context(reader=user.name, reader_lang=user.lang),
                "answer_staff",
                approvers[:1],
                user.partner_id,
                certificate,
            )

    def action_download_certificate(self):
        """Download the certificate of the customer's answer."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": f"/my/approvals/{self.id}/certificate",
            "target": "download",
        }

    def action_download_bundle(self):
        """Download all evidence about the document, to be verified anywhere."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": f"/customer_approval/bundle/{self.id}",
            "target": "download",
        }

    @capability.required
    def _record_download(self, what):
        """Keep that evidence was taken away, by whom and when."""
        repetitions = self.env["customer.approval.repetition"].sudo()  # nobody's
        capability.call(
            repetitions._append_or_count,
            [
                EventData(request._get_document(), "downloaded", request, text=what)
                for request in self
            ],
        )

    # ------------------------------------------------------------------
    # Bundle
    # ------------------------------------------------------------------
