# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo.tests import (
    new_test_user,
    tagged,
)
from odoo.tools import mute_logger

from ...tools import links
from ..shown import parse
from .test_page import PNG, PageCommon


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
                    self.assertShowsNot(secret, response)
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
                f"/customer_approval/in_person/{self.request.id}/hand_over",
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
        self.assertFalse(parse(page).xpath("//img[@src='x']"))
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
            self.assertFalse(parse(text).xpath("//img[@src='x']"))
            self.assertNotIn("onerror=alert(1)>", text.replace("&gt;", ""))
