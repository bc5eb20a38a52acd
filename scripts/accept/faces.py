"""How much of a face is left in the pictures that leave: measured inside head boxes, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from engines.colour import from_bgr
from scripts.check_result import CheckResult, fail, ok

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]
    Box = tuple[float, float, float, float]
    """Left, top, right, bottom in px."""

HEIGHTS = (32, 64, 128)
"""Of the face in the picture, px."""
SIZE = (1280, 720)
LEFT = 0.3
"""Largest share of a face's contrast that may be left."""
SHOWN = 0.5
"""Least share of the contrast around the face that must be left: a black picture hides faces, too."""
FILM_S, FILM_FPS = 4, 10
LOOKED_AT = 60
"""So many frames of a clip are searched for its best face."""


def best_face(film: Path, faces: Callable[[Pixels], Sequence[Box]]) -> tuple[Pixels, Box] | None:
    """Return the frame of a clip with the highest face, and that face; None where there is none."""
    best: tuple[Pixels, Box] | None = None
    for frame in _frames(film):
        for box in faces(frame):
            if best is None or box[3] - box[1] > best[1][3] - best[1][1]:
                best = frame, box
    return best


def at_height(frame: Pixels, face: Box, height: int) -> tuple[Pixels, Box]:
    """Return the frame scaled so that the face has a height, cut or padded to SIZE, and the face in it."""
    scale = height / (face[3] - face[1])
    middle = (face[0] + face[2]) / 2 * scale, (face[1] + face[3]) / 2 * scale
    # The face comes into the middle of the upper half, its person below it.
    shift = SIZE[0] / 2 - middle[0], SIZE[1] / 3 - middle[1]
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    drawn = cv2.warpAffine(frame, matrix, SIZE, flags=way, borderValue=(96, 96, 96))
    moved = tuple(value * scale + shift[n % 2] for n, value in enumerate(face))
    return np.asarray(drawn, np.uint8), (moved[0], moved[1], moved[2], moved[3])


def contrast(picture: Pixels, box: Box) -> float:
    """Return the standard deviation of the luma in the inner half of a box, 0 to 128."""
    return float(_inner(picture, box).std())


def contrast_left(before: Pixels, after: Pixels, box: Box) -> float:
    """Return the share of a face's contrast that is still there: 1 untouched, 0 none of it.

    Only what follows the face counts (the slope of after on before): a mosaic has a contrast of its own.
    """
    face, shown = _inner(before, box), _inner(after, box)
    face, shown = face - face.mean(), shown - shown.mean()
    return float(abs((face * shown).sum()) / max(1e-6, (face**2).sum()))


def contrast_shown(before: Pixels, after: Pixels, box: Box) -> float:
    """Return the share of the picture's contrast that is still there where no mask of this face can be."""
    left, top, right, bottom = box
    across, down = right - left, bottom - top
    outside = np.ones(before.shape[:2], bool)
    # A mask is a face with its margin, or a head estimated from a person's box, as wide as the person.
    rows = slice(max(0, round(top - down)), max(0, round(bottom + down)))
    outside[rows, max(0, round(left - 2 * across)) : max(0, round(right + 2 * across))] = False
    was, shown = _luma(before)[outside], _luma(after)[outside]
    was, shown = was - was.mean(), shown - shown.mean()
    return float((was * shown).sum() / max(1e-6, (was**2).sum()))


def _luma(picture: Pixels) -> npt.NDArray[np.float64]:
    return np.asarray(picture @ np.array([0.114, 0.587, 0.299]), np.float64)


def _inner(picture: Pixels, box: Box) -> npt.NDArray[np.float64]:
    left, top, right, bottom = box
    across, down = (right - left) / 4, (bottom - top) / 4
    inner = picture[round(top + down) : round(bottom - down), round(left + across) : round(right - across)]
    return _luma(inner)


class Measured(NamedTuple):
    """A face: its contrast, and the shares that are left of it and of the picture around it."""

    contrast: float
    left: float
    around: float = 1.0


def judge(measured: Mapping[int, Measured], missing: Iterable[int] = ()) -> CheckResult:
    """Judge faces by their height. missing: without a picture."""
    lost = sorted(missing)
    data: dict[str, Any] = {
        str(height): {
            "contrast": round(one.contrast, 1),
            "left": round(one.left, 3),
            "around": round(one.around, 3),
        }
        for height, one in measured.items()
    }
    if lost or not measured:
        where = ", ".join(f"{height} px" for height in lost) or "any height"
        return fail("faces", f"no picture came for faces of {where}", "see the check clip", sizes=data)
    plain = [height for height, one in measured.items() if one.contrast < 8]
    if plain:
        return fail("faces", "the clip's best face has no contrast", "name another clip: --clip", sizes=data)
    dark = [f"{height} px" for height, one in measured.items() if one.around < SHOWN]
    if dark:
        why = f"the picture shows nothing around faces of {', '.join(dark)}, so nothing is said of the faces"
        return fail("faces", why, "see the program's log: frames in doubt are covered whole", sizes=data)
    shares = {height: one.left for height, one in measured.items()}
    text = ", ".join(f"{share:.0%} at {height} px" for height, share in shares.items())
    if max(shares.values()) > LEFT:
        mend = "do not use the box; send the report to the maintainer"
        return fail("faces", f"contrast left in faces: {text}; at most {LEFT:.0%} may be", mend, sizes=data)
    return ok("faces", f"contrast left in faces: {text}", sizes=data)


def check(
    film: Path,
    folder: Path,
    faces: Callable[[Pixels], Sequence[Box]],
    pictures: Callable[[Path, Path], Path | None],
) -> CheckResult:
    """Show the clip's best face as a still at each height, and measure what leaves of it.

    pictures(film, folder) plays a film and returns a picture that left, or None.
    """
    from scripts.demo.encode import write_mp4  # noqa: PLC0415 loads GStreamer

    found = best_face(film, faces)
    if found is None:
        return fail("faces", "the clip shows no face", "name a clip with faces: --clip")
    measured: dict[int, Measured] = {}
    for height in HEIGHTS:
        still, face = at_height(*found, height)
        path = folder / f"face-{height}.mp4"
        write_mp4([still] * (FILM_S * FILM_FPS), SIZE, FILM_FPS, path)
        left = pictures(path, folder / f"face-{height}")
        after = cv2.imread(str(left)) if left is not None else None
        if after is not None:
            scaled = np.asarray(cv2.resize(after, SIZE), np.uint8)
            parts = (contrast_left(still, scaled, face), contrast_shown(still, scaled, face))
            measured[height] = Measured(contrast(still, face), *parts)
    return judge(measured, set(HEIGHTS) - set(measured))


def face_finder() -> Callable[[Pixels], Sequence[Box]]:
    """Return what finds faces on the CPU: (h, w, 3) BGR in, boxes out."""
    from engines.detector import load_detector  # noqa: PLC0415 loads OpenVINO
    from scripts.accept.clip import MODELS  # noqa: PLC0415

    detector = load_detector(MODELS[1])

    def find(frame: Pixels) -> Sequence[Box]:
        (seen,) = detector.detect([from_bgr(frame)])
        return [tuple(box) for box in seen.boxes.tolist()]

    return find


def _frames(film: Path) -> Iterable[Pixels]:
    capture = cv2.VideoCapture(str(film))
    try:
        step = max(1, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) // LOOKED_AT)
        number = 0
        while capture.grab():
            if number % step == 0:
                read, frame = capture.retrieve()
                if read:
                    yield np.asarray(frame, np.uint8)
            number += 1
    finally:
        capture.release()
