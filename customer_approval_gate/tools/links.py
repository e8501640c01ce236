# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The links of people who are asked, and their one-time codes: functions and no
methods, so that neither templates nor the code of server actions can make one.

A link is made of the database's identity, of what is random about the request, of the
approver, of a number that grows whenever the link has to stop, and of the server's key.
It is in no database, and opens nothing in another one.
"""

import hmac
import time

from . import seal
from .identity import get_former, get_identity

HANDOVER_SECONDS = 1800


OLD_SALT = "customer_approval_gate.link_salt"
"""The parameter by which links of a copy differed from those of its original before
version 19.0.1.6.0."""


def _make_token(request, text, purpose="link", identity=None):
    # Whoever asks has the record already: what is random about it is of no use alone.
    nonce = request.sudo().link_nonce
    identity = identity or get_identity(request.env)
    return seal.make_token(purpose, f"{identity}:{request.id}:{nonce}:{text}")


def token_of(approver):
    """Return the secret of a person's link."""
    return _token_of(approver, approver.sudo().token_number)  # as above


def _token_of(approver, number, identity=None):
    return _make_token(
        approver.request_id, f"approver:{approver.id}:{number}", identity=identity
    )


def url_of(approver, user=None):
    """Return a person's own link.

    :param user: the ``res.users`` on whose screen it is shown, whose witness it makes
        them: see ``handover_token()``
    """
    request = approver.request_id
    token = handover_token(approver, user) if user else token_of(approver)
    return f"{request.get_base_url()}/my/approvals/{request.id}?access_token={token}"


def handover_token(approver, user, back=0):
    """Return the secret of the code that a user's screen shows, for the customer's own
    phone. What is answered by it was answered before that user, so that it is good for
    as long as people sit together.

    :param int back: how many periods ago
    """
    number = approver.sudo().token_number  # as above
    period = int(time.time()) // HANDOVER_SECONDS - back
    return _make_token(
        approver.request_id, f"handover:{approver.id}:{number}:{user.id}:{period}"
    )


def find_by_token(approvers, token):
    """Return the one of these people whose link has the token, or none. All are
    compared, each in constant time.

    :param approvers: ``customer.approval.approver`` records
    """
    found = approvers.browse()
    for approver in approvers:
        if _is_same(token, token_of(approver)) and (
            approver.state != "removed" and approver.partner_id.sudo().active
        ):
            found |= approver
    return found


def find_by_handover(approvers, users, token):
    """Return the person, and the user on whose screen the code was, or neither.

    :param users: those who have handed their screens over
    :rtype: tuple
    """
    found, witness = approvers.browse(), users.browse()
    for approver in approvers.filtered(lambda a: a.state not in ("removed",)):
        for user in users:
            for back in (0, 1):
                if _is_same(token, handover_token(approver, user, back)):
                    found, witness = approver, user
    return found, witness


def find_by_old_token(approvers, token):
    """Return the one of these people whose link had the token before it changed."""
    found = approvers.browse()
    parameters = approvers.env["ir.config_parameter"].sudo()  # whoever opens a link
    salt = parameters.get_param(OLD_SALT)
    for approver in approvers:
        last = approver.sudo().token_number  # as above
        olds = [_token_of(approver, number) for number in range(1, last)]
        for number in range(1, last + 1):
            text = f"approver:{approver.id}:{number}"
            olds.append(seal.make_old_token(f"{salt}:{text}" if salt else text))
        if any([_is_same(token, old) for old in olds]):
            found |= approver
    return found


def find_by_foreign_token(approvers, token):
    """Return the one of these people whose link was mailed from the database that this
    one is a copy of, or from where it was before."""
    found = approvers.browse()
    for approver in approvers:
        last = approver.sudo().token_number  # as above
        olds = [
            _token_of(approver, number, identity)
            for identity in get_former(approvers.env)
            for number in range(1, last + 1)
        ]
        if any([_is_same(token, old) for old in olds]):
            found |= approver
    return found


def resend_token(request):
    """Return what lets whoever reads the document's own page ask for the links of a
    request to be mailed, to those who are asked."""
    return _make_token(request, "resend")


def is_resend_token(request, token):
    """Return whether a page of ours asks for links to be mailed."""
    return _is_same(token, resend_token(request))


def thread_token(request, pid, approver):
    """Return what opens the conversation about a request to a contact.

    :param int pid: the contact's id
    :param approver: who is asked, if the contact is
    """
    secret = token_of(approver) if approver else "nobody"
    return _make_token(request, f"thread:{pid}:{secret}")


def find_by_thread_token(request, token):
    """Return the one of those who are asked whom the token opens the conversation for,
    or none. All are compared, each in constant time.

    :param request: the ``customer.approval.request``
    """
    found = request.approver_ids.browse()
    for approver in request.approver_ids:
        own = thread_token(request, approver.partner_id.id, approver)
        if _is_same(token, own) and approver.state != "removed":
            found |= approver
    return found


def answer_key(request, key):
    """Return how it is kept which browser has answered a request: by what is in its
    session alone.

    :param str key: what the session holds
    """
    return _make_token(request, key, "answer")


def code_digest(approver, code):
    """Return how a one-time code is kept: six digits are soon tried, and cannot be
    without the server's key."""
    until = approver.sudo().code_until  # as above
    return _make_token(approver.request_id, f"{approver.id}:{until}:{code}", "code")


def is_code(approver, code):
    """Return whether it is the code that was mailed last."""
    kept = approver.sudo().code_digest  # as above
    return bool(kept) and _is_same(code_digest(approver, (code or "").strip()), kept)


def _is_same(one, other):
    return hmac.compare_digest((one or "").encode(), (other or "").encode())
