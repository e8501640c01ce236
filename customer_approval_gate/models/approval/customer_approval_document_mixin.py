# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models

from ...tools.stage_field import stage_field


class CustomerApprovalDocumentMixin(models.AbstractModel):
    """A document that goes through stages, some of which take its customer's approval:
    what most models that join in want.

    A model joins with ``_inherit = ["customer.approval.document.mixin", its own name]``
    (in this order: the engine has to be around the model's own ``write()``).
    """

    _name = "customer.approval.document.mixin"
    _inherit = [
        "customer.approval.panel.mixin",
        "customer.approval.mixin",
        "customer.approval.staged.mixin",
    ]
    _description = "Document with Stages to Be Approved by the Customer"

    stage_id = stage_field()
