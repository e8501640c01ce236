# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import float_compare

from ...tools.quantities import format_quantity
from ...tools.texts import clean_name


def _compare(line, one, other):
    """Compare quantities of a line, which need not have a unit."""
    if line.product_uom_id:
        return line.product_uom_id.compare(one, other)
    return float_compare(one, other, precision_digits=2)


class CustomerApprovalDeliveredMixin(models.AbstractModel):
    """A document whose delivery, or completion, can be confirmed.

    A model whose lines have ``customer.approval.line.mixin`` joins with ``_inherit =
    ["customer.approval.delivered.mixin", its own name]``.
    """

    _name = "customer.approval.delivered.mixin"
    _description = "Document to Be Delivered"

    delivery_ids = fields.One2many(
        "customer.approval.delivery",
        "res_id",
        string="Delivery Confirmations",
        domain=lambda self: [("res_model", "=", self._name)],
        copy=False,
        readonly=True,
    )
    delivery_confirmation_count = fields.Integer(
        compute="_compute_delivery_confirmation", compute_sudo=True
    )
    delivery_confirmation = fields.Selection(
        [("none", "Not Confirmed"), ("partial", "In Part"), ("full", "Confirmed")],
        string="Delivery",
        compute="_compute_delivery_confirmation",
        compute_sudo=True,
        help="Whether the delivery, or the completion, of all items was confirmed.",
    )

    def _compute_delivery_confirmation(self):
        stages = self.env["customer.approval.stage"]
        delivered = self.browse()
        if stages._is_history_kept(self._name):  # what is confirmed is an event
            delivered = self.filtered("delivery_ids")
        done = delivered._get_delivered_quantities()
        for document in self:
            own = done.get(document.id, {})
            items = document._get_delivery_items() if own else {}
            count = len(document.delivery_ids) if document in delivered else 0
            document.delivery_confirmation_count = count
            if not own:
                document.delivery_confirmation = "none"
            elif any(
                _compare(line, own.get(line.id, 0.0), quantity) < 0
                for line, quantity in items.items()
            ):
                document.delivery_confirmation = "partial"
            else:
                document.delivery_confirmation = "full"

    def _get_delivery_items(self):
        """Return what is to be delivered, or completed: ``{line: quantity}``."""
        self.ensure_one()
        items = {}
        for line in self._get_customer_approval_lines()._filter_approval_content():
            quantity = line[line._approval_quantity_field]
            # Of the addon "delivery": what brings the items is none of them.
            brings = "is_delivery" in line._fields and line["is_delivery"]
            if line._is_priced() and quantity > 0 and not brings:
                items[line] = quantity
        return items

    def _get_delivered_quantities(self):
        """Return how much of each line was confirmed, from evidence: ``{id of the
        document: {id of the line: quantity}}``."""
        done = {document_id: defaultdict(float) for document_id in self.ids}
        if not done:
            return done
        events = self.env["customer.approval.event"].sudo()  # evidence
        for event in events.search(
            [
                ("res_model", "=", self._name),
                ("res_id", "in", self.ids),
                ("kind", "=", "delivery_confirmed"),
            ]
        ):
            for line in event.details["lines"]:
                done[event.res_id][line["line_id"]] += float(line["quantity"])
        return done

    def _filter_ready(self, cause):
        if cause == "delivery_confirmed":
            return self.filtered(lambda d: d.delivery_confirmation == "full")
        return super()._filter_ready(cause)

    def _can_confirm_delivery(self):
        """Return why nothing can be confirmed about the document, or ``None``."""
        self.ensure_one()
        if not self._is_staged() or self.state not in self._stage_gated_states:
            return self.env._(
                "%(document)s is not confirmed: there is nothing to deliver yet.",
                document=self.display_name,
            )
        if not self._get_delivery_items():
            return self.env._(
                "%(document)s has no items that could be delivered.",
                document=self.display_name,
            )
        if self.delivery_confirmation == "full":
            return self.env._(
                "All of %(document)s is confirmed already.", document=self.display_name
            )
        return None

    def _check_delivery(self, delivery):
        """Return the lines that are confirmed, as plain data.

        :param delivery: a ``Delivery``
        :raise UserError: something is missing, or more is confirmed than is left
        """
        self.ensure_one()
        self.invalidate_recordset(["delivery_confirmation"])
        if reason := self._can_confirm_delivery():
            raise UserError(reason)
        if not clean_name(delivery.name):
            raise UserError(self.env._("Please enter who received it."))
        if not delivery.kind:
            raise UserError(self.env._("Please choose what is confirmed."))
        done = self._get_delivered_quantities()[self.id]
        items = self._get_delivery_items()
        lines = []
        for line, ordered in items.items():
            quantity = delivery.quantities.get(line.id, 0.0)
            unit = line.product_uom_id
            left = ordered - done[line.id]
            if _compare(line, quantity, 0) < 0 or _compare(line, quantity, left) > 0:
                raise UserError(
                    self.env._(
                        "%(item)s: %(left)s %(unit)s are left to confirm, not "
                        "%(quantity)s.",
                        item=line.display_name,
                        left=format_quantity(self.env, max(left, 0)),
                        unit=unit.name or "",
                        quantity=format_quantity(self.env, quantity),
                    )
                )
            if _compare(line, quantity, 0) > 0:
                digits = self.env["decimal.precision"].precision_get("Product Unit")
                lines.append(
                    {
                        "line_id": line.id,
                        "description": line._get_line_name(),
                        "unit": unit.name or "",
                        "quantity": self._format_decimals(
                            quantity, digits, exact=False
                        ),
                        "ordered": self._format_decimals(ordered, digits, exact=False),
                    }
                )
        if not lines:
            raise UserError(
                self.env._("Please enter how much of at least one item is done.")
            )
        return lines

    @api.model
    def _check_delivery_right(self):
        """
        :raise AccessError: the user may not confirm deliveries
        """
        if not self.env.su and not self.env.user.has_group(
            "customer_approval_gate.group_confirm_delivery"
        ):
            raise AccessError(
                self.env._(
                    "You may not confirm deliveries. Ask your administrator for the "
                    "right “Confirm delivery”."
                )
            )

    def action_confirm_delivery(self):
        """Open the page on which the delivery, or the completion, is confirmed."""
        self.ensure_one()
        self._check_delivery_right()
        if reason := self._can_confirm_delivery():
            raise UserError(reason)
        return {
            "type": "ir.actions.act_url",
            "url": f"/my/deliveries/{self._stage_document_type}/{self.id}",
            "target": "self",
        }

    def action_view_deliveries(self):
        """Open the confirmations of this document."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "customer_approval_gate.customer_approval_delivery_action"
        )
        action["domain"] = [("res_model", "=", self._name), ("res_id", "=", self.id)]
        action["context"] = {}
        return action
