"""The process that decodes pictures of marks: on stdin each as its length and its bytes, RGBA on stdout.

Run as a script, with nothing of ours imported. It sees files from anybody, and resvg by design has no limits
of its own (linebender/resvg#814) and opens the files that a drawing names: so a drawing is looked through
first, and each picture has a process of its own, bounded in memory and time, that can open no file.
"""

from __future__ import annotations

import contextlib
import copy  # noqa: F401  Pillow loads it only when it turns a GIF
import ctypes
import encodings.ascii
import encodings.latin_1
import encodings.utf_8_sig  # noqa: F401  a codec is a file, and no file can be opened later
import io
import json
import os
import resource
import struct
import sys
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

if TYPE_CHECKING:
    from PIL import Image

MEMORY = 1 << 30
CPU_S = 4
SIDE = 640
"""Longer side of what comes out, px."""
MAX_PIXELS = 50_000_000
MAX_SVG_BYTES = 1_000_000
MAX_ELEMENTS = 5_000
MAX_DEPTH = 64
RASTER = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"II*\0", b"MM\0*", b"BM")
PR_SET_DUMPABLE = 4
"""From linux/prctl.h."""
LENGTH = struct.Struct(">I")
HEAVY = "mark_heavy"
TOO_MUCH = "takes too much time or memory to draw; simplify it, or give it as PNG"
_PICTURES = ("image", "feImage")
_LETTERS = ("text", "tspan")


class DecodeRefused(Exception):
    """What is wrong with the picture, in words for a person. why: the same for a page, as of BadPicture."""

    def __init__(self, text: str, why: str = "mark_drawing") -> None:
        super().__init__(text)
        self.why = why


def limit() -> None:
    """Bound what this process may take."""
    for what, maximum in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(what, (maximum, maximum))


