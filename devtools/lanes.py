"""Which test files run in one of several lanes, so that all end at about the same time.

    lanes.py FOLDER NUMBER COUNT PATH...

In the folder lies how long each file took the last time, which ``conftest.py`` writes;
a file that is new counts by its size. Prints the files of the lane, one a line.
"""

import pathlib
import sys

BYTES_A_SECOND = 1500
"""What tests take on average, where nothing is known of a file."""


def main(folder, number, count, *paths):
    files = sorted(
        str(file)
        for path in paths
        for file in pathlib.Path(path).rglob("test_*.py")
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
    known = folder / file.replace("/", "-")
    try:
        return float(known.read_text())
    except (OSError, ValueError):
        return pathlib.Path(file).stat().st_size / BYTES_A_SECOND


if __name__ == "__main__":
    main(*sys.argv[1:])
