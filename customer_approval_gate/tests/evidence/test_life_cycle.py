# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What comes after the installation: copies, lost files, and the end. Upgrades are
tested by ``make test-install``."""

import io
import json
import os
import pathlib
import tempfile
import zipfile
from unittest.mock import patch

from psycopg2.errors import CheckViolation

from odoo.exceptions import AccessError, RedirectWarning, UserError
from odoo.modules.neutralize import get_neutralization_queries
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from ...tools import capability, identity, ledger, links, seal
from ...tools.event_data import Answer, append_of
from ..approval.test_approvers import ApproverCommon
from ..common import SIGNATURE
from .test_evidence import EvidenceMixin


class EndCommon(EvidenceMixin, ApproverCommon):
    def setUp(self):
        super().setUp()
        file = self.env["ir.attachment"].create({"name": "plan.txt", "raw": b"Plan"})
        self.request = self.order._open_customer_approval(
            self.ada, attachments=file, mail=False
        )
        self.request._decide(Answer("approved", "Ada", "link", signature=SIGNATURE))
        self.module = self.env["ir.module.module"]._get("customer_approval_gate")
        self.events = self.env["customer.approval.event"]

    def _export(self):
        file = io.BytesIO()
        self.events._write_export(file)
        return file.getvalue()


@tagged("post_install", "-at_install")
class TestEnd(EndCommon):
    # Nothing is destroyed without a word

    def test_evidence_keeps_the_addon(self):
        below = self.env["ir.module.module"]._get("sale_management")
        for modules in (self.module, below, self.module | below):
            with self.assertRaisesRegex(RedirectWarning, "evidence"):
                modules.button_uninstall()
            action = modules.button_uninstall_wizard()
            self.assertEqual(action["res_model"], "customer.approval.uninstall")
        with self.assertRaisesRegex(RedirectWarning, "evidence"):
            self.module.write({"state": "to remove"})
        self.assertEqual(self.module.state, "installed")

    def test_no_key_of_a_caller_lets_it_go(self):
        for key in (True, "Uninstalling", {"name": "Uninstalling"}):
            with self.assertRaises(RedirectWarning):
                self.module.with_context(customer_approval_grant=key).button_uninstall()

    def test_a_copy_for_tests_may_be_emptied(self):
        parameters = self.env["ir.config_parameter"]
        parameters.set_param("database.is_neutralized", "true")
        self.assertFalse(self.module._would_destroy_evidence())

    def test_other_addons_go_as_ever(self):
        other = self.env["ir.module.module"]._get("base_automation")
        self.assertFalse(other._would_destroy_evidence())

    def test_the_dialog(self):
        dialog = self.env["customer.approval.uninstall"].create({})
        self.assertGreater(dialog.request_count, 0)
        self.assertFalse(dialog.is_exported)
        dialog.typed_name = self.env.cr.dbname
        with self.assertRaisesRegex(UserError, "Download all evidence first"):
            dialog.action_uninstall()
        self._export()
        dialog.invalidate_recordset()
        self.assertTrue(dialog.is_exported)
        dialog.typed_name = "another"
        with self.assertRaisesRegex(UserError, "Type the name of this database"):
            dialog.action_uninstall()
        dialog.typed_name = self.env.cr.dbname
        seen = []
        self.patch(
            self.env.registry["ir.module.module"],
            "button_immediate_uninstall",
            lambda module: seen.append((module, module._would_destroy_evidence())),
        )
        dialog.action_uninstall()
        module, would_destroy = seen[0]
        self.assertEqual(module.name, "customer_approval_gate")
        self.assertFalse(would_destroy)
        self.assertTrue(module._would_destroy_evidence(), "afterwards it is as before")

    def test_what_came_after_the_download(self):
        self._export()
        self.assertTrue(self.events._is_exported())
        append_of(self.request.approver_ids, "opened")
        self.assertTrue(self.events._is_exported(), "that opens nothing")
        capability.call(self.order._revise_customer_approval, "Larger")
        self.assertFalse(self.events._is_exported())

    def test_only_for_administrators(self):
        manager = new_test_user(
            self.env, "manager", "sales_team.group_sale_manager,base.group_erp_manager"
        )
        with self.assertRaises(AccessError):
            self.env["customer.approval.uninstall"].with_user(manager).create({})

    # What is taken away holds

    def test_export(self):
        self.env["customer.approval.checkpoint"]._make()
        data = self._export()
        result = self._run_verify(data)
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn(f"bundles/sale.order-{self.order.id}", result.stdout)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        content = json.loads(contents["ledger.json"])
        own = next(r for r in content["requests"] if r["id"] == self.request.id)
        own["decided_by_id"] = 1
        altered = {
            **contents,
            "ledger.json": json.dumps(content, sort_keys=True).encode(),
        }
        name = next(name for name in contents if name.startswith("bundles/"))
        missing = {key: value for key, value in contents.items() if key != name}
        for wrong, expected in (
            (altered, "ledger.json: altered"),
            (missing, f"{name}: missing"),
            ({**contents, "more.txt": b""}, "more.txt: does not belong here"),
        ):
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w") as archive:
                for key, value in wrong.items():
                    archive.writestr(key, value)
            result = self._run_verify(file.getvalue())
            self.assertEqual(result.returncode, 1)
            self.assertIn(expected, result.stdout)

    # A copy

    def test_neutralized(self):
        other = self._create_order()
        request = self._ask(other, partners=self.ada, mail=True)
        request._send()
        approver = request.approver_ids
        token = links.token_of(approver)
        self.env["ir.config_parameter"].set_param(
            "customer_approval_gate.checkpoint_emails", "a@b.example"
        )
        self.env.flush_all()
        for query in get_neutralization_queries(["customer_approval_gate"]):
            self.env.cr.execute(query)
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        self.assertFalse(links.find_by_token(approver, token), "it opens nothing")
        self.assertEqual(links.find_by_foreign_token(approver, token), approver)
        self.assertTrue(links.find_by_token(approver, links.token_of(approver)))
        mailing = self.env["customer.approval.mailing"].search(
            [("approver_id", "=", approver.id)]
        )
        self.assertEqual(mailing.state, "cancelled")
        self.assertEqual(mailing.mail_id.state, "cancel")
        self.assertFalse(self.env["customer.approval.checkpoint"]._get_recipients())
        self._assert_verified(other)

    # An upgrade that stops links

    def test_new_links(self):
        other = self._create_order()
        request = self._ask(other, rule="all")
        self._answer(request, self.ada)
        self._get_mails()
        request._mail_new_links()
        mails = self._get_mails()
        self.assertLessEqual({self.bob, self.eve}, set(mails))
        self.assertNotIn(self.ada, mails)
        for partner in (self.bob, self.eve):
            body = mails[partner][0].body_html
            token = links.token_of(self._approver(request, partner))
            self.assertLinks(token, body)
            self.assertShows("has stopped", body)
        self.assertIn("new_link", other.activity_ids.mapped("customer_approval_topic"))
        self.assertFalse(
            request.event_ids.filtered(lambda event: event.kind == "reminded")
        )

    # A file that is lost

    def test_a_lost_file_is_not_forged(self):
        self.env.flush_all()
        file = self.request.attachment_ids
        self.assertTrue(file.store_fname)
        self.env.cr.execute(
            "UPDATE ir_attachment SET store_fname = '00/nowhere' WHERE id = %s",
            [file.id],
        )
        self.env.invalidate_all()
        with mute_logger("odoo.addons.base.models.ir_attachment"):
            problems = self.events._verify_document(self.order)
            bundle = self.request._make_bundle()
        self.assertEqual(len(problems), 1)
        self.assertIn("plan.txt is missing from the file store", problems[0])
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        _good, bad = ledger.check_bundle(contents.__getitem__, list(contents))
        self.assertIn("missing", bad[0])


@tagged("post_install", "-at_install")
class TestExportPage(EndCommon, HttpCase):
    def test_download(self):
        self.env.flush_all()
        self.authenticate("admin", "admin")
        response = self.url_open("/customer_approval/export")
        self.assertEqual(response.headers["Content-Type"], "application/zip")
        self.assertEqual(self._run_verify(response.content).returncode, 0)
        self.env.invalidate_all()
        self.assertTrue(self.events._is_exported())
        self.authenticate(self.salesperson.login, self.salesperson.login)
        with mute_logger("odoo.http"):
            response = self.url_open("/customer_approval/export")
        self.assertEqual(response.status_code, 404)


@tagged("post_install", "-at_install")
class TestCopiesAndKeys(HttpCase, EvidenceMixin, ApproverCommon):
    """Links belong to one database and one request; a key may be lost."""

    def test_moved(self):
        """A copy of which nobody says that it is one has other links as well."""
        request = self._ask(self._create_order(), partners=self.ada)
        approver = request.approver_ids
        token = links.token_of(approver)
        self.assertFalse(identity.check_home(self.env), "it is where it was")
        self.assertEqual(links.token_of(approver), token)
        parameters = self.env["ir.config_parameter"]
        parameters.set_param(identity.HOME, "1/1")
        self.assertTrue(identity.check_home(self.env))
        self.assertFalse(links.find_by_token(approver, token))
        self.assertEqual(links.find_by_foreign_token(approver, token), approver)
        page = self.url_open(f"/my/approvals/{request.id}?access_token={token}")
        self.assertEqual(page.status_code, 403)
        self.assertShows("belongs to another system", page)
        settings = self.env["res.config.settings"].create({})
        self.assertTrue(settings.customer_approval_copied_on)
        self._get_mails()
        settings.action_mail_new_customer_approval_links()
        body = self._get_mails()[self.ada][0].body_html
        self.assertLinks(links.token_of(approver), body)
        settings.invalidate_recordset()
        self.assertFalse(settings.customer_approval_copied_on)
        with self.assertRaises(AccessError):
            settings.with_user(self.salesperson).action_keep_customer_approval_links()

    def test_links_are_of_one_request(self):
        """A person with the same number in a database with the same identity: what is
        random about the request is another one."""
        request = self._ask(self._create_order(), partners=self.ada)
        token = links.token_of(request.approver_ids)
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(CheckViolation),
            self.env.cr.savepoint(flush=False),
        ):
            self.env.cr.execute(
                "UPDATE customer_approval_request SET link_nonce = 'x' WHERE id = %s",
                [request.id],
            )
        self.env.cr.execute("SET LOCAL session_replication_role = replica")
        self.env.cr.execute(
            "UPDATE customer_approval_request SET link_nonce = 'x' WHERE id = %s",
            [request.id],
        )
        self.env.cr.execute("SET LOCAL session_replication_role = origin")
        request.invalidate_recordset()
        self.assertFalse(links.find_by_token(request.approver_ids, token))
        with self.assertRaises(AccessError):
            request.with_user(self.salesperson).read(["link_nonce"])

    def test_links_of_before(self):
        """They open nothing, and are known to be ours."""
        request = self._ask(self._create_order(), partners=self.ada)
        approver = request.approver_ids
        old = seal.make_old_token(f"approver:{approver.id}:1")
        self.assertFalse(links.find_by_token(approver, old))
        self.assertEqual(links.find_by_old_token(approver, old), approver)

    # A key that cannot be used

    def test_key_that_cannot_be_used(self):
        """Whatever needs it says so, everything else works."""
        request = self._ask(self._create_order(), partners=self.ada)
        url = f"/my/approvals/{request.id}?access_token=x"
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "key.pem")
            for data in (None, b"", b"-----BEGIN PRIVATE KEY-----\nMIIE"):
                if data is not None:
                    path.write_bytes(data)
                with (
                    self.subTest(data),
                    patch.dict(
                        os.environ, {"CUSTOMER_APPROVAL_GATE_KEY_FILE": str(path)}
                    ),
                    mute_logger(
                        "odoo.addons.customer_approval_gate.controllers.approval.answer_form"
                    ),
                ):
                    self.assertIn("cannot be used", seal.find_problem(self.env))
                    self.assertEqual(self.url_open("/web/login").status_code, 200)
                    page = self.url_open(url)
                    self.assertEqual(page.status_code, 503)
                    self.assertShows("Nothing was answered", page)
                    self.assertShowsNot(folder, page, msg="no internals for customers")
                    settings = self.env["res.config.settings"].create({})
                    self.assertIn(folder, settings.customer_approval_key_problem)
                    with self.assertRaisesRegex(UserError, "cannot be used"):
                        self._ask(self._create_order(), partners=self.ada)
                    order = self._create_order()
                    order.client_order_ref = "works"
                    event = self.env["customer.approval.event"]
                    with mute_logger(
                        "odoo.addons.customer_approval_gate.models.evidence."
                        "customer_approval_guarded_mixin"
                    ):
                        event._register_hook()
                    problems = event._find_database_problems()
                    self.assertIn("cannot be used", "".join(problems))
        self.assertFalse(seal.find_problem(self.env))

    def test_key_in_the_environment(self):
        """Several servers share it."""
        fingerprint = seal.get_public_key()[0]
        path = seal.get_key_path()
        with patch.dict(os.environ, {"CUSTOMER_APPROVAL_GATE_KEY": path.read_text()}):
            self.assertEqual(seal.get_public_key()[0], fingerprint)

    def test_secrets_have_purposes_of_their_own(self):
        made = {seal.make_token(purpose, "x") for purpose in ("link", "code", "rate")}
        made.add(seal.make_old_token("x"))
        self.assertEqual(len(made), 4)
