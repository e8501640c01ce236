"""What the set-up says when something outside it is missing."""

import pathlib
import subprocess

LIB = pathlib.Path(__file__).parent / "lib"
EXPIRED = (
    "E: Release file for http://mirror.example/debian/dists/sid/InRelease is expired "
    "(invalid since 9d 4h 21min 7s). Updates for this repository will not be applied."
)


def why_no_odoo(folder, text):
    log = folder / "download.log"
    log.write_text(text)
    return subprocess.run(
        ["bash", "-c", f". {LIB}/odoo.sh; why_no_odoo {log}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_mirror_that_is_behind(tmp_path):
    message = why_no_odoo(tmp_path, EXPIRED)
    assert "has expired" in message
    assert "ODOO_DEB" in message


def test_a_mirror_without_the_package(tmp_path):
    message = why_no_odoo(tmp_path, "E: Unable to locate package odoo-19")
    assert "has expired" not in message
    assert "no package odoo-19" in message
