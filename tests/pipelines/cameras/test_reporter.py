"""One report of a camera's state: metric, topic and log say the same."""

from __future__ import annotations

import logging

import pytest

from pipelines.cameras.reporter import CameraReporter
from pipelines.cameras.states import REMEDY, CameraState, Cause
from probes.metrics import Metrics

CONNECTING, LIVE, STALE, BACKOFF = (
    CameraState.CONNECTING,
    CameraState.LIVE,
    CameraState.STALE,
    CameraState.BACKOFF,
)


class Rig:
    def __init__(self) -> None:
        self.metrics = Metrics([state.value for state in CameraState])
        self.topics: dict[str, dict[str, object]] = {}
        self.reporter = CameraReporter(self.metrics, self.topics.__setitem__)


def test_metric_and_topic_say_the_same():
    rig = Rig()
    rig.reporter.report("door", BACKOFF, Cause.REFUSED, 1_000_000_000)
    sample = rig.metrics.registry.get_sample_value
    assert sample("msh_camera_state", {"camera": "door", "state": "backoff"}) == 1
    assert sample("msh_camera_up", {"camera": "door"}) == 0
    assert rig.topics["camera/door/status"] == {
        "schema": "msh.camera-status/1",
        "state": "backoff",
        "since": "1970-01-01T00:00:01.000Z",
        "cause": "refused",
    }
    rig.reporter.report("door", LIVE, Cause.NONE, 2_000_000_000)
    assert sample("msh_camera_up", {"camera": "door"}) == 1
    assert rig.topics["camera/door/status"]["cause"] is None


def cycle(cause: Cause, attempts: int) -> list[tuple[CameraState, Cause]]:
    return [(BACKOFF, cause), (CONNECTING, cause)] * attempts


@pytest.mark.parametrize(
    ("reports", "logged"),
    [
        (cycle(Cause.REFUSED, 5), ["camera door: backoff (refused): " + REMEDY[Cause.REFUSED]]),
        ([*cycle(Cause.REFUSED, 2), *cycle(Cause.AUTH, 2)], ["refused", "auth"]),
        ([*cycle(Cause.ENDED, 2), (LIVE, Cause.NONE), *cycle(Cause.ENDED, 2)], ["ended", "live", "ended"]),
        ([(LIVE, Cause.NONE), (STALE, Cause.STALLED), (BACKOFF, Cause.STALLED)], ["live", "stalled"]),
        ([(CONNECTING, Cause.NONE), (CameraState.STOPPED, Cause.NONE)], []),
    ],
)
def test_an_outage_is_logged_once_with_its_remedy(reports, logged, caplog):
    caplog.set_level(logging.INFO)
    rig = Rig()
    for state, cause in reports:
        rig.reporter.report("till", state, cause, 1)  # another camera's outage is another line
        caplog.clear()
    for state, cause in reports:
        rig.reporter.report("door", state, cause, 1)
    assert len(caplog.records) == len(logged)
    assert all(part in record.getMessage() for part, record in zip(logged, caplog.records, strict=True))