def check_svg(data: bytes) -> str:
    """Return the drawing's text; DecodeRefused where it is none, or could reach out or blow up."""
    if len(data) > MAX_SVG_BYTES:
        raise DecodeRefused(
            f"is larger than {MAX_SVG_BYTES // 1000} kB; a mark needs no more: simplify the drawing",
            HEAVY,
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DecodeRefused("is neither a picture nor UTF-8 text; export it again as SVG or PNG") from None
    _Look().through(text)
    return text


class _Look:
    """Looks through a drawing without building it."""

    def __init__(self) -> None:
        self._elements = self._depth = 0

    def through(self, text: str) -> None:
        parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.EntityDeclHandler = self._entity
        try:
            parser.Parse(text.encode(), True)
        except expat.ExpatError as error:
            raise DecodeRefused(
                f"is no SVG drawing: line {error.lineno} is not XML; export it again"
            ) from None

    def _entity(self, *_: Any) -> None:
        raise DecodeRefused('declares entities ("<!ENTITY"); export it again as plain SVG')

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(" ")[2]
        self._elements += 1
        self._depth += 1
        if self._elements == 1 and tag not in ("http://www.w3.org/2000/svg svg", "svg"):
            raise DecodeRefused("is no SVG drawing: its first element is not <svg>")
        if self._elements > MAX_ELEMENTS or self._depth > MAX_DEPTH:
            raise DecodeRefused(
                f"is no plain mark: more than {MAX_ELEMENTS} parts, or {MAX_DEPTH} deep; simplify it",
                HEAVY,
            )
        if name in _PICTURES:
            raise DecodeRefused("holds or names another picture; give that picture itself")
        if name in _LETTERS:
            raise DecodeRefused("has text that needs a font; export it with text as paths")
        for key, value in attributes.items():
            if key.rpartition(" ")[2] == "href" and name != "a" and not value.strip().startswith("#"):
                raise DecodeRefused("refers to something outside the drawing; export it as one plain SVG")

    def _end(self, _: str) -> None:
        self._depth -= 1


def raster(data: bytes) -> Image.Image:
    """Return such a picture upright as RGBA of bounded size; what is too large is never decoded."""
    from PIL import Image, ImageOps  # noqa: PLC0415 loaded before the limits are set

    data = _ended(data)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise DecodeRefused(
                    f"has {width * height / 1e6:.0f} megapixels, at most {MAX_PIXELS // 10**6} are read;"
                    " cut the mark out",
                    HEAVY,
                )
            picture.draft(None, (SIDE, SIDE))
            upright = ImageOps.exif_transpose(picture)
            if upright.mode.startswith("I"):
                upright = upright.convert("I").point(lambda value: value * (1 / 256)).convert("L")
            rgba = upright.convert("RGBA")
    except MemoryError:
        raise
    except Image.DecompressionBombError:
        raise DecodeRefused("unpacks to far more than it should; export it again", HEAVY) from None
    except (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, ZeroDivisionError):
        # What Pillow's decoders raise on broken files is not one family.
        raise DecodeRefused("is broken or cut off; export it again", "mark_broken") from None
    rgba.thumbnail((SIDE, SIDE))
    return rgba


def _ended(data: bytes) -> bytes:
    """Return a JPEG that lacks only its end marker with one; where part of the picture is missing, as it is.

    Bytes after the last block change nothing in a whole picture, but are taken for blocks that are missing.
    """
    if not data.startswith(b"\xff\xd8\xff") or data.rstrip(b"\0\r\n").endswith(b"\xff\xd9"):
        return data
    from PIL import Image  # noqa: PLC0415 loaded before the limits are set

    small = []
    try:
        for more in (b"", b"\x5a" * 64):
            with Image.open(io.BytesIO(data + more + b"\xff\xd9"), formats=("JPEG",)) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    return data
                picture.draft(None, (SIDE, SIDE))
                small.append(picture.tobytes())
    except (OSError, SyntaxError, ValueError):
        return data
    return data + b"\xff\xd9" if small[0] == small[1] else data


def drawing(text: str) -> Image.Image:
    """Return an SVG drawing as RGBA; a ratio of sides beyond 1:SIDE leaves nothing."""
    from PIL import Image  # noqa: PLC0415 loaded before the limits are set

    resvg_py = sys.modules.get("resvg_py")
    if resvg_py is None:
        raise DecodeRefused("cannot be drawn here; install resvg-py, or give it as PNG")
    try:
        png = resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True, width=SIDE, height=SIDE)
    except ValueError:
        raise DecodeRefused("cannot be drawn; export it again as plain SVG") from None
    return Image.open(io.BytesIO(png)).convert("RGBA")


def _load() -> None:
    """Load all that decoding needs, for no file can be opened later."""
    with contextlib.suppress(ImportError):
        import resvg_py  # noqa: F401, PLC0415
    from PIL import Image, MpoImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401, PLC0415

    Image.preinit()
    Image.MAX_IMAGE_PIXELS = None  # looked at in `raster`, from the header


def decoded(data: bytes) -> bytes:
    """Return one line of JSON and the pixels, if any."""
    pixels = b""
    answer: dict[str, object]
    try:
        image = raster(data) if data.startswith(RASTER) else drawing(check_svg(data))
        answer, pixels = {"size": image.size}, image.tobytes()
    except DecodeRefused as error:
        answer = {"refused": str(error), "why": error.why}
    except MemoryError:
        answer = {"refused": TOO_MUCH, "why": HEAVY}
    return json.dumps(answer).encode() + b"\n" + pixels


def main() -> int:
    """Answer for each picture, in order."""
    with contextlib.suppress(OSError, AttributeError):  # a core that is piped asks for no limit
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    _load()
    given, answers = sys.stdin.buffer, sys.stdout.buffer
    while head := given.read(LENGTH.size):
        data = given.read(*LENGTH.unpack(head))
        child = os.fork()
        if child == 0:
            limit()
            answers.write(decoded(data))
            answers.flush()
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            answers.write(json.dumps({"refused": TOO_MUCH, "why": HEAVY}).encode() + b"\n")
            answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
