# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import base64
import io
import pathlib
import re
import zipfile

from odoo import api, models
from odoo.tools import SQL

from ...tools import ledger, seal
from ...tools.identity import read_identity
from ...tools.registry import models_with

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


class CustomerApprovalBundleMixin(models.AbstractModel):
    """The evidence about a document in one file, and what proves that it exists.

    Of its host, the request, it asks the columns of a request, ``approver_ids`` and
    its files.
    """

    _name = "customer.approval.bundle.mixin"
    _description = "Evidence about a Document to Take Away"

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
            folder = f"requests/{ledger.safe_name(request.name)}-{row['id']}"
            row["content_file"] = f"{folder}/content.json"
            row["html_file"] = f"{folder}/document.html"
            content = row.pop("content")
            encode = ledger.FORMATS[content.get("format", 1)]
            files[row["content_file"]] = encode(content)
            files[row["html_file"]] = (row.pop("content_html") or "").encode()
            row["file_paths"] = []
            del row["files"]
            for number, file in enumerate(request.attachment_ids.sorted("id"), 1):
                path = f"{folder}/files/{number}-{ledger.safe_name(file.name)}"
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
                    name = ledger.safe_name(file.name)
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
        key = (self.res_model, self.res_id)
        for model in models_with(self.env, "customer.approval.evidence.mixin"):
            found = model.sudo()._iter_evidence_files(key)  # whoever may read it
            files |= {path: content for _model, _id, path, content in found}
        return files, evidence
