# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The functions of PostgreSQL, as the files in ``sql/`` have them.

They test in their bodies and by name, so that columns can be altered and dropped, and a
trigger that was left behind does no harm. They raise errors of class 23 with table and
constraint, which Odoo turns into messages. ``@.`` stands for the schema.
"""

import pathlib
import re

from .ledger import (
    DIGEST_INFO,
    EXPONENT,
    LEVEL_OF_METHOD,
    LEVELS,
    SEALED_FIELDS,
    UNSEALED_KINDS,
)

KEY_BYTES = 256
"""The size of the key that seals."""

assert EXPONENT == 2**16 + 1  # what customer_approval_is_sealed() raises to

FUNCTION = re.compile(
    r"^CREATE FUNCTION ([\w{}]+)\((.*?)\)\nRETURNS ([\w\[\]]+) LANGUAGE ([\w ]+?)"
    r" AS \$\$(.*?)\$\$;$",
    re.DOTALL | re.MULTILINE,
)


def _cases(numbers):
    return " ".join(f"WHEN '{name}' THEN {number}" for name, number in numbers.items())


def _get_seal_prefix():
    info = bytes.fromhex(DIGEST_INFO)
    padding = b"\xff" * (KEY_BYTES - len(info) - 32 - 3)
    return int.from_bytes(b"\x00\x01" + padding + b"\x00" + info, "big")


CONSTANTS = {
    "levels": _cases(LEVELS),
    "methods": _cases({m: LEVELS[level] for m, level in LEVEL_OF_METHOD.items()}),
    "seal_prefix": str(_get_seal_prefix()),
    "sealed_fields": ", ".join(f"NEW.{name}::text" for name in SEALED_FIELDS),
    "unsealed_kinds": ", ".join(f"'{name}'" for name in UNSEALED_KINDS),
}
"""What the files have from ``ledger.py``, so that both say the same."""


def _read_functions():
    """Return the functions of all files by name: arguments, result, language, body."""
    functions = {}
    for path in sorted(pathlib.Path(__file__).parent.parent.joinpath("sql").iterdir()):
        for name, arguments, *rest in FUNCTION.findall(path.read_text()):
            result, language, body = rest
            for constant, value in CONSTANTS.items():
                body = body.replace(f"{{{constant}}}", value)
            arguments = " ".join(arguments.split())
            functions[name] = (arguments, result, language, body)
    return functions


_ALL = _read_functions()

GATE_TEMPLATES = {name: own for name, own in _ALL.items() if "{table}" in name}
"""Those of which each table of documents has its own."""

FUNCTIONS = {name: own for name, own in _ALL.items() if name not in GATE_TEMPLATES}
