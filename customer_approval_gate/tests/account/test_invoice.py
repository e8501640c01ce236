# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from ...tools import capability
from ..common import GATE_SENTENCE, STATUSES, ApprovalMixin


class InvoiceCommon(ApprovalMixin, AccountTestInvoicingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_approval()
        cls.partner_a.write({"name": "Ada Approver", "email": "ada@example.com"})
        cls.invoice = cls._create_draft()
        cls.invoice_posted.requires_customer_approval = True

    @classmethod
    def _create_draft(cls, move_type="out_invoice", **kwargs):
        return cls.init_invoice(
            move_type, partner=cls.partner_a, amounts=[100.0, 50.0], **kwargs
        )

    def _state(self, invoice):
        return (invoice.stage_id, invoice.state)


@tagged("post_install", "-at_install")
class TestInvoice(InvoiceCommon):
    def test_stage_and_state_go_along(self):
        self.invoice_posted.requires_customer_approval = False
        invoice = self.invoice
        self.assertEqual(self._state(invoice), (self.invoice_draft, "draft"))
        invoice.stage_id = self.invoice_waiting
        self.assertEqual(self._state(invoice), (self.invoice_waiting, "draft"))
        invoice.stage_id = self.invoice_posted
        self.assertEqual(self._state(invoice), (self.invoice_posted, "posted"))
        self.assertNotIn(invoice.name, (False, "/"))
        for stage in (
            self.invoice_draft,
            self.invoice_cancelled,
        ):
            with self.assertRaisesRegex(UserError, "Reset to Draft"):
                invoice.stage_id = stage
        invoice.stage_id = self.invoice_posted
        invoice.button_draft()
        self.assertEqual(self._state(invoice), (self.invoice_draft, "draft"))
        invoice.button_cancel()
        self.assertEqual(self._state(invoice), (self.invoice_cancelled, "cancel"))
        invoice.stage_id = self.invoice_posted
        self.assertEqual(self._state(invoice), (self.invoice_posted, "posted"))

    def test_posted_invoice_can_be_parked_and_found_again(self):
        self.invoice_posted.requires_customer_approval = False
        self.invoice.action_post()
        self.invoice.stage_id = self.invoice_waiting
        self.assertEqual(self._state(self.invoice), (self.invoice_waiting, "posted"))

    def test_past_the_gate_of_an_amount(self):
        """What was posted before its gate is found by what it comes to, in its own
        currency as well."""
        self.invoice_posted.requires_customer_approval = False
        foreign = self.setup_other_currency("GBP", rates=[("2020-01-01", 0.5)])
        large = self.init_invoice("out_invoice", self.partner_a, amounts=[5000.0])
        small = self.init_invoice("out_invoice", self.partner_a, amounts=[50.0])
        abroad = self.init_invoice(
            "out_invoice", self.partner_a, amounts=[600.0], currency=foreign
        )
        invoices = large | small | abroad
        invoices.action_post()
        self.invoice_posted.write(
            {"requires_customer_approval": True, "approval_from_amount": 1000}
        )
        domain = [("id", "in", invoices.ids), ("customer_approval_missing", "=", True)]
        self.assertEqual(
            self.invoice.search(domain), (large | abroad).sorted("id", True)
        )
        self.assertEqual(invoices.filtered("customer_approval_missing"), large | abroad)

    def test_posting_takes_the_approval(self):
        with self.assertRaises(UserError) as catcher:
            self.invoice.action_post()
        self.assertEqual(str(catcher.exception), GATE_SENTENCE % "Posted")
        self._bring_to_status(self.invoice, "approved")
        self.invoice.action_post()
        self.assertEqual(self._state(self.invoice), (self.invoice_posted, "posted"))
        self.assertEqual(self.invoice.customer_approval_status, "approved")

    def test_posting_changes_no_content(self):
        """The number and the dates that posting gives are no content."""
        self.invoice.invoice_date = False
        request = self._bring_to_status(self.invoice, "approved")
        self.invoice.action_post()
        self.assertFalse(request.lapsed_on)
        self.assertEqual(self.invoice.customer_approval_status, "approved")

    def test_change_of_content(self):
        request = self._bring_to_status(self.invoice, "pending")
        self.invoice.invoice_line_ids[0].price_unit = 1
        self.assertEqual(request.state, "withdrawn")
        self._bring_to_status(self.invoice, "approved")
        for change in (
            lambda: self.invoice.invoice_line_ids[0].unlink(),
            lambda: self.invoice.write({"narration": "Other terms"}),
            lambda: self.invoice.write(
                {
                    "invoice_line_ids": [
                        Command.create({"name": "More", "price_unit": 9})
                    ]
                }
            ),
        ):
            with self.assertRaisesRegex(UserError, "approved version 2"):
                change()
        capability.call(self.invoice._revise_customer_approval, "Other terms")
        self.invoice.narration = "Other terms"
        with self.assertRaises(UserError):
            self.invoice.action_post()

    def test_bookkeeping_is_no_content(self):
        request = self._bring_to_status(self.invoice, "pending")
        self.invoice.invoice_date = "2030-01-01"
        self.invoice.invoice_user_id = self.env.user
        self.invoice.message_post(body="A note")
        self.assertEqual(request.state, "pending")

    def test_other_moves_have_no_stage(self):
        for move_type in ("in_invoice", "out_refund", "in_refund"):
            move = self._create_draft(move_type)
            self.assertFalse(move.stage_id)
            move.action_post()
            self.assertEqual(move.state, "posted")
            self.assertFalse(move.stage_id)
            with self.assertRaisesRegex(UserError, "does not go through stages"):
                move.stage_id = self.invoice_posted
            with self.assertRaisesRegex(UserError, "no customer invoice"):
                move._request_customer_approval()

    def test_entry_has_no_stage(self):
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "line_ids": [
                    Command.create(
                        {
                            "account_id": self.company_data[
                                "default_account_revenue"
                            ].id,
                            "debit": 10,
                        }
                    ),
                    Command.create(
                        {
                            "account_id": self.company_data[
                                "default_account_expense"
                            ].id,
                            "credit": 10,
                        }
                    ),
                ],
            }
        )
        entry.action_post()
        self.assertEqual(self._state(entry), (self.env[self.quote._name], "posted"))
        with self.assertRaisesRegex(UserError, "does not go through stages"):
            self.env["account.move"].create(
                {"move_type": "entry", "stage_id": self.invoice_draft.id}
            )

    def test_mixed_batch(self):
        bill = self._create_draft("in_invoice")
        with self.assertRaises(UserError):
            (bill | self.invoice).action_post()
        self._bring_to_status(self.invoice, "approved")
        (bill | self.invoice).action_post()
        self.assertEqual(bill.state, "posted")
        self.assertEqual(self.invoice.stage_id, self.invoice_posted)

    def test_credit_note_of_an_approved_invoice(self):
        self._bring_to_status(self.invoice, "approved")
        self.invoice.action_post()
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=self.invoice.ids)
            .create({"journal_id": self.invoice.journal_id.id})
        )
        wizard.modify_moves()
        self.assertEqual(self.invoice.payment_state, "reversed")
        replacement = wizard.new_move_ids.filtered(
            lambda move: move.move_type == "out_invoice"
        )
        self.assertEqual(replacement.stage_id, self.invoice_draft)
        self.assertEqual(replacement.customer_approval_status, "not_required")

    def test_autopost_cron_posts_the_others(self):
        """Where core must not be interrupted, the blocked invoice is left out."""
        today = fields.Date.today()
        approved = self._create_draft()
        self._bring_to_status(approved, "approved")
        bill = self._create_draft("in_invoice")
        moves = self.invoice | approved | bill
        moves.write({"auto_post": "at_date", "invoice_date": today, "date": today})
        with self.enter_registry_test_mode():
            self.env.ref(
                "account.ir_cron_auto_post_draft_entry"
            ).method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(approved.state, "posted")
        self.assertEqual(bill.state, "posted")
        self.assertEqual(self._state(self.invoice), (self.invoice_draft, "draft"))
        self.assertIn(
            GATE_SENTENCE % "Posted", "".join(self.invoice.message_ids.mapped("body"))
        )

    def test_recurring_copy_is_not_approved(self):
        self._bring_to_status(self.invoice, "approved")
        self.invoice.write({"auto_post": "monthly"})
        self.invoice.action_post()
        copy = self.env["account.move"].search(
            [("auto_post_origin_id", "=", self.invoice.id), ("state", "=", "draft")]
        )
        self.assertEqual(copy.stage_id, self.invoice_draft)
        self.assertEqual(copy.customer_approval_status, "not_required")


