# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).


from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ...tools import capability
from ...tools.event_data import EventData

# What makes a stage ask for something, or changes which stages come before which.
GATE_FIELDS = {
    "active",
    "approval_from_amount",
    "company_id",
    "document_state",
    "document_type",
    "edit_lock",
    "minimum_evidence",
    "reachable_anytime",
    "requires_customer_approval",
    "sequence",
}


class CustomerApprovalStageLogMixin(models.AbstractModel):
    """What was changed of stages: kept in the ledger, logged, and told; and no
    requirement goes by moving stages.

    Of its host, the stage, it asks ``gate_stage_ids``, ``_get_list()`` and
    ``_document_models()``.
    """

    _name = "customer.approval.stage.log.mixin"
    _description = "What Was Changed of Stages"

    @api.model
    def _get_gate_fields(self):
        """Return the fields that make a stage ask for something, or change which stages
        come before which. Override for those of further addons."""
        return self._get_logged_fields()

    @api.model
    def _get_logged_fields(self):
        """Return those of the fields that the database watches as well: of this addon,
        which are there whenever its trigger is made."""
        return set(GATE_FIELDS)

    def _get_demands(self):
        """Return what these gates ask for: pairs of a gate and of ``(kind, company,
        amount)``, from which amount on and of which company's documents."""
        demands = set()
        for gate in self.sudo():  # of all companies
            if gate.requires_customer_approval:
                demand = ("approval", gate.company_id, gate.approval_from_amount)
                demands.add((gate, demand))
        return demands

    @api.model
    def _get_all_demands(self):
        """Return what is asked for on the way into each stage, and into each status of
        Odoo's: ``{(stage, status): demands}``."""
        companies = self.env["res.company"].sudo()  # of all there are
        companies = companies.search(Domain.TRUE)
        demands = {}
        for document_type, name in self._document_models().items():
            model = self.env[name]
            stages = self._get_list(document_type)
            for stage in stages:
                demands[stage, ""] = stage._find_gates(stages)._get_demands()
            states = {*stages.mapped("document_state"), *model._stage_gated_states}
            for state in states - {False}:
                gates = self.browse()
                for company in companies:
                    entry = model._get_stage_of_state(stages, state, company)
                    gates |= entry._find_gates(stages) if entry else gates
                demands[self.browse(), f"{document_type}.{state}"] = (
                    gates._get_demands()
                )
        return demands

    def _check_demands(self, before):
        """Refuse to take a gate away by moving stages: it goes by its own flag, where
        everybody sees it.

        :param dict before: what ``_get_all_demands()`` returned
        :raise UserError: a stage would ask for less than before
        """
        present = self._get_all_demands() if before else {}
        for key, demands in before.items():
            own = {demand for _gate, demand in present.get(key, ())}
            if key not in present and not key[1]:
                continue  # nobody enters what was archived
            for gate, (kind, company, amount) in demands:
                still = {k for _gate, (k, _c, _a) in gate._get_demands()}
                if kind not in still or any(
                    kind == other
                    and of in (company, company.browse())
                    and since <= amount
                    for other, of, since in own
                ):
                    continue
                stage = key[0] or gate
                count = stage._read_documents("__count").get(stage.id, 0)
                raise UserError(
                    self.env._(
                        "With this, “%(stage)s” would no longer require what "
                        "“%(gate)s” requires (%(count)s documents are in it). If that "
                        "is what you want, remove the requirement on “%(gate)s” "
                        "first, which is logged; then change the stages, and set it "
                        "again.",
                        stage=stage.name,
                        gate=gate.name,
                        count=count,
                    )
                )

    @api.model
    def _get_all_gates(self):
        return {stage: stage.gate_stage_ids for stage in self._get_all_stages()}

    @api.model
    def _get_all_stages(self):
        # Of all companies, and the archived ones: their gates are to go.
        return (
            self.sudo()
            .with_context(active_test=False)
            .search([("document_type", "in", list(self._document_models()))])
        )

    def _read_columns(self):
        """Return what decides on gates, as plain data."""
        self.ensure_one()
        values = {}
        for name in sorted(self._get_gate_fields()):
            field, value = self._fields[name], self[name]
            if field.type == "many2one":
                value = value.id
            elif field.type in ("float", "monetary") and value:
                # Events hold no floating point numbers: their text could differ.
                value = f"{value:.6f}".rstrip("0").rstrip(".")
            values[name] = value or None
        return values

    @capability.required
    def _record_configuration(self, before, deleted=False):
        """Keep what of stages was changed, by whom and when. The database refuses
        changes that are not.

        :param dict before: what ``_read_columns()`` said of each stage
        :param bool deleted: whether the stages go
        """
        entries = []
        for stage in self:
            old, new = before[stage], {} if deleted else stage._read_columns()
            changes = {
                name: [old.get(name), new.get(name)]
                for name in sorted(self._get_gate_fields())
                if old.get(name) != new.get(name)
            }
            if changes:
                name = stage.with_context(lang=None).name
                # What comes later has a higher number, whatever its date says.
                last = stage._read_last_document()
                entries.append(
                    EventData(
                        stage,
                        "stage_configured",
                        text=name,
                        details={"changes": changes, "last_id": last},
                    )
                )
        # Nobody writes events but what happens.
        self.env["customer.approval.event"].sudo()._append(entries)

    def _read_last_document(self):
        """Return the highest number of a document that goes through this stage's
        list."""
        self.ensure_one()
        name = self._document_models().get(self.document_type)
        if not name:
            return 0
        # Also of those that other transactions are creating.
        self.env.cr.execute(
            "SELECT COALESCE(pg_sequence_last_value("
            "pg_get_serial_sequence(%s, 'id')::regclass), 0)",
            [self.env[name]._table],
        )
        return self.env.cr.fetchone()[0]

    def _read_flags(self):
        self.ensure_one()
        values = {}
        for name in sorted(self._get_gate_fields() - {"sequence"}):
            field = self._fields[name]
            values[name] = self[name]
            if field.type == "selection":
                labels = dict(field._description_selection(self.env))
                values[name] = labels.get(self[name])
            elif field.type == "many2one":
                values[name] = self[name].sudo().display_name  # of other companies too
        return values

    def _log_flags(self, before):
        """Log what decides on gates: flags that were ticked or unticked, and so on.

        Field tracking would not do: a context key switches it off.
        """
        for stage, flags in before.items():
            now = stage._read_flags()
            for name, old in flags.items():
                if now[name] == old:
                    continue
                label = stage._fields[name]._description_string(self.env)
                if now[name] is True:
                    body = self.env._("%(flag)s: ticked", flag=label)
                elif now[name] is False and old is True:
                    body = self.env._("%(flag)s: unticked", flag=label)
                else:
                    body = self.env._(
                        "%(field)s: %(old)s → %(new)s",
                        field=label,
                        old=old or self.env._("None"),
                        new=now[name] or self.env._("None"),
                    )
                stage._message_log(body=body)

    def _describe_gates(self):
        """Return what entering the stage requires now, in a sentence."""
        self.ensure_one()
        return " ".join(self._describe_requirements()) or self.env._(
            "“%(stage)s” requires nothing.", stage=self.name
        )

    def _describe_requirements(self):
        """Return what entering the stage requires now, a sentence for each kind of
        gate. Override for your own."""
        self.ensure_one()
        gates = self.gate_stage_ids.filtered("requires_customer_approval")
        if not gates:
            return []
        return [
            self.env._(
                "“%(stage)s” now requires customer approval (gate: %(gates)s).",
                stage=self.name,
                gates=", ".join(gates.mapped("name")),
            )
        ]

    def _notify_gate_change(self, changed):
        """Tell whoever changed the stages what follows from it, at once."""
        if not changed or self.env.context.get("install_mode"):
            return
        unapproved = changed._count_unapproved()
        lines = []
        for stage in changed.sorted(lambda s: (s.document_type, s.sequence, s.id)):
            count = unapproved.get(stage.id, 0)
            line = stage._describe_gates()
            if stage.gate_stage_ids and count:
                line += " " + self.env._(
                    "%(count)s documents in it have no approval: they stay, marked as "
                    "not approved.",
                    count=count,
                )
            lines.append(line)
        self.env.user._bus_send(
            "simple_notification",
            {
                "type": "warning",
                "title": self.env._("Gates have changed"),
                # The client shows it as it is, tags included.
                "message": " ".join(lines),
                "sticky": True,
            },
        )
