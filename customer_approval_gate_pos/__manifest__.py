# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Customer Approval Gate: Point of Sale",
    "summary": "Orders that wait for their customer's approval stop nobody at the till",
    "version": "19.0.1.0.0",
    "development_status": "Beta",
    "category": "Sales/Point of Sale",
    "author": "Customer Approval Gate contributors",
    "license": "LGPL-3",
    "depends": ["customer_approval_gate", "pos_sale"],
    "assets": {
        "point_of_sale._assets_pos": ["customer_approval_gate_pos/static/src/app/**/*"],
        "web.assets_tests": ["customer_approval_gate_pos/static/tests/tours/**/*"],
    },
    "auto_install": True,
}
