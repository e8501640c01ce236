# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import triggers
from ..tools.capability import is_guarded
from ..tools.content import first_line, related


class CustomerApprovalLineMixin(models.AbstractModel):
    """The lines of a document that its customer can approve.

    A line model joins with ``_inherit = ["customer.approval.line.mixin", its own
    name]`` (in this order) and the two attributes below.
    """

    _name = "customer.approval.line.mixin"
    _inherit = ["customer.approval.derived.mixin", "customer.approval.guarded.mixin"]
    _description = "Line of a Document to Be Approved by the Customer"

    _approval_document_field = None
    """The many2one to the document."""
    _approval_quantity_field = None
    """The quantity that the customer pays for."""
    _approval_state_field = "state"
    """The line's copy of the document's state."""

    def _is_derivation_watched(self):
        documents = self[self._approval_document_field]
        staged = documents.filtered(lambda document: document._is_staged())
        return bool(staged) and staged._is_any_watched()

    @api.model
    def _get_triggers(self):
        documents = self.env[self._fields[self._approval_document_field].comodel_name]
        state = self._approval_state_field
        return [
            *super()._get_triggers(),
            triggers.Trigger(
                self._table,
                "copied",
                f"AFTER INSERT OR UPDATE OF {state}",
                "customer_approval_copied",
                [
                    documents._stage_document_type,
                    documents._table,
                    self._approval_document_field,
                    state,
                ],
                deferred=True,
                # Nothing is pending while lines are drafted: a table with pending
                # triggers cannot be altered, as addons do that are installed.
                condition=f"((new.{state})::text <> 'draft'::text)",
            ),
        ]

    @api.model
    def _find_altered_copies(self):
        """Return which lines have another state than their document: Odoo invoices and
        delivers by it.

        :return: the list of texts
        """
        documents = self.env[self._fields[self._approval_document_field].comodel_name]
        self.flush_model()
        rows = self.env.execute_query(
            SQL(
                "SELECT line.id FROM %(lines)s AS line"
                "  JOIN %(documents)s AS document ON document.id = line.%(document)s"
                " WHERE line.%(state)s IS DISTINCT FROM document.state"
                "   AND document.stage_id IS NOT NULL"
                " ORDER BY line.id",
                lines=SQL.identifier(self._table),
                documents=SQL.identifier(documents._table),
                document=SQL.identifier(self._approval_document_field),
                state=SQL.identifier(self._approval_state_field),
            )
        )
        return [
            f"{self._name},{row[0]}: its copy of the document's state was altered"
            for row in rows
        ]

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
        """Return those of the lines that the customer reads. Override where there are
        others."""
        return self

    @api.model
    def _is_content_write(self, vals):
        """Return whether writing the values may matter to scope and price."""
        raise NotImplementedError

    def _get_line_name(self):
        """Return what a person calls the line, in one line of text."""
        self.ensure_one()
        return (
            first_line(self.name)
            or first_line(self.product_id.display_name)
            or self.env._("Item")
        )

    def _is_priced(self):
        """Return whether the line is more than a section or a note."""
        self.ensure_one()
        return self.display_type in (False, "product")

    def _read_approval_extras(self):
        """Return, by line, further content that is read for all lines of all documents
        at once."""
        return {}

    @api.model
    def _get_content_digits(self):
        """Return with how many decimals prices and quantities are written today."""
        Precision = self.env["decimal.precision"]
        return {
            "unit_price": Precision.precision_get("Product Price"),
            "quantity": Precision.precision_get("Product Unit"),
            "discount": Precision.precision_get("Discount"),
        }

    def _get_approval_content(self, with_texts, extras, digits):
        """Return the lines of one document as content, in order.

        :param bool with_texts: also what related records are called
        :param dict extras: what ``_read_approval_extras()`` returned
        :param dict digits: with how many decimals numbers are written, see
            ``_get_content_digits()``
        """
        contents = []
        section = subsection = None
        decimals = self[self._approval_document_field]._format_decimals

        def of(record, name):
            return related(record.id, record[name] if with_texts and record else None)

        for line in self:
            kind = line.display_type or "product"
            if kind == "line_section":
                section, subsection = line.name, None
            elif kind == "line_subsection":
                subsection = line.name
            content = {
                "line_id": line.id,
                "kind": kind,
                "section": section,
                "subsection": subsection,
                "description": line.name or "",
            }
            if line._is_priced():
                currency_digits = line.currency_id.decimal_places
                numbers = {
                    "quantity": line[self._approval_quantity_field],
                    "unit_price": line.price_unit,
                    "discount": line.discount,
                }
                content |= {
                    "product": of(line.product_id, "display_name"),
                    **{
                        name: decimals(number, digits[name], exact=False)
                        for name, number in numbers.items()
                    },
                    "unit": of(line.product_uom_id, "name"),
                    "taxes": [of(tax, "name") for tax in line.tax_ids.sorted("id")],
                    "subtotal": decimals(line.price_subtotal, currency_digits),
                    "total": decimals(line.price_total, currency_digits),
                }
            contents.append(content)
        return contents
