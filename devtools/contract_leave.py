"""Models that have joined in leave again: run in Odoo's shell. What their customers
were asked and answered stays readable, and verifies."""

from lxml import html
from werkzeug.test import Client

from odoo import http

from odoo.addons.customer_approval_gate.tools import ledger, links
from odoo.addons.customer_approval_gate.tools.event_data import Answer

EXAMPLES = ("customer_approval_repair", "customer_approval_test")


def visit(request):
    """Return the customer's page, as their link opens it."""
    url = links.url_of(request.approver_ids[:1])
    return Client(http.root).get(url[url.index("/my/") :], follow_redirects=True)


def check(condition, message):
    if not condition:
        raise AssertionError(message)


partner = env["res.partner"].create({"name": "Ada", "email": "ada@example.com"})
part = env["product.product"].create({"name": "Screw", "type": "consu"})
repair = env["repair.order"].create(
    {
        "partner_id": partner.id,
        "internal_notes": "<p>Mend the leg</p>",
        "move_ids": [
            (
                0,
                0,
                {
                    "product_id": part.id,
                    "product_uom_qty": 2,
                    "repair_line_type": "add",
                },
            )
        ],
    }
)
document = env["customer.approval.test.document"].create(
    {"name": "Table", "description": "Oak", "partner_id": partner.id}
)
requests = env["customer.approval.request"]
env["customer.approval.stage"].create(
    [
        {"name": name, "document_type": "customer_approval_test_document"}
        for name in ("Drawing", "Making")
    ]
)[1].requires_customer_approval = True
env["customer.approval.stage"].search(
    [("document_type", "=", "repair_order"), ("document_state", "=", "under_repair")]
).requires_customer_approval = True
for record in (repair, document):
    request = record._open_customer_approval(mail=False)
    request._decide(Answer("approved", "Ada", "link"))
    requests |= request
repair.action_repair_start()
document.stage_id = document.next_stage_id
waiting = document.copy()._open_customer_approval(mail=False)
env.cr.commit()
check(not env["customer.approval.event"]._verify_all()[0], "before they leave")

modules = env["ir.module.module"].search([("name", "in", EXAMPLES)])
modules.button_immediate_uninstall()
env = env(user=env.uid)
env.invalidate_all()

registry = env.registry
check("customer.approval.test.document" not in registry, "the models are there still")
problems, rows = env["customer.approval.event"]._verify_all()
check(not problems, problems)
check(rows > 20, rows)
for request in env["customer.approval.request"].browse((requests | waiting).ids):
    flat = ledger.flat(request.content)
    check(ledger.scope_digest(flat) == request.scope_digest, request.name)
    text = html.fromstring(request.content_html).text_content()
    check("Screw" in text or "Oak" in text, text)
    rendered = request._render_content(
        request.content, request.currency_id, "en_US", "UTC"
    )
    check(html.fromstring(rendered).text_content().split() == text.split(), rendered)
    request.read()
    request.get_view(view_type="form")
    check(request.display_name, "it has no name any more")
    answer = visit(request)
    state = request.state
    check(answer.status_code == 200, f"{request.name} ({state}): {answer.status}")
    check(request.document_name in answer.text, f"{request.name}: {answer.text}")
stages = env["customer.approval.stage"].with_context(active_test=False)
check(
    not stages.search(
        [("document_type", "in", ("repair_order", "customer_approval_test_document"))]
    ),
    "stages of documents that are gone",
)
env.cr.execute(
    "SELECT relname, tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
    " WHERE tgname LIKE 'customer_approval%' AND relname = 'repair_order'"
)
check(not env.cr.fetchall(), "triggers of documents that are gone")

# They come again: a repair that had a history goes on in it.
env.cr.commit()
env["ir.module.module"].search(
    [("name", "=", "customer_approval_repair")]
).button_immediate_install()
env.invalidate_all()
repair = env["repair.order"].browse(repair.id)
check(repair.stage_id.document_state == "under_repair", repair.stage_id.name)
check(repair.customer_approval_status == "approved", "the approval counts again")
problems, rows = env["customer.approval.event"]._verify_all()
check(not problems, problems)
