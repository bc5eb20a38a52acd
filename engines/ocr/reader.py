"""Reads words from a picture: PP-OCR on OpenVINO, with the models text-regions and text-lines."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.colour import to_bgr
from engines.compiled_models import compile_cached, openvino_core
from engines.cpu_flags import cpu_flags, is_quick_in_int8
from engines.errors import BadInput
from engines.image import I420
from engines.manifest import find_model, read_manifest
from engines.ocr.energy import AROUND, apart, large_text_areas, text_areas
from engines.ocr.faint import faint_areas, half_size
from engines.ocr.layout import arranged
from engines.ocr.lines import LineReader, strip_of
from engines.ocr.regions import Region, RegionFinder
from engines.ocr.windows import cost_of, on_canvas, windows
from engines.ocr.words import Word
from engines.openvino_runtime import EXACT, Precision, precision_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from engines.manifest import Model
    from engines.ocr.energy import Area

    Bgr = npt.NDArray[np.uint8]

# On composed words of 6 to 24 px cap height on 160 x 400 crops, recall over 6/8/10/12/16/24 px was
# 14/16/17/19/18/14 at scale 1, 16/17/21/20/21/15 at 1.5 and no better at 2 or 3, for 24, 37, 45, 90 ms.
UPSCALE = 1.5
MAX_SIDE, FINE_SIDE = 736, 1472
"""Longest side at which a crop is searched for words, and the one where nobody waits or a look is the best.

On photographs some words are lost at 736 px that are read at 1472, for two to four times the time.
"""
LARGE_SIDE = MAX_SIDE // 2
SCALES = (LARGE_SIDE, MAX_SIDE, FINE_SIDE)
"""Longest sides at which a picture that nobody waits for is read: each reads words that the others lose.

Letters as wide as the picture are one region only where they are small; small ones are found only where
large.
"""
CLOSE_MARGINS = 0.35
"""Share of the margin around a region with which a picture that nobody waits for is read at last.

