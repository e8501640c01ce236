# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from lxml import etree

from odoo import api, models


class CustomerApprovalPanelMixin(models.AbstractModel):
    """The form of a document that goes through stages and is approved by its customer:
    what all of them show.

    Of its host it asks to be both, a staged document and one to be approved.
    """

    _name = "customer.approval.panel.mixin"
    _description = "Panel of the Approval in Forms"

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        arch, view = super()._get_view(view_id, view_type, **options)
        if view_type == "form":
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
        place = arch.find(".//div[@name='customer_approval_panel']")
        # A form that has lost its header says so on purpose.
        header = arch.find("header") if place is not None else _find_header(arch)
        if header is None and place is None:
            return
        panel_view = self.env.ref("customer_approval_gate.document_view_panel")
        # In the user's language, whatever they may read of views.
        panel = etree.fromstring(panel_view.sudo().get_combined_arch())
        for node in panel.xpath("//field[@name='stage_id']"):
            node.set("name", self._stage_field)
        if header is not None:
            self._fill_header(arch, header, panel.find("header"))
        box, own_box = panel.find("div[@name='button_box']"), _find_button_box(arch)
        _hide(box[-1], self._get_unstaged_expression())
        if own_box is not None:
            own_box.extend(box)
        parts = panel.find("div[@name='customer_approval_panel']")
        if place is None:
            header.addnext(parts)
            return
        for own in place:
            parts.find(f".//*[@name='{own.get('name')}']").extend(own)
        place.getparent().replace(place, parts)

    @api.model
    def _fill_header(self, arch, header, own):
        """Put the stages in place of the state, and the button that asks where the form
        has none.

        :param header: of the form
        :param own: of the panel
        """
        button, bar = own.find("button"), own.find("field")
        if header.find(".//button[@name='action_request_customer_approval']") is None:
            _hide(button, self._get_cancelled_expression())
            _hide(button, "not id", self._get_unstaged_expression())
        else:
            own.remove(button)
        if state := self._find_document_field("state"):
            for other in header.findall(f".//field[@name='{state}']"):
                if "statusbar" in (other.get("widget") or ""):
                    _hide(other, self._get_staged_expression())
            options = {"clickable": "1", "fold_field": "fold", "state_field": state}
            bar.set("options", repr(options))
            if arch.find(f".//field[@name='{state}']") is None:
                etree.SubElement(own, "field", {"name": state, "invisible": "1"})
        _hide(bar, self._get_unstaged_expression())
        header.extend(own)

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


def _find_header(arch):
    """Return the header of a form: made, if there is a sheet for it to stand before. A
    form that is a part of another one has neither."""
    header, sheet = arch.find("header"), arch.find("sheet")
    if header is None and sheet is not None:
        header = etree.Element("header")
        sheet.addprevious(header)
    return header


def _find_button_box(arch):
    """Return where the buttons of a form are that show numbers: made, if there is a
    sheet to have it."""
    box = arch.find(".//div[@name='button_box']")
    sheet = arch.find(".//sheet")
    if box is None and sheet is not None:
        box = etree.Element("div", {"name": "button_box", "class": "oe_button_box"})
        sheet.insert(0, box)
    return box
