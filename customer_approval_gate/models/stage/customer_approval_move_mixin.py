# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

# write() is split into methods, which go on to the model's own write().
# pylint: disable=super-method-mismatch, method-required-super, missing-return

from collections import defaultdict
from contextlib import contextmanager

from odoo import api, models
from odoo.exceptions import UserError

from ...tools import capability
from ...tools.event_data import EventData


class CustomerApprovalMoveMixin(models.AbstractModel):
    """The move into a stage, the document's own state along with it, and the other way
    round; and its history.

    Of its host, a staged document, it asks ``stage_id``, ``_is_staged()``, and to go on
    to the model's own ``write()``.
    """

    _name = "customer.approval.move.mixin"
    _description = "Move into a Stage or a State"

    def _write_moving(self, vals):
        stated = self._document_state_field in vals
        if self._stage_field not in vals and not stated:
            return super().write(vals)
        if stated:
            self._check_state_given(vals)
        staged = self.filtered(lambda document: document._is_staged())
        if others := self - staged:
            others._write_unstaged(vals)
        if staged and stated:
            return staged._write_state(vals)
        if staged:
            return staged._write_stage(vals)
        return True

    def _write_unstaged(self, vals):
        if vals.get(self._stage_field):
            self._refuse_stage()
        return super().write(self._without_stage(vals))

    @api.model
    def _without_stage(self, vals):
        return {
            name: value for name, value in vals.items() if name != self._stage_field
        }

    def _refuse_stage(self):
        raise UserError(
            self.env._(
                "%(document)s does not go through stages, so that it cannot be put "
                "into one.",
                document=self[0].display_name,
            )
        )

    def _write_stage(self, vals):
        """Move to a stage, the document's own state along with it."""
        stage = self._get_target_stage(vals[self._stage_field])
        moving = self.filtered(lambda document: document._get_stage() != stage)
        rest = self._without_stage(vals)
        moving._check_stage_allowed(stage)
        moving._check_gates(stage)
        if rest:
            super().write(rest)
            # What else was written may have changed what was approved.
            moving._check_gates(stage)
        if moving:
            before = {document: document._get_stage() for document in moving}
            with moving._defer_entry_actions():
                super(CustomerApprovalMoveMixin, moving).write(
                    {self._stage_field: stage.id}
                )
                moving._drive_state(stage)
                # A state on the way, such as draft for what was cancelled, has a stage
                # of its own.
                if lost := moving.filtered(lambda d: d._get_stage() != stage):
                    super(CustomerApprovalMoveMixin, lost).write(
                        {self._stage_field: stage.id}
                    )
                capability.call(moving._after_move, before)
        return True

    def _write_state(self, vals):
        """Let the stage follow a state that Odoo itself is moving to."""
        state = vals[self._document_state_field]
        explicit = self.env["customer.approval.stage"]
        if self._stage_field in vals:
            explicit = self._get_target_stage(vals[self._stage_field])
            self._check_company_of_stage(explicit)
            if explicit.document_state and explicit.document_state != state:
                raise UserError(
                    self.env._(
                        "The stage %(stage)s stands for another state than the one "
                        "asked for. Change only one of the two.",
                        stage=explicit.name,
                    )
                )
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        stages.mapped("document_state")  # all of them in one query
        targets = defaultdict(self.browse)
        entered = defaultdict(self.browse)
        for (old, company, old_state), documents in self.grouped(
            lambda document: (
                document._get_stage(),
                document._get_document_company(),
                document._get_document_state(),
            )
        ).items():
            stage = explicit or old
            entry = stage
            if stage.document_state != state:
                entry = self._get_stage_of_state(stages, state, company) or stage
                # A stage that stands for no state holds no document back, but
                # the state has a gate of its own.
                own = entry if entry.document_state == state else old
                stage = explicit or own
            targets[stage] |= documents
            if old_state != state or old != stage:
                entered[entry] |= documents
                entered[stage] |= documents
        blockers = defaultdict(list)
        for stage, documents in entered.items():
            for document, reasons in documents._gate_blockers(stage).items():
                blockers[document] += reasons
        capability.call(self._raise_blockers, blockers)
        before = {document: document._get_stage() for document in self}
        states = {document: document._get_document_state() for document in self}
        keeps_history = self._keeps_history()
        for stage, documents in targets.items():
            values = dict(vals)
            if stage and any(document._get_stage() != stage for document in documents):
                values[self._stage_field] = stage.id
            else:
                values.pop(self._stage_field, None)
            super(CustomerApprovalMoveMixin, documents).write(values)
        if not capability.is_driven_by_stage(self):
            capability.call(self._after_move, before, keeps_history, states)
        return True

    def _write_engine_fields(self, vals):
        """Write what the engine itself keeps on documents. Past whatever other addons
        refuse: what caused it, a customer's answer, must not be lost by that."""
        return models.BaseModel.write(self, vals)

    @contextmanager
    def _defer_entry_actions(self):
        """Around a method of Odoo's own that moves documents: what entering their
        stages causes comes after it, when all of it is done.
        """
        stages = self.env["customer.approval.stage"]
        if capability.find(
            self.env, capability.DeferredEntry
        ) or not stages._is_list_in_use(self._stage_document_type):
            yield
            return
        with capability.hold(self.env, capability.DeferredEntry()) as entering:
            yield
        for name, ids in entering.documents.items():
            self.env[name].browse(ids).exists()._cause_entry()

    @capability.required
    def _after_move(self, before, keeps_history=True, states=None):
        """Keep the history of documents that moved, and let happen what follows.

        :param dict before: the stage that each document was in
        :param bool keeps_history: see ``_keeps_history()``
        :param dict states: the state that each document had
        """
        if keeps_history:
            capability.call(self._record_stages, before, states)
        moved = self.filtered(
            lambda document: document._get_stage() != before[document]
        )
        moved._forget_advance()
        moved._enter_stages()
        if keeps_history:  # or nothing was ever blocked
            done = self.filtered(
                lambda document: (
                    document._get_document_state() in self._stage_gated_states
                )
            )
            done._close_for_staff("blocked")

    @capability.required
    def _record_placing(self):
        """Keep the history of documents that have got another stage, or none, by no
        move: where they have any."""
        self.env.cr.execute(
            """
            SELECT DISTINCT ON (res_id) res_id, (details->>'to_id')::int
              FROM customer_approval_event
             WHERE res_model = %s AND kind = 'stage_changed'
          ORDER BY res_id, position DESC
            """,
            [self._name],
        )
        last = dict(self.env.cr.fetchall())
        self.invalidate_recordset([self._stage_field])
        documents = self.filtered(lambda document: document.id in last)
        # Stages that are gone have only their names left, in the events before.
        known = self.env["customer.approval.stage"].sudo()
        known = known.browse(set(last.values()) - {None}).exists()
        before = {
            document: known.filtered(lambda s, d=document: s.id == last[d.id])
            for document in documents
        }
        capability.call(documents._record_stages, before)

    @capability.required
    def _record_stages(self, before, states=None):
        """Keep the history of stages (guide, "Status History"): who moved which
        document, from where, to where, when. That a document was confirmed or posted,
        or is no longer, is kept where no stage stands for it as well.

        :param dict before: the stage that each document was in
        :param dict states: the state that each document had, if it may be another one
        """
        entries, details = [], self._get_move_details()
        final = self._stage_gated_states
        nowhere = self.env["customer.approval.stage"].sudo()  # of whatever company
        stages = nowhere.union(*before.values(), self._get_stage())
        named = {stage.id: (stage, stage.id, stage.name) for stage in stages}
        named[False] = (nowhere, None, None)
        for document in self:
            old, old_id, old_name = named[before[document].id]
            new, new_id, new_name = named[document._get_stage().id]
            state = states[document] if states else document._get_document_state()
            if old != new or (
                state != document._get_document_state()
                and (state in final or document._get_document_state() in final)
            ):
                entries.append(
                    EventData(
                        document,
                        "stage_changed",
                        text=capability.get_note(document),
                        details={
                            "from_id": old_id,
                            "from": old_name or None,
                            "to_id": new_id,
                            "to": new_name or None,
                            "state": document._get_document_state(),
                            **(
                                {"from_state": state}
                                if state != document._get_document_state()
                                else {}
                            ),
                            **details.get(document, {}),
                        },
                    )
                )
        # Nobody writes events but what happens.
        self.env["customer.approval.event"].sudo()._append(entries)
        self._forget_gates_asked()

    def _get_entry_stage(self, state):
        """Return the stage whose gates are asked when the document gets into a
        state."""
        self.ensure_one()
        if self._get_stage().document_state == state:
            return self._get_stage()
        return self._get_stage_of_state(
            self.env["customer.approval.stage"]._get_list(self._stage_document_type),
            state,
            self._get_document_company(),
        )

    def _filter_blocked(self, state):
        """Return the documents that a gate keeps from getting into a state."""
        blocked = self.browse()
        for stage, documents in self.grouped(
            lambda document: document._get_entry_stage(state)
        ).items():
            if stage:
                blocked |= self.browse().union(*documents._gate_blockers(stage))
        return blocked

    def _get_blocked_text(self, state):
        """Return why the document may not get into a state, for people."""
        self.ensure_one()
        stage = self._get_entry_stage(state)
        return " ".join(self._gate_blockers(stage).get(self, []))

    def _get_target_stage(self, stage_id):
        # Whether the user may use the stage is checked against the document's company.
        stage = self.env["customer.approval.stage"].sudo()
        if isinstance(stage_id, int) and not isinstance(stage_id, bool):
            stage = stage.browse(stage_id).exists()
        if not stage:
            raise UserError(
                self.env._("A document is always in a stage. Choose one from the list.")
            )
        self._check_stage_type(stage)
        if not stage.active and stage not in self._get_stage():
            raise UserError(
                self.env._(
                    "The stage %(stage)s is archived: no document can enter it.",
                    stage=stage.name,
                )
            )
        return stage.with_env(self.env)

    @api.model
    def _check_state_given(self, vals):
        name = self._document_state_field
        if vals[name] not in self._fields[name].get_values(self.env):
            raise UserError(
                self.env._(
                    "“%(state)s” is no state of these documents.", state=vals[name]
                )
            )

    def _check_stage_type(self, stage):
        if stage.sudo().document_type != self._stage_document_type:
            raise UserError(
                self.env._(
                    "%(stage)s is no stage of these documents. Choose another one.",
                    stage=stage.sudo().name,
                )
            )

    def _check_company_of_stage(self, stage):
        company = stage.sudo().company_id
        for document in self:
            if company and document._get_document_company() != company:
                raise UserError(
                    self.env._(
                        "The stage %(stage)s belongs to %(company)s, and %(document)s "
                        "does not. Choose another stage.",
                        stage=stage.sudo().name,
                        company=company.name,
                        document=document.display_name,
                    )
                )

    def _check_stage_allowed(self, stage):
        self._check_company_of_stage(stage)
        state = stage.document_state
        for document in self:
            if (
                state
                and document._get_document_state() != state
                and document._get_document_state() in self._get_locked_states()
            ):
                raise UserError(document._way_back_message(stage))

    def _way_back_message(self, stage):
        """Return which button takes a confirmed or posted document back. Override to
        name it.

        :param stage: the stage it was dragged to
        """
        self.ensure_one()
        return self.env._(
            "%(document)s is “%(state)s”, and cannot be moved to %(stage)s. To take it "
            "back, open it and use its own buttons.",
            document=self.display_name,
            state=self._get_state_label(self._get_document_state()),
            stage=stage.name,
        )

    def _drive_state(self, stage):
        """Bring documents that entered a stage into the state it stands for.

        :raise UserError: Odoo did not do it
        """
        state = stage.document_state
        following = self.filtered(lambda d: state and d._get_document_state() != state)
        if not following:
            return
        # The move is one, whatever states are on the way.
        with capability.hold(self.env, capability.DrivenState(following)):
            following._enter_state(state)
        if behind := following.filtered(lambda d: d._get_document_state() != state)[:1]:
            if reason := behind._get_refusal_of_others():
                raise UserError(reason)
            raise UserError(
                self.env._(
                    "%(document)s could not be brought into the state that %(stage)s "
                    "stands for. Open it and use its buttons: they say what is "
                    "missing.",
                    document=behind.display_name,
                    stage=stage.name,
                )
            )

    def _get_refusal_of_others(self):
        """Return why another addon keeps the document in its state, where its method
        raised nothing but said so on the record. Override for further addons."""
        self.ensure_one()
        # OCA's *base_exception* shows a dialog instead.
        if "exception_ids" not in self._fields:
            return ""
        return "\n".join(
            f"{rule.name}: {rule.description}" if rule.description else rule.name
            for rule in self.exception_ids
        )

    def _enter_state(self, state):
        """Run Odoo's own method that brings the documents into a state, as
        ``_stage_states`` names it. Override where it is more than one method.

        :raise UserError: none does
        """
        if method := self._stage_states.get(state):
            getattr(self, method)()
        elif not self._stage_states:
            # Nobody has said that more is to be done.
            self.write({self._document_state_field: state})
        else:
            raise UserError(
                self.env._(
                    "%(document)s does not become “%(state)s” by moving it. Open it "
                    "and use its own buttons.",
                    document=self[:1].display_name,
                    state=self._get_state_label(state),
                )
            )

    @api.model
    def _get_state_label(self, state):
        field = self._fields[self._document_state_field]
        return dict(field._description_selection(self.env)).get(state, state)
