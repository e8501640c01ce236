# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Content that was kept before format 3, as blocks: shown, and never written."""

from odoo.tools.translate import LazyTranslate

from . import blocks
from .content import as_today

_lt = LazyTranslate(__name__)

FORMER_ITEMS = (blocks.Item("customer_reference", None, _lt("Your reference")),)
"""What content had before format 3, and is shown where it has."""


def _from_2(content, items, describe, make_lines):
    return blocks.make_blocks(
        [*items, *FORMER_ITEMS], content, describe, make_lines(content)
    )


def _from_1(content, items, describe, make_lines):
    # All numbers had as many decimals as any may have.
    return _from_2(as_today(content), items, describe, make_lines)


ADAPTERS = {1: _from_1, 2: _from_2}


def as_blocks(content, items, describe, make_lines):
    """Return content of an older format as blocks.

    :param items: what documents of its model say, ``blocks.Item``
    :param dict describe: label and format by key
    :param make_lines: the function that returns the block of the lines of content
    """
    adapt = ADAPTERS[content.get("format", 1)]
    return adapt(content, items, describe, make_lines)
