# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import SQL

from ...tools import (
    ledger,
)


class CustomerApprovalFrozenMixin(models.AbstractModel):
    """A request as plain data, for digests, *Verify* and bundles, and its files.

    Of its host, the request, it asks the columns of a request.
    """

    _name = "customer.approval.frozen.mixin"
    _description = "What Is Frozen of a Request"

    def _adopt_files(self):
        """Let the copies of files belong to their requests, so that whoever may read
        the one may read the other, and nobody may change them."""
        for request in self:
            request.attachment_ids.sudo().write(  # nobody's so far
                {"res_model": self._name, "res_id": request.id}
            )

    def _export_evidence(self):
        """Return the requests as plain data, for digests, *Verify* and bundles, from
        the database itself."""
        if not self:
            return []
        self.flush_recordset()
        columns = (
            "id",
            *(name for name in ledger.FROZEN_FIELDS if name != "partner_ids"),
            *ledger.DECISION_FIELDS,
            *ledger.PERSONAL_FIELDS,
            "state",
            "content",
            "content_html",
            "conditions_accepted_by_id",
            "conditions_accepted_on",
            "lapsed_on",
            "certificate_id",
            "document_pdf_id",
        )
        rows = self.env.execute_query_dict(
            SQL(
                "SELECT %s FROM customer_approval_request"
                " WHERE id = ANY(%s) ORDER BY id",
                SQL(", ").join(SQL.identifier(name) for name in columns),
                list(self.ids),
            )
        )
        partners = self._read_relation("partner_ids")
        files = self._read_relation("attachment_ids")
        descriptions = self._describe_files(set().union(*files.values(), []))
        approvers = self.env["customer.approval.approver"].sudo()  # the requests' own
        approvers = approvers.search([("request_id", "in", self.ids)])
        approvers = approvers._export_evidence()
        lost = self._find_lost_files()
        for row in rows:
            for name, value in row.items():
                if hasattr(value, "isoformat"):
                    is_date = self._fields[name].type == "date"
                    row[name] = (
                        fields.Date.to_string(value)
                        if is_date
                        else value.isoformat(
                            " "
                        )  # with fractions, if somebody adds any
                    )
            row["amount_total"] = format(
                Decimal(row["amount_total"] or 0).normalize(), "f"
            )
            if row["signature"]:
                row["signature"] = ledger.sha256(bytes(row["signature"]))
            for name in ("certificate", "document_pdf"):
                key = row.pop(f"{name}_id")
                row[name] = key and self._describe_files([key])[key]["sha256"]
            row["partner_ids"] = sorted(partners.get(row["id"], []))
            row["files"] = [
                descriptions[key] for key in sorted(files.get(row["id"], []))
            ]
            row["approvers"] = approvers.get(row["id"], [])
            if row["id"] in lost:
                row["lost_files"] = lost[row["id"]]
        return rows

    @api.model
    def _describe_files(self, ids):
        """Return names, sizes and digests of attachments, by their ids; those that
        are gone have none."""
        files = self.env["ir.attachment"].sudo()  # copies of the requests' own
        described = {key: {"name": "", "size": 0, "sha256": ""} for key in sorted(ids)}
        for file in files.browse(described).exists():
            content = file._read_kept()
            described[file.id] = {
                "name": file.name,
                "size": len(content),
                "sha256": ledger.sha256(content),
            }
        return described

    def _find_lost_files(self):
        """Return the names of files that are not in the file store any more, by the
        ids of the requests: what is lost is not what somebody has altered."""
        lost = {}
        for request in self.sudo():  # the requests' own
            files = request.attachment_ids | request.approver_ids.proof_ids
            files |= request.certificate_id | request.document_pdf_id
            for file in files:
                if file._is_lost():
                    lost.setdefault(request.id, []).append(file.name)
        return lost

    @api.model
    def _read_relation(self, name, records=None):
        """Return a many2many, by the ids of the records, from the table itself.

        :param records: by default these requests
        """
        records = self if records is None else records
        field = records._fields[name]
        rows = self.env.execute_query(
            SQL(
                "SELECT %(own)s, array_agg(%(other)s) FROM %(table)s"
                " WHERE %(own)s = ANY(%(ids)s) GROUP BY %(own)s",
                own=SQL.identifier(field.column1),
                other=SQL.identifier(field.column2),
                table=SQL.identifier(field.relation),
                ids=list(records.ids),
            )
        )
        return dict(rows)
