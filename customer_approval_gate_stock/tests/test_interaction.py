# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The guide's section "Interaction with Other Gates", sentence by sentence."""

from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.customer_approval_gate.tests.common import GATE_SENTENCE

from .test_stock import StockCommon


@tagged("post_install", "-at_install")
class TestInteraction(StockCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.production.minimum_deposit = 50
        cls.production.inventory_action = "reserve"

    def _pay(self, amount):
        self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.partner.id,
                "amount": amount,
                "deposit_order_id": self.order.id,
            }
        ).action_post()

    def _refused(self):
        with self.assertRaises(UserError) as catcher:
            self.order.stage_id = self.production
        self.order.invalidate_recordset()
        return str(catcher.exception).splitlines()

    def _deposit_sentence(self, missing):
        form = self.order.currency_id.format
        return (
            f"Cannot advance to In Production: a deposit of {form(150)} is required, "
            f"{form(missing)} is still to be collected."
        )

    def test_1_the_approval_gate_works_alongside_other_gates(self):
        """ "The customer approval gate works alongside other gates in AccuArk's status
        workflow"."""
        kinds = [
            state.kind
            for state in self.order._ask_gates(
                self.production, self.production._find_gates()
            )[self.order]
        ]
        self.assertEqual(sorted(kinds), ["approval", "deposit"])

    def test_2_some_statuses_require_a_minimum_deposit(self):
        """ "Deposit gate: Some statuses require a minimum deposit before entry."."""
        self._bring_to_status(self.order, "approved")
        self.assertEqual(self._refused(), [self._deposit_sentence(150)])
        self.order.stage_id = self.pending_stage  # others do not

    def test_3_both_conditions_must_be_met(self):
        """ "If a status requires both a deposit and customer approval, both conditions
        must be met before the transition is allowed."."""
        approval = GATE_SENTENCE % "In Production"
        self.assertEqual(self._refused(), [approval, self._deposit_sentence(150)])
        self._pay(100)
        self.assertEqual(self._refused(), [approval, self._deposit_sentence(50)])
        self._pay(50)
        self.assertEqual(self._refused(), [approval])
        self._bring_to_status(self.order, "approved")
        self.order.stage_id = self.production
        self.assertEqual(self.order.state, "sale")

    def test_4_inventory_actions_execute_after_the_transition(self):
        """ "Inventory actions: Status-driven inventory actions (such as deducting
        stock) execute after the status transition succeeds."."""
        self._bring_to_status(self.order, "approved")
        self._pay(150)
        seen = []
        order_class = self.env.registry["sale.order"]
        original = order_class._reserve_stock

        def noted(orders):
            seen.append((orders.stage_id.name, orders.state, self._on_hand()))
            return original(orders)

        self.patch(order_class, "_reserve_stock", noted)
        self.order.stage_id = self.production
        self.assertEqual([row[:2] for row in seen], [("In Production", "sale")])
        self.assertEqual(self._on_hand(), (10, 3))
        self.delivered.inventory_action = "deliver"
        self.order.stage_id = self.delivered
        self.assertEqual(self._on_hand(), (7, 0))

    def test_5_inventory_actions_will_not_execute_on_unapproved(self):
        """ "Since the approval gate prevents the transition, inventory actions will not
        execute on unapproved invoices."."""
        self._pay(150)
        self._refused()
        self.assertEqual(self._on_hand(), (10, 0))
        self.assertFalse(self.order.order_line.move_ids)

    def test_6_auto_advance_is_blocked_until_approval(self):
        """ "Auto-advance: If a status is configured with an Auto-Advance Status and the
        target status requires customer approval, the auto-advance will also be blocked
        until approval is obtained."."""
        self._pay(150)
        self.pending_stage.write(
            {"auto_advance_stage_id": self.production.id, "auto_advance_on": "entry"}
        )
        self.order.stage_id = self.pending_stage
        self.assertEqual(self.order.stage_id, self.pending_stage)
        self.assertEqual(
            self.order.advance_blocked_reason, GATE_SENTENCE % "In Production"
        )
        self.assertEqual(self._on_hand(), (10, 0))
        self._bring_to_status(self.order, "approved")
        self.assertEqual(self.order.stage_id, self.production)
        self.assertEqual(self._on_hand(), (10, 3))

    def test_7_all_gates_are_checked_before_anything_is_committed(self):
        """ "All gates are checked by AccuArk's status engine before any transition is
        committed."."""
        written = []
        order_class = self.env.registry["sale.order"]
        original = order_class._write_multi

        def noted(orders, vals_list):
            written.append(vals_list)
            return original(orders, vals_list)

        self.env.flush_all()
        self.patch(order_class, "_write_multi", noted)
        self._refused()
        self.assertFalse(written)

    def test_8_the_entire_change_is_rejected(self):
        """ "If any gate blocks the transition, the entire change is rejected and the
        invoice remains at its current status."."""
        self._bring_to_status(self.order, "approved")
        other = self._sell(self.goods, 1)
        self._bring_to_status(other, "approved")
        self._pay(150)
        with self.assertRaises(UserError) as catcher:
            (self.order | other).write(
                {"stage_id": self.production.id, "origin": "changed"}
            )
        self.assertIn(other.name, str(catcher.exception))
        self.assertNotIn(f"{self.order.name}:", str(catcher.exception))
        for order in self.order | other:
            self.assertEqual(order.stage_id, self.quote)
            self.assertEqual(order.state, "draft")
            self.assertFalse(order.origin)
        self.assertEqual(self._on_hand(), (10, 0))
