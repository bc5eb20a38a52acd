"""`brand.yaml`: a brand's name, the words on its products, its allowed slots, and how it is recognised."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from engines.marks.types import Route
from pipelines.settings.base import Section
from pipelines.settings.brands import BrandName
from pricing.brands.book import ALL_SLOTS, Brand
from pricing.slots import SLOTS


def slot_name(text: str) -> str:
    """Return the text if it is a slot; raises ValueError with a sentence for the user."""
    if text in SLOTS:
        return text
    near = get_close_matches(text.lower(), SLOTS, n=1, cutoff=0.6)
    raise ValueError(
        f'must be a slot. Did you mean "{near[0]}"?' if near else f"must be a slot: {', '.join(SLOTS)}"
    )


def not_empty(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return them if there are any; raises ValueError with a sentence for the user."""
    if not names:
        raise ValueError("must name at least one; leave the line out for all")
    return names


Slot = Annotated[str, AfterValidator(slot_name)]
RouteName = Literal["words", "symbol", "emblem", "pattern"]
Words = tuple[BrandName, ...]


class BrandFile(Section):
    """One brand of the gallery."""

    name: BrandName = Field(title="Name", description="The brand as people write it.")
    aliases: Words = Field(
        default=(),
        title="Aliases",
        description="Other spellings of the name, as price lists have them.",
        max_length=32,
    )
    words: Words | None = Field(
        default=None,
        title="Words",
        description="What stands on its things; absent: the name; []: it is not told by words.",
        max_length=32,
    )
    stylised: Words = Field(
        default=(),
        title="Stylised",
        description="Short words (CK) that count only beside the brand's symbol, or alone and large.",
        max_length=8,
    )
    slots: Annotated[tuple[Slot, ...], AfterValidator(not_empty)] | None = Field(
        default=None,
        title="Slots",
        description="Where its things are worn; absent: everywhere.",
        max_length=len(SLOTS),
    )
    routes: Annotated[tuple[RouteName, ...], AfterValidator(not_empty)] | None = Field(
        default=None,
        title="Routes",
        description="How it is told; absent: by its words, and by its pictures as suits them.",
        max_length=4,
    )

    @model_validator(mode="after")
    def _tellable(self) -> BrandFile:
        if self.routes and "words" in self.routes and self.words == () and not self.stylised:
            raise ValueError("has the route words but no `words:`; write them, or leave the route out")
        return self

    @property
    def wanted(self) -> frozenset[Route] | None:
        """The routes that were asked for; None where they follow from words and pictures."""
        return frozenset(map(Route, self.routes)) if self.routes is not None else None

    @property
    def brand(self) -> Brand:
        """What else than pictures is known of the brand."""
        read = self.routes is None or "words" in self.routes
        stylised = self.stylised if read else ()
        words = (self.name,) if self.words is None else self.words
        slots = ALL_SLOTS if self.slots is None else frozenset(self.slots)
        return Brand(self.name, self.aliases, words if read else (), stylised, slots)
