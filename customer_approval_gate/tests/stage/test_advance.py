# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What follows a move: entry actions, and going on by itself."""

from psycopg2.errors import SerializationFailure

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ...tools.event_data import Answer
from ..common import ApprovalCommon

LOGGER = "customer_approval_gate.models.stage.customer_approval_failure"


class AdvanceCommon(ApprovalCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.production.requires_customer_approval = False
        cls.order = cls.sale_order

    def _act(self, stage, **values):
        return self.env["customer.approval.stage.action"].create(
            {"stage_id": stage.id, **values}
        )

    def _code(self, stage, code, **values):
        action = self.env["ir.actions.server"].create(
            {
                "name": "Do it",
                "model_id": self.env.ref("sale.model_sale_order").id,
                "state": "code",
                "code": code,
            }
        )
        return self._act(stage, kind="server", server_action_id=action.id, **values)

    def _lead(self, stage, target, cause="entry"):
        stage.write({"auto_advance_stage_id": target.id, "auto_advance_on": cause})

    def _events(self, kind, record=None):
        record = record or self.order
        return (
            self.env["customer.approval.event"]
            .search(
                [("res_model", "=", record._name), ("res_id", "=", record.id)],
                order="position",
            )
            .filtered(lambda event: event.kind == kind)
        )


@tagged("post_install", "-at_install")
class TestEntryActions(AdvanceCommon):
    def test_in_order_after_the_move_for_the_whole_batch(self):
        self._code(
            self.quality,
            "for record in records: "
            "record.write({'client_order_ref': record.client_order_ref + 'b'})",
            sequence=2,
        )
        self._code(
            self.quality,
            "for record in records: record.write({'client_order_ref': "
            "record.stage_id.name + record.state + str(len(records))})",
            sequence=1,
        )
        orders = self.order | self._create_order()
        orders.write({"stage_id": self.quality.id})
        self.assertEqual(orders.mapped("client_order_ref"), ["Quality Checksale2b"] * 2)

    def test_confirmation_is_done_before(self):
        """Not in the middle of Odoo's own method."""
        calls = []
        order_class = self.env.registry["sale.order"]
        original = order_class._action_confirm

        def noted(orders):
            calls.append("odoo")
            return original(orders)

        self.patch(order_class, "_action_confirm", noted)
        action_class = self.env.registry["customer.approval.stage.action"]
        run = action_class._run

        def noted_run(action, documents):
            calls.append("action")
            return run(action, documents)

        self.patch(action_class, "_run", noted_run)
        self._act(self.production, kind="activity", activity_summary="Begin")
        self.order.action_confirm()
        self.assertEqual(calls, ["odoo", "action"])
        calls.clear()
        other = self._create_order()
        other.stage_id = self.production
        self.assertEqual(calls, ["odoo", "action"])

    def test_every_way_into_the_stage_runs_them_once(self):
        self._code(
            self.production,
            "for record in records: record.write({'client_order_ref': "
            "(record.client_order_ref or '') + 'x'})",
        )
        for way in (
            lambda order: order.action_confirm(),
            lambda order: order.write({"state": "sale"}),
            lambda order: order.write({"stage_id": self.production.id}),
            lambda order: order._validate_order(),
        ):
            order = self._create_order(client_order_ref="")
            way(order)
            self.assertEqual(order.client_order_ref, "x")
        order = self._create_order(client_order_ref="", state="sale")
        self.assertEqual(order.client_order_ref, "x")
        order = self._create_order(client_order_ref="", stage_id=self.production.id)
        self.assertEqual(order.client_order_ref, "x")

    def test_failing_one_refuses_the_whole_move(self):
        self._code(
            self.quality, "records.write({'client_order_ref': 'changed'})", sequence=1
        )
        self._code(self.quality, "raise UserError('No paint left.')", sequence=2)
        orders = self.order | self._create_order()
        with self.assertRaises(UserError) as catcher:
            orders.write({"stage_id": self.quality.id})
        self.assertEqual(str(catcher.exception), "No paint left.")
        orders.invalidate_recordset()
        self.assertEqual(orders.stage_id, self.quote)
        self.assertEqual(set(orders.mapped("state")), {"draft"})
        self.assertFalse(self.order.client_order_ref)
        self.assertFalse(self._events("stage_changed"))

    def test_mistake_in_the_code_is_told(self):
        self._code(self.quality, "records.no_such_thing()")
        with self.assertRaises(UserError) as catcher:
            self.order.stage_id = self.quality
        self.assertIn(
            "“Do it” of the stage Quality Check failed", str(catcher.exception)
        )

    def test_not_again_unless_it_says_so(self):
        self._code(
            self.quality,
            "records.write({'client_order_ref': 'once'})",
        )
        self._code(
            self.quality,
            "records.write({'client_order_ref': records.client_order_ref + ' again'})",
            run_again=True,
            sequence=20,
        )
        self.order.stage_id = self.quality
        self.order.stage_id = self.production
        self.order.stage_id = self.quality
        self.assertEqual(self.order.client_order_ref, "once again again")
        self.assertEqual(len(self._events("entry_action")), 3)

    def test_mail(self):
        template = self.env["mail.template"].create(
            {
                "name": "On its way",
                "model_id": self.env.ref("sale.model_sale_order").id,
                "subject": "{{ object.name }} is on its way",
                "email_to": "{{ object.partner_id.email }}",
                "auto_delete": False,
            }
        )
        self._act(self.ready, kind="mail", mail_template_id=template.id)
        self.order.with_user(self.salesperson).stage_id = self.ready
        mail = self.env["mail.mail"].search(
            [("subject", "=", f"{self.order.name} is on its way")]
        )
        self.assertIn(
            "ada@example.com", mail.email_to or mail.recipient_ids.mapped("email")
        )

    def test_invoice(self):
        self._act(
            self.production,
            kind="invoice",
            invoice_method="percentage",
            invoice_percent=40,
            invoice_post=True,
        )
        self._act(self.delivered, kind="invoice", invoice_method="delivered")
        self.order.order_line.product_id.invoice_policy = "order"
        salesperson = self.order.with_user(self.salesperson)
        salesperson.stage_id = self.production
        down = self.order.invoice_ids
        self.assertEqual(down.state, "posted")
        self.assertAlmostEqual(down.amount_total, self.order.amount_total * 0.4, 2)
        salesperson.stage_id = self.delivered
        final = self.order.invoice_ids - down
        self.assertEqual(final.state, "draft")
        self.assertAlmostEqual(
            final.amount_total + down.amount_total, self.order.amount_total, 2
        )

    def test_nothing_to_invoice_for_one_refuses_all(self):
        self.order.order_line.product_id.invoice_policy = "order"
        empty = self._create_order()
        empty.order_line.product_uom_qty = 0
        self._act(self.delivered, kind="invoice")
        with self._refused("invoice"):
            (self.order | empty).write({"stage_id": self.delivered.id})
        self.assertFalse(self.order.invoice_ids)

    def test_nothing_to_invoice_refuses(self):
        self.order.order_line.product_uom_qty = 0
        self._act(self.delivered, kind="invoice")
        with self._refused("invoice"):
            self.order.stage_id = self.delivered

    def test_activity(self):
        leader = self._create_salesperson("approval_leader")
        admin = self.env.ref("base.user_admin")
        self.order.team_id = self.env["crm.team"].create(
            {"name": "Team", "user_id": leader.id}
        )
        self._act(self.production, kind="activity", activity_summary="Order wood")
        self._act(
            self.production,
            kind="activity",
            activity_summary="Plan the crew",
            activity_role="leader",
        )
        self._act(
            self.production,
            kind="activity",
            activity_summary="Look at it",
            activity_role="user",
            activity_user_id=admin.id,
            activity_days=3,
        )
        self.order.stage_id = self.production
        self.assertEqual(
            {(a.summary, a.user_id) for a in self.order.activity_ids},
            {
                ("Order wood", self.salesperson),
                ("Plan the crew", leader),
                ("Look at it", admin),
            },
        )

    def test_circle_of_actions(self):
        self._code(
            self.quality,
            f"records.write({{'stage_id': {self.ready.id}}})",
            run_again=True,
        )
        self._code(
            self.ready,
            f"records.write({{'stage_id': {self.quality.id}}})",
            run_again=True,
        )
        with self._refused("moved in a circle"):
            self.order.stage_id = self.quality

    def test_history_after_an_action_that_moves(self):
        self._code(self.quality, f"records.write({{'stage_id': {self.ready.id}}})")
        self.order.stage_id = self.quality
        self.assertEqual(self.order.stage_id, self.ready)
        names = [event.details["to"] for event in self._events("stage_changed")]
        self.assertEqual(names, ["Quality Check", "Ready for Delivery"])
        self.assertFalse(
            self.env["customer.approval.event"]._verify_document(self.order)
        )

    def test_who_may_say_what_is_done(self):
        manager = self._create_salesperson("approval_manager")
        manager.group_ids += self.env.ref("sales_team.group_sale_manager")
        Action = self.env["customer.approval.stage.action"].with_user(manager)
        own = Action.create({"stage_id": self.quality.id, "kind": "activity"})
        server = self._code(self.ready, "pass").server_action_id
        with self._refused("Only administrators", AccessError):
            own.write({"kind": "server", "server_action_id": server.id})
        with self._refused("Only administrators", AccessError):
            own.search([("server_action_id", "=", server.id)]).run_again = True
        with self._refused("Only administrators", AccessError):
            Action.create(
                {
                    "stage_id": self.quality.id,
                    "kind": "server",
                    "server_action_id": server.id,
                }
            )
        with self.assertRaises(AccessError):
            Action.with_user(self.salesperson).create(
                {"stage_id": self.quality.id, "kind": "activity"}
            )
        with self.assertRaises(AccessError):
            Action.create({"stage_id": self.invoice_posted.id, "kind": "activity"})

    def test_incomplete_ones_are_refused(self):
        for values in (
            {"kind": "mail"},
            {"kind": "server"},
            {"kind": "activity", "activity_role": "user"},
        ):
            with self._refused("not complete", ValidationError):
                self._act(self.quality, **values)
        with self._refused("no stage of orders", ValidationError):
            self._act(self.invoice_posted, kind="invoice")
        template = self.env["mail.template"].create(
            {"name": "x", "model_id": self.env.ref("base.model_res_partner").id}
        )
        with self._refused("other documents", ValidationError):
            self._act(self.quality, kind="mail", mail_template_id=template.id)


@tagged("post_install", "-at_install")
class TestAdvance(AdvanceCommon):
    def test_at_once_and_in_chains(self):
        self._lead(self.production, self.quality)
        self._lead(self.quality, self.ready)
        self.order.action_confirm()
        self.assertEqual(self.order.stage_id, self.ready)
        names = [event.details["to"] for event in self._events("stage_changed")]
        self.assertEqual(
            names, ["In Production", "Quality Check", "Ready for Delivery"]
        )
        self.assertIn("At once", self._events("stage_changed")[-1].text)

    def test_whole_batch(self):
        self._lead(self.production, self.quality)
        orders = self.order | self._create_order()
        orders.action_confirm()
        self.assertEqual(orders.stage_id, self.quality)

    def test_blocked_by_the_gate_it_stays_and_goes_on_later(self):
        """Guide: "if the target status requires customer approval, the auto-advance
        will also be blocked until approval is obtained"."""
        self.quality.requires_customer_approval = True
        self._lead(self.production, self.quality)
        self.order.action_confirm()
        self.assertEqual(self.order.stage_id, self.production)
        self.assertEqual(self.order.advance_stage_id, self.quality)
        self.assertIn(
            "customer approval is required", self.order.advance_blocked_reason
        )
        self.assertEqual(len(self._events("advance_blocked")), 1)
        self.assertShows(
            "did not go on to Quality Check", self.order.message_ids[0].body
        )
        self._bring_to_status(self.order, "approved")
        self.assertEqual(self.order.stage_id, self.quality)
        self.assertFalse(self.order.advance_stage_id)

    def test_failing_action_keeps_what_caused_it(self):
        self._lead(self.production, self.quality)
        self._code(self.quality, "raise UserError('No paint left.')")
        self.order.action_confirm()
        self.assertEqual(self.order.state, "sale")
        self.assertEqual(self.order.stage_id, self.production)
        self.assertEqual(self.order.advance_blocked_reason, "No paint left.")
        self.quality.entry_action_ids.unlink()
        with self.enter_registry_test_mode():
            self.env.ref("customer_approval_gate.cron_go_on").method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(self.order.stage_id, self.quality)

    def test_unticking_the_flag_lets_it_go_on(self):
        self.quality.requires_customer_approval = True
        self._lead(self.production, self.quality)
        self.order.action_confirm()
        self.quality.requires_customer_approval = False
        self.assertEqual(self.order.stage_id, self.quality)

    def test_moved_elsewhere_it_advances_nowhere(self):
        self.quality.requires_customer_approval = True
        self._lead(self.production, self.quality)
        self.order.action_confirm()
        self.order.action_cancel()
        self.assertFalse(self.order.advance_stage_id)
        self._bring_to_status(self._create_order(), "approved")
        with self.enter_registry_test_mode():
            self.env.ref("customer_approval_gate.cron_go_on").method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(self.order.stage_id, self.cancelled)

    def test_stage_that_no_longer_leads_there(self):
        self.quality.requires_customer_approval = True
        self._lead(self.production, self.quality)
        self.order.action_confirm()
        self.assertEqual(self.order.advance_stage_id, self.quality)
        self.production.write(
            {"auto_advance_stage_id": False, "auto_advance_on": False}
        )
        self.assertFalse(self.order.advance_stage_id)
        self._bring_to_status(self.order, "approved")
        self.assertEqual(self.order.stage_id, self.production)

    def test_job_goes_on_where_it_stopped(self):
        self.quality.requires_customer_approval = True
        self._lead(self.production, self.quality)
        orders = self.env["sale.order"]
        for _number in range(3):
            orders |= self._create_order()
        orders.action_confirm()
        cron_class = self.env.registry["ir.cron"]
        self.patch(cron_class, "_commit_progress", lambda *args, **kwargs: 0)
        seen = []

        def domain_of(model):
            is_order = model._name == "sale.order"
            return [("id", "in", orders.ids if is_order else [])]

        order_class = self.env.registry["sale.order"]
        self.patch(order_class, "_advance_by_job", lambda batch: seen.extend(batch.ids))
        for _run in range(4):
            with self.enter_registry_test_mode(), self.env.registry.cursor() as cr:
                stages = self.env(cr=cr)["customer.approval.stage"]
                stages._iter_in_batches("test", domain_of, 1, "_advance_by_job")
        self.assertEqual(seen, orders.ids)

    def _run_twice(self, job):
        """Do what a job does, in transactions of its own, with what fails."""
        logger = (
            "odoo.addons.customer_approval_gate.models.stage.customer_approval_failure"
        )
        for _run in range(2):
            with (
                self.enter_registry_test_mode(),
                self.env.registry.cursor() as cr,
                mute_logger(logger),
            ):
                job(self.env(cr=cr))
        self.env.invalidate_all()

    def test_a_document_that_fails_stops_no_other(self):
        orders = self._create_order() | self._create_order() | self._create_order()
        seen = []

        def domain_of(model):
            is_order = model._name == "sale.order"
            return [("id", "in", orders.ids if is_order else [])]

        def advance(batch):
            if orders[1] in batch:
                raise ValueError("broken")
            seen.extend(batch.ids)

        self.patch(self.env.registry["sale.order"], "_advance_by_job", advance)
        self._run_twice(
            lambda env: env["customer.approval.stage"]._iter_in_batches(
                "test", domain_of, 10, "_advance_by_job"
            )
        )
        self.assertEqual(seen, [orders[0].id, orders[2].id] * 2)
        notes = orders[1].activity_ids.mapped("note")
        self.assertEqual(len(notes), 1, "it is told once")
        self.assertIn("broken", notes[0])

    def test_a_failure_that_cannot_be_told_is_kept(self):
        order = self._create_order()
        calls = []

        def fail(own, *_reason):
            calls.append(own.id)
            raise ValueError("broken")

        self._run_twice(
            lambda env: env["customer.approval.failure"]._run(
                "test", env["sale.order"].browse(order.id), fail, fail
            )
        )
        failure = self.env["customer.approval.failure"].search([("job", "=", "test")])
        self.assertEqual(failure.count, 1, "it waits")
        self.assertFalse(failure.is_told)
        self.assertEqual(calls, [order.id] * 2, "once tried, once told")

    def test_loops_are_refused(self):
        self._lead(self.production, self.quality)
        self._lead(self.quality, self.ready, "delivery_confirmed")
        with self._refused(
            "Ready for Delivery → In Production → Quality Check", ValidationError
        ):
            self._lead(self.ready, self.production, "deposit_complete")
        with self._refused("in a circle", ValidationError):
            self._lead(self.ready, self.ready)
        self._lead(self.quote, self.pending_stage)
        with self._refused("in a circle", ValidationError):
            self.pending_stage.rejected_stage_id = self.quote
        self.pending_stage.approved_stage_id = self.production

    def test_rework_is_no_loop(self):
        self.quote.approved_stage_id = self.production
        self.production.rejected_stage_id = self.quote
        self.assertEqual(self.production.rejected_stage_id, self.quote)
        with self._refused("in a circle", ValidationError):
            self._lead(self.production, self.quote)
            self._lead(self.quote, self.production)

    def test_half_said_or_elsewhere_is_refused(self):
        with self._refused("Say both", ValidationError):
            self.quote.auto_advance_stage_id = self.ready
        with self._refused("stage of other documents", ValidationError):
            self.quote.approved_stage_id = self.invoice_posted

    # The customer's answer

    def _answer(self, decision, **values):
        request = self.order._open_customer_approval(mail=False)
        request._decide(Answer(decision, "Ada Approver", "link", **values))
        return request

    def test_answers_move_the_document(self):
        self.production.requires_customer_approval = True
        self.pending_stage.write(
            {
                "approved_stage_id": self.production.id,
                "rejected_stage_id": self.quote.id,
            }
        )
        self.order.stage_id = self.pending_stage
        self._answer("rejected", reason="Too dear")
        self.assertEqual(self.order.stage_id, self.quote)
        self.order.stage_id = self.pending_stage
        self._answer("changes_requested", reason="Walnut")
        self.assertEqual(self.order.stage_id, self.quote)
        self.order.stage_id = self.pending_stage
        request = self._answer("approved_conditions", conditions="By June")
        self.assertEqual(self.order.stage_id, self.pending_stage)
        request.action_accept_conditions()
        self.assertEqual(self.order.stage_id, self.production)
        self.assertEqual(self.order.state, "sale")

    def test_answer_stays_where_its_move_fails(self):
        self.production.requires_customer_approval = True
        self.quote.approved_stage_id = self.production
        self._code(self.production, "raise UserError('No paint left.')")
        self._answer("approved")
        self.assertEqual(self.order.customer_approval_status, "approved")
        self.assertEqual(self.order.stage_id, self.quote)
        self.assertEqual(self.order.advance_blocked_reason, "No paint left.")

    def test_answer_stays_whatever_goes_wrong(self):
        """Also where it is no refusal, but a mistake."""
        self.production.requires_customer_approval = True
        self.quote.approved_stage_id = self.production
        self._act(self.production, kind="activity")
        action_class = self.env.registry["customer.approval.stage.action"]

        def broken(action, documents):
            raise KeyError("template")

        self.patch(action_class, "_run", broken)
        module = "odoo.addons.customer_approval_gate.models"
        with mute_logger(f"{module}.stage.customer_approval_advance_mixin"):
            self._answer("approved")
        self.assertEqual(self.order.customer_approval_status, "approved")
        self.assertEqual(self.order.stage_id, self.quote)
        self.assertIn("An action failed", self.order.advance_blocked_reason)
        with self.assertRaises(KeyError):
            self.order.stage_id = self.production

    def test_signing_on_the_orders_page_confirms_once(self):
        self.production.requires_customer_approval = True
        self.quote.approved_stage_id = self.production
        self._lead(self.production, self.quality)
        self._answer("approved")
        self.assertEqual(self.order.stage_id, self.quality)
        self.order._validate_order()
        self.assertEqual(self.order.stage_id, self.quality)

    def test_glossary_second_example(self):
        """Glossary: "Phase one kickoff configuration gets approved in the portal, which
        auto-releases the phase two invoice and unlocks the next sprint"."""
        sprint = self.quality
        sprint.requires_customer_approval = True
        self.order.order_line.product_id.invoice_policy = "order"
        self.order.action_confirm()
        self.production.approved_stage_id = sprint
        self._act(
            sprint, kind="invoice", invoice_method="percentage", invoice_percent=50
        )
        with self._refused("customer approval is required"):
            self.order.stage_id = sprint
        self._answer("approved")
        self.assertEqual(self.order.stage_id, sprint)
        self.assertEqual(len(self.order.invoice_ids), 1)
        self.order.stage_id = self.ready  # unlocked

    def test_what_fails_leaves_nothing_behind(self):
        """What a job had written before it was refused is undone, whether or not it is
        tried again."""
        failures = self.env["customer.approval.failure"]._name
        for error, tries in ((SerializationFailure, 2), (ValueError, 1)):
            calls = []

            def function(record, error=error, calls=calls):
                calls.append(record.client_order_ref)
                if len(calls) == 1:
                    record.client_order_ref = "Half"
                    record.flush_recordset()
                    raise error("Too late")

            with (
                self.subTest(error.__name__),
                self.enter_registry_test_mode(),
                self.registry.cursor() as cr,
                mute_logger(f"odoo.addons.{LOGGER}"),
            ):
                env = self.env(cr=cr)
                order = env["sale.order"].browse(self.order.id)
                problem = env[failures]._try(order, function)
                order.invalidate_recordset()
                self.assertEqual(calls, [False] * tries)
                self.assertEqual(bool(problem), tries == 1)
                self.assertFalse(order.client_order_ref)
