# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import freeze_time, tagged
from odoo.tools import SQL
from odoo.tools.safe_eval import safe_eval

from ...tools import capability
from ..common import ApprovalCommon
from .test_evidence import EvidenceMixin


@tagged("post_install", "-at_install")
class TestRepetitions(EvidenceMixin, ApprovalCommon):
    def test_what_this_server_has_not_counted(self):
        """Rows that somebody wrote, to have an event of another kind sealed again."""
        order = self._create_order()
        request = self._bring_to_status(order, "approved")
        self._download(request, 2)
        counted = request.event_ids.filtered(lambda e: e.kind == "downloaded").id
        repetitions = self.env["customer.approval.repetition"].sudo()
        self.cr.execute(
            "UPDATE customer_approval_repetition SET count = 500 WHERE event_id = %s",
            [counted],
        )
        for kind in ("decided", "requested"):
            event = request.event_ids.filtered(lambda event, k=kind: event.kind == k)
            self.cr.execute(
                "INSERT INTO customer_approval_repetition (event_id, count, last_on)"
                " VALUES (%s, 1, '2026-01-01')",
                [event.id],
            )
        self.env.invalidate_all()
        before = self._kinds(order)
        with freeze_time(fields.Datetime.add(fields.Datetime.now(), hours=2)):
            repetitions._cron_write_down()
        self.assertEqual(self._kinds(order), before)
        self.assertIn("has not counted it", "".join(self._verify_all()))
        with self.assertRaises(UserError):
            repetitions.create({"event_id": event.id, "count": 1})

    def test_refused_moves(self):
        order = self._create_order()
        with self.enter_registry_test_mode():
            for _number in range(5):
                with self.assertRaises(UserError), self.cr.savepoint():
                    order.stage_id = self.production
        repetitions = self.env["customer.approval.repetition"].sudo()
        events = self.env["customer.approval.event"].sudo()
        domain = [("res_model", "=", "sale.order"), ("res_id", "=", order.id)]
        domain.append(("kind", "=", "gate_refused"))
        for _number in range(5):
            capability.call(order._record_refusals, {order: ["Not approved"]})
        self.env.cr.postrollback.run()
        self.assertLessEqual(events.search_count(domain), 2)
        self.assertFalse(capability.call(repetitions._write_down))

    def _download(self, request, times):
        for _number in range(times):
            capability.call(request._record_download, "Certificate")
        self.env.flush_all()

    def test_downloads_of_one_hour(self):
        request = self._bring_to_status(self._create_order(), "approved")
        self._download(request, 40)
        events = request.event_ids.filtered(lambda event: event.kind == "downloaded")
        self.assertEqual(len(events), 1)
        self.assertIn("39 more times", events.description)
        later = fields.Datetime.add(fields.Datetime.now(), hours=2)
        with freeze_time(later):
            self._run_repetitions()
            self._download(request, 1)
        request.invalidate_recordset()
        events = request.event_ids.filtered(lambda event: event.kind == "downloaded")
        self.assertEqual(len(events), 3)
        merged = events.filtered(lambda event: event.details)
        self.assertEqual(merged.details["count"], 39)
        self.assertIn("39 more times", merged.description)
        self.assertEqual(self._verify(request._get_document()), [])

    def _run_repetitions(self):
        self.env["customer.approval.repetition"].sudo()._cron_write_down()

    def test_nobody_writes_them(self):
        repetitions = self.env["customer.approval.repetition"]
        self.assertFalse(repetitions.with_user(self.salesperson).has_access("create"))


@tagged("post_install", "-at_install")
class TestMemory(ApprovalCommon):
    def test_old_knowledge_is_not_put_back(self):
        """Code of a server action, which has the transaction's cache."""
        known = capability.memory(self.env)
        known["truth"] = "as of before"
        kept = safe_eval(
            "dict(env.cr.cache)", {"env": self.env, "dict": dict}, mode="eval"
        )
        with self.cr.savepoint() as savepoint:
            savepoint.rollback()
        safe_eval("env.cr.cache.update(kept)", {"env": self.env, "kept": kept})
        self.assertNotIn("truth", capability.memory(self.env))
        self.assertEqual(capability.memory(self.env), {})
        capability.memory(self.env)["truth"] = "as of now"
        self.assertEqual(capability.memory(self.env)["truth"], "as of now")


