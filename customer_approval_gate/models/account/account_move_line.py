# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from contextlib import contextmanager

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL, float_compare

from ...tools.event_data import BookkeepingValues

# What of an invoice's journal items its customer reads.
CONTENT_TYPES = ("product", "line_section", "line_subsection", "line_note")


class AccountMoveLine(models.Model):
    _name = "account.move.line"
    _inherit = ["customer.approval.priced.line.mixin", "account.move.line"]
    _approval_document_field = "move_id"
    _approval_quantity_field = "quantity"
    _approval_state_field = "parent_state"

    @api.model
    def _is_content_write(self, vals):
        # Journal items are written all day long for reasons of bookkeeping.
        return not vals.keys() <= {
            "account_id",
            "analytic_distribution",
            "analytic_line_ids",
            "date",
            "date_maturity",
            "full_reconcile_id",
            "matching_number",
            "partner_id",
            "reconciled",
        }

    def write(self, vals):
        if "sale_line_ids" not in vals:
            return super().write(vals)
        with self._keep_bills():
            return super().write(vals)

    @contextmanager
    def _keep_bills(self):
        """Around whatever may take bills from their orders: what was billed once would
        be billed, and covered, again.

        :raise UserError: a posted line bills an order's line no more
        """
        posted = self.filtered(lambda line: line.move_id.state == "posted")
        before = {line: line.sudo().sale_line_ids for line in posted}
        yield
        posted.invalidate_recordset(["sale_line_ids"])  # written from the other side
        for line, sale_lines in before.items():
            if sale_lines.exists() - line.sudo().sale_line_ids:
                raise UserError(
                    self.env._(
                        "%(invoice)s bills %(order)s, and that stays: make a credit "
                        "note instead.",
                        invoice=line.move_id.display_name,
                        order=sale_lines.order_id[:1].display_name,
                    )
                )

    def _sale_prepare_sale_line_values(self, order, price):
        """What Odoo makes of a cost that is re-invoiced is known by these values: by
        RPC nobody can send them."""
        values = super()._sale_prepare_sale_line_values(order, price)
        return BookkeepingValues(values)

    def _reconcile_post_hook(self, data):
        result = super()._reconcile_post_hook(data)
        if self.move_id._is_money_of_interest():
            self.move_id._notify_of_money()
        return result

    def remove_move_reconcile(self):
        if not self or not self.move_id._is_money_of_interest():
            return super().remove_move_reconcile()
        moves = (
            self
            | self.matched_debit_ids.debit_move_id
            | self.matched_credit_ids.credit_move_id
        ).move_id
        result = super().remove_move_reconcile()
        moves._notify_of_money()
        return result

    @api.model
    def _get_approval_condition(self):
        return SQL("line.display_type IN %s", tuple(CONTENT_TYPES))

    def _filter_approval_content(self):
        lines = super()._filter_approval_content()
        return lines.filtered(lambda line: line.display_type in CONTENT_TYPES)

    def _bills_what_was_approved(self):
        """Return whether the line bills something that an approved order has, with all
        other invoices no more of it, and at no higher price.

        Orders whose customer approved them say what was approved: they are locked.
        """
        self.ensure_one()
        if not self.sale_line_ids:
            return self.price_unit <= 0 <= self.quantity
        return all(self._bills_sale_line(line) for line in self.sale_line_ids)

    def _get_billing_sign(self, amount):
        """Return how the line counts in what was billed: 1, -1, or 0 for not at all.
        What is only drafted bills already, and gives nothing back yet.

        :param float amount: the line's quantity or total
        """
        self.ensure_one()
        # A receipt asks for money as an invoice does.
        if self.move_id.move_type not in ("out_invoice", "out_receipt", "out_refund"):
            return 0
        sign = -1 if self.move_id.move_type == "out_refund" else 1
        # By the invoice: the line's own copy of the state may be anything.
        state = self.move_id.state
        drafted = state == "draft" and sign * amount < 0
        return 0 if state == "cancel" or drafted else sign

    def _bills_sale_line(self, sale_line):
        if sale_line.is_downpayment:
            return True  # part of the total, see account.move._agrees_with_order()
        if not sale_line._is_approval_content() or (
            self.quantity < 0
            or self.price_unit < min(sale_line.price_unit, 0)
            or self.product_id != sale_line.product_id
            or self.name not in sale_line._get_billed_names()
            or self.product_uom_id != sale_line.product_uom_id
            or self.tax_ids != sale_line.tax_ids
        ):
            return False
        quantity = 0.0
        for line in sale_line.invoice_lines:
            sign = line._get_billing_sign(line.quantity)
            quantity += sign * line.product_uom_id._compute_quantity(
                line.quantity, sale_line.product_uom_id
            )
        unit = sale_line.product_uom_id
        price, approved = (
            line.price_unit * (100 - line.discount) for line in (self, sale_line)
        )
        return (
            unit.compare(quantity, sale_line.product_uom_qty) <= 0
            and float_compare(price, approved, precision_digits=4) <= 0
        )
