# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import api, fields, models


class CustomerApprovalDeliveryKind(models.Model):
    """What can be confirmed: goods delivered, a service completed …"""

    _name = "customer.approval.delivery.kind"
    _description = "Kind of Delivery"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", help="Leave it empty for a kind that all companies have."
    )

    @api.model
    def _get_choice(self, company):
        """Return the kinds that a company has.

        :param company: the document's ``res.company``
        """
        return self.search([("company_id", "in", [False, company.id])])
