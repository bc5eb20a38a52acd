"""Reads the picture of a mark, from anybody: what is taken is small, upright and trimmed to the mark."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.errors import BadInput, BadPicture
from engines.file_type import AVIF, HEAD_BYTES, HEIC, other_group, other_kind, picture_start, sniff
from engines.marks.decode_child import HEAVY, LENGTH, RASTER, TOO_MUCH
from pricing.plain_file import read_plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Rgba = npt.NDArray[np.uint8]
    Bgr = npt.NDArray[np.uint8]
    Mask = npt.NDArray[np.bool_]

SUFFIXES = (".svg", ".png", ".jpg", ".jpeg", ".webp")
MAX_BYTES = 20_000_000
TIMEOUT_S = 30.0
AT_ONCE = 8
"""Pictures to one starting of the decoder: starting takes longer than a picture."""
LEAST_SIDE = 12
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
MARGIN = 1.16
"""Side of a view by the longest side of its mark, as in training."""
ONE_TONE, JPEG_TONE, LEAST_CONTRAST = 12, 24, 60
"""Spread of a colour that is still one, in a drawing and in a JPEG; contrast that a mark needs."""
MOSTLY = 0.7
"""Share of the full contrast from which a pixel of a JPEG is the mark's own colour, not its blurred edge."""
PATTERN_NAME = re.compile(r"pattern(-\d+)?")
"""How a gallery calls the picture of a pattern, without its suffix: all of it is the cloth."""
LEAST_SWATCH = 48
_SOLID = 128
_CHILD = Path(__file__).with_name("decode_child.py")


class Ground(str, Enum):
    """What the mark stands on: nothing, one even colour, or whatever the picture shows, as a garment."""

    NONE = "none"
    EVEN = "even"
    GARMENT = "garment"


@dataclass(frozen=True, slots=True)
class MarkPicture:
    """A picture of one mark, trimmed to it. pixels: (h, w, 4) uint8, RGBA, upright, at most 640 a side.

    border: the colour of an even ground (red, green, blue). is_pattern: it is a swatch of a brand's cloth.
    """

    path: Path
    pixels: Rgba
    ground: Ground
    border: tuple[int, int, int] | None = None
    is_pattern: bool = False

    def on(self, ground: tuple[int, int, int] = WHITE) -> Bgr:
        """Return it laid on a colour (red, green, blue) where it is transparent, (h, w, 3) uint8 BGR."""
        alpha = self.pixels[..., 3:].astype(np.float32) / 255
        laid = self.pixels[..., :3] * alpha + np.array(ground, np.float32) * (1 - alpha)
        return np.ascontiguousarray(np.rint(laid).astype(np.uint8)[..., ::-1])

    def views(self) -> list[Bgr]:
        """Return it as it may be met, square, (s, s, 3) uint8 BGR: on light and dark, and the two exchanged.

        A shirt shows its badge in other colours than the letterhead does. A mark of one colour, drawn or a
        JPEG on an even ground, is met in any: it is shown dark on light and light on dark. What is cut from a
        garment is shown as it is.
        """
        share = self._one_tone()
        if share is not None:
            dark = _squared(np.repeat(np.rint(255 * (1 - share))[..., None], 3, 2).astype(np.uint8), WHITE)
            return [dark, np.asarray(255 - dark, np.uint8)]
        seen = self._as_given()
        return seen if self.ground is Ground.GARMENT else seen + [exchanged(view) for view in seen]

    def drawings(self) -> tuple[list[Bgr], list[Bgr]]:
        """Return the views for keypoints: as it is, and with light and dark exchanged, a garment's too."""
        seen = self.views()
        if self.ground is Ground.GARMENT:
            return seen, [exchanged(view) for view in seen]
        half = len(seen) // 2
        return seen[:half], seen[half:]

    def _as_given(self) -> list[Bgr]:
        alone = self._alone()
        if alone is None:
            return [_squared(self.on())]
        mean = float(alone.pixels[alone.pixels[..., 3] >= _SOLID][:, :3].mean())
        grounds = [ground for ground in (WHITE, BLACK) if abs(mean - ground[0]) > LEAST_CONTRAST]
        return [_squared(alone.on(ground), ground) for ground in grounds]

    def _alone(self) -> MarkPicture | None:
        """Return the mark without what it stands on; None where it cannot be told from that."""
        if self.ground is Ground.NONE:
            return self
        if self.border is None:
            return None
        from engines.marks.cut_out import cut_out  # noqa: PLC0415 loads OpenCV

        pixels = cut_out(self.pixels, self.border)
        return None if pixels is None else replace(self, pixels=pixels, ground=Ground.NONE, border=None)

    def _one_tone(self) -> npt.NDArray[np.float32] | None:
        """Return how much of each pixel is mark, (h, w), 0 to 1, for a mark of one colour; else None."""
        rgb = self.pixels[..., :3].astype(np.float32)
        if self.ground is Ground.NONE:
            solid = rgb[self.pixels[..., 3] >= _SOLID]
            alpha = np.asarray(self.pixels[..., 3] / 255, np.float32)
            return alpha if solid.std(axis=0).max() < ONE_TONE else None
        if self.ground is Ground.GARMENT:
            return None
        border = self.border if self.border is not None else WHITE
        apart = np.abs(rgb - np.array(border, np.float32)).max(axis=-1)
        contrast = float(np.percentile(apart, 99))
        inked = rgb[apart > MOSTLY * contrast]
        if contrast < LEAST_CONTRAST or inked.std(axis=0).max() >= JPEG_TONE:
            return None
        return np.asarray(np.clip(apart / contrast, 0, 1), np.float32)


