# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import io
import json
import pathlib
import subprocess
import tempfile
import time
import zipfile
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import freeze_time, tagged
from odoo.tools import mute_logger

from odoo.addons.base.models import ir_actions_report as report_module

from ...tools import capability, ledger, printing
from .test_evidence import EvidenceCase


@tagged("post_install", "-at_install")
class TestEvidenceExport(EvidenceCase):
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
        self.assertShows(second.hash, mail.body_html)
        self.assertEqual(self._verify_all(), [])

    def test_problems_are_mailed(self):
        self.env["ir.config_parameter"].sudo().set_param(
            "customer_approval_gate.checkpoint_emails", "auditor@example.com"
        )
        self._full()
        self._with_triggers_off("UPDATE customer_approval_event SET text = 'x'")
        with self.assertLogs("odoo.addons.customer_approval_gate", "ERROR"):
            logger = "odoo.addons.customer_approval_gate.models"
            with self.assertLogs(
                f"{logger}.evidence.customer_approval_verification", "ERROR"
            ):
                self.env["customer.approval.event"]._cron_verify()
            self.env["customer.approval.event"]._cron_verify()
        mail = self.env["mail.mail"].search([], limit=1, order="id desc")
        self.assertShows("altered", mail.body_html)

    def test_erasure(self):
        request = self._full()
        before = {event.id: event.hash for event in request.event_ids}
        self._make_certificate(request)
        certificate = request.certificate_id
        self.assertTrue(certificate, "it names whoever answered")
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
        self.assertFalse(certificate.exists())
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

    def test_certificate(self):
        request = self._full()
        self._make_certificate(request)
        self.assertTrue(request.certificate_done)
        mail = self.env["mail.message"].search(
            [("model", "=", request._name), ("res_id", "=", request.id)], limit=1
        )
        self.assertShows("approved with conditions", mail.body)
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
            self.assertShows(text, html)
        self.assertShowsNot("In Production", html, msg="staff's own stages")

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

    def test_a_printer_that_starts_late_is_stopped(self):
        script = pathlib.Path(tempfile.mkdtemp()) / "wkhtmltopdf"
        script.write_text("#!/bin/sh\nsleep 60\n")
        script.chmod(0o755)
        with printing.limit_printing(2):
            time.sleep(1)
            code = subprocess.run([str(script)], check=False, timeout=20).returncode
        self.assertNotEqual(code, 0)

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
        self.assertShows(f"Hello {self.salesperson.name}", message.body)
