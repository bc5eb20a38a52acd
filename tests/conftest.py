import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import settings

import engines  # noqa: F401 before any test loads GStreamer: see engines/__init__.py

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

FACTS = ("no IPv6 here", "DeepStream is installed here", "not a Debian machine")
"""Reasons that say what a machine is, not what it lacks."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Fail, where CI asks for it, what would skip because something is missing."""
    report = yield
    if report.skipped and os.environ.get("MSH_NO_SKIP") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(fact in reason for fact in FACTS):
            report.outcome, report.longrepr = "failed", f"{item.nodeid}: must not be skipped here: {reason}"
    return report


@contextmanager
def _logging_restored() -> Iterator[None]:
    """Undo what a command run in this process did to the root logger: handlers that scrub, a level."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in [one for one in root.handlers if one not in handlers]:
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(autouse=True, scope="module")
def _logging_of_the_module() -> Iterator[None]:
    with _logging_restored():
        yield


@pytest.fixture(autouse=True)
def _logging_of_the_test() -> Iterator[None]:
    with _logging_restored():
        yield
