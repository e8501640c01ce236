"""Check what no formatter of ours looks at, in the files given."""

import pathlib
import sys
from xml.etree import ElementTree

problems = []
for name in sys.argv[1:]:
    content = pathlib.Path(name).read_bytes()
    if content and not content.endswith(b"\n"):
        problems.append(f"{name}: no newline at the end")
    if b"\r\n" in content:
        problems.append(f"{name}: Windows line ends")
    for number, line in enumerate(content.splitlines(), 1):
        if line.startswith((b"<<<<<<< ", b">>>>>>> ")):
            problems.append(f"{name}:{number}: merge conflict")
        if line != line.rstrip():
            problems.append(f"{name}:{number}: blanks at the end of the line")
    if name.endswith(".xml"):
        try:
            ElementTree.fromstring(content)
        except ElementTree.ParseError as error:
            problems.append(f"{name}: {error}")
print("\n".join(problems))
sys.exit(bool(problems))
