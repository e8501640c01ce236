# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Beside other apps: flows of theirs, which are played where they are installed. See
``make test-apps``. The first line of each test says what is expected."""

import odoo.http
from odoo import SUPERUSER_ID
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from ..tools.event_data import Answer
from .common import ApprovalCommon


class AppsCommon(ApprovalCommon):
    needs = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        modules = cls.env["ir.module.module"].sudo()
        for name in cls.needs:
            if modules._get(name).state != "installed":
                cls.skipTest(cls, f"needs {name}")

    def _approve(self, order):
        self._bring_to_status(order, "approved")
        return order


@tagged("post_install", "-at_install")
class TestAppsRights(ApprovalCommon):
    def test_every_role_reads_all_of_what_it_may_open(self):
        """Each of Odoo's own roles reads all fields of orders, lines and invoices."""
        self._bring_to_status(self.sale_order, "approved")
        self.production.requires_customer_approval = False
        order = self._create_order()
        order.action_confirm()
        invoice = order._create_invoices()
        roles = self.env["res.groups"].search([("privilege_id", "!=", False)])
        for number, role in enumerate(roles):
            user = new_test_user(
                self.env,
                f"role{number}",
                context={"no_reset_password": True},
                groups="base.group_user",
            )
            user.group_ids += role
            for record in (order, order.order_line, invoice, invoice.invoice_line_ids):
                own = record.with_user(user)
                if not own.has_access("read"):
                    continue
                own.invalidate_recordset()
                with self.subTest(role=role.full_name, model=record._name):
                    self._read_ours(own)

    def _read_ours(self, records):
        """Core's own fields are core's matter: not every role may read all of those."""
        names = [
            name
            for name, field in records._fields.items()
            if any("customer_approval" in module for module in field._modules)
            and records._has_field_access(field, "read")
        ]
        self.assertEqual(len(records.read(names)), len(records))


