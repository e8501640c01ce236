"""Whether the tests notice when a rule is removed: a seeded sample of small changes to
the code, each of which should make a test fail. A plugin of pytest, see ``odoo-dev
mutate``.

Nothing is written: a mutant is compiled from the changed syntax tree, and put into the
functions of a process of its own, which is forked from one that has loaded all addons.
First all tests run once, to see which of the functions each of them calls; then each
mutant meets the fastest of those tests, until one fails.
"""

import ast
import copy
import gc
import json
import os
import pathlib
import random
import signal
import sys
import time
import types

ROOT = pathlib.Path(__file__).parent.parent
ADDON = ROOT / "customer_approval_gate"
PLACES = (
    "models/stage",
    "models/approval",
    "models/evidence",
    "models/deposit",
    "controllers",
    "tools",
)
LARGE = {"tools/ledger.py"}
"""It is a program of its own, and has its own tests against golden ledgers."""
BROWSERS = ("test_axe", "test_layout", "test_tours", "test_deposit_tours", "test_apps")
"""Files of tests that are not asked: they start browsers, or other addons."""
SECONDS = 30
"""How long the tests of one mutant may take."""
EQUIVALENT = pathlib.Path(__file__).with_name("mutants.txt")
"""Mutants that are no other program than the one they come from, or are shown to be
wrong by the database only, each with its reason."""

COMPARISONS = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
QUIET = {
    "append",
    "ensure_one",
    "flush_all",
    "flush_recordset",
    "invalidate_all",
    "invalidate_recordset",
}
"""Calls whose absence changes no rule: how results are kept, and when rows are
written."""


class Mutant:
    """One change of one function.

    :param path: of the file, in the addon
    :param function: its qualified name
    :param line: number of the line
    :param what: the change, for people
    :param place: which node of the tree, counted from its beginning
    """

    def __init__(self, path, function, line, what, place):
        self.path, self.function, self.line = path, function, line
        self.what, self.place = what, place

    @property
    def label(self):
        return f"{self.path}:{self.function}: {self.what}"


def find_mutants():
    """Return all changes that could be made, in order."""
    mutants = []
    for place in PLACES:
        for path in sorted((ADDON / place).rglob("*.py")):
            name = str(path.relative_to(ADDON))
            if path.stem == "__init__" or name in LARGE:
                continue
            tree = ast.parse(path.read_text())
            names = name_functions(tree)
            for number, node in enumerate(ast.walk(tree)):
                function = names.get(number)
                if function:
                    for what in describe(node):
                        mutants.append(
                            Mutant(name, function, node.lineno, what, (number, what))
                        )
    return mutants


def name_functions(tree):
    """Return the qualified name of the function that each node is in, by its number;
    without those that are in none, or in one that is called when modules load."""
    numbers = {node: number for number, node in enumerate(ast.walk(tree))}
    names = {}

    def visit(node, name, inside):
        for child in ast.iter_child_nodes(node):
            own, deep = name, inside
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                own = f"{name}.{child.name}" if name else child.name
                if isinstance(child, ast.FunctionDef) and not inside:
                    deep = own
                    for part in child.body:
                        names[numbers[part]] = deep
                        visit(part, own, deep)
                    continue
            if deep:
                names[numbers[child]] = deep
            visit(child, own, deep)

    visit(tree, "", "")
    return names


