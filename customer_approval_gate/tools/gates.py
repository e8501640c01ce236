# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a gate says of a document."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Reason(str):
    """Why a document may not enter a stage: a sentence, which knows who asks.

    :param text: the sentence
    :param gate: the ``customer.approval.stage``, or ``None``
    """

    def __new__(cls, text, gate=None):
        """Make the text, and keep the stage beside it."""
        reason = super().__new__(cls, text)
        reason.gate = gate
        return reason


@dataclass(frozen=True)
class GateState:
    """One gate on a document's way into a stage.

    :param kind: which gate, a value of the document's ``blocked_by``
    :param message: why it blocks, and what to do next; empty where it is open
    :param gate: the ``customer.approval.stage`` that asks, if it blocks
    :param describe: a function without arguments that tells people of it: ``label``,
        what the gate is called, ``state``, how far it is, and ``who`` can open it
    """

    kind: str
    message: str = ""
    gate: Any = None
    describe: Callable[[], dict] = dict
