# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models

from ...tools import capability


class CustomerApprovalEvidenceMixin(models.AbstractModel):
    """A model that has a part in the evidence: its rows are evidence, or files of it,
    or are compared with it.

    *Verify*, bundles and exports ask all models that have this mixin, and know none of
    them by name. Each method is there to be overridden.
    """

    _name = "customer.approval.evidence.mixin"
    _description = "Part of the Evidence"

    _is_answered_by_customers = False
    """Whether its rows say what customers were asked, or have confirmed: while there
    are any, the addon is not uninstalled without an export."""

    _keeps_files = False
    """Whether the files of its records are evidence: nobody changes or deletes them."""

    @api.model
    def _find_evidence_problems(self, document=None):
        """Return what of this model does not fit to the evidence, a text each, naming
        the row.

        :param document: the one document to look at; by default all of the database
        """
        return []

    def _export_evidence(self):
        """Return these records as plain data, from the database itself."""
        return []

    @api.model
    def _iter_evidence_files(self, key=None):
        """Yield the files that belong to evidence beside those of requests, as tuples
        of model, id, path and bytes.

        :param tuple key: model and id of the document; by default those of all
        """
        yield from ()

    @capability.required
    def _forget_personal(self):
        """Empty what can be erased, after the event that says so."""

    @api.model
    def _get_columns_read(self):
        """Return the columns of the model's table that triggers read."""
        return set()
