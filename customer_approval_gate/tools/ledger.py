# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whether evidence still is what it was: digests, chains, seals, checkpoints.

Plain Python on plain data, and nothing but its standard library: this file is also
the ``verify.py`` of an evidence bundle, and there it is run by people who do not have
Odoo, and do not trust whoever has it.

    python3 verify.py               checks the folder it is in
    python3 verify.py bundle.zip    checks a bundle that was not unpacked
    python3 verify.py bundle.zip 0123456789abcdef0123456789abcdef
                                    trusts this key and no other: the fingerprint is on
                                    certificates

The same goes for an export, which holds all bundles of a database and its whole ledger.

What holds what:

- A request's frozen columns, and who was asked at first, are in the digest of its event
  *requested*, those of the decision in that of *decided*; what each person answered is
  in an event *answered* of their own.
- Each event holds the SHA-256 of its own content and, with it, of the event before,
  one chain a document.
- Events that matter to a gate are sealed besides: signed (RSA, SHA-256), together with
  the hash of the event before and with which database it is, with a key that is not in
  the database. A key counts if the first one, or one that is known from elsewhere,
  vouches for it.
- A checkpoint holds the root of a Merkle tree over all events (RFC 6962), and the
  SHA-256 of the checkpoint before. It is mailed out, so it cannot be rewritten.
- A bundle is sealed as a whole; besides, each of its files has its digest in a sealed
  event.
"""

import sys

if __name__ == "__main__" and not sys.flags.isolated:
    # Modules that lie in the folder of what is checked would be run.
    del sys.path[0]

import base64
import datetime
import hashlib
import io
import json
import pathlib
import re
import struct
import zipfile
import zlib

FORMAT = 3
"""The format of what is made today.

1. Prices and quantities had as many decimals as the settings said, and there were no
   files.
2. Digests are over all fields of a list, in ASCII.
3. Content is a list of blocks that carry their own labels, and digests are over JSON
   objects that carry their own keys, as RFC 8785 writes them: what is empty is left
   out, so that a new block or field is no new format. The database is part of each
   event, ways to identify somebody are named, and checkpoints are trees as of RFC
   6962.
"""

EVENT_FIELDS = (
    "res_model",
    "res_id",
    "request_id",
    "kind",
    "decision",
    "occurred_on",
    "user_id",
    "method",
    "version",
    "digest",
    "scope_digest",
    "text",
    "details",
    "personal_digest",
)
"""What the digest of an event is made of, up to format 2."""

EVENT_FIELDS_3 = (*EVENT_FIELDS, "database", "nonce")
"""What the digest of an event is made of."""

SEALED_FIELDS = (
    "kind",
    "decision",
    "res_model",
    "res_id",
    "request_id",
    "scope_digest",
    "entry_digest",
    "position",
    "previous_hash",
)
"""What is signed: what the database looks at, the digest of everything, the place in
the chain and with it all that came before."""

KEY_KINDS = ("key_registered", "key_confirmed")
"""What introduces a key that seals, or vouches for it."""

UNSEALED_KINDS = (
    "exported",
    "mail_sent",
    "mail_queued",
    "mail_accepted",
    "mail_failed",
    "mail_cancelled",
    "opened",
    "reminded",
    "stage_changed",
    "gate_refused",
    "downloaded",
    "deleted",
    "code_sent",
    "code_confirmed",
    "code_failed",
    "handed_over",
    "mail_bounced",
    "pass_on_proposed",
    "pass_on_refused",
    "entry_action",
    "advance_blocked",
)
"""What happens all day long, and opens nothing: it is chained, and not signed."""

FROZEN_FIELDS = (
    "name",
    "res_model",
    "res_id",
    "document_name",
    "partner_id",
    "partner_ids",
    "company_id",
    "currency_id",
    "amount_total",
    "user_id",
    "version",
    "round",
    "lang",
    "digest",
    "scope_digest",
    "requested_by_id",
    "requested_on",
    "deadline",
    "message",
    "rule",
    "required_count",
    "rejection_ends",
)
"""What of a request never changes, but for the deadline, whose changes are events."""

DECISION_FIELDS = (
    "decided_on",
    "decided_by_id",
    "decision_method",
    "witness_id",
    "consent",
    "reason",
    "conditions",
    "category_id",
)
"""What of a request is written once, with the customer's answer."""

NEW_IN_2 = {"rule", "required_count", "rejection_ends", "category_id"}
"""What requests of the first format do not have. They have no approvers either."""

APPROVER_FIELDS = ("id", "partner_id", "email", "sequence", "is_outsider")
"""What of somebody who is asked never changes, in the digest of the event by which
they came."""

ANSWER_FIELDS = (
    "decided_on",
    "decided_by_id",
    "decision_method",
    "witness_id",
    "consent",
    "reason",
    "conditions",
    "category_id",
    "remarks",
    "declined",
)
"""What of somebody who is asked is written once, with their answer."""

RULES = ("any", "all", "some", "order")

LEVELS = {
    "recorded": 1,
    "document_page": 1,
    "in_person": 2,
    "link": 3,
    "code": 4,
    "login": 4,
}
"""How sure it is who answered: recorded by staff, or on the document's own page, whose
link is nobody's alone; before a witness; by a personal link; with a one-time code, or
by login. What is sealed is the name, so that another one finds its place among them."""

LEVEL_OF_METHOD = {
    "portal": "login",
    "code": "code",
    "link": "link",
    "in_person": "in_person",
    "online_signature": "document_page",
    "online_payment": "document_page",
    "recorded": "recorded",
}
"""The level by the way of the answer, where nothing more is known."""


def strength_of(details, method):
    """Return how sure it is who answered, as a number to compare: see ``LEVELS``.

    :param dict details: of the event; before format 3 they had the number itself
    :param str method: of the event
    """
    details = details or {}
    if details.get("level"):
        return LEVELS.get(details["level"], 0)
    level = LEVEL_OF_METHOD.get(method)
    return details.get("strength", LEVELS.get(level, 0))


TAKEN_OVER = "Taken over when the ledger began"
"""The text of events by which an upgrade took requests of before into the ledger."""

UPGRADE_FIELDS = (
    "decided_on",
    "decided_by_id",
    "decision_method",
    "witness_id",
    "consent",
    "reason",
    "conditions",
    "category_id",
)
"""What that upgrade digested of a decision from version 19.0.1.2.0 to 19.0.1.4.0: one
field more than the first format has."""

PERSONAL_FIELDS = {
    "decided_by_name": "name",
    "decision_ip": "ip",
    "decision_user_agent": "user_agent",
    "signature": "signature",
}
"""What of a decision can be erased, and what its event calls it."""

DECISIONS = ("approved", "approved_conditions", "changes_requested", "rejected")
ENDS = {"withdrawn": "withdrawn", "expired": "expired"}
LAPSES = ("revised", "lapsed")
ONCE = (
    "requested",
    "decided",
    "conditions_accepted",
    "upgrade_noted",
    *ENDS,
    *LAPSES,
)
"""What happens to a request once at most."""

# ----------------------------------------------------------------------
# When a round is over
# ----------------------------------------------------------------------


def required_answers(rule, count, asked):
    """Return how many have to say yes.

    :param rule: one of ``RULES``; nothing for requests of the first format, where
        the first answer counted
    :param int count: how many, for the rule ``some``
    :param int asked: how many are asked
    """
    return {"any": 1, "some": count}.get(rule or "any", asked)


def outcome(required, rejection_ends, answers):
    """Return the decision that the answers of all who are asked amount to, or ``None``
    while the round goes on. Who has not answered has said nothing.

    :param int required: how many have to say yes
    :param bool rejection_ends: whether one no is enough
    :param answers: a decision for each who is asked, ``None`` without an answer
    """
    yes = [answer for answer in answers if answer in DECISIONS[:2]]
    no = [answer for answer in answers if answer in DECISIONS[2:]]
    waiting = answers.count(None)
    if (no and rejection_ends) or len(yes) + waiting < required:
        return "rejected" if "rejected" in no else "changes_requested"
    if len(yes) >= required and yes:
        return "approved_conditions" if "approved_conditions" in yes else "approved"
    return None


# ----------------------------------------------------------------------
# Bytes and digests
# ----------------------------------------------------------------------


def canonical(content):
    """Return the one byte string that stands for plain data.

    :raise TypeError: there is something in it whose text could differ between
        machines, such as a float
    """
    _check_plain(content)
    return json.dumps(
        content, sort_keys=True, ensure_ascii=True, separators=(",", ":")
    ).encode()


MOST = 2**53 - 1
"""The largest integer that RFC 8785 can write: its numbers are those of JavaScript."""


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def rfc8785(content):
    """Return the bytes that stand for plain data, as RFC 8785 writes them.

    :raise TypeError: there is something in it whose text could differ between
        machines, such as a float
    """
    if not _check_plain(content, MOST):
        content = _ordered(content)
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        # The order of keys is that of RFC 8785 where all are ASCII.
        return _ENCODER.encode(content).encode()
    except UnicodeEncodeError as error:
        raise TypeError("content has half a character") from error


