"""Where a camera's frames go: to be analysed, to wait between two that are, or nowhere."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from engines.detections import Detections
from engines.image import I420
from engines.scene import Scene
from pipelines.cameras.between import FramesBetween
from pipelines.cameras.latest import LatestPerCamera
from pipelines.cameras.source import RawFrame
from pipelines.cameras.states import CameraState
from pipelines.clock import StoreClock
from pipelines.cpu.platform import CpuPlatform
from pipelines.cpu.turn_pace import TurnPace
from pipelines.settings.camera import CameraConfig
from pipelines.settings.privacy import FacesConfig
from probes.frame import Kind
from probes.metrics import Metrics


def waiting_platform(*, is_watched: bool, part: float = 1.0) -> CpuPlatform:
    platform = object.__new__(CpuPlatform)  # without its models
    platform._parts = SimpleNamespace(throttle=SimpleNamespace(part=part), clock=StoreClock())
    platform._loop = SimpleNamespace(shows_between=lambda camera: is_watched)
    platform._metrics = Metrics([state.value for state in CameraState])
    platform._between = FramesBetween(platform._count_drop)
    platform._frames = LatestPerCamera(platform.on_drop, on_replaced=platform._on_replaced)
    return platform


@pytest.mark.parametrize(
    ("part", "is_watched", "waiting"),
    [(1.0, True, ["superseded", "rate"]), (1.0, False, []), (0.5, True, [])],
    ids=["watched", "nobody watches", "some are not decoded"],
)
def test_a_frame_that_comes_too_soon_waits_where_it_would_be_shown(part, is_watched, waiting) -> None:
    platform = waiting_platform(is_watched=is_watched, part=part)
    for at, wanted in ((1, True), (2, True), (3, False)):
        platform.on_frame(RawFrame("door", at, I420.black(64, 64), wanted))
    assert [frame.captured_at for frame in platform._frames.take(0)] == [3]
    assert [reason for _, reason in platform._between.take("door", before=4)] == waiting
    for reason in ("superseded", "rate"):
        dropped = platform._metrics.frames_dropped.labels("door", reason)._value.get()
        assert dropped == (reason not in waiting)
    assert platform._metrics.frames_received.labels("door")._value.get() == 3


@pytest.mark.parametrize("is_watched", [True, False])
def test_a_frame_beyond_the_rate_is_analysed_instead_of_an_older_one_that_still_waits(is_watched) -> None:
    """A busy machine analysed pictures that were as old as the time between two of them."""
    platform = waiting_platform(is_watched=is_watched)
    assert platform._takes_more("door") == is_watched
    platform.on_frame(RawFrame("door", 1, I420.black(64, 64)))
    assert platform._takes_more("door")
    platform.on_frame(RawFrame("door", 2, I420.black(64, 64), wanted=False))
    assert [frame.captured_at for frame in platform._frames.take(0)] == [2]
    platform.on_frame(RawFrame("door", 3, I420.black(64, 64), wanted=False))
    assert not platform._frames.take(0)
    left_out = platform._metrics.frames_dropped.labels("door", "rate")._value.get()
    assert (left_out, len(platform._between)) == ((0, 2) if is_watched else (2, 0))


def test_a_camera_that_is_connected_anew_gives_nobody_the_name_of_who_was_there_before() -> None:
    """The floor remembers who has left for a while: the next one would get the basket of the last."""
    platform = object.__new__(CpuPlatform)  # without its models
    platform._labels, platform._scenes = ("person",), SimpleNamespace(classes=("person",))
    platform._parts = SimpleNamespace(random=Random(1))
    platform._metrics, platform._turn_pace = Metrics([state.value for state in CameraState]), TurnPace()
    store = SimpleNamespace(zone=ZoneInfo("UTC"))
    settings = SimpleNamespace(privacy=SimpleNamespace(faces=FacesConfig()), store=store)
    box, score = np.array([[20, 20, 60, 120]], np.float32), np.full(1, 0.9, np.float32)
    somebody = Detections(box, score, np.zeros(1, np.int32))
    scene, names = Scene(somebody, Detections.empty(), Detections.empty()), []
    for _ in range(2):  # as `reconfigure` does for a camera whose source or rate differs, or that is on again
        chain = platform._chain("door", CameraConfig(source="door.mp4"), settings)
        for at in range(0, 400_000_000, 100_000_000):
            frame = chain.assemble(at, I420.black(160, 128), scene)
        names += [person.track for person in frame.of(Kind.PERSON)]
        assert chain.close() == names[-1:]
    first, second = names
    assert (first.number, second.number) == (1, 1)
    assert first != second
