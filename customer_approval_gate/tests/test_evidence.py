# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the ledger holds, and that whatever is altered is found: by *Verify*, and by the
verify.py of a bundle, which knows nothing of Odoo."""

import hashlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import HttpCase, freeze_time, new_test_user, tagged
from odoo.tools import SQL, mute_logger
from odoo.tools.safe_eval import safe_eval

from odoo.addons.base.models import ir_actions_report as report_module

from ..tools import capability, ledger, links, printing
from ..tools.entry import Answer
from .common import SIGNATURE, ApprovalCommon


class EvidenceMixin:
    def _kinds(self, document):
        events = self.env["customer.approval.event"].search(
            [("res_model", "=", document._name), ("res_id", "=", document.id)],
            order="position",
        )
        return events.mapped("kind")

    def _verify(self, document):
        self.env.flush_all()
        self.env.invalidate_all()
        return self.env["customer.approval.event"]._verify_document(document)

    def _verify_all(self):
        self.env.flush_all()
        self.env.invalidate_all()
        return self.env["customer.approval.event"]._verify_all()[0]

    def _run_verify(self, data):
        """Run the verify.py that a bundle holds, on the bundle."""
        with tempfile.TemporaryDirectory() as folder:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                archive.extractall(folder)
            return subprocess.run(
                [sys.executable, "-I", "-B", pathlib.Path(folder, "verify.py")],
                capture_output=True,
                text=True,
                check=False,
            )

    def _assert_bundle(self, request, genuine):
        self.env.flush_all()
        self.env.invalidate_all()
        result = self._run_verify(request._make_bundle())
        self.assertEqual(result.returncode, 0 if genuine else 1, result.stdout)
        self.assertEqual("NOT genuine" in result.stdout, not genuine, result.stdout)
        return result.stdout


@tagged("post_install", "-at_install")
class TestEvidence(EvidenceMixin, ApprovalCommon):
    def setUp(self):
        super().setUp()
        self.order = self._create_order()

    def _full(self):
        """An order with everything that there can be."""
        file = self.env["ir.attachment"].create({"name": "plan.txt", "raw": b"Plan"})
        request = self.order._open_customer_approval(
            attachments=file, mail=False, message="Please"
        )
        request._decide(
            Answer(
                "approved_conditions",
                "Ada Approver",
                "in_person",
                conditions="Blue",
                reason="As discussed",
                signature=SIGNATURE,
                partner=self.partner,
                witness=self.salesperson,
            )
        )
        request.action_accept_conditions()
        self.order.stage_id = self.production
        self.env["customer.approval.checkpoint"]._make()
        return request

    # What is written

    def test_creating_writes_no_event(self):
        self.assertEqual(self._kinds(self.order), [])

    def test_a_life(self):
        request = self.order._request_customer_approval()
        request.action_remind()
        capability.call(request._withdraw, "By mistake")
        request = self._bring_to_status(self.order, "rejected")
        request = self._bring_to_status(self.order, "approved")
        self.order.action_confirm()
        self.order._action_cancel()
        capability.call(self.order._revise_customer_approval, "Too late")
        self.assertEqual(
            self._kinds(self.order),
            [
                "requested",
                "mail_queued",
                "reminded",
                "mail_queued",
                "withdrawn",
                "requested",
                "answered",
                "decided",
                "requested",
                "answered",
                "decided",
                "stage_changed",
                "stage_changed",
                "revised",
            ],
        )
        event = request.event_ids.filtered(lambda e: e.kind == "decided")
        self.assertEqual(
            (event.version, event.digest, event.decision, event.method),
            (1, request.digest, "approved", "link"),
        )
        self.assertEqual(event.personal_name, "Ada Approver")
        self.assertEqual(self._verify(self.order), [])

    def test_history_of_stages(self):
        self._bring_to_status(self.order, "approved")
        order = self.order.with_user(self.salesperson)
        order.with_context(
            customer_approval_note="The oak has come"
        ).stage_id = self.production
        event = self.env["customer.approval.event"].search([], limit=1)
        self.assertEqual(event.kind, "stage_changed")
        self.assertEqual(
            (event.details["from"], event.details["to"], event.text),
            ("Quote", "In Production", False),
        )
        self.assertEqual(event.user_id, self.salesperson)
        self.assertIn("Quote → In Production", event.description)
        action = order.action_view_customer_approval_events()
        events = self.env[action["res_model"]].with_user(self.salesperson)
        self.assertIn(event, events.search(action["domain"]))

    def test_one_move_is_one_event(self):
        """A card that is dragged confirms the order: that is one move."""
        self.production.requires_customer_approval = False
        self.order.stage_id = self.ready
        self.assertEqual(self._kinds(self.order), ["stage_changed"])

    def test_deleted(self):
        order_id = self.order.id
        # As if the addon was being uninstalled, which it is not.
        self.order.with_context(_force_unlink=True).unlink()
        event = self.env["customer.approval.event"].search([], limit=1)
        self.assertEqual((event.kind, event.res_id), ("deleted", order_id))

    def test_one_statement_a_batch(self):
        orders = self.order | self._create_order() | self._create_order()
        stage = self.quote.copy({"document_state": False})
        self.env.flush_all()
        before = self.env.cr.sql_log_count
        capability.call(orders._record_stages, {order: stage for order in orders})
        # One more for the list of stages, which is not remembered while it changes.
        self.assertLessEqual(self.env.cr.sql_log_count - before, 2)

    def test_flags_and_policy(self):
        self.production.requires_customer_approval = False
        self.assertIn("stage_configured", self._kinds(self.production))
        event = self.env["customer.approval.event"].search([], limit=1)
        self.assertEqual(
            event.details["changes"], {"requires_customer_approval": [True, None]}
        )

    # Who may read

    def test_who_reads_history(self):
        self._bring_to_status(self.order, "approved")
        outsider = new_test_user(self.env, "approval_outside", "base.group_user")
        seller = new_test_user(
            self.env, "approval_seller", "sales_team.group_sale_salesman"
        )
        events = self.env["customer.approval.event"]
        domain = [("res_id", "=", self.order.id), ("res_model", "=", "sale.order")]
        self.assertTrue(events.with_user(self.salesperson).search(domain))
        self.assertFalse(events.with_user(outsider).search(domain))
        self.assertFalse(events.with_user(seller).search(domain))
        self.order.user_id = seller
        self.assertTrue(events.with_user(seller).search(domain), "taken over")
        self.assertTrue(
            self.env["customer.approval.request"].with_user(seller).search(domain)
        )
        with self.assertRaises(AccessError):
            self.env["customer.approval.personal"].with_user(seller).search([])

    # What only code can make

    def test_server_actions_make_no_evidence(self):
        request = self._bring_to_status(self.order, "pending")
        for code in (
            "request._decide('approved')",
            "request._decide({'decision': 'approved', 'name': 'Ada'})",
            "request._record({'state': 'approved'})",
            "request.write({'state': 'approved'})",
            "env['customer.approval.event']._append([{'kind': 'decided'}])",
            "env['customer.approval.event'].create({})",
            "env['customer.approval.mailing'].search([], limit=1)"
            ".write({'state': 'accepted'})",
        ):
            with self.subTest(code), self.assertRaises(UserError):
                safe_eval(code, {"request": request, "env": self.env}, mode="exec")
        self.assertEqual(request.state, "pending")

    # Freezing

    def test_what_is_frozen(self):
        request = self._full()
        self.assertTrue(ledger.is_digest_of(request.digest, request.content))
        self.assertIn("Test Product", request.content_html)
        self.assertEqual(
            ledger.flat(request.content)["files"],
            [{"name": "plan.txt", "size": 4, "sha256": ledger.sha256(b"Plan")}],
        )
        self.assertEqual(request.content["format"], ledger.FORMAT)
        html = request.content_html
        self.product.name = "Renamed"
        self.env.invalidate_all()
        self.assertEqual(request.content_html, html)

    def test_product_documents_are_shown(self):
        self.env["product.document"].create(
            {
                "name": "sheet.txt",
                "raw": b"Data sheet",
                "res_model": "product.template",
                "res_id": self.product.product_tmpl_id.id,
                "attached_on_sale": "quotation",
            }
        )
        request = self._bring_to_status(self.order, "pending")
        self.assertEqual(request.attachment_ids.mapped("name"), ["sheet.txt"])
        self.assertEqual(ledger.flat(request.content)["files"][0]["name"], "sheet.txt")

    def test_version_and_round(self):
        first = self._bring_to_status(self.order, "rejected")
        second = self._bring_to_status(self.order, "rejected")
        self.assertEqual((second.version, second.round), (1, 2))
        self.assertFalse(second.difference_html)
        self.order.order_line.price_unit = 90
        third = self._bring_to_status(self.order, "pending")
        self.assertEqual((third.version, third.round), (2, 1))
        changes = third._get_difference()
        self.assertEqual(changes["totals"]["total"], ["200.00", "180.00"])
        self.assertIn("Unit price", third.difference_html)
        self.assertNotIn("unit_price", third.difference_html)
        self.assertEqual(first.digest, second.digest)
        file = self.env["ir.attachment"].create({"name": "a.txt", "raw": b"A"})
        fourth = self.order._open_customer_approval(attachments=file, mail=False)
        self.assertEqual((fourth.version, fourth.round), (3, 1))
        self.assertIn("a.txt", fourth.difference_html)

    def test_difference_escapes_what_people_type(self):
        self._bring_to_status(self.order, "rejected")
        self.order.order_line.name = "<script>alert(1)</script>"
        request = self._bring_to_status(self.order, "pending")
        self.assertIn("&lt;script&gt;", request.difference_html)
        self.assertNotIn("<script>", request.difference_html)

    # Verify

    def test_genuine(self):
        request = self._full()
        self.assertEqual(self._verify(self.order), [])
        self.assertEqual(self._verify_all(), [])
        output = self._assert_bundle(request, True)
        self.assertIn(f"request {request.name}: approved_conditions", output)
        action = self.order.action_verify_customer_approval()
        self.assertEqual(action["params"]["type"], "success")

    def _columns(self, table, skip=()):
        self.cr.execute(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_name = %s ORDER BY ordinal_position",
            [table],
        )
        return [row for row in self.cr.fetchall() if row[0] not in skip]

    def _alter(self, table, column, kind, row_id):
        """Change a value to another one of its type."""
        value = SQL.identifier(column)
        other = {
            "integer": SQL("COALESCE(%s, 0) + 1000", value),
            "numeric": SQL("COALESCE(%s, 0) + 1", value),
            "boolean": SQL("NOT COALESCE(%s, FALSE)", value),
            "jsonb": SQL("COALESCE(%s, '{}') || %s", value, '{"forged": 1}'),
            "bytea": SQL("COALESCE(%s, '') || 'QUJD'::bytea", value),
            "date": SQL("COALESCE(%s, now()::date) + 1", value),
            "timestamp without time zone": SQL(
                "COALESCE(%s, now()) + interval '1 day'", value
            ),
        }.get(kind, SQL("COALESCE(%s, '') || 'x'", value))
        self.cr.execute(
            SQL(
                "UPDATE %s SET %s = %s WHERE id = %s",
                SQL.identifier(table),
                value,
                other,
                row_id,
            )
        )
        self.assertEqual(self.cr.rowcount, 1)

    def _tamper(self, table, row_ids, skip, request, bundle=True):
        """Change every column of rows in turn: it is always found."""
        self.env.flush_all()
        # Numbers that others refer to can be changed by nobody else.
        for column, kind in self._columns(table, skip):
            for row_id in row_ids:
                with (
                    self.subTest(table=table, column=column, row=row_id),
                    self.cr.savepoint(flush=False) as savepoint,
                ):
                    self.cr.execute("SET LOCAL session_replication_role = replica")
                    self._alter(table, column, kind, row_id)
                    self.cr.execute("SET LOCAL session_replication_role = origin")
                    self.env.invalidate_all()
                    self.assertTrue(self._verify_all())
                    if bundle:
                        self.assertTrue(self._verify(self.order))
                        self._assert_bundle(request, False)
                    savepoint.rollback()
                    self.env.invalidate_all()
        self.assertEqual(self._verify_all(), [])

    def test_tampering_with_events(self):
        request = self._full()
        events = request.event_ids.sorted("position")
        some = events.filtered(lambda e: e.kind in ("decided", "requested"))
        self._tamper(
            "customer_approval_event",
            some.ids,
            # Another document's chain: the bundle of this one has it no more, and
            # says so too, but not of the other.
            ("id",),
            request,
        )

    def test_tampering_with_personal_data(self):
        request = self._full()
        event = request.event_ids.filtered(lambda e: e.kind == "decided")
        self.cr.execute(
            "SELECT id FROM customer_approval_personal WHERE event_id = %s", [event.id]
        )
        self._tamper(
            "customer_approval_personal", [self.cr.fetchone()[0]], ("id",), request
        )

    def test_tampering_with_requests(self):
        request = self._full()
        # What is no evidence: Odoo's own bookkeeping, the chatter's, the link's.
        skip = {
            "id",
            "create_uid",
            "create_date",
            "write_uid",
            "write_date",
            "access_token",
            "link_nonce",
            "message_main_attachment_id",
            "certificate_id",
            "document_pdf_id",
            "certificate_done",
            "answer_mailed",
        }
        self._tamper("customer_approval_request", request.ids, skip, request)

    def test_tampering_with_checkpoints(self):
        request = self._full()
        checkpoint = self.env["customer.approval.checkpoint"].search([], limit=1)
        self._tamper(
            "customer_approval_checkpoint",
            checkpoint.ids,
            ("id",),
            request,
            bundle=False,
        )

    def _with_triggers_off(self, *queries):
        self.env.flush_all()
        self.cr.execute("SET LOCAL session_replication_role = replica")
        for query in queries:
            self.cr.execute(query)
        self.cr.execute("SET LOCAL session_replication_role = origin")
        self.env.invalidate_all()

    def test_tampering_with_the_order(self):
        """With triggers off, Verify names the row."""
        self._full()
        other = self._create_order()
        self.env.flush_all()
        # Made after the stage began to ask, which here was in the same transaction.
        self.cr.execute(
            "UPDATE sale_order SET create_date = now() + interval '1 hour'"
            " WHERE id = %s",
            [other.id],
        )
        for query, order in (
            (f"UPDATE sale_order SET stage_id = {self.quote.id} WHERE id = %s", None),
            ("UPDATE sale_order_line SET price_unit = 1 WHERE order_id = %s", None),
            ("UPDATE sale_order SET amount_total = 1 WHERE id = %s", None),
            (
                f"UPDATE sale_order SET stage_id = {self.production.id} WHERE id = %s",
                other,
            ),
            (
                "UPDATE sale_order SET customer_approval_status = 'approved'"
                " WHERE id = %s",
                other,
            ),
        ):
            order = order or self.order
            with self.subTest(query), self.cr.savepoint() as savepoint:
                self._with_triggers_off(query % order.id)
                problems = "\n".join(self._verify_all())
                self.assertIn(f"sale.order,{order.id}", problems)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_deleted_and_inserted_rows(self):
        request = self._full()
        self.env.flush_all()
        events = request.event_ids.sorted("position")
        for query in (
            f"DELETE FROM customer_approval_event WHERE id = {events[1].id}",
            f"DELETE FROM customer_approval_event WHERE id = {events[-1].id}",
            f"DELETE FROM customer_approval_request WHERE id = {request.id}",
            f"DELETE FROM customer_approval_personal WHERE event_id = {events[1].id}",
            "INSERT INTO customer_approval_event (res_model, res_id, position, kind,"
            " occurred_on, user_id, entry_digest, hash) VALUES"
            f" ('sale.order', {self.order.id}, 3, 'opened', now(), 1, 'x', 'x')"
            " ON CONFLICT DO NOTHING",
            "DELETE FROM customer_approval_request_ir_attachment_rel",
            "DELETE FROM customer_approval_request_res_partner_rel",
        ):
            with self.subTest(query), self.cr.savepoint(flush=False) as savepoint:
                self._with_triggers_off(
                    "DROP INDEX IF EXISTS customer_approval_event_chain", query
                )
                self.assertTrue(self._verify_all(), query)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_files_that_were_altered(self):
        request = self._full()
        with capability.hold(self.env, capability.Erasing()):
            self.env["ir.attachment"].browse(request.attachment_ids.ids).raw = b"Other"
        self.assertTrue(self._verify(self.order))
        self._assert_bundle(request, False)

    def test_a_chain_that_was_made_anew(self):
        """Somebody who computes all hashes anew is found by checkpoint, and cannot
        make the seal."""
        request = self._full()
        self.env.flush_all()
        rows = self.env["customer.approval.event"]._read_rows(
            "sale.order", self.order.id
        )
        previous, queries = None, []
        for row in rows:
            if row["kind"] == "stage_changed":
                row["text"] = "Forged"  # what is sealed could not even be made anew
            row["entry_digest"] = ledger.entry_digest(row)
            row["previous_hash"] = previous
            previous = row["hash"] = ledger.chain_hash(row)
            queries.append(
                self.cr.mogrify(
                    "UPDATE customer_approval_event SET text = %s, entry_digest = %s,"
                    " previous_hash = %s, hash = %s WHERE id = %s",
                    [
                        row[name]
                        for name in (
                            "text",
                            "entry_digest",
                            "previous_hash",
                            "hash",
                            "id",
                        )
                    ],
                ).decode()
            )
        self._with_triggers_off(*queries)
        keys = self.env["customer.approval.event"]._get_keys()
        rows = self.env["customer.approval.event"]._read_rows(
            "sale.order", self.order.id
        )
        self.assertEqual(ledger.check_chain(rows, keys), [], "it fits together")
        self.assertIn("no Odoo server has written it", self._verify(self.order)[0])
        self._assert_bundle(request, False)

    def test_tampering_with_a_bundle(self):
        request = self._full()
        data = request._make_bundle()
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        self.assertGreater(len(files), 5)

        def pack(changed):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                for name, content in changed.items():
                    archive.writestr(name, content)
            return buffer.getvalue()

        self.assertEqual(self._run_verify(pack(files)).returncode, 0)
        for name in files:
            if name == "verify.py":
                continue
            with self.subTest(name):
                altered = {**files, name: files[name] + b" "}
                if name == "evidence.json":
                    altered[name] = files[name].replace(b"Ada Approver", b"Bob Forger")
                self.assertEqual(self._run_verify(pack(altered)).returncode, 1)
                missing = {key: value for key, value in files.items() if key != name}
                self.assertNotEqual(self._run_verify(pack(missing)).returncode, 0)
        extra = {**files, "requests/more.txt": b"More"}
        self.assertEqual(self._run_verify(pack(extra)).returncode, 1)

    def test_every_value_of_a_bundle(self):
        """Each value of a bundle's own list, changed, is found."""
        request = self._full()
        data = request._make_bundle()
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        evidence = json.loads(files["evidence.json"])

        def check(changed):
            content = {**files, "evidence.json": ledger.write_plain(changed)}
            try:
                return ledger.check_bundle(content.__getitem__, list(content))[1]
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                return [repr(error)]

        self.assertEqual(check(evidence), [])
        for path in self._paths(evidence):
            with self.subTest(path):
                changed = json.loads(files["evidence.json"])
                parent = changed
                for key in path[:-1]:
                    parent = parent[key]
                value = parent[path[-1]]
                parent[path[-1]] = value + 1 if isinstance(value, int) else "forged"
                self.assertTrue(check(changed))

    def _paths(self, value, path=()):
        if isinstance(value, dict):
            for key, part in value.items():
                yield from self._paths(part, (*path, key))
        elif isinstance(value, list):
            for index, part in enumerate(value):
                yield from self._paths(part, (*path, index))
        else:
            yield path

    # Checkpoints

    def test_checkpoints(self):
        Checkpoint = self.env["customer.approval.checkpoint"]
        self.env["ir.config_parameter"].sudo().set_param(
            "customer_approval_gate.checkpoint_emails",
            "auditor@example.com, Director <director@example.com>",
        )
        self._bring_to_status(self.order, "approved")
        first = Checkpoint._make()
        self.order.stage_id = self.production
        second = Checkpoint._make()
        self.assertEqual(second.previous_hash, first.hash)
        self.assertEqual(second.chain_count, first.chain_count)
        second._mail()
        mail = self.env["mail.mail"].search([], limit=1, order="id desc")
        self.assertEqual(mail.email_to, "auditor@example.com,director@example.com")
        self.assertIn(second.hash, mail.body_html)
        self.assertEqual(self._verify_all(), [])

    def test_problems_are_mailed(self):
        self.env["ir.config_parameter"].sudo().set_param(
            "customer_approval_gate.checkpoint_emails", "auditor@example.com"
        )
        self._full()
        self._with_triggers_off("UPDATE customer_approval_event SET text = 'x'")
        with self.assertLogs("odoo.addons.customer_approval_gate", "ERROR"):
            logger = "odoo.addons.customer_approval_gate.models"
            with self.assertLogs(f"{logger}.customer_approval_verification", "ERROR"):
                self.env["customer.approval.event"]._cron_verify()
            self.env["customer.approval.event"]._cron_verify()
        mail = self.env["mail.mail"].search([], limit=1, order="id desc")
        self.assertIn("altered", mail.body_html)

    # Erasure

    def test_erasure(self):
        request = self._full()
        before = {event.id: event.hash for event in request.event_ids}
        wizard = self.env["customer.approval.erase"].create(
            {"request_id": request.id, "reason": "Letter of May 2"}
        )
        with self.assertRaises(AccessError):
            wizard.with_user(self.salesperson).action_erase()
        wizard.action_erase()
        self.env.invalidate_all()
        for name in ledger.PERSONAL_FIELDS:
            self.assertFalse(request[name], name)
        event = request.event_ids.filtered(lambda e: e.kind == "decided")
        self.assertFalse(event.personal_name)
        self.assertEqual(self._kinds(self.order)[-1], "erased")
        self.assertEqual({event.id: event.hash for event in request.event_ids}, before)
        self.assertEqual(request.state, "approved_conditions")
        self.assertEqual(self._verify_all(), [])
        self._assert_bundle(request, True)
        self.assertTrue(self.order._filter_customer_approved())
        self.cr.execute(
            "SELECT count(*) FROM customer_approval_personal AS personal"
            " JOIN customer_approval_event AS event ON event.id = event_id"
            " WHERE res_id = %s AND res_model = 'sale.order' AND value IS NOT NULL"
            "   AND kind != 'erased'",
            [self.order.id],
        )
        self.assertEqual(self.cr.fetchone()[0], 0)

    # Certificates

    def test_certificate(self):
        request = self._full()
        self._make_certificate(request)
        self.assertTrue(request.certificate_done)
        mail = self.env["mail.message"].search(
            [("model", "=", request._name), ("res_id", "=", request.id)], limit=1
        )
        self.assertIn("approved with conditions", mail.body)
        html = (
            self.env["ir.actions.report"]
            ._render_qweb_html(
                "customer_approval_gate.action_report_certificate", request.ids
            )[0]
            .decode()
        )
        for text in (
            "Ada Approver",
            request.digest,
            request._get_verification_code(),
            "Blue",
            "UTC",
            request._get_chain_head().hash,
        ):
            self.assertIn(text, html)
        self.assertNotIn("In Production", html, "staff's own stages")

    def _run_certificates(self):
        with (
            self.enter_registry_test_mode(),
            mute_logger(
                "odoo.addons.customer_approval_gate.models.stage.customer_approval_failure"
            ),
        ):
            self.env.ref(
                "customer_approval_gate.cron_certificates"
            ).method_direct_trigger()
        self.env.invalidate_all()

    def _get_staffs_activities(self):
        return self.order.activity_ids.filtered(
            lambda activity: "could not be made yet" in (activity.note or "")
        )

    def test_certificate_without_a_printer(self):
        """The answer is mailed, and the certificate is made when there is a printer."""
        request = self._full()
        reports = self.env.registry["ir.actions.report"]
        with patch.object(reports, "get_wkhtmltopdf_state", lambda report: "install"):
            self._run_certificates()
            self.assertTrue(request.answer_mailed)
            self.assertFalse(request.certificate_done)
            self.assertFalse(self._get_staffs_activities())
        self._run_certificates()
        self.assertTrue(request.certificate_id)

    def test_printing_that_fails(self):
        """One bad record stops nobody: it is told once, and tried again."""
        request = self._full()
        other = self._bring_to_status(self._create_order(), "approved").sudo()
        reports = self.env.registry["ir.actions.report"]
        print_approval = reports._print_approval

        def fail_once(reports, report, record, **kwargs):
            if record == request:
                raise UserError(self.env._("No paper"))
            return print_approval(reports, report, record, **kwargs)

        with patch.object(reports, "_print_approval", fail_once):
            self._run_certificates()
            self.assertTrue(other.certificate_id)
            self.assertFalse(request.certificate_done)
            self.assertTrue(request.answer_mailed)
            self.assertEqual(len(self._get_staffs_activities()), 1)
            failure = self.env["customer.approval.failure"].search(
                [("job", "=", "certificate"), ("res_id", "=", request.id)]
            )
            waits = []
            for _run in range(3):
                with freeze_time(failure.retry_on + timedelta(minutes=1)):
                    now = fields.Datetime.now()
                    self._run_certificates()
                waits.append(failure.retry_on - now)
            self.assertEqual(len(self._get_staffs_activities()), 1)
            self.assertEqual(waits, sorted(waits))
            self._run_certificates()
            self.assertEqual(failure.count, 4, "it is not its time yet")
        with freeze_time(failure.retry_on + timedelta(minutes=1)):
            self._run_certificates()
        self.assertTrue(request.certificate_id)
        self.assertFalse(failure.exists())

    def test_a_pdf_is_checked_before_it_is_kept(self):
        request = self._full()
        reports = self.env.registry["ir.actions.report"]
        for data in (b"", b"%PDF-1.4 cut off", b"<html/>", b"%PDF-1.4\n%%EOF"):
            with (
                self.subTest(data),
                patch.object(
                    reports,
                    "_render_qweb_pdf",
                    lambda *args, data=data, **kwargs: (data, "pdf"),
                ),
                self.assertRaisesRegex(UserError, "could not be printed"),
            ):
                request._print_certificate()
        for report in (
            request.with_context(force_report_rendering=True)
            ._print_certificate()
            .values()
        ):
            self.assertTrue(printing.is_whole_pdf(report))

    def test_a_printer_that_hangs_is_stopped(self):
        request = self._full()
        script = pathlib.Path(tempfile.mkdtemp()) / "wkhtmltopdf"
        script.write_text("#!/bin/sh\nsleep 60\n")
        script.chmod(0o755)
        info = report_module._wkhtml()
        began = time.monotonic()
        with (
            patch.object(
                report_module, "_wkhtml", lambda: info._replace(bin=str(script))
            ),
            mute_logger("odoo.addons.base.models.ir_actions_report"),
            self.assertRaises(UserError),
        ):
            self.env["ir.actions.report"].with_context(
                force_report_rendering=True
            )._print_approval(
                "customer_approval_gate.action_report_certificate",
                request,
                seconds=2,
            )
        self.assertLess(time.monotonic() - began, 20)

    def test_staff_are_greeted_by_their_own_name(self):
        request = self._full()
        self._make_certificate(request)
        message = self.env["mail.message"].search(
            [
                ("model", "=", request._name),
                ("partner_ids", "in", self.salesperson.partner_id.ids),
            ],
            limit=1,
        )
        self.assertIn(f"Hello {self.salesperson.name}", message.body)


