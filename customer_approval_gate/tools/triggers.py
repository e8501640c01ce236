# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The part of the gate and of the evidence that PostgreSQL holds itself: which triggers
there are, and whether they are what they were. What they do is in ``sql/``.
"""

import json
import re
from typing import NamedTuple

from odoo.tools import SQL

from .functions import FUNCTIONS, GATE_TEMPLATES

FORMER_FUNCTIONS = (
    "customer_approval_amount",
    "customer_approval_gate",
    "customer_approval_minimum",
)

KEY_FUNCTION = "customer_approval_key"

READ_TABLES = (
    "customer_approval_event",
    "customer_approval_request",
    "customer_approval_stage",
    "ir_config_parameter",
    "ir_module_module",
    "res_company",
    "res_currency_rate",
)
"""What triggers read."""


class Roles(NamedTuple):
    """Which columns of a table of documents are what all documents have; nothing for
    what they do not have.

    :param str stage: the many2one to the stage
    :param str state: the document's own
    :param str company: the many2one
    :param tuple cancelled: the states of documents that are called off
    :param str held: what gates hold back, where documents have no stages
    :param tuple held_values: the values of it that are held back
    """

    stage: str | None
    state: str | None
    company: str | None
    cancelled: tuple = ()
    held: str | None = None
    held_values: tuple = ()


class Amount(NamedTuple):
    """What a document comes to: the columns that its model declares.

    :param str total: in the document's currency, if it comes to anything
    :param str currency: the many2one, if it is not always the company's
    :param tuple rates: columns of how much of that currency one unit of the company's
        is, of which the first that is filled counts
    :param str parent: the many2one to the document that this one changes, if they count
        together
    :param lines: table, column of the document and column of the quantity, if lines
        count as well
    """

    total: str | None
    currency: str | None
    rates: tuple = ()
    parent: str | None = None
    lines: tuple | None = None

    @property
    def columns(self):
        """The columns of the document that matter."""
        own = (self.total, self.currency, *self.rates, self.parent)
        return [column for column in own if column]


def _name_columns(roles, amount):
    """Return what the functions call columns, whatever they are called."""
    return {
        "stage_id": roles.stage,
        "state": roles.state,
        "company_id": roles.company,
        "currency_id": amount.currency,
        "total": amount.total,
        "parent": amount.parent,
        "held": roles.held,
        "id": "id",
        "customer_approval_status": "customer_approval_status",
    }


def describe_row(row, known, others):
    """Return what the functions are told of a row, as an expression.

    :param str row: its name
    :param dict known: the columns by what the functions call them
    :param others: further columns
    """
    pairs = [
        f"'{role}', {f'{row}.{name}' if name else 'NULL::text'}"
        for role, name in known.items()
    ]
    pairs += [f"'column.{name}', {row}.{name}" for name in others]
    return f"jsonb_build_object({', '.join(pairs)})"


def describe_amount(row, roles, amount):
    """Return what the function of amounts is told of a row, as an expression."""
    return describe_row(row, _name_columns(roles, amount), amount.rates)


def gate(table, arguments, columns, fixed, roles, amount):
    """Return the trigger that is the gate of a table of documents, with functions of
    its own.

    :param columns: those that matter to gates; what is written without any of them is
        of no interest
    :param fixed: those that matter whether or not any stage asks for an approval
    :param Roles roles: what all documents have
    :param Amount amount: what a document comes to
    """
    known = _name_columns(roles, amount)

    def same(names):
        return " AND ".join(
            f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in names
        )

    # Of a row with sixty columns a dozen is looked at.
    deciding = {*json.loads(arguments[2])}
    others = sorted({*columns, *fixed} - {*known.values()} | deciding)

    rates = [f"(after->>'column.{name}')::numeric" for name in amount.rates]
    lines, document, quantity = amount.lines or ("", "", "")
    values = {
        "table": table,
        "model": arguments[0],
        "unchanged": same(columns),
        "fixed": same(fixed),
        "after": describe_row("NEW", known, others),
        "before": describe_row("OLD", known, others),
        "total": amount.total or "",
        "company": roles.company or "",
        "currency": amount.currency or "",
        "held": roles.held or "",
        "held_values": json.dumps(list(roles.held_values)),
        "not_cancelled": " AND ".join(
            f"other.{roles.state} <> '{state}'" for state in roles.cancelled
        ),
        "rate": f"COALESCE({', '.join(rates)})" if rates else "NULL::numeric",
        "rate_column": (amount.rates or ("",))[0],
        "parent": amount.parent or "",
        "lines": lines,
        "document": document,
        "quantity": quantity,
        "amount_changed": "\n        OR ".join(
            f"after->'{name}' IS DISTINCT FROM before->'{name}'"
            for name in ("currency_id", "parent")
            + tuple(f"column.{name}" for name in amount.rates)
        ),
    }
    functions = {}
    for template, (given, result, language, body) in GATE_TEMPLATES.items():
        for name, is_declared in (
            ("currency", amount.currency),
            ("lines", lines),
            ("family", amount.parent),
            ("held", roles.held),
            ("staged", not roles.held),
        ):
            if not is_declared:
                body = re.sub(
                    rf" *-- \[{name}\n.*? *-- {name}\]\n", "", body, flags=re.DOTALL
                )
        for name, value in values.items():
            body = body.replace(f"{{{name}}}", value)
        own = template.replace("{table}", table)[:63]
        functions[own] = (given, result, language, body)
    return Trigger(
        table,
        "gate",
        "BEFORE INSERT OR UPDATE OR DELETE",
        f"customer_approval_gate_{table}"[:63],
        arguments,
        functions=functions,
    )


class Trigger:
    """A trigger of ours.

    :param name: without the prefix that all of them have
    :param when: ``BEFORE INSERT OR UPDATE`` and so on
    :param arguments: texts for the function
    :param str level: ``ROW`` or ``STATEMENT``
    :param bool deferred: whether it fires when the transaction ends
    :param str condition: of the rows it fires for, as PostgreSQL itself writes it
    :param dict functions: those that are this trigger's own, as in ``tools.functions``
    """

    def __init__(self, table, name, when, function, arguments=(), **options):
        self.table = table
        self.name = f"customer_approval_{name}"
        self.when = when
        self.function = function
        self.arguments = arguments
        self.level = options.get("level", "ROW")
        self.deferred = options.get("deferred", False)
        self.functions = options.get("functions", {})
        self.condition = options.get("condition")

    def is_as_in(self, definition):
        """Return whether PostgreSQL's definition of a trigger is this one's: when it
        fires, for which rows, and with which arguments."""
        found = re.fullmatch(
            r"CREATE (?:CONSTRAINT )?TRIGGER \S+ (BEFORE|AFTER) (.+?) ON \S+ .*?"
            r"FOR EACH (ROW|STATEMENT)(?: WHEN \((.+)\))? EXECUTE FUNCTION .*",
            definition,
            re.DOTALL,
        )
        if not found:
            return False
        moment, events, level, condition = found.groups()
        own_moment, _space, own_events = self.when.partition(" ")
        return (
            (moment, level, condition) == (own_moment, self.level, self.condition)
            and {*events.split(" OR ")} == {*own_events.split(" OR ")}
            and all(argument in definition for argument in self.arguments)
        )

    def drop(self, cr):
        """Drop the trigger, with the functions that are its own."""
        cr.execute(
            SQL(
                "DROP TRIGGER IF EXISTS %s ON %s",
                SQL.identifier(self.name),
                SQL.identifier(self.table),
            )
        )
        for name in self.functions:
            cr.execute(SQL("DROP FUNCTION IF EXISTS %s", SQL.identifier(name)))

    def install(self, cr):
        """Create the trigger anew."""
        cr.execute(
            SQL(
                "DROP TRIGGER IF EXISTS %s ON %s",
                SQL.identifier(self.name),
                SQL.identifier(self.table),
            )
        )
        cr.execute(
            SQL(
                "CREATE %s TRIGGER %s %s ON %s %s FOR EACH %s %s"
                " EXECUTE FUNCTION %s(%s)",
                SQL("CONSTRAINT") if self.deferred else SQL(),
                SQL.identifier(self.name),
                SQL(self.when),
                SQL.identifier(self.table),
                SQL("DEFERRABLE INITIALLY DEFERRED") if self.deferred else SQL(),
                SQL(self.level),
                SQL(f"WHEN ({self.condition})") if self.condition else SQL(),
                SQL.identifier(self.function),
                SQL(", ").join(SQL("%s", argument) for argument in self.arguments),
            )
        )


def unalterable(table, rows=True):
    """Return the triggers that keep rows of a table from being changed or deleted.

    :param bool rows: also the one for single rows
    """
    triggers = [
        Trigger(
            table,
            "no_truncate",
            "BEFORE TRUNCATE",
            "customer_approval_unalterable",
            level="STATEMENT",
        )
    ]
    if rows:
        triggers.append(
            Trigger(
                table,
                "unalterable",
                "BEFORE UPDATE OR DELETE",
                "customer_approval_unalterable",
            )
        )
    return triggers


def asked(table):
    """Return the trigger that wants an event for each request, and for each who is
    asked."""
    return Trigger(
        table, "asked", "AFTER INSERT", "customer_approval_asked", deferred=True
    )


def check_asked(cr):
    """Let the database look at once for the events of new requests: a table for which
    something is pending cannot be altered, as addons do that are installed."""
    cr.execute(
        "SET CONSTRAINTS customer_approval_asked IMMEDIATE;"
        " SET CONSTRAINTS customer_approval_asked DEFERRED"
    )


def _get_functions(triggers):
    """Return all functions, those that are a trigger's own included."""
    functions = dict(FUNCTIONS)
    for trigger in triggers:
        functions |= trigger.functions
    return functions


