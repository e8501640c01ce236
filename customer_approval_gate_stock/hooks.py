# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


def uninstall_hook(env):
    """Let stages ask for nothing that is about stock, which is logged."""
    stages = env["customer.approval.stage"].with_context(active_test=False)
    stages.search([("inventory_action", "!=", False)]).inventory_action = False
