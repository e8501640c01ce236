# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json
from datetime import timedelta

from odoo import fields, http
from odoo.tests import (
    JsonRpcException,
    freeze_time,
    new_test_user,
    tagged,
)
from odoo.tools import mute_logger

from ...tools import capability, links
from .test_page import LOGIN, PNG, PageCommon


@tagged("post_install", "-at_install")
class TestInPerson(PageCommon):
    def setUp(self):
        super().setUp()
        self.url = f"/customer_approval/in_person/{self.request.id}"

    def _hand_over(self, login=LOGIN):
        self.env.flush_all()
        self.authenticate(login, login)
        with mute_logger("odoo.http"):
            page = self.url_open(self.url)
            if page.status_code == 200:
                # As the page's own script does.
                self._post(f"{self.url}/hand_over", self._csrf(page.text))
            return page

    def test_an_answer_that_is_sent_again(self):
        """The page that said it was done was not shown."""
        page = self._hand_over()
        for _time in range(2):
            response = self._answer_here(page)
            self.assertEqual(response.status_code, 303, response.text[-1000:])
            self.assertIn("answered=1", response.headers["Location"])
        kinds = self.request.event_ids.mapped("kind")
        self.assertEqual(kinds.count("answered"), 1)

    def _answer_here(self, page, **values):
        return self._post(
            f"{self.url}/answer",
            self._csrf(page.text),
            **{
                "decision": "approved",
                "name": "Ada",
                "consent": "1",
                "approver": str(self.approver.id),
                **values,
            },
        )

    def test_in_person(self):
        page = self._hand_over()
        self.assertEqual(page.status_code, 200)
        self.assertNotIn("o_main_navbar", page.text)
        self.assertIn("Who are you?", page.text)
        self.assertIn(self.order.order_line[0].name, page.text)
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
        page = self._hand_over()
        response = self._answer_here(page, approver="")
        self.assertEqual(response.status_code, 422)
        self.assertIn("choose who you are", response.text)

    @mute_logger("odoo.http")
    def test_the_screen_shows_nothing_else(self):
        self._hand_over()
        other = self._ask(self._create_order(partner_id=self.bob.id), self.bob)
        secret = self.env["ir.attachment"].create(
            {
                "name": "secret.txt",
                "raw": b"secret",
                "res_model": "sale.order",
                "res_id": self.order.id,
            }
        )
        self.env.flush_all()
        for path in (
            "/odoo",
            "/web",
            "/odoo/static",
            "/odoo/static/x",
            "/scoped_app/static",
            "/en/odoo",
            "/my",
            f"/odoo/sales/{self.order.id}",
            f"/web/image/{secret.id}",
            f"/web/image/res.partner/{self.ada.id}/image_1920",
            f"/web/content/{secret.id}",
            "/web/webclient/load_menus",
            f"/customer_approval/in_person/{other.id}",
        ):
            response = self.url_open(path)
            self.assertTrue(response.url.endswith(self.url), path)
        with self.assertRaises(JsonRpcException):
            self.make_jsonrpc_request(
                "/websocket/peek_notifications",
                {"channels": [], "last": 0, "is_first_poll": True},
            )
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

    def test_the_code_on_the_screen_is_no_personal_link(self):
        """Whoever scans it answers before the user whose screen it is."""
        capability.call(self.request._withdraw, "Anew")
        self.request = self._ask(partners=self.ada)
        self.url = f"/customer_approval/in_person/{self.request.id}"
        self._hand_over()
        url = links.url_of(self.request.approver_ids, self.salesperson)
        self._anonymous()
        page = self.url_open(url[url.index("/my/") :])
        self.assertEqual(page.status_code, 200)
        self.assertNotIn("data-hash", page.text)
        self.assertNotIn("Somebody else should answer", page.text)
        own = f"/my/approvals/{self.request.id}"
        for path, values in (
            ("/code", {}),
            ("/pass_on", {"name": "Z", "email": "z@oak.example"}),
        ):
            response = self._post(own + path, self._csrf(page.text), **values)
            self.assertEqual(response.status_code, 403)
        self._post(
            f"/my/approvals/{self.request.id}/answer",
            self._csrf(page.text),
            decision="approved",
            name="Ada",
            consent="1",
        )
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
        self._hand_over()
        url = links.url_of(self.request.approver_ids, self.salesperson)
        self._anonymous()
        page = self.url_open(url[url.index("/my/") :])
        own = f"/my/approvals/{self.request.id}"
        self._post(
            f"{own}/answer",
            self._csrf(page.text),
            decision="changes_requested",
            name="Ada",
            reason="In blue",
            category_id=self.category.id,
        )
        self.assertEqual(self.request.state, "changes_requested")
        following = self._ask(partners=self.ada)
        self.env.flush_all()
        with mute_logger("odoo.http"):
            self.url_open(own)
            page = self.url_open(f"/my/approvals/{following.id}")
        self.assertNotIn("o_customer_approval_form", page.text)

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
        path = f"{self.url}/files/{self.request.attachment_ids.id}"
        self.assertIn(path, page.text)
        self.assertEqual(self.url_open(path).content, PNG)

    def test_another_login_on_the_same_device(self):
        self._hand_over()
        new_test_user(self.env, "approval_device", "base.group_portal")
        session = self.authenticate("approval_device", "approval_device")
        session["customer_approval_handed_over"] = [
            self.request.id,
            self.salesperson.id,
        ]
        http.root.session_store.save(session)
        self.assertEqual(self.url_open("/my", allow_redirects=False).status_code, 200)

    def test_leaving_takes_the_password(self):
        page = self._hand_over()
        csrf = self._csrf(page.text)
        response = self._post(f"{self.url}/leave", csrf, password="wrong")
        self.assertEqual(response.status_code, 403)
        response = self._post(f"{self.url}/leave", csrf, password=LOGIN)
        self.assertEqual(response.status_code, 303)
        self.assertIn(f"/odoo/sale.order/{self.order.id}", response.headers["Location"])

    def test_leaving_is_not_for_guessing(self):
        page = self._hand_over()
        csrf = self._csrf(page.text)
        codes = [
            self._post(f"{self.url}/leave", csrf, password=f"x{number}").status_code
            for number in range(11)
        ]
        self.assertEqual(codes[-1], 429)

    @mute_logger("odoo.http", "odoo.addons.base.models.ir_rule")
    def test_only_staff_of_the_document(self):
        for login, groups in (
            ("approval_nosy", "sales_team.group_sale_salesman"),
            ("approval_plain", "base.group_user"),
            ("approval_someone", "base.group_portal"),
        ):
            new_test_user(self.env, login, groups)
            page = self._hand_over(login)
            self.assertIn(page.status_code, (403, 404), login)
            self.assertNotIn(self.order.order_line[0].name, page.text)

    def test_the_answer_shows_at_once(self):
        """The screen that was handed over, and the salesperson's form, are told."""
        self._hand_over()
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
