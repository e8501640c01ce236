# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Rules that one line each holds: without it, one of these fails."""

import re

from odoo import fields
from odoo.exceptions import UserError
from odoo.http import _generate_routing_rules
from odoo.tests import freeze_time, tagged
from odoo.tools import mute_logger

from ...models.approval.customer_approval_rate import LIMITS
from ...tools import capability, links
from .test_approvers import ApproverCommon
from .test_page import LOGIN, PageCommon


@tagged("post_install", "-at_install")
class TestRules(ApproverCommon):
    def test_one_tolerated_change_tolerates_no_later_one(self):
        self.order.company_id.sudo().customer_approval_tolerance_percent = 10
        self._bring_to_status(self.order, "approved")
        line = self.order.order_line[0]
        line.price_unit = 105
        self.assertTrue(self.order.sudo()._filter_customer_approved())
        with self.assertRaises(UserError):
            line.price_unit = 115
        # Neither by a way round Odoo.
        with self._without_triggers("sale_order", "sale_order_line"):
            self.env.cr.execute(
                "UPDATE sale_order_line SET price_unit = 106 WHERE id = %s", [line.id]
            )
        self.env.invalidate_all()
        self.assertFalse(self.order.sudo()._filter_customer_approved())
        with self._refused("customer approval is required"):
            self.order.stage_id = self.production

    def test_all_of_them_after_a_delegation(self):
        """Whoever answers instead counts, and whoever passed it on does not."""
        request = self._ask(partners=self.ada | self.bob, rule="all")
        ada = self._approver(request, self.ada)
        self.assertTrue(capability.call(ada._delegate, "Cleo", "cleo@oak.example"))
        cleo = request.approver_ids.filtered(lambda a: a.email == "cleo@oak.example")
        self.assertEqual(request._get_required(), 2)
        self._answer(request, self.bob)
        self.assertEqual(request.state, "pending")
        self._answer(request, cleo.partner_id)
        self.assertEqual(request.state, "approved")

    def test_the_last_day_is_the_customers(self):
        today = fields.Date.today()
        request = self._ask(partners=self.ada, mail=False)
        capability.call(request._change_deadline, today)
        self.ada.tz = "UTC"
        self._run_job("cron_expire")
        self.assertEqual(request.state, "pending", "the day is not over")
        with freeze_time(fields.Date.add(today, days=1)):
            request._expire_overdue()
        self.assertEqual(request.state, "expired")

    def test_each_limit_counts_for_itself(self):
        rates = self.env["customer.approval.rate"]
        for kind, limit in LIMITS.items():
            with self.subTest(kind):
                for number in range(limit):
                    self.assertTrue(rates._count(kind, "one"), number)
                self.assertFalse(rates._count(kind, "one"))
                self.assertTrue(rates._count(kind, "other"), "by its key")

    def test_the_link_of_somebody_who_left(self):
        request = self._ask(partners=self.ada)
        approver = request.approver_ids
        token = links.token_of(approver)
        self.assertEqual(links.find_by_token(approver, token), approver)
        self.ada.active = False
        self.assertFalse(links.find_by_token(approver, token))


@tagged("post_install", "-at_install")
class TestRulesOfPages(PageCommon):
    def _find_forms(self):
        """Return the addresses of ours to which something can be posted."""
        for url, endpoint in _generate_routing_rules(
            sorted(self.registry._init_modules), nodb_only=False
        ):
            module = endpoint.func.__module__
            routing = endpoint.routing
            if (
                module.startswith("odoo.addons.customer_approval_gate.")
                and routing["type"] == "http"
                and "POST" in (routing.get("methods") or ())
            ):
                path = url.replace("<int:request_id>", str(self.request.id))
                yield re.sub(r"<\w+:\w+>", "1", path)

    def test_no_form_without_its_token(self):
        """Another site could send it in the name of whoever is logged in."""
        forms = sorted({*self._find_forms()})
        self.assertGreater(len(forms), 7)
        self.authenticate(LOGIN, LOGIN)
        values = {"decision": "approved", "name": "Ada", "consent": "1"}
        for path in forms:
            with self.subTest(path), mute_logger("odoo.http"):
                response = self.url_open(path, data=values, allow_redirects=False)
                self.assertEqual(response.status_code, 400)
        self.assertEqual(self.request.state, "pending")

    @mute_logger("odoo.http")
    def test_the_page_of_somebody_who_left(self):
        self.assertEqual(self._visit().status_code, 200)
        self.env.cr.execute("DELETE FROM customer_approval_rate")
        self.ada.active = False
        self._anonymous()
        self.assertIn(self._visit().status_code, (403, 410))
