# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..evidence.test_evidence import EvidenceMixin
from .test_page import PageCommon


@tagged("post_install", "-at_install")
class TestVisitors(PageCommon, EvidenceMixin):
    def test_forty_visits(self):
        for _number in range(4):
            for _time in range(10):
                self._read()
            self._anonymous()
        self.env.invalidate_all()
        opened = self._opened()
        self.assertEqual(len(opened), 1)
        self.assertIn("3 more times", opened.description)
        self._answer_page()
        opened = self._opened().sorted("id")
        self.assertEqual(len(opened), 2)
        self.assertEqual(opened[1].details["count"], 3)
        kinds = self.request.event_ids.sorted("id").mapped("kind")
        self.assertLess(
            len(kinds) - 1 - kinds[::-1].index("opened"), kinds.index("decided")
        )
        self.assertEqual(self._verify(self.order), [])

    def _opened(self):
        self.request.invalidate_recordset()
        return self.request.event_ids.filtered(lambda event: event.kind == "opened")

    def test_files_of_the_conversation_stay(self):
        message = self.request.sudo().message_post(
            body="See this", attachments=[("plan.txt", b"Plan")]
        )
        file = message.attachment_ids
        token = file._get_ownership_token()
        self.env.flush_all()
        with mute_logger("odoo.http"):
            response = self.url_open(
                "/mail/attachment/delete",
                data=json.dumps(
                    {"params": {"attachment_id": file.id, "access_token": token}}
                ),
                headers={"Content-Type": "application/json"},
            )
        self.assertShows("kept as evidence", response)
        self.assertTrue(file.exists())
        for change in (
            file.unlink,
            lambda: file.write({"raw": b"Other"}),
            lambda: file.write({"res_model": False, "res_id": 0}),
            lambda: file.sudo().write({"name": "other.txt"}),
        ):
            with self._refused("kept as evidence"):
                change()

    def test_messages_in_somebody_elses_name(self):
        messages = self.env["mail.message"].with_user(self.salesperson)
        values = {
            "model": self.request._name,
            "res_id": self.request.id,
            "body": "I approve",
            "message_type": "comment",
        }
        for author in (
            {"author_id": self.ada.id},
            {"email_from": self.ada.email},
        ):
            with self.assertRaises(AccessError):
                messages.create({**values, **author})
            with self.assertRaises(AccessError):
                messages.with_context(
                    **{f"default_{name}": value for name, value in author.items()}
                ).create(values)
        own = messages.create({**values, "author_id": self.salesperson.partner_id.id})
        with self.assertRaises(AccessError):
            own.write({"author_id": self.ada.id})
        guest = self.env["mail.guest"].create({"name": "Ada"})
        with self.assertRaises(AccessError):
            messages.create({**values, "author_id": False, "author_guest_id": guest.id})
        theirs = messages.sudo().create(
            {
                "body": "I approve",
                "model": "res.partner",
                "res_id": self.ada.id,
                "author_id": self.ada.id,
                "message_type": "comment",
            }
        )
        theirs = theirs.sudo(False)
        with self.assertRaises(AccessError):
            theirs.write({"model": self.request._name, "res_id": self.request.id})
        other = messages.create({"body": "x", "message_type": "comment"})
        with self.assertRaises(AccessError):
            other.write(
                {
                    "model": self.request._name,
                    "res_id": self.request.id,
                    "author_id": self.ada.id,
                }
            )
