from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engines.free_memory import release_working_memory
from engines.image import I420
from engines.marks.types import Emblem, Keypoints
from engines.ocr.words import Word
from engines.paths import ROOT
from pricing.value import Item, PersonValue, Total
from probes.answers import LookAnswer, Worn
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.recognition.look_scheduler import RateLimits
from probes.recognition.look_workers import LookResult, LookWorkers
from probes.recognition.reading import Recogniser
from probes.recognition.targets import RecognitionTargets, targets_of
from tests.fakes.reader import FakeReader
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engines.marks.types import Route
    from probes.recognition.look import Look

MS = 1_000_000
SOUGHT = targets_of({"nike": "Nike", "calvin klein": "Calvin Klein"})
ANN = TrackId("c", "s", 1)
BOX = Box(101, 51, 80, 200)
NIKE = Word("NIKE", 0.9, (10.0, 20.0, 50.0, 30.0))
ALWAYS = RateLimits(per_second=1e6, min_interval_ms=0, pause_ms=0)


def frame(at_ms: int = 0, *more: Detection, track: TrackId | None = ANN) -> Frame:
    return Frame("c", at_ms * MS, (400, 300), (Detection(Kind.PERSON, "person", 0.9, BOX, track), *more))


class Bench:
    """A scheduler with one fake reader, and what it reported."""

    def __init__(self, *words: Word, limits: RateLimits = ALWAYS) -> None:
        self.reader = FakeReader(*words)
        self.results: list[LookResult] = []
        self.looks = LookWorkers(
            [Recogniser(self.reader)], SOUGHT, limits=limits, on_result=self.results.append
        )
        self.pixels = I420.black(400, 300)

    def offer(self, at_ms: int) -> None:
        self.looks.offer(frame(at_ms), self.pixels)

    def answers(self, count: int) -> list[LookAnswer]:
        found: list[LookAnswer] = []

        def enough() -> bool:
            found.extend(self.looks.drain())
            return len(found) >= count

        wait_for(enough)
        return found


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(NIKE)
    yield made
    made.reader.gate.set()
    made.looks.close()


def test_a_mark_comes_back_in_the_frame_s_pixels(bench: Bench) -> None:
    bench.offer(7)
    (answer,) = bench.answers(1)
    (mark,) = answer.marks
    assert (answer.track, answer.at) == (ANN, 7 * MS)
    assert (mark.brand, mark.confidence) == ("nike", 0.9)
    assert mark.box == Box(110, 70, 40, 10)
    wait_for(lambda: bench.results)  # counted after the answer is there
    assert bench.results == [LookResult.MARKS]


def test_an_answer_tells_how_rare_looks_at_its_person_are() -> None:
    rare, stretches = Bench(NIKE, limits=RateLimits(min_interval_ms=400)), []
    try:
        for at_ms in (0, 1000, 2000, 2500):
            rare.offer(at_ms)
            stretches += [answer.stretch for answer in rare.answers(1)]
    finally:
        rare.looks.close()
    assert stretches == pytest.approx([1.0, 2.5, 2.5, 2.125])


class Dresser(Recogniser):
    """Says that everybody wears a shirt, and notes whether it was asked."""

    def __init__(self) -> None:
        super().__init__(FakeReader())
        self.asked: list[bool] = []

    def read(
        self, look: Look, targets: RecognitionTargets, without: frozenset[Route] = frozenset()
    ) -> LookAnswer:
        self.asked.append(look.clothes)
        worn = (Worn("shirt", 0.9, Box(0, 0, 20, 20)),) if look.clothes else ()
        return LookAnswer(look.track, look.frame, (), worn)


def test_what_is_confirmed_of_somebody_is_asked_in_one_look_of_three() -> None:
    dresser = Dresser()
    looks = LookWorkers([dresser], SOUGHT, limits=ALWAYS)
    item = Item("top", "shirt", None, 0.9, 4)
    value = PersonValue((item,), Total(0, 0, 0, "EUR", 0, 1))
    found: list[LookAnswer] = []

    def look(at_ms: int) -> None:
        looks.offer(frame(at_ms), I420.black(400, 300))
        wait_for(lambda: bool(found.extend(looks.drain())) or len(found) == len(offered))

    offered: list[int] = []
    try:
        for at_ms in range(1, 10):
            offered.append(at_ms)
            look(at_ms)
            if at_ms == 3:
                looks.set_values({ANN: value})
    finally:
        looks.close()
    assert dresser.asked == [True] * 3 + [False, False, True] * 2


def test_only_the_person_s_crop_is_copied(bench: Bench) -> None:
    bench.reader.gate.clear()
    bench.offer(0)
    wait_for(lambda: bench.reader.crops)
    (crop,) = bench.reader.crops
    bench.pixels.y[:] = 255
    assert (crop.width, crop.height) == (81, 201)
    assert np.all(crop.y == 16)


def test_keypoints_are_left_out_of_looks_that_are_no_better_than_those_before() -> None:
    sought: list[int] = []
    emblem = Emblem("nike", Keypoints(*(np.zeros(s, np.float32) for s in ((0, 2), 0, 0, (0, 128)))), 1.0)

    def find(*_: object) -> list[Any]:
        sought.append(len(sought))
        return []

    targets = RecognitionTargets(SOUGHT.book, emblems=[emblem])
    looks = LookWorkers([Recogniser(FakeReader(), emblems=find)], targets, limits=ALWAYS)
    for number in range(7):  # the first is the best, then one in three
        looks.offer(frame(number), I420.black(400, 300))
        wait_for(looks.drain)
    looks.close()
    assert len(sought) == 3


