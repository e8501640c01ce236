# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What PostgreSQL itself refuses, as whoever types SQL meets it: with triggers on,
nothing gets an unapproved document past a gate, and no evidence is forged."""

import psycopg2
from psycopg2.errors import CheckViolation

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..tools import capability, ledger, seal, triggers
from ..tools.entry import Answer, Entry
from .common import ApprovalCommon
from .test_invoice import InvoiceCommon


class DatabaseMixin:
    def _refuses(self, query, params=None, message=None):
        self.env.flush_all()
        with (
            self.subTest(query),
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(CheckViolation, message or ""),
            self.cr.savepoint(flush=False),
        ):
            self.cr.execute(query, params)

    def _takes(self, query, params=None):
        self.env.flush_all()
        self.cr.execute(query, params)
        self.assertGreater(self.cr.rowcount, 0, query)
        self.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestDatabase(DatabaseMixin, ApprovalCommon):
    def setUp(self):
        super().setUp()
        self.order = self._create_order()

    # The gate

    def test_nothing_but_an_approval_opens_a_gate(self):
        for status in ("not_required", "pending", "rejected"):
            order = self._create_order()
            self._bring_to_status(order, status)
            for stage in (self.production, self.quality, self.ready):
                self._refuses(
                    "UPDATE sale_order SET stage_id = %s WHERE id = %s",
                    [stage.id, order.id],
                    "customer approval is required",
                )
            self._refuses(
                "UPDATE sale_order SET state = 'sale' WHERE id = %s",
                [order.id],
                "Cannot advance to In Production",
            )
            self._refuses(
                "UPDATE sale_order SET customer_approval_status = 'approved',"
                " stage_id = %s WHERE id = %s",
                [self.production.id, order.id],
                "follows from",
            )
        self._bring_to_status(self.order, "approved")
        self._takes(
            "UPDATE sale_order SET stage_id = %s, state = 'sale' WHERE id = %s",
            [self.ready.id, self.order.id],
        )

    def test_no_new_rows_past_the_gate(self):
        self._bring_to_status(self.order, "approved")
        self.env.flush_all()
        columns = (
            "company_id, partner_id, partner_invoice_id, partner_shipping_id, name,"
            " date_order, currency_id"
        )
        for values in (
            f"{self.production.id}, 'draft', 'not_required'",
            "NULL, 'sale', 'not_required'",
            "NULL, 'draft', 'approved'",
        ):
            self._refuses(
                f"INSERT INTO sale_order (stage_id, state, customer_approval_status,"
                f" {columns}) SELECT {values}, {columns} FROM sale_order WHERE id = %s",
                [self.order.id],
            )
        # Nor by taking the number of one that is approved.
        other = self._create_order()
        self.order.stage_id = self.production
        self._refuses(
            "UPDATE sale_order SET id = %s WHERE id = %s",
            [10 * other.id + 7, self.order.id],
        )

    def test_without_a_gate_nothing_is_refused(self):
        self.production.requires_customer_approval = False
        self._takes(
            "UPDATE sale_order SET stage_id = %s, state = 'sale' WHERE id = %s",
            [self.ready.id, self.order.id],
        )

    def test_who_was_there_before_stays(self):
        self.production.requires_customer_approval = False
        self.order.action_confirm()
        self.production.requires_customer_approval = True
        self._takes(
            "UPDATE sale_order SET client_order_ref = 'x' WHERE id = %s",
            [self.order.id],
        )
        self._refuses(
            "UPDATE sale_order SET stage_id = %s WHERE id = %s",
            [self.ready.id, self.order.id],
        )

    def test_conditions(self):
        request = self._bring_to_status(self.order, "pending")
        request._decide(Answer("approved_conditions", "Ada", "link", conditions="Blue"))
        move = "UPDATE sale_order SET stage_id = %s WHERE id = %s"
        self._refuses(move, [self.production.id, self.order.id])
        self._refuses(
            "UPDATE customer_approval_request SET conditions_accepted_on = now()"
            " WHERE id = %s",
            [request.id],
        )
        request.action_accept_conditions()
        self._takes(move, [self.production.id, self.order.id])

    def test_revised_counts_no_more(self):
        self._bring_to_status(self.order, "approved")
        capability.call(self.order._revise_customer_approval, "Two more")
        self._refuses(
            "UPDATE sale_order SET stage_id = %s WHERE id = %s",
            [self.production.id, self.order.id],
        )

    def test_flags_are_logged(self):
        """The trigger waits for the end of the transaction: whatever the order."""
        query = "UPDATE customer_approval_stage SET {} WHERE id = %s"
        for change in (
            "sequence = 9999",
            "active = FALSE",
            "document_state = NULL",
            "reachable_anytime = TRUE",
        ):
            with self.subTest(change):
                self._stage_refuses(query.format(change), [self.production.id])
        self._stage_refuses(
            query.format("requires_customer_approval = TRUE"), [self.quality.id]
        )
        self._stage_refuses(
            "INSERT INTO customer_approval_stage (name, document_type, document_state,"
            " sequence, active) VALUES ('{\"en_US\": \"Quick\"}', 'sale_order', 'sale',"
            " 1, TRUE)"
        )
        unused = self.quality.copy()
        self._stage_refuses(
            "DELETE FROM customer_approval_stage WHERE id = %s", [unused.id]
        )
        self._takes(query.format("color = 3"), [self.production.id])
        self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self.cr.execute("SET CONSTRAINTS ALL DEFERRED")
        self.production.requires_customer_approval = False
        self.quality.copy()
        unused.unlink()
        self.env.flush_all()
        self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def _stage_refuses(self, query, params=None):
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(CheckViolation, "where it is logged"),
            self.cr.savepoint(flush=False),
        ):
            self.cr.execute(query, params)
            self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")

    # Requests

    def test_no_decision_by_hand(self):
        request = self._bring_to_status(self.order, "pending")
        for change in (
            "state = 'approved'",
            "state = 'approved', decided_on = now(), decided_by_name = 'Ada'",
            "state = 'rejected', reason = 'No'",
            "decided_by_name = 'Ada'",
            "conditions_accepted_on = now()",
            "scope_digest = '1:0'",
            "content = '{}'",
            "content_html = ''",
            "amount_total = 1",
            "version = 7",
            "res_id = res_id + 1",
            "partner_id = 1",
            "deadline = '2099-01-01'",
        ):
            self._refuses(
                f"UPDATE customer_approval_request SET {change} WHERE id = %s",
                [request.id],
                "evidence",
            )
        for change in ("access_token = 'x'", "write_date = now()"):
            self._takes(
                f"UPDATE customer_approval_request SET {change} WHERE id = %s",
                [request.id],
            )

    def test_no_forged_request(self):
        request = self._bring_to_status(self.order, "approved")
        other = self._create_order()
        self.env.flush_all()
        columns = (
            "name, res_model, document_name, partner_id, company_id, currency_id,"
            " version, round, scope_digest, digest, content"
        )
        for values in ("'approved', now()", "'pending', now()", "'approved', NULL"):
            self._refuses(
                f"INSERT INTO customer_approval_request (res_id, state, decided_on,"
                f" {columns}) SELECT %s, {values}, {columns}"
                f" FROM customer_approval_request WHERE id = %s",
                [other.id, request.id],
            )

    def test_answers_stay(self):
        request = self._bring_to_status(self.order, "approved")
        for change in (
            "state = 'rejected'",
            "state = 'pending'",
            "decided_by_name = 'Bob'",
            "decided_by_name = NULL",
            "decided_on = now() - interval '1 year'",
            "decision_ip = '192.0.2.1'",
            "signature = 'x'",
            "consent = 'All'",
            "reason = 'x'",
        ):
            self._refuses(
                f"UPDATE customer_approval_request SET {change} WHERE id = %s",
                [request.id],
                "evidence",
            )
        capability.call(self.order._revise_customer_approval, "Two more")
        self._refuses(
            "UPDATE customer_approval_request SET lapsed_on = NULL WHERE id = %s",
            [request.id],
        )
        self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")  # the set-up's own changes
        for table in (
            "customer_approval_request",
            "customer_approval_event",
            "customer_approval_personal",
            "customer_approval_checkpoint",
        ):
            self._refuses(f"TRUNCATE {table} CASCADE", message="neither changed nor")
        self._refuses(
            "DELETE FROM customer_approval_request WHERE id = %s", [request.id]
        )
        self._refuses("DELETE FROM sale_order WHERE id = %s", [self.order.id])

    def test_who_was_asked_and_files_stay(self):
        file = self.env["ir.attachment"].create({"name": "plan.txt", "raw": b"Plan"})
        request = self.order._open_customer_approval(attachments=file, mail=False)
        for name in ("partner_ids", "attachment_ids"):
            field = request._fields[name]
            self._refuses(
                f"DELETE FROM {field.relation} WHERE {field.column1} = %s", [request.id]
            )
            self._refuses(
                f"UPDATE {field.relation} SET {field.column2} = 1"
                f" WHERE {field.column1} = %s",
                [request.id],
            )

    # Events

    def test_events_stay(self):
        self._bring_to_status(self.order, "approved")
        self.env["customer.approval.checkpoint"]._make()
        for table, change in (
            ("customer_approval_event", "text = 'x'"),
            ("customer_approval_event", "hash = 'x'"),
            ("customer_approval_personal", "value = '{}'"),
            ("customer_approval_personal", "value = NULL, salt = NULL"),
            ("customer_approval_checkpoint", "root = 'x'"),
        ):
            self._refuses(f"UPDATE {table} SET {change}", message="neither changed nor")
            self._refuses(f"DELETE FROM {table}", message="neither changed nor")

    def _forge(self, kind="decided", **values):
        """An event as somebody would write it who knows all but the key."""
        row = self.env["customer.approval.event"]._prepare_row(
            Entry(self.order, "opened", self.order.customer_approval_request_id)
        )
        row |= {"kind": kind, **values}
        row["personal_digest"] = None
        row["entry_digest"] = ledger.entry_digest(row)
        del row["personal"]
        return row

    def _insert(self, row):
        names = ", ".join(row)
        places = ", ".join(["%s"] * len(row))
        query = f"INSERT INTO customer_approval_event ({names}) VALUES ({places})"
        return query, list(row.values())

    def test_no_decision_without_the_key(self):
        request = self._bring_to_status(self.order, "pending")
        genuine = self._bring_to_status(self._create_order(), "approved")
        event = genuine.event_ids.filtered(lambda e: e.kind == "decided")
        message = "seal of the Odoo server"
        for kind in (
            "decided",
            "conditions_accepted",
            "tolerated",
            "covered",
            "erased",
        ):
            for sealed in (
                {},
                {"seal": event.seal, "key_id": event.key_id},
                {"seal": "1", "key_id": event.key_id},
                {"seal": "0", "key_id": event.key_id},
                {"seal": event.seal, "key_id": "other"},
            ):
                row = self._forge(kind, decision="approved", **sealed)
                self._refuses(*self._insert(row), message=message)
        # The same event once more is no other decision.
        row = self._forge(decision="approved")
        row |= {"seal": event.seal, "entry_digest": event.entry_digest}
        row["key_id"] = event.key_id
        self._refuses(*self._insert(row), message=message)
        self.assertEqual(request.state, "pending")

    def test_seal_of_python_and_of_the_database(self):
        fingerprint, modulus = seal.get_public_key()
        for text in ("", "decided|approved|sale.order|7|3||ab", "ünï" * 50):
            value, key_id = seal.make_seal(text)
            self.assertEqual(key_id, fingerprint)
            self.assertTrue(ledger.is_seal_of(value, text, modulus))
            self.assertFalse(ledger.is_seal_of(value, text + "x", modulus))
            query = "SELECT customer_approval_is_sealed(%s, %s, %s)"
            for other, expected in ((text, True), (text + "x", False)):
                self.cr.execute(query, [int(value), other, int(modulus)])
                self.assertEqual(self.cr.fetchone()[0], expected)
            self.cr.execute(query, [int(value) + 1, text, int(modulus)])
            self.assertFalse(self.cr.fetchone()[0])

    def test_an_event_that_opens_nothing_is_what_it_says(self):
        """Whoever types an event by hand only lengthens the chain, for all to see."""
        self._bring_to_status(self.order, "pending")
        self._takes(*self._insert(self._forge("opened", position=77, hash="x")))
        event = self.env["customer.approval.event"].search([], limit=1)
        self.assertNotEqual(event.position, 77)
        verify = self.env["customer.approval.event"]._verify_document
        self.assertEqual(verify(self.order), [], "with a mark of the server")
        row = self._forge("opened", seal="x")
        self._takes(*self._insert(row))
        self.assertIn("no Odoo server has written it", verify(self.order)[0])
        row = self._forge("opened")
        self._takes(*self._insert({**row, "text": "other than digested"}))
        self.assertTrue(verify(self.order))

    # Installed, told, harmless

    def test_all_triggers_are_there(self):
        Event = self.env["customer.approval.event"]
        self.assertEqual(Event._find_database_problems(), [])
        tables = {trigger.table for trigger in Event._get_all_triggers()}
        self.assertLessEqual({"sale_order", "account_move"}, tables)

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
        self.cr.execute(
            "UPDATE sale_order SET state = 'sale' WHERE id = %s", [self.order.id]
        )
        self.cr.execute("ALTER TABLE sale_order RENAME COLUMN stage_id TO other_id")
        self.cr.execute(
            "UPDATE sale_order SET state = 'draft' WHERE id = %s", [self.order.id]
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


@tagged("post_install", "-at_install")
class TestInvoiceDatabase(DatabaseMixin, InvoiceCommon):
    def test_invoices(self):
        for change in ("state = 'posted'", f"stage_id = {self.invoice_posted.id}"):
            self._refuses(
                f"UPDATE account_move SET {change} WHERE id = %s",
                [self.invoice.id],
                "Cannot advance to Posted",
            )
        refund = self._create_draft("out_refund")
        refund.action_post()
        self._refuses(
            "UPDATE account_move SET move_type = 'out_invoice' WHERE id = %s",
            [refund.id],
            "Cannot advance to Posted",
        )
        self._bring_to_status(self.invoice, "approved")
        self.invoice.action_post()
