# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The rooms of the addon, and the walls between them. No database is needed."""

import ast
import logging
import pathlib
import re
from collections import defaultdict

from odoo import models
from odoo.tests import BaseCase, tagged

from odoo.addons import customer_approval_gate

_logger = logging.getLogger(__name__)

ROOT = pathlib.Path(__file__).parent.parent
MODELS = ROOT / "models"

ROOMS = (
    "evidence",
    "company",
    "stage",
    "partner",
    "approval",
    "deposit",
    "delivery",
    "sale",
    "account",
    "settings",
)
"""The rooms, each of which may call those before it. Plain files are rooms, too."""

PLAIN = {
    "res_company": "company",
    "res_partner": "partner",
    "res_config_settings": "settings",
}

WALLED = ("evidence", "stage", "approval")
FOREIGN = {"sale", "account", "stock", "project", "deposit", "delivery"}
"""What the walled rooms and the SQL know nothing of."""

MAY_BE_NAMED = {
    # The folder of a bundle is part of its format, and older bundles have it.
    "evidence/customer_approval_export_mixin.py": {"deliveries"},
}

CALLS_OF_ODOO = {
    "action_post": "Odoo's own method of invoices, which accounting extends",
}

MOST_LINES = 700
MOST_LINES_OF_A_CLASS = 600
LARGE = {"tools/ledger.py": "it is a bundle's verify.py: one file that needs no other"}


RETIRED = (
    "_compute_totals_anew",
    "_find_smuggled",
    "_follow_stage",
    "_get_fields_beside_content",
    "_cron_go_on",
    "_head_for",
    "_is_small_one",
    "_judge_",
    "_keep_what_happened",
    "_tell_",
    "_write_past_engine",
    "FollowingStage",
    "headed_",
    "tools.entry",
)
"""Names that code had before, and that are said in other words now."""


def _read_files():
    """Return the room and the syntax tree of each file with models."""
    files = {}
    for path in sorted(MODELS.rglob("*.py")):
        if path.stem == "__init__":
            continue
        parts = path.relative_to(MODELS).parts
        room = parts[0] if len(parts) > 1 else PLAIN[path.stem]
        files[path] = (room, ast.parse(path.read_text()))
    return files


def _read_models(tree):
    """Return the classes of models in a file: ``[(name, inherited names)]``."""
    found = []
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        values = {}
        for statement in node.body:
            if isinstance(statement, ast.Assign):
                name = statement.targets[0].id
                if name in ("_name", "_inherit"):
                    values[name] = ast.literal_eval(statement.value)
        inherited = values.get("_inherit", [])
        inherited = [inherited] if isinstance(inherited, str) else inherited
        found.append((values.get("_name"), inherited))
    return found


