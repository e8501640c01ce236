# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Customer Approval Gate",
    "summary": "No work, no material, no invoice before the customer has approved",
    "version": "19.0.1.8.0",
    "development_status": "Beta",
    "category": "Sales/Sales",
    "author": "Customer Approval Gate contributors",
    "license": "LGPL-3",
    "depends": ["sale_management", "account", "portal"],
    "external_dependencies": {"python": ["cryptography"]},
    "data": [
        # Security
        "security/customer_approval_gate_security.xml",
        "security/ir.model.access.csv",
        # Data
        "data/ir_sequence_data.xml",
        "data/customer_approval_stage_data.xml",
        "data/customer_approval_category_data.xml",
        "data/customer_approval_delivery_data.xml",
        "data/mail_template_data.xml",
        "data/ir_cron_data.xml",
        # Templates
        "views/portal_templates.xml",
        "report/customer_approval_reports.xml",
        "views/delivery_templates.xml",
        # Wizards
        "wizard/customer_approval_send_views.xml",
        "wizard/customer_approval_withdraw_views.xml",
        "wizard/customer_approval_change_views.xml",
        "wizard/customer_approval_record_views.xml",
        "wizard/customer_approval_revise_views.xml",
        "wizard/customer_approval_erase_views.xml",
        "wizard/customer_approval_address_views.xml",
        "wizard/customer_approval_refuse_proposal_views.xml",
        "wizard/customer_approval_uninstall_views.xml",
        # Views
        "views/customer_approval_stage_views.xml",
        "views/customer_approval_category_views.xml",
        "views/customer_approval_request_views.xml",
        "views/customer_approval_event_views.xml",
        "views/customer_approval_delivery_views.xml",
        "views/sale_order_views.xml",
        "views/account_move_views.xml",
        "views/account_payment_views.xml",
        "views/res_partner_views.xml",
        "views/res_config_settings_views.xml",
        # Last, as it refers to actions of the files above
        "views/menus.xml",
    ],
    "demo": [
        "demo/customer_approval_demo.xml",
        "demo/account_move_demo.xml",
    ],
    "assets": {
        "web.assets_backend": ["customer_approval_gate/static/src/backend/**/*"],
        "web.assets_frontend": ["customer_approval_gate/static/src/portal/**/*"],
        "web.assets_tests": ["customer_approval_gate/static/tests/tours/**/*"],
    },
    "pre_init_hook": "pre_init_hook",
    "post_init_hook": "post_init_hook",
    "uninstall_hook": "uninstall_hook",
    "application": True,
}
