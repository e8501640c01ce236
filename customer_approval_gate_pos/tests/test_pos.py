# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is sold at the till is kept, whatever waits."""

import uuid

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from odoo.addons.customer_approval_gate.tests.common import ApprovalMixin
from odoo.addons.customer_approval_gate.tools.event_data import Answer
from odoo.addons.point_of_sale.tests.test_frontend import TestPointOfSaleHttpCommon


@tagged("post_install", "-at_install")
class TestPos(ApprovalMixin, TestPointOfSaleHttpCommon):
    @classmethod
    def get_default_groups(cls):
        groups = super().get_default_groups()
        return groups | cls.quick_ref("sales_team.group_sale_manager")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_approval()
        cls.production.requires_customer_approval = True
        cls.item, cls.down = cls.env["product.product"].create(
            [
                {
                    "name": name,
                    "available_in_pos": True,
                    "type": kind,
                    "lst_price": 100,
                    "taxes_id": False,
                }
                for name, kind in (("Item", "consu"), ("Down payment", "service"))
            ]
        )
        cls.main_pos_config.down_payment_product_id = cls.down
        cls.customer = cls.env["res.partner"].create(
            {"name": "Ada Approver", "email": "ada@example.com"}
        )

    def setUp(self):
        super().setUp()
        self.main_pos_config.open_ui()
        self.order = self._create_order()

    def _create_order(self):
        return self.env["sale.order"].create(
            {
                "partner_id": self.customer.id,
                "user_id": self.env.uid,
                "order_line": [
                    Command.create(
                        {
                            "product_id": self.item.id,
                            "product_uom_qty": 1,
                            "price_unit": 100,
                        }
                    )
                ],
            }
        )

    def _sale(self, order, amount=100, down=False, **values):
        """What the till sends."""
        product = self.down if down else order.order_line[0].product_id
        line = {
            "discount": 0,
            "pack_lot_ids": [],
            "price_unit": amount,
            "qty": 1,
            "tax_ids": [],
            "price_subtotal": amount,
            "price_subtotal_incl": amount,
            "product_id": product.id,
            "sale_order_origin_id": order.id,
            "sale_order_line_id": False if down else order.order_line[0].id,
        }
        payment = {
            "amount": amount,
            "name": fields.Datetime.now(),
            "payment_method_id": self.main_pos_config.payment_method_ids[0].id,
        }
        return {
            "amount_paid": amount,
            "amount_return": 0,
            "amount_tax": 0,
            "amount_total": amount,
            "date_order": fields.Datetime.to_string(fields.Datetime.now()),
            "fiscal_position_id": False,
            "to_invoice": False,
            "partner_id": order.partner_id.id,
            "pricelist_id": self.main_pos_config.pricelist_id.id,
            "session_id": self.main_pos_config.current_session_id.id,
            "user_id": self.env.uid,
            "uuid": str(uuid.uuid4()),
            "state": "paid",
            "lines": [Command.create(line)],
            "payment_ids": [Command.create(payment)],
            **values,
        }

    def _sell(self, *sales):
        self.env["pos.order"].sync_from_ui(list(sales))
        self.env.flush_all()
        self.env.invalidate_all()
        uuids = [sale["uuid"] for sale in sales]
        return self.env["pos.order"].search([("uuid", "in", uuids)])

    def test_what_a_gate_blocks_waits(self):
        for status, down in (
            ("not_required", False),
            ("not_required", True),
            ("pending", False),
            ("rejected", True),
        ):
            with self.subTest(status=status, down=down):
                order = self._create_order()
                self._bring_to_status(order, status)
                other = self._create_order()
                self._bring_to_status(other, "approved")
                sales = self._sell(self._sale(order, down=down), self._sale(other))
                self.assertEqual(sales.mapped("state"), ["paid", "paid"])
                self.assertEqual(sum(sales.mapped("amount_paid")), 200)
                self.assertEqual(other.state, "sale", "the rest goes on")
                self.assertIn(order.state, ("draft", "sent"))
                self.assertEqual(order.advance_stage_id, self.production)
                notes = "".join(order.activity_ids.mapped("note"))
                self.assertIn("sold at the till", notes)

    def test_what_waits_goes_on_with_the_approval(self):
        request = self._bring_to_status(self.order, "pending")
        self._sell(self._sale(self.order))
        self.assertEqual(self.order.state, "draft")
        self._bring_answer(request)
        self.assertEqual(self.order.state, "sale")
        self.assertEqual(self.order.stage_id, self.production)

    def _bring_answer(self, request):
        request.sudo()._decide(Answer("approved", "Ada Approver", "link"))
        self.env.flush_all()

    def test_the_till_reads_why(self):
        names = self.env["sale.order"]._load_pos_data_fields(self.main_pos_config)
        self.assertIn("customer_approval_till_message", names)
        self.assertIn(
            "customer approval is required", self.order.customer_approval_till_message
        )
        self._bring_to_status(self.order, "approved")
        self.assertFalse(self.order.customer_approval_till_message)

    def test_an_invoice_that_takes_an_approval_is_made_later(self):
        self.invoice_posted.requires_customer_approval = True
        self._bring_to_status(self.order, "approved")
        other = self._create_order()
        self.production.requires_customer_approval = False
        sale = self._sell(self._sale(other, to_invoice=True))
        self.assertEqual(sale.state, "paid")
        self.assertFalse(sale.account_move)

    def test_whoever_sends_the_key_confirms_nothing(self):
        portal = new_test_user(self.env, "till_portal", groups="base.group_portal")
        for user in (self.env.user, portal):
            order = self.order.with_user(user).with_context(
                customer_approval_leaving_blocked=True
            )
            with self.assertRaises(UserError):
                order.action_confirm()
            self.assertEqual(self.order.state, "draft")
            self.assertFalse(self.order.advance_stage_id)
            self.assertFalse(self.order.activity_ids)
