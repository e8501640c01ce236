# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging
import re
from contextlib import contextmanager, nullcontext
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import HttpCase, new_test_user
from odoo.tools import SQL, mute_logger

from odoo.addons.sale.tests.common import SaleCommon

from ..tools import capability
from ..tools.event_data import Answer
from .browser import KeptBrowser
from .shown import ShownMixin

GATE_SENTENCE = (
    "Cannot advance to %s: customer approval is required. Request customer approval "
    "before changing to this status."
)
# Added where another stage's flag blocks.
ASKED_FOR = "(asked for by In Production)"
STATUSES = ("not_required", "pending", "approved", "rejected")
# One transparent pixel.
SIGNATURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8A"
    "AAAASUVORK5CYII="
)


class ApprovalMixin(ShownMixin):
    """Fixtures for any test class: stages, a salesperson, ways to an approval."""

    @classmethod
    def _set_up_approval(cls):
        ref = cls.env(su=True).ref  # whoever the test runs as
        cls.quote = ref("customer_approval_gate.stage_order_quote")
        cls.pending_stage = ref("customer_approval_gate.stage_order_pending_approval")
        cls.production = ref("customer_approval_gate.stage_order_in_production")
        cls.quality = ref("customer_approval_gate.stage_order_quality_check")
        cls.ready = ref("customer_approval_gate.stage_order_ready")
        cls.delivered = ref("customer_approval_gate.stage_order_delivered")
        cls.cancelled = ref("customer_approval_gate.stage_order_cancelled")
        cls.invoice_draft = ref("customer_approval_gate.stage_invoice_draft")
        cls.invoice_waiting = ref("customer_approval_gate.stage_invoice_waiting")
        cls.invoice_posted = ref("customer_approval_gate.stage_invoice_posted")
        cls.invoice_cancelled = ref("customer_approval_gate.stage_invoice_cancelled")
        # Demo data, or whoever uses the database, may have ticked other flags.
        stages = cls.quote.with_context(active_test=False).search([])
        stages.requires_customer_approval = False

    @classmethod
    def _create_salesperson(cls, login="approval_salesperson", **kwargs):
        return new_test_user(
            cls.env,
            login=login,
            groups="sales_team.group_sale_salesman_all_leads,account.group_account_invoice",
            email=f"{login}@example.com",
            **kwargs,
        )

    @contextmanager
    def _without_triggers(self, *tables):
        """As the owner of the database, who can switch off what guards it."""
        self.env.flush_all()
        for table in tables:
            self.env.cr.execute(
                SQL("ALTER TABLE %s DISABLE TRIGGER USER", SQL.identifier(table))
            )
        yield
        for table in tables:
            self.env.cr.execute(
                SQL("ALTER TABLE %s ENABLE TRIGGER USER", SQL.identifier(table))
            )

    @contextmanager
    def _without_any_trigger(self):
        """As a superuser of PostgreSQL, who can do so in a whole session."""
        self.env.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self.env.cr.execute("SET LOCAL session_replication_role = replica")
        yield
        self.env.cr.execute("SET LOCAL session_replication_role = origin")
        self.env.cr.execute("SET CONSTRAINTS ALL DEFERRED")

    @contextmanager
    def _refused(self, regex, error=UserError):
        """Around what is refused: nothing of it stays."""
        with self.assertRaises(error) as catcher:
            yield
        self.assertRegex(str(catcher.exception), regex)

    def _run_job(self, name):
        """Do what a job does, in transactions of its own.

        :param str name: of the ``ir.cron``, without the prefix of its id
        """
        job = self.env.ref(f"customer_approval_gate.{name}")
        is_http = isinstance(self, HttpCase)
        with nullcontext() if is_http else self.enter_registry_test_mode():
            job.method_direct_trigger()
        self.env.invalidate_all()

    def _make_certificate(self, request):
        """Print, store and mail, as the job does."""
        request = request.sudo()
        capability.call(request._store_certificate, request._print_certificate())

    def _bring_to_status(self, document, status):
        """Bring a document to an approval status, the way people do."""
        document = document.sudo()
        if status == "not_required":
            return document.browse()
        requests = document._open_customer_approval(mail=False)
        for request in requests:
            if status == "approved":
                request._decide(Answer("approved", "Ada Approver", "link"))
            elif status == "rejected":
                request._decide(
                    Answer("rejected", "Ada Approver", "link", reason="Too dear")
                )
        self.assertEqual(set(document.mapped("customer_approval_status")), {status})
        return requests


class _Console(logging.Handler):
    """Keeps what a browser's console says as a warning or an error."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage().strip())


class BrowserCase(HttpCase):
    """Tours, in a browser whose console stays empty. The tests of a class share it."""

    # What Odoo's own code says there.
    ODOOS_WARNINGS = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._browsers = {}
        cls.addClassCleanup(cls._close_browsers)

    @classmethod
    def _close_browsers(cls):
        for browser in cls._browsers.values():
            browser.close()
        cls._browsers.clear()

    def _get_browser(self, test_case, success_signal, **options):
        """Return a browser like that which Odoo would start."""
        browser = self._browsers.get(self.touch_enabled)
        if browser and browser.is_usable():
            browser.reuse(self, success_signal)
            return browser
        browser = KeptBrowser(test_case, success_signal=success_signal, **options)
        self._browsers[self.touch_enabled] = browser
        return browser

    def browser_js(self, *args, **kwargs):
        kept = patch("odoo.tests.common.ChromeBrowser", self._get_browser)
        with kept, self._console_stays_empty():
            return super().browser_js(*args, **kwargs)

    @contextmanager
    def _console_stays_empty(self):
        logger = self._logger.getChild("browser")
        console, level = _Console(), logger.level
        logger.addHandler(console)
        logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            logger.setLevel(level)
            logger.removeHandler(console)
            lines = [
                line
                for line in console.lines
                if not any(known in line for known in self.ODOOS_WARNINGS)
            ]
            self.assertFalse(lines, "the browser's console is not empty")

    def _tour(self, url, name, **kwargs):
        self.env.flush_all()
        with mute_logger("odoo.http"):  # refusals are what the tours are about
            self.start_tour(url, name, **{"timeout": 120, **kwargs})
        self.env.invalidate_all()


def follow(case, response):
    """Return the page that a form leads back to, if it does."""
    location = response.headers.get("Location") or ""
    if response.status_code != 303 or re.search(
        r"answered=|confirmed=|login|/odoo/", location
    ):
        return response
    with mute_logger("odoo.http"):
        return case.url_open(re.sub(r"^https?://[^/]+|#.*", "", location))


class ApprovalCommon(ApprovalMixin, SaleCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_approval()
        cls.partner.write({"name": "Ada Approver", "email": "ada@example.com"})
        cls.salesperson = cls._create_salesperson()
        cls.sale_order.user_id = cls.salesperson
        cls.production.requires_customer_approval = True

    @classmethod
    def _create_order(cls, **values):
        return cls.env["sale.order"].create(
            {
                "partner_id": cls.partner.id,
                "user_id": cls.salesperson.id,
                "order_line": [
                    Command.create(
                        {
                            "product_id": cls.product.id,
                            "product_uom_qty": 2,
                            "price_unit": 100,
                        }
                    )
                ],
                **values,
            }
        )
