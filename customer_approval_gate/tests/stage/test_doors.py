# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Ways round that somebody with full rights has found, by kind."""

from psycopg2.errors import CheckViolation

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ...tools import capability
from ...tools.event_data import Answer
from ..account.test_invoice import InvoiceCommon
from ..common import ApprovalCommon
from ..evidence.test_evidence import EvidenceMixin


@tagged("post_install", "-at_install")
class TestMoney(InvoiceCommon, EvidenceMixin):
    """Money is not asked for before the approval, whatever asks for it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids |= cls.env.ref("sales_team.group_sale_manager")

    def test_a_receipt_has_the_gate_of_invoices(self):
        receipt = self._create_draft("out_receipt")
        self.assertEqual(self._state(receipt), (self.invoice_draft, "draft"))
        with self._refused("customer approval is required"):
            receipt.action_post()
        with self._refused("customer approval is required"):
            receipt.stage_id = self.invoice_posted
        self._bring_to_status(receipt, "approved")
        receipt.action_post()
        self.assertEqual(self._state(receipt), (self.invoice_posted, "posted"))

    def test_a_receipt_that_was_an_entry(self):
        receipt = self._create_draft("in_receipt")
        self.assertFalse(receipt.stage_id)
        receipt.move_type = "out_receipt"
        self.assertEqual(receipt.stage_id, self.invoice_draft)

    def _bill_down_payment(self, order):
        wizard = self.env["sale.advance.payment.inv"].create(
            {
                "advance_payment_method": "percentage",
                "amount": 50,
                "sale_order_ids": [Command.set(order.ids)],
            }
        )
        return wizard._create_invoices(order)

    def _create_order(self):
        return self.env["sale.order"].create(
            {
                "partner_id": self.partner_a.id,
                "order_line": [
                    Command.create({"product_id": self.product_a.id, "price_unit": 100})
                ],
            }
        )

    def test_down_payments_follow_the_list_of_invoices(self):
        order = self._create_order()
        order.action_confirm()
        invoice = self._bill_down_payment(order)
        with self._refused("customer approval is required"):
            invoice.action_post()

    def test_billed_before_approval(self):
        """Where invoices have no gate they are posted, and one is told."""
        self.invoice_posted.requires_customer_approval = False
        order = self._create_order()
        order.action_confirm()
        self._bill_down_payment(order).action_post()
        self.assertFalse(order.customer_approval_billed_early, "nothing asks for it")
        domain = [("customer_approval_billed_early", "=", True)]
        self.assertNotIn(order, order.search(domain))
        self.production.requires_customer_approval = True
        order.invalidate_recordset()
        self.assertTrue(order.customer_approval_billed_early)
        self.assertIn(order, order.search(domain))
        self._bring_to_status(order, "approved")
        self.assertFalse(order.customer_approval_billed_early)
        self.assertNotIn(order, order.search(domain))

    def test_another_rate_of_the_same_tax(self):
        """The order's page and PDF show what was approved."""
        order = self._create_order()
        tax = order.order_line.tax_ids[:1]
        self.assertTrue(tax)
        self._bring_to_status(order, "approved")
        before = dict(order.tax_totals)
        total = order.amount_total
        tax.amount += 10
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(order.amount_total, total)
        after = order.tax_totals
        for name in ("base_amount", "tax_amount", "total_amount"):
            self.assertAlmostEqual(
                after[f"{name}_currency"], before[f"{name}_currency"], name
            )
        groups = [
            group["tax_amount_currency"]
            for subtotal in after["subtotals"]
            for group in subtotal["tax_groups"]
        ]
        self.assertAlmostEqual(sum(groups), order.amount_tax)
        self.assertIn(f"the rate of tax {tax.id}", "".join(self._verify_all()))
        self.assertIn(order, order._filter_customer_approved())

    def test_an_invoice_that_becomes_a_credit_note(self):
        invoice = self._create_invoice()
        invoice.action_switch_move_type()
        invoice.action_post()
        self.env.flush_all()
        self.assertEqual(self._verify_all(), [])

    def test_another_way_of_the_same_tax(self):
        for values in (
            {"include_base_amount": True},
            {"price_include_override": "tax_included"},
            {"amount_type": "fixed"},
        ):
            order = self._create_order()
            tax = order.order_line.tax_ids[:1].copy({"name": str(values)})
            order.order_line.tax_ids = tax
            self._bring_to_status(order, "approved")
            self.assertEqual(self._verify_all(), [])
            with self.subTest(**values), self.cr.savepoint() as savepoint:
                tax.write(values)
                self.env.flush_all()
                self.env.invalidate_all()
                self.assertIn(
                    f"tax {tax.id} is computed in another way",
                    "".join(self._verify_all()),
                )
                self.assertIn(order, order._filter_customer_approved())
                savepoint.close(rollback=True)
            self.env.invalidate_all()

    def test_a_part_of_a_tax(self):
        order = self._create_order()
        part = order.order_line.tax_ids[:1].copy({"name": "Part"})
        tax = part.copy(
            {
                "name": "Group",
                "amount_type": "group",
                "children_tax_ids": [(6, 0, part.ids)],
            }
        )
        order.order_line.tax_ids = tax
        self._bring_to_status(order, "approved")
        self.assertEqual(self._verify_all(), [])
        part.amount += 1
        self.assertIn(f"tax {tax.id} is computed", "".join(self._verify_all()))

    def test_it_is_not_billed_at_the_new_rate(self):
        self.production.requires_customer_approval = False
        order = self._create_order()
        self._bring_to_status(order, "approved")
        order.action_confirm()
        order.order_line.tax_ids[:1].amount += 10
        order.order_line.product_id.invoice_policy = "order"
        invoice = order._create_invoices()
        self.assertGreater(invoice.amount_total, order.amount_total)
        with self._refused("customer approval is required"):
            invoice.action_post()


