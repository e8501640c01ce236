# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import psycopg2
from psycopg2.errors import CheckViolation

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ...tools import triggers
from .test_database import DatabaseCase


@tagged("post_install", "-at_install")
class TestDatabaseRules(DatabaseCase):
    def test_missing_disabled_and_altered_triggers_are_told(self):
        find = self.env["customer.approval.event"]._find_database_problems
        self.env.flush_all()
        for statement, problem in (
            ("DROP TRIGGER customer_approval_gate ON sale_order", "is missing"),
            (
                "ALTER TABLE sale_order DISABLE TRIGGER customer_approval_gate",
                "is disabled",
            ),
            (
                "CREATE OR REPLACE FUNCTION customer_approval_is_approved(model text,"
                " document int) RETURNS boolean LANGUAGE plpgsql STABLE AS"
                " 'BEGIN RETURN TRUE; END'",
                "was altered",
            ),
            (
                "ALTER FUNCTION customer_approval_demand(int, int, numeric) STRICT",
                "function customer_approval_demand was altered",
            ),
            (
                "ALTER FUNCTION customer_approval_is_gated(int, int, numeric) STRICT",
                "function customer_approval_is_gated was altered",
            ),
            (
                "ALTER FUNCTION customer_approval_key(text) STRICT",
                "function customer_approval_key was altered",
            ),
            (
                "ALTER FUNCTION customer_approval_gate_sale_order() SECURITY DEFINER",
                "function customer_approval_gate_sale_order was altered",
            ),
            (
                "CREATE TRIGGER zzz BEFORE UPDATE ON sale_order FOR EACH ROW"
                " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
                "zzz of table sale_order is none of ours",
            ),
            (
                "CREATE TRIGGER customer_approval_zzz AFTER UPDATE ON sale_order"
                " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
                "customer_approval_zzz of table sale_order is none of ours",
            ),
            (
                "CREATE TRIGGER aaa BEFORE INSERT ON customer_approval_verification"
                " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
                "aaa of table customer_approval_verification is none of ours",
            ),
            (
                "CREATE FUNCTION public.to_jsonb(integer) RETURNS text LANGUAGE sql"
                " AS 'SELECT NULL::text'",
                "function to_jsonb was added",
            ),
            (
                "CREATE FUNCTION public.never(jsonb, text) RETURNS boolean LANGUAGE sql"
                " AS 'SELECT false'; CREATE OPERATOR public.<> (LEFTARG = jsonb,"
                " RIGHTARG = text, FUNCTION = public.never)",
                "operator <> was added",
            ),
            (
                "CREATE SCHEMA evil; SET LOCAL search_path = evil, pg_catalog, public",
                "what is in evil comes before",
            ),
            (
                "DROP INDEX customer_approval_delivery_event_uniq",
                "index customer_approval_delivery_event_uniq",
            ),
            (
                "DROP INDEX customer_approval_node_event_uniq;"
                " CREATE UNIQUE INDEX customer_approval_node_event_uniq"
                " ON customer_approval_node (event_id) WHERE level = 99",
                "index customer_approval_node_event_uniq",
            ),
            (
                "SET LOCAL session_replication_role = replica",
                "switched off by session_replication_role",
            ),
        ):
            with self.subTest(problem), self.cr.savepoint(flush=False) as savepoint:
                self.cr.execute(statement)
                self.assertTrue(any(problem in line for line in find()), find())
                settings = self.env["res.config.settings"].create({})
                action = settings.action_check_customer_approval_database()
                self.assertEqual(action["params"]["type"], "danger")
                savepoint.rollback()
        self.assertEqual(find(), [])

    def test_a_gate_without_a_place(self):
        """Where its sequence is 0, nothing and zero look alike."""
        self.env["customer.approval.stage"].search(
            [("document_type", "=", "sale_order")]
        ).write({"sequence": 0})
        self.production.sequence = 0
        self.env.flush_all()
        self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self.cr.execute("SET CONSTRAINTS ALL DEFERRED")
        statement = "UPDATE customer_approval_stage SET sequence = NULL WHERE id = %s"
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation),
            self.cr.savepoint(flush=False),
        ):
            self.cr.execute(statement, [self.production.id])
            self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
        # With the triggers off, the gate is there nonetheless.
        with self._without_triggers("customer_approval_stage"):
            self.cr.execute(statement, [self.production.id])
        self.cr.execute(
            "SELECT customer_approval_is_gated(%s, %s, 1)",
            [self.production.id, self.env.company.id],
        )
        self.assertTrue(self.cr.fetchone()[0])

    def test_another_server_introduces_its_key(self):
        """A database that was restored elsewhere takes the new server's seals too."""
        Event = self.env["customer.approval.event"]
        self.assertFalse(Event._introduce_key())
        self.env.flush_all()
        triggers.install_keys(self.cr, {"0" * 32: "123"})
        self.assertTrue(Event._introduce_key())
        self.assertEqual(len(triggers.read_keys(self.cr)), 2)
        self._bring_to_status(self.order, "approved")

    def test_left_behind_triggers_do_no_harm(self):
        """Whoever removes the addon by force can still work."""
        self.env.flush_all()
        self.cr.execute(
            "UPDATE ir_module_module SET state = 'uninstalled'"
            " WHERE name = 'customer_approval_gate'"
        )
        self.cr.execute(
            "ALTER TABLE customer_approval_request RENAME TO customer_approval_gone"
        )
        for state in ("sale", "draft"):
            self.cr.execute(
                "UPDATE sale_order SET state = %s WHERE id = %s RETURNING state",
                [state, self.order.id],
            )
            self.assertEqual(self.cr.fetchall(), [(state,)])
            if state == "sale":
                self.cr.execute(
                    "ALTER TABLE sale_order RENAME COLUMN stage_id TO other_id"
                )

    def test_what_triggers_read_is_not_there(self):
        """While the addon is installed nothing is let through instead."""
        self.env.flush_all()
        move = (
            "UPDATE sale_order SET state = 'sale', stage_id = %s WHERE id = %s",
            [self.production.id, self.order.id],
        )
        for statement in (
            "ALTER TABLE customer_approval_request RENAME TO elsewhere",
            "ALTER TABLE customer_approval_stage RENAME TO elsewhere",
            "ALTER TABLE customer_approval_event RENAME TO elsewhere",
            "ALTER TABLE sale_order RENAME COLUMN customer_approval_status TO other",
            "ALTER TABLE customer_approval_stage"
            " RENAME COLUMN requires_customer_approval TO other",
        ):
            with (
                self.subTest(statement),
                mute_logger("odoo.sql_db"),
                self.cr.savepoint(flush=False) as savepoint,
            ):
                # What is checked when the transaction ends keeps tables from changing.
                self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
                self.cr.execute(statement)
                with self.assertRaises(psycopg2.Error):
                    self.cr.execute(*move)
                savepoint.rollback()

    def test_columns_made_anew(self):
        """With a default that says that no stage is active: Verify names them."""
        self.env.flush_all()
        with self.cr.savepoint(flush=False) as savepoint:
            self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
            self.cr.execute(
                "ALTER TABLE customer_approval_stage RENAME COLUMN active TO other;"
                "ALTER TABLE customer_approval_stage"
                " ADD COLUMN active boolean DEFAULT FALSE"
            )
            self.env.invalidate_all()
            problems = self.env["customer.approval.stage"]._find_unlogged()
            self.assertIn(
                f"customer.approval.stage,{self.production.id}", str(problems)
            )
            savepoint.rollback()
        self.env.invalidate_all()

    def test_what_hides_rows_from_triggers(self):
        find = self.env["customer.approval.event"]._find_database_problems
        self.env.flush_all()
        for statement, problem in (
            (
                "ALTER TABLE customer_approval_stage ENABLE ROW LEVEL SECURITY",
                "has row-level security",
            ),
            (
                "ALTER TABLE customer_approval_stage"
                " ALTER COLUMN document_type TYPE text USING 'none'",
                "column document_type of table customer_approval_stage has another",
            ),
            (
                "CREATE TABLE heir () INHERITS (sale_order)",
                "has tables that inherit from it",
            ),
            (
                "CREATE RULE evil AS ON DELETE TO customer_approval_stage"
                " DO INSTEAD NOTHING",
                "has rules",
            ),
            (
                "CREATE OR REPLACE FUNCTION customer_approval_key(fingerprint text)"
                " RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 5::numeric'",
                "function customer_approval_key was altered",
            ),
            (
                "DROP TRIGGER customer_approval_gate ON sale_order;"
                "CREATE TRIGGER customer_approval_gate BEFORE DELETE ON sale_order"
                " FOR EACH ROW EXECUTE FUNCTION customer_approval_gate_sale_order("
                "'sale.order', 'sale_order', '{}', '[\"sale\"]')",
                "was altered",
            ),
        ):
            with (
                self.subTest(problem),
                self.cr.savepoint(flush=False) as savepoint,
            ):
                self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
                self.cr.execute(statement)
                self.assertTrue(any(problem in line for line in find()), find())
                savepoint.rollback()
        self.assertEqual(find(), [])

    def test_policies_of_rows(self):
        """What a policy hides from whoever owns the table is an error, and no gate that
        is open."""
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.cr.savepoint(flush=False) as savepoint,
        ):
            self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
            self.cr.execute(
                "ALTER TABLE customer_approval_stage ENABLE ROW LEVEL SECURITY;"
                "ALTER TABLE customer_approval_stage FORCE ROW LEVEL SECURITY;"
                "CREATE POLICY none ON customer_approval_stage USING (FALSE)"
            )
            with self.assertRaises(psycopg2.Error):
                self.cr.execute(
                    "UPDATE sale_order SET state = 'sale', stage_id = %s WHERE id = %s",
                    [self.production.id, self.order.id],
                )
            savepoint.rollback()

    def test_messages(self):
        """Odoo shows what the database says, in the user's words."""
        self.env.flush_all()
        with mute_logger("odoo.sql_db"), self.assertRaises(CheckViolation) as catcher:
            self.cr.execute(
                "UPDATE sale_order SET state = 'sale' WHERE id = %s", [self.order.id]
            )
        message = self.env["sale.order"]._sql_error_to_message(catcher.exception)
        self.assertEqual(
            message,
            "Cannot advance to In Production: customer approval is required. Request "
            "customer approval before changing to this status.",
        )

    def test_nobody_writes_evidence_by_odoo(self):
        request = self._bring_to_status(self.order, "approved")
        for model in ("event", "personal", "checkpoint"):
            records = self.env[f"customer.approval.{model}"]
            with self.assertRaises(UserError):
                records.create({})
            with self.assertRaises(UserError):
                records.search([], limit=1).write({})
        with self.assertRaises(UserError):
            request.event_ids.unlink()
