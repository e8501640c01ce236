# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The commercial content of a document as plain data, and what has changed in it.

Nothing here knows Odoo. Content is made of dictionaries, lists, strings, booleans,
integers and ``None``; amounts are decimal strings, dates are ISO 8601. A related
record is ``{"id": 7, "text": "what the customer read"}``, an address has its parts
besides. What is compared is ``ledger.flat()`` of it, whatever its format; its digests
are in ``ledger.py``, its blocks in ``blocks.py``.
"""

from collections import Counter
from decimal import Decimal

from .ledger import (
    FORMAT,
    canonical,
    flat,
    scope_digest,
    without_empty,
    without_texts,
)

TYPO_LENGTH = 4
"""From how many letters on another word may be a typo that was mended."""


MONEY = {"quantity", "unit_price", "discount", "subtotal", "total"}
"""What of a line makes its price."""


ORDER = {"untaxed": 1, "tax": 2, "total": 3}
"""How totals are read."""


def related(record_id, text=None):
    """Return a related record as content, or ``None`` if there is none."""
    return {"id": record_id, "text": text} if record_id else None


# ----------------------------------------------------------------------
# The difference between two versions
# ----------------------------------------------------------------------


def difference(old, new):
    """Return what has changed from one version to another, as plain data.

    Reordering lines is no change, and neither is that lines have other rows in the
    database.

    :return: ``{"lines": {"added": [line], "removed": [line], "changed": [{"old": line,
        "new": line, "fields": [name]}]}, "header": {name: [old, new]}, "totals":
        {name: [old, new]}, "files": {"added": [file], "removed": [file]}}``, without
        the parts in which nothing has changed
    :rtype: dict
    """
    old, new = comparable(flat(old), flat(new))
    parts = {
        "lines": _lines_difference(old["lines"], new["lines"]),
        "header": _fields_difference(old["header"], new["header"]),
        "totals": _fields_difference(old["totals"], new["totals"]),
        "files": _files_difference(old.get("files", []), new.get("files", [])),
    }
    return {name: part for name, part in parts.items() if part}


def apply_difference(content, changes):
    """Return the other version, flat: lines that were added come last."""
    content = flat(content)
    lines = [_without_id(line) for line in content["lines"]]
    line_changes = changes.get("lines", {})
    for line in line_changes.get("removed", []):
        lines.remove(_without_id(line))
    for change in line_changes.get("changed", []):
        lines[lines.index(_without_id(change["old"]))] = _without_id(change["new"])
    lines += [_without_id(line) for line in line_changes.get("added", [])]
    file_changes = changes.get("files", {})
    files = list(content.get("files", []))
    for file in file_changes.get("removed", []):
        files.remove(file)
    return {
        **content,
        "header": _apply_fields(content["header"], changes.get("header", {})),
        "totals": _apply_fields(content["totals"], changes.get("totals", {})),
        "lines": lines,
        "files": files + file_changes.get("added", []),
    }


def optional_lines(content):
    """Return the ids of the lines that the customer may choose: those of an optional
    section or subsection."""
    result, section, subsection = [], False, False
    for line in flat(content)["lines"]:
        if line["kind"] == "line_section":
            section, subsection = bool(line.get("optional")), False
        elif line["kind"] == "line_subsection":
            subsection = bool(line.get("optional"))
        elif line["kind"] == "product" and (section or subsection):
            result.append(line["line_id"])
    return result


def is_tax_included(line):
    """Return whether the unit price of a line has its taxes in it."""
    if line["total"] == line["subtotal"]:
        return False
    net = Decimal(line["quantity"]) * _net_price(line)
    return abs(net - Decimal(line["total"])) < abs(net - Decimal(line["subtotal"]))


def section_amounts(content, name):
    """Return what each section and subsection comes to: ``{line_id: amount}``, as
    decimals, without those that have no prices.

    :param name: the key of what lines come to; nothing where they have no prices
    """
    amounts, open_ones = {}, {}
    for line in flat(content)["lines"]:
        if line["kind"] == "line_section":
            open_ones = {"line_section": line["line_id"]}
        elif line["kind"] == "line_subsection":
            open_ones["line_subsection"] = line["line_id"]
        elif line["kind"] == "product":
            for key in open_ones.values():
                amount = Decimal(line.get(name) or 0)
                amounts[key] = amounts.get(key, Decimal(0)) + amount
    return amounts


def first_line(text):
    """Return the first line of a text that has any words, or an empty text."""
    return next(
        (line.strip() for line in (text or "").splitlines() if line.strip()), ""
    )


def line_name(line):
    """Return what a person calls a line, in one line of text: its description, its
    product, or the first record that it names. Lines may have none of these."""
    records = [line.get("product"), *(line[name] for name in sorted(line))]
    texts = [r.get("text") for r in records if isinstance(r, dict)]
    return next(filter(None, map(first_line, [line.get("description"), *texts])), "")


def normalized(content):
    """Return content without what is no change: two versions are the same if this is
    the same."""
    content = flat(content)
    return {
        "header": {k: v for k, v in content["header"].items() if v is not None},
        "totals": content["totals"],
        "lines": sorted(
            (_without_id(line) for line in content["lines"]), key=canonical
        ),
        "files": sorted(content.get("files", []), key=canonical),
    }


def _without_id(line):
    return {name: value for name, value in line.items() if name != "line_id"}


def _lines_difference(old, new):
    old, new = _without_common(old, new), _without_common(new, old)
    changed = []
    # What is surer to be the same line comes first: its row in the database, then
    # what it sells, then what it is called.
    for key in (
        lambda line: line.get("line_id"),
        lambda line: (
            (line["kind"], line["product"]["id"], line["description"])
            if line.get("product")
            else None
        ),
        lambda line: (
            (line["kind"], line["product"]["id"]) if line.get("product") else None
        ),
        lambda line: (line["kind"], line["description"]),
    ):
        for before in list(old):
            value = key(before)
            after = next((line for line in new if value and key(line) == value), None)
            if after is None or before["kind"] != after["kind"]:
                continue
            old.remove(before)
            new.remove(after)
            changed.append(
                {"old": before, "new": after, "fields": changed_fields(before, after)}
            )
    parts = {"added": new, "removed": old, "changed": changed}
    return {name: part for name, part in parts.items() if part}


def _without_common(lines, others):
    """Return the lines that the others do not have as well, whatever their rows."""
    counts = Counter(canonical(_without_id(line)) for line in others)
    result = []
    for line in lines:
        key = canonical(_without_id(line))
        if counts[key]:
            counts[key] -= 1
        else:
            result.append(line)
    return result


def changed_fields(old, new):
    """Return the names of what differs between two lines."""
    names = (old.keys() | new.keys()) - {"line_id"}
    return sorted(name for name in names if old.get(name) != new.get(name))


def _fields_difference(old, new):
    names = sorted(old.keys() | new.keys(), key=lambda name: (ORDER.get(name, 0), name))
    return {
        name: [old.get(name), new.get(name)]
        for name in names
        if old.get(name) != new.get(name)
    }


def _apply_fields(values, changes):
    return {**values, **{name: new for name, (_old, new) in changes.items()}}


def _files_difference(old, new):
    parts = {
        "added": [file for file in new if file not in old],
        "removed": [file for file in old if file not in new],
    }
    return {name: part for name, part in parts.items() if part}


# ----------------------------------------------------------------------
# Older formats
# ----------------------------------------------------------------------

NO_CONTENT_ANY_MORE = {"customer_reference"}
"""What content had before format 3: the customer's own people fill it in."""


