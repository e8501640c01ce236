# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import api, fields, models

from ...tools.demands import STRENGTHS


class CustomerApprovalStageMixin(models.AbstractModel):
    """What a stage of any list asks for, and where it stands in its list.

    Of its host it asks ``name``, ``sequence`` and ``active``.
    """

    _name = "customer.approval.stage.mixin"
    _description = "Stage of a List"

    requires_customer_approval = fields.Boolean(
        help="A document cannot enter this stage, or any stage after it, until its "
        "customer has approved exactly this scope and price.",
    )

    minimum_evidence = fields.Selection(
        [
            ("in_person", "In person before a witness, or better"),
            ("link", "Personal link, or better"),
            ("strong", "Login or one-time code"),
        ],
        help="How sure it has to be who approved. Empty: any evidence will do, also an "
        "answer that staff recorded from paper or mail.",
    )

    currency_id = fields.Many2one(
        "res.currency", compute="_compute_currency_id", compute_sudo=True
    )

    approval_from_amount = fields.Monetary(
        string="From an Amount of",
        help="Only documents that come to this amount or more, in their company's "
        "currency, need the customer's approval to enter. 0: all of them.",
    )

    reachable_anytime = fields.Boolean(
        help="A side stage such as On Hold or Cancelled: documents can always enter "
        "it, whatever the stages before it ask for.",
    )

    edit_lock = fields.Boolean(
        help="What is sold, and at which price, cannot be edited while the document "
        "is in this stage.",
    )

    is_closed = fields.Boolean(
        string="Closed", help="The work on documents in this stage is done."
    )

    company_id = fields.Many2one(
        "res.company", help="Leave it empty for a stage of all companies."
    )

    _approval_from_amount_positive = models.Constraint(
        "CHECK (approval_from_amount >= 0)",
        "The amount from which on approval is required cannot be negative. Enter 0 for "
        "all documents.",
    )

    def _is_gate(self):
        """Return whether entering the stage asks for anything of its own.

        Override to add a gate.
        """
        self.ensure_one()
        return self.requires_customer_approval

    def _looks_at_amounts(self):
        """Return whether it depends on what a document comes to what the stage asks
        for."""
        self.ensure_one()
        return bool(self.approval_from_amount)

    @api.depends("company_id")
    @api.depends_context("company")
    def _compute_currency_id(self):
        for stage in self:
            company = stage.company_id or self.env.company
            stage.currency_id = company.currency_id

    def _get_asking(self, stage):
        """Return which of these gates is named as the one that asks: the stage's own if
        it is one of them, or else the first.

        :param stage: the stage to be entered
        """
        return (self & stage.sudo()) or self[:1]

    def _of_company(self, company):
        """Return those of these stages that count for a company's documents."""
        return self.filtered(
            lambda stage: stage.company_id in (company, self.env["res.company"])
        )

    def _get_minimum_strength(self):
        """Return how sure the surest of these stages wants to be who approved, see
        ``tools.ledger.LEVELS``; 0 where any evidence will do."""
        return max(
            (
                STRENGTHS.get(stage.minimum_evidence, 0)
                for stage in self
                if stage.requires_customer_approval
            ),
            default=0,
        )
