"""The order of the price sources: the shop's list, then the cache of a live service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pricing.catalogue.catalogue import Listing
    from pricing.value import Price


class PriceListSource(Protocol):
    """A price list."""

    def find(self, brand: str | None, type_: str | None, slot: str, model: str | None = None) -> Listing:
        """Return what the list says today."""

    def alike(self, brand: str, type_: str) -> Price | None:
        """Return what the brand's things that look like that type cost today."""


class LivePriceSource(Protocol):
    """A service whose answers come later."""

    def recall(self, brand: str, type_: str, model: str = "") -> Price | None:
        """Return what is known now, and see to it that more will be; never waits."""


class PriceSources:
    """Answers the ledger. Never waits; any thread may ask.

    >>> class Shelf:
    ...     def recall(self, brand, type_, model=""):
    ...         return f"price of {brand} {type_}"
    >>> PriceSources(None, Shelf()).lookup("gucci", None, "bag")
    'price of gucci bag'
    """

    def __init__(self, listed: PriceListSource | None, live: LivePriceSource | None) -> None:
        self._listed, self._live = listed, live

    def set_list(self, listed: PriceListSource | None) -> None:
        """Ask another list from now on."""
        self._listed = listed

    def set_live(self, live: LivePriceSource | None) -> None:
        """Ask another service from now on."""
        self._live = live

    def lookup(
        self, brand: str | None, type_: str | None, slot: str, model: str | None = None
    ) -> Price | None:
        """Return the price known now, None where there is none (yet), or where the shop does not sell it.

        brand: None for a thing without a readable brand, whose price only the shop's list can estimate.
        A type that nobody prices costs what the brand's things that look like it do.
        """
        if self._listed is not None:
            found = self._listed.find(brand, type_, slot, model)
            if found.price is not None or not found.sold:
                return found.price
        if brand is None:
            return None
        recalled = self._live.recall(brand, type_ or slot, model or "") if self._live is not None else None
        if recalled is not None or type_ is None or self._listed is None:
            return recalled
        return self._listed.alike(brand, type_)
