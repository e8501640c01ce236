# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The field of a document that says which stage it is in."""

from odoo import fields


def stage_field(**options):
    """Return the field of a model with ``customer.approval.staged.mixin``, which names
    it in ``_stage_field``.

    :param options: of the field, beside those that the engine needs
    """
    return fields.Many2one(
        "customer.approval.stage",
        **{
            "string": "Stage",
            "compute": "_compute_stage_id",
            "store": True,
            "precompute": True,
            "readonly": False,
            "index": True,
            "copy": False,
            "tracking": True,
            "ondelete": "restrict",
            "group_expand": "_read_group_stage_ids",
            "domain": lambda self: self._stage_domain(),
            **options,
        },
    )
