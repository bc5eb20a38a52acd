"""The recogniser of looks, with every route that this product has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.manifest import GARMENTS
from probes.recognition.reading import Patience, Recogniser

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines.colour import Bgr
    from engines.marks.network import MarkFinder
    from engines.marks.types import Candidates, Route
    from engines.ocr.reader import WordReader


class LateFinder:
    """A MarkFinder that loads its model at the first look: where the GPU finds marks, that never comes.

    patient: nobody waits: a large picture is looked at in many more parts.
    """

    def __init__(self, *, patient: bool = False) -> None:
        self._patient = patient
        self._finder: MarkFinder | None = None

    def find(self, picture: Bgr) -> Candidates:
        """Return candidates in pixels of the picture; raises BadInput where the model cannot be loaded."""
        if self._finder is None:
            from engines.marks import network  # noqa: PLC0415 loads OpenVINO

            views = network.PICTURE_VIEWS if self._patient else network.LIVE_VIEWS
            self._finder = network.MarkFinder(max_views=views)
        return self._finder.find(picture)


def build_sight(garments: str) -> Recogniser:
    """Return what only sees garments; BadInput where the model is amiss."""
    from engines.garments.parser import GarmentParser  # noqa: PLC0415 loads OpenVINO

    return Recogniser(garments=GarmentParser(model=garments))


def build_recogniser(
    on_error: Callable[[Route], None], *, patient: bool = False, garments: str | None = GARMENTS
) -> Recogniser:
    """Return what reads words, symbols and emblems, and sees garments; BadInput where a model is amiss.

    patient: for single pictures, see LateFinder. garments: the model that sees them; None for none.
    """
    from engines.garments.parser import GarmentParser  # noqa: PLC0415 loads OpenVINO
    from engines.marks.emblems import find_emblems  # noqa: PLC0415 loads OpenCV
    from engines.ocr.reader import WordReader  # noqa: PLC0415 loads its models

    words = WordReader()
    return Recogniser(
        words,
        LateFinder(patient=patient),
        find_emblems,
        garments=GarmentParser(model=garments) if garments else None,
        patience=patience_of(words) if patient else None,
        on_error=on_error,
    )


def patience_of(words: WordReader) -> Patience:
    """Return what is done to single pictures beyond a look; BadInput where a model is amiss."""
    from engines.marks.emblem_parts import find_emblems_patiently  # noqa: PLC0415 loads OpenCV
    from engines.marks.second_look import SecondLook  # noqa: PLC0415 loads OpenVINO

    return Patience(words.read_scales, SecondLook().vectors, find_emblems_patiently)
