# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Keeps the secrets of links out of the server's log: whoever reads the log could
otherwise answer as the customer."""

import logging
import re

SECRETS = re.compile(r"((?:access_token|token|hash)=)[^&\s\"'#]+")


class HideSecrets(logging.Filter):
    """Replaces secrets in the addresses that are logged."""

    def filter(self, record):
        if isinstance(record.args, tuple):
            record.args = tuple(
                SECRETS.sub(r"\1***", argument)
                if isinstance(argument, str)
                else argument
                for argument in record.args
            )
        if isinstance(record.msg, str):
            record.msg = SECRETS.sub(r"\1***", record.msg)
        return True


def install():
    """Let the log of addresses, Werkzeug's, hide secrets."""
    logger = logging.getLogger("werkzeug")
    if not any(isinstance(known, HideSecrets) for known in logger.filters):
        logger.addFilter(HideSecrets())
