# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What holds for every model that joins in, whatever it is."""

import re

from lxml import html
from psycopg2 import IntegrityError

from odoo.exceptions import UserError
from odoo.tests import Form, JsonRpcException, new_test_user
from odoo.tools import SQL, mute_logger

from odoo.addons.customer_approval_gate.tests.common import (
    GATE_SENTENCE,
    STATUSES,
    ApprovalMixin,
)
from odoo.addons.customer_approval_gate.tools import ledger, links

LOGIN = "approval_joiner"


class Routes:
    """What somebody might try with one document, to get it into a gated stage or
    state."""

    def __init__(self, case):
        self.case = case
        self.stage = case.gated
        self.field = case.model._stage_field

    def form(self, document):
        with Form(document) as form:
            setattr(form, self.field, self.stage)

    def attribute(self, document):
        document[self.field] = self.stage

    def web_save(self, document):
        document.web_save({self.field: self.stage.id}, {})

    def list_edit(self, document):
        document.web_save_multi([{self.field: self.stage.id}], {})

    def jump(self, document):
        document[self.field] = self.case.beyond

    def superuser(self, document):
        document.sudo().write({self.field: self.stage.id})

    def context(self, document):
        document.with_context(
            install_mode=True, tracking_disable=True, no_gate=True
        ).write({self.field: self.stage.id})

    def loading(self, document):
        xmlid = document.sudo().export_data(["id"])["datas"][0][0]
        result = document.load(
            ["id", f"{self.field}/.id"], [[xmlid, str(self.stage.id)]]
        )
        if not result["ids"]:
            raise UserError(result["messages"][0]["message"])

    def server_action(self, document):
        model = self.case.env["ir.model"]._get(document._name)
        self.case.env["ir.actions.server"].create(
            {
                "name": "Move on",
                "model_id": model.id,
                "state": "code",
                "code": f"record.write({{'{self.field}': {self.stage.id}}})",
            }
        ).with_context(active_model=document._name, active_id=document.id).run()

    def job(self, document):
        self.case.env["ir.cron"].create(
            {
                "name": "Move on",
                "model_id": self.case.env["ir.model"]._get(document._name).id,
                "state": "code",
                "code": f"model.browse({document.id}).write("
                f"{{'{self.field}': {self.stage.id}}})",
                "interval_number": 1,
                "interval_type": "days",
            }
        ).ir_actions_server_id.run()


ROUTES = (
    "form",
    "attribute",
    "web_save",
    "list_edit",
    "jump",
    "superuser",
    "context",
    "loading",
    "server_action",
    "job",
)


