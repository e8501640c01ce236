# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging
import pathlib

from odoo import api, models
from odoo.exceptions import AccessError, UserError

from ...tools import capability, ledger, seal, triggers
from ...tools.event_data import NO_RECORD, EventData
from ...tools.identity import read_identity

_logger = logging.getLogger(__name__)


class CustomerApprovalKeyMixin(models.AbstractModel):
    """Which keys seal evidence, and who vouches for them; which database it is.

    Of its host, the event, it asks ``_append()`` and ``_read_rows()``.
    """

    _name = "customer.approval.key.mixin"
    _description = "Keys That Seal Evidence"

    @api.model
    def _read_key_events(self):
        """Return the events about keys and the database itself, as plain data."""
        return self._read_rows(*NO_RECORD)

    @api.model
    @capability.required
    def _record_server(self, is_new=False):
        """Write into the ledger, where *Verify* finds it, which key this server has,
        which database it is and which program verifies it, if that is new.

        What others wrote before is held by a checkpoint then: of another server's marks
        nobody here can tell whether they are genuine, and none come later.

        :param bool is_new: whether the database has got another identity just now. One
            that somebody has written is not taken for it.
        """
        last = {}
        key_events = self._read_key_events()
        for event in key_events:
            last[event["kind"]] = event["details"] or {}
        fingerprint, modulus = seal.get_public_key()
        program = ledger.sha256(pathlib.Path(ledger.__file__).read_bytes())
        database, home = read_identity(self.env)
        known = {
            # First of all: what follows says that it is of this database.
            "database_identified": ({"database": database, "home": home}, database),
            "key_registered": ({"modulus": modulus}, fingerprint),
            "program_recorded": ({"sha256": program}, program),
        }
        if "database_identified" in last and not is_new:
            del known["database_identified"]
        written = self._append(
            [
                EventData(self.browse(), kind, text=text, details=details)
                for kind, (details, text) in known.items()
                if last.get(kind) != details
            ]
        )
        if written and key_events:
            self.env["customer.approval.checkpoint"].sudo()._make()  # as any is made

    @api.model
    def _read_recorded_identity(self):
        """Return the identity and the home that the ledger says last."""
        known = ledger.identities_of(self._read_key_events())
        details = known[-1]["details"] if known else {}
        return details.get("database"), details.get("home")

    @api.model
    def _find_identity_problems(self):
        """Return what is wrong with which database it says that it is."""
        events = self._read_key_events()
        database, home = read_identity(self.env)
        problems = ledger.check_homes(events, home)
        known = ledger.identities_of(events)
        if not known:
            return ["nothing says which database it is"]
        if known[-1]["details"].get("database") != database:
            problems.append("the identity of the database was changed by hand")
        return problems

    @api.model
    def _find_voucher(self):
        """Return the path of a key that vouches for the present one: one of before,
        which the ledger knows."""
        known = ledger.keys_of(self._read_key_events())
        own = seal.get_public_key()[0]
        former = seal.find_former_keys()
        return next(
            (former[name] for name in known if name in former and name != own), None
        )

    @api.model
    def _get_all_keys(self):
        """Return all keys that have ever sealed here, whoever vouches for them: those
        of the ledger, and those that the database takes seals of."""
        keys = ledger.keys_of(self._read_key_events())
        return {**keys, **triggers.read_keys(self.env.cr)}

    @api.model
    def _get_keys(self):
        """Return the keys that can be trusted: those that this server knows from
        elsewhere than the database, and those for which one of them vouches."""
        events = self._read_key_events()
        if seal.find_problem(self.env):
            return ledger.trusted_keys(events)
        keys = ledger.trusted_keys(events, seal.get_trusted())
        fingerprint, modulus = seal.get_public_key()
        return {**keys, fingerprint: modulus}

    @api.model
    def _find_unknown_keys(self):
        """Return the keys for which nobody vouches, by fingerprint."""
        trusted = self._get_keys()
        return {
            name: modulus
            for name, modulus in self._get_all_keys().items()
            if name not in trusted
        }

    @api.model
    def _find_key_problems(self):
        """Return which keys nobody vouches for, and what they have sealed."""
        problems = []
        for name in sorted(self._find_unknown_keys()):
            self.env.cr.execute(
                "SELECT count(*), min(id), max(id) FROM customer_approval_event"
                " WHERE key_id = %s",
                [name],
            )
            count, first, last = self.env.cr.fetchone()
            problems.append(
                f"key {name}: no known key vouches for it, and it has sealed {count} "
                f"events (the first {first}, the last {last}). If it is the key of a "
                "server of yours, an administrator can confirm it in the settings"
            )
        return problems

    @api.model
    @capability.required
    def _confirm_keys(self, fingerprints):
        """Trust keys of other servers from now on: an administrator has compared their
        fingerprints with those on certificates.

        :param fingerprints: of keys that nobody vouches for
        :raise AccessError: the user is no administrator
        :raise UserError: there is no such key, or this server's cannot be used
        """
        if not self.env.is_system():
            raise AccessError(self.env._("Only administrators may do this: ask yours."))
        unknown = self._find_unknown_keys()
        if {*fingerprints} - unknown.keys():
            raise UserError(
                self.env._("Load the page again: these keys are not the ones it shows.")
            )
        self._append(
            [
                EventData(
                    self.browse(),
                    "key_confirmed",
                    text=name,
                    details={"modulus": unknown[name]},
                )
                for name in sorted(fingerprints)
            ]
        )
        # Who trusted them cannot be taken away afterwards.
        self.env["customer.approval.checkpoint"].sudo()._make()  # as any is made
        capability.call_after_commit(self._pin_confirmed_keys)

    @api.model
    @capability.required
    def _pin_confirmed_keys(self):
        """Keep on this server which keys were confirmed by it: that this fails undoes
        nothing."""
        try:
            fingerprint, modulus = seal.get_public_key()
            seal.trust(
                event["text"]
                for event in self._read_key_events()
                if event["kind"] == "key_confirmed"
                and event["key_id"] == fingerprint
                and not ledger.check_event(event, {fingerprint: modulus})
            )
        except seal.KeyProblem as error:
            _logger.warning("%s", error)
