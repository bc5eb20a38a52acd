import os

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
