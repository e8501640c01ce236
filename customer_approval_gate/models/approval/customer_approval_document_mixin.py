# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from lxml import etree

from odoo import api, models

from ...tools.stage_field import stage_field


class CustomerApprovalDocumentMixin(models.AbstractModel):
    """A document that goes through stages, some of which take its customer's approval:
    what most models that join in want.

    A model joins with ``_inherit = ["customer.approval.document.mixin", its own name]``
    (in this order: the engine has to be around the model's own ``write()``).
    """

    _name = "customer.approval.document.mixin"
    _inherit = ["customer.approval.mixin", "customer.approval.staged.mixin"]
    _description = "Document with Stages to Be Approved by the Customer"

    stage_id = stage_field()

    # ------------------------------------------------------------------
    # The form
    # ------------------------------------------------------------------

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        arch, view = super()._get_view(view_id, view_type, **options)
        if view_type == "form" and arch.find("header") is not None:
            self._add_approval_panel(arch)
        return arch, view

    @api.model
    def _add_approval_panel(self, arch):
        """Put into a form what all documents show of their approval: the stages in
        place of the state, what is to be done next, and ways to the requests.

        The panel comes behind the header, or in place of ``<div
        name="customer_approval_panel">``; what stands in there goes into the part of
        the panel that has the same name.
        """
        panel_view = self.env.ref("customer_approval_gate.document_view_panel")
        # In the user's language, whatever they may read of views.
        panel = etree.fromstring(panel_view.sudo().get_combined_arch())
        for node in panel.xpath("//field[@name='stage_id']"):
            node.set("name", self._stage_field)
        own_header, header = arch.find("header"), panel.find("header")
        if (
            own_header.find(".//button[@name='action_request_customer_approval']")
            is None
        ):
            button = header.find("button")
            _hide(button, self._get_cancelled_expression())
            _hide(button, "not id", self._get_unstaged_expression())
        else:
            header.remove(header.find("button"))
        state = self._find_document_field("state")
        for bar in own_header.findall(f".//field[@name='{state}']"):
            if "statusbar" in (bar.get("widget") or ""):
                _hide(bar, self._get_staged_expression())
        _hide(header.find("field"), self._get_unstaged_expression())
        own_header.extend(header)
        box, own_box = panel.find("div[@name='button_box']"), _find_button_box(arch)
        _hide(box[-1], self._get_unstaged_expression())
        if own_box is not None:
            own_box.extend(box)
        self._fill_panel(arch, own_header, panel)

    @api.model
    def _fill_panel(self, arch, header, panel):
        parts = panel.find("div[@name='customer_approval_panel']")
        place = arch.find(".//div[@name='customer_approval_panel']")
        if place is None:
            header.addnext(parts)
        else:
            for own in place:
                part = parts.find(f".//*[@name='{own.get('name')}']")
                part.extend(own)
            place.getparent().replace(place, parts)

    @api.model
    def _get_staged_expression(self):
        """Return when a document goes through stages, as views say it."""
        conditions = [
            f"{name} in {tuple(values)!r}"
            for name, values in self._stage_columns.items()
        ]
        return " and ".join(conditions) or "True"

    @api.model
    def _get_unstaged_expression(self):
        return f"not ({self._get_staged_expression()})" if self._stage_columns else ""

    @api.model
    def _get_cancelled_expression(self):
        state = self._find_document_field("state")
        return f"{state} in {self._document_cancelled_states!r}" if state else ""


def _hide(node, *expressions):
    """Let a node of a view be invisible in these cases as well."""
    given = [node.get("invisible"), *expressions]
    given = [expression for expression in given if expression]
    if given:
        node.set("invisible", " or ".join(f"({expression})" for expression in given))


def _find_button_box(arch):
    """Return where the buttons of a form are that show numbers: made, if there is a
    sheet to have it."""
    box = arch.find(".//div[@name='button_box']")
    sheet = arch.find(".//sheet")
    if box is None and sheet is not None:
        box = etree.Element("div", {"name": "button_box", "class": "oe_button_box"})
        sheet.insert(0, box)
    return box
