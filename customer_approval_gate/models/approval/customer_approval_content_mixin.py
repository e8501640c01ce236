# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from functools import lru_cache

from odoo import api, fields, models
from odoo.tools import SQL, html2plaintext
from odoo.tools.translate import LazyTranslate

from ...tools import blocks, content as content_tools, ledger
from ...tools.quantities import format_decimals
from ...tools.texts import in_one_line

_lt = LazyTranslate(__name__)


@lru_cache(512)  # the same terms are those of thousands of documents
def _plain_text(html):
    return html2plaintext(html).strip() if html else None


class CustomerApprovalContentMixin(models.AbstractModel):
    """What a document says to its customer, and whether that has changed.

    A model says it by the attributes below, and by ``_complete_approval_header()``.
    """

    _name = "customer.approval.content.mixin"
    _description = "Content That the Customer Approves"

    _approval_items = ()
    """The ``tools.blocks.Item`` that content is made of beside the lines: whatever
    binds both sides. Fields that other addons have may be named."""

    _approval_item_columns = ()
    """Further fields that ``_complete_approval_header()`` reads."""

    _approval_line_field = None
    """The one2many of the lines, of a model with ``customer.approval.line.mixin``."""

    _approval_totals = (
        ("untaxed", "amount_untaxed", _lt("Untaxed amount")),
        ("tax", "amount_tax", _lt("Taxes")),
        ("total", "amount_total", _lt("Total")),
    )
    """The totals of content: key, field and label."""

    def _get_customer_approval_lines(self):
        """Return the lines of all these documents that their customers read, in
        order, of a model with ``customer.approval.line.mixin``."""
        return self[self._approval_line_field]

    @api.model
    def _get_approval_line_model(self):
        return self.env[self._fields[self._approval_line_field].comodel_name]

    def _complete_approval_header(self, header, row):
        """Complete what content says beside lines and totals, for one document.

        :param dict header: the values by the items' keys, which is changed
        :param dict row: the fields of the document as the database has them
        """

    def _get_customer_approval_amount(self):
        """Return the total that the customer is asked to approve, in the document's
        currency."""
        self.ensure_one()
        return self._get_document_total()

    def _get_customer_approval_totals(self):
        """Return the totals that content has: ``untaxed``, ``tax`` and ``total``, in
        the document's currency."""
        self.ensure_one()
        return {
            "untaxed": self.amount_untaxed,
            "tax": self.amount_tax,
            "total": self._get_document_total(),
        }

    def _get_shown_prices(self):
        """Return how the company shows prices: ``tax_excluded`` or ``tax_included``."""
        return "tax_excluded"

    def _get_optional_lines(self):
        """Return the lines that the customer may choose before they approve."""
        self.ensure_one()
        return self._get_customer_approval_lines().browse()

    def _get_chosen_lines(self):
        """Return those of the optional lines that are in the total."""
        return self._get_optional_lines()

    def _choose_optional_lines(self, wanted):
        """Let the customer have these of the optional lines, and not the others."""
        raise NotImplementedError

    def _get_totals_of_choice(self, wanted):
        """Return what the totals are with these of the optional lines, as
        ``_get_customer_approval_totals()`` does."""
        self.ensure_one()
        return self._get_customer_approval_totals()

    @api.model
    def _get_approval_items(self):
        """Return those of the items whose fields there are."""
        return [
            item
            for item in self._approval_items
            if not item.field or item.field in self._fields
        ]

    def _describe_approval_items(self):
        """Return label and format of all that content has, in the user's language:
        ``{key: (label, format)}``."""
        described = {}
        for item in self._get_approval_items():
            field = self._fields[item.field] if item.field else None
            format_ = item.format or blocks.FORMATS.get(field and field.type, "text")
            described[item.key] = (self.env._(item.label), format_)
        for key, _field, label in self._approval_totals:
            described[key] = (self.env._(label), "money")
        if self._approval_line_field:
            lines = self._get_approval_line_model()
            described |= lines._describe_approval_items()
        return described

    def _read_approval_scopes(self, digits_of=None):
        """Return what the content of each document says, from rows of the database:
        what is compared is not what somebody has put into a cache.

        :param digits_of: with how many decimals numbers are written, by the document's
            id; as the settings say where nothing is given
        :return: ``{id of the document: flat content}``, see ``tools.ledger.flat()``
        :rtype: dict
        """
        items = self._get_approval_items()
        names = {item.field for item in items if item.field}
        names |= {*self._approval_item_columns} & self._fields.keys()
        names |= {field for _key, field, _label in self._approval_totals}
        names.add("currency_id")
        rows = self._read_approval_columns(names)
        addresses = self._read_approval_addresses(
            {
                row[item.field]
                for item in items
                if item.kind == "address"
                for row in rows.values()
            }
        )
        lines, excluded = {}, {}
        if self._approval_line_field:
            model = self._get_approval_line_model()
            lines, excluded = model._read_approval_lines(self.ids, digits_of or {})
        currencies = self.env["res.currency"]
        decimals = {
            currency.id: currency.decimal_places
            for currency in currencies.browse({r["currency_id"] for r in rows.values()})
        }
        scopes = {}
        for document_id, row in rows.items():
            header = self._convert_approval_items(items, row, addresses)
            self._complete_approval_header(header, row)
            digits = decimals.get(row["currency_id"], 2)
            less = excluded.get(document_id, {})
            scopes[document_id] = {
                "format": ledger.FORMAT,
                "header": header,
                "lines": lines.get(document_id, []),
                "totals": {
                    key: format_decimals(
                        (row[field] or 0.0) - less.get(key, 0.0), digits, True
                    )
                    for key, field, _label in self._approval_totals
                },
                "files": [],
            }
        return scopes

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
            is_record = self._fields[name].type == "many2one"
            for document in self:
                value = document[name]
                result[document.id][name] = value.id if is_record else value
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
            if kind in ("many2one", "selection"):
                value = {"id": value, "text": None}
                if item.kind == "address":
                    value["address"] = addresses.get(value["id"], {})
            elif kind == "html":
                value = _plain_text(value)
            elif kind == "date":
                value = fields.Date.to_string(value)
            elif kind == "datetime":
                value = fields.Datetime.to_string(value)
            elif kind in ("float", "monetary"):
                value = format_decimals(value, 4, True)
            if value not in (None, "", []):
                header[item.key] = value
        return header

    def _get_customer_approval_content(self, digits_of=None):
        """Return the commercial content of each document as it is frozen, see
        ``tools/content.py``.

        :param digits_of: with how many decimals numbers are written, by the document's
            id; as the settings say where nothing is given
        :return: ``{id of the document: content}``
        :rtype: dict
        """
        today = {}
        describe = self._describe_approval_items()
        items = self._get_approval_items()
        scopes = self._read_approval_scopes(digits_of)
        if self._approval_line_field:
            model = self._get_approval_line_model()
            today = model._get_content_digits()
            model._name_approval_lines([scope["lines"] for scope in scopes.values()])
        contents = {}
        for document in self:
            flat = scopes[document.id]
            document._name_approval_items(items, flat["header"])
            contents[document.id] = {
                "format": ledger.FORMAT,
                "document": {
                    "model": document._name,
                    "id": document.id,
                    "name": document.display_name,
                },
                # How it is shown is no part of what is agreed, and not in the scope.
                "prices": document._get_shown_prices(),
                "digits": (digits_of or {}).get(document.id, today),
                "blocks": blocks.make_blocks(
                    items, flat, describe, document._make_block_of_lines(flat, describe)
                ),
            }
        return contents

    def _make_block_of_lines(self, flat, describe):
        """Return the block of the lines and their totals, or nothing where the document
        has none.

        :param dict flat: content, see ``tools.ledger.flat()``
        :param dict describe: label and format by key
        """
        if not self._approval_line_field:
            return None
        model = self._get_approval_line_model()
        return {
            "kind": "lines",
            "key": "lines",
            "labels": {
                key: list(describe[key]) for key in model._describe_approval_items()
            },
            "lines": model._pack_approval_lines(flat["lines"], describe),
            "totals": [
                {"key": key, "label": describe[key][0], "value": flat["totals"][key]}
                for key, _field, _label in self._approval_totals
                if key in flat["totals"]
            ],
        }

    def _name_approval_items(self, items, header):
        """Put into content what related records are called, as the customer reads it.

        :param dict header: the values by the items' keys, which is changed
        """
        self.ensure_one()
        for item in items:
            value = header.get(item.key)
            if not isinstance(value, dict) or not item.field:
                continue
            field = self._fields[item.field]
            if field.type == "selection":
                labels = dict(field._description_selection(self.env))
                value["text"] = labels.get(value["id"], value["id"])
                continue
            record = self.env[field.comodel_name].browse(value["id"])
            value["text"] = record.display_name
            if item.kind == "address":
                text = [record.display_name, *record._display_address(True).split("\n")]
                value["text"] = "\n".join(line for line in text if line.strip())

    def _ignore_own_changes(self, content, asked, request):
        """Write into the present content what was asked, where it became something else
        without any change of what is agreed. Override for what Odoo itself changes.

        :param dict content: the present content, flat, which is changed
        :param dict asked: the content that the customer was asked about, flat
        :param request: the ``customer.approval.request``
        """
        self.ensure_one()

    def _get_scope_digests_as_asked(self, requests):
        """Return ``{id of the document: digest of its present scope and price}``, as it
        would have been when the customer was asked: with the decimals of then, in the
        format of then, and without what Odoo itself has changed since.

        :param requests: ``{id of the document: the request in force}``
        """
        if not self:
            return {}
        scopes = self.sudo()._read_approval_scopes(
            {d.id: requests[d.id]._get_digits() for d in self}
        )
        digests = {}
        for document in self:
            request = requests[document.id].sudo()
            scope = scopes[document.id]
            document._ignore_own_changes(scope, ledger.flat(request.content), request)
            digests[document.id] = (
                request.scope_digest
                if content_tools.is_same_scope(request.content, scope)
                else content_tools.scope_as_asked(request.content, scope)
            )
        return digests

    def _get_scope_digests(self, digits_of=None):
        """Return ``{id of the document: digest of its present scope and price}``.

        :param digits_of: see ``_get_customer_approval_content()``
        """
        if not self:
            return {}
        # Prices and taxes count, whatever the user may see of them.
        scopes = self.sudo()._read_approval_scopes(digits_of)
        return {
            document_id: ledger.scope_digest(scope)
            for document_id, scope in scopes.items()
        }

    def _get_changes_since(self, request):
        """Return what is different from what was asked, as plain data."""
        content, asked = self._get_content_and_asked(request)
        return content_tools.difference(asked, content)

    def _get_content_and_asked(self, request):
        """Return the present content and that which the customer was asked about, both
        flat.

        :rtype: tuple
        """
        self.ensure_one()
        request = request.sudo()  # whatever the user may read of it
        content = self.sudo()._get_customer_approval_content(
            {self.id: request._get_digits()}
        )[self.id]
        content, asked = ledger.flat(content), ledger.flat(request.content)
        self._ignore_own_changes(content, asked, request)
        return content, asked

    def _summarize(self, changes):
        """Return a difference in one line: what was, and what is."""
        self.ensure_one()
        Request = self.env["customer.approval.request"]
        describe = Request._describe_content(self)

        def change(name, old, new):
            label, format_ = describe(name)
            old, new = (
                in_one_line(
                    Request._get_value_text(
                        format_,
                        value,
                        self._get_document_currency(),
                        self._get_time_zone(),
                    )
                )
                for value in (old, new)
            )
            return f"{label}: {old} → {new}"

        parts = [
            f"{content_tools.line_name(line['new']) or self.env._('Item')}: "
            + change(name, line["old"].get(name), line["new"].get(name))
            for line in changes.get("lines", {}).get("changed", [])
            for name in line["fields"]
        ]
        lines = changes.get("lines", {})
        for name, label in (
            ("added", self.env._("added")),
            ("removed", self.env._("removed")),
        ):
            parts += [
                f"{content_tools.line_name(line) or self.env._('Item')}: {label}"
                for line in lines.get(name, [])
            ]
        for group in ("header", "totals"):
            parts += [
                change(name, *values) for name, values in changes.get(group, {}).items()
            ]
        return "; ".join(parts)

    def _format_decimals(self, value, digits, exact=True):
        """Return a number as the decimal string that content is made of.

        :param bool exact: keep zeros at the end: amounts have their currency's
            precision, while that of prices and quantities is a setting
        """
        return format_decimals(value or 0.0, digits, exact)
