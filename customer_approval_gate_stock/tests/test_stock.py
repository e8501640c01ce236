# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Stock figures, on quants and moves."""

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from odoo.addons.customer_approval_gate.tests.common import (
    GATE_SENTENCE,
    ApprovalCommon,
)


class StockCommon(ApprovalCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.warehouse = cls.env["stock.warehouse"].search(
            [("company_id", "=", cls.company.id)], limit=1
        )
        cls.shelf = cls.warehouse.lot_stock_id
        cls.goods = cls._create_goods("Table")
        cls._bring_in(cls.goods, 10)
        cls.order = cls._sell(cls.goods, 3)

    @classmethod
    def _create_goods(cls, name, **values):
        return cls.env["product.product"].create(
            {
                "name": name,
                "type": "consu",
                "is_storable": True,
                "taxes_id": False,
                "list_price": 100,
                **values,
            }
        )

    @classmethod
    def _bring_in(cls, product, quantity, lot=None):
        cls.env["stock.quant"]._update_available_quantity(
            product, cls.shelf, quantity, lot_id=lot
        )

    @classmethod
    def _sell(cls, product, quantity, **values):
        return cls._create_order(
            order_line=[
                Command.create(
                    {
                        "product_id": product.id,
                        "product_uom_qty": quantity,
                        "price_unit": 100,
                    }
                )
            ],
            **values,
        )

    def _on_hand(self, product=None):
        """Return what quants say is there, and what of it is reserved."""
        product = product or self.goods
        self.env.flush_all()
        quants = self.env["stock.quant"].search(
            [
                ("product_id", "=", product.id),
                ("location_id", "child_of", self.shelf.id),
            ]
        )
        return (
            sum(quants.mapped("quantity")),
            sum(quants.mapped("reserved_quantity")),
        )

    def _moves(self, order=None):
        moves = (order or self.order).order_line.move_ids
        return sorted(
            (move.state, move.product_uom_qty, move.quantity) for move in moves
        )


@tagged("post_install", "-at_install")
class TestStock(StockCommon):
    # Reserve

    def test_goods_that_were_not_ordered(self):
        """Odoo makes lines of them, which are no part of what was agreed."""
        extra = self._create_goods("Chair", invoice_policy="delivery", list_price=40)
        self._bring_in(extra, 5)
        self._bring_to_status(self.order, "approved")
        self.order.action_confirm()
        picking = self.order.picking_ids
        picking.move_ids.picked = True
        self.env["stock.move"].create(
            {
                "product_id": extra.id,
                "product_uom_qty": 2,
                "quantity": 2,
                "picked": True,
                "picking_id": picking.id,
                "location_id": picking.location_id.id,
                "location_dest_id": picking.location_dest_id.id,
            }
        )
        worker = new_test_user(
            self.env,
            "worker",
            groups="stock.group_stock_user,sales_team.group_sale_salesman_all_leads",
        )
        picking.with_user(worker).with_context(
            skip_sms=True, default_price_unit=777
        ).button_validate()
        self.assertEqual(picking.state, "done")
        line = self.order.order_line[-1]
        self.assertEqual((line.product_id, line.qty_delivered), (extra, 2))
        self.assertEqual(line.price_unit, 40)
        self.assertEqual(self.order._filter_customer_approved(), self.order)
        with self.assertRaises(UserError):
            line.price_unit = 9999
            self.env.flush_all()

    def test_unapproved_order_touches_no_stock(self):
        """Guide: "Since the approval gate prevents the transition, inventory actions
        will not execute on unapproved invoices."."""
        self.production.inventory_action = "reserve"
        for status in ("not_required", "pending", "rejected"):
            order = self._sell(self.goods, 3)
            self._bring_to_status(order, status)
            with self.assertRaises(UserError) as catcher:
                order.stage_id = self.production
            self.assertEqual(str(catcher.exception), GATE_SENTENCE % "In Production")
            self.assertFalse(order.order_line.move_ids)
        self.assertEqual(self._on_hand(), (10, 0))

    def test_stage_before_the_gate_touches_no_stock_either(self):
        self.pending_stage.inventory_action = "reserve"
        with self.assertRaises(UserError) as catcher:
            self.order.stage_id = self.pending_stage
        self.assertEqual(str(catcher.exception), GATE_SENTENCE % "Pending Approval")
        self._bring_to_status(self.order, "approved")
        self.order.stage_id = self.pending_stage
        self.assertEqual(self._on_hand(), (10, 3))
        self.assertEqual(self.order.state, "sent")

    def test_reserve_before_confirming_is_not_doubled(self):
        self.production.requires_customer_approval = False
        self.pending_stage.inventory_action = "reserve"
        self.order.stage_id = self.pending_stage
        self.assertEqual(self.order.state, "sent")
        self.assertEqual(self._moves(), [("assigned", 3, 3)])
        self.assertEqual(self._on_hand(), (10, 3))
        self.order.action_confirm()
        self.assertEqual(self._moves(), [("assigned", 3, 3)])
        self.assertEqual(self._on_hand(), (10, 3))
        self.assertEqual(len(self.order.picking_ids), 1)

    def test_reserve_again_releases_first(self):
        self.production.requires_customer_approval = False
        self.production.inventory_action = self.quality.inventory_action = "reserve"
        self.order.stage_id = self.production
        self.order.stage_id = self.quality
        self.order.stage_id = self.production
        self.assertEqual(self._on_hand(), (10, 3))
        self.assertEqual(self._moves(), [("assigned", 3, 3)])

    def test_release_and_cancel(self):
        self.production.requires_customer_approval = False
        self.pending_stage.inventory_action = "reserve"
        hold = self.quote.copy(
            {
                "name": "On Hold",
                "document_state": False,
                "reachable_anytime": True,
                "inventory_action": "release",
                "sequence": 65,
            }
        )
        self.order.stage_id = self.pending_stage
        self.order.stage_id = hold
        self.assertEqual(self._on_hand(), (10, 0))
        self.order.stage_id = self.pending_stage
        self.assertEqual(self._on_hand(), (10, 3))
        self.order.action_cancel()
        self.assertEqual(self._on_hand(), (10, 0))
        self.assertEqual({state for state, *_rest in self._moves()}, {"cancel"})

    def test_release_of_a_confirmed_order(self):
        self.production.requires_customer_approval = False
        self.order.action_confirm()
        self.order.picking_ids.action_assign()
        self.assertEqual(self._on_hand(), (10, 3))
        self.quality.inventory_action = "release"
        self.order.stage_id = self.quality
        self.assertEqual(self._on_hand(), (10, 0))
        self.assertEqual(self._moves(), [("confirmed", 3, 0)])

    # Deliver

    def _deliver(self, order=None):
        (order or self.order).stage_id = self.delivered

    def test_deliver(self):
        self.production.requires_customer_approval = False
        self.delivered.inventory_action = "deliver"
        self._deliver()
        self.assertEqual(self._on_hand(), (7, 0))
        self.assertEqual(self._moves(), [("done", 3, 3)])
        self.assertEqual(self.order.picking_ids.state, "done")
        self.assertEqual(self.order.order_line.qty_delivered, 3)
        self.order.stage_id = self.ready
        self._deliver()
        self.assertEqual(self._on_hand(), (7, 0), "nothing leaves twice")

    def test_deliver_in_three_steps(self):
        self.production.requires_customer_approval = False
        self.warehouse.delivery_steps = "pick_pack_ship"
        self.delivered.inventory_action = "deliver"
        self._deliver()
        self.assertEqual(self._on_hand(), (7, 0))
        self.assertEqual(self.order.order_line.qty_delivered, 3)
        self.assertEqual(set(self.order.picking_ids.mapped("state")), {"done"})

    def test_short_of_stock_is_refused(self):
        self.production.requires_customer_approval = False
        self.delivered.inventory_action = "deliver"
        order = self._sell(self.goods, 12)
        with self.assertRaises(UserError) as catcher:
            self._deliver(order)
        self.assertRegex(str(catcher.exception), "Table: 10 of 12 Units are there")
        order.invalidate_recordset()
        self.assertEqual(order.stage_id, self.quote)
        self.assertEqual(order.state, "draft")
        self.assertFalse(order.order_line.move_ids)
        self.assertEqual(self._on_hand(), (10, 0))

    def test_short_of_stock_makes_a_backorder(self):
        self.production.requires_customer_approval = False
        self.company.customer_approval_shortage = "deliver"
        self.delivered.inventory_action = "deliver"
        order = self._sell(self.goods, 12)
        self._deliver(order)
        self.assertEqual(self._on_hand(), (0, 0))
        self.assertEqual(order.order_line.qty_delivered, 10)
        self.assertEqual(self._moves(order), [("confirmed", 2, 0), ("done", 10, 10)])
        nothing = self._sell(self.goods, 1)
        with self.assertRaises(UserError) as catcher:
            self._deliver(nothing)
        self.assertRegex(str(catcher.exception), "0 of 1 Units")

    def test_lots_come_from_the_reservation(self):
        self.production.requires_customer_approval = False
        self.delivered.inventory_action = "deliver"
        traced = self._create_goods("Engine", tracking="serial")
        lots = self.env["stock.lot"].create(
            [{"name": f"S{number}", "product_id": traced.id} for number in range(3)]
        )
        for lot in lots:
            self._bring_in(traced, 1, lot)
        order = self._sell(traced, 2)
        self._deliver(order)
        self.assertEqual(self._on_hand(traced), (1, 0))
        self.assertEqual(len(order.order_line.move_ids.move_line_ids.lot_id), 2)

    def test_without_a_lot_the_line_is_named(self):
        self.production.requires_customer_approval = False
        self.delivered.inventory_action = "deliver"
        traced = self._create_goods("Engine", tracking="lot")
        self._bring_in(traced, 5)
        order = self._sell(traced, 2)
        with self.assertRaises(UserError) as catcher:
            self._deliver(order)
        self.assertRegex(str(catcher.exception), "Engine needs a lot or serial number")
        self.assertEqual(self._on_hand(traced), (5, 0))

    def test_services_have_nothing_to_deliver(self):
        self.production.requires_customer_approval = False
        self.delivered.inventory_action = "deliver"
        service = self.env["product.product"].create(
            {"name": "Work", "type": "service"}
        )
        order = self._sell(service, 1)
        self._deliver(order)
        self.assertFalse(order.picking_ids)
        self.assertEqual(order.stage_id, self.delivered)

    # Policy

    def test_stock_follows_odoos_confirmation(self):
        self.production.requires_customer_approval = False
        self.delivered.inventory_action = "deliver"
        self.order.action_confirm()
        self.assertTrue(self.order.picking_ids)

    def test_stock_follows_stages(self):
        self.production.requires_customer_approval = False
        self.company.customer_approval_stock_policy = "stage"
        self.ready.inventory_action = "reserve"
        self.order.action_confirm()
        self.assertFalse(self.order.picking_ids)
        self.order.order_line.product_uom_qty = 4
        self.assertFalse(self.order.picking_ids)
        self.order.stage_id = self.ready
        self.assertEqual(self._moves(), [("assigned", 4, 4)])
        self.assertEqual(self._on_hand(), (10, 4))
        # Behind it, Odoo goes on as always.
        self.order.order_line = [
            Command.create({"product_id": self.goods.id, "product_uom_qty": 1})
        ]
        self.assertEqual(len(self.order.order_line.move_ids), 2)

    def test_back_to_odoos_confirmation(self):
        self.production.requires_customer_approval = False
        self.company.customer_approval_stock_policy = "stage"
        self.ready.inventory_action = "reserve"
        self.order.action_confirm()
        self.assertFalse(self.order.picking_ids)
        self.company.customer_approval_stock_policy = "confirmation"
        self.assertEqual(len(self.order.picking_ids), 1)

    def test_stock_follows_stages_where_none_moves_goods(self):
        self.production.requires_customer_approval = False
        self.company.customer_approval_stock_policy = "stage"
        self.order.action_confirm()
        self.assertTrue(self.order.picking_ids)

    def test_deleted_lines_and_orders_keep_nothing(self):
        self.production.requires_customer_approval = False
        self.pending_stage.inventory_action = "reserve"
        self.delivered.inventory_action = "deliver"
        chair = self._create_goods("Chair")
        self._bring_in(chair, 10)
        self.order.order_line = [
            Command.create({"product_id": chair.id, "product_uom_qty": 2})
        ]
        self.order.stage_id = self.pending_stage
        self.order.order_line[0].unlink()
        self.assertEqual(self._on_hand(), (10, 0))
        self._deliver()
        self.assertEqual(self._on_hand(), (10, 0))
        self.assertEqual(self._on_hand(chair), (8, 0))
        other = self._sell(self.goods, 3)
        other.stage_id = self.pending_stage
        other.stage_id = self.quote
        other.unlink()
        self.assertEqual(self._on_hand(), (10, 0))

    def test_lowered_quantity_of_a_draft(self):
        self.production.requires_customer_approval = False
        self.pending_stage.inventory_action = "reserve"
        self.order.stage_id = self.pending_stage
        self.order.order_line.product_uom_qty = 1
        self.order.stage_id = self.quote
        self.order.stage_id = self.pending_stage
        self.assertEqual(self._on_hand(), (10, 1))

    def test_who_passes_by_the_stage_is_delivered_as_always(self):
        self.production.requires_customer_approval = False
        self.company.customer_approval_stock_policy = "stage"
        self.ready.inventory_action = "reserve"
        self.order.action_confirm()
        self.order.stage_id = self.delivered
        self.assertEqual(len(self.order.picking_ids), 1)

    # Deposits

    def test_own_deposit_counts_where_goods_are_kept(self):
        self.production.requires_customer_approval = False
        self.order.write({"deposit_required": True, "deposit_percent": 50})
        self.order.stage_id = self.production
        self.ready.inventory_action = "reserve"
        with self.assertRaises(UserError) as catcher:
            self.order.stage_id = self.ready
        self.assertRegex(str(catcher.exception), "a deposit of .*150.00.* is required")
        self.order.stage_id = self.quality
        self.order._action_cancel()
        self.assertEqual(self.order.state, "cancel")

    # Stages

    def test_stages_without_gates_move_no_goods(self):
        with self.assertRaises(ValidationError) as catcher:
            self.cancelled.inventory_action = "deliver"
        self.assertRegex(str(catcher.exception), "whatever the customer says")
        hold = self.quality.copy({"document_state": False, "reachable_anytime": True})
        with self.assertRaises(ValidationError) as catcher:
            hold.inventory_action = "reserve"
        self.assertRegex(str(catcher.exception), "whatever the customer says")
        with self.assertRaises(ValidationError) as catcher:
            self.quote.inventory_action = "reserve"
        self.assertRegex(str(catcher.exception), "New documents start")

    def test_change_of_the_action_is_logged(self):
        self.ready.inventory_action = "reserve"
        event = self.env["customer.approval.event"].search(
            [("kind", "=", "stage_configured"), ("res_id", "=", self.ready.id)], limit=1
        )
        self.assertEqual(
            event.details["changes"]["inventory_action"], [None, "reserve"]
        )


@tagged("post_install", "-at_install")
class TestInvoiceStock(StockCommon):
    def setUp(self):
        super().setUp()
        self.invoice_posted.inventory_action = "deliver"
        self.invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_line_ids": [
                    Command.create({"product_id": self.goods.id, "quantity": 4})
                ],
            }
        )

    def test_invoice_without_an_order_delivers(self):
        self.invoice.action_post()
        picking = self.invoice.customer_approval_picking_ids
        self.assertEqual(picking.state, "done")
        self.assertEqual(picking.partner_id, self.partner)
        self.assertEqual(self._on_hand(), (6, 0))

    def test_reset_and_cancel_return_the_goods(self):
        self.invoice.action_post()
        self.invoice.button_draft()
        self.assertEqual(self._on_hand(), (10, 0))
        self.invoice.button_draft() if self.invoice.state == "posted" else None
        self.invoice.action_post()
        self.assertEqual(self._on_hand(), (6, 0))
        self.invoice.button_draft()
        self.invoice.button_cancel()
        self.assertEqual(self._on_hand(), (10, 0))

    def test_reservation_of_a_draft_goes_with_it(self):
        self.invoice_posted.inventory_action = False
        self.invoice_waiting.inventory_action = "reserve"
        self.invoice.stage_id = self.invoice_waiting
        self.assertEqual(self._on_hand(), (10, 4))
        self.invoice.button_cancel()
        self.assertEqual(self._on_hand(), (10, 0))

    def test_lowered_invoice_delivers_what_it_sells(self):
        self.invoice_waiting.inventory_action = "reserve"
        self.invoice.stage_id = self.invoice_waiting
        self.invoice.invoice_line_ids.quantity = 1
        self.invoice.action_post()
        self.assertEqual(self._on_hand(), (9, 0))

    def test_line_without_a_unit(self):
        self.invoice.invoice_line_ids.product_uom_id = False
        self.invoice.action_post()
        self.assertEqual(self._on_hand(), (6, 0))

    def test_draft_with_a_delivery_can_be_deleted(self):
        self.invoice_waiting.inventory_action = "reserve"
        self.invoice.stage_id = self.invoice_waiting
        self.invoice.stage_id = self.invoice_draft
        self.invoice.unlink()
        self.assertEqual(self._on_hand(), (10, 0))

    def test_open_return_is_not_returned_twice(self):
        self.invoice.action_post()
        picking = self.invoice.customer_approval_picking_ids
        wizard = (
            self.env["stock.return.picking"]
            .with_context(active_id=picking.id, active_model="stock.picking")
            .create({"picking_id": picking.id})
        )
        wizard.product_return_moves.quantity = 2
        back = wizard._create_return()
        self.invoice.button_draft()
        self.assertEqual(self._on_hand(), (10, 0))
        self.assertEqual(back.state, "cancel")

    def test_goods_of_an_order_leave_once(self):
        self.production.requires_customer_approval = False
        self.order.action_confirm()
        self.order.picking_ids.move_ids.picked = True
        self.order.picking_ids.with_context(skip_sms=True).button_validate()
        self.assertEqual(self._on_hand(), (7, 0))
        invoice = self.order._create_invoices()
        invoice.action_post()
        self.assertFalse(invoice.customer_approval_picking_ids)
        self.assertEqual(self._on_hand(), (7, 0))

    def test_unapproved_invoice_touches_no_stock(self):
        self.invoice_posted.requires_customer_approval = True
        with self.assertRaises(UserError) as catcher:
            self.invoice.action_post()
        self.assertRegex(str(catcher.exception), "customer approval is required")
        self.assertFalse(self.invoice.customer_approval_picking_ids)
        self._bring_to_status(self.invoice, "approved")
        self.invoice.action_post()
        self.assertEqual(self._on_hand(), (6, 0))
