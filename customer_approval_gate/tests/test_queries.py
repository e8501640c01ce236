# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.fields import Command
from odoo.tests import tagged

from .common import ApprovalCommon


@tagged("post_install", "-at_install")
class TestQueries(ApprovalCommon):
    """What the gate costs, in queries: the same for 10 documents and for 100."""

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

    def _count(self, function):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        function()
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def _moves(self, stage, status):
        counts = []
        for count in (10, 100):
            orders = self._orders(count, status)
            counts.append(
                self._count(lambda orders=orders: orders.write({"stage_id": stage.id}))
            )
        return counts

    def test_move_without_a_gate(self):
        self.production.requires_customer_approval = False
        ten, hundred = self._moves(
            self.quote.copy({"document_state": False}), "pending"
        )
        self.assertEqual(ten, hundred)

    def test_gate_alone(self):
        for status in ("not_required", "approved"):
            counts = []
            for count in (10, 100):
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
        # Requests, lines, taxes, products, units, attributes; and the requests behind
        # what blocks the next stage.
        self.assertLessEqual(gated[1] - free[1], 8)

    def test_confirming_costs_eleven_more_at_most(self):
        """Against Odoo's own confirmation, which this addon's write() is around: five
        for the gate, one for the lines that Odoo has added, the event, and what
        follows: actions, and what blocks next."""

        def confirm_and_count(count):
            orders = self._orders(count, "approved")
            return self._count(orders.action_confirm)

        with_addon = [confirm_and_count(count) for count in (10, 100)]
        order_class = self.env.registry["sale.order"]
        core_write = order_class._write_unstaged

        def plain_write(orders, vals):
            return core_write(orders, vals)

        self.patch(order_class, "_write_state", plain_write)
        without = [confirm_and_count(count) for count in (10, 100)]
        # Other addons may ask for each order; this one's part does not grow.
        ten, hundred = (
            count - plain for count, plain in zip(with_addon, without, strict=True)
        )
        self.assertLessEqual(hundred, ten, (with_addon, without))
        self.assertLessEqual(hundred, 11)

    def test_what_customers_add_costs_no_query_a_document(self):
        for status in ("pending", "approved"):
            counts = []
            for count in (10, 100):
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
            for count in (10, 100)
        )
        order_class = self.env.registry["sale.order"]
        self.patch(order_class, "_after_staged_create", lambda orders: None)
        ten_free, hundred_free = (
            self._count(lambda count=count: Order.create(vals_list(count)))
            for count in (10, 100)
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
        ten, thousand = (
            self._count(lambda o=o: o._open_customer_approval(mail=False))
            for o in (order(10), order(1000))
        )
        self.assertEqual(ten, thousand)
