# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The key that seals evidence. It lies beside the filestore, not in the database:
whoever can write rows there cannot make a seal.

Several servers of one database share it: then its path is set, or the key itself, in
the environment or in the section ``[customer_approval_gate]`` of Odoo's configuration
file.
"""

import base64
import configparser
import functools
import hmac
import json
import os
import pathlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from odoo.exceptions import UserError
from odoo.http import request as http_request
from odoo.tools import config
from odoo.tools.translate import LazyTranslate

from .ledger import EXPONENT, key_fingerprint

_lt = LazyTranslate(__name__)

SECTION = "customer_approval_gate"
"""The section of the configuration file; the variables of the environment have it, in
capitals, before their name."""

KEY_FILE = "seal_key.pem"

CHECKPOINT_FILE = "last_checkpoints.json"
"""Beside the key: the last checkpoint of each database, by its home, which is nothing
that is written in it. One that is gone from the database is missed."""

TRUSTED_FILE = "trusted_keys"
"""Beside the key: the fingerprints that this server trusts, one a line. It is not in
the database, so that whoever writes there adds none."""


class KeyProblem(UserError):
    """The key cannot be used. Whatever needs it says so; everything else works.

    Customers learn that something does not work, and not what.

    :param detail: why, for staff
    """

    def __init__(self, detail):
        self.detail = detail
        super().__init__(detail if _is_staff_there() else FOR_CUSTOMERS)


FOR_CUSTOMERS = _lt(
    "Something on our side does not work. Nothing was answered. Please try again "
    "later, or write to your contact."
)


def _is_staff_there():
    if not http_request or not http_request.env:
        return True  # a job, or a server that starts
    return http_request.env.user._is_internal()


def get_key_path():
    """Return where the key is: where the option ``key_file`` says, or else
    ``customer_approval_gate/seal_key.pem`` in Odoo's data folder."""
    if path := _get_option("key_file"):
        return pathlib.Path(path)
    return _get_default_path(config["data_dir"])


def find_problem(env):
    """Return why the key cannot be used, or nothing."""
    try:
        get_public_key()
    except KeyProblem as error:
        return env._(error.detail)
    return ""


def _get_option(name):
    """Return an option of the environment or of the configuration file, or nothing."""
    value = os.environ.get(f"{SECTION}_{name}".upper())
    return value or _read_options(config["config"]).get(name)


@functools.cache
def _read_options(path):
    parser = configparser.RawConfigParser()
    parser.read([path or ""])
    return dict(parser.items(SECTION)) if parser.has_section(SECTION) else {}


@functools.cache
def _get_default_path(folder):
    return pathlib.Path(folder, "customer_approval_gate", KEY_FILE)


def _get_source():
    """Return the path of the key, or the key itself as a text."""
    return _get_option("key") or get_key_path()


@functools.cache
def _load_key(source):
    try:
        data = source.encode() if isinstance(source, str) else _read_key(source)
        key = serialization.load_pem_private_key(data, password=None)
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size != 2048:
            raise ValueError("it is not an RSA key of 2048 bits")
        return key
    except (OSError, ValueError, TypeError) as error:
        raise KeyProblem(
            _lt(
                "The key that seals approvals, %(place)s, cannot be used: %(reason)s. "
                "Ask your administrator to put it back from a backup of the server.",
                place=source if isinstance(source, pathlib.Path) else "“key”",
                reason=error,
            )
        ) from error


def _read_key(path):
    try:
        return path.read_bytes()
    except FileNotFoundError:
        # Where somebody has put it somewhere else, it is lost and not yet to be made.
        if path != _get_default_path(config["data_dir"]):
            raise
        return _make_key(path)


def _make_key(path):
    key = rsa.generate_private_key(public_exponent=EXPONENT, key_size=2048)
    data = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(data)
    try:
        # Two processes may start at once: the first one's key is taken.
        os.link(draft, path)
    except FileExistsError:
        data = path.read_bytes()
    finally:
        draft.unlink()
    return data


def get_public_key():
    """Return the fingerprint and the modulus (decimal) of the key.

    :raise KeyProblem: it cannot be used
    """
    return _get_public_key(_get_source())


@functools.cache
def _get_public_key(source):
    modulus = str(_load_key(source).public_key().public_numbers().n)
    return key_fingerprint(modulus), modulus


