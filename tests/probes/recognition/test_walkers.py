"""Who walks by beside somebody who stands: one slow worker, the real scheduler, history and ledger."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import inf

import pytest

from engines.image import I420
from pricing.ledger.ledger import Ledger
from pricing.ledger.votes import Vote
from pricing.value import Item, PersonValue, Total
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.recognition.look_history import LookHistory
from probes.recognition.look_scheduler import ROUND, LookRoom, LookScheduler, RateLimits
from probes.recognition.look_workers import LookResult, LookWorkers
from probes.recognition.reading import Recogniser
from probes.recognition.targets import targets_of
from tests.fakes.reader import FakeReader
from tests.waiting import wait_for

MS = 1_000_000
GAP_MS = 200
STANDS, WALKS = "burberry", "prada"


class Doors:
    """A counter where somebody stands for 17 s, an entrance where others walk by, as in the demo store.

    The one who walks by with a mark is in view for 11 s, and the mark for the last 7 of the first 8. Visits
    begin anew every 24 and 22.8 s, so that each moment of one meets each of the other. Looks take stand_ms
    and walk_ms; one in nine shows no mark. stands: the brand of who stands.
    """

    def __init__(self, stand_ms: int, walk_ms: int, stands: str | None = STANDS) -> None:
        self.took = {"counter": stand_ms, "entrance": walk_ms}
        self.brands = {1: stands, 2: None, 3: WALKS}
        self.history = LookHistory()
        self.scheduler = LookScheduler(RateLimits(), self.history)
        self.ledger = Ledger("EUR", lambda *_: None)
        self.now = self.looked = self.free_at = 0
        self.mean_s = 0.0
        self.read_until: tuple[int, Vote | None, TrackId] | None = None
        self.waiting: list[tuple[int, TrackId, float]] = []
        self.answers: list[tuple[TrackId, Vote | None]] = []
        self.came: dict[TrackId, int] = {}
        self.known: dict[TrackId, int] = {}

    def run(self, seconds: int) -> None:
        for tick, camera in product(range(0, seconds * 1000, GAP_MS), ("counter", "entrance")):
            self.now = tick + (GAP_MS // 2 if camera == "entrance" else 0)
            self._work()
            frame = Frame(camera, self.now * MS, (1280, 720), tuple(self._persons(camera)))
            for person in self.scheduler.pick(frame, None, self._room()):
                assert person.track
                self.history.begin(person.track)
                self.waiting.append((self.now, person.track, self.scheduler.stretch(person.track)))
                self._work()
            self._count(frame)

    def recognised(self, brand: str) -> tuple[int, int, float]:
        """Return how many of whom were recognised, and after how many seconds in the mean."""
        came = [track for track in self.came if self._brand(track) == brand]
        after = [self.known[track] - self.came[track] for track in came if track in self.known]
        return len(after), len(came), sum(after) / 1000 / len(after)

    def _persons(self, camera: str) -> list[Detection]:
        visit, at = divmod(self.now, 24_000 if camera == "counter" else 22_800)
        if camera == "counter":
            seen = [(1, Box(400, 130, 400, 580))] if 2000 <= at < 19_000 else []
        else:
            away = 1 - (at - 10_100) / 11_400
            seen = [(2, Box(900 - at / 20, 250, 190, 440))] if 1000 <= at < 7500 else []
            seen += [(3, Box(300, 320 * away, 75 + 100 * away, 94 + 300 * away))] if 0 < away <= 1 else []
        return [
            Detection(Kind.PERSON, "person", 0.9, box, TrackId(camera, "s", 10 * visit + n))
            for n, box in seen
        ]

    def _room(self) -> LookRoom:
        is_idle = self.read_until is None and not self.waiting
        return LookRoom(
            1 - len(self.waiting), is_idle, 1 / self.mean_s if self.mean_s else inf, len(self.waiting)
        )

    def _work(self) -> None:
        """Let the worker go on until now."""
        while True:
            if self.read_until is None and self.waiting:
                at, track, stretch = self.waiting.pop(0)
                end = max(self.free_at, at) + self.took[track.camera]
                self.read_until = end, self._read(at, track, stretch), track
            if self.read_until is None or self.read_until[0] > self.now:
                return
            self.free_at, vote, track = self.read_until
            self.read_until = None
            took_s = self.took[track.camera] / 1000
            self.mean_s = 0.7 * self.mean_s + 0.3 * took_s if self.mean_s else took_s
            self.history.add_seen(track, [vote.brand] if vote and vote.brand else [])
            self.history.read(track, answered=True)
            self.answers.append((track, vote))

    def _read(self, at: int, track: TrackId, stretch: float) -> Vote | None:
        brand, in_loop = self._brand(track), at % 22_800
        self.looked += 1
        if brand is None or self.looked % 9 == 0:
            return None
        if brand == WALKS and not 10_900 <= in_loop < 17_900:
            return None
        return Vote(str(at), "top", "top", brand, 0.9, at * MS, route="words", look=str(at), stretch=stretch)

    def _count(self, frame: Frame) -> None:
        for track, vote in self.answers:
            self.history.taken(track)
            self.ledger.observe(track, [vote] if vote else [])
        self.answers.clear()
        values = {p.track: self.ledger.value(p.track) for p in frame.of(Kind.PERSON) if p.track}
        self.history.set_confirmed(values)
        for track, value in values.items():
            self.came.setdefault(track, self.now)
            if any(item.brand for item in value.items):
                self.known.setdefault(track, self.now)

    def _brand(self, track: TrackId) -> str | None:
        return self.brands[track.number % 10]


@pytest.mark.parametrize(
    ("stand_ms", "walk_ms", "walks", "stands_s"),
    [(300, 120, 25, 1.8), (1000, 400, 24, 4.8), (2000, 600, 20, 10.0)],
)
def test_who_walks_by_is_recognised_and_who_stands_beside_is_so_no_later(
    stand_ms: int, walk_ms: int, walks: int, stands_s: float
) -> None:
    doors = Doors(stand_ms, walk_ms)
    doors.run(24 * 24)
    found, came, _ = doors.recognised(WALKS)
    assert (found >= walks, came) == (True, 25), found
    found, came, after_s = doors.recognised(STANDS)
    assert (found, came) == (24, 24)
    assert after_s <= stands_s


def test_who_walks_by_is_recognised_beside_who_stands_and_wears_no_mark() -> None:
    doors = Doors(2000, 600, stands=None)
    doors.run(24 * 24)
    found, came, _ = doors.recognised(WALKS)
    assert (found >= 18, came) == (True, 25), found


ANN = TrackId("c", "s", 1)


def person(number: int) -> Detection:
    return Detection(Kind.PERSON, "person", 0.9, Box(10, 10, 100, 300), TrackId("c", "s", number))


def first_of(history: LookHistory, looks: Counter[int], per_second: float = 2.0) -> int:
    """Return who of persons 1 and 2, after so many looks at each, has a busy worker's one place."""
    picker, now = LookScheduler(RateLimits(pause_ms=0), history), 0
    for number, count in looks.items():
        for _ in range(count):
            now += 400 * MS
            assert picker.pick(Frame("c", now, (800, 600), (person(number),)))
    frame = Frame("c", now + 400 * MS, (800, 600), (person(1), person(2)))
    (picked,) = picker.pick(frame, None, LookRoom(1, idle=False, per_second=per_second))
    assert picked.track
    return picked.track.number