def read_mark(path: Path) -> MarkPicture:
    """Return the mark in an SVG, PNG, JPEG, WebP, GIF, TIFF or BMP file, whatever its name.

    Trimmed by its transparency where it has any, else by its border's colour where that is even; any other
    picture is taken whole, as cut from a garment. Raises BadInput, one line with the path, for what is no
    picture, is too large, broken or dangerous, or shows no mark.
    """
    (found,) = read_marks([path])
    if isinstance(found, BadInput):
        raise found
    return found


def read_pattern(path: Path) -> MarkPicture:
    """Return a swatch of a pattern, whole, whatever its name; raises BadInput as `read_mark` does."""
    try:
        (answer,) = _decode([_readable(path)])
        if isinstance(answer, _NoMark):
            raise answer
        return _swatch(path, answer)
    except _NoMark as error:
        raise BadPicture(f"{path}: {error}", error.why) from None


def read_marks(paths: Sequence[Path]) -> list[MarkPicture | BadInput]:
    """Return the marks in files, or what is wrong with each, as `read_mark` does; quicker for many."""
    found: list[MarkPicture | BadInput] = []
    for start in range(0, len(paths), AT_ONCE):
        found += _marks(paths[start : start + AT_ONCE])
    return found


def _marks(paths: Sequence[Path]) -> Iterator[MarkPicture | BadInput]:
    files = [_read(path) for path in paths]
    answers = iter(_decode([file for file in files if isinstance(file, bytes)]))
    for path, file in zip(paths, files, strict=True):
        answer = next(answers) if isinstance(file, bytes) else file
        try:
            if isinstance(answer, _NoMark):
                raise answer
            yield _swatch(path, answer) if is_swatch(path) else _trimmed(path, answer)
        except _NoMark as error:
            yield BadPicture(f"{path}: {error}", error.why)


def exchanged(picture: Bgr) -> Bgr:
    """Return a (h, w, 3) uint8 BGR picture with light and dark exchanged; its hues stay."""
    light = picture.max(axis=-1).astype(np.int16) + picture.min(axis=-1)
    return np.asarray((picture + (255 - light)[..., None]).clip(0, 255), np.uint8)


def _squared(picture: Bgr, ground: tuple[int, int, int] | None = None) -> Bgr:
    """Return it amid a square with a margin, of the ground's colour, else as its border goes on."""
    height, width = picture.shape[:2]
    side = round(max(height, width) * MARGIN)
    top, left = (side - height) // 2, (side - width) // 2
    around = ((top, side - height - top), (left, side - width - left), (0, 0))
    if ground is None:
        return np.pad(picture, around, mode="edge")
    return np.pad(picture, around, constant_values=ground[0])


class _NoMark(Exception):
    """What is wrong, without the path. why: as of BadPicture."""

    def __init__(self, text: str, why: str = "mark_none") -> None:
        super().__init__(text)
        self.why = why


def _read(path: Path) -> bytes | _NoMark:
    suffix = path.suffix.lower()
    try:
        data = read_plain(path, MAX_BYTES + 1)
    except OSError as error:
        return _NoMark(f"cannot be read: {error.strerror}", "mark_broken")
    if not data:
        return _NoMark("is empty", "mark_broken")
    if len(data) > MAX_BYTES:
        return _NoMark(f"is larger than {MAX_BYTES // 10**6} MB; cut the mark out", HEAVY)
    data = data[picture_start(data) :]
    if suffix == ".svg" or data.startswith(RASTER) or _is_drawing(data):
        return data
    return _wrong_kind(suffix, data[:HEAD_BYTES])


def _readable(path: Path) -> bytes:
    data = _read(path)
    if isinstance(data, _NoMark):
        raise data
    return data


def _wrong_kind(suffix: str, head: bytes) -> _NoMark:
    found = sniff(head)
    if found in (HEIC, AVIF):
        return _NoMark(f"is a {found.name} picture; save it as JPEG or PNG", "other_picture")
    if other := other_kind(head):
        return _NoMark(f"is {other}", f"other_{other_group(head)}")
    if suffix in SUFFIXES:
        return _NoMark(f"is named {suffix} but holds no PNG, JPEG or WebP; export it again", "mark_kind")
    words = "is no picture of a kind that is read; give SVG, PNG, JPEG, WebP, GIF, TIFF or BMP"
    return _NoMark(words, "mark_kind")


