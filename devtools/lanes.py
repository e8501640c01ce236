"""Which test files run in one of several lanes, so that all end at about the same time.

    lanes.py FOLDER NUMBER COUNT PATH...

In the folder lies how long each file took the last time, which ``conftest.py`` writes;
before that it counts as in ``durations.txt``, and a file that is new by its size.
Prints the files of the lane, one a line.
"""

import functools
import pathlib
import sys

BYTES_A_SECOND = 1500
"""What tests take on average, where nothing is known of a file."""


def main(folder, number, count, *paths):
    files = sorted(
        str(file)
        for path in map(pathlib.Path, paths)
        for file in ([path] if path.is_file() else path.rglob("test_*.py"))
        if ".odoo-dev" not in file.parts
    )
    weights = {file: get_weight(pathlib.Path(folder), file) for file in files}
    lanes = [[] for _number in range(int(count))]
    totals = [0.0] * len(lanes)
    for file in sorted(files, key=lambda file: -weights[file]):
        lightest = totals.index(min(totals))
        lanes[lightest].append(file)
        totals[lightest] += weights[file]
    print("\n".join(sorted(lanes[int(number)])))


def get_weight(folder, file):
    try:
        return float((folder / file.replace("/", "-")).read_text())
    except (OSError, ValueError):
        size = pathlib.Path(file).stat().st_size
        return read_counted().get(file) or size / BYTES_A_SECOND


@functools.cache
def read_counted():
    lines = pathlib.Path(__file__).with_name("durations.txt").read_text().splitlines()
    pairs = (line.split() for line in lines if not line.startswith("#"))
    return {file: float(seconds) for seconds, file in pairs}


if __name__ == "__main__":
    main(*sys.argv[1:])
