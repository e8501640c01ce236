# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Every route of Odoo into a gated stage, tried with every approval status."""

import json
from datetime import datetime, timedelta

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form, HttpCase, JsonRpcException, tagged
from odoo.tools import mute_logger

from ..common import ASKED_FOR, GATE_SENTENCE, SIGNATURE, STATUSES, ApprovalCommon

LOGIN = "approval_salesperson"


class Routes:
    """What somebody might try. A route gets the order, with the salesperson's rights,
    and returns the document it tried to get past the gate, if that is another one.
    """

    def __init__(self, test):
        self.test = test
        self.env = test.env
        self.stage = test.production

    # --- the order that may be approved: only "approved" lets it pass ---

    def form(self, order):
        with Form(order) as form:
            form.stage_id = self.stage

    def kanban_drag(self, order):
        order.web_save({"stage_id": self.stage.id}, {"stage_id": {}})

    def list_edit(self, order):
        other = self.test._create_order()
        self.test._open_gates(other)
        (order | other.with_env(order.env)).web_save({"stage_id": self.stage.id}, {})

    def list_edit_multi(self, order):
        order.web_save_multi([{"stage_id": self.stage.id}], {})

    def import_update(self, order):
        self._load(order, ["id", "stage_id/.id"], [self._xmlid(order), self.stage.id])

    def import_state(self, order):
        self._load(order, ["id", "state"], [self._xmlid(order), "sale"])

    def confirm(self, order):
        order.action_confirm()

    def validate(self, order):
        order._validate_order()

    def write_state(self, order):
        order.write({"state": "sale"})

    def write_state_and_stage(self, order):
        order.write({"state": "sale", "stage_id": self.stage.id})

    def set_attribute(self, order):
        order.stage_id = self.stage

    def jump_over_the_gate(self, order):
        order.stage_id = self.test.delivered

    def cancel_first(self, order):
        order.action_cancel()
        order.stage_id = self.stage

    def cancel_and_write_state(self, order):
        order.action_cancel()
        order.write({"state": "sale"})

    def by_way_of_a_side_stage(self, order):
        hold = self.test.quote.copy(
            {"document_state": False, "reachable_anytime": True, "sequence": 99}
        )
        order.stage_id = hold
        order.stage_id = self.test.quality

    def sudo(self, order):
        order.sudo().write({"stage_id": self.stage.id})

    def sudo_confirm(self, order):
        order.sudo().action_confirm()

    def as_superuser(self, order):
        order.with_user(self.env.ref("base.user_root")).stage_id = self.stage

    def context_keys(self, order):
        order.with_context(
            bypass_gate=True,
            customer_approval_capability=True,
            customer_approval_depth=-9,
            customer_approval_grant=True,
            customer_approval_leaving_blocked=True,
            force=True,
            force_delete=True,
            import_file=True,
            install_mode=True,
            mail_activity_automation_skip=True,
            module="customer_approval_gate",
            no_gate=True,
            skip_readonly_check=True,
            tracking_disable=True,
        ).write({"stage_id": self.stage.id})

    def server_action_write(self, order):
        self._server_action(
            state="object_write",
            update_path="stage_id",
            resource_ref=f"customer.approval.stage,{self.stage.id}",
        ).with_context(active_model="sale.order", active_id=order.id).run()

    def server_action_code(self, order):
        self._server_action(
            state="code", code="record.sudo().write({'state': 'sale'})"
        ).with_context(
            active_model="sale.order", active_id=order.id, active_ids=order.ids
        ).run()

    def automation_rule(self, order):
        if "base.automation" not in self.env:
            self.test.skipTest("base_automation is not installed")
        action = self._server_action(
            state="code", code=f"record.write({{'stage_id': {self.stage.id}}})"
        )
        self.env["base.automation"].create(
            {
                "name": "Move on",
                "model_id": self.env.ref("sale.model_sale_order").id,
                "trigger": "on_write",
                "action_server_ids": [Command.link(action.id)],
            }
        )
        order.write({"team_id": False})

    def cron(self, order):
        cron = self.env["ir.cron"].create(
            {
                "name": "Move on",
                "model_id": self.env.ref("sale.model_sale_order").id,
                "state": "code",
                "code": f"model.browse({order.id}).write({{'stage_id': {self.stage.id}}})",  # noqa: E501
                "interval_number": 1,
                "interval_type": "days",
            }
        )
        cron.ir_actions_server_id.run()

    # --- another document that is past the gate from the start: never passes ---

    def copy_into_the_stage(self, order):
        return order.copy({"stage_id": self.stage.id})

    def copy_into_the_state(self, order):
        return order.copy({"state": "sale"})

    def create_in_the_stage(self, order):
        return self._create(order, stage_id=self.stage.id)

    def create_beyond_the_stage(self, order):
        return self._create(order, stage_id=self.test.ready.id)

    def create_in_the_state(self, order):
        return self._create(order, state="sale")

    def create_with_context_defaults(self, order):
        return self._create(order.with_context(default_stage_id=self.stage.id))

    def create_with_default_state(self, order):
        return self._create(order.with_context(default_state="sale"))

    def create_with_stored_defaults(self, order):
        self.env["ir.default"].set("sale.order", "stage_id", self.stage.id)
        return self._create(order)

    def import_create(self, order):
        self._load(
            order,
            ["id", "partner_id/.id", "stage_id/.id"],
            ["__test__.new_order", order.partner_id.id, self.stage.id],
        )
        return self.env.ref("__test__.new_order")

    def create_approved(self, order):
        return self._create(
            order, customer_approval_status="approved", stage_id=self.stage.id
        )

    def create_with_borrowed_approval(self, order):
        request = order.sudo().customer_approval_request_ids[:1]
        return self._create(
            order,
            customer_approval_request_ids=[Command.link(request.id)],
            stage_id=self.stage.id,
        )

    # --- helpers ---

    def _create(self, order, **values):
        return order.create({"partner_id": order.partner_id.id, **values})

    def _xmlid(self, order):
        return order.sudo().export_data(["id"])["datas"][0][0]

    def _load(self, order, columns, row):
        xmlid = row[0]
        if isinstance(xmlid, str) and "." not in xmlid:
            row = [f"__test__.{xmlid}", *row[1:]]
        result = order.load(columns, [[str(cell) for cell in row]])
        errors = [m["message"] for m in result["messages"] if m["type"] == "error"]
        if errors:
            raise UserError("\n".join(errors))

    def _server_action(self, **values):
        return self.env["ir.actions.server"].create(
            {
                "name": "Move on",
                "model_id": self.env.ref("sale.model_sale_order").id,
                **values,
            }
        )


