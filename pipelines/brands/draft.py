"""A brand that is put together on the page: what is made of each picture, and a try on a live picture."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from engines.marks.picture import is_drawing, read_mark, read_pattern
from pipelines.brands.adding import write_stored_picture
from pipelines.brands.lockup import separate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from engines.marks.picture import MarkPicture
    from engines.marks.types import Enrolled, Pattern
    from pipelines.brands.clear_faces import FaceCount

    Bgr = npt.NDArray[np.uint8]

THUMB_PX = 240
DETECTORS = ("nanodet-416", "centerface")
"""Models that see people on the tried picture."""
BEST, NEAREST, SAME_PLACE = 3, 20, 0.3
"""Places that a try names where none is the brand, of how many; common share from which two are one."""
SEEN, NEAR = (90, 190, 40), (40, 150, 235)


@dataclass(frozen=True, slots=True)
class DraftPicture:
    """One picture of a draft. path: as it would be kept; parts: thumbnails as PNG, the whole first.

    ground: none, even or garment. faces: clear faces on it. is_pattern: it is a swatch of the brand's cloth.
    kept: what keeps the file behind `path`, if anything must.
    """

    path: Path
    size: tuple[int, int]
    ground: str
    parts: tuple[bytes, ...]
    faces: int
    is_pattern: bool = False
    kept: object = None


@dataclass(frozen=True, slots=True)
class TriedPlace:
    """A place where a mark was looked for. box: x y w h, px; counts: it is enough to be the brand.

    pattern: its cloth was compared, not a mark.
    """

    box: tuple[int, int, int, int]
    similarity: float
    needed: float
    counts: bool
    pattern: bool = False


def save_draft_picture(
    raw: Path, target: Path, faces: FaceCount, *, is_pattern: bool = False
) -> DraftPicture:
    """Return what is made of a picture, and keep it as the gallery would; raises BadInput for what is none.

    target: the kept file, whatever its name. is_pattern: it is a swatch, which is taken whole.
    """
    picture = read_pattern(raw) if is_pattern else read_mark(raw)
    count = 0 if is_drawing(raw) else faces(picture)
    lockup = None if is_pattern else separate(picture)
    parts = [picture, *((lockup.symbol, lockup.word) if lockup else ())]
    height, width = picture.pixels.shape[:2]
    thumbnails = tuple(_thumbnail(part) for part in parts)
    write_stored_picture(picture, target)
    return DraftPicture(target, (width, height), picture.ground.value, thumbnails, count, is_pattern)


def try_on(bgr: Bgr, enrolled: Enrolled, garments: str | None) -> list[TriedPlace]:
    """Return where a picture, (h, w, 3) uint8 BGR, shows a brand, else where it is most like it.

    garments: the model that sees what people wear, which is compared with the brand's pattern; None for none.
    """
    tried = _try_marks(bgr, enrolled) if len(enrolled.vectors) or enrolled.emblems else []
    if enrolled.pattern is not None and garments is not None:
        tried += _try_pattern(bgr, enrolled.pattern, garments)
    return sorted(tried, key=lambda one: not one.counts)


def _try_marks(bgr: Bgr, enrolled: Enrolled) -> list[TriedPlace]:
    from engines.boxes import share_of_smaller  # noqa: PLC0415 the page loads no models before it must
    from engines.marks.emblems import find_emblems  # noqa: PLC0415
    from engines.marks.gallery import Gallery, read_cohort  # noqa: PLC0415
    from engines.marks.network import PICTURE_VIEWS, MarkFinder  # noqa: PLC0415

    gallery = Gallery([enrolled], read_cohort())
    found = MarkFinder(max_views=PICTURE_VIEWS).find(bgr)
    sure = gallery.sightings(found) + (find_emblems(bgr, enrolled.emblems) if enrolled.emblems else [])
    tried = [TriedPlace(_xywh(one.box), one.similarity, enrolled.threshold, True) for one in sure]
    own, _ = gallery.similarities(found.vectors)
    if tried or not own.size:
        return tried
    taken: list[tuple[float, float, float, float]] = []
    for row in np.argsort(-own[:, 0])[:NEAREST]:
        x1, y1, x2, y2 = (float(v) for v in found.boxes[row])
        box = (x1, y1, x2, y2)
        if len(tried) < BEST and all(share_of_smaller(box, other) <= SAME_PLACE for other in taken):
            taken.append(box)
            tried.append(TriedPlace(_xywh(box), float(own[row, 0]), enrolled.threshold, False))
    return tried


def _try_pattern(bgr: Bgr, pattern: Pattern, garments: str) -> list[TriedPlace]:
    """Compare what each person of a picture wears with a pattern, as a look does."""
    from engines.colour import from_bgr, to_bgr  # noqa: PLC0415 the page loads no models before it must
    from engines.garments.parser import GarmentParser  # noqa: PLC0415
    from engines.marks.patterns import PatternSearch  # noqa: PLC0415
    from engines.scene_detector import load_scene_detector  # noqa: PLC0415

    scenes, parser, search = load_scene_detector(*DETECTORS), GarmentParser(model=garments), PatternSearch()
    pixels = from_bgr(bgr)
    found = scenes.detect(pixels).objects
    people = found.where(found.classes == scenes.classes.index("person"))
    sure, near = [], []
    for left, top, right, bottom in people.boxes.tolist():
        x, y = max(0, int(left)) // 2 * 2, max(0, int(top)) // 2 * 2
        crop = pixels.crop(x, y, right - x, bottom - y)
        outfit = parser.parse(crop)
        if outfit is None:
            continue
        shown, cloth = to_bgr(crop), outfit.cloth()
        sure += [
            TriedPlace(_xywh(seen.box, x, y), seen.similarity, pattern.threshold, True, True)
            for _, seen in search.find(shown, cloth, [pattern])
        ]
        near += [
            TriedPlace(_xywh(box, x, y), similarity, pattern.threshold, False, True)
            for similarity, box in search.nearness(shown, cloth, pattern)
        ]
    return sure or sorted(near, key=lambda one: -one.similarity)[:BEST]


def drawn(bgr: Bgr, tried: Sequence[TriedPlace]) -> bytes:
    """Return the picture with the places framed, as JPEG."""
    import cv2  # noqa: PLC0415 the page loads OpenCV only where it is needed

    shown = bgr.copy()
    for one in tried:
        x, y, w, h = one.box
        cv2.rectangle(shown, (x, y), (x + w, y + h), SEEN if one.counts else NEAR, 3)
    good, data = cv2.imencode(".jpg", shown)
    if not good:
        raise RuntimeError("the tried picture could not be encoded")
    return data.tobytes()


def _xywh(box: tuple[float, float, float, float], left: int = 0, top: int = 0) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = box
    return left + round(x1), top + round(y1), round(x2 - x1), round(y2 - y1)


def _thumbnail(picture: MarkPicture) -> bytes:
    image = ImageOps.contain(Image.fromarray(np.ascontiguousarray(picture.on()[..., ::-1])), (THUMB_PX,) * 2)
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
