# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.tools import SQL

from ...tools import contract


class CustomerApprovalSubjectMixin(models.AbstractModel):
    """What evidence is about: whoever may read such a record may read its history, and
    what its customer was asked.

    What all documents have is read by the methods below: a model says by the attributes
    which of its fields that is, where it is not the usual one, and may have none.
    """

    _name = "customer.approval.subject.mixin"
    _description = "What Evidence Is About"

    _document_company_field = "company_id"
    """The many2one to the company; without it, that of whoever asks counts."""
    _document_state_field = "state"
    """The selection that is the document's own state."""
    _document_initial_state = "draft"
    """The state of new documents."""
    _document_cancelled_states = ("cancel",)
    """The states of documents that are called off."""
    _document_salesperson_field = "user_id"
    """The many2one to the user who takes care of the document."""
    _document_customer_field = "partner_id"
    """The many2one to the customer, or to the contact who deals with it."""
    _document_currency_field = "currency_id"
    """The many2one to the currency; without it, the company's counts."""
    _document_total_field = "amount_total"
    """What the document comes to, in its currency."""

    def _post_model_setup__(self):
        result = super()._post_model_setup__()
        if not self._abstract:
            self._check_document_contract()
        return result

    def _check_document_contract(self):
        """Check which fields the model names, when the registry is loaded.

        :raise ContractError: one of them is not there
        """
        for role in (
            "company",
            "state",
            "salesperson",
            "customer",
            "currency",
            "total",
        ):
            name = f"_document_{role}_field"
            usual = getattr(CustomerApprovalSubjectMixin, name)
            if getattr(self, name) != usual:
                contract.check_fields(self, name, [getattr(self, name)], f'"{usual}"')

    @api.model
    def _find_document_field(self, role):
        """Return the name of the field that has one of these roles, or nothing where
        documents have none.

        :param str role: ``company``, ``state``, ``salesperson``, ``customer``,
            ``currency`` or ``total``
        """
        name = getattr(self, f"_document_{role}_field")
        return name if name in self._fields else None

    @api.model
    def _find_document_column(self, role):
        """Return the name of the column that has a role: as ``_find_document_field()``,
        where the field is one of the table.

        :param str role: as there
        """
        name = self._find_document_field(role)
        return name if name and self._is_column(name) else None

    @api.model
    def _is_column(self, name):
        field = self._fields.get(name)
        return bool(field and field.store and field.column_type)

    @api.model
    def _find_document_columns(self, *roles):
        """Return the names of the columns that have these roles, as far as there are
        any."""
        return [name for role in roles if (name := self._find_document_column(role))]

    @api.model
    def _find_document_fields(self, *roles):
        """Return the names of the fields that have these roles, as far as there are
        any."""
        return [name for role in roles if (name := self._find_document_field(role))]

    def _get_document_company(self):
        """Return the ``res.company`` of the document, if it has one."""
        name = self._document_company_field
        return self[name] if name in self._fields else self.env["res.company"]

    def _get_document_state(self):
        """Return the document's own state, or ``False``."""
        name = self._document_state_field
        return self[name] if name in self._fields else False

    @api.model
    def _get_state_column(self, alias):
        """Return the column of the state for SQL, or null where there is none.

        :param str alias: of the table
        """
        name = self._find_document_column("state")
        return SQL.identifier(alias, name) if name else SQL("NULL::text")

    @api.model
    def _get_initial_state(self):
        """Return the state of new documents, or ``False``."""
        if not self._find_document_field("state"):
            return False
        return self._document_initial_state

    def _is_cancelled(self):
        """Return whether the document is called off."""
        return self._get_document_state() in self._document_cancelled_states

    def _get_document_customer(self):
        """Return the ``res.partner`` who is the document's customer, if it has one."""
        name = self._document_customer_field
        return self[name] if name in self._fields else self.env["res.partner"]

    def _get_document_currency(self):
        """Return the ``res.currency`` of the document's amounts: its own, or its
        company's."""
        name = self._document_currency_field
        own = self[name] if name in self._fields else self.env["res.currency"]
        return own or (self._get_document_company() or self.env.company).currency_id

    def _get_document_total(self):
        """Return what the document comes to, in its currency; 0 where it has no
        total."""
        name = self._document_total_field
        return self[name] if name in self._fields else 0.0
