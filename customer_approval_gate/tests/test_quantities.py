# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Numbers, texts and names are for people."""

import subprocess
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged

from ..tools import blocks, content, fonts, ledger
from ..tools.quantities import format_quantity, parse_quantity
from .approval.test_approvers import ApproverCommon
from .common import ApprovalCommon


@tagged("post_install", "-at_install")
class TestQuantities(ApprovalCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for code in ("de_DE", "fr_FR"):
            cls.env["res.lang"]._activate_lang(code)
        cls.env.ref("uom.decimal_product_uom").digits = 2

    def _parse(self, text, lang="en_US"):
        return parse_quantity(self.env(context={"lang": lang}), text)

    def test_reading(self):
        for lang, text, expected in (
            ("en_US", "1,000", 1000),
            ("en_US", "1,234,567.5", 1234567.5),
            ("en_US", "0,5", 0.5),
            ("en_US", "12345.67", 12345.67),
            ("en_US", "1.000,5", 1000.5),
            ("en_US", " 2 ", 2),
            ("en_US", "", 0),
            ("en_US", None, 0),
            ("en_US", "1,0", 1),
            ("de_DE", "1.000", 1000),
            ("de_DE", "1,5", 1.5),
            ("de_DE", "1.5", 1.5),
            ("de_DE", "1.234.567,25", 1234567.25),
            ("fr_FR", "1\u202f000,5", 1000.5),
            ("fr_FR", "1 000", 1000),
            ("en_US", "\u0661\u0662", 12),
        ):
            with self.subTest(lang=lang, text=text):
                self.assertEqual(self._parse(text, lang), expected)

    def test_asking(self):
        for lang, text in (("en_US", "1.000"), ("de_DE", "1,000"), ("fr_FR", "1.000")):
            with self.subTest(lang=lang), self._refused("without separators"):
                self._parse(text, lang)
        self.env.ref("uom.decimal_product_uom").digits = 3
        self.assertEqual(self._parse("1.250"), 1.25)

    def test_refusing(self):
        for text in ("lots", "nan", "inf", "-1", "1e400", "1,00,0", "1.2.3", "9" * 13):
            with self.subTest(text), self._refused("is no quantity"):
                self._parse(text)
        with self._refused("has too many decimals"):
            self._parse("1.2345")

    def test_writing(self):
        for lang, number, expected in (
            ("en_US", 12345.67, "12,345.67"),
            ("en_US", 1234567, "1,234,567"),
            ("en_US", 0.1 + 0.2, "0.3"),
            ("en_US", 5.0, "5"),
            ("de_DE", 1234.5, "1.234,5"),
        ):
            text = format_quantity(self.env(context={"lang": lang}), number)
            self.assertEqual(text, expected)
            self.assertAlmostEqual(self._parse(text, lang), number)

    # Texts

    def test_first_line(self):
        self.assertEqual(content.first_line("\n  Oak table \nround"), "Oak table")
        self.assertEqual(content.first_line(None), "")
        self.assertEqual(content.line_name({"description": ""}), "")

    def test_lines_without_a_description(self):
        order = self._create_order()
        order.company_id.customer_approval_typos_allowed = True
        order.company_id.customer_approval_lower_allowed = True
        order.order_line.name = ""
        self._bring_to_status(order, "approved")
        order.order_line.price_unit -= 1
        event = order.customer_approval_event_ids.filtered(
            lambda e: e.kind == "tolerated"
        )
        self.assertIn(self.product.name, event.text)
        order.action_confirm()
        self.assertTrue(order._get_delivery_items())
        for line in order.order_line:
            self.assertEqual(line._get_line_name(), self.product.display_name)

    def test_prices_with_taxes(self):
        company = self.env.company
        tax = self.env["account.tax"].create(
            {
                "name": "VAT 20 % incl",
                "amount": 20,
                "price_include_override": "tax_included",
            }
        )
        order = self._create_order(
            order_line=[
                Command.create({"display_type": "line_section", "name": "Furniture"}),
                *(
                    Command.create(
                        {
                            "product_id": self.product.id,
                            "product_uom_qty": 1,
                            "price_unit": 99.9,
                            "tax_ids": [Command.set(tax.ids)],
                        }
                    )
                    for _number in range(2)
                ),
            ]
        )
        self.env.cr.execute(
            "UPDATE res_company SET account_price_include = 'tax_excluded'"
            " WHERE id = %s",
            [company.id],
        )
        for setting, amount, section in (
            ("tax_excluded", "83.25", "166.50"),
            ("tax_included", "99.90", "199.80"),
        ):
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE res_company SET account_price_include = %s WHERE id = %s",
                [setting, company.id],
            )
            self.env.invalidate_all()
            plain = order._get_customer_approval_content()[order.id]
            self.assertEqual(
                ledger.flat(plain)["lines"][1][blocks.columns_of(plain)[-1]["key"]],
                amount,
            )
            html = self.env["customer.approval.request"]._render_content(
                plain, order.currency_id, "en_US", "UTC"
            )
            self.assertShows("incl.", html)
            self.assertShows(section, html)
            self.assertShowsNot("<t", html)

    # Names

    def test_names_that_no_font_has(self):
        fonts.has_font.cache_clear()
        self.addCleanup(fonts.has_font.cache_clear)
        if subprocess.run(["which", fonts.FONT_LIST], check=False).returncode:
            self.skipTest("needs fontconfig")
        self.assertEqual(fonts.find_missing_scripts(), [], "the set-up brings fonts")
        self.assertEqual(fonts.find_unprintable(["Ada", "Ωμέγα", "山田太郎"]), [])
        fonts.has_font.cache_clear()
        with patch("subprocess.run") as run:
            run.return_value.returncode = 0
            run.return_value.stdout = b""
            self.assertIn("Chinese", fonts.find_missing_scripts())
            request = self._bring_to_status(self._create_order(), "approved").sudo()
            self.partner.name = "山田"
            self.assertEqual(
                request._find_unprintable_names(), [("山田", "\\u5c71\\u7530")]
            )


@tagged("post_install", "-at_install")
class TestOfferedQuantities(ApproverCommon):
    def test_what_was_declined_comes_back_as_it_was_offered(self):
        order = self._create_optional_order()
        lamp, rug = order._get_optional_lines()[:2]
        lamp.product_uom_qty, rug.product_uom_qty = 5, 2.5
        order._choose_optional_lines(order.order_line.browse())
        self.assertEqual((lamp | rug).mapped("product_uom_qty"), [0, 0])
        totals = order._get_totals_of_choice(lamp)
        order._choose_optional_lines(lamp)
        self.assertEqual(lamp.product_uom_qty, 5)
        self.assertEqual(order.amount_total, totals["total"])
        order._choose_optional_lines(lamp | rug)
        self.assertEqual(rug.product_uom_qty, 2.5)