@tagged("post_install", "-at_install")
class TestFamilies(ApprovalCommon):
    def test_what_is_given_back_opens_no_gate(self):
        """A negative change order makes the family small, and is cancelled."""
        self.production.approval_from_amount = 100
        order = self._create_order()
        order.order_line.price_unit = 60
        self._bring_to_status(order, "approved")
        order.stage_id = self.production
        change = order._create_change_order()
        change.order_line = [
            Command.create({"product_id": self.product.id, "price_unit": 90})
        ]
        back = order._create_change_order()
        back.order_line = [
            Command.create({"product_id": self.product.id, "price_unit": -80})
        ]
        self.assertGreater(change._get_gate_amounts()[change], 100)
        with self._refused("customer approval is required"):
            change.stage_id = self.production
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation),
            self.cr.savepoint(flush=False),
        ):
            self.env.flush_all()
            self.cr.execute(
                "UPDATE sale_order SET stage_id = %s WHERE id = %s",
                [self.production.id, change.id],
            )
        self.assertGreater(change._get_amount_to_commit(), 100)


@tagged("post_install", "-at_install")
class TestRates(ApprovalCommon):
    def test_a_rate_that_somebody_wrote(self):
        """In the same statement as the stage, so that no earlier one is seen."""
        self.production.approval_from_amount = 1000
        currency = self.env.ref("base.CHF")
        currency.active = True
        rates = self.env["res.currency.rate"]
        rates.search([("currency_id", "=", currency.id)]).unlink()
        rates.create({"currency_id": currency.id, "name": "2020-01-01", "rate": 2})
        order = self._create_order()
        order.order_line.price_unit = 50_000
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation),
            self.cr.savepoint(flush=False),
        ):
            self.cr.execute(
                "UPDATE sale_order SET currency_id = %s, currency_rate = 1000000,"
                " stage_id = %s WHERE id = %s",
                [currency.id, self.production.id, order.id],
            )
        own = self.env.company.currency_id
        expected = currency._get_conversion_rate(
            own, currency, self.env.company, fields.Date.today()
        )
        self.cr.execute(
            "SELECT customer_approval_rate(%s, %s)", [currency.id, self.env.company.id]
        )
        self.assertAlmostEqual(float(self.cr.fetchone()[0]), expected)


