# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from contextlib import contextmanager
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...tools.gates import GateState


class CustomerApprovalDepositMixin(models.AbstractModel):
    """A document that its customer pays a deposit for: the gate of deposits.

    A model joins with ``_inherit = ["customer.approval.deposit.mixin", its own name]``
    and ``_get_money_sources()``.
    """

    _name = "customer.approval.deposit.mixin"
    _inherit = ["customer.approval.blocked.mixin"]
    _description = "Document with a Deposit"

    currency_id = fields.Many2one("res.currency")  # the document's own
    blocked_by = fields.Selection(
        selection_add=[("deposit", "Deposit"), ("other",)],
        ondelete={"deposit": "set null"},
    )

    deposit_due = fields.Monetary(
        string="Deposit",
        compute="_compute_deposit",
        compute_sudo=True,
        help="What has to be paid before the next stage that takes a deposit.",
    )
    deposit_collected = fields.Monetary(
        string="Collected",
        compute="_compute_deposit",
        compute_sudo=True,
        help="What the customer has paid, less what was paid back: money that has "
        "arrived, not transfers that are announced and not cards that are authorised "
        "only.",
    )
    deposit_missing = fields.Monetary(
        string="Still to Be Collected", compute="_compute_deposit", compute_sudo=True
    )

    # ------------------------------------------------------------------
    # What a document model says of itself
    # ------------------------------------------------------------------

    def _get_own_deposits(self):
        """Return what the documents themselves say has to be paid, in their currency.

        :return: ``{document: amount}``
        """
        return dict.fromkeys(self, 0.0)

    def _get_money_sources(self):
        """Return where money for each document comes from.

        :return: ``{document: (shares, payments, transactions)}``: how much of each
            ``account.move`` is the document's, from 0 to 1; the ``account.payment`` and
            the ``payment.transaction`` records that are the document's own, with their
            share
        :rtype: dict
        """
        raise NotImplementedError

    # ------------------------------------------------------------------
    # The gate
    # ------------------------------------------------------------------

    def _ask_gates(self, stage, gates, shown=False):
        """Add the guide's second gate: "some statuses require a minimum deposit before
        entry"."""
        states = super()._ask_gates(stage, gates, shown)
        if not any(gate._asks_for_deposit() for gate in gates.sudo()):
            return states
        required = {}
        for own_gates, documents in self.grouped(
            lambda document: document._get_deposit_gates_ahead(stage, gates)
        ).items():
            required.update(documents._get_required_deposits(own_gates))
        asked = self.filtered(lambda document: required[document])
        if not asked:
            return states
        collected = asked._get_collected_deposits()
        for document in asked:
            missing = document._get_missing(required[document], collected[document])
            message = ""
            if missing:
                message = document._deposit_message(stage, required[document], missing)
            describe = partial(
                document._describe_deposit_gate,
                required[document],
                collected[document],
                missing,
            )
            states[document].append(GateState("deposit", message, describe=describe))
        return states

    @api.model
    def _get_fields_blocking(self):
        return [*super()._get_fields_blocking(), *self._get_fields_of_deposits()]

    def _get_deposit_gates_ahead(self, stage, gates):
        """Return the gates that the document meets on its way into a stage: a gate is
        not jumped over, and what is behind the document does not hold it back, should
        the money be paid back, or the stage ask for it since yesterday only.

        :param stage: the ``customer.approval.stage`` to be entered
        :param gates: all stages whose conditions count
        """
        self.ensure_one()
        own = self.stage_id.sudo()  # of whatever company
        gates = gates.sudo()
        if own == stage or own.reachable_anytime:
            return gates
        return gates.filtered(
            lambda gate: (
                gate == stage or (gate.sequence, gate.id) > (own.sequence, own.id)
            )
        )

    def _get_required_deposits(self, gates):
        """Return what has to be paid before the last of these stages: the stages'
        percentage or what the document itself says, whichever is more.

        :param gates: all stages whose conditions count
        :return: ``{document: amount}``
        """
        asking = gates.sudo().filtered(lambda gate: gate._asks_for_deposit())
        if not asking:
            return dict.fromkeys(self, 0.0)
        own = self._get_own_deposits()
        required = {}
        for document in self:
            gates_of_company = asking._of_company(document.company_id)
            amount = 0.0
            if gates_of_company:
                percent = max(gates_of_company.mapped("minimum_deposit"))
                # Cents of what is required are never rounded up beyond the total.
                total = document._get_deposit_base()
                amount = min(max(total * percent / 100, own[document]), total)
            required[document] = document._round_money(max(amount, 0.0))
        return required

    def _get_deposit_base(self):
        """Return the total that deposits are a part of."""
        self.ensure_one()
        return self.amount_total

    # ------------------------------------------------------------------
    # Behind the gate: what was paid for is not made larger
    # ------------------------------------------------------------------

    def _get_deposit_gates_passed(self):
        """Return the stages behind which the document stands, and that take a
        deposit."""
        self.ensure_one()
        stage = self.stage_id.sudo()  # of whatever company
        if not stage._is_list_in_use(self._stage_document_type):
            return stage.browse()
        gates = stage.gate_stage_ids
        if stage.reachable_anytime:
            gates = self._get_gates_passed()
        gates = gates._of_company(self.company_id)
        return gates.filtered(lambda gate: gate._asks_for_deposit())

    def _get_deposits_missing_behind(self):
        """Return what is missing for these documents to stand where they do, without
        those that stand behind no such gate: ``{document: (required, missing)}``."""
        result = {}
        for gates, documents in self.grouped(
            lambda document: document._get_deposit_gates_passed()
        ).items():
            if not gates:
                continue
            required = documents._get_required_deposits(gates)
            collected = documents._get_collected_deposits()
            for document in documents:
                amount = required[document]
                missing = document._get_missing(amount, collected[document])
                result[document] = (amount, missing)
        return result

    @contextmanager
    def _guard_approved_content(self, at_end=True):
        """Around whatever may change the content: behind a gate of deposits a document
        does not grow beyond what was paid for. Otherwise one would confirm an empty one
        first."""
        stages = self.env["customer.approval.stage"]
        in_use = self and stages._is_list_in_use(self._stage_document_type)
        before = in_use and self.filtered("id")._get_deposits_missing_behind()
        with super()._guard_approved_content(at_end):
            yield
        if before:
            paid = self.browse(
                d.id for d, (_due, missing) in before.items() if not missing
            )
            paid.exists()._check_still_paid()

    def _after_adding_lines(self, lines):
        """Judge a document that lines were added to.

        :raise UserError: it has grown beyond what was paid for
        """
        self.ensure_one()
        super()._after_adding_lines(lines)
        lines = lines._filter_approval_content()
        gates = self._get_deposit_gates_passed()
        if not gates or not lines:
            return
        added = sum(lines.mapped("price_total"))
        share = max((*gates.mapped("minimum_deposit"), 0.0)) / 100
        collected = self._get_collected_deposits()[self]
        own = self._get_own_deposits()[self]
        total = self._get_deposit_base()
        # Who was behind the gate without a deposit before may stay.
        if not self._get_missing(
            min(max((total - added) * share, own), max(total - added, 0)), collected
        ):
            self._check_still_paid()

    def _check_still_paid(self):
        """
        :raise UserError: with what they are now, more would have to be paid
        """
        for document, (
            required,
            missing,
        ) in self._get_deposits_missing_behind().items():
            if missing:
                raise UserError(
                    self.env._(
                        "%(document)s cannot grow so far: in the stage %(stage)s a "
                        "deposit of %(required)s would be required, %(missing)s is "
                        "still to be collected. Collect it first.",
                        document=document.display_name,
                        stage=document.stage_id.name,
                        required=document.currency_id.format(required),
                        missing=document.currency_id.format(missing),
                    )
                )

    def _round_money(self, amount):
        return self.currency_id.round(amount) if self.currency_id else amount

    def _get_missing(self, required, collected):
        """Return how much is still to be collected, 0 if nothing."""
        self.ensure_one()
        return self._round_money(max(required - max(collected, 0.0), 0.0))

    def _deposit_message(self, stage, required, missing):
        self.ensure_one()
        return self.env._(
            "Cannot advance to %(stage)s: a deposit of %(required)s is required, "
            "%(missing)s is still to be collected.",
            stage=stage.name,
            required=self.currency_id.format(required),
            missing=self.currency_id.format(missing),
        )

    def _describe_deposit_gate(self, required, collected, missing):
        self.ensure_one()
        form = self.currency_id.format
        return {
            "label": self.env._("Deposit"),
            "state": self.env._(
                "%(missing)s of %(required)s missing",
                missing=form(missing),
                required=form(required),
            )
            if missing
            else self.env._("%(collected)s collected", collected=form(collected)),
            "who": self.env._("the customer: request the deposit") if missing else "",
        }

    # ------------------------------------------------------------------
    # What is shown
    # ------------------------------------------------------------------

    @api.model
    def _get_fields_of_deposits(self):
        """Return the fields on which it depends what has to be paid."""
        return ["amount_total", "stage_id"]

    @api.depends(lambda self: self._get_fields_of_deposits())
    def _compute_deposit(self):
        stages = self.env["customer.approval.stage"]._get_list(
            self._stage_document_type
        )
        asking = stages.filtered(lambda stage: stage._asks_for_deposit())
        asking -= asking.filtered("reachable_anytime")
        # Also while somebody edits: the money is that of the order as it is saved.
        stored = self.filtered(lambda d: d._origin) if asking else self.browse()
        received = stored._origin._get_collected_deposits() if stored else {}
        collected = {document: received[document._origin] for document in stored}
        due = {document: {} for document in stored}
        for number in range(1, len(asking) + 1):
            for document, amount in stored._get_required_deposits(
                asking[:number]
            ).items():
                due[document][asking[number - 1]] = amount
        for document in self:
            paid = collected.get(document, 0.0)
            amounts = list(due.get(document, {}).values())
            # The next one that is not paid yet, or the last.
            open_ones = [a for a in amounts if document._get_missing(a, paid)]
            document.deposit_due = (open_ones or amounts[-1:] or [0.0])[0]
            document.deposit_collected = paid
            document.deposit_missing = document._get_missing(document.deposit_due, paid)

    # ------------------------------------------------------------------
    # Money
    # ------------------------------------------------------------------

    def _get_collected_deposits(self):
        """Return how much money of each document has arrived, in its currency at the
        rate of each payment.

        Neither core's ``amount_paid``, which knows online payments only and counts
        authorised ones, nor ``payment_state``, which write-offs and credit notes
        satisfy as well. Counted are the document's own payments, wherever they were
        reconciled, and what other payments paid of its invoices.

        :return: ``{document: amount}``
        """
        # Who asks need not be allowed to see payments: it is about one sum.
        sources = self.sudo()._get_money_sources()
        moves = self.env["account.move"].sudo()  # as above
        own_payments = self.env["account.payment"].sudo()
        for shares, payments, _transactions in sources.values():
            moves = moves.union(*shares)
            own_payments = own_payments.union(*payments)
        partials = moves._read_money_received()
        elsewhere = own_payments._read_uses()
        result = {}
        for document, (shares, payments, transactions) in sources.items():
            amount = 0.0
            for payment, share in payments.items():
                amount += share * document._convert_money(
                    payment._get_counted_amount(),
                    payment.currency_id,
                    payment.date,
                )
                for counter, part in elsewhere.get(payment, ()):
                    if counter.origin_payment_id in payments:
                        continue  # paid back by what is counted itself
                    amount -= (
                        share
                        * (1 - shares.get(counter, 0.0))
                        * document._convert_money(
                            part, payment.currency_id, payment.date
                        )
                    )
            for transaction, share in transactions.items():
                amount += share * document._convert_money(
                    transaction.amount,
                    transaction.currency_id,
                    (transaction.last_state_change or transaction.create_date).date(),
                )
            for move, share in shares.items():
                own = move._get_paid_without_entry(payments)
                for part in partials.get(move, ()):
                    if part.payment and part.payment in payments:
                        continue
                    # What was paid without an entry is settled by one later.
                    part_amount = part.amount
                    if part_amount > 0:
                        settled = min(own, part_amount)
                        own -= settled
                        part_amount -= settled
                    amount += share * document._convert_money(
                        part_amount, move.currency_id, part.date
                    )
            result[document.with_env(self.env)] = document._round_money(amount)
        return result

    def _convert_money(self, amount, currency, date):
        self.ensure_one()
        return currency._convert(
            amount, self.currency_id, self.company_id, date, round=False
        )

    @api.model
    def _sort_transactions(self, transactions):
        """Return the payments that transactions have become, and those that have
        become none yet, captures and refunds included, as far as they are money.

        :param transactions: ``payment.transaction`` records
        :rtype: tuple
        """
        every = transactions
        children = transactions.child_transaction_ids
        while children - every:
            every |= children
            children = children.child_transaction_ids
        done = every.filtered(
            lambda tx: (
                tx.state == "done"
                and tx.operation != "validation"
                # What was captured in parts is counted by its parts.
                and not tx.child_transaction_ids.filtered(
                    lambda child: (
                        child.operation == tx.operation
                        and child.state in ("done", "cancel")
                    )
                )
            )
        )
        return done.payment_id, done.filtered(lambda tx: not tx.payment_id)

    # ------------------------------------------------------------------
    # When money arrives
    # ------------------------------------------------------------------

    def _after_money(self):
        """Let documents go on that waited for money: whatever the way it came."""
        stages = self.env["customer.approval.stage"]
        if not self or not stages._is_list_in_use(self._stage_document_type):
            return
        documents = self.exists().filtered(lambda document: document._is_staged())
        documents._update_blocked()
        documents._advance_after("deposit_complete")

    def _filter_ready(self, cause):
        if cause == "deposit_complete":
            return self._filter_deposit_complete()
        return super()._filter_ready(cause)

    def _filter_deposit_complete(self):
        """Return the documents whose deposit is complete: what they take themselves,
        and what the stage that they go on to asks for. Where nothing is to be paid,
        nothing is complete."""
        complete = self.browse()
        for target, documents in self.grouped(
            lambda document: document.stage_id.sudo().auto_advance_stage_id
        ).items():
            gates = target._find_gates() if target else target
            required = documents._get_required_deposits(gates)
            # What the document itself wants counts, whatever its stages ask for.
            own = documents._get_own_deposits()
            needed = {d: max(required[d], own[d]) for d in documents}
            wanting = documents.filtered(lambda d, needed=needed: needed[d])
            collected = wanting._get_collected_deposits() if wanting else {}
            complete |= wanting.filtered(
                lambda d, needed=needed, collected=collected: (
                    not d._get_missing(needed[d], collected[d])
                )
            )
        return complete
