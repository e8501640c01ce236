# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import base64
import json
import logging
import os
import pathlib
import re
import socket
import struct
import unittest
import zlib
from datetime import timedelta
from unittest.mock import patch

from odoo import fields, http
from odoo.exceptions import AccessError
from odoo.tests import (
    JsonRpcException,
    freeze_time,
    new_test_user,
    tagged,
)
from odoo.tools import mute_logger

from ..tools import capability, links, redact
from .common import BrowserCase, follow
from .test_approvers import ApproverCommon

LOGIN = "approval_salesperson"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8cf500f0003860180"
    "5a34d4730000000049454e44ae426082"
)
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF"
HTML = b"<html><body><script>alert(1)</script></body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


class PageCommon(BrowserCase, ApproverCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.category = cls.env.ref("customer_approval_gate.category_price")

    def setUp(self):
        super().setUp()
        self.request = self._ask(partners=self.ada | self.bob)
        self.approver = self._approver(self.request, self.ada)
        self.env.flush_all()

    def _visit(self, approver=None, suffix="", **kwargs):
        """Open the page by the link, as the person without a login."""
        approver = approver or self.approver
        self.env.flush_all()
        url = links.url_of(approver)
        path = url[url.index("/my/") :]
        with mute_logger("odoo.http"):
            return self.url_open(path, **kwargs)

    def _read(self, approver=None):
        """Look at the page as a person does: their browser tells so."""
        approver = approver or self.approver
        csrf = self._csrf(self._visit(approver).text)
        url = f"/my/approvals/{approver.request_id.id}/opened"
        return self.url_open(url, data={"csrf_token": csrf})

    def _csrf(self, text):
        return re.search(r'name="csrf_token" value="([^"]+)"', text).group(1)

    def _post(self, path, csrf, **values):
        self.env.flush_all()
        with mute_logger("odoo.http"):
            response = self.url_open(
                path, data={"csrf_token": csrf, **values}, allow_redirects=False
            )
        response = follow(self, response)
        self.env.invalidate_all()
        return response

    def _answer_page(self, approver=None, **values):
        approver = approver or self.approver
        csrf = self._csrf(self._visit(approver).text)
        return self._post(
            f"/my/approvals/{approver.request_id.id}/answer",
            csrf,
            **{
                "decision": "approved",
                "name": "Ada Lovelace",
                "consent": "1",
                "category_id": self.category.id,
                **values,
            },
        )

    def _anonymous(self):
        """Go on as somebody else, with another browser."""
        self.authenticate(None, None)
        self.opener.cookies.clear()


@tagged("post_install", "-at_install")
class TestPage(PageCommon):
    # Links

    def test_the_link_does_not_stay_in_the_address(self):
        self.env.flush_all()
        url = links.url_of(self.approver)
        response = self.url_open(url[url.index("/my/") :], allow_redirects=False)
        self.assertEqual(response.status_code, 303)
        self.assertTrue(
            response.headers["Location"].endswith(f"/my/approvals/{self.request.id}")
        )
        page = self.url_open(f"/my/approvals/{self.request.id}")
        self.assertEqual(page.status_code, 200)
        self.assertNotIn(links.token_of(self.approver), page.text)

    def test_headers(self):
        for page in (
            self._visit(),
            self.url_open("/my/approvals/999999"),
            self.url_open("/approval/verify/0123"),
        ):
            self.assertEqual(page.headers["X-Frame-Options"], "DENY")
            self.assertIn("frame-ancestors 'none'", str(page.headers))
            self.assertEqual(page.headers["Referrer-Policy"], "same-origin")
            self.assertEqual(page.headers["Cache-Control"], "no-store")
            self.assertIn("noindex", page.headers["X-Robots-Tag"])

    def test_the_log_hides_links(self):
        record = logging.LogRecord(
            "werkzeug", logging.INFO, "x", 1, '"%s" 200', None, None
        )
        record.args = (
            "GET /my/approvals/5?access_token=SECRET&x=1&hash=SECRET2 HTTP/1.1",
        )
        redact.HideSecrets().filter(record)
        self.assertNotIn("SECRET", record.getMessage())
        self.assertIn("x=1", record.getMessage())
        filters = logging.getLogger("werkzeug").filters
        self.assertTrue(any(isinstance(f, redact.HideSecrets) for f in filters))

    def test_name_and_language_of_the_person(self):
        page = self._visit(self._approver(self.request, self.bob))
        self.assertIn('value="Bob"', page.text)
        self.assertIn(
            "We begin only", page.text.replace("we do not begin", "We begin only")
        )
        self._anonymous()
        self.env["res.lang"]._activate_lang("fr_FR")
        self.bob.lang = "fr_FR"
        page = self._visit(self._approver(self.request, self.bob))
        self.assertIn("200,00", page.text)

    def test_each_sees_the_others_answers(self):
        request = self._ask(rule="all")
        self._answer(request, self.bob)
        page = self._visit(self._approver(request, self.ada))
        self.assertIn("Bob", page.text)
        self.assertIn("Approved", page.text)

    def test_not_ones_turn(self):
        request = self._ask(rule="order")
        page = self._visit(self._approver(request, self.bob))
        self.assertIn("not your turn", page.text)
        self.assertNotIn("o_customer_approval_form", page.text)

    def test_looked_at_as_often_as_one_likes(self):
        response = self._answer_page()
        self.assertEqual(response.status_code, 303)
        for _time in range(2):
            page = self.url_open(response.headers["Location"].split("?")[0])
            self.assertEqual(page.status_code, 200)
            self.assertIn("approved version", page.text)
        # By the link in the mail about the answer, in another browser.
        self._anonymous()
        self.assertIn("approved version", self._visit().text)

    def test_links_that_have_stopped(self):
        old = links.url_of(self.approver)
        path = old[old.index("/my/") :]
        self._answer(self.request, self.bob)
        self.env.flush_all()
        page = self.url_open(path)
        self.assertEqual(page.status_code, 410)
        self.assertIn("has been answered", page.text)
        self.assertNotIn(self.order.order_line[0].name, page.text)
        self._get_mails()
        response = self._post(
            f"/my/approvals/{self.request.id}/resend",
            self._csrf(page.text),
            access_token=path.split("access_token=")[1],
        )
        self.assertEqual(response.status_code, 200)
        self.assertEqual(set(self._get_mails()), {self.ada}, "nobody else gets one")

    def test_withdrawn_and_replaced(self):
        old = links.url_of(self.approver)
        path = old[old.index("/my/") :]
        capability.call(self.request._withdraw, "A mistake")
        self.env.flush_all()
        self.assertIn("has been withdrawn", self.url_open(path).text)
        self.order.order_line[0].price_unit = 120
        request = self._ask(partners=self.ada)
        self.env.flush_all()
        page = self.url_open(path)
        self.assertIn("There is a new version", page.text)
        self._get_mails()
        self._post(
            f"/my/approvals/{self.request.id}/resend",
            self._csrf(page.text),
            access_token=path.split("access_token=")[1],
        )
        mail = self._get_mails()[self.ada][0]
        self.assertIn(links.token_of(request.approver_ids), mail.body_html)

    def test_what_has_changed_since_one_looked(self):
        self._read()
        self.order.order_line[0].price_unit = 120
        self._visit(self._ask(partners=self.bob).approver_ids)
        self.order.order_line[0].price_unit = 130
        request = self._ask(partners=self.ada | self.eve)
        self._anonymous()
        page = self._visit(self._approver(request, self.ada)).text
        self.assertIn("since you last looked", page)
        self.assertIn("100.00", page, "the version that Ada saw")
        self._anonymous()
        page = self._visit(self._approver(request, self.eve)).text
        self.assertIn("since version", page)
        self.assertIn("120.00", page, "the version before")

    # Answers

    def test_rejection_with_reason_and_remarks(self):
        line = self.order.order_line[0]
        response = self._answer_page(
            decision="rejected",
            reason="Too dear",
            **{f"remark_{line.id}": "<b>This</b>", "remark_999": "Nothing"},
        )
        self.assertEqual(response.status_code, 303, response.text[-2000:])
        self.assertEqual(self.request.category_id, self.category)
        self.assertEqual(self.approver.remarks, {str(line.id): "<b>This</b>"})
        self.assertIn("<b>This</b>", self.approver.remarks_text)
        self._assert_verified()

    def test_options_by_hand(self):
        """Without JavaScript: the total is shown before it counts."""
        order = self._create_optional_order()
        lamp, rug = order._get_optional_lines()
        request = self._ask(order, self.ada)
        approver = request.approver_ids
        page = self._visit(approver).text
        shown = re.search(r'name="shown_total" value="([^"]+)"', page).group(1)
        values = {"options": "1", f"option_{rug.id}": "1", "shown_total": shown}
        response = self._answer_page(approver, **values)
        self.assertEqual(response.status_code, 422)
        self.assertIn("With your choice the total is", response.text)
        self.assertEqual(request.state, "pending")
        values["shown_total"] = re.search(
            r'name="shown_total" value="([^"]+)"', response.text
        ).group(1)
        response = self._answer_page(approver, **values)
        self.assertEqual(response.status_code, 303)
        self.assertEqual(order.customer_approval_status, "approved")
        self.assertEqual((lamp.product_uom_qty, rug.product_uom_qty), (0, 1))
        page = self.url_open(response.headers["Location"])
        self.assertIn("Thank you", page.text)
        self.assertIn("not chosen", page.text)

    def test_options_keep_the_price_that_was_offered(self):
        order = self._create_optional_order()
        self.product.list_price = 9999
        lamp, rug = order._get_optional_lines()
        both = order._get_totals_of_choice(lamp | rug)["untaxed"]
        none = order._get_totals_of_choice(lamp.browse())["untaxed"]
        self.assertEqual((both, none), (280, 200))
        self.assertEqual(order._get_totals_of_choice(lamp)["untaxed"], 230)

    def test_totals_follow(self):
        order = self._create_optional_order()
        rug = order._get_optional_lines()[1]
        request = self._ask(order, self.ada)
        self._visit(request.approver_ids)
        url = f"/my/approvals/{request.id}/totals"
        totals = self.make_jsonrpc_request(url, {"lines": rug.ids})
        self.assertIn("250.00", totals["untaxed"])
        for nonsense in (None, "x", {"a": 1}, 5):
            self.assertEqual(self.make_jsonrpc_request(url, {"lines": nonsense}), {})
        self._anonymous()
        self.assertEqual(self.make_jsonrpc_request(url, {"lines": rug.ids}), {})
        self.assertEqual(rug.product_uom_qty, 0, "nothing was changed")

    def test_conditions(self):
        self._answer_page(decision="approved_conditions", conditions="In May")
        self.assertEqual(self.request.state, "approved_conditions")
        self._get_mails()
        self.request.with_user(self.salesperson).action_accept_conditions()
        self.assertIn(self.ada, self._get_mails())

    # One-time codes

    def _post_for_code(self, csrf, **values):
        with self.mock_mail_gateway():
            response = self._post(
                f"/my/approvals/{self.request.id}/code", csrf, **values
            )
        return response, re.search(r">\s*(\d{6})\s*<", self._mails[0]["body"]).group(1)

    def test_with_a_code(self):
        self.order.company_id.customer_approval_code = True
        page = self._visit().text
        self.assertIn("Send me a code", page)
        self.assertNotIn('id="code"', page)
        response = self._answer_page()
        self.assertEqual(response.status_code, 422)
        self.assertIn("have a code sent", response.text)
        response, code = self._post_for_code(
            self._csrf(page), decision="approved", name="Typed Before"
        )
        self.assertIn("We have mailed a code of six digits to", response.text)
        self.assertIn("Typed Before", response.text, "what was typed is kept")
        wrong = f"{(int(code) + 1) % 10**6:06}"
        response = self._answer_page(code=wrong)
        self.assertIn("This code is not right", response.text)
        self.assertEqual(self.request.state, "pending")
        response = self._answer_page(code=code)
        self.assertEqual(response.status_code, 303, response.text[-3000:])
        self.assertEqual(self.request.decision_method, "code")
        self.assertEqual(self.request.evidence_strength, "4")

    def test_rejecting_takes_no_code(self):
        self.order.company_id.customer_approval_code = True
        response = self._answer_page(decision="rejected", reason="No")
        self.assertEqual(response.status_code, 303)

    def test_a_code_serves_one_person_only(self):
        self.order.company_id.customer_approval_code = True
        page = self._visit().text
        _response, code = self._post_for_code(self._csrf(page))
        bob = self._approver(self.request, self.bob)
        response = self._answer_page(bob, code=code)
        self.assertEqual(response.status_code, 422)
        self.assertEqual(self.request.state, "pending")

    def test_login_takes_no_code(self):
        self.order.company_id.customer_approval_code = True
        user = new_test_user(self.env, "approval_ada", "base.group_portal")
        user.partner_id = self.ada
        self.env.flush_all()
        self.authenticate("approval_ada", "approval_ada")
        page = self.url_open(f"/my/approvals/{self.request.id}")
        self.assertNotIn("Send me a code", page.text)
        self._post(
            f"/my/approvals/{self.request.id}/answer",
            self._csrf(page.text),
            decision="approved",
            name="Ada",
            consent="1",
        )
        self.assertEqual(self.request.decision_method, "portal")
        self.assertEqual(self.approver.state, "approved")

    def test_a_colleague_who_was_not_asked(self):
        user = new_test_user(self.env, "approval_eve", "base.group_portal")
        user.partner_id = self.eve
        self.env.flush_all()
        self.authenticate("approval_eve", "approval_eve")
        page = self.url_open(f"/my/approvals/{self.request.id}")
        self.assertEqual(page.status_code, 200)
        self.assertIn("Others of your company are asked", page.text)
        self.assertNotIn("o_customer_approval_form", page.text)

    def test_an_outsider_who_was_asked(self):
        stranger = self.env["res.partner"].create(
            {"name": "Consultant", "email": "c@elsewhere.example"}
        )
        user = new_test_user(self.env, "approval_consultant", "base.group_portal")
        user.partner_id = stranger
        request = self._ask(partners=self.ada | stranger, rule="all")
        self.env.flush_all()
        self.authenticate("approval_consultant", "approval_consultant")
        page = self.url_open(f"/my/approvals/{request.id}")
        self.assertIn("o_customer_approval_form", page.text)
        self.assertIn(self.order.name, self.url_open("/my/approvals").text)

    # Passing it on

    def test_pass_on(self):
        page = self._visit().text
        response = self._post(
            f"/my/approvals/{self.request.id}/pass_on",
            self._csrf(page),
            name="<i>Grace</i>",
            email="grace@oak.example",
        )
        self.assertIn("You have passed this on", response.text)
        self.assertEqual(self.approver.state, "passed_on")
        page = self.url_open(f"/my/approvals/{self.request.id}")
        self.assertEqual(page.status_code, 410)
        grace = self.request.approver_ids.filtered(lambda a: a.origin == "passed_on")
        self._anonymous()
        page = self._visit(grace).text
        self.assertNotIn("<i>Grace", page)

    def test_pass_on_elsewhere(self):
        page = self._visit().text
        response = self._post(
            f"/my/approvals/{self.request.id}/pass_on",
            self._csrf(page),
            name="Grace",
            email="grace@gmail.com",
        )
        self.assertIn("We do not recognise this address", response.text)
        self.assertEqual(self.approver.state, "asked")

    # Files

    def test_files(self):
        self._test_files_of_kinds()

    def _test_files_of_kinds(self):
        attachments = self.env["ir.attachment"].create(
            [
                {"name": "plan.png", "raw": PNG},
                {"name": "terms.pdf", "raw": PDF},
                {"name": "trick.png", "raw": HTML, "mimetype": "image/png"},
                {"name": "trick.svg", "raw": SVG, "mimetype": "image/svg+xml"},
                {"name": 'a"b\r\nX-Evil: 1.pdf', "raw": PDF},
            ]
        )
        request = self.order._open_customer_approval(
            self.ada, attachments=attachments, mail=False
        ).sudo()
        page = self._visit(request.approver_ids).text
        self.assertNotIn("/web/content", page)
        shown = {}
        for file in request.attachment_ids:
            url = f"/my/approvals/{request.id}/files/{file.id}"
            self.assertIn(url, page)
            shown[file.name] = self.url_open(url)
        for name, kind in (("plan.png", "image/png"), ("terms.pdf", "application/pdf")):
            self.assertEqual(shown[name].headers["Content-Type"], kind)
            self.assertIn("inline", shown[name].headers["Content-Disposition"])
        for name in ("trick.png", "trick.svg"):
            self.assertIn("attachment", shown[name].headers["Content-Disposition"])
            self.assertEqual(
                shown[name].headers["Content-Type"], "application/octet-stream"
            )
            self.assertEqual(shown[name].headers["X-Content-Type-Options"], "nosniff")
        for response in shown.values():
            self.assertNotIn("X-Evil", response.headers)
        self._anonymous()
        for file in request.attachment_ids:
            url = f"/my/approvals/{request.id}/files/{file.id}"
            with mute_logger("odoo.http"):
                self.assertIn(
                    "/web/login",
                    self.url_open(url, allow_redirects=False).headers["Location"],
                )
                self.assertEqual(
                    self.url_open(f"/web/content/{file.id}").status_code, 404
                )

    def test_files_of_another_request(self):
        other = self.order._open_customer_approval(
            self.bob,
            attachments=self.env["ir.attachment"].create({"name": "x", "raw": PDF}),
            mail=False,
        ).sudo()
        order = self._create_order(partner_id=self.ada.id)
        own = self._ask(order, self.ada)
        self._visit(own.approver_ids)
        url = f"/my/approvals/{own.id}/files/{other.attachment_ids.id}"
        with mute_logger("odoo.http"):
            self.assertEqual(self.url_open(url).status_code, 404)

    def test_files_brought_into_the_conversation(self):
        page = self._visit().text
        found = re.search(r'data-hash="([^"]+)"', page)
        csrf = self._csrf(page)
        for name, data, taken in (
            ("plan.png", PNG, True),
            ("trick.html", HTML, False),
            ("trick.txt", HTML, False),
            ("trick.svg", SVG, False),
            ("trick.exe", b"MZ\x90\x00", False),
        ):
            response = self.url_open(
                "/mail/attachment/upload",
                data={
                    "csrf_token": csrf,
                    "thread_id": self.request.id,
                    "thread_model": "customer.approval.request",
                    "pid": self.ada.id,
                    "hash": found.group(1),
                    "is_pending": "true",
                },
                files={"ufile": (name, data)},
            )
            self.assertEqual("error" not in response.json(), taken, response.text)

    # Conversation

    def _post_message(self, **params):
        return self.make_jsonrpc_request(
            "/mail/message/post",
            {
                "thread_model": "customer.approval.request",
                "thread_id": self.request.id,
                "post_data": {
                    "body": "I approve! <script>alert(1)</script>",
                    "message_type": "comment",
                    "subtype_xmlid": "mail.mt_comment",
                },
                **params,
            },
        )

    def test_conversation_is_no_decision(self):
        page = self._visit().text
        found = re.search(r'data-hash="([^"]+)"', page).group(1)
        self._post_message(pid=self.ada.id, hash=found)
        self.env.invalidate_all()
        self.assertEqual(self.request.state, "pending")
        body = "".join(self.order.message_ids.mapped("body"))
        self.assertIn("I approve!", body)
        self.assertNotIn("<script>", body)

    def _fetch_messages(self, **params):
        """Read as Odoo's own page does."""
        result = self.make_jsonrpc_request(
            "/mail/chatter_fetch",
            {
                "thread_model": self.request._name,
                "thread_id": self.request.id,
                "fetch_params": {"limit": 30},
                **params,
            },
        )
        return [
            re.sub("<[^>]+>", "", message["body"][1])
            for message in reversed(result["data"]["mail.message"])
        ]

    def _fetch_by_link(self, approver=None):
        found = re.search(r'data-token="([^"]+)"', self._visit(approver).text)
        return self._fetch_messages(token=found.group(1))

    def _write_to(self, *partners, body, **kwargs):
        self.order.with_user(self.salesperson).message_post(
            body=body,
            partner_ids=[partner.id for partner in partners],
            message_type="comment",
            **{"subtype_xmlid": "mail.mt_comment", **kwargs},
        )
        self.env.flush_all()

    def test_conversation_is_what_was_sent_to_the_customer(self):
        self.order.message_unsubscribe(self.order.message_partner_ids.ids)
        colleague = self._create_salesperson("approval_colleague").partner_id
        self._write_to(self.ada, body="To Ada")
        self._write_to(colleague, body="To a colleague")
        self._write_to(body="To nobody")
        self._write_to(self.ada, body="A note", subtype_xmlid="mail.mt_note")
        self.order.message_subscribe(self.ada.ids)
        self._write_to(body="To all who follow")
        self.assertEqual(self._fetch_by_link(), ["To Ada", "To all who follow"])
        self.assertEqual(
            self._fetch_by_link(self._approver(self.request, self.bob)),
            ["To Ada", "To all who follow"],
        )

    def test_conversation_goes_on_over_all_rounds(self):
        page = self._visit().text
        found = re.search(r'data-hash="([^"]+)"', page).group(1)
        self._post_message(pid=self.ada.id, hash=found)
        self.env.invalidate_all()
        self.order.order_line[0].price_unit += 1
        self.request = self._ask(partners=self.ada)
        self.approver = self.request.approver_ids
        self._write_to(self.ada, body="Cheaper is not possible")
        messages = self._fetch_by_link()
        self.assertIn("I approve!", messages[0])
        self.assertEqual(messages[1:], ["Cheaper is not possible"])

    def test_conversation_of_somebody_else_begins_when_they_are_asked(self):
        adviser = self.env["res.partner"].create(
            {"name": "An adviser", "email": "adviser@elsewhere.example"}
        )
        with freeze_time("2020-01-01"):
            self._write_to(self.ada, body="Between us")
        capability.call(self.request._add_approvers, adviser)
        self._write_to(self.ada, body="To all of you")
        self.assertEqual(self._fetch_by_link(), ["Between us", "To all of you"])
        approver = self._approver(self.request, adviser)
        self.assertEqual(self._fetch_by_link(approver), ["To all of you"])

    @mute_logger("odoo.http")
    def test_conversation_of_others(self):
        self._write_to(self.ada, body="To Ada")
        for params in (
            {},
            {"token": "guess"},
            {"token": links.token_of(self.approver)},
        ):
            with self.assertRaises(JsonRpcException):
                self._fetch_messages(**params)
        new_test_user(self.env, "approval_stranger", "base.group_portal")
        self.authenticate("approval_stranger", "approval_stranger")
        with self.assertRaises(JsonRpcException):
            self._fetch_messages()
        user = new_test_user(self.env, "approval_own", "base.group_portal")
        user.partner_id = self.ada
        self.authenticate("approval_own", "approval_own")
        self.assertEqual(self._fetch_messages(), ["To Ada"])

    def test_conversation_ends_with_the_link(self):
        page = self._visit().text
        found = re.search(r'data-hash="([^"]+)"', page).group(1)
        capability.call(self.approver._pass_on, "Bob's friend", "friend@oak.example")
        self.env.flush_all()
        with mute_logger("odoo.http"), self.assertRaises(JsonRpcException):
            self._post_message(pid=self.ada.id, hash=found)

    # What cannot be reached

    def test_a_code_while_the_mail_server_refuses(self):
        self.order.company_id.customer_approval_code = True
        self.env["ir.mail_server"].search([]).active = False
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        self.env["ir.mail_server"].create(
            {"name": "Refuses", "smtp_host": "127.0.0.1", "smtp_port": port}
        )
        csrf = self._csrf(self._visit().text)
        with (
            patch.object(
                type(self.env["ir.mail_server"]), "_disable_send", lambda s: 0
            ),
            mute_logger(
                "odoo.addons.customer_approval_gate.controllers.answer_form",
                "odoo.addons.base.models.ir_mail_server",
            ),
        ):
            response = self._post(
                f"/my/approvals/{self.request.id}/code",
                csrf,
                decision="approved",
                name="Ada Typed",
            )
        self.assertEqual(response.status_code, 422)
        self.assertIn("again", response.text)
        self.assertIn("Ada Typed", response.text, "what was typed is kept")
        kinds = self.request.event_ids.mapped("kind")
        self.assertNotIn("code_sent", kinds, "nothing was sent")

    def test_a_store_of_files_that_is_full(self):
        self.authenticate(LOGIN, LOGIN)
        self.production.requires_customer_approval = False
        order = self._create_order()
        order.action_confirm()
        url = f"/my/deliveries/sale_order/{order.id}"
        page = self.url_open(url).text
        attachments = type(self.env["ir.attachment"])
        with (
            patch.object(attachments, "_file_write", side_effect=OSError("No space")),
            mute_logger("odoo.addons.customer_approval_gate.controllers.answer_form"),
        ):
            self.env.flush_all()
            response = self.url_open(
                f"{url}/confirm",
                data={
                    "csrf_token": self._csrf(page),
                    "kind_id": self.env["customer.approval.delivery.kind"]
                    .search([], limit=1)
                    .id,
                    "name": "Rita Receiver",
                    f"quantity_{order.order_line.id}": "1",
                },
                files={"photos": ("door.png", PNG, "image/png")},
            )
        self.assertEqual(response.status_code, 422)
        self.assertIn("cannot be reached at the moment", response.text)
        self.assertIn("Rita Receiver", response.text)
        self.assertFalse(order.delivery_ids)

    def test_a_language_that_was_switched_off(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.ada.lang = "de_DE"
        request = self._ask(self._create_order(partner_id=self.ada.id), self.ada)
        self.assertEqual(request.lang, "de_DE")
        self.ada.lang = "en_US"
        self.env["res.lang"].search([("code", "=", "de_DE")]).active = False
        approver = request.approver_ids
        self.assertEqual(self._visit(approver).status_code, 200)
        self._answer(request, self.ada)
        self._make_certificate(request)
        self.assertTrue(request.certificate_id)

    # Limits

    @mute_logger("odoo.http")
    def test_guessing_links(self):
        codes = [
            self.url_open(
                f"/my/approvals/{self.request.id}?access_token=guess{number}"
            ).status_code
            for number in range(22)
        ]
        self.assertEqual(set(codes[:20]), {403})
        self.assertEqual(codes[-1], 429)
        self.assertEqual(self._visit().status_code, 200, "a right one is right")

    @mute_logger("odoo.http")
    def test_guessing_elsewhere_locks_nobody_out(self):
        rates = self.env["customer.approval.rate"]
        for number in range(120):
            rates._count("token_request", self.request.id)
            rates._count("token", f"10.0.0.{number}")
        self.assertEqual(self._visit().status_code, 200)

    @mute_logger("odoo.http")
    def test_parameters_are_nobodys(self):
        self._visit()
        for query in ("error=Call+0900", "status=404", "typed=x", "approver=1"):
            page = self.url_open(f"/my/approvals/{self.request.id}?{query}")
            self.assertEqual(page.status_code, 200, query)
            self.assertNotIn("Call 0900", page.text)

    @mute_logger("odoo.http")
    def test_files_in_the_place_of_text(self):
        csrf = self._csrf(self._visit().text)
        response = self.url_open(
            f"/my/approvals/{self.request.id}/answer",
            data={"csrf_token": csrf, "decision": "approved", "consent": "1"},
            files={"name": ("x.txt", b"x"), "reason": ("x.txt", b"x")},
        )
        self.assertEqual(response.status_code, 422)

    def test_another_login_in_the_same_browser(self):
        self._visit()
        new_test_user(self.env, "approval_other_login", "base.group_portal")
        self.env.flush_all()
        session = self.authenticate("approval_other_login", "approval_other_login")
        session["customer_approval_tokens_0"] = {
            str(self.request.id): links.token_of(self.approver)
        }
        http.root.session_store.save(session)
        with mute_logger("odoo.http"):
            page = self.url_open(f"/my/approvals/{self.request.id}")
        self.assertEqual(page.status_code, 403)

    @mute_logger("odoo.http")
    def test_totals_of_what_was_not_sent(self):
        self._visit()
        self._answer(self.request, self.ada, "rejected")
        self.order.order_line[0].price_unit = 77777
        self._visit()
        totals = self.make_jsonrpc_request(
            f"/my/approvals/{self.request.id}/totals", {"lines": []}
        )
        self.assertEqual(totals, {})

    @mute_logger("odoo.http")
    def test_answering_too_often(self):
        rates = self.env["customer.approval.rate"]
        for _time in range(30):
            rates._count("answer_request", self.request.id)
        self.assertEqual(self._answer_page().status_code, 429)
        self.assertEqual(self.request.state, "pending")

    @mute_logger("odoo.http")
    def test_sending_links_too_often(self):
        csrf = self._csrf(self._visit().text)
        url = f"/my/approvals/{self.request.id}/resend"
        codes = [self._post(url, csrf).status_code for _time in range(4)]
        self.assertEqual(codes, [200, 200, 200, 429])

    def test_links_are_mailed_for_those_who_have_one(self):
        """Nobody is mailed by a number that somebody has counted up to."""
        csrf = self._csrf(self._visit().text)
        url = f"/my/approvals/{self.request.id}/resend"
        self._get_mails()
        for token in ("", "x"):
            self._post(url, csrf, access_token=token)
            self.assertFalse(self._get_mails())
        self._anonymous()
        page = self.url_open(self.order.get_portal_url()).text
        token = links.resend_token(self.request)
        self.assertIn(token, page)
        self._post(url, self._csrf(page), access_token=token)
        self.assertEqual(set(self._get_mails()), {self.ada, self.bob})

    def test_methods_that_odoo_lets_through(self):
        """Odoo asks for no token against forged forms by these."""
        self._visit()
        values = {
            "decision": "approved",
            "name": "Eve",
            "approver": self.approver.id,
            "access_token": links.token_of(self.approver),
        }
        for path in (f"/my/approvals/{self.request.id}/answer", "/my/approvals/1"):
            response = self.opener.options(
                self.base_url() + path, params=values, timeout=20
            )
            self.assertEqual(response.status_code, 405)
        self.env.invalidate_all()
        self.assertEqual(self.request.state, "pending")

    def test_names_that_nobody_can_read(self):
        for name in ("\u200b\u200b", "\u202e \u2066", "...", "\x07"):
            response = self._answer_page(name=name)
            self.assertIn("enter your full name", response.text, repr(name))
        self.assertEqual(self.request.state, "pending")
        self._answer_page(name="  Ada\u200b \x07Appro\u202ever ")
        self.env.invalidate_all()
        self.assertEqual(self.approver.decided_by_name, "Ada Approver")

    def test_reason_that_nobody_can_read(self):
        response = self._answer_page(decision="rejected", reason="\u200b\u2060")
        self.assertIn("Please say why", response.text)
        self.assertEqual(self.request.state, "pending")

    def test_large_signatures(self):
        chunk = b"IHDR" + struct.pack(">IIBBBBB", 30000, 30000, 1, 0, 0, 0, 0)
        image = (
            b"\x89PNG\r\n\x1a\n"
            + struct.pack(">I", 13)
            + chunk
            + struct.pack(">I", zlib.crc32(chunk))
        )
        response = self._answer_page(signature=base64.b64encode(image).decode())
        self.assertIn("signature cannot be read", response.text)

    def test_nobody_writes_in_the_customers_name(self):
        request = self.request.with_user(self.salesperson)
        for values in (
            {"author_id": self.ada.id},
            {"email_from": "ada@oak.example"},
        ):
            with self.assertRaisesRegex(AccessError, "in your own name"):
                request.message_post(body="I approve", **values)
        request.message_post(body="Mine", author_id=self.salesperson.partner_id.id)

    def test_limits_forget(self):
        rates = self.env["customer.approval.rate"]
        for _time in range(25):
            rates._count("token", "10.1.1.1")
        self.assertTrue(rates._is_exceeded("token", "10.1.1.1"))
        self.env.cr.execute(
            "UPDATE customer_approval_rate SET since = %s",
            [fields.Datetime.subtract(fields.Datetime.now(), hours=2)],
        )
        self.assertFalse(rates._is_exceeded("token", "10.1.1.1"))
        self.assertTrue(rates._count("token", "10.1.1.1"))
        self.env.cr.execute(
            "UPDATE customer_approval_rate SET since = now() - interval '2 days'"
        )
        rates._gc_old()
        self.env.cr.execute("SELECT count(*) FROM customer_approval_rate")
        self.assertEqual(self.env.cr.fetchone()[0], 0)

    def test_addresses_are_not_kept(self):
        self.env["customer.approval.rate"]._count("token", "10.2.3.4")
        self.env.cr.execute("SELECT string_agg(key, ' ') FROM customer_approval_rate")
        self.assertNotIn("10.2.3.4", self.env.cr.fetchone()[0])

    # The order's own page

    def test_the_orders_page_gives_no_personal_link(self):
        """Staff can read the order's own link."""
        self.env.flush_all()
        page = self.url_open(self.order.get_portal_url()).text
        for approver in self.request.approver_ids:
            self.assertNotIn(links.token_of(approver), page)
        self.assertIn("Mail me my personal link", page)
        with mute_logger("odoo.http"):
            response = self.url_open(
                f"/my/approvals/{self.request.id}", allow_redirects=False
            )
        self.assertIn("/web/login", response.headers["Location"])

    # Odd input

    @mute_logger("odoo.http")
    def test_nonsense(self):
        huge = 2**31 + 5
        self._visit()
        for path in (
            f"/my/approvals/{huge}",
            f"/my/approvals/{self.request.id}/files/{huge}",
            "/my/approvals/0",
        ):
            self.assertIn(self.url_open(path).status_code, (403, 404, 405), path)
        for values in (
            {"decision": ["approved", "rejected"]},
            {"decision": "rejected", "reason": "x", "category_id": "' OR 1"},
            {"decision": "rejected", "reason": "x", "category_id": str(huge)},
            {"options": "1", "option_x": "1", "shown_total": "NaN"},
            {"signature": "AAAA"},
            {"name": "\x00"},
            {"decision": "approved_conditions", "conditions": "\u202e\u0000"},
        ):
            with self.subTest(values=values):
                approver = self._ask(partners=self.ada).approver_ids
                response = self._answer_page(approver, **values)
                if approver.request_id.state == "approved":
                    capability.call(self.order._revise_customer_approval, "Again")
                self.assertLess(response.status_code, 500)


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


@tagged("post_install", "-at_install")
class TestAttackTable(PageCommon):
    """Who gets what of a request that is not theirs."""

    def test_reading(self):
        attachment = self.env["ir.attachment"].create({"name": "plan.png", "raw": PNG})
        request = self.order._open_customer_approval(
            self.ada, attachments=attachment, mail=False
        ).sudo()
        secret = self.order.order_line[0].name
        file = request.attachment_ids
        users = {
            "anonymous": None,
            "portal": new_test_user(self.env, "approval_p", "base.group_portal"),
            "internal": new_test_user(self.env, "approval_i", "base.group_user"),
            "other sales": new_test_user(
                self.env, "approval_s", "sales_team.group_sale_salesman"
            ),
        }
        report = "customer_approval_gate.report_certificate"
        paths = (
            f"/my/approvals/{request.id}",
            f"/my/approvals/{request.id}?access_token=guess",
            f"/my/approvals/{request.id}/certificate",
            f"/my/approvals/{request.id}/files/{file.id}",
            f"/customer_approval/bundle/{request.id}",
            f"/customer_approval/in_person/{request.id}",
            f"/web/content/{file.id}",
            f"/web/image/{file.id}",
            f"/web/content/customer.approval.request/{request.id}/content_html",
            f"/web/content/customer.approval.approver/{request.approver_ids.id}/signature",
            f"/report/html/{report}/{request.id}",
            f"/report/pdf/{report}/{request.id}",
            f"/mail/view?model=customer.approval.request&res_id={request.id}",
            "/my/approvals",
            f"/my/approvals?search={self.order.name}",
        )
        self.env.flush_all()
        for who, user in users.items():
            for path in paths:
                self._anonymous()
                if user:
                    self.authenticate(user.login, user.login)
                self.env["customer.approval.rate"].search([])
                self.env.cr.execute("DELETE FROM customer_approval_rate")
                with (
                    self.subTest(who=who, path=path),
                    mute_logger(
                        "odoo.http",
                        "odoo.addons.base.models.ir_rule",
                        "odoo.addons.web",
                    ),
                ):
                    response = self.url_open(path)
                    self.assertNotIn(secret, response.text)
                    self.assertNotEqual(response.content, PNG)
                    self.assertLess(response.status_code, 500)

    def test_reading_by_rpc(self):
        portal = new_test_user(self.env, "approval_p", "base.group_portal")
        internal = new_test_user(self.env, "approval_i", "base.group_user")
        for user in (portal, internal):
            env = self.env(user=user)
            for model in (
                "customer.approval.request",
                "customer.approval.approver",
                "customer.approval.event",
                "customer.approval.personal",
                "customer.approval.rate",
            ):
                with self.subTest(user=user.login, model=model):
                    records = env[model]
                    if records.has_access("read"):
                        own = records.search([])
                        self.assertFalse(
                            own.filtered(
                                lambda r: (
                                    getattr(r, "request_id", r).id == self.request.id
                                )
                            )
                        )
                        self.assertFalse(
                            [
                                name
                                for _id, name in records.name_search("")
                                if self.order.name in name
                            ]
                        )

    def test_answering_for_others(self):
        """Each attempt, and the answer it gets."""
        order = self._create_order(partner_id=self.ada.id)
        own = self._ask(order, self.ada)
        csrf = self._csrf(self._visit(own.approver_ids).text)
        good = {"decision": "approved", "name": "Mallory", "consent": "1"}
        url = f"/my/approvals/{self.request.id}"
        token = links.token_of(self.approver)
        for name, path, values, expected in (
            ("no link", f"{url}/answer", good, 303),
            ("a wrong link", f"{url}/answer", {**good, "access_token": "x"}, 403),
            ("no csrf", f"{url}/answer", {**good, "csrf_token": "x"}, 400),
            ("a code for others", f"{url}/code", {}, 303),
            (
                "pass on for others",
                f"{url}/pass_on",
                {"name": "M", "email": "m@x.example"},
                303,
            ),
            (
                "in person, anonymous",
                f"/customer_approval/in_person/{self.request.id}/answer",
                good,
                303,
            ),
            (
                "another's approver",
                f"/my/approvals/{own.id}/answer",
                {**good, "decision": "withdrawn"},
                422,
            ),
        ):
            with self.subTest(name):
                values = {"csrf_token": csrf, **values}
                response = self._post(path, values.pop("csrf_token"), **values)
                self.assertEqual(response.status_code, expected, response.text[:500])
                if expected == 303:
                    self.assertIn("/web/login", response.headers["Location"])
        for path in (
            f"{url}/answer?decision=approved&access_token={token}",
            f"{url}/code",
            f"{url}/pass_on",
            f"{url}/resend",
        ):
            with mute_logger("odoo.http"):
                response = self.url_open(path, allow_redirects=False)
            self.assertEqual(response.status_code, 303)
            self.assertTrue(response.headers["Location"].endswith(url))
        self.env.invalidate_all()
        self.assertEqual(self.request.state, "pending")
        self.assertEqual(own.state, "pending")

    def test_what_is_typed_is_nowhere_markup(self):
        evil = "<img src=x onerror=alert(1)>"
        self.order.order_line[0].name = evil
        request = self.order._open_customer_approval(
            self.ada, message=evil, mail=False
        ).sudo()
        line = self.order.order_line[0]
        approver = request.approver_ids
        page = self._visit(approver).text
        self.assertNotIn(evil, page)
        self._post(
            f"/my/approvals/{request.id}/pass_on",
            self._csrf(page),
            name=evil,
            email="evil@gmail.com",
        )
        self._answer_page(
            approver,
            decision="approved_conditions",
            name=evil,
            conditions=evil,
            **{f"remark_{line.id}": evil},
        )
        self.assertEqual(request.state, "approved_conditions")
        self._get_mails()
        self._make_certificate(request)
        found = [
            mail.body_html for mails in self._get_mails().values() for mail in mails
        ]
        self.assertTrue(found)
        html = self.env["ir.actions.report"]._render_qweb_html(
            "customer_approval_gate.action_report_certificate", request.ids
        )[0]
        found += [
            html.decode() if isinstance(html, bytes) else html,
            request.content_html,
            self._visit(approver).text,
            *self.order.message_ids.mapped("body"),
            *(note or "" for note in self.order.activity_ids.mapped("note")),
            *request.message_ids.mapped("body"),
        ]
        for text in found:
            self.assertNotIn("<img src=x", text)
            self.assertNotIn("onerror=alert(1)>", text.replace("&gt;", ""))


AXE = """
(async () => {
    %s
    // The conversation comes later.
    const chatter = document.querySelector(".o_portal_chatter");
    for (let n = 0; chatter && !chatter.children.length && n < 100; n++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const result = await axe.run(document, {resultTypes: ["violations"]});
    const found = result.violations
        .filter(({impact}) => ["serious", "critical"].includes(impact))
        .map(({id, nodes}) => `${id}: ${nodes.map((n) => n.html).join(" | ")}`);
    if (found.length) {
        console.error("axe: " + found.join("\\n"));
    } else {
        console.log("test successful");
    }
})();
"""


READY = """document.readyState === "complete" && !!document.querySelector("main")"""


@tagged("post_install", "-at_install")
@unittest.skipUnless(os.environ.get("AXE_CORE"), "AXE_CORE says where axe-core is")
class TestAxe(PageCommon):
    """What people with disabilities meet: nothing serious or critical, on every page
    and in every state."""

    browser_size = "390x844"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.axe = pathlib.Path(os.environ["AXE_CORE"]).read_text(encoding="utf-8")

    def _check(self, path, login=None, ready=READY):
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM customer_approval_rate")
        with self.subTest(path.split("?")[0]), mute_logger("odoo.http"):
            self.browser_js(path, AXE % self.axe, ready, login=login, timeout=60)

    def _path(self, approver):
        url = links.url_of(approver)
        return url[url.index("/my/") :]

    def test_to_answer(self):
        self.order.company_id.write(
            {"customer_approval_signature": True, "customer_approval_code": True}
        )
        order = self._create_optional_order()
        request = self._ask(order, self.people, rule="all", message="Hello")
        self._check(self._path(request.approver_ids[0]))

    def test_with_files_and_changes(self):
        self._visit()
        self.order.order_line[0].price_unit = 120
        attachments = self.env["ir.attachment"].create(
            [{"name": "plan.png", "raw": PNG}]
        )
        request = self.order._open_customer_approval(
            self.ada, attachments=attachments, mail=False
        ).sudo()
        self._check(self._path(request.approver_ids))

    def test_answers_chosen(self):
        for answer in ("approved", "approved_conditions", "rejected"):
            self.env.flush_all()
            code = (
                f"document.querySelector('#answer_{answer}').click();" + AXE % self.axe
            )
            with self.subTest(answer), mute_logger("odoo.http"):
                self.browser_js(self._path(self.approver), code, READY, timeout=60)

    def test_answered(self):
        for decision in ("approved", "approved_conditions", "rejected"):
            order = self._create_order(partner_id=self.ada.id)
            request = self._ask(order, self.ada)
            self._answer(request, self.ada, decision)
            self._check(self._path(request.approver_ids))

    def test_ends_without_an_answer(self):
        old = self._path(self.approver)
        capability.call(self.request._withdraw, "A mistake")
        self._check(self._path(self.approver))
        with mute_logger("odoo.http"):
            self.assertEqual(self.url_open(old).status_code, 410)
        self._check("/approval/verify")
        request = self._ask(rule="order")
        self._check(self._path(self._approver(request, self.bob)))
        capability.call(request._expire)
        self._check(self._path(self._approver(request, self.ada)))

    def test_verification(self):
        self._answer(self.request, self.ada)
        code = self.request._get_verification_code()
        self._check(f"/approval/verify/{code}")

    def test_by_login(self):
        user = new_test_user(self.env, "approval_ada", "base.group_portal")
        user.partner_id = self.ada
        self._check("/my/approvals", login="approval_ada")
        self._check(f"/my/approvals/{self.request.id}", login="approval_ada")

    def test_in_person(self):
        self._check(f"/customer_approval/in_person/{self.request.id}", login=LOGIN)
        self._answer(self.request, self.ada)
        self._check(f"/customer_approval/in_person/{self.request.id}", login=LOGIN)
