# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import ormcache

from ...tools import contract
from ...tools.capability import is_guarded
from ...tools.content import first_line

KNOWN = {"kind", "line_id", "section", "subsection", "total"}
"""What content calls something else."""


class CustomerApprovalLineMixin(models.AbstractModel):
    """The lines of a document that its customer can approve.

    A line model joins with ``_inherit = ["customer.approval.line.mixin", its own
    name]`` (in this order), ``_approval_document_field`` and
    ``_approval_content_fields``. Lines that belong to no document are left alone.
    """

    _name = "customer.approval.line.mixin"
    _inherit = ["customer.approval.fields.mixin"]
    _description = "Line of a Document to Be Approved by the Customer"

    _approval_document_field = None
    """The many2one to the document."""

    def _post_model_setup__(self):
        result = super()._post_model_setup__()
        if not self._abstract:
            self._check_contract()
        return result

    def _check_contract(self):
        """Check what the model says of itself, when the registry is loaded.

        :raise ContractError: something is missing, or is not there
        """
        name, example = "_approval_document_field", '"order_id"'
        if not self._approval_document_field:
            contract.refuse(self, name, "is missing", example)
        contract.check_fields(self, name, [self._approval_document_field], example)
        self._check_approval_fields()

    @api.model
    def _check_approval_fields(self):
        name, example = "_approval_content_fields", '("product_id", "quantity")'
        if not self._approval_content_fields:
            contract.refuse(self, name, "is missing", example)
        for field in self._approval_content_fields:
            if field in KNOWN:
                problem = f"names {field}, which content calls something else"
                contract.refuse(self, name, problem, example)
        return super()._check_approval_fields()

    customer_approval_remark = fields.Char(
        string="Customer's Remark",
        compute="_compute_customer_approval_remark",
        groups="base.group_user",
        help="What the customer remarked about this line in their last answer.",
    )

    def _compute_customer_approval_remark(self):
        for document, lines in self.grouped(self._approval_document_field).items():
            # Whoever sees the document sees what its customer says about it.
            request = document.sudo().customer_approval_request_id
            remarks = request._get_line_remarks() if request else {}
            for line in lines:
                line.customer_approval_remark = remarks.get(line._origin.id, False)

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._record_bookkeeping(vals_list)
        lines._after_adding_to_documents()
        return lines

    def _record_bookkeeping(self, vals_list):
        """Keep which of these new lines are Odoo's own bookkeeping, before documents
        are judged by them. Override where there is any.

        :param vals_list: by which they were created
        """

    def write(self, vals):
        if not self._is_content_write(vals):
            return super().write(vals)
        documents = self[self._approval_document_field]
        if (
            self._approval_document_field not in vals
            and not documents._is_any_watched()
        ):
            return super().write(vals)
        with documents._guard_approved_content():
            result = super().write(vals)
        moved = self.filtered(
            lambda line: line[self._approval_document_field] not in documents
        )
        moved._after_adding_to_documents()
        return result

    def unlink(self):
        documents = self[self._approval_document_field]
        if not documents._is_any_watched():
            return super().unlink()
        with documents._guard_approved_content():
            return super().unlink()

    def _after_adding_to_documents(self):
        """Judge the documents that these lines were added to, whatever the way: values,
        defaults, or commands of another document."""
        if not self[self._approval_document_field]._is_any_watched():
            return
        for document, lines in self.grouped(self._approval_document_field).items():
            if not document:
                continue
            document._after_adding_lines(lines)
            if is_guarded(document) or not document._is_content_watched():
                continue
            if lines._filter_approval_content():
                document._after_content_change()

    def _is_approval_content(self):
        """Return whether the customer reads the line."""
        self.ensure_one()
        return bool(self._filter_approval_content())

    def _filter_approval_content(self):
        """Return those of the lines that the customer reads: by default those that the
        document's field of lines shows."""
        documents = self.env[self._fields[self._approval_document_field].comodel_name]
        field = documents._fields[documents._approval_line_field]
        return self.filtered_domain(field.get_comodel_domain(documents))

    @api.model
    def _is_content_write(self, vals):
        """Return whether writing the values may matter to scope and price."""
        return bool(self._get_content_fields() & vals.keys())

    @api.model
    @ormcache("self._name")
    def _get_content_fields(self):
        """Return the fields that matter to scope and price: those that the customer
        reads, and those that decide which lines a document has."""
        documents = self.env[self._fields[self._approval_document_field].comodel_name]
        field = documents._fields[documents._approval_line_field]
        domain = Domain(field.get_comodel_domain(documents))
        return frozenset(
            [
                "active",
                self._approval_document_field,
                *(item.field for item in self._get_approval_items() if item.field),
                *(
                    condition.field_expr.split(".")[0]
                    for condition in domain.iter_conditions()
                ),
            ]
        )

    def _get_line_name(self):
        """Return what a person calls the line, in one line of text."""
        self.ensure_one()
        return first_line(self.display_name) or self.env._("Item")

    def _is_priced(self):
        """Return whether the line is more than a section or a note."""
        self.ensure_one()
        return True

    # ------------------------------------------------------------------
    # Content
    # ------------------------------------------------------------------

    @api.model
    def _describe_approval_items(self):
        """Return label and format of what lines say, in the user's language:
        ``{key: (label, format)}``."""
        return self._describe_approval_fields()

    @api.model
    def _get_content_digits(self):
        """Return with how many decimals numbers are written today, by key."""
        return {}

    @api.model
    def _get_approval_columns(self, _prices):
        """Return the columns in which lines are shown, see ``tools.blocks``.

        :param str _prices: how the company shows them
        """
        return [{"key": item.key} for item in self._get_approval_items()]

    @api.model
    def _read_approval_lines(self, document_ids, digits_of):
        """Return the lines of documents as flat content, from rows of the database,
        with related records by their numbers; and what those that customers do not read
        add to the totals.

        :param document_ids: of the documents
        :param dict digits_of: with how many decimals numbers are written, by document
        :return: ``{id of the document: [line]}`` and ``{id: {"untaxed": float, …}}``
        :rtype: tuple
        """
        name = self._approval_document_field
        lines = self.with_context(active_test=False).search(
            [(name, "in", document_ids)]
        )
        lines = lines._filter_approval_content()
        items = self._get_approval_items()
        rows = lines._read_approval_columns({name, *(item.field for item in items)})
        result = {}
        for line_id, row in rows.items():
            result.setdefault(row[name], []).append(
                {
                    "line_id": line_id,
                    "kind": "product",
                    "section": None,
                    "subsection": None,
                    "description": "",
                    **self._convert_approval_items(items, row, {}),
                }
            )
        return result, {}

    @api.model
    def _name_approval_lines(self, lists):
        """Put into content what related records of lines are called, as the customer
        reads it.

        :param lists: the lines of several documents, which are changed
        """
        lines = [line for own in lists for line in own]
        self._name_approval_items(self._get_approval_items(), lines)

    @api.model
    def _pack_approval_lines(self, lines, describe):
        """Return the lines of flat content as those of a block, with labels for what
        not all lines have.

        :param lines: of the content of one document
        :param dict describe: label and format by key
        """
        special = {item.key for item in self._get_approval_items()}
        packed = []
        for line in lines:
            own = {name: value for name, value in line.items() if name not in special}
            own["values"] = [
                {
                    "key": key,
                    "label": describe[key][0],
                    "format": describe[key][1],
                    "value": line[key],
                }
                for key in sorted(special & line.keys())
            ]
            packed.append(own)
        return packed
