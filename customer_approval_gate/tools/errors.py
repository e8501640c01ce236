# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.exceptions import UserError


class GateError(UserError):
    """A gate's refusal, for somebody who may change stages: the web client shows a way
    to the stage that asks for it. For everybody else it is a ``UserError``.

    :param str message: one line for each reason
    :param stage: the ``customer.approval.stage`` that asks
    """

    def __init__(self, message, stage):
        super().__init__(message)
        self.context = {"stage_id": stage.id, "stage": stage.name}
