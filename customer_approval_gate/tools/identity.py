# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which database this is. Links are made of it, so that those of one open nothing in
another one, such as a copy that has the same people under the same numbers.
"""

import json
import logging
import uuid

from psycopg2.errors import InsufficientPrivilege

from odoo.tools import SQL

_logger = logging.getLogger(__name__)

PARAMETER = "customer_approval_gate.identity"
"""What is random about the database."""

HOME = "customer_approval_gate.home"
"""Where it was when it got its identity: a copy is somewhere else."""

FORMER = "customer_approval_gate.former_identities"
"""Those of before (JSON), by which a link of the original is recognised in a copy."""

COPIED = "customer_approval_gate.copied_on"
"""When it was found that the database is a copy, or was moved, until somebody has read
it. ``data/neutralize.sql`` writes these parameters as well."""


def get_identity(env):
    """Return the identity of the database: a text."""
    parameters = env["ir.config_parameter"].sudo()  # whoever opens a link
    identity = parameters.get_param(PARAMETER)
    if not identity:
        identity = str(uuid.uuid4())
        parameters.set_param(PARAMETER, identity)
        parameters.set_param(HOME, _find_home(env.cr))
    return identity


def read_identity(env):
    """Return the identity of the database, and where it is, from the database itself:
    what Odoo remembers of its settings may be old.

    :rtype: tuple
    """
    get_identity(env)  # there is one
    env["ir.config_parameter"].flush_model()
    env.cr.execute("SELECT value FROM ir_config_parameter WHERE key = %s", [PARAMETER])
    return env.cr.fetchone()[0], _find_home(env.cr)


def get_former(env):
    """Return the identities that the database, or what it is a copy of, had before."""
    parameters = env["ir.config_parameter"].sudo()  # as above
    return json.loads(parameters.get_param(FORMER) or "[]")


def check_home(env, recorded=(None, None)):
    """Give a database a new identity that is a copy, or was moved: nobody can tell one
    from the other. Links that were mailed before stop.

    :param recorded: identity and home as the ledger has them. Where both are true, the
        setting that somebody has changed is put right.
    :return: whether it is somewhere else than it was, as far as it knows
    """
    # Of several processes that load it at once, one does it.
    env.cr.execute(
        "SELECT pg_try_advisory_xact_lock(hashtext('customer_approval_gate.home'))"
    )
    if not env.cr.fetchone()[0]:
        return False
    parameters = env["ir.config_parameter"].sudo()  # as the registry is loaded
    identity = get_identity(env)
    home = _find_home(env.cr)
    before = parameters.get_param(HOME)
    if before == home:
        return False
    parameters.set_param(HOME, home)
    if recorded == (identity, home):
        return False
    if not before:
        return True  # whoever copies a database and wants its links may take it away
    parameters.set_param(FORMER, json.dumps([*get_former(env), identity]))
    parameters.set_param(PARAMETER, str(uuid.uuid4()))
    env.cr.execute("SELECT (now() AT TIME ZONE 'UTC')::timestamp(0)::text")
    parameters.set_param(COPIED, env.cr.fetchone()[0])
    _logger.info(
        "Database %s is a copy, or was moved: links to approve that were mailed before "
        "open nothing here.",
        env.cr.dbname,
    )
    return True


def _find_home(cr):
    """Return which database of which PostgreSQL cluster it is."""
    cr.execute(SQL("SELECT oid::text FROM pg_database WHERE datname = %s", cr.dbname))
    number = cr.fetchone()[0]
    try:
        with cr.savepoint(flush=False):
            cr.execute("SELECT system_identifier::text FROM pg_control_system()")
            cluster = cr.fetchone()[0]
    except InsufficientPrivilege:  # as some providers have it
        cluster = ""
    return f"{cluster}/{number}"
