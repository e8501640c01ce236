# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from ...tools.gates import GateState
from ..common import ASKED_FOR, GATE_SENTENCE, ApprovalCommon


@tagged("post_install", "-at_install")
class TestEngine(ApprovalCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.production.requires_customer_approval = False

    def _state(self, order):
        return (order.stage_id, order.state)

    # The stage follows the state

    def test_new_order_starts_in_the_first_stage(self):
        self.assertEqual(self._state(self._create_order()), (self.quote, "draft"))

    def test_stage_follows_odoos_own_methods(self):
        order = self.sale_order
        order.action_quotation_sent()
        self.assertEqual(self._state(order), (self.pending_stage, "sent"))
        order.action_confirm()
        self.assertEqual(self._state(order), (self.production, "sale"))
        order.action_cancel()
        self.assertEqual(self._state(order), (self.cancelled, "cancel"))
        order.action_draft()
        self.assertEqual(self._state(order), (self.quote, "draft"))

    def test_stage_stays_where_it_stands_for_the_state(self):
        order = self.sale_order
        order.stage_id = self.quality
        self.assertEqual(self._state(order), (self.quality, "sale"))
        order.write({"state": "sale"})
        self.assertEqual(order.stage_id, self.quality)

    def test_marking_as_sent_by_a_message(self):
        self.sale_order.with_context(mark_so_as_sent=True).message_post(body="Here")
        self.assertEqual(self.sale_order.stage_id, self.pending_stage)

    # The state follows the stage

    def test_moving_runs_odoos_own_methods(self):
        order = self.sale_order
        order.stage_id = self.pending_stage
        self.assertEqual(order.state, "sent")
        order.stage_id = self.quote
        self.assertEqual(order.state, "draft")
        order.date_order = "2020-01-01"
        order.stage_id = self.delivered
        self.assertEqual(order.state, "sale")
        self.assertGreater(order.date_order.year, 2020, "action_confirm() sets it")

    def test_cancelling_and_coming_back_by_stages(self):
        order = self.sale_order
        order.stage_id = self.cancelled
        self.assertEqual(order.state, "cancel")
        order.stage_id = self.production
        self.assertEqual(order.state, "sale")

    def test_stage_without_a_state_leaves_the_state_alone(self):
        hold = self.quality.copy(
            {"name": "On Hold", "document_state": False, "reachable_anytime": True}
        )
        self.sale_order.stage_id = hold
        self.assertEqual(self._state(self.sale_order), (hold, "draft"))
        self.sale_order.action_confirm()
        self.assertEqual(self.sale_order.stage_id, self.production)
        self.sale_order.stage_id = hold
        self.assertEqual(self.sale_order.state, "sale")

    def test_no_drag_back_from_a_confirmed_state(self):
        self.sale_order.action_confirm()
        for stage in (self.quote, self.pending_stage):
            with self.assertRaisesRegex(UserError, "“Cancel”, then “Set to Quotation”"):
                self.sale_order.stage_id = stage
        with self.assertRaisesRegex(UserError, "“Cancel”"):
            self.sale_order.stage_id = self.cancelled
        self.assertEqual(self._state(self.sale_order), (self.production, "sale"))

    def test_back_and_forth_among_stages_of_one_state(self):
        self.sale_order.stage_id = self.ready
        self.sale_order.stage_id = self.production
        self.assertEqual(self._state(self.sale_order), (self.production, "sale"))

    def test_batch(self):
        orders = self.sale_order | self._create_order() | self._create_order()
        orders[1].action_quotation_sent()
        orders[2].action_cancel()
        orders.write({"stage_id": self.quality.id})
        self.assertEqual(set(orders.mapped("state")), {"sale"})
        self.assertEqual(orders.stage_id, self.quality)

    def test_other_values_are_written_with_the_stage(self):
        self.sale_order.write(
            {"client_order_ref": "PO7", "stage_id": self.production.id}
        )
        self.assertEqual(self.sale_order.client_order_ref, "PO7")
        self.assertEqual(self.sale_order.state, "sale")
        self.sale_order.write(
            {"client_order_ref": "PO8", "stage_id": self.production.id}
        )
        self.assertEqual(self.sale_order.client_order_ref, "PO8")

    def test_state_and_stage_that_contradict_are_refused(self):
        with self.assertRaisesRegex(UserError, "Change only one of the two"):
            self.sale_order.write({"state": "sale", "stage_id": self.quote.id})

    # Which stages are possible

    def test_document_is_always_in_a_stage(self):
        with self.assertRaisesRegex(UserError, "always in a stage"):
            self.sale_order.stage_id = False
        with self.assertRaisesRegex(UserError, "no stage of these documents"):
            self.sale_order.stage_id = self.invoice_draft

    def test_stage_of_another_company(self):
        company = self.env["res.company"].create({"name": "Other"})
        stage = self.quality.copy({"company_id": company.id})
        with self.assertRaisesRegex(UserError, "belongs to Other"):
            self.sale_order.stage_id = stage

    def test_first_stage_of_the_orders_company(self):
        company = self.env["res.company"].create({"name": "Other"})
        first = self.quote.copy({"company_id": company.id, "sequence": 1})
        order = self.env["sale.order"].create(
            {"partner_id": self.partner.id, "company_id": company.id}
        )
        self.assertEqual(order.stage_id, first)
        self.assertEqual(self._create_order().stage_id, self.quote)

    def test_foreign_default_stage_is_no_stage_of_ours(self):
        """Kanban views of other apps put default_stage_id into the context."""
        order = (
            self.env["sale.order"]
            .with_context(default_stage_id=self.invoice_draft.id)
            .create({"partner_id": self.partner.id})
        )
        self.assertEqual(order.stage_id, self.quote)

    def test_created_in_a_stage(self):
        order = self._create_order(stage_id=self.quality.id)
        self.assertEqual(self._state(order), (self.quality, "sale"))
        order = self._create_order(state="sale")
        self.assertEqual(self._state(order), (self.production, "sale"))
        order = self._create_order(state="cancel", stage_id=self.quote.id)
        self.assertEqual(self._state(order), (self.cancelled, "cancel"))

    def test_confirmed_in_a_company_without_the_gate(self):
        other = self.env["res.company"].create({"name": "Other"})
        gate = self.production.copy(
            {
                "sequence": 25,
                "company_id": self.env.company.id,
                "document_state": False,
                "requires_customer_approval": True,
            }
        )
        order = self.env["sale.order"].create(
            {"partner_id": self.partner.id, "company_id": other.id}
        )
        order.pricelist_id.company_id = False
        order.action_confirm()
        self.assertEqual(self._state(order), (self.production, "sale"))
        self.assertIn(gate, self.production.gate_stage_ids)
        values = {"company_id": self.env.company.id}
        if "warehouse_id" in order._fields:  # where Inventory is there
            values["warehouse_id"] = (
                self.env["stock.warehouse"]
                .search([("company_id", "=", self.env.company.id)], limit=1)
                .id
            )
        with self.assertRaisesRegex(UserError, "customer approval is required"):
            order.write(values)

    def test_copy_starts_anew(self):
        self.sale_order.stage_id = self.delivered
        self.assertEqual(self._state(self.sale_order.copy()), (self.quote, "draft"))

    def test_form(self):
        with Form(self.env["sale.order"]) as form:
            form.partner_id = self.partner
            with form.order_line.new() as line:
                line.product_id = self.product
        order = form.save()
        self.assertEqual(order.stage_id, self.quote)

    # Time in stage, kanban columns, next stage

    def test_time_in_stage(self):
        self.assertTrue(self.sale_order.stage_entered_on)
        self.sale_order.stage_entered_on = "2020-01-01"
        self.sale_order.stage_id = self.pending_stage
        self.assertGreater(self.sale_order.stage_entered_on.year, 2020)
        self.assertIn(str(self.pending_stage.id), self.sale_order.duration_tracking)

    def test_all_stages_are_columns(self):
        groups = (
            self.env["sale.order"]
            .with_context(read_group_expand=True)
            .web_read_group([("id", "=", self.sale_order.id)], ["stage_id"])["groups"]
        )
        columns = [group["stage_id"][0] for group in groups]
        expected = self._order_stages().ids
        self.assertEqual([id_ for id_ in columns if id_ in expected], expected)

    def _order_stages(self):
        return (
            self.quote
            | self.pending_stage
            | self.production
            | self.quality
            | self.ready
            | self.delivered
            | self.cancelled
        )

    def test_next_stage(self):
        self.assertEqual(self.sale_order.next_stage_id, self.pending_stage)
        self.sale_order.stage_id = self.delivered
        self.assertFalse(self.sale_order.next_stage_id)

    # Gates

    def test_one_answer_all_reasons(self):
        self.production.requires_customer_approval = True
        orders = self.sale_order | self._create_order()
        with self.assertRaises(UserError) as catcher:
            orders.write({"stage_id": self.ready.id})
        sentence = f"{GATE_SENTENCE % 'Ready for Delivery'} {ASKED_FOR}"
        self.assertEqual(
            str(catcher.exception),
            "\n".join(f"{order.name}: {sentence}" for order in orders),
        )

    def test_one_document_gets_the_guides_sentence(self):
        self.production.requires_customer_approval = True
        with self.assertRaises(UserError) as catcher:
            self.sale_order.stage_id = self.production
        self.assertEqual(str(catcher.exception), GATE_SENTENCE % "In Production")

    def test_batch_is_all_or_nothing(self):
        self.production.requires_customer_approval = True
        approved = self._create_order()
        self._bring_to_status(approved, "approved")
        with self.assertRaises(UserError):
            (approved | self.sale_order).write({"stage_id": self.production.id})
        self.assertEqual(self._state(approved), (self.quote, "draft"))

    def test_nothing_is_written_before_the_gates_are_asked(self):
        """Even where a caller swallows the error and goes on."""
        self.production.requires_customer_approval = True
        try:
            self.sale_order.write(
                {"client_order_ref": "sneaked in", "stage_id": self.production.id}
            )
        except UserError:
            refused = True
        self.assertTrue(refused)
        self.assertFalse(self.sale_order.client_order_ref)
        self.assertEqual(self._state(self.sale_order), (self.quote, "draft"))

    def test_cancelling_is_never_gated(self):
        self.production.requires_customer_approval = True
        self.sale_order.action_cancel()
        self.assertEqual(self.sale_order.stage_id, self.cancelled)

    def test_side_stage_opens_nothing(self):
        self.production.requires_customer_approval = True
        hold = self.quote.copy(
            {
                "name": "On Hold",
                "document_state": False,
                "reachable_anytime": True,
                "sequence": 35,
            }
        )
        self.sale_order.stage_id = hold
        with self.assertRaisesRegex(UserError, "Cannot advance to Quality Check"):
            self.sale_order.stage_id = self.quality
        with self.assertRaisesRegex(UserError, "Cannot advance to In Production"):
            self.sale_order.action_confirm()
        with self.assertRaisesRegex(UserError, "Cannot advance to In Production"):
            self.sale_order.write({"state": "sale", "stage_id": hold.id})

    def test_created_in_a_side_stage_but_confirmed(self):
        self.production.requires_customer_approval = True
        hold = self.quote.copy({"document_state": False, "reachable_anytime": True})
        with self.assertRaisesRegex(UserError, "customer approval is required"):
            self._create_order(state="sale", stage_id=hold.id)

    def test_another_gate_joins(self):
        """_ask_gates() is what other addons override."""
        self.production.requires_customer_approval = True
        order_class = self.env.registry["sale.order"]
        original = order_class._ask_gates

        def with_weekday(orders, stage, gates, shown=False):
            states = original(orders, stage, gates, shown)
            for order in orders:
                states[order].append(GateState("weekday", "It is Sunday."))
            return states

        self.patch(order_class, "_ask_gates", with_weekday)
        with self.assertRaises(UserError) as catcher:
            self.sale_order.stage_id = self.production
        self.assertEqual(
            str(catcher.exception).splitlines(),
            [GATE_SENTENCE % "In Production", "It is Sunday."],
        )

    # Locked stages

    def test_edit_lock(self):
        self.pending_stage.edit_lock = True
        order = self.sale_order
        order.action_quotation_sent()
        with self.assertRaisesRegex(UserError, "cannot be edited while it is in"):
            order.order_line[0].price_unit = 1
        with self.assertRaisesRegex(UserError, "cannot be edited while it is in"):
            order.order_line[0].unlink()
        with self.assertRaisesRegex(UserError, "cannot be edited while it is in"):
            order.order_line = [Command.create({"product_id": self.product.id})]
        with self.assertRaisesRegex(UserError, "cannot be edited while it is in"):
            order.note = "Other terms"
        order.user_id = self.env.user
        order.stage_id = self.quote
        order.order_line[0].price_unit = 1
        self.assertEqual(order.order_line[0].price_unit, 1)

    def test_created_in_a_locked_stage(self):
        self.pending_stage.edit_lock = True
        order = self._create_order(stage_id=self.pending_stage.id)
        self.assertEqual(len(order.order_line), 1)