def install_functions(cr, triggers=()):
    """Create or replace the functions, without the key's.

    :param triggers: those whose own functions are made as well
    """
    # Bodies name tables that come later.
    cr.execute("SET LOCAL check_function_bodies = off")
    schema = _get_schema(cr)
    _drop_old_functions(cr)
    functions = _get_functions(triggers)
    for name, (arguments, result, language, body) in functions.items():
        cr.execute(
            SQL(
                "CREATE OR REPLACE FUNCTION %s(%s) RETURNS %s LANGUAGE %s"
                " SET search_path = pg_catalog, pg_temp SET row_security = off AS %s",
                SQL.identifier(name),
                SQL(arguments),
                SQL(result),
                SQL(language),
                body.replace("@.", schema),
            )
        )


def _drop_old_functions(cr):
    """Drop what older versions made under other names, or with other arguments."""
    cr.execute(
        """
        SELECT oid::regprocedure::text, proname,
               pg_get_function_identity_arguments(oid)
          FROM pg_proc
         WHERE proname = ANY(%s) AND pronamespace = current_schema::regnamespace
        """,
        [[*FUNCTIONS, *FORMER_FUNCTIONS]],
    )
    for signature, name, arguments in cr.fetchall():
        wanted = FUNCTIONS.get(name, ("",))[0].replace(" int", " integer")
        if name in FORMER_FUNCTIONS or arguments != wanted:
            # With the triggers that call it, which are made anew.
            cr.execute(SQL("DROP FUNCTION %s CASCADE", SQL(signature)))