def _ordered(value):
    """Plain data with their keys in the order of RFC 8785: by UTF-16."""
    if isinstance(value, dict):
        try:
            keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        except UnicodeEncodeError as error:
            raise TypeError("content has half a character") from error
        return {key: _ordered(value[key]) for key in keys}
    if isinstance(value, list):
        return [_ordered(part) for part in value]
    return value


def filled(row, names):
    """Return the fields of a row that are not empty: what is digested from format 3
    on. A field that comes later is empty in rows of before."""
    return {name: row[name] for name in names if row.get(name)}


def sha256(data):
    """Return the SHA-256 of bytes or of a text, in hexadecimal digits."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


FORMATS = {1: canonical, 2: canonical, 3: rfc8785}
"""Which bytes stand for content of each format. A format is never changed and never
removed: what was digested with it has to be verified for as long as it is kept."""


def digest(content, number=FORMAT):
    """Return the digest of content, with the format's number before it."""
    return f"{number}:{sha256(FORMATS[number](content))}"


def is_digest_of(expected, content):
    """Return whether a digest of any format is that of the content."""
    number = format_of(expected)
    return number in FORMATS and digest(content, number) == expected


def format_of(digest_text):
    """Return the format that a digest was made with, or ``None``."""
    number, separator, _value = (digest_text or "").partition(":")
    return int(number) if separator and number.isdigit() else None


TEXTS = {bool, str, type(None)}
SCALARS = {*TEXTS, int}


def _check_plain(value, most=None):
    """Return whether all keys of plain data are ASCII.

    :param int most: the largest integer that there may be
    :raise TypeError: they are none
    """
    kind = type(value)
    if kind is dict:
        is_ascii = True
        for key, part in value.items():
            if type(key) is not str:
                raise TypeError(f"content has a key that is no text: {key!r}")
            is_ascii = is_ascii and key.isascii()
            # Most are, and need no call of their own.
            if type(part) in TEXTS or type(part) is int and -MOST <= part <= MOST:
                continue
            is_ascii = _check_plain(part, most) and is_ascii
        return is_ascii
    if kind is list:
        is_ascii = True
        for part in value:
            if type(part) in TEXTS or type(part) is int and -MOST <= part <= MOST:
                continue
            is_ascii = _check_plain(part, most) and is_ascii
        return is_ascii
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return True
    if isinstance(value, dict):
        return _check_plain(dict(value), most)
    if isinstance(value, list):
        return _check_plain(list(value), most)
    if not isinstance(value, int):
        raise TypeError(f"content has a value of type {kind.__name__}")
    if most is not None and not -most <= value <= most:
        raise TypeError(f"content has a number that is too large: {value}")
    return True


# ----------------------------------------------------------------------
# One event
# ----------------------------------------------------------------------


def entry_digest(event):
    """Return the digest of what an event says, in the format that it has, or in
    today's where it has none yet."""
    if (format_of(event.get("entry_digest") or f"{FORMAT}:") or 2) < 3:
        return sha256(canonical({name: event.get(name) for name in EVENT_FIELDS}))
    return f"3:{sha256(rfc8785(filled(event, EVENT_FIELDS_3)))}"


def personal_digest(salt, value, number=FORMAT):
    """Return the salted digest of personal data, which stays when they are erased.

    :param int number: the format
    """
    if number < 3:
        return sha256(salt.encode() + canonical(value))
    return f"3:{sha256(salt.encode() + rfc8785(value))}"


def chain_hash(event):
    """Return the hash that binds an event to its place: the database makes it."""
    return sha256(
        f"{event['id']}:{event['position']}:{event['xact']}:{event['key_id'] or ''}:"
        f"{event['seal'] or ''}:{event['previous_hash'] or ''}:{event['entry_digest']}"
    )


def sealed_text(event):
    """Return the text that is signed: the database makes the same."""
    values = (event.get(name) for name in SEALED_FIELDS)
    return "|".join("" if value is None else str(value) for value in values)


# ----------------------------------------------------------------------
# Seals: RSASSA-PKCS1-v1_5 with SHA-256, public exponent 65537
# ----------------------------------------------------------------------

EXPONENT = 65537
DIGEST_INFO = "3031300d060960864801650304020105000420"


def key_fingerprint(modulus):
    """Return the name of a public key: the first half of its SHA-256.

    :param str modulus: decimal
    """
    return sha256(modulus)[:32]


def is_seal_of(seal, text, modulus):
    """Return whether a seal was made of the text with the key.

    :param str seal: decimal
    :param str modulus: decimal
    """
    if not (_is_decimal(seal) and _is_decimal(modulus)):
        return False
    n, s = int(modulus), int(seal)
    size = (n.bit_length() + 7) // 8
    info = bytes.fromhex(DIGEST_INFO) + hashlib.sha256(text.encode()).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
    return 0 < s < n and pow(s, EXPONENT, n) == int.from_bytes(padded, "big")


def _is_decimal(text):
    """Whether a text is a number as it is written in one way only."""
    return bool(text and re.fullmatch("[1-9][0-9]*", text, re.ASCII))


# ----------------------------------------------------------------------
# Chains
# ----------------------------------------------------------------------


def event_label(event):
    """Return how a person finds the event."""
    return (
        f"event {event['id']} ({event['kind']}, position {event['position']} of "
        f"{event['res_model']},{event['res_id']})"
    )


def check_event(event, keys, is_marked=None):
    """Return what is wrong with an event itself, or ``None``.

    :param is_marked: see ``check_chain()``
    """
    try:
        if entry_digest(event) != event["entry_digest"]:
            return "altered"
    except TypeError:
        return "holds what no event ever does"
    if event["id"] < 1:
        return "no database gives such a number"
    if event["key_id"] and event["key_id"] not in keys:
        return f"no known key vouches for its key {event['key_id']}"
    if event["kind"] not in UNSEALED_KINDS:
        modulus = keys.get(event["key_id"])
        if not is_seal_of(event["seal"], sealed_text(event), modulus):
            return "its seal is not genuine"
    elif is_marked and not is_marked(event):
        return "no Odoo server has written it"
    return None


def check_chain(events, keys, is_marked=None):
    """Return the first thing that is wrong in the chain of one document, as a list of
    none or one.

    :param events: all events of the document
    :param dict keys: the moduli of the public keys by fingerprint
    :param is_marked: the function that says whether an event without a seal has the
        mark of the server; only the server itself can tell
    """
    events = sorted(events, key=lambda event: (event["position"], event["id"]))
    previous = latest = None
    known = set()
    taken_over = max(
        (number for number, e in enumerate(events, 1) if e["text"] == TAKEN_OVER),
        default=0,
    )
    for number, event in enumerate(events, 1):
        before = previous["hash"] if previous else None
        if problem := check_event(event, keys, is_marked):
            return [f"{event_label(event)}: {problem}"]
        # A seal is of one place: the same may have happened twice within a second.
        if event["kind"] in UNSEALED_KINDS and format_of(event["entry_digest"]):
            if event["entry_digest"] in known:
                return [f"{event_label(event)}: is there already, inserted again"]
            known.add(event["entry_digest"])
        if event["position"] != number:
            if event["position"] < number:
                return [f"{event_label(event)}: inserted, its position is taken"]
            return [f"{event_label(event)}: deleted, position {number} is missing"]
        if event["previous_hash"] != before:
            return [f"{event_label(event)}: does not follow the event before it"]
        if chain_hash(event) != event["hash"]:
            return [f"{event_label(event)}: altered or out of order"]
        if previous and event["id"] < previous["id"]:
            return [f"{event_label(event)}: out of order"]
        # What became of a mail is written when the job knows it, and an upgrade took
        # over what had happened long before.
        if not event["kind"].startswith("mail_") and number > taken_over:
            if latest and _runs_backwards(latest, event):
                return [f"{event_label(event)}: its time runs backwards"]
            latest = event
        previous = event
    return []


CLOCKS_DIFFER = 300
"""By how many seconds the clocks of several servers may differ."""


def _runs_backwards(previous, event):
    """Whether an event says that it happened before the one before it. Up to format 2
    some had the time of what they are about."""
    if not (format_of(event["entry_digest"]) and format_of(previous["entry_digest"])):
        return False
    moments = (
        datetime.datetime.fromisoformat(row["occurred_on"]) for row in (previous, event)
    )
    before, after = moments
    return (before - after).total_seconds() > CLOCKS_DIFFER


def check_personal(events, personal):
    """Return what is wrong with the personal data that lie beside events.

    :param dict personal: by the event's id, ``{"salt": …, "value": …}``, both
        ``None`` once they were erased
    """
    erased = {
        event_id
        for event in events
        if event["kind"] == "erased"
        for event_id in _details(event).get("events") or []
    }
    for event in events:
        data = personal.get(event["id"])
        if not event["personal_digest"]:
            if data:
                return [f"{event_label(event)}: has personal data, and never had any"]
            continue
        if not data:
            return [f"{event_label(event)}: its personal data were deleted"]
        if data["value"] is None:
            if event["id"] not in erased or data["salt"] is not None:
                return [f"{event_label(event)}: its personal data were removed"]
        elif (
            not data["salt"]
            or personal_digest(
                data["salt"], data["value"], format_of(event["personal_digest"]) or 2
            )
            != event["personal_digest"]
        ):
            return [f"{event_label(event)}: its personal data were altered"]
        elif event["id"] in erased:
            return [f"{event_label(event)}: has personal data that were erased"]
    return []