def describe(node):
    """Return what can be done to a node."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        new = COMPARISONS.get(type(node.ops[0]))
        if new:
            yield f"{ast.unparse(node)} with {new.__name__}"
    elif isinstance(node, ast.BoolOp):
        yield f"{ast.unparse(node)} the other way"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"{ast.unparse(node)} without not"
    elif isinstance(node, ast.If):
        yield f"if {ast.unparse(node.test)}: never"
        yield f"if {ast.unparse(node.test)}: always"
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        called = node.value.func
        name = called.attr if isinstance(called, ast.Attribute) else ""
        if name not in QUIET and "_logger" not in ast.unparse(called):
            yield f"without {ast.unparse(node)}"
    elif isinstance(node, ast.Return) and node.value is not None:
        if not isinstance(node.value, (ast.Constant, ast.Dict, ast.JoinedStr)):
            yield f"{ast.unparse(node)}: nothing"
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} turned round"
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield f"{ast.unparse(node)} turned round"


def change(node, what):
    """Return what comes in place of a node."""
    new = copy.copy(node)
    if isinstance(node, ast.Compare):
        new.ops = [COMPARISONS[type(node.ops[0])]()]
    elif isinstance(node, ast.BoolOp):
        new.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.UnaryOp):
        return node.operand
    elif isinstance(node, ast.If):
        new.test = ast.copy_location(ast.Constant(what.endswith("always")), node.test)
    elif isinstance(node, ast.Expr):
        return ast.copy_location(ast.Pass(), node)
    elif isinstance(node, ast.Return):
        new.value = ast.copy_location(ast.Constant(None), node.value)
    elif isinstance(node, ast.Constant):
        new.value = not node.value
    elif isinstance(node, ast.BinOp):
        new.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
    return new


class _Replace(ast.NodeTransformer):
    def __init__(self, target, new):
        self.target, self.new = target, new

    def visit(self, node):
        return self.new if node is self.target else self.generic_visit(node)


def mutate(mutant):
    """Put the change into all functions that there are of it.

    :return: how many there were
    """
    path = ADDON / mutant.path
    tree = ast.parse(path.read_text())
    number, what = mutant.place
    node = next(n for i, n in enumerate(ast.walk(tree)) if i == number)
    tree = ast.fix_missing_locations(_Replace(node, change(node, what)).visit(tree))
    return replace_code(path, tree, mutant.function)


def watch(path, functions):
    """Let functions tell when they are called."""
    tree = ast.parse((ADDON / path).read_text())
    names = {}

    def visit(node, name):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                own = f"{name}.{child.name}" if name else child.name
                if isinstance(child, ast.FunctionDef):
                    names.setdefault(own, []).append(child)
                visit(child, own)

    visit(tree, "")
    for function in functions:
        for node in names[function]:
            key = f"{path}:{function}"
            call = ast.parse(
                f"__import__('sys').__customer_approval_seen__.add({key!r})"
            )
            node.body.insert(0, call.body[0])
    ast.fix_missing_locations(tree)
    for function in functions:
        replace_code(ADDON / path, tree, function)


def replace_code(path, tree, function):
    codes = {}

    def collect(code):
        for part in code.co_consts:
            if isinstance(part, types.CodeType):
                codes[part.co_qualname.replace(".<locals>", "")] = part
                collect(part)

    collect(compile(tree, str(path), "exec"))
    new, count = codes.get(function), 0
    for own in gc.get_objects():
        if not isinstance(own, types.FunctionType):
            continue
        code = own.__code__
        if (
            code.co_filename.endswith(
                f"/customer_approval_gate/{path.relative_to(ADDON)}"
            )
            and code.co_qualname.replace(".<locals>", "") == function
            and new is not None
            and code.co_freevars == new.co_freevars
        ):
            own.__code__ = new
            count += 1
    return count


# ----------------------------------------------------------------------
# The plugin
# ----------------------------------------------------------------------


def read_task():
    return json.loads(pathlib.Path(os.environ["MUTATE_TASK"]).read_text())


def pytest_runtestloop(session):
    """Do what the task says, in place of running all tests."""
    import odoo

    task = read_task()
    odoo.modules.registry.Registry(odoo.tests.common.get_db_name())
    odoo.sql_db.close_all()
    if task["phase"] == "watch":
        _watch_tests(session, task)
    else:
        _try_mutants(session, task)
    return True


def _watch_tests(session, task):
    for path, functions in task["functions"].items():
        watch(path, functions)
    seen = sys.__customer_approval_seen__ = set()
    with open(task["result"], "w") as result:
        for number, item in enumerate(session.items):
            following = session.items[number + 1 : number + 2]
            seen.clear()
            begin = time.monotonic()
            reports = _run(item, following[0] if following else None)
            entry = {
                "test": item.nodeid,
                "seconds": time.monotonic() - begin,
                "passed": all(not report.failed for report in reports),
                "seen": sorted(seen),
            }
            result.write(json.dumps(entry) + "\n")
            result.flush()


def _run(item, following):
    from _pytest.runner import runtestprotocol

    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=following, log=False)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return reports


def _try_mutants(session, task):
    items = {item.nodeid: item for item in session.items}
    known = find_mutants()
    with open(task["result"], "w") as result:
        for number, tests in task["mutants"]:
            mutant = known[number]
            begin = time.monotonic()
            killed = _try_mutant(mutant, [items[t] for t in tests if t in items])
            entry = {
                "label": mutant.label,
                "line": mutant.line,
                "killed": killed,
                "tests": len(tests),
                "seconds": time.monotonic() - begin,
            }
            result.write(json.dumps(entry) + "\n")
            result.flush()
            sys.__stdout__.write(f"{'killed' if killed else 'ALIVE '} {mutant.label}\n")
            sys.__stdout__.flush()


def _try_mutant(mutant, items):
    """Return whether one of the tests fails, in a process of its own."""
    child = os.fork()
    if child:
        return _wait(child)
    # No way back from here: the parent goes on.
    status = 2
    try:
        os.setsid()
        if not mutate(mutant):
            os._exit(3)
        for number, item in enumerate(items):
            following = items[number + 1 : number + 2]
            reports = _run(item, following[0] if following else None)
            if any(report.failed for report in reports):
                os._exit(1)
        status = 0
    finally:
        os._exit(status)


def _wait(child):
    end = time.monotonic() + 3 * SECONDS
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            if code not in (0, 1):
                raise RuntimeError(f"no mutant was tried: {code}")
            return code == 1
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True  # it does not end any more


# ----------------------------------------------------------------------
# The tasks, and the result
# ----------------------------------------------------------------------


def sample(count, seed):
    """Return the numbers of so many mutants."""
    known = find_mutants()
    return sorted(random.Random(seed).sample(range(len(known)), min(count, len(known))))


def make_watch_task(folder, count, seed, lane):
    known = find_mutants()
    functions = {}
    for number in sample(count, seed):
        own = functions.setdefault(known[number].path, [])
        if known[number].function not in own:
            own.append(known[number].function)
    task = {
        "phase": "watch",
        "functions": functions,
        "result": f"{folder}/seen-{lane}.jsonl",
    }
    pathlib.Path(folder, f"watch-{lane}.json").write_text(json.dumps(task))


def make_tasks(folder, count, seed, lanes):
    """Say which lane tries which mutant, by which tests."""
    tests = [
        json.loads(line)
        for path in sorted(pathlib.Path(folder).glob("seen-*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    tests.sort(key=lambda test: test["seconds"])
    known = find_mutants()
    shares = [[] for _lane in range(lanes)]
    for place, number in enumerate(sample(count, seed)):
        mutant = known[number]
        key, chosen, seconds = f"{mutant.path}:{mutant.function}", [], 0.0
        for test in tests:
            if key in test["seen"] and test["passed"]:
                seconds += test["seconds"]
                chosen.append(test["test"])
                if seconds > SECONDS:
                    break
        shares[place % lanes].append((number, chosen))
    for lane, share in enumerate(shares):
        task = {
            "phase": "try",
            "mutants": share,
            "result": f"{folder}/tried-{lane}.jsonl",
        }
        pathlib.Path(folder, f"try-{lane}.json").write_text(json.dumps(task))


def report(folder, least):
    """Print score and survivors.

    :return: whether enough of them were noticed
    """
    tried = [
        json.loads(line)
        for path in sorted(pathlib.Path(folder).glob("tried-*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    argued = read_equivalent()
    alive = [entry for entry in tried if not entry["killed"]]
    real = [entry for entry in alive if entry["label"] not in argued]
    count = len(tried) - (len(alive) - len(real))
    score = 100 * (count - len(real)) / max(count, 1)
    for entry in real:
        sys.stdout.write(
            f"ALIVE  {entry['label']} (line {entry['line']}, {entry['tests']} tests)\n"
        )
    sys.stdout.write(
        f"{count - len(real)} of {count} mutants noticed, {score:.0f} %;"
        f" {len(alive) - len(real)} more are argued in {EQUIVALENT.name}\n"
    )
    return score >= least


def read_equivalent():
    """Return the labels of mutants that are argued."""
    if not EQUIVALENT.exists():
        return set()
    lines = EQUIVALENT.read_text().splitlines()
    return {line for line in lines if line and not line.startswith(("#", " "))}


def main(command, folder, *args):
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    if command == "watch":
        make_watch_task(folder, *map(int, args))
    elif command == "tasks":
        make_tasks(folder, *map(int, args))
    elif command == "report":
        sys.exit(0 if report(folder, int(args[0])) else 1)
    elif command == "files":
        for path in args:
            if pathlib.Path(path).stem not in BROWSERS:
                sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
