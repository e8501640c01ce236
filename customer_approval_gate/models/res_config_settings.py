# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import AccessError

from odoo.addons.base.models.res_users import check_identity

from ..tools import capability, fonts, identity, seal
from .evidence.customer_approval_checkpoint import EMAILS_PARAMETER


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    customer_approval_signature = fields.Boolean(
        related="company_id.customer_approval_signature", readonly=False
    )
    customer_approval_days = fields.Integer(
        related="company_id.customer_approval_days", readonly=False
    )
    customer_approval_late_allowed = fields.Boolean(
        related="company_id.customer_approval_late_allowed", readonly=False
    )
    customer_approval_consent = fields.Text(
        related="company_id.customer_approval_consent", readonly=False
    )
    customer_approval_deposit_percent = fields.Float(
        related="company_id.customer_approval_deposit_percent", readonly=False
    )
    customer_approval_code = fields.Boolean(
        related="company_id.customer_approval_code", readonly=False
    )
    customer_approval_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Currency of the Tolerance"
    )
    customer_approval_tolerance_percent = fields.Float(
        related="company_id.customer_approval_tolerance_percent", readonly=False
    )
    customer_approval_tolerance_amount = fields.Monetary(
        related="company_id.customer_approval_tolerance_amount",
        currency_field="customer_approval_currency_id",
        readonly=False,
    )
    customer_approval_lower_allowed = fields.Boolean(
        related="company_id.customer_approval_lower_allowed", readonly=False
    )
    customer_approval_typos_allowed = fields.Boolean(
        related="company_id.customer_approval_typos_allowed", readonly=False
    )
    customer_approval_date_allowed = fields.Boolean(
        related="company_id.customer_approval_date_allowed", readonly=False
    )
    customer_approval_checkpoint_emails = fields.Char(
        string="Who Keeps Checkpoints", config_parameter=EMAILS_PARAMETER
    )
    customer_approval_key_problem = fields.Char(
        compute="_compute_customer_approval_server"
    )
    customer_approval_copied_on = fields.Datetime(
        compute="_compute_customer_approval_server"
    )

    customer_approval_unknown_keys = fields.Char(
        compute="_compute_customer_approval_server"
    )
    customer_approval_verified = fields.Char(
        compute="_compute_customer_approval_server"
    )

    def _compute_customer_approval_server(self):
        parameters = self.env["ir.config_parameter"].sudo()  # shown with settings
        events = self.env["customer.approval.event"].sudo()  # as above
        run = self.env["customer.approval.verification"].sudo().search([], limit=1)
        for settings in self:
            settings.customer_approval_unknown_keys = " ".join(
                sorted(events._find_unknown_keys())
            )
            settings.customer_approval_verified = run._describe() if run else False
            settings.customer_approval_key_problem = seal.find_problem(self.env)
            settings.customer_approval_copied_on = fields.Datetime.to_datetime(
                parameters.get_param(identity.COPIED)
            )

    def action_mail_new_customer_approval_links(self):
        """Mail new links to everybody who is asked: the database was moved here.

        :raise AccessError: the user is no administrator
        """
        self._check_customer_approval_administrator()
        requests = self.env["customer.approval.request"].sudo()  # all there are
        pending = requests.search([("state", "=", "pending")])
        pending._mail_new_links()
        self.action_keep_customer_approval_links()
        return self._notify_customer_approval(
            [],
            "",
            self.env._(
                "New links are on their way to everybody who is asked: %(count)s "
                "requests.",
                count=len(pending),
            ),
        )

    def action_keep_customer_approval_links(self):
        """Take away the notice that the database is a copy: it is one.

        :raise AccessError: the user is no administrator
        """
        self._check_customer_approval_administrator()
        parameters = self.env["ir.config_parameter"].sudo()  # administrators only
        parameters.set_param(identity.COPIED, False)
        return {"type": "ir.actions.client", "tag": "reload"}

    def action_check_customer_approval_database(self):
        """Say whether the database holds the rules: whether all triggers are there,
        switched on, and as they were made."""
        problems = self.env["customer.approval.event"]._find_database_problems()
        problems += self._find_printing_problems()
        return self._notify_customer_approval(
            problems,
            self.env._("Something is missing on this server"),
            self.env._("The database holds all rules."),
        )

    @api.model
    def _find_printing_problems(self):
        """Return what keeps certificates from being printed as they should be."""
        problems = []
        if not self.env["ir.actions.report"]._can_print_approvals():
            problems.append(
                self.env._(
                    "There is no program that prints PDF: certificates are not made. "
                    "Install wkhtmltopdf."
                )
            )
        if scripts := fonts.find_missing_scripts():
            problems.append(
                self.env._(
                    "There is no font for names in these scripts, which certificates "
                    "show as boxes: %(scripts)s. Install fonts-noto-core and "
                    "fonts-noto-cjk.",
                    scripts=", ".join(scripts),
                )
            )
        return problems

    def action_verify_customer_approvals(self):
        """Recompute all digests of all evidence, and say whether they fit."""
        self._check_customer_approval_administrator()
        runs = self.env["customer.approval.verification"].sudo()  # all evidence
        run = runs._run_for_somebody()
        return self._notify_customer_approval(
            [*filter(None, (run.problems or "").split("\n"))],
            self.env._("The evidence does not fit"),
            run._describe(),
        )

    @check_identity
    def action_confirm_customer_approval_keys(self):
        """Trust the keys of other servers that sealed evidence of this database: by a
        person, whose password is asked for, and not by code.

        :raise AccessError: the user is no administrator
        """
        self._check_customer_approval_administrator()
        events = self.env["customer.approval.event"].sudo()  # administrators only
        shown = (self.customer_approval_unknown_keys or "").split()
        capability.call(events._confirm_keys, shown)
        return {"type": "ir.actions.client", "tag": "reload"}

    def _check_customer_approval_administrator(self):
        if not self.env.is_system():
            raise AccessError(self.env._("Only administrators may do this: ask yours."))

    def _notify_customer_approval(self, problems, title, fine):
        self._check_customer_approval_administrator()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "danger" if problems else "success",
                "sticky": bool(problems),
                "title": title if problems else None,
                "message": "\n".join(problems[:20]) or fine,
            },
        }
