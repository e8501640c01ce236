# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import float_repr, format_date

from ..tools import content as content_tools
from ..tools.grants import GRANT, RECORD_EVIDENCE


class CustomerApprovalMixin(models.AbstractModel):
    """A document that its customer can approve: status, requests, content.

    It contributes one gate to whatever has gates (``_gate_blockers()``) and knows
    nothing of how documents move.

    A model joins with ``_inherit = ["customer.approval.mixin", its own name]``, the
    methods under "What a document model says of itself", and
    ``_guard_approved_content()`` around whatever else changes its content (its
    lines' ``create()``, ``write()`` and ``unlink()``).
    """

    _name = "customer.approval.mixin"
    _description = "Document to Be Approved by the Customer"

    customer_approval_status = fields.Selection(
        [
            ("not_required", "Not Requested"),
            ("pending", "Pending"),
            ("approved", "Approved"),
            ("rejected", "Rejected"),
        ],
        string="Customer Approval",
        compute="_compute_customer_approval",
        store=True,
        precompute=True,
        copy=False,
        index="btree_not_null",
        help="Not requested: the customer has not been asked, or the content has "
        "changed since. Pending: waiting for the customer's answer. Approved: the "
        "customer has approved the present content. Rejected: the customer has "
        "declined, or wants changes.",
    )
    customer_approval_request_id = fields.Many2one(
        "customer.approval.request",
        string="Approval Request",
        compute="_compute_customer_approval",
        store=True,
        precompute=True,
        copy=False,
        index="btree_not_null",
        help="The request in force: the last one.",
    )
    customer_approval_since = fields.Datetime(
        string="Approval Status Since",
        compute="_compute_customer_approval",
        store=True,
        precompute=True,
        copy=False,
    )
    customer_approval_deadline = fields.Date(
        related="customer_approval_request_id.deadline", string="Approval Deadline"
    )
    customer_approval_request_ids = fields.One2many(
        "customer.approval.request",
        "res_id",
        string="Approval Requests",
        domain=lambda self: [("res_model", "=", self._name)],
        copy=False,
    )
    customer_approval_request_count = fields.Integer(
        compute="_compute_customer_approval_request_count", compute_sudo=True
    )
    customer_approval_banner = fields.Selection(
        [
            ("request", "Ask the customer"),
            ("wait", "Waiting for the customer"),
            ("conditions", "Conditions to accept"),
            ("rejected", "Rejected by the customer"),
        ],
        compute="_compute_customer_approval_banner",
        compute_sudo=True,
        help="What keeps the document from its next stage, and so which button helps.",
    )
    customer_approval_missing = fields.Boolean(
        string="Past the Gate without Approval",
        compute="_compute_customer_approval_missing",
        compute_sudo=True,
        help="The document is in a stage that takes the customer's approval, and has "
        "none: it was there before the stage asked for it.",
    )

    # ------------------------------------------------------------------
    # What a document model says of itself
    # ------------------------------------------------------------------

    def _get_customer_approval_lines(self):
        """Return the lines of all these documents that their customers read, in
        order, of a model with ``customer.approval.line.mixin``."""
        raise NotImplementedError

    def _get_customer_approval_header(self, with_texts):
        """Return whatever binds both sides beside lines and totals, as plain data.

        :param bool with_texts: also what related records are called
        """
        raise NotImplementedError

    def _get_customer_approval_amount(self):
        """Return the total that the customer is asked to approve, in the document's
        currency."""
        self.ensure_one()
        return self.amount_total

    def _get_customer_approval_salesperson(self):
        """Return the user who is told what the customer answered."""
        self.ensure_one()
        return self.user_id

    def _schedule_blocked_activity(self, note):
        """Tell the salesperson that a gate held the document back where raising an
        error would have broken something else.

        :param str note: what happened, and what to do next
        """
        self.ensure_one()
        self.activity_schedule(
            "mail.mail_activity_data_warning",
            note=note,
            user_id=self._get_customer_approval_salesperson().id or self.env.uid,
        )

    def _can_request_customer_approval(self):
        """Return why the customer cannot be asked about this document, or ``None``."""
        self.ensure_one()

    # ------------------------------------------------------------------
    # Status: derived from the requests, writable by nobody
    # ------------------------------------------------------------------

    @api.depends(
        "customer_approval_request_ids.state",
        "customer_approval_request_ids.lapsed_on",
        "customer_approval_request_ids.conditions_accepted_on",
    )
    def _compute_customer_approval(self):
        # Whoever sees the document sees its status, if not the requests.
        requests_of = self.sudo()._get_last_requests()
        for document in self:
            request = requests_of.get(document._origin.id)
            document.customer_approval_status = (
                request._get_document_status() if request else "not_required"
            )
            document.customer_approval_request_id = request
            document.customer_approval_since = (
                request._get_status_date() if request else False
            )

    def _get_last_requests(self):
        """Return ``{id of the document: its last request}``."""
        if not self.ids:
            return {}
        requests = self.env["customer.approval.request"].search_fetch(
            [("res_model", "=", self._name), ("res_id", "in", self.ids)],
            [
                "res_id",
                "state",
                "lapsed_on",
                "conditions_accepted_on",
                "requested_on",
                "decided_on",
                "scope_digest",
            ],
            order="id",
        )
        return {request.res_id: request for request in requests}

    @api.depends("customer_approval_request_ids")
    def _compute_customer_approval_request_count(self):
        for document in self:
            document.customer_approval_request_count = len(
                document.customer_approval_request_ids
            )

    @api.depends("customer_approval_status", "next_stage_id", "state")
    def _compute_customer_approval_banner(self):
        for document in self:
            status = document.customer_approval_status
            stage = document.next_stage_id
            # The banner may be seen by people who may not read requests.
            request = document.sudo().customer_approval_request_id
            banner = False
            if document.state == "cancel":
                banner = False
            elif status == "pending" and request.state == "approved_conditions":
                banner = "conditions"
            elif status == "pending":
                banner = "wait"
            elif status == "rejected":
                banner = "rejected"
            elif status == "not_required" and stage:
                gated = stage._requires_customer_approval(document.company_id)
                banner = "request" if gated else False
            document.customer_approval_banner = banner

    @api.depends("customer_approval_status", "stage_id")
    def _compute_customer_approval_missing(self):
        for document in self:
            document.customer_approval_missing = (
                document.customer_approval_status != "approved"
                and bool(document.stage_id)
                and document.stage_id._requires_customer_approval(document.company_id)
            )

    def _is_past_gate(self):
        """Return whether the document stands where only approved ones may."""
        self.ensure_one()
        return any(self._get_gates_passed().mapped("requires_customer_approval"))

    @api.model
    def _get_derived_approval_fields(self):
        return {
            "customer_approval_status",
            "customer_approval_request_id",
            "customer_approval_since",
            "customer_approval_request_ids",
            "customer_approval_deadline",
        }

    def _check_no_derived_values(self, vals):
        if self._get_derived_approval_fields() & vals.keys():
            raise UserError(
                self.env._(
                    "The customer's approval cannot be written: it follows from what "
                    "the customer answers. Request customer approval instead."
                )
            )

    @api.model
    def default_get(self, fields):
        defaults = super().default_get(fields)
        for name in self._get_derived_approval_fields() & defaults.keys():
            del defaults[name]
        return defaults

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_no_derived_values(vals)
        return super().create(vals_list)

    def write(self, vals):
        self._check_no_derived_values(vals)
        if vals.keys() <= self._get_fields_beside_content():
            return super().write(vals)
        with self._guard_approved_content():
            return super().write(vals)

    @api.model
    def _get_fields_beside_content(self):
        """Return fields that never matter to scope and price, so that writing them
        costs nothing."""
        return {
            "access_token",
            "activity_ids",
            "date_order",
            "message_follower_ids",
            "message_ids",
            "message_main_attachment_id",
            "stage_id",
            "state",
            "tag_ids",
            "team_id",
            "user_id",
        }

    def unlink(self):
        # Not api.ondelete, which a context key switches off.
        self._check_never_asked()
        return super().unlink()

    def _check_never_asked(self):
        asked = self.sudo()._get_last_requests()  # whoever deletes may not see them
        for document in self:
            if document.id in asked:
                raise UserError(
                    self.env._(
                        "%(document)s cannot be deleted: its customer has been asked "
                        "to approve it, and what was asked and answered is kept as "
                        "evidence. Cancel it instead.",
                        document=document.display_name,
                    )
                )

    # ------------------------------------------------------------------
    # The gate
    # ------------------------------------------------------------------

    def _gate_blockers(self, stage):
        """Add the guide's gate: only "approved" allows advancement."""
        blockers = super()._gate_blockers(stage)
        gates = stage._find_gates().filtered("requires_customer_approval")
        gated = self.filtered(lambda document: gates._of_company(document.company_id))
        for document in gated - gated._filter_customer_approved():
            blockers.setdefault(document, []).append(
                self.env._(
                    "Cannot advance to %(stage)s: customer approval is required. "
                    "Request customer approval before changing to this status.",
                    stage=stage.name,
                )
            )
        return blockers

    def _filter_customer_approved(self):
        """Return the documents whose customer approved their present content.

        The requests are read, never the status; and the content is compared, so
        that it does not matter how it was changed.
        """
        requests = self.sudo()._get_last_requests()  # evidence, not the user's view
        approved = self.filtered(
            lambda document: (
                document.id in requests
                and requests[document.id]._get_document_status() == "approved"
            )
        )
        scopes = approved._get_scope_digests()
        return approved.filtered(
            lambda document: scopes[document.id] == requests[document.id].scope_digest
        )

    # ------------------------------------------------------------------
    # Content
    # ------------------------------------------------------------------

    def _get_customer_approval_content(self, with_texts=True):
        """Return the commercial content of each document as plain data, see
        ``tools/content.py``.

        :param bool with_texts: also what related records are called, for a person
            to read; without it the content is good for a comparison only
        :return: ``{id of the document: content}``
        :rtype: dict
        """
        lines = self._get_customer_approval_lines()
        # What the lines refer to is read for all of them at once.
        lines_of = {
            document: own.with_prefetch(lines._prefetch_ids)
            for document, own in lines.grouped(lines._approval_document_field).items()
        }
        return {
            document.id: {
                "document": {
                    "model": document._name,
                    "id": document.id,
                    "name": document.display_name,
                },
                "header": document._get_customer_approval_header(with_texts),
                "lines": lines_of.get(document, lines.browse())._get_approval_content(
                    with_texts
                ),
                "totals": {
                    name: document._format_decimals(
                        document[f"amount_{name}"], document.currency_id.decimal_places
                    )
                    for name in ("untaxed", "tax", "total")
                },
            }
            for document in self
        }

    def _get_scope_digests(self):
        """Return ``{id of the document: digest of its present scope and price}``."""
        if not self:
            return {}
        # Prices and taxes count, whatever the user may see of them.
        contents = self.sudo()._get_customer_approval_content(with_texts=False)
        return {
            document_id: content_tools.scope_digest(content)
            for document_id, content in contents.items()
        }

    @contextmanager
    def _guard_approved_content(self):
        """Around whatever may change the content: afterwards a pending request is
        withdrawn and an approval counts no more where the content did change; and
        where it may not change, the whole is refused (design rule 5)."""
        watched = self.filtered(lambda document: document._is_content_watched())
        before = watched._get_scope_digests()
        yield
        if not watched:
            return
        watched = watched.exists()
        after = watched._get_scope_digests()
        changed = watched.filtered(lambda d: before[d.id] != after[d.id])
        changed._after_content_change()

    def _is_content_watched(self):
        self.ensure_one()
        return bool(self.id) and (
            self.customer_approval_status in ("pending", "approved")
            or self.stage_id.edit_lock
        )

    def _after_content_change(self):
        for document in self:
            if document.stage_id.edit_lock:
                raise UserError(
                    self.env._(
                        "%(document)s cannot be edited while it is in the stage "
                        "%(stage)s. Move it to another stage first.",
                        document=document.display_name,
                        stage=document.stage_id.name,
                    )
                )
            # Whoever edits the document need not be allowed to read requests.
            request = document.sudo().customer_approval_request_id
            if (
                document.customer_approval_status == "approved"
                and document._is_past_gate()
            ):
                raise UserError(document._approved_content_message(request))
            request._after_content_change()

    def _approved_content_message(self, request):
        self.ensure_one()
        return self.env._(
            "%(document)s cannot be changed: %(name)s approved version %(version)s of "
            "it on %(date)s, and work on it has begun. To sell something else, take "
            "it back before the stage %(stage)s and ask the customer again, or make "
            "a new quotation for what is to be added.",
            document=self.display_name,
            name=request.decided_by_name,
            version=request.version,
            date=format_date(self.env, request.decided_on),
            stage=self._get_gates_passed()[:1].name or self.stage_id.name,
        )

    def _format_decimals(self, value, digits):
        """Return a number as the decimal string that content is made of."""
        return float_repr(value or 0.0, digits)

    @api.model
    def _related_content(self, record, with_texts, address=False):
        """Return a related record as content, by its name or its address."""
        text = None
        if record and with_texts:
            text = record.display_name
            if address:
                lines = [text, *record._display_address(True).splitlines()]
                text = "\n".join(line for line in lines if line.strip())
        return content_tools.related(record.id, text)

    def _split_by_language(self):
        """Return the same documents in their customer's language, by language."""
        by_lang = defaultdict(self.browse)
        for document in self:
            by_lang[document.partner_id.lang or self.env.lang] |= document
        return [docs.with_context(lang=lang) for lang, docs in by_lang.items()]

    # ------------------------------------------------------------------
    # Asking the customer
    # ------------------------------------------------------------------

    def _request_customer_approval(self, partners=None, deadline=None, message=None):
        """Ask the customer of each document to approve it as it is now, by mail.

        :param partners: the ``res.partner`` records to ask; each document's own
            customer if empty
        :param deadline: the last ``date`` for an answer; by default the company's
            number of days from today
        :param message: text for the customer
        :return: the new requests
        :raise UserError: a document cannot be asked about: it has no lines, its
            customer has no mail address, it is approved already …
        """
        requests = self._open_customer_approval(partners, deadline, message)
        requests._send()
        return requests

    def _open_customer_approval(
        self, partners=None, deadline=None, message=None, attachments=None, mail=True
    ):
        """Make the requests of ``_request_customer_approval()`` without sending them.

        :param attachments: ``ir.attachment`` records to show; they are copied
        :param bool mail: whether mail addresses will be needed
        """
        self._check_can_open_customer_approval(partners, mail)
        Request = self.env["customer.approval.request"]
        # Users may make requests by this method only: nobody has write access.
        last_requests = self.sudo()._get_last_requests()
        for request in last_requests.values():
            if request.state == "pending":
                request._withdraw(self.env._("The customer was asked anew."))
        vals_list = []
        for documents in self._split_by_language():
            contents = documents.sudo()._get_customer_approval_content()
            vals_list += [
                document._prepare_customer_approval_vals(
                    contents[document.id],
                    last_requests.get(document.id),
                    partners or document.partner_id,
                    deadline,
                    message,
                )
                for document in documents
            ]
        requests = (
            Request.sudo().with_context(**{GRANT: RECORD_EVIDENCE}).create(vals_list)
        ).with_env(Request.sudo().env)
        requests._attach_copies(attachments)
        requests._subscribe()
        requests._log_on_documents()
        return requests

    def _check_can_open_customer_approval(self, partners, mail):
        self.check_access("write")
        self._check_customer_approval_right()
        for document in self:
            if reason := document._can_request_customer_approval():
                raise UserError(reason)
            for partner in (partners or document.partner_id) if mail else ():
                if not partner.email:
                    raise UserError(
                        self.env._(
                            "%(partner)s has no e-mail address to send the request "
                            "for %(document)s to. Enter one, or ask on this screen.",
                            partner=partner.display_name,
                            document=document.display_name,
                        )
                    )
        if approved := self._filter_customer_approved()[:1]:
            raise UserError(
                self.env._(
                    "The customer has already approved %(document)s as it is now: "
                    "there is nothing to ask.",
                    document=approved.display_name,
                )
            )

    @api.model
    def _check_customer_approval_right(self):
        """
        :raise AccessError: the user may not ask customers for their approval
        """
        if not self.env.su and not self.env.user.has_group(
            "customer_approval_gate.group_request_approval"
        ):
            raise AccessError(
                self.env._(
                    "You may not ask customers for their approval. Ask your "
                    "administrator for the right “Request customer approval”."
                )
            )

    def _prepare_customer_approval_vals(
        self, content, last_request, partners, deadline, message
    ):
        self.ensure_one()
        scope = content_tools.scope_digest(content)
        version = round_number = 1
        if last_request:
            same = last_request.scope_digest == scope
            version = last_request.version + (not same)
            round_number = last_request.round + 1 if same else 1
        return {
            "res_model": self._name,
            "res_id": self.id,
            "document_name": content["document"]["name"],
            "partner_id": partners[:1].id,
            "partner_ids": [fields.Command.set(partners.ids)],
            "company_id": self.company_id.id,
            "currency_id": self.currency_id.id,
            "amount_total": self._get_customer_approval_amount(),
            "user_id": self._get_customer_approval_salesperson().id,
            "version": version,
            "round": round_number,
            "content": content,
            "digest": content_tools.digest(content),
            "scope_digest": scope,
            "requested_by_id": self.env.uid,
            "deadline": deadline or self.company_id._get_customer_approval_deadline(),
            "message": message,
        }

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_request_customer_approval(self):
        """Open the dialog that asks the customers of these documents."""
        self._check_can_open_customer_approval(None, mail=False)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Request Customer Approval"),
            "res_model": "customer.approval.send",
            "view_mode": "form",
            "target": "new",
            "context": {
                **self.env.context,
                "default_res_model": self._name,
                "default_res_ids": self.ids,
            },
        }

    def action_ask_on_screen(self):
        """Open the Customer Approval dialog for the customer's own hands.

        Opening it makes the approval pending; closing it leaves it so (guide,
        "Approval Statuses Explained").
        """
        self.ensure_one()
        request = self.sudo().customer_approval_request_id
        if request.state != "pending" or request._is_outdated():
            request = self._open_customer_approval(mail=False)
        else:
            self.check_access("write")
        dialog = self.env["customer.approval.in.person"].create(
            {"request_id": request.id}
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Customer Approval"),
            "res_model": dialog._name,
            "res_id": dialog.id,
            "view_mode": "form",
            "target": "new",
            "context": {"dialog_size": "extra-large"},
        }

    def action_view_customer_approval_requests(self):
        """Open the requests that were made about this document."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "customer_approval_gate.customer_approval_request_action"
        )
        action["domain"] = [("res_model", "=", self._name), ("res_id", "=", self.id)]
        action["context"] = {}
        if len(self.customer_approval_request_ids) == 1:
            action["views"] = [(False, "form")]
            action["res_id"] = self.customer_approval_request_ids.id
        return action

    def action_accept_customer_conditions(self):
        """Accept the conditions under which the customer approved."""
        self.ensure_one()
        return self.customer_approval_request_id.action_accept_conditions()
