"""The overlay as DeepStream metadata: outlines and texts of objects that nvdsosd draws."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from probes.frame import Kind
from probes.nvds.meta import Style, Text
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

HIDDEN = Style(0, (0.0, 0.0, 0.0))
POINTS_PER_PIXEL = 0.75
WIDE, HIGH = 0.6, 1.6
"""Of a letter and of a line, in sizes of the text; only for keeping texts inside the picture."""
MAX_TEXTS = 1024


class MetaOverlay:
    """Draws the same overlay as probes.overlay.draw. `values`: what each person carries."""

    def __init__(
        self, money: Money, values: Values, brand: Brand = as_is, words: ItemWords = ENGLISH
    ) -> None:
        self._money, self._values, self._brand, self._words = money, values, brand, words
        self._blocks: dict[TrackId, _Blocks] = {}

    def styles(self, pairs: Pairs, surface: tuple[int, int]) -> list[tuple[ObjectMeta, Style, Text | None]]:
        """Return for each object how to draw it, in surface pixels."""
        valued = self._valued(pairs)
        person, accessory = _plain(surface[1])
        drawn: list[tuple[ObjectMeta, Style, Text | None]] = []
        for seen, found in pairs:
            if found is None:
                drawn.append((seen, HIDDEN, None))
                continue
            kind, _, _, _, track = found
            if kind is Kind.ACCESSORY:
                drawn.append((seen, accessory, None))
            elif kind is not Kind.PERSON:
                drawn.append((seen, HIDDEN, None))
            elif track is None:
                drawn.append((seen, person, None))
            else:
                drawn.append((seen, *self._person(seen, track, valued.get(track), surface)))
        return drawn

    def _person(
        self,
        seen: ObjectMeta,
        track: TrackId,
        ranked: tuple[int, PersonValue] | None,
        surface: tuple[int, int],
    ) -> tuple[Style, Text | None]:
        if ranked is None:
            return _outline(Tone.PLAIN, surface[1]), None
        rank, value = ranked
        said = self._said(track, value, tone_of(rank, value), surface)
        block = said.full if rank < DETAILED else said.short
        return said.style, _place(seen, block, surface) if value.items else None

    def _valued(self, pairs: Pairs) -> dict[TrackId, tuple[int, PersonValue]]:
        """Return the valued persons of the frame with their rank, the highest total first."""
        values, found = {}, []
        for _, detection in pairs:
            track = detection.track if detection is not None else None
            value = self._values(track) if track is not None else None
            if track is not None and value is not None:
                values[track] = value
                found.append((-value.total.amount_minor, track))
        found.sort()
        return {track: (rank, values[track]) for rank, (_, track) in enumerate(found)}

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


class _Block(NamedTuple):
    """A text and its size in surface pixels."""

    words: str
    width: float
    height: float
    colour: Rgb
    points: int


class _Blocks(NamedTuple):
    """The cached text of a person, valid while value, tone and surface stay the same."""

    value: PersonValue
    tone: Tone
    surface: tuple[int, int]
    style: Style
    full: _Block
    short: _Block


def _block(words: str, tone: Tone, surface: tuple[int, int]) -> _Block:
    pixels = text_height(surface[1])
    lines = words.split("\n")
    width, height = max(map(len, lines)) * pixels * WIDE, len(lines) * pixels * HIGH
    return _Block(words, width, height, _unit(tone), round(pixels * POINTS_PER_PIXEL))


def _place(seen: ObjectMeta, block: _Block, surface: tuple[int, int]) -> Text:
    """Put a text above its person, else at the top of the box, inside the picture."""
    words, width, height, colour, points = block
    left = max(0, int(min(seen.left, surface[0] - width)))
    above = seen.top - height
    top = max(0, int(min(above if above >= 0 else seen.top, surface[1] - height)))
    return Text(words, left, top, colour, points)


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
