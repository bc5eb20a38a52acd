"""Marks that are proposed from recordings: worn again and again, on garments, by several persons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engines.image import I420
from engines.marks.types import VECTOR, Candidates
from pipelines.brands import learning
from pipelines.brands.learning import MarkCollector, without_faces
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.redaction.redact import Redactor

if TYPE_CHECKING:
    from probes.redaction.redact import RedactedFrame

S = 1_000_000_000


def vector(number: int) -> np.ndarray:
    return np.eye(VECTOR, dtype=np.float32)[number]


class Finder:
    """Finds one mark of 40 px at a place of each crop."""

    def __init__(self, place: tuple[float, float] = (50, 120), number: int = 0, score: float = 0.9) -> None:
        self.place, self.number, self.score = place, number, score

    def find(self, picture: object) -> Candidates:
        x, y = self.place
        boxes = np.array([[x, y, x + 40, y + 40]], np.float32)
        return Candidates(boxes, np.array([self.score], np.float32), vector(self.number)[None])


class Clothes:
    """Sees a shirt on all of somebody, but for the edge of the crop."""

    is_person = True

    def parse(self, crop: I420) -> Clothes:
        return self

    def at(self, box: tuple[float, float, float, float]) -> str | None:
        return "shirt" if box[0] > 10 else None


class KnownMarks:
    def margins(self, vectors: np.ndarray) -> np.ndarray:
        """Say of mark number 9 that it is nearly a brand's."""
        return np.where(vectors[:, 9] > 0, -0.05, -0.3)


def masked(person: int, left: float = 100.0) -> RedactedFrame:
    body = Detection(Kind.PERSON, "person", 0.9, Box(left, 20, 150, 300), TrackId("c", "p", person))
    face = Detection(Kind.FACE, "face", 0.9, Box(left + 50, 25, 30, 40))
    frame = Frame("c", 0, (640, 360), (body, face), frozenset({Kind.PERSON, Kind.FACE}))
    return Redactor(method="solid", margin=0.2, hold_ms=0).redact(frame, I420.black(640, 360))


def collected(*seen: tuple[int, float, int], finder: Finder | None = None) -> MarkCollector:
    """Collect (person, left edge of the person, second)."""
    collector = MarkCollector(finder or Finder(), Clothes(), KnownMarks())
    for person, left, second in seen:
        collector.add("a.mp4", second * S, masked(person, left))
    return collector


def test_what_several_persons_wore_at_several_places_is_proposed() -> None:
    collector = collected((1, 100, 0), (1, 120, 1), (2, 300, 5), (3, 200, 9))
    (group,) = collector.groups(wearers=3)
    assert (group.count, len(group.wearers), len(group.sights)) == (4, 3, 3)
    assert {sight.type for sight in group.sights} == {"shirt"}
    assert group.sights[0].crop.shape[0] >= 40
    assert collector.groups(wearers=4) == []


@pytest.mark.parametrize(
    ("seen", "finder"),
    [
        ([(1, 100, 0), (2, 100, 5), (3, 101, 9)], Finder()),
        ([(1, 100, 0), (2, 300, 5), (3, 200, 9)], Finder(place=(0, 120))),
        ([(1, 100, 0), (2, 300, 5), (3, 200, 9)], Finder(place=(50, 10))),
        ([(1, 100, 0), (2, 300, 5), (3, 200, 9)], Finder(number=9)),
        ([(1, 100, 0), (2, 300, 5), (3, 200, 9)], Finder(score=0.2)),
    ],
    ids=["stands still, as a sign", "off the clothes", "under a mask", "a brand's", "hardly a mark"],
)
def test_what_is_no_unknown_worn_mark_is_not_proposed(seen, finder) -> None:
    assert collected(*seen, finder=finder).groups(wearers=1) == []


def test_a_person_is_looked_at_once_a_second() -> None:
    collector = MarkCollector(Finder(), Clothes(), None)
    for tick in range(25):
        collector.add("a.mp4", tick * S // 5, masked(1))
    assert collector.sights == 5


def test_groups_are_bounded_and_what_one_wore_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "MAX_GROUPS", 3)
    finder = Finder()
    collector = MarkCollector(finder, Clothes(), None)
    for person, number in enumerate([0, 0, 1, 2, 3, 4, 0]):
        finder.number = number
        collector.add("a.mp4", 0, masked(person, 20.0 * person))
    (group,) = collector.groups(wearers=2)
    assert group.count == 3


def test_pictures_with_a_face_are_left_out_and_groups_of_them_alone() -> None:
    groups = collected((1, 100, 0), (2, 300, 5)).groups(wearers=1)
    keep = iter([True, False])
    (left,) = without_faces(groups, lambda _: next(keep))
    assert len(left.sights) == 1
    assert without_faces([left], lambda _: True) == []
