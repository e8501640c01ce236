# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import base64
import re

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ...tools import files, ledger, moments
from ...tools.event_data import Delivery, EventData
from ...tools.languages import find_lang
from ...tools.quantities import format_quantity
from ...tools.registry import find_document
from ...tools.texts import clean_name

MAX_PHOTOS = 10


class CustomerApprovalDelivery(models.Model):
    """The confirmation that something was delivered, or completed.

    What was confirmed is in a sealed event of the document; personal data lie beside it
    and can be erased. The row is where people and other records find it: nobody writes
    it.
    """

    _name = "customer.approval.delivery"
    _inherit = ["customer.approval.insert.only.mixin"]
    _description = "Delivery Confirmation"
    _order = "id desc"
    _is_answered_by_customers = True
    _keeps_files = True

    name = fields.Char(string="Number", required=True, readonly=True)
    res_model = fields.Char(string="Document Model", required=True, readonly=True)
    res_id = fields.Many2oneReference(
        string="Document ID", model_field="res_model", required=True, readonly=True
    )
    document_name = fields.Char(string="Document", readonly=True)
    partner_id = fields.Many2one(
        "res.partner", string="Customer", readonly=True, ondelete="restrict"
    )
    company_id = fields.Many2one("res.company", readonly=True, ondelete="restrict")
    kind_id = fields.Many2one(
        "customer.approval.delivery.kind", readonly=True, ondelete="restrict"
    )
    event_id = fields.Many2one(
        "customer.approval.event", required=True, readonly=True, ondelete="restrict"
    )
    confirmed_on = fields.Datetime(string="When", readonly=True)
    user_id = fields.Many2one(related="event_id.user_id", string="Confirmed by")
    attachment_ids = fields.One2many(
        "ir.attachment",
        "res_id",
        domain=[("res_model", "=", "customer.approval.delivery")],
        string="Photos",
        readonly=True,
    )
    received_by = fields.Char(compute="_compute_from_event", compute_sudo=True)
    signature = fields.Binary(compute="_compute_from_event", compute_sudo=True)
    place = fields.Char(compute="_compute_from_event", compute_sudo=True)
    customer_present = fields.Boolean(compute="_compute_from_event", compute_sudo=True)
    remarks = fields.Text(compute="_compute_from_event", compute_sudo=True)
    lines = fields.Json(compute="_compute_from_event", compute_sudo=True)
    lines_text = fields.Text(
        string="Items", compute="_compute_from_event", compute_sudo=True
    )

    _event_uniq = models.UniqueIndex("(event_id)")
    _document_idx = models.Index("(res_model, res_id)")

    @api.depends("event_id")
    def _compute_from_event(self):
        personal = self.env["customer.approval.event"]._read_personal(self.event_id.ids)
        for delivery in self:
            details = delivery.event_id.details or {}
            who = (personal.get(delivery.event_id.id) or {}).get("value") or {}
            delivery.received_by = who.get("name")
            delivery.signature = who.get("signature") or False
            place = [who.get("place"), " ".join(who.get("position") or ())]
            delivery.place = ", ".join(filter(None, place))
            delivery.customer_present = details.get("present")
            delivery.remarks = details.get("remarks")
            delivery.lines = details.get("lines")
            delivery.lines_text = "\n".join(
                f"{format_quantity(self.env, line['quantity'])} {line['unit']}  "
                f"{line['description']}"
                for line in details.get("lines", [])
            )

    # ------------------------------------------------------------------
    # Confirming
    # ------------------------------------------------------------------

    @api.model
    def _record(self, document, delivery):
        """Keep that something was delivered, or completed. The one way a confirmation
        comes to be.

        :param document: the document, with superuser rights; the caller found out who
            confirms
        :param delivery: a ``Delivery``
        :return: the confirmation
        :raise AccessError: something else was given: only the page on which deliveries
            are confirmed can make one
        :raise UserError: something is missing, or more is confirmed than is left
        """
        if not isinstance(delivery, Delivery):
            raise AccessError(
                self.env._("Deliveries are confirmed on their page: use the button.")
            )
        document._lock_content()
        if known := self._find_by_form(document, delivery):
            return known  # whoever was not shown that it is done, sends it again
        lines = document._check_delivery(delivery)
        self._check_photos(delivery)
        confirmed_on = fields.Datetime.now()
        number = self.env["ir.sequence"].next_by_code("customer.approval.delivery")
        details = {
            "name": number,
            "kind_id": delivery.kind.id,
            "kind": delivery.kind.with_context(lang=None).name,
            "lines": lines,
            "present": bool(delivery.present),
            "remarks": delivery.remarks.strip() or None,
            "partner_id": delivery.partner.id if delivery.partner else None,
            "document": document.display_name,
            "customer_id": document.partner_id.id,
            "company_id": document.company_id.id,
            "form": delivery.form and ledger.sha256(delivery.form) or None,
            "photos": [
                {"name": name, "size": len(data), "sha256": ledger.sha256(data)}
                for name, data in delivery.photos
            ],
        }
        personal = {
            "name": clean_name(delivery.name),
            "signature": delivery.signature or None,
            "place": delivery.place.strip() or None,
            "position": list(delivery.position) or None,
        }
        event_id = self.env["customer.approval.event"]._append(
            [
                EventData(
                    document,
                    "delivery_confirmed",
                    text=f"{number}: {details['kind']}",
                    method=delivery.method,
                    details=details,
                    personal=personal,
                    occurred_on=confirmed_on,
                )
            ]
        )[0]
        row = self._insert_row(
            {
                "name": number,
                "res_model": document._name,
                "res_id": document.id,
                "document_name": details["document"],
                "partner_id": details["customer_id"],
                "company_id": details["company_id"],
                "kind_id": details["kind_id"],
                "event_id": event_id,
                "confirmed_on": confirmed_on,
            }
        )
        # As they were taken: their digests are in the event.
        Attachment = self.env["ir.attachment"].with_context(image_no_postprocess=True)
        Attachment.create(
            [
                {
                    "name": name,
                    "raw": data,
                    "res_model": self._name,
                    "res_id": row.id,
                }
                for name, data in delivery.photos
            ]
        )
        row._after_confirmation(document)
        return row

    @api.model
    def _find_by_form(self, document, delivery):
        """Return the confirmation that this very form made already, or none."""
        if not delivery.form:
            return self.browse()
        form = ledger.sha256(delivery.form)
        rows = self.search(
            [("res_model", "=", document._name), ("res_id", "=", document.id)]
        )
        return rows.filtered(lambda row: row.event_id.details.get("form") == form)[:1]

    @api.model
    def _insert_row(self, values):
        self.env.cr.execute(
            SQL(
                "INSERT INTO customer_approval_delivery (%s) VALUES (%s) RETURNING id",
                SQL(", ").join(SQL.identifier(name) for name in values),
                SQL(", ").join(SQL("%s", value) for value in values.values()),
            )
        )
        return self.browse(self.env.cr.fetchone()[0])

    @api.model
    def _check_photos(self, delivery):
        if len(delivery.photos) > MAX_PHOTOS:
            raise UserError(
                self.env._(
                    "%(count)s photos at most, please.",
                    count=MAX_PHOTOS,
                )
            )
        for name, data in delivery.photos:
            files.check_upload(self.env, name, data)
            if not files.kind_of(name, data).startswith("image/"):
                raise UserError(
                    self.env._("%(name)s is no photo. Choose a picture.", name=name)
                )

    def _after_confirmation(self, document):
        self.ensure_one()
        document.invalidate_recordset(["delivery_ids", "delivery_confirmation"])
        document.with_context(mail_create_nosubscribe=True).message_post(
            body=self.env._(
                "%(kind)s, confirmed by %(name)s (%(number)s).",
                kind=self.kind_id.name,
                name=self.received_by,
                number=self.name,
            ),
            subtype_xmlid="mail.mt_note",
        )
        document._advance_after("delivery_confirmed")

    # ------------------------------------------------------------------
    # Evidence
    # ------------------------------------------------------------------

    def _get_verification_code(self):
        return (self.sudo().event_id.hash or "")[:32]  # shown on the certificate

    def _get_verification_url(self):
        return f"{self.get_base_url()}/approval/verify/{self._get_verification_code()}"

    @api.model
    def _find_by_code(self, code):
        """Return the confirmation that a verification code belongs to, or none."""
        if not re.fullmatch("[0-9a-f]{32}", code or ""):
            return self.browse()
        rows = self.env.execute_query(
            SQL(
                "SELECT delivery.id FROM customer_approval_delivery AS delivery"
                " JOIN customer_approval_event AS event ON event.id = delivery.event_id"
                " WHERE left(event.hash, 32) = %s"
                " AND event.kind = 'delivery_confirmed'",
                code,
            )
        )
        return self.browse(row[0] for row in rows)

    def _get_document(self):
        self.ensure_one()
        return find_document(self.env, self.res_model, self.res_id)

    @api.model
    def _iter_evidence_files(self, key=None):
        domain = Domain.TRUE
        if key:
            domain = Domain("res_model", "=", key[0]) & Domain("res_id", "=", key[1])
        for delivery in self.sudo().search(domain, order="id"):  # of all documents
            for name, content in delivery._collect_files().items():
                yield delivery.res_model, delivery.res_id, f"deliveries/{name}", content

    def _collect_files(self):
        """Return the files of a confirmation for a bundle: ``{name: bytes}``."""
        self.ensure_one()
        safe_name = ledger.safe_name
        folder = f"{safe_name(self.name)}-{self.event_id.id}"
        collected = {}
        for number, photo in enumerate(self.attachment_ids.sorted("id"), 1):
            if not photo._is_lost():
                name = f"{folder}/{number}-{safe_name(photo.name)}"
                collected[name] = photo.raw or b""
        if self.signature:
            collected[f"{folder}/signature.png"] = base64.b64decode(self.signature)
        return collected

    def _get_time_zone(self):
        return self.partner_id.tz or self.company_id.partner_id.tz or "UTC"

    def _format_moment(self, moment):
        """Return a moment as whoever reads the page reads it, with its time zone."""
        self.ensure_one()
        zone = self.env.context.get("tz") or self._get_time_zone()
        return moments.format_moment(self.env, moment, zone)

    def _get_lang(self):
        return find_lang(self.env, self.partner_id.lang)

    @api.model
    def _find_evidence_problems(self, document=None):
        """Return which confirmations do not fit their events, a line each."""
        domain, events_domain = Domain.TRUE, Domain("kind", "=", "delivery_confirmed")
        if document is not None:
            domain = Domain("res_model", "=", document._name) & Domain(
                "res_id", "in", document.ids
            )
            events_domain &= domain
        events = self.env["customer.approval.event"].sudo().search(events_domain)
        rows = self.sudo().search(domain)
        of_event = rows.grouped("event_id")
        problems = [
            f"event {event.id}: its confirmation was deleted"
            for event in events
            if event not in of_event
        ]
        for event, same in of_event.items():
            for row in same:
                if event not in events:
                    own = ["is about no event"]
                elif row != same[0]:
                    own = [f"is about the same event as {same[0].name}"]
                else:
                    own = row._find_own_problems()
                label = f"{self._name},{row.id} ({row.name})"
                problems += [f"{label}: {problem}" for problem in own]
        return problems

    def _find_own_problems(self):
        """Return what of a confirmation does not fit its event."""
        self.ensure_one()
        event, details = self.event_id, self.event_id.details
        problems = []
        # What is in an event since version 19.0.1.7.0.
        later = {
            "document": self.document_name,
            "customer_id": self.partner_id.id,
            "company_id": self.company_id.id,
        }
        if (
            (self.res_model, self.res_id) != (event.res_model, event.res_id)
            or self.name != details["name"]
            or self.kind_id.id != details["kind_id"]
            or self.confirmed_on != event.occurred_on
            or any(details.get(name, value) != value for name, value in later.items())
        ):
            problems.append("was altered")
        if lost := self.attachment_ids.filtered(lambda file: file._is_lost()):
            return [*problems, f"{lost[0].name} is missing from the file store"]
        photos = [
            (file.name, ledger.sha256(file._read_kept()))
            for file in self.attachment_ids
        ]
        expected = [(photo["name"], photo["sha256"]) for photo in details["photos"]]
        if sorted(photos) != sorted(expected):
            problems.append("its photos are not those that were taken")
        return problems

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_download_certificate(self):
        """Download the certificate of this confirmation."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": f"/my/deliveries/{self.id}/certificate",
            "target": "download",
        }

    def action_view_document(self):
        """Open the document that was delivered."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": self.res_model,
            "res_id": self.res_id,
            "view_mode": "form",
        }
