# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What only code can make, and neither a caller from outside nor a server action.

The methods that record an answer or an event take one of these. Whoever calls Odoo by
RPC sends text, numbers and lists; the code of a server action can call any method of a
model, and can import nothing.
"""

from dataclasses import dataclass, field
from typing import Any

NO_RECORD = ("customer.approval.event", 0)
"""The chain of what belongs to no document: the keys that seal, and which database it
is."""

HISTORY_KEPT = "history_kept"
"""What is remembered under it: which models have any history, see
``capability.memory()``. It is forgotten whenever an event is written."""


@dataclass(frozen=True)
class Answer:
    """What the customer said.

    :param decision: one of the request's four answers
    :param name: the full name of who answers
    :param method: a value of the request's ``decision_method``
    :param reason: required to reject or to request changes
    :param conditions: required to approve with conditions
    :param signature: an image, base64
    :param partner: the ``res.partner`` whose login it was
    :param witness: the ``res.users`` on whose screen it was, or who recorded it
    :param approver: the ``customer.approval.approver`` who answers; may be left out
        where there is no doubt
    :param category: the ``customer.approval.category`` of a rejection
    :param remarks: what is remarked about single lines: ``{line_id: text}``
    :param chosen: the ids of the optional lines that are wanted; ``None`` as asked
    :param proofs: the ``ir.attachment`` records that staff recorded it from
    """

    decision: str
    name: str
    method: str
    reason: str = ""
    conditions: str = ""
    signature: Any = None
    partner: Any = None
    witness: Any = None
    approver: Any = None
    category: Any = None
    remarks: dict = field(default_factory=dict)
    chosen: Any = None
    proofs: Any = None


@dataclass(frozen=True)
class EventData:
    """One event to be written, see ``customer.approval.event``.

    :param record: the document or stage whose chain it belongs to
    :param kind: what happened
    :param request: the ``customer.approval.request`` it is about
    :param personal: what can be erased one day, kept beside the event
    """

    record: Any
    kind: str
    request: Any = None
    text: str = ""
    decision: str | None = None
    method: str | None = None
    scope_digest: str | None = None
    details: dict = field(default_factory=dict)
    personal: dict = field(default_factory=dict)
    occurred_on: Any = None


class EvidenceValues(dict):
    """Values that may be written on a request: what was asked, or what was answered."""


class BookkeepingValues(dict):
    """Values of a line that Odoo itself adds to an order: a cost that is re-invoiced,
    goods that were delivered and not ordered."""


@dataclass(frozen=True)
class Delivery:
    """What was delivered, or completed, and who says so.

    :param kind: the ``customer.approval.delivery.kind``
    :param quantities: how much of each line: ``{line_id: float}``, in its unit
    :param name: the full name of who received it
    :param method: ``staff`` or ``portal``
    :param present: whether the customer was there
    :param signature: an image, base64
    :param photos: ``[(file name, bytes)]``
    :param place: where, as text
    :param position: latitude and longitude, as decimal texts
    :param partner: the ``res.partner`` whose login it was
    :param form: what tells this form from others, so that it counts once
    """

    kind: Any
    quantities: dict
    name: str
    method: str
    present: bool = True
    signature: Any = None
    remarks: str = ""
    photos: tuple = ()
    place: str = ""
    position: tuple = ()
    partner: Any = None
    form: str = ""


def entry_of(approver, kind, **personal):
    """Return an event about one person who is asked. A function and no method, as
    ``append_of()`` is: the code of server actions could call those.

    :param str kind: of the event
    :param personal: what can be erased one day, beside the name
    """
    return EventData(
        approver.request_id._get_document(),
        kind,
        approver.request_id,
        details={"approver": approver.id},
        personal={"name": approver.partner_id.name, **personal},
    )


def append_of(approver, kind, **personal):
    """Write an event about one person who is asked: see ``entry_of()``."""
    events = approver.env["customer.approval.event"].sudo()  # whoever causes it
    events._append([entry_of(approver, kind, **personal)])
