# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import hashlib
import json
import pathlib
import zipfile

from odoo import api, models
from odoo.fields import Domain

from ...tools import ledger, seal
from ...tools.event_data import EventData
from ...tools.registry import models_with

EXPORT_README = """\
All evidence of customers' approvals of one database

  ledger.json     all events, requests, checkpoints and public keys
  bundles/        what was asked and answered about each document, with its files
  deliveries/     signatures and photos of documents that nobody was asked about
  export.json     the list of these files, with their SHA-256
  verify.py       says what of it holds and what does not:

      python3 verify.py

It needs Python 3.8 or later and nothing else. Each bundle can be unpacked and verified
by itself as well. Read verify.py before you run it: it is short, and begins with what
it checks.
"""


class CustomerApprovalExportMixin(models.AbstractModel):
    """All evidence of a database in one file, and whether somebody has taken it away.

    Of its host, the event, it asks ``_append()``, ``_read_rows()`` and
    ``_read_personal()``.
    """

    _name = "customer.approval.export.mixin"
    _description = "All Evidence to Take Away"

    @api.model
    def _has_evidence(self):
        """Return whether customers were asked about anything, or confirmed anything."""
        return any(
            model.sudo().search_count(Domain.TRUE, limit=1)  # whoever may read them
            for model in models_with(self.env, "customer.approval.evidence.mixin")
            if model._is_answered_by_customers
        )

    @api.model
    def _write_export(self, file):
        """Write all evidence into a zip, and keep that it was taken away.

        :param file: a binary file, opened for writing
        """
        checkpoints = self.env["customer.approval.checkpoint"].sudo()
        requests = self.env["customer.approval.request"].sudo()  # all there are
        requests = requests.search(Domain.TRUE, order="id")
        self.env.flush_all()
        events = self._read_rows()
        data = {
            "events": events,
            "personal": {
                str(key): value for key, value in self._read_personal().items()
            },
            "requests": requests._export_evidence(),
            "checkpoints": checkpoints._read_rows(),
            "keys": self._get_keys(),
            "leaves": [list(leaf) for leaf in checkpoints._read_all_leaves()],
        }
        digests = {}
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:

            def write(name, content):
                digests[name] = hashlib.sha256(content).hexdigest()
                archive.writestr(name, content)

            write("ledger.json", json.dumps(data, sort_keys=True).encode())
            write("verify.py", pathlib.Path(ledger.__file__).read_bytes())
            write("README.txt", EXPORT_README.encode())
            documents = set()
            for request in requests:
                key = (request.res_model, request.res_id)
                if key not in documents:
                    documents.add(key)
                    name = ledger.safe_name(request.document_name)
                    write(
                        f"bundles/{key[0]}-{key[1]}-{name}.zip", request._make_bundle()
                    )
                    # All files of a database do not fit into memory.
                    self.env.invalidate_all()
            for model in models_with(self.env, "customer.approval.evidence.mixin"):
                files = model.sudo()._iter_evidence_files()  # as above
                for res_model, res_id, path, content in files:
                    if (res_model, res_id) not in documents:
                        write(path, content)
            export = {"files": digests}
            text, key = seal.make_seal(ledger.seal_text(export))
            export["seal"] = {"seal": text, "key_id": key}
            archive.writestr("export.json", ledger.write_plain(export))
        self._append(
            [
                EventData(
                    self.browse(),
                    "exported",
                    details={"last_event_id": max(row["id"] for row in events)},
                )
            ]
        )

    @api.model
    def _is_exported(self):
        """Return whether all evidence was taken away, and none has come since."""
        exported = self.search([("kind", "=", "exported")], limit=1)
        if not exported:
            return False
        return not self.search_count(
            [
                ("id", ">", exported.details["last_event_id"]),
                ("kind", "not in", ledger.UNSEALED_KINDS),
            ],
            limit=1,
        )
