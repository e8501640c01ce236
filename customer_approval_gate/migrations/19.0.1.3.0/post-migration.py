# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Find out what blocks documents."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    env.ref("customer_approval_gate.cron_blocked")._trigger()
