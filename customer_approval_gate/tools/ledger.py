# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Whether evidence still is what it was: digests, chains, seals, checkpoints.

Plain Python on plain data, and nothing but its standard library: this file is also
the ``verify.py`` of an evidence bundle, and there it is run by people who do not have
Odoo, and do not trust whoever has it.

    python3 verify.py               checks the folder it is in
    python3 verify.py bundle.zip    checks a bundle that was not unpacked

The same goes for an export, which holds all bundles of a database and its whole ledger.

What holds what:

- A request's frozen columns, and who was asked at first, are in the digest of its event
  *requested*, those of the decision in that of *decided*; what each person answered is
  in an event *answered* of their own.
- Each event holds the SHA-256 of its own content and, with it, of the event before,
  one chain a document.
- Events that matter to a gate are sealed besides: signed (RSA, SHA-256), together with
  the hash of the event before, with a key that is not in the database.
- A checkpoint holds the root of a Merkle tree over the heads of all chains, and the
  SHA-256 of the checkpoint before. It is mailed out, so it cannot be rewritten.
"""

import base64
import hashlib
import io
import json
import pathlib
import sys
import zipfile

FORMAT = 2
"""The format of content that is made today. In the first one prices and quantities had
as many decimals as the settings said, and there were no files."""

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

STRENGTHS = {
    "portal": 4,
    "code": 4,
    "link": 3,
    "in_person": 2,
    "online_signature": 1,
    "online_payment": 1,
    "recorded": 1,
}
"""How sure it is who answered, by the way of the answer: by login or with a one-time
code; by a personal link; before a witness; recorded by staff, or on the order's own
page, whose link is nobody's alone, unless it was signed by login."""

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


