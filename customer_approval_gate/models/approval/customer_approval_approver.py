# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import base64
import json
import logging

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import (
    SQL,
    formataddr,
)

from ...tools import (
    capability,
    content as content_tools,
    ledger,
    triggers,
)
from ...tools.event_data import EventData, EvidenceValues
from ...tools.texts import clean_name

_logger = logging.getLogger(__name__)

CONSENTING_METHODS = ("portal", "code", "link", "in_person")


class CustomerApprovalApprover(models.Model):
    """One person who is asked in a request, with a link of their own.

    Like requests, nobody creates, writes or deletes them: they are evidence.
    """

    _name = "customer.approval.approver"
    _inherit = [
        "customer.approval.code.mixin",
        "customer.approval.delegate.mixin",
        "customer.approval.reach.mixin",
        "customer.approval.guarded.mixin",
    ]
    _description = "Person Asked for an Approval"
    _order = "request_id desc, sequence, id"
    _rec_name = "partner_id"
    _keeps_files = True

    request_id = fields.Many2one(
        "customer.approval.request",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    partner_id = fields.Many2one(
        "res.partner", string="Person", required=True, readonly=True, index=True
    )
    email = fields.Char(
        readonly=True, help="The address that the link was for, as it was then."
    )
    sequence = fields.Integer(readonly=True)
    is_outsider = fields.Boolean(
        string="Not of the Customer",
        readonly=True,
        help="The person is no contact of the customer: somebody chose them "
        "nonetheless.",
    )
    origin = fields.Selection(
        [
            ("asked", "Asked at First"),
            ("added", "Added Later"),
            ("passed_on", "Named by Another"),
        ],
        required=True,
        readonly=True,
    )
    state = fields.Selection(
        [
            ("waiting", "Waits for Others"),
            ("asked", "Asked"),
            ("approved", "Approved"),
            ("approved_conditions", "Approved with Conditions"),
            ("changes_requested", "Changes Requested"),
            ("rejected", "Rejected"),
            ("passed_on", "Passed On"),
            ("removed", "No Longer Asked"),
        ],
        required=True,
        readonly=True,
    )
    decided_on = fields.Datetime(string="Answered on", readonly=True)
    decided_by_name = fields.Char(string="Name Given", readonly=True)
    decided_by_id = fields.Many2one(
        "res.partner", string="Contact Logged In", readonly=True
    )
    decision_method = fields.Selection(
        selection="_get_decision_methods", string="Way", readonly=True
    )
    witness_id = fields.Many2one("res.users", readonly=True)
    decision_ip = fields.Char(string="IP Address", readonly=True)
    decision_user_agent = fields.Char(string="Browser", readonly=True)
    consent = fields.Text(readonly=True)
    reason = fields.Text(readonly=True)
    conditions = fields.Text(readonly=True)
    category_id = fields.Many2one(
        "customer.approval.category", readonly=True, ondelete="restrict"
    )
    remarks = fields.Json(
        string="Remarks by Line",
        readonly=True,
        help="About single lines, by their ids.",
    )
    declined = fields.Json(
        readonly=True, help="Optional lines that the person did not want."
    )
    signature = fields.Binary(attachment=False, readonly=True)
    proof_ids = fields.Many2many(
        "ir.attachment",
        string="Recorded from",
        readonly=True,
        bypass_search_access=True,
    )
    remarks_text = fields.Text(string="Remarks", compute="_compute_remarks_text")
    answer = fields.Selection(
        selection="_get_answers",
        compute="_compute_answer",
        help="What the person has answered, or why they have not.",
    )
    # The link is made of these and of the server's key: it is in no database.
    token_number = fields.Integer(groups=fields.NO_ACCESS)
    # By it a browser that was shown no page knows its own answer again.
    answer_key = fields.Char(groups=fields.NO_ACCESS)

    @api.model
    def _get_decision_methods(self):
        requests = self.env["customer.approval.request"]
        return requests._fields["decision_method"].selection

    @api.model
    def _get_answers(self):
        labels = self._fields["state"]._description_selection(self.env)
        return [*labels, ("unanswered", self.env._("No Answer"))]

    @api.depends("state", "request_id.state")
    def _compute_answer(self):
        for approver in self:
            # Whoever sees the person sees whether they are asked still.
            ended = approver.request_id.sudo().state != "pending"
            is_open = approver.state in ("waiting", "asked")
            approver.answer = "unanswered" if ended and is_open else approver.state

    @api.depends("remarks")
    def _compute_remarks_text(self):
        for approver in self:
            # Whoever sees the answer sees what it is about.
            content = approver.request_id.sudo().content or {}
            names = {
                str(line["line_id"]): content_tools.line_name(line)
                for line in ledger.flat(content).get("lines", [])
            }
            approver.remarks_text = "\n".join(
                f"{names.get(key) or self.env._('Item')}: {text}"
                for key, text in (approver.remarks or {}).items()
            )

    # ------------------------------------------------------------------
    # Insert only by our own methods
    # ------------------------------------------------------------------

    @api.model
    def _get_triggers(self):
        frozen = [*ledger.APPROVER_FIELDS, "request_id", "origin"]
        answer = [*ledger.ANSWER_FIELDS]
        proofs = self._fields["proof_ids"].relation
        return [
            *super()._get_triggers(),
            *triggers.unalterable(self._table, rows=False),
            *triggers.unalterable(proofs),
            triggers.Trigger(
                self._table,
                "evidence",
                "BEFORE INSERT OR UPDATE",
                "customer_approval_approver",
                [
                    json.dumps(sorted(frozen)),
                    json.dumps(sorted(answer)),
                    json.dumps(sorted(ledger.PERSONAL_FIELDS)),
                ],
            ),
            triggers.Trigger(
                self._table, "keep", "BEFORE DELETE", "customer_approval_unalterable"
            ),
            triggers.asked(self._table),
        ]

    @api.model_create_multi
    def create(self, vals_list):
        if not all(isinstance(vals, EvidenceValues) for vals in vals_list):
            self.env["customer.approval.request"]._refuse_writing()
        empty = {
            name: False
            for name, field in self._fields.items()
            if field.store
            and not (field.compute or field.related or name in models.MAGIC_COLUMNS)
        }
        vals_list = [{**empty, "token_number": 1, **vals} for vals in vals_list]
        approvers = super().create(vals_list)
        approvers.flush_recordset()
        return approvers

    def write(self, vals):
        if not isinstance(vals, EvidenceValues):
            self.env["customer.approval.request"]._refuse_writing()
        return super().write(vals)

    def unlink(self):
        # Not api.ondelete, which a context key switches off.
        if self:
            self.env["customer.approval.request"]._refuse_writing()
        return super().unlink()

    def _record(self, values, *entries):
        """Write events, and on the approvers what they say: see the request's."""
        approvers = self.sudo()  # nobody has write access
        approvers.flush_recordset()
        self.env["customer.approval.event"].sudo()._append(list(entries))
        approvers.write(values)
        approvers.flush_recordset()

    def _export_evidence(self):
        """Return the approvers as plain data, by request, from the database itself."""
        if not self:
            return {}
        self.flush_recordset()
        columns = (
            "request_id",
            "origin",
            "state",
            *ledger.APPROVER_FIELDS,
            *ledger.ANSWER_FIELDS,
            *ledger.PERSONAL_FIELDS,
        )
        rows = self.env.execute_query_dict(
            SQL(
                "SELECT %s FROM customer_approval_approver"
                " WHERE id = ANY(%s) ORDER BY id",
                SQL(", ").join(SQL.identifier(name) for name in columns),
                list(self.ids),
            )
        )
        Request = self.env["customer.approval.request"]
        proofs = Request._read_relation("proof_ids", self)
        described = Request._describe_files(set().union(*proofs.values(), []))
        result = {}
        for row in rows:
            if row["decided_on"]:
                row["decided_on"] = row["decided_on"].isoformat(" ")
            if row["signature"]:
                row["signature"] = ledger.sha256(bytes(row["signature"]))
            row["proofs"] = [
                described[key] for key in sorted(proofs.get(row["id"], []))
            ]
            result.setdefault(row.pop("request_id"), []).append(row)
        return result

    # ------------------------------------------------------------------
    # Who is asked
    # ------------------------------------------------------------------

    def _get_time_zone(self):
        """Return the time zone in which the person reads times, and days end."""
        self.ensure_one()
        partner = self.partner_id.sudo()  # their days are their request's matter
        return (
            partner.tz
            or partner.commercial_partner_id.tz
            or self.request_id._get_time_zone()
        )

    def _is_open(self):
        """Return whether the person is asked, and has not answered."""
        self.ensure_one()
        return self.state == "asked" and self.request_id.state == "pending"

    def _filter_counted(self):
        """Return those whose answers count: not who passed it on or was let go."""
        return self.filtered(lambda a: a.state not in ("removed", "passed_on"))

    def _get_decision(self):
        self.ensure_one()
        return self.state if self.state in ledger.DECISIONS else None

    def _acts_for(self, partner):
        """Return those of these approvers in whose place a contact who is logged in
        answers: their own, or that of their company."""
        own = self.filtered(lambda a: a.partner_id == partner)
        return own or self.filtered(
            lambda a: a.partner_id == partner.commercial_partner_id
        )

    # ------------------------------------------------------------------
    # Links
    # ------------------------------------------------------------------

    @capability.required
    def _change_links(self):
        """Let the links that were sent until now stop."""
        for approver in self.sudo():  # the link is no evidence
            approver.write(EvidenceValues(token_number=approver.token_number + 1))

    # ------------------------------------------------------------------
    # One-time codes
    # ------------------------------------------------------------------

    def _format_address(self):
        """Return the person and the address that mails to them go to."""
        self.ensure_one()
        name = " ".join((self.partner_id.name or "").split())
        return formataddr((name, self.email)) if self.email else name

    # ------------------------------------------------------------------
    # The answer
    # ------------------------------------------------------------------

    def _prepare_answer(self, answer, decided_on, declined):
        _user_id, personal, _method = self.env["customer.approval.event"]._get_actor()
        signature = False
        if answer.signature:
            # One way to write it, so that the image alone gives its digest.
            signature = base64.b64encode(base64.b64decode(answer.signature))
        agrees = answer.decision in ledger.DECISIONS[:2]
        is_own = answer.method not in ("recorded", "online_payment")
        return {
            "state": answer.decision,
            "decided_on": decided_on,
            "decided_by_name": clean_name(answer.name),
            "decided_by_id": answer.partner.id if answer.partner else False,
            "decision_method": answer.method,
            "witness_id": answer.witness.id if answer.witness else False,
            # What staff record, or a payment provider reports, comes from neither the
            # customer's computer nor their browser.
            "decision_ip": is_own and personal.get("ip"),
            "decision_user_agent": is_own and personal.get("user_agent"),
            # Only our form shows words to agree to.
            "consent": agrees
            and answer.method in CONSENTING_METHODS
            and self.request_id._get_consent(self),
            "proposed_name": False,
            "proposed_email": False,
            # What was typed for another answer is hidden by this one, and not meant.
            "reason": not agrees and (answer.reason or "").strip() or False,
            "conditions": answer.decision == "approved_conditions"
            and (answer.conditions or "").strip()
            or False,
            "category_id": not agrees and answer.category and answer.category.id,
            "remarks": answer.remarks or False,
            "declined": declined or False,
            "signature": signature,
        }

    def _record_answer(self, answer, decided_on, declined):
        """Keep what the person answered, as an event and beside it.

        :param declined: the ids of the optional lines that are not wanted
        :return: how sure it is who answered
        """
        self.ensure_one()
        request = self.request_id
        values = EvidenceValues(self._prepare_answer(answer, decided_on, declined))
        plain = {
            name: fields.Datetime.to_string(decided_on)
            if name == "decided_on"
            else values[name] or None
            for name in ledger.ANSWER_FIELDS
        }
        proofs = (answer.proofs or self.env["ir.attachment"]).sorted("id")
        described = request._describe_files(proofs.ids)
        plain["proofs"] = [described[key] for key in proofs.ids]
        level = ledger.LEVEL_OF_METHOD[answer.method]
        if answer.method == "online_signature" and answer.partner:
            level = "login"
        event = EventData(
            request._get_document(),
            "answered",
            request,
            decision=answer.decision,
            method=answer.method,
            text=values["conditions"] or values["reason"] or "",
            details={
                "approver": self.id,
                "answer": ledger.answer_digest(plain),
                "level": level,
                **self._get_lateness(),
            },
            personal=request._get_personal(values),
            occurred_on=decided_on,
        )
        if proofs:
            values["proof_ids"] = [fields.Command.set(proofs.ids)]
        self._record(values, event)
        return level

    def _get_lateness(self):
        """Return what is recorded of an answer after the document's own last day."""
        document = self.request_id._get_document()
        if not document._is_too_late():
            return {}
        day = document._get_last_day_to_approve()
        return {"late": fields.Date.to_string(day)}

    # ------------------------------------------------------------------
    # Passing it on
    # ------------------------------------------------------------------

    @api.model
    def _find_staff(self, addresses):
        """Return the members of staff who have one of these addresses."""
        users = self.env["res.users"].sudo()  # whoever they are
        return users.search(
            Domain("share", "=", False)
            & Domain("partner_id.email_normalized", "in", [*filter(None, addresses)])
        )

    @api.model
    def _check_no_staff(self, partners):
        """Nobody asks themselves, or a colleague.

        :raise UserError: one of these contacts is of our own staff
        """
        partners = partners.sudo()  # their users are nobody's matter
        staff = self._find_staff(partners.mapped("email_normalized"))
        addresses = set(staff.partner_id.mapped("email_normalized"))
        for partner in partners:
            if partner.email_normalized in addresses or any(
                user._is_internal() for user in partner.user_ids
            ):
                raise UserError(
                    self.env._(
                        "%(name)s is of your own staff, or has the address of somebody "
                        "who is: ask the customer.",
                        name=partner.display_name,
                    )
                )

    # ------------------------------------------------------------------
    # A mail that did not arrive
    # ------------------------------------------------------------------

    def _check_staff(self):
        """Return the approver with superuser rights, if the user may handle the
        request: whoever may work on the document may."""
        self.ensure_one()
        own = self.sudo()
        own.request_id._check_may_handle(self.env)
        return own
