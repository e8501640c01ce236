# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which keys are believed, and what a bundle proves to somebody who has only it."""

import io
import os
import pathlib
import tempfile
import zipfile
from contextlib import contextmanager
from unittest.mock import patch

from psycopg2.errors import CheckViolation, SerializationFailure, UniqueViolation

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ...tools import capability, identity, ledger, seal, triggers
from ..common import ApprovalCommon
from .test_evidence import EvidenceMixin

VARIABLE = "CUSTOMER_APPROVAL_GATE_KEY_FILE"


class KeyCommon(EvidenceMixin, ApprovalCommon):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.events = self.env["customer.approval.event"].sudo()

    @contextmanager
    def _server(self, name):
        """Another server of the same database, with a key of its own."""
        path = self.folder / name / "seal_key.pem"
        if not path.exists():
            seal._make_key(path)
        with patch.dict(os.environ, {VARIABLE: str(path)}):
            self.events._introduce_key()
            capability.call(self.events._record_server)
            yield path

    def _own_server(self):
        """Our own key, in a folder that these tests may write into."""
        own = self.folder / "own" / "seal_key.pem"
        own.parent.mkdir(exist_ok=True)
        own.write_bytes(seal.get_key_path().read_bytes())
        return {VARIABLE: str(own)}

    def _problems_of_keys(self):
        return [line for line in self._verify_all() if line.startswith("key ")]

    def _open_bundle(self, request):
        self.env.flush_all()
        with zipfile.ZipFile(io.BytesIO(request.sudo()._make_bundle())) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def _check(self, files, known=()):
        try:
            return ledger.check_bundle(files.__getitem__, list(files), known)[1]
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            return [repr(error)]


