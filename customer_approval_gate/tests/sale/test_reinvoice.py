# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Costs that are re-invoiced, by Odoo's own flow."""

from psycopg2.errors import CheckViolation

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.sale.tests.common import TestSaleCommon

from ..common import ApprovalMixin


@tagged("post_install", "-at_install")
class TestReinvoice(ApprovalMixin, TestSaleCommon):
    @classmethod
    def get_default_groups(cls):
        groups = super().get_default_groups()
        for name in (
            "project.group_project_manager",
            "analytic.group_analytic_accounting",
        ):
            groups |= cls.env.ref(name, False) or groups
        return groups

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "project_id" not in cls.env["sale.order"]._fields:
            cls.skipTest(cls, "needs sale_project")
        cls._set_up_approval()
        cls.production.requires_customer_approval = True
        cls.partner_a.email = "a@example.com"
        cls.account = cls.env["account.analytic.account"].create(
            {
                "name": "Fitting",
                "plan_id": cls.env.ref("analytic.analytic_plan_projects").id,
                "company_id": cls.env.company.id,
            }
        )
        cls.project = cls.env["project.project"].create(
            {
                "name": "Fitting",
                "account_id": cls.account.id,
                "allow_billable": True,
                "partner_id": cls.partner_a.id,
                "company_id": cls.env.company.id,
            }
        )
        cls.salesperson = cls._create_salesperson(
            company_id=cls.env.company.id,
            company_ids=[Command.set(cls.env.company.ids)],
        )

    def _create_cost(self, **values):
        return self.env["product.product"].create(
            {
                "name": "Hotel",
                "type": "service",
                "list_price": 55,
                "taxes_id": False,
                "supplier_taxes_id": False,
                "expense_policy": "cost",
                "invoice_policy": "order",
                **values,
            }
        )

    def _create_confirmed_order(self, status="approved", price=1000):
        order = self.env["sale.order"].create(
            {
                "partner_id": self.partner_a.id,
                "project_id": self.project.id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": self.company_data["product_order_no"].id,
                            "product_uom_qty": 1,
                            "price_unit": price,
                            "tax_ids": False,
                        }
                    )
                ],
            }
        )
        self._bring_to_status(order, status)
        order.action_confirm()
        return order

    def _post_bill(self, product, quantity=3, price=20):
        bill = self.env["account.move"].create(
            {
                "move_type": "in_invoice",
                "partner_id": self.partner_b.id,
                "invoice_date": fields.Date.today(),
                "invoice_line_ids": [
                    Command.create(
                        {
                            "product_id": product.id,
                            "quantity": quantity,
                            "price_unit": price,
                            "tax_ids": False,
                            "analytic_distribution": (
                                self.project._get_analytic_distribution()
                            ),
                        }
                    )
                ],
            }
        )
        bill.action_post()
        self.env.flush_all()
        return bill

    def _get_costs(self, order):
        return order.order_line.filtered("is_expense")

    def test_bills(self):
        for expense_policy in ("cost", "sales_price"):
            for invoice_policy in ("order", "delivery"):
                with self.subTest(expense_policy, invoice=invoice_policy):
                    order = self._create_confirmed_order()
                    product = self._create_cost(
                        expense_policy=expense_policy, invoice_policy=invoice_policy
                    )
                    bill = self._post_bill(product)
                    self._post_bill(product, 2)
                    lines = self._get_costs(order)
                    self.assertEqual(sum(lines.mapped("qty_delivered")), 5)
                    self._assert_approved(order)
                    bill.button_draft()
                    self._assert_approved(order)
                    bill.action_post()
                    self._assert_approved(order)
                    bill.button_draft()
                    bill.button_cancel()
                    self._assert_approved(order)
                    order.write({"stage_id": self.quality.id})
                    order._action_cancel()

    def _assert_approved(self, order):
        self.env.flush_all()
        self.assertEqual(order._filter_customer_approved(), order)
        self.assertEqual(order.customer_approval_status, "approved")
        self.assertFalse(order._find_content_problems())

    def test_what_was_added_stays_as_it_was_added(self):
        order = self._create_confirmed_order()
        self._post_bill(self._create_cost(invoice_policy="delivery"))
        line = self._get_costs(order)
        line.qty_delivered = 0
        with self.assertRaises(UserError):
            line.price_unit = 9999
            self.env.flush_all()

    def test_an_order_below_the_amount_grows_by_no_line_that_was_added(self):
        self.production.approval_from_amount = 5000
        order = self._create_confirmed_order("not_required")
        self._post_bill(self._create_cost())
        line = self._get_costs(order)
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(CheckViolation, "so large a total"),
            self.env.cr.savepoint(),
        ):
            line.write({"product_uom_qty": 100, "price_unit": 500})
            self.env.flush_all()

    def test_a_pending_request_goes_on(self):
        order = self.env["sale.order"].create(
            {
                "partner_id": self.partner_a.id,
                "project_id": self.project.id,
                "order_line": [
                    Command.create(
                        {"product_id": self.company_data["product_order_no"].id}
                    )
                ],
            }
        )
        self.production.requires_customer_approval = False
        order.action_confirm()
        request = self._bring_to_status(order, "pending")
        self._post_bill(self._create_cost())
        self.assertTrue(self._get_costs(order))
        self.assertEqual(request.state, "pending")
        self.assertFalse(request._is_outdated())

    def test_what_was_added_does_not_grow(self):
        order = self._create_confirmed_order()
        self._post_bill(self._create_cost())
        line = self._get_costs(order).with_user(self.salesperson)
        for values in (
            {"price_unit": 5000},
            {"product_uom_qty": 30},
            {"discount": -50},
        ):
            with self.subTest(values), self._refused("cannot be changed"):
                line.write(values)
        line.product_uom_qty = 1
        self._assert_approved(order)

    def test_what_somebody_types_is_none(self):
        order = self._create_confirmed_order()
        for values in ({}, {"product_uom_qty": 0, "qty_delivered": 7}):
            with self._refused("cannot be changed"):
                self.env["sale.order.line"].with_user(self.salesperson).create(
                    {
                        "order_id": order.id,
                        "product_id": self._create_cost().id,
                        "price_unit": 5000,
                        "is_expense": True,
                        **values,
                    }
                )
        with self._refused("cannot be changed"):
            order.order_line[0].with_user(self.salesperson).write(
                {"is_expense": True, "price_unit": 5000}
            )

    def test_an_invoice_of_it_is_not_covered(self):
        self.invoice_posted.requires_customer_approval = True
        order = self._create_confirmed_order()
        self._post_bill(self._create_cost())
        invoice = order._create_invoices()
        self.assertEqual(invoice.amount_total, 1060)
        self.assertEqual(invoice.customer_approval_status, "not_required")
        with self.assertRaisesRegex(UserError, "customer approval is required"):
            invoice.action_post()

    def test_down_payments_are_part_of_what_was_approved(self):
        self.invoice_posted.requires_customer_approval = True
        order = self._create_confirmed_order()
        self._post_bill(self._create_cost(), 10, 100)
        self.assertEqual(order.amount_total, 2000)
        wizard = self.env["sale.advance.payment.inv"].create(
            {
                "sale_order_ids": [Command.set(order.ids)],
                "advance_payment_method": "fixed",
                "fixed_amount": 1300,
            }
        )
        invoice = wizard._create_invoices(order)
        self.env.flush_all()
        self.assertEqual(invoice.customer_approval_status, "not_required")

    def test_small_orders_do_not_grow_by_it(self):
        self.production.approval_from_amount = 1500
        order = self._create_confirmed_order("not_required")
        self._post_bill(self._create_cost(), 9, 100)
        self.assertEqual(order.amount_total, 1900)
        self.assertEqual(order.stage_id, self.production)
