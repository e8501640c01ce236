# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import api, models
from odoo.tools.translate import LazyTranslate

from ...tools import blocks, content as content_tools, ledger
from ...tools.quantities import format_decimals
from ...tools.texts import in_one_line

_lt = LazyTranslate(__name__)


class CustomerApprovalContentMixin(models.AbstractModel):
    """What a document says to its customer, and whether that has changed.

    A model says it by the attributes below, and by ``_complete_approval_header()``.
    """

    _name = "customer.approval.content.mixin"
    _inherit = ["customer.approval.fields.mixin"]
    _description = "Content That the Customer Approves"

    _approval_line_field = None
    """The one2many of the lines, of a model with ``customer.approval.line.mixin``."""

    _approval_totals = None
    """The totals of content: key, field and label; by default those that Odoo's own
    documents have, as far as there are any."""

    def _get_customer_approval_lines(self):
        """Return the lines of all these documents that their customers read, in
        order, of a model with ``customer.approval.line.mixin``."""
        if not self._approval_line_field:
            return self.env["customer.approval.line.mixin"]
        return self[self._approval_line_field]

    @api.model
    def _get_approval_line_model(self):
        return self.env[self._fields[self._approval_line_field].comodel_name]

    def _complete_approval_header(self, header, row):
        """Complete what content says beside lines and totals, for one document.

        :param dict header: the values by the items' keys, which is changed
        :param dict row: the fields of the document as the database has them
        """

    @api.model
    def _get_approval_totals(self):
        """Return key, field and label of the totals of content."""
        if self._approval_totals is not None:
            return self._approval_totals
        usual = (
            ("untaxed", "amount_untaxed", _lt("Untaxed amount")),
            ("tax", "amount_tax", _lt("Taxes")),
            ("total", self._find_document_field("total"), _lt("Total")),
        )
        return [item for item in usual if item[1] in self._fields]

    @api.model
    def _get_approval_items(self):
        items = super()._get_approval_items()
        if self._approval_items:
            return items
        # Whoever names only fields need not think of these.
        usual = {
            "customer": blocks.PARTNER,
            "company": blocks.COMPANY,
            "currency": blocks.CURRENCY,
        }
        named = {item.field for item in items}
        own = [
            item._replace(field=name)
            for role, item in usual.items()
            if (name := self._find_document_field(role)) and name not in named
        ]
        return [*own, *items]

    def _get_customer_approval_amount(self):
        """Return the total that the customer is asked to approve, in the document's
        currency."""
        self.ensure_one()
        return self._get_document_total()

    def _get_customer_approval_totals(self):
        """Return the totals that content has, in the document's currency:
        ``{key: amount}``."""
        self.ensure_one()
        return {key: self[field] for key, field, _label in self._get_approval_totals()}

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

    def _describe_approval_items(self):
        """Return label and format of all that content has, in the user's language:
        ``{key: (label, format)}``."""
        described = self._describe_approval_fields()
        for key, _field, label in self._get_approval_totals():
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
        names |= {field for _key, field, _label in self._get_approval_totals()}
        currency_field = self._find_document_field("currency")
        names |= {currency_field} - {None}
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
            for currency in currencies.browse(
                {r.get(currency_field) for r in rows.values()} - {None}
            )
        }
        scopes = {}
        for document_id, row in rows.items():
            header = self._convert_approval_items(items, row, addresses)
            self._complete_approval_header(header, row)
            digits = decimals.get(row.get(currency_field), 2)
            less = excluded.get(document_id, {})
            scopes[document_id] = {
                "format": ledger.FORMAT,
                "header": header,
                "lines": lines.get(document_id, []),
                "totals": {
                    key: format_decimals(
                        (row[field] or 0.0) - less.get(key, 0.0), digits, True
                    )
                    for key, field, _label in self._get_approval_totals()
                },
                "files": [],
            }
        return scopes

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
        self._name_approval_items(items, [scope["header"] for scope in scopes.values()])
        contents = {}
        for document in self:
            flat = scopes[document.id]
            prices = document._get_shown_prices()
            lines = document._make_block_of_lines(flat, describe, prices)
            contents[document.id] = {
                "format": ledger.FORMAT,
                "document": {
                    "model": document._name,
                    "id": document.id,
                    "name": document.display_name,
                },
                # How it is shown is no part of what is agreed, and not in the scope.
                "prices": prices,
                "digits": (digits_of or {}).get(document.id, today),
                "blocks": blocks.make_blocks(items, flat, describe, lines),
            }
        return contents

    def _make_block_of_lines(self, flat, describe, prices):
        """Return the block of the lines and their totals, or nothing where the document
        has none.

        :param dict flat: content, see ``tools.ledger.flat()``
        :param dict describe: label and format by key
        :param str prices: how the company shows them
        """
        lines, labels, columns = [], [], []
        if self._approval_line_field:
            model = self._get_approval_line_model()
            lines = model._pack_approval_lines(flat["lines"], describe)
            labels = model._describe_approval_items()
            columns = model._get_approval_columns(prices)
        elif not flat["totals"]:
            return None
        return {
            "kind": "lines",
            "key": "lines",
            "labels": {key: list(describe[key]) for key in labels},
            "columns": columns,
            "lines": lines,
            "totals": [
                {"key": key, "label": describe[key][0], "value": flat["totals"][key]}
                for key, _field, _label in self._get_approval_totals()
                if key in flat["totals"]
            ],
        }

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
