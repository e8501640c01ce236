# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What happened is shown, and what is to be done ends when it is done."""

from lxml import etree

from odoo.tests import tagged

from ...tools import capability
from .test_approvers import ApproverCommon


@tagged("post_install", "-at_install")
class TestWhatHappened(ApproverCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.category = cls.env.ref("customer_approval_gate.category_price")

    def _get_topics(self):
        self.env.flush_all()
        return sorted(
            filter(None, self.order.activity_ids.mapped("customer_approval_topic"))
        )

    def _assert_substate(self, status, substate):
        self.env.flush_all()
        self.assertEqual(self.order.customer_approval_status, status)
        self.assertEqual(self.order.customer_approval_substate, substate)
        found = self.env["sale.order"].search(
            [("customer_approval_substate", "=", substate)]
        )
        self.assertIn(self.order, found)

    def test_what_lies_behind_the_status(self):
        request = self._ask(partners=self.ada)
        self._assert_substate("pending", False)
        self._answer(request, self.ada, "approved_conditions")
        self._assert_substate("pending", "conditions")
        request.with_user(self.salesperson).action_accept_conditions()
        self._assert_substate("approved", False)
        capability.call(self.order._revise_customer_approval, "Another wish")
        self._assert_substate("not_required", "preparing")
        request = self._ask(partners=self.ada)
        self._answer(request, self.ada, "changes_requested")
        self._assert_substate("rejected", "changes_requested")
        self._answer(self._ask(partners=self.ada), self.ada, "rejected")
        self._assert_substate("rejected", False)
        capability.call(self._ask(partners=self.ada)._expire)
        self._assert_substate("not_required", "expired")
        capability.call(self._ask(partners=self.ada)._withdraw, "A mistake")
        self._assert_substate("not_required", "withdrawn")

    def test_groups_and_views_know_it(self):
        groups = self.env["sale.order"]._read_group(
            [], ["customer_approval_substate"], ["__count"]
        )
        self.assertTrue(groups)
        for xmlid in (
            "sale_order_view_list_stage",
            "sale_order_view_kanban_stage",
            "account_move_view_list_stage",
            "account_move_view_kanban_stage",
        ):
            arch = self.env.ref(f"customer_approval_gate.{xmlid}").arch
            self.assertIn("customer_approval_substate", arch, xmlid)

    def test_remarks_stand_beside_their_lines(self):
        request = self._ask(
            partners=self.ada | self.bob, rule="any", rejection_ends=False
        )
        line = self.order.order_line[0]
        self._answer(
            request,
            self.ada,
            "rejected",
            reason="Too dear",
            category=self.category,
            remarks={str(line.id): "Half of it"},
        )
        self._answer(
            request,
            self.bob,
            "rejected",
            reason="Too dear",
            category=self.category,
            remarks={str(line.id): "<b>None</b>"},
        )
        self.env.invalidate_all()
        order = self.order.with_user(self.salesperson)
        self.assertIn("Half of it", order.order_line[0].customer_approval_remark)
        self.assertFalse(order.order_line[1:2].customer_approval_remark)
        self.assertTrue(order.customer_approval_has_line_remarks)
        self.assertIn(f"{self.category.name}: ", order.customer_approval_remark)
        activity = self.order.activity_ids.filtered(
            lambda a: a.customer_approval_topic == "answer"
        )
        chatter = self.order.message_ids.filtered(
            lambda message: "Half of it" in message.body
        )
        for text in (activity.note, chatter[:1].body):
            self.assertIn("Half of it", text)
            self.assertIn(self.category.name, text)
            self.assertIn("Too dear", text)
            self.assertNotIn("<b>None", text)

    def test_lines_with_remarks_are_in_the_form(self):
        arch = (
            self.env["sale.order"]
            .with_user(self.salesperson)
            .get_view(self.env.ref("sale.view_order_form").id, "form")["arch"]
        )
        tree = etree.fromstring(arch)
        self.assertTrue(
            tree.xpath(
                "//field[@name='order_line']//field[@name='customer_approval_remark']"
            )
        )

    # Things to do end

    def test_the_answer_to_a_rejection_is_to_ask_again(self):
        request = self._ask(partners=self.ada)
        self._answer(request, self.ada, "rejected")
        self.assertEqual(self._get_topics(), ["answer"])
        self.order.order_line[0].price_unit -= 1
        self._ask(partners=self.ada)
        self.assertEqual(self._get_topics(), [])

    def test_conditions_that_are_accepted(self):
        request = self._ask(partners=self.ada)
        self._answer(request, self.ada, "approved_conditions")
        self.assertEqual(self._get_topics(), ["answer"])
        request.with_user(self.salesperson).action_accept_conditions()
        self.assertEqual(self._get_topics(), [])

    def test_expiry_is_something_to_do(self):
        request = self._ask(partners=self.ada)
        capability.call(request._expire)
        self.assertEqual(self._get_topics(), ["expired"])
        self.assertEqual(self.order.activity_ids.user_id, self.salesperson)
        self._ask(partners=self.ada)
        self.assertEqual(self._get_topics(), [])

    def test_a_colleague_who_was_proposed(self):
        for number, decide in enumerate(
            (
                lambda own: own.action_confirm_pass_on(),
                lambda own: capability.call(own._refuse_proposal, "No"),
            )
        ):
            request = self._ask(partners=self.ada)
            approver = self._approver(request, self.ada)
            capability.call(
                approver._delegate, "Somebody", f"no-{number}@elsewhere.example"
            )
            self.assertEqual(self._get_topics(), ["proposal"])
            decide(approver.with_user(self.salesperson))
            self.assertEqual(self._get_topics(), [])

    def test_what_was_blocked_and_goes_on(self):
        self.order._schedule_blocked_activity("A payment arrived")
        self.assertEqual(self._get_topics(), ["blocked"])
        self._answer(self._ask(partners=self.ada), self.ada)
        self.order.action_confirm()
        self.assertEqual(self._get_topics(), [])

    def test_staff_are_people_of_ours(self):
        order = self.order
        order.user_id = False
        self.assertTrue(order._get_staff())
        public = self.env.ref("base.public_user")
        order.with_user(public).sudo()._schedule_blocked_activity("It waits")
        activity = order.activity_ids[:1]
        self.assertTrue(activity.user_id._is_internal())
        self.assertNotEqual(activity.user_id, self.env.ref("base.user_root"))
        message = self.env["mail.message"].search(
            [("partner_ids", "in", activity.user_id.partner_id.ids)], limit=1
        )
        self.assertTrue(message.email_from)

    # Gates that change

    def test_which_stage_asks(self):
        with self._refused(r"required\. Request .* status\.$"):
            self.order.stage_id = self.production
        with self._refused(r"Quality Check: .*\(asked for by In Production\)$"):
            self.order.stage_id = self.quality

    def test_a_change_of_gates_is_told_as_text(self):
        self._reset_bus()
        self.quality.requires_customer_approval = True
        self.env.cr.precommit.run()
        message = self.env["bus.bus"].search([], order="id desc", limit=1).message
        self.assertIn("now requires customer approval (gate: In Production", message)
        self.assertNotIn("<b>", message)

    def _reset_bus(self):
        self.env.cr.precommit.run()
        self.env["bus.bus"].sudo().search([]).unlink()

    def test_stages_are_looked_up_in_their_own_list(self):
        result = self.env["sale.order"].load(
            ["partner_id/.id", "stage_id"], [[self.ada.id, "Cancelled"]]
        )
        self.assertFalse(result["messages"])
        order = self.env["sale.order"].browse(result["ids"])
        self.assertEqual(order.stage_id, self.cancelled)
