"""What install_orders.py made is where it belongs, and nothing is blocked.

Run in Odoo's shell, after the addons were installed.
"""


def check(condition, message):
    if not condition:
        raise AssertionError(message)


stages = env["customer.approval.stage"].search([])
check(len(stages) == 11, stages.mapped("name"))
check(not any(stages.mapped("requires_customer_approval")), "a flag is ticked")
for model, field in (("sale.order", "client_order_ref"), ("account.move", "ref")):
    documents = env[model].search([(field, "like", "early ")])
    check(len(documents) == 4, documents)
    for document in documents:
        check(document.customer_approval_status == "not_required", document)
        if model == "account.move" and document.move_type != "out_invoice":
            check(not document.stage_id, document)
            continue
        check(document.state == document[field].split()[1], document[field])
        check(document.stage_id.document_state == document.state, document[field])
        first = stages.filtered(
            lambda stage, document=document: (
                stage.document_type == document._stage_document_type
                and stage.document_state == document.state
            )
        )[:1]
        check(document.stage_id == first, document[field])
order = env["sale.order"].search([("client_order_ref", "=", "early draft")])
order.copy().action_confirm()
order.stage_id = stages.filtered(lambda stage: stage.name == "Delivered")
check(order.state == "sale", order.state)
invoice = env["account.move"].search(
    [("ref", "=", "early draft"), ("move_type", "=", "out_invoice")]
)
invoice.copy().action_post()
env.cr.rollback()