class InvoiceRoutes:
    """What somebody might try to get an invoice posted. A route gets a draft."""

    def __init__(self, test):
        self.test = test
        self.env = test.env
        self.stage = test.invoice_posted

    def form(self, invoice):
        with Form(invoice) as form:
            form.stage_id = self.stage

    def kanban_drag(self, invoice):
        invoice.web_save({"stage_id": self.stage.id}, {"stage_id": {}})

    def post(self, invoice):
        invoice.action_post()

    def post_privately(self, invoice):
        invoice._post(soft=False)

    def post_softly_as_superuser(self, invoice):
        invoice.sudo()._post()

    def validate_in_a_list(self, invoice):
        invoice.action_validate_moves_with_confirmation()

    def validate_by_the_wizard(self, invoice):
        self.env["validate.account.move"].create(
            {"move_ids": invoice.ids, "force_post": True}
        ).validate_move()

    def write_state(self, invoice):
        invoice.write({"state": "posted"})

    def write_stage_with_context_keys(self, invoice):
        invoice.with_context(
            skip_readonly_check=True,
            customer_approval_grant=True,
            move_reverse_cancel=True,
            check_move_validity=False,
        ).sudo().write({"stage_id": self.stage.id})

    def import_update(self, invoice):
        xmlid = invoice.sudo().export_data(["id"])["datas"][0][0]
        self._load(invoice, ["id", "stage_id/.id"], [xmlid, str(self.stage.id)])

    def import_state(self, invoice):
        xmlid = invoice.sudo().export_data(["id"])["datas"][0][0]
        self._load(invoice, ["id", "state"], [xmlid, "posted"])

    def cancel_first(self, invoice):
        invoice.button_cancel()
        invoice.stage_id = self.stage

    def server_action(self, invoice):
        self.env["ir.actions.server"].sudo().create(
            {
                "name": "Post",
                "model_id": self.env.ref("account.model_account_move").id,
                "state": "code",
                "code": "records.sudo().action_post()",
            }
        ).with_context(
            active_model="account.move", active_id=invoice.id, active_ids=invoice.ids
        ).run()

    # Never: these would make a new invoice that is posted from the start

    def copy_posted(self, invoice):
        invoice.copy({"state": "posted"})

    def copy_into_the_stage(self, invoice):
        invoice.copy({"stage_id": self.stage.id})

    def create_with_default_state(self, invoice):
        self._create(invoice.with_context(default_state="posted"))

    def create_with_default_stage(self, invoice):
        self._create(invoice.with_context(default_stage_id=self.stage.id))

    def import_create(self, invoice):
        self._load(
            invoice,
            ["id", "move_type", "partner_id/.id", "stage_id/.id"],
            [
                "__test__.new_invoice",
                "out_invoice",
                str(invoice.partner_id.id),
                str(self.stage.id),
            ],
        )

    def turn_a_posted_receipt_into_an_invoice(self, invoice):
        receipt = self.test._create_draft("out_receipt")
        receipt.action_post()
        receipt.with_context(skip_readonly_check=True).write(
            {"move_type": "out_invoice"}
        )

    def _create(self, invoice):
        return invoice.create(
            {
                "move_type": "out_invoice",
                "partner_id": invoice.partner_id.id,
                "invoice_date": "2026-01-01",
                "invoice_line_ids": [
                    Command.create({"name": "Thing", "price_unit": 10})
                ],
            }
        )

    def _load(self, invoice, columns, row):
        result = invoice.load(columns, [row])
        errors = [m["message"] for m in result["messages"] if m["type"] == "error"]
        if errors:
            raise UserError("\n".join(errors))


