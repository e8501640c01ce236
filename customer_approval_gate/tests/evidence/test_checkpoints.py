# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import os
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from ...tools import capability, identity, ledger
from ...tools.event_data import Answer
from .test_keys import KeyCommon


@tagged("post_install", "-at_install")
class TestCheckpoints(KeyCommon):
    def test_the_last_one_is_missed(self):
        """What is newer than the others would go with it."""
        with patch.dict(os.environ, self._own_server()):
            self._make()
            self._bring_to_status(self._create_order(), "pending")
            last = self._make()
            position = last.position
            capability.call(last._keep_last)
            self.assertEqual(self._verify_all(), [])
            with self._without_triggers(
                "customer_approval_checkpoint", "customer_approval_node"
            ):
                self.cr.execute(
                    "DELETE FROM customer_approval_checkpoint WHERE id = %s", [last.id]
                )
            self.env.invalidate_all()
            missing = f"checkpoint {position} is missing"
            self.assertIn(missing, "".join(self._verify_all()))
            # Whatever the database says that it is.
            self.env["ir.config_parameter"].sudo().set_param(
                identity.PARAMETER, "other"
            )
            self.assertIn(missing, "".join(self._verify_all()))

    def _make(self):
        return self.env["customer.approval.checkpoint"].sudo()._make()

    def test_each_continues_the_one_before(self):
        checkpoints = []
        for _number in range(3):
            self._bring_to_status(self._create_order(), "pending")
            checkpoints.append(self._make())
        sizes = [checkpoint.tree_size for checkpoint in checkpoints]
        self.assertEqual(sizes, sorted(set(sizes)))
        node = self.env["customer.approval.node"].sudo()._read_node
        for old, new in zip(checkpoints, checkpoints[1:], strict=False):
            path = ledger.consistency_proof(old.tree_size, new.tree_size, node)
            self.assertTrue(
                ledger.is_consistent(
                    old.tree_size, new.tree_size, old.root, new.root, path
                )
            )
        self.assertEqual(self._verify_all(), [])

    def test_numbers_that_come_late(self):
        """A transaction that began before, and ends after, a checkpoint."""
        order = self._create_order()
        self._bring_to_status(order, "pending")
        self.env.flush_all()
        self.cr.execute("SELECT max(id) FROM customer_approval_event")
        last = self.cr.fetchone()[0]
        with self._without_triggers("customer_approval_event"):
            self.cr.execute(
                "UPDATE customer_approval_event SET id = id + 100 WHERE id = %s", [last]
            )
            self._make()
            self.cr.execute(
                "UPDATE customer_approval_event SET id = id - 100 WHERE id = %s",
                [last + 100],
            )
        leaves = self.env["customer.approval.node"].sudo()._read_leaves(0, 10**6)
        self.assertEqual(sum(leaf[2] is None for leaf in leaves), 1)

    def test_no_lock_of_the_table(self):
        with self.assertLogs("odoo.sql_db", "DEBUG") as logs:
            self._make()
        self.assertNotIn("LOCK TABLE", "".join(logs.output))

    def test_altered_nodes(self):
        for _number in range(3):
            self._bring_to_status(self._create_order(), "pending")
        self._make()
        for where in (
            "level = 0 AND number = 1",
            "level = 1 AND number = 0",
            "level > 0",
            "level > 1",
        ):
            for query in (
                "UPDATE customer_approval_node SET hash = md5(hash) || md5(hash)",
                "DELETE FROM customer_approval_node",
            ):
                with self.cr.savepoint(flush=False) as savepoint:
                    with self._without_triggers("customer_approval_node"):
                        self.cr.execute(f"{query} WHERE {where}")
                    self.env.invalidate_all()
                    self.assertTrue(self._verify_all(), query + where)
                    savepoint.rollback()
        self.assertEqual(self._verify_all(), [])


@tagged("post_install", "-at_install")
class TestVerification(KeyCommon):
    def test_it_goes_on_where_it_stopped(self):
        for _number in range(4):
            self._bring_to_status(self._create_order(), "approved")
        self.env.flush_all()
        runs = self.env["customer.approval.verification"].sudo()
        with patch(
            "odoo.addons.customer_approval_gate.models.evidence.customer_approval_verifying_mixin"
            ".EVENTS_AT_ONCE",
            5,
        ):
            run = runs._start()
            self.assertFalse(run._step())
            first = run.done_count
            self.assertIn("%", run._describe())
            self.assertEqual(runs._start(), run, "the same goes on")
            for _number in range(10_000):
                if run._step():
                    break
        self.assertGreater(run.done_count, first)
        self.assertEqual(run.done_count, run.event_count)
        self.assertEqual(run.problem_count, 0, run.problems)
        self.assertIn("fit together", run._describe())
        self.assertNotEqual(runs._start(), run)

    def test_it_says_what_it_found(self):
        order = self._create_order()
        self._bring_to_status(order, "approved")
        self.env.flush_all()
        with self._without_triggers("customer_approval_event"):
            self.cr.execute(
                "UPDATE customer_approval_event SET text = 'Other'"
                " WHERE res_model = 'sale.order' AND res_id = %s",
                [order.id],
            )
        self.env.invalidate_all()
        run = self.env["customer.approval.verification"].sudo()._run_for_somebody()
        self.assertTrue(run.problem_count)
        self.assertIn("altered", run.problems)
        self.assertIn("Problems found", run._describe())

    def test_time_that_runs_backwards(self):
        order = self._create_order()
        self._bring_to_status(order, "pending")
        early = fields.Datetime.subtract(fields.Datetime.now(), days=3)
        with patch.object(fields.Datetime, "now", lambda: early):
            order.customer_approval_request_id.sudo()._decide(
                Answer("approved", "Ada", "link")
            )
        self.assertIn("its time runs backwards", "".join(self._verify(order)))

    def test_nobody_writes_what_was_found(self):
        runs = self.env["customer.approval.verification"]
        run = runs.sudo()._start()
        for call in (
            lambda: runs.create({"started_on": fields.Datetime.now()}),
            lambda: run.write({"problem_count": 0}),
            run.unlink,
        ):
            with self.assertRaises(UserError):
                call()