INTO = (
    "form",
    "kanban_drag",
    "list_edit",
    "list_edit_multi",
    "import_update",
    "import_state",
    "confirm",
    "validate",
    "write_state",
    "write_state_and_stage",
    "set_attribute",
    "jump_over_the_gate",
    "cancel_first",
    "cancel_and_write_state",
    "by_way_of_a_side_stage",
    "sudo",
    "sudo_confirm",
    "as_superuser",
    "context_keys",
    "server_action_write",
    "server_action_code",
    "automation_rule",
    "cron",
)
FROM_NOTHING = (
    "copy_into_the_stage",
    "copy_into_the_state",
    "create_in_the_stage",
    "create_beyond_the_stage",
    "create_in_the_state",
    "create_with_context_defaults",
    "create_with_default_state",
    "create_with_stored_defaults",
    "import_create",
    "create_approved",
    "create_with_borrowed_approval",
)


@tagged("post_install", "-at_install")
class TestRoutes(ApprovalCommon):
    def _snapshot(self, order):
        """Return all that a refused move could have changed, from the database."""
        self.env.flush_all()
        rows = []
        for table, column in (
            ("sale_order", "id"),
            ("sale_order_line", "order_id"),
            ("customer_approval_request", "res_id"),
        ):
            self.env.cr.execute(
                f"SELECT * FROM {table} WHERE {column} = %s ORDER BY id", [order.id]
            )
            rows.append(self.env.cr.fetchall())
        self.env.cr.execute("SELECT count(*), max(id) FROM sale_order")
        rows.append(self.env.cr.fetchall())
        return rows

    def _order_in(self, status):
        order = self._create_order()
        self._bring_to_status(order, status)
        return order.with_user(self.salesperson)

    def _open_gates(self, order):
        """Let an order pass by whatever the stage asks for."""
        self._bring_to_status(order, "approved")
        if self.production.minimum_deposit:
            self._pay(order)

    def _pay(self, order):
        self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": order.partner_id.id,
                "amount": order.amount_total,
                "currency_id": order.currency_id.id,
                "deposit_order_id": order.id,
            }
        ).action_post()

    def test_routes_into_a_stage_with_a_deposit(self):
        self.production.write(
            {"requires_customer_approval": False, "minimum_deposit": 30}
        )
        routes = Routes(self)
        for name in INTO:
            for paid in (False, True):
                with self.subTest(route=name, paid=paid):
                    self.env["base.automation"].search([]).active = False
                    order = self._create_order().with_user(self.salesperson)
                    if paid:
                        self._pay(order.sudo())
                        getattr(routes, name)(order)
                        self.assertEqual(order.state, "sale")
                        continue
                    before = self._snapshot(order)
                    with (
                        mute_logger("odoo.addons.base.models.ir_actions"),
                        self.assertRaises(UserError) as catcher,
                    ):
                        getattr(routes, name)(order)
                    self.assertIn("still to be collected", str(catcher.exception))
                    self.assertEqual(self._snapshot(order), before)

    def test_routes_from_nothing_with_a_deposit(self):
        """An empty order has nothing to pay, and cannot grow afterwards."""
        self.production.write(
            {"requires_customer_approval": False, "minimum_deposit": 30}
        )
        routes = Routes(self)
        for name in FROM_NOTHING:
            with self.subTest(route=name):
                self.env["ir.default"].search(
                    [("field_id.name", "=", "stage_id")]
                ).unlink()
                order = self._order_in("not_required")
                try:
                    with self.env.cr.savepoint():
                        made = getattr(routes, name)(order)
                except UserError:
                    continue
                self.assertFalse(made.amount_total)
                if made.state != "sale":
                    continue
                with self.assertRaises(UserError):
                    made.order_line = [
                        Command.create(
                            {"product_id": self.product.id, "price_unit": 100}
                        )
                    ]
                    self.env.flush_all()

    def test_amount_from_which_on_the_gate_applies(self):
        self.production.approval_from_amount = 100
        routes = Routes(self)
        for name in INTO:
            for price, passes in ((1, True), (1000, False)):
                with self.subTest(route=name, price=price):
                    self.env["base.automation"].search([]).active = False
                    order = self._create_order().with_user(self.salesperson)
                    order.order_line.price_unit = price
                    if passes:
                        getattr(routes, name)(order)
                        self.env.flush_all()
                        self.assertEqual(order.state, "sale")
                        continue
                    before = self._snapshot(order)
                    with (
                        mute_logger("odoo.addons.base.models.ir_actions"),
                        self.assertRaises(UserError) as catcher,
                    ):
                        getattr(routes, name)(order)
                    self.assertIn(
                        "customer approval is required", str(catcher.exception)
                    )
                    self.assertEqual(self._snapshot(order), before)

    def test_all_routes_are_in_the_table(self):
        routes = {name for name in vars(Routes) if not name.startswith("_")}
        self.assertEqual(routes, {*INTO, *FROM_NOTHING})

    def test_routes_into_the_stage(self):
        routes = Routes(self)
        for name in INTO:
            for status in STATUSES:
                with self.subTest(route=name, status=status):
                    self.env["base.automation"].search([]).active = False
                    order = self._order_in(status)
                    if status == "approved":
                        getattr(routes, name)(order)
                        self.assertEqual(order.state, "sale")
                        self.assertTrue(order.stage_id.gate_stage_ids)
                        continue
                    before = self._snapshot(order)
                    with (
                        mute_logger("odoo.addons.base.models.ir_actions"),
                        self.assertRaises(UserError) as catcher,
                    ):
                        getattr(routes, name)(order)
                    self.assertIn(
                        "customer approval is required", str(catcher.exception)
                    )
                    self.assertEqual(self._snapshot(order), before)

    def test_routes_from_nothing(self):
        """Not even with a neighbour's approval."""
        routes = Routes(self)
        for name in FROM_NOTHING:
            for status in STATUSES:
                with self.subTest(route=name, status=status):
                    order = self._order_in(status)
                    before = self._snapshot(order)
                    with self.assertRaises(UserError):
                        getattr(routes, name)(order)
                    self.assertEqual(self._snapshot(order), before)

    def test_every_stage_past_the_gate(self):
        for stage in (self.production, self.quality, self.ready, self.delivered):
            for status in STATUSES:
                with self.subTest(stage=stage.name, status=status):
                    order = self._order_in(status)
                    if status == "approved":
                        order.stage_id = stage
                        self.assertEqual(order.stage_id, stage)
                        continue
                    with self.assertRaises(UserError) as catcher:
                        order.stage_id = stage
                    sentence = GATE_SENTENCE % stage.name
                    if stage != self.production:
                        sentence = f"{sentence} {ASKED_FOR}"
                    self.assertEqual(str(catcher.exception), sentence)

    def test_ungated_stages_are_open_to_all(self):
        for stage in (self.pending_stage, self.cancelled, self.quote):
            for status in STATUSES:
                with self.subTest(stage=stage.name, status=status):
                    order = self._order_in(status)
                    order.stage_id = stage
                    self.assertEqual(order.stage_id, stage)


