"""The recogniser of looks, with every route that this product has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.garments.bag_witness import BagWitness
from engines.manifest import GARMENTS, find_model, read_manifest
from probes.recognition.interfaces import Patience
from probes.recognition.reading import Recogniser

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engines.colour import Bgr
    from engines.garments.outfit import Outfit
    from engines.garments.parser import GarmentParser
    from engines.image import I420
    from engines.marks.network import MarkFinder
    from engines.marks.types import Candidates, Route
    from engines.ocr.reader import WordReader
    from engines.ocr.words import Word

    OnLoad = Callable[[str, str], None]

WORD_MODELS = ("text-regions", "text-lines")


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
            _report_loaded(self._on_load, self._finder.loaded)
        return self._finder.find(picture)

    def release(self) -> None:
        """Let the model go until the next look."""
        self._finder = None


class LateReader:
    """A WordReader that loads its models at the first look: a store's video begins without it.

    Whether the files of the models are whole is found out at once; BadInput where they are not. on_load: as
    of build_recogniser.
    """

    def __init__(self, on_load: OnLoad | None = None) -> None:
        models = read_manifest()
        for name in WORD_MODELS:
            find_model(name, models).check_file()
        self._on_load = on_load
        self._reader: WordReader | None = None

    def read(self, picture: I420, *, fine: bool = False, quick: bool = False) -> list[Word]:
        """Return the words of a picture; see WordReader. Raises BadInput where a model cannot be loaded."""
        if self._reader is None:
            from engines.ocr.reader import WordReader  # noqa: PLC0415 loads OpenVINO

            self._reader = WordReader()
            _report_loaded(self._on_load, self._reader.loaded)
        return self._reader.read(picture, fine=fine, quick=quick)

    def release(self) -> None:
        """Let the model go until the next look."""
        self._reader = None


class LateParser:
    """A GarmentParser that loads its model at the first look; its file is checked at once.

    on_load: as of build_recogniser.
    """

    def __init__(self, model: str, on_load: OnLoad | None = None) -> None:
        find_model(model, read_manifest()).check_file()
        self._model, self._on_load = model, on_load
        self._parser: GarmentParser | None = None

    def parse(self, crop: I420) -> Outfit | None:
        """Return the outfit on a crop; see GarmentParser. Raises BadInput where it cannot be loaded."""
        if self._parser is None:
            from engines.garments.parser import GarmentParser  # noqa: PLC0415 loads OpenVINO
            from engines.openvino_runtime import Precision  # noqa: PLC0415 the same

            self._parser = GarmentParser(model=self._model, precision=Precision.FASTEST)
            _report_loaded(self._on_load, self._parser.loaded)
        return self._parser.parse(crop)

    def release(self) -> None:
        """Let the model go until the next look."""
        self._parser = None


def build_live_recogniser(
    on_error: Callable[[Route], None],
    *,
    brands: bool = True,
    garments: str | None = GARMENTS,
    on_load: OnLoad | None = None,
) -> Recogniser:
    """Return what looks at people on video; each model is loaded at the first look that needs it.

    brands: whether marks are looked for, or garments alone. on_load: as of build_recogniser. Raises BadInput
    where a model's file is amiss.
    """
    parser = LateParser(garments, on_load) if garments else None
    bags = BagWitness() if garments else None
    if not brands:
        return Recogniser(garments=parser, bags=bags, on_error=on_error)
    from engines.marks.emblems import find_emblems  # noqa: PLC0415 loads OpenCV
    from engines.marks.patterns import PatternSearch  # noqa: PLC0415 the same

    return Recogniser(
        LateReader(on_load),
        LateFinder(on_load=on_load),
        find_emblems,
        garments=parser,
        bags=bags,
        patterns=PatternSearch(),
        on_error=on_error,
    )


def build_recogniser(
    on_error: Callable[[Route], None],
    *,
    patient: bool = False,
    more_words: bool = False,
    garments: str | None = GARMENTS,
    on_load: OnLoad | None = None,
) -> Recogniser:
    """Return what reads words, symbols and emblems, and sees garments; BadInput where a model is amiss.

    patient: for single pictures, see LateFinder; text is found and garments are told in fp32 there, alike on
    every CPU. more_words: whether large letters and words in mirrors are read where no other word says a
    brand: nobody waits for a file. garments: the model that sees them; None for none.
    on_load: called with the name and the arithmetic of each model once it is loaded, from any thread.
    """
    from engines.garments.parser import GarmentParser  # noqa: PLC0415 loads OpenVINO
    from engines.marks.emblems import find_emblems  # noqa: PLC0415 loads OpenCV
    from engines.marks.patterns import PatternSearch  # noqa: PLC0415 the same
    from engines.ocr.reader import WordReader  # noqa: PLC0415 loads its models
    from engines.openvino_runtime import Precision  # noqa: PLC0415 loads OpenVINO

    precision = Precision.FP32 if patient else Precision.FASTEST
    words = WordReader(precision=precision)
    parser = GarmentParser(model=garments, precision=precision) if garments else None
    _report_loaded(on_load, words.loaded | (parser.loaded if parser else {}))
    return Recogniser(
        words,
        LateFinder(patient=patient, on_load=on_load),
        find_emblems,
        garments=parser,
        bags=BagWitness() if parser else None,
        patterns=PatternSearch() if parser else None,
        patience=patience_of(words) if patient else None,
        large=words.read_large if more_words else None,
        mirrored=words.read_mirrored if more_words else None,
        on_error=on_error,
    )


def _report_loaded(on_load: OnLoad | None, loaded: Mapping[str, str]) -> None:
    if on_load is None:
        return
    for name, precision in loaded.items():
        on_load(name, precision)


def patience_of(words: WordReader) -> Patience:
    """Return what is done to single pictures beyond a look; BadInput where a model is amiss."""
    from engines.marks.emblem_parts import find_emblems_patiently  # noqa: PLC0415 loads OpenCV
    from engines.marks.second_look import SecondLook  # noqa: PLC0415 loads OpenVINO

    return Patience(words.read_scales, SecondLook().vectors, find_emblems_patiently, words.read_close)
