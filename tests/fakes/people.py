"""Small factories for frames of people, their values and their stays in zones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pricing.value import Item, PersonValue, Price, Total
from probes.frame import Box, Detection, Frame, Kind, TrackId

START = 1_795_343_467_412_000_000
"""2026-11-22T10:31:07.412Z."""
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Visit:
    zone: str
    entered_at: int = START
    dwell_ms: int = 0


def track(number: int = 192, camera: str = "handbags") -> TrackId:
    return TrackId(camera, "k7f3", number)


def person(number: int | None = 192, x: float = 100, camera: str = "handbags") -> Detection:
    known = None if number is None else track(number, camera)
    return Detection(Kind.PERSON, "person", 0.9, Box(x, 50, 80, 200), known)


def frame(at: float = 0, *people: Detection, camera: str = "handbags") -> Frame:
    """A 640x480 frame `at` seconds after START."""
    return Frame(camera, START + int(at * SECOND), (640, 480), people, frozenset({Kind.PERSON}))


def value(*amounts: int | None, votes: int = 4, brand: str = "burberry") -> PersonValue:
    """A person wearing one thing per amount in cents; None is an unpriced thing."""
    items = tuple(
        Item(
            slot=f"slot{n}",
            type="handbag",
            brand=brand,
            confidence=0.83,
            votes=votes,
            price=None
            if amount is None
            else Price(amount, amount, amount, "EUR", "catalogue", date(2026, 11, 1)),
        )
        for n, amount in enumerate(amounts)
    )
    priced = [amount for amount in amounts if amount is not None]
    summed = sum(priced)
    return PersonValue(items, Total(summed, summed, summed, "EUR", len(priced), len(amounts) - len(priced)))
