# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What was approved stays what it is: every route into content, and the ways on."""

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, HttpCase, JsonRpcException, tagged

from ...tools import capability, ledger
from ..common import ApprovalCommon


@tagged("post_install", "-at_install")
class TestLock(ApprovalCommon):
    def setUp(self):
        super().setUp()
        self.order = self._create_order()
        self.request = self._bring_to_status(self.order, "approved")
        self.order = self.order.with_user(self.salesperson)
        self.line = self.order.order_line

    def _routes(self):
        """Every route into content: its name, and a function that takes it."""
        order, line = self.order, self.line
        product = self._create_product(name="Another")
        tax = self.env["account.tax"].create(
            {"name": f"Tax {self.order.stage_id.name}", "amount": 7}
        )

        def save_form():
            with Form(order) as form, form.order_line.edit(0) as line_form:
                line_form.product_uom_qty = 9

        def load():
            result = self.env["sale.order"].load(
                ["id", "note"], [["__import__.locked_order", "Other"]]
            )
            self._raise_messages(result)

        routes = {
            "form": save_form,
            "line price": lambda: line.write({"price_unit": 1}),
            "line quantity": lambda: line.write({"product_uom_qty": 5}),
            "line description": lambda: line.write({"name": "Something else"}),
            "line discount": lambda: line.write({"discount": 5}),
            "line taxes": lambda: line.write({"tax_ids": [Command.set(tax.ids)]}),
            "line product": lambda: line.write({"product_id": product.id}),
            "line removed": line.unlink,
            "line added": lambda: line.copy({"order_id": order.id}),
            "line by command": lambda: order.write(
                {"order_line": [Command.create({"product_id": product.id})]}
            ),
            "note added": lambda: order.write(
                {
                    "order_line": [
                        Command.create({"display_type": "line_note", "name": "Free"})
                    ]
                }
            ),
            "superuser": lambda: line.sudo().write({"price_unit": 1}),
            "context keys": lambda: line.with_context(
                tracking_disable=True, install_mode=True, skip_readonly_check=True
            ).write({"price_unit": 1}),
            "web_save": lambda: order.web_save({"note": "<p>Other</p>"}, {"note": {}}),
            "web_save of lines": lambda: order.web_save(
                {"order_line": [Command.update(line.id, {"price_unit": 3})]},
                {"order_line": {}},
            ),
            "header terms": lambda: order.write({"note": "<p>Other terms</p>"}),
            "header customer": lambda: order.write(
                {"partner_id": self.partner.copy().id}
            ),
            "header delivery date": lambda: order.write(
                {"commitment_date": "2030-01-01 00:00:00"}
            ),
            "import": load,
        }
        if "carrier_id" in order._fields:
            routes["delivery price"] = lambda: order.sudo().set_delivery_line(
                self._create_carrier(), 12
            )
        if "applied_coupon_ids" in order._fields:
            routes["loyalty"] = lambda: self._apply_loyalty(order.sudo())
        return routes

    def _raise_messages(self, result):
        if result["messages"]:
            raise UserError(result["messages"][0]["message"])

    def _create_carrier(self, **values):
        return self.env["delivery.carrier"].create(
            {
                "name": "By van",
                "delivery_type": "fixed",
                "fixed_price": 12,
                "product_id": self._create_product(name="Van").id,
                **values,
            }
        )

    def _apply_loyalty(self, order):
        self.env["loyalty.program"].create(
            {
                "name": "Ten percent for everybody",
                "program_type": "promotion",
                "trigger": "auto",
                "rule_ids": [Command.create({"minimum_qty": 0})],
                "reward_ids": [
                    Command.create({"reward_type": "discount", "discount": 10})
                ],
            }
        )
        order._update_programs_and_rewards()
        status = order._get_claimable_rewards()
        for coupon, rewards in status.items():
            result = order._apply_program_reward(rewards[:1], coupon)
            if "error" in result:
                raise UserError(result["error"])

    def _get_content(self):
        self.env.flush_all()
        self.env.invalidate_all()
        order = self.order.sudo()
        return order._get_customer_approval_content()[order.id]

    def test_every_route_into_content(self):
        self.env["ir.model.data"].create(
            {
                "module": "__import__",
                "name": "locked_order",
                "model": "sale.order",
                "res_id": self.order.id,
            }
        )
        before = self._get_content()
        for stage in (self.quote, self.production):
            self.order.sudo().stage_id = stage
            for name, route in self._routes().items():
                with self.subTest(name, stage=stage.name):
                    with self.assertRaises(UserError), self.cr.savepoint():
                        route()
                    self.assertEqual(self._get_content(), before)
                    self.assertEqual(self.order.customer_approval_status, "approved")
            if stage == self.quote:
                self.order.action_confirm()

    def test_the_error_says_what_to_do(self):
        with self.assertRaises(UserError) as catcher:
            self.line.price_unit = 1
        message = str(catcher.exception)
        self.assertIn("Ada Approver approved version 1", message)
        self.assertIn("“Revise”", message)
        self.order.stage_id = self.production
        with self.assertRaises(UserError) as catcher:
            self.line.price_unit = 1
        self.assertIn("“Change Order”", str(catcher.exception))

    def test_what_is_no_content(self):
        self.order.write(
            {
                "user_id": self.env.user.id,
                "tag_ids": [Command.create({"name": "Urgent"})],
            }
        )
        self.order.message_post(body="A note")
        self.order.activity_schedule("mail.mail_activity_data_todo")
        self.order._portal_ensure_token()
        self.order.stage_id = self.production
        self.assertEqual(self.order.customer_approval_status, "approved")

    def test_prices_are_not_recomputed(self):
        """Odoo's button that updates prices writes lines like everybody else."""
        self.product.list_price = 5000
        before = self._get_content()
        with self.assertRaises(UserError), self.cr.savepoint():
            self.order.sudo()._recompute_prices()
        self.assertEqual(self._get_content(), before)

    def test_portal_cannot_choose_options(self):
        self.assertFalse(self.order.sudo()._can_be_edited_on_portal())

    # Odoo's own bookkeeping: the list is in sale.order.line._filter_approval_content()

    def test_down_payment(self):
        self.order.stage_id = self.production
        wizard = self.env["sale.advance.payment.inv"].create(
            {
                "sale_order_ids": [Command.set(self.order.ids)],
                "advance_payment_method": "percentage",
                "amount": 30,
            }
        )
        invoice = wizard._create_invoices(self.order.sudo())
        self.assertTrue(any(self.order.order_line.mapped("is_downpayment")))
        self.assertEqual(self.order.customer_approval_status, "approved")
        self.assertTrue(self.order.sudo()._filter_customer_approved())
        self.assertEqual(invoice.state, "draft")

    def test_delivery_of_what_was_ordered(self):
        self.order.stage_id = self.production
        self.line.qty_delivered = 2
        self.assertTrue(self.order.sudo()._filter_customer_approved())

    def test_expense_that_somebody_typed(self):
        """What Odoo itself re-invoices is in ``test_reinvoice.py``."""
        self.order.stage_id = self.production
        expense = self._create_product(name="Travel", expense_policy="cost")
        with self._refused("cannot be changed"):
            self.env["sale.order.line"].sudo().create(
                {
                    "order_id": self.order.id,
                    "product_id": expense.id,
                    "product_uom_qty": 0,
                    "qty_delivered": 1,
                    "price_unit": 80,
                    "is_expense": True,
                }
            )

    def _order_with_delivery(self, price):
        if "is_delivery" not in self.line._fields:
            self.skipTest("the addon delivery is not installed")
        carrier = self._create_carrier()
        self.env.flush_all()
        # The policy is of the addon stock_delivery, which brings a whole warehouse.
        self.cr.execute(
            "UPDATE delivery_carrier SET invoice_policy = 'real' WHERE id = %s",
            [carrier.id],
        )
        carrier.invalidate_recordset()
        order = self._create_order()
        order.set_delivery_line(carrier, price)
        # With Inventory, Odoo itself leaves the price of such carriers open.
        order.order_line.filtered("is_delivery").price_unit = price
        self._bring_to_status(order, "approved")
        order.stage_id = self.production
        return order, order.order_line.filtered("is_delivery")

    def test_delivery_at_its_real_cost(self):
        order, line = self._order_with_delivery(0)
        line.price_unit = 17
        self.assertEqual(order.customer_approval_status, "approved")
        self.assertTrue(order._filter_customer_approved())
        with self.assertRaises(UserError):
            line.product_uom_qty = 50
        with self.assertRaises(UserError):
            order.order_line.filtered(lambda other: other != line).price_unit = 1

    def test_delivery_whose_price_was_approved(self):
        order, line = self._order_with_delivery(12)
        self.assertTrue(order._filter_customer_approved())
        with self.assertRaises(UserError):
            line.price_unit = 17

    # Revise

    def test_revise(self):
        manager = self._create_manager()
        with self.assertRaises(AccessError):
            capability.call(self.order._revise_customer_approval, "Two more")
        order = self.order.with_user(manager)
        for reason in ("", "  ", None):
            with self.assertRaisesRegex(UserError, "say why"):
                capability.call(order._revise_customer_approval, reason)
        wizard = self.env["customer.approval.revise"].with_user(manager)
        action = order.action_revise_customer_approval()
        wizard.with_context(**action["context"]).create(
            {"reason": "Two more"}
        ).action_revise()
        self.assertEqual(order.customer_approval_status, "not_required")
        self.assertTrue(self.request.lapsed_on)
        event = self.request.event_ids.filtered(lambda e: e.kind == "revised")
        self.assertEqual((event.text, event.user_id), ("Two more", manager))
        with self.assertRaises(UserError):
            self.order.stage_id = self.production
        self.line.product_uom_qty += 2
        second = self._bring_to_status(self.order, "approved")
        self.assertEqual((second.version, second.round), (2, 1))
        self.order.stage_id = self.production

    def _create_manager(self):
        manager = self._create_salesperson("approval_reviser")
        manager.group_ids += self.env.ref("sales_team.group_sale_manager")
        return manager

    def test_revise_what_is_unchanged(self):
        capability.call(self.order.sudo()._revise_customer_approval, "By mistake")
        second = self._bring_to_status(self.order, "approved")
        self.assertEqual((second.version, second.round), (1, 2))

    def test_no_revision_of_what_is_begun(self):
        self.order.stage_id = self.production
        with self.assertRaisesRegex(UserError, "Move it back before the stage"):
            capability.call(self.order.sudo()._revise_customer_approval, "Two more")
        self.assertEqual(self.order.customer_approval_status, "approved")
        # Odoo's rewards cannot be taken away by every salesperson.
        self.order.sudo()._action_cancel()
        self.order.action_draft()
        capability.call(self.order.sudo()._revise_customer_approval, "Two more")
        self.assertEqual(self.order.customer_approval_status, "not_required")

    def test_no_revision_of_what_is_not_approved(self):
        order = self._create_order()
        for status in ("not_required", "pending", "rejected"):
            self._bring_to_status(order, status)
            with self.assertRaisesRegex(UserError, "is not approved"):
                capability.call(order._revise_customer_approval, "Two more")

    # Change orders

    def test_change_order(self):
        with self.assertRaisesRegex(UserError, "is not approved"):
            self._create_order().action_create_change_order()
        self.order.stage_id = self.production
        total = self.order.amount_total
        action = self.order.action_create_change_order()
        change = self.order.browse(action["res_id"])
        self.assertEqual(change.customer_approval_parent_id, self.order)
        self.assertEqual(change.partner_id, self.order.partner_id)
        self.assertFalse(change.order_line, "only what is new")
        self.assertEqual(change.stage_id, self.quote)
        self.assertEqual(change.customer_approval_status, "not_required")
        change.order_line = [
            Command.create({"product_id": self.product.id, "price_unit": 50})
        ]
        both = total + change.amount_total
        for order in (self.order, change):
            self.assertAlmostEqual(order.customer_approval_family_total, both)
        self.assertEqual(self.order.customer_approval_change_count, 1)
        with self.assertRaises(UserError):
            change.action_confirm()
        request = self._bring_to_status(change, "approved")
        self.assertEqual(
            ledger.flat(request.content)["header"]["change_of"]["id"], self.order.id
        )
        change.action_confirm()
        # A change of the change is one of the original.
        second = self.order.browse(change.action_create_change_order()["res_id"])
        self.assertEqual(second.customer_approval_parent_id, self.order)
        second.action_cancel()
        self.assertAlmostEqual(self.order.customer_approval_family_total, both)
        kinds = self.order.sudo().customer_approval_event_ids.mapped("kind")
        self.assertEqual(kinds.count("change_order"), 2)

    # Which changes matter

    def test_tolerance(self):
        company = self.order.company_id.sudo()
        company.write({"customer_approval_tolerance_percent": 10})
        self.assertEqual(
            self.env["customer.approval.event"]
            .sudo()
            .search_count(
                [("res_model", "=", "res.company"), ("kind", "=", "policy_changed")]
            ),
            1,
        )
        self.line.price_unit = 105
        self.assertEqual(self.order.customer_approval_status, "approved")
        event = self.request.event_ids.filtered(lambda e: e.kind == "tolerated")
        self.assertIn("Unit price", event.text)
        self.assertTrue(event.seal)
        # From the approved version on, not from the last change.
        with self.assertRaises(UserError):
            self.line.price_unit = 112
        with self.assertRaises(UserError):
            self.line.price_unit = 95
        self.order.stage_id = self.production
        # What was tolerated stays so, whatever the policy becomes.
        company.write({"customer_approval_tolerance_percent": 0})
        self.assertTrue(self.order.sudo()._filter_customer_approved())
        self.line.price_unit = 100
        with self.assertRaises(UserError):
            self.line.price_unit = 105

    def test_tolerance_that_was_never_recorded_opens_nothing(self):
        """A change by a way round Odoo is none that was tolerated."""
        self.order.company_id.sudo().customer_approval_tolerance_percent = 10
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE sale_order_line SET price_unit = 101 WHERE id = %s", [self.line.id]
        )
        self.env.invalidate_all()
        with self.assertRaises(UserError):
            self.order.stage_id = self.production

    def test_cheaper_typos_dates(self):
        company = self.order.company_id.sudo()
        for values, policy in (
            (
                {"order_line": [Command.update(self.line.id, {"price_unit": 90})]},
                "customer_approval_lower_allowed",
            ),
            (
                {
                    "order_line": [
                        Command.update(self.line.id, {"name": f"{self.line.name}."})
                    ]
                },
                "customer_approval_typos_allowed",
            ),
            (
                {"commitment_date": "2030-01-01 00:00:00"},
                "customer_approval_date_allowed",
            ),
        ):
            with self.subTest(policy):
                with self.assertRaises(UserError):
                    self.order.write(values)
                company[policy] = True
                self.order.write(values)
                self.assertEqual(self.order.customer_approval_status, "approved")
        self.order.stage_id = self.production

    def test_pending_tolerates_nothing(self):
        company = self.order.company_id.sudo()
        company.customer_approval_tolerance_percent = 10
        order = self._create_order()
        request = self._bring_to_status(order, "pending")
        order.order_line.price_unit = 101
        self.assertEqual(request.state, "withdrawn")


@tagged("post_install", "-at_install")
class TestCatalogLock(HttpCase, ApprovalCommon):
    def test_catalog(self):
        """The product catalog has a route of its own."""
        order = self._create_order()
        self._bring_to_status(order, "approved")
        self.authenticate(self.salesperson.login, self.salesperson.login)
        for product, quantity in ((self._create_product(), 3), (self.product, 1)):
            with self.assertRaisesRegex(JsonRpcException, "UserError"):
                self.make_jsonrpc_request(
                    "/product/catalog/update_order_line_info",
                    {
                        "res_model": "sale.order",
                        "order_id": order.id,
                        "product_id": product.id,
                        "quantity": quantity,
                    },
                )
        self.assertEqual(order.order_line.product_uom_qty, 2)
