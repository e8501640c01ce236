# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import api, fields, models
from odoo.tools import format_date
from odoo.tools.translate import LazyTranslate

from ...tools import (
    blocks,
    content as content_tools,
    moments,
)
from ...tools.quantities import format_quantity
from ...tools.texts import in_one_line

_lt = LazyTranslate(__name__)

FORMER_ITEMS = (blocks.Item("customer_reference", None, _lt("Your reference")),)
"""What content had before format 3, and is shown where it has."""


class CustomerApprovalPresentedMixin(models.AbstractModel):
    """What the customer reads of a request, and what has changed since another one.

    Of its host, the request, it asks ``content`` and ``currency_id``.
    """

    _name = "customer.approval.presented.mixin"
    _description = "What the Customer Reads"

    difference_html = fields.Html(
        string="What Has Changed",
        compute="_compute_difference_html",
        sanitize=False,
        help="Since the version that the customer was asked about before.",
    )

    @api.model
    def _render_content(self, content, currency, lang, zone):
        """Return content as a person reads it, in their language.

        :param str zone: the time zone of the customer
        """

        reader = self.with_context(lang=lang)
        describe = reader._describe_content(
            reader.env.get(content["document"]["model"]), content
        )
        return self.env["ir.qweb"]._render(
            "customer_approval_gate.request_content",
            {
                "amount_name": content_tools.amount_name(content),
                "blocks": reader._get_blocks(content),
                "currency": currency,
                "describe": describe,
                "is_tax_included": content_tools.is_tax_included,
                "number": lambda text: format_quantity(
                    reader.env, text, len(text.partition(".")[2])
                ),
                "optional_ids": content_tools.optional_lines(content),
                "section_amounts": content_tools.section_amounts(content),
                "text": lambda format_, value: reader._get_value_text(
                    format_, value, currency, zone
                ),
            },
            lang=lang,
        )

    @api.model
    def _get_blocks(self, content):
        """Return the blocks of content of whatever format."""
        if "blocks" in content:
            return content["blocks"]
        model = self.env[content["document"]["model"]]
        describe = model._describe_approval_items()
        items = [*model._get_approval_items(), *FORMER_ITEMS]
        describe |= {
            item.key: (self.env._(item.label), "text") for item in FORMER_ITEMS
        }
        return blocks.make_blocks(
            items, content, describe, model._make_block_of_lines(content, describe)
        )

    @api.model
    def _describe_content(self, document=None, *contents):
        """Return the function that says of a key of content what it is called and how
        it is shown: in the user's language where the document knows it, or else as it
        was written.

        :param document: of the model that the content is of
        """
        described = {
            item.key: (self.env._(item.label), "text") for item in FORMER_ITEMS
        }
        for content in contents:
            described |= blocks.labels_of(content)
        if document is not None:
            described |= document._describe_approval_items()
        return lambda key, label=None: described.get(key, (label or key, "text"))

    @api.depends("content")
    @api.depends_context("lang")
    def _compute_difference_html(self):
        for request in self:
            changes = request._get_difference()
            request.difference_html = (
                request._render_changes(changes, request._get_previous())
                if changes
                else False
            )

    def _get_last_seen(self, partner):
        """Return the last request about another version of the document that this
        person has looked at, or none."""
        self.ensure_one()
        approvers = self.env["customer.approval.approver"].sudo()  # the person's own
        approvers = approvers.search(
            [
                ("partner_id", "=", partner.id),
                ("request_id.res_model", "=", self.res_model),
                ("request_id.res_id", "=", self.res_id),
                ("request_id", "<", self.id),
                ("request_id.version", "<", self.version),
            ]
        )
        events = self.env["customer.approval.event"].sudo()  # the document's own
        events = events.search(
            [
                ("kind", "in", ("opened", "answered")),
                ("request_id", "in", approvers.request_id.ids),
            ],
            order="request_id desc",
        )
        return next(
            (
                event.request_id
                for event in events
                if (event.details or {}).get("approver") in approvers.ids
            ),
            self.browse(),
        )

    def _render_difference(self, previous):
        """Return what has changed since another request, as a person reads it."""
        self.ensure_one()
        changes = content_tools.difference(previous.content, self.content)
        return changes and self._render_changes(changes, previous)

    def _render_changes(self, changes, previous):
        contents = (previous.content, self.content)
        describe = self._describe_content(self.env.get(self.res_model), *contents)
        zone = self.env.context.get("tz") or self._get_time_zone()
        return self.env["ir.qweb"]._render(
            "customer_approval_gate.difference",
            {
                "changes": changes,
                "describe": describe,
                "line_name": content_tools.line_name,
                "text": lambda name, value: in_one_line(
                    self._get_value_text(
                        describe(name)[1], value, self.currency_id, zone
                    )
                ),
            },
        )

    def _get_previous(self):
        """Return the last request about another version of the same document."""
        self.ensure_one()
        # What the customer was shown before, whoever looks at it now.
        return self.sudo().search(
            [
                ("res_model", "=", self.res_model),
                ("res_id", "=", self.res_id),
                ("id", "<", self.id or 0),
                ("version", "<", self.version),
            ],
            order="id desc",
            limit=1,
        )

    def _get_difference(self):
        """Return what has changed since the version before, as plain data."""
        self.ensure_one()
        previous = self._get_previous()
        if not previous:
            return {}
        return content_tools.difference(previous.content, self.content)

    @api.model
    def _get_value_text(self, format_, value, currency, zone="UTC"):
        """Return a value of content as a person reads it.

        :param str format_: how it is shown, see ``tools.blocks``
        :param str zone: the time zone of the reader
        """
        if value is None or value == "":
            return self.env._("none")
        if isinstance(value, bool):
            return self.env._("yes") if value else self.env._("no")
        if isinstance(value, dict):
            return value.get("text") or str(value.get("id", ""))
        if isinstance(value, list):
            if format_ == "choices":
                return ", ".join(typed for _value, typed in value if typed) or "…"
            return ", ".join(
                self._get_value_text(format_, part, currency, zone) for part in value
            )
        if format_ == "money":
            return currency.format(float(value))
        if format_ in ("quantity", "number"):
            return format_quantity(self.env, value, len(value.partition(".")[2]))
        if format_ == "share":
            share = format_quantity(self.env, f"{float(value) * 100:g}")
            return self.env._("%(share)s %%", share=share)
        if format_ == "date":
            return format_date(self.env, value)
        if format_ == "moment":
            return moments.format_moment(self.env, value, zone)
        return value
