# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools.misc import clean_context

from odoo.addons.customer_approval_gate.tools import capability
from odoo.addons.customer_approval_gate.tools.quantities import format_quantity


class StockPicking(models.Model):
    _inherit = "stock.picking"

    customer_approval_invoice_id = fields.Many2one(
        "account.move",
        string="Customer Invoice",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        help="The invoice without an order whose goods these are.",
    )

    def _action_done(self):
        """Goods that were not ordered become lines of the order: what was agreed stays
        what it was."""
        # Defaults that are sent along would be on those lines, such as a price.
        pickings = self.with_context(clean_context(self.env.context))
        # Whoever delivers needs no right on orders.
        orders = pickings.sudo().sale_id | pickings.sudo().reference_ids.sale_ids
        with capability.hold(self.env, capability.Delivering(orders)):
            return super(StockPicking, pickings)._action_done()

    def _reserve_for_approval(self):
        """Reserve what is there."""
        for picking in self:
            if picking.state == "draft":
                picking.action_confirm()
            moves = picking.move_ids.filtered(
                lambda move: move.state not in ("draft", "done", "cancel")
            )
            moves._action_assign()

    def _has_something(self):
        self.ensure_one()
        return any(
            move.quantity
            for move in self.move_ids
            if move.state not in ("done", "cancel")
        )

    def _waits_for_a_step(self):
        """Return whether the goods come from another picking that is not done yet."""
        self.ensure_one()
        before = self.move_ids.move_orig_ids
        return any(move.state not in ("done", "cancel") for move in before)

    def _get_shortages(self):
        """Return what is missing to deliver all of these, a sentence a line."""
        reasons = []
        for move in self.move_ids.filtered(lambda m: m.state not in ("done", "cancel")):
            unit = move.product_uom
            if unit.compare(move.quantity, move.product_uom_qty) < 0:
                reasons.append(
                    self.env._(
                        "%(product)s: %(there)s of %(needed)s %(unit)s are there.",
                        product=move.product_id.display_name,
                        there=format_quantity(self.env, move.quantity),
                        needed=format_quantity(self.env, move.product_uom_qty),
                        unit=unit.name,
                    )
                )
        return reasons

    def _check_lots(self):
        """
        :raise UserError: goods that are traced have no lot, as nothing was reserved
        """
        for line in self.move_line_ids:
            if line.quantity and line.tracking != "none" and not line.lot_id:
                raise UserError(
                    self.env._(
                        "%(picking)s cannot be delivered by itself: the line "
                        "%(product)s needs a lot or serial number for %(quantity)s "
                        "%(unit)s. Open the delivery and enter it.",
                        picking=line.picking_id.name,
                        product=line.product_id.display_name,
                        quantity=format_quantity(self.env, line.quantity),
                        unit=line.product_uom_id.name,
                    )
                )

    def _check_nothing_has_left(self):
        """
        :raise UserError: goods of invoices that are to be deleted have left
        """
        for picking in self:
            if picking.state == "done" and not picking.return_ids:
                raise UserError(
                    self.env._(
                        "%(invoice)s cannot be deleted: its goods have left "
                        "(%(picking)s). Cancel it, which takes them back.",
                        invoice=picking.customer_approval_invoice_id.display_name,
                        picking=picking.name,
                    )
                )

    def _validate_for_approval(self):
        """Validate deliveries by Odoo's own button, what is reserved and no more.

        :raise UserError: Odoo wants to know something first
        """
        self._check_lots()
        for picking in self:
            moves = picking.move_ids.filtered(
                lambda move: move.state not in ("done", "cancel")
            )
            moves.picked = False
            moves.filtered("quantity").picked = True
            # Without it, the dialog for text messages is returned, and nothing done.
            keys = {"skip_backorder": True, "skip_sms": True}
            picking.with_context(**keys).button_validate()
            if picking.state != "done":
                raise UserError(
                    self.env._(
                        "%(picking)s could not be validated by itself. Open it and "
                        "validate it: it says what is missing.",
                        picking=picking.name,
                    )
                )

    def _return_for_approval(self):
        """Take back all that has left, by Odoo's own return."""
        for picking in self.filtered(lambda picking: picking.state == "done"):
            wizard = (
                self.env["stock.return.picking"]
                .with_context(active_id=picking.id, active_model=picking._name)
                .create({"picking_id": picking.id})
            )
            for line in wizard.product_return_moves:
                returned = sum(
                    move.quantity
                    for move in line.move_id.returned_move_ids
                    if move.state == "done"
                )
                line.quantity = max(line.move_id.quantity - returned, 0)
            if not any(wizard.product_return_moves.mapped("quantity")):
                continue
            back = wizard._create_return()
            for line in back.move_line_ids:
                line.picked = True
            back.move_ids.picked = True
            back.with_context(skip_backorder=True, skip_sms=True).button_validate()
            if back.state != "done":
                raise UserError(
                    self.env._(
                        "%(picking)s could not be taken back by itself. Return it by "
                        "hand first.",
                        picking=picking.name,
                    )
                )
