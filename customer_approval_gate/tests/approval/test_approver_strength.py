# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ...tools import capability, ledger, links
from ...tools.event_data import Answer
from .test_approvers import REPLY, ApproverCase


@tagged("post_install", "-at_install")
class TestApproverStrength(ApproverCase):
    def test_strength_follows_the_way(self):
        for method, strength in (
            (m, ledger.LEVELS[level]) for m, level in ledger.LEVEL_OF_METHOD.items()
        ):
            order = self._create_order(partner_id=self.ada.id)
            request = self._ask(order, self.ada)
            request._decide(Answer("approved", "Ada", method))
            self.assertEqual(request.evidence_strength, str(strength), method)
        waiting = self._ask(self._create_order(partner_id=self.ada.id), self.ada)
        self.assertIs(waiting.evidence_strength, False, "nobody has answered")

    def test_strength_is_that_of_the_weakest(self):
        request = self._ask(rule="all")
        for partner, method in zip(
            self.people, ("portal", "in_person", "link"), strict=True
        ):
            request._decide(
                Answer(
                    "approved",
                    partner.name,
                    method,
                    approver=self._approver(request, partner),
                )
            )
        self.assertEqual(request.evidence_strength, "2")

    def test_a_stage_may_ask_for_more(self):
        self.production.minimum_evidence = "strong"
        request = self._ask(partners=self.ada)
        self._answer(request, self.ada)
        self.assertEqual(self.order.customer_approval_status, "approved")
        with self.assertRaises(UserError) as error:
            self.order.with_user(self.salesperson).stage_id = self.production
        self.assertIn("too weak", str(error.exception))
        self.assertIn("Personal link", str(error.exception))
        self.assertIn("Login or one-time code", str(error.exception))
        self.assertEqual(self.order.customer_approval_banner, "stronger")
        request = self._ask(partners=self.ada)
        self.assertTrue(request._needs_code())
        request._decide(Answer("approved", "Ada", "code"))
        self.order.with_user(self.salesperson).stage_id = self.production
        self.assertEqual(self.order.stage_id, self.production)

    def test_the_database_asks_for_more_as_well(self):
        self.production.minimum_evidence = "link"
        request = self._ask(partners=self.ada)
        request._decide(Answer("approved", "Ada", "in_person"))
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(Exception, "stronger evidence"),
            self.env.cr.savepoint(),
        ):
            self.env.cr.execute(
                "UPDATE sale_order SET stage_id = %s WHERE id = %s",
                [self.production.id, self.order.id],
            )

    def test_the_minimum_is_logged(self):
        self.production.minimum_evidence = "strong"
        self.env.flush_all()
        event = self.env["customer.approval.event"].search(
            [("kind", "=", "stage_configured")], limit=1
        )
        self.assertIn("minimum_evidence", event.details["changes"])

    def test_a_stronger_approval_behind_the_gate(self):
        request = self._ask(partners=self.ada)
        self._answer(request, self.ada)
        self.order.stage_id = self.production
        self.quality.requires_customer_approval = True
        self.quality.minimum_evidence = "strong"
        with self.assertRaisesRegex(UserError, "too weak"):
            self.order.with_user(self.salesperson).stage_id = self.quality
        with self.assertRaisesRegex(UserError, "move it back"):
            self._ask(partners=self.ada)

    def test_recorded_by_staff(self):
        request = self._ask(partners=self.ada)
        dialog = self._record(request)
        self.assertEqual(dialog.name, "Ada")
        dialog.action_record()
        self.assertRecordValues(
            request,
            [
                {
                    "state": "approved",
                    "decision_method": "recorded",
                    "witness_id": self.salesperson.id,
                    "evidence_strength": "1",
                }
            ],
        )
        proof = request.approver_ids.proof_ids
        self.assertEqual(proof.name, "letter.pdf")
        self._assert_verified()
        with self._refused("kept as evidence"):
            proof.raw = b"%PDF-1.4 something else"
        with capability.hold(self.env, capability.Erasing()):
            proof.raw = b"%PDF-1.4 something else"
        self.env.flush_all()
        problems = self.env["customer.approval.event"]._verify_document(self.order)
        self.assertIn("the answer was altered", problems[0])

    def test_recording_takes_the_scan_and_the_right(self):
        request = self._ask(partners=self.ada)
        with self.assertRaisesRegex(UserError, "Attach the scan"):
            self._record(request, files=False).action_record()
        self.salesperson.group_ids -= self.env.ref(
            "customer_approval_gate.group_record_approval"
        )
        with self.assertRaises(AccessError):
            self._record(request, user=self.salesperson)
        self.assertEqual(request.state, "pending")

    def test_recording_takes_no_web_page(self):
        request = self._ask(partners=self.ada)
        for name, data in (
            ("scan.pdf", b"<html><script>alert(1)</script></html>"),
            ("scan.eml", b"<svg onload='alert(1)'/>"),
            ("scan.png", b"MZ\x90\x00 something"),
        ):
            dialog = self._record(request)
            dialog.attachment_ids.sudo().write({"name": name, "raw": data})
            with self.assertRaisesRegex(UserError, "no scan and no mail"):
                dialog.action_record()

    def test_choose_options(self):
        order = self._create_optional_order()
        lamp, rug = order._get_optional_lines()
        self.assertEqual((lamp.name, rug.name), ("Lamp", "Rug"))
        self.assertEqual(order._get_chosen_lines(), lamp)
        shown = order._get_totals_of_choice(rug)
        request = self._ask(order, self.ada)
        approver = self._answer(request, self.ada, chosen=rug.ids)
        self.assertEqual(request.state, "withdrawn")
        request = approver.request_id
        self.assertEqual(request.state, "approved")
        self.assertEqual(request.version, 2)
        self.assertEqual((lamp.product_uom_qty, rug.product_uom_qty), (0, 1))
        self.assertEqual(order.amount_total, shown["total"])
        self.assertEqual(request.amount_total, shown["total"])
        self.assertEqual(approver.declined, lamp.ids)
        self.assertShows("not chosen", request.content_html)
        self.assertEqual(order.customer_approval_status, "approved")
        order.with_user(self.salesperson).stage_id = self.production
        self._assert_verified(order)

    def test_choosing_what_is_there_is_no_new_version(self):
        order = self._create_optional_order()
        lamp, rug = order._get_optional_lines()
        request = self._ask(order, self.ada)
        approver = self._answer(request, self.ada, chosen=lamp.ids)
        self.assertEqual(request.state, "approved")
        self.assertEqual(approver.declined, rug.ids)
        self._assert_verified(order)

    def test_rejecting_chooses_nothing(self):
        order = self._create_optional_order()
        request = self._ask(order, self.ada)
        self._answer(request, self.ada, "rejected", chosen=[])
        self.assertEqual(request.state, "rejected")
        self.assertEqual(order._get_chosen_lines().name, "Lamp")

    def test_others_answer_about_what_was_chosen(self):
        order = self._create_optional_order()
        rug = order._get_optional_lines()[1]
        request = self._ask(order, rule="all", mail=True)
        self._get_mails()
        request = self._answer(request, self.ada, chosen=rug.ids).request_id
        mails = self._get_mails()
        self.assertIn("a new version", mails[self.bob][0].subject)
        self.assertEqual(request.state, "pending")
        with self.assertRaisesRegex(UserError, "Others have answered"):
            self._answer(request, self.bob, chosen=[])
        self._answer(request, self.bob, chosen=rug.ids)
        self._answer(request, self.eve)
        self.assertEqual(request.state, "approved")
        self._assert_verified(order)

    def test_only_optional_lines_can_be_chosen(self):
        order = self._create_optional_order()
        first = order.order_line[0]
        request = self._ask(order, self.ada)
        lamp = order._get_optional_lines()[0]
        self._answer(request, self.ada, chosen=[lamp.id, first.id, 999999])
        self.assertEqual(first.product_uom_qty, 2)

    def test_what_is_written_back_is_no_decision(self):
        request = self._ask(mail=True)
        request.message_post(
            body="I approve!",
            author_id=self.ada.id,
            message_type="email",
            subtype_xmlid="mail.mt_comment",
        )
        self.assertEqual(request.state, "pending")
        self.assertShows("I approve!", "".join(self.order.message_ids.mapped("body")))

    def test_replies_reach_the_document(self):
        request = self._ask(mail=True)
        request._send()
        sent = self.env["mail.message"].search(
            [
                ("model", "=", request._name),
                ("res_id", "=", request.id),
                ("message_type", "=", "user_notification"),
                ("partner_ids", "in", self.ada.ids),
            ],
            limit=1,
        )
        with self.mock_mail_gateway():
            self.format_and_process(
                REPLY,
                self.ada.email_formatted,
                f"{self.alias_catchall}@{self.alias_domain}",
                subject="Re: your request",
                extra=f"In-Reply-To: {sent.message_id}",
                target_model=request._name,
            )
        self.assertEqual(request.state, "pending", "a reply is no decision")
        message = self.order.message_ids[:1]
        self.assertEqual(message.author_id, self.ada)
        self.assertShows("I approve, please call me.", message.body)

    def test_bounced_mail_tells_the_salesperson(self):
        request = self._ask(mail=True)
        request._message_receive_bounce("nobody@oak.example", self.ada)
        self.assertNotIn("mail_bounced", request.event_ids.mapped("kind"))
        request._message_receive_bounce("ada@oak.example", self.ada)
        activity = self.order.activity_ids.filtered(
            lambda a: "ada@oak.example" in (a.note or "")
        )
        self.assertEqual(activity.user_id, self.salesperson)
        self.assertIn("mail_bounced", request.event_ids.mapped("kind"))

    def test_language_of_each(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.bob.lang = "fr_FR"
        request = self._ask(partners=self.bob, mail=True)
        self._get_mails()
        request._send()
        body = self._get_mails()[self.bob][0].body_html
        self.assertShows("200,00", body)

    def test_every_mail_has_one_button_and_no_answer(self):
        request = self._ask(partners=self.ada, mail=True)
        approver = request.approver_ids
        self._get_mails()
        for kind, values in (
            ("asked", {}),
            ("reminder", {}),
            ("changed", {}),
            ("passed_on", {"other": "Bob"}),
            ("deadline", {}),
            ("withdrawn", {}),
            ("answer", {}),
            ("conditions_accepted", {}),
        ):
            request._mail(kind, approver, **values)
            mail = self._get_mails()[self.ada][0]
            self.assertLinks(links.url_of(approver), mail.body_html)
            for word in ("/answer", "decision="):
                self.assertShowsNot(word, mail.body_html)
            self.assertIn(request.document_name, mail.subject)
            self.assertShowsNot("t-out", mail.body_html)
