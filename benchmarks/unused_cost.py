"""What everyday operations cost with the addon, against plain Odoo in the same run.

A column plain, one with the addon and no flag ticked, one with the flag ticked and all
documents approved:

    devtools/odoo-dev bench [--count 1000] [--rounds 5] [--only "price of a line"]

Each column is a process with a database of its own. They take turns, round by round, so
that a machine that drifts drifts for all. What is counted is CPU time, of Odoo and of
PostgreSQL, up to the commit; medians; queries are those of one run. Without Odoo's log
of changes, which costs more than anything else here; ``--logged`` measures with it. It
ends with 1 where a bar is missed.

``--before`` takes a checkout of another version, for which ``--before-ours`` and
``--before-approved`` name databases: two more columns, measured by turns with the rest.
"""

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time

PLAIN, UNUSED, APPROVED = "plain", "no flag", "approved"
BEFORE = {UNUSED: "before, no flag", APPROVED: "before, approved"}
# The bars: ratio to plain, and queries a batch more than plain; None: there is none.
BARS = {
    "write(state)": {"no flag": (1.05, 2), "approved": (1.4, None)},
    "price of a line": {"no flag": (1.05, 2)},
    "deletion": {"no flag": (1.05, 2)},
    "creation": {"no flag": (1.05, 2)},
    "confirmation of many": {"no flag": (1.05, 2)},
    "posting": {"no flag": (1.05, 2)},
    "invoices from orders": {"no flag": (1.05, 2)},
    "80 forms": {"no flag": (1.05, 2)},
}
# What the operations write to.
WRITTEN = (
    "account_move",
    "account_move_line",
    "customer_approval_event",
    "customer_approval_personal",
    "mail_message",
    "mail_tracking_value",
    "sale_order",
    "sale_order_line",
)
# Queries at most: as many, whatever plain Odoo takes, or more than plain.
MOST_QUERIES = {("confirmation", APPROVED): 96}
MORE_QUERIES = {("80 forms", APPROVED): 8}


