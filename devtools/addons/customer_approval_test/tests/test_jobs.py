# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from lxml import etree
from psycopg2 import IntegrityError

from odoo.fields import Command
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import Joins


@tagged("post_install", "-at_install")
class TestJobs(Joins, HttpCase):
    """Fields of other names, several gated and several final states, lines that may
    belong to nothing."""

    name = "customer.approval.test.job"
    stage_state = "running"
    beyond_state = "over"
    difference = "Pieces: .*4.*→.*5"
    shown = "Starts On"

    @classmethod
    def _create(cls, **values):
        product = cls.env["product.product"].search([], limit=1)
        return cls.env[cls.name].create(
            {
                "title": "Fair",
                "client_id": cls.partner.id,
                "clerk_id": cls.user.id,
                "firm_id": cls.env.company.id,
                "money_id": cls.env.company.currency_id.id,
                "price": 120,
                "starts_on": "2026-12-01",
                "size": 2.5,
                "kind": "a",
                "stage_id": "Main hall",
                "part_ids": [Command.create({"product_id": product.id, "pieces": 4})],
                **values,
            }
        )

    def _change(self, document):
        document.part_ids.pieces = 5

    def test_what_is_no_content(self):
        document = self._create()
        request = self._bring_to_status(document, "approved")
        document.part_ids.shelf = "B 12"
        document.stage_id = "Small hall"
        self.assertEqual(document.customer_approval_status, "approved")
        self.assertEqual(request._get_document_status(), "approved")

    def test_parts_of_nothing(self):
        part = self.env["customer.approval.test.part"].create({"pieces": 1})
        part.pieces = 2
        document = self._create()
        self._bring_to_status(document, "approved")
        for change in (
            lambda: part.write({"job_id": document.id}),
            lambda: document.part_ids.write({"job_id": False}),
            lambda: document.part_ids.unlink(),
            lambda: part.create({"job_id": document.id}),
        ):
            with self._refused("cannot be changed"):
                change()
        part.unlink()

    def test_states_without_a_stage_of_their_own(self):
        """What is gated and has no stage is held back as the state before it."""
        document = self._create()
        for change in (
            lambda: document.write({"status": "billed"}),
            lambda: self._create(status="billed"),
        ):
            with self._refused("customer approval is required"):
                change()
        self.env.flush_all()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError),
            self.env.cr.savepoint(flush=False),
        ):
            self.env.cr.execute(
                "UPDATE customer_approval_test_job SET status = 'billed' WHERE id = %s",
                [document.id],
            )
        self._bring_to_status(document, "approved")
        document.status = "billed"
        self.assertEqual(document.phase_id, self.first, "no stage stands for it")
        self.assertFalse(self.env["customer.approval.event"]._verify_all()[0])

    def test_locked_states(self):
        document = self._create()
        self._bring_to_status(document, "approved")
        document.phase_id = self.gated
        document.phase_id = self.first
        self.assertEqual(document.status, "new")
        document.phase_id = self.beyond
        self.assertEqual(document.status, "over")
        with self._refused("use its own buttons"):
            document.phase_id = self.first

    def test_the_form_has_the_phases(self):
        view = self.env[self.name].get_views([(False, "form")])["views"]["form"]
        tree = etree.fromstring(view["arch"])
        (bar,) = tree.xpath("//header/field[@widget='customer_approval_statusbar']")
        self.assertEqual(bar.get("name"), "phase_id")
        self.assertIn("'status'", bar.get("options"))

    def test_cancelled(self):
        for status in ("dropped", "lost"):
            document = self._create()
            request = self._bring_to_status(document, "pending")
            document.status = status
            self.assertEqual(request.state, "withdrawn")

    def test_from_an_amount_on(self):
        self.gated.approval_from_amount = 1000
        document = self._create()
        document.phase_id = self.gated
        with (
            mute_logger("odoo.sql_db"),
            self._refused("so large a total", IntegrityError),
            self.env.cr.savepoint(),
        ):
            document.price = 2000
        document.invalidate_recordset()
        large = self._create(price=1500)
        with self._refused("customer approval is required"):
            large.phase_id = self.gated
