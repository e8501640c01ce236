# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from unittest.mock import patch

from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from ..tools import links
from ..tools.ledger import DECISIONS
from .common import ApprovalCommon
from .test_approvers import ApproverCommon

LOGIN = "approval_salesperson"


@tagged("post_install", "-at_install")
class TestTours(HttpCase, ApprovalCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner.name = "Tour Customer"
        cls.order = cls.sale_order
        # Nothing else is on the board.
        cls.board = "/odoo/action-customer_approval_gate.sale_order_stage_action"
        cls.salesperson.group_ids += cls.env.ref("sales_team.group_sale_manager")
        cls.env["sale.order"].search([("id", "!=", cls.order.id)]).write(
            {"user_id": False}
        )

    def _tour(self, url, name, **kwargs):
        with mute_logger("odoo.http"):  # refusals are what the tours are about
            self.start_tour(url, name, timeout=120, **kwargs)
        self.env.invalidate_all()

    def _token_url(self):
        request = self.order.customer_approval_request_id
        token = links.token_of(request.approver_ids[:1])
        return f"/my/approvals/{request.id}?access_token={token}"

    def test_drag_refused(self):
        self._tour(self.board, "customer_approval_drag_refused", login=LOGIN)
        self.assertEqual(self.order.stage_id, self.quote)

    def test_drag_accepted(self):
        self._bring_to_status(self.order, "approved")
        self._tour(self.board, "customer_approval_drag_accepted", login=LOGIN)
        self.assertEqual(self.order.stage_id, self.production)
        self.assertEqual(self.order.state, "sale")

    def test_status_bar_refused(self):
        self._tour(
            f"/odoo/sales/{self.order.id}",
            "customer_approval_statusbar_refused",
            login=LOGIN,
        )
        self.assertEqual(self.order.stage_id, self.quote)

    def test_request(self):
        self._tour(
            f"/odoo/sales/{self.order.id}", "customer_approval_request", login=LOGIN
        )
        request = self.order.customer_approval_request_id
        self.assertEqual(request.state, "pending")
        self.assertEqual(request.message, "Please have a look")

    def test_in_person(self):
        self._tour(
            f"/odoo/sales/{self.order.id}", "customer_approval_in_person", login=LOGIN
        )
        request = self.order.customer_approval_request_id
        self.assertRecordValues(
            request,
            [
                {
                    "state": "approved",
                    "decision_method": "in_person",
                    "decided_by_name": "Tour Customer",
                }
            ],
        )

    def test_approve_by_link(self):
        self.order.company_id.customer_approval_signature = True
        self._bring_to_status(self.order, "pending")
        self._tour(self._token_url(), "customer_approval_by_link")
        request = self.order.customer_approval_request_id
        self.assertEqual(request.state, "approved")
        self.assertEqual(request.decision_method, "link")
        self.assertTrue(request.signature)

    def test_approve_by_login(self):
        user = new_test_user(self.env, "approval_tour", "base.group_portal")
        user.partner_id.parent_id = self.partner
        self._bring_to_status(self.order, "pending")
        self._tour("/my", "customer_approval_by_login", login="approval_tour")
        request = self.order.customer_approval_request_id
        self.assertEqual(request.state, "approved_conditions")
        self.assertEqual(request.decision_method, "portal")
        self.assertEqual(request.decided_by_id, user.partner_id)


@tagged("post_install", "-at_install")
class TestCustomersTours(HttpCase, ApproverCommon):
    """What the customer does, on a phone and on a desk."""

    def setUp(self):
        super().setUp()
        self.order.order_line.tax_ids = False

    def _tour(self, approver, name, login=None):
        self.env.flush_all()
        path = f"/my/approvals/{approver.request_id.id}"
        if not login:
            path += f"?access_token={links.token_of(approver)}"
        with mute_logger("odoo.http"):
            self.start_tour(path, name, login=login, timeout=120)
        self.env.invalidate_all()

    def _each_size(self):
        for size, touch in (("390x844", True), ("1400x900", False)):
            self.browser_size = size
            self.touch_enabled = touch
            with self.subTest(size):
                yield self._create_order(partner_id=self.ada.id)

    def test_each_answer_by_link(self):
        for decision in DECISIONS:
            for order in self._each_size():
                request = self._ask(order, self.ada)
                self._tour(request.approver_ids, f"customer_approval_{decision}")
                self.assertEqual(request.state, decision)
                self.assertEqual(request.decision_method, "link")
        self.assertEqual(list(request.approver_ids.remarks.values()), ["Half of it"])

    def test_each_answer_by_login(self):
        new_test_user(
            self.env, "approval_ada", "base.group_portal"
        ).partner_id = self.ada
        for decision in DECISIONS:
            for order in self._each_size():
                request = self._ask(order, self.ada)
                name = f"customer_approval_{decision}"
                self._tour(request.approver_ids, name, login="approval_ada")
                self.assertEqual(request.state, decision)
                self.assertEqual(request.decision_method, "portal")

    def test_with_a_code(self):
        self.order.company_id.customer_approval_code = True
        for order in self._each_size():
            request = self._ask(order, self.ada)
            with patch("secrets.randbelow", return_value=42):
                self._tour(request.approver_ids, "customer_approval_with_code")
            self.assertEqual(request.state, "approved")
            self.assertEqual(request.decision_method, "code")

    def test_options(self):
        for _order in self._each_size():
            order = self._create_optional_order()
            order.order_line.tax_ids = False
            request = self._ask(order, self.ada)
            self._tour(request.approver_ids, "customer_approval_options")
            self.assertEqual(order.customer_approval_status, "approved")
            self.assertEqual(order.amount_total, 250)

    def test_conversation(self):
        """By link: what is asked there reaches the document, and decides nothing."""
        request = self._ask(partners=self.ada)
        self._tour(request.approver_ids, "customer_approval_conversation")
        self.assertEqual(request.state, "pending")
        message = self.order.message_ids.filtered(
            lambda message: "When do you deliver?" in message.body
        )
        self.assertEqual(message.author_id, self.ada)

    def test_passed_on(self):
        for order in self._each_size():
            request = self._ask(order, self.ada)
            self._tour(request.approver_ids, "customer_approval_pass_on")
            self.assertEqual(request.approver_ids[0].state, "passed_on")
            self._tour(request.approver_ids[1], "customer_approval_approved")
            self.assertEqual(request.state, "approved")

    def test_all_of_three(self):
        for order in self._each_size():
            request = self._ask(order, rule="all")
            for approver in request.approver_ids:
                self.assertEqual(request.state, "pending")
                self._tour(approver, "customer_approval_approved")
            self.assertEqual(request.state, "approved")

    def test_in_order(self):
        for order in self._each_size():
            request = self._ask(order, rule="order")
            for approver in request.approver_ids:
                self.assertEqual(approver.state, "asked")
                self._tour(approver, "customer_approval_approved")
            self.assertEqual(request.state, "approved")

    def test_signed_in_person(self):
        self.order.company_id.customer_approval_signature = True
        request = self._ask(partners=self.ada)
        self.env.flush_all()
        with mute_logger("odoo.http"):
            self.start_tour(
                f"/customer_approval/in_person/{request.id}",
                "customer_approval_by_link",
                login="approval_salesperson",
            )
        self.env.invalidate_all()
        self.assertTrue(request.approver_ids.signature)

    def test_each_answer_in_person(self):
        login = "approval_salesperson"
        for decision in DECISIONS:
            for order in self._each_size():
                request = self._ask(order, self.ada)
                self.env.flush_all()
                with mute_logger("odoo.http"):
                    self.start_tour(
                        f"/customer_approval/in_person/{request.id}",
                        f"customer_approval_{decision}",
                        login=login,
                        timeout=120,
                    )
                self.env.invalidate_all()
                self.assertEqual(request.state, decision)
                self.assertEqual(request.decision_method, "in_person")
