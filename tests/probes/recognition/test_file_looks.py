from __future__ import annotations

from typing import Any

import pytest

from engines.image import I420
from engines.ocr.words import Word
from probes.frame import Box, Detection, Kind, TrackId
from probes.recognition.file_looks import MAX_PATIENT_LOOKS, SynchronousLooks
from probes.recognition.reading import Recogniser
from tests.fakes.reader import FakeReader
from tests.probes.recognition.test_look_workers import MS, NIKE, SOUGHT, frame


def test_the_crop_holds_the_bag_that_hangs_beside() -> None:
    bag = Detection(Kind.ACCESSORY, "handbag", 0.8, Box(170, 150, 30, 40))
    reader = FakeReader()
    SynchronousLooks(Recogniser(reader), SOUGHT).offer(frame(0, bag), I420.black(400, 300))
    assert reader.crops[0].width == 100


@pytest.mark.parametrize(
    ("second", "found"),
    [
        ((60.0, 20.0, 100.0, 30.0), 1),
        ((10.0, 34.0, 50.0, 44.0), 1),
        ((80.0, 20.0, 120.0, 30.0), 0),
        ((10.0, 90.0, 50.0, 100.0), 0),
    ],
)
def test_parts_of_a_brand_must_be_near_each_other(
    second: tuple[float, float, float, float], found: int
) -> None:
    reader = FakeReader(Word("CALVIN", 0.9, (10.0, 20.0, 50.0, 30.0)), Word("KLEIN", 0.8, second))
    looks = SynchronousLooks(Recogniser(reader), SOUGHT)
    looks.offer(frame(), I420.black(400, 300))
    (answer,) = looks.drain()
    assert [mark.brand for mark in answer.marks] == ["calvin klein"] * found


def test_looks_now_answer_at_once_every_so_often() -> None:
    looks = SynchronousLooks(Recogniser(FakeReader(NIKE)), SOUGHT)
    times = []
    for at in range(0, 1300, 100):
        looks.offer(frame(at), I420.black(400, 300))
        times += [answer.at // MS for answer in looks.drain()]
    assert times == [0, 400, 800, 1200]
    looks.offer(frame(2000, track=None), I420.black(400, 300))
    assert looks.drain() == []


def test_a_person_outside_the_picture_is_passed_over() -> None:
    looks = SynchronousLooks(Recogniser(FakeReader(NIKE)), SOUGHT)
    looks.offer(frame(), I420.black(90, 40))
    assert looks.drain() == []


def test_of_a_crowd_the_largest_are_read_first_and_the_rest_next_time() -> None:
    looks = SynchronousLooks(Recogniser(FakeReader(NIKE)), SOUGHT, max_looks=2)
    crowd = [
        Detection(Kind.PERSON, "person", 0.9, Box(10 * n, 20, 40, 100 + n), TrackId("c", "s", n))
        for n in range(2, 6)
    ]
    read = []
    for at in (0, 100):
        looks.offer(frame(at, *crowd), I420.black(400, 300))
        read.append(([answer.track.number for answer in looks.drain()], looks.left_out))
    assert read == [([1, 5], 3), ([4, 3], 1)]


def test_the_largest_few_of_a_picture_are_worth_patience_and_a_crowd_is_not() -> None:
    looked: list[tuple[int, bool]] = []

    class Noted(Recogniser):
        def read(self, look: Any, *args: Any, **more: Any) -> Any:
            looked.append((look.track.number, look.patient))
            return super().read(look, *args, **more)

    crowd = [
        Detection(Kind.PERSON, "person", 0.9, Box(10 * n, 20, 40, 100 + n), TrackId("c", "s", n))
        for n in range(2, MAX_PATIENT_LOOKS + 4)
    ]
    SynchronousLooks(Noted(FakeReader(NIKE)), SOUGHT).offer(frame(0, *crowd), I420.black(400, 300))
    assert len(looked) > MAX_PATIENT_LOOKS
    sizes = {
        person.track.number: person.box.area for person in frame(0, *crowd).of(Kind.PERSON) if person.track
    }
    largest = sorted(sizes, key=lambda number: -sizes[number])[:MAX_PATIENT_LOOKS]
    assert {number for number, is_patient in looked if is_patient} == set(largest)