def sha256(data):
    """Return the SHA-256 of bytes or of a text, in hexadecimal digits."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


FORMATS = {1: canonical, 2: canonical}
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


PLAIN = {bool, int, str, type(None)}


def _check_plain(value):
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"content has a key that is no text: {key!r}")
        parts = value.values()
    elif isinstance(value, list):
        parts = value
    elif value is None or isinstance(value, (bool, int, str)):
        return
    else:
        raise TypeError(f"content has a value of type {type(value).__name__}")
    for part in parts:
        if type(part) not in PLAIN:  # most are, and need no call of their own
            _check_plain(part)


# ----------------------------------------------------------------------
# One event
# ----------------------------------------------------------------------


def entry_digest(event):
    """Return the digest of what an event says."""
    return sha256(canonical({name: event.get(name) for name in EVENT_FIELDS}))


def personal_digest(salt, value):
    """Return the salted digest of personal data, which stays when they are erased."""
    return sha256(salt.encode() + canonical(value))


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
    if not (seal and seal.isdigit() and modulus and modulus.isdigit()):
        return False
    n, s = int(modulus), int(seal)
    size = (n.bit_length() + 7) // 8
    info = bytes.fromhex(DIGEST_INFO) + hashlib.sha256(text.encode()).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
    return 0 < s < n and pow(s, EXPONENT, n) == int.from_bytes(padded, "big")


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
    previous = None
    for number, event in enumerate(events, 1):
        before = previous["hash"] if previous else None
        if problem := check_event(event, keys, is_marked):
            return [f"{event_label(event)}: {problem}"]
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
        previous = event
    return []


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
            if event["id"] not in erased:
                return [f"{event_label(event)}: its personal data were removed"]
        elif (
            not data["salt"]
            or personal_digest(data["salt"], data["value"]) != event["personal_digest"]
        ):
            return [f"{event_label(event)}: its personal data were altered"]
        elif event["id"] in erased:
            return [f"{event_label(event)}: has personal data that were erased"]
    return []


# ----------------------------------------------------------------------
# Requests
# ----------------------------------------------------------------------


def frozen_digest(request, number=FORMAT):
    """Return the digest of what of a request never changes.

    :param int number: the format
    """
    names = _of_format(FROZEN_FIELDS, number)
    frozen = {name: request[name] for name in names}
    frozen["html"] = sha256(request["content_html"] or "")
    frozen["files"] = request["files"]
    if number == 1:
        return sha256(canonical(frozen))
    frozen["approvers"] = [
        {name: approver[name] for name in APPROVER_FIELDS}
        for approver in request["approvers"]
        if approver["origin"] == "asked"
    ]
    return f"{number}:{sha256(canonical(frozen))}"


def decision_digest(request, number=FORMAT):
    """Return the digest of the customer's answer, without personal data.

    :param int number: the format
    """
    names = _of_format(DECISION_FIELDS, number)
    value = sha256(canonical({name: request[name] for name in names}))
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


def approver_digest(approver):
    """Return the digest of what of somebody who is asked never changes."""
    return digest({name: approver[name] for name in APPROVER_FIELDS})


def answer_digest(approver):
    """Return the digest of what somebody answered, without personal data."""
    values = {name: approver[name] for name in ANSWER_FIELDS}
    return digest({**values, "proofs": approver["proofs"]})


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
    if expected != frozen_digest({**request, "deadline": first}, number):
        return [f"{label}: altered since it was asked"]
    return (
        _check_approvers(label, request, own, personal)
        or _check_certificate(label, request, kinds, events)
        or _check_answer(label, request, kinds, personal)
    )


def _check_certificate(label, request, kinds, events):
    """Whether the PDFs are those that were made; erasure takes the certificate."""
    made = _details(kinds["certified"]) if "certified" in kinds else {}
    erased = any(event["kind"] == "erased" for event in events)
    for name in ("certificate", "document_pdf"):
        found = request[name]
        if found != made.get(f"{name}_id") and not (erased and found is None):
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
        if approver["origin"] != "asked" and (
            key not in came
            or _details(came[key]).get("frozen") != approver_digest(approver)
        ):
            return [f"{name} was altered or inserted"]
        if (approver["state"] in ("removed", "passed_on")) != (key in left):
            return [f"{name}: whether they are asked was altered"]
        waits = request["rule"] == "order" and key not in turns and key != first
        if (
            approver["origin"] != "passed_on"
            and approver["state"] not in ("removed", "passed_on")
            and waits != (approver["state"] == "waiting")
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
    if _details(event).get("answer") != answer_digest(approver):
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
        if expected != decision_digest(
            request, format_of(expected) or 1
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
# Checkpoints
# ----------------------------------------------------------------------


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
    """Return the root of a Merkle tree over leaves, in whatever order."""
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


def checkpoint_hash(checkpoint):
    """Return the hash that chains a checkpoint to the one before."""
    return sha256(
        canonical(
            {
                name: checkpoint[name]
                for name in (
                    "position",
                    "made_on",
                    "last_event_id",
                    "chain_count",
                    "root",
                    "previous_hash",
                )
            }
        )
    )


def check_checkpoints(checkpoints, keys):
    """Return the first thing that is wrong in the chain of checkpoints.

    :param dict keys: the moduli of the public keys by fingerprint
    """
    previous = None
    for number, checkpoint in enumerate(
        sorted(checkpoints, key=lambda checkpoint: checkpoint["position"]), 1
    ):
        label = f"checkpoint {checkpoint['position']} of {checkpoint['made_on']}"
        if checkpoint["position"] != number:
            return [f"{label}: checkpoint {number} is missing"]
        if checkpoint["previous_hash"] != (previous["hash"] if previous else None):
            return [f"{label}: does not follow the one before it"]
        if checkpoint_hash(checkpoint) != checkpoint["hash"]:
            return [f"{label}: altered"]
        modulus = keys.get(checkpoint["key_id"])
        if not is_seal_of(checkpoint["seal"], checkpoint["hash"], modulus):
            return [f"{label}: its seal is not genuine"]
        previous = checkpoint
    return []


def check_roots(checkpoints, events):
    """Return the first checkpoint whose root is not that of the events of its time.

    :param checkpoints: all checkpoints
    :param events: all events, of all documents, in order of their ids
    """
    heads = {}
    events = iter(sorted(events, key=lambda event: event["id"]))
    event = next(events, None)
    for checkpoint in sorted(checkpoints, key=lambda row: row["position"]):
        while event and event["id"] <= checkpoint["last_event_id"]:
            heads[event["res_model"], event["res_id"]] = head_leaf(event)
            event = next(events, None)
        if (
            len(heads) != checkpoint["chain_count"]
            or merkle_root(heads.values()) != checkpoint["root"]
        ):
            return [
                f"checkpoint {checkpoint['position']} of {checkpoint['made_on']}: "
                "events of before were altered, deleted or inserted"
            ]
    return []


# ----------------------------------------------------------------------
# Keys
# ----------------------------------------------------------------------


def keys_of(events):
    """Return the public keys that the ledger itself has introduced."""
    keys = {}
    for event in events:
        if event["kind"] == "key_registered":
            modulus = str(_details(event).get("modulus"))
            keys[key_fingerprint(modulus)] = modulus
    return keys


# ----------------------------------------------------------------------
# Scope: the part of content that says what is sold at which price
# ----------------------------------------------------------------------


def scope_digest(content, number=FORMAT):
    """Return a digest that stays the same as long as scope and price do.

    What a related record is called (a payment term renamed, a partner's new
    telephone number), which database row a line has, the order of the lines and the
    files beside them say nothing about what is sold at which price.
    """
    encode = FORMATS[number]
    # The bytes of the whole, for which those of each line are made once only.
    scope = b'{"header":%s,"lines":[%s],"totals":%s}' % (
        encode(without_texts(content["header"])),
        b",".join(sorted(encode(without_texts(line)) for line in content["lines"])),
        encode(content["totals"]),
    )
    return f"{number}:{sha256(scope)}"


def is_same_scope(frozen, present):
    """Return whether content of whatever format has the scope and price of present
    content, as far as its format could tell."""
    if frozen.get("format", 1) == FORMAT:
        return scope_digest(frozen) == scope_digest(present)
    old = as_today(frozen)
    names = {name for line in old["lines"] for name in line}
    new = {
        **present,
        "header": {
            name: value
            for name, value in present["header"].items()
            if name in old["header"]
        },
        "lines": [
            {name: value for name, value in line.items() if name in names}
            for line in present["lines"]
        ],
    }
    return scope_digest(old) == scope_digest(new)


def as_today(content):
    """Return content of whatever format with decimals as they are written today."""
    if content.get("format", 1) == FORMAT:
        return content
    lines = []
    for line in content["lines"]:
        shortened = {
            name: line[name].rstrip("0").rstrip(".")
            for name in ("quantity", "unit_price", "discount")
            if "." in (line.get(name) or "")
        }
        lines.append({**line, **shortened})
    return {**content, "lines": lines}


def digits_of(content):
    """Return with how many decimals the prices and quantities of content are written.
    Where it does not say so, it has as many as its longest numbers, two at least."""
    lines = content["lines"]
    return content.get("digits") or {
        name: max(
            [2, *(len((line.get(name) or "").partition(".")[2]) for line in lines)]
        )
        for name in ("unit_price", "quantity", "discount")
    }


def without_texts(value):
    """Return content with related records by their ids only."""
    if isinstance(value, dict):
        if "text" in value and "id" in value:
            return value["id"]
        return {
            key: without_texts(part) for key, part in value.items() if key != "line_id"
        }
    if isinstance(value, list):
        return [without_texts(part) for part in value]
    return value


# ----------------------------------------------------------------------
# A bundle
# ----------------------------------------------------------------------


def check_bundle(read, names):
    """Return what a bundle proves and what is wrong with it.

    :param read: the function that returns the bytes of a file of the bundle
    :param names: the names of all its files
    :return: the lists of what holds and of what does not
    :rtype: tuple
    """
    evidence = json.loads(read("evidence.json").decode())
    events = evidence["events"]
    keys = keys_of(evidence["key_events"])
    personal = {int(key): value for key, value in evidence["personal"].items()}
    good, bad = [], []

    def report(what, problems):
        bad.extend(problems)
        if not problems:
            good.append(what)

    report(f"the chain of {len(events)} events", check_chain(events, keys))
    report("the keys", check_chain(evidence["key_events"], keys))
    report("the personal data beside it", check_personal(events, personal))
    report("all requests are there", known_requests(evidence["requests"], events))
    for request in evidence["requests"]:
        own, problems = _read_request(read, names, request)
        if not problems:
            problems = check_request(own, events, personal, scope_digest)
        report(f"request {request['name']}: {request['state']}", problems)
    report("the chain of checkpoints", check_checkpoints(evidence["checkpoints"], keys))
    report("the events in the checkpoints", _check_paths(evidence, events))
    extra = set(names) - set(evidence["file_names"])
    report("no other files", [f"{name}: does not belong here" for name in extra])
    for name, expected in evidence["other_files"].items():
        found = sha256(read(name)) if name in names else None
        report(name, [] if found == expected else [f"{name}: altered or missing"])
    report(
        "the list of files",
        []
        if evidence["manifest"] == sha256(canonical(_manifest(evidence)))
        else ["evidence.json: altered"],
    )
    return good, bad


def _manifest(evidence):
    return {
        "file_names": evidence["file_names"],
        "other_files": evidence["other_files"],
        "requests": [
            [request["id"], request["content_file"], request["html_file"]]
            for request in evidence["requests"]
        ],
    }


def manifest_digest(evidence):
    """Return the digest of what a bundle says about its own files."""
    return sha256(canonical(_manifest(evidence)))


def _read_request(read, names, request):
    own = dict(request)
    for name in (
        request["content_file"],
        request["html_file"],
        *(file["path"] for file in request["file_paths"]),
    ):
        if name not in names:
            return own, [f"{name}: missing"]
    try:
        own["content"] = json.loads(read(request["content_file"]).decode())
        own["content_html"] = read(request["html_file"]).decode()
    except ValueError:
        return own, [f"{request['content_file']}: cannot be read"]
    if canonical(own["content"]) != read(request["content_file"]):
        return own, [f"{request['content_file']}: is not as it was written"]
    if name := request["signature_file"]:
        if name not in names:
            return own, [f"{name}: missing"]
        if own["signature"] != sha256(base64.b64encode(read(name))):
            return own, [f"{name}: is not the signature that was given"]
    elif own["signature"]:
        return own, [f"request {request['name']}: its signature is missing"]
    own["files"] = []
    for file in request["file_paths"]:
        data = read(file["path"])
        own["files"].append(
            {"name": file["name"], "size": len(data), "sha256": sha256(data)}
        )
    return own, []


def _check_paths(evidence, events):
    """The chain as it was at each checkpoint has to be in the checkpoint's root."""
    by_id = {event["id"]: event for event in events}
    rows = {row["position"]: row for row in evidence["checkpoints"]}
    for position, proof in evidence["proofs"].items():
        checkpoint = rows.get(int(position))
        event = by_id.get(proof["event_id"])
        if (
            not checkpoint
            or not event
            or merkle_climb(head_leaf(event), proof["path"]) != checkpoint["root"]
        ):
            return [f"checkpoint {position}: the events of this bundle are not in it"]
    for checkpoint in evidence["checkpoints"]:
        if str(checkpoint["position"]) not in evidence["proofs"] and any(
            event["id"] <= checkpoint["last_event_id"] for event in events
        ):
            return [f"checkpoint {checkpoint['position']}: the proof is missing"]
    return []


