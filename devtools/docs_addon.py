"""Build the addon that a page of the documentation shows.

    docs_addon.py PAGE FOLDER

Each block of code whose first line says ``file=NAME`` is a file of it. Prints how many
lines of each language it took, without blank ones and without the manifest.
"""

import pathlib
import re
import sys
from collections import Counter

BLOCK = re.compile(r"^```(\w+) file=(\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MANIFEST = ("__manifest__.py", "__init__.py")


def main(page, folder):
    lines = Counter()
    for language, name, text in BLOCK.findall(pathlib.Path(page).read_text()):
        path = pathlib.Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if name not in MANIFEST:
            lines[language] += sum(bool(line.strip()) for line in text.splitlines())
    for language, count in sorted(lines.items()):
        print(language, count)


if __name__ == "__main__":
    main(*sys.argv[1:])