@tagged("post_install", "-at_install")
class TestAppsShop(HttpCase, AppsCommon):
    needs = ("website_sale",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "website" not in cls.env:
            return
        cls.website = cls.env["website"].search([], limit=1)
        cls.free = cls.env["product.product"].create(
            {
                "name": "Free sample",
                "list_price": 0,
                "type": "service",
                "website_published": True,
                "taxes_id": False,
            }
        )

    def _create_cart(self, user=None):
        orders = self.env["sale.order"].with_user(user or SUPERUSER_ID)
        return orders.create(
            {
                "partner_id": self.partner.id,
                "website_id": self.website.id,
                "company_id": self.website.company_id.id,
                "order_line": [Command.create({"product_id": self.free.id})],
            }
        ).sudo()

    def _finish(self, cart, post=True):
        session = self.authenticate(None, None)
        session["sale_order_id"] = session["sale_last_order_id"] = cart.id
        odoo.http.root.session_store.save(session)
        self.env.flush_all()
        data = {"csrf_token": odoo.http.Request.csrf_token(self)} if post else None
        with mute_logger("odoo.http"):
            response = self.url_open("/shop/payment/validate", data=data)
        self.env.invalidate_all()
        return response

    def test_a_cart_of_nothing_that_is_accepted(self):
        """The shopper's order of 0.00 is their yes: confirmed, and shown so."""
        cart = self._create_cart()
        response = self._finish(cart)
        self.assertEqual(response.status_code, 200)
        self.assertIn("/shop/confirmation", response.url)
        self.assertEqual(cart.customer_approval_status, "approved")
        self.assertEqual(cart.state, "sale")

    def test_a_cart_of_nothing_that_waits(self):
        """Where more is needed the cart is left, the order waits, staff are told."""
        self.production.minimum_evidence = "link"
        for post in (True, False):
            cart = self._create_cart()
            response = self._finish(cart, post)
            self.assertEqual(response.status_code, 200)
            self.assertIn("/shop/confirmation", response.url)
            self.assertEqual(cart.state, "sent")
            self.assertEqual(cart.advance_stage_id, self.production)
            activity = cart.activity_ids[:1]
            self.assertIn("ordered in the shop", activity.note)
            self.assertTrue(activity.user_id._is_internal())

    def test_orders_of_staff_are_no_carts(self):
        """An order that staff made, or somebody else's cart, is nobody's yes here."""
        order = self._create_cart(self.salesperson)
        self._finish(order)
        self.assertEqual(order.customer_approval_status, "not_required")
        cart = self._create_cart()
        new_test_user(
            self.env,
            "shopper",
            groups="base.group_portal",
            partner_id=self.partner.id,
        )
        self._finish(cart)
        self.assertEqual(cart.customer_approval_status, "not_required")

    def test_a_payment_link_is_no_yes(self):
        """Paying in the shop is a yes; paying by a link of staff is none."""
        for route, expected in (
            ("/shop/payment/validate", True),
            ("/payment/confirmation", False),
        ):
            cart = self._create_cart()
            transaction = self.env["payment.transaction"].new(
                {"partner_id": cart.partner_id.id, "landing_route": route}
            )
            self.assertEqual(transaction._is_customers_consent(cart), expected)

    def test_opening_the_address_is_no_yes(self):
        """A GET of the last step approves nothing."""
        cart = self._create_cart()
        self._finish(cart, post=False)
        self.assertEqual(cart.customer_approval_status, "not_required")
        self.assertEqual(cart.state, "sent")


@tagged("post_install", "-at_install")
class TestAppsRepair(AppsCommon):
    needs = ("repair", "customer_approval_gate_stock")

    def test_an_extra_part(self):
        """A repair's extra part becomes a change order; the order stays approved."""
        service = self._create_product(
            name="Repair", type="service", service_tracking="repair", list_price=200
        )
        part = self._create_product(name="Part", type="consu", list_price=40)
        order = self._create_order(
            order_line=[Command.create({"product_id": service.id})]
        )
        self._approve(order).action_confirm()
        repair = order.repair_order_ids
        user = new_test_user(self.env, "repairer", groups="stock.group_stock_user")
        moves = self.env["stock.move"].with_user(user)
        for number in (1, 2):
            move = moves.create(
                {
                    "repair_id": repair.id,
                    "product_id": part.id,
                    "product_uom_qty": 1,
                    "repair_line_type": "add",
                }
            )
            change = order.customer_approval_change_ids
            self.assertEqual(len(change), 1)
            self.assertEqual(len(change.order_line), number)
            self.assertEqual(move.sudo().sale_line_id.order_id, change)
        self.assertEqual(order.customer_approval_status, "approved")
        self.assertEqual(change.customer_approval_status, "not_required")
        with self._refused("customer approval is required"):
            change.action_confirm()
        self._approve(change).action_confirm()
        self.assertEqual(change.state, "sale")
        order._action_cancel()
        self.assertEqual(order.state, "cancel")


@tagged("post_install", "-at_install")
class TestAppsExpense(AppsCommon):
    needs = ("sale_expense",)

    def test_an_expense_that_is_re_invoiced(self):
        """An employee's expense can be posted onto an approved order."""
        employee = self.env["hr.employee"].create(
            {"name": "Emil", "work_email": "emil@example.com"}
        )
        product = self._create_product(
            name="Taxi",
            type="service",
            can_be_expensed=True,
            expense_policy="cost",
            standard_price=0,
        )
        order = self._approve(self._create_order())
        order.action_confirm()
        expense = self.env["hr.expense"].create(
            {
                "name": "Taxi",
                "employee_id": employee.id,
                "product_id": product.id,
                "total_amount_currency": 60,
                "sale_order_id": order.id,
                "tax_ids": False,
                "payment_mode": "own_account",
            }
        )
        expense.action_submit()
        expense.sudo().action_approve()
        action = expense.action_post()
        if isinstance(action, dict):
            context = {
                **(action.get("context") or {}),
                "active_ids": expense.ids,
                "active_model": "hr.expense",
            }
            wizard = self.env["hr.expense.post.wizard"].with_context(**context)
            wizard.create({}).action_post_entry()
        self.assertTrue(order.order_line.filtered("is_expense"))
        self.assertEqual(order._filter_customer_approved(), order)


@tagged("post_install", "-at_install")
class TestAppsTierValidation(AppsCommon):
    needs = ("sale_tier_validation",)

    def test_the_answer_stays_while_a_manager_reviews(self):
        """The answer is kept; the order waits for the review, in its words."""
        self.pending_stage.approved_stage_id = self.production
        reviewer = new_test_user(
            self.env, "reviewer", groups="sales_team.group_sale_manager"
        )
        self.env["tier.definition"].create(
            {
                "name": "Manager",
                "model_id": self.env.ref("sale.model_sale_order").id,
                "review_type": "individual",
                "reviewer_id": reviewer.id,
            }
        )
        order = self._create_order()
        order.stage_id = self.pending_stage
        order.with_user(self.salesperson).request_validation()
        request = order.sudo()._open_customer_approval(mail=False)
        request._decide(Answer("approved", "Ada Approver", "link"))
        self.assertEqual(order.customer_approval_status, "approved")
        self.assertEqual(order.advance_stage_id, self.production)
        order.invalidate_recordset()
        order.with_user(reviewer).validate_tier()
        order.sudo()._advance_after("deposit_complete")
        self.assertEqual(order.state, "sale")


@tagged("post_install", "-at_install")
class TestAppsException(AppsCommon):
    needs = ("sale_exception",)

    def test_its_own_words_are_passed_on(self):
        """A drag that an exception refuses says which."""
        self.env["exception.rule"].search([]).active = False
        self.env["exception.rule"].create(
            {
                "name": "No telephone number",
                "description": "Enter one.",
                "model": "sale.order",
                "code": "failed = True",
                "exception_type": "by_py_code",
            }
        )
        order = self._approve(self._create_order())
        with self._refused("No telephone number"):
            order.stage_id = self.production


@tagged("post_install", "-at_install")
class TestAppsTogether(AppsCommon):
    def test_the_customers_order_number(self):
        """What the customer adds, their order number, ends no request or approval."""
        order = self._create_order()
        request = self._bring_to_status(order, "pending")
        order.client_order_ref = "PO 4711"
        self.assertEqual(request.state, "pending")
        self.assertFalse(request._is_outdated())
        request._decide(Answer("approved", "Ada Approver", "link"))
        order.client_order_ref = "PO 4712"
        self.assertEqual(order.customer_approval_status, "approved")
        order.action_confirm()
        self.assertEqual(order.state, "sale")
        self.assertFalse(order._find_content_problems())
        self.assertNotIn("tolerated", request.event_ids.mapped("kind"))
        with self.assertRaises(UserError):
            order.note = "Something else"
