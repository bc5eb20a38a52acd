"""Still pictures, and the frames of moving ones."""

from __future__ import annotations

import io
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.colour import from_bgr
from engines.file_type import (
    ANIMATED,
    AVIF,
    GIF,
    HEAD_BYTES,
    HEIC,
    JPEG,
    PNG,
    TIFF,
    WEBP,
    is_animated,
    is_cut_short,
    other_kind,
    picture_start,
    read_type,
    sniff,
)
from pipelines.errors import BadInput
from pipelines.printable import noted
from pricing.plain_file import read_plain
from probes.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from engines.image import I420

    Bgr = npt.NDArray[np.uint8]

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
MAX_PIXELS, MAX_JPEG_PIXELS = 120_000_000, 240_000_000
"""Larger pictures are refused by their header; a JPEG is scaled while it is decoded and may be larger."""
FULL_PIXELS = 25_000_000
"""Pictures above this are halved until they fit: phones make 48 to 200 million pixels, heads need fewer."""
JPEG_END, BLOCK = b"\xff\xd9", 8
MIN_FRAME_MS = 20
"""Animations with shorter frames, or none, are played as browsers do: a frame each 100 ms."""
NO_PICTURE = Reason(
    "no picture that can be read; give a JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC or AVIF file",
    why="no_picture_read",
)
MOVING = Reason(
    "a moving picture: only its first frame is taken; give a video, or a folder of its frames",
    why="picture_moves",
)
LEAST_SIDE = 2
"""Colours are kept for 2 x 2 pixels: a picture below that has none."""
CUT_SHORT = Reason("the file is cut short: the rest of the picture is missing", why="picture_cut_short")
CUT_OFF = Reason(f"{CUT_SHORT}; send it again", why="file_cut_short")
_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
_BY_PILLOW = (HEIC, AVIF, GIF)
_TRANSPARENT = (PNG, WEBP, TIFF)
"""OpenCV shows the colours below what is transparent, which a person has cut out."""
NO_WHITE = Reason(
    "a TIFF of 32 bits a pixel does not say what is white; save it with 8 or 16", why="tiff_no_white"
)
_NO_WHITE = ("F", "I")
"""Pillow's modes of whole and of floating numbers with 32 bits: 1 may be white, or 255, or 65535."""


def list_images(folder: str | Path) -> list[Path]:
    """Return the picture files right in the folder, sorted by name; OSError where it cannot be read.

    The content decides. A file that is only named like a picture is listed too: reading says what is wrong.
    """
    files = (
        path for path in noted(Path(folder).iterdir()) if not path.name.startswith(".") and path.is_file()
    )
    return sorted(path for path in files if is_image(path) or path.suffix.lower() in IMAGE_SUFFIXES)


def is_image(path: Path) -> bool:
    """Return whether a file holds a picture, moving or not, by its content; False where it cannot be read."""
    try:
        found = read_type(path)
    except OSError:
        return False
    return found is not None and (found.kind == "image" or found.animated)


def unknown_picture(head: bytes) -> str:
    """Return what is wrong with a file of which `sniff` knows nothing, and how to mend it."""
    other = other_kind(head)
    return f"is {other}" if other else NO_PICTURE


def check_size(size: tuple[int, int]) -> None:
    """Raise BadInput, without the path, where a picture of (width, height) pixels is too small."""
    if min(size) < LEAST_SIDE:
        (width, height), least = size, LEAST_SIDE
        text = f"the picture has {width} x {height} pixels, too few to show a person: give it in its original"
        text += f" size, {least} x {least} at least"
        raise BadInput(Reason(text, why="picture_too_small", width=width, height=height, least=least))


