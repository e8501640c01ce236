# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which files may be brought, and which may be shown in a page: by what they hold, not
by what they are called."""

from odoo.exceptions import UserError
from odoo.tools.mimetypes import guess_mimetype

MEGABYTES = 20
# Nothing in here can run a script in the reader's browser.
SHOWN_IN_PLACE = frozenset(
    ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf")
)
PROOFS = SHOWN_IN_PLACE | {"image/tiff", "message/rfc822", "application/vnd.ms-outlook"}
# Whatever a browser could run.
FORBIDDEN_ENDS = (
    ".htm",
    ".mht",
    ".mhtml",
    ".xht",
    ".svgz",
    ".url",
    ".docm",
    ".xlsm",
    ".pptm",
    ".html",
    ".xhtml",
    ".svg",
    ".xml",
    ".js",
    ".mjs",
    ".exe",
    ".bat",
    ".cmd",
    ".com",
    ".msi",
    ".scr",
    ".ps1",
    ".sh",
    ".vbs",
    ".jar",
    ".swf",
    ".hta",
    ".lnk",
)
FORBIDDEN_KINDS = ("html", "svg", "xml", "javascript", "x-msdownload", "x-dosexec")


def kind_of(name, data):
    """Return the MIME type of a file, from its first bytes.

    :param str name: only mails are told by their names
    """
    kind = guess_mimetype(data, default="application/octet-stream")
    head = data[:512].lower()
    if (name or "").lower().endswith(".eml") and not head.lstrip().startswith(b"<"):
        return "message/rfc822"
    if (name or "").lower().endswith(".msg") and data.startswith(b"\xd0\xcf\x11\xe0"):
        return "application/vnd.ms-outlook"
    return kind


def is_shown_in_place(name, data):
    """Return whether a page may show the file itself."""
    return kind_of(name, data) in SHOWN_IN_PLACE


def _check_size(env, name, data):
    if len(data) > MEGABYTES * 1024 * 1024:
        raise UserError(
            env._(
                "%(name)s is larger than %(megabytes)s MB. Please send a smaller file.",
                name=name,
                megabytes=MEGABYTES,
            )
        )


def check_proof(env, name, data):
    """Refuse what is no scan and no mail.

    :param bytes data: the file
    :raise UserError: it is something else, or too large
    """
    _check_size(env, name, data)
    if kind_of(name, data) not in PROOFS:
        raise UserError(
            env._(
                "%(name)s is no scan and no mail. Attach a PDF, a picture, or the mail "
                "as a file (.eml, .msg).",
                name=name,
            )
        )


def check_upload(env, name, data):
    """Refuse what could run in a reader's browser, or on their machine.

    :param bytes data: the file
    :raise UserError: it is such a thing, or too large
    """
    _check_size(env, name, data)
    kind = kind_of(name, data)
    if (name or "").lower().rstrip(". ").endswith(FORBIDDEN_ENDS) or any(
        part in kind for part in FORBIDDEN_KINDS
    ):
        raise UserError(
            env._(
                "Files such as %(name)s cannot be taken. Please send a PDF, a picture "
                "or an office document.",
                name=name,
            )
        )
