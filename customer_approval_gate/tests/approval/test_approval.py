# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from odoo.addons.mail.tests.common import MailCommon

from ...tools import ledger, links
from ...tools.event_data import Answer
from ..common import SIGNATURE, ApprovalCommon


class ApprovalCase(ApprovalCommon, MailCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls.sale_order.with_user(cls.salesperson)

    def _request(self, order=None, **kwargs):
        with self.mock_mail_gateway(), self.mock_mail_app():
            return (order or self.order)._request_customer_approval(**kwargs)

    def _dialog(self, orders):
        action = orders.action_request_customer_approval()
        return Form(
            self.env[action["res_model"]]
            .with_user(self.salesperson)
            .with_context(**action["context"])
        )

    def _run_expiry(self):
        with self.enter_registry_test_mode():
            self.env.ref("customer_approval_gate.cron_expire").method_direct_trigger()
        self.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestApproval(ApprovalCase):
    def test_the_guides_example(self):
        """Quote, pending, rejected, changed, asked again, approved, produced."""
        order = self.order
        self.assertEqual(order.customer_approval_status, "not_required")
        with self.assertRaises(UserError):
            order.stage_id = self.production
        order.stage_id = self.pending_stage
        request = self._request()
        self.assertEqual(order.customer_approval_status, "pending")
        with self.assertRaises(UserError):
            order.stage_id = self.production
        request._decide(Answer("rejected", "Ada", "link", reason="Too dear"))
        self.assertEqual(order.customer_approval_status, "rejected")
        with self.assertRaises(UserError):
            order.stage_id = self.production
        order.order_line[0].price_unit = 1
        self.assertEqual(order.customer_approval_status, "rejected")
        again = self._request()
        self.assertEqual((again.version, again.round), (2, 1))
        again._decide(Answer("approved", "Ada", "link"))
        self.assertEqual(order.customer_approval_status, "approved")
        for stage in (self.production, self.quality, self.ready, self.delivered):
            order.stage_id = stage
        self.assertEqual(order.state, "sale")

    def test_status_is_searchable_and_groupable(self):
        self._bring_to_status(self.sale_order, "approved")
        orders = self.env["sale.order"].search(
            [("customer_approval_status", "=", "approved")]
        )
        self.assertIn(self.sale_order, orders)
        groups = dict(
            self.env["sale.order"]._read_group(
                [("id", "=", self.sale_order.id)],
                ["customer_approval_status"],
                ["__count"],
            )
        )
        self.assertEqual(groups, {"approved": 1})

    def test_one_approval_is_enough(self):
        (self.quality | self.ready).requires_customer_approval = True
        self._bring_to_status(self.sale_order, "approved")
        self.order.stage_id = self.delivered
        self.assertEqual(self.order.stage_id, self.delivered)

    def test_conditions_take_staff_to_accept_them(self):
        request = self._request()
        request._decide(
            Answer("approved_conditions", "Ada", "link", conditions="Delivery in May")
        )
        self.assertEqual(self.order.customer_approval_status, "pending")
        self.assertEqual(self.order.customer_approval_banner, "conditions")
        with self.assertRaises(UserError):
            self.order.stage_id = self.production
        self.assertTrue(self.order.activity_ids.filtered(lambda a: "cond" in a.summary))
        self.order.action_accept_customer_conditions()
        self.assertEqual(request.conditions_accepted_by_id, self.salesperson)
        self.assertEqual(self.order.customer_approval_status, "approved")
        self.assertShows("Delivery in May", self.order.message_ids[0].body)
        self.order.stage_id = self.production
        with self.assertRaisesRegex(UserError, "no conditions to accept"):
            request.action_accept_conditions()

    def test_banner(self):
        self.order.stage_id = self.pending_stage
        self.assertEqual(self.order.customer_approval_banner, "request")
        request = self._request()
        self.assertEqual(self.order.customer_approval_banner, "wait")
        request._decide(Answer("changes_requested", "Ada", "link", reason="Blue"))
        self.assertEqual(self.order.customer_approval_banner, "rejected")
        request = self._request()
        request._decide(Answer("approved_conditions", "Ada", "link", conditions="Blue"))
        self.assertEqual(self.order.customer_approval_banner, "conditions")
        request.action_accept_conditions()
        self.assertEqual(self.order.customer_approval_banner, "revise")
        self.order.stage_id = self.production
        self.assertEqual(self.order.customer_approval_banner, "begun")

    def test_request_freezes_the_content(self):
        request = self._request(message="Please")
        self.assertEqual(request.state, "pending")
        self.assertEqual(request.partner_id, self.partner)
        self.assertEqual(request.requested_by_id, self.salesperson)
        self.assertEqual(request.user_id, self.salesperson)
        self.assertEqual(request.amount_total, self.order.amount_total)
        self.assertEqual(
            request.deadline, fields.Date.context_today(request) + timedelta(days=7)
        )
        content = request.content
        self.assertEqual(content["document"]["name"], self.order.name)
        self.assertEqual(len(ledger.flat(content)["lines"]), len(self.order.order_line))
        self.assertEqual(
            ledger.flat(content)["totals"]["total"], f"{self.order.amount_total:.2f}"
        )
        self.assertRegex(request.digest, "^3:[0-9a-f]{64}$")
        self.assertShows(self.order.order_line[0].name, request.content_html)

    def test_content_is_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        unit = self.order.order_line[0].product_uom_id
        unit.with_context(lang="fr_FR").sudo().name = "Unités"
        self.partner.lang = "fr_FR"
        request = self._request()
        self.assertEqual(
            ledger.flat(request.content)["lines"][0]["unit"]["text"], "Unités"
        )

    def test_asking_again(self):
        first = self._request()
        second = self._request()
        self.assertEqual(first.state, "withdrawn")
        self.assertEqual((second.version, second.round), (1, 2))
        self.order.order_line[0].product_uom_qty += 1
        self.assertEqual(second.state, "withdrawn")
        third = self._request()
        self.assertEqual((third.version, third.round), (2, 1))

    def test_many_documents_each_customer(self):
        other = self.env["res.partner"].create(
            {"name": "Bob", "email": "bob@example.com"}
        )
        orders = self.order | self._create_order(partner_id=other.id).with_user(
            self.salesperson
        )
        requests = self._request(orders)
        self.assertEqual(requests.mapped("res_id"), orders.ids)
        self.assertEqual(requests.partner_id, self.partner | other)

    def test_files_are_copied(self):
        attachment = self.env["ir.attachment"].create(
            {
                "name": "plan.txt",
                "raw": b"as shown",
                "res_model": "sale.order",
                "res_id": self.order.id,
            }
        )
        request = self.order._open_customer_approval(attachments=attachment)
        attachment.raw = b"as changed later"
        self.assertEqual(request.attachment_ids.raw, b"as shown")
        self.assertEqual(request.attachment_ids.res_model, request._name)

    def test_refusals_to_ask(self):
        empty = self.env["sale.order"].create({"partner_id": self.partner.id})
        with self.assertRaisesRegex(UserError, "has no lines"):
            empty._request_customer_approval()
        self.partner.email = False
        with self.assertRaisesRegex(UserError, "no e-mail address"):
            self.order._request_customer_approval()
        self.partner.email = "ada@example.com"
        self._bring_to_status(self.sale_order, "approved")
        with self.assertRaisesRegex(UserError, "already approved"):
            self.order._request_customer_approval()
        order = self._create_order()
        order.action_cancel()
        with self.assertRaisesRegex(UserError, "is cancelled"):
            order._request_customer_approval()

    def test_right_to_ask(self):
        self.salesperson.group_ids -= self.env.ref(
            "account.group_account_invoice"
        ) | self.env.ref("sales_team.group_sale_salesman_all_leads")
        group = self.env.ref("sales_team.group_sale_salesman")
        group.implied_ids -= self.env.ref(
            "customer_approval_gate.group_request_approval"
        )
        self.salesperson.group_ids += group
        with self.assertRaisesRegex(AccessError, "Request customer approval"):
            self.order.action_request_customer_approval()
        with self.assertRaisesRegex(AccessError, "Request customer approval"):
            self.order.action_ask_on_screen()

    def test_mail(self):
        second = self.env["res.partner"].create(
            {
                "name": "Cleo",
                "email": "cleo@example.com",
                "parent_id": self.partner.id,
            }
        )
        with self.mock_mail_gateway():
            request = self.order._request_customer_approval(
                self.partner | second, message="<b>Hurry</b>"
            )
            self._run_job("cron_mailings")
        for approver in request.sudo().approver_ids:
            email = approver.partner_id.email
            mail = next(m for m in self._mails if email in str(m["email_to"]))
            self.assertLinks(links.token_of(approver), mail["body"])
            self.assertTrue(mail["body_alternative"], "a part of plain text")
            self.assertShows("Review & Approve", mail["body"])
            self.assertIn(self.order.name, mail["subject"])
            self.assertShows("<b>Hurry", mail["body"])
        messages = self.env["mail.message"].search(
            [("model", "=", request._name), ("res_id", "=", request.id)]
        )
        self.assertNotIn(
            links.token_of(request.approver_ids[:1]), "".join(messages.mapped("body"))
        )

    def test_mail_is_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.partner.lang = "fr_FR"
        template = self.env.ref("customer_approval_gate.mail_template_asked")
        template.with_context(lang="fr_FR").subject = "Veuillez approuver"
        with self.mock_mail_gateway():
            self.order._request_customer_approval()
            self._run_job("cron_mailings")
        self.assertIn("Veuillez approuver", [mail["subject"] for mail in self._mails])

    def test_what_an_answer_must_have(self):
        request = self._request()
        for decision, details, error in (
            ("approved", {"name": " "}, "full name"),
            ("rejected", {}, "say why"),
            ("rejected", {"reason": "  "}, "say why"),
            ("changes_requested", {}, "say why"),
            ("approved_conditions", {}, "the conditions"),
            ("maybe", {}, "one of the answers"),
            ("withdrawn", {}, "one of the answers"),
        ):
            details = {"name": "Ada", "method": "link", **details}
            with self.assertRaisesRegex(UserError, error):
                request._decide(Answer(decision, **details))
        self.assertEqual(request.state, "pending")

    def test_signature_where_the_company_asks_for_it(self):
        self.order.company_id.sudo().customer_approval_signature = True
        request = self._request()
        with self.assertRaisesRegex(UserError, "sign before"):
            request._decide(Answer("approved", "Ada", "link"))
        request._decide(Answer("approved", "Ada", "link", signature=SIGNATURE))
        self.assertTrue(request.signature)

    def test_what_an_answer_keeps(self):
        self.order.company_id.sudo().customer_approval_consent = "I agree to all."
        request = self._request()
        request._decide(Answer("approved", "Ada Approver", "link"))
        self.assertRecordValues(
            request,
            [
                {
                    "state": "approved",
                    "decided_by_name": "Ada Approver",
                    "decision_method": "link",
                    "consent": "I agree to all.",
                }
            ],
        )
        self.assertTrue(request.decided_on)

    def test_answering_twice(self):
        request = self._request()
        request._decide(Answer("approved", "Ada", "link"))
        with self.assertRaisesRegex(UserError, "answered or withdrawn already"):
            request._decide(Answer("rejected", "Bob", "link", reason="No"))
        self.assertEqual(request.decided_by_name, "Ada")

    def test_salesperson_is_told(self):
        request = self._request()
        with self.mock_mail_gateway():
            request.with_user(self.env.ref("base.public_user"))._decide(
                Answer("rejected", "Ada", "link", reason="<i>Too dear</i>")
            )
        message = self.sale_order.message_ids.filtered(
            lambda m: self.salesperson.partner_id in m.notified_partner_ids
        )
        self.assertShows("Too dear", message[:1].body)
        self.assertShows("<i>", message[:1].body, msg="as it was typed")
        activity = self.order.activity_ids
        self.assertEqual(activity.user_id, self.salesperson)
        self.assertIn("rejected", activity.summary)

    def test_in_person_asks_once(self):
        action = self.order.action_ask_on_screen()
        self.assertEqual(self.order.customer_approval_status, "pending")
        again = self.order.action_ask_on_screen()
        self.assertEqual(
            action["url"],
            again["url"],
            "closing the dialog and opening it again asks nothing new",
        )

    def test_dialog(self):
        form = self._dialog(self.order)
        self.assertIn(self.order.order_line[0].name, form.preview)
        form.message = "For you"
        self.assertIn("For you", form.preview)
        with self.mock_mail_gateway():
            form.save().action_send()
        request = self.order.sudo().customer_approval_request_id
        self.assertEqual(request.message, "For you")
        self.assertEqual(request.partner_ids, self.partner)

    def test_dialog_asks_contacts_of_the_customer_only(self):
        stranger = self.env["res.partner"].create(
            {"name": "Stranger", "email": "s@example.com"}
        )
        dialog = self._dialog(self.order).save()
        dialog.line_ids = [
            Command.clear(),
            Command.create({"partner_id": stranger.id}),
        ]
        with self.assertRaisesRegex(UserError, "no contact of the customer"):
            dialog.action_send()

    def test_dialog_refuses_a_deadline_in_the_past(self):
        dialog = self._dialog(self.order).save()
        dialog.deadline = fields.Date.today() - timedelta(days=2)
        with self.assertRaisesRegex(UserError, "Choose a later day"):
            dialog.action_send()

    def test_change_withdraws_a_pending_request(self):
        for change in (
            {"order_line": [Command.create({"product_id": self.product.id})]},
            {"payment_term_id": self.env.ref("account.account_payment_term_30days").id},
            {"note": "<p>Other terms</p>"},
            {"partner_shipping_id": self.env["res.partner"].create({"name": "X"}).id},
            {"validity_date": "2030-01-01"},
        ):
            request = self._request()
            self.order.write(change)
            self.assertEqual(request.state, "withdrawn", change)
            self.assertEqual(self.order.customer_approval_status, "not_required")

    def test_change_of_lines_withdraws_too(self):
        request = self._request()
        self.order.order_line[0].write({"discount": 5})
        self.assertEqual(request.state, "withdrawn")
        request = self._request()
        self.order.order_line[0].unlink()
        self.assertEqual(request.state, "withdrawn")
        request = self._request()
        self.env["sale.order.line"].create(
            {"order_id": self.order.id, "product_id": self.product.id}
        )
        self.assertEqual(request.state, "withdrawn")
