# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Customer Approval Gate: Stock",
    "summary": "Stages of orders and invoices reserve, deliver and release goods",
    "version": "19.0.1.0.0",
    "development_status": "Beta",
    "category": "Sales/Sales",
    "author": "Customer Approval Gate contributors",
    "license": "LGPL-3",
    "depends": ["customer_approval_gate", "sale_stock"],
    "data": [
        "views/customer_approval_stage_views.xml",
        "views/res_config_settings_views.xml",
        "views/account_move_views.xml",
    ],
    "auto_install": True,
    "uninstall_hook": "uninstall_hook",
}
