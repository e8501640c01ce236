# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError


class CustomerApprovalStageAction(models.Model):
    """What is done when a document has entered a stage, an entry action.

    The actions of a stage are run in order, for all documents that move at once, after
    the move and in its transaction: one that fails refuses the whole move.
    """

    _name = "customer.approval.stage.action"
    _description = "Entry Action"
    _order = "stage_id, sequence, id"

    stage_id = fields.Many2one(
        "customer.approval.stage", required=True, index=True, ondelete="cascade"
    )
    document_type = fields.Selection(related="stage_id.document_type")
    sequence = fields.Integer(default=10)
    kind = fields.Selection(
        [
            ("server", "Run a Server Action"),
            ("mail", "Send a Mail"),
            ("activity", "Create an Activity"),
        ],
        string="Action",
        required=True,
        default="mail",
    )
    run_again = fields.Boolean(
        help="Also when the document comes back to the stage. Otherwise the action is "
        "run once for each document.",
    )
    model_name = fields.Char(compute="_compute_model_name")
    server_action_id = fields.Many2one(
        "ir.actions.server",
        domain="[('model_name', '=', model_name)]",
        ondelete="restrict",
    )
    mail_template_id = fields.Many2one(
        "mail.template", domain="[('model', '=', model_name)]", ondelete="restrict"
    )
    activity_type_id = fields.Many2one("mail.activity.type", ondelete="restrict")
    activity_role = fields.Selection(
        [
            ("salesperson", "Salesperson"),
            ("leader", "Team Leader"),
            ("user", "A Certain User"),
        ],
        string="Assigned to",
        default="salesperson",
    )
    activity_user_id = fields.Many2one(
        "res.users", string="User", domain="[('share', '=', False)]"
    )
    activity_summary = fields.Char(string="Summary", translate=True)
    activity_days = fields.Integer(string="Days to Do It")

    @api.depends("stage_id.document_type")
    def _compute_model_name(self):
        models_of = self.env["customer.approval.stage"]._document_models()
        for action in self:
            action.model_name = models_of.get(action.stage_id.document_type)

    @api.depends("kind", "server_action_id", "mail_template_id", "activity_summary")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for action in self:
            what = {
                "server": action.server_action_id.sudo().name,
                "mail": action.mail_template_id.sudo().name,
                "activity": action.activity_summary or action.activity_type_id.name,
            }.get(action.kind)
            label = kinds.get(action.kind, "")
            action.display_name = f"{label}: {what}" if what else label

    @api.constrains(
        "activity_role",
        "activity_user_id",
        "kind",
        "mail_template_id",
        "server_action_id",
        "stage_id",
    )
    def _check_complete(self):
        missing = {
            "server": lambda action: not action.server_action_id,
            "mail": lambda action: not action.mail_template_id,
            "activity": lambda action: (
                action.activity_role == "user" and not action.activity_user_id
            ),
        }
        for action in self:
            if missing.get(action.kind, lambda action: False)(action):
                raise ValidationError(
                    self.env._(
                        "An action of the stage %(stage)s is not complete: choose what "
                        "is to be done.",
                        stage=action.stage_id.name,
                    )
                )
            chosen = action.server_action_id.sudo().model_name
            chosen = chosen if action.kind == "server" else action.model_name
            if action.kind == "mail":
                chosen = action.mail_template_id.sudo().model
            if chosen != action.model_name:
                raise ValidationError(
                    self.env._(
                        "%(action)s is for other documents than those of the stage "
                        "%(stage)s. Choose another one.",
                        action=action.display_name,
                        stage=action.stage_id.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        self.env["customer.approval.stage"]._forget_lists()
        actions = super().create(vals_list)
        actions._check_server_action_right()
        return actions

    def write(self, vals):
        self.env["customer.approval.stage"]._forget_lists()
        result = super().write(vals)
        self._check_server_action_right()
        return result

    def unlink(self):
        self.env["customer.approval.stage"]._forget_lists()
        return super().unlink()

    # No constraint: those are checked with superuser rights.
    def _check_server_action_right(self):
        """Whoever attaches a server action lets everybody who moves documents run it
        with all rights.

        :raise AccessError: the user is no administrator
        """
        if self.env.su or self.env.is_system():
            return
        if any(action.kind == "server" for action in self):
            raise AccessError(
                self.env._(
                    "Only administrators may let a stage run a server action: ask "
                    "yours."
                )
            )

    def _run(self, documents):
        """Do it with documents that have entered the stage.

        :param documents: the documents, with the rights of ``_as_automation()``
        :raise UserError: it failed
        """
        self.ensure_one()
        getattr(self, f"_run_{self.kind}")(documents)

    def _run_server(self, documents):
        action = self.server_action_id.sudo()  # an administrator has attached it
        try:
            action.with_env(documents.env).with_context(
                active_model=documents._name,
                active_ids=documents.ids,
                active_id=documents[:1].id,
            ).run()
        except ValueError as error:
            # What code of server actions raises by mistake.
            raise UserError(
                self.env._(
                    "The action “%(action)s” of the stage %(stage)s failed: %(error)s. "
                    "Ask your administrator to mend it.",
                    action=action.name,
                    stage=self.stage_id.name,
                    error=error,
                )
            ) from error

    def _run_mail(self, documents):
        template = self.mail_template_id.sudo()  # whoever moves need not read it
        template.with_env(documents.env).send_mail_batch(documents.ids)

    def _run_activity(self, documents):
        today = fields.Date.context_today(self)
        for document in documents:
            user = self.activity_user_id
            if self.activity_role == "salesperson":
                user = document._get_staff()
            elif self.activity_role == "leader":
                has_team = "team_id" in document._fields
                user = document.team_id.user_id if has_team else document._get_staff()
            activity_type = self.activity_type_id
            document._schedule_for_staff(
                "mail.mail_activity_data_todo",
                user,
                **({"activity_type_id": activity_type.id} if activity_type else {}),
                summary=self.activity_summary,
                date_deadline=today + timedelta(days=self.activity_days),
            )
