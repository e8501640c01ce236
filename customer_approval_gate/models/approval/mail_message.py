# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models


class MailMessage(models.Model):
    _inherit = "mail.message"

    @api.model_create_multi
    def create(self, vals_list):
        """Nobody writes about an approval in somebody else's name, neither by the
        conversation nor as a record."""
        requests = self.env["customer.approval.request"]
        for vals in vals_list:
            model = vals.get("model") or self.env.context.get("default_model")
            if model == requests._name:
                defaults = self._add_missing_default_values(vals)
                requests._check_author(defaults)
        return super().create(vals_list)

    def write(self, vals):
        watched = {"author_guest_id", "author_id", "email_from", "model", "res_id"}
        if watched & vals.keys():
            requests = self.env["customer.approval.request"]
            if requests._name in {vals.get("model"), *self.sudo().mapped("model")}:
                # Who has written it already counts as well, wherever it comes from.
                for message in self.sudo():
                    author = {
                        "author_guest_id": message.author_guest_id.id,
                        "author_id": message.author_id.id,
                        "email_from": message.email_from,
                    }
                    requests._check_author({**author, **vals})
        return super().write(vals)
