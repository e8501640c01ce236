# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from .common import GATE_SENTENCE, ApprovalMixin


@tagged("post_install", "-at_install")
class TestInvoice(ApprovalMixin, AccountTestInvoicingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_approval()
        cls.partner_a.write({"name": "Ada Approver", "email": "ada@example.com"})
        cls.invoice = cls._create_draft()
        cls.invoice_posted.requires_customer_approval = True

    @classmethod
    def _create_draft(cls, move_type="out_invoice", **kwargs):
        return cls.init_invoice(
            move_type, partner=cls.partner_a, amounts=[100.0, 50.0], **kwargs
        )

    def _state(self, invoice):
        return (invoice.stage_id, invoice.state)

    def test_stage_and_state_go_along(self):
        self.invoice_posted.requires_customer_approval = False
        invoice = self.invoice
        self.assertEqual(self._state(invoice), (self.invoice_draft, "draft"))
        invoice.stage_id = self.invoice_waiting
        self.assertEqual(self._state(invoice), (self.invoice_waiting, "draft"))
        invoice.stage_id = self.invoice_posted
        self.assertEqual(self._state(invoice), (self.invoice_posted, "posted"))
        self.assertNotIn(invoice.name, (False, "/"))
        for stage in (
            self.invoice_draft,
            self.invoice_cancelled,
        ):
            with self.assertRaisesRegex(UserError, "Reset to Draft"):
                invoice.stage_id = stage
        invoice.stage_id = self.invoice_posted
        invoice.button_draft()
        self.assertEqual(self._state(invoice), (self.invoice_draft, "draft"))
        invoice.button_cancel()
        self.assertEqual(self._state(invoice), (self.invoice_cancelled, "cancel"))
        invoice.stage_id = self.invoice_posted
        self.assertEqual(self._state(invoice), (self.invoice_posted, "posted"))

    def test_posted_invoice_can_be_parked_and_found_again(self):
        self.invoice_posted.requires_customer_approval = False
        self.invoice.action_post()
        self.invoice.stage_id = self.invoice_waiting
        self.assertEqual(self._state(self.invoice), (self.invoice_waiting, "posted"))

    def test_posting_takes_the_approval(self):
        with self.assertRaises(UserError) as catcher:
            self.invoice.action_post()
        self.assertEqual(str(catcher.exception), GATE_SENTENCE % "Posted")
        self._bring_to_status(self.invoice, "approved")
        self.invoice.action_post()
        self.assertEqual(self._state(self.invoice), (self.invoice_posted, "posted"))
        self.assertEqual(self.invoice.customer_approval_status, "approved")

    def test_posting_changes_no_content(self):
        """The number and the dates that posting gives are no content."""
        self.invoice.invoice_date = False
        request = self._bring_to_status(self.invoice, "approved")
        self.invoice.action_post()
        self.assertFalse(request.lapsed_on)
        self.assertEqual(self.invoice.customer_approval_status, "approved")

    def test_change_of_content(self):
        request = self._bring_to_status(self.invoice, "pending")
        self.invoice.invoice_line_ids[0].price_unit = 1
        self.assertEqual(request.state, "withdrawn")
        request = self._bring_to_status(self.invoice, "approved")
        self.invoice.invoice_line_ids[0].unlink()
        self.assertTrue(request.lapsed_on)
        request = self._bring_to_status(self.invoice, "approved")
        self.invoice.narration = "Other terms"
        self.assertTrue(request.lapsed_on)
        request = self._bring_to_status(self.invoice, "approved")
        self.invoice.invoice_line_ids = [
            Command.create({"name": "More", "price_unit": 9})
        ]
        self.assertTrue(request.lapsed_on)
        with self.assertRaises(UserError):
            self.invoice.action_post()

    def test_bookkeeping_is_no_content(self):
        request = self._bring_to_status(self.invoice, "pending")
        self.invoice.invoice_date = "2030-01-01"
        self.invoice.invoice_user_id = self.env.user
        self.invoice.message_post(body="A note")
        self.assertEqual(request.state, "pending")

    def test_other_moves_have_no_stage(self):
        for move_type in ("in_invoice", "out_refund", "in_refund"):
            move = self._create_draft(move_type)
            self.assertFalse(move.stage_id)
            move.action_post()
            self.assertEqual(move.state, "posted")
            self.assertFalse(move.stage_id)
            with self.assertRaisesRegex(UserError, "has no stages"):
                move.stage_id = self.invoice_posted
            with self.assertRaisesRegex(UserError, "no customer invoice"):
                move._request_customer_approval()

    def test_entry_has_no_stage(self):
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "line_ids": [
                    Command.create(
                        {
                            "account_id": self.company_data[
                                "default_account_revenue"
                            ].id,
                            "debit": 10,
                        }
                    ),
                    Command.create(
                        {
                            "account_id": self.company_data[
                                "default_account_expense"
                            ].id,
                            "credit": 10,
                        }
                    ),
                ],
            }
        )
        entry.action_post()
        self.assertEqual(self._state(entry), (self.env[self.quote._name], "posted"))
        with self.assertRaisesRegex(UserError, "has no stages"):
            self.env["account.move"].create(
                {"move_type": "entry", "stage_id": self.invoice_draft.id}
            )

    def test_mixed_batch(self):
        bill = self._create_draft("in_invoice")
        with self.assertRaises(UserError):
            (bill | self.invoice).action_post()
        self._bring_to_status(self.invoice, "approved")
        (bill | self.invoice).action_post()
        self.assertEqual(bill.state, "posted")
        self.assertEqual(self.invoice.stage_id, self.invoice_posted)

    def test_credit_note_of_an_approved_invoice(self):
        self._bring_to_status(self.invoice, "approved")
        self.invoice.action_post()
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=self.invoice.ids)
            .create({"journal_id": self.invoice.journal_id.id})
        )
        wizard.modify_moves()
        self.assertEqual(self.invoice.payment_state, "reversed")
        replacement = wizard.new_move_ids.filtered(
            lambda move: move.move_type == "out_invoice"
        )
        self.assertEqual(replacement.stage_id, self.invoice_draft)
        self.assertEqual(replacement.customer_approval_status, "not_required")

    def test_autopost_cron_posts_the_others(self):
        """Where core must not be interrupted, the blocked invoice is left out."""
        today = fields.Date.today()
        approved = self._create_draft()
        self._bring_to_status(approved, "approved")
        bill = self._create_draft("in_invoice")
        moves = self.invoice | approved | bill
        moves.write({"auto_post": "at_date", "invoice_date": today, "date": today})
        with self.enter_registry_test_mode():
            self.env.ref(
                "account.ir_cron_auto_post_draft_entry"
            ).method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(approved.state, "posted")
        self.assertEqual(bill.state, "posted")
        self.assertEqual(self._state(self.invoice), (self.invoice_draft, "draft"))
        self.assertIn(
            GATE_SENTENCE % "Posted", "".join(self.invoice.message_ids.mapped("body"))
        )

    def test_recurring_copy_is_not_approved(self):
        self._bring_to_status(self.invoice, "approved")
        self.invoice.write({"auto_post": "monthly"})
        self.invoice.action_post()
        copy = self.env["account.move"].search(
            [("auto_post_origin_id", "=", self.invoice.id), ("state", "=", "draft")]
        )
        self.assertEqual(copy.stage_id, self.invoice_draft)
        self.assertEqual(copy.customer_approval_status, "not_required")
