# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, HttpCase, new_test_user, tagged

from .common import Joins


@tagged("post_install", "-at_install")
class TestRepairs(Joins, HttpCase):
    """Odoo's own repair orders, by the addon of ``docs/``."""

    name = "repair.order"
    groups = (
        "base.group_user,stock.group_stock_user,"
        "customer_approval_gate.group_request_approval"
    )
    stage_state = "under_repair"
    difference = "Demand: .*2.*→.*3"
    shown = "Screw"

    @classmethod
    def setUpClass(cls):
        cls.part = None
        super().setUpClass()
        cls.part = cls.env["product.product"].create(
            {"name": "Screw", "type": "consu", "is_storable": False}
        )

    @classmethod
    def _create(cls, **values):
        return cls.env["repair.order"].create(
            {
                "partner_id": cls.partner.id,
                "internal_notes": "<p>Mend the leg</p>",
                "move_ids": [
                    Command.create(
                        {
                            "product_id": cls.part.id,
                            "product_uom_qty": 2,
                            "repair_line_type": "add",
                        }
                    )
                ],
                **values,
            }
        )

    def _change(self, document):
        document.move_ids.product_uom_qty = 3

    def test_buttons(self):
        for button in ("action_validate", "action_repair_start"):
            for status, document in self._in_each_status():
                if status == "approved":
                    getattr(document, button)()
                    continue
                if button == "action_validate":
                    continue  # no stage stands for it, and none before asks
                with self._refused("customer approval is required"):
                    getattr(document, button)()

    def test_from_the_first_stage_to_the_end(self):
        document = self._create()
        self._bring_to_status(document, "approved")
        document.stage_id = self.gated
        self.assertEqual(document.state, "under_repair")
        document.move_ids.quantity = 2
        document.action_repair_end()
        self.assertEqual(document.state, "done")
        self.assertEqual(document.customer_approval_status, "approved")
        with self._refused("use its own buttons"):
            document.stage_id = self.first

    def test_a_state_without_a_stage_has_the_gate_of_the_one_before(self):
        document = self._create()
        document.state = "confirmed"
        for state in ("under_repair", "done"):
            with self._refused("customer approval is required"):
                document.state = state
            with self._refused("customer approval is required"):
                self._create(state=state)

    def test_moves_of_no_repair(self):
        location = self.env.ref("stock.stock_location_stock")
        customers = self.env.ref("stock.stock_location_customers")
        move = self.env["stock.move"].create(
            {
                "product_id": self.part.id,
                "product_uom_qty": 1,
                "location_id": location.id,
                "location_dest_id": customers.id,
            }
        )
        move.product_uom_qty = 2
        move._action_confirm()
        move.quantity = 2
        move.picked = True
        move._action_done()
        self.assertEqual(move.state, "done")

    def test_no_line_leaves_by_the_field_that_makes_it_one(self):
        document = self._create()
        self._bring_to_status(document, "approved")
        with self._refused("cannot be changed"):
            document.move_ids.write({"repair_line_type": False})

    def test_without_a_customer(self):
        document = self._create(partner_id=False)
        with self._refused("has no customer"):
            document._open_customer_approval(mail=False)
        request = document._open_customer_approval(self.partner, mail=False)
        self.assertEqual(request.partner_id, self.partner)

    def test_for_the_leader(self):
        self.env["customer.approval.stage.action"].create(
            {
                "stage_id": self.gated.id,
                "kind": "activity",
                "activity_role": "leader",
                "activity_summary": "Look at it",
            }
        )
        document = self._create(user_id=self.user.id)
        self._bring_to_status(document, "approved")
        document.stage_id = self.gated
        self.assertEqual(document.activity_ids.user_id, self.user)

    def test_a_stage_can_stand_for_any_state(self):
        states = [state for state, _label in self.model._fields["state"].selection]
        self.assertEqual(self.gated.document_state_choice, [False, *states])
        self.assertIn("under_repair", states)

    def test_administrators_configure_its_stages(self):
        admin = new_test_user(
            self.env, login="approval_admin", groups="base.group_system"
        )
        self.gated.with_user(admin).requires_customer_approval = False
        with self.assertRaises(AccessError):
            self.gated.with_user(self.user).requires_customer_approval = True

    def test_the_form(self):
        document = self._create()
        view = self.env["repair.order"].get_view(view_type="form")
        for name in ("stage_id", "gate_states", "customer_approval_status"):
            self.assertIn(f'name="{name}"', view["arch"])
        with Form(document.with_user(self.user)) as form:
            form.internal_notes = "<p>Mend both legs</p>"
        self.assertIn("both", document.internal_notes)