def read_image(path: str | Path, warn: Callable[[str], None] | None = None) -> I420:
    """Read a picture, turned upright as its EXIF says; BadInput where it is none.

    An odd last row or column is dropped; above `FULL_PIXELS` it is scaled down, a JPEG while it is decoded.
    warn: called with one line where the file ends early and part of the picture is missing, and where the
    picture moves: the first frame is read.
    """
    try:
        data = read_plain(Path(path))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    data = data[picture_start(data) :]
    try:
        bgr = _decode(data)
        if bgr is not None:
            check_size((bgr.shape[1], bgr.shape[0]))
    except BadInput as error:
        raise BadInput(Reason.at(path, error.args[0])) from None
    found, cut = sniff(data[:HEAD_BYTES]), is_cut_short(data)
    if bgr is None:
        wrong = NO_PICTURE if found else unknown_picture(data[:HEAD_BYTES])
        raise BadInput(Reason.at(path, CUT_OFF if cut else wrong))
    if cut and warn is not None:
        warn(CUT_SHORT)
    if warn is not None and found in ANIMATED and is_animated(data):
        warn(MOVING)
    return from_bgr(bgr)


def read_animation(path: str | Path, warn: Callable[[str], None] | None = None) -> Iterator[tuple[int, I420]]:
    """Yield (ns since the first frame, picture) for each frame of an animated picture, as it is shown.

    BadInput where it is none. warn: called with one line where not all of its frames can be read.
    """
    count = at_ms = 0
    data = b""
    try:
        data = _read(path)
        with _opened(data) as animation:
            check_size(animation.size)
            for frame in _shown(animation):
                yield at_ms * 1_000_000, from_bgr(_flat(frame))
                at_ms += _frame_ms(frame)
                count += 1
    except BadInput as error:
        raise BadInput(Reason.at(path, error.args[0])) from None
    except _PILLOW_ERRORS:
        if count == 0:
            raise BadInput(Reason.at(path, _not_read(data))) from None
        if warn is not None:
            read = f"{count} frame{'s' * (count > 1)}, {at_ms / 1000:.1f} s, were read"
            wrong = "cut short" if is_cut_short(data) else "damaged"
            warn(Reason(f"the file is {wrong}: {read}", why="film_damaged", frames=count))


def _not_read(data: bytes) -> str:
    return CUT_OFF if is_cut_short(data) else NO_PICTURE


def _read(path: str | Path) -> bytes:
    data = read_plain(Path(path))
    return data[picture_start(data) :]


def animation_times(path: str | Path) -> tuple[tuple[int, int], int, int]:
    """Return size, number of frames and length in ms of an animated picture. Raises BadInput."""
    times: list[int] = []
    data = b""
    try:
        data = _read(path)
        with _opened(data) as animation:
            size = animation.size
            check_size(size)
            times.extend(_frame_ms(frame) for frame in _decoded(animation))
    except BadInput as error:
        raise BadInput(Reason.at(path, error.args[0])) from None
    except _PILLOW_ERRORS:
        if not times:
            raise BadInput(Reason.at(path, _not_read(data))) from None
    return (size[0] & ~1, size[1] & ~1), len(times), sum(times)


_PILLOW_ERRORS = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, OverflowError)
"""What Pillow raises for broken files, beside its own kinds, which are OSErrors."""