class Joins(ApprovalMixin):
    """A class of tests names a model, and says how a document of it is made."""

    name = None
    """The model."""
    groups = "base.group_user,customer_approval_gate.group_request_approval"
    """Those of whoever works with these documents."""
    stage_state = False
    """The state of Odoo's own that the gated stage stands for."""
    beyond_state = False
    """That of the stage behind it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_approval()
        cls.model = cls.env[cls.name]
        cls.partner = cls.env["res.partner"].create(
            {"name": "Ada Approver", "email": "ada@example.com"}
        )
        cls.user = new_test_user(
            cls.env, login=LOGIN, groups=cls.groups, email="joiner@example.com"
        )
        cls._set_up_stages()

    @classmethod
    def _set_up_stages(cls):
        document_type = cls.model._stage_document_type
        own = cls.env["customer.approval.stage"]
        own.search([("document_type", "=", document_type)]).active = False
        initial = cls.model._get_initial_state()
        cls.first, cls.gated, cls.beyond = own.create(
            [
                {
                    "name": name,
                    "document_type": document_type,
                    "document_state": state,
                    "sequence": number,
                }
                for number, (name, state) in enumerate(
                    (
                        ("Drawing", initial),
                        ("Making", cls.stage_state),
                        ("Handing Over", cls.beyond_state),
                    )
                )
            ]
        )
        cls.gated.requires_customer_approval = True

    @classmethod
    def _create(cls, **values):
        """Return a new document of the model."""
        raise NotImplementedError

    def _change(self, document):
        """Change what the customer approves."""
        raise NotImplementedError

    def _get_state(self, document):
        return document._get_document_state()

    def _in_each_status(self):
        for status in STATUSES:
            document = self._create()
            self._bring_to_status(document, status)
            with self.subTest(status=status):
                yield status, document.with_user(self.user)

    def _check(self, status, document, before):
        self.env.flush_all()
        self.env.invalidate_all()
        stage = document._get_stage()
        if status == "approved":
            self.assertIn(stage, self.gated | self.beyond)
            if stage.document_state:
                self.assertEqual(self._get_state(document), stage.document_state)
        else:
            self.assertEqual((stage, self._get_state(document)), before)

    def _try(self, status, document, function):
        """Do something that only an approved document lets happen."""
        before = (document._get_stage(), self._get_state(document))
        if status == "approved":
            function()
        else:
            with self._refused(re.escape("customer approval is required")):
                function()
        self._check(status, document, before)

    # ------------------------------------------------------------------
    # The gate
    # ------------------------------------------------------------------

    def test_new_documents_begin_in_the_first_stage(self):
        self.assertEqual(self._create()._get_stage(), self.first)

    def test_routes(self):
        routes = Routes(self)
        for name in ROUTES:
            with self.subTest(route=name):
                for status, document in self._in_each_status():
                    route = getattr(routes, name)
                    self._try(status, document, lambda d=document, r=route: r(d))

    def test_the_sentence(self):
        with self._refused(re.escape(GATE_SENTENCE % "Making")):
            self._create()[self.model._stage_field] = self.gated

    def test_from_nothing(self):
        field = self.model._stage_field
        for values in ({field: self.gated.id}, {field: self.beyond.id}):
            with self._refused("customer approval is required"):
                self._create(**values)
        key = f"default_{field}"
        with self._refused("customer approval is required"):
            self._create_with_context(**{key: self.gated.id})
        approved = self._create()
        self._bring_to_status(approved, "approved")
        with self._refused("customer approval is required"):
            approved.copy({field: self.gated.id})
        self.assertEqual(approved.copy()._get_stage(), self.first)

    def _create_with_context(self, **context):
        env = self.env
        type(self).env = self.env(context={**self.env.context, **context})
        try:
            return self._create()
        finally:
            type(self).env = env

    def test_states(self):
        name = self.model._find_document_field("state")
        for state in self.model._stage_gated_states:
            if not self.env["customer.approval.stage"].search_count(
                [
                    ("document_type", "=", self.model._stage_document_type),
                    ("document_state", "=", state),
                ]
            ):
                continue
            for status, document in self._in_each_status():
                if status != "approved":
                    before = (document._get_stage(), self._get_state(document))
                    with self._refused("customer approval is required"):
                        document.write({name: state})
                    with self._refused("customer approval is required"):
                        self._create(**{name: state})
                    self._check(status, document, before)

    def test_in_the_database(self):
        for status, document in self._in_each_status():
            self.env.flush_all()
            if status == "approved":
                continue
            changes = [(self.model._stage_field, self.gated.id)]
            if self.stage_state:
                changes.append(
                    (self.model._find_document_field("state"), self.stage_state)
                )
            for column, value in changes:
                with (
                    mute_logger("odoo.sql_db"),
                    self.assertRaises(IntegrityError),
                    self.env.cr.savepoint(flush=False),
                ):
                    self.env.cr.execute(
                        SQL(
                            "UPDATE %s SET %s = %s WHERE id = %s",
                            SQL.identifier(self.model._table),
                            SQL.identifier(column),
                            value,
                            document.id,
                        )
                    )

    def test_by_rpc(self):
        self.authenticate(LOGIN, LOGIN)
        for status, document in self._in_each_status():
            self.env.flush_all()
            call = (
                document._name,
                "write",
                [document.ids, {document._stage_field: self.gated.id}],
            )
            before = (document._get_stage(), self._get_state(document))
            if status == "approved":
                self._call_kw(*call)
            else:
                with mute_logger("odoo.http"), self.assertRaises(JsonRpcException):
                    self._call_kw(*call)
            self._check(status, document, before)

    def _call_kw(self, model, method, args):
        return self.make_jsonrpc_request(
            f"/web/dataset/call_kw/{model}/{method}",
            {"model": model, "method": method, "args": args, "kwargs": {}},
        )

    # ------------------------------------------------------------------
    # Content
    # ------------------------------------------------------------------

    def test_a_change_withdraws_what_was_asked(self):
        document = self._create()
        request = self._bring_to_status(document, "pending")
        self._change(document)
        self.assertEqual(request.state, "withdrawn")
        self.assertEqual(document.customer_approval_status, "not_required")

    def test_what_was_approved_is_locked(self):
        document = self._create()
        request = self._bring_to_status(document, "approved")
        with self._refused("cannot be changed"):
            self._change(document)
        self.assertEqual(request._get_document_status(), "approved")

    def test_what_has_changed(self):
        document = self._create()
        self._bring_to_status(document, "rejected")
        self._change(document)
        request = self._bring_to_status(document, "pending")
        self.assertEqual(request.version, 2)
        tree = html.fromstring(request.difference_html)
        items = tree.xpath("//li")
        self.assertTrue(items)
        text = " ".join(" ".join(items[0].itertext()).split())
        self.assertRegex(text, self.difference)

    difference = ""
    """What the difference says of _change()."""

    # ------------------------------------------------------------------
    # The customer, and evidence
    # ------------------------------------------------------------------

    def _open(self, request):
        self.env.flush_all()
        url = links.url_of(request.approver_ids)
        page = self.url_open(url[url.index("/my/") :])
        self.assertEqual(page.status_code, 200)
        return html.fromstring(page.text)

    def test_the_customer_answers_by_a_link(self):
        document = self._create()
        request = document._request_customer_approval()
        page = self._open(request)
        (heading,) = page.xpath("//h1")
        self.assertEqual(heading.text_content().strip(), request.document_name)
        shown = page.xpath("//*[contains(@class, 'o_customer_approval_total')]")
        self.assertEqual(bool(shown), bool(self.model._find_document_field("total")))
        self.assertIn(self.shown, " ".join(page.text_content().split()))
        token = page.xpath("//input[@name='csrf_token']/@value")[0]
        with mute_logger("odoo.http"):
            self.url_open(
                f"/my/approvals/{request.id}/answer",
                data={
                    "csrf_token": token,
                    "decision": "approved",
                    "name": "Ada Approver",
                    "consent": "1",
                },
            )
        self.env.invalidate_all()
        self.assertEqual(document.customer_approval_status, "approved")
        document[self.model._stage_field] = self.gated
        self.assertEqual(document._get_stage(), self.gated)

    shown = ""
    """What the page says of the document."""

    def test_evidence(self):
        document = self._create()
        request = self._bring_to_status(document, "approved")
        document[self.model._stage_field] = self.gated
        self.env.flush_all()
        self._make_certificate(request)
        self.assertTrue(request.certificate_id)
        result = document.action_verify_customer_approval()
        self.assertEqual(result["params"]["type"], "success", result)
        kinds = document.customer_approval_event_ids.mapped("kind")
        self.assertLessEqual({"requested", "decided", "stage_changed"}, {*kinds})
        flat = ledger.flat(request.content)
        self.assertEqual(ledger.scope_digest(flat), request.scope_digest)

    def test_a_row_written_past_odoo_shows(self):
        document = self._create()
        self._bring_to_status(document, "not_required")
        self.env.flush_all()
        with self._without_triggers(self.model._table):
            self.env.cr.execute(
                SQL(
                    "UPDATE %s SET %s = %s WHERE id = %s",
                    SQL.identifier(self.model._table),
                    SQL.identifier(self.model._stage_field),
                    self.gated.id,
                    document.id,
                )
            )
        self.env.invalidate_all()
        problems, _count = self.env["customer.approval.event"]._verify_all()
        self.assertTrue(
            any(f"{document._name},{document.id}" in problem for problem in problems),
            problems,
        )