def is_picture(path: Path) -> bool:
    """Return whether a file holds a picture, by its content, or is at least named like one."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        head = read_plain(path, HEAD_BYTES)
    except OSError:
        return False
    found = sniff(head)
    return _is_drawing(head) or (found is not None and found.kind == "image")


def is_swatch(path: Path) -> bool:
    """Return whether a gallery's picture is of a pattern, by its name: pattern.png, pattern-2.png.

    >>> is_swatch(Path("gucci/pattern-1.png")), is_swatch(Path("gucci/patterned.png"))
    (True, False)
    """
    return PATTERN_NAME.fullmatch(path.stem) is not None


def is_drawing(path: Path) -> bool:
    """Return whether a picture that `read_mark` takes is an SVG, by its content, whatever its name."""
    head = read_plain(path, HEAD_BYTES)
    return not head[picture_start(head) :].startswith(RASTER)


def _is_drawing(data: bytes) -> bool:
    return data[:3] in (b"<sv", b"<?x", b"\xef\xbb\xbf") and b"<svg" in data[:4096]


def _decode(files: Sequence[bytes]) -> list[Rgba | _NoMark]:
    """Return pictures' pixels, decoded in child processes that cannot harm this one."""
    if not files:
        return []
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_CHILD)],
            input=b"".join(LENGTH.pack(len(data)) + data for data in files),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S * len(files),
            check=False,
            env={},
        )
    except subprocess.TimeoutExpired:
        return [_NoMark(TOO_MUCH, HEAVY) for _ in files]
    except OSError as error:
        return [_NoMark(f"cannot be decoded now: {error.strerror}", HEAVY) for _ in files]
    return list(_answers(done.stdout, len(files)))


def _answers(data: bytes, count: int) -> Iterator[Rgba | _NoMark]:
    at = 0
    for _ in range(count):
        end = data.find(b"\n", at)
        answer: dict[str, Any] = json.loads(data[at:end]) if end >= 0 else {"refused": TOO_MUCH, "why": HEAVY}
        at = end + 1 if end >= 0 else len(data)
        if "refused" in answer:
            yield _NoMark(answer["refused"], answer["why"])
            continue
        width, height = answer["size"]
        pixels = np.frombuffer(data[at : at + 4 * width * height], np.uint8)
        at += pixels.size
        yield pixels.reshape(height, width, 4)


def _trimmed(path: Path, pixels: Rgba) -> MarkPicture:
    ground, border = Ground.GARMENT, None
    if (pixels[..., 3] < _SOLID).any():
        ground, pixels = Ground.NONE, _cut(pixels, pixels[..., 3] >= 16)
    shown = pixels[pixels[..., 3] >= _SOLID]
    if not len(shown):
        raise _NoMark("shows no mark: it is empty or too faint")
    if (pixels[..., 3] >= _SOLID).mean() > 0.99:
        border = _even_border(pixels)
        if border is not None:
            apart = np.abs(pixels[..., :3].astype(np.int16) - border).max(axis=-1)
            ground, pixels = Ground.EVEN, _cut(pixels, apart > 40)
        elif pixels[..., :3].std(axis=(0, 1)).max() < 6:
            raise _NoMark("shows no mark: it is of one colour")
    height, width = pixels.shape[:2]
    if min(height, width) < LEAST_SIDE:
        raise _NoMark(
            f"shows a mark of only {width}x{height} pixels; give a larger picture of it", "mark_small"
        )
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False
    colour = None if border is None else (int(border[0]), int(border[1]), int(border[2]))
    return MarkPicture(path, pixels, ground, colour)


def _swatch(path: Path, pixels: Rgba) -> MarkPicture:
    height, width = pixels.shape[:2]
    if min(height, width) < LEAST_SWATCH:
        raise _NoMark(
            f"shows only {width}x{height} pixels of a pattern; give {LEAST_SWATCH} or more each way",
            "pattern_small",
        )
    picture = MarkPicture(path, np.ascontiguousarray(pixels), Ground.GARMENT, is_pattern=True)
    if float(picture.on().std(axis=(0, 1)).max()) < ONE_TONE:
        raise _NoMark("shows no pattern: it is of one colour, or too faint", "pattern_none")
    return picture


def _even_border(pixels: Rgba) -> npt.NDArray[np.int16] | None:
    """Return the colour along the picture's border; None where it is not even there."""
    wide = max(1, round(0.02 * min(pixels.shape[:2])))
    inner = np.zeros(pixels.shape[:2], np.bool_)
    inner[wide:-wide, wide:-wide] = True
    ring = pixels[~inner][:, :3].astype(np.int16)
    colour = np.median(ring, axis=0).astype(np.int16)
    even = (np.abs(ring - colour).max(axis=-1) <= 24).mean() >= 0.95
    return colour if even else None


def _cut(pixels: Rgba, mark: Mask) -> Rgba:
    """Return the picture cut to the mark; specks of dust and noise do not count."""
    spans = []
    for axis in (1, 0):
        there = np.flatnonzero(mark.sum(axis=axis) >= max(1, round(0.002 * mark.shape[axis])))
        if not len(there):
            raise _NoMark("shows no mark: it is of one colour, or empty")
        spans.append(slice(int(there[0]), int(there[-1]) + 1))
    return pixels[spans[0], spans[1]]
