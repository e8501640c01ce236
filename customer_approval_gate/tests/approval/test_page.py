# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging
import re

from odoo.modules.module import get_manifest
from odoo.tests import (
    JsonRpcException,
    freeze_time,
    new_test_user,
    tagged,
)
from odoo.tools import mute_logger

from ... import hooks
from ...tools import capability, links, redact
from ..common import BrowserCase, follow
from ..shown import parse
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


class PageCase(PageCommon):
    def _post_for_code(self, csrf, **values):
        with self.mock_mail_gateway():
            response = self._post(
                f"/my/approvals/{self.request.id}/code", csrf, **values
            )
        return response, re.search(r">\s*(\d{6})\s*<", self._mails[0]["body"]).group(1)

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
        self.assertShowsNot("/web/content", page)
        shown = {}
        for file in request.attachment_ids:
            url = f"/my/approvals/{request.id}/files/{file.id}"
            self.assertLinks(url, page)
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


@tagged("post_install", "-at_install")
class TestPage(PageCase):
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
        self.assertLinksNot(links.token_of(self.approver), page)

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
        # As Odoo does when it has loaded the addon.
        manifest = get_manifest("customer_approval_gate")
        getattr(hooks, manifest["post_load"])()
        filters = logging.getLogger("werkzeug").filters
        self.assertTrue(any(isinstance(f, redact.HideSecrets) for f in filters))

    def test_name_and_language_of_the_person(self):
        page = self._visit(self._approver(self.request, self.bob))
        (name,) = parse(page).xpath("//input[@name='name']/@value")
        self.assertEqual(name, "Bob")
        self.assertShows("we do not begin", page)
        self._anonymous()
        self.env["res.lang"]._activate_lang("fr_FR")
        self.bob.lang = "fr_FR"
        page = self._visit(self._approver(self.request, self.bob))
        self.assertShows("200,00", page)

    def test_each_sees_the_others_answers(self):
        request = self._ask(rule="all")
        self._answer(request, self.bob)
        page = self._visit(self._approver(request, self.ada))
        self.assertShows("Bob", page)
        self.assertShows("Approved", page)

    def test_not_ones_turn(self):
        request = self._ask(rule="order")
        page = self._visit(self._approver(request, self.bob))
        self.assertShows("not your turn", page)
        self.assertLacks(page, "o_customer_approval_form")

    def test_looked_at_as_often_as_one_likes(self):
        response = self._answer_page()
        self.assertEqual(response.status_code, 303)
        for _time in range(2):
            page = self.url_open(response.headers["Location"].split("?")[0])
            self.assertEqual(page.status_code, 200)
            self.assertShows("approved version", page)
        # By the link in the mail about the answer, in another browser.
        self._anonymous()
        self.assertShows("approved version", self._visit())

    def test_links_that_have_stopped(self):
        old = links.url_of(self.approver)
        path = old[old.index("/my/") :]
        self._answer(self.request, self.bob)
        self.env.flush_all()
        page = self.url_open(path)
        self.assertEqual(page.status_code, 410)
        self.assertShows("has been answered", page)
        self.assertShowsNot(self.order.order_line[0].name, page)
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
        self.assertShows("has been withdrawn", self.url_open(path))
        self.order.order_line[0].price_unit = 120
        request = self._ask(partners=self.ada)
        self.env.flush_all()
        page = self.url_open(path)
        self.assertShows("There is a new version", page)
        self._get_mails()
        self._post(
            f"/my/approvals/{self.request.id}/resend",
            self._csrf(page.text),
            access_token=path.split("access_token=")[1],
        )
        mail = self._get_mails()[self.ada][0]
        self.assertLinks(links.token_of(request.approver_ids), mail.body_html)

    def test_what_has_changed_since_one_looked(self):
        self._read()
        self.order.order_line[0].price_unit = 120
        self._visit(self._ask(partners=self.bob).approver_ids)
        self.order.order_line[0].price_unit = 130
        request = self._ask(partners=self.ada | self.eve)
        self._anonymous()
        page = self._visit(self._approver(request, self.ada)).text
        self.assertShows("since you last looked", page)
        self.assertShows("100.00", page, msg="the version that Ada saw")
        self._anonymous()
        page = self._visit(self._approver(request, self.eve)).text
        self.assertShows("since version", page)
        self.assertShows("120.00", page, msg="the version before")

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
        self.assertShows("With your choice the total is", response)
        self.assertEqual(request.state, "pending")
        values["shown_total"] = re.search(
            r'name="shown_total" value="([^"]+)"', response.text
        ).group(1)
        response = self._answer_page(approver, **values)
        self.assertEqual(response.status_code, 303)
        self.assertEqual(order.customer_approval_status, "approved")
        self.assertEqual((lamp.product_uom_qty, rug.product_uom_qty), (0, 1))
        page = self.url_open(response.headers["Location"])
        self.assertShows("Thank you", page)
        self.assertShows("not chosen", page)

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

    def test_with_a_code(self):
        self.order.company_id.customer_approval_code = True
        page = self._visit().text
        self.assertShows("Send me a code", page)
        self.assertFalse(parse(page).xpath("//*[@id='code']"))
        response = self._answer_page()
        self.assertEqual(response.status_code, 422)
        self.assertShows("have a code sent", response)
        response, code = self._post_for_code(
            self._csrf(page), decision="approved", name="Typed Before"
        )
        self.assertShows("We have mailed a code of six digits to", response)
        self.assertShows("Typed Before", response, msg="what was typed is kept")
        wrong = f"{(int(code) + 1) % 10**6:06}"
        response = self._answer_page(code=wrong)
        self.assertShows("This code is not right", response)
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
        self.assertShowsNot("Send me a code", page)
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
        self.assertShows("Others of your company are asked", page)
        self.assertLacks(page, "o_customer_approval_form")

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
        self.assertHas(page, "o_customer_approval_form")
        self.assertShows(self.order.name, self.url_open("/my/approvals"))

    def test_pass_on(self):
        page = self._visit().text
        response = self._post(
            f"/my/approvals/{self.request.id}/pass_on",
            self._csrf(page),
            name="<i>Grace</i>",
            email="grace@oak.example",
        )
        self.assertShows("You have passed this on", response)
        self.assertEqual(self.approver.state, "passed_on")
        page = self.url_open(f"/my/approvals/{self.request.id}")
        self.assertEqual(page.status_code, 410)
        grace = self.request.approver_ids.filtered(lambda a: a.origin == "passed_on")
        self._anonymous()
        page = self._visit(grace).text
        self.assertFalse(parse(page).xpath("//i[contains(., 'Grace')]"))

    def test_pass_on_elsewhere(self):
        page = self._visit().text
        response = self._post(
            f"/my/approvals/{self.request.id}/pass_on",
            self._csrf(page),
            name="Grace",
            email="grace@gmail.com",
        )
        self.assertShows("We do not recognise this address", response)
        self.assertEqual(self.approver.state, "asked")

    def test_files(self):
        self._test_files_of_kinds()

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

    def test_conversation_is_no_decision(self):
        page = self._visit().text
        found = re.search(r'data-hash="([^"]+)"', page).group(1)
        self._post_message(pid=self.ada.id, hash=found)
        self.env.invalidate_all()
        self.assertEqual(self.request.state, "pending")
        body = "".join(self.order.message_ids.mapped("body"))
        self.assertShows("I approve!", body)
        self.assertRunsNothing(body)

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
        self.assertShows("I approve!", messages[0])
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
        capability.call(self.approver._delegate, "Bob's friend", "friend@oak.example")
        self.env.flush_all()
        with mute_logger("odoo.http"), self.assertRaises(JsonRpcException):
            self._post_message(pid=self.ada.id, hash=found)
