"""Recomputes all evidence of a database, in an Odoo shell."""

import os
import sys
import time

started = time.monotonic()
problems, rows = env["customer.approval.event"]._verify_all()  # noqa: F821
seconds = time.monotonic() - started
for problem in problems:
    sys.stdout.write(f"WRONG  {problem}\n")
sys.stdout.write(f"{rows} rows in {seconds:.1f} s, {len(problems)} do not fit\n")
sys.stdout.flush()
# The shell would end with 0, whatever this says.
os._exit(bool(problems))
