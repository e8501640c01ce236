# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the ledger holds, and that whatever is altered is found: by *Verify*, and by the
verify.py of a bundle, which knows nothing of Odoo."""

import io
import pathlib
import subprocess
import sys
import tempfile
import zipfile

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import SQL, mute_logger
from odoo.tools.safe_eval import safe_eval

from ...tools import capability, ledger
from ...tools.event_data import Answer
from ..common import SIGNATURE, ApprovalCommon


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


class EvidenceCase(EvidenceMixin, ApprovalCommon):
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

    def _with_triggers_off(self, *queries):
        self.env.flush_all()
        self.cr.execute("SET LOCAL session_replication_role = replica")
        for query in queries:
            self.cr.execute(query)
        self.cr.execute("SET LOCAL session_replication_role = origin")
        self.env.invalidate_all()

    def _paths(self, value, path=()):
        if isinstance(value, dict):
            for key, part in value.items():
                yield from self._paths(part, (*path, key))
        elif isinstance(value, list):
            for index, part in enumerate(value):
                yield from self._paths(part, (*path, index))
        else:
            yield path

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


@tagged("post_install", "-at_install")
class TestEvidence(EvidenceCase):
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

    def test_what_is_frozen(self):
        request = self._full()
        self.assertTrue(ledger.is_digest_of(request.digest, request.content))
        self.assertShows("Test Product", request.content_html)
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
        self.assertShows("Unit price", third.difference_html)
        self.assertShowsNot("unit_price", third.difference_html)
        self.assertEqual(first.digest, second.digest)
        file = self.env["ir.attachment"].create({"name": "a.txt", "raw": b"A"})
        fourth = self.order._open_customer_approval(attachments=file, mail=False)
        self.assertEqual((fourth.version, fourth.round), (3, 1))
        self.assertShows("a.txt", fourth.difference_html)

    def test_difference_escapes_what_people_type(self):
        self._bring_to_status(self.order, "rejected")
        self.order.order_line.name = "<script>alert(1)</script>"
        request = self._bring_to_status(self.order, "pending")
        self.assertShows("<script>", request.difference_html)
        self.assertRunsNothing(request.difference_html)

    def test_genuine(self):
        request = self._full()
        self.assertEqual(self._verify(self.order), [])
        self.assertEqual(self._verify_all(), [])
        output = self._assert_bundle(request, True)
        self.assertIn(f"request {request.name}: approved_conditions", output)
        action = self.order.action_verify_customer_approval()
        self.assertEqual(action["params"]["type"], "success")

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
