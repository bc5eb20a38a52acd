"""The overlay's text of a person on every platform: lines, order and tones, without pixels."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from pricing.item_words import item_words
from pricing.slots import SLOTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pricing.item_words import ItemWords
    from pricing.value import Item, PersonValue, Price, Total

    Money = Callable[[Price | Total], str]
    Brand = Callable[[str], str]

Rgb = tuple[int, int, int]
ENGLISH: Final = item_words("en")
_ORDER = {slot: place for place, slot in enumerate(SLOTS)}

ROWS = 4
"""Items of one person that are written out; the rest is counted."""
DETAILED = 5
"""Persons, from the highest total down, whose items are written out; the others show their total alone."""
GREY: Rgb = (150, 150, 150)
"""Of persons not yet confirmed."""
ACCESSORY: Rgb = (176, 190, 210)


class Tone(Enum):
    """How much a person is highlighted."""

    TOP = (255, 193, 48)
    VALUED = (74, 222, 196)
    PLAIN = (190, 200, 214)
    ALERT = (255, 96, 84)

    @property
    def rgb(self) -> Rgb:
        """Colour of lines and total, 8 bit RGB."""
        return self.value


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One item: what it is, and its price; `dim` where there is no price, an old one or an estimate."""

    name: str
    price: str
    dim: bool = False


@dataclass(frozen=True, slots=True)
class LabelText:
    """All text of one block: a large first line (may be empty) and rows in two columns."""

    head: str
    rows: tuple[LabelRow, ...]
    tone: Tone


def tone_of(rank: int, value: PersonValue) -> Tone:
    """Return a person's tone; rank 0 has the highest total in the picture."""
    if not value.total.items_priced:
        return Tone.PLAIN
    return Tone.TOP if rank == 0 else Tone.VALUED


def as_is(brand: str) -> str:
    """Return a brand unchanged."""
    return brand


def texts(
    value: PersonValue, tone: Tone, money: Money, brand: Brand = as_is, words: ItemWords = ENGLISH
) -> tuple[LabelText, LabelText]:
    """Return a person's text in full and in short.

    >>> from pricing.ledger.ledger import total_of
    >>> from pricing.value import Item, Price
    >>> bag = Item("bag", "handbag", "gucci", 0.9, 5, Price(129000, 129000, 129000, "EUR", "catalogue"))
    >>> full, short = texts(total_of([bag], "EUR"), Tone.TOP, lambda money: f"€{money.amount_minor // 100}")
    >>> full.head, full.rows
    ('€1290', (LabelRow(name='handbag (gucci)', price='', dim=False),))
    """
    head = money(value.total) if value.total.items_priced else ""
    items = sorted(value.items, key=_place)
    rows = tuple(_row(item, money, brand, words, alone=len(items) == 1) for item in items[:ROWS])
    if len(items) > ROWS:
        rows += (LabelRow(f"+{len(items) - ROWS} {words.more}", "", dim=True),)
    more = f" +{len(items) - 1}" if len(items) > 1 else ""
    first = rows[0].name if rows else ""  # somebody of whom nothing is known yet
    return LabelText(head, rows, tone), LabelText(head or f"{first}{more}", (), tone)


def _place(item: Item) -> tuple[int, bool, int]:
    """Order items: the dearest first, then those with a brand, then from head to foot."""
    return (
        -(item.price.amount_minor if item.price else 0),
        item.brand is None,
        _ORDER.get(item.slot, len(_ORDER)),
    )


def text_height(frame_height: int) -> int:
    """Return the size of item text in pixels: a 48th of the frame's height, never under 12 px."""
    return max(12, round(frame_height / 48))


def _row(item: Item, money: Money, brand: Brand, words: ItemWords, *, alone: bool) -> LabelRow:
    """Return an item's row; a single item has its price in the total above it already."""
    name = words.name(item.type, brand(item.brand) if item.brand else None, item.colour)
    if item.price is None:
        return LabelRow(name, "–", dim=True)
    price = "" if alone else money(item.price)
    if item.price.estimate:
        return LabelRow(name, f"{price} ({words.estimate})".strip(), dim=True)
    if item.price.stale:
        return LabelRow(name, f"{price} ({words.old})".strip(), dim=True)
    return LabelRow(name, price)
