"""What evidence costs, as ratios against the same without it, measured in the same run.

    devtools/odoo-dev script benchmarks/evidence_cost.py

Moves of 1,000 orders with and without the triggers and the history, freezing of orders
with many lines, and how many rows Verify looks at in a second.
"""

import statistics
import time
from unittest.mock import patch

from odoo.fields import Command

from odoo.addons.customer_approval_gate.models.stage import (
    customer_approval_staged_mixin,
)
from odoo.addons.customer_approval_gate.tools.event_data import Answer

MOVES = 1000
ROUNDS = 3

Order = env["sale.order"].with_context(tracking_disable=True)
Event = env["customer.approval.event"]
partner = env["res.partner"].create({"name": "Bench", "email": "bench@example.com"})
product = env["product.product"].create({"name": "Bench", "list_price": 10})
production = env.ref("customer_approval_gate.stage_order_in_production")
production.requires_customer_approval = True
quote = env.ref("customer_approval_gate.stage_order_quote")
# Behind the gate, and without a state that Odoo itself would work on.
behind = production.copy(
    {"document_state": False, "sequence": production.sequence + 1, "name": "Behind"}
)

staged = customer_approval_staged_mixin.CustomerApprovalStagedMixin


def make_orders(count, lines=1):
    line = {"product_id": product.id, "product_uom_qty": 2}
    return Order.create(
        [
            {
                "partner_id": partner.id,
                "order_line": [Command.create(dict(line)) for _line in range(lines)],
            }
            for _order in range(count)
        ]
    )


def measure(function):
    env.flush_all()
    env.invalidate_all()
    queries = env.cr.sql_log_count
    begin = time.perf_counter()
    function()
    env.flush_all()
    return time.perf_counter() - begin, env.cr.sql_log_count - queries


orders = make_orders(MOVES)
begin = time.perf_counter()
requests = orders._open_customer_approval(mail=False)
env.flush_all()
asking = time.perf_counter() - begin
begin = time.perf_counter()
for request in requests:
    request._decide(Answer("approved", "Bench", "link"))
env.flush_all()
deciding = time.perf_counter() - begin
print(f"asking about {MOVES} orders       {asking / MOVES * 1000:8.2f} ms an order")
print(f"answering                     {deciding / MOVES * 1000:8.2f} ms a request")


def move(triggers=True, history=True):
    switch = "ENABLE" if triggers else "DISABLE"
    for stage, timed in ((behind, True), (quote, False)):
        env.flush_all()
        for table in ("sale_order", "customer_approval_event"):
            # Without its trigger an event has no place in a chain.
            if table == "sale_order" or not history:
                env.cr.execute(f"ALTER TABLE {table} {switch} TRIGGER USER")
        if history:
            result = measure(lambda stage=stage: orders.write({"stage_id": stage.id}))
        else:
            with patch.object(staged, "_record_stages", lambda self, before: None):
                result = measure(
                    lambda stage=stage: orders.write({"stage_id": stage.id})
                )
        env.cr.execute("ALTER TABLE sale_order ENABLE TRIGGER USER")
        env.cr.execute("ALTER TABLE customer_approval_event ENABLE TRIGGER USER")
        if timed:
            moved = result
    return moved


def raw(triggers):
    switch = "ENABLE" if triggers else "DISABLE"
    env.flush_all()
    env.cr.execute(f"ALTER TABLE sale_order {switch} TRIGGER USER")

    def update():
        env.cr.execute(
            "UPDATE sale_order SET stage_id = %s WHERE id = ANY(%s)",
            [behind.id, orders.ids],
        )

    result = measure(update)
    env.cr.execute(
        "UPDATE sale_order SET stage_id = %s WHERE id = ANY(%s)",
        [quote.id, orders.ids],
    )
    env.cr.execute("ALTER TABLE sale_order ENABLE TRIGGER USER")
    env.invalidate_all()
    return result


variants = {
    "all": lambda: move(),
    "no trigger on the orders": lambda: move(triggers=False),
    "nor history": lambda: move(triggers=False, history=False),
    "UPDATE, with the trigger": lambda: raw(True),
    "UPDATE, without": lambda: raw(False),
}
times = {name: [] for name in variants}
queries = {}
for _round in range(ROUNDS):
    for name, variant in variants.items():
        seconds, queries[name] = variant()
        times[name].append(seconds)
print(f"\n{MOVES} moves past a gate")
plain = statistics.median(times["nor history"])
for name, values in times.items():
    median = statistics.median(values)
    if name.startswith("UPDATE"):
        plain = statistics.median(times["UPDATE, without"])
    print(
        f"  {name:<28}{median * 1000:8.0f} ms{median / plain:7.2f}x"
        f"{queries[name]:5} queries"
    )

print("\nfreezing an order")
for lines in (10, 100, 1000):
    order = make_orders(1, lines)
    samples = []
    for _round in range(ROUNDS):
        seconds, count = measure(
            lambda order=order: order._open_customer_approval(mail=False)
        )
        samples.append(seconds)
    milliseconds = statistics.median(samples) * 1000
    print(f"  {lines:5} lines{milliseconds:10.0f} ms{count:5} queries")

begin = time.perf_counter()
problems, rows = Event._verify_all()
seconds = time.perf_counter() - begin
print(f"\nVerify: {rows} rows in {seconds:.2f} s, {rows / seconds:.0f} rows a second")
print(f"        {len(problems)} do not fit")
env.cr.rollback()
