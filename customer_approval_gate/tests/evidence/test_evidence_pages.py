# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import hashlib
import re

from odoo.fields import Command
from odoo.tests import HttpCase, new_test_user, tagged

from ...tools import capability, links
from ..common import SIGNATURE, ApprovalCommon
from .test_evidence import EvidenceMixin


@tagged("post_install", "-at_install")
class TestEvidencePages(HttpCase, EvidenceMixin, ApprovalCommon):
    def setUp(self):
        super().setUp()
        self.order = self._create_order()
        self.request = self._bring_to_status(self.order, "approved")
        self.url = f"/my/approvals/{self.request.id}"

    def _open(self, url, **headers):
        browser = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
        return self.url_open(url, headers={**browser, **headers})

    def _notify_opened(self):
        """What the page's own script does, once it has been looked at."""
        token = re.search(r'csrf_token: "([^"]+)"', self.url_open("/web/login").text)
        return self.url_open(
            f"{self.url}/opened",
            data={"csrf_token": token.group(1)},
            headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"},
        )

    def test_opened_is_told_by_whoever_may_see_it(self):
        self.url_open(self.url)
        self.assertNotEqual(self._notify_opened().status_code, 204)
        self.assertNotIn("opened", self._kinds(self.order))
        self.authenticate(self.salesperson.login, self.salesperson.login)
        self._notify_opened()
        self.assertNotIn("opened", self._kinds(self.order))

    def test_opened_by_a_person(self):
        token = links.token_of(self.request.sudo().approver_ids)
        url = f"{self.url}?access_token={token}"
        for agent in ("WhatsApp/2.23.20.0", "Slackbot-LinkExpanding 1.0", "Firefox"):
            page = self._open(url, **{"User-Agent": agent})
            self.assertEqual(page.status_code, 200)
            self.assertLinks(f"{self.url}/opened", page)
            self.assertNotIn("opened", self._kinds(self.order))
        self.assertEqual(self._notify_opened().status_code, 204)
        self._notify_opened()
        self.assertEqual(self._kinds(self.order).count("opened"), 1)
        event = self.request.event_ids.filtered(lambda e: e.kind == "opened")
        self.assertTrue(event.personal_ip)
        self.assertIn("Firefox", event.personal_user_agent)

    def test_refusals_are_kept(self):
        """Beside the transaction, which fails."""
        order = self._create_order()
        self.authenticate(self.salesperson.login, self.salesperson.login)
        self.url_open(
            "/web/dataset/call_kw",
            json={
                "params": {
                    "model": "sale.order",
                    "method": "action_confirm",
                    "args": [order.ids],
                    "kwargs": {},
                }
            },
        )
        self.env.invalidate_all()
        self.assertEqual(order.state, "draft")
        self.assertEqual(self._kinds(order), ["gate_refused"])
        event = self.env["customer.approval.event"].search([], limit=1)
        self.assertEqual(event.user_id, self.salesperson)
        self.assertIn("Cannot advance to In Production", event.text)

    def test_certificate(self):
        token = links.token_of(self.request.sudo().approver_ids)
        url = f"{self.url}/certificate?access_token={token}"
        response = self._open(url)
        self.assertEqual(response.status_code, 202)
        self.assertShows("is being prepared", response)
        self.assertNotIn("downloaded", self._kinds(self.order))
        self._make_certificate(self.request)
        self.env.flush_all()
        response = self._open(url)
        self.assertEqual(response.status_code, 200)
        self.env.invalidate_all()
        digest = hashlib.sha256(response.content).hexdigest()
        self.assertIn(digest, self.request.sudo()._get_known_digests())
        self.assertIn(b"Ada Approver", response.content)
        self.assertIn("downloaded", self._kinds(self.order))
        self.assertEqual(
            self._open(f"{self.url}/certificate?access_token=x").status_code, 403
        )
        pending = self._bring_to_status(self._create_order(), "pending").sudo()
        self.assertEqual(
            self._open(
                f"/my/approvals/{pending.id}/certificate"
                f"?access_token={links.token_of(pending.approver_ids[:1])}"
            ).status_code,
            404,
        )

    def test_verification_page(self):
        code = self.request._get_verification_code()
        self.assertRegex(code, "^[0-9a-f]{32}$")
        text = self._open(f"/approval/verify/{code}").text
        self.assertShows("Genuine", text)
        self.assertShows(self.request.digest, text)
        for secret in ("Ada Approver", "200.00", self.order.name, "Test Product"):
            self.assertShowsNot(secret, text)
        for nonsense in ("0" * 32, "x", "%27%20OR%201=1", code[:-1] + "g"):
            response = self._open(f"/approval/verify/{nonsense}")
            self.assertEqual(response.status_code, 404)
            self.assertShowsNot("Genuine", response)
        self.env.flush_all()
        self.cr.execute("SET LOCAL session_replication_role = replica")
        self.cr.execute(
            "UPDATE customer_approval_request SET amount_total = 1 WHERE id = %s",
            [self.request.id],
        )
        self.cr.execute("SET LOCAL session_replication_role = origin")
        self.env.invalidate_all()
        page = self._open(f"/approval/verify/{code}")
        self.assertShows("Not to be relied on", page)

    def test_bundle(self):
        url = f"/customer_approval/bundle/{self.request.id}"
        self.authenticate(self.salesperson.login, self.salesperson.login)
        response = self._open(url)
        self.assertEqual(self._run_verify(response.content).returncode, 0)
        self.assertIn("downloaded", self._kinds(self.order))
        new_test_user(self.env, "approval_bundle_portal", "base.group_portal")
        new_test_user(self.env, "approval_bundle_user", "base.group_user")
        self.env.flush_all()
        for login in ("approval_bundle_portal", "approval_bundle_user"):
            self.authenticate(login, login)
            self.assertIn(self._open(url).status_code, (403, 404))

    def test_difference_is_on_the_page(self):
        capability.call(self.order._revise_customer_approval, "Cheaper")
        self.order.order_line = [
            Command.update(self.order.order_line.id, {"price_unit": 90})
        ]
        request = self._bring_to_status(self.order, "pending").sudo()
        text = self._open(
            f"/my/approvals/{request.id}?access_token={links.token_of(request.approver_ids[:1])}"
        ).text
        self.assertShows("What has changed since you last looked", text)
        self.assertShows("Unit price", text)

    def test_signing_a_page_that_has_changed(self):
        """What is signed is what was shown."""
        self.env.company.portal_confirmation_pay = False
        self.env.company.portal_confirmation_sign = True
        order = self._create_order()
        token = order._portal_ensure_token()
        self.env.flush_all()
        self.assertEqual(
            self._open(f"/my/orders/{order.id}?access_token={token}").status_code, 200
        )
        order.order_line.price_unit = 999
        self.env.flush_all()
        signature = {"access_token": token, "name": "Ada", "signature": SIGNATURE}
        url = f"/my/orders/{order.id}/accept"
        result = self.make_jsonrpc_request(url, signature)
        self.assertIn("has changed since you opened it", result["error"])
        self.env.invalidate_all()
        self.assertEqual(order.state, "draft")
        self._open(f"/my/orders/{order.id}?access_token={token}")
        self.assertTrue(self.make_jsonrpc_request(url, signature)["force_refresh"])
        self.env.invalidate_all()
        self.assertEqual(order.customer_approval_status, "approved")
