# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo.tests import tagged

from ..common import SIGNATURE, BrowserCase
from .test_deposit import DepositCommon


@tagged("post_install", "-at_install")
class TestDepositTours(BrowserCase, DepositCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner.name = "Tour Customer"
        cls.env["sale.order"].search([("id", "!=", cls.order.id)]).write(
            {"user_id": False}
        )
        cls.order.stage_id = cls.pending_stage
        cls.pending_stage.write(
            {
                "auto_advance_stage_id": cls.production.id,
                "auto_advance_on": "deposit_complete",
            }
        )
        # The real provider for demonstrations, not the tests' own.
        cls.demo = cls.env.ref("payment.payment_provider_demo").sudo()
        journal = cls.company_data["default_journal_bank"]
        cls.demo.write(
            {
                "company_id": cls.env.company.id,
                "state": "test",
                "is_published": True,
                "journal_id": journal.id,
            }
        )
        cls.demo.payment_method_ids.active = True
        cls.env["payment.provider"].search(
            [("id", "!=", cls.demo.id)]
        ).state = "disabled"

    def _pay_link(self):
        action = self.order.action_request_deposit_online()
        wizard = (
            self.env[action["res_model"]].with_context(**action["context"]).create({})
        )
        return wizard.link[wizard.link.index("/my") :]

    def test_refused_asked_for_and_paid(self):
        board = "/odoo/action-customer_approval_gate.sale_order_stage_action"
        self.salesperson.group_ids += self.env.ref("sales_team.group_sale_manager")
        login = self.salesperson.login
        self._tour(board, "customer_approval_deposit_refused", login=login)
        self._tour(
            f"/odoo/sales/{self.order.id}",
            "customer_approval_deposit_request",
            login=login,
        )
        self.assertEqual(self.order.stage_id, self.pending_stage)
        self._tour(self._pay_link(), "customer_approval_deposit_pay")
        tx = self.order.transaction_ids
        self.assertEqual(tx.provider_id, self.demo)
        self.assertEqual(tx.state, "done")
        self.assertEqual(self.order.deposit_collected, 300)
        self.assertEqual(self.order.stage_id, self.production)
        self.assertEqual(self.order.state, "sale")

    def test_signature_stays_where_the_deposit_is_missing(self):
        self.pending_stage.write(
            {"auto_advance_stage_id": False, "auto_advance_on": False}
        )
        self.order.write({"require_signature": True, "require_payment": False})
        token = self.order._portal_ensure_token()
        self.env.flush_all()
        self.make_jsonrpc_request(
            f"/my/orders/{self.order.id}/accept",
            {"access_token": token, "name": "Ada Approver", "signature": SIGNATURE},
        )
        self.env.invalidate_all()
        self.assertEqual(self.order.signed_by, "Ada Approver")
        self.assertEqual(self.order.state, "sent")
        self.assertEqual(self.order.advance_stage_id, self.production)
        self._pay_on_account(300)
        self.assertEqual(self.order.state, "sale")
