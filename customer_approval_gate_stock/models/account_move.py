# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models
from odoo.exceptions import UserError


class AccountMove(models.Model):
    _inherit = "account.move"

    customer_approval_picking_ids = fields.One2many(
        "stock.picking", "customer_approval_invoice_id", string="Own Deliveries"
    )
    customer_approval_picking_count = fields.Integer(
        string="Number of Deliveries",
        compute="_compute_customer_approval_picking_count",
    )

    def _compute_customer_approval_picking_count(self):
        for move in self:
            # Bookkeepers need not see the stock to know that there are deliveries.
            pickings = move.sudo().customer_approval_picking_ids
            move.customer_approval_picking_count = len(pickings)

    def action_view_customer_approval_pickings(self):
        """Open the deliveries of this invoice's own."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "stock.action_picking_tree_all"
        )
        action["domain"] = [("customer_approval_invoice_id", "=", self.id)]
        action["context"] = {}
        return action

    def button_draft(self):
        result = super().button_draft()
        self._take_back_stock()
        return result

    def button_cancel(self):
        result = super().button_cancel()
        self._take_back_stock()
        return result

    def unlink(self):
        """Nothing is kept for an invoice that is deleted."""
        pickings = self.sudo().customer_approval_picking_ids  # as below
        pickings._check_nothing_has_left()
        pickings.filtered(lambda p: p.state not in ("done", "cancel")).action_cancel()
        return super().unlink()

    def _take_back_stock(self):
        """An invoice that is taken back takes its goods back."""
        if not self:
            return
        # Whoever keeps the books need not be allowed to move goods.
        pickings = self.sudo().customer_approval_picking_ids
        pickings = pickings.filtered(lambda picking: not picking.return_id)
        returns = pickings.search([("return_id", "in", pickings.ids)])
        open_ones = (pickings | returns).filtered(
            lambda picking: picking.state not in ("done", "cancel")
        )
        open_ones.action_cancel()
        (pickings - open_ones)._return_for_approval()

    def _get_stock_products(self):
        return self._get_stock_lines().product_id

    def _get_stock_pickings(self):
        return self.customer_approval_picking_ids

    def _get_stock_lines(self):
        """Return the lines that sell goods of which no order says when they leave."""
        return self.invoice_line_ids.filtered(
            lambda line: (
                line.display_type == "product"
                and line.product_id.type == "consu"
                and not line.sale_line_ids
                and line.quantity > 0
            )
        )

    def _prepare_stock(self):
        for move in self:
            if move._has_too_much_ahead():
                move._get_open_pickings().action_cancel()
            missing = {}
            for line in move._get_stock_lines():
                quantity = line.quantity - line._get_moved_quantity()
                if line._get_stock_unit().compare(quantity, 0) > 0:
                    missing[line] = quantity
            if missing:
                move._create_own_picking(missing)

    def _has_too_much_ahead(self):
        """Return whether something is to leave that the invoice does not sell any
        more."""
        self.ensure_one()
        lines = self._get_stock_lines()
        ahead = self._get_open_pickings().move_ids.filtered(
            lambda move: move.state not in ("done", "cancel")
        )
        return any(
            move.customer_approval_invoice_line_id not in lines
            or move.product_id != move.customer_approval_invoice_line_id.product_id
            for move in ahead
        ) or any(
            line._get_stock_unit().compare(line._get_moved_quantity(), line.quantity)
            > 0
            for line in lines
        )

    def _create_own_picking(self, quantities):
        """Make the delivery of an invoice without an order.

        :param dict quantities: how much of each line is to leave
        """
        self.ensure_one()
        warehouse = self.env["stock.warehouse"].search(
            [("company_id", "=", self.company_id.id)], limit=1
        )
        if not warehouse:
            raise UserError(
                self.env._(
                    "%(company)s has no warehouse from which %(invoice)s could be "
                    "delivered. Create one.",
                    company=self.company_id.display_name,
                    invoice=self.display_name,
                )
            )
        operation = warehouse.out_type_id
        partner = self.partner_shipping_id or self.partner_id
        places = {
            "location_id": (
                operation.default_location_src_id or warehouse.lot_stock_id
            ).id,
            "location_dest_id": partner.property_stock_customer.id,
        }
        picking = self.env["stock.picking"].create(
            {
                "picking_type_id": operation.id,
                "partner_id": partner.id,
                "origin": self.display_name,
                "company_id": self.company_id.id,
                "customer_approval_invoice_id": self.id,
                "move_ids": [
                    fields.Command.create(
                        {
                            "product_id": line.product_id.id,
                            "product_uom_qty": quantity,
                            "product_uom": line._get_stock_unit().id,
                            "company_id": self.company_id.id,
                            "customer_approval_invoice_line_id": line.id,
                            **places,
                        }
                    )
                    for line, quantity in quantities.items()
                ],
                **places,
            }
        )
        picking.action_confirm()
        return picking


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _get_stock_unit(self):
        return self.product_uom_id or self.product_id.uom_id

    def _get_moved_quantity(self):
        """Return how much of the line has left, or is to leave, less what came back."""
        self.ensure_one()
        moves = self.env["stock.move"].search(
            [
                ("customer_approval_invoice_line_id", "=", self.id),
                ("state", "!=", "cancel"),
            ]
        )
        quantity = 0.0
        for move in moves:
            done = move.quantity if move.state == "done" else move.product_uom_qty
            if move.origin_returned_move_id:
                done = -move.quantity if move.state == "done" else 0.0
            quantity += move.product_uom._compute_quantity(done, self._get_stock_unit())
        return quantity
