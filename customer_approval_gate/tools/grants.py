# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What our own code may do and nobody else.

A context key whose value is text, a number or a list can be sent by whoever calls
Odoo from outside, so no such key may matter to the gate. These are objects: code of
this addon puts one into a context, and only the same object counts.
"""

GRANT = "customer_approval_grant"
"""The context key that holds one of the objects below."""


class Uninstalling:
    """An administrator has taken all evidence away, and wants the addon to go."""


class LeavingBlocked:
    """Somebody has paid: what a gate blocks is left out of what follows, and staff are
    told. Nobody else may say so: nothing may have been paid.

    :param str name: the model whose documents are left out
    """

    def __init__(self, name):
        self.name = name


LEAVING_BLOCKED = "customer_approval_leaving_blocked"
"""The context key that holds a ``LeavingBlocked``. It has one of its own: moves on the
way hold other objects."""


def is_leaving_blocked(documents):
    """Return whether those of these documents that a gate blocks are to be left out."""
    grant = documents.env.context.get(LEAVING_BLOCKED)
    return isinstance(grant, LeavingBlocked) and grant.name == documents._name


class FollowingStage:
    """The states being written follow a move to a stage, which keeps the history.

    :param documents: those that move
    """

    def __init__(self, documents):
        self.name = documents._name
        self.ids = set(documents.ids)


def is_following_stage(documents):
    """Return whether the state of these documents follows their stage."""
    grant = documents.env.context.get(GRANT)
    return (
        isinstance(grant, FollowingStage)
        and grant.name == documents._name
        and grant.ids.issuperset(documents.ids)
    )


ENTERING = "customer_approval_entering"
"""The context key that holds an ``Entering``."""


class Entering:
    """Collects the documents that enter a stage while a method of Odoo's own goes on:
    what entering causes comes after it, when all of it is done."""

    def __init__(self):
        self.is_open = True
        self.documents = {}

    def add(self, documents):
        """Keep documents for later, each once."""
        ids = self.documents.setdefault(documents._name, {})
        ids.update(dict.fromkeys(documents.ids))

    def close(self):
        """Return what was collected, by model; from now on nothing is."""
        self.is_open = False
        return {name: list(ids) for name, ids in self.documents.items()}


def get_entering(env):
    """Return the ``Entering`` that collects at the moment, or ``None``."""
    entering = env.context.get(ENTERING)
    collects = isinstance(entering, Entering) and entering.is_open
    return entering if collects else None


class Mailing:
    """A mail is being sent to one person who is asked, with their own link.

    :param int approver_id: theirs; ``None`` for a mail to somebody else
    """

    def __init__(self, approver_id):
        self.approver_id = approver_id


def is_mailing(approver):
    """Return whether the mail that is being sent is this person's own."""
    grant = approver.env.context.get(GRANT)
    return isinstance(grant, Mailing) and grant.approver_id == approver.id


class PortalSignature:
    """The signature being written was given by the customer on the page of one order.

    :param int order_id: the order's id
    :param partner: the ``res.partner`` whose login it is, if there is one
    """

    def __init__(self, order_id, partner=None):
        self.order_id = order_id
        self.partner = partner


def is_signing(order):
    """Return whether the order's customer is signing on its own page."""
    return bool(get_signature(order))


def get_signature(order):
    """Return the ``PortalSignature`` by which the order's customer is signing."""
    grant = order.env.context.get(GRANT)
    signs = isinstance(grant, PortalSignature) and grant.order_id == order.id
    return grant if signs else None
