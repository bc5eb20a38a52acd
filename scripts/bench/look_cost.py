"""CPU time of one look, whole and without its dear parts, over photographs or crops of the test set."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.errors import BadInput
from engines.image import I420
from engines.marks.types import Route
from pipelines.assembly.recognisers import build_recogniser
from pipelines.brands.enrol import build_enroller
from pipelines.brands.gallery import BrandReader
from pipelines.brands.registry import targets_in
from pipelines.offline.reader import read_frames
from pipelines.settings.brands import BrandsConfig
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.recognition.look import Look
from probes.recognition.look_scheduler import ROUND
from probes.recognition.route_pace import RoutePace
from scripts.bench.brands.dataset import read_set
from scripts.bench.photos_labels import PICTURES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from probes.recognition.reading import Recogniser
    from probes.recognition.targets import RecognitionTargets

FEW = 10
"""Crops, of all that are looked at, that get a whole round of looks."""


def photographs(folder: Path, max_count: int) -> list[I420]:
    """Return up to `max_count` photographs of a folder. Raises BadInput where there are none."""
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in PICTURES)[:max_count]
    if not files:
        raise BadInput(f"{folder}: there are no photographs in it")
    return [pixels for path in files for _, pixels in read_frames(path)]


def composed_crops(max_count: int) -> list[I420]:
    """Return crops of people's size from the test set that comes along: with marks and without, by turns."""
    shots = read_set().shots
    scenes = [shot for name, some in shots.items() if name.startswith("scenes") for shot in some]
    pairs = zip(scenes, itertools.cycle(shots["plain"]), strict=False)
    return [_i420(shot.picture) for pair in pairs for shot in pair][:max_count]


def look_cost(crops: Sequence[I420]) -> dict[str, float]:
    """Look at each crop as at one person, by turns whole, without garments and without keypoints.

    Then at some of them for a round of looks, as at somebody who stays in view: the mean of those is
    `cpu_ms_in_a_round`. Returns milliseconds of one core, all threads of the process together. Raises
    BadInput.
    """
    brands = BrandReader(BrandsConfig(), build_enroller).read()
    targets = targets_in(brands, brands.book)
    whole, bare = (build_recogniser(lambda _: None, garments=name) for name in ("garments", None))
    ways: dict[str, tuple[Recogniser, frozenset[Route]]] = {
        "cpu_ms": (whole, frozenset()),
        "cpu_ms_without_garments": (bare, frozenset()),
        "cpu_ms_without_keypoints": (whole, frozenset({Route.EMBLEM})),
    }
    spent = dict.fromkeys(ways, 0.0)
    for number, pixels in enumerate((crops[0], *crops)):  # the first look pays for what is loaded late
        look = _look(pixels)
        for name in sorted(ways, reverse=bool(number % 2)):
            recogniser, without = ways[name]
            begun = time.process_time()
            recogniser.read(look, targets, without)
            spent[name] += (time.process_time() - begun) * (number > 0)
    costs = {name: 1000 * seconds / len(crops) for name, seconds in spent.items()}
    costs["cpu_ms_in_a_round"] = _round_cost(whole, targets, crops[:: max(1, len(crops) // FEW)])
    return {"looks": len(crops), **costs, "ratio": costs["cpu_ms"] / costs["cpu_ms_without_garments"]}


def _round_cost(recogniser: Recogniser, targets: RecognitionTargets, crops: Sequence[I420]) -> float:
    """Return CPU milliseconds a look over a first round at each crop: what live looks leave out is left out.

    All ask what is worn, as nothing is confirmed in a first round; its first look is the best.
    """
    begun = time.process_time()
    for pixels in crops:
        pace = RoutePace()
        for number in range(ROUND):
            look = replace(_look(pixels), fine=number == 0)
            without = pace.without(look)
            pace.note(recogniser.read(replace(look, quick=pace.reads_quickly(look)), targets, without))
    return 1000 * (time.process_time() - begun) / (len(crops) * ROUND)


def _i420(bgr: npt.NDArray[np.uint8]) -> I420:
    height, width = (side // 2 * 2 for side in bgr.shape[:2])
    planes = cv2.cvtColor(bgr[:height, :width], cv2.COLOR_BGR2YUV_I420).reshape(-1)
    luma, u, v = np.split(np.asarray(planes, np.uint8), [height * width, height * width * 5 // 4])
    half = (height // 2, width // 2)
    return I420(luma.reshape(height, width), u.reshape(half), v.reshape(half))


def _look(pixels: I420) -> Look:
    track = TrackId("photo", "look", 1)
    box = Box(0, 0, pixels.width, pixels.height)
    frame = Frame(
        "photo", 0, (pixels.width, pixels.height), (Detection(Kind.PERSON, "person", 1.0, box, track),)
    )
    return Look(track, frame, 0, 0, pixels)
