# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What PostgreSQL itself refuses, as whoever types SQL meets it: with triggers on,
nothing gets an unapproved document past a gate, and no evidence is forged."""

from psycopg2.errors import CheckViolation

from odoo.tests import tagged
from odoo.tools import mute_logger

from ...tools import capability, ledger, seal
from ...tools.event_data import Answer, EventData
from ..account.test_invoice import InvoiceCommon
from ..common import ApprovalCommon


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


class DatabaseCase(DatabaseMixin, ApprovalCommon):
    def setUp(self):
        super().setUp()
        self.order = self._create_order()

    def _stage_refuses(self, query, params=None):
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(CheckViolation, "where it is logged"),
            self.cr.savepoint(flush=False),
        ):
            self.cr.execute(query, params)
            self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def _forge(self, kind="decided", **values):
        """An event as somebody would write it who knows all but the key."""
        row = self.env["customer.approval.event"]._prepare_row(
            EventData(self.order, "opened", self.order.customer_approval_request_id)
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


@tagged("post_install", "-at_install")
class TestDatabase(DatabaseCase):
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

    def test_all_triggers_are_there(self):
        Event = self.env["customer.approval.event"]
        self.assertEqual(Event._find_database_problems(), [])
        tables = {trigger.table for trigger in Event._get_all_triggers()}
        self.assertLessEqual({"sale_order", "account_move"}, tables)


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
