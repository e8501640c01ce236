# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What our own code may do and nobody else.

A capability lies on a stack beside the transaction. Code of a module puts it there
with ``hold()`` or ``call()``; a caller from outside can send no object, a context key
means nothing, and the code of a server action, which can call any method, reaches
neither this module nor the stack.
"""

from contextlib import contextmanager
from functools import wraps
from weakref import WeakKeyDictionary

from odoo import SUPERUSER_ID, api
from odoo.exceptions import AccessError

_STACKS = WeakKeyDictionary()
_MEMORIES = WeakKeyDictionary()
_TRANSACTIONS = WeakKeyDictionary()


def _stack(env):
    return _STACKS.setdefault(env.cr, [])


def memory(env):
    """Return what is remembered until the transaction ends, or is undone in part: not
    in the transaction's own cache, which anybody's code can fill.

    What marks it is a callback that Odoo forgets at the same time. Code that has a
    cache could put a mark back there, and have old knowledge believed.
    """
    callbacks = env.cr.precommit._funcs
    mark, known = _MEMORIES.get(env.cr, (None, None))
    if mark is None or not any(mark is callback for callback in callbacks):
        known = {}

        def mark():
            """Nothing is to be done."""

        _MEMORIES[env.cr] = (mark, known)
        env.cr.precommit.add(mark)
    return known


def transaction_memory(env):
    """Return what is remembered until the transaction ends, whatever of it is written
    or undone on the way: Odoo forgets ``memory()`` whenever a savepoint begins."""
    now = env.cr.now()  # another one in each transaction
    known = _TRANSACTIONS.get(env.cr)
    if known is None or known[0] != now:
        known = _TRANSACTIONS[env.cr] = (now, {})
    return known[1]


# ----------------------------------------------------------------------
# Methods that nobody calls but code of a module
# ----------------------------------------------------------------------


class _Call:
    def __init__(self, method):
        self.records = method.__self__
        self.name = method.__name__

    def allows(self, records, name):
        own = self.records
        return (
            self.name == name
            and own._name == records._name
            and set(own._ids) >= set(records._ids)
        )


def call(method, *args, **kwargs):
    """Call a method that is ``required`` to be called by this. Once: what it calls
    itself, another addon's code included, has to be allowed anew.

    :param method: a bound method of records
    :return: what the method returns
    """
    stack = _stack(method.__self__.env)
    own = _Call(method)
    stack.append(own)
    try:
        return method(*args, **kwargs)
    finally:
        if own in stack:
            stack.remove(own)


def call_after_commit(method):
    """Call a method that is ``required``, of no records, when the transaction is over:
    in one of its own, which sees what has become of this one.

    What a callback is made of can be read, and changed, by the code of a server action,
    but for what it closes over.
    """
    records, name = method.__self__, method.__name__
    registry, model = records.env.registry, records._name

    def run():
        with registry.cursor() as cr:
            own = api.Environment(cr, SUPERUSER_ID, {})[model]
            call(getattr(own, name))

    records.env.cr.postcommit.add(run)


def required(function):
    """Make a method that only ``call()`` calls: what it writes is evidence.

    :raise AccessError: it was called by somebody else, such as a server action
    """

    @wraps(function)
    def method(self, *args, **kwargs):
        stack = _stack(self.env)
        top = stack[-1] if stack else None
        if not isinstance(top, _Call) or not top.allows(self, function.__name__):
            raise AccessError(
                self.env._(
                    "Evidence is written by what happens only, and not by code. Use "
                    "the buttons of the document or of the request."
                )
            )
        stack.pop()
        return function(self, *args, **kwargs)

    method.capability_required = True
    return method


# ----------------------------------------------------------------------
# What is going on
# ----------------------------------------------------------------------


@contextmanager
def hold(env, capability):
    """Around what a capability is for.

    :param capability: one of the objects below
    """
    stack = _stack(env)
    stack.append(capability)
    try:
        yield capability
    finally:
        # By identity: what lies above is gone, or nests wrongly.
        del stack[next(i for i, own in enumerate(stack) if own is capability) :]


def find(env, kind):
    """Return the capability of a kind that was put last, or ``None``.

    :param kind: one of the classes below
    """
    for own in reversed(_stack(env)):
        if isinstance(own, kind):
            return own
        if isinstance(own, Foreign) and not issubclass(kind, Lasting):
            return None
    return None


class Foreign:
    """Code of somebody else runs: nothing that is going on around it is its own."""


class Lasting:
    """What counts for other code on the way as well."""


class Depth(Lasting):
    """Entry actions of one stage move documents into the next.

    :param int number: how many are inside each other
    """

    def __init__(self, number):
        self.number = number


class Uninstalling(Lasting):
    """An administrator has taken all evidence away, and wants the addon to go."""


class Erasing(Lasting):
    """Personal data are erased, and files go that hold them."""


class LeavingBlocked(Lasting):
    """Somebody has paid: what a gate blocks is left out of what follows, and staff are
    told. Nobody else may say so: nothing may have been paid.

    :param str name: the model whose documents are left out
    """

    def __init__(self, name):
        self.name = name


def is_leaving_blocked(documents):
    """Return whether those of these documents that a gate blocks are to be left out."""
    own = find(documents.env, LeavingBlocked)
    return bool(own) and own.name == documents._name


class _OfRecords:
    """What counts for some records only.

    :param records: those
    """

    def __init__(self, records):
        self.name = records._name
        self.ids = set(records.ids)

    def is_of(self, records):
        return self.name == records._name and self.ids.issuperset(records.ids)


class DrivenState(_OfRecords):
    """The states being written follow a move to a stage, which keeps the history: of
    the documents that move."""


def is_driven_by_stage(documents):
    """Return whether the state of these documents follows their stage."""
    own = find(documents.env, DrivenState)
    return bool(own) and own.is_of(documents)


class DeferredEntry(Lasting):
    """Collects the documents that enter a stage while a method of Odoo's own goes on:
    what entering causes comes after it, when all of it is done."""

    def __init__(self):
        self.documents = {}

    def add(self, documents):
        """Keep documents for later, each once."""
        ids = self.documents.setdefault(documents._name, {})
        ids.update(dict.fromkeys(documents.ids))


class AutoAdvancing(_OfRecords):
    """Documents move on by themselves.

    :param documents: those that move
    :param str note: why, for the history
    """

    def __init__(self, documents, note):
        super().__init__(documents)
        self.note = note


def get_note(document):
    """Return why a document moves on by itself, or an empty text if it does not."""
    own = find(document.env, AutoAdvancing)
    return own.note if own and own.is_of(document) else ""


class Guarded(Lasting):
    """Documents are judged when what is going on is done, and not on the way.

    :param keys: a container of pairs of model and id
    """

    def __init__(self, keys):
        self.keys = keys


class NewDocuments:
    """The documents that are being created: they have no numbers yet, but higher ones
    than all there were.

    :param str name: of their model
    :param int last_id: the highest number there was
    """

    def __init__(self, name, last_id):
        self.name = name
        self.last_id = last_id

    def __contains__(self, key):
        name, document_id = key
        is_new = isinstance(document_id, int) and document_id > self.last_id
        return name == self.name and is_new


def is_guarded(document):
    """Return whether the document is judged later."""
    key = (document._name, document.id)
    return any(
        isinstance(own, Guarded) and key in own.keys for own in _stack(document.env)
    )


class Delivering(_OfRecords):
    """Goods of ``sale.order`` records are delivered: what was not ordered becomes lines
    of theirs."""


def is_delivering(order):
    """Return whether goods of the order are being delivered."""
    return any(
        isinstance(own, Delivering) and own.is_of(order) for own in _stack(order.env)
    )


class Mailing:
    """A mail is being sent to one person who is asked, with their own link.

    :param int approver_id: theirs; ``None`` for a mail to somebody else
    """

    def __init__(self, approver_id):
        self.approver_id = approver_id


def is_mailing(approver):
    """Return whether the mail that is being sent is this person's own."""
    own = find(approver.env, Mailing)
    return bool(own) and own.approver_id == approver.id


class HandingOver(Lasting):
    """A mail is being given to a mail server.

    :param str message_id: by which it is recognised
    """

    def __init__(self, message_id):
        self.message_id = message_id
        self.is_taken = False


class PortalSignature:
    """The signature being written was given by the customer on the page of one order.

    :param int order_id: the order's id
    :param partner: the ``res.partner`` whose login it is, if there is one
    """

    def __init__(self, order_id, partner=None):
        self.order_id = order_id
        self.partner = partner
        self.is_used = False


def get_signature(order):
    """Return the ``PortalSignature`` by which the order's customer is signing, or
    ``None``."""
    own = find(order.env, PortalSignature)
    return own if own and own.order_id == order.id else None


def is_signing(order):
    """Return whether the order's customer is signing on its own page."""
    return bool(get_signature(order))
