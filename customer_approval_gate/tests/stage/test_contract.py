# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a model has to say of itself to join in, and what it is told if it does not."""

from odoo.tests import TransactionCase, tagged

from ...tools.contract import ContractError


@tagged("post_install", "-at_install")
class TestContract(TransactionCase):
    def _refuses(self, name, attribute, value, problem):
        model = self.env[name]
        self.patch(self.env.registry[name], attribute, value)
        with self.assertRaises(ContractError) as caught:
            model._post_model_setup__()
        message = str(caught.exception)
        for part in (f"{name}: {attribute} ", problem, f"For example: {attribute} = "):
            self.assertIn(part, message)

    def test_documents_with_stages(self):
        for attribute, value, problem in (
            ("_stage_field", "step_id", "no field"),
            ("_stage_locked_states", ("over",), "no state"),
            ("_stage_states", {"sale": "sell"}, "no method"),
        ):
            with self.subTest(attribute):
                self._refuses("sale.order", attribute, value, problem)
                self.doCleanups()

    def test_gated_states(self):
        model = self.env.registry["sale.order"]
        self.patch(model, "_find_gated_states", lambda self: ("over",))
        self._refuses("sale.order", "_stage_gated_states", ("over",), "no state")
        self.assertEqual(self.env["account.move"]._find_gated_states(), ("posted",))

    def test_states_that_stages_stand_for(self):
        self._refuses("sale.order", "_stage_states", {"over": "Over"}, "no state")

    def test_which_documents_have_stages(self):
        self._refuses("account.move", "_stage_columns", {"kind": ("x",)}, "no field")

    def test_lines_of_documents(self):
        self._refuses("sale.order", "_approval_line_field", "lines", "no field")
        self._refuses(
            "sale.order",
            "_approval_line_field",
            "invoice_ids",
            "does not have the mixin",
        )

    def test_what_all_documents_have(self):
        for role in ("company", "state", "salesperson", "customer", "currency"):
            with self.subTest(role):
                self._refuses(
                    "sale.order", f"_document_{role}_field", "none", "no field"
                )
                self.doCleanups()

    def test_amounts(self):
        self._refuses("sale.order", "_document_total_field", "sum", "no field")

    def test_totals(self):
        totals = (("total", "sum", "Total"),)
        self._refuses("sale.order", "_approval_totals", totals, "no field")

    def test_rates(self):
        self._refuses("sale.order", "_approval_rate_fields", ("rate",), "no field")

    def test_lines(self):
        for attribute, value, problem in (
            ("_approval_document_field", None, "is missing"),
            ("_approval_quantity_field", "amount", "no field"),
        ):
            with self.subTest(attribute):
                self._refuses("sale.order.line", attribute, value, problem)
                self.doCleanups()
