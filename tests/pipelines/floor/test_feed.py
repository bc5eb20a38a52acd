"""What follows from a judged frame on either platform, against a clock of the test's own."""

from __future__ import annotations

from pipelines.cameras.states import CameraState
from pipelines.cameras.upright import ENOUGH, ON_SIDE, Finding
from pipelines.floor.feed import AWAY_AFTER_S, FloorFeed
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.metrics import Metrics

SECOND = 1_000_000_000
GONE = TrackId("door", "s", 1)


class Floor:
    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def update(self, frame, answers, ended, votes):
        self.calls.append(("update", frame.camera, list(answers), list(ended), list(votes)))
        return {GONE: "value"}

    def quiet(self, camera, at, ended, *, absence=None):
        self.calls.append(("quiet", camera, at, list(ended), *([absence.value] if absence else [])))

    def held(self, camera):
        return []


class Looks:
    def __init__(self) -> None:
        self.values = None

    def set_values(self, values):
        self.values = values


class Rig:
    def __init__(self, finite=frozenset()) -> None:
        self.now, self.wall_ns = 100.0, 1000 * SECOND
        self.floor, self.looks = Floor(), Looks()
        self.turned: list[tuple[str, Finding | None]] = []
        self.metrics = Metrics([state.value for state in CameraState])
        self.feed = FloorFeed(
            ["door", "till"],
            floor=self.floor,
            looks=self.looks,
            metrics=self.metrics,
            ended=lambda camera, at: [GONE] if camera == "door" else [],
            clock=lambda: self.now,
            now_ns=lambda: self.wall_ns,
            on_turned=lambda camera, found: self.turned.append((camera, found)),
            finite=lambda: finite,
        )

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


def frame(camera: str = "door", at: int = 999 * SECOND) -> Frame:
    return Frame(camera, at, (64, 48))


def test_floor_looks_and_counters_hear_of_a_frame():
    rig = Rig()
    assert rig.feed.update(frame(), ["answer"], [GONE], ["vote"]) == {GONE: "value"}
    rig.feed.redacted(frame(), {"face": 2, "head": 1}, everybody=True)
    rig.feed.published(frame())
    assert rig.floor.calls == [("update", "door", ["answer"], [GONE], ["vote"])]
    assert rig.looks.values == {GONE: "value"}
    assert rig.sample("msh_faces_redacted_total", camera="door", by="face") == 2
    assert rig.sample("msh_frames_everybody_masked_total", camera="door") == 1
    assert rig.sample("msh_frames_processed_total", camera="door") == 1
    assert rig.sample("msh_frame_latency_seconds_sum", camera="door") == 1
    assert rig.feed.processed == {"door": 1, "till": 0}


def test_who_lies_all_the_time_is_told_of_once_for_each_source():
    rig = Rig()
    lies = Detection(Kind.PERSON, "person", 0.9, Box(4, 20, 50, 20))
    for source in range(2):
        for number in range(2 * ENOUGH):
            rig.feed.update(Frame("door", (999 + 2 * ENOUGH * source + number) * SECOND, (64, 48), (lies,)))
        assert rig.turned.pop() == ("door", Finding(ON_SIDE))
        rig.feed.forget("door", ())
        assert rig.turned == [("door", None)] * (source + 1)


def test_redaction_is_fresh_only_as_long_as_asked():
    rig = Rig()
    assert not rig.feed.redacting(10)
    assert rig.feed.age_s("door") is None
    rig.feed.redacted(frame(), {}, everybody=False)
    rig.now += 4
    assert rig.feed.age_s("door") == 4
    assert rig.feed.redacting(4)
    assert not rig.feed.redacting(3.9)


def test_a_silent_cameras_time_passes_by_the_monotonic_clock():
    rig = Rig()
    rig.feed.update(frame())
    rig.feed.update(frame("till"))
    rig.now += 0.9
    rig.wall_ns += 3600 * SECOND  # the wall clock steps: nobody's time passes by that
    rig.feed.pass_time()
    assert len(rig.floor.calls) == 2
    rig.now += 0.6
    rig.feed.update(frame("till", 1001 * SECOND))
    rig.feed.pass_time()
    assert rig.floor.calls[3:] == [("quiet", "door", 999 * SECOND + 1_500_000_000, [])]


def test_who_was_in_view_of_a_camera_that_gives_no_picture_is_held():
    rig = Rig()
    rig.feed.update(frame())
    rig.now += AWAY_AFTER_S + 0.5
    rig.feed.pass_time()
    assert rig.floor.calls[1:] == [("quiet", "door", 1002 * SECOND, [GONE], "camera_lost")]


def test_who_was_in_view_where_a_film_ends_has_left():
    rig = Rig(finite={"door"})
    rig.feed.update(frame())
    for silent in (1.1, 2.6):
        rig.now = 100 + silent
        rig.feed.pass_time()
    assert [call[3:] for call in rig.floor.calls[1:]] == [([GONE],), ([GONE],)]


def test_who_was_in_view_before_a_gap_is_held_though_its_next_frame_comes_first():
    rig = Rig()
    rig.feed.update(frame())
    rig.feed.update(frame(at=1002 * SECOND), ended=[GONE])
    assert rig.floor.calls[1:] == [
        ("quiet", "door", 1002 * SECOND, [GONE], "camera_lost"),
        ("update", "door", [], [], []),
    ]