def _decode(data: bytes) -> Bgr | None:
    """Return the picture as BGR; None where it is none. BadInput, without the path, where it is too large."""
    found = sniff(data[:HEAD_BYTES])
    if found is None or found.kind != "image":
        return None
    try:
        with _opened(data) as header:
            pixels = header.width * header.height
            by_pillow = found in _BY_PILLOW or (found in _TRANSPARENT and _is_transparent(header))
            if found is TIFF and header.mode in _NO_WHITE:
                raise BadInput(NO_WHITE)
    except BadInput:
        raise
    except _PILLOW_ERRORS:
        return None
    factor = 1
    while found is JPEG and factor < 8 and pixels / factor**2 > FULL_PIXELS:
        factor *= 2
    bgr = None
    if not by_pillow:
        try:
            flag = _REDUCED.get(factor, cv2.IMREAD_COLOR)
            bgr = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
            if bgr is None and found is JPEG and is_cut_short(data):
                bgr = _with_end(cv2.imdecode(np.frombuffer(data + JPEG_END, np.uint8), flag))
        except cv2.error:
            bgr = None
    if bgr is None and found is not JPEG:
        bgr = _by_pillow(data)
    while bgr is not None and bgr.shape[0] * bgr.shape[1] > FULL_PIXELS:
        bgr = cv2.resize(bgr, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return None if bgr is None else np.asarray(bgr, np.uint8)


def _with_end(bgr: Any) -> Any:
    """Return a JPEG without an end marker, as some cameras send it; None where its lower part is missing.

    The decoder fills what is missing with blocks of one colour.
    """
    if bgr is None or min(bgr.shape[:2]) < BLOCK:
        return bgr
    last = bgr[bgr.shape[0] // BLOCK * BLOCK - BLOCK :][:BLOCK, : bgr.shape[1] // BLOCK * BLOCK]
    blocks = last.reshape(BLOCK, -1, BLOCK, last.shape[2])
    return None if (np.ptp(blocks, axis=(0, 2)) == 0).all() else bgr


def _by_pillow(data: bytes) -> Bgr | None:
    from PIL import ImageOps  # noqa: PLC0415 loaded only where it is needed

    try:
        with _opened(data) as picture:
            ImageOps.exif_transpose(picture, in_place=True)
            return _flat(picture)
    except BadInput:
        raise
    except _PILLOW_ERRORS:
        return None


def _opened(data: bytes) -> Any:
    """Return Pillow's image, its header read; BadInput, without the path, where it is too large."""
    from PIL import Image  # noqa: PLC0415 loaded only where it is needed

    found = sniff(data[:HEAD_BYTES])
    if found is HEIC:
        try:
            import pi_heif  # noqa: PLC0415 loaded only where it is needed
        except ImportError:
            raise BadInput("HEIC cannot be read here: save it as JPEG, or install pi-heif") from None
        pi_heif.register_heif_opener(thumbnails=False)
    Image.MAX_IMAGE_PIXELS = None  # the bound below holds instead, and says what to do
    picture = Image.open(io.BytesIO(data))
    bound = MAX_JPEG_PIXELS if found is JPEG else MAX_PIXELS
    if picture.width * picture.height > bound:
        picture.close()
        most, (width, height) = bound // 1_000_000, picture.size
        text = f"the picture has {width} x {height} pixels; {most} million are the most"
        raise BadInput(Reason(text, why="picture_too_large", width=width, height=height, most=most))
    return picture


def _is_transparent(header: Any) -> bool:
    """Return whether Pillow's image may be transparent; it converts none of 16 bits in one channel right."""
    return bool(header.has_transparency_data) and not header.mode.startswith("I")


def _flat(picture: Any) -> Bgr:
    """Return Pillow's image as BGR, on white where it is transparent."""
    from PIL import Image  # noqa: PLC0415 loaded only where it is needed

    if picture.has_transparency_data:
        rgba = picture if picture.mode == "RGBA" else picture.convert("RGBA")
        flat = Image.new("RGB", rgba.size, "white")
        flat.paste(rgba, mask=rgba)
    else:
        flat = picture.convert("RGB")
    return np.ascontiguousarray(np.asarray(flat, np.uint8)[..., ::-1])


def _shown(animation: Any) -> Iterator[Any]:
    """Yield the frames that are shown: a PNG may begin with one for programs that show no others."""
    from PIL import ImageSequence  # noqa: PLC0415 loaded only where it is needed

    is_only_still = bool(getattr(animation, "default_image", False))
    for frame in islice(ImageSequence.Iterator(animation), int(is_only_still), None):
        if animation.format in ("WEBP", "AVIF"):
            frame.load()  # its time is known only then
        yield frame


def _decoded(animation: Any) -> Iterator[Any]:
    """Yield the frames that can be read."""
    for frame in _shown(animation):
        frame.load()
        yield frame


def _frame_ms(frame: Any) -> int:
    shown = frame.info.get("duration", 0)
    return int(shown) if isinstance(shown, (int, float)) and shown >= MIN_FRAME_MS else 100
