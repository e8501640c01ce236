"""Documents that exist before the addons are installed: run in Odoo's shell."""

if not env.company.chart_template:
    env["account.chart.template"].try_loading("generic_coa", env.company)
partner = env["res.partner"].create({"name": "Early Customer"})
product = env["product.product"].create({"name": "Early Product", "list_price": 100})
orders = env["sale.order"].create(
    [
        {
            "partner_id": partner.id,
            "client_order_ref": f"early {state}",
            "order_line": [(0, 0, {"product_id": product.id})],
        }
        for state in ("draft", "sent", "sale", "cancel")
    ]
)
orders[1].action_quotation_sent()
orders[2].action_confirm()
orders[3].action_cancel()
invoices = env["account.move"].create(
    [
        {
            "move_type": move_type,
            "partner_id": partner.id,
            "invoice_date": "2026-01-01",
            "ref": f"early {state}",
            "invoice_line_ids": [(0, 0, {"product_id": product.id})],
        }
        for move_type, state in (
            ("out_invoice", "draft"),
            ("out_invoice", "posted"),
            ("out_invoice", "cancel"),
            ("in_invoice", "draft"),
        )
    ]
)
invoices[1].action_post()
invoices[2].button_cancel()
env.cr.commit()
