# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import SUPERUSER_ID, api
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.customer_approval_gate.tools import ledger
from odoo.addons.customer_approval_gate.tools.event_data import EventData

# Dialogs of the first version.
LEFT_OVER = ("customer_approval_in_person", "customer_approval_send_res_partner_rel")


def migrate(cr, version):
    """Bring the evidence of before up to date. Not by a method of a model: code of
    server actions could call that."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    for table in LEFT_OVER:
        cr.execute(SQL("DROP TABLE IF EXISTS %s", SQL.identifier(table)))
    _note_wrong_digests(env)
    _install_glue(env)


def _note_wrong_digests(env):
    """Say of decisions that an upgrade has digested with a field too many that it was
    so. Others whose digest does not fit are what they were: altered."""
    requests = env["customer.approval.request"].search(Domain.TRUE, order="id")
    exported = {row["id"]: row for row in requests._export_evidence()}
    events = env["customer.approval.event"]
    entries = []
    for event in events.search(
        [("kind", "=", "decided"), ("text", "=", ledger.TAKEN_OVER)], order="id"
    ):
        row = exported[event.request_id.id]
        digest = event.details["answer"]
        if (
            not ledger.format_of(digest)
            and digest != ledger.decision_digest(row, 1)
            and digest == ledger.upgrade_digest(row)
        ):
            entries.append(
                EventData(
                    event.request_id._get_document(),
                    "upgrade_noted",
                    event.request_id,
                    text="An upgrade digested this answer with a field that its format "
                    "does not have.",
                    details={"answer": digest, "event": event.id},
                )
            )
    events._append(entries)


def _install_glue(env):
    """Install the addons that install themselves with others, where those are there:
    an upgrade does not."""
    modules = env["ir.module.module"].search(
        [
            ("name", "=like", "customer_approval_gate\\_%"),
            ("state", "=", "uninstalled"),
            ("auto_install", "=", True),
        ]
    )
    for module in modules:
        if all(
            dependency.depend_id.state in ("installed", "to upgrade", "to install")
            for dependency in module.dependencies_id
        ):
            module.button_install()
