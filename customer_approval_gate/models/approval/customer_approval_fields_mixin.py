# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from functools import lru_cache

from odoo import api, fields, models
from odoo.tools import SQL, html2plaintext

from ...tools import blocks, contract
from ...tools.quantities import format_decimals

DIGITS = 6
"""With how many decimals numbers are compared whose field says nothing of content."""

TYPES = (
    "boolean",
    "char",
    "date",
    "datetime",
    "float",
    "html",
    "integer",
    "many2many",
    "many2one",
    "monetary",
    "selection",
    "text",
)
"""Of the fields that can be content."""


@lru_cache(512)  # the same terms are those of thousands of documents
def _plain_text(html):
    return html2plaintext(html).strip() if html else None


class CustomerApprovalFieldsMixin(models.AbstractModel):
    """A record some of whose fields are content: a document, or a line of one.

    Of its host it asks nothing but the fields that it names.
    """

    _name = "customer.approval.fields.mixin"
    _description = "Record Whose Fields Are Content"

    _approval_items = ()
    """The ``tools.blocks.Item`` that content is made of beside the lines: whatever
    binds both sides. Fields that other addons have may be named."""

    _approval_item_columns = ()
    """Further fields that ``_complete_approval_header()`` reads."""

    _approval_content_fields = ()
    """Further fields that are content, shown by their own labels: for models that have
    nothing more to say of them."""

    @api.model
    def _check_approval_fields(self):
        """Check which fields are content, when the registry is loaded.

        :raise ContractError: one of them is not there, or cannot be shown
        """
        name, example = "_approval_content_fields", '("description",)'
        contract.check_fields(self, name, self._approval_content_fields, example)
        for field in map(self._fields.get, self._approval_content_fields):
            if field.type not in TYPES:
                problem = f"names {field.name}, a field of a type that has no text"
                contract.refuse(self, name, problem, example)
            if field.translate or field.company_dependent:
                problem = f"names {field.name}, which is not the same to everybody"
                contract.refuse(self, name, problem, example)

    @api.model
    def _get_approval_items(self):
        """Return those of the items whose fields there are."""
        own = [
            item
            for item in self._approval_items
            if not item.field or item.field in self._fields
        ]
        return own + [
            blocks.Item(
                name,
                name,
                None,
                kind="text" if self._fields[name].type in ("html", "text") else "value",
                format="quantity" if self._fields[name].type == "float" else "",
            )
            for name in self._approval_content_fields
        ]

    @api.model
    def _describe_approval_fields(self):
        """Return label and format of these fields, in the user's language:
        ``{key: (label, format)}``."""
        described = {}
        for item in self._get_approval_items():
            field = self._fields[item.field] if item.field else None
            label = (
                field._description_string(self.env)
                if item.label is None
                else self.env._(item.label)
            )
            format_ = item.format or blocks.FORMATS.get(field and field.type, "text")
            described[item.key] = (label, format_)
        return described

    def _read_approval_columns(self, names):
        """Return fields of these records: ``{id: {name: value}}``, many2one by id."""
        stored = sorted(
            name
            for name in names
            if self._fields[name].store and self._fields[name].column_type
        )
        self.flush_model(stored)
        rows = self.env.execute_query_dict(
            SQL(
                "SELECT %s FROM %s WHERE id = ANY(%s)",
                SQL(", ").join(SQL.identifier(name) for name in ["id", *stored]),
                SQL.identifier(self._table),
                list(self.ids),
            )
        )
        result = {row["id"]: row for row in rows}
        for name in names - {*stored}:
            field = self._fields[name]
            for record in self:
                value = record[name]
                if field.relational:
                    value = value.id if field.type == "many2one" else value.ids
                result[record.id][name] = value
        return {key: result[key] for key in self.ids if key in result}

    def _read_approval_addresses(self, ids):
        """Return the parts of the addresses of partners, without what is empty: a
        street that is changed later is another place."""
        partners = self.env["res.partner"].browse(filter(None, ids))
        names = {
            name
            for name in partners._address_fields()
            if partners._fields[name].store and partners._fields[name].column_type
        }
        if not partners:
            return {}
        partners.flush_model(names)
        rows = self.env.execute_query_dict(
            SQL(
                "SELECT %s FROM res_partner WHERE id = ANY(%s)",
                SQL(", ").join(SQL.identifier(name) for name in ["id", *sorted(names)]),
                list(partners.ids),
            )
        )
        return {
            row["id"]: {name: row[name] for name in sorted(names) if row[name]}
            for row in rows
        }

    @api.model
    def _convert_approval_items(self, items, row, addresses):
        header = {}
        for item in items:
            value = row[item.field] if item.field else None
            if value is None or value is False or value == item.default or value == "":
                continue
            kind = self._fields[item.field].type
            if kind == "many2many":
                value = [{"id": record_id, "text": None} for record_id in sorted(value)]
            elif kind in ("many2one", "selection"):
                value = {"id": value, "text": None}
                if item.kind == "address":
                    value["address"] = addresses.get(value["id"], {})
            elif kind == "html":
                value = _plain_text(value)
            elif kind == "date":
                value = fields.Date.to_string(value)
            elif kind == "datetime":
                value = fields.Datetime.to_string(value)
            elif item.format == "quantity":
                value = format_decimals(value, DIGITS, False)
            elif kind in ("float", "monetary"):
                value = format_decimals(value, 4, True)
            elif kind == "integer":
                value = str(value)
            if value not in (None, "", []):
                header[item.key] = value
        return header

    @api.model
    def _name_approval_items(self, items, values):
        """Put into content what related records are called, as the customer reads it.

        :param items: that content has
        :param values: by the items' keys, a dictionary for each record, which are
            changed
        """
        for item in items:
            field = self._fields[item.field] if item.field else None
            if not field or not (field.relational or field.type == "selection"):
                continue
            named = [
                part
                for own in values
                if (given := own.get(item.key))
                for part in (given if isinstance(given, list) else [given])
                if isinstance(part, dict)
            ]
            if field.type == "selection":
                labels = dict(field._description_selection(self.env))
                for part in named:
                    part["text"] = labels.get(part["id"], part["id"])
                continue
            records = self.env[field.comodel_name].browse({p["id"] for p in named})
            texts = {record.id: _get_text(item, record) for record in records}
            for part in named:
                part["text"] = texts[part["id"]]


def _get_text(item, record):
    """Return what a record is called in content: an address in several lines."""
    if item.kind != "address":
        return record.display_name
    text = [record.display_name, *record._display_address(True).split("\n")]
    return "\n".join(line for line in text if line.strip())
