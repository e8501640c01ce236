# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools.translate import LazyTranslate

from ...tools import blocks, capability
from ...tools.blocks import Item
from ...tools.capability import get_signature
from ...tools.event_data import Answer

_lt = LazyTranslate(__name__)

# What is remembered under it while the transaction lasts.
LINES_ADDED = "lines_added"


class SaleOrder(models.Model):
    _name = "sale.order"
    _inherit = [
        "customer.approval.change.order.mixin",
        "customer.approval.own.page.mixin",
        "customer.approval.order.deposit.mixin",
        "customer.approval.delivered.mixin",
        "customer.approval.document.mixin",
        "sale.order",
    ]
    _stage_document_type = "sale_order"
    _stage_label = _lt("Sales Order")
    _stage_action = "customer_approval_gate.sale_order_stage_action"
    _stage_list_sequence = 10
    _stage_manager_group = "sales_team.group_sale_manager"
    _stage_state_labels = {
        "draft": _lt("Draft"),
        "sent": _lt("Quotation Sent"),
        "sale": _lt("Confirmed Order"),
        "cancel": _lt("Cancelled"),
    }
    _stage_gated_states = ("sale",)
    _approval_approvers_field = "customer_approval_order_partner_ids"
    _approval_rate_fields = ("currency_rate",)
    _approval_parent_field = "customer_approval_parent_id"
    _approval_amount_counts_lines = True
    _approval_line_field = "order_line"
    # Those of other addons are content where they are installed.
    _approval_items = (
        blocks.PARTNER,
        Item("invoice_address", "partner_invoice_id", _lt("Customer"), "address"),
        blocks.SHIPPING_ADDRESS,
        blocks.COMPANY,
        Item("change_of", "customer_approval_parent_id", _lt("Change of")),
        Item("payment_term", "payment_term_id", _lt("Payment terms")),
        Item(
            "prepayment",
            "prepayment_percent",
            _lt("To be paid in advance"),
            format="share",
        ),
        Item("pickup_point", None, _lt("Pickup point")),
        Item("carrier_id", "carrier_id", _lt("Delivery method")),
        Item("picking_policy", "picking_policy", _lt("Delivery"), default="direct"),
        Item("incoterm", "incoterm", _lt("Incoterm")),
        blocks.INCOTERM_LOCATION,
        Item("delivery_date", "commitment_date", _lt("Delivery date")),
        Item("valid_until", "validity_date", _lt("Offer valid until")),
        blocks.FISCAL_POSITION,
        blocks.CURRENCY,
        Item("terms", "note", _lt("Terms"), "text"),
    )
    _approval_item_columns = ("pickup_location_data", "require_payment")

    customer_approval_billed_early = fields.Boolean(
        string="Billed before Approval",
        compute="_compute_customer_approval_billed_early",
        search="_search_customer_approval_billed_early",
        compute_sudo=True,
        help="There is an invoice, such as one of a down payment, and the customer has "
        "not approved the order: no stage of invoices asks for an approval.",
    )

    # ------------------------------------------------------------------
    # Stages
    # ------------------------------------------------------------------

    @api.depends("customer_approval_status", "invoice_ids.state")
    def _compute_customer_approval_billed_early(self):
        stages = self.env["customer.approval.stage"]
        asking = stages._get_list(self._stage_document_type).filtered(
            "requires_customer_approval"
        )
        for order in self:
            order.customer_approval_billed_early = (
                bool(asking)
                and order.customer_approval_status != "approved"
                and order.state != "cancel"
                and any(
                    move.state == "posted"
                    and move.move_type in ("out_invoice", "out_receipt")
                    for move in order.invoice_ids
                )
                and order._has_approval_gates()
            )

    @api.model
    def _search_customer_approval_billed_early(self, operator, value):
        if operator != "in":
            return NotImplemented
        stages = self.env["customer.approval.stage"]
        early = Domain.FALSE
        if any(
            stages._get_list(self._stage_document_type).mapped(
                "requires_customer_approval"
            )
        ):
            billing = Domain("state", "=", "posted") & Domain(
                "move_type", "in", ("out_invoice", "out_receipt")
            )
            early = (
                Domain("customer_approval_status", "!=", "approved")
                & Domain("state", "!=", "cancel")
                & Domain("order_line.invoice_lines.move_id", "any", billing)
            )
        return early if True in value else ~early

    def _enter_state(self, state):
        if state == "cancel":
            self.action_cancel()
            return
        # Odoo marks only drafts as sent, and confirms no cancelled order.
        self.filtered(
            lambda order: (
                order.state == "cancel" or (order.state == "sent" and state == "draft")
            )
        ).action_draft()
        if state == "sent":
            self.filtered(lambda order: order.state == "draft").action_quotation_sent()
        elif state == "sale":
            self.action_confirm()

    def action_confirm(self):
        """What entering the stage causes comes when all of the confirmation is done."""
        with self._defer_entry_actions(), self._check_once():
            return super().action_confirm()

    def action_cancel(self):
        """As for ``action_confirm()``."""
        with self._defer_entry_actions():
            return super().action_cancel()

    def _action_cancel(self):
        with self._check_once():
            return super()._action_cancel()

    # Odoo does these in several steps, of which none is what is meant. Those of other
    # addons are there with their addons only, as without these methods.

    def _recompute_prices(self):
        with self._check_once():
            return super()._recompute_prices()

    def action_update_taxes(self):
        """Update the taxes from the fiscal position: judged when it is done."""
        with self._check_once():
            return super().action_update_taxes()

    def set_delivery_line(self, carrier, amount):
        """Of the addon *delivery*: put the delivery's line in place of the old one.

        :param carrier: the ``delivery.carrier``
        :param float amount: its price
        """
        with self._check_once():
            return super().set_delivery_line(carrier, amount)

    def _update_programs_and_rewards(self):
        """Of the addon *sale_loyalty*."""
        with self._check_once():
            return super()._update_programs_and_rewards()

    def action_open_reward_wizard(self):
        """Of the addon *sale_loyalty*: open the dialog of rewards."""
        with self._check_once():
            return super().action_open_reward_wizard()

    def _way_back_message(self, stage):
        self.ensure_one()
        if stage.document_state == "cancel":
            return self.env._(
                "%(order)s is confirmed: use its button “Cancel” to cancel it.",
                order=self.display_name,
            )
        return self.env._(
            "%(order)s is confirmed and cannot be moved back to %(stage)s. To take it "
            "back, use its button “Cancel”, then “Set to Quotation”.",
            order=self.display_name,
            stage=stage.name,
        )

    # ------------------------------------------------------------------
    # Approval
    # ------------------------------------------------------------------

    def _can_request_customer_approval(self):
        self.ensure_one()
        if self.state == "cancel":
            return self.env._(
                "%(order)s is cancelled: use its button “Set to Quotation” first.",
                order=self.display_name,
            )
        if not self.order_line.filtered(lambda line: not line.display_type):
            return self.env._(
                "%(order)s has no lines: enter what the customer is to approve.",
                order=self.display_name,
            )
        return super()._can_request_customer_approval()

    def _complete_approval_header(self, header, row):
        res = super()._complete_approval_header(header, row)
        if not row["require_payment"]:
            header.pop("prepayment", None)
        point = _read_pickup_point(row.get("pickup_location_data"))
        if any(point):
            header["pickup_point"] = "\n".join(filter(None, point))
        return res

    def _get_pickup_point(self):
        """Return name, street, postal code and city of where the customer fetches the
        goods (the addon *Delivery*), each as text; nothing if they do not."""
        self.ensure_one()
        if "pickup_location_data" not in self._fields:
            return []
        return _read_pickup_point(self.pickup_location_data)

    def _ignore_own_changes(self, content, asked, request):
        res = super()._ignore_own_changes(content, asked, request)
        if "prices" not in request.content:  # nor pickup points: before 19.0.1.4.0
            content["header"].pop("pickup_point", None)
        header, asked = content["header"], asked["header"]
        point = self._get_pickup_point()
        if not point or header.get("pickup_point") != asked.get("pickup_point"):
            return res
        # Confirming the order makes an address below the customer's out of the point
        # that they were asked about.
        address = self.partner_shipping_id
        before = asked.get("shipping_address") or {}
        if (
            address.type == "delivery"
            and address.parent_id.id == before.get("id")
            and [address.street, address.zip, address.city]
            == [part or False for part in point[1:]]
        ):
            header["shipping_address"] = asked["shipping_address"]
        return res

    def _get_last_day_to_approve(self):
        self.ensure_one()
        return self.validity_date

    def _get_shown_prices(self):
        self.ensure_one()
        return self.company_id.sudo().account_price_include  # shown to customers

    def _get_customer_approval_totals(self):
        totals = super()._get_customer_approval_totals()
        for line in self._get_bookkeeping_lines():
            totals["untaxed"] -= line.price_subtotal
            totals["tax"] -= line.price_tax
            totals["total"] -= line.price_total
        return totals

    def _compute_tax_totals(self):
        """What was approved shows the figures of then, on the order's page and in its
        PDF: Odoo computes them anew, by the rates that taxes have today."""
        res = super()._compute_tax_totals()
        for order in self:
            totals = order.tax_totals
            if (
                totals
                and order.customer_approval_status == "approved"
                and not order.currency_id.is_zero(
                    totals["total_amount_currency"] - order.amount_total
                )
            ):
                order.tax_totals = _freeze_totals(
                    totals,
                    order.currency_id,
                    (order.amount_untaxed, order.amount_tax, order.amount_total),
                    order.currency_rate or 1.0,
                )
        return res

    def _get_bookkeeping_lines(self):
        """Return the priced lines that Odoo added by itself, and nobody was asked
        about."""
        lines = self.order_line.filtered(lambda line: not line.display_type)
        return lines - lines._filter_approval_content()

    def _read_lines_added(self):
        """Return which lines of the orders Odoo itself has added, from evidence:
        ``{id of the line: what it was then}``."""
        known = capability.memory(self.env).setdefault(LINES_ADDED, {})
        if not known.keys() >= {*self.ids}:
            # For all that are looked at together.
            ids = [*{*self.ids, *filter(None, self._prefetch_ids)} - known.keys()]
            events = self.env["customer.approval.event"].sudo()  # evidence
            events = events.search_fetch(
                [
                    ("res_model", "=", self._name),
                    ("res_id", "in", ids),
                    ("kind", "=", "line_added"),
                ],
                ["res_id", "details"],
                order="position",
            )
            known.update({order_id: {} for order_id in ids})
            for event in events:
                known[event.res_id][event.details["line_id"]] = event.details
        return {
            line_id: details
            for order_id in self.ids
            for line_id, details in known[order_id].items()
        }

    def _forget_lines_added(self):
        known = capability.memory(self.env).get(LINES_ADDED, {})
        for order in self:
            known.pop(order.id, None)

    def _needs_approval_of_lines(self):
        """Return whether another line would need the customer's approval."""
        self.ensure_one()
        return self.customer_approval_status in ("pending", "approved") or bool(
            self._get_gates_passed().filtered("requires_customer_approval")
        )

    def _get_approved_total(self):
        """Return the total that the customer approved: without what Odoo adds by
        itself, for which nobody was asked."""
        self.ensure_one()
        return self._get_customer_approval_totals()["total"]

    def _get_customer_approval_files(self):
        files = super()._get_customer_approval_files()
        files |= self._get_product_documents().ir_attachment_id
        if "quotation_document_ids" in self._fields:
            files |= self.quotation_document_ids.ir_attachment_id
        return files

    def _recompute_totals(self):
        lines = self.sudo().order_line
        for name in ("price_subtotal", "price_tax", "price_total"):
            self.env.add_to_compute(lines._fields[name], lines)
        for name in ("amount_untaxed", "amount_tax", "amount_total"):
            self.env.add_to_compute(self._fields[name], self)
        # The rate of what is confirmed is that of its day.
        drafts = self.filtered(lambda order: order.state != "sale")
        self.env.add_to_compute(self._fields["currency_rate"], drafts)
        return super()._recompute_totals()

    def _get_gate_amounts(self):
        amounts = {}
        for order in self:
            # Whatever the user may read of the orders that belong together.
            own = order.sudo()
            original = own.customer_approval_parent_id or own
            others = original | original.customer_approval_change_ids
            others = others.filtered(lambda o: o.state != "cancel") - own
            # What one gives back opens no gate for another: it can be cancelled.
            amounts[order] = max(own._get_largest_total(), 0) / own._get_gate_rate()
            amounts[order] += sum(
                max(other.amount_total, 0) / other._get_gate_rate() for other in others
            )
        return amounts

    def _get_largest_total(self):
        """Return the most that any of the figures says the order comes to."""
        self.ensure_one()
        added = self._get_bookkeeping_lines()
        lines = self.order_line.filtered(lambda line: not line.display_type) - added
        bare = sum(
            line.product_uom_qty * line.price_unit * (1 - line.discount / 100)
            for line in lines
        )
        total = self.amount_total - sum(added.mapped("price_total"))
        return max(total, sum(lines.mapped("price_total")), bare)

    def _get_gate_rate(self):
        """Return how much of the order's currency one unit of the company's is: by the
        order's own rate, which can be written, or by that of today, whichever makes
        more of it."""
        self.ensure_one()
        if self.currency_id == self.company_id.currency_id:
            return 1
        today = self.env["res.currency"]._get_conversion_rate(
            self.company_id.currency_id,
            self.currency_id,
            self.company_id,
            fields.Date.today(),
        )
        return min(self.currency_rate or 1, today or 1)

    # ------------------------------------------------------------------
    # Optional lines
    # ------------------------------------------------------------------

    def _get_optional_lines(self):
        self.ensure_one()
        # What belongs to a combo goes with it.
        return self.order_line.filtered(
            lambda line: (
                not line.display_type
                and not line.combo_item_id
                and line._is_line_optional()
            )
        )

    def _get_chosen_lines(self):
        return self._get_optional_lines().filtered("product_uom_qty")

    def _choose_optional_lines(self, wanted):
        for line in self._get_optional_lines():
            quantity = line._get_offered_quantity() if line in wanted else 0
            own = line | self._get_combo_lines(line)
            for part in own.filtered(
                lambda part, quantity=quantity: part.product_uom_qty != quantity
            ):
                # What was offered holds, whatever the price list says today.
                part.write(
                    {
                        "customer_approval_offered_quantity": (
                            part._get_offered_quantity()
                        ),
                        "product_uom_qty": quantity,
                        "price_unit": part.price_unit,
                        "discount": part.discount,
                    }
                )

    def _get_combo_lines(self, lines):
        return self.order_line.filtered(
            lambda line: line.combo_item_id and line.linked_line_id in lines
        )

    def _get_totals_of_choice(self, wanted):
        self.ensure_one()
        order = self.new(origin=self)  # in memory
        optional = self._get_optional_lines()
        combos = self._get_combo_lines(optional)
        for line in order.order_line:
            own = line._origin
            head = own.linked_line_id if own in combos else own
            if head not in optional:
                continue
            line.product_uom_qty = head._get_offered_quantity() if head in wanted else 0
            # What was offered holds, whatever the price list says today.
            line.price_unit = own.price_unit
            line.discount = own.discount
        return order._get_customer_approval_totals()

    # ------------------------------------------------------------------
    # The order's own page: signature and payment
    # ------------------------------------------------------------------

    def write(self, vals):
        if "customer_approval_parent_id" in vals and any(
            order.customer_approval_parent_id.id != vals["customer_approval_parent_id"]
            for order in self
        ):
            raise UserError(
                self.env._(
                    "A change order stays one of the order it changes. Cancel it, and "
                    "make another one."
                )
            )
        result = super().write(vals)
        for order in self:
            signature = get_signature(order) if vals.get("signature") else None
            if signature and not signature.is_used:
                signature.is_used = True
                order._approve_by_customer(
                    Answer(
                        "approved",
                        order.signed_by,
                        "online_signature",
                        signature=order.signature,
                        partner=signature.partner,
                    )
                )
        return result


