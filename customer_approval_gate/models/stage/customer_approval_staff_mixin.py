# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import SUPERUSER_ID, api, models


class CustomerApprovalStaffMixin(models.AbstractModel):
    """Who of the staff takes care of a document, and how they are told.

    Of its host it asks nothing.
    """

    _name = "customer.approval.staff.mixin"
    _inherit = [
        "customer.approval.subject.mixin",
        "mail.thread",
        "mail.activity.mixin",
    ]
    _description = "Document That Staff Take Care of"

    def _get_customer_approval_salesperson(self):
        """Return the user who is told what the customer answered."""
        self.ensure_one()
        name = self._document_salesperson_field
        return self[name] if name in self._fields else self.env["res.users"]

    def _schedule_blocked_activity(self, note):
        """Tell the salesperson that a gate held the document back where raising an
        error would have broken something else.

        :param str note: what happened, and what to do next
        """
        self.ensure_one()
        self._schedule_for_staff(
            "mail.mail_activity_data_warning", topic="blocked", note=note
        )

    def _schedule_for_staff(self, activity_type, users=None, topic=None, **values):
        """Put something on a colleague's list of things to do, whoever causes it.

        :param str activity_type: the external id of the ``mail.activity.type``
        :param str topic: what it is about, for ``_close_for_staff()``
        :param users: whom, the first who can; by default those of the document
        :param values: of the activity
        :return: the activity
        """
        self.ensure_one()
        # The customer, who caused it, is no colleague: nothing is theirs to make.
        document = self.with_user(SUPERUSER_ID)
        user = (users or self._get_staff()).filtered(self._is_staff)[:1]
        # A type that is given as a record counts.
        return document.activity_schedule(
            "" if "activity_type_id" in values else activity_type,
            user_id=(user or self._get_staff()[:1]).id,
            customer_approval_topic=topic,
            **values,
        )

    def _close_for_staff(self, *topics):
        """Mark as done what staff need not do any more, whoever has seen to it.

        :param topics: as given to ``_schedule_for_staff()``
        """
        # Activities of whomever, closed by what happened.
        activities = self.env["mail.activity"].with_user(SUPERUSER_ID)
        activities = activities.search(
            [
                ("customer_approval_topic", "in", topics),
                ("res_model", "=", self._name),
                ("res_id", "in", self.ids),
            ]
        )
        if activities:
            activities.action_feedback()

    @api.model
    def _is_staff(self, user):
        """Return whether the user is a person who works in the back office."""
        return user.active and not user.share and user.id != SUPERUSER_ID

    def _get_staff(self):
        """Return the colleagues who take care of the document, the first before the
        others: its salesperson, or else those who may revise what was approved."""
        self.ensure_one()
        salesperson = self._get_customer_approval_salesperson()
        if staff := salesperson.filtered(self._is_staff):
            return staff
        for group in (
            "customer_approval_gate.group_revise_approval",
            "base.group_system",
        ):
            users = self.env.ref(group).sudo().all_user_ids  # whoever causes it
            company = self._get_document_company()
            staff = users.filtered(
                lambda user, company=company: (
                    self._is_staff(user)
                    and (not company or company in user.company_ids)
                )
            )
            if staff:
                return staff.sorted("id")
        return salesperson

    def _message_compute_author(self, author_id=None, email_from=None):
        """What the system writes because of a customer has a sender nonetheless: mail
        without one is not sent."""
        author_id, email_from = super()._message_compute_author(author_id, email_from)
        return author_id, email_from or self._get_sender()

    def _get_sender(self):
        """Return the address that mails about the document come from where their author
        has none."""
        company = self._get_document_company()[:1] or self.env.company
        salesperson = self and self[:1]._get_customer_approval_salesperson().sudo()
        # Not by ref(), which looks each time whether the record is still there.
        robot = self.env["ir.model.data"]._xmlid_to_res_id("base.partner_root")
        return (
            company.sudo().email_formatted
            or (salesperson and salesperson.email_formatted)
            or self.env["res.partner"].sudo().browse(robot).email_formatted
        )
