"""Brands: their names and spellings, the words on their products, the slots they appear in."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pricing.brands.names import normal_brand
from pricing.slots import SLOTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ALL_SLOTS = frozenset(SLOTS)


@dataclass(frozen=True, slots=True)
class Brand:
    """One brand. name: as people write it. aliases: other spellings of the name, as in price lists.

    words: what stands on its things, read wherever it stands. stylised: short words (CK, LV) that count only
    where the brand's symbol agrees or where they stand alone and large.
    """

    name: str
    aliases: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    stylised: tuple[str, ...] = ()
    slots: frozenset[str] = ALL_SLOTS

    @property
    def key(self) -> str:
        """The normal form of its name, by which all else names the brand."""
        return normal_brand(self.name)

    @property
    def spellings(self) -> tuple[str, ...]:
        """The normal forms of its name and aliases."""
        return tuple(dict.fromkeys(normal_brand(text) for text in (self.name, *self.aliases)))


class BrandBook:
    """All brands that are looked for. Immutable: another gallery or price list is another book.

    A spelling that two brands claim is the first one's. staff: names of brands whose mark makes the wearer
    staff.

    >>> book = BrandBook([Brand("Louis Vuitton", aliases=("LV",))])
    >>> book.key_of("lv"), book.key_of("Nike")
    ('louis vuitton', 'nike')
    """

    def __init__(self, brands: Iterable[Brand] = (), staff: Iterable[str] = ()) -> None:
        self._brands: dict[str, Brand] = {}
        self._keys: dict[str, str] = {}
        for brand in brands:
            self._brands.setdefault(brand.key, brand)
            self._keys.setdefault(brand.key, brand.key)
        for brand in self._brands.values():
            for spelling in brand.spellings:
                self._keys.setdefault(spelling, brand.key)
        self.staff: frozenset[str] = frozenset(map(self.key_of, staff))

    def __len__(self) -> int:
        return len(self._brands)

    def __iter__(self) -> Iterator[Brand]:
        return iter(self._brands.values())

    def __contains__(self, key: str) -> bool:
        return key in self._brands

    def key_of(self, spelling: str) -> str:
        """Return the brand that goes by this name or alias; the spelling's own normal form if none does."""
        key = normal_brand(spelling)
        return self._keys.get(key, key)

    def name(self, key: str) -> str:
        """Return a brand as people write it; an unknown one as its key."""
        brand = self._brands.get(key)
        return brand.name if brand else key

    def slots(self, key: str) -> frozenset[str]:
        """Return the slots a brand may appear in; all for an unknown one."""
        brand = self._brands.get(key)
        return brand.slots if brand else ALL_SLOTS

    @property
    def names(self) -> dict[str, str]:
        """The brands: key -> name."""
        return {key: brand.name for key, brand in self._brands.items()}

    @property
    def words(self) -> dict[str, tuple[str, ...]]:
        """What is read as which brand: key -> words; brands that are not told by words are left out."""
        return {key: brand.words for key, brand in self._brands.items() if brand.words}

    @property
    def stylised(self) -> dict[str, tuple[str, ...]]:
        """Words that need a second opinion: key -> words."""
        return {key: brand.stylised for key, brand in self._brands.items() if brand.stylised}

    def with_listed(self, names: Mapping[str, str]) -> BrandBook:
        """Return this book with the brands of a price list, normal form -> name.

        A brand that goes by a listed name is that brand and keeps its own key. One that is new to the book is
        told by its name wherever it stands.
        """
        spelled: defaultdict[str, list[str]] = defaultdict(list)
        for name in names.values():
            spelled[self.key_of(name)].append(name)
        brands = [
            replace(brand, aliases=(*brand.aliases, *spelled.pop(key, ())))
            for key, brand in self._brands.items()
        ]
        brands += [Brand(first, tuple(more), words=(first,)) for first, *more in spelled.values()]
        return BrandBook(brands, self.staff)
