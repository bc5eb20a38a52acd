"""Words printed on cloth by code: at any angle, stacked, parted by a zip, bent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Bgr = npt.NDArray[np.uint8]
    Ink = npt.NDArray[np.float32]

FONT = cv2.FONT_HERSHEY_DUPLEX
HEIGHT = 64


def ink(word: str) -> Ink:
    """Return a word's coverage from 0 to 1, its capitals about HEIGHT px high, tight."""
    (width, height), below = cv2.getTextSize(word, FONT, 3.0, 7)
    page = np.zeros((height + 2 * below, width + 20), np.uint8)
    cv2.putText(page, word, (10, height + 4), FONT, 3.0, 255, 7, cv2.LINE_AA)
    x, y, across, down = cv2.boundingRect(page)
    return np.asarray(page[y : y + down, x : x + across] / 255, np.float32)


def stacked(word: str) -> Ink:
    """Return the word with one letter below the other."""
    letters = [ink(letter) for letter in word]
    width = max(letter.shape[1] for letter in letters)
    rows = []
    for letter in letters:
        left = (width - letter.shape[1]) // 2
        rows.append(np.pad(letter, ((10, 10), (left, width - letter.shape[1] - left))))
    return np.vstack(rows)


def lines(*words: str) -> Ink:
    """Return words one below the other, centred."""
    parts = [ink(word) for word in words]
    width = max(part.shape[1] for part in parts)
    rows = []
    for part in parts:
        left = (width - part.shape[1]) // 2
        rows.append(np.pad(part, ((12, 12), (left, width - part.shape[1] - left))))
    return np.vstack(rows)


def touching(first: str, second: str, overlap: int = 2) -> Ink:
    """Return two words one below the other, equally wide, that overlap by some px: often one region."""
    above, below = ink(first), ink(second)
    width = max(above.shape[1], below.shape[1])
    above, below = (cv2.resize(part, (width, part.shape[0])) for part in (above, below))
    page = np.zeros((above.shape[0] + below.shape[0] - overlap, width), np.float32)
    page[: above.shape[0]] = above
    under = page[-below.shape[0] :]
    np.maximum(under, below, out=under)
    return page


def halves(first: str, second: str, gap: float = 1.2) -> Ink:
    """Return two parts of a word beside each other, `gap` letter heights apart."""
    a, b = ink(first), ink(second)
    height = max(a.shape[0], b.shape[0])
    a, b = (np.pad(part, ((0, height - part.shape[0]), (0, 0))) for part in (a, b))
    return np.hstack([a, np.zeros((height, round(gap * HEIGHT)), np.float32), b])


def turned(word: Ink, degrees: float) -> Ink:
    """Turn a word clockwise."""
    height, width = word.shape
    warp = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    cos, sin = abs(warp[0, 0]), abs(warp[0, 1])
    size = (int(width * cos + height * sin) + 2, int(width * sin + height * cos) + 2)
    warp[:, 2] += (size[0] / 2 - width / 2, size[1] / 2 - height / 2)
    return np.asarray(cv2.warpAffine(word, warp, size), np.float32)


def bent(word: Ink, depth: float = 0.07) -> Ink:
    """Bend a word up in the middle by `depth` of its width."""
    pad = round(depth * word.shape[1]) + 2
    word = np.pad(word, ((pad, pad), (2, 2)))
    height, width = word.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    arc = depth * width * (((x / (width - 1)) * 2 - 1) ** 2 - 0.5)
    return np.asarray(cv2.remap(word, x, (y - arc).astype(np.float32), cv2.INTER_LINEAR), np.float32)


def cloth(height: int = 480, width: int = 240) -> Bgr:
    """Return folded grey cloth."""
    shade = 100 + 20 * np.sin(np.arange(width) / 17)
    return np.repeat(np.tile(shade, (height, 1))[..., None], 3, 2).astype(np.uint8)


def printed(word: Ink, capital: float, *, on: Bgr | None = None) -> tuple[Bgr, tuple[int, int, int, int]]:
    """Print a word, its capitals `capital` px high, amid cloth; return that and the word's box."""
    picture = (cloth() if on is None else on).copy()
    scale = capital / HEIGHT
    small = cv2.resize(word, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = small.shape
    x, y = (picture.shape[1] - width) // 2, (picture.shape[0] - height) // 2
    cover = cv2.GaussianBlur(small, (0, 0), 0.6)[..., None]
    under = picture[y : y + height, x : x + width]
    picture[y : y + height, x : x + width] = (under * (1 - cover) + 240 * cover).astype(np.uint8)
    left, top, across, down = cv2.boundingRect((small > 0.3).astype(np.uint8))
    return picture, (x + left, y + top, x + left + across, y + top + down)
