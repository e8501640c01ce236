# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from contextlib import contextmanager

from odoo import api, models
from odoo.exceptions import AccessError, LockError, UserError
from odoo.tools import SQL, format_date

from ...tools import capability, content as content_tools
from ...tools.event_data import EventData


class CustomerApprovalLockMixin(models.AbstractModel):
    """What the customer was asked about, or approved, stays as it is: a pending request
    is withdrawn by a change, and approved content is locked (design rule 5).

    Of its host it asks the content, and which request is in force.
    """

    _name = "customer.approval.lock.mixin"
    _description = "Lock of Approved Content"

    @api.model
    def _get_non_content_fields(self):
        """Return fields that never matter to scope and price, so that writing them
        costs nothing."""
        content = {item.field for item in self._get_approval_items()}
        return {
            "access_token",
            "activity_ids",
            "date_order",
            "message_follower_ids",
            "message_ids",
            "message_main_attachment_id",
            "tag_ids",
            "team_id",
            *self._find_document_fields("state", "salesperson"),
            *filter(None, [self._stage_field]),
        } - content

    @contextmanager
    def _creating(self):
        """Around the creation of documents: nobody was asked about them, so that
        nothing is compared whenever Odoo writes one of their lines on the way."""
        stages = self.env["customer.approval.stage"]
        if not stages._is_list_in_use(self._stage_document_type):
            yield
            return
        self.env.cr.execute(
            SQL("SELECT COALESCE(max(id), 0) FROM %s", SQL.identifier(self._table))
        )
        own = capability.NewDocuments(self._name, self.env.cr.fetchone()[0])
        with capability.hold(self.env, capability.Guarded(own)):
            yield

    @contextmanager
    def _guard_approved_content(self, at_end=True):
        """Around whatever may change the content: afterwards a pending request is
        withdrawn and an approval counts no more where the content did change; and
        where it may not change, the whole is refused (design rule 5).

        :param bool at_end: whether what happens on the way is judged at the end only
        """
        if not self._is_any_watched():
            yield
            return
        watched = self.filtered(
            lambda document: (
                not capability.is_guarded(document) and document._is_content_watched()
            )
        )
        watched._lock_content()
        before = watched._get_scope_digests()
        keys = {(self._name, document_id) for document_id in watched.ids}
        with capability.hold(self.env, capability.Guarded(keys if at_end else ())):
            yield
        if not watched:
            return
        watched = watched.exists()
        after = watched._get_scope_digests()
        changed = watched.filtered(lambda d: before[d.id] != after[d.id])
        changed._after_content_change()

    @contextmanager
    def _check_once(self):
        """Around an operation of Odoo's own that takes content away and puts it back:
        what counts is what the documents are when all of it is done.

        :raise UserError: approved content is something else then; the message says what
        """
        approved = self.filtered(lambda d: d.customer_approval_status == "approved")
        try:
            with self._guard_approved_content():
                yield
        except UserError as error:
            # The gate was asked on the way, when the content had changed already. What
            # others refuse is passed on in their own words.
            if getattr(error, "customer_approval_gate", False):
                for document in approved - approved._filter_customer_approved():
                    request = document.sudo().customer_approval_request_id
                    changes = request and document._get_changes_since(request)
                    if changes:
                        raise UserError(
                            document._approved_content_message(request, changes)
                        ) from error
            raise

    def _lock_content(self):
        """Keep everybody else from answering while the content changes.

        :raise UserError: somebody answers at this moment
        """
        try:
            self.lock_for_update(allow_referencing=True)
        except LockError as error:
            raise UserError(
                self.env._(
                    "The customer, or somebody else, is working on %(document)s at "
                    "this moment. Try again in a minute.",
                    document=self[:1].display_name,
                )
            ) from error

    def _after_adding_lines(self, lines):
        """Judge a document that lines were added to. Override to have a say."""

    def _is_any_watched(self):
        """Return whether it matters to any of these documents what becomes of its
        content: a gate, or an edit lock, or somebody who is asked or has approved."""
        if not self:
            return False
        stages = self.env["customer.approval.stage"]
        return stages._is_list_in_use(self._stage_document_type) or any(
            document.customer_approval_status in ("pending", "approved")
            for document in self
        )

    def _is_content_watched(self):
        self.ensure_one()
        return bool(self.id) and (
            self.customer_approval_status in ("pending", "approved")
            or self._get_stage().edit_lock
        )

    def _after_content_change(self):
        for document in self - self._filter_as_asked():
            if capability.is_guarded(document):
                continue
            if document._get_stage().edit_lock:
                raise UserError(
                    self.env._(
                        "%(document)s cannot be edited while it is in the stage "
                        "%(stage)s. Move it to another stage first.",
                        document=document.display_name,
                        stage=document._get_stage().name,
                    )
                )
            # Whoever edits the document need not be allowed to read requests.
            request = document.sudo().customer_approval_request_id
            if document._is_cancelled() and request:
                # Odoo takes rewards and the like from what is cancelled.
                capability.call(
                    request._end_approval,
                    "lapsed",
                    self.env._("The document was cancelled."),
                    self.env._(
                        "With the cancellation the content has changed, so that the "
                        "customer's approval counts no more."
                    ),
                )
            elif document.customer_approval_status == "approved":
                capability.call(document._check_approved_change, request)
            elif request.state != "pending" or request._is_outdated():
                capability.call(request._after_content_change)

    def _filter_as_asked(self):
        """Return the documents whose content is what their customer was asked about,
        for all of them at once: nothing is to be judged there."""
        requests = {
            document.id: document.sudo().customer_approval_request_id  # evidence
            for document in self
            if not document._is_cancelled()
            and not document._get_stage().edit_lock
            and document.customer_approval_status in ("pending", "approved")
        }
        requests = {key: request for key, request in requests.items() if request}
        documents = self.browse(requests)
        scopes = documents._get_scope_digests_as_asked(requests)
        return documents.filtered(
            lambda document: scopes[document.id] == requests[document.id].scope_digest
        )

    @capability.required
    def _check_approved_change(self, request):
        """Let a change of what was approved pass if the company's policy tolerates it.

        :raise UserError: it matters
        """
        self.ensure_one()
        content, approved = self._get_content_and_asked(request)
        company = request.company_id
        matters = content_tools.changes_that_matter(
            approved,
            content,
            company.sudo()._get_recorded_policy(self._get_document_currency()),
        )
        if matters:
            changes = content_tools.difference(approved, content)
            raise UserError(self._approved_content_message(request, changes))
        if content_tools.is_same_scope(approved, content):
            return
        scope = content_tools.scope_as_asked(approved, content)
        changes = content_tools.difference(approved, content)
        self.env["customer.approval.event"].sudo()._append(
            [
                EventData(
                    self,
                    "tolerated",
                    request,
                    scope_digest=scope,
                    text=self._summarize(changes),
                    details={"changes": changes},
                )
            ]
        )

    def _approved_content_message(self, request, changes=None):
        """Return why approved content stays as it is, and what helps.

        :param changes: what would be different, as plain data
        """
        message = self._get_approved_content_text(request)
        if changes:
            message += "\n" + self._summarize(changes)
        return message

    def _get_approved_content_text(self, request):
        self.ensure_one()
        values = {
            "document": self.display_name,
            "name": request.decided_by_name or self.env._("the customer"),
            "version": request.version,
            "date": format_date(self.env, request.decided_on),
        }
        if self._is_past_gate():
            return self.env._(
                "%(document)s cannot be changed: %(name)s approved version %(version)s "
                "of it on %(date)s, and work on it has begun. To sell something else, "
                "use “Change Order”, or take it back before the stage %(stage)s and "
                "use “Revise”.",
                stage=self._get_first_gate_passed().name or self._get_stage().name,
                **values,
            )
        return self.env._(
            "%(document)s cannot be changed: %(name)s approved version %(version)s of "
            "it on %(date)s. To change it, use “Revise”, and ask the customer again.",
            **values,
        )

    @capability.required
    def _withdraw_cancelled(self):
        """Nobody is asked about what is cancelled."""
        waiting = self.filtered(lambda d: d.customer_approval_status == "pending")
        if waiting:
            # Whoever cancels need not be allowed to read requests.
            requests = waiting.sudo().customer_approval_request_id
            capability.call(
                requests._withdraw, self.env._("The document was cancelled.")
            )

    @capability.required
    def _revise_customer_approval(self, reason):
        """Open a new version of approved documents: the approval is no longer in force.

        :param str reason: why; kept in the events
        :raise AccessError: the user may not revise what customers approved
        :raise UserError: there is no reason, no approval, or work has begun
        """
        self.check_access("write")
        self._check_revise_right()
        reason = (reason or "").strip()
        if not reason:
            raise UserError(self.env._("Please say why the document is revised."))
        for document in self:
            request = document.sudo().customer_approval_request_id
            if (
                document.customer_approval_status != "approved"
                or request._get_document_status() != "approved"
            ):
                raise UserError(
                    self.env._(
                        "%(document)s is not approved: it can be changed as it is.",
                        document=document.display_name,
                    )
                )
            if document._is_past_gate():
                raise UserError(
                    self.env._(
                        "%(document)s is in a stage that takes the customer's "
                        "approval. Move it back before the stage %(stage)s first, or "
                        "use “Change Order” for what is to be added.",
                        document=document.display_name,
                        stage=document._get_first_gate_passed().name,
                    )
                )
            request._lock_with_document()
            capability.call(
                request._end_approval,
                "revised",
                reason,
                self.env._(
                    "Revised: %(reason)s. The approval of version %(version)s counts "
                    "no more. Change what is to be changed, then request customer "
                    "approval.",
                    reason=reason,
                    version=request.version,
                ),
            )

    @api.model
    def _check_revise_right(self):
        if not self.env.su and not self.env.user.has_group(
            "customer_approval_gate.group_revise_approval"
        ):
            raise AccessError(
                self.env._(
                    "You may not revise what customers approved. Ask your manager, or "
                    "somebody with the right “Revise approved documents”."
                )
            )

    def action_revise_customer_approval(self):
        """Open the dialog that asks for the reason of a revision."""
        self.ensure_one()
        self._check_revise_right()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Revise"),
            "res_model": "customer.approval.revise",
            "view_mode": "form",
            "target": "new",
            "context": {
                **self.env.context,
                "default_res_model": self._name,
                "default_res_id": self.id,
            },
        }