def _read_pickup_point(chosen):
    """Return name, street, postal code and city of where goods are fetched, each as
    text; nothing if they are not.

    :param chosen: as the addon *Delivery* has it
    """
    if not chosen:
        return []
    return [chosen.get(key) or "" for key in ("name", "street", "zip_code", "city")]


def _freeze_totals(totals, currency, amounts, rate):
    """Return Odoo's totals with other figures: the groups of taxes share the tax as
    they did.

    :param dict totals: ``tax_totals`` of an order
    :param amounts: what is right, without tax, of tax and in total
    :param float rate: of the order's currency to the company's
    """
    untaxed, tax, total = amounts
    names = ("base_amount", "tax_amount", "total_amount")
    frozen = {**totals}
    for name, amount in zip(names, amounts, strict=True):
        frozen[f"{name}_currency"], frozen[name] = amount, amount / rate
    share = tax / totals["tax_amount_currency"] if totals["tax_amount_currency"] else 0
    left = tax
    subtotals = [{**subtotal} for subtotal in totals["subtotals"]]
    groups = []
    for subtotal in subtotals:
        subtotal["tax_groups"] = [{**group} for group in subtotal["tax_groups"]]
        groups += subtotal["tax_groups"]
    for number, group in enumerate(groups, 1):
        amount = currency.round(group["tax_amount_currency"] * share)
        amount = left if number == len(groups) else amount
        left -= amount
        group["tax_amount_currency"], group["tax_amount"] = amount, amount / rate
    for subtotal in subtotals[:1]:
        subtotal["base_amount_currency"] = untaxed
        subtotal["base_amount"] = untaxed / rate
    return {**frozen, "subtotals": subtotals}