def known_personal(personal, events):
    """Return what is wrong with the set of personal data: those of no event."""
    ids = {event["id"] for event in events}
    return [
        f"personal data of event {key}: there is no such event"
        for key in sorted(personal.keys() - ids)
    ][:1]


# ----------------------------------------------------------------------
# Requests
# ----------------------------------------------------------------------


def frozen_digest(request, number=FORMAT):
    """Return the digest of what of a request never changes.

    :param int number: the format
    """
    frozen = _digested(request, _of_format(FROZEN_FIELDS, number), number)
    frozen["html"] = sha256(request["content_html"] or "")
    frozen["files"] = request["files"]
    if number == 1:
        return sha256(canonical(frozen))
    frozen["approvers"] = [
        _digested(approver, APPROVER_FIELDS, number)
        for approver in request["approvers"]
        if approver["origin"] == "asked"
    ]
    return f"{number}:{sha256(FORMATS[number](frozen))}"


def _digested(row, names, number):
    """The fields of a row that are digested in a format."""
    if number < 3:
        return {name: row[name] for name in names}
    return filled(row, names)


def decision_digest(request, number=FORMAT):
    """Return the digest of the customer's answer, without personal data.

    :param int number: the format
    """
    names = _of_format(DECISION_FIELDS, number)
    value = sha256(FORMATS[number](_digested(request, names, number)))
    return value if number == 1 else f"{number}:{value}"


def upgrade_digest(request):
    """Return the digest of a decision that an upgrade made with the wrong fields. It
    counts where an event says so, see ``_is_noted()``."""
    return sha256(canonical({name: request[name] for name in UPGRADE_FIELDS}))


def _is_noted(request, decided, noted):
    """Whether an event says that an upgrade made the digest of a decision, and it is
    the one which that upgrade makes of this very row."""
    digest_found = _details(decided).get("answer")
    return (
        noted is not None
        and decided["text"] == TAKEN_OVER
        and _details(noted).get("answer") == digest_found
        and upgrade_digest(request) == digest_found
    )


def _of_format(names, number):
    return [name for name in names if number > 1 or name not in NEW_IN_2]


def approver_digest(approver, number=FORMAT):
    """Return the digest of what of somebody who is asked never changes.

    :param int number: the format
    """
    return digest(_digested(approver, APPROVER_FIELDS, number), number)


def answer_digest(approver, number=FORMAT):
    """Return the digest of what somebody answered, without personal data.

    :param int number: the format
    """
    values = _digested(approver, ANSWER_FIELDS, number)
    if approver["proofs"] or number < 3:
        values["proofs"] = approver["proofs"]
    return digest(values, number)


def _is_of(make, row, expected):
    """Whether a digest is that of a row, in whatever format it was made."""
    number = format_of(expected)
    return number in FORMATS and make(row, number) == expected


def check_request(request, events, personal, scope):
    """Return the first thing that does not fit between a request and its events.

    :param request: the row as plain data, with ``content``, ``content_html`` and
        ``files``
    :param events: the events of its document
    :param scope: the function that makes the scope's digest of content
    """
    label = f"request {request['name']} (id {request['id']})"
    own = [event for event in events if event["request_id"] == request["id"]]
    own.sort(key=lambda event: event["position"])
    kinds = {}
    for event in own:
        if event["kind"] in kinds and event["kind"] in ONCE:
            return [f"{event_label(event)}: it happened before, inserted"]
        kinds[event["kind"]] = event
        if event["kind"] in ("requested", "decided") and any(
            event[name] != request[name]
            for name in ("version", "digest", "scope_digest", "res_model", "res_id")
        ):
            return [f"{label}: is not the one that {event_label(event)} is about"]
    for name in request.get("lost_files") or ():
        return [f"{label}: {name} is missing from the file store"]
    if not is_digest_of(request["digest"], request["content"]):
        return [f"{label}: its content was altered"]
    number = format_of(request["scope_digest"])
    if (
        number not in FORMATS
        or scope(request["content"], number) != request["scope_digest"]
    ):
        return [f"{label}: scope and price are not those of its content"]
    asked = kinds.get("requested")
    if not asked:
        return [f"{label}: there is no event that it was asked: inserted"]
    expected = _details(asked).get("frozen")
    first, deadline_problems = _first_deadline(label, request, own)
    if deadline_problems:
        return deadline_problems
    number = format_of(expected) or 1
    if expected != frozen_digest({**request, "deadline": first}, number) or (
        number == 1 and _has_what_came_later(request)
    ):
        return [f"{label}: altered since it was asked"]
    return (
        _check_approvers(label, request, own, personal)
        or _check_certificate(label, request, kinds, events)
        or _check_answer(label, request, kinds, personal)
    )


def _has_what_came_later(request):
    """Whether a request has what those of the first format have not, and no event of
    theirs would hold."""
    return any(request[name] for name in NEW_IN_2 if name in FROZEN_FIELDS) or any(
        approver["origin"] == "asked" for approver in request["approvers"]
    )


def _check_certificate(label, request, kinds, events):
    """Whether the PDFs are those that were made; erasure takes the certificate."""
    certified = kinds.get("certified")
    made = _details(certified) if certified else {}
    erased = certified is not None and any(
        event["kind"] == "erased" and event["position"] > certified["position"]
        for event in events
    )
    for name in ("certificate", "document_pdf"):
        is_erased = erased and name == "certificate" and request[name] is None
        if request[name] != made.get(f"{name}_id") and not is_erased:
            return [f"{label}: its {name} is not the one that was made"]
    return []


def _first_deadline(label, request, own):
    """Return the deadline as it was at first, and what is wrong with its changes."""
    deadline = request["deadline"]
    for event in reversed(own):
        if event["kind"] == "deadline_changed":
            old, new = _details(event).get("deadline") or (None, None)
            if new != deadline:
                return deadline, [f"{label}: its deadline was altered"]
            deadline = old
    return deadline, []


CAME = {"asked": None, "added": "approver_added", "passed_on": "passed_on"}
"""By which event somebody came who is asked."""

LEFT = {"approver_removed": "removed", "passed_on": "passed_on"}
"""What somebody is after an event by which they left."""


def _check_approvers(label, request, own, personal):
    """Whether all who are asked, and what they answered, fit their events."""
    approvers = {approver["id"]: approver for approver in request["approvers"]}
    came, left, answered, turns = {}, {}, {}, set()
    for event in own:
        details = _details(event)
        if event["kind"] in ("approver_added", "passed_on"):
            came[details.get("approver")] = event
        if event["kind"] in ("approver_removed", "passed_on"):
            key = "from" if event["kind"] == "passed_on" else "approver"
            left[details.get(key)] = event
        if event["kind"] == "turn_came":
            turns.add(details.get("approver"))
        if event["kind"] == "answered":
            if details.get("approver") in answered:
                return [f"{event_label(event)}: it happened before, inserted"]
            answered[details.get("approver")] = event
    first = min(approvers, default=None)
    for key in {*came, *left, *answered, *turns} - approvers.keys():
        return [f"{label}: approver {key} was deleted"]
    for key, approver in approvers.items():
        name = f"{label}: approver {key}"
        if CAME[approver["origin"]] != (came[key]["kind"] if key in came else None) or (
            key in came
            and not _is_of(approver_digest, approver, _details(came[key]).get("frozen"))
        ):
            return [f"{name} was altered or inserted"]
        gone = LEFT[left[key]["kind"]] if key in left else None
        if gone != (approver["state"] if approver["state"] in LEFT.values() else None):
            return [f"{name}: whether they are asked was altered"]
        turn_came = key in turns or key == first or approver["origin"] == "passed_on"
        waits = request["rule"] == "order" and not turn_came
        if not gone and approver["state"] not in (
            ("waiting",) if waits else ("asked", *DECISIONS)
        ):
            return [f"{name}: whether it is their turn was altered"]
        if problem := _check_persons_answer(approver, answered.get(key), personal):
            return [f"{name}: {problem}"]
    return []


def _check_persons_answer(approver, event, personal):
    if not event:
        if approver["state"] in DECISIONS or any(
            approver[name] for name in (*ANSWER_FIELDS, *PERSONAL_FIELDS, "proofs")
        ):
            return "has an answer that nobody gave"
        return None
    if approver["state"] != event["decision"]:
        return f"is “{approver['state']}”, and answered “{event['decision']}”"
    if not _is_of(answer_digest, approver, _details(event).get("answer")):
        return "the answer was altered"
    value = (personal.get(event["id"]) or {}).get("value")
    for name, key in PERSONAL_FIELDS.items():
        if (approver[name] or None) != (value.get(key) if value else None):
            return f"who answered was altered ({name})"
    return None


