# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Links have become those of one database and one request: the ones of before stop,
    and whoever is asked is mailed a new one."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    requests = env["customer.approval.request"]
    requests.search([("state", "=", "pending")])._mail_new_links()
