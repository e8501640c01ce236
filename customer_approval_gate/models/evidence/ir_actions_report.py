# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.exceptions import UserError

from ...tools import printing


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    @api.model
    def _can_print_approvals(self):
        """Return whether this server has a program that prints PDF."""
        return self.get_wkhtmltopdf_state() != "install"

    @api.model
    def _print_approval(self, report, record, seconds=printing.SECONDS):
        """Return a report about one record as PDF, checked.

        :param str report: the external id of the report
        :param int seconds: how long it may take
        :raise UserError: it was not printed, or not to its end
        :rtype: bytes
        """
        try:
            with printing.limit_printing(seconds), self.env.cr.savepoint():
                data, kind = self._render_qweb_pdf(report, record.ids)
        except (OSError, ValueError) as error:
            raise UserError(self._get_print_error(record)) from error
        # Odoo prints nothing while it runs tests.
        if kind == "pdf" and not printing.is_whole_pdf(data):
            raise UserError(self._get_print_error(record))
        return data

    @api.model
    def _get_print_error(self, record):
        return self.env._(
            "%(record)s could not be printed. Check the program that prints PDF on the "
            "Odoo server.",
            record=record.display_name,
        )
