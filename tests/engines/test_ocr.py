from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from engines.colour import from_bgr
from engines.ocr import WordReader

if TYPE_CHECKING:
    import numpy.typing as npt


@pytest.fixture(scope="module")
def reader() -> WordReader:
    return WordReader()


def jersey(word: str, *, scale: float = 0.7, size: tuple[int, int] = (400, 160)) -> npt.NDArray[np.uint8]:
    """Return folded grey cloth with a word across the chest."""
    shade = 110 + 25 * np.sin(np.arange(size[1]) / 9)
    cloth = np.repeat(np.tile(shade, (size[0], 1))[..., None], 3, 2).astype(np.uint8)
    cv2.putText(cloth, word, (12, 150), cv2.FONT_HERSHEY_DUPLEX, scale, (245, 245, 245), 2, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(cloth, (0, 0), 0.6), np.uint8)


@pytest.mark.parametrize(("word", "scale"), [("BURBERRY", 0.7), ("GUCCI", 1.0), ("Prada", 0.5)])
def test_reads_a_word_where_it_is(reader: WordReader, word: str, scale: float) -> None:
    (found,) = reader.read(from_bgr(jersey(word, scale=scale)))
    assert found.text == word
    assert found.confidence > 0.8
    (width, height), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_DUPLEX, scale, 2)
    assert found.box == pytest.approx((12, 150 - height, 12 + width, 150), abs=12)


def test_large_crops_keep_their_coordinates(reader: WordReader) -> None:
    (found,) = reader.read(jersey("BURBERRY", scale=2.0, size=(1400, 600)))
    assert found.text == "BURBERRY"
    assert found.box[3] == pytest.approx(150, abs=15)


@pytest.mark.parametrize("size", [(8, 200), (200, 8), (64, 64)])
def test_nothing_to_read(reader: WordReader, size: tuple[int, int]) -> None:
    assert reader.read(np.full((*size, 3), 90, np.uint8)) == []


def test_keeps_quiet(reader: WordReader, capfd: pytest.CaptureFixture[str]) -> None:
    reader.read(np.full((200, 200, 3), 90, np.uint8))
    assert capfd.readouterr() == ("", "")
    assert not logging.getLogger("RapidOCR").handlers
