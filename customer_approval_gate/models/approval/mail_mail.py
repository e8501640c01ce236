# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import api, models


class MailMail(models.Model):
    _inherit = "mail.mail"

    @api.model_create_multi
    def create(self, vals_list):
        mails = super().create(vals_list)
        if mails and self.env.context.get("customer_approval_mail_later"):
            # Odoo looks into its queue once an hour. It is only told to.
            self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()
        return mails

    def send(self, auto_commit=False, raise_exception=False, post_send_callback=None):
        """Leave mails about approvals to their job, which knows what was sent.

        :return: as Odoo's own method
        """
        mailings = self.env["customer.approval.mailing"]._find(self)
        if not mailings:
            return super().send(
                auto_commit=auto_commit,
                raise_exception=raise_exception,
                post_send_callback=post_send_callback,
            )
        ours = mailings.mail_id & self
        mailings._retry()
        result = super(MailMail, self - ours).send(
            auto_commit=auto_commit,
            raise_exception=raise_exception,
            post_send_callback=post_send_callback,
        )
        if post_send_callback:
            post_send_callback(ours.ids)
        return result

    def _send_about_approval(self):
        """Send as Odoo does, and let ``state`` say whether it was sent."""
        # Past the method above, which leaves them to the job.
        return super().send()  # pylint: disable=super-method-mismatch
