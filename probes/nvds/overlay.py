"""The overlay as DeepStream metadata: outlines and texts of objects that nvdsosd draws."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from probes.frame import Kind
from probes.nvds.meta import Drawing, Style, Text
from probes.nvds.native_detections import PackedPairs
from probes.overlay.text import ACCESSORY, DETAILED, ENGLISH, GREY, Tone, as_is, text_height, texts, tone_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pricing.item_words import ItemWords
    from pricing.value import PersonValue
    from probes.frame import Detection, TrackId
    from probes.nvds.meta import ObjectMeta, Rgb
    from probes.overlay.text import Brand, LabelText, Money

    Values = Callable[[TrackId], PersonValue | None]
    Pairs = Sequence[tuple[ObjectMeta, Detection | None]]
    Seen = Sequence[tuple[Kind, TrackId | None, PersonValue | None] | None]
    """Of each object of a frame what its drawing depends on; None where it is not one of ours."""

HIDDEN = Style(0, (0.0, 0.0, 0.0))
POINTS_PER_PIXEL = 0.75
WIDE, HIGH = 0.6, 1.6
"""Of a letter and of a line, in sizes of the text; only for keeping texts inside the picture."""
MAX_TEXTS = 1024


class MetaOverlay:
    """Draws the same overlay as probes.overlay.draw. `values`: what each person carries.

    brands: gives another object whenever `brand` may spell otherwise; what was drawn is not used again then.
    """

    def __init__(
        self,
        money: Money,
        values: Values,
        brand: Brand = as_is,
        words: ItemWords = ENGLISH,
        *,
        brands: Callable[[], object] = lambda: None,
    ) -> None:
        self._money, self._values, self._brand, self._words = money, values, brand, words
        self._brands, self._spelled_by = brands, brands()
        self._blocks: dict[TrackId, _Blocks] = {}
        self._last: dict[str, _Drawn] = {}

    def drawing(self, camera: str, pairs: Pairs, surface: tuple[int, int]) -> Drawing:
        """Return how to draw the objects of a camera's frame; the last answer again where nothing changed."""
        if (brands := self._brands()) is not self._spelled_by:
            self._spelled_by = brands
            self._blocks.clear()
            self._last.clear()
        get = self._values
        made_of: object
        if isinstance(pairs, PackedPairs):
            made_of = pairs.sights, [get(track) for track in pairs.tracks]
        else:
            made_of = _seen(pairs, get)
        last = self._last.get(camera)
        if last is None or last.surface != surface or last.made_of != made_of:
            drawing = self._draw(_seen(pairs, get), surface)
            last = self._last[camera] = _Drawn(made_of, surface, drawing)
        return last.drawing

    def _draw(self, seen: Seen, surface: tuple[int, int]) -> Drawing:
        valued = _ranked(seen)
        person, accessory = _plain(surface[1])
        drawn: list[tuple[Style, Text | None]] = []
        for one in seen:
            if one is None:
                drawn.append((HIDDEN, None))
                continue
            kind, track, _ = one
            if kind is Kind.ACCESSORY:
                drawn.append((accessory, None))
            elif kind is not Kind.PERSON:
                drawn.append((HIDDEN, None))
            elif track is None:
                drawn.append((person, None))
            else:
                drawn.append(self._person(track, valued.get(track), surface))
        return Drawing(drawn)

    def _person(
        self, track: TrackId, ranked: tuple[int, PersonValue] | None, surface: tuple[int, int]
    ) -> tuple[Style, Text | None]:
        if ranked is None:
            return _outline(Tone.PLAIN, surface[1]), None
        rank, value = ranked
        said = self._said(track, value, tone_of(rank, value), surface)
        text = said.full if rank < DETAILED else said.short
        return said.style, text if value.items else None

    def _said(self, track: TrackId, value: PersonValue, tone: Tone, surface: tuple[int, int]) -> _Blocks:
        """Return a person's outline and texts, from the cache unless they changed."""
        cached = self._blocks.get(track)
        if (
            cached is None
            or cached.value is not value
            or cached.tone is not tone
            or cached.surface != surface
        ):
            if len(self._blocks) >= MAX_TEXTS:
                self._blocks.clear()
            full, short = texts(value, tone, self._money, self._brand, self._words)
            blocks = (_block(_lines(text), tone, surface) for text in (full, short))
            cached = _Blocks(value, tone, surface, _outline(tone, surface[1]), *blocks)
            self._blocks[track] = cached
        return cached


class _Drawn(NamedTuple):
    """A camera's last drawing, and what it was made of."""

    made_of: object
    surface: tuple[int, int]
    drawing: Drawing


class _Blocks(NamedTuple):
    """The cached text of a person, valid while value, tone and surface stay the same."""

    value: PersonValue
    tone: Tone
    surface: tuple[int, int]
    style: Style
    full: Text
    short: Text


def _seen(pairs: Pairs, get: Values) -> Seen:
    if isinstance(pairs, PackedPairs):
        return [found and (*found, found[1] and get(found[1])) for found in pairs.kinds()]
    return [found and (found[0], found[4], found[4] and get(found[4])) for _, found in pairs]


def _ranked(seen: Seen) -> dict[TrackId, tuple[int, PersonValue]]:
    """Return the valued persons of the frame with their rank, the highest total first."""
    values = {one[1]: one[2] for one in seen if one is not None and one[1] is not None and one[2] is not None}
    found = sorted((-value.total.amount_minor, track) for track, value in values.items())
    return {track: (rank, values[track]) for rank, (_, track) in enumerate(found)}


def _block(words: str, tone: Tone, surface: tuple[int, int]) -> Text:
    pixels = text_height(surface[1])
    lines = words.split("\n")
    width, height = max(map(len, lines)) * pixels * WIDE, len(lines) * pixels * HIGH
    return Text(words, width, height, _unit(tone), round(pixels * POINTS_PER_PIXEL))


def _lines(text: LabelText) -> str:
    rows = [f"{row.name}  {row.price}".rstrip() for row in text.rows]
    return "\n".join([text.head, *rows] if text.head else rows)


def _unit(tone: Tone) -> Rgb:
    red, green, blue = tone.rgb
    return red / 255, green / 255, blue / 255


@lru_cache(maxsize=64)
def _outline(tone: Tone, height: int) -> Style:
    return Style(_thin(height) + 1 + (tone is Tone.TOP), _unit(tone))


@lru_cache(maxsize=16)
def _plain(height: int) -> tuple[Style, Style]:
    """Return the outlines of persons and of accessories that have no track."""
    person, accessory = ((r / 255, g / 255, b / 255) for r, g, b in (GREY, ACCESSORY))
    return Style(_thin(height), person), Style(_thin(height), accessory)


def _thin(height: int) -> int:
    return max(1, round(height / 540))
