# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import itertools
import re
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import BaseCase, freeze_time, new_test_user, tagged
from odoo.tools import email_normalize_all

from odoo.addons.mail.tests.common import MailCommon

from ...tools import capability, ledger, links
from ...tools.event_data import Answer
from ..common import ApprovalCommon

REPLY = """Return-Path: {return_path}
To: {to}
Cc: {cc}
From: {email_from}
Subject: {subject}
Message-ID: {msg_id}
Date: {date}
{extra}
MIME-Version: 1.0
Content-Type: text/plain; charset="utf-8"

I approve, please call me.
"""


@tagged("post_install", "-at_install")
class TestOutcome(BaseCase):
    """When a round is over, in plain Python."""

    def test_one_is_enough(self):
        self.assertIsNone(ledger.outcome(1, True, [None, None]))
        self.assertEqual(ledger.outcome(1, True, [None, "approved"]), "approved")
        self.assertEqual(ledger.outcome(1, True, ["rejected", None]), "rejected")
        self.assertIsNone(ledger.outcome(1, False, ["rejected", None]))
        self.assertEqual(ledger.outcome(1, False, ["rejected", "approved"]), "approved")
        self.assertEqual(
            ledger.outcome(1, False, ["changes_requested"] * 2), "changes_requested"
        )

    def test_all(self):
        self.assertIsNone(ledger.outcome(2, True, ["approved", None]))
        self.assertEqual(
            ledger.outcome(2, True, ["approved", "approved_conditions"]),
            "approved_conditions",
        )
        # Not enough can say yes any more.
        self.assertEqual(
            ledger.outcome(2, False, ["changes_requested", None]), "changes_requested"
        )

    def test_silence_is_never_a_yes(self):
        """Whatever the rule: nobody's answer missing makes an approval, and no answer
        at all decides nothing."""
        choices = (None, *ledger.DECISIONS)
        for count in (1, 2, 3):
            for answers in itertools.product(choices, repeat=count):
                for required in range(1, count + 1):
                    for ends in (True, False):
                        result = ledger.outcome(required, ends, list(answers))
                        yes = [a for a in answers if a in ledger.DECISIONS[:2]]
                        if result in ledger.DECISIONS[:2]:
                            self.assertGreaterEqual(len(yes), required)
                        if not any(answers):
                            self.assertIsNone(result)
                        if all(answers):
                            self.assertIsNotNone(result)

    def test_before_there_were_rules(self):
        """Requests of the first format have none: the first answer counted."""
        self.assertEqual(ledger.required_answers(None, None, 3), 1)
        row = {"rule": None, "required_count": None, "rejection_ends": None}
        for decision in ledger.DECISIONS:
            row["approvers"] = [{"state": decision}, {"state": "asked"}]
            self.assertEqual(
                ledger._check_outcome("x", row, {"decision": decision}), []
            )

    def test_nobody_is_asked(self):
        self.assertNotIn(ledger.outcome(0, True, []), ledger.DECISIONS[:2])


