# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What our own code may do and nobody else.

A context key whose value is text, a number or a list can be sent by whoever calls
Odoo from outside, so no such key may matter to the gate. These are objects: code of
this addon puts one into a context, and only the same object counts.
"""

GRANT = "customer_approval_grant"
"""The context key that holds one of the objects below."""

RECORD_EVIDENCE = object()
"""Requests may be created and written: a request is made, a decision recorded."""

PORTAL_SIGNATURE = object()
"""The signature being written was given by the customer on the order's own page."""

NEW_DOCUMENT = object()
"""The document whose lines are being created is itself being created."""


def granted(env, grant):
    """Return whether the environment's context holds that very object."""
    return env.context.get(GRANT) is grant
