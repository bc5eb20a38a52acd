"""Compares the brand model on this GPU with the CPU, on which galleries are calibrated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.deepstream.nvinfer_config import CROPS
from scripts.check_result import CheckResult, fail, ok

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from engines.marks.types import Candidates
    from engines.tensorrt.compiler import Runner

    Pixels = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]

SURE = 0.2
"""Candidates of the CPU from this score on are looked for on the GPU."""
SAME_PLACE = 0.6
FOUND, ALIKE = 0.9, 0.97
"""Least share of places found again, and of likeness of the vector there, the tenth lowest in a hundred."""


def pictures(width: int, height: int) -> list[Pixels]:
    """Return CROPS pictures of width x height, BGR, with simple marks on cloth; always the same."""
    rng = np.random.default_rng(4)
    found = []
    for _ in range(CROPS):
        picture = np.full((height, width, 3), rng.integers(40, 215, 3), np.uint8)
        cloth = rng.normal(0, 6, (height, width, 1))
        picture = np.clip(picture + cv2.GaussianBlur(cloth, (0, 0), 3)[..., None], 0, 255).astype(np.uint8)
        for place in range(4):
            colour = tuple(int(c) for c in (picture[0, 0].astype(int) + 128) % 256)
            x, y = int(rng.integers(40, width - 40)), 60 + place * height // 4
            corners = np.array([[x, y]]) + rng.integers(-22, 23, (int(rng.integers(3, 8)), 2))
            cv2.fillPoly(picture, [corners.astype(np.int32)], colour, cv2.LINE_AA)
            cv2.circle(picture, (x, y), int(rng.integers(8, 24)), colour, 3, cv2.LINE_AA)
        found.append(picture)
    return found


def compare(runner: Runner, find: Callable[[Pixels], Candidates], shown: Sequence[Pixels]) -> CheckResult:
    """Compare the engine with the CPU on the same pictures, which have the size of the network's input."""
    tensor = np.stack([picture[..., ::-1].transpose(2, 0, 1) for picture in shown]).astype(np.float32)
    boxes, _, vectors = runner.infer(np.ascontiguousarray(tensor))
    found, alike = 0, []
    wanted = [_sure(find(picture)) for picture in shown]
    for number, (theirs, wanted_vectors) in enumerate(wanted):
        for box, vector in zip(theirs, wanted_vectors, strict=True):
            shares = _shares(box, boxes[number])
            best = int(shares.argmax())
            if shares[best] >= SAME_PLACE:
                found += 1
                own = vectors[number][best]
                alike.append(float(own @ vector / max(1e-6, np.linalg.norm(own) * np.linalg.norm(vector))))
    total = sum(len(theirs) for theirs, _ in wanted)
    if not total:
        return fail("marks", "the CPU found nothing to compare", "send the report to the maintainer")
    share, likeness = found / total, float(np.quantile(alike, 0.1)) if alike else 0.0
    facts: dict[str, Any] = {"asked": total, "share": share, "alike": likeness}
    text = f"{share:.0%} of {total} places found again, vectors {likeness:.3f} alike"
    if share < FOUND or likeness < ALIKE:
        mend = "set platform.precision to fp32 in the store file, and send the report to the maintainer"
        return fail("marks", f"{text}; {FOUND:.0%} and {ALIKE} are needed", mend, **facts)
    return ok("marks", text, **facts)


def _sure(found: Candidates) -> tuple[Floats, Floats]:
    sure = found.scores >= SURE
    return found.boxes[sure], found.vectors[sure]


def _shares(box: Floats, others: Floats) -> Floats:
    """Return intersection over union of one box with each of (n, 4) others, x1 y1 x2 y2."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(common / np.maximum(areas - common, 1e-6), np.float32)
