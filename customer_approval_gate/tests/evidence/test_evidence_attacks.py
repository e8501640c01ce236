# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Ways to forge evidence that were found by trying, and are closed."""

import io
import json
import zipfile

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from ...tools import capability, ledger
from ...tools.event_data import Answer, EventData
from ..common import ApprovalCommon
from .test_database import DatabaseMixin
from .test_evidence import EvidenceMixin


@tagged("post_install", "-at_install")
class TestForgery(DatabaseMixin, EvidenceMixin, ApprovalCommon):
    def setUp(self):
        super().setUp()
        self.order = self._create_order()

    def _move(self):
        return (
            "UPDATE sale_order SET stage_id = %s, state = 'sale' WHERE id = %s",
            [self.production.id, self.order.id],
        )

    # Looking elsewhere

    def test_search_path(self):
        self.env.flush_all()
        self.cr.execute("SET LOCAL search_path = pg_catalog")
        try:
            query, params = self._move()
            self._refuses(query.replace("sale_order", "public.sale_order"), params)
        finally:
            self.cr.execute("SET LOCAL search_path = DEFAULT")

    def test_temporary_tables(self):
        self.env.flush_all()
        for statement in (
            "CREATE TEMP TABLE customer_approval_stage AS"
            " SELECT * FROM customer_approval_stage WHERE FALSE",
            "CREATE TEMP TABLE customer_approval_request AS"
            " SELECT 'sale.order'::text AS res_model, 1 AS res_id",
            "CREATE TEMP TABLE evil () INHERITS (customer_approval_event)",
        ):
            with self.cr.savepoint(flush=False) as savepoint:
                self.cr.execute(statement)
                query, params = self._move()
                self._refuses(query.replace("sale_order", "public.sale_order"), params)
                savepoint.rollback()

    def test_heirs_of_the_ledger(self):
        request = self._bring_to_status(self.order, "pending")
        self.env.flush_all()
        self.cr.execute("CREATE TEMP TABLE evil () INHERITS (customer_approval_event)")
        self.cr.execute(
            "INSERT INTO evil (id, res_model, res_id, position, request_id, kind,"
            " decision, scope_digest, occurred_on, user_id, entry_digest, hash)"
            " VALUES (1, 'sale.order', %s, 9, %s, 'decided', 'approved', %s, now(), 1,"
            " 'x', 'x')",
            [self.order.id, request.id, request.scope_digest],
        )
        self._refuses(
            "UPDATE customer_approval_request SET state = 'approved' WHERE id = %s",
            [request.id],
        )

    def test_functions_and_operators_of_ones_own(self):
        """What is put beside ours, with closer types, is not found."""
        self.env.flush_all()
        for statements in (
            [
                "CREATE FUNCTION public.never(varchar, varchar) RETURNS boolean"
                " LANGUAGE sql AS 'SELECT FALSE'",
                "CREATE FUNCTION public.never(varchar, text) RETURNS boolean"
                " LANGUAGE sql AS 'SELECT FALSE'",
                "CREATE OPERATOR public.= (FUNCTION = public.never, LEFTARG = varchar,"
                " RIGHTARG = varchar)",
                "CREATE OPERATOR public.= (FUNCTION = public.never, LEFTARG = varchar,"
                " RIGHTARG = text)",
            ],
            [
                "CREATE FUNCTION public.customer_approval_is_gated(int, bigint)"
                " RETURNS boolean LANGUAGE sql AS 'SELECT FALSE'",
            ],
        ):
            with self.cr.savepoint(flush=False) as savepoint:
                for statement in statements:
                    self.cr.execute(statement)
                self.cr.execute("DISCARD PLANS")
                self._refuses(*self._move())
                savepoint.rollback()

    def test_function_of_the_same_name_is_told(self):
        self.env.flush_all()
        self.cr.execute(
            "CREATE FUNCTION public.customer_approval_is_gated(text) RETURNS boolean"
            " LANGUAGE sql AS 'SELECT FALSE'"
        )
        problems = self.env["customer.approval.event"]._find_database_problems()
        self.assertIn("same names", problems[0])

    # Numbers

    def test_number_of_a_stage(self):
        stage = self.quality.copy()
        self.env.flush_all()
        self.cr.execute("DELETE FROM customer_approval_stage_gate_rel")
        self._refuses(
            "UPDATE customer_approval_stage SET id = 987654 WHERE id = %s;"
            " SET CONSTRAINTS ALL IMMEDIATE",
            [stage.id],
        )

    def test_ends_need_their_events(self):
        request = self._bring_to_status(self.order, "approved")
        self._refuses(
            "UPDATE customer_approval_request SET lapsed_on = now() WHERE id = %s",
            [request.id],
        )
        request = self._bring_to_status(self._create_order(), "pending")
        for state in ("withdrawn", "expired"):
            self._refuses(
                "UPDATE customer_approval_request SET state = %s WHERE id = %s",
                [state, request.id],
            )

    def test_tolerance_set_by_sql(self):
        self._bring_to_status(self.order, "approved")
        self.env.flush_all()
        self.cr.execute(
            "UPDATE res_company SET customer_approval_tolerance_percent = 1000"
        )
        self.env.invalidate_all()
        with self.assertRaises(UserError):
            self.order.order_line.price_unit = 500
        problems = "".join(self._verify_all())
        self.assertIn("which changes are tolerated", problems)

    def test_approval_cannot_be_ended_behind_the_gate(self):
        request = self._bring_to_status(self.order, "approved")
        self.order.stage_id = self.production
        with self.assertRaises(UserError):
            capability.call(request._after_content_change)
        self.assertFalse(request.lapsed_on)

    def test_numbers_of_requests(self):
        request = self._bring_to_status(self.order, "approved")
        self._refuses(
            "UPDATE customer_approval_request SET id = id + 1000 WHERE id = %s",
            [request.id],
        )
        self._refuses(
            "UPDATE sale_order SET id = id + 100000 WHERE id = %s", [self.order.id]
        )
        self.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self._refuses("TRUNCATE sale_order CASCADE")

    def test_number_of_an_event(self):
        """Nobody takes numbers that honest events would get."""
        event = self.env["customer.approval.event"]
        row = event._prepare_row(EventData(self.order, "opened"))
        del row["personal"]
        row["id"] = 999_999_999
        names, places = ", ".join(row), ", ".join(["%s"] * len(row))
        self._takes(
            f"INSERT INTO customer_approval_event ({names}) VALUES ({places})",
            list(row.values()),
        )
        self.assertFalse(event.search([("id", "=", 999_999_999)]))

    # The column that switches the lock

    def test_status_cannot_be_taken_away(self):
        self._bring_to_status(self.order, "approved")
        for status in ("not_required", "pending", "rejected"):
            self._refuses(
                "UPDATE sale_order SET customer_approval_status = %s WHERE id = %s",
                [status, self.order.id],
            )

    # Events that nobody but the server makes

    def test_kinds_that_need_a_seal(self):
        self._bring_to_status(self.order, "approved")
        event = self.env["customer.approval.event"]
        kinds = [kind for kind, _label in event._fields["kind"].selection]
        for kind in set(kinds) - set(ledger.UNSEALED_KINDS):
            row = event._prepare_row(EventData(self.order, "opened"))
            del row["personal"]
            row["kind"] = kind
            names, places = ", ".join(row), ", ".join(["%s"] * len(row))
            self._refuses(
                f"INSERT INTO customer_approval_event ({names}) VALUES ({places})",
                list(row.values()),
                "seal",
            )

    def test_replayed_event(self):
        """The seal is for one place in one chain."""
        request = self._bring_to_status(self.order, "approved")
        self.env.flush_all()
        event = request.event_ids.filtered(lambda e: e.kind == "decided")
        columns = ", ".join((*ledger.EVENT_FIELDS, "entry_digest", "seal", "key_id"))
        self._refuses(
            f"INSERT INTO customer_approval_event ({columns})"
            f" SELECT {columns} FROM customer_approval_event WHERE id = %s",
            [event.id],
            "seal",
        )

    def test_what_happens_once(self):
        request = self._bring_to_status(self.order, "approved")
        self.env.flush_all()
        Event = self.env["customer.approval.event"]
        rows = Event._read_rows("sale.order", self.order.id)
        row = request._export_evidence()[0]
        personal = Event._read_personal([event["id"] for event in rows])

        def check(events):
            return ledger.check_request(row, events, personal, ledger.scope_digest)

        self.assertEqual(check(rows), [])
        for event in rows:
            again = {**event, "position": 9, "id": event["id"] + 100}
            self.assertIn("it happened before", check([*rows, again])[0])

    def test_foreign_key(self):
        """A key that is only in the ledger, and not in the database, is forged."""
        self._bring_to_status(self.order, "approved")
        self.env.flush_all()
        self.cr.execute("SET LOCAL session_replication_role = replica")
        self.cr.execute(
            "UPDATE customer_approval_event SET key_id = 'other'"
            " WHERE kind = 'decided' AND res_id = %s",
            [self.order.id],
        )
        self.cr.execute("SET LOCAL session_replication_role = origin")
        self.assertTrue(self._verify(self.order))

    def test_nonsense_does_not_stop_verify(self):
        """Whatever somebody types into an event: it is named, and the rest goes on."""
        event = self.env["customer.approval.event"]
        for details in ('{"x": 1.5}', "[1, 2]", '"text"', '{"events": 7}'):
            with self.subTest(details), self.cr.savepoint() as savepoint:
                row = event._prepare_row(EventData(self.order, "opened"))
                del row["personal"]
                row["details"] = details
                names, places = ", ".join(row), ", ".join(["%s"] * len(row))
                self._takes(
                    f"INSERT INTO customer_approval_event ({names}) VALUES ({places})",
                    list(row.values()),
                )
                self.assertTrue(self._verify(self.order))
                self.assertTrue(self._verify_all())
                savepoint.rollback()
                self.env.invalidate_all()

    # Bundles

    def test_bundle_about_something_else(self):
        """Another content, and one more event that says it was that one."""
        request = self._bring_to_status(self.order, "approved")
        self.env.flush_all()
        with zipfile.ZipFile(io.BytesIO(request._make_bundle())) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        evidence = json.loads(files["evidence.json"])
        row = evidence["requests"][0]
        content = json.loads(files[row["content_file"]])
        block = next(block for block in content["blocks"] if block["kind"] == "lines")
        block["lines"][0]["unit_price"] = "9999"
        files[row["content_file"]] = ledger.rfc8785(content)
        row["digest"] = ledger.digest(content)
        row["scope_digest"] = ledger.scope_digest(content)
        full = {
            **row,
            "content": content,
            "content_html": files[row["html_file"]].decode(),
            "files": [],
        }
        last = evidence["events"][-1]
        forged = {
            **evidence["events"][0],
            "id": last["id"] + 1,
            "position": last["position"] + 1,
            "previous_hash": last["hash"],
            "digest": row["digest"],
            "scope_digest": row["scope_digest"],
            "details": {"frozen": ledger.frozen_digest(full), "round": 1},
        }
        forged["entry_digest"] = ledger.entry_digest(forged)
        forged["hash"] = ledger.chain_hash(forged)
        for seal in ((forged["seal"], forged["key_id"]), (None, None)):
            forged["seal"], forged["key_id"] = seal
            files["evidence.json"] = ledger.write_plain(
                {**evidence, "events": [*evidence["events"], forged]}
            )
            _good, bad = ledger.check_bundle(files.__getitem__, list(files))
            self.assertTrue(bad)

    # Code of server actions

    def test_private_methods_give_nothing_away(self):
        """No method hands out what only code can make, nor takes what anybody can."""
        request = self._bring_to_status(self.order, "pending")
        names = {"request": request, "record": self.order, "env": self.env}
        for code in (
            "request._record(request._prepare_decision(request, None))",
            "request._record(record._prepare_customer_approval_vals(request.content,"
            " request.browse(), record.partner_id, False, '', request.attachment_ids))",
            "env['customer.approval.event']._prepare_row({'kind': 'decided'})",
        ):
            with self.subTest(code):
                self.assertTrue(self._fails(code, names))
        env_events = self.env["customer.approval.event"]
        self.assertEqual(env_events._insert([{"kind": "decided"}]), [])
        self.assertEqual(request.state, "pending")
        self.assertEqual(
            self._kinds(self.order), ["requested"], "and nothing was written"
        )

    def _fails(self, code, names):
        try:
            with self.cr.savepoint():
                safe_eval(code, names, mode="exec")
        except (UserError, ValueError, AttributeError):
            return True
        return False

    # Changing what was approved

    def test_other_goods_for_the_same_money(self):
        self._bring_to_status(self.order, "approved")
        line = self.order.order_line
        for policy in ({}, {"customer_approval_tolerance_percent": 50}):
            self.order.company_id.write(policy)
            for values in (
                {"product_uom_qty": 0.01, "discount": -19900},
                {"product_uom_qty": 4, "price_unit": 50},
                {"price_unit": 200, "discount": 50},
                {"product_uom_qty": 1, "price_unit": 200},
            ):
                with self.subTest(values), self.assertRaises(UserError):
                    line.write(values)

    def test_typed_options(self):
        attribute = self.env["product.attribute"].create(
            {"name": "Engraving", "create_variant": "no_variant"}
        )
        value = self.env["product.attribute.value"].create(
            {"name": "Own text", "attribute_id": attribute.id, "is_custom": True}
        )
        line = self.env["product.template.attribute.line"].create(
            {
                "product_tmpl_id": self.product.product_tmpl_id.id,
                "attribute_id": attribute.id,
                "value_ids": [Command.set(value.ids)],
            }
        )
        template_value = line.product_template_value_ids
        line = self.order.order_line
        custom = self.env["product.attribute.custom.value"].create(
            {
                "custom_product_template_attribute_value_id": template_value.id,
                "sale_order_line_id": line.id,
                "custom_value": "For Ada",
            }
        )
        self._bring_to_status(self.order, "approved")
        with self.assertRaises(UserError):
            custom.custom_value = "For Bob"
        with self.assertRaises(UserError):
            custom.unlink()

    def test_tolerance_in_another_currency(self):
        company = self.order.company_id
        company.customer_approval_tolerance_amount = 10
        currency = self._enable_currency(
            "EUR" if company.currency_id.name != "EUR" else "USD"
        )
        currency.rate_ids = [
            Command.create(
                {"rate": 0.1, "name": "2020-01-01", "company_id": company.id}
            )
        ]
        policy = company._get_customer_approval_policy(currency)
        self.assertEqual(policy["amount"], "1.00")

    def test_archived_stage(self):
        stage = self.quality.copy({"name": "Old"})
        stage.active = False
        with self.assertRaises(UserError):
            self.order.stage_id = stage
        self._refuses(
            "UPDATE sale_order SET stage_id = %s WHERE id = %s",
            [stage.id, self.order.id],
        )

    # What settings do to what was approved

    def test_decimal_accuracy(self):
        self._bring_to_status(self.order, "approved")
        precision = self.env.ref("product.decimal_price")
        precision.digits = 4
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertTrue(self.order._filter_customer_approved())


