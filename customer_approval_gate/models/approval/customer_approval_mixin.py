# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ...tools import capability, contract, triggers


def _is_gated_by_amount(documents, alias, _query):
    """Return the condition that a document comes to so much that a gate asks for its
    approval, as the database itself judges it."""
    documents.env.flush_all()
    company = documents._find_document_column("company")
    row = triggers.describe_amount(
        f'"{alias}"', documents._get_trigger_roles(), documents._get_amount_columns()
    )
    return SQL(
        "customer_approval_is_gated(%(stage)s, %(company)s,"
        " %(amount)s(%(id)s, %(row)s, TRUE))",
        amount=SQL.identifier(f"customer_approval_amount_{documents._table}"[:63]),
        stage=SQL.identifier(alias, documents._stage_field),
        company=SQL.identifier(alias, company) if company else SQL("NULL::integer"),
        id=SQL.identifier(alias, "id"),
        row=SQL(row),
    )


class CustomerApprovalMixin(models.AbstractModel):
    """A document that its customer can approve: status, requests, content.

    It contributes one gate to whatever has gates (``_ask_gates()``) and knows
    nothing of how documents move.

    A model joins with ``_inherit = ["customer.approval.mixin", its own name]``, the
    methods under "What a document model says of itself", and
    ``_guard_approved_content()`` around whatever else changes its content (its
    lines' ``create()``, ``write()`` and ``unlink()``).
    """

    _name = "customer.approval.mixin"
    _inherit = [
        "customer.approval.asking.mixin",
        "customer.approval.lock.mixin",
        "customer.approval.approved.mixin",
        "customer.approval.content.mixin",
        "customer.approval.audit.mixin",
        "customer.approval.staff.mixin",
        "customer.approval.derived.mixin",
    ]
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
    customer_approval_substate = fields.Selection(
        [
            ("conditions", "Conditions to Accept"),
            ("changes_requested", "Changes Requested"),
            ("preparing", "New Version Being Prepared"),
            ("expired", "Expired"),
            ("withdrawn", "Withdrawn"),
        ],
        string="Approval Detail",
        compute="_compute_customer_approval",
        store=True,
        precompute=True,
        copy=False,
        index="btree_not_null",
        help="What lies behind the status: why nobody is asked at the moment, or what "
        "is to be done with the answer.",
    )
    customer_approval_remark = fields.Text(
        string="What the Customer Says",
        compute="_compute_customer_approval_remark",
        groups="base.group_user",
        help="The reason or the conditions of the last answer, and what it is about.",
    )
    customer_approval_has_line_remarks = fields.Boolean(
        compute="_compute_customer_approval_remark", groups="base.group_user"
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
            ("stronger", "Ask again, for stronger evidence"),
            ("wait", "Waiting for the customer"),
            ("unreached", "The mail has not reached the customer"),
            ("conditions", "Conditions to accept"),
            ("rejected", "Rejected by the customer"),
            ("revise", "Approved, not yet begun"),
            ("begun", "Approved, and begun"),
            ("covered", "Covered by another approval"),
        ],
        compute="_compute_customer_approval_banner",
        compute_sudo=True,
        help="What keeps the document from its next stage, and so which button helps.",
    )
    customer_approval_unreached = fields.Char(
        string="Not Reached",
        compute="_compute_customer_approval_unreached",
        compute_sudo=True,
        help="Who is asked and has not got the mail, and why.",
    )
    customer_approval_event_ids = fields.One2many(
        "customer.approval.event",
        "res_id",
        string="History",
        domain=lambda self: [("res_model", "=", self._name)],
        copy=False,
    )
    customer_approval_missing = fields.Boolean(
        string="Past the Gate without Approval",
        compute="_compute_customer_approval_missing",
        search="_search_customer_approval_missing",
        compute_sudo=True,
        help="The document is in a stage that takes the customer's approval, and has "
        "none: it was there before the stage asked for it.",
    )

    # ------------------------------------------------------------------
    # What a document model says of itself
    # ------------------------------------------------------------------

    def _post_model_setup__(self):
        result = super()._post_model_setup__()
        if not self._abstract:
            self._check_approval_contract()
        return result

    def _check_approval_contract(self):
        """Check what the model says of itself, when the registry is loaded.

        :raise ContractError: something is missing, or is not there
        """
        if self._approval_line_field:
            name = "_approval_line_field"
            contract.check_fields(self, name, [self._approval_line_field], '"line_ids"')
            lines = self._get_approval_line_model()
            if not hasattr(lines, "_approval_document_field"):
                contract.refuse(
                    self,
                    name,
                    f"leads to {lines._name}, which does not have the mixin"
                    " customer.approval.line.mixin",
                    '"line_ids"',
                )
        if not self._get_approval_items() and not self._approval_line_field:
            contract.refuse(
                self,
                "_approval_content_fields",
                "is missing: there is nothing that the customer would approve",
                '("description",)',
            )
        self._check_approval_fields()
        totals = [field for _key, field, _label in self._get_approval_totals()]
        contract.check_fields(
            self,
            "_approval_totals",
            totals,
            '(("total", "amount_total", _lt("Total")),)',
        )
        contract.check_fields(
            self.env["res.partner"],
            "_approval_approvers_field",
            [self._approval_approvers_field],
            '"child_ids"',
        )
        name, example = "_approval_parent_field", '"parent_id"'
        contract.check_fields(self, name, [self._approval_parent_field], example)
        if self._approval_parent_field:
            roles = ("total", "currency", "company", "state")
            found = self._find_document_columns(*roles)
            if len(found) < len(roles) or not self._approval_rate_fields:
                problem = "is given, and there is no total, currency, rate or state"
                contract.refuse(self, name, problem, "None")
        contract.check_fields(
            self,
            "_approval_rate_fields",
            self._approval_rate_fields,
            '("currency_rate",)',
        )

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
        covered = self._filter_covered() if self.ids else self.browse()
        for document in self:
            request = requests_of.get(document._origin.id)
            status = request._get_document_status() if request else "not_required"
            if status == "not_required" and document._origin in covered:
                status = "approved"
            document.customer_approval_status = status
            document.customer_approval_substate = (
                request._get_document_substate()
                if request and (status != "approved")
                else False
            )
            document.customer_approval_request_id = request
            document.customer_approval_since = (
                request._get_status_date() if request else False
            )

    @api.depends("customer_approval_request_id.state")
    def _compute_customer_approval_remark(self):
        for document in self:
            # Whoever sees the document sees what its customer says about it.
            request = document.sudo().customer_approval_request_id
            document.customer_approval_remark = request._describe_remark()
            document.customer_approval_has_line_remarks = bool(
                request and request._get_line_remarks()
            )

    def _recompute_customer_approval(self):
        """Let the status follow evidence that no field of a request shows."""
        names = (
            "customer_approval_status",
            "customer_approval_substate",
            "customer_approval_request_id",
            "customer_approval_since",
        )
        for name in names:
            self.env.add_to_compute(self._fields[name], self)
        self.modified([])

    def _filter_covered(self):
        """Return the documents that the approval of others covers, by their events.

        Override for documents that are made from approved ones.
        """
        return self.browse()

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
            # The last request is stored: where there is none, none is looked for.
            document.customer_approval_request_count = (
                len(document.customer_approval_request_ids)
                if document.customer_approval_request_id
                else 0
            )

    @api.depends(
        lambda self: [
            *self._get_fields_blocking(),
            *self._find_document_fields("state"),
            *(["next_stage_id"] if self._find_stage_fields() else []),
        ]
    )
    def _compute_customer_approval_banner(self):
        for document in self:
            status = document.customer_approval_status
            stage = document._get_next_stage()
            # The banner may be seen by people who may not read requests.
            request = document.sudo().customer_approval_request_id
            banner = False
            if document._is_cancelled():
                banner = False
            elif status == "pending" and request.state == "approved_conditions":
                banner = "conditions"
            elif status == "pending":
                banner = "unreached" if request._get_unreached() else "wait"
            elif status == "rejected":
                banner = "rejected"
            elif status == "approved" and not request:
                banner = "covered"
            elif status == "approved" and document._needs_stronger_evidence():
                banner = "stronger"
            elif status == "approved":
                banner = "begun" if document._is_past_gate() else "revise"
            elif status == "not_required" and stage:
                banner = "request" if document._is_gated(stage) else False
            document.customer_approval_banner = banner

    @api.depends("customer_approval_status")
    def _compute_customer_approval_unreached(self):
        for document in self:
            people = document.customer_approval_request_id._get_unreached()
            document.customer_approval_unreached = "; ".join(
                f"{approver.partner_id.name} ({approver.email}): {approver.mail_reason}"
                if approver.mail_reason
                else f"{approver.partner_id.name} ({approver.email})"
                for approver in people
            )

    def action_retry_customer_approval_mail(self):
        """Send the mails that failed once more.

        :raise AccessError: the user may not ask for approvals either
        """
        self.ensure_one()
        request = self.sudo().customer_approval_request_id  # checked for each person
        request._get_unreached().with_env(self.env).action_retry_mail()

    def action_change_customer_approval_address(self):
        """Open the dialog that corrects the address of whoever was not reached."""
        self.ensure_one()
        request = self.sudo().customer_approval_request_id  # checked for the person
        people = request._get_unreached().with_env(self.env)
        if not people:
            raise UserError(self.env._("Nobody's mail has failed."))
        return people[:1].action_change_address()

    @api.depends(lambda self: self._get_fields_blocking())
    def _compute_customer_approval_missing(self):
        for document in self:
            stage = document._get_stage()
            document.customer_approval_missing = (
                document.customer_approval_status != "approved"
                and bool(stage)
                and document._is_gated(stage)
            )

    def _search_customer_approval_missing(self, operator, value):
        if operator != "in":
            return NotImplemented
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        domains = []
        for stage in stages:
            gates = stage._find_gates(stages).filtered("requires_customer_approval")
            for gate in gates:
                domain = Domain(self._stage_field, "=", stage.id)
                if gate.company_id:
                    # Without a company none of a company's own stages counts.
                    name = self._find_document_column("company")
                    own = (
                        Domain(name, "=", gate.company_id.id) if name else Domain.FALSE
                    )
                    domain &= own
                if gate.approval_from_amount:
                    # Below the amount that a gate is for, nothing is missing.
                    domain &= Domain.custom(to_sql=_is_gated_by_amount)
                domains.append(domain)
        missing = Domain.OR(domains) if domains else Domain.FALSE
        missing &= Domain("customer_approval_status", "!=", "approved")
        return missing if True in value else ~missing

    @api.model
    def _is_derived(self, field):
        # Odoo itself writes others, such as whether an invoice is blocked for payment.
        return field.type in ("float", "monetary") or field.name == "invoice_status"

    def _is_derivation_watched(self):
        staged = self.filtered(lambda document: document._is_staged())
        return bool(staged) and staged._is_any_watched()

    @api.model
    def _get_derived_approval_fields(self):
        return {
            "customer_approval_status",
            "customer_approval_substate",
            "customer_approval_request_id",
            "customer_approval_since",
            "customer_approval_request_ids",
            "customer_approval_event_ids",
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
    def _get_fields_without_default(self):
        own = self._get_derived_approval_fields()
        return super()._get_fields_without_default() | own

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_no_derived_values(vals)
        with self._creating():
            return super().create(vals_list)

    def write(self, vals):
        self._check_no_derived_values(vals)
        state = vals.get(self._document_state_field)
        if state in self._document_cancelled_states:
            capability.call(self._withdraw_cancelled)
        if vals.keys() <= self._get_non_content_fields() or not self._is_any_watched():
            return super().write(vals)
        # Odoo's own methods find lines as they are, if those change with the state.
        at_end = self._document_state_field not in vals
        with self._guard_approved_content(at_end=at_end):
            return super().write(vals)

    def unlink(self):
        # Not api.ondelete, which a context key switches off.
        if self and self._keeps_history():
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
    # Actions
    # ------------------------------------------------------------------

    @api.model
    @capability.required
    def _leave(self):
        """Nobody can answer about what no addon makes one of ours any more."""
        requests = self.env["customer.approval.request"].search(
            [("res_model", "=", self._name), ("state", "=", "pending")]
        )
        capability.call(
            requests._withdraw,
            self.env._(
                "The addon that asks about documents like this was uninstalled."
            ),
        )
        return capability.call(super()._leave)

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

    def action_view_customer_approval_events(self):
        """Open the history of this document: its stages, and all that was asked and
        answered."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "customer_approval_gate.customer_approval_event_action"
        )
        action["domain"] = [("res_model", "=", self._name), ("res_id", "=", self.id)]
        action["context"] = {}
        title = self.env._("History of %(name)s", name=self.display_name)
        action["name"] = action["display_name"] = title
        return action
