from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.value import Item, PersonValue, Total
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.recognition.look_history import LookHistory
from probes.recognition.look_scheduler import (
    EXTRA_ROUNDS,
    ROUND,
    LookRoom,
    LookScheduler,
    RateLimits,
)

MS = 1_000_000


def person(number: int | None, camera: str = "c", height: float = 300) -> Detection:
    track = None if number is None else TrackId(camera, "s", number)
    return Detection(Kind.PERSON, "person", 0.9, Box(10, 10, 100, height), track)


def frame(at_ms: int, *persons: Detection, camera: str = "c") -> Frame:
    return Frame(camera, at_ms * MS, (800, 600), persons)


def looks(
    picker: LookScheduler, persons: list[Detection], *, seconds: float, fps: int = 10, start: int = 0
) -> Counter[int]:
    counts: Counter[int] = Counter()
    for i in range(int(seconds * fps)):
        for picked in picker.pick(frame(start + i * 1000 // fps, *persons)):
            assert picked.track
            counts[picked.track.number] += 1
    return counts


def test_one_person_is_looked_at_at_the_interval_for_a_round_then_after_a_pause() -> None:
    picker = LookScheduler(RateLimits(min_interval_ms=400, pause_ms=2000))
    person_ = person(1)
    times = [at for at in range(0, 12_000, 100) if picker.pick(frame(at, person_))]
    assert times == [*range(0, 2400, 400), *range(4000, 6400, 400), *range(10_000, 12_000, 400)]


@pytest.mark.parametrize(("every_ms", "stretch"), [(100, 1.0), (400, 1.0), (1000, 2.5), (4000, 10.0)])
def test_who_is_looked_at_more_rarely_than_may_be_has_votes_that_count_for_longer(every_ms, stretch) -> None:
    picker, ann = LookScheduler(RateLimits(min_interval_ms=400, pause_ms=2000)), person(1)
    assert picker.stretch(ann.track) == 1.0
    looked = [at for at in range(0, 60_000, every_ms) if picker.pick(frame(at, ann))]
    assert len(looked) > ROUND
    assert picker.stretch(ann.track) == stretch


def test_coming_nearer_ends_the_pause() -> None:
    picker = LookScheduler(RateLimits())
    assert looks(picker, [person(1, height=100)], seconds=3)[1] == ROUND
    assert picker.pick(frame(3000, person(1, height=300)))


def worn(*brands: str) -> PersonValue:
    items = tuple(Item(f"slot{n}", "top", brand, 0.9, 4) for n, brand in enumerate(brands))
    return PersonValue(items, Total(0, 0, 0, "EUR", 0, len(items)))


@pytest.mark.parametrize(("factor", "earns"), [(1.0, False), (1.5, False), (4.0, True)])
def test_a_clearly_sharper_crop_ends_the_pause(factor: float, earns: bool) -> None:
    picker, ann = LookScheduler(RateLimits()), person(1)
    for at in range(0, 2400, 100):
        picker.pick(frame(at, ann), lambda _: 100.0)
    picked = [at for at in range(2500, 3500, 100) if picker.pick(frame(at, ann), lambda _: 100.0 * factor)]
    assert bool(picked) == earns


def test_the_first_look_and_clearly_better_ones_are_the_best() -> None:
    picker, ann, best = LookScheduler(RateLimits()), TrackId("c", "s", 1), []
    for number, height in enumerate((200, 210, 300, 300, 200)):
        assert picker.pick(frame(number * 1000, person(1, height=height)))
        best.append(picker.is_best(ann))
    assert best == [True, False, True, False, False]
    assert not picker.is_best(TrackId("c", "s", 2))


def test_somebody_no_longer_hidden_is_looked_at_again() -> None:
    picker, ann = LookScheduler(RateLimits()), person(1)
    ahead = Detection(Kind.PERSON, "person", 0.9, Box(50, 20, 100, 330), TrackId("c", "s", 2))
    for at in range(0, 2400, 100):
        picker.pick(frame(at, ann, ahead))
    again = [p for at in range(2500, 3500, 100) for p in picker.pick(frame(at, ann))]
    assert again


def test_sharpness_is_measured_seldom() -> None:
    picker, asked = LookScheduler(RateLimits()), []
    crowd = [person(number) for number in range(1, 11)]
    for at in range(0, 10_000, 100):
        picker.pick(frame(at, *crowd), lambda box: asked.append(box) or 100.0)
    assert len(asked) <= 10 * (10_000 / 400 + 1)


@pytest.mark.parametrize(("confirmed", "rounds"), [((), 1 + EXTRA_ROUNDS), (("nike",), 1)])
def test_a_brand_seen_and_not_confirmed_earns_more_looks_but_not_for_ever(
    confirmed: tuple[str, ...], rounds: int
) -> None:
    history = LookHistory()
    picker, ann = LookScheduler(RateLimits(pause_ms=60_000), history), person(1)
    history.add_seen(TrackId("c", "s", 1), ["nike"])
    history.set_confirmed({TrackId("c", "s", 1): worn(*confirmed)})
    assert looks(picker, [ann], seconds=20)[1] == ROUND * rounds


def test_those_with_nothing_confirmed_come_before_those_with_much() -> None:
    history = LookHistory()
    picker = LookScheduler(RateLimits(per_second=3, pause_ms=0), history)
    crowd = [person(number) for number in range(1, 9)]
    history.set_confirmed({TrackId("c", "s", n): worn("nike", "levis", "vans") for n in range(1, 5)})
    counts = looks(picker, crowd, seconds=12)
    assert min(counts[n] for n in range(5, 9)) > max(counts[n] for n in range(1, 5))


def test_findings_are_bounded_and_forgotten_with_the_track() -> None:
    history = LookHistory()
    picker = LookScheduler(RateLimits(), history)
    for number in range(5000):
        history.add_seen(TrackId("c", "s", number), ["nike"])
        history.set_confirmed({TrackId("c", "s", number): worn("nike")})
    assert len(history._seen) == len(history._worn) <= 1024
    last = TrackId("c", "s", 4999)
    picker.pick(frame(0, person(4999)))
    assert history.of(last) == (1, False)
    picker.pick(frame(10**7, person(1)))
    assert history.of(last) == (0, False)


@pytest.mark.parametrize("seen", [person(None), person(1, height=79)])
def test_the_unconfirmed_and_the_small_are_not_looked_at(seen: Detection) -> None:
    picker = LookScheduler(RateLimits())
    assert picker.pick(frame(0, seen)) == []
    assert len(picker) == 0


@pytest.mark.parametrize("fps", [5, 10, 30])
def test_a_crowd_is_served_in_turn_within_the_budget(fps: int) -> None:
    picker = LookScheduler(RateLimits(per_second=8))
    crowd = [person(number) for number in range(1, 41)]
    early = looks(picker, crowd, seconds=4, fps=fps)
    assert sum(early.values()) <= 8 * 4 + 2
    assert sum(count >= 4 for count in early.values()) >= 3
    late = looks(picker, crowd, seconds=40, fps=fps, start=4000)
    assert sum(late.values()) <= 8 * 40 + 2
    assert all(early[number] + late[number] >= 4 for number in range(1, 41))


def test_a_newcomer_on_another_camera_goes_before_those_looked_at_often() -> None:
    picker = LookScheduler(RateLimits(per_second=4, pause_ms=0))
    crowd = [person(number) for number in range(1, 11)]
    looks(picker, crowd, seconds=60)
    new = person(99, "d")
    count = 0
    for at in range(60_000, 63_000, 100):
        picker.pick(frame(at, *crowd))
        count += len(picker.pick(frame(at + 50, new, camera="d")))
    assert count >= 4


@given(st.lists(st.tuples(st.integers(0, 300), st.sets(st.integers(1, 30))), max_size=60))
def test_the_budget_holds_whoever_comes(steps: list[tuple[int, set[int]]]) -> None:
    picker = LookScheduler(RateLimits(per_second=5))
    at = total = 0
    for step, numbers in steps:
        at += step
        total += len(picker.pick(frame(at, *(person(number) for number in sorted(numbers)))))
    assert total <= 2 + at / 1000 * 5


def test_tracks_long_gone_are_forgotten() -> None:
    picker = LookScheduler(RateLimits())
    for number in range(1, 101):
        picker.pick(frame(number * 10_000, person(number)))
    assert len(picker) <= 13


def test_a_clock_set_back_does_not_stop_the_looks() -> None:
    picker = LookScheduler(RateLimits())
    picker.pick(frame(10**9, person(1)))
    assert picker.pick(frame(0, person(1)))


class Shop:
    """One worker that takes `look_ms` for each look, people who come and go, a frame every 100 ms."""

    def __init__(self, look_ms: int) -> None:
        self.look_ms, self.met = look_ms, Counter[bool]()
        self.picker = LookScheduler(RateLimits(), on_owed=lambda met: self.met.update([met]))
        self.at = self.busy_until = 0
        self.waiting = 0
        self.looks: dict[int, list[int]] = {}
        self.left_over = 0

    def room(self) -> LookRoom:
        idle = self.at >= self.busy_until
        return LookRoom(1 - self.waiting, idle and not self.waiting, 1000 / self.look_ms)

    def run(self, seconds: float, *cameras: list[Detection]) -> None:
        for tick in range(int(seconds * 10)):
            for number, persons in enumerate(cameras):
                self.at += 100 // len(cameras)
                if self.waiting and self.at >= self.busy_until:
                    self.waiting, self.busy_until = 0, self.at + self.look_ms
                room = self.room()
                now = frame(self.at, *persons, camera=f"c{number}")
                picked = self.picker.pick(now, room=room)
                assert len(picked) <= room.looks, tick
                for one in picked:
                    assert one.track
                    self.looks.setdefault(one.track.number, []).append(self.at)
                    if self.at >= self.busy_until:
                        self.busy_until = self.at + self.look_ms
                    else:
                        self.waiting += 1


@pytest.mark.parametrize(("people", "look_ms"), [(1, 300), (4, 300), (5, 250), (8, 150)])
def test_each_person_has_six_looks_in_ten_seconds_where_the_worker_can_do_that(people, look_ms):
    shop = Shop(look_ms)
    shop.run(
        10.2,
        [person(n, "c0") for n in range(1, people + 1, 2)],
        [person(n, "c1") for n in range(2, people + 1, 2)],
    )
    assert [len([at for at in shop.looks[n] if at <= 10_000]) >= 6 for n in range(1, people + 1)] == [
        True
    ] * people
    assert shop.met == {True: people}


def test_where_frames_come_once_a_second_each_one_gives_as_many_looks_as_the_worker_manages_by_the_next():
    picker, waiting, looks = LookScheduler(RateLimits()), 0, Counter[int]()
    for second in range(1, 13):
        for one in picker.pick(
            frame(second * 1000, *(person(n) for n in range(1, 4))),
            room=LookRoom(1, idle=True, per_second=3.5, waiting=waiting),
        ):
            looks[one.track.number] += 1
    assert min(looks[n] for n in range(1, 4)) >= 6


def test_a_slow_worker_serves_some_people_closely_and_one_after_the_other():
    shop = Shop(look_ms=400)
    shop.run(30, [person(n, "c0") for n in range(1, 13)])
    rounds = [shop.looks[n][ROUND - 1] - shop.looks[n][0] for n in shop.looks if len(shop.looks[n]) >= ROUND]
    assert len(rounds) >= 8
    assert sorted(rounds)[len(rounds) // 2] <= 4000, "close enough together for votes in one window"
    assert min(shop.met[False], shop.met[True]) > 0


def test_who_waits_longest_comes_before_who_is_seen_best():
    picker = LookScheduler(RateLimits())
    none, one = LookRoom(0, idle=False, per_second=2), LookRoom(1, idle=True, per_second=2)
    small, large = person(1, height=100), person(2, height=500)
    for at in range(0, 3600, 100):
        assert picker.pick(frame(at, small), room=none) == []
    assert picker.pick(frame(3600, small, large), room=one) == [small]


def test_what_is_owed_ends_with_an_item_or_six_looks():
    met: list[bool] = []
    history = LookHistory()
    picker = LookScheduler(RateLimits(), history, met.append)
    none = LookRoom(0, idle=False, per_second=2)
    for at in range(0, 20_100, 100):
        picker.pick(frame(at, person(1)), room=none)
    assert met == [False] * 7  # at 10 s, and every 1.67 s from then on
    history.set_confirmed({TrackId("c", "s", 1): worn("nike")})
    for at in range(20_100, 30_000, 100):
        picker.pick(frame(at, person(1)), room=none)
    assert len(met) == 7
    met.clear()
    for at in range(30_000, 60_000, 100):
        picker.pick(frame(at, person(2)))
    assert set(met) == {True}, "again and again, as misses are: their share is one of people"
    assert len(met) == 12


def test_who_has_an_item_after_ten_seconds_has_got_what_was_owed_once():
    met: list[bool] = []
    history = LookHistory()
    picker = LookScheduler(RateLimits(), history, met.append)
    history.set_confirmed({TrackId("c", "s", 1): worn("nike")})
    for at in range(0, 9_000, 100):
        picker.pick(frame(at, person(1)))
    assert met == []
    for at in range(9_000, 30_000, 100):
        picker.pick(frame(at, person(1)))
    assert met == [True]


@pytest.mark.parametrize(("every_ms", "counts"), [(100, True), (1500, True), (3000, False)])
def test_time_in_view_counts_on_a_slow_camera_and_not_while_nobody_was_seen(every_ms, counts):
    met: list[bool] = []
    picker = LookScheduler(RateLimits(), on_owed=met.append)
    for at in range(0, 30_000, every_ms):
        picker.pick(frame(at, person(1)), room=LookRoom(0, idle=False, per_second=2, waiting=4))
    assert (False in met) == counts
