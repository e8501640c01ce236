# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from unittest.mock import patch

from odoo.tests import new_test_user, tagged

from ...tools import capability, links
from ...tools.ledger import DECISIONS
from ..common import ApprovalCommon, BrowserCase
from .test_approvers import ApproverCommon

LOGIN = "approval_salesperson"


@tagged("post_install", "-at_install")
class TestTours(BrowserCase, ApprovalCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner.name = "Tour Customer"
        cls.order = cls.sale_order
        # Nothing else is on the board.
        cls.board = "/odoo/action-customer_approval_gate.sale_order_stage_action"
        cls.salesperson.group_ids += cls.env.ref("sales_team.group_sale_manager")
        cls.env["sale.order"].search([("id", "!=", cls.order.id)]).write(
            {"user_id": False}
        )

    def _token_url(self):
        request = self.order.customer_approval_request_id
        token = links.token_of(request.approver_ids[:1])
        return f"/my/approvals/{request.id}?access_token={token}"

    def test_opened_is_what_a_browser_says(self):
        request = self._bring_to_status(self.order, "pending")
        self.browser_js(
            self._token_url(),
            "setTimeout(() => console.log('test successful'), 3000)",
        )
        self.env.invalidate_all()
        self.assertEqual(request.event_ids.mapped("kind").count("opened"), 1)
        self.assertEqual(request.approver_ids.mail_state, "opened")

    def test_drag_refused(self):
        self._tour(self.board, "customer_approval_drag_refused", login=LOGIN)
        self.assertEqual(self.order.stage_id, self.quote)

    def test_a_gate_is_opened_only_after_a_question(self):
        self._tour(
            "/odoo/action-customer_approval_gate.sale_order_stage_config_action",
            "customer_approval_gate_opened",
            login="admin",
        )
        self.assertFalse(self.production.requires_customer_approval)

    def test_drag_accepted(self):
        self._bring_to_status(self.order, "approved")
        self._tour(self.board, "customer_approval_drag_accepted", login=LOGIN)
        self.assertEqual(self.order.stage_id, self.production)
        self.assertEqual(self.order.state, "sale")

    def test_status_bar_refused(self):
        self._tour(
            f"/odoo/sales/{self.order.id}",
            "customer_approval_statusbar_refused",
            login=LOGIN,
        )
        self.assertEqual(self.order.stage_id, self.quote)

    def test_request(self):
        self._tour(
            f"/odoo/sales/{self.order.id}", "customer_approval_request", login=LOGIN
        )
        request = self.order.customer_approval_request_id
        self.assertEqual(request.state, "pending")
        self.assertEqual(request.message, "Please have a look")

    def test_in_person(self):
        self._tour(
            f"/odoo/sales/{self.order.id}", "customer_approval_in_person", login=LOGIN
        )
        request = self.order.customer_approval_request_id
        self.assertRecordValues(
            request,
            [
                {
                    "state": "approved",
                    "decision_method": "in_person",
                    "decided_by_name": "Tour Customer",
                }
            ],
        )

    def test_approve_by_link(self):
        self.order.company_id.customer_approval_signature = True
        self._bring_to_status(self.order, "pending")
        self._tour(self._token_url(), "customer_approval_by_link")
        request = self.order.customer_approval_request_id
        self.assertEqual(request.state, "approved")
        self.assertEqual(request.decision_method, "link")
        self.assertTrue(request.signature)

    def test_approve_by_login(self):
        user = new_test_user(self.env, "approval_tour", "base.group_portal")
        user.partner_id.parent_id = self.partner
        self._bring_to_status(self.order, "pending")
        self._tour("/my", "customer_approval_by_login", login="approval_tour")
        request = self.order.customer_approval_request_id
        self.assertEqual(request.state, "approved_conditions")
        self.assertEqual(request.decision_method, "portal")
        self.assertEqual(request.decided_by_id, user.partner_id)


@tagged("post_install", "-at_install")
class TestDeveloperMode(BrowserCase, ApprovalCommon):
    """What Odoo's registries check there only: one mistake, and every page is blank."""

    def _opens(self, url, selector, login=LOGIN):
        for debug in ("1", "assets"):
            self.env.flush_all()
            sign = "&" if "?" in url else "?"
            with self.subTest(url.split("?")[0], debug=debug):
                self.browser_js(
                    f"{url}{sign}debug={debug}",
                    "console.log('test successful')",
                    f"!!document.querySelector({selector!r})",
                    login=login,
                    timeout=120,
                )

    def test_backend(self):
        action = "/odoo/action-customer_approval_gate"
        self.salesperson.group_ids += self.env.ref("sales_team.group_sale_manager")
        self._bring_to_status(self.sale_order, "pending")
        self._opens(f"{action}.sale_order_stage_action", ".o_kanban_record")
        self._opens(
            f"/odoo/sales/{self.sale_order.id}",
            ".o_form_view .o_arrow_button_current",
        )
        self._opens(f"{action}.customer_approval_request_action", ".o_data_row")
        self._opens(f"{action}.customer_approval_event_action", ".o_view_controller")

    def test_frontend(self):
        request = self._bring_to_status(self.sale_order, "pending")
        token = links.token_of(request.approver_ids)
        # The interaction has begun where the signature is drawn.
        self.env.company.customer_approval_signature = True
        for debug in ("1", "assets"):
            self.env.flush_all()
            with self.subTest(debug=debug):
                self.browser_js(
                    f"/my/approvals/{request.id}?access_token={token}&debug={debug}",
                    "console.log('test successful')",
                    "document.querySelector('#answer_approved:checked')"
                    " ? !!(document.querySelector("
                    "'.o_customer_approval_signature canvas')"
                    # A page that is left while it loads complains.
                    " && document.querySelector('#chatterRoot')?.shadowRoot"
                    "?.querySelector('.o-mail-Composer'))"
                    " : document.querySelector('#answer_approved')?.click()",
                    timeout=120,
                )
        self._opens(
            f"/customer_approval/in_person/{request.id}", ".o_customer_approval_choice"
        )


@tagged("post_install", "-at_install")
class TestCustomersTours(BrowserCase, ApproverCommon):
    """What the customer does, on a phone and on a desk."""

    def setUp(self):
        super().setUp()
        self.order.order_line.tax_ids = False

    def _visit(self, approver, name, login=None):
        path = f"/my/approvals/{approver.request_id.id}"
        if not login:
            path += f"?access_token={links.token_of(approver)}"
        self._tour(path, name, login=login)

    def _each_size(self):
        for size, touch in (("390x844", True), ("1400x900", False)):
            self.browser_size = size
            self.touch_enabled = touch
            with self.subTest(size):
                yield self._create_order(partner_id=self.ada.id)

    def test_each_answer_by_link(self):
        for decision in DECISIONS:
            for order in self._each_size():
                request = self._ask(order, self.ada)
                self._visit(request.approver_ids, f"customer_approval_{decision}")
                self.assertEqual(request.state, decision)
                self.assertEqual(request.decision_method, "link")
        self.assertEqual(list(request.approver_ids.remarks.values()), ["Half of it"])

    def test_each_answer_by_login(self):
        new_test_user(
            self.env, "approval_ada", "base.group_portal"
        ).partner_id = self.ada
        for decision in DECISIONS:
            for order in self._each_size():
                request = self._ask(order, self.ada)
                name = f"customer_approval_{decision}"
                self._visit(request.approver_ids, name, login="approval_ada")
                self.assertEqual(request.state, decision)
                self.assertEqual(request.decision_method, "portal")

    def test_with_a_code(self):
        self.order.company_id.customer_approval_code = True
        for order in self._each_size():
            request = self._ask(order, self.ada)
            with patch("secrets.randbelow", return_value=42):
                self._visit(request.approver_ids, "customer_approval_with_code")
            self.assertEqual(request.state, "approved")
            self.assertEqual(request.decision_method, "code")

    def test_options(self):
        for _order in self._each_size():
            order = self._create_optional_order()
            order.order_line.tax_ids = False
            request = self._ask(order, self.ada)
            self._visit(request.approver_ids, "customer_approval_options")
            self.assertEqual(order.customer_approval_status, "approved")
            self.assertEqual(order.amount_total, 250)

    def test_conversation(self):
        """By link: what is asked there reaches the document, and decides nothing."""
        request = self._ask(partners=self.ada)
        self.order.with_user(self.salesperson).message_post(
            body="We have a question",
            message_type="comment",
            partner_ids=self.ada.ids,
            subtype_xmlid="mail.mt_comment",
        )
        self._visit(request.approver_ids, "customer_approval_conversation")
        self.assertEqual(request.state, "pending")
        message = self.order.message_ids.filtered(
            lambda message: "When do you deliver?" in message.body
        )
        self.assertEqual(message.author_id, self.ada)
        self._tour(
            f"/odoo/sales/{self.order.id}", "customer_approval_composer", login=LOGIN
        )

    def test_passed_on(self):
        for order in self._each_size():
            request = self._ask(order, self.ada)
            self._visit(request.approver_ids, "customer_approval_pass_on")
            self.assertEqual(request.approver_ids[0].state, "passed_on")
            self._visit(request.approver_ids[1], "customer_approval_approved")
            self.assertEqual(request.state, "approved")

    def test_all_of_three(self):
        for order in self._each_size():
            request = self._ask(order, rule="all")
            for approver in request.approver_ids:
                self.assertEqual(request.state, "pending")
                self._visit(approver, "customer_approval_approved")
            self.assertEqual(request.state, "approved")

    def test_in_order(self):
        for order in self._each_size():
            request = self._ask(order, rule="order")
            for approver in request.approver_ids:
                self.assertEqual(approver.state, "asked")
                self._visit(approver, "customer_approval_approved")
            self.assertEqual(request.state, "approved")

    def test_signed_in_person(self):
        self.order.company_id.customer_approval_signature = True
        request = self._ask(partners=self.ada)
        self._tour(self._hand_over(request), "customer_approval_by_link")
        self.assertTrue(request.approver_ids.signature)

    def _hand_over(self, request):
        """Return what the screen shows that was handed over."""
        own = request.with_user(self.salesperson)
        capability.call(own._hand_over_screen)
        self.env.flush_all()
        url = links.url_of(request.approver_ids, self.salesperson)
        return url[url.index("/my/") :]

    def test_each_answer_in_person(self):
        for decision in DECISIONS:
            for order in self._each_size():
                request = self._ask(order, self.ada)
                self._tour(self._hand_over(request), f"customer_approval_{decision}")
                self.assertEqual(request.state, decision)
                self.assertEqual(request.decision_method, "in_person")
