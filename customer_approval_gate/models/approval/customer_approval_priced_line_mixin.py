# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate

from ...tools import blocks, contract, triggers
from ...tools.content import first_line
from ...tools.quantities import format_decimals

_lt = LazyTranslate(__name__)

LABELS = {
    "kind": (_lt("Kind"), "text"),
    "section": (_lt("Section"), "text"),
    "subsection": (_lt("Subsection"), "text"),
    "description": (_lt("Description"), "text"),
    "product": (_lt("Product"), "record"),
    "quantity": (_lt("Quantity"), "quantity"),
    "unit": (_lt("Unit"), "record"),
    "unit_price": (_lt("Unit price"), "money"),
    "discount": (_lt("Discount (%)"), "quantity"),
    "taxes": (_lt("Taxes"), "record"),
    "subtotal": (_lt("Amount"), "money"),
    "optional": (_lt("Optional"), "flag"),
}
"""What all lines have. The total of a line has the label of the document's."""


class CustomerApprovalPricedLineMixin(models.AbstractModel):
    """The priced lines of a document that its customer can approve: quantity, price,
    taxes, and sections between them.

    A line model joins with ``_inherit = ["customer.approval.priced.line.mixin", its own
    name]`` (in this order) and the attributes below. It has the fields of Odoo's own
    lines of orders and invoices.
    """

    _name = "customer.approval.priced.line.mixin"
    _inherit = [
        "customer.approval.line.mixin",
        "customer.approval.derived.mixin",
        "customer.approval.guarded.mixin",
    ]
    _description = "Priced Line to Be Approved by the Customer"

    _approval_quantity_field = None
    """The quantity that the customer pays for."""
    _approval_state_field = "state"
    """The line's copy of the document's state."""
    _approval_columns = ()
    """Further fields that ``_complete_approval_line()`` reads."""
    _approval_items = ()
    """What a line says beyond what all lines do: ``tools.blocks.Item``."""

    @api.model
    def _check_approval_fields(self):
        for name, example in (
            ("_approval_quantity_field", '"quantity"'),
            ("_approval_state_field", '"state"'),
        ):
            if not getattr(self, name):
                contract.refuse(self, name, "is missing", example)
            contract.check_fields(self, name, [getattr(self, name)], example)

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
                    documents._find_document_field("state"),
                    documents._stage_field,
                ],
                deferred=True,
                # Nothing is pending while lines are drafted: a table with pending
                # triggers cannot be altered, as addons do that are installed.
                condition=f"((new.{state})::text <>"
                f" '{documents._document_initial_state}'::text)",
            ),
        ]

    @api.model
    def _find_evidence_problems(self, document=None):
        """Return which lines have another state than their document: Odoo invoices and
        delivers by it."""
        problems = super()._find_evidence_problems(document)
        if document is not None:
            return problems
        documents = self.env[self._fields[self._approval_document_field].comodel_name]
        self.flush_model()
        rows = self.env.execute_query(
            SQL(
                "SELECT line.id FROM %(lines)s AS line"
                "  JOIN %(documents)s AS document ON document.id = line.%(document)s"
                " WHERE line.%(state)s IS DISTINCT FROM %(document_state)s"
                "   AND document.%(stage)s IS NOT NULL"
                " ORDER BY line.id",
                lines=SQL.identifier(self._table),
                documents=SQL.identifier(documents._table),
                document=SQL.identifier(self._approval_document_field),
                state=SQL.identifier(self._approval_state_field),
                document_state=documents._get_state_column("document"),
                stage=SQL.identifier(documents._stage_field),
            )
        )
        return problems + [
            f"{self._name},{row[0]}: its copy of the document's state was altered"
            for row in rows
        ]

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

    # ------------------------------------------------------------------
    # Content
    # ------------------------------------------------------------------

    @api.model
    def _describe_approval_items(self):
        """Return label and format of what lines say, in the user's language:
        ``{key: (label, format)}``."""
        described = {
            key: (self.env._(label), format_)
            for key, (label, format_) in LABELS.items()
        }
        for item in self._approval_items:
            described[item.key] = (self.env._(item.label), item.format or "text")
        return described

    @api.model
    def _get_content_digits(self):
        """Return with how many decimals prices and quantities are written today."""
        Precision = self.env["decimal.precision"]
        return {
            "unit_price": Precision.precision_get("Product Price"),
            "quantity": Precision.precision_get("Product Unit"),
            "discount": Precision.precision_get("Discount"),
        }

    def _filter_approval_content(self):
        return self

    @api.model
    def _get_content_fields(self):
        return super()._get_content_fields() | {
            *ROW_COLUMNS,
            *self._approval_columns,
            self._approval_quantity_field,
            "sequence",
            "tax_ids",
        }

    @api.model
    def _get_approval_columns(self, _prices):
        return blocks.priced_columns(_prices)

    @api.model
    def _get_approval_condition(self):
        """Return which rows of the table customers read, as a condition on the alias
        ``line``."""
        return SQL("TRUE")

    @api.model
    def _find_excluded_lines(self, rows):
        """Return the ids of lines that customers do not read: as
        ``_filter_approval_content()`` does, which it asks where it is not sure.

        :param rows: of the lines
        """
        return set()

    @api.model
    def _read_approval_extras(self, ids):
        """Return, by line, further content that is read for all lines of all documents
        at once.

        :param ids: of the lines
        """
        return {}

    def _complete_approval_line(self, content, row, extras):
        """Complete what content says of a line.

        :param dict content: of the line, which is changed
        :param dict row: the line as the database has it
        :param dict extras: what ``_read_approval_extras()`` returned
        """

    @api.model
    def _read_approval_lines(self, document_ids, digits_of):
        """As for all lines, with prices and sections, in one query: the gate asks at
        each move."""
        rows = self._read_approval_rows(document_ids)
        excluded = self._find_excluded_lines(rows)
        extras = self._read_approval_extras([row["id"] for row in rows])
        currencies = self.env["res.currency"].browse({r["currency_id"] for r in rows})
        decimals = {currency.id: currency.decimal_places for currency in currencies}
        today = self._get_content_digits()
        lines, left_out = {}, {}
        document_id = section = subsection = None
        for row in rows:
            if row["document"] != document_id:
                document_id, section, subsection = row["document"], None, None
                digits = digits_of.get(document_id, today)
                own = lines.setdefault(document_id, [])
            if row["id"] in excluded:
                if row["display_type"] in (None, "product"):
                    less = left_out.setdefault(document_id, dict.fromkeys(TOTALS, 0.0))
                    subtotal, total = row["price_subtotal"], row["price_total"]
                    less["untaxed"] += subtotal or 0.0
                    less["total"] += total or 0.0
                    less["tax"] += (total or 0.0) - (subtotal or 0.0)
                continue
            kind = row["display_type"] or "product"
            if kind == "line_section":
                section, subsection = row["name"], None
            elif kind == "line_subsection":
                subsection = row["name"]
            content = {
                "line_id": row["id"],
                "kind": kind,
                "section": section,
                "subsection": subsection,
                "description": row["name"] or "",
            }
            if kind == "product":
                places = decimals.get(row["currency_id"], 2)
                content |= {
                    "product": row["product_id"],
                    "quantity": format_decimals(
                        row["quantity"] or 0.0, digits["quantity"], False
                    ),
                    "unit_price": format_decimals(
                        row["price_unit"] or 0.0, digits["unit_price"], False
                    ),
                    "discount": format_decimals(
                        row["discount"] or 0.0, digits["discount"], False
                    ),
                    "unit": row["product_uom_id"],
                    "taxes": row["taxes"] or [],
                    "subtotal": format_decimals(
                        row["price_subtotal"] or 0.0, places, True
                    ),
                    "total": format_decimals(row["price_total"] or 0.0, places, True),
                }
            self._complete_approval_line(content, row, extras)
            own.append(content)
        return lines, left_out

    @api.model
    def _read_approval_rows(self, document_ids):
        """Return the rows of the lines that customers may read, in order, with their
        taxes: in one query, as the gate asks at each move."""
        names = {*ROW_COLUMNS, *self._approval_columns} & self._fields.keys()
        self.flush_model({*names, self._approval_document_field, "tax_ids"})
        taxes = self._fields["tax_ids"]
        return self.env.execute_query_dict(
            SQL(
                "SELECT line.id, line.%(document)s AS document, %(columns)s,"
                " line.%(quantity)s AS quantity, taxes.ids AS taxes"
                "  FROM %(table)s AS line"
                "  LEFT JOIN ("
                "       SELECT %(own)s AS line_id, array_agg(%(other)s ORDER BY"
                "              %(other)s) AS ids"
                "         FROM %(relation)s"
                "        WHERE %(own)s IN (SELECT id FROM %(table)s"
                "                           WHERE %(document)s = ANY(%(ids)s))"
                "        GROUP BY 1"
                "       ) AS taxes ON taxes.line_id = line.id"
                " WHERE line.%(document)s = ANY(%(ids)s) AND %(condition)s"
                " ORDER BY line.%(document)s, line.sequence, line.id",
                document=SQL.identifier(self._approval_document_field),
                columns=SQL(", ").join(
                    SQL("line.%s", SQL.identifier(name)) for name in sorted(names)
                ),
                quantity=SQL.identifier(self._approval_quantity_field),
                table=SQL.identifier(self._table),
                relation=SQL.identifier(taxes.relation),
                own=SQL.identifier(taxes.column1),
                other=SQL.identifier(taxes.column2),
                ids=list(document_ids),
                condition=self._get_approval_condition(),
            )
        )

    @api.model
    def _name_approval_lines(self, lists):
        """Put into content what related records of lines are called, as the customer
        reads it.

        :param lists: the lines of several documents, which are changed
        """
        models_of = {
            key: self.env[self._fields[name].comodel_name]
            for key, name in RECORD_FIELDS.items()
            if name in self._fields
        }
        for key, model in models_of.items():
            named = [line for lines in lists for line in lines if line.get(key)]
            ids = {}  # in order
            for line in named:
                own = line[key]
                ids.update(dict.fromkeys(own if isinstance(own, list) else [own]))
            records = model.browse(ids)
            name = "display_name" if key == "product" else "name"
            texts = {
                record.id: {"id": record.id, "text": record[name]} for record in records
            }
            if key == "taxes":
                # They can be changed on the tax, and are told then: see Verify.
                for tax in records:
                    texts[tax.id] |= describe_tax(tax)
            for line in named:
                own = line[key]
                line[key] = (
                    [dict(texts[one]) for one in own]
                    if isinstance(own, list)
                    else dict(texts[own])
                )


def describe_tax(tax):
    """Return what of a tax decides how much it is, and can be changed on the tax."""
    return {
        "rate": format_decimals(tax.amount, 4, False),
        "works": {
            "kind": tax.amount_type,
            "is_included": tax.price_include,
            "adds_to_base": tax.include_base_amount,
            "parts": [
                {"id": part.id, **describe_tax(part)}
                for part in tax.children_tax_ids.sorted("id")
            ],
        },
    }


TOTALS = ("untaxed", "tax", "total")
RECORD_FIELDS = {
    "product": "product_id",
    "unit": "product_uom_id",
    "taxes": "tax_ids",
}
"""The fields of lines that name other records, by the keys of content."""

ROW_COLUMNS = (
    "currency_id",
    "discount",
    "display_type",
    "name",
    "price_subtotal",
    "price_total",
    "price_unit",
    "product_id",
    "product_uom_id",
)
"""What is read of all lines."""