def _get_schema(cr):
    """Return the schema of Odoo's tables, as a prefix. Functions name it everywhere and
    look for nothing else but PostgreSQL's own: tables, functions and operators that
    somebody puts beside ours are not found."""
    cr.execute("SELECT quote_ident(current_schema)")
    return f"{cr.fetchone()[0]}."


def read_keys(cr):
    """Return the moduli of the keys that the database takes seals of, by
    fingerprint."""
    cr.execute(
        "SELECT obj_description(oid, 'pg_proc'), prosrc FROM pg_proc"
        " WHERE proname = %s AND pronamespace = current_schema::regnamespace"
        " AND pg_get_function_identity_arguments(oid) = 'fingerprint text'",
        [KEY_FUNCTION],
    )
    keys = {}
    for _comment, source in cr.fetchall():
        for part in source.split("WHEN '")[1:]:
            fingerprint, modulus = part.split("' THEN ")
            keys[fingerprint] = modulus.split()[0]
    return keys


def _key_body(keys):
    cases = " ".join(
        f"WHEN '{fingerprint}' THEN {int(modulus)}"
        for fingerprint, modulus in sorted(keys.items())
    )
    return f"SELECT CASE fingerprint {cases} END::numeric"


def install_keys(cr, keys):
    """Let the database take seals that were made with these keys, and no others."""
    cr.execute(
        SQL(
            "CREATE OR REPLACE FUNCTION %s(fingerprint text) RETURNS numeric"
            " LANGUAGE sql IMMUTABLE AS %s",
            SQL.identifier(KEY_FUNCTION),
            _key_body(keys),
        )
    )


