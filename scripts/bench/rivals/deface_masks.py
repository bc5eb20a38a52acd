"""deface for `msh bench annotate`: runs in the rivals' environment, one size of picture a process.

Masks as deface's own command does by default: CenterFace at the picture's own size, ellipses, blurred. Each
line on its input asks for one pass over the pictures of an NPZ; the answer is two numbers, milliseconds and
CPU milliseconds of one picture. The first pass writes the masks.
"""

from __future__ import annotations

import contextlib
import sys
import time
from importlib import import_module
from typing import Any

import cv2
import numpy as np

THRESHOLD, MASK_SCALE, SHARE = 0.2, 1.3, 16
"""The defaults of deface 1.5.0 (its README, `deface --help`)."""
Picture = np.typing.NDArray[Any]


def mask(found: Picture, picture: Picture) -> Picture:
    """Blur what deface covers of a picture and return where that is."""
    covered: Picture = np.zeros(picture.shape[:2], np.uint8)
    for left, top, right, bottom, *_ in np.asarray(found).reshape(-1, 5).tolist():
        middle = round((left + right) / 2), round((top + bottom) / 2)
        width, height = (right - left) * MASK_SCALE / 2, (bottom - top) * MASK_SCALE / 2
        cv2.ellipse(covered, middle, (max(1, round(width)), max(1, round(height))), 0, 0, 360, 1, -1)
    size = max(1, picture.shape[1] // SHARE), max(1, picture.shape[0] // SHARE)
    blurred = cv2.blur(picture, size)
    np.copyto(picture, blurred, where=covered[..., None].astype(np.bool_))
    return covered


def main(pictures: str, masks: str, backend: str) -> None:
    """Serve passes until the input ends. backend: opencv, deface's own without more packages, or onnxrt."""
    with contextlib.redirect_stdout(sys.stderr):  # deface says there what it runs on
        network: Any = import_module("deface.centerface").CenterFace(backend=backend)
    with np.load(pictures) as kept:
        shown = [kept[key] for key in kept.files]
    np.savez(masks, *(mask(network(one, threshold=THRESHOLD)[0], one.copy()) for one in shown))
    for _ in sys.stdin:
        copies = [one.copy() for one in shown]
        begun = np.array([time.perf_counter(), time.process_time()])
        for one in copies:
            mask(network(one, threshold=THRESHOLD)[0], one)
        spent = np.array([time.perf_counter(), time.process_time()]) - begun
        print(*(spent * 1000 / len(shown)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
