"""Print the modules that addons depend on: ``depends.py ROOT ADDON,ADDON``."""

import ast
import pathlib
import sys

root, addons = sys.argv[1], sys.argv[2].split(",")
depends = {
    name
    for addon in addons
    for name in ast.literal_eval(
        pathlib.Path(root, addon, "__manifest__.py").read_text()
    )["depends"]
}
print(",".join(sorted(depends - set(addons))))
