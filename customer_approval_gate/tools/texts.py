# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What people type: a reason is something to read, a name one line of letters."""

import unicodedata

JOINERS = "\u200c\u200d"
"""Nobody sees them, and some scripts need them between letters."""


def clean_text(text):
    """Return a text without control characters, but for lines and tabulators."""
    return "".join(
        char
        for char in text or ""
        if char in "\n\r\t" or unicodedata.category(char) not in ("Cc", "Cs")
    )


def clean_name(text):
    """Return a name as one line that can be read, or an empty text if there is nothing
    to read in it."""
    name = "".join(
        char
        for char in unicodedata.normalize("NFC", text or "")
        if char.isspace() or char in JOINERS or _is_visible(char)
    )
    has_letters = any(unicodedata.category(char)[0] in "LN" for char in name)
    return " ".join(name.split()) if has_letters else ""


def is_blank(text):
    """Return whether there is nothing to see in a text."""
    return not any(_is_visible(char) for char in text or "")


def _is_visible(char):
    return not char.isspace() and unicodedata.category(char)[0] != "C"


def in_one_line(text):
    """Return a text of several lines, such as an address, in one."""
    return ", ".join(line.strip() for line in text.splitlines() if line.strip())