def check_ledger(data):
    """Return what does not fit in all evidence of a database.

    :param dict data: ``events``, ``personal``, ``requests``, ``checkpoints`` and
        ``keys``, as plain data
    """
    personal = {int(key): value for key, value in data["personal"].items()}
    keys = {**keys_of(data["events"]), **data["keys"]}
    chains, asked = {}, {}
    for event in data["events"]:
        chains.setdefault((event["res_model"], event["res_id"]), []).append(event)
    for request in data["requests"]:
        asked.setdefault((request["res_model"], request["res_id"]), []).append(request)
    problems = []
    for key in sorted({*chains, *asked}):
        events, requests = chains.get(key, []), asked.get(key, [])
        problems += check_chain(events, keys)
        problems += check_personal(events, personal)
        problems += known_requests(requests, events)
        for request in requests:
            problems += check_request(request, events, personal, scope_digest)
    problems += check_checkpoints(data["checkpoints"], keys)
    return problems or check_roots(data["checkpoints"], data["events"])


def check_export(read, names):
    """Return what an export proves and what is wrong with it: see ``check_bundle()``.

    :rtype: tuple
    """
    files = json.loads(read("export.json").decode())["files"]
    data = json.loads(read("ledger.json").decode())
    good, bad = [], []
    for name in sorted({*files, *names} - {"export.json"}):
        if name not in names:
            bad.append(f"{name}: missing")
        elif name not in files:
            bad.append(f"{name}: does not belong here")
        elif sha256(read(name)) != files[name]:
            bad.append(f"{name}: altered")
    problems = check_ledger(data)
    bad += problems
    if not problems:
        good.append(f"the ledger of {len(data['events'])} events")
    hashes = {event["id"]: event["hash"] for event in data["events"]}
    for name in sorted(name for name in names if name.startswith("bundles/")):
        own, wrong = _check_inner_bundle(read(name), hashes)
        bad += [f"{name}: {text}" for text in wrong]
        if not wrong:
            good.append(f"{name}: {len(own)} checks")
    return good, bad


