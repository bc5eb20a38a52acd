"""Routes of looks that say what they are told to, and can be made to fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engines.marks.types import Candidates, Route, Sighting

if TYPE_CHECKING:
    from collections.abc import Sequence


def sighting(brand: str = "swoosh", route: Route = Route.SYMBOL, confidence: float = 0.9) -> Sighting:
    return Sighting(brand, confidence, (10.0, 20.0, 50.0, 60.0), route, 0.8)


class FakeFinder:
    """Finds nothing, which FakeGallery takes for anything."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.calls = 0

    def find(self, picture: Any) -> Candidates:
        self.calls += 1
        if self.error is not None:
            raise self.error
        none = np.zeros((0, 4), np.float32)
        return Candidates(none, none[:, 0], np.zeros((0, 128), np.float32))


class FakeGallery:
    def __init__(self, *seen: Sighting) -> None:
        self.seen = list(seen)

    def sightings(self, candidates: Candidates, again: Any = None) -> list[Sighting]:
        return self.seen


class FakeEmblems:
    """What find_emblems is to a recogniser."""

    def __init__(self, *seen: Sighting) -> None:
        self.seen = list(seen)
        self.error: Exception | None = None
        self.places: list[Any] = []

    def __call__(self, picture: Any, emblems: Sequence[Any], *, places: Any = None) -> list[Sighting]:
        self.places.append(places)
        if self.error is not None:
            raise self.error
        return self.seen
