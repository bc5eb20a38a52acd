from __future__ import annotations

from pipelines.assembly.insights import cameras_up
from pipelines.cameras.states import CameraState, CameraStatus, Cause
from pipelines.cameras.throttle import Throttle


def test_a_camera_that_overload_suspends_gives_no_pictures_to_count_in() -> None:
    """Insights said "gave pictures: 100 %" of a camera in which nobody had been counted."""
    throttle = Throttle()
    states = {"a": CameraState.LIVE, "b": CameraState.LIVE, "c": CameraState.STALE}
    cameras = {name: CameraStatus(state, Cause.NONE, 0, None, 0, 1, 0) for name, state in states.items()}
    assert cameras_up(cameras, throttle) == {"a": True, "b": True, "c": False}
    throttle.suspended = frozenset({"b"})
    assert cameras_up(cameras, throttle) == {"a": True, "b": False, "c": False}