def find_problems(cr, triggers):
    """Return what is missing, disabled or altered, a line each, for an
    administrator."""
    cr.execute(
        """
        SELECT relname, tgname, tgenabled, tgfoid::regproc::text,
               pg_get_triggerdef(pg_trigger.oid)
          FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
         WHERE tgname LIKE 'customer\\_approval\\_%' AND NOT tgisinternal
           AND relnamespace = current_schema::regnamespace
        """
    )
    found = {(row[0], row[1]): row[2:] for row in cr.fetchall()}
    problems = []
    for trigger in triggers:
        label = f"trigger {trigger.name} of table {trigger.table}"
        enabled, function, definition = found.get(
            (trigger.table, trigger.name), ("", "", "")
        )
        if not enabled:
            problems.append(f"{label} is missing")
        elif enabled not in ("O", "A"):
            problems.append(f"{label} is disabled")
        elif function.split(".")[-1] != trigger.function or not trigger.is_as_in(
            definition.replace("''", "'")
        ):
            problems.append(f"{label} was altered")
    problems += _find_table_problems(cr, {trigger.table for trigger in triggers})
    wanted = {(trigger.table, trigger.name) for trigger in triggers}
    problems += _find_foreign_triggers(cr, wanted)
    problems += _find_shadows(cr)
    return problems + _find_function_problems(cr, _get_functions(triggers))


def _find_function_problems(cr, functions):
    """Return which functions are missing, or do something else than they did: their
    body, and how PostgreSQL calls them."""
    cr.execute(
        """
        SELECT proname, prosrc, pg_get_function_arguments(pg_proc.oid),
               pg_get_function_result(pg_proc.oid), lanname, provolatile::text,
               proisstrict OR prosecdef OR proleakproof, proconfig
          FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
         WHERE proname LIKE 'customer\\_approval\\_%'
           AND pronamespace = current_schema::regnamespace
        """
    )
    rows = cr.fetchall()
    found = {row[0]: row[1:] for row in rows}
    schema = _get_schema(cr)
    # Rows that a policy hides are an error then, and not simply missing.
    config = ["search_path=pg_catalog, pg_temp", "row_security=off"]
    wanted = {
        name: (
            body.replace("@.", schema),
            arguments.replace(" int", " integer"),
            result.replace("int", "integer"),
            language.split()[0],
            VOLATILITY[language.partition(" ")[2]],
            False,
            config,
        )
        for name, (arguments, result, language, body) in functions.items()
    }
    key_body = _key_body(read_keys(cr))
    key = (key_body, "fingerprint text", "numeric", "sql", "i", False, None)
    wanted[KEY_FUNCTION] = key
    problems = []
    if len(rows) != len(found):
        problems.append("somebody has added functions of the same names")
    for name, definition in wanted.items():
        if name not in found:
            problems.append(f"function {name} is missing")
        elif found[name] != definition:
            problems.append(f"function {name} was altered")
    return problems


VOLATILITY = {"": "v", "STABLE": "s", "IMMUTABLE": "i"}
"""What PostgreSQL calls it."""


def _find_foreign_triggers(cr, wanted):
    """Return which triggers of others there are on our own tables, or come after ours
    on those of documents: they could write into a row what ours have not judged.

    :param wanted: tables and names of ours
    """
    cr.execute(
        """
        SELECT relname, tgname
          FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
         WHERE relnamespace = current_schema::regnamespace AND NOT tgisinternal
           AND (starts_with(relname::text, 'customer_approval_')
                OR relname = ANY(%s)
                   AND (starts_with(tgname::text, 'customer_approval_')
                        OR tgname > 'customer_approval_' AND tgtype & 3 = 3))
         ORDER BY 1, 2
        """,
        [sorted({table for table, _name in wanted})],
    )
    return [
        f"trigger {name} of table {table} is none of ours, and could undo what they do"
        for table, name in cr.fetchall()
        if (table, name) not in wanted
    ]


