# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from lxml import etree

from odoo.exceptions import ValidationError
from odoo.tests import tagged

from odoo.addons.customer_approval_gate.tests.common import BrowserCase

from .common import Joins


@tagged("post_install", "-at_install")
class TestDocuments(Joins, BrowserCase):
    """Without amount, state, lines, company and salesperson."""

    name = "customer.approval.test.document"
    difference = "Description: .*Oak.*→.*Beech"
    shown = "Oak, oiled"

    @classmethod
    def _create(cls, **values):
        return cls.env[cls.name].create(
            {
                "name": "Table",
                "description": "Oak, oiled",
                "partner_id": cls.partner.id,
                **values,
            }
        )

    def _change(self, document):
        document.description = "Beech, oiled"

    def test_all_that_is_missing(self):
        document = self._create()
        self.assertFalse(document._get_document_company())
        self.assertFalse(document._get_document_state())
        self.assertEqual(document._get_document_total(), 0)
        request = self._bring_to_status(document, "pending")
        self.assertEqual(request.company_id, self.env.company)
        self.assertEqual(request.currency_id, self.env.company.currency_id)
        self.assertFalse(request.has_amount)
        self.assertFalse(document._get_customer_approval_salesperson())

    def test_the_first_stage_asks_for_nothing(self):
        with self._refused("could be created", ValidationError):
            self.first.requires_customer_approval = True

    def test_somebody_is_told(self):
        staff = self._create()._get_staff()
        self.assertTrue(staff)

    def test_the_form_names_no_field_that_is_not_there(self):
        view = self.env[self.name].get_views([(False, "form")])["views"]["form"]
        fields = etree.fromstring(view["arch"]).xpath("//field[not(ancestor::field)]")
        names = {field.get("name") for field in fields}
        self.assertIn("stage_id", names)
        self.assertLessEqual(names, self.model._fields.keys())

    def test_the_form_opens(self):
        document = self._create()
        self._bring_to_status(document, "pending")
        self.env.flush_all()
        for size in ("1440x900", "390x844"):
            self.browser_size = size
            self.browser_js(
                f"/odoo/{self.name}/{document.id}",
                "console.log('test successful')",
                "!!document.querySelector('.o_form_view [name=stage_id]') &&"
                " !!document.querySelector('[name=customer_approval_panel]')",
                login=self.user.login,
            )

    def test_a_stage_of_a_company_is_none_of_theirs(self):
        own = self.gated.copy({"company_id": self.env.company.id, "name": "Ours"})
        document = self._create()
        with self._refused("belongs to"):
            document.stage_id = own

    def test_the_customer_is_told_without_an_amount(self):
        document = self._create()
        request = document._request_customer_approval()
        mail = self.env["mail.mail"].search([], order="id desc", limit=1)
        self.assertIn(request.document_name, mail.body_html)
        self.assertNotIn("for <strong", mail.body_html)