def comparable(old, new):
    """Return two versions as far as the older format could tell them apart.

    :param old: flat content of whatever format
    :param new: flat content that is not older
    :rtype: tuple
    """
    before, after = old.get("format", 1), new.get("format", 1)
    if before == after:
        return old, new
    old = as_today(old)
    if after < 3:
        return old, new
    names = {name for line in old["lines"] for name in line}
    header = {
        key: value if key in NO_CONTENT_ANY_MORE else _as_before(new["header"].get(key))
        for key, value in old["header"].items()
    }
    lines = [
        {name: _as_before(value) for name, value in line.items() if name in names}
        for line in new["lines"]
    ]
    return old, {**new, "header": header, "lines": lines}


NEW_IN_RECORDS = ("address", "rate", "works")


def _as_before(value):
    """A value without what only format 3 has: the parts of an address, how much a tax
    is; what is chosen from a list was the bare key."""
    if isinstance(value, list):
        return [_as_before(part) for part in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("id"), str):
        return value["id"]
    return {name: part for name, part in value.items() if name not in NEW_IN_RECORDS}


def scope_as_asked(frozen, present):
    """Return the digest of present scope and price in the format in which the customer
    was asked.

    :param frozen: content as it was asked, of whatever format
    :param present: flat content of today
    """
    if frozen.get("format", 1) == FORMAT:
        return scope_digest(present)
    # That of the first format had other decimals, but all are compared as of today.
    return scope_digest(comparable(flat(frozen), present)[1], 2)


def is_same_scope(frozen, present):
    """Return whether content of whatever format has the scope and price of present
    content, as far as its format could tell.

    :param frozen: content as it was asked
    :param present: flat content of today
    """
    number = frozen.get("format", 1)
    asked = scope_digest(as_today(flat(frozen)), max(number, 2))
    return asked == scope_as_asked(frozen, present)


def as_today(content):
    """Return content of the first format with decimals as they are written today."""
    if content.get("format", 1) > 1:
        return content
    lines = []
    for line in content["lines"]:
        shortened = {
            name: line[name].rstrip("0").rstrip(".")
            for name in ("quantity", "unit_price", "discount")
            if "." in (line.get(name) or "")
        }
        lines.append({**line, **shortened})
    return {**content, "lines": lines}


