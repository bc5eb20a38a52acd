"""The inference thread with detectors that answer what a test tells them."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from engines.errors import InferenceFailed
from engines.image import I420
from engines.scene import Scene, TooMany
from engines.tracking import Tracker
from pipelines.cameras.latest import LatestPerCamera
from pipelines.cameras.source import RawFrame
from pipelines.cameras.states import CameraState
from pipelines.cpu.chain import CameraChain
from pipelines.cpu.inference import InferenceLoop
from probes.frame import Kind
from probes.metrics import Metrics
from probes.overlay.draw import Overlay
from probes.people.tracks import TrackBook
from probes.redaction.redact import RedactedFrame, Redactor
from tests.fakes.scene_detector import FakeSceneDetector, detections
from tests.fakes.traces import EveryTrace
from tests.waiting import wait_for

SECOND = 1_000_000_000


class Floor:
    def __init__(self) -> None:
        self.frames, self.ended, self.broken = [], [], set()

    def update(self, frame, answers, ended, votes=()):
        if frame.camera in self.broken:
            raise RuntimeError("a fault in what follows from a frame")
        self.frames.append(frame)
        return {}

    def held(self, camera):
        return []

    def quiet(self, camera, at, ended, *, absence=None):
        self.ended += ended


class NoLooks:
    def offer(self, frame, pixels):
        """Look at nothing."""

    def drain(self):
        return []

    def set_values(self, values):
        """Look at nothing."""


class Sink:
    def __init__(self) -> None:
        self.got: list[RedactedFrame] = []

    def wanted(self, camera):
        return True

    def publish(self, frame):
        self.got.append(frame)

    def close(self):
        """Nothing to close."""


class FakeCanary:
    alive = True

    def check_if_due(self):
        return self.alive


def chain(name: str) -> CameraChain:
    return CameraChain(
        name,
        labels=("person",),
        tracker=Tracker(confirm_hits=1),
        book=TrackBook(name, lambda _: "abcd", 2500),
        redactor=Redactor(method="solid", margin=0.2, hold_ms=500),
    )


class Rig:
    def __init__(self, *cameras: str) -> None:
        self.metrics = Metrics([state.value for state in CameraState])
        self.scenes = FakeSceneDetector(persons=[(20, 20, 60, 120)], faces=[(30, 22, 50, 44)])
        self.floor, self.sink, self.canary = Floor(), Sink(), FakeCanary()
        self.clock = [100.0]
        self.frames: LatestPerCamera[RawFrame] = LatestPerCamera()
        chains = {name: chain(name) for name in cameras}
        self.loop = InferenceLoop(
            frames=self.frames,
            scenes=self.scenes,
            chains=chains,
            floor=self.floor,
            looks=NoLooks(),
            overlay=Overlay(str),
            sinks=[self.sink],
            metrics=self.metrics,
            clock=lambda: self.clock[0],
            canary=self.canary,
        )
        self.number = 0

    def send(self, camera: str, second: float | None = None, size: tuple[int, int] = (160, 128)) -> None:
        self.number += 1
        at = int((self.number / 10 if second is None else second) * SECOND)
        self.frames.put(camera, RawFrame(camera, at, I420.black(*size)))

    def seen(self, camera: str, frames: int) -> None:
        """Send so many frames, each after the last one was published."""
        for number in range(1, frames + 1):
            self.send(camera)
            wait_for(lambda number=number: len(self.sink.got) == number)

    def dropped(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for metric in self.metrics.frames_dropped.collect():
            for sample in metric.samples:
                if sample.name.endswith("_total") and sample.value:
                    found[f"{sample.labels['camera']} {sample.labels['reason']}"] = int(sample.value)
        return found


@pytest.fixture
def rig():
    rig = Rig("door", "till")
    rig.loop.start()
    yield rig
    assert rig.loop.stop()


def test_frames_are_analysed_redacted_and_published(rig):
    rig.seen("door", 3)
    first, _, third = rig.sink.got
    assert first.masked["detector"] == 1
    assert str(third.frame.detections[0].track) == "abcd-0001"
    assert rig.loop.redacting(1)
    assert rig.loop.processed == {"door": 3, "till": 0}


def test_without_detections_nothing_leaves_and_every_frame_is_counted(rig):
    rig.scenes.errors[0] = InferenceFailed("no answer")
    rig.send("door")
    wait_for(lambda: rig.dropped() == {"door inference_failed": 1})
    rig.scenes.errors.clear()
    rig.send("door")
    wait_for(lambda: rig.sink.got)
    assert len(rig.floor.frames) == 1


def test_a_frame_that_cannot_be_masked_is_withheld_but_its_people_are_known(rig):
    rig.send("door", second=10)
    wait_for(lambda: rig.sink.got)
    rig.send("door", second=9)  # the redactor refuses a clock that goes back
    wait_for(lambda: rig.dropped() == {"door redaction_failed": 1})
    wait_for(lambda: len(rig.floor.frames) == 2)
    assert len(rig.sink.got) == 1
    assert rig.metrics.redaction_failures.labels("door")._value.get() == 1


def test_one_cameras_fault_touches_no_other(rig):
    rig.floor.broken.add("door")
    rig.send("door")
    rig.send("till")
    wait_for(lambda: rig.sink.got and rig.dropped() == {"door error": 1})
    assert [frame.frame.camera for frame in rig.sink.got] == ["till"]
    assert rig.loop.failed is None


def test_a_picture_that_cannot_be_analysed_costs_no_other_camera_its_frame(rig):
    rig.scenes.errors |= {1: InferenceFailed("a side is below 2"), 320: TooMany("more than one answer holds")}
    rig.send("door", size=(1, 128))
    rig.send("till")
    wait_for(lambda: rig.sink.got and rig.dropped() == {"door inference_failed": 1})
    rig.send("door", size=(320, 128))
    wait_for(lambda: rig.dropped()["door too_many_faces"] == 1)
    assert [frame.frame.camera for frame in rig.sink.got] == ["till"]


def test_a_frame_is_published_before_the_next_of_its_batch_is_known():
    rig = Rig("door", "till")
    known = rig.scenes.known[320] = threading.Event()
    rig.send("door")
    rig.send("till", size=(320, 128))
    rig.loop.start()
    wait_for(lambda: [frame.frame.camera for frame in rig.sink.got] == ["door"])
    known.set()
    wait_for(lambda: [frame.frame.camera for frame in rig.sink.got] == ["door", "till"])
    assert rig.loop.stop()


@pytest.mark.parametrize(("frame_s", "at_a_time"), [(0.03, 2), (0.06, 1)])
def test_two_are_begun_together_where_neither_grows_old_by_it(frame_s, at_a_time):
    rig = Rig("door", "till")
    start, begun = rig.scenes.start, []

    def start_slowly(pictures, wanted):
        begun.append(len(pictures))
        rig.clock[0] += frame_s * len(pictures)
        rig.send("door")
        rig.send("till")
        return start(pictures, wanted)

    rig.scenes.start = start_slowly
    rig.send("door")
    rig.send("till")
    rig.loop.start()
    wait_for(lambda: len(begun) > 20)
    assert rig.loop.stop()
    assert {*begun[10:]} == {at_a_time}


def test_no_frame_leaves_after_a_failed_self_check_not_even_one_under_work(rig):
    rig.seen("door", 2)
    rig.canary.alive = False
    rig.send("door")
    rig.send("till")
    wait_for(lambda: rig.dropped() == {"door self_check": 1, "till self_check": 1})
    assert len(rig.sink.got) == 2
    assert not rig.loop.redacting(60)
    rig.canary.alive = True
    rig.send("door")
    wait_for(lambda: len(rig.sink.got) == 3)
    assert rig.loop.redacting(60)


def test_what_is_under_work_when_the_self_check_fails_is_known_to_be_lost(rig):
    """Else who came with it would be taken as looked for, and stay open until the next look there."""
    start = rig.scenes.start

    def start_last(pictures, wanted):
        rig.canary.alive = False
        return start(pictures, wanted)

    rig.scenes.start = start_last
    rig.send("door")
    wait_for(lambda: rig.dropped() == {"door self_check": 1})
    assert rig.scenes.asked == {"drop": 1}


def test_a_doubtful_person_is_masked_and_nothing_else(rig):
    rig.scenes.scene = Scene(detections(), detections((40, 20, 80, 120), score=0.3), detections())
    rig.send("door")
    wait_for(lambda: rig.sink.got)
    (frame,) = rig.sink.got
    assert frame.masked["head_estimate"] == 1
    assert not frame.frame.of(Kind.PERSON)
    (seen,) = rig.floor.frames
    assert not seen.of(Kind.PERSON)


def between(rig: Rig, *milliseconds: int, pixels: I420 | None = None) -> None:
    for at in milliseconds:
        picture = pixels or I420.black(160, 128)
        rig.loop._between.put(RawFrame("door", at * SECOND // 1000, picture, wanted=False), "rate")


def test_frames_that_are_not_analysed_are_shown_between_those_that_are_in_order(rig):
    between(rig, 900)  # before the first
    rig.send("door", second=1)
    wait_for(lambda: len(rig.sink.got) == 1)
    between(rig, 1050, 1100, 1250)
    rig.send("door", second=1.2)
    wait_for(lambda: len(rig.sink.got) == 4)
    times = [shown.frame.captured_at * 1000 // SECOND for shown in rig.sink.got]
    assert times == [1000, 1050, 1100, 1200]
    assert all(shown.masks for shown in rig.sink.got)
    assert rig.dropped() == {"door rate": 1}
    assert rig.metrics.frames_between.labels("door", "rate")._value.get() == 2
    (told,) = rig.metrics.frames_between_latency.collect()
    assert {one.name[-6:]: one.value for one in told.samples if one.name.endswith("_count")} == {"_count": 2}
    assert len(rig.floor.frames) == 2, "nobody is counted on them"


def test_a_frame_between_that_is_not_explained_or_that_nobody_watches_is_dropped(rig):
    rig.send("door", second=1)
    wait_for(lambda: len(rig.sink.got) == 1)
    somebody = I420.black(160, 128)
    somebody.y[32:112, 96:144] = 200
    between(rig, 1100, pixels=somebody)
    rig.send("door", second=1.2)
    wait_for(lambda: len(rig.sink.got) == 2)
    rig.sink.wanted = lambda camera: False
    between(rig, 1300)
    rig.send("door", second=1.4)
    wait_for(lambda: rig.loop.processed["door"] == 3)
    assert len(rig.sink.got) == 2
    assert rig.dropped() == {"door rate": 2}


def test_a_fault_in_what_follows_loses_no_count_of_the_frames_between(rig):
    rig.send("door", second=1)
    wait_for(lambda: len(rig.sink.got) == 1)
    rig.floor.broken.add("door")
    between(rig, 1050, 1100)
    rig.send("door", second=1.2)
    wait_for(lambda: rig.dropped() == {"door rate": 2, "door error": 1})
    assert len(rig.sink.got) == 1


def test_frames_between_are_wanted_while_somebody_watches_and_frames_come_often(rig):
    found = []
    for number, (second, watched) in enumerate(
        [(1, True), (1.2, True), (1.8, True), (2.0, True), (2.2, False)]
    ):
        rig.sink.wanted = lambda camera, watched=watched: watched
        rig.send("door", second=second)
        wait_for(lambda number=number: rig.loop.processed["door"] == number + 1)
        found.append(rig.loop.shows_between("door"))
    assert found == [False, True, False, True, False]


def test_people_of_a_silent_camera_end_by_its_own_clock(rig):
    rig.seen("door", 3)
    assert rig.floor.ended == []
    rig.clock[0] += 5
    (ended,) = wait_for(lambda: rig.floor.ended)
    assert ended.camera == "door"


def test_a_loop_that_never_ran_stops():
    assert Rig("door").loop.stop()


def test_the_end_waits_for_what_is_under_work_and_begins_nothing_more():
    """At a store of eight cameras on two cores, the close look of one batch took longer than the stop may."""
    rig = Rig("door")
    start = rig.scenes.start

    def start_last(pictures, wanted):
        rig.loop.halt()
        return start(pictures, wanted)

    rig.scenes.start = start_last
    rig.loop.start()
    rig.send("door")
    wait_for(lambda: rig.scenes.asked["let_go"])
    assert rig.loop.stop()
    assert rig.scenes.asked == {"let_go": 1}
    assert rig.sink.got == []


def test_a_picture_of_an_old_connection_does_not_go_on_with_the_new_ones_masks():
    rig = Rig("door", "till")
    pictures = [RawFrame(camera, SECOND, I420.black(160, 128)) for camera in ("door", "till")]
    under_work = rig.loop._begin(pictures)
    rig.loop.reconfigure(["door"], {"door": chain("door")}, lambda _: None)
    rig.loop.reconfigure(["gone-already"], {}, lambda _: None)
    rig.loop._finish_batch(*under_work)
    assert [shown.frame.camera for shown in rig.sink.got] == ["till"]


def test_a_frames_trace_has_its_own_stages_in_their_order():
    rig, traces = Rig("door"), EveryTrace()
    rig.loop._feed._traces = traces
    rig.loop.start()
    rig.seen("door", 2)
    assert rig.loop.stop()
    names = ["detect", "track", "look", "redact", "floor", "price", "draw", "publish"]
    assert [(camera, [name for name, _, _ in stages]) for camera, stages in traces.taken] == [
        ("door", names)
    ] * 2
