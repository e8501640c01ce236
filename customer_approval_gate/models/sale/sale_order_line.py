# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate

from ...tools.blocks import Item
from ...tools.capability import is_delivering
from ...tools.event_data import BookkeepingValues, EventData
from ...tools.languages import find_lang
from ...tools.ledger import flat

_lt = LazyTranslate(__name__)


class SaleOrderLine(models.Model):
    _name = "sale.order.line"
    _inherit = ["customer.approval.priced.line.mixin", "sale.order.line"]
    _approval_document_field = "order_id"
    _approval_quantity_field = "product_uom_qty"
    _approval_columns = (
        "customer_lead",
        "is_delivery",
        "is_downpayment",
        "is_optional",
    )
    _approval_items = (
        Item("attributes", None, _lt("Options"), format="choices"),
        Item("lead_days", "customer_lead", _lt("Delivery time (days)")),
    )

    customer_approval_offered_quantity = fields.Float(
        string="Offered Quantity",
        digits="Product Unit",
        copy=False,
        readonly=True,
        groups="base.group_user",
        help="How much of an option was offered that the customer does not want.",
    )

    def _get_offered_quantity(self):
        """Return how much the customer gets of an option that they choose."""
        self.ensure_one()
        offered = self.sudo().customer_approval_offered_quantity  # the customer's offer
        return self.product_uom_qty or offered or 1

    @api.model
    def _is_content_write(self, vals):
        return not vals.keys() <= {
            "analytic_distribution",
            "customer_approval_offered_quantity",
            "invoice_lines",
            "qty_delivered",
            "qty_invoiced",
            "salesman_id",
            "state",
        }

    def _filter_approval_content(self):
        """All but Odoo's own bookkeeping about what was approved. All the exceptions
        there are:

        - down payments, which order nothing: their invoice writes amounts on them;
        - costs that are re-invoiced, and goods that were delivered and not ordered, as
          Odoo adds them: an event of the order says which, and an invoice that bills
          them is not covered by the order's approval;
        - delivery at its real cost, which is known when the goods have left: no price
          was agreed, but the carrier, which is content. Before the gate only while it
          has no price.

        Deliveries of what was ordered write ``qty_delivered`` only, which is no content
        either (``_is_content_write()``).
        """
        lines = super()._filter_approval_content()
        # Not of orders in memory, which have the lines of theirs.
        added = lines._origin.order_id._read_lines_added()
        # Of the addon "delivery".
        has_deliveries = "is_delivery" in self._fields
        return lines.filtered(
            lambda line: (
                not (
                    line.is_downpayment
                    and not line.product_uom_qty
                    and line.currency_id.is_zero(line.price_total)
                )
                and not (added and line._asks_for_no_more(added.get(line._origin.id)))
                and not (has_deliveries and line._is_delivery_at_cost())
            )
        )

    def _asks_for_no_more(self, added):
        """Return whether the line asks for no more than when Odoo added it. What the
        line says of itself (``is_expense``) can be written.

        :param dict added: what the ledger says it was then; nothing if Odoo did not
        """
        self.ensure_one()
        return bool(added) and (
            self.product_id.id == added["product_id"]
            and sorted(self.tax_ids._origin.ids) == added["tax_ids"]
            and not self.discount
            and self.product_uom_qty <= float(added["quantity"])
            and self.price_unit <= float(added["unit_price"])
        )

    def _record_bookkeeping(self, vals_list):
        entries = []
        for line, vals in zip(self, vals_list, strict=True):
            order = line.order_id
            by_odoo = isinstance(vals, BookkeepingValues) or is_delivering(order)
            if not by_odoo:
                continue
            if order._needs_approval_of_lines():
                entries.append(
                    EventData(
                        order,
                        "line_added",
                        text=line._get_line_name(),
                        details={
                            "line_id": line.id,
                            "product_id": line.product_id.id,
                            "tax_ids": sorted(line.tax_ids.ids),
                            "quantity": str(line.product_uom_qty),
                            "unit_price": str(line.price_unit),
                        },
                    )
                )
        if entries:
            # Nobody writes events but what happens.
            self.env["customer.approval.event"].sudo()._append(entries)
            self.order_id._forget_lines_added()
        return super()._record_bookkeeping(vals_list)

    def _is_delivery_at_cost(self):
        if not self.is_delivery:
            return False
        # The policy is of the addon "stock_delivery".
        carrier = self.order_id.carrier_id
        return (
            carrier.invoice_policy == "real"
            and carrier.product_id == self.product_id
            and self.product_uom_qty == 1
            and (
                self.currency_id.is_zero(self.price_unit)
                or (self.order_id._is_past_gate() and not self._was_approved())
            )
        )

    def _get_billed_names(self):
        """Return what an invoice may call the line: what Odoo itself makes of it."""
        self.ensure_one()
        lang = find_lang(self.env, self.order_id.partner_id.lang)
        line = self.with_context(lang=lang)
        full_name = self.env["account.move.line"]._get_journal_items_full_name
        return {self.name, full_name(self.name, line.product_id.display_name)}

    def _was_approved(self):
        """Return whether the line, with its price, is in what the customer approved."""
        # Whoever delivers need not be allowed to read requests.
        content = self.order_id.sudo().customer_approval_request_id.content
        return bool(content) and any(
            line["line_id"] == self.id for line in flat(content)["lines"]
        )

    @api.model
    def _find_excluded_lines(self, rows):
        added = (
            self.env["sale.order"]
            .browse({row["document"] for row in rows})
            ._read_lines_added()
        )
        unsure = self.browse(
            row["id"]
            for row in rows
            if row["id"] in added or row["is_downpayment"] or row.get("is_delivery")
        )
        return {*(unsure - unsure._filter_approval_content()).ids} if unsure else set()

    def _complete_approval_line(self, content, row, extras):
        res = super()._complete_approval_line(content, row, extras)
        if content["kind"] != "product":
            content["optional"] = bool(row["is_optional"])
            return res
        if chosen := extras.get(row["id"]):
            content["attributes"] = chosen
        if row["customer_lead"]:
            content["lead_days"] = self.order_id._format_decimals(
                row["customer_lead"], 2
            )
        if row["is_optional"]:
            content["optional"] = True
        return res

    @api.model
    def _read_approval_extras(self, ids):
        """Return, by line, what the customer chose that no variant of the product
        says: values of attributes, and what was typed. How it is called is in the
        line's description.

        One query: the gate asks at each move.
        """
        chosen = self._fields["product_no_variant_attribute_value_ids"]
        self.env["product.attribute.custom.value"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT line, array_agg(ARRAY[value::text, typed] ORDER BY value, typed)
                  FROM (
                        SELECT %(own)s AS line, %(other)s AS value, '' AS typed
                          FROM %(table)s
                         WHERE %(own)s = ANY(%(ids)s)
                         UNION ALL
                        SELECT sale_order_line_id,
                               custom_product_template_attribute_value_id,
                               COALESCE(custom_value, '')
                          FROM product_attribute_custom_value
                         WHERE sale_order_line_id = ANY(%(ids)s)
                       ) AS chosen
              GROUP BY line
                """,
                own=SQL.identifier(chosen.column1),
                other=SQL.identifier(chosen.column2),
                table=SQL.identifier(chosen.relation),
                ids=ids,
            )
        )
        return {line: [list(value) for value in values] for line, values in rows}
