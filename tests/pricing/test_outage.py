"""Log the first failure and the recovery, nothing in between."""

import logging

import pytest

from pricing.outage import Outage

LOGGER = logging.getLogger("outage test")


def outage(level: int = logging.ERROR) -> Outage:
    return Outage(LOGGER, "broken", "works again", level=level)


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        (["ok"], []),
        (["fail", "fail", "ok", "ok"], ["broken", "works again"]),
        (["fail", "ok", "fail"], ["broken", "works again", "broken"]),
        (["fail a", "fail a", "fail b"], ["broken (a)", "broken (b)"]),
    ],
)
def test_what_is_logged(calls, expected, caplog):
    caplog.set_level(logging.INFO)
    one = outage()
    for call in calls:
        what, _, cause = call.partition(" ")
        if what == "ok":
            one.recover()
        else:
            one.fail(cause, cause=cause)
        assert one.active == (what == "fail")
    assert caplog.messages == expected


def test_level_and_traceback(caplog):
    caplog.set_level(logging.INFO)
    outage(logging.WARNING).fail(error=OSError("no space"))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.exc_info is not None
    assert record.exc_info[0] is OSError