@tagged("post_install", "-at_install")
class TestCodeOfServerActions(EvidenceMixin, ApprovalCommon):
    """Code of a server action may call any method, and imports nothing."""

    def setUp(self):
        super().setUp()
        self.order = self._create_order()

    def _run(self, code, record=None):
        record = self.order if record is None else record
        self.env["ir.actions.server"].create(
            {
                "name": "Attack",
                "model_id": self.env["ir.model"]._get_id(record._name),
                "state": "code",
                "code": code,
            }
        ).with_context(
            active_model=record._name, active_id=record.id, active_ids=record.ids
        ).run()

    def test_methods_that_write_evidence(self):
        request = self._bring_to_status(self.order, "pending")
        stage = "env['customer.approval.stage'].browse(%d)" % self.production.id
        repetitions = "env['customer.approval.repetition']"
        runs = "env['customer.approval.verification']"
        last = "env['customer.approval.request'].browse(%d)" % request.id
        before = request.event_ids | self._get_events()
        for record, code in (
            (request, "_conclude(record.approver_ids, datetime.datetime.now())"),
            (request, "_ask_next()"),
            (request, "_withdraw('x')"),
            (request, "_withdraw_by_staff('x')"),
            (request, "_after_content_change()"),
            (request, "_end_approval('lapsed', 'x', 'x')"),
            (request, "_expire()"),
            (request, "_change_deadline(False)"),
            (request, "_add_approvers(env.user.partner_id)"),
            (request, "_remove_approvers(record.approver_ids)"),
            (request, "_replace_approver(record.approver_ids)"),
            (request, "_remind(record.approver_ids)"),
            (request, "_store_certificate([])"),
            (request, "_record_download('x')"),
            (request.approver_ids, "_change_links()"),
            (request.approver_ids, "_prepare_code()"),
            (request.approver_ids, "_mail_code(False)"),
            (request.approver_ids, "_delegate('Eve', 'eve@example.com')"),
            (request.approver_ids, "_delegate_to(env.user.partner_id)"),
            (request.approver_ids, "_refuse_proposal('x')"),
            (self.order, "_record_stages({record: record.stage_id.browse()})"),
            (self.order, "_record_placing()"),
            (self.order, "_leave()"),
            (self.order, "_after_move({record: record.stage_id.browse()})"),
            (self.order, "_block_advance(%s, 'x', 'approved')" % stage),
            (self.order, "_advance_to(%s, 'approved')" % stage),
            (self.order, "_try_stage(%s, 'approved')" % stage),
            (self.order, "_preserve_trigger_if_refused('signed')"),
            (self.order, "_revise_customer_approval('x')"),
            (self.order, "_withdraw_cancelled()"),
            (self.order, "_record_refusals({record: ['x']})"),
            (self.production, "_record_configuration({record: {}})"),
            (request.event_ids[:1], "_confirm_keys(['x'])"),
            (self.order, "env['customer.approval.mailing']._queue(record, None, 'x')"),
            (request.event_ids[:1], "_erase_personal(record, 'x')"),
            (request.event_ids[:1], "_append([record])"),
            (request.event_ids[:1], "_record_server(True)"),
            (request.event_ids[:1], "_pin_confirmed_keys()"),
            (request, "env['customer.approval.checkpoint']._keep_last()"),
            (request, "_hand_over_screen({})"),
            (request, f"{runs}._start()._write_progress('', 9, 0, '', None)"),
            (request, "_forget_personal()"),
            (request, "_empty_columns(['certificate_id'])"),
            (self.order, f"_check_approved_change({last})"),
            (self.order, "_raise_blockers({record: ['The customer said no']})"),
            (request, f"{repetitions}._count({{0: 1}})"),
            (request, f"{repetitions}._write_down(record)"),
            (request, f"{repetitions}._append_or_count([record])"),
        ):
            with (
                self.subTest(code),
                self.assertRaisesRegex(AccessError, "written by what happens only"),
            ):
                self._run(f"record.sudo().{code}", record)
        self.env.invalidate_all()
        self.assertEqual(request.event_ids | self._get_events(), before)
        self.assertEqual(request.state, "pending")

    def _get_events(self):
        return self.env["customer.approval.event"].search(
            [("res_model", "=", "sale.order"), ("res_id", "=", self.order.id)]
        )

    def test_all_methods_that_are_kept_from_code_are_tried(self):
        """Those above are all there are."""
        tried = self.test_methods_that_write_evidence.__func__.__code__.co_consts
        tried = str(tried)
        for name in self.env.registry:
            if not name.startswith("customer.approval.") and name != "sale.order":
                continue
            model = self.env.registry[name]
            for method in dir(model):
                function = getattr(model, method, None)
                if getattr(function, "capability_required", False):
                    self.assertIn(f"{method}(", tried, name)

    def test_the_cache_of_the_transaction(self):
        """What is remembered is kept where no code of an action gets at it."""
        self._bring_to_status(self.order, "approved")
        line = self.order.order_line[0]
        with self.assertRaises(UserError):
            self._run(
                "env.cr.cache['customer_approval_guarded'] ="
                " [{('sale.order', record.id)}]\n"
                f"env['sale.order.line'].browse({line.id}).write({{'price_unit': 1}})"
            )
        with self.assertRaises(UserError):
            self._run(
                "env.cr.cache['customer_approval_lines_added'] ="
                f" {{record.id: {{{line.id}: {{}}}}}}\n"
                "env.cr.cache['customer_approval_memory'] = {}\n"
                f"env['sale.order.line'].browse({line.id}).write({{'price_unit': 1}})"
            )

    def test_a_cache_that_somebody_filled(self):
        """Whether all have answered is what the database has."""
        self.order.order_line.flush_recordset()
        request = self._bring_to_status(self.order, "pending")
        approver = request.approver_ids
        self._run("record.sudo()._update_cache({'state': 'approved'})", approver)
        self.assertEqual(approver.sudo().state, "approved", "in the cache only")
        request._decide(Answer("rejected", "Ada", "link", reason="Too dear"))
        self.assertEqual(approver.state, "rejected")
        self.assertEqual(request.state, "rejected")

    def test_what_an_answer_causes_is_no_permission(self):
        """A rule that runs while an answer is recorded may not record another one."""
        if "base.automation" not in self.env:
            self.skipTest("base_automation is not installed")
        request = self._bring_to_status(self.order, "pending")
        action = self.env["ir.actions.server"].create(
            {
                "name": "Attack",
                "model_id": self.env["ir.model"]._get_id("sale.order"),
                "state": "code",
                "code": "record.sudo().customer_approval_request_id"
                "._end_approval('lapsed', 'x', 'x')",
            }
        )
        self.env.flush_all()
        self.env["base.automation"].create(
            {
                "name": "Attack",
                "model_id": self.env.ref("sale.model_sale_order").id,
                "trigger": "on_create_or_write",
                "filter_domain": "[('customer_approval_status', '=', 'approved')]",
                "action_server_ids": [Command.link(action.id)],
            }
        )
        with self.assertRaises(AccessError):
            request._decide(Answer("approved", "Ada", "link"))
        self.env.invalidate_all()
        self.assertFalse(request.lapsed_on)
