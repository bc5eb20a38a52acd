"""A gallery as numbers, for another process that is not to decode and enrol its pictures again."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.marks.types import Emblem, Enrolled, Keypoints, Pattern, Route
from pipelines.brands.gallery import BrandSet
from pipelines.errors import BadInput
from pricing.brands.book import Brand, BrandBook
from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

NO_BRANDS = BrandSet(BrandBook(), (), ())
_KEYPOINTS = ("points", "sizes", "turns", "descriptors")


def to_npz(brands: BrandSet) -> bytes:
    """Return the brands and what they are enrolled with as a .npz file; without their folders."""
    arrays: dict[str, Any] = {}
    marks = []
    for number, one in enumerate(brands.enrolled):
        arrays[f"{number}"] = one.vectors
        for place, emblem in enumerate(one.emblems):
            for name in _KEYPOINTS:
                arrays[f"{number} {place} {name}"] = getattr(emblem.keypoints, name)
        if one.pattern is not None:
            arrays[f"{number} pattern"] = one.pattern.vectors
        marks.append(
            {
                "brand": one.brand,
                "aspects": [emblem.aspect for emblem in one.emblems],
                "routes": [route.value for route in one.routes],
                "threshold": one.threshold,
                "pattern": one.pattern and one.pattern.threshold,
            }
        )
    book = [asdict(brand) | {"slots": sorted(brand.slots)} for brand in brands.book]
    content = json.dumps({"book": book, "staff": sorted(brands.book.staff), "marks": marks})
    data = io.BytesIO()
    np.savez(data, told=np.frombuffer(content.encode(), np.uint8), **arrays)
    return data.getvalue()


def from_npz(data: bytes) -> BrandSet:
    """Return what was dumped; without sources. Any error is a mistake in the program."""
    with np.load(io.BytesIO(data), allow_pickle=False) as held:
        content = json.loads(held["told"].tobytes())
        enrolled = tuple(
            Enrolled(
                mark["brand"],
                held[f"{number}"],
                tuple(
                    _emblem(mark["brand"], aspect, [held[f"{number} {place} {name}"] for name in _KEYPOINTS])
                    for place, aspect in enumerate(mark["aspects"])
                ),
                frozenset(map(Route, mark["routes"])),
                mark["threshold"],
                Pattern(mark["brand"], held[f"{number} pattern"], needed)
                if (needed := mark.get("pattern")) is not None
                else None,
            )
            for number, mark in enumerate(content["marks"])
        )
    return BrandSet(BrandBook(map(_brand, content["book"]), content["staff"]), enrolled, ())


class GallerySnapshot:
    """What is handed to each new process: the newest brands that can be read. From any thread."""

    def __init__(self, read: Callable[[], BrandSet]) -> None:
        self._read = read
        self._reading = Outage(logger, "brands not loaded, the old ones stay", "brands can be read again")
        self.current = NO_BRANDS

    def data(self) -> bytes:
        """Read the brands, which may take seconds, and return them; a broken gallery keeps the old ones."""
        try:
            self.current = self._read()
            self._reading.recover()
        except BadInput as error:
            self._reading.fail(str(error).split("\n", 1)[0], cause=str(error))
        return to_npz(self.current)


def _emblem(brand: str, aspect: float, keypoints: list[Any]) -> Emblem:
    return Emblem(brand, Keypoints(*keypoints), aspect)


def _brand(said: dict[str, Any]) -> Brand:
    lists = {f.name: tuple(said[f.name]) for f in fields(Brand) if f.name not in {"name", "slots"}}
    return Brand(said["name"], slots=frozenset(said["slots"]), **lists)
