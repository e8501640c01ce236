# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import api, fields, models
from odoo.tools import format_date

from ...tools import (
    blocks,
    content as content_tools,
    former_content,
    ledger,
    moments,
)
from ...tools.quantities import format_quantity
from ...tools.texts import in_one_line


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

    has_amount = fields.Boolean(
        compute="_compute_has_amount",
        compute_sudo=True,
        help="Whether there are totals in what the customer approves.",
    )

    @api.depends("content", "amount_total")
    def _compute_has_amount(self):
        for request in self:
            # Content is large: most have an amount that says so.
            request.has_amount = bool(request.amount_total) or bool(
                request.content and ledger.flat(request.content)["totals"]
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
        columns = reader._get_columns(content, describe)
        return self.env["ir.qweb"]._render(
            "customer_approval_gate.request_content",
            {
                "blocks": reader._get_blocks(content),
                "cell": lambda line, column, narrow=False: reader._get_cell_text(
                    line, column, currency, zone, narrow
                ),
                "columns": columns,
                "currency": currency,
                "describe": describe,
                "is_chosen": lambda line: (
                    not any(
                        blocks.is_empty(line.get(column["key"]))
                        for column in blocks.columns_of(content)
                        if column.get("choice")
                    )
                ),
                "lines_of": lambda block: ledger.flat(
                    {"format": ledger.FORMAT, "blocks": [block]}
                )["lines"],
                "optional_ids": content_tools.optional_lines(content),
                "section_amounts": content_tools.section_amounts(
                    content,
                    next((column["key"] for column in columns if column.get("sum")), 0),
                ),
                "text": lambda format_, value: reader._get_value_text(
                    format_, value, currency, zone
                ),
            },
            lang=lang,
        )

    @api.model
    def _get_columns(self, content, describe):
        """Return the columns in which the lines of content are shown, as the template
        takes them: with label, format and whether they are numbers.

        :param describe: the function of ``_describe_content()``
        """
        lines = ledger.flat(content)["lines"]
        columns = []
        for column in blocks.columns_of(content):
            key = column["key"]
            label, format_ = describe(column.get("called") or key)
            format_ = column.get("format") or format_
            if column.get("sparse") and all(
                blocks.is_empty(line.get(key)) for line in lines
            ):
                continue
            is_number = format_ in ("discount", "money", "number", "quantity")
            columns.append(
                {**column, "label": label, "format": format_, "is_number": is_number}
            )
        return columns

    @api.model
    def _get_cell_text(self, line, column, currency, zone, narrow=False):
        """Return what a line says in a column, as a person reads it.

        :param dict line: flat
        :param dict column: as ``_get_columns()`` returns it
        :param bool narrow: whether it stands below the first column, without a heading
        """
        format_, value = column["format"], line.get(column["key"])
        if blocks.is_empty(value) and (narrow or format_ != "quantity"):
            return ""
        if format_ == "discount":
            number = format_quantity(self.env, value, len(value.partition(".")[2]))
            return f"−{number}%" if narrow else number
        text = self._get_value_text(format_, value, currency, zone)
        if format_ == "taxes":
            if content_tools.is_tax_included(line):
                return self.env._("incl. %(taxes)s", taxes=text)
            return f"+ {text}" if narrow else text
        if unit := column.get("unit"):
            unit = self._get_value_text("record", line.get(unit) or "", currency)
            text = f"{text} {unit}" if line.get(column["unit"]) else text
        if narrow and format_ != "money":
            return f"{column['label']}: {text}"
        return text

    @api.model
    def _get_blocks(self, content):
        """Return the blocks of content of whatever format."""
        if "blocks" in content:
            return content["blocks"]
        model = self.env[content["document"]["model"]]
        describe = model._describe_approval_items() | self._describe_former_items()
        return former_content.as_blocks(
            content,
            model._get_approval_items(),
            describe,
            lambda flat: model._make_block_of_lines(
                flat, describe, content.get("prices")
            ),
        )

    @api.model
    def _describe_former_items(self):
        return {
            item.key: (self.env._(item.label), "text")
            for item in former_content.FORMER_ITEMS
        }

    @api.model
    def _describe_content(self, document=None, *contents):
        """Return the function that says of a key of content what it is called and how
        it is shown: in the user's language where the document knows it, or else as it
        was written.

        :param document: of the model that the content is of
        """
        described = self._describe_former_items()
        for content in contents:
            described |= blocks.labels_of(content)
        if isinstance(document, type(self.env["customer.approval.content.mixin"])):
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
                "brief": lambda line: self._describe_briefly(line, contents, describe),
                "describe": describe,
                "item_name": self.env._("Item"),
                "line_name": content_tools.line_name,
                "text": lambda name, value: in_one_line(
                    self._get_value_text(
                        describe(name)[1], value, self.currency_id, zone
                    )
                ),
            },
        )

    def _describe_briefly(self, line, contents, describe):
        """Return what a line says beside its name where there is room for little.

        :param contents: those that have such lines
        :param describe: the function of ``_describe_content()``
        """
        texts = [
            self._get_cell_text(line, column, self.currency_id, "UTC")
            for content in contents[-1:]
            for column in self._get_columns(content, describe)
            if column.get("brief") and column["key"] in line
        ]
        return ", ".join(filter(None, texts))

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
