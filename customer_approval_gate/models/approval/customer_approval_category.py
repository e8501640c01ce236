# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class CustomerApprovalCategory(models.Model):
    """What a customer's rejection, or wish for changes, is about."""

    _name = "customer.approval.category"
    _description = "Reason of a Rejection"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", help="Leave it empty for a reason of all companies."
    )

    def _get_choice(self, company):
        """Return what customers of a company can choose from."""
        return self.search([("company_id", "in", (False, company.id))])
