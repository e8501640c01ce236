# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

DEPOSIT_FIELDS = ("deposit_required", "deposit_percent", "deposit_amount")


class CustomerApprovalOrderDepositMixin(models.AbstractModel):
    """The deposit of an order: what it takes, and what was collected.

    Of its host, the order, it asks to be a ``customer.approval.deposit.mixin`` with
    ``_get_bookkeeping_lines()``.
    """

    _name = "customer.approval.order.deposit.mixin"
    _inherit = ["customer.approval.deposit.mixin"]
    _description = "Deposit of an Order"

    deposit_required = fields.Boolean(
        compute="_compute_deposit_required",
        store=True,
        precompute=True,
        readonly=False,
        copy=False,
        tracking=True,
        help="The customer has to pay a deposit before the order enters a stage that "
        "takes one, or reserves or delivers goods.",
    )
    deposit_percent = fields.Float(
        string="Deposit (%)",
        compute="_compute_deposit_required",
        store=True,
        precompute=True,
        readonly=False,
        copy=False,
        digits=(5, 2),
        tracking=True,
        help="In percent of the total. Where an amount is given as well, or the stage "
        "asks for more, the higher one counts.",
    )
    deposit_amount = fields.Monetary(
        copy=False,
        tracking=True,
        help="As an amount. Where a percentage is given as well, or the stage asks for "
        "more, the higher one counts.",
    )
    deposit_payment_ids = fields.One2many(
        "account.payment",
        "deposit_order_id",
        string="Payments on Account",
        groups="account.group_account_invoice,account.group_account_readonly",
    )

    _deposit_range = models.Constraint(
        "CHECK (deposit_percent BETWEEN 0 AND 100 AND deposit_amount >= 0)",
        "A deposit is a percentage from 0 to 100, or an amount that is not negative.",
    )

    @api.depends("company_id")
    def _compute_deposit_required(self):
        """From the company's default: of new orders, and of those that change it."""
        for order in self:
            percent = order.company_id.sudo().customer_approval_deposit_percent
            old = order._origin
            # Another company's default may ask for more, never for less.
            order.deposit_required = bool(percent) or old.deposit_required
            order.deposit_percent = max(old.deposit_percent, percent)

    @api.model_create_multi
    def create(self, vals_list):
        orders = super().create(vals_list)
        # What was given, or came from defaults of the context, is judged all the same.
        orders._check_deposit_right(
            lambda order: {
                "deposit_required": bool(
                    order.company_id.sudo().customer_approval_deposit_percent
                ),
                "deposit_percent": (
                    order.company_id.sudo().customer_approval_deposit_percent
                ),
                "deposit_amount": 0.0,
            }
        )
        return orders

    def write(self, vals):
        if not vals.keys() & {*DEPOSIT_FIELDS}:
            return super().write(vals)
        before = {
            order: {name: order[name] for name in DEPOSIT_FIELDS} for order in self
        }
        result = super().write(vals)
        self._check_deposit_right(before.get)
        self._after_money()
        return result

    def _check_deposit_right(self, expected):
        """
        :param expected: the function that says which values need no right
        :raise AccessError: the user may not say how much has to be paid
        """
        if self.env.su or self.env.user.has_group(
            "customer_approval_gate.group_change_deposit"
        ):
            return
        for order in self:
            if any(order[name] != value for name, value in expected(order).items()):
                raise AccessError(
                    self.env._(
                        "You may not change which deposit %(order)s takes. Ask your "
                        "manager, or somebody with the right “Change deposits”.",
                        order=order.display_name,
                    )
                )

    def _get_non_content_fields(self):
        return super()._get_non_content_fields() | {*DEPOSIT_FIELDS}

    @api.model
    def _get_fields_blocking(self):
        return [*super()._get_fields_blocking(), "customer_approval_family_total"]

    def unlink(self):
        self._check_no_deposits()
        return super().unlink()

    def _check_no_deposits(self):
        for order in self:
            payments = order.sudo().deposit_payment_ids  # whatever the user may see
            if payments:
                raise UserError(
                    self.env._(
                        "%(order)s cannot be deleted: %(payments)s is a deposit for "
                        "it. Cancel the order instead.",
                        order=order.display_name,
                        payments=", ".join(payments.mapped("display_name")),
                    )
                )

    @api.model
    def _get_fields_of_deposits(self):
        return [*super()._get_fields_of_deposits(), *DEPOSIT_FIELDS]

    def _get_deposit_base(self):
        # Without what Odoo adds by itself: nothing was agreed about it.
        added = self._get_bookkeeping_lines()
        return self.amount_total - sum(added.mapped("price_total"))

    def _get_own_deposits(self):
        return {
            order: max(
                order._get_deposit_base() * order.deposit_percent / 100,
                order.deposit_amount,
            )
            if order.deposit_required
            else 0.0
            for order in self
        }

    def _get_money_sources(self):
        sources = {}
        shares = self._get_invoice_shares()
        linked = self.env["account.payment"].search(
            [("deposit_order_id", "in", self.ids)]
        )
        linked_to = linked.grouped("deposit_order_id")
        for order in self:
            payments, transactions = {}, {}
            for transaction in order.transaction_ids:
                share = transaction._get_share_of(order)
                own, rest = self._sort_transactions(transaction)
                # What somebody says a payment is for counts.
                own = own.filtered(lambda payment: not payment.deposit_order_id)
                payments.update(dict.fromkeys(own, share))
                transactions.update(dict.fromkeys(rest, share))
            payments.update(dict.fromkeys(linked_to.get(order, linked.browse()), 1.0))
            sources[order] = (shares[order], payments, transactions)
        return sources

    def _get_invoice_shares(self):
        """Return how much of each invoice and credit note bills each order:
        ``{order: {move: share}}``, from 0 to 1."""
        billed = defaultdict(lambda: defaultdict(float))
        for line in self.order_line.invoice_lines:
            if line.move_type not in ("out_invoice", "out_receipt", "out_refund"):
                continue
            orders = line.sale_line_ids.order_id
            for order in orders & self:
                billed[order][line.move_id] += line.price_total / len(orders)
        shares = {order: {} for order in self}
        for order, moves in billed.items():
            for move, amount in moves.items():
                if move.state != "cancel" and move.amount_total:
                    share = amount / move.amount_total
                    shares[order][move] = min(max(share, 0.0), 1.0)
        return shares

    # ------------------------------------------------------------------
    # Asking for it
    # ------------------------------------------------------------------

    def _is_cause_gone(self):
        if self.advance_trigger == "payment_arrived":
            collected = self._get_collected_deposits()[self]
            return (
                self.currency_id.compare_amounts(
                    collected, self._get_prepayment_required_amount()
                )
                < 0
                or not collected
            )
        return super()._is_cause_gone()

    def action_request_deposit(self):
        """Ask for what is still to be collected: by a payment link where the order can
        be paid online, else by a down-payment invoice. Both are Odoo's own."""
        self.ensure_one()
        if not self.deposit_missing:
            raise UserError(
                self.env._(
                    "%(order)s has no deposit to request: nothing is missing.",
                    order=self.display_name,
                )
            )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Request Deposit"),
            "res_model": "sale.advance.payment.inv",
            "view_mode": "form",
            "target": "new",
            "context": {
                "active_model": self._name,
                "active_ids": self.ids,
                "active_id": self.id,
                "default_advance_payment_method": "fixed",
                "default_fixed_amount": self.deposit_missing,
            },
        }

    def action_request_deposit_online(self):
        """Open Odoo's dialog for a payment link, with what is still to be collected."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Payment Link"),
            "res_model": "payment.link.wizard",
            "view_mode": "form",
            "target": "new",
            "context": {
                "active_model": self._name,
                "active_id": self.id,
                "customer_approval_deposit": True,
            },
        }

    def _get_default_payment_link_values(self):
        values = super()._get_default_payment_link_values()
        if self.env.context.get("customer_approval_deposit") and self.deposit_missing:
            values["amount"] = self.deposit_missing
        return values
