from __future__ import annotations

import pytest

from engines.marks.types import Route, Sighting
from pricing.brands.book import Brand, BrandBook
from probes.frame import Box, Frame, TrackId
from probes.recognition.marks import MAX_TRACKS, MarkStream, marks_of

MS = 1_000_000
BOOK = BrandBook([Brand("Swoosh", slots=frozenset({"shoes"})), Brand("Three Stripes")])
ANN = TrackId("c", "s", 1)


def seen(brand: str = "swoosh", confidence: float = 0.8) -> Sighting:
    return Sighting(brand, confidence, (10.0, 20.0, 34.0, 40.0), Route.SYMBOL, 0.7)


def frame(at_ms: int) -> Frame:
    return Frame("c", at_ms * MS, (800, 600))


def test_a_sighting_is_a_mark_in_the_frame_with_its_route_and_slots() -> None:
    (mark, other) = marks_of([seen(), seen("three stripes", 1.2)], BOOK, 100, 50)
    assert (mark.box, mark.route, mark.slots) == (Box(110, 70, 24, 20), Route.SYMBOL, {"shoes"})
    assert (other.confidence, other.slots) == (1.0, None)


@pytest.mark.parametrize("fps", [5, 10, 30])
def test_the_frame_rate_does_not_decide_how_often_a_person_answers(fps: int) -> None:
    stream = MarkStream(400)
    answers = [stream.take(frame(i * 1000 // fps), ANN, [seen()], BOOK) for i in range(4 * fps)]
    given = [a.at // MS for a in answers if a]
    assert 9 <= len(given) <= 10
    assert given[0] == 0


def test_persons_do_not_wait_for_each_other_and_are_forgotten() -> None:
    stream = MarkStream()
    for number in range(2 * MAX_TRACKS):
        assert stream.take(frame(0), TrackId("c", "s", number), [], BOOK)
    assert len(stream._taken) == MAX_TRACKS
    assert not stream.due(TrackId("c", "s", number), 100 * MS)
    assert stream.due(TrackId("c", "s", 0), 100 * MS)
