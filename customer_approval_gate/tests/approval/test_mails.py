# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What became of mails is said as it was, by real mail servers that take, refuse and
hang; and no customer waits for one."""

import socket
import time
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from unittest.mock import patch

from aiosmtpd.controller import Controller

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form, HttpCase, freeze_time, new_test_user, tagged
from odoo.tools import mute_logger

from ...models.approval import customer_approval_mailing as mailing_module
from ...tools import capability, links, mails
from ...tools.event_data import Answer, append_of, entry_of
from .test_approvers import ApproverCommon
from .test_page import PageCommon

LOGGERS = (
    "odoo.addons.customer_approval_gate.models.stage.customer_approval_failure",
    "odoo.addons.customer_approval_gate.models.approval.customer_approval_code_mixin",
    "odoo.addons.mail.models.mail_mail",
    "odoo.addons.base.models.ir_mail_server",
)


class _Handler:
    """Keeps what it takes, and refuses some."""

    def __init__(self, refused=()):
        self.refused = refused
        self.taken = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        text = mail.get_body(("plain",)).get_content()
        self.taken.append((envelope.rcpt_tos, f"{mail['Subject']}\n{text}"))
        return "250 OK"


class MailServerMixin:
    @contextmanager
    def _mail_server(self, port=None, refused=()):
        """Let Odoo send to a mail server of ours.

        :param int port: of a server that is there already, or is not
        :param refused: addresses that it does not take
        :return: the list of what it took
        """
        handler, controller = _Handler(refused), None
        if not port:
            with self._closed_port() as port:
                pass
            controller = Controller(handler, hostname="127.0.0.1", port=port)
            controller.start()
        servers = self.env["ir.mail_server"].sudo()
        servers.search([]).active = False
        server = servers.create(
            {"name": "Test", "smtp_host": "127.0.0.1", "smtp_port": port}
        )
        self.env.flush_all()
        try:
            with (
                patch.object(
                    self.env.registry["ir.mail_server"],
                    "_disable_send",
                    lambda self: False,
                ),
                mute_logger(*LOGGERS),
            ):
                yield handler.taken
        finally:
            server.active = False
            if controller:
                controller.stop()

    @contextmanager
    def _closed_port(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))  # nobody listens
            yield closed.getsockname()[1]

    @contextmanager
    def _hanging_port(self):
        """A mail server that takes connections and says nothing."""
        with socket.socket() as hanging:
            hanging.bind(("127.0.0.1", 0))
            hanging.listen(16)
            yield hanging.getsockname()[1]


@tagged("post_install", "-at_install")
class TestMails(MailServerMixin, ApproverCommon):
    def _send(self):
        self._run_job("cron_mailings")

    def _mail_request(self, **kwargs):
        request = self._ask(mail=True, **kwargs)
        request._send()
        return request

    def _kinds(self, request):
        events = request.event_ids.sorted("id")
        return [kind for kind in events.mapped("kind") if kind.startswith("mail_")]

    def _mailing(self, request):
        return self.env["customer.approval.mailing"].search(
            [("approver_id", "in", request.approver_ids.ids)], limit=1
        )

    def _state(self, request):
        self.env.invalidate_all()
        return request.approver_ids[:1].mail_state

    def _fail(self):
        """A request whose mail was refused by a closed port."""
        with self._closed_port() as port, self._mail_server(port):
            request = self._mail_request(partners=self.ada)
            self._send()
        return request

    # What is said is what happened

    def test_accepted(self):
        with self._mail_server() as taken:
            request = self._mail_request(partners=self.ada)
            self.assertEqual(self._kinds(request), ["mail_queued"])
            self.assertEqual(self._state(request), "queued")
            self.assertEqual(taken, [])
            self._send()
            self._send()
        self.assertEqual(len(taken), 1)
        self.assertEqual(taken[0][0], ["ada@oak.example"])
        self.assertEqual(self._kinds(request), ["mail_queued", "mail_accepted"])
        self.assertEqual(self._state(request), "sent")
        event = request.event_ids.filtered(lambda e: e.kind == "mail_accepted")
        self.assertEqual(event.details["approver"], request.approver_ids.id)
        self.assertFalse(self._mailing(request).mail_id, "the link is nowhere")
        self._answer(request, self.ada)
        self.assertEqual(self._state(request), "answered")
        self._assert_verified()

    def test_nothing_says_sent_where_nothing_was(self):
        request = self._fail()
        self.assertEqual(self._kinds(request), ["mail_queued", "mail_failed"])
        self.assertEqual(self._state(request), "failed")
        event = request.event_ids.filtered(lambda e: e.kind == "mail_failed")
        personal = event._read_personal()[event.id]["value"]
        self.assertIn("refused", personal["reason"])
        self.assertNotIn("mail_sent", request.event_ids.mapped("kind"))
        self._assert_verified()

    def test_a_mail_that_says_that_it_was_sent(self):
        """As an automation, or another addon, can have it."""
        model = self.env.registry["mail.mail"]
        original = model._postprocess_sent_message

        def say_sent(mails, *args, **kwargs):
            result = original(mails, *args, **kwargs)
            mails.write({"state": "sent"})
            return result

        self.patch(model, "_postprocess_sent_message", say_sent)
        request = self._fail()
        self.assertEqual(self._kinds(request), ["mail_queued", "mail_failed"])

    def test_staff_see_it(self):
        request = self._fail()
        self.assertEqual(self.order.customer_approval_banner, "unreached")
        self.assertIn("ada@oak.example", self.order.customer_approval_unreached)
        activity = self.order.activity_ids
        self.assertEqual(activity.customer_approval_topic, "mail")
        self.assertEqual(activity.user_id, self.salesperson)
        self.assertIn("ada@oak.example", activity.note)
        self._answer(request, self.ada)
        self.assertFalse(
            self.order.activity_ids.filtered(
                lambda own: own.customer_approval_topic == "mail"
            )
        )

    def test_tried_again_later_and_later(self):
        request = self._fail()
        with self._mail_server() as taken:
            self._send()
            self.assertEqual(taken, [], "not yet")
            with freeze_time(fields.Datetime.now() + timedelta(minutes=6)):
                self._send()
        self.assertEqual(len(taken), 1)
        self.assertEqual(
            self._kinds(request), ["mail_queued", "mail_failed", "mail_accepted"]
        )
        self.assertEqual(self.order.customer_approval_banner, "wait")
        self.assertFalse(self.env["customer.approval.failure"].search([]))

    def test_not_for_ever(self):
        self.patch(mailing_module, "TRIES", 2)
        request = self._fail()
        with self._closed_port() as port, self._mail_server(port):
            for hours in (1, 48, 96):
                with freeze_time(fields.Datetime.now() + timedelta(hours=hours)):
                    self._send()
        mailing = self._mailing(request)
        self.assertEqual((mailing.tries, mailing.is_final), (2, True))
        note = self.order.activity_ids.filtered(
            lambda own: own.customer_approval_topic == "mail"
        )
        self.assertEqual(len(note), 1)
        self.assertIn("was not sent", note.note)

    def test_the_job_knows_when(self):
        self._fail()
        job = self.env.ref("customer_approval_gate.cron_mailings")
        later = self.env["ir.cron.trigger"].search(
            [("cron_id", "=", job.id), ("call_at", ">", fields.Datetime.now())]
        )
        self.assertTrue(later)

    def test_refused_by_the_server(self):
        with self._mail_server(refused=["ada@oak.example"]) as taken:
            request = self._mail_request()
            self._send()
        self.assertEqual(
            {address for addresses, _text in taken for address in addresses},
            {self.bob.email, self.eve.email},
        )
        self.env.invalidate_all()
        self.assertEqual(
            request.approver_ids.mapped("mail_state"), ["failed", "sent", "sent"]
        )

    def test_bounced(self):
        with self._mail_server():
            request = self._mail_request(partners=self.ada)
            self._send()
        request._message_receive_bounce("ada@oak.example", self.ada)
        self.assertEqual(self._kinds(request)[-1], "mail_bounced")
        self.assertEqual(self._state(request), "failed")
        self.assertEqual(self.order.customer_approval_banner, "unreached")
        self._assert_verified()

    def test_handed_over_is_not_sent(self):
        """What was written before there were mailings."""
        request = self._ask(partners=self.ada)
        event = self.env["customer.approval.event"]
        event._append([entry_of(request.approver_ids, "mail_sent")])
        self.assertEqual(self._state(request), "handed_over")
        labels = dict(event._fields["kind"]._description_selection(self.env))
        self.assertEqual(labels["mail_sent"], "Mail Handed Over")

    def test_opened(self):
        with self._mail_server():
            request = self._mail_request(partners=self.ada)
            self._send()
        append_of(request.approver_ids, "opened")
        self.assertEqual(self._state(request), "opened")

    # Nothing twice, nothing lost

    def test_killed_while_sending(self):
        with self._mail_server() as taken:
            request = self._mail_request(partners=self.ada)
            mailing = self._mailing(request)
            mailing_module._keep(
                mailing, "sending"
            )  # committed, and then the job was killed
            self._send()
            self.assertEqual(mailing.state, "sending", "somebody is at it")
            with freeze_time(fields.Datetime.now() + timedelta(minutes=16)):
                self._send()
                self._send()
            self.assertEqual(taken, [])
            self.assertEqual(self._kinds(request), ["mail_queued", "mail_failed"])
            self.assertEqual(self.order.customer_approval_banner, "unreached")
            self.order.with_user(self.salesperson).action_retry_customer_approval_mail()
            self._send()
        self.assertEqual(len(taken), 1)

    def test_an_event_that_cannot_be_written(self):
        with self._mail_server() as taken:
            request = self._mail_request(partners=self.ada)
            with patch.object(
                mailing_module, "_append_events", side_effect=ValueError("no")
            ):
                self._send()
            self.assertEqual(len(taken), 1)
            self.assertEqual(self._kinds(request), ["mail_queued"])
            self.assertEqual(self._state(request), "sent")
            self.assertFalse(self.order.activity_ids, "the mail has not failed")
            with freeze_time(fields.Datetime.now() + timedelta(minutes=6)):
                self._send()
        self.assertEqual(len(taken), 1)
        self.assertEqual(self._kinds(request), ["mail_queued", "mail_accepted"])

    def test_no_event_no_mail(self):
        with (
            patch.object(
                mailing_module, "_append_events", side_effect=ValueError("no")
            ),
            self.assertRaises(ValueError),
            self.env.cr.savepoint(),
        ):
            self._mail_request(partners=self.ada)
        with self._mail_server() as taken:
            self._send()
        self.assertEqual(taken, [])

    def test_odoos_own_queue_leaves_them_alone(self):
        with self._mail_server() as taken:
            request = self._mail_request(partners=self.ada)
            mail = self._mailing(request).mail_id
            mail.send()
            self.env["mail.mail"].process_email_queue([mail.id])
            self.assertEqual(taken, [])
            self._send()
        self.assertEqual(len(taken), 1)

    def test_what_is_answered_is_not_asked(self):
        with self._mail_server() as taken:
            request = self._mail_request(partners=self.ada)
            self._answer(request, self.ada)
            self._send()
        self.assertFalse([text for _to, text in taken if "please approve" in text])
        self.assertIn("mail_cancelled", self._kinds(request))

    def test_whoever_was_not_reached_is_not_told_of_the_end(self):
        with self._mail_server() as taken:
            request = self._mail_request(partners=self.ada)
            capability.call(
                request.with_user(self.salesperson)._withdraw_by_staff, "By mistake"
            )
            self._send()
        self.assertEqual(taken, [])

    def test_a_mail_in_the_queue_goes_where_the_evidence_says(self):
        with self._mail_server() as taken:
            request = self._mail_request(partners=self.ada)
            self._mailing(request).mail_id.write(
                {"email_to": "thief@evil.example", "email_cc": "other@evil.example"}
            )
            self._send()
        self.assertEqual([to for to, _text in taken], [["ada@oak.example"]])

    def test_nobody_writes_what_became_of_a_mail(self):
        request = self._mail_request(partners=self.ada)
        mailing = self._mailing(request).sudo()
        for write in (
            lambda: mailing.write({"state": "accepted"}),
            lambda: mailing.create({"res_model": "x", "res_id": 1}),
        ):
            with self.assertRaisesRegex(UserError, "written by what happens"):
                write()
        # As somebody who can write to the database: the server signs nothing of it.
        self.env.cr.execute(
            "UPDATE customer_approval_mailing SET state = 'accepted',"
            " is_recorded = FALSE WHERE id = %s",
            [mailing.id],
        )
        self.env.invalidate_all()
        with mute_logger(*LOGGERS):
            self._send()
        self.assertEqual(self._kinds(request), ["mail_queued"])

    # What staff can do

    def test_retry(self):
        request = self._fail()
        own = self.order.with_user(self.salesperson)
        with self._mail_server() as taken:
            own.action_retry_customer_approval_mail()
            self._send()
        self.assertEqual(len(taken), 1)
        self.assertEqual(self._state(request), "sent")

    def test_address_of_somebody_who_is_asked(self):
        request = self._ask(partners=self.ada | self.bob)
        approver = self._approver(request, self.ada)
        with self.assertRaisesRegex(UserError, "Somebody else is asked at this"):
            approver._change_address(self.bob.email)

    def test_change_address(self):
        request = self._fail()
        own = self.order.with_user(self.salesperson)
        own.action_change_customer_approval_address()
        with self.assertRaisesRegex(UserError, "You may not change contacts"):
            request.approver_ids.with_user(self.salesperson)._change_address(
                "a@b.example"
            )
        self.salesperson.group_ids += self.env.ref("base.group_partner_manager")
        old = request.approver_ids
        token = links.token_of(old)
        action = self.order.with_user(
            self.salesperson
        ).action_change_customer_approval_address()
        dialog = Form(
            self.env[action["res_model"]]
            .with_user(self.salesperson)
            .with_context(**action["context"])
        )
        for email, error in (
            ("ask reception", "not an e-mail address"),
            (self.salesperson.email, "your own staff"),
        ):
            dialog.email = email
            with self.assertRaisesRegex(UserError, error):
                dialog.save().action_change_address()
        dialog.email = "Ada <ada.lovelace@oak.example>"
        with self._mail_server() as taken:
            dialog.save().action_change_address()
            self._send()
        self.assertEqual([to for to, _text in taken], [["ada.lovelace@oak.example"]])
        self.assertEqual(self.ada.email, "ada.lovelace@oak.example")
        self.env.invalidate_all()
        new = request.approver_ids - old
        self.assertEqual((old.state, new.state), ("removed", "asked"))
        self.assertFalse(links.find_by_token(request.approver_ids, token))
        self.assertFalse(
            [own for own in self.order.activity_ids if own.customer_approval_topic]
        )
        self._answer(request, self.ada)
        self.assertEqual(request.state, "approved")
        self._assert_verified()

    def test_change_address_of_one_in_a_row(self):
        request = self._mail_request(rule="order")
        self.salesperson.group_ids += self.env.ref("base.group_partner_manager")
        for partner in (self.ada, self.bob, self.eve):
            own = self._approver(request, partner).filtered(lambda a: a._is_open())
            own.with_user(self.salesperson)._change_address(f"new.{partner.email}")
            self._assert_verified()
            self._answer(request, partner)
        self.assertEqual(request.state, "approved")
        self._assert_verified()

    def test_only_whoever_may_ask_changes_an_address(self):
        request = self._mail_request(partners=self.ada)
        outsider = self._create_salesperson("outsider")
        outsider.group_ids = [Command.set([self.env.ref("base.group_user").id])]
        for method in ("action_retry_mail", "action_change_address"):
            with self.assertRaises(UserError):  # AccessError is one
                getattr(request.approver_ids.with_user(outsider), method)()

    # Statements in the evidence

    def test_recorded_from_paper(self):
        request = self._ask(partners=self.ada)
        proof = self.env["ir.attachment"].create({"name": "a.txt", "raw": b"Yes"})
        with patch.object(
            self.env.registry["customer.approval.event"],
            "_get_actor",
            lambda self: (
                self.env.uid,
                {"ip": "10.0.0.7", "user_agent": "Staff"},
                "web",
            ),
        ):
            request._decide(
                Answer(
                    "approved",
                    "Ada",
                    "recorded",
                    witness=self.salesperson,
                    proofs=proof,
                )
            )
        self.assertFalse(request.consent)
        self.assertFalse(request.decision_ip)
        self.assertFalse(request.decision_user_agent)
        events = request.event_ids.filtered(lambda e: e.kind in ("answered", "decided"))
        for value in events._read_personal().values():
            self.assertNotIn("10.0.0.7", str(value))
        self._assert_verified()

    def test_words_of_consent_where_they_were_shown(self):
        for method, shown in (
            ("link", True),
            ("in_person", True),
            ("online_payment", False),
            ("online_signature", False),
        ):
            request = self._ask(partners=self.ada)
            request._decide(Answer("approved", "Ada", method))
            self.assertEqual(bool(request.consent), shown, method)
            capability.call(self.order._revise_customer_approval, "Once more")

    def test_the_chatter_names_those_who_are_asked(self):
        self._mail_request(rule="order")
        body = self.order.message_ids.filtered(lambda m: "requested" in m.body)[:1].body
        first, _line, rest = body.partition("After that")
        self.assertIn(self.ada.name, first)
        self.assertNotIn(self.bob.name, first)
        self.assertIn(self.bob.name, rest)

    def test_an_expired_request_asks_nobody(self):
        request = self._mail_request()
        self.assertEqual(set(request.approver_ids.mapped("answer")), {"asked"})
        capability.call(request._expire)
        self.assertEqual(set(request.approver_ids.mapped("answer")), {"unanswered"})

    def test_whoever_is_replaced_is_told_so(self):
        with self._mail_server() as taken:
            request = self._mail_request(partners=self.ada)
            self._send()
            taken.clear()
            dialog = self.env["customer.approval.change"].create(
                {
                    "request_id": request.id,
                    "add_partner_ids": [Command.set(self.bob.ids)],
                    "remove_partner_ids": [Command.set(self.ada.ids)],
                }
            )
            dialog.action_change()
            self._send()
        texts = {to[0]: " ".join(text.split()) for to, text in taken}
        self.assertIn("has been asked instead", texts[self.ada.email])
        self.assertIn(self.bob.name, texts[self.ada.email])
        self.assertNotIn("taken our request back", texts[self.ada.email])

    def test_a_proposal_is_not_shown_beside_an_answer(self):
        request = self._ask(partners=self.ada)
        approver = request.approver_ids
        capability.call(approver._delegate, "Grace", "grace@gmail.com")
        self._answer(request, self.ada)
        self.assertFalse(approver.proposed_email)

    def test_both_answers_to_a_proposal_are_mailed(self):
        request = self._mail_request(partners=self.ada)
        approver = request.approver_ids
        capability.call(approver._delegate, "Grace", "grace@gmail.com")
        self._get_mails()
        approver.with_user(self.salesperson).action_confirm_pass_on()
        mail = self._get_mails()[self.ada][0]
        self.assertShows("Grace", mail.body_html)
        self.assertShows("no answer is needed from you", mail.body_html)

    # Addresses

    def test_what_is_no_address_is_refused(self):
        self.bob.email = "ask reception"
        with self.assertRaisesRegex(UserError, "“ask reception” is not an e-mail"):
            self._mail_request(partners=self.bob)
        request = self._mail_request(partners=self.ada)
        with self.assertRaisesRegex(UserError, "“ask reception” is not an e-mail"):
            capability.call(
                request.with_user(self.salesperson)._add_approvers, self.bob
            )
        self.order.partner_id = self.bob
        action = self.order.action_request_customer_approval()
        dialog = self.env["customer.approval.send"].with_context(**action["context"])
        dialog = dialog.create(
            {"line_ids": [Command.create({"partner_id": self.bob.id})]}
        )
        with self.assertRaisesRegex(UserError, "“ask reception” is not an e-mail"):
            dialog.action_send()

    def test_a_contact_with_two_addresses_can_be_reminded(self):
        self.ada.email = "ada@oak.example, office@oak.example"
        with self._mail_server() as taken:
            request = self._mail_request(partners=self.ada)
            request.with_user(self.salesperson).action_remind()
            self._send()
        self.assertEqual([to for to, _text in taken], [["ada@oak.example"]] * 2)

    # Waiting

    def test_within(self):
        self.assertEqual(mails.within(1, lambda: 7), 7)
        with self.assertRaises(ZeroDivisionError):
            mails.within(1, lambda: 1 / 0)
        begin = time.monotonic()
        with self.assertRaises(mails.TookTooLong):
            mails.within(0.1, lambda: time.sleep(1))
        self.assertLess(time.monotonic() - begin, 0.9)

    def test_a_code_does_not_wait_for_long(self):
        self.patch(mails, "SECONDS", 0.5)
        approver = self._approver(self._ask(), self.ada)
        with self._hanging_port() as port, self._mail_server(port):
            message = capability.call(approver._prepare_code)
            begin = time.monotonic()
            with self.assertRaisesRegex(UserError, "could not be sent"):
                capability.call(approver._mail_code, message)
            self.assertLess(time.monotonic() - begin, 5)
        with self.enter_registry_test_mode():
            self.env.cr.postcommit.run()
        self.assertNotIn("code_sent", approver.request_id.event_ids.mapped("kind"))


@tagged("post_install", "-at_install")
class TestMailsOfVisitors(MailServerMixin, PageCommon, HttpCase):
    def test_nobody_waits_for_a_mail_server(self):
        """Whatever a customer does, no connection to a mail server is made."""
        self.salesperson.notification_type = "email"
        self.order.message_subscribe(self.salesperson.partner_id.ids)
        connected = []

        def connect(server, *args, **kwargs):
            connected.append(args)
            raise OSError("a customer waits for a mail server")

        with (
            self._mail_server(1),
            patch.object(self.env.registry["ir.mail_server"], "_connect__", connect),
        ):
            page = self._visit()
            self._post(
                f"/my/approvals/{self.request.id}/pass_on",
                self._csrf(page.text),
                name="Grace",
                email="grace@gmail.com",
            )
            self._answer_page(decision="rejected", reason="Too dear")
            self.assertEqual(self.request.state, "rejected")
        self.assertEqual(connected, [])
        queued = self.env["mail.mail"].search([("state", "=", "outgoing")])
        self.assertIn(
            self.salesperson.partner_id, queued.recipient_ids, "they are told later"
        )

    def test_an_answer_that_was_recorded_greets(self):
        """The page after it was not shown, nor was the session kept."""
        from odoo.http import root

        capability.call(
            self.request.approver_ids.filtered(lambda a: a != self.approver)
            .request_id.with_user(self.salesperson)
            ._remove_approvers,
            self._approver(self.request, self.bob),
        )
        page = self._visit()
        sid = self.opener.cookies["session_id"]
        before = dict(root.session_store.get(sid))
        values = {"decision": "approved", "name": "Ada Lovelace", "consent": "1"}
        url = f"/my/approvals/{self.request.id}"
        csrf = self._csrf(page.text)
        self._post(f"{url}/answer", csrf, **values)
        self.assertEqual(self.request.state, "approved")
        session = root.session_store.get(sid)
        session.clear()
        session.update(before)
        root.session_store.save(session)
        again = self._post(f"{url}/answer", csrf, **values)
        self.assertEqual(again.status_code, 303, again.text[-1000:])
        self.assertIn("answered=1", again.headers["Location"])
        page = self.url_open(f"{url}?answered=1")
        self.assertShows("Thank you!", page)
        self.assertEqual(
            len(self.request.event_ids.filtered(lambda e: e.kind == "answered")), 1
        )
        # Whoever logs in to the same browser afterwards is somebody else.
        new_test_user(self.env, "stranger_there", "base.group_portal")
        self.env.flush_all()
        login = self.url_open("/web/login").text
        values = {"login": "stranger_there", "password": "stranger_there"}
        self.url_open("/web/login", data={"csrf_token": self._csrf(login), **values})
        with mute_logger("odoo.http"):
            page = self.url_open(url)
        self.assertEqual(page.status_code, 403)
        self.assertShowsNot("Ada Lovelace", page)
        # Another browser with the old link is told that it has stopped.
        self._anonymous()
        self.assertShowsNot("Thank you!", self.url_open(url))

    def test_a_thank_you_says_that_there_are_conditions(self):
        capability.call(
            self.request.with_user(self.salesperson)._remove_approvers,
            self._approver(self.request, self.bob),
        )
        response = self._answer_page(
            decision="approved_conditions", conditions="Only blue"
        )
        page = self.url_open(response.headers["Location"])
        self.assertRegex(page.text, r"approved version\s+1\s+with conditions")