def _check_outcome(label, request, decided):
    """Whether the answers amount to the decision."""
    asked = [
        approver
        for approver in request["approvers"]
        if approver["state"] not in ("removed", "passed_on")
    ]
    if not asked:
        return []
    answers = [
        approver["state"] if approver["state"] in DECISIONS else None
        for approver in asked
    ]
    required = required_answers(request["rule"], request["required_count"], len(asked))
    ends = request["rejection_ends"] or not request["rule"]
    if outcome(required, ends, answers) != decided["decision"]:
        return [f"{label}: the answers do not amount to “{decided['decision']}”"]
    return []


def _details(event):
    return event["details"] if isinstance(event["details"], dict) else {}


def _check_answer(label, request, kinds, personal):
    decided = kinds.get("decided")
    ended = next((kinds[kind] for kind in ENDS if kind in kinds), None)
    state = "pending"
    if decided:
        state = decided["decision"]
    elif ended:
        state = ENDS[ended["kind"]]
    if request["state"] != state:
        return [f"{label}: is “{request['state']}”, and its events say “{state}”"]
    if decided:
        expected = _details(decided).get("answer")
        number = format_of(expected) or 1
        if (
            expected != decision_digest(request, number)
            or (number == 1 and request["category_id"])
        ) and not _is_noted(request, decided, kinds.get("upgrade_noted")):
            return [f"{label}: the answer was altered"]
        if format_of(expected) and (
            problems := _check_outcome(label, request, decided)
        ):
            return problems
        data = personal.get(decided["id"]) or {}
        value = data.get("value")
        for name, key in PERSONAL_FIELDS.items():
            expected = value.get(key) if value else None
            if (request[name] or None) != expected:
                return [f"{label}: who answered was altered ({name})"]
    elif any(
        request[name]
        for name in (*DECISION_FIELDS, *PERSONAL_FIELDS)
        if name != "reason"
    ):
        return [f"{label}: has an answer that nobody gave"]
    elif request["reason"] != (ended["text"] if ended else None):
        return [f"{label}: has a reason that nobody gave"]
    return _check_afterwards(label, request, kinds)


def _check_afterwards(label, request, kinds):
    accepted = kinds.get("conditions_accepted")
    expected = (None, None)
    if accepted:
        details = _details(accepted)
        expected = (
            accepted["occurred_on"],
            details.get("user_id", accepted["user_id"]),
        )
    found = (request["conditions_accepted_on"], request["conditions_accepted_by_id"])
    if found != expected:
        return [f"{label}: who accepted its conditions was altered"]
    lapsed = next((kinds[kind] for kind in LAPSES if kind in kinds), None)
    if request["lapsed_on"] != (lapsed["occurred_on"] if lapsed else None):
        return [f"{label}: until when it counts was altered"]
    return []


def known_requests(requests, events):
    """Return what is wrong with the set of requests: events without their request."""
    ids = {request["id"] for request in requests}
    for event in events:
        if event["kind"] == "requested" and event["request_id"] not in ids:
            return [f"{event_label(event)}: its request was deleted"]
    return []


# ----------------------------------------------------------------------
# The tree of all events, as of RFC 6962
# ----------------------------------------------------------------------


def leaf_hash(data):
    """Return the hash of a leaf.

    :param data: bytes, or the text of an event's hash
    """
    data = data.encode() if isinstance(data, str) else data
    return sha256(b"\x00" + data)


def node_hash(left, right):
    """Return the hash of a node of the tree from those below it (hexadecimal)."""
    return sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right))


class Tree:
    """The tree while leaves are added, in memory that does not grow with it: what is
    kept are the hashes of its complete parts."""

    def __init__(self):
        self.size = 0
        self._parts = []

    @classmethod
    def of(cls, size, node):
        """Return the tree of a size whose complete nodes are stored.

        :param node: the function of a level and a number that returns their hash
        """
        tree = cls()
        tree.size = size
        start = 0
        for level in range(size.bit_length() - 1, -1, -1):
            if size >> level & 1:
                tree._parts.append((level, node(level, start >> level)))
                start += 1 << level
        return tree

    def append(self, leaf):
        """Add the hash of a leaf.

        :return: the nodes that are complete now: ``[(level, number, hash)]``
        """
        level, made = 0, [(0, self.size, leaf)]
        while self._parts and self._parts[-1][0] == level:
            leaf = node_hash(self._parts.pop()[1], leaf)
            level += 1
            made.append((level, self.size >> level, leaf))
        self._parts.append((level, leaf))
        self.size += 1
        return made

    def root(self):
        """Return the hash of the whole tree."""
        if not self._parts:
            return sha256("")
        *others, (_level, result) = self._parts
        for _level, part in reversed(others):
            result = node_hash(part, result)
        return result


def _split(size):
    """The largest power of two that is smaller than a size."""
    return 1 << (size - 1).bit_length() - 1


def part_hash(start, size, node):
    """Return the hash of a part of the tree, from its complete nodes.

    :param int start: its first leaf, a multiple of the next power of two
    :param node: the function of a level and a number that returns their hash
    """
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, start >> level)
    half = _split(size)
    return node_hash(
        part_hash(start, half, node), part_hash(start + half, size - half, node)
    )


def inclusion_proof(index, size, node):
    """Return what proves that a leaf is in the tree of a size: RFC 6962, 2.1.1.

    :param node: see ``part_hash()``
    """
    start, path = 0, []
    while size > 1:
        half = _split(size)
        if index - start < half:
            path.append(part_hash(start + half, size - half, node))
            size = half
        else:
            path.append(part_hash(start, half, node))
            start, size = start + half, size - half
    return path[::-1]


def consistency_proof(old, new, node):
    """Return what proves that the tree of one size continues that of another:
    RFC 6962, 2.1.2.

    :param node: see ``part_hash()``
    """
    if not 0 < old < new:
        return []
    start, size, is_whole, path = 0, new, True, []
    while old != size:
        half = _split(size)
        if old <= half:
            path.append(part_hash(start + half, size - half, node))
            size = half
        else:
            path.append(part_hash(start, half, node))
            start, old, size, is_whole = start + half, old - half, size - half, False
    if not is_whole:
        path.append(part_hash(start, size, node))
    return path[::-1]


def is_included(leaf, index, size, path, root):
    """Return whether a proof shows that a leaf is in the tree with a root: RFC 9162,
    2.1.3.2."""
    if not 0 <= index < size:
        return False
    number, last, result = index, size - 1, leaf
    for part in path:
        if last == 0:
            return False
        if number & 1 or number == last:
            result = node_hash(part, result)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            result = node_hash(result, part)
        number, last = number >> 1, last >> 1
    return last == 0 and result == root


def is_consistent(old, new, old_root, new_root, path):
    """Return whether a proof shows that one tree continues another: RFC 9162,
    2.1.4.2."""
    if old == new:
        return not path and old_root == new_root
    if old == 0 or old > new:
        return old == 0 and not path
    path = list(path)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    if not path:
        return False
    first = second = path.pop(0)
    for part in path:
        if last == 0:
            return False
        if number & 1 or number == last:
            first, second = node_hash(part, first), node_hash(part, second)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            second = node_hash(second, part)
        number, last = number >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


# ----------------------------------------------------------------------
# Checkpoints
# ----------------------------------------------------------------------

OLD_CHECKPOINT = (
    "position",
    "made_on",
    "last_event_id",
    "chain_count",
    "root",
    "previous_hash",
)
CHECKPOINT = ("position", "made_on", "tree_size", "root", "previous_hash", "database")


def checkpoint_hash(checkpoint):
    """Return the hash that chains a checkpoint to the one before."""
    if (format_of(checkpoint.get("hash") or f"{FORMAT}:") or 2) < 3:
        return sha256(canonical({name: checkpoint[name] for name in OLD_CHECKPOINT}))
    return f"3:{sha256(rfc8785(filled(checkpoint, CHECKPOINT)))}"


def is_old_checkpoint(checkpoint):
    """Return whether a checkpoint is one of the first two formats: its root is that of
    the heads of all chains."""
    return (format_of(checkpoint["hash"]) or 2) < 3


def checkpoint_label(checkpoint):
    """Return how a person finds the checkpoint."""
    return f"checkpoint {checkpoint['position']} of {checkpoint['made_on']}"


def check_checkpoint(checkpoint, keys):
    """Return what is wrong with a checkpoint itself, as a list of none or one."""
    label = checkpoint_label(checkpoint)
    beside = ("tree_size", "database")
    if not is_old_checkpoint(checkpoint):
        beside = ("last_event_id", "chain_count")
    if checkpoint_hash(checkpoint) != checkpoint["hash"] or any(
        checkpoint.get(name) for name in beside
    ):
        return [f"{label}: altered"]
    modulus = keys.get(checkpoint["key_id"])
    if not is_seal_of(checkpoint["seal"], checkpoint["hash"], modulus):
        return [f"{label}: its seal is not genuine"]
    return []


