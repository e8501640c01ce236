# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What Odoo does in several steps is judged at its end: rewards, delivery, prices."""

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from ...tools.capability import is_guarded
from ..common import ApprovalCommon


@tagged("post_install", "-at_install")
class TestSeveralSteps(ApprovalCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "loyalty.program" not in cls.env or "choose.delivery.carrier" not in cls.env:
            cls.skipTest(cls, "needs sale_loyalty and delivery")
        cls.env["loyalty.program"].search([]).active = False
        cls.carrier = cls.env["delivery.carrier"].create(
            {
                "name": "Van",
                "fixed_price": 12,
                "product_id": cls.env["product.product"]
                .create({"name": "Van", "type": "service", "taxes_id": False})
                .id,
            }
        )

    def _create_program(self, **values):
        return self.env["loyalty.program"].create(
            {
                "name": "Ten percent",
                "program_type": "promotion",
                "trigger": "auto",
                "applies_on": "current",
                "rule_ids": [Command.create({"minimum_amount": 0})],
                "reward_ids": [Command.create({"discount": 10})],
                **values,
            }
        )

    def _create_rewarded_order(self, program):
        order = self._create_order()
        if program.program_type in ("gift_card", "ewallet", "loyalty"):
            card = self.env["loyalty.card"].create(
                {
                    "program_id": program.id,
                    "partner_id": order.partner_id.id,
                    "points": 100,
                }
            )
            if program.program_type == "gift_card":
                order._try_apply_code(card.code)
            order._update_programs_and_rewards()
        elif program.trigger == "with_code":
            order._try_apply_code(program.rule_ids.code)
        else:
            order._update_programs_and_rewards()
        for coupon, rewards in order._get_claimable_rewards().items():
            if not order.order_line.filtered("is_reward_line"):
                order._apply_program_reward(rewards[:1], coupon)
        self.assertTrue(order.order_line.filtered("is_reward_line"), program.name)
        return order

    def _programs(self):
        yield self._create_program()
        yield self._create_program(
            name="Code",
            program_type="promo_code",
            trigger="with_code",
            rule_ids=[Command.create({"mode": "with_code", "code": "TEN"})],
        )
        yield self._create_program(
            name="Free",
            reward_ids=[
                Command.create(
                    {
                        "reward_type": "product",
                        "reward_product_id": self.product.id,
                        "required_points": 1,
                    }
                )
            ],
        )
        yield self._create_program(
            name="Gift card",
            program_type="gift_card",
            applies_on="future",
            rule_ids=[],
            reward_ids=[
                Command.create(
                    {
                        "reward_type": "discount",
                        "discount": 1,
                        "discount_mode": "per_point",
                        "discount_applicability": "order",
                        "required_points": 1,
                    }
                )
            ],
        )

    def test_rewards(self):
        for program in self._programs():
            with self.subTest(program.name):
                order = self._create_rewarded_order(program)
                total = order.amount_total
                request = self._bring_to_status(order, "pending")
                order._update_programs_and_rewards()
                order.action_open_reward_wizard()
                self.assertEqual(request.state, "pending", "nothing has changed")
                order = self._create_rewarded_order(program)
                request = self._bring_to_status(order, "approved")
                order._update_programs_and_rewards()
                order.action_confirm()
                self.assertEqual(order.state, "sale")
                self.assertEqual(order.stage_id, self.production)
                self.assertEqual(order.amount_total, total)
                self.assertNotIn("tolerated", request.event_ids.mapped("kind"))
                order._action_cancel()
                self.assertEqual(order.state, "cancel")
            program.active = False

    def test_a_reward_that_did_change_is_named(self):
        program = self._create_program()
        order = self._create_rewarded_order(program)
        self._bring_to_status(order, "approved")
        program.reward_ids.discount = 50
        with self._refused(
            "(?s)cannot be changed.*10% on your order: Amount: .*20.00 → .*100.00"
        ):
            order.action_confirm()
        self.assertEqual(order.state, "draft")
        with self._refused("cannot be changed"):
            order._update_programs_and_rewards()

    def test_a_refusal_of_others_keeps_its_words(self):
        order = self._create_order()
        order.order_line = [Command.create({"name": "By hand", "product_uom_qty": 1})]
        self._bring_to_status(order, "approved")
        with self._refused("missing a product"):
            order.action_confirm()

    def test_delivery_that_is_set_again(self):
        for status in ("pending", "approved"):
            order = self._create_order()
            self._set_carrier(order)
            request = self._bring_to_status(order, status)
            self._set_carrier(order)
            self.assertEqual(order.customer_approval_status, status)
            self.carrier.fixed_price = 99
            if status == "pending":
                self._set_carrier(order)
                self.assertEqual(request.state, "withdrawn")
            else:
                with self._refused("cannot be changed"):
                    self._set_carrier(order)
            self.carrier.fixed_price = 12

    def _set_carrier(self, order):
        action = order.action_open_delivery_wizard()
        form = Form(
            self.env["choose.delivery.carrier"].with_context(**action["context"])
        )
        form.carrier_id = self.carrier
        form.save().button_confirm()

    def test_prices_that_are_computed_again(self):
        self.env.user.group_ids += self.env.ref("sale.group_discount_per_so_line")
        pricelist = self.env["product.pricelist"].create(
            {
                "name": "Ten off",
                "item_ids": [
                    Command.create(
                        {
                            "applied_on": "3_global",
                            "compute_price": "percentage",
                            "percent_price": 10,
                        }
                    )
                ],
            }
        )
        for status in ("pending", "approved"):
            order = self._create_order(pricelist_id=pricelist.id)
            order._recompute_prices()
            self._bring_to_status(order, status)
            order.action_update_prices()
            order.action_update_taxes()
            self.assertEqual(order.customer_approval_status, status)

    def test_a_form_that_puts_the_same_line_in_place_of_another(self):
        for status in ("pending", "approved"):
            order = self._create_order()
            self._bring_to_status(order, status)
            line = order.order_line
            values = line.copy_data()[0]
            values.pop("order_id", None)
            order.write(
                {"order_line": [Command.delete(line.id), Command.create(values)]}
            )
            self.assertEqual(order.customer_approval_status, status)

    def test_a_pickup_point_that_the_confirmation_makes_an_address_of(self):
        point = {
            "name": "Corner shop",
            "street": "Rue du Lac 1",
            "city": "Lausanne",
            "zip_code": "1003",
            "country_code": "CH",
        }
        for chosen in (point, {**point, "street": "Elsewhere 2"}):
            with self.subTest(chosen["street"]):
                order = self._create_order()
                order.pickup_location_data = point
                request = self._bring_to_status(order, "approved")
                self.assertIn("Corner shop", str(request.content))
                if chosen != point:
                    with self.assertRaisesRegex(UserError, "Pickup point"):
                        order.pickup_location_data = chosen
                    continue
                order.action_confirm()
                self.assertEqual(order.state, "sale")
                self.assertEqual(order.partner_shipping_id.street, "Rue du Lac 1")
                self.assertEqual(order._filter_customer_approved(), order)
                with self.assertRaises(UserError):
                    order.partner_shipping_id = self.env["res.partner"].create(
                        {"name": "Elsewhere"}
                    )

    def test_whoever_hides_in_the_steps_is_found(self):
        order = self._create_rewarded_order(self._create_program())
        self._bring_to_status(order, "approved")
        line = order.order_line[0]
        with self._refused("cannot be changed"), order._check_once():
            line.price_unit = 1
        self.assertFalse(is_guarded(order))
