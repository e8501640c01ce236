# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.tools import float_repr

from ..tools.event_data import EventData


class ResCompany(models.Model):
    _name = "res.company"
    _inherit = ["customer.approval.evidence.mixin", "res.company"]

    customer_approval_signature = fields.Boolean(
        string="Signature for Customer Approvals",
        help="Customers have to sign when they approve.",
    )
    customer_approval_days = fields.Integer(
        string="Days to Answer",
        default=7,
        help="How many days customers have to answer. 0: no deadline.",
    )
    customer_approval_late_allowed = fields.Boolean(
        string="Allow Late Answers",
        help="Customers may approve an offer after its expiration, as long as they are "
        "asked. That it was late is recorded.",
    )
    customer_approval_consent = fields.Text(
        string="Words of Consent",
        translate=True,
        help="What customers agree to when they approve. It is stored with their "
        "answer. Empty: the standard wording.",
    )

    customer_approval_code = fields.Boolean(
        string="One-Time Codes",
        help="Whoever approves by their personal link has to enter a code first, which "
        "is mailed to their own address. Stages can ask for it, too.",
    )

    customer_approval_deposit_percent = fields.Float(
        string="Deposit of New Orders (%)",
        digits=(5, 2),
        help="Which deposit new orders take, in percent of their total. 0: none.",
    )
    customer_approval_tolerance_percent = fields.Float(
        string="Tolerated Rise (%)",
        help="By how much prices may rise after the approval without asking again, in "
        "percent of the approved total. 0: see the amount.",
    )
    customer_approval_tolerance_amount = fields.Monetary(
        string="Tolerated Rise",
        help="By how much prices may rise after the approval without asking again. 0: "
        "see the percentage. Where both are given, both have to be kept.",
    )
    customer_approval_lower_allowed = fields.Boolean(
        string="Lower Totals Allowed",
        help="An approved document may become cheaper without asking again.",
    )
    customer_approval_typos_allowed = fields.Boolean(
        string="Typos May Be Mended",
        help="Small changes of wording in descriptions need no new approval.",
    )
    customer_approval_date_allowed = fields.Boolean(
        string="Delivery Date May Change",
        help="Another delivery date needs no new approval.",
    )

    _customer_approval_tolerance_positive = models.Constraint(
        "CHECK (customer_approval_tolerance_percent >= 0"
        " AND customer_approval_tolerance_amount >= 0)",
        "Tolerances cannot be negative. Enter 0 for none.",
    )
    _customer_approval_deposit_range = models.Constraint(
        "CHECK (customer_approval_deposit_percent BETWEEN 0 AND 100)",
        "A deposit is a percentage of the total: enter a number from 0 to 100.",
    )
    _customer_approval_days_positive = models.Constraint(
        "CHECK (customer_approval_days >= 0)",
        "The number of days to answer cannot be negative. Enter 0 for no deadline.",
    )

    @api.model
    def _get_customer_approval_policy_fields(self):
        return [
            "customer_approval_tolerance_percent",
            "customer_approval_tolerance_amount",
            "customer_approval_lower_allowed",
            "customer_approval_typos_allowed",
            "customer_approval_date_allowed",
        ]

    def _get_customer_approval_policy(self, currency=None):
        """Return which changes of what was approved matter, see
        ``tools/content.py``.

        :param currency: the ``res.currency`` of the amount, by default the company's
        """
        self.ensure_one()
        currency = currency or self.currency_id
        amount = self.currency_id._convert(
            self.customer_approval_tolerance_amount,
            currency,
            self,
            fields.Date.context_today(self),
        )
        return {
            "percent": float_repr(self.customer_approval_tolerance_percent, 4),
            "amount": float_repr(amount, currency.decimal_places),
            "lower": self.customer_approval_lower_allowed,
            "typos": self.customer_approval_typos_allowed,
            "delivery_date": self.customer_approval_date_allowed,
        }

    def _get_recorded_policy(self, currency):
        """Return the policy, as far as the ledger knows it: what was set by a way round
        Odoo tolerates nothing.

        :param currency: as for ``_get_customer_approval_policy()``
        """
        self.ensure_one()
        if self._has_recorded_policy():
            return self._get_customer_approval_policy(currency)
        return {
            "percent": "0",
            "amount": "0",
            "lower": False,
            "typos": False,
            "delivery_date": False,
        }

    @api.model
    def _find_evidence_problems(self, document=None):
        problems = super()._find_evidence_problems(document)
        if document is not None:
            return problems
        return problems + [
            f"res.company,{company.id}: which changes are tolerated was changed by a "
            "way round Odoo"
            for company in self.sudo().search([])  # all there are
            if not company._has_recorded_policy()
        ]

    def _has_recorded_policy(self):
        self.ensure_one()
        event = self.env["customer.approval.event"].search(
            [
                ("res_model", "=", self._name),
                ("res_id", "=", self.id),
                ("kind", "=", "policy_changed"),
            ],
            limit=1,
        )
        policy = self._get_customer_approval_policy()
        if event:
            return event.details["new"] == policy
        return not any(
            float(value) if isinstance(value, str) else value
            for value in policy.values()
        )

    def write(self, vals):
        if not vals.keys() & {*self._get_customer_approval_policy_fields()}:
            return super().write(vals)
        before = {company: company._get_customer_approval_policy() for company in self}
        result = super().write(vals)
        entries = []
        for company, old in before.items():
            new = company._get_customer_approval_policy()
            if new != old:
                entries.append(
                    EventData(
                        company, "policy_changed", details={"old": old, "new": new}
                    )
                )
        # Nobody writes events but what happens.
        self.env["customer.approval.event"].sudo()._append(entries)
        return result

    def _get_customer_approval_consent(self):
        """Return the words customers agree to when they approve."""
        self.ensure_one()
        return self.customer_approval_consent or self.env._(
            "I have read this document and agree to its scope and price."
        )
