# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json
from datetime import timedelta

from odoo import fields
from odoo.tests import (
    JsonRpcException,
    freeze_time,
    new_test_user,
    tagged,
)
from odoo.tools import mute_logger

from ...tools import capability, links
from ..shown import parse
from .test_page import LOGIN, PNG, PageCommon


@tagged("post_install", "-at_install")
class TestInPerson(PageCommon):
    def setUp(self):
        super().setUp()
        self.url = f"/customer_approval/in_person/{self.request.id}"

    def _choose(self, login=LOGIN):
        """Open the page on which staff say how the customer answers."""
        self.env.flush_all()
        self.authenticate(login, login)
        with mute_logger("odoo.http"):
            return self.url_open(self.url)

    def _hand_over(self, approver=None):
        """Hand the screen over, and return the customer's page."""
        page = self._choose()
        approver = approver or self.request.approver_ids.filtered(
            lambda a: a._is_open()
        )
        response = self._send("hand_over", page, approver[:1])
        self.assertEqual(response.status_code, 303, response.text[-2000:])
        with mute_logger("odoo.http"):
            return self.url_open(response.headers["Location"])

    def _send(self, action, page, approver):
        self.env.flush_all()
        data = {"csrf_token": self._csrf(page.text), "approver": str(approver.id)}
        with mute_logger("odoo.http"):
            response = self.url_open(
                f"{self.url}/{action}", data=data, allow_redirects=False
            )
        self.env.invalidate_all()
        return response

    def _show_code(self):
        """Show the code for the customer's own phone, and return its link."""
        page = self._choose()
        approver = self.request.approver_ids
        response = self._send("show", page, approver)
        with mute_logger("odoo.http"):
            page = self.url_open(response.headers["Location"])
        self.assertLinks("data:image/png", page)
        url = links.url_of(approver, self.salesperson)
        return url[url.index("/my/") :]

    def _answer_here(self, page, **values):
        return self._post(
            f"/my/approvals/{self.request.id}/answer",
            self._csrf(page.text),
            **{"decision": "approved", "name": "Ada", "consent": "1", **values},
        )

    def test_an_answer_that_is_sent_again(self):
        """The page that said it was done was not shown."""
        page = self._hand_over(self.approver)
        for _time in range(2):
            response = self._answer_here(page)
            self.assertEqual(response.status_code, 303, response.text[-1000:])
            self.assertIn("answered=1", response.headers["Location"])
        kinds = self.request.event_ids.mapped("kind")
        self.assertEqual(kinds.count("answered"), 1)

    def test_in_person(self):
        page = self._choose()
        self.assertEqual(page.status_code, 200)
        for name in self.request.approver_ids.partner_id.mapped("name"):
            self.assertShows(name, page)
        self.assertNotIn("handed_over", self.request.event_ids.mapped("kind"))
        page = self._hand_over(self.approver)
        self.assertShows(self.order.order_line[0].name, page)
        self.assertLacks(page, "o_main_navbar")
        self.assertLacks(page, "o_customer_approval_conversation")
        self.assertIn("handed_over", self.request.event_ids.mapped("kind"))
        response = self._answer_here(page)
        self.assertEqual(response.status_code, 303, response.text[-2000:])
        self.assertRecordValues(
            self.request,
            [
                {
                    "state": "approved",
                    "decision_method": "in_person",
                    "witness_id": self.salesperson.id,
                    "evidence_strength": "2",
                }
            ],
        )
        self._assert_verified()

    def test_the_same_four_answers(self):
        for decision, values in (
            ("approved_conditions", {"conditions": "In May"}),
            ("changes_requested", {"reason": "In blue"}),
            ("rejected", {"reason": "Too dear"}),
        ):
            order = self._create_order(partner_id=self.ada.id)
            self.request = self._ask(order, self.ada)
            self.url = f"/customer_approval/in_person/{self.request.id}"
            page = self._hand_over()
            self._answer_here(
                page, decision=decision, category_id=self.category.id, **values
            )
            self.assertEqual(self.request.state, decision)

    def test_who_it_is_has_to_be_said(self):
        page = self._choose()
        for typed in ("", "0", "x", str(2**40)):
            for action in ("show", "hand_over"):
                response = self._post(
                    f"{self.url}/{action}", self._csrf(page.text), approver=typed
                )
                self.assertEqual(response.status_code, 422)
                self.assertShows("choose who answers", response)
        self.assertNotIn("handed_over", self.request.event_ids.mapped("kind"))

    @mute_logger("odoo.http")
    def test_the_screen_shows_nothing_else(self):
        """Nobody is logged in: there is nothing to be kept from."""
        page = self._hand_over(self.approver)
        self.assertLinks("/web/login?redirect=", page)
        for path in ("/odoo", "/my", f"/odoo/sales/{self.order.id}", self.url):
            response = self.url_open(path)
            self.assertIn("/web/login", response.url, path)
        with self.assertRaises(JsonRpcException):
            self.make_jsonrpc_request(
                "/web/dataset/call_kw/sale.order/search_count",
                {
                    "model": "sale.order",
                    "method": "search_count",
                    "args": [[]],
                    "kwargs": {},
                },
            )

    def test_back_by_odoos_own_login(self):
        self._hand_over(self.approver)
        self.authenticate(LOGIN, LOGIN)
        with mute_logger("odoo.http"):
            page = self.url_open(self.url)
        self.assertEqual(page.status_code, 200)

    def test_nothing_of_it_is_kept_by_the_browser(self):
        page = self._choose()
        response = self._send("hand_over", page, self.approver)
        self.assertIn("cache", response.headers["Clear-Site-Data"])

    def test_loading_what_was_sent(self):
        self._choose()
        for action in ("show", "hand_over"):
            response = self.url_open(f"{self.url}/{action}", allow_redirects=False)
            self.assertTrue(response.headers["Location"].endswith(self.url))
        self.assertNotIn("handed_over", self.request.event_ids.mapped("kind"))

    def test_the_code_on_the_screen_is_no_personal_link(self):
        """Whoever scans it answers before the user whose screen it is."""
        capability.call(self.request._withdraw, "Anew")
        self.request = self._ask(partners=self.ada)
        self.url = f"/customer_approval/in_person/{self.request.id}"
        path = self._show_code()
        self._anonymous()
        page = self.url_open(path)
        self.assertEqual(page.status_code, 200)
        self.assertFalse(parse(page).xpath("//@data-hash"))
        self.assertShowsNot("Somebody else should answer", page)
        own = f"/my/approvals/{self.request.id}"
        for path, values in (
            ("/code", {}),
            ("/pass_on", {"name": "Z", "email": "z@oak.example"}),
        ):
            response = self._post(own + path, self._csrf(page.text), **values)
            self.assertEqual(response.status_code, 403)
        self._answer_here(page)
        self.assertRecordValues(
            self.request,
            [
                {
                    "state": "approved",
                    "decision_method": "in_person",
                    "witness_id": self.salesperson.id,
                }
            ],
        )

    def test_the_code_on_the_screen_stays_what_it_is(self):
        """… also after an answer, and for the next round."""
        capability.call(self.request._withdraw, "Anew")
        self.request = self._ask(partners=self.ada)
        self.url = f"/customer_approval/in_person/{self.request.id}"
        path = self._show_code()
        self._anonymous()
        page = self.url_open(path)
        own = f"/my/approvals/{self.request.id}"
        self._answer_here(
            page,
            decision="changes_requested",
            reason="In blue",
            category_id=self.category.id,
        )
        self.assertEqual(self.request.state, "changes_requested")
        following = self._ask(partners=self.ada)
        self.env.flush_all()
        with mute_logger("odoo.http"):
            self.url_open(own)
            page = self.url_open(f"/my/approvals/{following.id}")
        self.assertLacks(page, "o_customer_approval_form")

    def test_the_code_on_the_screen_ends(self):
        capability.call(self.request._withdraw, "Anew")
        request = self._ask(partners=self.ada)
        approver, user = request.approver_ids, self.salesperson
        token = links.handover_token(approver, user)
        found = links.find_by_handover(approver, user, token)
        self.assertEqual(found, (approver, user))
        with freeze_time(fields.Datetime.now() + timedelta(hours=1)):
            found = links.find_by_handover(approver, user, token)
            self.assertFalse(found[0])

    def test_files_are_shown(self):
        attachment = self.env["ir.attachment"].create({"name": "plan.png", "raw": PNG})
        self.request = self.order._open_customer_approval(
            self.ada, attachments=attachment, mail=False
        ).sudo()
        self.url = f"/customer_approval/in_person/{self.request.id}"
        page = self._hand_over()
        file = self.request.attachment_ids
        path = f"/my/approvals/{self.request.id}/files/{file.id}"
        self.assertLinks(path, page)
        self.assertEqual(self.url_open(path).content, PNG)

    @mute_logger("odoo.http", "odoo.addons.base.models.ir_rule")
    def test_only_staff_of_the_document(self):
        for login, groups in (
            ("approval_nosy", "sales_team.group_sale_salesman"),
            ("approval_plain", "base.group_user"),
            ("approval_someone", "base.group_portal"),
        ):
            new_test_user(self.env, login, groups)
            page = self._choose(login)
            self.assertIn(page.status_code, (403, 404), login)
            self.assertShowsNot(self.order.order_line[0].name, page)

    def test_the_answer_shows_at_once(self):
        """The screen that shows the code, and the salesperson's form, are told."""
        self._choose()
        self.env["bus.bus"].search([]).unlink()
        self._answer(self.request, self.ada)
        self.env.cr.precommit.run()
        messages = [
            json.loads(message)
            for message in self.env["bus.bus"].search([]).mapped("message")
        ]
        answered = [
            message["payload"]
            for message in messages
            if message["type"] == "customer_approval_answered"
        ]
        self.assertIn(
            {
                "request_id": self.request.id,
                "res_model": "sale.order",
                "res_id": self.order.id,
                "state": "approved",
            },
            answered,
        )
