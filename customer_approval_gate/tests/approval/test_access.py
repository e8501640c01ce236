# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ...tools import capability
from ..common import ApprovalCommon


@tagged("post_install", "-at_install")
class TestAccess(ApprovalCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own_only = new_test_user(
            cls.env, "approval_own_only", "sales_team.group_sale_salesman"
        )
        cls.outsider = new_test_user(cls.env, "approval_outsider", "base.group_user")
        cls.customer = new_test_user(cls.env, "approval_portal", "base.group_portal")
        cls.customer.partner_id.parent_id = cls.partner
        cls.stranger = new_test_user(cls.env, "approval_other", "base.group_portal")
        cls.public = cls.env.ref("base.public_user")

    def setUp(self):
        super().setUp()
        self.request = self._bring_to_status(self.sale_order, "pending")

    def _sees(self, user):
        requests = self.env["customer.approval.request"].with_user(user)
        found = requests.search([("id", "=", self.request.id)])
        self.assertEqual(
            bool(found), requests.browse(self.request.id).has_access("read")
        )
        return bool(found)

    def test_who_sees_a_request(self):
        self.assertTrue(self._sees(self.salesperson))
        self.assertTrue(self._sees(self.customer))
        self.assertFalse(self._sees(self.own_only))
        self.assertFalse(self._sees(self.outsider))
        self.assertFalse(self._sees(self.stranger))
        with self.assertRaises(AccessError):
            self._sees(self.public)

    def test_nobody_sees_the_token(self):
        approver = self.request.approver_ids
        for user in (self.salesperson, self.customer, self.env.ref("base.user_admin")):
            with self.assertRaises(AccessError):
                self.request.with_user(user).read(["access_token"])
            for name in ("token_number", "code_digest"):
                with self.assertRaises(AccessError):
                    approver.with_user(user).read([name])

    def test_whoever_sees_the_order_sees_its_status(self):
        """… but not the requests."""
        self.outsider.group_ids += self.env.ref("sales_team.group_sale_salesman")
        order = self._create_order(user_id=False)
        request = self._bring_to_status(order, "pending")
        request_as_user = request.with_user(self.outsider)
        self.assertTrue(request_as_user.has_access("read"), "nobody's order")
        order_as_user = order.with_user(self.outsider)
        self.assertEqual(order_as_user.customer_approval_status, "pending")
        self.assertTrue(order_as_user.customer_approval_request_ids)

    def test_dialogs_do_not_show_what_the_user_may_not_see(self):
        self.own_only.group_ids += self.env.ref(
            "customer_approval_gate.group_request_approval"
        )
        dialog = self.env["customer.approval.send"].with_user(self.own_only)
        with self.assertRaises(AccessError):
            dialog.create({"res_model": "sale.order", "res_ids": self.sale_order.ids})
        with self.assertRaisesRegex(UserError, "cannot approve such records"):
            dialog.create({"res_model": "res.users", "res_ids": [1]})

    def test_dialogs_take_the_right_to_ask(self):
        for model in (
            "customer.approval.change",
            "customer.approval.record",
            "customer.approval.send",
            "customer.approval.withdraw",
        ):
            with self.assertRaises(AccessError):
                self.env[model].with_user(self.outsider).create({})

    def test_others_cannot_answer_or_withdraw(self):
        for user in (self.own_only, self.outsider):
            request = self.request.with_user(user)
            with self.assertRaises(AccessError):
                request.action_accept_conditions()
            with self.assertRaises(AccessError):
                capability.call(request._withdraw_by_staff, "Because")

    def test_stages(self):
        stage = self.quality
        for user in (self.salesperson, self.outsider):
            stage.with_user(user).read(["name"])
            with self.assertRaises(AccessError):
                stage.with_user(user).write({"requires_customer_approval": True})
        manager = new_test_user(
            self.env, "approval_manager", "sales_team.group_sale_manager"
        )
        stage.with_user(manager).write({"requires_customer_approval": True})
        with self.assertRaises(AccessError):
            self.invoice_waiting.with_user(manager).write({"name": "Mine"})
