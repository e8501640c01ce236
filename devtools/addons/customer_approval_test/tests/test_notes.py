# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.tests import TransactionCase, tagged

from odoo.addons.customer_approval_gate.tests.common import ApprovalMixin


@tagged("post_install", "-at_install")
class TestNotes(ApprovalMixin, TransactionCase):
    """What is approved without any stage."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_approval()
        cls.partner = cls.env["res.partner"].create(
            {"name": "Ada Approver", "email": "ada@example.com"}
        )

    def _create(self):
        return self.env["customer.approval.test.note"].create(
            {"name": "Minutes", "partner_id": self.partner.id}
        )

    def test_asked_answered_and_locked(self):
        note = self._create()
        request = self._bring_to_status(note, "pending")
        note.name = "Minutes of June"
        self.assertEqual(request.state, "withdrawn")
        request = self._bring_to_status(note, "approved")
        with self._refused("cannot be changed"):
            note.name = "Minutes of July"
        self.assertFalse(note._get_stage())
        dialog = note.action_revise_customer_approval()
        self.env[dialog["res_model"]].with_context(**dialog["context"]).create(
            {"reason": "A mistake"}
        ).action_revise()
        note.name = "Minutes of July"
        self.assertEqual(note.customer_approval_status, "not_required")

    def test_evidence(self):
        note = self._create()
        self._bring_to_status(note, "approved")
        self.env.flush_all()
        result = note.action_verify_customer_approval()
        self.assertEqual(result["params"]["type"], "success", result)

    def test_kept(self):
        note = self._create()
        self._bring_to_status(note, "rejected")
        with self._refused("cannot be deleted"):
            note.unlink()
