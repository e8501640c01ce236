# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Quantities as people write and read them: with their language's separators, and as
many decimals as units have."""

from decimal import Decimal, InvalidOperation
from functools import lru_cache

from odoo.exceptions import UserError
from odoo.tools import float_repr
from odoo.tools.misc import get_lang


@lru_cache(4096)  # the gate writes the same few prices and quantities again and again
def format_decimals(value, digits, exact):
    """Return a number as the decimal text that content is made of.

    :param bool exact: keep zeros at the end
    """
    text = float_repr(value, digits)
    if exact or "." not in text:
        return text
    return text.rstrip("0").rstrip(".")


# Between thousands, in one language or another.
SPACES = str.maketrans("", "", " \u00a0\u202f\u2009'\u2019\u066c_")
THOUSANDS = 3


def get_digits(env):
    """Return how many decimals quantities have."""
    return env["decimal.precision"].precision_get("Product Unit")


def format_quantity(env, quantity, digits=None):
    """Return a quantity for people, without zeros at the end.

    :param float quantity: or its decimal text
    :param int digits: how many decimals at most; by default those of units
    """
    digits = get_digits(env) if digits is None else digits
    text = f"{Decimal(str(quantity or 0)):.{digits}f}"
    decimals = len(text.rstrip("0").partition(".")[2]) if "." in text else 0
    lang = env["res.lang"].sudo().browse(get_lang(env).id)  # customers may not read it
    return lang.format(f"%.{decimals}f", float(text), grouping=True)


def parse_quantity(env, text):
    """Return what somebody typed as a number.

    :param str text: with the separators of their language, or without ambiguity
    :raise UserError: it is no quantity, has more decimals than units have, or could be
        one thing or another; the message asks
    :rtype: float
    """
    typed = (text or "").strip().replace("\u066b", ".")
    plain = typed.translate(SPACES)
    point = _find_point(env, typed, plain, get_lang(env))
    if point:
        whole, _point, decimals = plain.rpartition(point)
    else:
        whole, decimals = plain, ""
    other = {".": ",", ",": "."}.get(point)
    groups = whole.split(other) if other and other in whole else None
    if not point:
        groups = next((plain.split(s) for s in ",." if s in plain), None)
        whole = plain
    if groups and any(len(group) != THOUSANDS for group in groups[1:]):
        raise UserError(_no_quantity(env, typed))
    number = "".join(groups) if groups else whole
    try:
        value = Decimal(f"{number or 0}.{decimals or 0}")
    except InvalidOperation as error:
        raise UserError(_no_quantity(env, typed)) from error
    digits = get_digits(env)
    if not value.is_finite() or value.is_signed() or value >= Decimal(10) ** 12:
        raise UserError(_no_quantity(env, typed))
    if value != round(value, digits):
        raise UserError(
            env._(
                "“%(text)s” has too many decimals: quantities have %(digits)s at most.",
                text=typed,
                digits=digits,
            )
        )
    return float(value)


def _find_point(env, typed, plain, lang):
    """Return the character that separates decimals in what was typed, if any does.

    :raise UserError: it could be either
    """
    found = [char for char in plain if char in ".,"]
    if not found:
        return ""
    if len(set(found)) > 1:
        return found[-1]  # whatever the language: thousands come first
    char = found[0]
    if len(found) > 1:
        return ""
    head, _char, tail = plain.partition(char)
    if len(tail) != THOUSANDS or not 0 < len(head) <= THOUSANDS or head == "0":
        return char  # no thousands are written so
    if char == lang.thousands_sep:
        return ""
    if char == lang.decimal_point and get_digits(env) >= THOUSANDS:
        return char
    # A dot typed by somebody whose language has none, or three decimals of a unit that
    # has two: a thousand times too much is no small mistake.
    raise UserError(
        env._(
            "“%(text)s” can be read as %(small)s or as %(large)s. Please type it "
            "without separators.",
            text=typed,
            small=format_quantity(env, f"{head}.{tail}", THOUSANDS),
            large=format_quantity(env, f"{head}{tail}"),
        )
    )


def _no_quantity(env, text):
    return env._("“%(text)s” is no quantity. Please enter a number.", text=text)
