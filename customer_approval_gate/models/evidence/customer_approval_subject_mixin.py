# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models


class CustomerApprovalSubjectMixin(models.AbstractModel):
    """What evidence is about: whoever may read such a record may read its history, and
    what its customer was asked."""

    _name = "customer.approval.subject.mixin"
    _description = "What Evidence Is About"
