"""What the gate costs, as ratios against plain Odoo measured in the same run.

    devtools/odoo-dev script benchmarks/gate_cost.py

Plain Odoo is the same write with the addon's own write(), create() and line guards
taken out of the way. Times are medians; queries are those of one run.
"""

import statistics
import time
from unittest.mock import patch

from odoo.fields import Command

from odoo.addons.customer_approval_gate.models.approval import (
    customer_approval_mixin,
)
from odoo.addons.customer_approval_gate.models.stage import (
    customer_approval_staged_mixin,
)
from odoo.addons.customer_approval_gate.tools.event_data import Answer

staged = customer_approval_staged_mixin.CustomerApprovalStagedMixin
approval = customer_approval_mixin.CustomerApprovalMixin

COUNT = 100
ROUNDS = 3

Order = env["sale.order"].with_context(tracking_disable=True)
partner = env["res.partner"].create({"name": "Bench", "email": "bench@example.com"})
product = env["product.product"].create({"name": "Bench", "list_price": 10})
production = env.ref("customer_approval_gate.stage_order_in_production")


def make_orders(approve):
    orders = Order.create(
        [
            {
                "partner_id": partner.id,
                "order_line": [Command.create({"product_id": product.id})] * 3,
            }
            for _number in range(COUNT)
        ]
    )
    if approve:
        for request in orders._open_customer_approval(mail=False):
            request._decide(Answer("approved", "Bench", "link"))
    return orders


def measure(function):
    env.flush_all()
    env.invalidate_all()
    queries = env.cr.sql_log_count
    begin = time.perf_counter()
    function()
    env.flush_all()
    return time.perf_counter() - begin, env.cr.sql_log_count - queries


def plain_write(self, vals):
    return super(staged, self).write(vals)


def plain_create(self, vals_list):
    return super(staged, self).create(vals_list)


def compare(name, gated, plain):
    """Run both in turn, so that a machine that drifts drifts for both."""
    times = ([], [])
    queries = [0, 0]
    for _round in range(ROUNDS):
        for side, function in enumerate((gated, plain)):
            seconds, queries[side] = function()
            times[side].append(seconds)
    mine, plain_one = (statistics.median(side) / COUNT * 1000 for side in times)
    print(
        f"{name:<30}{mine:9.2f} ms{plain_one:9.2f} ms{mine / plain_one:8.2f}x"
        f"{queries[0]:9}{queries[1]:9}"
    )


def confirm(approve):
    orders = make_orders(approve)
    return measure(orders.action_confirm)


def confirm_plainly():
    orders = make_orders(approve=False)
    with (
        patch.object(staged, "write", plain_write),
        patch.object(approval, "_is_content_watched", lambda self: False),
    ):
        return measure(orders.action_confirm)


def create():
    return measure(lambda: make_orders(approve=False))


def create_plainly():
    with patch.object(staged, "create", plain_create):
        return measure(lambda: make_orders(approve=False))


print(f"a document, of {COUNT}       with       plain    ratio  queries    plain")
production.requires_customer_approval = False
compare("confirm, no gate", lambda: confirm(False), confirm_plainly)
production.requires_customer_approval = True
compare("confirm, gate, approved", lambda: confirm(True), confirm_plainly)
compare("create", create, create_plainly)
env.cr.rollback()
