"""Where a camera's frames go: to be analysed, to wait between two that are, or nowhere."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engines.image import I420
from pipelines.cameras.between import FramesBetween
from pipelines.cameras.latest import LatestPerCamera
from pipelines.cameras.source import RawFrame
from pipelines.cameras.states import CameraState
from pipelines.cpu.platform import CpuPlatform
from probes.metrics import Metrics


@pytest.mark.parametrize(
    ("part", "is_watched", "waiting"),
    [(1.0, True, ["superseded", "rate"]), (1.0, False, ["rate"]), (0.5, True, ["rate"])],
    ids=["watched", "nobody watches", "some are not decoded"],
)
def test_a_frame_that_comes_too_soon_waits_where_it_would_be_shown(part, is_watched, waiting) -> None:
    platform = object.__new__(CpuPlatform)  # without its models
    platform._parts = SimpleNamespace(throttle=SimpleNamespace(part=part))
    platform._loop = SimpleNamespace(shows_between=lambda camera: is_watched)
    platform._metrics = metrics = Metrics([state.value for state in CameraState])
    platform._between = FramesBetween(platform._count_drop)
    platform._frames = LatestPerCamera(platform.on_drop, on_replaced=platform._on_replaced)
    for at, wanted in ((1, True), (2, True), (3, False)):
        platform.on_frame(RawFrame("door", at, I420.black(64, 64), wanted))
    assert [frame.captured_at for frame in platform._frames.take(0)] == [2]
    assert [reason for _, reason in platform._between.take("door", before=4)] == waiting
    dropped = metrics.frames_dropped.labels("door", "superseded")._value.get()
    assert dropped == ("superseded" not in waiting)
    assert metrics.frames_received.labels("door")._value.get() == 3
