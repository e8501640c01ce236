# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import base64
import socket
import struct
import zlib
from unittest.mock import patch

from odoo import fields, http
from odoo.exceptions import AccessError
from odoo.tests import (
    new_test_user,
    tagged,
)
from odoo.tools import mute_logger

from ...tools import capability, links
from ..shown import parse
from .test_page import LOGIN, PNG, PageCase


@tagged("post_install", "-at_install")
class TestPageLimits(PageCase):
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
                "odoo.addons.customer_approval_gate.controllers.approval.answer_form",
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
        self.assertShows("again", response)
        self.assertShows("Ada Typed", response, msg="what was typed is kept")
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
            mute_logger(
                "odoo.addons.customer_approval_gate.controllers.approval.answer_form"
            ),
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
        self.assertShows("cannot be reached at the moment", response)
        self.assertShows("Rita Receiver", response)
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
            self.assertShowsNot("Call 0900", page)

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
        tokens = parse(page).xpath("//input[@name='access_token']/@value")
        self.assertIn(token, tokens)
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
            self.assertShows("enter your full name", response, msg=repr(name))
        self.assertEqual(self.request.state, "pending")
        self._answer_page(name="  Ada\u200b \x07Appro\u202ever ")
        self.env.invalidate_all()
        self.assertEqual(self.approver.decided_by_name, "Ada Approver")

    def test_reason_that_nobody_can_read(self):
        response = self._answer_page(decision="rejected", reason="\u200b\u2060")
        self.assertShows("Please say why", response)
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
        self.assertShows("signature cannot be read", response)

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

    def test_the_orders_page_gives_no_personal_link(self):
        """Staff can read the order's own link."""
        self.env.flush_all()
        page = self.url_open(self.order.get_portal_url()).text
        for approver in self.request.approver_ids:
            self.assertLinksNot(links.token_of(approver), page)
        self.assertShows("Mail me my personal link", page)
        with mute_logger("odoo.http"):
            response = self.url_open(
                f"/my/approvals/{self.request.id}", allow_redirects=False
            )
        self.assertIn("/web/login", response.headers["Location"])

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
