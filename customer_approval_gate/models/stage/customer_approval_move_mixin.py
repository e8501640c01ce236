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
        if "stage_id" not in vals and "state" not in vals:
            return super().write(vals)
        if "state" in vals:
            self._check_state_given(vals)
        staged = self.filtered(lambda document: document._is_staged())
        if others := self - staged:
            others._write_unstaged(vals)
        if staged and "state" in vals:
            return staged._write_state(vals)
        if staged:
            return staged._write_stage(vals)
        return True

    def _write_unstaged(self, vals):
        if vals.get("stage_id"):
            self._refuse_stage()
        vals = {name: value for name, value in vals.items() if name != "stage_id"}
        return super().write(vals)

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
        stage = self._get_target_stage(vals["stage_id"])
        moving = self.filtered(lambda document: document.stage_id != stage)
        rest = {name: value for name, value in vals.items() if name != "stage_id"}
        moving._check_stage_allowed(stage)
        moving._check_gates(stage)
        if rest:
            super().write(rest)
            # What else was written may have changed what was approved.
            moving._check_gates(stage)
        if moving:
            before = {document: document.stage_id for document in moving}
            with moving._defer_entry_actions():
                super(CustomerApprovalMoveMixin, moving).write({"stage_id": stage.id})
                moving._drive_state(stage)
                # A state on the way, such as draft for what was cancelled, has a stage
                # of its own.
                if lost := moving.filtered(lambda d: d.stage_id != stage):
                    super(CustomerApprovalMoveMixin, lost).write({"stage_id": stage.id})
                capability.call(moving._after_move, before)
        return True

    def _write_state(self, vals):
        """Let the stage follow a state that Odoo itself is moving to."""
        state = vals["state"]
        explicit = self.browse().stage_id
        if "stage_id" in vals:
            explicit = self._get_target_stage(vals["stage_id"])
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
            lambda document: (document.stage_id, document.company_id, document.state)
        ).items():
            stage = explicit or old
            entry = stage
            if stage.document_state != state:
                entry = stages._first_of_state(state, company) or stage
                # A stage that stands for no state holds no document back, but
                # the state has a gate of its own.
                stage = explicit or entry
            targets[stage] |= documents
            if old_state != state or old != stage:
                entered[entry] |= documents
                entered[stage] |= documents
        blockers = defaultdict(list)
        for stage, documents in entered.items():
            for document, reasons in documents._gate_blockers(stage).items():
                blockers[document] += reasons
        capability.call(self._raise_blockers, blockers)
        before = {document: document.stage_id for document in self}
        states = {document: document.state for document in self}
        keeps_history = self._keeps_history()
        for stage, documents in targets.items():
            values = dict(vals)
            if stage and any(document.stage_id != stage for document in documents):
                values["stage_id"] = stage.id
            else:
                values.pop("stage_id", None)
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
        moved = self.filtered(lambda document: document.stage_id != before[document])
        moved._forget_advance()
        moved._enter_stages()
        if keeps_history:  # or nothing was ever blocked
            done = self.filtered(
                lambda document: document.state in self._stage_final_states
            )
            done._close_for_staff("blocked")

    @capability.required
    def _record_stages(self, before, states=None):
        """Keep the history of stages (guide, "Status History"): who moved which
        document, from where, to where, when. That a document was confirmed or posted,
        or is no longer, is kept where no stage stands for it as well.

        :param dict before: the stage that each document was in
        :param dict states: the state that each document had, if it may be another one
        """
        entries, details = [], self._get_move_details()
        final = self._stage_final_states
        nowhere = self.env["customer.approval.stage"].sudo()  # of whatever company
        stages = nowhere.union(*before.values(), self.stage_id)
        named = {stage.id: (stage, stage.id, stage.name) for stage in stages}
        named[False] = (nowhere, None, None)
        for document in self:
            old, old_id, old_name = named[before[document].id]
            new, new_id, new_name = named[document.stage_id.id]
            state = states[document] if states else document.state
            if old != new or (
                state != document.state and (state in final or document.state in final)
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
                            "state": document.state,
                            **(
                                {"from_state": state} if state != document.state else {}
                            ),
                            **details.get(document, {}),
                        },
                    )
                )
        # Nobody writes events but what happens.
        self.env["customer.approval.event"].sudo()._append(entries)
        self._forget_gates_asked()

    def _keeps_history(self):
        """Return whether it is written which stage these documents leave and enter as
        Odoo moves them. Not while nobody has ever used any stage: then stages follow
        Odoo's own states, whose history is Odoo's."""
        return self.env["customer.approval.stage"]._is_history_kept(self._name)

    def _get_entry_stage(self, state):
        """Return the stage the document enters when it gets into a state."""
        self.ensure_one()
        if self.stage_id.document_state == state:
            return self.stage_id
        return (
            self.env["customer.approval.stage"]
            ._get_list(self._stage_document_type)
            ._first_of_state(state, self.company_id)
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
        if not stage.active and stage not in self.stage_id:
            raise UserError(
                self.env._(
                    "The stage %(stage)s is archived: no document can enter it.",
                    stage=stage.name,
                )
            )
        return stage.with_env(self.env)

    @api.model
    def _check_state_given(self, vals):
        if vals["state"] not in dict(self._fields["state"].selection):
            raise UserError(
                self.env._(
                    "“%(state)s” is no state of these documents.", state=vals["state"]
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
            if company and document.company_id != company:
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
                and document.state != state
                and document.state in self._stage_final_states
            ):
                raise UserError(document._way_back_message(stage))

    def _way_back_message(self, stage):
        """Return which button takes a confirmed or posted document back.

        :param stage: the stage it was dragged to
        """
        raise NotImplementedError

    def _drive_state(self, stage):
        """Bring documents that entered a stage into the state it stands for.

        :raise UserError: Odoo did not do it
        """
        state = stage.document_state
        following = self.filtered(lambda d: state and d.state != state)
        if not following:
            return
        # The move is one, whatever states are on the way.
        with capability.hold(self.env, capability.DrivenState(following)):
            following._enter_state(state)
        if behind := following.filtered(lambda d: d.state != state)[:1]:
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
        """Run Odoo's own method that brings the documents into a state."""
        raise NotImplementedError