class Worker:
    """The operations, in a process that holds one database."""

    def __init__(self, column, database, count, addons_path=None, logged=False):
        import odoo.modules.registry
        from odoo import SUPERUSER_ID, api
        from odoo.tools import config

        options = ["-d", database]
        if addons_path:
            options += ["--addons-path", addons_path]
        config.parse_config(options, setup_logging=True)
        self.column, self.count = column, count
        self.registry = odoo.modules.registry.Registry(database)
        self.cr = self.registry.cursor()
        admin = api.Environment(self.cr, SUPERUSER_ID, {}).ref("base.user_admin")
        context = {"lang": "en_US"}
        self.env = api.Environment(
            self.cr, admin.id, {**context, "tracking_disable": True}
        )
        self.cr.execute("SELECT pg_backend_pid()")
        self.backend = self.cr.fetchone()[0]
        self.prepare()
        if logged:
            self.env = self.env(context=context)
            self.orders = self.orders.with_env(self.env)
            self.invoices = self.invoices.with_env(self.env)

    def prepare(self):
        env = self.env
        if not env.company.chart_template:
            env["account.chart.template"].try_loading("generic_coa", env.company)
        self.partner = env["res.partner"].create(
            {"name": "Bench", "email": "bench@example.com"}
        )
        self.product = env["product.product"].create(
            {"name": "Bench", "list_price": 10, "invoice_policy": "order"}
        )
        if self.column != PLAIN:
            stages = env["customer.approval.stage"].search([])
            stages.write({"requires_customer_approval": False})
        self.orders = self.make_orders(self.count)
        self.invoices = self.make_invoices(self.count // 5)
        if self.column == APPROVED:
            for name in ("order_in_production", "invoice_posted"):
                env.ref(
                    f"customer_approval_gate.stage_{name}"
                ).requires_customer_approval = True
            self.approve(self.orders)
            self.approve(self.invoices)
        self.cr.commit()

    def make_orders(self, count):
        return self.env["sale.order"].create(
            [
                {
                    "partner_id": self.partner.id,
                    "order_line": [
                        (0, 0, {"product_id": self.product.id, "product_uom_qty": 2})
                        for _line in range(3)
                    ],
                }
                for _order in range(count)
            ]
        )

    def make_invoices(self, count):
        return self.env["account.move"].create(
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": self.partner.id,
                    "invoice_date": "2026-01-01",
                    "invoice_line_ids": [(0, 0, {"product_id": self.product.id})] * 3,
                }
                for _invoice in range(count)
            ]
        )

    def approve(self, documents):
        from odoo.addons.customer_approval_gate.tools.event_data import Answer

        for request in documents._open_customer_approval(mail=False):
            request._decide(Answer("approved", "Bench", "link"))

    # The operations: what is measured is what each returns.

    def write_state(self):
        return lambda: self.orders.write({"state": "sale"})

    def price(self):
        if self.column == APPROVED:
            return None  # it is locked
        lines = self.orders.order_line
        return lambda: lines.write({"price_unit": 11})

    def unlink(self):
        if self.column == APPROVED:
            return None  # it is kept
        return self.orders.unlink

    def create(self):
        return lambda: self.make_orders(self.count // 5)

    def confirm(self):
        return self.orders[:1].action_confirm

    def confirm_many(self):
        return self.orders[: self.count // 10].action_confirm

    def post(self):
        return self.invoices.action_post

    def invoice(self):
        orders = self.orders[: self.count // 10]
        orders.action_confirm()
        return lambda: orders._create_invoices(grouped=True)

    def forms(self):
        order = self.env["sale.order"]
        views = order.get_views([(False, "form")])
        specification = self.specify(
            views, "sale.order", views["views"]["form"]["arch"]
        )
        orders = self.orders[:80]
        return lambda: [order.web_read(specification) for order in orders]

    def specify(self, views, model, arch):
        """Return what the web client reads for a view."""
        from lxml import etree

        root = etree.fromstring(arch) if isinstance(arch, str) else arch
        fields = self.env[model]._fields
        specification = {}
        for node in root.iter("field"):
            if any(parent.tag == "field" for parent in node.iterancestors()):
                continue
            name = node.get("name")
            field = fields.get(name)
            if field is None:
                continue
            specification[name] = {}
            if field.type == "many2one":
                specification[name] = {"fields": {"display_name": {}}}
            elif field.relational:
                inner = {}
                for view in node:
                    inner |= self.specify(views, field.comodel_name, view)
                specification[name] = {"fields": inner or {"display_name": {}}}
        return specification

    def run(self, operation):
        """Do an operation once, and undo it.

        :return: CPU seconds of Odoo and PostgreSQL, and the number of queries
        """
        if operation == "clean":
            return self.clean()
        self.env.invalidate_all()
        function = getattr(self, operation)()
        if not function:
            return None
        self.cr.flush()
        self.env.invalidate_all()
        gc.collect()  # or one operation pays for what another has left
        queries = self.cr.sql_log_count
        before = self.measure()
        function()
        self.cr.flush()
        after = self.measure()
        queries = self.cr.sql_log_count - queries
        self.cr.rollback()
        self.env.invalidate_all()
        return [after - before, queries]

    def clean(self):
        """Remove what rounds that were undone have left in the tables, which one column
        would otherwise read and another, cleaned by chance, would not."""
        self.cr.commit()
        connection = self.cr._cnx
        connection.autocommit = True
        try:
            self.cr.execute(
                "SELECT string_agg(relname, ', ') FROM pg_class"
                " WHERE relkind = 'r' AND relname = ANY(%s)",
                [list(WRITTEN)],
            )
            self.cr.execute(f"VACUUM ANALYZE {self.cr.fetchone()[0]}")
        finally:
            connection.autocommit = False

    def measure(self):
        with open(f"/proc/{self.backend}/schedstat") as file:
            nanoseconds = int(file.read().split()[0])
        return time.process_time() + nanoseconds / 1e9


OPERATIONS = {
    "write(state)": "write_state",
    "price of a line": "price",
    "deletion": "unlink",
    "creation": "create",
    "confirmation": "confirm",
    "confirmation of many": "confirm_many",
    "posting": "post",
    "invoices from orders": "invoice",
    "80 forms": "forms",
}


def work(arguments):
    worker = Worker(
        arguments.column,
        arguments.database,
        arguments.count,
        arguments.addons_path,
        arguments.logged,
    )
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps("ready"), file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(worker.run(json.loads(line))), file=out, flush=True)


class Workers:
    """The processes, one a column."""

    def __init__(self, arguments):
        self.processes = {}
        self.start(PLAIN, PLAIN, arguments.plain, arguments)
        if arguments.before:
            path = ["--addons-path", arguments.before]
            databases = (arguments.before_ours, arguments.before_approved)
            for column, database in zip(BEFORE, databases, strict=True):
                self.start(BEFORE[column], column, database, arguments, path)
        self.start(UNUSED, UNUSED, arguments.ours, arguments)
        self.start(APPROVED, APPROVED, arguments.approved, arguments)
        for column in self.processes:
            self.tell(column)

    def start(self, name, column, database, arguments, options=()):
        command = [sys.executable, __file__, "--count", str(arguments.count)]
        command += ["--column", column, "--database", database, *options]
        command += ["--logged"] if arguments.logged else []
        self.processes[name] = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def tell(self, column, what=None):
        process = self.processes[column]
        if what:
            process.stdin.write(json.dumps(what) + "\n")
            process.stdin.flush()
        return json.loads(process.stdout.readline())

    def measure(self, operation, rounds):
        """Return the results of an operation, by column."""
        results = {column: [] for column in self.processes}
        for number in range(rounds + 1):
            for column in self.processes:
                self.tell(column, "clean")
                result = self.tell(column, operation)
                if result and number:  # the first one fills caches
                    results[column].append(result)
        return results

    def stop(self):
        for process in self.processes.values():
            process.stdin.close()
            process.wait()


def judge(label, column, ratio, own, plain_queries):
    """Return which bars an operation misses in a column."""
    missed = []
    most_ratio, more = BARS.get(label, {}).get(column, (None, None))
    if most_ratio and ratio > most_ratio:
        missed.append(f"{label}, {column}: {ratio:.2f}x of {most_ratio}x")
    if more is not None and own > plain_queries + more:
        missed.append(f"{label}, {column}: {own - plain_queries} queries more")
    most = MOST_QUERIES.get((label, column))
    if (label, column) in MORE_QUERIES:
        most = plain_queries + MORE_QUERIES[label, column]
    if most and own > most:
        missed.append(f"{label}, {column}: {own} queries of {most}")
    return missed


def compare(arguments):
    workers = Workers(arguments)
    columns = list(workers.processes)
    print(f"{'CPU, and queries':<22}" + "".join(f"{name:>24}" for name in columns))
    missed = []
    for label, operation in OPERATIONS.items():
        if arguments.only and label not in arguments.only:
            continue
        results = workers.measure(operation, arguments.rounds)
        plain = statistics.median(result[0] for result in results[PLAIN])
        cells = []
        for column in columns:
            if not results[column]:
                cells.append("-")
                continue
            seconds = statistics.median(result[0] for result in results[column])
            own = results[column][0][1]
            cells.append(f"{seconds * 1000:.0f} ms {seconds / plain:.2f}x {own}")
            missed += judge(label, column, seconds / plain, own, results[PLAIN][0][1])
        print(f"{label:<22}" + "".join(f"{cell:>24}" for cell in cells), flush=True)
    workers.stop()
    for text in missed:
        print(f"missed: {text}")
    return 1 if missed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append")
    parser.add_argument("--plain")
    parser.add_argument("--ours")
    parser.add_argument("--approved")
    parser.add_argument("--logged", action="store_true")
    parser.add_argument("--before")
    parser.add_argument("--before-ours")
    parser.add_argument("--before-approved")
    parser.add_argument("--addons-path")
    parser.add_argument("--column")
    parser.add_argument("--database")
    arguments = parser.parse_args()
    if arguments.column:
        return work(arguments)
    return compare(arguments)


if __name__ == "__main__":
    sys.exit(main())
