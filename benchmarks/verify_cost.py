"""What Verify, a checkpoint and a bundle cost, in time and memory, by the number of
events there are. What they read is undone at the end.

    EVENTS=20000,200000 devtools/odoo-dev script benchmarks/verify_cost.py

For each number: orders that were asked about and approved, with the events of their
life. Ratios are against the first number: where time grows with what is looked at, that
of Verify is the ratio of events, and that of a bundle is 1.
"""

import os
import time

from odoo.fields import Command

from odoo.addons.customer_approval_gate.tools.event_data import Answer, EventData

COUNTS = [int(text) for text in os.environ.get("EVENTS", "20000").split(",")]
EVENTS_EACH = 20
ORDERS_AT_ONCE = 200

Order = env["sale.order"].with_context(tracking_disable=True, mail_notrack=True)
Event = env["customer.approval.event"].sudo()
Checkpoint = env["customer.approval.checkpoint"].sudo()
partner = env["res.partner"].create({"name": "Bench", "email": "bench@example.com"})
product = env["product.product"].create({"name": "Bench", "list_price": 10})


def count_events():
    env.cr.execute("SELECT count(*) FROM customer_approval_event")
    return env.cr.fetchone()[0]


def make_orders():
    orders = Order.create(
        [
            {
                "partner_id": partner.id,
                "order_line": [Command.create({"product_id": product.id})],
            }
            for _order in range(ORDERS_AT_ONCE)
        ]
    )
    requests = orders._open_customer_approval(mail=False)
    for request in requests:
        request._decide(Answer("approved", "Bench", "link"))
    for number in range(EVENTS_EACH - 3):
        Event._append(
            [
                EventData(request._get_document(), "opened", request, text=str(number))
                for request in requests
            ]
        )
    env.flush_all()
    env.invalidate_all()
    return requests[-1]


def measure(function):
    """Return seconds, and by how many megabytes the process has grown at most."""
    env.flush_all()
    env.invalidate_all()
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the highest number so far is forgotten
    before, begin = read_memory("VmRSS"), time.perf_counter()
    result = function()
    return time.perf_counter() - begin, read_memory("VmHWM") - before, result


def read_memory(name):
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


rows = []
for wanted in COUNTS:
    while count_events() < wanted:
        request = make_orders()
    env.cr.execute("ANALYZE customer_approval_event")
    events = count_events()
    first = measure(Checkpoint._make)
    again = measure(Checkpoint._make)
    bundle = measure(request.sudo()._make_bundle)
    seconds, memory, (problems, seen) = measure(Event._verify_all)
    if problems:
        print("\n".join(problems[:5]))
    rows.append((events, first, again, bundle, (seconds, memory)))
    print(f"{events} events, {seen} verified, {len(problems)} problems")
names = ("checkpoint", "the next one", "bundle", "Verify")
print(f"{'events':>9}" + "".join(f"{name:>26}" for name in names))
for events, *measured in rows:
    cells = [
        f"{seconds:.2f} s {seconds / reference[0]:.1f}x {memory:.0f} MB"
        for (seconds, memory, *_), reference in zip(measured, rows[0][1:], strict=True)
    ]
    print(f"{events:>9}" + "".join(f"{cell:>26}" for cell in cells))
env.cr.rollback()
