# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    def _is_lost(self):
        """Return whether the file is not in the file store any more, though it was."""
        self.ensure_one()
        return bool(self.file_size) and not self.raw
