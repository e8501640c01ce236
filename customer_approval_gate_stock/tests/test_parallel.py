# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Two orders that want the same last item, on connections of their own."""

import threading
from contextlib import contextmanager

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.service.model import retrying
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger


@tagged("post_install", "-at_install")
class TestParallel(TransactionCase):
    """What is written here is committed, as other connections have to see it."""

    @contextmanager
    def _connection(self):
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})

    def setUp(self):
        super().setUp()
        with self._connection() as env:
            ref = env.ref
            self.stage_id = ref("customer_approval_gate.stage_order_delivered").id
            stages = env["customer.approval.stage"].search([])
            self.flags = [(s.id, s.requires_customer_approval) for s in stages]
            stages.requires_customer_approval = False
            env["customer.approval.stage"].browse(
                self.stage_id
            ).inventory_action = "deliver"
            env.company.customer_approval_shortage = "refuse"
            product = env["product.product"].create(
                {"name": "The last one", "type": "consu", "is_storable": True}
            )
            shelf = (
                env["stock.warehouse"]
                .search([("company_id", "=", env.company.id)], limit=1)
                .lot_stock_id
            )
            env["stock.quant"]._update_available_quantity(product, shelf, 1)
            partner = env["res.partner"].create({"name": "Two at Once"})
            orders = env["sale.order"].create(
                [
                    {
                        "partner_id": partner.id,
                        "order_line": [Command.create({"product_id": product.id})],
                    }
                    for _number in range(2)
                ]
            )
            self.order_ids, self.product_id, self.shelf_id = (
                orders.ids,
                product.id,
                shelf.id,
            )
        self.addCleanup(self._put_back)

    def _put_back(self):
        with self._connection() as env:
            Stage = env["customer.approval.stage"]
            Stage.browse(self.stage_id).inventory_action = False
            for stage_id, flag in self.flags:
                Stage.browse(stage_id).requires_customer_approval = flag

    def test_one_gets_it(self):
        met = {}
        both_ready = threading.Barrier(2)

        def move(order_id):
            with self.registry.cursor() as cr:
                env = api.Environment(cr, SUPERUSER_ID, {})

                def deliver():
                    order = env["sale.order"].browse(order_id)
                    order.stage_id.name  # noqa: B018  the transaction begins
                    if order_id not in met:
                        met[order_id] = "tried"
                        both_ready.wait(30)
                    order.stage_id = self.stage_id
                    env.flush_all()

                try:
                    retrying(deliver, env)
                    met[order_id] = "delivered"
                except UserError as error:
                    cr.rollback()  # as whoever answers a call does
                    met[order_id] = str(error)

        threads = [
            threading.Thread(target=move, args=(order_id,))
            for order_id in self.order_ids
        ]
        with mute_logger("odoo.sql_db", "odoo.service.model"):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(120)
        answers = sorted(met.values())
        self.assertEqual(answers.count("delivered"), 1, answers)
        self.assertIn("0 of 1", next(a for a in answers if a != "delivered"))
        with self._connection() as env:
            orders = env["sale.order"].browse(self.order_ids)
            delivered = orders.filtered(lambda o: o.stage_id.id == self.stage_id)
            self.assertEqual(len(delivered), 1)
            self.assertEqual(delivered.order_line.qty_delivered, 1)
            rest = orders - delivered
            self.assertEqual(rest.state, "draft")
            self.assertFalse(rest.order_line.move_ids)
            quant = env["stock.quant"].search(
                [
                    ("product_id", "=", self.product_id),
                    ("location_id", "=", self.shelf_id),
                ]
            )
            self.assertEqual(sum(quant.mapped("quantity")), 0)
            self.assertEqual(sum(quant.mapped("reserved_quantity")), 0)