NEVER = (
    "copy_posted",
    "copy_into_the_stage",
    "create_with_default_state",
    "create_with_default_stage",
    "import_create",
    "turn_a_posted_receipt_into_an_invoice",
)


@tagged("post_install", "-at_install")
class TestInvoiceRoutes(InvoiceCommon):
    def test_routes(self):
        routes = InvoiceRoutes(self)
        for name in [name for name in vars(InvoiceRoutes) if name[0] != "_"]:
            for status in STATUSES:
                with self.subTest(route=name, status=status):
                    # By the form it would take a second each.
                    invoice = self.invoice.copy({"invoice_date": "2026-01-01"})
                    self._bring_to_status(invoice, status)
                    if status == "approved" and name not in NEVER:
                        getattr(routes, name)(invoice)
                        self.assertEqual(
                            self._state(invoice), (self.invoice_posted, "posted")
                        )
                        continue
                    before = self._snapshot(invoice)
                    posted = self._count_posted()
                    with (
                        mute_logger("odoo.addons.base.models.ir_actions"),
                        self.assertRaises(UserError),
                    ):
                        getattr(routes, name)(invoice)
                    self.env.invalidate_all()
                    self.assertEqual(self._snapshot(invoice), before)
                    self.assertEqual(self._count_posted(), posted)

    def _snapshot(self, invoice):
        names = ["state", "stage_id", "name", "amount_total", "posted_before"]
        lines = ["name", "price_unit", "quantity", "balance"]
        return (
            invoice.read([*names, "customer_approval_status"]),
            invoice.line_ids.read(lines),
        )

    def _count_posted(self):
        return self.env["account.move"].search_count(
            [("move_type", "=", "out_invoice"), ("state", "=", "posted")]
        )
