"""Which files of several JPEGs are films, and which are photographs with more behind them."""

from __future__ import annotations

import random
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from engines.file_type import JPEG, MJPEG, read_type
from engines.jpeg_film import jpegs

if TYPE_CHECKING:
    from pathlib import Path

EXIF = Image.Exif()
EXIF[0x010F] = "Phone"
PART = b"\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 100\r\n\r\n"


def _jpeg(size: tuple[int, int] = (64, 48), seed: int = 0, **how: object) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    out = BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", **how)
    return out.getvalue()


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def _with(jpeg: bytes, segment: bytes) -> bytes:
    return jpeg[:2] + segment + jpeg[2:]


FRAMES = [_jpeg(seed=seed) for seed in range(4)]
PHOTO, VIEW = _jpeg(exif=EXIF), _jpeg(seed=1, exif=EXIF)
FILMS = {
    "two": b"".join(FRAMES[:2]),
    "four": b"".join(FRAMES),
    "padded": bytes(500).join(FRAMES) + bytes(7),
    "multipart": PART + PART.join(FRAMES) + b"\r\n--frame--\r\n",
    "progressive": b"".join(_jpeg(seed=seed, progressive=True) for seed in range(3)),
    "restarts": b"".join(_jpeg(seed=seed, restart_marker_blocks=1) for seed in range(3)),
    "cut": b"".join(FRAMES)[:-200],
    "exif in each": PHOTO * 3,
    "thumbnail in each": _with(FRAMES[0], _segment(0xE1, b"Exif\0\0" + _jpeg((16, 12)))) * 3,
}
PHOTOGRAPHS = {
    "alone": FRAMES[0],
    "thumbnail": _with(FRAMES[0], _segment(0xE1, b"Exif\0\0" + _jpeg((16, 12)) * 3)),
    "cut in its thumbnail": _with(FRAMES[0], _segment(0xE1, b"Exif\0\0" + _jpeg((16, 12)) * 3))[:900],
    "pair of views": PHOTO + VIEW,
    "names others": _with(PHOTO, _segment(0xE2, b"MPF\0" + bytes(80))) + VIEW * 3,
    "light behind it": FRAMES[0] + _jpeg((32, 24)),
    "preview and picture": _jpeg((32, 24)) + FRAMES[0] + _jpeg((16, 12)),
    "film behind it": FRAMES[0] + b"\0\0\0\x18ftypmp42" + bytes(400) + FRAMES[1] * 3,
    "words behind it": FRAMES[0] + b"SEFH and more " * 9 + FRAMES[1],
    "blanks behind it": FRAMES[0] + bytes(5000),
    "page before it": b"\r\n\r\n" + FRAMES[0],
}


@pytest.mark.parametrize("name", FILMS)
def test_jpegs_one_behind_another_are_a_film(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(FILMS[name])
    assert read_type(path) is MJPEG


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_photograph_with_more_in_it_or_behind_it_stays_one(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.mjpeg"
    path.write_bytes(PHOTOGRAPHS[name])
    assert read_type(path) is JPEG


@pytest.mark.parametrize("name", FILMS)
def test_all_pictures_are_found_where_they_lie(name: str) -> None:
    found = list(jpegs(FILMS[name]))
    assert {one.size for one in found} == {(64, 48)}
    for one in found[: len(found) - (name == "cut")]:
        assert one.is_whole
        Image.open(BytesIO(FILMS[name][one.begin : one.end])).load()


def test_no_bytes_raise_or_hold_it_up() -> None:
    draw = random.Random(7)
    for _ in range(400):
        data = bytearray(FILMS[draw.choice(list(FILMS))])
        for at in draw.choices(range(len(data)), k=draw.randrange(1, 12)):
            data[at] = draw.choice((0xFF, 0xD8, 0xDA, draw.randrange(256)))
        found = list(jpegs(bytes(data[: draw.randrange(len(data))])))
        assert all(one.begin < one.end for one in found)
        assert all(a.end <= b.begin for a, b in pairwise(found))
