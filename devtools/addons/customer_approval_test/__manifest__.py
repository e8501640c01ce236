# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Customer Approval Gate: Test Documents",
    "summary": "Models that join in with as little as the contract asks for",
    "version": "19.0.1.0.0",
    "category": "Hidden",
    "license": "LGPL-3",
    "author": "Customer Approval Gate contributors",
    "depends": ["customer_approval_gate"],
    "data": ["security/ir.model.access.csv"],
    "installable": True,
}
