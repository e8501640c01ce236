"""After an upgrade from a version that has landed: run in Odoo's shell."""


def check(condition, message):
    if not condition:
        raise AssertionError(message)


problems, rows = env["customer.approval.event"]._verify_all()
check(not problems, problems)
check(rows > 20, rows)
events = env["customer.approval.event"].search([("kind", "=", "upgrade_noted")])
if events:
    # What an event explains is that very row, and no other.
    env.cr.execute("ALTER TABLE customer_approval_request DISABLE TRIGGER USER")
    env.cr.execute(
        "UPDATE customer_approval_request SET consent = 'No' WHERE id = %s",
        [events[0].request_id.id],
    )
    problems = env["customer.approval.event"]._verify_all()[0]
    check("the answer was altered" in problems[0], problems)
    env.cr.rollback()
modules = env["ir.module.module"].search(
    [("name", "=like", "customer_approval_gate%"), ("auto_install", "=", True)]
)
for module in modules:
    depends = module.dependencies_id.depend_id
    if set(depends.mapped("state")) == {"installed"}:
        check(module.state == "installed", f"{module.name} did not come by itself")
pending = env["customer.approval.request"].search([("state", "=", "pending")])
check(pending, "the demo data have requests that wait")
for approver in pending.approver_ids.filtered("email"):
    kinds = ("mail_sent", "mail_queued")
    mailed = approver.request_id.event_ids.filtered_domain([("kind", "in", kinds)])
    # Whoever came with an upgrade has a link that nobody had before.
    check(
        approver.origin == "asked" or mailed,
        f"{approver.display_name} has no link that works",
    )
env.cr.rollback()
