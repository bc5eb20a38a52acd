"""The recogniser of looks, with every route that this product has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.manifest import GARMENTS
from probes.recognition.reading import Patience, Recogniser

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engines.colour import Bgr
    from engines.marks.network import MarkFinder
    from engines.marks.types import Candidates, Route
    from engines.ocr.reader import WordReader

    OnLoad = Callable[[str, str], None]


class LateFinder:
    """A MarkFinder that loads its model at the first look: where the GPU finds marks, that never comes.

    patient: nobody waits: a large picture is looked at in many more parts. on_load: as of build_recogniser.
    """

    def __init__(self, *, patient: bool = False, on_load: OnLoad | None = None) -> None:
        self._patient, self._on_load = patient, on_load
        self._finder: MarkFinder | None = None

    def find(self, picture: Bgr) -> Candidates:
        """Return candidates in pixels of the picture; raises BadInput where the model cannot be loaded."""
        if self._finder is None:
            from engines.marks import network  # noqa: PLC0415 loads OpenVINO

            views = network.PICTURE_VIEWS if self._patient else network.LIVE_VIEWS
            self._finder = network.MarkFinder(max_views=views)
            _tell(self._on_load, self._finder.loaded)
        return self._finder.find(picture)


def build_sight(garments: str, on_load: OnLoad | None = None) -> Recogniser:
    """Return what only sees garments; BadInput where the model is amiss. on_load: as of build_recogniser."""
    from engines.garments.parser import GarmentParser  # noqa: PLC0415 loads OpenVINO

    parser = GarmentParser(model=garments)
    _tell(on_load, parser.loaded)
    return Recogniser(garments=parser)


def build_recogniser(
    on_error: Callable[[Route], None],
    *,
    patient: bool = False,
    garments: str | None = GARMENTS,
    on_load: OnLoad | None = None,
) -> Recogniser:
    """Return what reads words, symbols and emblems, and sees garments; BadInput where a model is amiss.

    patient: for single pictures, see LateFinder. garments: the model that sees them; None for none. on_load:
    called with the name and the arithmetic of each model once it is loaded, from any thread.
    """
    from engines.garments.parser import GarmentParser  # noqa: PLC0415 loads OpenVINO
    from engines.marks.emblems import find_emblems  # noqa: PLC0415 loads OpenCV
    from engines.ocr.reader import WordReader  # noqa: PLC0415 loads its models

    words, parser = WordReader(), GarmentParser(model=garments) if garments else None
    _tell(on_load, words.loaded | (parser.loaded if parser else {}))
    return Recogniser(
        words,
        LateFinder(patient=patient, on_load=on_load),
        find_emblems,
        garments=parser,
        patience=patience_of(words) if patient else None,
        on_error=on_error,
    )


def _tell(on_load: OnLoad | None, loaded: Mapping[str, str]) -> None:
    if on_load is None:
        return
    for name, precision in loaded.items():
        on_load(name, precision)


def patience_of(words: WordReader) -> Patience:
    """Return what is done to single pictures beyond a look; BadInput where a model is amiss."""
    from engines.marks.emblem_parts import find_emblems_patiently  # noqa: PLC0415 loads OpenCV
    from engines.marks.second_look import SecondLook  # noqa: PLC0415 loads OpenVINO

    return Patience(words.read_scales, SecondLook().vectors, find_emblems_patiently)
