"""What Odoo logs as an error is a failure, also where the test went on."""

import logging
import os
import pathlib
from collections import Counter

import pytest

_DURATIONS = Counter()


class _Recorder(logging.Handler):
    def __init__(self):
        super().__init__(logging.ERROR)
        self.lines = []

    def emit(self, record):
        self.lines.append(f"{record.name}: {record.getMessage()[:500]}")


@pytest.fixture(autouse=True)
def no_errors_logged():
    """pytest-odoo silences the log; tests mute the errors that they expect."""
    logger = logging.getLogger("odoo")
    level, recorder = logger.level, _Recorder()
    logger.setLevel(logging.ERROR)
    logger.addHandler(recorder)
    yield
    logger.removeHandler(recorder)
    logger.setLevel(level)
    if recorder.lines:
        pytest.fail("logged as errors:\n" + "\n".join(recorder.lines))


def pytest_runtest_logreport(report):
    _DURATIONS[report.nodeid.partition("::")[0]] += report.duration


def pytest_sessionfinish(session):
    """Keep how long each file took: see ``devtools/lanes.py``."""
    folder = os.environ.get("TEST_DURATIONS")
    if not folder or session.config.option.keyword:
        return
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    for name, seconds in _DURATIONS.items():
        path = pathlib.Path(folder, name.replace("/", "-"))
        path.write_text(f"{seconds:.1f}")
