# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The commercial content of a document as plain data: bytes, digests, sameness.

Nothing here knows Odoo. Content is made of dictionaries, lists, strings, booleans,
integers and ``None``; amounts are decimal strings, dates are ISO 8601. A related
record is ``{"id": 7, "text": "what the customer read"}``.
"""

import hashlib
import json

FORMAT = 1
"""Written into all content, so that later formats can tell it from their own."""


def canonical(content):
    """Return the one byte string that stands for the content.

    :raise TypeError: content has something whose text could differ between
        machines, such as a float.
    """
    _check_plain(content)
    return json.dumps(
        content, sort_keys=True, ensure_ascii=True, separators=(",", ":")
    ).encode()


def digest(content):
    """Return the SHA-256 of the content, with the format's number before it."""
    return f"{FORMAT}:{hashlib.sha256(canonical(content)).hexdigest()}"


def scope_digest(content):
    """Return a digest that stays the same as long as scope and price do.

    What a related record is called (a payment term renamed, a partner's new
    telephone number), which database row a line has, and the order of the lines
    say nothing about what is sold at which price.
    """
    scope = {
        "header": _without_texts(content["header"]),
        "totals": content["totals"],
        "lines": sorted(
            (_without_texts(line) for line in content["lines"]), key=canonical
        ),
    }
    return digest(scope)


def related(record_id, text=None):
    """Return a related record as content, or ``None`` if there is none."""
    return {"id": record_id, "text": text} if record_id else None


def _without_texts(value):
    if isinstance(value, dict):
        if "text" in value and "id" in value:
            return value["id"]
        return {
            key: _without_texts(part) for key, part in value.items() if key != "line_id"
        }
    if isinstance(value, list):
        return [_without_texts(part) for part in value]
    return value


def _check_plain(value):
    if isinstance(value, dict):
        for key, part in value.items():
            if not isinstance(key, str):
                raise TypeError(f"content has a key that is no text: {key!r}")
            _check_plain(part)
    elif isinstance(value, list):
        for part in value:
            _check_plain(part)
    elif not (value is None or isinstance(value, bool | int | str)):
        raise TypeError(f"content has a value of type {type(value).__name__}")
