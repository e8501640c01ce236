# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...tools import moments


class CustomerApprovalSend(models.TransientModel):
    """The dialog that asks customers to approve one or many documents."""

    _name = "customer.approval.send"
    _description = "Request Customer Approval"

    res_model = fields.Char(required=True)
    res_ids = fields.Json()
    document_count = fields.Integer(compute="_compute_documents")
    document_names = fields.Char(string="Documents", compute="_compute_documents")
    allowed_partner_ids = fields.Many2many(
        "res.partner", compute="_compute_allowed_partner_ids"
    )
    line_ids = fields.One2many(
        "customer.approval.send.line",
        "dialog_id",
        string="Ask",
        compute="_compute_line_ids",
        store=True,
        readonly=False,
        help="Each of them gets a link of their own.",
    )
    ask_others = fields.Boolean(
        string="Ask Somebody Else",
        help="Also people who are no contacts of the customer. It is recorded.",
    )
    rule = fields.Selection(
        selection="_get_rules",
        string="Who Has to Approve",
        compute="_compute_rule",
        store=True,
        readonly=False,
    )
    required_count = fields.Integer(
        string="How Many",
        compute="_compute_rule",
        store=True,
        readonly=False,
    )
    rejection_ends = fields.Boolean(
        string="One Rejection Ends It",
        default=True,
        help="Otherwise the others can still answer.",
    )
    deadline = fields.Date(
        compute="_compute_deadline",
        store=True,
        readonly=False,
        help="The last day for an answer. Afterwards the request expires; it is never "
        "taken for a yes.",
    )
    message = fields.Text(help="The customer reads it above the document.")
    attachment_ids = fields.Many2many(
        "ir.attachment",
        string="Files to Show",
        help="The customer can look at copies of them.",
    )
    preview = fields.Html(
        string="What the Customer Reads", compute="_compute_preview", sanitize=False
    )

    @api.model_create_multi
    def create(self, vals_list):
        dialogs = super().create(vals_list)
        for dialog in dialogs:
            dialog._get_documents()  # refuses what the user may not work on
        return dialogs

    def _get_documents(self):
        self.ensure_one()
        model = self.env.registry.get(self.res_model)
        if model is None or not issubclass(
            model, self.env.registry["customer.approval.mixin"]
        ):
            raise UserError(self.env._("Customers cannot approve such records."))
        ids = self.res_ids
        if (
            not isinstance(ids, list)
            or not ids
            or any(type(record_id) is not int for record_id in ids)
        ):
            raise UserError(
                self.env._("Choose the documents that customers are to approve.")
            )
        documents = self.env[self.res_model].browse(ids)
        documents.check_access("write")
        return documents

    @api.depends("res_model", "res_ids")
    def _compute_documents(self):
        for dialog in self:
            documents = dialog._get_documents()
            dialog.document_count = len(documents)
            dialog.document_names = ", ".join(documents.mapped("display_name"))

    @api.depends("res_model", "res_ids")
    def _compute_allowed_partner_ids(self):
        for dialog in self:
            documents = dialog._get_documents()
            customers = documents._get_document_customer().commercial_partner_id
            dialog.allowed_partner_ids = self.env["res.partner"].search(
                [("commercial_partner_id", "in", customers.ids)]
            )

    @api.model
    def _get_rules(self):
        requests = self.env["customer.approval.request"]
        return requests._fields["rule"]._description_selection(self.env)

    @api.depends("res_model", "res_ids")
    def _compute_line_ids(self):
        for dialog in self:
            documents = dialog._get_documents()
            partners = self.env["res.partner"]
            if len(documents) == 1:
                partners = documents._get_default_approvers()
            dialog.line_ids = [
                fields.Command.clear(),
                *(
                    fields.Command.create(
                        {"partner_id": partner.id, "sequence": number}
                    )
                    for number, partner in enumerate(partners, 1)
                ),
            ]

    @api.depends("res_model", "res_ids")
    def _compute_rule(self):
        for dialog in self:
            documents = dialog._get_documents()
            people = max(document._get_required_people() for document in documents)
            dialog.rule = "some" if people > 1 else "any"
            dialog.required_count = people

    @api.depends("res_model", "res_ids")
    def _compute_deadline(self):
        for dialog in self:
            documents = dialog._get_documents()
            # Several documents have their own last days, which count for each.
            dialog.deadline = documents[:1]._get_deadline() if documents else False

    @api.depends("res_model", "res_ids", "message")
    def _compute_preview(self):
        for dialog in self:
            document = dialog._get_documents()[:1]
            if not document:
                dialog.preview = False
                continue
            lang = document._get_document_customer().lang or self.env.lang
            document = document.with_context(lang=lang)
            content = document.sudo()._get_customer_approval_content()[document.id]
            requests = self.env["customer.approval.request"]
            dialog.preview = self._render_message(
                dialog.message
            ) + requests._render_content(
                content,
                document._get_document_currency(),
                lang,
                document._get_time_zone(),
            )

    @api.model
    def _render_message(self, message):
        return (
            Markup('<p style="white-space: pre-wrap">%s</p>') % message
            if message
            else Markup()
        )

    def action_send(self):
        """Make the requests and mail the links.

        :raise UserError: a document cannot be asked about, or somebody has no
            address
        """
        self.ensure_one()
        documents = self._get_documents()
        self._check_partners(documents)
        if len(documents) > 1:
            # So that it can be done twice: nobody is asked twice about the same.
            documents = documents.filtered(
                lambda document: not self._is_asked_already(document)
            )
            requests = documents._open_customer_approval(
                None, self.deadline, self.message, self.attachment_ids
            )
        else:
            requests = documents._open_customer_approval(
                self.line_ids.sorted().partner_id,
                self.deadline,
                self.message,
                self.attachment_ids,
                rule=self.rule,
                required_count=self.required_count,
                rejection_ends=self.rejection_ends,
            )
        for new in (True, False):
            own = requests.filtered(lambda r, new=new: (r.version > 1) == new)
            if own:
                own._send("changed" if new else "asked")
        return {"type": "ir.actions.act_window_close"}

    def _is_asked_already(self, document):
        request = document.sudo().customer_approval_request_id  # as the user asks
        return (
            request.state == "pending"
            and not request._is_outdated()
            and not request._is_expired()
        )

    def action_ask_on_screen(self):
        """Turn to the dialog for the customer's own hands."""
        self.ensure_one()
        return self._get_documents().action_ask_on_screen()

    def _check_partners(self, documents):
        partners = self.line_ids.partner_id
        if len(documents) == 1 and not partners:
            raise UserError(self.env._("Choose whom to ask."))
        if len(documents) > 1 and partners:
            raise UserError(
                self.env._(
                    "Several documents are sent to their own customers each. To "
                    "choose whom to ask, request approval of one document at a time."
                )
            )
        partners._check_approval_address()
        strangers = partners - self.allowed_partner_ids
        if strangers and not self.ask_others:
            raise UserError(
                self.env._(
                    "%(partner)s is no contact of the customer. Choose one of the "
                    "customer's contacts, or tick “Ask Somebody Else”.",
                    partner=strangers[0].display_name,
                )
            )
        if self.deadline and all(
            moments.is_over(self.deadline, document._get_time_zone())
            for document in documents
        ):
            raise UserError(
                self.env._("The deadline has passed already. Choose a later day.")
            )


class CustomerApprovalSendLine(models.TransientModel):
    """One person to ask."""

    _name = "customer.approval.send.line"
    _description = "Person to Ask"
    _order = "sequence, id"

    dialog_id = fields.Many2one(
        "customer.approval.send", required=True, ondelete="cascade"
    )
    sequence = fields.Integer(default=10)
    partner_id = fields.Many2one("res.partner", string="Person", required=True)
    email = fields.Char(
        compute="_compute_email",
        inverse="_inverse_email",
        help="The contact's address. What is entered here is kept on the contact.",
    )

    @api.depends("partner_id.email")
    def _compute_email(self):
        for line in self:
            line.email = line.partner_id.email

    def _inverse_email(self):
        for line in self:
            # Whoever changes nothing needs no right to.
            if (line.email or "") != (line.partner_id.email or ""):
                line.partner_id.email = line.email
