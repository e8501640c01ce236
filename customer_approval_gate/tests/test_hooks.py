# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.tests import tagged
from odoo.tools import SQL
from odoo.tools.sql import column_exists

from ..hooks import TABLES, pre_init_hook
from .common import ApprovalCommon


@tagged("post_install", "-at_install")
class TestHooks(ApprovalCommon):
    def _as_before_the_installation(self, count):
        """Multiply an order, and take the stages from all."""
        self.production.requires_customer_approval = False
        self.env.flush_all()
        self.env.cr.execute(
            """
            SELECT string_agg(quote_ident(column_name), ', ')
              FROM information_schema.columns
             WHERE table_name = 'sale_order'
               AND column_name NOT IN ('id', 'name', 'state', 'access_token')
            """
        )
        columns = self.env.cr.fetchone()[0]
        self.env.cr.execute(
            f"""
            INSERT INTO sale_order (name, state, {columns})
            SELECT 'Old ' || n,
                   (ARRAY['draft', 'sent', 'sale', 'cancel'])[1 + n %% 4],
                   {columns}
              FROM sale_order, generate_series(1, %s) AS n
             WHERE sale_order.id = %s
            """,
            [count, self.sale_order.id],
        )
        self.env.cr.execute("UPDATE sale_order SET stage_id = NULL")
        self.env.cr.execute("UPDATE account_move SET stage_id = NULL")
        self.env.invalidate_all()

    def test_existing_documents_get_the_stage_of_their_state(self):
        """One statement a table, on 10,000 orders."""
        self._as_before_the_installation(10_000)
        before = self.env.cr.sql_log_count
        self.env["customer.approval.stage"]._place_existing_documents()
        self.assertEqual(self.env.cr.sql_log_count - before, len(TABLES))
        self.env.cr.execute(
            """
            SELECT state, stage_id, count(*)
              FROM sale_order
             WHERE name LIKE 'Old %'
          GROUP BY state, stage_id
            """
        )
        self.assertEqual(
            sorted(self.env.cr.fetchall()),
            sorted(
                [
                    ("draft", self.quote.id, 2_500),
                    ("sent", self.pending_stage.id, 2_500),
                    ("sale", self.production.id, 2_500),
                    ("cancel", self.cancelled.id, 2_500),
                ]
            ),
        )

    def _get_computed_columns(self, model):
        return [
            name
            for name, field in self.env[model]._fields.items()
            if field._module == "customer_approval_gate"
            and name != "currency_id"  # Odoo's own, which a mixin names
            and field.store
            and field.compute
            and field.column_type
        ]

    def test_installed_without_computing_each_document(self):
        """The columns are there before Odoo could fill them one by one, and no
        document is without a status."""
        self.env.flush_all()
        self.env.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for model in ("sale.order", "account.move"):
            table = self.env[model]._table
            for name in self._get_computed_columns(model):
                self.env.cr.execute(
                    SQL(
                        "ALTER TABLE %s DROP COLUMN %s CASCADE",
                        SQL.identifier(table),
                        SQL.identifier(name),
                    )
                )
        pre_init_hook(self.env)
        for model in ("sale.order", "account.move"):
            table = self.env[model]._table
            for name in self._get_computed_columns(model):
                with self.subTest(model=model, column=name):
                    self.assertTrue(column_exists(self.env.cr, table, name))
            self.env.cr.execute(
                SQL(
                    "SELECT DISTINCT customer_approval_status FROM %s",
                    SQL.identifier(table),
                )
            )
            self.assertEqual(self.env.cr.fetchall(), [("not_required",)])
