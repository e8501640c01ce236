# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What counts as money that has arrived."""

from dataclasses import dataclass
from typing import Any

COUNTED_STATES = ("in_process", "paid")
"""States of payments that are money; drafts and what was cancelled are not."""

MONEY_JOURNALS = ("bank", "cash", "credit")
"""Types of journals whose entries are money, also without a payment."""

PARTIAL_SIDES = (
    ("debit_move_id", "credit_move_id", "debit_amount_currency"),
    ("credit_move_id", "debit_move_id", "credit_amount_currency"),
)
"""The two sides of a reconciliation: one's own line, the other's, and how much it is in
the currency of one's own."""


@dataclass(frozen=True)
class Received:
    """What of an invoice was paid, or of a credit note paid back.

    :param float amount: in the invoice's currency, negative if paid back
    :param date: of the payment, whose rate counts
    :param payment: the ``account.payment``, if there is one
    """

    amount: float
    date: Any
    payment: Any = None
