# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.tools import SQL
from odoo.tools.sql import column_exists, create_column

from .tools import capability, redact, triggers
from .tools.event_data import Answer
from .tools.registry import models_with

# The documents' tables: before the installation there are no models to ask.
TABLES = ("sale_order", "account_move")


DEPOSIT_COLUMNS = (("deposit_required", "bool"), ("deposit_percent", "numeric"))


def post_load():
    """Keep the secrets of links out of the log of the whole process."""
    redact.install()


def pre_init_hook(env):
    """Make the columns before Odoo does: it would compute them one document at a
    time, which takes hours where there are many."""
    for table in TABLES:
        for column, kind in (
            ("stage_id", "int4"),
            ("stage_entered_on", "timestamp"),
            ("customer_approval_request_id", "int4"),
            ("customer_approval_since", "timestamp"),
            ("customer_approval_substate", "varchar"),
            ("blocked_by", "varchar"),
            *(DEPOSIT_COLUMNS if table == "sale_order" else ()),
        ):
            if not column_exists(env.cr, table, column):
                create_column(env.cr, table, column, kind)
        if not column_exists(env.cr, table, "customer_approval_status"):
            # The default fills all rows without touching one, and is taken away
            # again: from now on Odoo gives the value.
            env.cr.execute(
                SQL(
                    "ALTER TABLE %s ADD COLUMN customer_approval_status varchar"
                    " DEFAULT 'not_required'",
                    SQL.identifier(table),
                )
            )
            env.cr.execute(
                SQL(
                    "ALTER TABLE %s ALTER COLUMN customer_approval_status DROP DEFAULT",
                    SQL.identifier(table),
                )
            )


# Whose answers the demo data have: how, why, and where the document goes then.
DEMO_ANSWERS = (
    ("order_approved", Answer("approved", "Ines Varga", "link"), None),
    (
        "order_conditions",
        Answer(
            "approved_conditions",
            "Robert Lindqvist",
            "link",
            conditions="The fitting takes place on a weekend, so that the shop can "
            "stay open.",
        ),
        None,
    ),
    (
        "order_changes",
        Answer(
            "changes_requested",
            "Martha Quill",
            "in_person",
            reason="Walnut instead of oak, please.",
        ),
        None,
    ),
    (
        "order_rejected",
        Answer(
            "rejected",
            "Ines Varga",
            "portal",
            reason="The hours for the fitting are beyond our budget.",
        ),
        None,
    ),
    (
        "order_production",
        Answer("approved", "Ines Varga", "link"),
        "stage_order_in_production",
    ),
    (
        "order_quality",
        Answer("approved", "Robert Lindqvist", "portal"),
        "stage_order_quality_check",
    ),
    (
        "order_delivered",
        Answer("approved", "Martha Quill", "in_person"),
        "stage_order_delivered",
    ),
    ("invoice_approved", Answer("approved", "Ines Varga", "link"), None),
    (
        "invoice_posted",
        Answer("approved", "Martha Quill", "link"),
        "stage_invoice_posted",
    ),
)


def post_init_hook(env):
    """Let the customers of the demo data answer: no method of a model may, as code of
    server actions could call it."""
    for name, answer, stage in DEMO_ANSWERS:
        document = env.ref(f"customer_approval_gate.demo_{name}", False)
        if not document:
            continue
        document.customer_approval_request_id._decide(answer)
        if stage:
            document.stage_id = env.ref(f"customer_approval_gate.{stage}")


def uninstall_hook(env):
    """Let go of stages and evidence, which go with the addon: the database no longer
    holds their rules, and documents are no longer held by them."""
    env.flush_all()
    triggers.drop_all(env.cr)
    # Products of the demo data stay: where Inventory is there, they have moved.
    env["ir.model.data"].search(
        [
            ("module", "=", "customer_approval_gate"),
            ("model", "in", ("product.product", "product.template")),
        ]
    ).unlink()
    for documents in models_with(env, "customer.approval.staged.mixin"):
        table = documents._table
        env.cr.execute(
            SQL(
                "UPDATE %s SET stage_id = NULL, customer_approval_request_id = NULL,"
                " customer_approval_status = 'not_required'",
                SQL.identifier(table),
            )
        )
    for table in (
        "mailing",
        "repetition",
        "delivery",
        "personal",
        "checkpoint",
        "event",
        "approver",
        "request",
    ):
        env.cr.execute(
            SQL("DELETE FROM %s", SQL.identifier(f"customer_approval_{table}"))
        )
    # Nothing of ours is left beside our tables.
    for model in models_with(env, "customer.approval.evidence.mixin"):
        if not model._keeps_files:
            continue
        name = model._name
        with capability.hold(env, capability.Erasing()):
            env["ir.attachment"].search([("res_model", "=", name)]).unlink()
        env["mail.message"].search([("model", "=", name)]).unlink()
        env["mail.followers"].search([("res_model", "=", name)]).unlink()
        env["mail.activity"].search([("res_model", "=", name)]).unlink()
    env["ir.config_parameter"].search(
        [("key", "=like", "customer_approval_gate.%")]
    ).unlink()
    env.invalidate_all()
