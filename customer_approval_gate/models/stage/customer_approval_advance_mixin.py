# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging
from collections import defaultdict
from contextlib import contextmanager

from psycopg2 import OperationalError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError

from ...tools import capability
from ...tools.event_data import EventData

_logger = logging.getLogger(__name__)

# Stages that lead to each other are refused when they are saved; actions can move
# documents in a circle nonetheless.
MAX_DEPTH = 20


class CustomerApprovalAdvanceMixin(models.AbstractModel):
    """What entering a stage causes: entry actions, and auto-advance.

    Of its host, a staged document, it asks ``stage_id``, ``_gate_blockers()``,
    ``_get_entry_stage()`` and ``_write_engine_fields()``.
    """

    _name = "customer.approval.advance.mixin"
    _description = "What Entering a Stage Causes"

    advance_stage_id = fields.Many2one(
        "customer.approval.stage",
        string="Headed for",
        groups="base.group_user",  # customers have no use for what staff would do
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        help="Where the document goes by itself as soon as nothing blocks it.",
    )
    advance_blocked_reason = fields.Text(
        string="Why Not Yet", groups="base.group_user", readonly=True, copy=False
    )
    advance_trigger = fields.Char(groups="base.group_user", readonly=True, copy=False)

    @api.model
    def _get_engine_fields(self):
        return super()._get_engine_fields() | {
            "advance_trigger",
            "advance_blocked_reason",
            "advance_stage_id",
        }

    # ------------------------------------------------------------------
    # Entering
    # ------------------------------------------------------------------

    def _enter_stages(self):
        """Let happen what entering causes: now, or when the method of Odoo's own that
        moves the documents is done."""
        if entering := capability.find(self.env, capability.DeferredEntry):
            entering.add(self)
        else:
            self._cause_entry()

    def _cause_entry(self):
        """Run the entry actions of the stages that these documents have entered, then
        let them go on by themselves.

        :raise UserError: an action failed, or moves the documents in a circle: the
            whole move is refused
        """
        stages = self.env["customer.approval.stage"]
        if not stages._is_list_in_use(self._stage_document_type):
            return
        entered = self.filtered(self._stage_field)
        outer = capability.find(self.env, capability.Depth)
        depth = capability.Depth(outer.number + 1 if outer else 1)
        if depth.number > MAX_DEPTH:
            raise UserError(
                self.env._(
                    "%(document)s is moved in a circle: the actions of the stages "
                    "%(stage)s and of those around it move it to each other. Ask your "
                    "administrator to change them.",
                    document=self[:1].display_name,
                    stage=entered[:1]._get_stage().name,
                )
            )
        entered = entered._as_automation()
        with (
            capability.hold(self.env, depth),
            capability.hold(self.env, capability.Foreign()),
        ):
            for stage, documents in entered.grouped(self._stage_field).items():
                documents._run_entry_actions(stage)
                if stage.auto_advance_stage_id:
                    # An action may have moved them.
                    staying = documents.filtered(lambda d, s=stage: d._get_stage() == s)
                    staying._advance_on_entry(stage)

    def _as_automation(self):
        """Return the documents with the rights to do whatever stages say, in the name
        of who moved them; in Odoo's own where that is no colleague."""
        if self.env.user._is_internal():
            return self.sudo()  # what is configured happens, whoever moves
        return self.with_user(SUPERUSER_ID)

    def _run_entry_actions(self, stage):
        """Do what a stage says is to be done with documents that enter it.

        Override to do more; whatever is raised refuses the whole move.

        :param stage: the ``customer.approval.stage`` they have entered
        """
        actions = stage.entry_action_ids
        if not actions:
            return
        done = self._get_actions_done(actions)
        entries = []
        for action in actions:
            documents = self.filtered(
                lambda document, action=action: (
                    document._get_stage() == stage
                    and (action.run_again or action.id not in done[document.id])
                )
            )
            if documents:
                action._run(documents)
                entries += [
                    EventData(
                        document,
                        "entry_action",
                        text=action.display_name,
                        details={"action": action.id, "stage": stage.id},
                    )
                    for document in documents
                ]
        self.env["customer.approval.event"]._append(entries)

    def _get_actions_done(self, actions):
        """Return which of these actions were run on each document before."""
        done = defaultdict(set)
        if all(actions.mapped("run_again")):
            return done
        events = self.env["customer.approval.event"].search_fetch(
            [
                ("res_model", "=", self._name),
                ("res_id", "in", self.ids),
                ("kind", "=", "entry_action"),
            ],
            ["res_id", "details"],
        )
        for event in events:
            done[event.res_id].add(event.details["action"])
        return done

    # ------------------------------------------------------------------
    # Going on
    # ------------------------------------------------------------------

    def _filter_ready(self, cause):
        """Return the documents for which a cause to go on is given.

        Override for further causes.

        :param cause: a value of the stage's ``auto_advance_on``
        """
        return self if cause == "entry" else self.browse()

    def _advance_on_entry(self, stage):
        cause = stage.auto_advance_on
        capability.call(
            self._filter_ready(cause)._advance_to, stage.auto_advance_stage_id, cause
        )

    def _advance_after(self, cause):
        """Let documents go on to where their stages lead, after something happened, and
        those that were blocked before.

        :param cause: a value of the stage's ``auto_advance_on``
        """
        documents = self.filtered(self._stage_field)._as_automation()
        waiting = documents.filtered("advance_stage_id")
        waiting._retry()
        for stage, own in (documents - waiting).grouped(self._stage_field).items():
            if stage.auto_advance_stage_id and stage.auto_advance_on == cause:
                ready = own._filter_ready(cause)
                capability.call(ready._advance_to, stage.auto_advance_stage_id, cause)

    @capability.required
    def _advance_to(self, stage, cause):
        """Move documents on by themselves, through the same door as everybody. Each on
        its own: one that is blocked holds no other back, and nothing of what caused it
        is lost.

        :param stage: the ``customer.approval.stage`` to be entered
        :param cause: a value of the stage's ``auto_advance_on``, or ``approved``,
            ``rejected`` or ``retry``
        """
        moving = self.filtered(lambda document: document._get_stage() != stage)
        blockers = moving._gate_blockers(stage) if moving else {}
        for document, reasons in blockers.items():
            capability.call(document._block_advance, stage, "\n".join(reasons), cause)
        free = moving.filtered(lambda document: document not in blockers)
        if not free or not capability.call(free._try_stage, stage, cause):
            return
        # One of them failed, and so all did.
        for document in free:
            if reason := capability.call(document._try_stage, stage, cause):
                capability.call(document._block_advance, stage, reason, cause)

    @capability.required
    def _try_stage(self, stage, cause):
        """Move documents, all or none.

        :return: what kept them from it, or nothing
        """
        own = capability.AutoAdvancing(self, self._describe_cause(cause))
        with capability.hold(self.env, own):
            return self._try(lambda: self.write({self._stage_field: stage.id}))

    def _try(self, function):
        """Do something that must not undo what caused it.

        :return: why it was not done, or nothing
        """
        try:
            with self.env.cr.savepoint():
                function()
        except UserError as error:
            return str(error)
        except OperationalError:
            raise  # somebody else was faster: Odoo tries all of it again
        except Exception:  # a mistake in an action is no reason to lose what caused it
            _logger.warning("%s could not go on", self, exc_info=True)
            return self._get_mistake_text()
        return ""

    @api.model
    def _describe_cause(self, cause):
        causes = {
            **dict(
                self.env["customer.approval.stage"]
                ._fields["auto_advance_on"]
                ._description_selection(self.env)
            ),
            "approved": self.env._("Approved by the customer"),
            "rejected": self.env._("Rejected by the customer"),
            "payment_arrived": self.env._("A payment arrived"),
            "signed": self.env._("Signed by the customer"),
            "ordered": self.env._("Ordered in the shop"),
            "retry": self.env._("Nothing blocks it any more"),
        }
        return self.env._("By itself: %(cause)s", cause=causes.get(cause, cause))

    @capability.required
    def _block_advance(self, stage, reason, cause):
        """Keep where the document was to go, and say why it did not."""
        self.ensure_one()
        if (self.advance_stage_id, self.advance_blocked_reason) == (stage, reason):
            return
        self._write_engine_fields(
            {
                "advance_stage_id": stage.id,
                "advance_blocked_reason": reason,
                "advance_trigger": self.advance_trigger if cause == "retry" else cause,
            }
        )
        self.env["customer.approval.event"].sudo()._append(  # what happens is written
            [
                EventData(
                    self,
                    "advance_blocked",
                    text=reason,
                    details={
                        "from": self._get_stage().name,
                        "to": stage.name,
                        "to_id": stage.id,
                        "cause": cause,
                    },
                )
            ]
        )
        self._message_log(
            body=self.env._(
                "%(cause)s, but it did not go on to %(stage)s, and does so as soon as "
                "nothing blocks it: %(reason)s",
                cause=self._describe_cause(cause),
                stage=stage.name,
                reason=reason,
            )
        )

    @capability.required
    @contextmanager
    def _preserve_trigger_if_refused(self, cause):
        """Around a confirmation that something caused which has to stay: a signature, a
        payment. Where it is refused, the orders are headed for it.

        :return: the documents that were not confirmed, filled in afterwards
        """
        kept = []
        reason = ""
        try:
            with self.env.cr.savepoint():
                yield kept
        except UserError as error:
            reason = str(error)
        except OperationalError:
            raise  # as above
        except Exception:  # as above
            _logger.warning("%s could not go on", self, exc_info=True)
            reason = self._get_mistake_text()
        if reason:
            for document in self._as_automation():
                states = document._stage_gated_states
                target = states and document._get_entry_stage(states[0])
                if target:
                    capability.call(document._block_advance, target, reason, cause)
                kept.append(document)

    @api.model
    def _get_mistake_text(self):
        return self.env._(
            "An action failed on the way. Your administrator finds it in the log of "
            "the server."
        )

    def _forget_advance(self):
        if waiting := self.filtered("advance_stage_id"):
            waiting._write_engine_fields(
                {
                    "advance_trigger": False,
                    "advance_blocked_reason": False,
                    "advance_stage_id": False,
                }
            )

    def _is_cause_gone(self):
        """Return whether what the document was headed somewhere for is no more.

        Override for further causes.
        """
        self.ensure_one()
        return False

    def _retry(self):
        """Let documents go on that were blocked before."""
        gone = self.filtered(lambda document: document._is_cause_gone())
        gone._forget_advance()
        for stage, documents in (self - gone).grouped("advance_stage_id").items():
            capability.call(documents._advance_to, stage, "retry")

    def _follow_answer(self, decision):
        """Let the document go where its stage leads after the customer's answer, or
        where it was headed.

        :param decision: the answer, one of the request's four
        """
        self.ensure_one()
        document = self._as_automation()
        is_yes = "approved" in decision
        if is_yes and document.customer_approval_status != "approved":
            return  # conditions count when they are accepted
        stage = document._get_stage()
        target = stage.approved_stage_id if is_yes else stage.rejected_stage_id
        if target:
            document._forget_advance()
            capability.call(
                document._advance_to, target, "approved" if is_yes else "rejected"
            )
        elif is_yes and document.advance_stage_id:
            document._retry()

    def _advance_by_job(self):
        for cause in self.env["customer.approval.stage"]._get_later_causes():
            self._advance_after(cause)
