# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import io
import json
import zipfile
from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import freeze_time, tagged
from odoo.tools import SQL, mute_logger

from ...tools import capability, ledger, links
from .test_approvers import ApproverCase


@tagged("post_install", "-at_install")
class TestApproverLinks(ApproverCase):
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
        with zipfile.ZipFile(io.BytesIO(request._make_bundle())) as archive:
            evidence = json.loads(archive.read("evidence.json"))
        answers = evidence["requests"][0]["approvers"]
        self.assertEqual(
            sorted(answer["decided_by_name"] for answer in answers),
            sorted(self.people.mapped("name")),
        )
        self.assertEqual({answer["state"] for answer in answers}, {"approved"})

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
            self.assertLinks(links.token_of(approver), body)
            for other in request.approver_ids - approver:
                self.assertLinksNot(links.token_of(other), body)

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
            capability.call(request.approver_ids._delegate, "Me", own.email)

    def test_one_person_is_not_two(self):
        self.company_partner.customer_approval_second_amount = 100
        twin = self.ada.copy({"email": self.ada.email})
        with self.assertRaisesRegex(UserError, "two people"):
            self._ask(partners=self.ada | twin, rule="all")
        request = self._ask(partners=self.ada | self.bob, rule="all")
        ada, bob = request.approver_ids
        capability.call(ada._delegate, "Zed", "zed@gmail.com")
        capability.call(bob._delegate, "Zed", "zed@gmail.com")
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
            request.approver_ids._delegate, "<a href='//evil'>x</a>", "x@gmail.com"
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
