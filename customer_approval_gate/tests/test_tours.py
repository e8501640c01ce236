# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from .common import ApprovalCommon

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
        token = request.approver_ids[:1]._get_token()
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

    def test_approve_by_link_on_a_phone(self):
        self.browser_size = "375x667"
        self.touch_enabled = True
        self._bring_to_status(self.order, "pending")
        self._tour(self._token_url(), "customer_approval_reject_by_link")
        request = self.order.customer_approval_request_id
        self.assertEqual(request.state, "rejected")
        self.assertEqual(request.reason, "Too dear")

    def test_approve_by_login(self):
        user = new_test_user(self.env, "approval_tour", "base.group_portal")
        user.partner_id.parent_id = self.partner
        self._bring_to_status(self.order, "pending")
        self._tour("/my", "customer_approval_by_login", login="approval_tour")
        request = self.order.customer_approval_request_id
        self.assertEqual(request.state, "approved_conditions")
        self.assertEqual(request.decision_method, "portal")
        self.assertEqual(request.decided_by_id, user.partner_id)
