"""Print which flows of other apps went as expected: ``app_table.py REPORT ROOT``.

What is expected is the first line of each test's docstring, or its name.
"""

import ast
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

report, root = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
expected = {}
for path in root.glob("*/tests/**/test_*.py"):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            text = (ast.get_docstring(node) or "").partition("\n")[0]
            expected[path.stem, node.name] = text

rows = []
for case in ElementTree.parse(report).iter("testcase"):
    module, _dot, group = case.get("classname").rpartition(".")
    got = "as expected"
    for kind, text in (
        ("skipped", "not played"),
        ("error", "ERROR"),
        ("failure", "FAILED"),
    ):
        if case.find(kind) is not None:
            got = text
    name = case.get("name")
    flow = (
        f"{group.removeprefix('Test')}: {name.removeprefix('test_').replace('_', ' ')}"
    )
    rows.append((flow, expected.get((module.rpartition(".")[2], name)) or "", got))
widths = (
    [max(len(row[column]) for row in rows) for column in range(2)] if rows else [0, 0]
)
for flow, text, got in [("Flow", "Expected", "Got"), *rows]:
    sys.stdout.write(f"{flow:{widths[0]}}  {text:{widths[1]}}  {got}\n")