@tagged("post_install", "-at_install")
class TestHttpRoutes(HttpCase, ApprovalCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.ref("base.public_user").lang = "en_US"

    def _call_kw(self, model, method, args, kwargs=None):
        return self.make_jsonrpc_request(
            f"/web/dataset/call_kw/{model}/{method}",
            {"model": model, "method": method, "args": args, "kwargs": kwargs or {}},
        )

    def _each_status(self):
        for status in STATUSES:
            order = self._create_order()
            self._bring_to_status(order, status)
            self.env.flush_all()
            with self.subTest(status=status):
                yield status, order

    def _check(self, status, order):
        order.invalidate_recordset()
        if status == "approved":
            self.assertEqual((order.stage_id, order.state), (self.production, "sale"))
        else:
            self.assertEqual((order.stage_id, order.state), (self.quote, "draft"))

    def test_json_rpc(self):
        self.authenticate(LOGIN, LOGIN)
        for method, arguments in (
            ("write", [{"stage_id": self.production.id}]),
            ("write", [{"state": "sale"}]),
            ("action_confirm", []),
            ("web_save", [{"stage_id": self.production.id}, {}]),
        ):
            for status, order in self._each_status():
                call = ("sale.order", method, [order.ids, *arguments])
                if status == "approved":
                    self._call_kw(*call)
                else:
                    with (
                        mute_logger("odoo.http"),
                        self.assertRaisesRegex(JsonRpcException, "UserError"),
                    ):
                        self._call_kw(*call)
                self._check(status, order)

    def test_private_methods_are_private(self):
        self.authenticate(LOGIN, LOGIN)
        order = self._create_order()
        request = self._bring_to_status(order, "pending")
        self.env.flush_all()
        for model, method, args in (
            (request._name, "_decide", [request.ids, "approved", "Me", "link"]),
            (request._name, "_record", [request.ids, {"state": "approved"}]),
            ("sale.order", "_request_customer_approval", [order.ids]),
            ("sale.order", "_open_customer_approval", [order.ids]),
            ("sale.order", "_approve_by_customer", [order.ids, "Me", "link"]),
            ("sale.order", "_write", [order.ids, {"stage_id": self.production.id}]),
            (request._name, "write", [request.ids, {"state": "approved"}]),
            (request._name, "create", [{"state": "approved"}]),
            (request._name, "unlink", [request.ids]),
        ):
            with (
                self.subTest(method=method),
                mute_logger("odoo.http"),
                self.assertRaises(JsonRpcException),
            ):
                self._call_kw(model, method, args)
        request.invalidate_recordset()
        self.assertEqual(request.state, "pending")

    def test_json_2(self):
        key = (
            self.env["res.users.apikeys"]
            .with_user(self.salesperson)
            ._generate("rpc", "test", datetime.now() + timedelta(days=1))
        )
        for status, order in self._each_status():
            with mute_logger("odoo.http"):
                response = self.url_open(
                    "/json/2/sale.order/write",
                    data=json.dumps(
                        {"ids": order.ids, "vals": {"stage_id": self.production.id}}
                    ),
                    headers={
                        "Content-Type": "application/json",
                        "Authorization": f"Bearer {key}",
                    },
                )
            self.assertEqual(response.status_code == 200, status == "approved")
            self._check(status, order)

    def test_portal_signature(self):
        """Signing is the customer's yes. Who rejected before may change their mind."""
        self.env.company.portal_confirmation_pay = False
        self.env.company.portal_confirmation_sign = True
        for status, order in self._each_status():
            token = order._portal_ensure_token()
            self.env.flush_all()
            result = self.make_jsonrpc_request(
                f"/my/orders/{order.id}/accept",
                {"access_token": token, "name": "Ada", "signature": SIGNATURE},
            )
            order.invalidate_recordset()
            self.assertTrue(result.get("force_refresh"), result)
            self.assertEqual(order.state, "sale")
            self.assertEqual(order.customer_approval_status, "approved")
            if status != "approved":
                self.assertEqual(
                    order.customer_approval_request_id.decision_method,
                    "online_signature",
                )

    def test_portal_signature_by_staff(self):
        self.authenticate(LOGIN, LOGIN)
        for _status, order in self._each_status():
            order.require_signature = True
            token = order._portal_ensure_token()
            self.env.flush_all()
            result = self.make_jsonrpc_request(
                f"/my/orders/{order.id}/accept",
                {"access_token": token, "name": "Ada", "signature": SIGNATURE},
            )
            self.assertIn("cannot sign for the customer", result["error"])
            order.invalidate_recordset()
            self.assertEqual(order.state, "draft")

    def test_signature_written_by_hand_is_no_yes(self):
        order = self._create_order()
        order.with_user(self.salesperson).with_context(
            customer_approval_grant="PortalSignature"
        ).write({"signature": SIGNATURE, "signed_by": "Ada"})
        self.assertEqual(order.customer_approval_status, "not_required")
