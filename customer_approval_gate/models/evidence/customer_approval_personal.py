# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models

from ...tools import triggers


class CustomerApprovalPersonal(models.Model):
    """Personal data of one event, beside it: the event holds a salted digest only, so
    that these can be erased without breaking the chain.

    ``customer.approval.event`` writes them, reads them and erases them.
    """

    _name = "customer.approval.personal"
    _inherit = ["customer.approval.insert.only.mixin"]
    _log_access = False
    _description = "Personal Data of a Customer Approval Event"
    _rec_name = "event_id"

    event_id = fields.Many2one(
        "customer.approval.event", required=True, readonly=True, ondelete="restrict"
    )
    salt = fields.Char(readonly=True)
    value = fields.Json(readonly=True)

    _one_for_each_event = models.UniqueIndex("(event_id)")

    @api.model
    def _get_triggers(self):
        # Rows are changed once, when they are erased.
        kept = [
            trigger
            for trigger in super()._get_triggers()
            if trigger.name != "customer_approval_unalterable"
        ]
        return [
            *kept,
            triggers.Trigger(
                self._table, "erase", "BEFORE UPDATE", "customer_approval_personal"
            ),
            triggers.Trigger(
                self._table, "keep", "BEFORE DELETE", "customer_approval_unalterable"
            ),
        ]