@tagged("standard", "at_install")
class TestArchitecture(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.files = _read_files()

    def _find_calls(self):
        """Return which rooms call which others, and how: ``{(from, to): [text]}``.

        By the names of methods, as imports do not show it. A method that several rooms
        have is called where the lowest of them declares it: the others override it. One
        that the caller's own room has is its own.
        """
        rooms_of = defaultdict(set)
        for room, tree in self.files.values():
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef):
                    rooms_of[node.name].add(room)
        calls = defaultdict(list)
        for path, (room, tree) in self.files.items():
            for node in ast.walk(tree):
                if not isinstance(node, ast.Attribute) or node.attr not in rooms_of:
                    continue
                rooms, name = rooms_of[node.attr], node.attr
                if (
                    room in rooms
                    or name in CALLS_OF_ODOO
                    or hasattr(models.Model, name)
                ):
                    continue
                target = min(rooms, key=ROOMS.index)
                calls[room, target].append(f"{path.stem}:{node.lineno} {name}")
        return calls

    def test_no_circle(self):
        calls = self._find_calls()
        for (room, target), found in sorted(calls.items()):
            _logger.info("%s -> %s: %s calls", room, target, len(found))
        upwards = {
            (room, target): found
            for (room, target), found in calls.items()
            if ROOMS.index(target) > ROOMS.index(room)
        }
        self.assertFalse(upwards)

    def test_walls(self):
        """What stages, approvals and evidence are of is named by others: in code, not
        in what people read."""
        for path, (room, tree) in self.files.items():
            if room not in WALLED:
                continue
            allowed = MAY_BE_NAMED.get(str(path.relative_to(MODELS)), set())
            for name, line in _find_names(tree):
                words = {word.lower() for word in re.split(r"[^A-Za-z]+", name)}
                with self.subTest(path=path.stem, line=line, name=name):
                    self.assertFalse((words & FOREIGN) - allowed)

    def test_walls_of_sql(self):
        for path in ROOT.joinpath("sql").glob("*.sql"):
            code = re.sub(r"--.*", "", path.read_text())
            words = set(re.split(r"[^a-z]+", code))
            with self.subTest(path.name):
                self.assertFalse(words & FOREIGN)

    def test_one_model_a_file(self):
        for path, (_room, tree) in self.files.items():
            with self.subTest(path.stem):
                classes = [n for n in tree.body if isinstance(n, ast.ClassDef)]
                self.assertLessEqual(len(classes), 1)

    def test_no_model_extends_itself(self):
        """A large model is made of mixins with names, not of pieces of itself."""
        named = defaultdict(set)
        for _path, (room, tree) in self.files.items():
            for name, _inherited in _read_models(tree):
                named[name].add(room)
        for path, (room, tree) in self.files.items():
            for name, inherited in _read_models(tree):
                with self.subTest(path.stem):
                    own = [own for own in inherited if room in named[own]]
                    self.assertFalse(not name and own)

    def test_mixins_say_what_they_are(self):
        for path, (_room, tree) in self.files.items():
            for node in tree.body:
                if isinstance(node, ast.ClassDef) and path.stem.endswith("_mixin"):
                    with self.subTest(path.stem):
                        self.assertTrue(ast.get_docstring(node))

    def test_nothing_is_large(self):
        for path in sorted(ROOT.rglob("*")):
            if path.suffix not in (".py", ".js", ".sql", ".xml", ".scss"):
                continue
            name, text = str(path.relative_to(ROOT)), path.read_text()
            with self.subTest(name):
                is_large = len(text.splitlines()) > MOST_LINES
                self.assertEqual(is_large, name in LARGE)
            if path.suffix != ".py" or name == "tools/ledger.py":
                continue
            for node in ast.parse(text).body:
                if isinstance(node, ast.ClassDef):
                    lines = node.end_lineno - node.lineno + 1
                    with self.subTest(f"{name}: {node.name}"):
                        self.assertLessEqual(lines, MOST_LINES_OF_A_CLASS)

    def test_no_retired_word(self):
        own = pathlib.Path(__file__)
        for path in sorted(ROOT.rglob("*")):
            # Migrations say what things were called.
            if path.suffix not in (".py", ".js", ".sql", ".xml") or path == own:
                continue
            if "migrations" in path.parts:
                continue
            text = path.read_text()
            with self.subTest(str(path.relative_to(ROOT))):
                self.assertFalse([word for word in RETIRED if word in text])

    def test_no_test_is_lost(self):
        """Odoo's own runner finds what ``tests/__init__.py`` imports by name."""
        for addon in ROOT.parent.glob("customer_approval_gate*"):
            tests = addon / "tests"
            if not tests.is_dir():
                continue
            tree = ast.parse((tests / "__init__.py").read_text())
            imported = {
                alias.name
                for node in tree.body
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
            }
            found = {path.stem for path in tests.rglob("test_*.py")}
            with self.subTest(addon.name):
                self.assertEqual(found, imported)

    def test_where_the_addon_is(self):
        self.assertEqual(pathlib.Path(customer_approval_gate.__file__).parent, ROOT)


def _find_names(tree):
    """Yield what code names, with its line: identifiers and texts, but neither
    docstrings nor what is translated for people, nor modules that are imported."""
    left_out = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            left_out.add(node.value)  # a docstring
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("_", "_lt"):
                left_out.update(node.args)
        if isinstance(node, ast.keyword) and node.arg in ("help", "string"):
            left_out.update(ast.walk(node.value))
    for node in ast.walk(tree):
        if node in left_out:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno
        elif isinstance(node, ast.Name):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno
