# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import re
from datetime import timedelta

from odoo import fields
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from ...tools import links
from ..common import SIGNATURE, ApprovalCommon, follow
from ..shown import parse

CUSTOMER = "approval_customer"
STRANGER = "approval_stranger"


@tagged("post_install", "-at_install")
class TestPortal(HttpCase, ApprovalCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer_user = new_test_user(cls.env, CUSTOMER, "base.group_portal")
        cls.customer_user.partner_id.parent_id = cls.partner
        cls.stranger_user = new_test_user(cls.env, STRANGER, "base.group_portal")
        cls.order = cls.sale_order

    def setUp(self):
        super().setUp()
        self.approval = self._bring_to_status(self.order, "pending")
        self.env.flush_all()

    def _url(self, suffix="", approval=None):
        return f"/my/approvals/{(approval or self.approval).id}{suffix}"

    def _token_url(self, approval=None):
        approval = approval or self.approval
        token = links.token_of(approval.approver_ids[:1])
        return f"{self._url(approval=approval)}?access_token={token}"

    def _csrf(self):
        page = self.url_open(self._token_url()).text
        return re.search(r'csrf_token: "([^"]+)"', page).group(1)

    def _answer(self, approval=None, token=True, **values):
        approval = approval or self.approval
        if token is True:
            token = links.token_of(approval.approver_ids[:1])
        with mute_logger("odoo.http"):
            response = self.url_open(
                self._url("/answer", approval),
                data={
                    "csrf_token": self._csrf(),
                    "access_token": token or "",
                    "name": "Ada Approver",
                    "consent": "1",
                    "category_id": self.env.ref(
                        "customer_approval_gate.category_price"
                    ).id,
                    **values,
                },
                allow_redirects=False,
            )
        response = follow(self, response)
        self.env.invalidate_all()
        return response

    # Reading

    def test_page_by_link(self):
        page = self.url_open(self._token_url())
        self.assertEqual(page.status_code, 200)
        self.assertShows(self.order.order_line[0].name, page)
        self.assertShows("Approve with conditions", page)
        self.assertEqual(page.headers["Referrer-Policy"], "same-origin")
        self.assertEqual(self.approval.state, "pending", "a GET changes nothing")

    def test_page_by_login(self):
        self.authenticate(CUSTOMER, CUSTOMER)
        page = self.url_open(self._url())
        self.assertEqual(page.status_code, 200)
        self.assertShows("Approve with conditions", page)

    def test_page_shows_what_was_asked_not_what_is(self):
        name = self.order.order_line[0].name
        self.order.order_line[0].name = "Something else entirely"
        self.env.flush_all()
        page = self.url_open(self._token_url()).text
        self.assertShows(name, page)
        self.assertShowsNot("Something else entirely", page)
        self.assertShows("has been withdrawn", page)
        self.assertLacks(page, "o_customer_approval_form")

    def test_page_of_nobody(self):
        with mute_logger("odoo.http"):
            self.assertEqual(self.url_open("/my/approvals/99999999").status_code, 404)
            for token in ("", "wrong", links.token_of(self.approval.approver_ids)[:-1]):
                page = self.url_open(f"{self._url()}?access_token={token}")
                if token:
                    self.assertEqual(page.status_code, 403)
                    self.assertShows("not for you", page)
                self.assertShowsNot(self.order.order_line[0].name, page)
        page = self.url_open(self._url(), allow_redirects=False)
        self.assertIn("/web/login", page.headers["Location"])

    def test_page_of_another_customer(self):
        self.authenticate(STRANGER, STRANGER)
        with mute_logger("odoo.http"):
            page = self.url_open(self._url())
        self.assertEqual(page.status_code, 403)
        self.assertShowsNot(self.order.order_line[0].name, page)

    def test_customers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.partner.lang = "fr_FR"
        self.env.flush_all()
        page = self.url_open(self._token_url()).text
        self.assertShows("725,00", page)

    def test_what_is_typed_is_escaped(self):
        request = self.order._open_customer_approval(
            message="<script>alert(1)</script>", mail=False
        )
        self.env.flush_all()
        page = self.url_open(self._token_url(request)).text
        self.assertRunsNothing(page)
        self._answer(request, decision="rejected", reason="<script>alert(2)</script>")
        page = self.url_open(self._token_url(request)).text
        self.assertRunsNothing(page)
        self.assertShows("<script>alert(2)", page)
        self.assertRunsNothing("".join(self.order.message_ids.mapped("body")))

    # List and home

    def test_home_and_list(self):
        other = self._create_order()
        self._bring_to_status(other, "approved")
        self.env.flush_all()
        self.authenticate(CUSTOMER, CUSTOMER)
        counters = self.make_jsonrpc_request(
            "/my/counters", {"counters": ["customer_approval_count"]}
        )
        self.assertEqual(counters["customer_approval_count"], 1)
        self.assertShows("Approvals to review", self.url_open("/my"))
        page = self.url_open("/my/approvals").text
        self.assertShows(self.order.name, page)
        self.assertShows(other.name, page)
        page = self.url_open("/my/approvals?filterby=open").text
        self.assertShows(self.order.name, page)
        self.assertShowsNot(other.name, page)
        page = self.url_open("/my/approvals?filterby=answered&sortby=name").text
        self.assertShows(other.name, page)
        page = self.url_open(f"/my/approvals?search={other.name}").text
        self.assertShowsNot(self.order.name, page)
        page = self.url_open("/my/approvals?sortby=x&filterby=y&search_in=z&search=%")
        self.assertEqual(page.status_code, 200)

    def test_list_of_a_stranger_is_empty(self):
        self.authenticate(STRANGER, STRANGER)
        page = self.url_open("/my/approvals").text
        self.assertShowsNot(self.order.name, page)
        self.assertShows("nothing here for you", page)

    # Answers

    def test_answers_by_link(self):
        for decision, details, status in (
            ("approved", {}, "approved"),
            ("approved_conditions", {"conditions": "In May"}, "pending"),
            ("changes_requested", {"reason": "In blue"}, "rejected"),
            ("rejected", {"reason": "Too dear"}, "rejected"),
        ):
            order = self._create_order()
            approval = self._bring_to_status(order, "pending")
            self.env.flush_all()
            response = self._answer(approval, decision=decision, **details)
            self.assertEqual(response.status_code, 303, response.text[:2000])
            self.assertRecordValues(
                approval,
                [
                    {
                        "state": decision,
                        "decision_method": "link",
                        "decided_by_name": "Ada Approver",
                        "reason": details.get("reason", False),
                        "conditions": details.get("conditions", False),
                    }
                ],
            )
            self.assertTrue(approval.decision_ip)
            self.assertEqual(order.customer_approval_status, status)
            self.assertEqual(order.state, "draft", "staff move it")
            page = self.url_open(response.headers["Location"])
            self.assertEqual(page.status_code, 200)
            self.assertShows("Thank", page)

    def test_answer_by_login(self):
        self.authenticate(CUSTOMER, CUSTOMER)
        self._answer(token=False, decision="approved")
        self.assertEqual(self.approval.decision_method, "portal")
        self.assertEqual(self.approval.decided_by_id, self.customer_user.partner_id)

    def test_answer_takes_csrf(self):
        response = self._answer(decision="approved", csrf_token="")
        self.assertEqual(response.status_code, 400)
        response = self.url_open(
            f"{self._url('/answer')}?access_token={links.token_of(self.approval.approver_ids)}"
            "&decision=approved&name=Ada&consent=1",
            allow_redirects=False,
        )
        self.assertEqual(response.status_code, 303, "back to the page")
        self.env.invalidate_all()
        self.assertEqual(self.approval.state, "pending")

    def test_answer_with_something_missing(self):
        for values, message in (
            ({"decision": "approved", "name": ""}, "full name"),
            ({"decision": "approved", "consent": ""}, "tick that you agree"),
            ({"decision": "rejected"}, "say why"),
            ({"decision": "changes_requested", "reason": " "}, "say why"),
            (
                {"decision": "rejected", "reason": "Too dear", "category_id": ""},
                "what it is about",
            ),
            ({"decision": "approved", "consent_digest": "x"}, "read them again"),
            ({"decision": "approved_conditions"}, "the conditions"),
            ({"decision": ""}, "one of the answers"),
            ({"decision": "withdrawn"}, "one of the answers"),
            ({"decision": "approved", "signature": "%%%"}, "sign again"),
        ):
            response = self._answer(**values)
            self.assertEqual(response.status_code, 422, values)
            self.assertShows(message, response)
            self.assertEqual(self.approval.state, "pending")
        response = self._answer(decision="rejected", name="Bob Typed")
        self.assertShows("Bob Typed", response, msg="what was typed is kept")

    def test_signature(self):
        self.order.company_id.customer_approval_signature = True
        self.env.flush_all()
        response = self._answer(decision="approved")
        self.assertEqual(response.status_code, 422)
        response = self._answer(decision="approved", signature=SIGNATURE)
        self.assertEqual(response.status_code, 303)
        self.assertTrue(self.approval.signature)

    def test_answering_twice(self):
        self._answer(decision="approved")
        response = self._answer(decision="rejected", reason="Changed my mind")
        self.assertEqual(response.status_code, 409)
        self.assertShows("approved version", response)
        self.assertShows("What you sent now was not recorded", response)
        self.assertEqual(self.approval.state, "approved")

    def test_answering_what_is_withdrawn(self):
        csrf = self._csrf()
        self.order.order_line[0].price_unit += 1
        self.env.flush_all()
        response = self._answer(decision="approved", csrf_token=csrf)
        self.assertEqual(response.status_code, 409)
        self.assertShows("has been withdrawn", response)
        successor = self._bring_to_status(self.order, "pending")
        self.env.flush_all()
        page = self.url_open(self._token_url()).text
        self.assertLinks(f"/my/approvals/{successor.id}", page)
        page = self.url_open(f"/my/approvals/{successor.id}")
        self.assertHas(page, "o_customer_approval_form", msg="a way to the new one")

    def test_answering_what_changed_unseen(self):
        csrf = self._csrf()
        self.env.cr.execute(
            "UPDATE sale_order_line SET name = 'Sneaky' WHERE order_id = %s",
            [self.order.id],
        )
        self.env.invalidate_all()
        response = self._answer(decision="approved", csrf_token=csrf)
        self.assertEqual(response.status_code, 410)
        self.assertEqual(self.approval.state, "withdrawn")

    def test_answering_what_is_expired(self):
        approval = self.order._open_customer_approval(
            deadline=fields.Date.today() - timedelta(days=2), mail=False
        )
        self.env.flush_all()
        page = self.url_open(self._token_url(approval))
        self.assertShows("time to answer is over", page)
        self.assertLacks(page, "o_customer_approval_form")
        response = self._answer(approval, decision="approved")
        self.assertEqual(response.status_code, 409)
        self.assertEqual(approval.state, "pending")

    def test_answering_with_a_wrong_token(self):
        response = self._answer(token="wrong", decision="approved")
        self.assertEqual(response.status_code, 403)
        csrf = self._csrf()
        self.authenticate(STRANGER, STRANGER)
        response = self._answer(token="wrong", decision="approved", csrf_token=csrf)
        self.assertIn(response.status_code, (400, 403))
        self.assertEqual(self.approval.state, "pending")

    def test_staff_cannot_answer(self):
        login = self.salesperson.login
        self.authenticate(login, login)
        page = self.url_open(self._token_url())
        self.assertShows("logged in as a member of staff", page)
        self.assertLacks(page, "o_customer_approval_form")
        response = self._answer(decision="approved")
        self.assertEqual(response.status_code, 403)
        self.assertEqual(self.approval.state, "pending")

    # Core's own pages

    def test_panel_on_the_orders_page(self):
        self.order.require_signature = True
        token = self.order._portal_ensure_token()
        self.env.flush_all()
        url = f"/my/orders/{self.order.id}?access_token={token}"
        page = self.url_open(url).text
        self.assertHas(page, "o_customer_approval_panel")
        self.assertLinks(self._url(), page)
        ways = parse(page).xpath("//a[@data-bs-target='#modalaccept']")
        self.assertFalse(ways, "one way to answer, not two")
        self.assertShowsNot("Accept & Sign", page)
        self._answer(decision="approved")
        page = self.url_open(url).text
        self.assertShowsNot("Accept & Sign", page, msg="nobody is asked twice")

    def _decline(self, order, message):
        self.url_open(
            f"/my/orders/{order.id}/decline",
            data={
                "access_token": order._portal_ensure_token(),
                "csrf_token": self._csrf(),
                "decline_message": message,
            },
        )
        self.env.invalidate_all()

    def test_decline_is_a_rejection_where_a_request_is_pending(self):
        self._decline(self.order, "Too dear")
        self.assertRecordValues(
            self.approval, [{"state": "rejected", "reason": "Too dear"}]
        )
        self.assertEqual(self.order.state, "draft", "not cancelled")

    def test_decline_without_a_request_is_odoos_own(self):
        order = self._create_order()
        order.require_signature = True
        order._portal_ensure_token()
        self.env.flush_all()
        self._decline(order, "Too dear")
        self.assertEqual(order.state, "cancel")
        self.assertEqual(order.stage_id, self.cancelled)
