# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a document says of its own content: which of its fields are content, what they
are called, and how they are shown. Content as it is frozen is a list of blocks that
carry all that with them, so that nobody who shows one knows what is in it.

Kinds of blocks: ``parties``, ``lines``, ``values``, ``text`` and ``files``.
"""

from typing import Any, NamedTuple

from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)


class Item(NamedTuple):
    """One thing that content says, and the field that it comes from."""

    key: str
    field: str | None
    """Of the document; without one the document says what it is."""
    label: Any
    """A text to be translated (``LazyTranslate``); by default the field's own label."""
    kind: str = "value"
    """``party``, ``address``, ``value`` or ``text``."""
    format: str = ""
    """How a value is shown; by default as its field's type is."""
    shown: bool = True
    """Whether it is on the page, or only compared."""
    default: Any = None
    """What is as if there were nothing."""


# What documents of all kinds say.
PARTNER = Item("partner", "partner_id", _lt("Customer"), "party", shown=False)
SHIPPING_ADDRESS = Item(
    "shipping_address", "partner_shipping_id", _lt("Delivery address"), "address"
)
COMPANY = Item("company", "company_id", _lt("Company"), "party", shown=False)
INCOTERM_LOCATION = Item(
    "incoterm_location", "incoterm_location", _lt("Place of the incoterm")
)
FISCAL_POSITION = Item(
    "fiscal_position", "fiscal_position_id", _lt("Fiscal position"), shown=False
)
CURRENCY = Item("currency", "currency_id", _lt("Currency"), shown=False)

FORMATS = {
    "boolean": "flag",
    "date": "date",
    "datetime": "moment",
    "float": "number",
    "integer": "number",
    "many2many": "record",
    "many2one": "record",
    "monetary": "money",
    "selection": "record",
}
"""How the values of a field's type are shown, where it is not as text."""


def priced_columns(prices):
    """Return the columns of priced lines, see ``columns_of()``.

    :param str prices: how the company shows them: ``tax_excluded`` or ``tax_included``
    """
    amount = {"key": "subtotal", "brief": True, "sum": True}
    if prices == "tax_included":
        amount |= {"key": "total", "called": "subtotal", "with_taxes": True}
    return [
        {"key": "description"},
        {"key": "quantity", "unit": "unit", "brief": True, "choice": True},
        {"key": "unit_price", "wide": True},
        {"key": "discount", "format": "discount", "wide": True, "sparse": True},
        {"key": "taxes", "format": "taxes", "wide": True},
        amount,
    ]


def columns_of(content):
    """Return the columns in which the lines of content are shown.

    Each has its ``key``, and maybe: ``called``, the key whose label it has; ``format``;
    ``unit``, the key of what stands behind a number; ``wide``, not on phones, where it
    stands below the first column; ``sparse``, only where any line has it; ``brief``,
    beside the line's name where there is room for little; ``sum``, what sections add
    up; ``choice``, without which a line is not chosen; ``with_taxes``, as it is headed.

    :param content: of whatever format: before version 19.0.1.9.0 all lines were priced
    """
    for block in content.get("blocks", []):
        if block["kind"] == "lines" and "columns" in block:
            return block["columns"]
    return priced_columns(content.get("prices"))


def is_empty(value):
    """Return whether a value of a line says nothing."""
    return not value or isinstance(value, str) and not value.strip("0.")


def make_blocks(items, flat, describe, lines):
    """Return content as blocks.

    :param items: the document's
    :param dict flat: what they are, as ``ledger.flat()`` returns it
    :param dict describe: label and format by key
    :param dict lines: the block of the lines, or nothing where there are none
    """
    header = flat["header"]
    given = [item for item in items if header.get(item.key) not in (None, "", [])]

    def of(*kinds):
        return [item for item in given if item.kind in kinds]

    def labelled(item):
        label, _format = describe[item.key]
        result = {"key": item.key, "label": label}
        return result if item.shown else {**result, "shown": False}

    blocks = []
    if parties := of("party", "address"):
        blocks.append(
            {
                "kind": "parties",
                "key": "parties",
                "parties": _hide_twins(
                    [{**labelled(item), **header[item.key]} for item in parties]
                ),
            }
        )
    if lines:
        blocks.append(lines)
    if values := of("value"):
        blocks.append(
            {
                "kind": "values",
                "key": "values",
                "values": [
                    {
                        **labelled(item),
                        "format": describe[item.key][1],
                        "value": header[item.key],
                    }
                    for item in values
                ],
            }
        )
    for item in of("text"):
        blocks.append({"kind": "text", **labelled(item), "text": header[item.key]})
    return blocks


def _hide_twins(parties):
    """Whoever reads an address need not read it twice."""
    read = []
    for party in parties:
        if party.get("shown", True):
            text = party["text"]
            if text in read:
                party["shown"] = False
            read.append(text)
    return parties


def labels_of(content):
    """Return label and format of all that content itself gives any: by key."""
    labels = {}
    for block in content.get("blocks", []):
        kind = block["kind"]
        if kind == "parties":
            labels.update({p["key"]: (p["label"], "record") for p in block["parties"]})
        elif kind == "values":
            labels.update(
                {item["key"]: (item["label"], item["format"]) for item in block[kind]}
            )
        elif kind == "text":
            labels[block["key"]] = (block["label"], "text")
        elif kind == "lines":
            labels.update({key: tuple(own) for key, own in block["labels"].items()})
            for item in block["totals"]:
                labels[item["key"]] = (item["label"], "money")
    return labels
