# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import float_compare, ormcache


class CustomerApprovalDerivedMixin(models.AbstractModel):
    """A model with columns that follow from other records, and that Odoo reads as the
    truth: a line's copy of its document's state, what is left to invoice, totals.

    Odoo takes whatever a caller writes into them, and invoices or delivers by it.
    """

    _name = "customer.approval.derived.mixin"
    _description = "Model with Columns That Follow from Others"

    @api.model
    @ormcache("self._name")
    def _get_derived_fields(self):
        """Return the fields that nobody writes but Odoo: those that are stored, follow
        from others, and cannot be edited in any form."""
        return frozenset(
            name
            for name, field in self._fields.items()
            if field.store
            and field.readonly
            and (field.related or field.compute and not field.inverse)
            and not (field._module or "").startswith("customer_approval")
            and self._is_derived(field)
        )

    @api.model
    def _is_derived(self, field):
        """Return whether a field that follows from others is read as the truth.

        Override to leave out what Odoo itself writes.
        """
        return True

    def _is_derivation_watched(self):
        """Return whether it matters what is in these columns."""
        raise NotImplementedError

    @api.model
    def default_get(self, fields):
        """What follows from others has no default."""
        defaults = super().default_get(fields)
        for name in self._get_fields_without_default() & defaults.keys():
            del defaults[name]
        return defaults

    @api.model
    def _get_fields_without_default(self):
        """Return the fields that no default fills, whoever has set or sent one."""
        return {*self._get_derived_fields()}

    @api.model_create_multi
    def create(self, vals_list):
        derived = self._get_derived_fields()
        given = [
            {name: vals[name] for name in vals.keys() & derived} for vals in vals_list
        ]
        records = super().create(vals_list)
        if any(given):
            for record, vals in zip(records, given, strict=True):
                record._check_derivation(vals)
        return records

    def write(self, vals):
        result = super().write(vals)
        if names := vals.keys() & self._get_derived_fields():
            self._check_derivation({name: vals[name] for name in names})
        return result

    def _check_derivation(self, vals):
        """Refuse values that are not what they follow from.

        :param dict vals: the values that were given
        :raise UserError: one of them is something else
        """
        if not vals or not self._is_derivation_watched():
            return
        for name in vals:
            self.env.add_to_compute(self._fields[name], self)
        for name, value in vals.items():
            field = self._fields[name]
            for record in self:
                given = field.convert_to_cache(value, record, validate=False)
                true = field.convert_to_cache(record[name], record)
                if field.type in ("float", "monetary"):
                    is_same = not float_compare(
                        given or 0.0, true or 0.0, precision_digits=6
                    )
                else:
                    is_same = (given or None) == (true or None)
                if not is_same:
                    raise UserError(
                        self.env._(
                            "“%(field)s” of %(record)s cannot be written: it follows "
                            "from other fields. Change those instead.",
                            field=field._description_string(self.env),
                            record=record.display_name,
                        )
                    )
