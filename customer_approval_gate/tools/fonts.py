# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whether this server can print what people are called."""

import functools
import shutil
import subprocess
import unicodedata

FONT_LIST = "fc-list"
# A character of each script that customers' names are commonly written in.
SCRIPTS = {
    "Arabic": "\u0639",
    "Chinese": "\u4e2d",
    "Cyrillic": "\u0416",
    "Devanagari": "\u0915",
    "Greek": "\u03a9",
    "Hebrew": "\u05d0",
    "Japanese": "\u3042",
    "Korean": "\ud55c",
    "Thai": "\u0e01",
}


@functools.lru_cache(4096)
def has_font(char):
    """Return whether a font of this server has a character. Where there is no program
    to ask, it is taken for yes."""
    program = shutil.which(FONT_LIST)
    if not program or ord(char) < 0x250 or unicodedata.category(char)[0] != "L":
        return True
    try:
        result = subprocess.run(
            [program, f":charset={ord(char):x}", "family"],
            capture_output=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return True
    return result.returncode != 0 or bool(result.stdout.strip())


def find_unprintable(texts):
    """Return those of these texts that have a character for which there is no font."""
    return [text for text in texts if text and not all(map(has_font, text))]


def find_missing_scripts():
    """Return the names of the scripts that this server has no font for."""
    return [name for name, char in sorted(SCRIPTS.items()) if not has_font(char)]
