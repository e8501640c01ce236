# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import base64
import io
import json
import pathlib
import re
import zipfile
from operator import methodcaller

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...tools import capability, fonts, ledger, seal
from ...tools.entry import Entry, EvidenceValues
from ...tools.identity import read_identity
from ...tools.languages import find_lang
from ...tools.ledger import DECISIONS

CODE_LENGTH = 32
# What of a request's events is no matter of its customer.
STAFFS_KINDS = (
    "certified",
    "change_order",
    "covered",
    "downloaded",
    "gate_refused",
    "line_added",
    "mail_bounced",
    "mail_cancelled",
    "mail_failed",
    "mail_queued",
    "pass_on_refused",
    "tolerated",
)


class CustomerApprovalCertificateMixin(models.AbstractModel):
    """The certificate of an answer, and the bundle of the evidence about a document.

    Of its host, the request, it asks the fields of a decision, ``approver_ids``, the
    files, and the methods under "What it asks of its host".
    """

    _name = "customer.approval.certificate.mixin"
    _description = "What Is Certified of a Request"

    # ------------------------------------------------------------------
    # Verification
    # ------------------------------------------------------------------

    def _get_decided_event(self):
        """Return the event of the customer's answer."""
        self.ensure_one()
        events = self.env["customer.approval.event"].sudo()  # shown on certificates
        return events.search(
            [("request_id", "=", self.id), ("kind", "=", "decided")], limit=1
        )

    def _get_verification_code(self):
        """Return the code of the certificate: it says nothing but that it exists."""
        return (self._get_decided_event().hash or "")[:CODE_LENGTH]

    def _get_verification_url(self):
        return f"{self.get_base_url()}/approval/verify/{self._get_verification_code()}"

    @api.model
    def _find_by_code(self, code):
        """Return the request that a verification code belongs to, or none."""
        if not re.fullmatch(f"[0-9a-f]{{{CODE_LENGTH}}}", code or ""):
            return self.browse()
        rows = self.env.execute_query(
            SQL(
                "SELECT request_id FROM customer_approval_event"
                " WHERE left(hash, %s) = %s AND kind = 'decided'",
                SQL(str(CODE_LENGTH)),
                code,
            )
        )
        return self.browse(row[0] for row in rows)

    def _get_known_digests(self):
        """Return the SHA-256 of the files about the answer that there are, by what
        they are."""
        self.ensure_one()
        known = {self.digest.partition(":")[2]: self.env._("the content (JSON)")}
        labels = {
            "certificate_id": self.env._("the certificate"),
            "document_pdf_id": self.env._("the document as PDF"),
        }
        events = self.env["customer.approval.event"].sudo()  # as for the certificate
        for event in events.search(
            [("request_id", "=", self.id), ("kind", "=", "certified")]
        ):
            for name, digest in (event.details or {}).items():
                known[digest] = labels[name]
        return known

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

    def _get_certificate_events(self):
        self.ensure_one()
        events = self.env["customer.approval.event"].sudo()  # the request's own
        return events.search([("request_id", "=", self.id)], order="position").filtered(
            lambda event: event.kind not in STAFFS_KINDS
        )

    def _get_chain_head(self):
        events = self.env["customer.approval.event"].sudo()  # as above
        return events.search(
            [("res_model", "=", self.res_model), ("res_id", "=", self.res_id)],
            order="position desc",
            limit=1,
        )

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
            Entry(
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
        self._tell_staff(
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
                Entry(request._get_document(), "downloaded", request, text=what)
                for request in self
            ],
        )

    # ------------------------------------------------------------------
    # Bundle
    # ------------------------------------------------------------------

    def _make_bundle(self):
        """Return the evidence about the document of this request as a zip.

        :rtype: bytes
        """
        self.ensure_one()
        files, evidence = self._collect_evidence()
        evidence["files"] = {name: ledger.sha256(data) for name, data in files.items()}
        text, key = seal.make_seal(ledger.seal_text(evidence))
        evidence["seal"] = {"seal": text, "key_id": key}
        files["evidence.json"] = ledger.write_plain(evidence)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in sorted(files.items()):
                archive.writestr(name, data)
        return buffer.getvalue()

    def _collect_evidence(self):
        Event = self.env["customer.approval.event"].sudo()  # the document's whole chain
        requests = self.sudo().search(
            [("res_model", "=", self.res_model), ("res_id", "=", self.res_id)],
            order="id",
        )
        events = Event._read_rows(self.res_model, self.res_id)
        files = {
            "verify.py": pathlib.Path(ledger.__file__).read_bytes(),
            "README.txt": ledger.README.encode(),
        }
        evidence = {
            "format": ledger.FORMAT,
            "home": read_identity(self.env)[1],
            "events": events,
            "key_events": Event._read_key_events(),
            "personal": {
                str(key): value
                for key, value in Event._read_personal(
                    [event["id"] for event in events]
                ).items()
            },
            "requests": [],
            **self.env["customer.approval.checkpoint"].sudo()._get_proofs(events),
        }
        for row in requests._export_evidence():
            request = self.sudo().browse(row["id"])
            folder = f"requests/{request._get_safe_name(request.name)}-{row['id']}"
            row["content_file"] = f"{folder}/content.json"
            row["html_file"] = f"{folder}/document.html"
            content = row.pop("content")
            encode = ledger.FORMATS[content.get("format", 1)]
            files[row["content_file"]] = encode(content)
            files[row["html_file"]] = (row.pop("content_html") or "").encode()
            row["file_paths"] = []
            del row["files"]
            for number, file in enumerate(request.attachment_ids.sorted("id"), 1):
                path = f"{folder}/files/{number}-{request._get_safe_name(file.name)}"
                if not file._is_lost():
                    files[path] = file.raw or b""
                row["file_paths"].append({"name": file.name, "path": path})
            for attachment, name in (
                (request.certificate_id, "certificate.pdf"),
                (request.document_pdf_id, "document.pdf"),
            ):
                if attachment and not attachment._is_lost():
                    files[f"{folder}/{name}"] = attachment.raw or b""
            for approver in request.approver_ids:
                prefix = f"{folder}/approvers/{approver.id}"
                for number, file in enumerate(approver.proof_ids.sorted("id"), 1):
                    name = request._get_safe_name(file.name)
                    if not file._is_lost():
                        files[f"{prefix}-{number}-{name}"] = file.raw or b""
                if approver.signature:
                    files[f"{prefix}-signature.png"] = base64.b64decode(
                        approver.signature
                    )
            row["signature_file"] = None
            if request.signature:
                row["signature_file"] = f"{folder}/signature.png"
                files[row["signature_file"]] = base64.b64decode(request.signature)
            evidence["requests"].append(row)
        deliveries = self.env["customer.approval.delivery"].sudo()  # of the document
        for delivery in deliveries.search(
            [("res_model", "=", self.res_model), ("res_id", "=", self.res_id)]
        ):
            for name, content in delivery._collect_files().items():
                files[f"deliveries/{name}"] = content
        return files, evidence

    @api.model
    def _get_safe_name(self, name):
        return ledger.safe_name(name)