Letters on an arch make a tall region whose margin is tall too, and are then too small in the strip: NIKE in
letters of 400 px was NIKI at every scale, and is NIKE with this.
"""
TWO_LINES, HALF_LINE = 4.0, 0.8
"""Length by thickness up to which a region may be two lines that touch, and how sure both halves must be."""
SMALLEST = 16
CACHED_LINES, CACHED_REGIONS = 1500, 600
"""Steps of networks that OpenVINO keeps prepared, for some input sizes. Lines have five sizes. Canvases of
regions have 45 and more, which rare crops ask for over hours: 600 are those of the 15 used last, with 80 MB;
with 1,500 it was 154, and 2 to 8 % less CPU time.
"""
MAX_LINES, MAX_LINES_PATIENT = 6, 16
MAX_SQUARE = 2
SQUARE = 1.8
LOWEST_LETTERS = 5.0
LONGEST = 25.0
TEXT_SCORE = 0.5
# What stands on its head reads at 0.3 to 0.95, nearly always the right letters less some, and right way up at
# 0.9 to 1; what is no text mostly below 0.5 either way. 0.96 leaves room for CPUs of other arithmetic (an
# upside-down KLEIN reads at 0.94 on one, below 0.93 on another); what reads worse is read both ways.
UPRIGHT = 0.96
HOPELESS = 0.45
HOPELESS_ASIDE = 0.25
TIGHT = 0.4
UPRIGHT_TILT = 60.0


class WordReader:
    """Reads words at any angle. One instance serves one thread at a time.

    Only parts with strokes (engines.ocr.energy) reach the detector, enlarged (up to UPSCALE, the whole
    picture at most MAX_SIDE or FINE_SIDE px), and at most MAX_LINES of its regions the recogniser; of single
    pictures also parts with letters too large to be strokes. Loads its models at once, checks their sha256
    and tries them.

    precision: of what says where text may be, in 8 bits where the CPU is quick at them, and then what of it
    stays in float in bf16 where the CPU has it; all else, and what reads it, is in fp32 on every CPU.
    """

    def __init__(self, *, threads: int = 1, precision: Precision = Precision.FASTEST) -> None:
        found, read = (find_model(name, read_manifest()) for name in ("text-regions", "text-lines"))
        if precision is Precision.FASTEST and is_quick_in_int8(cpu_flags()):
            found = found.in_int8()
        for model in (found, read):
            model.check_file()
        finds, reads = _request(found, threads, CACHED_REGIONS), _request(read, threads, CACHED_LINES)
        letters = _letters(openvino_core().read_model(read.path))
        self._finder, self._lines = RegionFinder(finds), LineReader(reads, letters)
        self.loaded = {
            model.name: "i8" if model.is_int8 else precision_of(request.get_compiled_model())
            for model, request in ((found, finds), (read, reads))
        }
        """The arithmetic of each model in use, by its name."""
        trial = np.full((64, 256, 3), 255, np.uint8)
        cv2.putText(trial, "READY", (40, 44), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 3)
        if not self.read(trial):
            raise BadInput("the word reader cannot read a plain word: see `msh models verify`")

    def read(self, picture: I420 | Bgr, *, fine: bool = False, quick: bool = False) -> list[Word]:
        """Return the words of an I420 picture or a (height, width, 3) uint8 BGR array, in reading order.

        fine: search at FINE_SIDE, for small words on large pictures. quick: search at half the size first,
        see engines.ocr.faint; not where fine.
        """
        bgr = to_bgr(picture) if isinstance(picture, I420) else picture
        return self._read(bgr, FINE_SIDE if fine else MAX_SIDE, MAX_LINES, quick=quick and not fine)

    def read_scales(self, picture: I420 | Bgr) -> list[list[Word]]:
        """Return the words read at each of SCALES, as `read` does, of more regions: some will be the same."""
        bgr = to_bgr(picture) if isinstance(picture, I420) else picture
        # A picture that is small as it is looks the same at the larger scales.
        sides = dict.fromkeys(min(side, round(UPSCALE * max(bgr.shape[:2]))) for side in SCALES)
        return [self._read(bgr, side, MAX_LINES_PATIENT, large=True) for side in sides]

    def read_large(self, picture: I420 | Bgr) -> list[Word]:
        """Return the words of letters that are too large for `read`; none where there is no such place."""
        bgr = to_bgr(picture) if isinstance(picture, I420) else picture
        grey = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
        scale, known = LARGE_SIDE / max(bgr.shape[:2]), text_areas(grey)
        if all(_is_in(area, known, AROUND / scale) for area in large_text_areas(grey, scale)):
            return []
        return self._read(bgr, LARGE_SIDE, MAX_LINES, large=True)

    def read_close(self, picture: I420 | Bgr) -> list[Word]:
        """Return the words read closer, and of two lines that touch: for where `read_scales` says nothing."""
        bgr = to_bgr(picture) if isinstance(picture, I420) else picture
        if min(bgr.shape[:2]) < SMALLEST:
            return []
        words: list[Word] = []
        for region in self._regions(bgr, MAX_SIDE, MAX_LINES_PATIENT, large=True):
            word = self._word(bgr, region, CLOSE_MARGINS)
            words += self._two_lines(bgr, region, word) or ([] if word is None else [word])
        return arranged(words)

    def _two_lines(self, bgr: Bgr, region: Region, word: Word | None) -> list[Word]:
        """Return the two lines that a region is, both read surer than it is as one; none where it is one."""
        whole = 0.0 if word is None else word.confidence
        if whole >= UPRIGHT or region.length > TWO_LINES * region.thickness:
            return []
        lines = [self._word(bgr, half, 1.0) for half in region.halves()]
        read = [line for line in lines if line is not None and line.confidence >= max(HALF_LINE, whole)]
        return read if len(read) == len(lines) else []

    def read_mirrored(self, picture: I420 | Bgr) -> list[Word]:
        """Return the words that stand mirrored, as on a picture taken in a mirror; boxes in the picture."""
        bgr = to_bgr(picture) if isinstance(picture, I420) else picture
        width = bgr.shape[1]
        words = self._read(np.ascontiguousarray(bgr[:, ::-1]), MAX_SIDE, MAX_LINES_PATIENT, large=True)
        return [_mirrored(word, width) for word in words]

    def _read(
        self, bgr: Bgr, max_side: int, max_lines: int, *, quick: bool = False, large: bool = False
    ) -> list[Word]:
        if min(bgr.shape[:2]) < SMALLEST:
            return []
        regions = self._regions(bgr, max_side, max_lines, quick=quick, large=large)
        return arranged([word for region in regions if (word := self._word(bgr, region, 1.0)) is not None])

    def _regions(
        self, bgr: Bgr, max_side: int, max_lines: int, *, quick: bool = False, large: bool = False
    ) -> list[Region]:
        """Return the regions of a picture. large: also of letters that fill much of it; slower."""
        scale = min(UPSCALE, max_side / max(bgr.shape[:2]))
        grey = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
        areas = text_areas(grey)
        if large:
            areas = apart([*areas, *large_text_areas(grey, scale)])
        found = []
        for window in windows(areas, scale):
            canvas = on_canvas(bgr, window, scale)
            regions = self._found_quickly(canvas) if quick else self._finder.find(canvas)
            found += [region.moved(window[0], window[1], scale) for region in regions]
        return readable(found, max_lines)

    def _found_quickly(self, canvas: Bgr) -> list[Region]:
        """Return the regions of a canvas, sought at its full size only around what half of it shows."""
        whole = (0, 0, canvas.shape[1], canvas.shape[0])
        parts = windows(faint_areas(self._finder.likely(half_size(canvas))), 1.0)
        if cost_of(parts, 1.0) >= cost_of([whole], 1.0):
            return self._finder.find(canvas)
        return [
            region.moved(part[0], part[1], 1.0)
            for part in parts
            for region in self._finder.find(on_canvas(canvas, part, 1.0))
        ]

    def _word(self, bgr: Bgr, region: Region, margins: float) -> Word | None:
        """Read a region the likelier way up, and the other way where that does not read well."""
        angle = region.angle if abs(region.angle) < UPRIGHT_TILT else abs(region.angle) - 180
        text, confidence = self._lines.read(strip_of(bgr, region, angle, margins))
        hopeless = HOPELESS if angle == region.angle else HOPELESS_ASIDE
        if hopeless <= confidence < UPRIGHT:
            turned, surer = self._lines.read(strip_of(bgr, region, angle + 180, margins))
            if surer > confidence:
                text, confidence, angle = turned, surer, angle + 180
        if confidence < TEXT_SCORE or not text.strip():
            return None
        return Word(text, confidence, _box(region, bgr), angle % 360, _height(region))


def _is_in(area: Area, known: Sequence[Area], room: float) -> bool:
    """Return whether an area lies in a known one, with so much room around, px."""
    x1, y1, x2, y2 = area
    return any(
        a <= x1 + room and b <= y1 + room and c >= x2 - room and d >= y2 - room for a, b, c, d in known
    )


def readable(regions: Sequence[Region], max_lines: int = MAX_LINES) -> list[Region]:
    """Return the regions that may be a word, the largest and surest first.

    At most `max_lines`, of them MAX_SQUARE no longer than two letters: garments are full of those.
    """
    able = [r for r in regions if _height(r) >= LOWEST_LETTERS and r.length <= LONGEST * r.thickness]
    able.sort(key=lambda r: -r.score * _height(r))
    square = [r for r in able if r.length < SQUARE * r.thickness][:MAX_SQUARE]
    return [*(r for r in able if r.length >= SQUARE * r.thickness), *square][:max_lines]


def _mirrored(word: Word, width: int) -> Word:
    left, top, right, bottom = word.box
    return replace(word, box=(width - right, top, width - left, bottom), angle=(180 - word.angle) % 360)


def _height(region: Region) -> float:
    return region.thickness + 2 * TIGHT * region.margin


def _box(region: Region, bgr: Bgr) -> tuple[float, float, float, float]:
    height, width = bgr.shape[:2]
    turn = math.radians(region.angle)
    cos, sin = abs(math.cos(turn)), abs(math.sin(turn))
    along, across = region.length / 2 + TIGHT * region.margin, region.thickness / 2 + TIGHT * region.margin
    reach_x, reach_y = cos * along + sin * across, sin * along + cos * across
    left, right = max(0.0, region.x - reach_x), min(float(width), region.x + reach_x)
    return left, max(0.0, region.y - reach_y), right, min(float(height), region.y + reach_y)


def _letters(model: Any) -> list[str]:
    """Return what a recogniser's columns mean: PP-OCR's list is written in the file, less the space."""
    information = model.get_rt_info()
    has_letters = "framework" in information and "character" in information["framework"]
    letters = information["framework"]["character"].value.splitlines() if has_letters else []
    letters.append(" ")
    columns = model.outputs[0].get_partial_shape()[2]
    if not columns.is_static or columns.get_length() != len(letters) + 1:
        raise BadInput(
            "model text-lines: its letters do not fit its answer; restore the file from the release"
        )
    return letters


def _request(model: Model, threads: int, cached: int) -> Any:
    """Compile a model; with OpenVINO's default of 5000 cached shapes memory grew by 385 MB in 400 crops."""
    path = model.path
    config = {
        "CPU_RUNTIME_CACHE_CAPACITY": str(cached),
        "INFERENCE_NUM_THREADS": str(threads),
        "ENABLE_CPU_PINNING": "NO",
        **({} if model.is_int8 else EXACT),
    }
    compiled = compile_cached(path, lambda core: core.read_model(path), config, "as it is")
    return compiled.create_infer_request()
