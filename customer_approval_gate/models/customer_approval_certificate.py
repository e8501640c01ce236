# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a request gives to take away: the certificate, and the evidence bundle."""

import base64
import io
import json
import logging
import pathlib
import re
import zipfile

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import ledger
from ..tools.entry import Entry, EvidenceValues
from ..tools.ledger import DECISIONS

_logger = logging.getLogger(__name__)

CODE_LENGTH = 32
# What of a request's events is no matter of its customer.
STAFFS_KINDS = (
    "certified",
    "change_order",
    "covered",
    "downloaded",
    "gate_refused",
    "mail_bounced",
    "pass_on_refused",
    "tolerated",
)

README = """\
Evidence of a customer's approval

  evidence.json   the events, the requests, the checkpoints, the public keys
  requests/       what was asked, as data, as it was shown, the files, the certificate
  verify.py       says what of it holds and what does not:

      python3 verify.py

It needs Python 3.8 or later and nothing else. Read it before you run it: it is short,
and begins with what it checks.
"""


class CustomerApprovalRequest(models.Model):
    _inherit = "customer.approval.request"

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

    def _get_time_zone(self):
        """Return the time zone in which the customer reads times."""
        return (
            self.partner_id.tz
            or self.company_id.partner_id.tz
            or self.user_id.tz
            or "UTC"
        )

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
        """Make the certificates of the latest answers, and mail them to both sides."""
        domain = Domain("state", "in", DECISIONS) & Domain(
            "certificate_done", "=", False
        )
        requests = self.search(domain, order="id", limit=100)
        self.env["ir.cron"]._commit_progress(remaining=self.search_count(domain))
        for request in requests:
            if request.try_lock_for_update().filtered_domain(domain):
                request._make_certificate()
            if not self.env["ir.cron"]._commit_progress(processed=1):
                break

    def _make_certificate(self):
        """Print the certificate and the version that was answered, as far as this
        machine can print, and mail the certificate."""
        self.ensure_one()
        request = self.sudo()  # files of nobody's, and of the request only
        vals = {"certificate_done": True}
        for field, report, name in (
            ("document_pdf_id", "action_report_version", self.document_name),
            ("certificate_id", "action_report_certificate", self.env._("Certificate")),
        ):
            if pdf := request._print(f"customer_approval_gate.{report}"):
                vals[field] = (
                    self.env["ir.attachment"]
                    .sudo()
                    .create(
                        {
                            "name": f"{name} {self.name}.pdf".replace("/", "-"),
                            "raw": pdf,
                            "mimetype": "application/pdf",
                            "res_model": self._name,
                            "res_id": self.id,
                        }
                    )
                    .id
                )
        request._record(
            EvidenceValues(vals),
            Entry(
                request._get_document(),
                "certified",
                request,
                details={
                    name: ledger.sha256(request.env["ir.attachment"].browse(value).raw)
                    for name, value in vals.items()
                    if name != "certificate_done"
                },
            ),
        )
        request._mail_certificate()

    def _print(self, report):
        """Return a report as PDF in the customer's language, or ``None`` where it
        cannot be printed: a PDF is never a reason to fail."""
        self.ensure_one()
        reports = self.env["ir.actions.report"]
        if reports.get_wkhtmltopdf_state() == "install":
            return None
        reports = reports.with_context(lang=self.lang, tz=self._get_time_zone())
        try:
            with self.env.cr.savepoint():
                return reports._render_qweb_pdf(report, self.ids)[0]
        except (UserError, OSError, ValueError):
            _logger.warning(
                "%s of %s could not be printed", report, self.name, exc_info=1
            )
            return None

    def _mail_certificate(self):
        """Mail the answer and its certificate to both sides."""
        self.ensure_one()
        approvers = self.approver_ids._filter_counted()
        self._mail("answer", approvers, attachments=self.certificate_id)
        template = self.env.ref("customer_approval_gate.mail_template_answer").sudo()
        for user in self._get_told_users().filtered("email"):
            self._notify_by_template(
                template, approvers[:1], user.partner_id, False, self.certificate_id
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

    def _record_download(self, what):
        """Keep that evidence was taken away, by whom and when."""
        self.env["customer.approval.event"].sudo()._append(
            [
                Entry(request._get_document(), "downloaded", request, text=what)
                for request in self
            ]
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
        evidence["other_files"] = {}
        for name, data in files.items():
            if name not in evidence["covered_files"]:
                evidence["other_files"][name] = ledger.sha256(data)
        del evidence["covered_files"]
        evidence["file_names"] = sorted([*files, "evidence.json"])
        evidence["manifest"] = ledger.manifest_digest(evidence)
        files["evidence.json"] = json.dumps(evidence, indent=1, sort_keys=True).encode()
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
            "README.txt": README.encode(),
        }
        evidence = {
            "events": events,
            "key_events": Event._read_rows("customer.approval.event", 0),
            "personal": {
                str(key): value
                for key, value in Event._read_personal(
                    [event["id"] for event in events]
                ).items()
            },
            "checkpoints": self.env["customer.approval.checkpoint"].sudo()._read_rows(),
            "proofs": self.env["customer.approval.checkpoint"]
            .sudo()
            ._get_proofs(events),
            "requests": [],
            "covered_files": set(),
        }
        for row in requests._export_evidence():
            request = self.sudo().browse(row["id"])
            folder = f"requests/{request._get_safe_name(request.name)}-{row['id']}"
            row["content_file"] = f"{folder}/content.json"
            row["html_file"] = f"{folder}/document.html"
            files[row["content_file"]] = ledger.canonical(row.pop("content"))
            files[row["html_file"]] = (row.pop("content_html") or "").encode()
            row["file_paths"] = []
            del row["files"]
            for number, file in enumerate(request.attachment_ids.sorted("id"), 1):
                path = f"{folder}/files/{number}-{request._get_safe_name(file.name)}"
                files[path] = file.raw or b""
                row["file_paths"].append({"name": file.name, "path": path})
            evidence["covered_files"] |= {
                row["content_file"],
                row["html_file"],
                *(file["path"] for file in row["file_paths"]),
            }
            for attachment, name in (
                (request.certificate_id, "certificate.pdf"),
                (request.document_pdf_id, "document.pdf"),
            ):
                if attachment:
                    files[f"{folder}/{name}"] = attachment.raw
            for approver in request.approver_ids:
                prefix = f"{folder}/approvers/{approver.id}"
                for number, file in enumerate(approver.proof_ids.sorted("id"), 1):
                    name = request._get_safe_name(file.name)
                    files[f"{prefix}-{number}-{name}"] = file.raw or b""
                if approver.signature:
                    files[f"{prefix}-signature.png"] = base64.b64decode(
                        approver.signature
                    )
            row["signature_file"] = None
            if request.signature:
                row["signature_file"] = f"{folder}/signature.png"
                files[row["signature_file"]] = base64.b64decode(request.signature)
                evidence["covered_files"].add(row["signature_file"])
            evidence["requests"].append(row)
        deliveries = self.env["customer.approval.delivery"].sudo()  # of the document
        for delivery in deliveries.search(
            [("res_model", "=", self.res_model), ("res_id", "=", self.res_id)]
        ):
            folder = f"deliveries/{self._get_safe_name(delivery.name)}"
            for number, photo in enumerate(delivery.attachment_ids.sorted("id"), 1):
                name = self._get_safe_name(photo.name)
                files[f"{folder}/{number}-{name}"] = photo.raw or b""
            if delivery.signature:
                files[f"{folder}/signature.png"] = base64.b64decode(delivery.signature)
        return files, evidence

    @api.model
    def _get_safe_name(self, name):
        return re.sub(r"[^\w.-]+", "_", name or "").strip(".") or "file"