def check_checkpoints(checkpoints, keys):
    """Return the first thing that is wrong in the chain of checkpoints.

    :param dict keys: the moduli of the public keys by fingerprint
    """
    previous = None
    for number, checkpoint in enumerate(
        sorted(checkpoints, key=lambda checkpoint: checkpoint["position"]), 1
    ):
        label = checkpoint_label(checkpoint)
        if checkpoint["position"] != number:
            return [f"{label}: checkpoint {number} is missing"]
        if checkpoint["previous_hash"] != (previous["hash"] if previous else None):
            return [f"{label}: does not follow the one before it"]
        if problems := check_checkpoint(checkpoint, keys):
            return problems
        previous = checkpoint
    return []


class Roots:
    """Whether the roots of checkpoints are those of events, which are given one by one:
    in the order of the tree, and for checkpoints of old in that of their numbers.

    :param checkpoints: all of them, as plain data
    """

    def __init__(self, checkpoints):
        rows = sorted(checkpoints, key=lambda row: row["position"])
        self._old = [row for row in rows if is_old_checkpoint(row)]
        self._new = [row for row in rows if not is_old_checkpoint(row)]
        self._heads = {}
        self._tree = Tree()
        self.problems = []

    def add(self, event):
        """Take the next event by its number: only its place in its chain matters."""
        while self._old and event["id"] > self._old[0]["last_event_id"]:
            self._close_old()
        if self._old:
            self._heads[event["res_model"], event["res_id"]] = head_leaf(event)

    def add_leaf(self, leaf, event_hash):
        """Take the next leaf of the tree, and the hash of its event."""
        self._close_new()
        if event_hash is None or leaf != leaf_hash(event_hash):
            self.problems.append(
                f"leaf {self._tree.size} of the tree: its event was altered or deleted"
            )
        return self._tree.append(leaf)

    def finish(self):
        """Return what is wrong, when all events were given."""
        while self._old:
            self._close_old()
        self._close_new()
        for row in self._new:
            self.problems.append(
                f"{checkpoint_label(row)}: has more events than there are"
            )
        return self.problems

    def _close_old(self):
        row = self._old.pop(0)
        if (
            len(self._heads) != row["chain_count"]
            or merkle_root(self._heads.values()) != row["root"]
        ):
            self._tell(row)

    def _close_new(self):
        while self._new and self._new[0]["tree_size"] <= self._tree.size:
            row = self._new.pop(0)
            if row["tree_size"] < self._tree.size or row["root"] != self._tree.root():
                self._tell(row)

    def _tell(self, row):
        self.problems.append(
            f"{checkpoint_label(row)}: events of before were altered, deleted or "
            "inserted"
        )


def check_roots(checkpoints, events, leaves=()):
    """Return what is wrong with the roots of checkpoints.

    :param checkpoints: all checkpoints
    :param events: all events, of all documents
    :param leaves: the leaves of the tree in order: ``[event's id, hash]``
    """
    roots = Roots(checkpoints)
    events = sorted(events, key=lambda event: event["id"])
    for event in events:
        roots.add(event)
    hashes = {event["id"]: event["hash"] for event in events}
    for event_id, leaf in leaves:
        roots.add_leaf(leaf, hashes.get(event_id))
    return roots.finish()[:1]


# The heads of all chains, of which the first two formats' checkpoints are.


def head_leaf(event):
    """Return the leaf of a chain whose last event this is."""
    return sha256(
        f"{event['res_model']},{event['res_id']}:{event['position']}:{event['hash']}"
    )


def merkle_levels(leaves):
    """Return all levels of the tree, the leaves first."""
    levels = [sorted(leaves) or [sha256("")]]
    while len(levels[-1]) > 1:
        level = levels[-1]
        levels.append(
            [
                sha256("".join(level[index : index + 2]))
                for index in range(0, len(level), 2)
            ]
        )
    return levels


def merkle_root(leaves):
    """Return the root of a tree over leaves, in whatever order."""
    return merkle_levels(leaves)[-1][0]


