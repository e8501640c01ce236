# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class MailActivity(models.Model):
    _inherit = "mail.activity"

    customer_approval_topic = fields.Char(
        readonly=True,
        index="btree_not_null",
        help="What about an approval there is to do: what ends it closes the activity.",
    )
