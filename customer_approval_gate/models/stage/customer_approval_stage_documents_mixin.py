# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...tools import capability


class CustomerApprovalStageDocumentsMixin(models.AbstractModel):
    """The documents that are in a stage.

    Of its host, the stage, it asks ``document_type`` and ``_document_models()``.
    """

    _name = "customer.approval.stage.documents.mixin"
    _description = "Documents in a Stage"

    document_count = fields.Integer(
        string="Documents", compute="_compute_document_count"
    )
    unapproved_count = fields.Integer(
        string="Not Approved",
        compute="_compute_document_count",
        help="Documents in this stage whose customer has not approved them.",
    )

    def _count_documents(self):
        self.ensure_one()
        return self._read_documents("__count").get(self.id, 0)

    def _read_documents(self, aggregate, domain=None):
        """Return an aggregate over the documents of each stage, by the stage's id.

        :param domain: a function that returns it for a model; by default all count
        """
        result = {}
        for document_type in set(self.mapped("document_type")):
            model = self.env[self._document_models()[document_type]]
            stages = self.filtered(lambda s, t=document_type: s.document_type == t)
            groups = (
                model.sudo()  # whoever configures stages need not see all documents
                .with_context(active_test=False)
                ._read_group(
                    Domain(model._stage_field, "in", stages.ids)
                    & (domain(model) if domain else Domain.TRUE),
                    [model._stage_field],
                    [aggregate],
                )
            )
            result.update({stage.id: value for stage, value in groups})
        return result

    @api.model
    def _place_existing_documents(self, document_types=None):
        """Give documents that have no stage the one of their state, one statement a
        model: when the first stages come, before any asks for anything.

        :param document_types: of which documents; by default of all
        """
        self.env.flush_all()
        placed = []
        for document_type, name in self._document_models().items():
            if document_types is not None and document_type not in document_types:
                continue
            model = self.env[name]
            staged = [
                SQL("%s IN %s", SQL.identifier(model._table, column), tuple(values))
                for column, values in model._stage_columns.items()
            ]
            self.env.cr.execute(
                SQL(
                    """
                    UPDATE %(table)s
                       SET %(stage)s = stage.id,
                           stage_entered_on = COALESCE(%(table)s.write_date, now())
                      FROM (
                            SELECT DISTINCT ON (document_state) document_state, id
                              FROM customer_approval_stage
                             WHERE document_type = %(document_type)s
                               AND company_id IS NULL
                               AND active
                          ORDER BY document_state, sequence, id
                           ) AS stage
                     WHERE stage.document_state IS NOT DISTINCT FROM %(state)s
                       AND %(table)s.%(stage)s IS NULL
                       AND %(staged)s
                 RETURNING %(table)s.id
                    """,
                    table=SQL.identifier(model._table),
                    stage=SQL.identifier(model._stage_field),
                    state=model._get_state_column(model._table),
                    document_type=document_type,
                    staged=SQL(" AND ").join([SQL("TRUE"), *staged]),
                )
            )
            placed.append(model.browse(row[0] for row in self.env.cr.fetchall()))
        if any(placed):
            self.env.invalidate_all()
        for documents in placed:
            if documents and document_types is not None:
                capability.call(documents._record_placing)

    def _count_unapproved(self):
        return self._read_documents(
            "__count", lambda documents: documents._get_unapproved_domain()
        )

    def _compute_document_count(self):
        stored = self.filtered("id")
        counts = stored._read_documents("__count")
        unapproved = stored._count_unapproved()
        for stage in self:
            stage.document_count = counts.get(stage._origin.id, 0)
            stage.unapproved_count = unapproved.get(stage._origin.id, 0)

    def action_view_documents(self):
        """Open the documents that are in this stage."""
        self.ensure_one()
        model = self.env[self._document_models()[self.document_type]]
        return {
            **model._get_stage_action(),
            "domain": [(model._stage_field, "=", self.id)],
            "name": self.name,
        }