def merkle_path(leaves, leaf):
    """Return what leads from a leaf to the root: ``[[side, digest], …]``."""
    levels = merkle_levels(leaves)
    index = levels[0].index(leaf)
    path = []
    for level in levels[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(["left" if sibling < index else "right", level[sibling]])
        else:
            path.append(["none", ""])
        index //= 2
    return path


def merkle_climb(leaf, path):
    """Return the root that a path leads to."""
    node = leaf
    for side, sibling in path:
        pair = {
            "left": (sibling, node),
            "right": (node, sibling),
            "none": (node, sibling),
        }[side]
        node = sha256("".join(pair))
    return node


# ----------------------------------------------------------------------
# Keys, and which database it is
# ----------------------------------------------------------------------


def keys_of(events):
    """Return the public keys that the ledger itself has introduced."""
    keys = {}
    for event in events:
        if event["kind"] in KEY_KINDS:
            modulus = str(_details(event).get("modulus"))
            keys[key_fingerprint(modulus)] = modulus
    return keys


def trusted_keys(events, known=()):
    """Return the public keys that can be trusted: those that are known, and those for
    which one of them vouches, by the event that introduces it or by one that confirms
    it.

    :param events: those of keys
    :param known: fingerprints; where none is given, the first key is
    """
    keys = keys_of(events)
    events = [event for event in events if event["kind"] in KEY_KINDS]
    events.sort(key=lambda event: event["position"])
    trusted = {*known} & keys.keys()
    if not known and events:
        trusted = {key_fingerprint(str(_details(events[0]).get("modulus")))}
    while True:
        vouched = {
            key_fingerprint(str(_details(event).get("modulus")))
            for event in events
            if event["key_id"] in trusted
            and is_seal_of(event["seal"], sealed_text(event), keys[event["key_id"]])
            and entry_digest(event) == event["entry_digest"]
        }
        if vouched <= trusted:
            return {name: keys[name] for name in sorted(trusted)}
        trusted |= vouched


def active_key(events, event_id):
    """Return which key the server had that wrote an event, by the events of keys. What
    was written before the first of them was written with that key.

    :param int event_id: the number of the event
    """
    known = [event for event in events if event["kind"] == "key_registered"]
    before = [event for event in known if event["id"] <= event_id] or known[:1]
    if not before:
        return None
    return key_fingerprint(str(_details(before[-1]).get("modulus")))


def identities_of(key_events):
    """Return the events that say which database it is, in order."""
    known = [event for event in key_events if event["kind"] == "database_identified"]
    return sorted(known, key=lambda event: event["id"])


def check_homes(key_events, home=None):
    """Return what is wrong with where the database says that it was. A database gets
    another identity because it is somewhere else, and does not come back: another one
    that has the same key cannot be put in its place.

    :param key_events: those that say which database it is
    :param str home: where it is now, if that is known
    """
    homes = []
    for event in identities_of(key_events):
        own = _details(event).get("home")
        if own in homes:
            return [
                f"{event_label(event)}: it has got another identity where it is: it "
                "was neutralised there, or somebody has changed it"
            ]
        homes.append(own)
    if home is not None and homes and homes[-1] != home:
        return ["the database is not where its last identity was given to it"]
    return []


def check_database(events, key_events):
    """Return which events are of another database than the one it was at that time.

    :param key_events: those that say which database it is
    """
    known = identities_of(key_events)
    for event in events:
        if (format_of(event["entry_digest"]) or 2) < 3:
            continue
        before = [other for other in known if other["id"] <= event["id"]] or known[:1]
        if not before:
            return [f"{event_label(event)}: nothing says which database it is of"]
        if _details(before[-1]).get("database") != event["database"]:
            return [f"{event_label(event)}: it is of another database"]
    return []


# ----------------------------------------------------------------------
# Scope: the part of content that says what is sold at which price
# ----------------------------------------------------------------------


def flat(content):
    """Return what content of whatever format says, without the blocks that show it.

    :return: ``{"header": {key: value}, "lines": [line], "totals": {key: amount},
        "files": [file]}``; the keys of a document's blocks are its own, none twice
    :rtype: dict
    """
    if "blocks" not in content:
        return content
    header, lines, totals, files = {}, [], {}, []
    for block in content["blocks"]:
        kind = block["kind"]
        if kind == "parties":
            for party in block["parties"]:
                names = ("id", "text", "address")
                header[party["key"]] = {n: party[n] for n in names if n in party}
        elif kind == "values":
            header.update({item["key"]: item["value"] for item in block["values"]})
        elif kind == "text":
            header[block["key"]] = block["text"]
        elif kind == "lines":
            lines += [_flat_line(line) for line in block["lines"]]
            totals.update({item["key"]: item["value"] for item in block["totals"]})
        elif kind == "files":
            files += block["files"]
        else:
            header[block["key"]] = block
    return {
        "format": content["format"],
        "header": header,
        "lines": lines,
        "totals": totals,
        "files": files,
    }


def _flat_line(line):
    if "values" not in line:
        return line
    own = {item["key"]: item["value"] for item in line["values"]}
    return {**{n: value for n, value in line.items() if n != "values"}, **own}


def scope_digest(content, number=FORMAT):
    """Return a digest that stays the same as long as scope and price do.

    What a related record is called (a payment term renamed, a partner's new
    telephone number), which database row a line has, the order of the lines and the
    files beside them say nothing about what is sold at which price. Where it is
    delivered does: the address as it was read.

    :param content: as frozen, or as ``flat()`` returns it
    :param int number: the format
    """
    if "blocks" in content:
        content = flat(content)
    if number < 3:
        encode = FORMATS[number]

        def encode_line(line):
            return encode(without_texts(line))

        header, totals = without_texts(content["header"]), content["totals"]
    else:
        encode, encode_line = _encode_scope, _encode_line
        header = without_empty(without_texts(content["header"]))
        totals = content["totals"]
    # The bytes of the whole, for which those of each line are made once only.
    scope = b'{"header":%s,"lines":[%s],"totals":%s}' % (
        encode(header),
        b",".join(sorted(encode_line(line) for line in content["lines"])),
        encode(totals),
    )
    return f"{number}:{sha256(scope)}"


def _encode_scope(value):
    return rfc8785(without_empty(value))


def _encode_line(line):
    """As ``_encode_scope(without_texts(line))``, in one pass: there are many lines."""
    if "text" in line and "id" in line:  # no line that was ever made
        return _encode_scope(without_texts(line))
    plain = {}
    for name, part in line.items():
        if type(part) not in SCALARS:
            part = without_texts(part)
        if part is not None and part != "" and part != [] and name != "line_id":
            plain[name] = part
    return rfc8785(plain)


def without_empty(values):
    """Return values without those that say nothing: scope is the same without them."""
    return {
        name: value
        for name, value in values.items()
        if value is not None and value != "" and value != []
    }


def without_texts(value):
    """Return content with related records by their ids only."""
    if isinstance(value, dict):
        if "text" in value and "id" in value:
            address = value.get("address")
            if not address or not any(
                type(part) in (dict, list) for part in value.values()
            ):
                return value["id"]
            return {"id": value["id"], "address": address}
        return {
            key: part if type(part) in SCALARS else without_texts(part)
            for key, part in value.items()
            if key != "line_id"
        }
    if isinstance(value, list):
        return [
            part if type(part) in SCALARS else without_texts(part) for part in value
        ]
    return value


# ----------------------------------------------------------------------
# A bundle
# ----------------------------------------------------------------------


def seal_text(evidence):
    """Return the text that is sealed of a bundle: all that it says, the digests of its
    files included.

    :param dict evidence: what is in ``evidence.json``, or in ``export.json``
    """
    plain = {name: value for name, value in evidence.items() if name != "seal"}
    return sha256(rfc8785(plain))


def write_plain(evidence):
    """Return the bytes of ``evidence.json``."""
    return json.dumps(evidence, indent=1, sort_keys=True).encode()


def _read_plain(read, name):
    """Return what a file says that was written by ``write_plain()``.

    :raise ValueError: it was written by something else, which may say things twice
    """
    data = read(name)
    plain = json.loads(data.decode())
    if write_plain(plain) != data:
        raise ValueError(f"{name} is not as it was written")
    return plain


def check_bundle(read, names, known=()):
    """Return what a bundle proves and what is wrong with it.

    :param read: the function that returns the bytes of a file of the bundle
    :param names: the names of all its files
    :param known: fingerprints of keys that are trusted; by default the ledger's first
    :return: the lists of what holds and of what does not
    :rtype: tuple
    """
    evidence = _read_plain(read, "evidence.json")
    events, key_events = evidence["events"], evidence["key_events"]
    keys = trusted_keys(key_events, known)
    personal = {int(key): value for key, value in evidence["personal"].items()}
    good, bad = [], []

    def report(what, problems):
        bad.extend(problems)
        if not problems:
            good.append(what)

    if "format" in evidence:
        report("the bundle's own seal", _check_bundle_seal(read, names, evidence, keys))
    else:
        report("its shape", _check_old_shape(evidence, OLD_BUNDLE))
        report("the list of files", _check_old_files(read, names, evidence))
    report(f"the chain of {len(events)} events", check_chain(events, keys))
    report("the keys", check_chain(key_events, keys))
    report(
        "the database",
        check_database([*events, *key_events], key_events)
        or check_homes(key_events, evidence.get("home")),
    )
    report("what is sealed", _check_something_is_sealed(evidence["requests"], events))
    report(
        "the personal data beside it",
        known_personal(personal, events) or check_personal(events, personal),
    )
    report("all requests are there", known_requests(evidence["requests"], events))
    files = {name: None for name in names}
    for request in evidence["requests"]:
        own, problems = _read_request(read, files, request)
        if not problems:
            problems = check_request(own, events, personal, scope_digest)
        report(f"request {request['name']}: {request['state']}", problems)
    report("the deliveries", _check_deliveries(read, files, events, personal))
    report("the program", _check_program(read, files, evidence, key_events))
    report("the checkpoints", _check_proofs(evidence, events, keys))
    left = sorted(name for name, checked in files.items() if not checked)
    report("no other files", [f"{name}: does not belong here" for name in left])
    return good, bad


def _check_something_is_sealed(requests, events):
    """Where nothing is sealed nothing is proved."""
    if not requests or all(event["kind"] in UNSEALED_KINDS for event in events):
        return ["there is no request here, or nothing that is sealed"]
    return []


def _check_bundle_seal(read, names, evidence, keys):
    """Whether a bundle is as the server wrote it: each file, and all that is said."""
    found = {name: sha256(read(name)) for name in names if name != "evidence.json"}
    listed = evidence["files"]
    for name in sorted({*listed, *found}):
        if name not in found:
            return [f"{name}: missing"]
        if name not in listed:
            return [f"{name}: does not belong here"]
        if listed[name] != found[name]:
            return [f"{name}: altered"]
    key = evidence["seal"]["key_id"]
    if key not in keys:
        return [f"evidence.json: no known key vouches for its key {key}"]
    if not _is_sealed(evidence, keys):
        return ["evidence.json: its seal is not genuine"]
    return []


def _is_sealed(evidence, keys):
    """Whether a bundle or an export has the seal that it was written with, and nothing
    beside."""
    own = evidence["seal"]
    modulus = keys.get(own["key_id"])
    return own.keys() == {"seal", "key_id"} and is_seal_of(
        own["seal"], seal_text(evidence), modulus
    )


OLD_BUNDLE = {
    "checkpoints",
    "events",
    "file_names",
    "key_events",
    "manifest",
    "other_files",
    "personal",
    "proofs",
    "requests",
}
OLD_LEDGER = {"checkpoints", "events", "keys", "leaves", "personal", "requests"}
OPTIONAL = {
    *("content", "content_html", "files", "lost_files", "approvers", *NEW_IN_2),
    *("content_file", "html_file", "file_paths", "signature_file"),
}
SEALED = {"hash", "key_id", "seal"}
OLD_ROWS = {
    "events": {
        *("id", *EVENT_FIELDS, "position", "entry_digest", "xact", "previous_hash"),
        *SEALED,
    },
    "checkpoints": {*OLD_CHECKPOINT, *SEALED},
    "requests": {
        *("id", *FROZEN_FIELDS, *DECISION_FIELDS, *PERSONAL_FIELDS, "state"),
        *("conditions_accepted_by_id", "conditions_accepted_on", "lapsed_on"),
        *("certificate", "document_pdf", "approvers", "lost_files"),
        *("content_file", "html_file", "file_paths", "signature_file"),
        *("content", "content_html", "files"),
    },
    "approvers": {
        *(*APPROVER_FIELDS, *ANSWER_FIELDS, *PERSONAL_FIELDS),
        *("origin", "proofs", "state"),
    },
    "personal": {"salt", "value"},
    "proofs": {"event_id", "path"},
    "file_paths": {"name", "path"},
}
"""What there was before format 3, when nothing was sealed as a whole: what nobody looks
at could have been written beside it."""


def _check_old_shape(evidence, names):
    rows = {name: evidence.get(name) or [] for name in OLD_ROWS}
    rows["events"] = [*rows["events"], *evidence.get("key_events", [])]
    rows["personal"] = list(evidence["personal"].values())
    rows["proofs"] = list(evidence.get("proofs", {}).values())
    rows["file_paths"] = [
        path
        for request in evidence["requests"]
        for path in request.get("file_paths", [])
    ]
    rows["approvers"] = [
        approver
        for request in evidence["requests"]
        for approver in request.get("approvers") or []
    ]
    found = {*evidence} - names
    for name, known in OLD_ROWS.items():
        optional = OPTIONAL if name == "requests" else set()
        for row in rows[name]:
            wrong = ({*row} - known) | (known - row.keys() - optional)
            found |= {f"{name}/{key}" for key in wrong}
    return [f"{name}: is not as it was written" for name in sorted(found)][:1]


def _check_old_files(read, names, evidence):
    """The list of files of bundles of before format 3, which were not sealed."""
    if any(
        format_of(event["entry_digest"])
        for event in (*evidence["events"], *evidence["key_events"])
    ):
        return ["evidence.json: its seal is missing"]
    for name in sorted({*names} - {*evidence["file_names"]}):
        return [f"{name}: does not belong here"]
    for name, expected in evidence["other_files"].items():
        if name not in names or sha256(read(name)) != expected:
            return [f"{name}: altered or missing"]
    manifest = {
        "file_names": evidence["file_names"],
        "other_files": evidence["other_files"],
        "requests": [
            [request["id"], request["content_file"], request["html_file"]]
            for request in evidence["requests"]
        ],
    }
    if evidence["manifest"] != sha256(canonical(manifest)):
        return ["evidence.json: altered"]
    return []


def _read_request(read, files, request):
    """Return a request with what its files hold, and what is wrong with them. Each is
    compared with a digest that is checked against a sealed event."""
    own = dict(request)
    if not {*NEW_IN_2, "approvers"} & own.keys():  # as in the first version
        own.update(dict.fromkeys(NEW_IN_2), approvers=[])
    folder = request["content_file"].rpartition("/")[0]
    wanted = [
        (f"{folder}/certificate.pdf", request["certificate"]),
        (f"{folder}/document.pdf", request["document_pdf"]),
        (f"{folder}/signature.png", request["signature"]),
    ]
    for approver in own["approvers"]:
        prefix = f"{folder}/approvers/{approver['id']}-"
        wanted.append((f"{prefix}signature.png", approver["signature"]))
        for number, proof in enumerate(approver["proofs"], 1):
            found = [n for n in files if n.startswith(f"{prefix}{number}-")]
            wanted.append((found[0] if found else f"{prefix}{number}", proof["sha256"]))
    for name, expected in wanted:
        if expected and name not in files:
            return own, [f"{name}: missing"]
        if expected:
            data = read(name)
            if name.endswith("signature.png"):
                data = base64.b64encode(data)
            if sha256(data) != expected:
                return own, [f"{name}: is not the one that was made, or given"]
            files[name] = True
    if request["signature_file"] not in (None, f"{folder}/signature.png"):
        return own, [f"request {request['name']}: its signature is elsewhere"]
    paths = [file["path"] for file in request["file_paths"]]
    for name in (request["content_file"], request["html_file"], *paths):
        if name not in files:
            return own, [f"{name}: missing"]
        files[name] = True
    try:
        own["content"] = json.loads(read(request["content_file"]).decode())
        own["content_html"] = read(request["html_file"]).decode()
    except ValueError:
        return own, [f"{request['content_file']}: cannot be read"]
    encode = FORMATS.get(own["content"].get("format", 1), rfc8785)
    if encode(own["content"]) != read(request["content_file"]):
        return own, [f"{request['content_file']}: is not as it was written"]
    own["files"] = []
    for file in request["file_paths"]:
        data = read(file["path"])
        own["files"].append(
            {"name": file["name"], "size": len(data), "sha256": sha256(data)}
        )
    return own, []


def _check_deliveries(read, files, events, personal):
    """Whether photos and signatures are those of the confirmations' events."""
    folders = {}
    for name in files:
        if name.startswith("deliveries/"):
            folders.setdefault(name.split("/")[1], []).append(name)
    for event in events:
        if event["kind"] != "delivery_confirmed":
            continue
        details = _details(event)
        value = (personal.get(event["id"]) or {}).get("value") or {}
        wanted = sorted(photo["sha256"] for photo in details["photos"])
        signature = value.get("signature")
        if not wanted and not signature:
            continue
        # A number may come twice. Before version 19.0.1.7.0 the folder had it alone.
        name = safe_name(details["name"])
        own = folders.get(f"{name}-{event['id']}", folders.get(name, []))
        found = sorted(
            sha256(read(name)) for name in own if not name.endswith("/signature.png")
        )
        if found != wanted:
            return [f"{event_label(event)}: its photos are not those that were taken"]
        signed = [name for name in own if name.endswith("/signature.png")]
        given = [base64.b64encode(read(name)).decode() for name in signed]
        if given != ([signature] if signature else []):
            return [f"{event_label(event)}: its signature is not the one given"]
        files.update(dict.fromkeys(own, True))
    return []


def safe_name(name):
    """Return a name that can be one of a file."""
    return re.sub(r"[^\w.-]+", "_", name or "").strip(".") or "file"


def _check_program(read, files, evidence, key_events):
    """Whether this program, and what explains it, are those that the server had."""
    files["evidence.json"] = True
    if "format" not in evidence:
        files.update({"verify.py": True, "README.txt": True})
        return []
    known = {"README.txt": sha256(README)}
    for event in key_events:
        if event["kind"] == "program_recorded":
            known["verify.py"] = _details(event).get("sha256")
    for name, expected in known.items():
        if name not in files or sha256(read(name)) != expected:
            return [f"{name}: altered or missing"]
        files[name] = True
    return []


def _check_proofs(evidence, events, keys):
    """Whether the events are in the checkpoints' trees, and each tree continues the one
    before."""
    if "format" not in evidence:
        problems = check_checkpoints(evidence["checkpoints"], keys)
        return problems or _check_old_proofs(evidence, events)
    rows = sorted(evidence["checkpoints"], key=lambda row: row["position"])
    for row in rows:
        if problems := check_checkpoint(row, keys):
            return problems
    old = [row for row in rows if is_old_checkpoint(row)]
    new = {row["position"]: row for row in rows if not is_old_checkpoint(row)}
    if problems := check_checkpoints(old, keys) or _check_old_proofs(evidence, events):
        return problems
    previous = None
    for row in new.values():
        label = checkpoint_label(row)
        if previous and not is_consistent(
            previous["tree_size"],
            row["tree_size"],
            previous["root"],
            row["root"],
            evidence["consistency"].get(str(row["position"]), []),
        ):
            return [f"{label}: does not continue the checkpoint before it"]
        previous = row
    for event in events:
        proof = evidence["inclusion"].get(str(event["id"]))
        if not proof:
            continue  # newer than the last checkpoint, or it says so below
        row = new.get(proof["checkpoint"])
        if not row or not is_included(
            leaf_hash(event["hash"]),
            proof["index"],
            row["tree_size"],
            proof["path"],
            row["root"],
        ):
            return [f"{event_label(event)}: is not in the checkpoint"]
    return []


def _check_old_proofs(evidence, events):
    """The chain as it was at each checkpoint of before format 3 has to be in its
    root."""
    by_id = {event["id"]: event for event in events}
    old = [row for row in evidence["checkpoints"] if is_old_checkpoint(row)]
    rows = {row["position"]: row for row in old}
    for position, proof in evidence["proofs"].items():
        checkpoint = rows.get(int(position))
        event = by_id.get(proof["event_id"])
        if (
            not checkpoint
            or not event
            or merkle_climb(head_leaf(event), proof["path"]) != checkpoint["root"]
        ):
            return [f"checkpoint {position}: the events of this bundle are not in it"]
    for checkpoint in old:
        if str(checkpoint["position"]) not in evidence["proofs"] and any(
            event["id"] <= checkpoint["last_event_id"] for event in events
        ):
            return [f"checkpoint {checkpoint['position']}: the proof is missing"]
    return []


README = """\
Evidence of a customer's approval

  evidence.json   the events, the requests, the checkpoints, the public keys
  requests/       what was asked, as data, as it was shown, the files, the certificate
  verify.py       says what of it holds and what does not:

      python3 verify.py

It needs Python 3.8 or later and nothing else. Read it before you run it: it begins with
what it checks. Whoever does not trust the copy in here takes that of the addon
customer_approval_gate, where it is tools/ledger.py.
"""
"""What explains a bundle to whoever unpacks it."""

# ----------------------------------------------------------------------
# All evidence of a database
# ----------------------------------------------------------------------


def check_ledger(data, known=()):
    """Return what does not fit in all evidence of a database.

    :param dict data: ``events``, ``personal``, ``requests``, ``checkpoints``,
        ``keys`` and ``leaves``, as plain data
    :param known: fingerprints of keys that are trusted; by default the ledger's first
    """
    personal = {int(key): value for key, value in data["personal"].items()}
    key_events = [event for event in data["events"] if event["res_id"] == 0]
    keys = trusted_keys(key_events, known)
    problems = check_homes(key_events)
    problems += _check_something_is_sealed(data["requests"], data["events"])
    problems += known_personal(personal, data["events"])
    chains, asked = {}, {}
    for event in data["events"]:
        chains.setdefault((event["res_model"], event["res_id"]), []).append(event)
    for request in data["requests"]:
        asked.setdefault((request["res_model"], request["res_id"]), []).append(request)
    for key in sorted({*chains, *asked}):
        events, requests = chains.get(key, []), asked.get(key, [])
        problems += check_chain(events, keys)
        problems += check_database(events, key_events)
        problems += check_personal(events, personal)
        problems += known_requests(requests, events)
        for request in requests:
            problems += check_request(request, events, personal, scope_digest)
    problems += check_checkpoints(data["checkpoints"], keys)
    return problems or check_roots(
        data["checkpoints"], data["events"], data.get("leaves", [])
    )


def check_export(read, names, known=()):
    """Return what an export proves and what is wrong with it: see ``check_bundle()``.

    :rtype: tuple
    """
    export = _read_plain(read, "export.json")
    files = export["files"]
    data = json.loads(read("ledger.json").decode())
    key_events = [event for event in data["events"] if event["res_id"] == 0]
    keys = trusted_keys(key_events, known)
    good, bad = [], []
    if "evidence.json" in names:
        bad.append("evidence.json: does not belong here")
    for name in sorted({*files, *names} - {"export.json"}):
        if name not in names:
            bad.append(f"{name}: missing")
        elif name not in files:
            bad.append(f"{name}: does not belong here")
        elif sha256(read(name)) != files[name]:
            bad.append(f"{name}: altered")
    if json.dumps(data, sort_keys=True).encode() != read("ledger.json"):
        bad.append("ledger.json: is not as it was written")
    if "seal" in export:
        if not _is_sealed(export, keys):
            bad.append("export.json: its seal is not genuine")
    elif any(format_of(event["entry_digest"]) for event in data["events"]):
        bad.append("export.json: its seal is missing")
    else:
        bad += _check_old_shape(data, OLD_LEDGER)
    problems = check_ledger(data, known)
    bad += problems
    if not problems:
        good.append(f"the ledger of {len(data['events'])} events")
    hashes = {event["id"]: event["hash"] for event in data["events"]}
    for name in sorted(name for name in names if name.startswith("bundles/")):
        own, wrong = _check_inner_bundle(read(name), hashes, known)
        bad += [f"{name}: {text}" for text in wrong]
        if not wrong:
            good.append(f"{name}: {len(own)} checks")
    return good, bad


def _check_inner_bundle(content, hashes, known):
    contents = _read_archive(content)
    good, bad = check_bundle(contents.__getitem__, list(contents), known)
    for event in json.loads(contents["evidence.json"].decode())["events"]:
        if hashes.get(event["id"]) != event["hash"]:
            bad.append(f"{event_label(event)}: is not in the ledger")
    return good, bad


# ----------------------------------------------------------------------
# As a program
# ----------------------------------------------------------------------

ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What somebody may have written that is none of what the server writes."""


class Repacked(ValueError):
    """An archive in which another program may see other files."""


def _read_archive(content):
    """Return the files of an archive, in which all programs have to find the same: it
    is compared byte by byte with what is written around the same files.

    :param bytes content: of the archive
    :raise Repacked: it is another one
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = archive.infolist()
        position = 0
        for file in files:
            position += _find_header(content, position, file) + file.compress_size
        directory = archive.start_dir
        size = sum(46 + len(_name_of(file)) + len(file.extra) for file in files)
        end = _write_end(len(files), position, size)
        if directory != position or content[position + size :] != end:
            raise Repacked
        contents = {file.filename: archive.read(file) for file in files}
    if len(contents) != len(files):
        raise Repacked
    return contents


def _name_of(file):
    return file.orig_filename.encode("utf-8" if file.flag_bits & 0x800 else "ascii")


def _find_header(content, position, file):
    """Return how long the header of a file is, at its place in an archive.

    :raise Repacked: it is another one, or there is something beside it
    """
    # Sizes of large files, and nothing else.
    extra = file.extra
    if extra and (extra[:2] != b"\x01\x00" or len(extra) != 4 + extra[2]):
        raise Repacked
    if (
        file.header_offset != position
        or file.comment
        or file.flag_bits not in (0, 0x800)
        or file.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        or file.volume
        or file.external_attr >> 28 not in (0, 8)  # a file, and no link to one
        or file.is_dir()
    ):
        raise Repacked
    name = _name_of(file)
    year, month, day, hour, minute, second = file.date_time
    for is_large in (False, True):
        sizes = (file.compress_size, file.file_size)
        own = b""
        if is_large:
            own = struct.pack("<HHQQ", 1, 16, file.file_size, file.compress_size)
            sizes = (0xFFFFFFFF, 0xFFFFFFFF)
        elif max(sizes) > 0xFFFFFFFF:
            continue
        header = struct.pack(
            "<4s5H3L2H",
            b"PK\x03\x04",
            file.extract_version,
            file.flag_bits,
            file.compress_type,
            hour << 11 | minute << 5 | second // 2,
            (year - 1980) << 9 | month << 5 | day,
            file.CRC,
            *sizes,
            len(name),
            len(own),
        )
        header += name + own
        if content[position : position + len(header)] == header:
            return len(header)
    raise Repacked


def _write_end(count, offset, size):
    """Return what is written at the end of an archive."""
    end = b""
    limit = 2**31 - 1
    if count > 0xFFFF or offset > limit or size > limit:
        end += struct.pack(
            "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset
        )
        end += struct.pack("<4sLQL", b"PK\x06\x07", 0, offset + size, 1)
        count = min(count, 0xFFFF)
        offset, size = min(offset, 0xFFFFFFFF), min(size, 0xFFFFFFFF)
    return end + struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, size, offset, 0
    )


