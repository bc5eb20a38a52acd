"""What one look costs, with the garment parser and without: CPU time over the crops of photographs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from engines.errors import BadInput
from pipelines.assembly.recognisers import build_recogniser
from pipelines.brands.enrol import build_enroller
from pipelines.brands.gallery import BrandReader
from pipelines.brands.registry import targets_in
from pipelines.offline.reader import read_frames
from pipelines.settings.brands import BrandsConfig
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.recognition.reading import Look
from scripts.bench.photos_labels import PICTURES

if TYPE_CHECKING:
    from pathlib import Path

    from engines.image import I420


def look_cost(folder: Path, most: int) -> dict[str, float]:
    """Look at each photograph as at the crop of one person, by turns with and without garments.

    Returns milliseconds of one core, all threads of the process together. Raises BadInput.
    """
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in PICTURES)[:most]
    if not files:
        raise BadInput(f"{folder}: there are no photographs in it")
    brands = BrandReader(BrandsConfig(), build_enroller).read()
    targets = targets_in(brands, brands.book)
    recognisers = {name: build_recogniser(lambda _: None, garments=name) for name in ("garments", None)}
    spent = dict.fromkeys(recognisers, 0.0)
    for number, path in enumerate((files[0], *files)):  # the first look pays for what is loaded late
        ((_, pixels),) = read_frames(path)
        look = _look(pixels)
        for name in sorted(recognisers, key=str, reverse=bool(number % 2)):
            begun = time.process_time()
            recognisers[name].read(look, targets)
            spent[name] += (time.process_time() - begun) * (number > 0)
    with_, without = (1000 * spent[name] / len(files) for name in ("garments", None))
    return {
        "looks": len(files),
        "cpu_ms": with_,
        "cpu_ms_without_garments": without,
        "ratio": with_ / without,
    }


def _look(pixels: I420) -> Look:
    track = TrackId("photo", "look", 1)
    box = Box(0, 0, pixels.width, pixels.height)
    frame = Frame(
        "photo", 0, (pixels.width, pixels.height), (Detection(Kind.PERSON, "person", 1.0, box, track),)
    )
    return Look(track, frame, 0, 0, pixels)
