# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged

from ..models.stage.customer_approval_stage import STAGES_CHANGED
from ..tools import capability
from .common import ApprovalCommon

FEW, MANY = 10, 40
"""What costs a query a document shows between these."""


def _never_used(stages, model):
    """As long as nobody has used any stage: the demo data have."""
    return False


@tagged("post_install", "-at_install")
class TestQueries(ApprovalCommon):
    """What the gate costs, in queries: the same for few documents and for many."""

    def setUp(self):
        super().setUp()
        self._as_if_committed()

    def _orders(self, count, status="not_required"):
        orders = self.env["sale.order"].create(
            [
                {
                    "partner_id": self.partner.id,
                    "order_line": [
                        Command.create({"product_id": self.product.id}),
                    ],
                }
                for _number in range(count)
            ]
        )
        self._bring_to_status(orders, status)
        return orders

    def _as_if_committed(self):
        """Stages were changed long ago, and every process knows them."""
        if not capability.memory(self.env).pop(STAGES_CHANGED, None):
            return
        self.addCleanup(self.env.registry.clear_cache)
        self.env.registry.clear_cache()
        stages = self.env["customer.approval.stage"]
        for document_type in stages._document_models():
            stages._get_list(document_type)
            stages._is_list_in_use(document_type)

    def _count(self, function):
        self._as_if_committed()
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        function()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def _moves(self, stage, status):
        counts = []
        for count in (1, FEW, MANY):  # the first one fills caches
            orders = self._orders(count, status)
            counts.append(
                self._count(lambda orders=orders: orders.write({"stage_id": stage.id}))
            )
        return counts[1:]

    def test_move_without_a_gate(self):
        self.production.requires_customer_approval = False
        ten, hundred = self._moves(
            self.quote.copy({"document_state": False}), "pending"
        )
        self.assertEqual(ten, hundred)

    def test_gate_alone(self):
        for status in ("not_required", "approved"):
            counts = []
            for count in (FEW, MANY):
                orders = self._orders(count, status)
                counts.append(
                    self._count(lambda o=orders: o._gate_blockers(self.production))
                )
            self.assertEqual(*counts, status)

    def test_gated_move_against_the_same_move_without_a_gate(self):
        stage = self.quote.copy({"document_state": False, "sequence": 55})
        gated = self._moves(stage, "approved")
        self.production.requires_customer_approval = False
        free = self._moves(stage, "approved")
        self.assertEqual(gated[0], gated[1])
        # Requests, lines, taxes, products, units, attributes; the requests behind what
        # blocks the next stage; and what follows a move where stages do anything.
        self.assertLessEqual(gated[1] - free[1], 11)

    def test_confirming_costs_eleven_more_at_most(self):
        """Against Odoo's own confirmation, which this addon's write() is around: five
        for the gate, one for the lines that Odoo has added, the event, and what
        follows: actions, and what blocks next."""

        def confirm_and_count(count):
            orders = self._orders(count, "approved")
            return self._count(orders.action_confirm)

        with_addon = [confirm_and_count(count) for count in (FEW, MANY)]
        order_class = self.env.registry["sale.order"]
        core_write = order_class._write_unstaged

        def plain_write(orders, vals):
            return core_write(orders, vals)

        self.patch(order_class, "_write_state", plain_write)
        without = [confirm_and_count(count) for count in (FEW, MANY)]
        # Other addons may ask for each order; this one's part does not grow.
        few, many = (
            count - plain for count, plain in zip(with_addon, without, strict=True)
        )
        self.assertLessEqual(many, few, (with_addon, without))
        self.assertLessEqual(many, 11)

    def test_unused_costs_two_queries_at_most(self):
        """While no stage asks for anything, a batch takes two queries more than plain
        Odoo: for the stages, and for whether any was ever used."""
        self.production.requires_customer_approval = False
        stages = self.env["customer.approval.stage"]
        self.patch(self.env.registry[stages._name], "_is_history_kept", _never_used)
        self.assertFalse(stages._is_list_in_use("sale_order"))
        orders = self._orders(10)
        own = self._count(lambda: orders.write({"state": "sent"}))
        order_class = self.env.registry["sale.order"]
        core_write = order_class._write_unstaged
        self.patch(order_class, "_write_state", lambda o, vals: core_write(o, vals))
        others = self._orders(10)
        plain = self._count(lambda: others.write({"state": "sent"}))
        self.assertLessEqual(own - plain, 2)

    def test_a_request_without_any_flag_is_withdrawn_on_change(self):
        self.production.requires_customer_approval = False
        order = self._create_order()
        request = self._bring_to_status(order, "pending")
        self._as_if_committed()
        order.order_line[0].price_unit += 1
        self.env.flush_all()
        self.assertEqual(request.state, "withdrawn")
        request = self._bring_to_status(order, "pending")
        order.note = "<p>Something else</p>"
        self.env.flush_all()
        self.assertEqual(request.state, "withdrawn")
        request = self._bring_to_status(order, "pending")
        order.order_line.unlink()
        self.env.flush_all()
        self.assertEqual(request.state, "withdrawn")

    def test_a_drag_is_history_from_the_first_on(self):
        self.production.requires_customer_approval = False
        stages = self.env["customer.approval.stage"]
        events = self.env["customer.approval.event"]
        order, other = self._orders(2)
        kinds = [
            ("res_model", "=", "sale.order"),
            ("res_id", "in", (order | other).ids),
        ]
        model = self.env.registry[stages._name]
        with patch.object(model, "_is_history_kept", _never_used):
            other.action_quotation_sent()
            self.assertFalse(events.search(kinds), "Odoo's own history says it")
            order.stage_id = self.quality
            self.assertEqual(events.search(kinds).mapped("kind"), ["stage_changed"])
        self.assertTrue(stages._is_history_kept("sale.order"))

    def test_what_customers_add_costs_no_query_a_document(self):
        for status in ("pending", "approved"):
            counts = []
            for count in (FEW, MANY):
                orders = self._orders(count, status)
                counts.append(
                    self._count(
                        lambda o=orders: o.write({"client_order_ref": "PO 4711"})
                    )
                )
            self.assertEqual(*counts, status)

    def test_create_costs_no_query_a_record(self):
        def vals_list(count):
            return [{"partner_id": self.partner.id} for _number in range(count)]

        Order = self.env["sale.order"]
        Order.create(vals_list(1))  # warm
        ten, hundred = (
            self._count(lambda count=count: Order.create(vals_list(count)))
            for count in (FEW, MANY)
        )
        order_class = self.env.registry["sale.order"]
        self.patch(order_class, "_after_staged_create", lambda orders: None)
        ten_free, hundred_free = (
            self._count(lambda count=count: Order.create(vals_list(count)))
            for count in (FEW, MANY)
        )
        self.assertEqual(hundred - hundred_free, ten - ten_free)
        self.assertLessEqual(hundred - hundred_free, 5)

    def test_freezing_costs_no_query_a_line(self):
        def order(lines):
            values = {"product_id": self.product.id}
            return self.env["sale.order"].create(
                {
                    "partner_id": self.partner.id,
                    "order_line": [Command.create(dict(values)) for _n in range(lines)],
                }
            )

        order(1)._open_customer_approval(mail=False)  # warm
        few, many = (
            self._count(lambda o=o: o._open_customer_approval(mail=False))
            for o in (order(FEW), order(200))
        )
        self.assertEqual(few, many)
