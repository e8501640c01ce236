# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from psycopg2.errors import ForeignKeyViolation

from odoo.exceptions import UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..common import ApprovalCommon


@tagged("post_install", "-at_install")
class TestStage(ApprovalCommon):
    def _messages(self, stage):
        return "\n".join(stage.message_ids.mapped("body"))

    def _set_flag_by_sql(self, value):
        self.env.flush_all()
        with self._without_any_trigger():
            self.env.cr.execute(
                "UPDATE customer_approval_stage SET requires_customer_approval = %s"
                " WHERE id = %s",
                [value, self.production.id],
            )
        self.env.invalidate_all()
        self.env.registry.clear_cache()

    def test_moves_that_no_gate_was_asked_about(self):
        """Whoever takes the flag away for a moment is found by what the ledger says it
        was, since whenever that is."""
        stages = self.env["customer.approval.stage"]
        order = self._create_order()
        self._set_flag_by_sql(False)
        order.stage_id = self.production
        self._set_flag_by_sql(True)
        moves = ("sale_order", "sale.order")
        found = stages._find_unallowed_moves(*moves)
        self.assertEqual(
            [text.split(":")[0] for text in found], [f"sale.order,{order.id}"]
        )
        # As if it was the first and only stage that was ever configured.
        configured = [
            (event_id, values)
            for event_id, stage_id, values in stages._read_configurations()
            if stage_id == self.production.id
        ]
        merged = {}
        for _event_id, values in configured:
            merged.update(values)
        last = configured[-1][0]
        self.patch(
            self.env.registry[stages._name],
            "_read_configurations",
            lambda self: [
                (
                    last,
                    stages.env.ref(
                        "customer_approval_gate.stage_order_in_production"
                    ).id,
                    merged,
                )
            ],
        )
        self.assertEqual(stages._find_unallowed_moves(*moves), found)

    def test_placed_where_nothing_is_asked(self):
        """A new stage places documents that have none, of its own list only: those of a
        list with gates stay where they are."""
        order = self._create_order()
        self.env.flush_all()
        with self._without_triggers("sale_order"):
            self.env.cr.execute(
                "UPDATE sale_order SET stage_id = NULL WHERE id = %s", [order.id]
            )
        self.env.invalidate_all()
        self.invoice_waiting.copy({"name": "Again"})
        self.assertFalse(order.stage_id)
        self.quality.copy({"name": "Again"})
        self.assertFalse(order.stage_id, "its list has a gate")

    def test_from_a_request_to_its_document(self):
        request = self._bring_to_status(self.sale_order, "pending")
        action = request.with_user(self.salesperson).action_view_document()
        self.assertEqual(
            (action["res_model"], action["res_id"]), ("sale.order", self.sale_order.id)
        )

    def test_nothing_of_evidence_can_be_deleted(self):
        """That is no reason to refuse what deletes nothing."""
        events = self.env["customer.approval.event"]
        self.assertTrue(events.browse().unlink())
        self._bring_to_status(self.sale_order, "pending")
        with self._refused("can be neither changed nor deleted"):
            events.search([], limit=1).unlink()

    def test_menu_of_its_own(self):
        """Everybody who asks customers finds it; administrators configure it there."""
        menus = self.env["ir.ui.menu"]
        root = self.env.ref("customer_approval_gate.menu_root")
        stages = self.env.ref("customer_approval_gate.menu_stages")
        visible = menus.with_user(self.salesperson)._visible_menu_ids()
        self.assertIn(root.id, visible)
        self.assertNotIn(stages.id, visible)
        admin = new_test_user(
            self.env, login="approval_admin", groups="base.group_system"
        )
        self.assertIn(stages.id, menus.with_user(admin)._visible_menu_ids())

    def test_gates_count_for_all_later_stages(self):
        self.assertFalse(self.quote.gate_stage_ids)
        self.assertFalse(self.pending_stage.gate_stage_ids)
        for stage in (self.production, self.quality, self.ready, self.delivered):
            self.assertEqual(stage.gate_stage_ids, self.production)
        self.quality.requires_customer_approval = True
        self.assertEqual(self.ready.gate_stage_ids, self.production | self.quality)
        self.assertEqual(self.production.gate_stage_ids, self.production)

    def test_gates_of_one_list_leave_the_other_alone(self):
        self.assertFalse(self.invoice_posted.gate_stage_ids)

    def test_side_stages_ask_for_nothing(self):
        self.assertFalse(self.cancelled.gate_stage_ids)

    def test_flagged_side_stage_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "Untick one of the two"):
            self.cancelled.requires_customer_approval = True

    def test_reordering_moves_the_gate(self):
        self.production.requires_customer_approval = False
        self.production.sequence = 45  # after the quality check
        self.production.requires_customer_approval = True
        self.assertFalse(self.quality.gate_stage_ids)
        self.quality.sequence = 46
        self.assertEqual(self.quality.gate_stage_ids, self.production)
        self.assertIn("In Production", self._messages(self.quality))

    def test_gates_are_not_taken_away_by_moving_stages(self):
        """Whoever archives or moves the stage that asks is told to untick the flag."""
        other = self.env["res.company"].create({"name": "Other"})
        for values in (
            {"active": False},
            {"sequence": 45},
            {"reachable_anytime": True, "requires_customer_approval": True},
            {"company_id": other.id},
            {"document_state": False, "sequence": 45},
        ):
            with (
                self.subTest(values),
                self.assertRaises(UserError),
            ):
                self.production.write(values)
            self.env.invalidate_all()
            self.assertEqual(self.quality.gate_stage_ids, self.production)
        for values in ({"sequence": 25}, {"sequence": 25, "document_state": False}):
            with (
                self.subTest(values),
                self._refused("remove the requirement on “In Prod"),
            ):
                self.quality.write(values)
        self.production.write({"requires_customer_approval": False, "active": False})
        self.assertFalse(self.quality.gate_stage_ids)

    def test_another_gate_asks_for_the_same(self):
        gate = self.production.copy({"sequence": 25, "document_state": False})
        gate.requires_customer_approval = True
        self.quality.requires_customer_approval = True
        self.quality.sequence = 26
        self.production.requires_customer_approval = False
        gate.approval_from_amount = 100
        with self._refused("no longer require"):
            self.quality.sequence = 65
        self.quality.requires_customer_approval = False
        self.quality.sequence = 65

    def test_archived_and_deleted_gates_count_no_more(self):
        self.production.requires_customer_approval = False
        self.production.active = False
        self.assertFalse(self.quality.gate_stage_ids)
        self.assertIn("Active: unticked", self._messages(self.production))
        self.production.active = True
        self.production.requires_customer_approval = True
        self.assertEqual(self.quality.gate_stage_ids, self.production)
        gate = self.production.copy({"sequence": 25, "document_state": False})
        self.assertEqual(self.quality.gate_stage_ids, gate | self.production)
        gate.unlink()
        self.assertEqual(self.quality.gate_stage_ids, self.production)

    def test_gate_of_one_company(self):
        company = self.env["res.company"].create({"name": "Other"})
        self.production.requires_customer_approval = False
        gate = self.production.copy(
            {
                "sequence": 25,
                "company_id": company.id,
                "document_state": False,
                "requires_customer_approval": True,
            }
        )
        self.assertEqual(self.quality.gate_stage_ids, gate)
        self.assertEqual(self.quality._get_gates(company), gate)
        self.assertFalse(self.quality._get_gates(self.env.company))

    def test_flags_are_logged_whatever_the_context(self):
        stage = self.quality.with_context(
            tracking_disable=True, mail_notrack=True, mail_create_nolog=True
        )
        stage.requires_customer_approval = True
        self.assertIn(
            "Requires Customer Approval: ticked", self._messages(self.quality)
        )
        stage.requires_customer_approval = False
        self.assertIn(
            "Requires Customer Approval: unticked", self._messages(self.quality)
        )

    def test_whoever_ticks_a_flag_is_told_what_follows(self):
        self.production.requires_customer_approval = False
        self.sale_order.action_confirm()
        before = self.env["bus.bus"].search([], order="id desc", limit=1).id or 0
        self.production.requires_customer_approval = True
        self.env.cr.precommit.run()  # the bus writes its notifications there
        notifications = self.env["bus.bus"].search([("id", ">", before)])
        text = "\n".join(notifications.mapped("message"))
        self.assertShows("documents in it have no approval", text)
        self.assertEqual(self.sale_order.stage_id, self.production)
        self.assertTrue(self.sale_order.customer_approval_missing)
        self.assertGreaterEqual(self.production.unapproved_count, 1)

    def test_entry_stage_cannot_be_gated(self):
        with self.assertRaisesRegex(ValidationError, "no document could be created"):
            self.quote.requires_customer_approval = True
        with self.assertRaisesRegex(ValidationError, "no document could be created"):
            self.production.sequence = 1

    def test_states_of_the_document_type_only(self):
        with self.assertRaisesRegex(ValidationError, "Choose another state"):
            self.quality.document_state = "posted"
        with self.assertRaisesRegex(ValidationError, "Choose another state"):
            self.invoice_waiting.document_state = "sale"

    def test_stage_in_use_can_only_be_archived(self):
        with self.assertRaisesRegex(UserError, "archive the stage"):
            self.quote.unlink()
        with self.assertRaisesRegex(UserError, "Create a new stage"):
            self.quote.write({"document_type": "invoice", "document_state": False})
        self.quote.active = False
        self.assertEqual(self.sale_order.stage_id, self.quote)

    def test_database_refuses_to_delete_a_stage_in_use(self):
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(ForeignKeyViolation),
        ):
            self.env.cr.execute(
                "DELETE FROM customer_approval_stage WHERE id = %s", [self.quote.id]
            )

    def test_installed_stages(self):
        stages = self.env["customer.approval.stage"]
        installed = {
            document_type: stages.search(
                [
                    ("document_type", "=", document_type),
                    ("id", "in", self._installed_ids()),
                ]
            ).mapped("name")
            for document_type in ("sale_order", "invoice")
        }
        self.assertEqual(
            installed,
            {
                "sale_order": [
                    "Quote",
                    "Pending Approval",
                    "In Production",
                    "Quality Check",
                    "Ready for Delivery",
                    "Delivered",
                    "Cancelled",
                ],
                "invoice": ["Draft", "Waiting for Customer", "Posted", "Cancelled"],
            },
        )

    def _installed_ids(self):
        data = self.env["ir.model.data"].search(
            [
                ("module", "=", "customer_approval_gate"),
                ("model", "=", "customer.approval.stage"),
            ]
        )
        self.assertTrue(all(data.mapped("noupdate")))
        return data.mapped("res_id")