@tagged("post_install", "-at_install")
class TestVerifications(EvidenceMixin, ApprovalCommon):
    """How far *Verify* is, and what it found, is what it has written itself."""

    def setUp(self):
        super().setUp()
        self.runs = self.env["customer.approval.verification"].sudo()
        self.order = self._create_order()
        self._bring_to_status(self.order, "approved")
        self.env.flush_all()

    def _forge(self):
        with self._without_triggers("customer_approval_request"):
            self.cr.execute(
                "UPDATE customer_approval_request SET conditions = 'Free'"
                " WHERE id = %s",
                [self.order.customer_approval_request_id.id],
            )
        self.env.invalidate_all()

    def test_one_that_somebody_wrote(self):
        self._forge()
        self.cr.execute("DELETE FROM customer_approval_verification")
        self.cr.execute(
            "INSERT INTO customer_approval_verification (started_on, event_count,"
            " done_count, problem_count, problems, last_chain)"
            " SELECT now(), count(*), count(*), 0, '', 'zzz,0'"
            " FROM customer_approval_event"
        )
        run = self.runs._run_for_somebody()
        self.assertIn("the answer was altered", run.problems)

    def test_one_that_is_moved_on(self):
        self._forge()
        run = self.runs._start()
        self.cr.execute(
            "UPDATE customer_approval_verification SET last_chain = 'zzz,0'"
        )
        run.invalidate_recordset()
        with self._refused("changed how far"):
            run._step()
        self.assertIn("the answer was altered", self.runs._run_for_somebody().problems)

    def test_a_trigger_that_moves_it_on(self):
        self._forge()
        for when, name in (("INSERT", "aaa"), ("UPDATE", "aab")):
            self.cr.execute(
                SQL(
                    "CREATE FUNCTION %(name)s() RETURNS trigger LANGUAGE plpgsql AS"
                    " 'BEGIN NEW.last_chain := ''zzz,0''; RETURN NEW; END';"
                    "CREATE TRIGGER %(name)s BEFORE %(when)s"
                    " ON customer_approval_verification FOR EACH ROW"
                    " EXECUTE FUNCTION %(name)s()",
                    name=SQL.identifier(name),
                    when=SQL(when),
                )
            )
            if when == "INSERT":
                run = self.runs._run_for_somebody()
                self.assertIn("the answer was altered", run.problems)
                self.assertIn("aaa of table", run.problems)
            else:
                with self._refused("changed how far"):
                    self.runs._run_for_somebody()

    def test_fewer_events_than_there_were(self):
        run = self.runs._start()
        self.cr.execute(
            "UPDATE customer_approval_verification SET event_count = 9999999"
        )
        run.invalidate_recordset()
        while not run._step():
            pass
        self.assertIn("9999999 events were found", run.problems)


@tagged("post_install", "-at_install")
class TestCallbacks(EvidenceMixin, ApprovalCommon):
    """What waits for the end of a transaction can be read by the code of an action."""

    def test_nothing_is_given_away(self):
        order = self._create_order()
        callbacks = (self.cr.postcommit, self.cr.postrollback)
        before = [callback for queue in callbacks for callback in queue._funcs]
        capability.call(order._record_refusals, {order: ["Not approved"]})
        self.env["customer.approval.checkpoint"].sudo()._make()
        added = [
            callback
            for queue in callbacks
            for callback in queue._funcs
            if callback not in before
        ]
        self.assertGreaterEqual(len(added), 3)
        for callback in added:
            names = [name for name in dir(callback) if not name.startswith("__")]
            self.assertEqual(names, [], "functions, and no objects with parts")
            self.cr.postcommit._funcs.clear()
            self.cr.postrollback._funcs.clear()

    def test_gates_asked_are_kept_over_savepoints(self):
        """Odoo makes some on the way, as when an invoice is posted."""
        order = self._create_order()
        self._bring_to_status(order, "approved")
        self.assertFalse(order._gate_blockers(self.production))
        with self.cr.savepoint():
            details = order._get_move_details()[order]
        self.assertEqual(details["gate"]["gates"], self.production.ids)
        # Whoever gets what is kept cannot change what is remembered.
        details["gate"]["gates"].append(0)
        details = order._get_move_details()[order]
        self.assertEqual(details["gate"]["gates"], self.production.ids)
        self.assertFalse(hasattr(order, "_get_gate_facts"))
        order._forget_gates_asked()
        self.assertNotIn("gate", order._get_move_details().get(order, {}))

    def test_deleted_says_what_was(self):
        self.production.requires_customer_approval = False
        order = self._create_order()
        order.action_confirm()
        with self.assertRaises(UserError):
            order.unlink()
        self.assertNotIn("deleted", self._kinds(order))