def make_seal(text, source=None):
    """Return the seal of a text (decimal) and the key's fingerprint.

    :param source: the path of a former key, which vouches for the present one
    """
    source = source or _get_source()
    signature = _load_key(source).sign(
        text.encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    return str(int.from_bytes(signature, "big")), _get_public_key(source)[0]


def find_former_keys():
    """Return the keys of before, which somebody left beside the present one:
    ``{fingerprint: path}``. Whoever puts a new key in place keeps the old one as
    ``*.pem`` in the same folder, and it vouches for the new one."""
    path = get_key_path()
    found = {}
    for other in sorted(path.parent.glob("*.pem")) if path.parent.is_dir() else ():
        if other == path:
            continue
        try:
            found[_get_public_key(other)[0]] = other
        except KeyProblem:
            continue  # some other file that ends like this
    return found


def get_trusted():
    """Return the fingerprints of the keys that this server trusts: its own, and those
    that an administrator has confirmed here.

    :raise KeyProblem: the key cannot be used
    """
    try:
        text = get_key_path().with_name(TRUSTED_FILE).read_text()
    except OSError:
        text = ""
    return {get_public_key()[0], *text.split()}


def trust(fingerprints):
    """Trust further keys on this server from now on.

    :raise KeyProblem: that cannot be kept
    """
    path = get_key_path().with_name(TRUSTED_FILE)
    wanted = sorted(get_trusted() | {*fingerprints})
    _write_beside(path, "".join(f"{fingerprint}\n" for fingerprint in wanted))


@functools.cache
def _get_key_bytes(source):
    return _load_key(source).private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@functools.cache
def _derive(source, purpose):
    """Return a secret of its own for each purpose: one of them says nothing about
    another, nor about the key."""
    derivation = HKDF(
        algorithm=hashes.SHA256(),
        length=32,
        salt=None,
        info=f"{SECTION}/{purpose}".encode(),
    )
    return derivation.derive(_get_key_bytes(source))


def make_mark(text):
    """Return the mark of a text, and the key's fingerprint: what a seal is, a hundred
    times as fast, for this server alone to verify."""
    source = _get_source()
    mark = hmac.digest(_derive(source, "mark"), text.encode(), "sha256").hex()
    return mark, _get_public_key(source)[0]


def keep_checkpoint(home, position, checkpoint_hash):
    """Keep on this server what the last checkpoint of a database was.

    :param str home: see ``tools/identity.py``
    """
    path = get_key_path().with_name(CHECKPOINT_FILE)
    known = _read_checkpoints(path)
    if position > known.get(home, [0])[0]:
        known[home] = [position, checkpoint_hash]
        _write_beside(path, json.dumps(known, indent=1, sort_keys=True))


def get_kept_checkpoint(home):
    """Return number and hash of the last checkpoint of a database that this server has
    made, or nothing.

    :param str home: see ``tools/identity.py``
    """
    path = get_key_path().with_name(CHECKPOINT_FILE)
    return _read_checkpoints(path).get(home)


def _read_checkpoints(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def _write_beside(path, text):
    """Write a file beside the key, as a whole or not at all.

    :raise KeyProblem: the folder cannot be written
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.write_text(text)
        draft.replace(path)
    except OSError as error:
        raise KeyProblem(
            _lt(
                "The file %(place)s cannot be written: %(reason)s. Ask your "
                "administrator to make its folder writable for Odoo.",
                place=path,
                reason=error,
            )
        ) from error


def make_token(purpose, text):
    """Return a secret that stands for a text: it is in no database, and this server
    makes the same again.

    :param str purpose: what for, such as ``link``
    :param str text: whose, such as ``approver:7:1``
    """
    digest = hmac.digest(_derive(_get_source(), purpose), text.encode(), "sha256")
    return _encode(digest)


def make_old_token(text):
    """Return what ``make_token()`` made before version 19.0.1.6.0, by which links of
    then are recognised: they open nothing."""
    secret = _get_key_bytes(_get_source())
    return _encode(hmac.digest(secret, f"token:{text}".encode(), "sha256"))


def _encode(digest):
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def is_marked(event, source=None):
    """Return whether an event without a seal has this server's mark.

    :param dict event: as plain data
    :param source: the path of a former key, whose mark it has then
    """
    source = source or _get_source()
    text = event["entry_digest"].encode()
    # Before version 19.0.1.6.0 marks were made by the key itself.
    secrets = (_derive(source, "mark"), _get_key_bytes(source))
    return any(
        hmac.compare_digest(
            event["seal"] or "", hmac.digest(secret, text, "sha256").hex()
        )
        for secret in secrets
    )
