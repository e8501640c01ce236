# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models
from odoo.exceptions import UserError

from ...tools import capability

KEPT_FIELDS = {
    "checksum",
    "datas",
    "db_datas",
    "file_size",
    "mimetype",
    "name",
    "raw",
    "res_field",
    "res_id",
    "res_model",
    "store_fname",
    "type",
    "url",
}


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    def _is_lost(self):
        """Return whether the file is not in the file store any more, though it was."""
        self.ensure_one()
        return bool(self.file_size) and not self.raw

    def _read_kept(self):
        """Return the bytes of a file that is evidence: none where somebody has made a
        link of it, which shows something else."""
        self.ensure_one()
        return (self.raw or b"") if self.type == "binary" else b""

    def unlink(self):
        # Not api.ondelete, which a context key switches off.
        self._check_not_kept()
        return super().unlink()

    def write(self, vals):
        if KEPT_FIELDS & vals.keys():
            self._check_not_kept()
        return super().write(vals)

    def _check_not_kept(self):
        """Files of a request stay, whoever has the token of one: they are evidence, or
        belong to the conversation about it.

        :raise UserError: one of these is such a file
        """
        kept = self.sudo().filtered(  # whatever the user may read
            lambda file: (
                file.res_id
                and getattr(self.env.get(file.res_model), "_keeps_files", False)
            )
        )
        if (
            kept
            and not capability.find(self.env, capability.Erasing)
            and not self.env["customer.approval.event"]._is_uninstalling()
        ):
            raise UserError(
                self.env._(
                    "%(name)s can be neither changed nor deleted: it belongs to a "
                    "request for approval, and is kept as evidence.",
                    name=kept[0].name,
                )
            )