def test_a_slow_reader_is_asked_for_one_look_ahead_and_blocks_nobody(bench: Bench) -> None:
    bench.reader.gate.clear()
    bench.offer(0)
    wait_for(lambda: bench.reader.crops)
    for at in range(1, 10):
        bench.offer(at)
    assert (bench.looks.depth, bench.looks.room.looks) == (1, 0)
    bench.reader.gate.set()
    assert [answer.at // MS for answer in bench.answers(2)] == [0, 1]
    bench.offer(20)
    assert [answer.at // MS for answer in bench.answers(1)] == [20]
    assert LookResult.DROPPED not in bench.results


def test_a_crashing_reader_does_not_end_the_worker(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    bench.reader.error = RuntimeError("out of memory")
    for at in range(3):
        bench.offer(at)
        wait_for(lambda at=at: len(bench.results) == at + 1)
    assert set(bench.results) == {LookResult.FAILED}
    bench.reader.error = None
    bench.offer(9)
    bench.answers(1)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


SLOW_END = """
import sys, threading, time
from engines.image import I420
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.recognition import look_workers
from probes.recognition.reading import Recogniser
from probes.recognition.targets import targets_of

look_workers.STOP_S = 0.01
begun = threading.Event()

class Loading(Recogniser):
    def read(self, *_):
        begun.set()
        time.sleep(1)
        print("loaded", flush=True)
        raise RuntimeError

person = Detection(Kind.PERSON, "person", 0.9, Box(10, 10, 80, 200), TrackId("c", "s", 1))
looks = look_workers.LookWorkers([Loading()], targets_of({"nike": "Nike"}))
looks.offer(Frame("c", 0, (400, 300), (person,)), I420.black(400, 300))
begun.wait(300)
looks.close()
print("closed", flush=True)
"""


def test_a_process_does_not_end_under_a_look_that_loads_models() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SLOW_END], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.split() == ["closed", "loaded"]


def test_models_are_let_go_when_nobody_came_for_long_and_come_again() -> None:
    class Counted(Recogniser):
        released = 0

        def release(self) -> None:
            super().release()
            self.released += 1

    recogniser = Counted(FakeReader(NIKE))
    looks = LookWorkers([recogniser], SOUGHT, limits=ALWAYS, quiet_s=0.0)
    for at in range(2):
        looks.offer(frame(at), I420.black(400, 300))
        wait_for(lambda at=at: recogniser.released == at + 1)
        assert len(looks.drain()) == 1
    looks.close()
    assert recogniser.released == 2


def test_new_brands_are_used_at_once_and_none_at_all_stops_looking(bench: Bench) -> None:
    bench.looks.set_targets(targets_of({"gucci": "Gucci"}))
    bench.offer(0)
    assert bench.answers(1)[0].marks == ()
    wait_for(lambda: bench.results)
    assert bench.results == [LookResult.NONE]
    bench.looks.set_targets(targets_of({}))
    bench.offer(1)
    assert bench.looks.depth == 0
    assert len(bench.reader.crops) == 1


@pytest.mark.parametrize("offers", [0, 1, 6])
def test_closes_from_every_state(bench: Bench, offers: int) -> None:
    for at in range(offers):
        bench.offer(at)
    bench.looks.close()
    bench.looks.close()
    bench.offer(99)
    assert not [t for t in threading.enumerate() if t in bench.looks._threads]


def test_a_pause_gives_free_memory_to_the_system_before_the_models_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happened: list[str] = []

    class Request:
        def get_compiled_model(self) -> Request:
            return self

        def release_memory(self) -> None:
            happened.append("work")

    request = Request()

    class Model(Recogniser):
        def read(
            self, look: Look, targets: RecognitionTargets, without: frozenset[Route] = frozenset()
        ) -> LookAnswer:
            release_working_memory(request)
            return super().read(look, targets, without)

        def release(self) -> None:
            happened.append("models")

    path = "probes.recognition.look_workers.release_free_memory"
    monkeypatch.setattr(path, lambda: happened.append("memory"))
    monkeypatch.setattr("probes.recognition.look_workers.REST_S", 0.0)
    for quiet_s, expected in (
        (3600.0, ["work", "memory"]),
        (0.0, ["work", "memory", "models", "memory"]),
    ):
        count = len(expected)
        happened.clear()
        looks = LookWorkers([Model(FakeReader(NIKE))], SOUGHT, limits=ALWAYS, quiet_s=quiet_s)
        looks.offer(frame(), I420.black(400, 300))
        wait_for(lambda count=count: len(happened) >= count)
        looks.close()
        assert happened == expected


def test_looks_that_never_rest_give_free_memory_back_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.recognition.look_workers.REST_S", 3600.0)
    now, trimmed = [0.0], list[float]()
    monkeypatch.setattr("probes.recognition.look_workers.release_free_memory", lambda: trimmed.append(now[0]))
    looks = LookWorkers(
        [Recogniser(FakeReader(NIKE))], SOUGHT, limits=ALWAYS, clock=lambda: now[0], quiet_s=3600.0
    )
    for number, now[0] in enumerate((1.0, 59.0, 61.0, 100.0, 122.0)):
        looks.offer(frame(number), I420.black(400, 300))
        wait_for(looks.drain)
        wait_for(lambda: looks.room.idle)
    wait_for(lambda: len(trimmed) == 2)
    looks.close()
    assert trimmed == [61.0, 122.0]
