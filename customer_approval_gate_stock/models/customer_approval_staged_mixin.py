# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL


class CustomerApprovalStagedMixin(models.AbstractModel):
    _inherit = "customer.approval.staged.mixin"

    def _run_entry_actions(self, stage):
        """Stock first: the guide's "status-driven inventory actions execute after the
        status transition succeeds"."""
        if action := stage.inventory_action:
            getattr(self, f"_{action}_stock")()
        return super()._run_entry_actions(stage)

    # ------------------------------------------------------------------
    # What a document model says of itself
    # ------------------------------------------------------------------

    def _prepare_stock(self):
        """Make sure that there are stock moves for everything that these documents
        sell and that has not left yet, and no more."""
        raise NotImplementedError

    def _get_stock_products(self):
        """Return the products that these documents sell."""
        raise NotImplementedError

    def _get_stock_pickings(self):
        """Return the ``stock.picking`` records of these documents."""
        raise NotImplementedError

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def _get_open_pickings(self):
        return self._get_stock_pickings().filtered(
            lambda picking: (
                picking.state not in ("done", "cancel") and not picking.return_id
            )
        )

    def _lock_stock(self):
        """Let nobody else take the same goods at the same moment.

        Odoo skips quantities that somebody else has locked, and makes new ones beside
        them, so that two at once would both get the last item. Here the second waits,
        then fails by a serialization error, which Odoo tries again.
        """
        products = self._get_stock_products().filtered("is_storable")
        self.env["stock.quant"].flush_model()
        self.env.cr.execute(
            SQL(
                "SELECT id FROM stock_quant WHERE product_id = ANY(%s)"
                " ORDER BY id FOR UPDATE",
                list(products.ids),
            )
        )

    def _reserve_stock(self):
        """Keep the goods for these documents. What was kept before is released first,
        so that nothing is kept twice."""
        self._lock_stock()
        self._prepare_stock()
        pickings = self._get_open_pickings()
        pickings.do_unreserve()
        pickings._reserve_for_approval()

    def _deliver_stock(self):
        """Let the goods leave the stock: really, by validating the deliveries.

        :raise UserError: something is not there, and the company wants no backorders;
            or a lot is missing
        """
        self._lock_stock()
        self._prepare_stock()
        for document in self:
            document._deliver_pickings()

    def _deliver_pickings(self):
        self.ensure_one()
        refuses = self.company_id.sudo().customer_approval_shortage == "refuse"
        delivered = pending = self._get_open_pickings()
        delivered -= pending
        # Picking, packing and shipping: each step makes the next one ready.
        while pending:
            pending._reserve_for_approval()
            steps = pending.filtered(lambda picking: not picking._waits_for_a_step())
            if refuses and (reasons := steps._get_shortages()):
                self._raise_shortage(reasons)
            ready = pending.filtered(lambda picking: picking._has_something())
            if not ready:
                break
            ready._validate_for_approval()
            delivered |= ready
            pending = self._get_open_pickings()
        if pending and (refuses or not delivered):
            self._raise_shortage(pending._get_shortages())

    def _raise_shortage(self, reasons):
        raise UserError(
            self.env._(
                "%(document)s cannot be delivered: %(reasons)s Bring in the goods, or "
                "change what is delivered.",
                document=self.display_name,
                reasons=" ".join(reasons),
            )
        )

    def _release_stock(self):
        """Let go of what was kept for these documents."""
        self._get_open_pickings().do_unreserve()
