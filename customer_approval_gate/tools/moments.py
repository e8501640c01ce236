# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Days and moments, in the time zone of whom they are about."""

import datetime

import pytz

from odoo import fields
from odoo.tools import format_datetime


def find_zone(name):
    """Return a time zone as ``pytz`` has it; UTC for a name that it does not know, as
    contacts keep of zones that were given up."""
    try:
        return pytz.timezone(name)
    except pytz.UnknownTimeZoneError:
        return pytz.utc


def today_in(zone):
    """Return the ``date`` that it is in a time zone.

    :param str zone: its name, such as ``Europe/Berlin``
    """
    now = pytz.utc.localize(fields.Datetime.now())
    return now.astimezone(find_zone(zone)).date()


def is_over(day, zone):
    """Return whether a last day is over in a time zone.

    :param day: a ``date``, or nothing for no last day
    """
    return bool(day) and day < today_in(zone)


def format_moment(env, moment, zone):
    """Return a moment as people read it: date, time, and the zone that they are of.

    :param moment: a ``datetime`` in UTC, or its text
    """
    if not moment:
        return ""
    if not isinstance(moment, datetime.datetime):
        moment = fields.Datetime.to_datetime(moment)
    zone = find_zone(zone).zone
    return f"{format_datetime(env, moment, tz=zone, dt_format='short')} ({zone})"
