# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    customer_approval_signature = fields.Boolean(
        string="Signature for Customer Approvals",
        help="Customers have to sign when they approve.",
    )
    customer_approval_days = fields.Integer(
        string="Days to Answer",
        default=7,
        help="How many days customers have to answer. 0: no deadline.",
    )
    customer_approval_consent = fields.Text(
        string="Words of Consent",
        translate=True,
        help="What customers agree to when they approve. It is stored with their "
        "answer. Empty: the standard wording.",
    )

    _customer_approval_days_positive = models.Constraint(
        "CHECK (customer_approval_days >= 0)",
        "The number of days to answer cannot be negative. Enter 0 for no deadline.",
    )

    def _get_customer_approval_deadline(self):
        """Return the last day for an answer to a request made today, or ``False``."""
        self.ensure_one()
        if not self.customer_approval_days:
            return False
        return fields.Date.context_today(self) + timedelta(
            days=self.customer_approval_days
        )

    def _get_customer_approval_consent(self):
        """Return the words customers agree to when they approve."""
        self.ensure_one()
        return self.customer_approval_consent or self.env._(
            "I have read this document and agree to its scope and price."
        )