def _check_inner_bundle(content, hashes):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    good, bad = check_bundle(contents.__getitem__, list(contents))
    for event in json.loads(contents["evidence.json"].decode())["events"]:
        if hashes.get(event["id"]) != event["hash"]:
            bad.append(f"{event_label(event)}: is not in the ledger")
    return good, bad


def main(arguments):
    """Check a bundle or an export, print what holds and what does not."""
    path = pathlib.Path(arguments[0] if arguments else __file__).resolve()
    if path.is_file() and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        read, names = contents.__getitem__, list(contents)
    else:
        folder = path if path.is_dir() else path.parent
        names = [
            file.relative_to(folder).as_posix()
            for file in folder.rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        ]

        def read(name):
            return (folder / name).read_bytes()

    if "evidence.json" not in names and "export.json" not in names:
        sys.stdout.write("There is no evidence.json and no export.json here.\n")
        return 2
    try:
        if "export.json" in names:
            good, bad = check_export(read, names)
            keys = keys_of(json.loads(read("ledger.json").decode())["events"])
        else:
            good, bad = check_bundle(read, names)
            keys = keys_of(json.loads(read("evidence.json").decode())["key_events"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        good, bad, keys = [], [f"not as it was written ({error!r})"], {}
    lines = [f"ok     {text}" for text in good]
    lines += [f"WRONG  {text}" for text in bad]
    lines += [f"key    {fingerprint}" for fingerprint in keys]
    if bad:
        lines.append("This evidence is NOT genuine, or not complete.")
    else:
        lines.append(
            "Everything fits together. That nobody made all of it anew is proved by "
            "the checkpoints' hashes, if they are those that were mailed out, and by "
            "the key, if it is the one on the certificate."
        )
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
