"""Run Odoo's own tests with our addons and without, and name what fails only with them.

Each run works on a copy of a template database. The order of tests is the same in both
runs, and one test class after the other, so that a difference is ours.
"""

import argparse
import os
import pathlib
import subprocess
import sys
from xml.etree import ElementTree

# Whole suites, and the part of account that is about invoicing.
SUITES = (
    "sale/tests",
    "sale_management/tests",
    "portal/tests",
    "account_payment/tests",
    "account/tests/test_account_move_entry.py",
    "account/tests/test_account_move_out_invoice.py",
    "account/tests/test_account_move_out_refund.py",
    "account/tests/test_account_move_payments_widget.py",
    "account/tests/test_account_move_send.py",
    "account/tests/test_account_move_date_algorithm.py",
    "account/tests/test_account_move_duplicate.py",
    "account/tests/test_account_payment.py",
    "account/tests/test_account_payment_register.py",
    "account/tests/test_early_payment_discount.py",
    "account/tests/test_invoice_taxes.py",
    "account/tests/test_invoice_tax_totals.py",
    "account/tests/test_payment_term.py",
    "account/tests/test_portal_attachment.py",
    "account/tests/test_portal_invoice.py",
    "account/tests/test_sequence_mixin.py",
    "account/tests/test_tour.py",
)

# The database refuses it otherwise; this is a copy for the tests alone.
UNTICK = """
    ALTER TABLE customer_approval_stage DISABLE TRIGGER USER;
    UPDATE customer_approval_stage SET requires_customer_approval = FALSE;
    DELETE FROM customer_approval_stage_gate_rel;
    ALTER TABLE customer_approval_stage ENABLE TRIGGER USER;
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without", required=True, help="template without the addons")
    parser.add_argument(
        "--with", dest="with_", required=True, help="template with them"
    )
    parser.add_argument("--state", required=True, type=pathlib.Path)
    parser.add_argument("--only", choices=("with", "without"), help="one of the runs")
    parser.add_argument("-k", help="only tests whose names match, as of pytest")
    options = parser.parse_args()
    home = pathlib.Path(os.environ["PYTHONPATH"])
    addons = next(
        folder
        for folder in (home / "addons", home / "odoo" / "addons")
        if (folder / "sale").is_dir()
    )
    suites = [str(addons / suite) for suite in SUITES if (addons / suite).exists()]
    templates = {"without": options.without, "with": options.with_}
    results = {
        name: run(name, template, suites, options)
        for name, template in templates.items()
        if options.only in (None, name)
    }
    for name, result in results.items():
        failed = sorted(test for test, passed in result.items() if not passed)
        print(f"{name}: {len(result)} tests, {len(failed)} failed")
        for test in failed:
            print(f"    {test}")
    if options.only:
        return
    passed_without = {test for test, passed in results["without"].items() if passed}
    ours = sorted(
        test for test in passed_without if not results["with"].get(test, False)
    )
    print("failing only with the addons:", "none" if not ours else "")
    for test in ours:
        print(f"    {test}")
    sys.exit(bool(ours))


def run(name, template, suites, options):
    """Return ``{test: whether it passed}`` of one run on a copy of the template."""
    # Not named like a template: those come and go with the addons.
    database = "_".join([*template.split("_")[:2], "core", name])
    filestore = options.state / "data" / "filestore"
    report = options.state / f"core-{name}.xml"
    log = options.state / "log" / f"core-{name}.log"
    subprocess.run(["dropdb", "--if-exists", "--force", database], check=True)
    subprocess.run(["createdb", "-T", template, database], check=True)
    subprocess.run(["rm", "-rf", filestore / database], check=True)
    if (filestore / template).is_dir():
        subprocess.run(
            ["cp", "-al", filestore / template, filestore / database], check=True
        )
    if name == "with":
        # The demo data ticks a flag; Odoo's tests know nothing of approvals.
        subprocess.run(["psql", "-qd", database, "-c", UNTICK], check=True)
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *(
            "--noconftest",
            "-c",
            os.devnull,
            f"--odoo-database={database}",
            "--odoo-http",
        ),
        f"--junit-xml={report}",
        *(("-k", options.k) if options.k else ()),
        *suites,
    ]
    print(f"{name} the addons: {log}", flush=True)
    try:
        with log.open("w") as output:
            subprocess.run(
                command, stdout=output, stderr=subprocess.STDOUT, check=False
            )
    finally:
        subprocess.run(["dropdb", "--if-exists", "--force", database], check=True)
        subprocess.run(["rm", "-rf", filestore / database], check=True)
    if not report.exists():
        sys.exit(f"no report: see {log}")
    return {
        f"{case.get('classname')}.{case.get('name')}": not (
            case.findall("failure") or case.findall("error")
        )
        for case in ElementTree.parse(report).iter("testcase")
    }


if __name__ == "__main__":
    main()
