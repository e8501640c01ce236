# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import itertools
import re
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import BaseCase, freeze_time, new_test_user, tagged
from odoo.tools import SQL, email_normalize_all, mute_logger

from odoo.addons.mail.tests.common import MailCommon

from ..tools import capability, ledger, links
from ..tools.entry import Answer
from .common import ApprovalCommon

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


@tagged("post_install", "-at_install")
class TestApprovers(ApproverCommon):
    # Rules

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

    # Defaults of the customer

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

    # Somebody else

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

    # Passing it on

    def test_pass_on_to_a_colleague(self):
        request = self._ask(partners=self.ada, mail=True)
        approver = self._approver(request, self.ada)
        token = links.token_of(approver)
        self._get_mails()
        self.assertTrue(
            capability.call(approver._pass_on, "Grace", "grace@oak.example")
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
            self._approver(request, self.ada)._pass_on, "Robert", "BOB@oak.example"
        )
        self.assertEqual(request.approver_ids[-1:].partner_id, self.bob)

    def test_pass_on_elsewhere_is_confirmed_by_staff(self):
        request = self._ask(partners=self.ada)
        approver = self._approver(request, self.ada)
        self.assertFalse(capability.call(approver._pass_on, "Grace", "grace@gmail.com"))
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
        capability.call(approver._pass_on, "Grace", "grace@gmail.com")
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
        self.assertIn("Who is that?", mail.body_html)
        self.assertIn("Grace", mail.body_html)
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
                capability.call(approver._pass_on, name, email)
        with self.assertRaisesRegex(UserError, "asked already"):
            capability.call(approver._pass_on, "Bob", "bob@oak.example")

    # Staff change a request that waits

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
        self.assertIn("We found a mistake", mails[self.ada][0].body_html)
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

    # Evidence

    def test_nobody_writes_approvers(self):
        request = self._ask()
        approver = request.approver_ids[:1]
        for user in (self.salesperson, self.env.ref("base.user_admin")):
            own = approver.with_user(user).sudo()
            with self.assertRaisesRegex(UserError, "evidence"):
                own.write({"state": "approved"})
            with self.assertRaisesRegex(UserError, "evidence"):
                own.create({"request_id": request.id, "partner_id": self.eve.id})
            with self.assertRaisesRegex(UserError, "evidence"):
                own.unlink()

    def test_the_database_refuses_too(self):
        request = self._ask()
        approver = request.approver_ids[:1]
        for statement in (
            "UPDATE customer_approval_approver SET state = 'approved' WHERE id = %s",
            "UPDATE customer_approval_approver SET partner_id = 1 WHERE id = %s",
            "UPDATE customer_approval_approver SET state = 'removed' WHERE id = %s",
            "UPDATE customer_approval_approver SET reason = 'x' WHERE id = %s",
            "DELETE FROM customer_approval_approver WHERE id = %s",
            "UPDATE customer_approval_request SET deadline = '2099-01-01' WHERE id ="
            " (SELECT request_id FROM customer_approval_approver WHERE id = %s)",
            "INSERT INTO customer_approval_approver (request_id, partner_id, origin,"
            " state) SELECT request_id, partner_id, 'added', 'approved'"
            " FROM customer_approval_approver WHERE id = %s",
        ):
            with (
                self.subTest(statement=statement),
                mute_logger("odoo.sql_db"),
                self.assertRaisesRegex(Exception, "evidence|Evidence"),
                self.env.cr.savepoint(),
            ):
                self.env.cr.execute(statement, [approver.id])

    def test_verify_finds_what_was_altered(self):
        request = self._ask(rule="all")
        self._answer(request, self.ada, decision="approved_conditions")
        capability.call(
            request.with_user(self.salesperson)._change_deadline,
            fields.Date.today() + timedelta(days=30),
        )
        ada = self._approver(request, self.ada)
        bob = self._approver(request, self.bob)
        Event = self.env["customer.approval.event"]
        for table, column, value, row in (
            ("approver", "partner_id", self.eve.id, bob),
            ("approver", "sequence", 7, bob),
            ("approver", "is_outsider", True, bob),
            ("approver", "state", "approved", bob),
            ("approver", "state", "removed", bob),
            ("approver", "origin", "added", bob),
            ("approver", "state", "rejected", ada),
            ("approver", "conditions", "Never", ada),
            ("approver", "reason", "Never", ada),
            ("approver", "decided_by_name", "Mallory", ada),
            ("approver", "decided_on", "2020-01-01", ada),
            ("approver", "decision_method", "portal", ada),
            ("approver", "remarks", '{"1": "x"}', ada),
            ("approver", "declined", "[1]", ada),
            ("approver", "consent", "Anything", ada),
            ("request", "deadline", "2020-01-01", request),
            ("request", "rule", "any", request),
            ("request", "required_count", 3, request),
            ("request", "rejection_ends", False, request),
        ):
            with (
                self.subTest(column=column, row=row),
                self.env.cr.savepoint() as savepoint,
            ):
                with self._without_triggers(f"customer_approval_{table}"):
                    self.env.cr.execute(
                        SQL(
                            "UPDATE %s SET %s = %s WHERE id = %s",
                            SQL.identifier(f"customer_approval_{table}"),
                            SQL.identifier(column),
                            value,
                            row.id,
                        )
                    )
                self.env.invalidate_all()
                self.assertTrue(Event._verify_document(self.order))
                savepoint.rollback()
        self.env.invalidate_all()
        self._assert_verified()

    def test_verify_finds_a_decision_that_nobody_made(self):
        """The answers have to amount to the decision."""
        request = self._ask(rule="all")
        for partner in self.people:
            self._answer(request, partner)
        row = request._export_evidence()[0]
        events = self.env["customer.approval.event"]._read_rows(
            "sale.order", self.order.id
        )
        personal = self.env["customer.approval.event"]._read_personal()
        check = ledger.check_request
        self.assertFalse(check(row, events, personal, ledger.scope_digest))
        decided = next(event for event in events if event["kind"] == "decided")
        row["approvers"][0]["state"] = "asked"
        self.assertTrue(ledger._check_outcome("x", row, decided))

    def test_erasure_reaches_every_answer(self):
        request = self._ask(rule="all")
        for partner in self.people:
            self._answer(request, partner)
        capability.call(
            self.env["customer.approval.event"]._erase_personal, self.order, "GDPR 1"
        )
        self.env.invalidate_all()
        self.assertFalse(any(request.approver_ids.mapped("decided_by_name")))
        self._assert_verified()

    def test_bundle_holds_every_answer(self):
        request = self._ask(rule="all")
        for partner in self.people:
            self._answer(request, partner)
        self.assertGreater(len(request._make_bundle()), 1000)

    # Links

    def test_links_are_in_no_database(self):
        request = self._ask()
        token = links.token_of(request.approver_ids[:1])
        self.assertGreater(len(token), 40)
        self.assertEqual(len({links.token_of(a) for a in request.approver_ids}), 3)
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT count(*) FROM customer_approval_approver AS a"
            " WHERE to_jsonb(a)::text LIKE %s",
            [f"%{token}%"],
        )
        self.assertEqual(self.env.cr.fetchone()[0], 0)
        self.assertFalse(request.access_token)
        self.assertNotIn("access_token", request.get_portal_url())

    def test_links_change_with_the_answer(self):
        request = self._ask(rule="all")
        tokens = [links.token_of(approver) for approver in request.approver_ids]
        for partner in self.people:
            self._answer(request, partner)
        for token in tokens:
            self.assertFalse(links.find_by_token(request.approver_ids, token))
            self.assertTrue(links.find_by_old_token(request.approver_ids, token))

    def test_each_gets_their_own_link(self):
        request = self._ask(mail=True)
        self._get_mails()
        request._send()
        mails = self._get_mails()
        for approver in request.approver_ids:
            body = mails[approver.partner_id][0].body_html
            self.assertIn(links.token_of(approver), body)
            for other in request.approver_ids - approver:
                self.assertNotIn(links.token_of(other), body)

    # One-time codes

    def _send_code(self, approver):
        with self.mock_mail_gateway(mail_unlink_sent=True):
            capability.call(
                approver._mail_code, capability.call(approver._prepare_code)
            )
        body = self._mails[0]["body"]
        self.assertIn(approver.email, str(self._mails[0]["email_to"]))
        return re.search(r">\s*(\d{6})\s*<", body).group(1)

    def test_code(self):
        approver = self._approver(self._ask(), self.ada)
        code = self._send_code(approver)
        self.assertNotIn(code, approver.sudo().code_digest)
        self.assertTrue(approver._confirm_code(code))
        with self.assertRaisesRegex(UserError, "no longer good"):
            approver._confirm_code(code)
        with self.enter_registry_test_mode():
            self.env.cr.postcommit.run()  # events beside the transaction
        kinds = approver.request_id.event_ids.mapped("kind")
        self.assertIn("code_sent", kinds)
        self.assertIn("code_confirmed", kinds)
        self._assert_verified()

    def test_code_is_good_for_ten_minutes(self):
        approver = self._approver(self._ask(), self.ada)
        code = self._send_code(approver)
        with (
            freeze_time(fields.Datetime.now() + timedelta(minutes=11)),
            self.assertRaisesRegex(UserError, "no longer good"),
        ):
            approver._confirm_code(code)

    def test_five_tries_then_a_pause_that_grows(self):
        approver = self._approver(self._ask(), self.ada)
        now = fields.Datetime.now()
        for pause in (10, 20, 40):
            with freeze_time(now):
                code = self._send_code(approver)
                wrong = f"{(int(code) + 1) % 10**6:06}"
                for _try in range(5):
                    self.assertFalse(approver._confirm_code(wrong))
                with self.assertRaisesRegex(UserError, f"{pause + 1} minutes|{pause} "):
                    approver._confirm_code(code)
                with self.assertRaisesRegex(UserError, "Too many wrong codes"):
                    capability.call(
                        approver._mail_code, capability.call(approver._prepare_code)
                    )
            now += timedelta(minutes=pause + 1)
        self.assertEqual(
            approver.request_id.event_ids.mapped("kind").count("code_failed"), 15
        )

    def test_codes_are_ones_own(self):
        request = self._ask()
        ada, bob = (self._approver(request, p) for p in (self.ada, self.bob))
        code = self._send_code(ada)
        self._send_code(bob)
        if ada.sudo().code_digest != bob.sudo().code_digest:
            self.assertFalse(links.is_code(bob, code))

    def test_nobody_reads_a_code(self):
        """The mail's author may read messages, and administrators outgoing mail."""
        approver = self._approver(self._ask(), self.ada)
        code = self._send_code(approver)
        self.env.flush_all()
        for model, field in (("mail.message", "body"), ("mail.mail", "body_html")):
            found = self.env[model].sudo().search([(field, "ilike", code)])
            self.assertFalse(found, model)

    def test_code_and_link_go_to_the_address_that_was_asked(self):
        request = self._ask(partners=self.ada, mail=True)
        self.ada.email = "thief@evil.example"
        approver = request.approver_ids
        with self.assertRaisesRegex(UserError, "has changed since"):
            approver.with_user(self.salesperson).action_remind()
        with self.mock_mail_gateway():
            capability.call(
                approver._mail_code, capability.call(approver._prepare_code)
            )
        self.assertIn("ada@oak.example", str(self._mails[0]["email_to"]))
        for email, changed in (
            ("thief@evil.example", True),
            ("ada@oak.example, thief@evil.example", False),
        ):
            self.ada.email = email
            if changed:
                with self.assertRaisesRegex(UserError, "has changed since"):
                    request.with_user(self.salesperson).action_remind()
            else:
                request.with_user(self.salesperson).action_remind()
            request._mail("deadline", approver)
            self.env.flush_all()
            mail = self.env["mail.mail"].search([], limit=1, order="id desc")
            self.assertIn("ada@oak.example", mail.email_to)
            self.assertNotIn("evil", mail.email_to)
            self.assertFalse(mail.recipient_ids)

    def test_another_address_stops_nothing_else(self):
        request = self._ask(rule="order", mail=True)
        self.bob.email = "bob@elsewhere.example"
        self._answer(request, self.ada)
        self._answer(request, self.bob, "approved_conditions")
        self._answer(request, self.eve)
        self._make_certificate(request)
        request.with_user(self.salesperson).action_accept_conditions()
        self.assertEqual(self.order.customer_approval_status, "approved")
        self._assert_verified()

    def test_whoever_writes_templates_gets_no_code(self):
        template = self.env.ref("customer_approval_gate.mail_template_code")
        template.body_html = (
            "<p t-out=\"object.partner_id.write({'comment': ctx.get('code')})\"/>"
            "<p t-out=\"ctx.get('code')\"/>"
        )
        approver = self._approver(self._ask(), self.ada)
        code = self._send_code(approver)
        self.assertNotIn(code, self.ada.comment)

    # Our own staff

    def test_nobody_asks_themselves(self):
        own = self.salesperson.partner_id
        alias = self.env["res.partner"].create(
            {"name": "Me", "email": own.email, "parent_id": self.company_partner.id}
        )
        request = self._ask(partners=self.ada)
        for partner in (own, alias):
            with self.assertRaisesRegex(UserError, "your own staff"):
                self._ask(partners=self.ada | partner)
            with self.assertRaisesRegex(UserError, "your own staff"):
                capability.call(
                    request.with_user(self.salesperson)._add_approvers, partner
                )
        with self.assertRaisesRegex(UserError, "an address of ours"):
            capability.call(request.approver_ids._pass_on, "Me", own.email)

    def test_one_person_is_not_two(self):
        self.company_partner.customer_approval_second_amount = 100
        twin = self.ada.copy({"email": self.ada.email})
        with self.assertRaisesRegex(UserError, "two people"):
            self._ask(partners=self.ada | twin, rule="all")
        request = self._ask(partners=self.ada | self.bob, rule="all")
        ada, bob = request.approver_ids
        capability.call(ada._pass_on, "Zed", "zed@gmail.com")
        capability.call(bob._pass_on, "Zed", "zed@gmail.com")
        ada.with_user(self.salesperson).action_confirm_pass_on()
        with self.assertRaisesRegex(UserError, "asked already"):
            bob.with_user(self.salesperson).action_confirm_pass_on()

    def test_changes_count_for_the_second_person(self):
        self.company_partner.customer_approval_second_amount = 300
        request = self._ask(partners=self.ada)
        self._answer(request, self.ada)
        change = self.order._create_change_order()
        change.order_line = [
            Command.create(
                {"product_id": self.product.id, "price_unit": 199, "tax_ids": False}
            )
        ]
        self.assertEqual(change._get_required_people(), 2)

    # What else was found by trying

    def test_erasure_while_others_are_asked(self):
        request = self._ask(rule="all")
        self._answer(request, self.ada)
        capability.call(
            self.env["customer.approval.event"]._erase_personal, self.order, "GDPR"
        )
        self._answer(request, self.bob)
        self._answer(request, self.eve)
        self.assertEqual(request.state, "approved")
        self.assertEqual(request.decided_by_name, "Bob, Eve")
        self._assert_verified()

    def test_what_is_cancelled_is_not_approved(self):
        request = self._ask(partners=self.ada)
        self.order._action_cancel()
        self.assertEqual(request.state, "withdrawn")
        with self.assertRaises(UserError):
            self._answer(request, self.ada)

    def test_typed_names_are_no_markup_for_staff(self):
        request = self._ask(partners=self.ada)
        capability.call(
            request.approver_ids._pass_on, "<a href='//evil'>x</a>", "x@gmail.com"
        )
        note = "".join(self.order.activity_ids.mapped("note"))
        self.assertNotIn("<a ", note)

    def test_choosing_where_it_cannot_be_done(self):
        order = self._create_optional_order()
        request = self._ask(order, self.ada)
        self.quote.edit_lock = True
        with self.assertRaisesRegex(UserError, "This choice cannot be made here"):
            self._answer(request, self.ada, chosen=order._get_optional_lines().ids)

    def test_templates_and_server_actions_make_no_links(self):
        request = self._ask(partners=self.ada)
        approver = request.approver_ids
        token = links.token_of(approver)
        for name in dir(type(approver)):
            if any(word in name for word in ("token", "digest_code", "_url")):
                self.assertFalse(
                    name in ("_get_token", "_get_url", "_digest_code"), name
                )
        message = request.message_post(body="Hello")
        groups = request._notify_get_recipients_groups(message, "x", {})
        self.assertNotIn(token, str(groups))
        self.assertNotIn(token, request._sign_token(self.ada.id))

    def test_verify_finds_another_certificate(self):
        request = self._ask(partners=self.ada)
        self._answer(request, self.ada)
        forged = self.env["ir.attachment"].create({"name": "x.pdf", "raw": b"%PDF-1"})
        statement = (
            "UPDATE customer_approval_request SET certificate_id = %s WHERE id = %s"
        )
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(Exception, "evidence"),
            self.env.cr.savepoint(),
        ):
            self.env.cr.execute(statement, [forged.id, request.id])
        self._make_certificate(request)
        self._assert_verified()
        with self._without_triggers("customer_approval_request"):
            self.env.cr.execute(statement, [forged.id, request.id])
        self.env.invalidate_all()
        problems = self.env["customer.approval.event"]._verify_document(self.order)
        self.assertIn("not the one that was made", problems[0])

    def test_turns_cannot_be_jumped(self):
        request = self._ask(rule="order")
        eve = self._approver(request, self.eve)
        statement = (
            "UPDATE customer_approval_approver SET state = 'asked' WHERE id = %s"
        )
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(Exception, "evidence"),
            self.env.cr.savepoint(),
        ):
            self.env.cr.execute(statement, [eve.id])
        with self._without_triggers("customer_approval_approver"):
            self.env.cr.execute(statement, [eve.id])
        self.env.invalidate_all()
        problems = self.env["customer.approval.event"]._verify_document(self.order)
        self.assertIn("whether it is their turn", problems[0])

    def test_the_orders_own_page_is_weak(self):
        self.order.require_signature = True
        self.assertTrue(self.order._has_to_be_signed())
        self.production.minimum_evidence = "in_person"
        self.assertFalse(self.order._has_to_be_signed())
        self.production.minimum_evidence = False
        self.order.company_id.customer_approval_code = True
        self.assertFalse(self.order._has_to_be_signed())
        with capability.hold(self.env, capability.PortalSignature(self.order.id)):
            self.assertFalse(self.order._has_to_be_signed())

    # How sure it is who answered

    def test_strength_follows_the_way(self):
        for method, strength in (
            (m, ledger.LEVELS[level]) for m, level in ledger.LEVEL_OF_METHOD.items()
        ):
            order = self._create_order(partner_id=self.ada.id)
            request = self._ask(order, self.ada)
            request._decide(Answer("approved", "Ada", method))
            self.assertEqual(request.evidence_strength, str(strength), method)

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

    # Recorded by staff

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

    # Optional lines

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
        self.assertIn("not chosen", request.content_html)
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

    # Mail

    def test_what_is_written_back_is_no_decision(self):
        request = self._ask(mail=True)
        request.message_post(
            body="I approve!",
            author_id=self.ada.id,
            message_type="email",
            subtype_xmlid="mail.mt_comment",
        )
        self.assertEqual(request.state, "pending")
        self.assertIn("I approve!", "".join(self.order.message_ids.mapped("body")))

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
        self.assertIn("I approve, please call me.", message.body)

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
        self.assertIn("200,00", body)

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
            self.assertIn(links.url_of(approver).replace("&", "&amp;"), mail.body_html)
            for word in ("/answer", "decision="):
                self.assertNotIn(word, mail.body_html)
            self.assertIn(request.document_name, mail.subject)
            self.assertNotIn("t-out", mail.body_html)