def _read_folder(folder):
    """Return the names of all that is in a folder, and what is wrong with it."""
    names, problems = [], []
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_symlink() or not (file.is_file() or file.is_dir()):
            problems.append(f"{name}: is no file")
        elif file.is_file():
            names.append(name)
    return names, problems


def _printable(text):
    """A text that says nothing else on a screen than it says."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )


def _is_fingerprint(text):
    return re.fullmatch("[0-9a-f]{32}", text.lower()) is not None


def main(arguments):
    """Check a bundle or an export, print what holds and what does not."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    first, rest = (arguments[0], arguments[1:]) if arguments else (__file__, [])
    known = [re.sub(r"[\s:-]", "", text).lower() for text in rest]
    if _is_fingerprint(first):
        first, known = __file__, [first.lower(), *known]
    for text in known:
        if not _is_fingerprint(text):
            sys.stdout.write(
                f"“{_printable(text)}” is no fingerprint: it has 32 digits.\n"
            )
            return 2
    path = pathlib.Path(first).resolve()
    if path.is_file() and (
        path.name in ("evidence.json", "export.json")
        or path == pathlib.Path(__file__).resolve()
    ):
        path = path.parent
    if not path.exists():
        sys.stdout.write(f"There is no {_printable(first)}.\n")
        return 2
    try:
        code, lines = _check_path(path, known)
    except Repacked:
        code, lines = 1, [f"WRONG  {REPACKED}", NOT_GENUINE]
    except ERRORS as error:
        code, lines = 1, [f"WRONG  not as it was written ({error!r})", NOT_GENUINE]
    sys.stdout.write("\n".join(map(_printable, lines)) + "\n")
    return code


