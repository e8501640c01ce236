# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Printing that fails is seen to fail: PDFs that were cut off, printers that hang."""

import io
import threading
import time
from contextlib import contextmanager

import psutil

from odoo.tools.pdf import PdfFileReader

PRINTER = "wkhtmltopdf"
SECONDS = 60


def is_whole_pdf(data):
    """Return whether bytes are a PDF that can be read to its end."""
    if not data.startswith(b"%PDF-") or b"%%EOF" not in data[-1024:]:
        return False
    try:
        return PdfFileReader(io.BytesIO(data), strict=False).getNumPages() > 0
    except Exception:  # whatever a broken file makes a reader raise
        return False


@contextmanager
def limit_printing(seconds=SECONDS):
    """Around something that prints: Odoo waits for its printer without end.

    :param int seconds: after which a printer is stopped, so that Odoo's method fails
    """
    done = threading.Event()
    watch = threading.Thread(target=_watch_printers, args=(done, seconds), daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()


def _watch_printers(done, seconds):
    """Stop printers that take too long, until what prints is done.

    One look after so many seconds would miss a printer that a busy server started late.
    """
    pause = seconds
    while not done.wait(pause):
        _stop_printers(seconds)
        pause = 1


def _stop_printers(seconds):
    """Stop the printers that this process has been waiting for so long."""
    for child in psutil.Process().children():
        try:
            is_printer = any(PRINTER in part for part in child.cmdline()[:3])
            # Others of this server may be printing: theirs are younger.
            if is_printer and time.time() - child.create_time() > seconds * 0.9:
                for process in (*child.children(recursive=True), child):
                    process.kill()
        except psutil.NoSuchProcess:
            continue