def digits_of(content):
    """Return with how many decimals the prices and quantities of content are written.
    Where it does not say so, it has as many as its longest numbers, two at least."""
    lines = flat(content)["lines"]
    return content.get("digits") or {
        name: max(
            [2, *(len((line.get(name) or "").partition(".")[2]) for line in lines)]
        )
        for name in ("unit_price", "quantity", "discount")
    }


# ----------------------------------------------------------------------
# Which changes matter
# ----------------------------------------------------------------------


def changes_that_matter(old, new, policy):
    """Return why content is no longer what was approved, as far as a company's policy
    goes: an empty list if the approval stays in force.

    Each line is looked at for itself: a higher price here is not made good by a lower
    one there.

    :param old: the approved content
    :param new: the present content
    :param policy: ``{"percent": str, "amount": str, "lower": bool, "typos": bool,
        "delivery_date": bool}``, the tolerances for a higher total as decimals; where
        both are set, both have to be kept
    :return: names of what matters
    :rtype: list
    """
    # What a record is called, and which files lie beside it, was no part of the price.
    old, new = comparable(flat(old), flat(new))
    changes = difference(_scope(old), _scope(new))
    reasons = []
    for name in changes.get("header", {}):
        if not (name == "delivery_date" and policy["delivery_date"]):
            reasons.append(name)
    lines = changes.get("lines", {})
    reasons += ["line_added"] * bool(lines.get("added"))
    reasons += ["line_removed"] * bool(lines.get("removed"))
    raised = Decimal(0)
    for change in lines.get("changed", []):
        reasons += _line_reasons(change, policy)
        rise = _rise(change["old"], change["new"])
        raised += max(rise, Decimal(0))
    if raised and not _is_tolerated(
        raised, Decimal(old["totals"].get("total") or 0), policy
    ):
        reasons.append("higher_total")
    explained = any(MONEY & {*change["fields"]} for change in lines.get("changed", []))
    if "totals" in changes and not explained:
        reasons.append("totals")
    return sorted(set(reasons))


def _scope(content):
    return {
        "header": without_empty(without_texts(content["header"])),
        "totals": content["totals"],
        "lines": [
            {
                **without_empty(without_texts(line)),
                "line_id": line.get("line_id"),
                "product": product,
                "description": line["description"],
            }
            for line in content["lines"]
            for product in [{"id": (line.get("product") or {}).get("id")}]
        ],
    }


def _line_reasons(change, policy):
    reasons = []
    old, new = change["old"], change["new"]
    is_priced = {*old} & {*new} >= {"quantity", "unit_price", "discount"}
    money = MONEY if is_priced else set()
    for name in change["fields"]:
        if name == "description" and policy["typos"]:
            if not is_typo(old["description"], new["description"]):
                reasons.append("description")
        elif name not in money:
            reasons.append(name)
    if not money & {*change["fields"]}:
        return reasons
    steps = {
        "quantity": Decimal(new["quantity"]) - Decimal(old["quantity"]),
        "unit_price": _net_price(new) - _net_price(old),
    }
    if any(step > 0 for step in steps.values()):
        if any(step < 0 for step in steps.values()):
            reasons.append("less_for_more")
    elif not any(steps.values()):
        reasons.append("price")  # neither says why it is another amount
    elif not policy["lower"]:
        reasons.append("lower_total")
    return reasons


def _net_price(line):
    return Decimal(line["unit_price"]) * (100 - Decimal(line["discount"])) / 100


def _rise(old, new):
    return Decimal(new.get("total") or 0) - Decimal(old.get("total") or 0)


def _is_tolerated(raised, total, policy):
    percent, amount = Decimal(policy["percent"]), Decimal(policy["amount"])
    if not percent and not amount:
        return False
    return (not percent or raised <= abs(total) * percent / 100) and (
        not amount or raised <= amount
    )


def is_typo(old, new):
    """Return whether one text may be the other with typos mended: the same words in the
    same order, in each at most one letter more, less, other or swapped with the next,
    and no other number. Short words are no typos: "no" and "on" are two things."""
    words = [
        ["".join(filter(str.isalnum, word)) for word in text.split()]
        for text in (old, new)
    ]
    pairs = [[word for word in part if word] for part in words]
    if len(pairs[0]) != len(pairs[1]):
        return False
    return all(
        one == other or _is_mended(one, other)
        for one, other in zip(*pairs, strict=True)
    )


def _is_mended(one, other):
    if min(len(one), len(other)) < TYPO_LENGTH or any(
        char.isdigit() for char in one + other
    ):
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    rest, other_rest = one[start:], other[start:]
    return (
        rest[1:] == other_rest
        or rest == other_rest[1:]
        or rest[1:] == other_rest[1:]
        or (rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:])
    )
