# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Days end, and times are read, where the person is who is asked."""

from datetime import date, timedelta

from odoo import fields
from odoo.tests import freeze_time, tagged

from ...tools import capability
from .test_approvers import ApproverCommon


@tagged("post_install", "-at_install")
class TestDates(ApproverCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ada.tz = "America/Los_Angeles"
        cls.bob.tz = "Pacific/Auckland"
        cls.order.validity_date = False

    def _ask_until(self, day, partners):
        with freeze_time("2026-12-01 12:00:00"):
            request = self._ask(partners=partners, deadline=day)
        self.assertEqual(request.deadline, day)
        return request

    def _run_expiry(self):
        with self.enter_registry_test_mode():
            self.env.ref("customer_approval_gate.cron_expire").method_direct_trigger()
        self.env.invalidate_all()

    def _is_found(self, request):
        found = self.env["customer.approval.request"].search(
            [("is_overdue", "=", True), ("id", "=", request.id)]
        )
        return found == request

    def test_the_last_day_ends_where_the_person_is(self):
        request = self._ask_until(date(2026, 12, 10), self.ada)
        for moment, over in (
            ("2026-12-11 01:00:00", False),  # 17:00 in Los Angeles, the 10th
            ("2026-12-11 07:59:00", False),
            ("2026-12-11 08:00:00", True),
        ):
            with freeze_time(moment), self.subTest(moment):
                self.env.invalidate_all()
                self.assertEqual(request._is_expired(), over)
                self.assertEqual(self._is_found(request), over)
                self.assertEqual(request.is_overdue, over)
                self._run_expiry()
                self.assertEqual(request.state, "expired" if over else "pending")
                self.assertEqual(self._is_found(request), over)

    def test_a_time_zone_that_was_given_up(self):
        request = self._ask_until(date(2026, 12, 10), self.ada)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE res_partner SET tz = 'US/Pacific-New' WHERE id = %s", [self.ada.id]
        )
        self.env.invalidate_all()
        with freeze_time("2026-12-11 01:00:00"):
            self.assertTrue(self._is_found(request))
            self.assertTrue(request.is_overdue)

    def test_of_several_people_the_last_day_ends_for_each(self):
        request = self._ask_until(date(2026, 12, 10), self.ada | self.bob)
        with freeze_time("2026-12-10 13:00:00"):  # the 11th in Auckland
            bob = self._approver(request, self.bob)
            self.assertTrue(request._is_expired(bob))
            self.assertFalse(request._is_expired())
            with self._refused("has expired"):
                self._answer(request, self.bob)
            self._run_expiry()
            self._answer(request, self.ada)
        self.assertEqual(request.state, "approved")

    def test_a_moment_is_shown_once_with_its_zone(self):
        self.order.partner_id = self.ada
        self.order.commitment_date = "2026-12-15 01:00:00"
        request = self._ask(partners=self.ada)
        shown = "12/14/26, 5:00 PM (America/Los_Angeles)"
        plain = request.content_html.replace("\u202f", " ")
        self.assertIn(shown, plain)
        self.order.commitment_date = "2026-12-16 01:00:00"
        request = self._ask(partners=self.ada)
        changes = request._render_difference(request._get_previous())
        changes = changes.replace("\u202f", " ")
        self.assertIn(shown, changes)
        self.assertIn("12/15/26, 5:00 PM (America/Los_Angeles)", changes)

    # The offer's own last day

    def test_asking_about_an_offer_that_is_over(self):
        self.order.validity_date = fields.Date.today() - timedelta(days=2)
        with self._refused("was valid until .*choose a later day"):
            self._ask(partners=self.ada)

    def test_the_deadline_is_never_later_than_the_offer(self):
        last = fields.Date.today() + timedelta(days=3)
        self.order.validity_date = last
        self.assertEqual(self._ask(partners=self.ada).deadline, last)
        request = self._ask(partners=self.ada, deadline=last + timedelta(days=9))
        self.assertEqual(request.deadline, last)
        capability.call(
            request.with_user(self.salesperson)._change_deadline,
            last + timedelta(days=9),
        )
        self.assertEqual(request.deadline, last)
        capability.call(request.with_user(self.salesperson)._change_deadline, False)
        self.assertEqual(request.deadline, last)

    def test_late_answers(self):
        self.order.company_id.customer_approval_late_allowed = True
        self.order.validity_date = fields.Date.today() + timedelta(days=1)
        request = self._ask(
            partners=self.ada, deadline=fields.Date.today() + timedelta(days=20)
        )
        with freeze_time(fields.Datetime.now() + timedelta(days=5)):
            self.order.company_id.customer_approval_late_allowed = False
            with self._refused("was valid until"):
                self._answer(request, self.ada)
            self.order.company_id.customer_approval_late_allowed = True
            self._answer(request, self.ada)
        self.assertEqual(request.state, "approved")
        event = request.event_ids.filtered(lambda e: e.kind == "answered")
        self.assertEqual(
            event.details["late"], fields.Date.to_string(self.order.validity_date)
        )
        self._assert_verified()
