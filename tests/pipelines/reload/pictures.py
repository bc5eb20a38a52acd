"""A folder of pictures that stands for a camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


def pictures(folder: Path) -> Path:
    """Make the folder, and return it."""
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((240, 320, 3), 60 + number, np.uint8))
    return folder