class ApproverCommon(MailCommon, ApprovalCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company_partner = cls.env["res.partner"].create(
            {"name": "Oak & Sons", "is_company": True, "email": "info@oak.example"}
        )
        cls.ada, cls.bob, cls.eve = cls.env["res.partner"].create(
            [
                {
                    "name": name,
                    "email": f"{name.lower()}@oak.example",
                    "parent_id": cls.company_partner.id,
                }
                for name in ("Ada", "Bob", "Eve")
            ]
        )
        cls.people = cls.ada | cls.bob | cls.eve
        cls.order = cls._create_order(partner_id=cls.ada.id)

    def _ask(self, order=None, partners=None, mail=False, **rules):
        order = order or self.order
        request = order.with_user(self.salesperson)._open_customer_approval(
            self.people if partners is None else partners, mail=mail, **rules
        )
        return request.sudo()

    def _approver(self, request, partner):
        return request.approver_ids.filtered(
            lambda a: (
                a.partner_id == partner and a.state not in ("passed_on", "removed")
            )
        )

    def _answer(self, request, partner, decision="approved", **values):
        approver = self._approver(request, partner)
        values = {"reason": "Too dear", "conditions": "In May", **values}
        return request._decide(
            Answer(decision, partner.name, "link", approver=approver, **values)
        )

    def _assert_verified(self, order=None):
        order = order or self.order
        self.env.flush_all()
        problems = self.env["customer.approval.event"]._verify_document(order)
        self.assertEqual(problems, [])

    def _create_optional_order(self):
        product = self.product
        return self._create_order(
            partner_id=self.ada.id,
            order_line=[
                Command.create(
                    {"product_id": product.id, "product_uom_qty": 2, "price_unit": 100}
                ),
                Command.create(
                    {
                        "display_type": "line_section",
                        "name": "Options",
                        "is_optional": True,
                        "sequence": 20,
                    }
                ),
                Command.create(
                    {
                        "product_id": product.id,
                        "name": "Lamp",
                        "product_uom_qty": 1,
                        "price_unit": 30,
                        "sequence": 21,
                    }
                ),
                Command.create(
                    {
                        "product_id": product.id,
                        "name": "Rug",
                        "product_uom_qty": 0,
                        "price_unit": 50,
                        "sequence": 22,
                    }
                ),
            ],
        )

    def _get_mails(self):
        """Return the mails made since the last call, by address."""
        self.env.flush_all()
        mails = self.env["mail.mail"].sudo().search([("id", ">", self._last_mail())])
        self._mail_id = max(mails.ids, default=self._last_mail())
        found = {}
        for mail in mails:
            partners = mail.recipient_ids | mail.recipient_ids.search(
                [("email_normalized", "in", email_normalize_all(mail.email_to or ""))]
            )
            for partner in partners:
                found.setdefault(partner, []).append(mail)
        return found

    def _last_mail(self):
        return getattr(self, "_mail_id", 0)


class ApproverCase(ApproverCommon):
    def _send_code(self, approver):
        with self.mock_mail_gateway(mail_unlink_sent=True):
            capability.call(
                approver._mail_code, capability.call(approver._prepare_code)
            )
        body = self._mails[0]["body"]
        self.assertIn(approver.email, str(self._mails[0]["email_to"]))
        return re.search(r">\s*(\d{6})\s*<", body).group(1)

    def _record(self, request, user=None, files=True, **values):
        user = user or self.recorder
        attachment = (
            self.env["ir.attachment"]
            .with_user(user)
            .create(
                {"name": "letter.pdf", "raw": b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj"}
            )
        )
        dialog = self.env["customer.approval.record"].with_user(user)
        return dialog.create(
            {
                "request_id": request.id,
                "attachment_ids": [Command.set(attachment.ids if files else [])],
                **values,
            }
        )

    @property
    def recorder(self):
        self.salesperson.group_ids += self.env.ref(
            "customer_approval_gate.group_record_approval"
        )
        return self.salesperson


@tagged("post_install", "-at_install")
class TestApprovers(ApproverCase):
    def test_any_one(self):
        request = self._ask()
        self.assertEqual(request.rule, "any")
        self._answer(request, self.bob)
        self.assertEqual(request.state, "approved")
        self.assertEqual(request.decided_by_name, "Bob")
        self.assertEqual(self.order.customer_approval_status, "approved")
        with self.assertRaisesRegex(UserError, "answered or withdrawn"):
            self._answer(request, self.eve)
        self._assert_verified()

    def test_all_of_them(self):
        request = self._ask(rule="all")
        for partner in self.ada, self.bob:
            self._answer(request, partner)
            self.assertEqual(request.state, "pending")
            self.assertEqual(self.order.customer_approval_status, "pending")
        with self.assertRaisesRegex(UserError, "approval is required"):
            self.order.with_user(self.salesperson).stage_id = self.production
        self.assertEqual(request.progress, "2 / 3")
        self._answer(request, self.eve)
        self.assertEqual(request.state, "approved")
        self.assertEqual(request.decided_by_name, "Ada, Bob, Eve")
        self._assert_verified()

    def test_some_of_them(self):
        request = self._ask(rule="some", required_count=2)
        self._answer(request, self.eve)
        self.assertEqual(request.state, "pending")
        self._answer(request, self.ada, "approved_conditions")
        self.assertEqual(request.state, "approved_conditions")
        self.assertEqual(request.conditions, "Ada: In May")
        self._assert_verified()

    def test_one_after_the_other(self):
        request = self._ask(rule="order", mail=True)
        self.assertEqual(
            request.approver_ids.mapped("state"), ["asked", "waiting", "waiting"]
        )
        with self.assertRaisesRegex(UserError, "not your turn"):
            self._answer(request, self.bob)
        self._get_mails()
        self._answer(request, self.ada)
        self.assertIn(self.bob, self._get_mails())
        self.assertEqual(
            request.approver_ids.mapped("state"), ["approved", "asked", "waiting"]
        )
        self._answer(request, self.bob)
        self._answer(request, self.eve)
        self.assertEqual(request.state, "approved")
        self._assert_verified()

    def test_one_rejection_ends_it(self):
        request = self._ask(rule="all")
        self._answer(request, self.ada)
        self._answer(request, self.bob, "rejected")
        self.assertEqual(request.state, "rejected")
        self.assertEqual(request.reason, "Too dear")
        self.assertEqual(request.decided_by_name, "Bob")
        self._assert_verified()

    def test_one_rejection_does_not_end_it(self):
        request = self._ask(rule="some", required_count=2, rejection_ends=False)
        self._answer(request, self.ada, "rejected")
        self.assertEqual(request.state, "pending")
        self._answer(request, self.bob)
        self._answer(request, self.eve)
        self.assertEqual(request.state, "approved")
        self.assertEqual(request.decided_by_name, "Bob, Eve")
        self._assert_verified()

    def test_nobody_answers_twice(self):
        request = self._ask(rule="all")
        approver = self._approver(request, self.ada)
        self._answer(request, self.ada)
        with self.assertRaisesRegex(UserError, "already"):
            request._decide(Answer("approved", "Ada", "link", approver=approver))

    def test_nobody_answers_for_another_request(self):
        request = self._ask()
        order = self._create_order(partner_id=self.ada.id)
        other = self._ask(order)
        with self.assertRaisesRegex(UserError, "already"):
            request._decide(
                Answer("approved", "Ada", "link", approver=other.approver_ids[:1])
            )
        with self.assertRaisesRegex(UserError, "Several people"):
            request._decide(Answer("approved", "Ada", "link"))

    def test_a_rule_that_nobody_can_meet(self):
        with self.assertRaisesRegex(UserError, "4 people have to approve"):
            self._ask(rule="some", required_count=4)
        with self.assertRaises(UserError):
            self._ask(rule="nobody")

    def test_who_is_asked_by_default(self):
        self.company_partner.customer_approval_order_partner_ids = self.bob | self.eve
        request = self.order._open_customer_approval(mail=False)
        self.assertEqual(request.approver_ids.partner_id, self.bob | self.eve)
        self.assertEqual(request.partner_id, self.ada, "whose order it is")

    def test_second_person(self):
        self.company_partner.customer_approval_second_amount = 100
        self.company_partner.customer_approval_order_partner_ids = self.bob
        with self.assertRaisesRegex(UserError, "2 people have to approve"):
            self.order._open_customer_approval(mail=False)
        with self.assertRaisesRegex(UserError, "two people"):
            self._ask(rule="any")
        self.company_partner.customer_approval_order_partner_ids = self.bob | self.eve
        request = self.order._open_customer_approval(mail=False)
        self._answer(request, self.bob)
        self.assertEqual(request.state, "pending")
        self._answer(request, self.eve)
        self.assertEqual(request.state, "approved")

    def test_below_the_amount_one_is_enough(self):
        self.company_partner.customer_approval_second_amount = 100_000
        request = self.order._open_customer_approval(mail=False)
        self.assertEqual(request.rule, "any")

    def test_second_person_and_the_orders_own_page(self):
        self.order.require_signature = True
        self.assertTrue(self.order._has_to_be_signed())
        self.company_partner.customer_approval_second_amount = 100
        self.assertFalse(self.order._has_to_be_signed(), "one signature is too few")

    def test_defaults_are_the_customers_own(self):
        with self.assertRaises(ValidationError):
            self.company_partner.customer_approval_order_partner_ids = self.partner
        with self.assertRaises(ValidationError):
            self.company_partner.customer_approval_second_amount = -1

    def test_asking_somebody_else_is_deliberate(self):
        stranger = self.env["res.partner"].create(
            {"name": "Mallory", "email": "mallory@elsewhere.example"}
        )
        dialog = self.env["customer.approval.send"].with_user(self.salesperson)
        dialog = dialog.create({"res_model": "sale.order", "res_ids": self.order.ids})
        dialog.line_ids = [
            Command.clear(),
            Command.create({"partner_id": stranger.id}),
        ]
        with self.assertRaisesRegex(UserError, "no contact of the customer"):
            dialog.action_send()
        dialog.ask_others = True
        dialog.action_send()
        request = self.order.customer_approval_request_id
        self.assertTrue(request.approver_ids.is_outsider)
        self._assert_verified()

    def test_dialog_keeps_the_order(self):
        dialog = self.env["customer.approval.send"].with_user(self.salesperson)
        dialog = dialog.create({"res_model": "sale.order", "res_ids": self.order.ids})
        self.assertEqual(dialog.line_ids.partner_id, self.ada)
        dialog.line_ids = [
            Command.clear(),
            Command.create({"partner_id": self.eve.id, "sequence": 1}),
            Command.create({"partner_id": self.bob.id, "sequence": 2}),
        ]
        dialog.rule = "order"
        dialog.action_send()
        request = self.order.customer_approval_request_id
        self.assertEqual(request.approver_ids.partner_id.mapped("name"), ["Eve", "Bob"])
        self.assertEqual(request.approver_ids.mapped("state"), ["asked", "waiting"])

    def test_many_at_once_can_be_sent_twice(self):
        orders = self.order | self._create_order(partner_id=self.bob.id)
        for _time in range(2):
            dialog = self.env["customer.approval.send"].with_user(self.salesperson)
            dialog.create(
                {"res_model": "sale.order", "res_ids": orders.ids}
            ).action_send()
            requests = orders.customer_approval_request_ids
            self.assertEqual(len(requests), 2, "nobody is asked twice")
        states = self.env["mail.mail"].search([("email_to", "ilike", self.bob.email)])
        self.assertEqual(set(states.mapped("state")), {"outgoing"}, "by the queue")

    def test_pass_on_to_a_colleague(self):
        request = self._ask(partners=self.ada, mail=True)
        approver = self._approver(request, self.ada)
        token = links.token_of(approver)
        self._get_mails()
        self.assertTrue(
            capability.call(approver._delegate, "Grace", "grace@oak.example")
        )
        grace = request.approver_ids.partner_id - self.ada
        self.assertEqual(grace.commercial_partner_id, self.company_partner)
        self.assertFalse(
            links.find_by_token(request.approver_ids, token), "it has stopped"
        )
        self.assertIn(grace, self._get_mails())
        with self.assertRaisesRegex(UserError, "already"):
            request._decide(Answer("approved", "Ada", "link", approver=approver))
        self._answer(request, grace)
        self.assertEqual(request.state, "approved")
        self.assertIn("passed_on", request.event_ids.mapped("kind"))
        self._assert_verified()

    def test_pass_on_to_a_known_contact(self):
        request = self._ask(partners=self.ada)
        capability.call(
            self._approver(request, self.ada)._delegate, "Robert", "BOB@oak.example"
        )
        self.assertEqual(request.approver_ids[-1:].partner_id, self.bob)

    def test_pass_on_elsewhere_is_confirmed_by_staff(self):
        request = self._ask(partners=self.ada)
        approver = self._approver(request, self.ada)
        self.assertFalse(
            capability.call(approver._delegate, "Grace", "grace@gmail.com")
        )
        self.assertTrue(approver._is_open(), "until then it goes on")
        activity = self.order.activity_ids.filtered(
            lambda a: "grace@gmail.com" in (a.note or "")
        )
        self.assertEqual(activity.user_id, self.salesperson)
        outsider = new_test_user(self.env, "approval_outsider2", "base.group_user")
        with self.assertRaises(AccessError):
            approver.with_user(outsider).action_confirm_pass_on()
        approver.with_user(self.salesperson).action_confirm_pass_on()
        self.assertEqual(approver.state, "passed_on")
        self.assertEqual(request.approver_ids[-1:].partner_id.name, "Grace")
        self._assert_verified()

    def test_pass_on_elsewhere_is_refused_by_staff(self):
        request = self._ask(partners=self.ada)
        approver = self._approver(request, self.ada)
        capability.call(approver._delegate, "Grace", "grace@gmail.com")
        self._get_mails()
        own = approver.with_user(self.salesperson)
        action = own.action_refuse_pass_on()
        dialog = self.env[action["res_model"]].with_user(self.salesperson)
        dialog = dialog.with_context(**action["context"]).create({"reason": " "})
        with self.assertRaisesRegex(UserError, "say why"):
            dialog.action_refuse()
        dialog.reason = "Who is that?"
        dialog.action_refuse()
        self.assertFalse(approver.proposed_email)
        mail = self._get_mails()[self.ada][0]
        self.assertShows("Who is that?", mail.body_html)
        self.assertShows("Grace", mail.body_html)
        self.assertTrue(approver._is_open())
        with self.assertRaisesRegex(UserError, "Nobody is named"):
            approver.with_user(self.salesperson).action_confirm_pass_on()

    def test_public_addresses_say_nothing_about_a_company(self):
        self.bob.email = "bob@comcast.net"
        request = self._ask(partners=self.ada)
        approver = self._approver(request, self.ada)
        self.assertEqual(approver._get_known_domains(), {"oak.example"})
        for public in ("gmail.com", "yahoo.co.uk", "outlook.fr", "t-online.de"):
            self.company_partner.email = f"oak@{public}"
            self.assertEqual(approver._get_known_domains(), set(), public)
        self.company_partner.website = "https://www.oak.example/en"
        self.assertEqual(approver._get_known_domains(), {"oak.example"})

    def test_pass_on_with_something_wrong(self):
        request = self._ask()
        approver = self._approver(request, self.ada)
        for name, email in (("", "x@oak.example"), ("Grace", "no address")):
            with self.assertRaisesRegex(UserError, "name and the e-mail"):
                capability.call(approver._delegate, name, email)
        with self.assertRaisesRegex(UserError, "asked already"):
            capability.call(approver._delegate, "Bob", "bob@oak.example")

    def test_ask_one_more(self):
        request = self._ask(partners=self.ada, mail=True)
        self._get_mails()
        capability.call(request.with_user(self.salesperson)._add_approvers, self.bob)
        self.assertIn(self.bob, self._get_mails())
        self._answer(request, self.bob)
        self.assertEqual(request.state, "approved")
        self._assert_verified()

    def test_ask_one_less(self):
        request = self._ask(rule="all", mail=True)
        eve = self._approver(request, self.eve)
        self._get_mails()
        capability.call(request.with_user(self.salesperson)._remove_approvers, eve)
        self.assertIn(self.eve, self._get_mails())
        self.assertEqual(eve.state, "removed")
        token = links.token_of(eve)
        self.assertFalse(links.find_by_token(request.approver_ids, token))
        with self.assertRaisesRegex(UserError, "already"):
            request._decide(Answer("approved", "Eve", "link", approver=eve))
        self._answer(request, self.ada)
        self._answer(request, self.bob)
        self.assertEqual(request.state, "approved")
        self._assert_verified()

    def test_letting_people_go_decides_nothing(self):
        request = self._ask(rule="all")
        self._answer(request, self.ada)
        self._answer(request, self.bob)
        with self.assertRaisesRegex(UserError, "Too few people"):
            capability.call(
                request.with_user(self.salesperson)._remove_approvers,
                self._approver(request, self.eve),
            )
        self.assertEqual(request.state, "pending")

    def test_who_has_answered_is_not_let_go(self):
        request = self._ask(rule="all")
        self._answer(request, self.ada)
        with self.assertRaisesRegex(UserError, "have not answered"):
            capability.call(
                request.with_user(self.salesperson)._remove_approvers,
                self._approver(request, self.ada),
            )

    def test_the_second_person_is_not_let_go(self):
        self.company_partner.customer_approval_second_amount = 100
        request = self._ask(partners=self.ada | self.bob, rule="all")
        with self.assertRaisesRegex(UserError, "Too few people"):
            capability.call(
                request.with_user(self.salesperson)._remove_approvers,
                self._approver(request, self.bob),
            )

    def test_another_deadline(self):
        request = self._ask(mail=True)
        before = request.deadline
        later = fields.Date.today() + timedelta(days=30)
        self._get_mails()
        capability.call(request.with_user(self.salesperson)._change_deadline, later)
        self.assertEqual(request.deadline, later)
        self.assertIn(self.ada, self._get_mails())
        self._assert_verified()
        capability.call(request.with_user(self.salesperson)._change_deadline, before)
        capability.call(request.with_user(self.salesperson)._change_deadline, False)
        self._assert_verified()
        with self.assertRaisesRegex(UserError, "has passed"):
            capability.call(
                request.with_user(self.salesperson)._change_deadline,
                fields.Date.today() - timedelta(days=1),
            )

    def test_what_is_kept_of_another_deadline(self):
        self.order.validity_date = False  # or no day is after it
        request = self._ask(mail=True)
        change = request.with_user(self.salesperson)._change_deadline
        today = fields.Date.today()
        first, later = request.deadline, today + timedelta(days=30)
        self._get_mails()
        capability.call(change, first)
        self.assertFalse(self._get_mails(), "it is the same day")
        capability.call(change, later)
        capability.call(change, False)
        events = request.event_ids.filtered(lambda e: e.kind == "deadline_changed")
        self.assertEqual(
            events.sorted("position").mapped("text"),
            [f"{first} → {later}", f"{later} → -"],
        )
        self._answer(request, self.ada)
        with self.assertRaises(UserError):
            capability.call(change, later)
        self.assertFalse(request.deadline)

    def test_the_same_twice_within_a_second(self):
        request = self._ask(mail=True)
        change = request.with_user(self.salesperson)._change_deadline
        later = fields.Date.today() + timedelta(days=30)
        before = request.deadline
        with freeze_time(fields.Datetime.now()):
            for deadline in (later, before, later, before):
                capability.call(change, deadline)
        self._assert_verified()

    def test_the_dialog_changes_all_of_it(self):
        request = self._ask(partners=self.ada | self.bob)
        dialog = self.env["customer.approval.change"].with_user(self.salesperson)
        dialog = dialog.create({"request_id": request.id})
        self.assertEqual(dialog.deadline, request.deadline)
        dialog.deadline += timedelta(days=3)
        dialog.add_partner_ids = self.eve
        dialog.remove_partner_ids = self.bob
        dialog.action_change()
        self.assertEqual(
            request.approver_ids._filter_counted().partner_id, self.ada | self.eve
        )
        dialog = dialog.create({"request_id": request.id})
        dialog.add_partner_ids = self.partner
        with self.assertRaisesRegex(UserError, "no contact of the customer"):
            dialog.action_change()

    def test_withdrawing_takes_a_reason_and_tells(self):
        request = self._ask(mail=True)
        token = links.token_of(request.approver_ids[:1])
        self._get_mails()
        with self.assertRaisesRegex(UserError, "say why"):
            capability.call(request.with_user(self.salesperson)._withdraw_by_staff, " ")
        dialog = self.env["customer.approval.withdraw"].with_user(self.salesperson)
        dialog.create(
            {"request_id": request.id, "reason": "We found a mistake"}
        ).action_withdraw()
        self.assertEqual(request.state, "withdrawn")
        mails = self._get_mails()
        self.assertEqual(set(mails), set(self.people))
        self.assertShows("We found a mistake", mails[self.ada][0].body_html)
        self.assertFalse(
            links.find_by_token(request.approver_ids, token), "it has stopped"
        )
        self._assert_verified()

    def test_only_staff_of_the_document_change_a_request(self):
        request = self._ask()
        outsider = new_test_user(self.env, "approval_outsider3", "base.group_user")
        other = request.with_user(outsider)
        later = fields.Date.today() + timedelta(days=30)
        for call in (
            lambda: capability.call(other._change_deadline, later),
            lambda: capability.call(other._add_approvers, self.eve),
            lambda: capability.call(other._remove_approvers, request.approver_ids[:1]),
            lambda: capability.call(other._withdraw_by_staff, "No"),
            lambda: request.approver_ids[:1].with_user(outsider).action_remind(),
        ):
            with self.assertRaises(AccessError):
                call()

    def test_nudge(self):
        request = self._ask(rule="all", mail=True)
        self._answer(request, self.ada)
        self._get_mails()
        request.with_user(self.salesperson).action_remind()
        self.assertEqual(set(self._get_mails()), {self.bob, self.eve})
        approver = self._approver(request, self.bob).with_user(self.salesperson)
        approver.action_remind()
        self.assertEqual(set(self._get_mails()), {self.bob})
        with self.assertRaisesRegex(UserError, "nothing to answer"):
            self._approver(request, self.ada).with_user(
                self.salesperson
            ).action_remind()
