# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.exceptions import ValidationError
from odoo.tests import TransactionCase, tagged

from odoo.addons.customer_approval_gate.tests.common import ApprovalMixin


@tagged("post_install", "-at_install")
class TestParcels(ApprovalMixin, TransactionCase):
    """Stages and their entry actions, without any approval."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.packed, cls.sent = cls.env["customer.approval.stage"].create(
            [
                {"name": name, "document_type": "customer_approval_test_parcel"}
                for name in ("Packed", "Sent")
            ]
        )

    def test_moves(self):
        parcel = self.env["customer.approval.test.parcel"].create({"name": "Box"})
        self.assertEqual(parcel.stage_id, self.packed)
        self.assertEqual(parcel.next_stage_id, self.sent)
        self.env["customer.approval.stage.action"].create(
            {
                "stage_id": self.sent.id,
                "kind": "activity",
                "activity_summary": "Tell the customer",
            }
        )
        parcel.stage_id = self.sent
        self.assertEqual(parcel.activity_ids.summary, "Tell the customer")
        kinds = self.env["customer.approval.event"].search(
            [("res_model", "=", parcel._name), ("res_id", "=", parcel.id)]
        )
        self.assertIn("stage_changed", kinds.mapped("kind"))
        self.assertFalse(self.env["customer.approval.event"]._verify_all()[0])

    def test_nobody_can_be_asked(self):
        with self._refused("cannot be asked", ValidationError):
            self.sent.requires_customer_approval = True