@tagged("post_install", "-at_install")
class TestKeys(KeyCommon):
    def test_a_second_server_vouches_for_itself(self):
        """Whoever has only the password of the database starts an Odoo elsewhere."""
        order = self._create_order()
        with self._server("attacker"):
            request = self._bring_to_status(order, "approved")
            forged = seal.get_public_key()[0]
            files = self._open_bundle(request)
        self.assertEqual(order.customer_approval_status, "approved")
        problems = self._problems_of_keys()
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(forged, problems[0])
        self.assertTrue(self._verify(order), "also from the document itself")
        self.assertIn(forged, "".join(self._check(files)))
        self.assertIn(
            "no known key", "".join(self._check(files, [seal.get_public_key()[0]]))
        )

    def test_an_administrator_confirms_it(self):
        order = self._create_order()
        with self._server("other"):
            request = self._bring_to_status(order, "approved")
            other = seal.get_public_key()[0]
        # Our own server, in a folder that these tests may write into.
        own = self.folder / "own" / "seal_key.pem"
        own.parent.mkdir()
        own.write_bytes(seal.get_key_path().read_bytes())
        with patch.dict(os.environ, {VARIABLE: str(own)}):
            with self.assertRaises(AccessError):
                self.events._confirm_keys([other])
            events = self.events.with_user(self.salesperson).sudo(False)
            with self.assertRaises(AccessError):
                capability.call(events._confirm_keys, [other])
            with self._refused("Load the page again"):
                capability.call(self.events._confirm_keys, ["0" * 32])
            capability.call(self.events._confirm_keys, [other])
            capability.call(self.events._pin_confirmed_keys)
            self.env.flush_all()
            self.cr.execute("SAVEPOINT confirmed")
            self.assertIn(other, seal.get_trusted())
            # Who confirmed it stays known.
            self.env.flush_all()
            with self._without_triggers("customer_approval_event"):
                self.cr.execute(
                    "DELETE FROM customer_approval_event WHERE kind = 'key_confirmed'"
                )
            self.env.invalidate_all()
            self.assertIn("was altered or deleted", "".join(self._verify_all()))
            self.cr.execute("ROLLBACK TO SAVEPOINT confirmed")
            self.env.invalidate_all()
            self.assertEqual(self._problems_of_keys(), [])
            files = self._open_bundle(request)
            self.assertEqual(self._check(files), [], "the first key vouches")
            self.assertEqual(self._check(files, [seal.get_public_key()[0]]), [])

    def test_an_older_key_vouches_for_a_new_one(self):
        """Whoever puts a new key in place keeps the old one beside it."""
        with self._server("rotated") as path:
            first = seal.get_public_key()[0]
            seal.trust([*ledger.keys_of(self.events._read_key_events())][:1])
            path.rename(path.with_name("seal_key_2025.pem"))
            # Another process: what was loaded from the path is forgotten.
            for function in (seal._load_key, seal._get_public_key, seal._derive):
                function.cache_clear()
            seal._get_key_bytes.cache_clear()
            seal._make_key(path)
            self.events._introduce_key()
            capability.call(self.events._record_server)
            second = seal.get_public_key()[0]
            self.assertNotEqual(first, second)
            events = self.events._read_key_events()
            trusted = ledger.trusted_keys(events, [first])
            self.assertIn(second, trusted)
        for function in (seal._load_key, seal._get_public_key, seal._derive):
            function.cache_clear()
        seal._get_key_bytes.cache_clear()

    def test_events_of_a_key_that_was_replaced(self):
        """Unsealed events with the mark of the old server come no more."""
        order = self._create_order()
        self._bring_to_status(order, "pending")
        capability.call(order.customer_approval_request_id._record_download, "PDF")
        self.env.flush_all()
        free = self.events.search([], order="id desc", limit=1).id + 1
        self.cr.execute("SELECT setval('customer_approval_event_id_seq', %s)", [free])
        forged = "no Odoo server has written it"
        own = seal.get_public_key()[0]
        with self._server("next"):
            seal.trust([own])
            self.assertEqual(self._verify(order), [], "of before: nobody can tell")
            # With the old key's name, under a number that was never given.
            for number in (free, 0, -1):
                with self.subTest(number=number), self.cr.savepoint() as savepoint:
                    other = self._copy_event(order, number)
                    problems = "".join(self._verify(other))
                    self.assertIn(forged if number > 0 else "such a number", problems)
                    savepoint.close(rollback=True)
            # With the new one's, which is checked.
            other = self._copy_event(order, free, key_id=seal.get_public_key()[0])
            self.assertIn(forged, "".join(self._verify(other)))

    def test_the_mark_of_a_key_that_was_left_there(self):
        order = self._create_order()
        self._bring_to_status(order, "pending")
        capability.call(order.customer_approval_request_id._record_download, "PDF")
        self.env.flush_all()
        former = seal.get_key_path().read_bytes()
        own = seal.get_public_key()[0]
        with self._server("next") as path:
            seal.trust([own])
            path.with_name("seal_key_2025.pem").write_bytes(former)
            self.assertEqual(self._verify(order), [])
            with self._without_any_trigger():
                self.cr.execute(
                    "UPDATE customer_approval_event SET seal = md5(seal)"
                    " WHERE res_model = 'sale.order' AND res_id = %s"
                    " AND kind = 'downloaded'",
                    [order.id],
                )
            self.assertIn("no Odoo server has written", "".join(self._verify(order)))

    def test_several_processes_start_at_once(self):
        """One of them writes what server this is, and the others start all the same."""
        model = type(self.events)
        for error in (SerializationFailure, UniqueViolation):
            with patch.object(model, "_introduce_key", side_effect=error) as record:
                self.events._register_hook()
            record.assert_called_once()

    def _copy_event(self, order, number, **values):
        """Forge a chain of one event without a seal.

        :return: the document that it is about
        """
        other = self._create_order()
        self.env.flush_all()
        row = next(
            row
            for row in self.events._read_rows("sale.order", order.id)
            if row["kind"] == "downloaded"
        )
        row |= {"id": number, "res_id": other.id, "position": 1, "previous_hash": None}
        row |= {"request_id": None, "version": None, "digest": None}
        row |= {
            "scope_digest": None,
            "details": None,
            "personal_digest": None,
            **values,
        }
        row["entry_digest"] = ledger.entry_digest(row)
        row["hash"] = ledger.chain_hash(row)
        with self._without_any_trigger():
            self.cr.execute(
                SQL(
                    "INSERT INTO customer_approval_event (%s) VALUES (%s)",
                    SQL(", ").join(SQL.identifier(name) for name in row),
                    SQL(", ").join(SQL("%s", value) for value in row.values()),
                )
            )
        self.env.invalidate_all()
        return other

    def test_a_key_in_the_function_only(self):
        keys = triggers.read_keys(self.cr)
        triggers.install_keys(self.cr, {**keys, "f" * 32: "35"})
        self.assertIn("f" * 32, "".join(self._problems_of_keys()))

    def test_what_administrators_read(self):
        with self._server("elsewhere"):
            fingerprint = seal.get_public_key()[0]
        settings = self.env["res.config.settings"].create({})
        self.assertIn(fingerprint, settings.customer_approval_unknown_keys)
        self.assertFalse(settings.customer_approval_verified, "not yet")
        settings.action_verify_customer_approvals()
        settings.invalidate_recordset()
        self.assertIn("Problems found", settings.customer_approval_verified)
        with patch.dict(os.environ, self._own_server()):
            with self._refused("over HTTP"):  # code does not confirm any
                settings.action_confirm_customer_approval_keys()
            # After somebody has given their password again.
            settings.action_confirm_customer_approval_keys.__wrapped__(settings)
            settings.invalidate_recordset()
            self.assertFalse(settings.customer_approval_unknown_keys)
            settings.action_verify_customer_approvals()
            settings.invalidate_recordset()
            self.assertIn("fit together", settings.customer_approval_verified)


