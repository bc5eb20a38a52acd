"""Fonts for names in any script: the product's own, else those of the system.

The product's font has Latin, Greek and Cyrillic letters. For others (Chinese, Arabic, Thai ...) the fonts of
the system are looked through, such as Debian's fonts-noto-core and fonts-noto-cjk. What none of them has is
left out of the picture; the page and messages have it.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FONTS: Final = Path(__file__).parent / "fonts"
SYSTEM: Final = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
MAX_FONTS: Final = 200
_NOTHING: Final = "\U0010fffd"
"""A character that no font has, to know how a font draws what it has not."""
_PREFERRED: Final = ("NotoSansCJK", "NotoSans", "DejaVuSans", "DroidSansFallback")

Run = tuple[str, ImageFont.FreeTypeFont]


@lru_cache(maxsize=32)
def own_font(weight: str, pixels: int) -> ImageFont.FreeTypeFont:
    """Return the product's font, weight Medium or Bold."""
    return ImageFont.truetype(str(FONTS / f"Inter-{weight}-subset.otf"), pixels)


def runs(text: str, weight: str, pixels: int) -> list[Run]:
    """Return a text in parts of one font each; what no font has is left out, and brackets around nothing."""
    parts: list[tuple[str, Path | None]] = []
    for c in _without_unknown(text):
        path = _font_of(c)
        if parts and (path == parts[-1][1] or _goes_along(c)):
            parts[-1] = (parts[-1][0] + c, parts[-1][1])
        else:
            parts.append((c, path))
    return [(part, _sized(path, weight, pixels)) for part, path in parts]


def unknown(texts: Iterable[str]) -> set[str]:
    """Return the characters of some texts that no font on this machine has."""
    return {c for text in texts for c in text if not _goes_along(c) and not _has_glyph(c)}


def _without_unknown(text: str) -> str:
    if text.isascii():
        return text
    drawable, follows = [], True
    for c in text:
        # A mark goes where its letter goes; a space stays.
        follows = c.isspace() or (follows if _goes_along(c) else _has_glyph(c))
        if follows:
            drawable.append(c)
    whole = "".join(drawable)
    return whole.replace("()", "").rstrip() if whole != text else text


def _goes_along(c: str) -> bool:
    """Return whether a character is no letter of its own: spaces, joiners, marks on the letter before."""
    return c.isspace() or unicodedata.category(c) in ("Cf", "Mn", "Mc", "Me")


def _has_glyph(c: str) -> bool:
    return c.isascii() or _own_has(c) or _font_of(c) is not None


@lru_cache(maxsize=4096)
def _font_of(c: str) -> Path | None:
    """Return the system's font for a character; None for the product's, or where no font has it."""
    if c.isascii() or _own_has(c):
        return None
    return next((path for path in _system_fonts() if _has(path, c)), None)


@lru_cache(maxsize=4096)
def _own_has(c: str) -> bool:
    return _draws(own_font("Medium", 20), c)


def _has(path: Path, c: str) -> bool:
    font = _opened(path)
    return font is not None and _draws(font, c)


def _draws(font: ImageFont.FreeTypeFont, c: str) -> bool:
    return bytes(font.getmask(c)) != bytes(font.getmask(_NOTHING))


@lru_cache(maxsize=MAX_FONTS)
def _opened(path: Path, pixels: int = 20) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(str(path), pixels)
    except OSError:  # a kind of font that is not drawn here
        return None


@lru_cache(maxsize=64)
def _sized(path: Path | None, weight: str, pixels: int) -> ImageFont.FreeTypeFont:
    found = _opened(path, pixels) if path is not None else None
    return found or own_font(weight, pixels)


@lru_cache(maxsize=1)
def _system_fonts() -> tuple[Path, ...]:
    """Return the system's fonts, upright ones for screens first."""
    return tuple(sorted(_listed(), key=_order)[:MAX_FONTS])


def _listed() -> Iterator[Path]:
    for folder in SYSTEM:
        for suffix in ("ttf", "otf", "ttc"):
            yield from folder.rglob(f"*.{suffix}")


def _order(path: Path) -> tuple[int, bool, str]:
    place = next((at for at, name in enumerate(_PREFERRED) if path.name.startswith(name)), len(_PREFERRED))
    return place, "Regular" not in path.name and "-" in path.name, str(path)
