# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Two at once, on connections of their own: one wins, the other gets a clear answer."""

import threading
from contextlib import contextmanager

from psycopg2 import OperationalError

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger

from ...tools import capability
from ...tools.event_data import Answer


@tagged("post_install", "-at_install")
class TestConcurrency(TransactionCase):
    """What is written here is committed, as other connections have to see it."""

    def setUp(self):
        super().setUp()
        with self._connection() as env:
            partner = env["res.partner"].create(
                {"name": "Two at Once", "email": "two@example.com"}
            )
            product = env["product.product"].create({"name": "Table"})
            order = env["sale.order"].create(
                {
                    "partner_id": partner.id,
                    "order_line": [
                        Command.create({"product_id": product.id, "price_unit": 100})
                    ],
                }
            )
            request = order._open_customer_approval(mail=False)
            self.order_id, self.request_id = order.id, request.id

    @contextmanager
    def _connection(self):
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})

    def _order(self, env):
        return env["sale.order"].browse(self.order_id)

    def _request(self, env):
        return env["customer.approval.request"].browse(self.request_id)

    def _approve(self, env):
        self._request(env)._decide(Answer("approved", "Ada", "link"))

    def _reject(self, env):
        self._request(env)._decide(Answer("rejected", "Bob", "link", reason="No"))

    def _edit(self, env):
        self._order(env).order_line.price_unit += 1

    def _revise(self, env):
        capability.call(self._order(env)._revise_customer_approval, "Two more")

    def _while(self, first, second):
        """Let the second begin while the first is at it, and end after it; return what
        the second met: an error, or nothing."""
        met = []
        with self._connection() as one, self.registry.cursor() as cr:
            # The second has looked around before the first has done anything.
            two = api.Environment(cr, SUPERUSER_ID, {})
            self._order(two).order_line.mapped("price_unit")
            self._request(two).mapped("state")
            first(one)
            one.flush_all()
            ready = threading.Event()

            def run():
                try:
                    second(two)
                    two.flush_all()
                    cr.commit()  # pylint: disable=invalid-commit
                except (UserError, OperationalError) as error:
                    met.append(error)
                    cr.rollback()
                ready.set()

            thread = threading.Thread(target=run)
            thread.start()
            # Somebody who waits for a row waits until the first has committed.
            ready.wait(1)
            one.cr.commit()
            thread.join(30)
            self.assertFalse(thread.is_alive())
        return met[0] if met else None

    def _retry(self, function):
        """Odoo tries again what failed because of somebody else."""
        with self._connection() as env:
            function(env)

    def _check_invariants(self):
        with self._connection() as env:
            order, request = self._order(env), self._request(env)
            self.assertEqual(env["customer.approval.event"]._verify_document(order), [])
            if order.customer_approval_status == "approved":
                self.assertTrue(order._filter_customer_approved())
            decided = request.event_ids.filtered(lambda e: e.kind == "decided")
            self.assertLessEqual(len(decided), 1)
            return order.customer_approval_status, request.state

    def _assert_clear(self, error):
        """Either words, or what Odoo tries again."""
        self.assertIsNotNone(error)
        if isinstance(error, UserError):
            self.assertIn("moment", str(error))

    @mute_logger("odoo.sql_db")
    def test_line_edited_while_the_customer_approves(self):
        self._assert_clear(self._while(self._approve, self._edit))
        self.assertEqual(self._check_invariants(), ("approved", "approved"))
        with self.assertRaisesRegex(UserError, "Ada approved version 1"):
            self._retry(self._edit)

    @mute_logger("odoo.sql_db")
    def test_customer_approves_while_a_line_is_edited(self):
        self._assert_clear(self._while(self._edit, self._approve))
        self.assertEqual(self._check_invariants(), ("not_required", "withdrawn"))
        with self.assertRaisesRegex(UserError, "answered or withdrawn already"):
            self._retry(self._approve)

    @mute_logger("odoo.sql_db")
    def test_two_decide_at_once(self):
        self._assert_clear(self._while(self._approve, self._reject))
        self.assertEqual(self._check_invariants(), ("approved", "approved"))
        with self.assertRaisesRegex(UserError, "answered or withdrawn already"):
            self._retry(self._reject)

    @mute_logger("odoo.sql_db")
    def test_revised_while_the_customer_approves(self):
        error = self._while(self._approve, self._revise)
        self.assertIsNotNone(error)
        self.assertEqual(self._check_invariants(), ("approved", "approved"))
        self._retry(self._revise)
        self.assertEqual(self._check_invariants(), ("not_required", "approved"))

    @mute_logger("odoo.sql_db")
    def test_edited_while_it_is_revised(self):
        self._retry(self._approve)
        self._assert_clear(self._while(self._revise, self._edit))
        self._check_invariants()

    @mute_logger("odoo.sql_db")
    def test_two_events_at_once(self):
        """The later one waits, and is tried again: no place is taken twice."""

        def open_page(env):
            capability.call(self._request(env)._record_download, "x")

        error = self._while(open_page, open_page)
        self.assertIsInstance(error, OperationalError)
        self._retry(open_page)
        self._check_invariants()

    def test_two_documents_at_once(self):
        """Chains are the documents' own: nobody waits for another's."""
        with self._connection() as env:
            other_id = self._order(env).copy().id

        def download(env):
            capability.call(self._request(env)._record_download, "x")

        def move(env):
            stage = env.ref("customer_approval_gate.stage_order_pending_approval")
            env["sale.order"].browse(other_id).stage_id = stage

        self.assertIsNone(self._while(download, move))

    @mute_logger("odoo.sql_db")
    def test_a_gate_that_is_made_while_an_order_moves(self):
        name = "customer_approval_gate.stage_order_in_production"

        def write(is_asking):
            def change(env):
                env.ref(name).requires_customer_approval = is_asking

            return change

        def confirm(env):
            self._order(env).action_confirm()

        with self._connection() as env:
            before = env.ref(name).requires_customer_approval
            write(False)(env)
        try:
            error = self._while(write(True), confirm)
            self.assertIsInstance(error, OperationalError, "it is tried again")
            with self.assertRaises(UserError):
                self._retry(confirm)
            self._retry(write(False))
            # Whoever makes it waits for those who move: they were before.
            self.assertIsNone(self._while(confirm, write(True)))
            with self._connection() as env:
                self.assertEqual(self._order(env).state, "sale")
                stages = env["customer.approval.stage"]
                moves = stages._find_unallowed_moves("sale_order", "sale.order")
                self.assertEqual(moves, [])
        finally:
            self._retry(write(before))