@tagged("post_install", "-at_install")
class TestDatabaseIdentity(KeyCommon):
    def test_events_say_which_database(self):
        order = self._create_order()
        self._bring_to_status(order, "approved")
        rows = self.events._read_rows("sale.order", order.id)
        self.assertEqual(
            {row["database"] for row in rows}, {identity.get_identity(self.env)}
        )
        self.assertEqual(self._verify_all(), [])

    def test_another_identity_by_hand(self):
        """Who makes this database one that it is not."""
        order = self._create_order()
        self._bring_to_status(order, "approved")
        self.env.flush_all()
        # Odoo remembers the old one.
        self.cr.execute(
            "UPDATE ir_config_parameter SET value = 'other' WHERE key = %s",
            [identity.PARAMETER],
        )
        wrong = "the identity of the database was changed by hand"
        self.assertIn(wrong, "".join(self._verify_all()))
        capability.call(self.events._record_server)  # as when Odoo starts
        self.assertIn(wrong, "".join(self._verify_all()))
        self.env.registry.clear_all_caches()
        other = self._create_order()
        self._bring_to_status(other, "pending")
        self.assertIn("it is of another database", "".join(self._verify(other)))

    def test_seals_of_another_database(self):
        """An event that the same server has sealed elsewhere is refused."""
        order = self._create_order()
        self.env.flush_all()
        with (
            patch(
                "odoo.addons.customer_approval_gate.models.evidence.customer_approval_event"
                ".get_identity",
                return_value="other",
            ),
            self._refused("needs the seal", CheckViolation),
            mute_logger("odoo.sql_db"),
        ):
            self._bring_to_status(order, "approved")

    def test_a_copy_says_what_it_is(self):
        order = self._create_order()
        self._bring_to_status(order, "approved")
        self.env["ir.config_parameter"].sudo().set_param(identity.HOME, "elsewhere/1")
        self.assertTrue(identity.check_home(self.env))
        home = identity._find_home(self.cr)
        with patch(
            "odoo.addons.customer_approval_gate.tools.identity._find_home",
            return_value="elsewhere/2",
        ):
            capability.call(self.events._record_server, is_new=True)
            other = self._create_order()
            self._bring_to_status(other, "approved")
            self.assertEqual(self._verify_all(), [], "both, each in its time")
        self.assertNotEqual(home, "elsewhere/2")
        self.assertIn("is not where its last identity", "".join(self._verify_all()))

    def test_a_copy_with_another_key(self):
        """Which database it is comes before whatever is sealed there."""
        order = self._create_order()
        request = self._bring_to_status(order, "approved")
        for _number in range(2):  # the second time is counted, by the server of then
            capability.call(request._record_download, "PDF")
        parameters = self.env["ir.config_parameter"].sudo()
        capability.call(self.events._record_server)
        own = seal.get_public_key()[0]
        former = seal.get_key_path().read_bytes()
        path = self.folder / "copy" / "seal_key.pem"
        seal._make_key(path)
        path.with_name("seal_key_2025.pem").write_bytes(former)
        with (
            patch.dict(os.environ, {VARIABLE: str(path)}),
            patch(
                "odoo.addons.customer_approval_gate.tools.identity._find_home",
                return_value="elsewhere/3",
            ),
        ):
            seal.trust([own])
            parameters.set_param(identity.HOME, "before/1")
            self.events._introduce_server()
            self.assertEqual(self._verify_all(), [])
            self.assertEqual(self._check(self._open_bundle(request), [own]), [])

    def test_its_home_by_hand(self):
        """The ledger says where it was: a setting makes no copy of it."""
        parameters = self.env["ir.config_parameter"].sudo()
        before, home = identity.read_identity(self.env)
        capability.call(self.events._record_server)
        parameters.set_param(identity.HOME, "elsewhere/1")
        recorded = self.events._read_recorded_identity()
        self.assertEqual(recorded, (before, home))
        self.assertFalse(identity.check_home(self.env, recorded))
        self.assertEqual(identity.read_identity(self.env)[0], before)
        self.assertEqual(parameters.get_param(identity.HOME), home)
        self.assertEqual(self._verify_all(), [])

    def test_said_to_be_neutralised(self):
        capability.call(self.events._record_server)
        self.env["ir.config_parameter"].sudo().set_param(
            "database.is_neutralized", "true"
        )
        self.env["ir.config_parameter"].sudo().set_param(identity.PARAMETER, "other")
        self.assertIn("changed by hand", "".join(self._verify_all()))

    def test_it_does_not_come_back(self):
        """Another database with the same key cannot be put in its place and back."""

        def event(number, home):
            return {
                "id": number,
                "kind": "database_identified",
                "position": number,
                "res_model": "customer.approval.event",
                "res_id": 0,
                "details": {"database": str(number), "home": home},
            }

        events = [event(1, "a/1"), event(2, "a/2")]
        self.assertEqual(ledger.check_homes(events, "a/2"), [])
        self.assertTrue(ledger.check_homes(events, "a/1"))
        for home in ("a/1", "a/2"):
            self.assertTrue(ledger.check_homes([*events, event(3, home)]))