@tagged("post_install", "-at_install")
class TestEvidencePages(HttpCase, EvidenceMixin, ApprovalCommon):
    def setUp(self):
        super().setUp()
        self.order = self._create_order()
        self.request = self._bring_to_status(self.order, "approved")
        self.url = f"/my/approvals/{self.request.id}"

    def _open(self, url, **headers):
        browser = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
        return self.url_open(url, headers={**browser, **headers})

    def _tell_opened(self):
        """What the page's own script does, once it has been looked at."""
        token = re.search(r'csrf_token: "([^"]+)"', self.url_open("/web/login").text)
        return self.url_open(
            f"{self.url}/opened",
            data={"csrf_token": token.group(1)},
            headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"},
        )

    def test_opened_is_told_by_whoever_may_see_it(self):
        self.url_open(self.url)
        self.assertNotEqual(self._tell_opened().status_code, 204)
        self.assertNotIn("opened", self._kinds(self.order))
        self.authenticate(self.salesperson.login, self.salesperson.login)
        self._tell_opened()
        self.assertNotIn("opened", self._kinds(self.order))

    def test_opened_by_a_person(self):
        token = links.token_of(self.request.sudo().approver_ids)
        url = f"{self.url}?access_token={token}"
        for agent in ("WhatsApp/2.23.20.0", "Slackbot-LinkExpanding 1.0", "Firefox"):
            page = self._open(url, **{"User-Agent": agent})
            self.assertEqual(page.status_code, 200)
            self.assertIn(f'data-opened-url="{self.url}/opened"', page.text)
            self.assertNotIn("opened", self._kinds(self.order))
        self.assertEqual(self._tell_opened().status_code, 204)
        self._tell_opened()
        self.assertEqual(self._kinds(self.order).count("opened"), 1)
        event = self.request.event_ids.filtered(lambda e: e.kind == "opened")
        self.assertTrue(event.personal_ip)
        self.assertIn("Firefox", event.personal_user_agent)

    def test_refusals_are_kept(self):
        """Beside the transaction, which fails."""
        order = self._create_order()
        self.authenticate(self.salesperson.login, self.salesperson.login)
        self.url_open(
            "/web/dataset/call_kw",
            json={
                "params": {
                    "model": "sale.order",
                    "method": "action_confirm",
                    "args": [order.ids],
                    "kwargs": {},
                }
            },
        )
        self.env.invalidate_all()
        self.assertEqual(order.state, "draft")
        self.assertEqual(self._kinds(order), ["gate_refused"])
        event = self.env["customer.approval.event"].search([], limit=1)
        self.assertEqual(event.user_id, self.salesperson)
        self.assertIn("Cannot advance to In Production", event.text)

    def test_certificate(self):
        token = links.token_of(self.request.sudo().approver_ids)
        url = f"{self.url}/certificate?access_token={token}"
        response = self._open(url)
        self.assertEqual(response.status_code, 202)
        self.assertIn("is being prepared", response.text)
        self.assertNotIn("downloaded", self._kinds(self.order))
        self._make_certificate(self.request)
        self.env.flush_all()
        response = self._open(url)
        self.assertEqual(response.status_code, 200)
        self.env.invalidate_all()
        digest = hashlib.sha256(response.content).hexdigest()
        self.assertIn(digest, self.request.sudo()._get_known_digests())
        self.assertIn(b"Ada Approver", response.content)
        self.assertIn("downloaded", self._kinds(self.order))
        self.assertEqual(
            self._open(f"{self.url}/certificate?access_token=x").status_code, 403
        )
        pending = self._bring_to_status(self._create_order(), "pending").sudo()
        self.assertEqual(
            self._open(
                f"/my/approvals/{pending.id}/certificate"
                f"?access_token={links.token_of(pending.approver_ids[:1])}"
            ).status_code,
            404,
        )

    def test_verification_page(self):
        code = self.request._get_verification_code()
        self.assertRegex(code, "^[0-9a-f]{32}$")
        text = self._open(f"/approval/verify/{code}").text
        self.assertIn("Genuine", text)
        self.assertIn(self.request.digest, text)
        for secret in ("Ada Approver", "200.00", self.order.name, "Test Product"):
            self.assertNotIn(secret, text)
        for nonsense in ("0" * 32, "x", "%27%20OR%201=1", code[:-1] + "g"):
            response = self._open(f"/approval/verify/{nonsense}")
            self.assertEqual(response.status_code, 404)
            self.assertNotIn("Genuine", response.text)
        self.env.flush_all()
        self.cr.execute("SET LOCAL session_replication_role = replica")
        self.cr.execute(
            "UPDATE customer_approval_request SET amount_total = 1 WHERE id = %s",
            [self.request.id],
        )
        self.cr.execute("SET LOCAL session_replication_role = origin")
        self.env.invalidate_all()
        self.assertIn(
            "Not to be relied on", self._open(f"/approval/verify/{code}").text
        )

    def test_bundle(self):
        url = f"/customer_approval/bundle/{self.request.id}"
        self.authenticate(self.salesperson.login, self.salesperson.login)
        response = self._open(url)
        self.assertEqual(self._run_verify(response.content).returncode, 0)
        self.assertIn("downloaded", self._kinds(self.order))
        new_test_user(self.env, "approval_bundle_portal", "base.group_portal")
        new_test_user(self.env, "approval_bundle_user", "base.group_user")
        self.env.flush_all()
        for login in ("approval_bundle_portal", "approval_bundle_user"):
            self.authenticate(login, login)
            self.assertIn(self._open(url).status_code, (403, 404))

    def test_difference_is_on_the_page(self):
        capability.call(self.order._revise_customer_approval, "Cheaper")
        self.order.order_line = [
            Command.update(self.order.order_line.id, {"price_unit": 90})
        ]
        request = self._bring_to_status(self.order, "pending").sudo()
        text = self._open(
            f"/my/approvals/{request.id}?access_token={links.token_of(request.approver_ids[:1])}"
        ).text
        self.assertIn("What has changed since you last looked", text)
        self.assertIn("Unit price", text)

    def test_signing_a_page_that_has_changed(self):
        """What is signed is what was shown."""
        self.env.company.portal_confirmation_pay = False
        self.env.company.portal_confirmation_sign = True
        order = self._create_order()
        token = order._portal_ensure_token()
        self.env.flush_all()
        self.assertEqual(
            self._open(f"/my/orders/{order.id}?access_token={token}").status_code, 200
        )
        order.order_line.price_unit = 999
        self.env.flush_all()
        signature = {"access_token": token, "name": "Ada", "signature": SIGNATURE}
        url = f"/my/orders/{order.id}/accept"
        result = self.make_jsonrpc_request(url, signature)
        self.assertIn("has changed since you opened it", result["error"])
        self.env.invalidate_all()
        self.assertEqual(order.state, "draft")
        self._open(f"/my/orders/{order.id}?access_token={token}")
        self.assertTrue(self.make_jsonrpc_request(url, signature)["force_refresh"])
        self.env.invalidate_all()
        self.assertEqual(order.customer_approval_status, "approved")