def _find_shadows(cr):
    """Return what could answer in place of PostgreSQL itself: functions, operators and
    casts of names that it has, for other types; and settings of the database."""
    cr.execute("SELECT current_setting('search_path'), current_schemas(true)")
    path, schemas = cr.fetchone()
    # Or the question would be answered by what it asks about.
    cr.execute("SELECT set_config('search_path', 'pg_catalog', true)")
    cr.execute(
        """
        WITH own AS (
            SELECT 'pg_proc'::regclass AS class, oid, proname AS name,
                   'function' AS what, oid AS function, pronamespace AS schema
              FROM pg_proc
             WHERE proname IN (
                   SELECT proname FROM pg_proc WHERE pronamespace = 11::oid
                   )
             UNION ALL
            SELECT 'pg_operator'::regclass, oid, oprname, 'operator', oprcode::oid,
                   oprnamespace
              FROM pg_operator
             UNION ALL
            SELECT 'pg_cast'::regclass, oid, castsource::regtype::text::name, 'cast of',
                   castfunc, 11::oid
              FROM pg_cast
        )
        SELECT DISTINCT what, name FROM own
         WHERE oid >= 16384::oid  -- what was made after the database
           AND schema IN (
               SELECT oid FROM pg_namespace WHERE nspname = ANY(%s::name[])
               )
               -- What PostgreSQL or an extension brings: the latter are written in C,
               -- while anybody may declare that a function is part of one.
           AND NOT EXISTS (
               SELECT FROM pg_depend
            LEFT JOIN pg_proc ON pg_proc.oid = own.function
            LEFT JOIN pg_language ON pg_language.oid = prolang
                WHERE classid = own.class AND objid = own.oid
                  AND (deptype = 'i' OR deptype = 'e'
                       AND COALESCE(lanname, 'c') = 'c')
               )
         ORDER BY 1, 2
        """,
        [schemas],
    )
    problems = [
        f"{what} {name} was added, and could answer in place of PostgreSQL's own"
        for what, name in cr.fetchall()
    ]
    cr.execute("SELECT set_config('search_path', %s, true)", [path])
    cr.execute("SELECT current_setting('session_replication_role')")
    role = cr.fetchone()[0]
    first = [name for name in schemas if not name.startswith("pg_temp")][0]
    if first != "pg_catalog":
        problems.append(f"what is in {first} comes before what PostgreSQL itself has")
    if role != "origin":
        problems.append("triggers are switched off by session_replication_role")
    return problems


def _find_table_problems(cr, tables):
    """Return what keeps triggers from seeing rows, or lets rows be written past them:
    policies of rows, tables that inherit, rules."""
    cr.execute(
        """
        SELECT relname, relrowsecurity,
               EXISTS (SELECT FROM pg_inherits WHERE inhparent = pg_class.oid),
               EXISTS (
                   SELECT FROM pg_rewrite
                    WHERE ev_class = pg_class.oid AND rulename <> '_RETURN'
               )
          FROM pg_class
         WHERE relname = ANY(%s) AND relkind IN ('r', 'p')
           AND relnamespace = current_schema::regnamespace
         ORDER BY relname
        """,
        [sorted({*tables, *READ_TABLES})],
    )
    rows = cr.fetchall()
    problems = [
        f"table {name} is missing"
        for name in sorted({*tables, *READ_TABLES} - {row[0] for row in rows})
    ]
    for name, has_policies, has_heirs, has_rules in rows:
        if has_policies:
            problems.append(f"table {name} has row-level security")
        if has_heirs:
            problems.append(f"table {name} has tables that inherit from it")
        if has_rules:
            problems.append(f"table {name} has rules")
    return problems


def drop_all(cr):
    """Drop all triggers and functions of ours, on whatever tables they are."""
    cr.execute(
        """
        SELECT relname, tgname
          FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
         WHERE tgname LIKE 'customer\\_approval\\_%' AND NOT tgisinternal
           AND relnamespace = current_schema::regnamespace
        """
    )
    for table, trigger in cr.fetchall():
        cr.execute(
            SQL("DROP TRIGGER %s ON %s", SQL.identifier(trigger), SQL.identifier(table))
        )
    cr.execute(
        """
        SELECT oid::regprocedure::text
          FROM pg_proc
         WHERE proname LIKE 'customer\\_approval\\_%'
           AND pronamespace = current_schema::regnamespace
        """
    )
    for (signature,) in cr.fetchall():
        cr.execute(SQL("DROP FUNCTION %s", SQL(signature)))
