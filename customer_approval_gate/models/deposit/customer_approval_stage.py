# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import ValidationError


class CustomerApprovalStage(models.Model):
    _inherit = "customer.approval.stage"

    minimum_deposit = fields.Float(
        string="Minimum Deposit (%)",
        digits=(5, 2),
        help="How much of the total has to be paid before a document enters this "
        "stage, or any stage after it. 0: nothing.",
    )
    auto_advance_on = fields.Selection(
        selection_add=[("deposit_complete", "Deposit complete"), ("entry",)],
        ondelete={"deposit_complete": "set null"},
    )

    _minimum_deposit_range = models.Constraint(
        "CHECK (minimum_deposit BETWEEN 0 AND 100)",
        "A minimum deposit is a percentage of the total: enter a number from 0 to 100.",
    )

    @api.model
    def _get_logged_fields(self):
        return super()._get_logged_fields() | {"minimum_deposit"}

    def _is_gate(self):
        return super()._is_gate() or self._asks_for_deposit()

    def _looks_at_amounts(self):
        return super()._looks_at_amounts() or self._asks_for_deposit()

    def _asks_for_deposit(self):
        """Return whether a document that has to pay a deposit has to have paid it to
        enter the stage.

        Override for stages that cost money in other ways.
        """
        self.ensure_one()
        return bool(self.minimum_deposit)

    def _get_demands(self):
        demands = super()._get_demands()
        for gate in self.sudo():  # of all companies
            if gate._asks_for_deposit():
                demands.add((gate, ("deposit", gate.company_id, 0.0)))
        return demands

    def _describe_requirements(self):
        sentences = super()._describe_requirements()
        gates = self.gate_stage_ids.filtered(lambda gate: gate._asks_for_deposit())
        if gates:
            sentences.append(
                self.env._(
                    "“%(stage)s” now requires a deposit (gate: %(gates)s).",
                    stage=self.name,
                    gates=", ".join(gates.mapped("name")),
                )
            )
        return sentences

    @api.constrains("minimum_deposit", "reachable_anytime")
    def _check_side_stage_has_no_deposit(self):
        for stage in self:
            if stage.minimum_deposit and stage.reachable_anytime:
                raise ValidationError(
                    self.env._(
                        "The stage %(stage)s cannot both be reachable at any time and "
                        "take a deposit. Change one of the two.",
                        stage=stage.name,
                    )
                )
