# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.account_payment.tests.common import AccountPaymentCommon

from ..common import ApprovalCommon


@tagged("post_install", "-at_install")
class TestPayment(ApprovalCommon, AccountPaymentCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls.sale_order
        cls.order.write({"require_payment": True, "prepayment_percent": 1.0})

    def _pay(self, order=None, state="done", **values):
        order = order or self.order
        tx = self._create_transaction(
            flow="redirect",
            sale_order_ids=[order.id],
            partner_id=order.partner_id.id,
            amount=order.amount_total,
            currency_id=order.currency_id.id,
            state=state,
            reference=f"Pay {order.name} {state}",
            **values,
        )
        with mute_logger("odoo.addons.sale.models.payment_transaction"):
            tx._post_process()
        return tx

    def test_payment_the_order_asks_for_is_the_customers_yes(self):
        self._pay()
        self.assertEqual(self.order.state, "sale")
        self.assertEqual(self.order.stage_id, self.production)
        request = self.order.customer_approval_request_id
        self.assertEqual(request.decision_method, "online_payment")
        self.assertEqual(request.decided_by_name, "Ada Approver")

    def test_authorized_payment_is_a_yes_too(self):
        self.provider.support_manual_capture = "full_only"
        self._pay(state="authorized")
        self.assertEqual(self.order.state, "sale")

    def test_pending_transfer_is_no_yes(self):
        self._pay(state="pending")
        self.assertEqual(self.order.customer_approval_status, "not_required")
        self.assertEqual(self.order.state, "sent")

    def test_payment_answers_a_pending_request(self):
        request = self._bring_to_status(self.order, "pending")
        self._pay()
        self.assertEqual(request.state, "approved")
        self.assertEqual(self.order.customer_approval_request_ids, request)

    def _check_booked_but_blocked(self, tx):
        self.assertTrue(tx.payment_id, "the payment is booked")
        self.assertTrue(tx.is_post_processed or tx.payment_id.state != "draft")
        self.assertEqual(self.order.state, "draft")
        self.assertEqual(self.order.stage_id, self.quote)
        activity = self.order.activity_ids
        self.assertEqual(activity.user_id, self.salesperson)
        self.assertIn("A payment arrived", activity.note)

    def test_payment_by_a_link_is_no_yes(self):
        """Where the order does not ask for payment, staff sent a payment link: there
        nothing says that paying is agreeing."""
        self.order.require_payment = False
        self._check_booked_but_blocked(self._pay())

    def test_somebody_elses_payment_is_no_yes(self):
        stranger = self.env["res.partner"].create({"name": "Stranger"})
        order = self.order
        tx = self._create_transaction(
            flow="redirect",
            sale_order_ids=[order.id],
            partner_id=stranger.id,
            amount=order.amount_total,
            currency_id=order.currency_id.id,
            state="done",
            reference="Stranger",
        )
        tx._post_process()
        self._check_booked_but_blocked(tx)

    def test_payment_of_what_was_rejected(self):
        self._bring_to_status(self.order, "rejected")
        self.order.activity_ids.unlink()
        self._check_booked_but_blocked(self._pay())

    def test_payment_of_an_approved_order(self):
        request = self._bring_to_status(self.order, "approved")
        self._pay()
        self.assertEqual(self.order.state, "sale")
        self.assertEqual(self.order.customer_approval_request_ids, request)

    def test_without_a_gate_nothing_is_recorded(self):
        self.production.requires_customer_approval = False
        self._pay()
        self.assertEqual(self.order.state, "sale")
        self.assertFalse(self.order.customer_approval_request_ids)

    def test_invoice_that_is_blocked_stays_a_draft(self):
        """The payment is booked nonetheless."""
        self.production.requires_customer_approval = False
        self.invoice_posted.requires_customer_approval = True
        self.env["ir.config_parameter"].sudo().set_param("sale.automatic_invoice", "1")
        tx = self._pay()
        self.assertEqual(self.order.state, "sale")
        self.assertTrue(tx.payment_id)
        invoice = self.order.invoice_ids
        self.assertEqual(invoice.state, "draft")
        self.assertIn("A payment arrived", invoice.activity_ids[:1].note)