@tagged("post_install", "-at_install")
class TestRows(EvidenceMixin, ApprovalCommon):
    """What is written by SQL, with the triggers on or off."""

    def _copy_row(self, table, row_id, **values):
        self.cr.execute(
            SQL(
                "SELECT string_agg(quote_ident(column_name), ', ')"
                "  FROM information_schema.columns"
                " WHERE table_name = %s AND NOT column_name = ANY(%s)",
                table,
                ["id", *values],
            )
        )
        columns = SQL(self.cr.fetchone()[0])
        self.cr.execute(
            SQL(
                "INSERT INTO %(table)s (%(names)s, %(columns)s)"
                " SELECT %(values)s, %(columns)s FROM %(table)s WHERE id = %(id)s",
                table=SQL.identifier(table),
                names=SQL(", ").join(SQL.identifier(name) for name in values),
                values=SQL(", ").join(SQL("%s", value) for value in values.values()),
                columns=columns,
                id=row_id,
            )
        )

    def test_requests_and_approvers_that_nobody_made(self):
        request = self._bring_to_status(self._create_order(), "pending")
        other = self._create_order()
        approver = request.approver_ids
        # As if they had been asked before.
        with self._without_triggers("customer_approval_event"):
            self.cr.execute("UPDATE customer_approval_event SET xact = '1'")
        for table, row_id, values in (
            ("customer_approval_request", request.id, {"res_id": other.id}),
            ("customer_approval_approver", approver.id, {"sequence": 9}),
        ):
            with (
                self.subTest(table),
                mute_logger("odoo.sql_db"),
                self.assertRaises(CheckViolation),
                self.cr.savepoint(flush=False),
            ):
                self._copy_row(table, row_id, **values)
                # As it is when somebody's transaction ends.
                self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def test_a_link_that_was_replaced(self):
        approver = self._bring_to_status(self._create_order(), "pending").approver_ids
        capability.call(approver._change_links)
        self.env.flush_all()
        number = approver.sudo().token_number
        self.assertGreater(number, 1)
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation),
            self.cr.savepoint(flush=False),
        ):
            self.cr.execute(
                "UPDATE customer_approval_approver SET token_number = %s WHERE id = %s",
                [number - 1, approver.id],
            )

    def _while_stage(self, change, order):
        """Let an order go on while its gate is another one in the database."""
        stage = self.env["customer.approval.stage"]
        with self._without_any_trigger():
            self.cr.execute(
                "CREATE TEMP TABLE before ON COMMIT DROP AS SELECT * FROM"
                " customer_approval_stage WHERE id = %s",
                [self.production.id],
            )
            self.cr.execute(change, [self.production.id])
        self.env.registry.clear_all_caches()
        self.env.invalidate_all()
        stage._forget_lists()
        order.action_confirm()
        self.env.flush_all()
        self.assertEqual(order.state, "sale")

    def _put_back(self):
        stage = self.env["customer.approval.stage"]
        with self._without_any_trigger():
            self.cr.execute(
                "DELETE FROM customer_approval_stage WHERE id = %s",
                [self.production.id],
            )
            self.cr.execute("INSERT INTO customer_approval_stage SELECT * FROM before")
        self.env.registry.clear_all_caches()
        self.env.invalidate_all()
        stage._forget_lists()

    def test_a_gate_that_was_open_for_a_moment(self):
        """What Odoo itself moved then has a genuine history, and no approval."""
        for change in (
            "SET requires_customer_approval = FALSE",
            "SET document_type = 'other'",
            "SET reachable_anytime = TRUE",
            "SET approval_from_amount = 1000000000",
            "SET active = FALSE",
        ):
            order = self._create_order()
            self.env.flush_all()
            self.assertEqual(self._verify_all(), [])
            with self.subTest(change), self.cr.savepoint() as savepoint:
                self._while_stage(
                    f"UPDATE customer_approval_stage {change} WHERE id = %s", order
                )
                self.assertTrue(self._verify_all())
                self._put_back()
                moved = self.production if order.stage_id == self.production else None
                problems = "".join(self._verify_all())
                if moved:
                    self.assertIn(f"sale.order,{order.id}: event", problems)
                else:
                    self.assertIn(f"sale.order,{order.id}", problems)
                savepoint.close(rollback=True)
            self.env.registry.clear_all_caches()
            self.env.invalidate_all()
            self.env["customer.approval.stage"]._forget_lists()

    def test_a_stage_that_is_gone(self):
        self.env.flush_all()
        with self._without_any_trigger():
            self.cr.execute(
                "DELETE FROM customer_approval_stage WHERE id = %s",
                [self.production.id],
            )
        self.env.registry.clear_all_caches()
        self.env.invalidate_all()
        self.env["customer.approval.stage"]._forget_lists()
        self.assertIn(
            f"stage,{self.production.id}: was deleted", "".join(self._verify_all())
        )

    def test_stages_that_were_deleted_in_odoo(self):
        stage = self.production.copy({"name": "Later", "document_state": False})
        self.assertEqual(self._verify_all(), [])
        stage.unlink()
        self.assertEqual(self._verify_all(), [])

    def _approve_with_conditions(self, order):
        request = self._bring_to_status(order, "pending")
        request._decide(
            Answer("approved_conditions", "Ada", "link", conditions="In May")
        )
        return request

    def test_moves_that_verify_believes(self):
        """By Odoo, and nobody did wrong."""
        stages = self.env["customer.approval.stage"].search(
            [("document_type", "=", "sale_order"), ("document_state", "=", "sale")]
        )
        design = self.quote.copy(
            {
                "name": "Design",
                "document_state": False,
                "sequence": self.production.sequence - 1,
            }
        )
        euro = self.env.ref("base.EUR")
        euro.active = True
        pricelist = self.env["product.pricelist"].create(
            {"name": "EUR", "currency_id": euro.id}
        )

        def grown():
            self.production.approval_from_amount = 100_000
            order = self._create_order()
            order.action_confirm()
            order.order_line[:1].price_unit += 10
            self.env.flush_all()
            self.production.approval_from_amount = 1

        def created_confirmed():
            self.production.approval_from_amount = 100_000
            order = self._create_order(state="sale")
            change = order._create_change_order()
            change.order_line = [(0, 0, {"product_id": self.product.id})]
            self.production.approval_from_amount = 1

        def without_a_stage_for_the_state():
            self.production.requires_customer_approval = False
            stages.document_state = False
            self.production.requires_customer_approval = True
            order = self._create_order()
            self._bring_to_status(order, "approved")
            order.stage_id = self.production
            order.action_confirm()

        def another_currency():
            design.write(
                {"requires_customer_approval": True, "approval_from_amount": 100_000}
            )
            order = self._create_order(pricelist_id=pricelist.id)
            order.stage_id = design
            order.pricelist_id = self.env["product.pricelist"]
            order.order_line.price_unit = 1

        def another_company():
            company = self.env["res.company"].create({"name": "Other"})
            design.write({"requires_customer_approval": True, "company_id": company.id})
            order = self._create_order()
            self._bring_to_status(order, "approved")
            order.stage_id = self.production
            design.requires_customer_approval = False

        def ticked_and_unticked():
            self.production.requires_customer_approval = False
            order = self._create_order()
            order.action_confirm()
            self.production.requires_customer_approval = True
            order._action_cancel()
            order.action_draft()

        def with_conditions():
            order = self._create_order()
            request = self._approve_with_conditions(order)
            request.action_accept_conditions()
            order.action_confirm()

        for flow in (
            grown,
            created_confirmed,
            without_a_stage_for_the_state,
            another_currency,
            another_company,
            ticked_and_unticked,
            with_conditions,
        ):
            with self.subTest(flow.__name__), self.cr.savepoint() as savepoint:
                flow()
                self.env.flush_all()
                self.env.invalidate_all()
                self.assertEqual(self._verify_all(), [])
                savepoint.close(rollback=True)
            self.env.registry.clear_all_caches()
            self.env.invalidate_all()
            self.env["customer.approval.stage"]._forget_lists()

    def test_who_passes_while_a_gate_is_open(self):
        """Whatever looks like an approval, and wherever the document goes then."""
        aside = self.quote.copy({"document_state": False, "reachable_anytime": True})
        self.production.minimum_evidence = "strong"

        def plain(order):
            pass

        def conditions(order):
            self._approve_with_conditions(order)

        def withdrawn(order):
            request = self._bring_to_status(order, "pending")
            capability.call(request._withdraw, "No longer")

        for prepare in (plain, conditions, withdrawn):
            for change in (
                "SET requires_customer_approval = FALSE",
                "SET minimum_evidence = NULL, requires_customer_approval = FALSE",
                "SET approval_from_amount = 1000000000",
            ):
                order = self._create_order()
                prepare(order)
                self.env.flush_all()
                name = f"{prepare.__name__}: {change}"
                with self.subTest(name), self.cr.savepoint() as savepoint:
                    self._while_stage(
                        f"UPDATE customer_approval_stage {change} WHERE id = %s", order
                    )
                    order.stage_id = aside
                    self._put_back()
                    self.assertIn(
                        f"sale.order,{order.id}: event", "".join(self._verify_all())
                    )
                    savepoint.close(rollback=True)
                self.env.registry.clear_all_caches()
                self.env.invalidate_all()
                self.env["customer.approval.stage"]._forget_lists()

    def test_weak_evidence_while_a_gate_asks_for_none(self):
        self.production.minimum_evidence = "strong"
        order = self._create_order()
        self._bring_to_status(order, "approved")  # by a link
        self.env.flush_all()
        self._while_stage(
            "UPDATE customer_approval_stage SET minimum_evidence = NULL WHERE id = %s",
            order,
        )
        self._put_back()
        self.assertIn(f"sale.order,{order.id}: event", "".join(self._verify_all()))

    def test_put_back_to_draft(self):
        order = self._create_order()
        self._bring_to_status(order, "approved")
        order.action_confirm()
        self.assertEqual(self._verify_all(), [])
        with self._without_triggers("sale_order"):
            self.cr.execute(
                "UPDATE sale_order SET state = 'draft' WHERE id = %s", [order.id]
            )
        self.env.invalidate_all()
        self.assertIn("its stage or state was changed", "".join(self._verify_all()))

    def test_cancelled_and_quoted_again(self):
        """In Odoo: also where it stood aside."""
        aside = self.quote.copy({"document_state": False, "reachable_anytime": True})
        for stage in (self.production, aside):
            order = self._create_order()
            self._bring_to_status(order, "approved")
            order.action_confirm()
            order.stage_id = stage
            self.assertEqual(self._verify_all(), [])
            order._action_cancel()
            self.assertEqual(self._verify_all(), [])
            order.action_draft()
            self.assertEqual(self._verify_all(), [])

    def test_a_rate_for_a_moment(self):
        """The database compares an amount as it is then; *Verify* names who has not
        come by Odoo."""
        self.production.approval_from_amount = 1000
        currency = self.env.ref("base.CHF")
        currency.active = True
        pricelist = self.env["product.pricelist"].create(
            {"name": "CHF", "currency_id": currency.id}
        )
        order = self._create_order(pricelist_id=pricelist.id)
        order.order_line.price_unit = 50_000
        self.env.flush_all()
        self.assertEqual(order.currency_id, currency)
        self.cr.execute(
            "INSERT INTO res_currency_rate (currency_id, name, rate, company_id)"
            " VALUES (%s, CURRENT_DATE, 1000000, %s) RETURNING id",
            [currency.id, self.env.company.id],
        )
        rate_id = self.cr.fetchone()[0]
        self.cr.execute(
            "UPDATE sale_order SET currency_rate = 1000000, stage_id = %s"
            " WHERE id = %s",
            [self.production.id, order.id],
        )
        self.cr.execute("DELETE FROM res_currency_rate WHERE id = %s", [rate_id])
        self.env.invalidate_all()
        self.assertIn(f"sale.order,{order.id}: ", "".join(self._verify_all()))

    def test_verify_trusts_no_date_and_judges_the_state(self):
        confirmed = self.env.ref("customer_approval_gate.stage_order_in_production")
        confirmed.requires_customer_approval = True
        for values in (
            {"stage_id": self.production.id},
            {"state": "sale"},
            {"state": "sale", "stage_id": None},
        ):
            order = self._create_order()
            self.env.flush_all()
            with self.cr.savepoint(flush=False) as savepoint:
                with self._without_triggers("sale_order", "customer_approval_event"):
                    self.cr.execute(
                        "DELETE FROM customer_approval_event WHERE res_id = %s"
                        " AND res_model = 'sale.order'",
                        [order.id],
                    )
                    for name, value in {**values, "create_date": "2001-01-01"}.items():
                        self.cr.execute(
                            SQL(
                                "UPDATE sale_order SET %s = %s WHERE id = %s",
                                SQL.identifier(name),
                                value,
                                order.id,
                            )
                        )
                self.env.invalidate_all()
                self.assertIn(
                    f"sale.order,{order.id}: is behind a gate",
                    "".join(self._verify_all()),
                    values,
                )
                savepoint.rollback()
                self.env.invalidate_all()

    def _alter(self, query, *values):
        """As the owner of the database does it, with all triggers off."""
        self.env.flush_all()
        self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self.cr.execute("SET LOCAL session_replication_role = replica")
        self.cr.execute(query, values)
        self.cr.execute("SET LOCAL session_replication_role = origin")
        self.env.invalidate_all()

    def test_a_small_order_that_has_grown(self):
        self.production.approval_from_amount = 1000
        order = self._create_order()
        order.order_line.price_unit = 10
        order.stage_id = self.production
        self.env.flush_all()
        self.assertEqual(self._verify_all(), [])
        for query in (
            "UPDATE sale_order SET amount_total = 90000 WHERE id = %s",
            "UPDATE sale_order_line SET price_unit = 90000, price_total = 90000"
            " WHERE order_id = %s",
        ):
            with self.cr.savepoint(flush=False) as savepoint:
                self._alter(query, order.id)
                self.assertIn(
                    f"sale.order,{order.id}: has become larger",
                    "".join(self._verify_all()),
                )
                savepoint.rollback()
                self.env.invalidate_all()

    def test_a_document_that_is_gone(self):
        order = self._create_order()
        self._bring_to_status(order, "approved")
        order.stage_id = self.production
        self.env.flush_all()
        self._alter("UPDATE sale_order SET id = -5 WHERE id = %s", order.id)
        problems = "".join(self._verify_all())
        self.assertIn(f"sale.order,{order.id}: was deleted", problems)

    def test_money_on_a_down_payment_that_orders_nothing(self):
        order = self._create_order()
        self._bring_to_status(order, "approved")
        self.env.flush_all()
        line = order.order_line[:1]
        self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self.cr.execute("SET LOCAL session_replication_role = replica")
        self._copy_row(
            "sale_order_line",
            line.id,
            is_downpayment=True,
            product_uom_qty=0,
            price_subtotal=5000,
            price_total=5000,
        )
        self._alter(
            "UPDATE sale_order SET amount_untaxed = amount_untaxed + 5000,"
            " amount_total = amount_total + 5000 WHERE id = %s",
            order.id,
        )
        self.assertIn("not what the customer approved", "".join(self._verify_all()))

    def test_an_unsealed_event_that_is_used_again(self):
        order = self._create_order()
        self._bring_to_status(order, "approved")
        order.stage_id = self.production
        self.env.flush_all()
        events = self.env["customer.approval.event"].search(
            [("res_model", "=", "sale.order"), ("res_id", "=", order.id)]
        )
        moved = events.filtered(lambda event: event.kind == "stage_changed")[:1]
        self._copy_row("customer_approval_event", moved.id, position=0)
        self.assertIn("inserted again", "".join(self._verify(order)))
