# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Mail servers may refuse, and may hang: nobody waits for one, or not for long."""

import threading

MAIL_LATER = {"mail_notify_force_send": False, "customer_approval_mail_later": True}
"""The context in which messages are left to Odoo's mail queue, which is told so."""

SECONDS = 8
"""How long somebody waits for a mail server: a code that comes later is no use."""

AT_ONCE = 4
_waiting = threading.BoundedSemaphore(AT_ONCE)


class TookTooLong(OSError):
    """Something did not end in time; it may still do so."""


def within(seconds, function):
    """Run a function in a thread, and wait for it, though not longer than that.

    :param seconds: how long to wait
    :param function: without arguments; it goes on if it takes longer
    :return: what the function returns
    :raise TookTooLong: it has not ended; or too many others have not
    """
    if not _waiting.acquire(blocking=False):
        raise TookTooLong("too many mails wait for the mail server")
    outcome = {}

    def run():
        try:
            outcome["result"] = function()
        except Exception as error:  # raised again where somebody waits for it
            outcome["error"] = error
        finally:
            _waiting.release()

    thread = threading.Thread(target=run, name="customer_approval_mail", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TookTooLong(f"the mail server did not answer within {seconds} seconds")
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]