@pytest.mark.parametrize(
    ("seen", "unread", "untaken", "first"),
    [(3, 1, 0, 2), (2, 2, 0, 2), (2, 1, 0, 1), (4, 0, 1, 2), (3, 0, 1, 1), (4, 0, 0, 1), (0, 4, 0, 1)],
)
def test_whose_looks_under_way_may_confirm_a_brand_lets_others_go_first(
    seen: int, unread: int, untaken: int, first: int
) -> None:
    history, looks = LookHistory(min_votes=4), Counter({1: max(seen, 2)})
    for _ in range(seen):
        history.add_seen(ANN, ["nike"])
    for _ in range(unread + untaken):
        history.begin(ANN)
    for _ in range(untaken):
        history.read(ANN, answered=True)
    assert first_of(history, looks) == first
    for _ in range(unread):
        history.read(ANN, answered=False)
    for _ in range(untaken):
        history.taken(ANN)
    assert first_of(history, looks) == 1, "nothing is under way: the next look decides"


def test_who_has_an_item_lets_others_go_first_who_had_a_round_that_told_nothing() -> None:
    history = LookHistory()
    item = Item("top", "jacket", "nike", 0.9, 4)
    history.set_confirmed({ANN: PersonValue((item,), Total(0, 0, 0, "EUR", 0, 1))})
    assert first_of(history, Counter({1: 4, 2: ROUND})) == 2
    assert first_of(history, Counter({1: 4, 2: 2 * ROUND})) == 1


@pytest.mark.parametrize(("looks", "per_second", "first"), [(3, 1.0, 2), (2, 1.0, 1), (3, 2.5, 1)])
def test_where_looks_are_slow_three_that_told_nothing_do_while_nothing_is_owed_and_somebody_had_none(
    looks: int, per_second: float, first: int
) -> None:
    history = LookHistory()
    assert first_of(history, Counter({1: looks}), per_second) == first
    history.add_seen(ANN, ["nike"])
    assert first_of(history, Counter({1: looks}), per_second) == 1, "the next look may decide"


@pytest.mark.parametrize("error", [None, RuntimeError("out of memory")])
def test_a_look_is_under_way_until_its_answer_is_taken_or_it_fails(error: Exception | None) -> None:
    reader, results = FakeReader(), list[LookResult]()
    reader.error = error
    reader.gate.clear()
    looks = LookWorkers(
        [Recogniser(reader)], targets_of({"nike": "Nike"}), on_result=results.append, min_votes=1
    )
    looks._history.add_seen(ANN, ["nike"])
    try:
        looks.offer(Frame("c", MS, (800, 600), (person(1),)), I420.black(800, 600))
        assert looks._history.is_settling(ANN)
        reader.gate.set()
        wait_for(lambda: results)
        assert looks._history.is_settling(ANN) == (error is None), "its answer is not counted yet"
        looks.drain()
        assert not looks._history.is_settling(ANN)
    finally:
        reader.gate.set()
        looks.close()
    assert results == [LookResult.FAILED if error else LookResult.NONE]