REPACKED = (
    "the archive is not as it was written: it was packed again, or another program may "
    "see other files in it. Unpack it, and check the folder"
)
NOT_GENUINE = "This evidence is NOT genuine, or not complete."


def _check_path(path, known):
    """Return the exit code, and the lines that say what holds and what does not."""
    if path.is_dir():
        names, problems = _read_folder(path)

        def read(name):
            return (path / name).read_bytes()

    else:
        contents, problems = _read_archive(path.read_bytes()), []
        names, read = list(contents), contents.__getitem__
    if "evidence.json" not in names and "export.json" not in names:
        return 2, ["There is no evidence.json and no export.json here."]
    if "export.json" in names:
        good, bad = check_export(read, names, known)
        events = json.loads(read("ledger.json").decode())["events"]
        key_events = [event for event in events if event["res_id"] == 0]
    else:
        good, bad = check_bundle(read, names, known)
        evidence = json.loads(read("evidence.json").decode())
        events, key_events = evidence["events"], evidence["key_events"]
    bad += problems
    lines = [f"ok     {text}" for text in good]
    lines += _describe_keys(events, key_events, known)
    if not any(format_of(event["entry_digest"]) for event in events):
        lines.append(
            "note   This is of before version 19.0.1.7.0, not sealed as a whole: what "
            "came later may have been left out."
        )
    lines += [f"WRONG  {text}" for text in bad]
    if bad:
        return 1, [*lines, NOT_GENUINE]
    return 0, [
        *lines,
        "Everything fits together. That nobody made all of it anew is proved by the "
        "checkpoints' hashes, if they are those that were mailed out, and by the key, "
        "if it is the one on the certificate: give its fingerprint to this program, "
        "and it trusts no other.",
    ]


def _describe_keys(events, key_events, known):
    """Say which key sealed which event, and why it is trusted."""
    trusted = trusted_keys(key_events, known)
    lines = []
    for event in events:
        if event["kind"] not in UNSEALED_KINDS:
            lines.append(f"sealed {event_label(event)}: by key {event['key_id']}")
    first = next(iter(keys_of(key_events)), None)
    for fingerprint in keys_of(key_events):
        why = "no known key vouches for it"
        if fingerprint in known:
            why = "it was given"
        elif fingerprint in trusted:
            why = "the first" if fingerprint == first else "an older one vouches for it"
        lines.append(f"key    {fingerprint}: {why}")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
