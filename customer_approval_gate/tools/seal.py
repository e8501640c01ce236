# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The key that seals evidence. It lies beside the filestore, not in the database:
whoever can write rows there cannot make a seal.
"""

import base64
import functools
import hmac
import os
import pathlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from odoo.tools import config

from .ledger import EXPONENT, key_fingerprint

KEY_FILE = "seal_key.pem"


def get_key_path():
    """Return where the key is: ``customer_approval_gate/seal_key.pem`` in Odoo's data
    folder."""
    return _get_key_path(config["data_dir"])


@functools.cache
def _get_key_path(folder):
    return pathlib.Path(folder, "customer_approval_gate", KEY_FILE)


@functools.cache
def _load_key(path):
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = _make_key(path)
    return serialization.load_pem_private_key(data, password=None)


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
    """Return the fingerprint and the modulus (decimal) of the key."""
    return _get_public_key(get_key_path())


@functools.cache
def _get_public_key(path):
    modulus = str(_load_key(path).public_key().public_numbers().n)
    return key_fingerprint(modulus), modulus


def make_seal(text):
    """Return the seal of a text (decimal) and the key's fingerprint."""
    signature = _load_key(get_key_path()).sign(
        text.encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    return str(int.from_bytes(signature, "big")), get_public_key()[0]


@functools.cache
def _get_mark_secret(path):
    key = _load_key(path)
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def make_mark(text):
    """Return the mark of a text, and the key's fingerprint: what a seal is, a hundred
    times as fast, for this server alone to verify."""
    secret = _get_mark_secret(get_key_path())
    mark = hmac.digest(secret, text.encode(), "sha256").hex()
    return mark, get_public_key()[0]


def make_token(text):
    """Return a secret that stands for a text: it is in no database, and this server
    makes the same again.

    :param str text: what for, such as ``approver:7:1``
    """
    secret = _get_mark_secret(get_key_path())
    digest = hmac.digest(secret, f"token:{text}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def is_marked(event):
    """Return whether an event without a seal has its server's mark. Those of other
    servers, from which a database came, cannot be told here.

    :param dict event: as plain data
    """
    if event["key_id"] != get_public_key()[0]:
        return bool(event["key_id"])
    return hmac.compare_digest(event["seal"] or "", make_mark(event["entry_digest"])[0])
