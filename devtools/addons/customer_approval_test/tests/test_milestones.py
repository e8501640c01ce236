# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from psycopg2 import IntegrityError

from odoo.exceptions import UserError
from odoo.tests import Form, HttpCase, JsonRpcException, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.customer_approval_gate.tests.common import (
    GATE_SENTENCE,
    STATUSES,
    ApprovalMixin,
)

LOGIN = "approval_milestones"


@tagged("post_install", "-at_install")
class TestMilestones(ApprovalMixin, HttpCase):
    """A field that is held back until its customer has approved, without stages."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_approval()
        cls.partner = cls.env["res.partner"].create(
            {"name": "Ada Approver", "email": "ada@example.com"}
        )
        cls.user = new_test_user(
            cls.env,
            login=LOGIN,
            groups="base.group_user,customer_approval_gate.group_request_approval",
        )

    @classmethod
    def _create(cls, **values):
        return cls.env["customer.approval.test.milestone"].create(
            {"name": "Roof", "partner_id": cls.partner.id, **values}
        )

    def _form(self, milestone):
        with Form(milestone) as form:
            form.is_reached = True

    def _load(self, milestone):
        xmlid = milestone.sudo().export_data(["id"])["datas"][0][0]
        result = milestone.load(["id", "is_reached"], [[xmlid, "True"]])
        if not result["ids"]:
            raise UserError(result["messages"][0]["message"])

    def test_routes(self):
        routes = {
            "form": self._form,
            "load": self._load,
            "attribute": lambda m: setattr(m, "is_reached", True),
            "superuser": lambda m: m.sudo().write({"is_reached": True}),
            "context": lambda m: m.with_context(install_mode=True).write(
                {"is_reached": True}
            ),
        }
        for name, route in routes.items():
            for status in STATUSES:
                with self.subTest(route=name, status=status):
                    milestone = self._create()
                    self._bring_to_status(milestone, status)
                    own = milestone.with_user(self.user)
                    if status == "approved":
                        route(own)
                    else:
                        with self._refused(GATE_SENTENCE % "Reached"):
                            route(own)
                    milestone.invalidate_recordset()
                    self.assertEqual(milestone.is_reached, status == "approved")

    def test_from_nothing(self):
        with self._refused(GATE_SENTENCE % "Reached"):
            self._create(is_reached=True)
        with self._refused(GATE_SENTENCE % "Reached"):
            self._create().copy({"is_reached": True})

    def test_with_what_changes_the_content(self):
        milestone = self._create()
        self._bring_to_status(milestone, "approved")
        with self._refused(GATE_SENTENCE % "Reached"):
            milestone.write({"is_reached": True, "name": "Cellar"})

    def test_small_ones_have_no_gate(self):
        small = self._create(kind="small", is_reached=True)
        with self._refused(GATE_SENTENCE % "Reached"):
            small.kind = "large"

    def test_by_rpc(self):
        self.authenticate(LOGIN, LOGIN)
        milestone = self._create()
        self.env.flush_all()
        with mute_logger("odoo.http"), self.assertRaises(JsonRpcException):
            self.make_jsonrpc_request(
                f"/web/dataset/call_kw/{milestone._name}/write",
                {
                    "model": milestone._name,
                    "method": "write",
                    "args": [milestone.ids, {"is_reached": True}],
                    "kwargs": {},
                },
            )

    def test_in_the_database(self):
        milestone = self._create()
        small = self._create(kind="small")
        approved = self._create()
        self._bring_to_status(approved, "approved")
        self.env.flush_all()
        query = "UPDATE customer_approval_test_milestone SET {} WHERE id = %s"
        for record, change in (
            (milestone, "is_reached = TRUE"),
            (milestone, "is_reached = TRUE, customer_approval_status = 'approved'"),
        ):
            with (
                mute_logger("odoo.sql_db"),
                self.assertRaises(IntegrityError),
                self.env.cr.savepoint(flush=False),
            ):
                self.env.cr.execute(query.format(change), [record.id])
        for record in (small, approved):
            self.env.cr.execute(query.format("is_reached = TRUE"), [record.id])
        # What was small becomes large.
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError),
            self.env.cr.savepoint(flush=False),
        ):
            self.env.cr.execute(query.format("kind = 'large'"), [small.id])

    def test_shown(self):
        milestone = self._create()
        self.assertEqual(milestone.customer_approval_banner, "request")
        self._bring_to_status(milestone, "approved")
        milestone.is_reached = True
        self.assertTrue(milestone._is_past_gate())
        self.assertEqual(milestone.customer_approval_banner, "begun")
        result = milestone.action_verify_customer_approval()
        self.assertEqual(result["params"]["type"], "success", result)
