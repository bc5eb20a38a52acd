"""Reloads the price list when its file changes; keeps the old list while the file is broken."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from pricing.brands.names import normal_brand
from pricing.catalogue.catalogue import Catalogue, Listing, load
from pricing.errors import BadInput
from pricing.news import news
from pricing.plain_file import FileSignature, file_stamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from pricing.catalogue.list_format import ListFormat
    from pricing.value import Price

logger = logging.getLogger(__name__)

REST: Final = 5
"""For so many calls of `poll` a file must be unchanged: a till's export may pause between two rows."""


class CatalogueFile:
    """A catalogue that follows its file. `current` is replaced whole, so that any thread may read it.

    today: the day in the store's time zone. notation: how the list is written. Raises BadInput if the file
    is bad at the start.
    """

    def __init__(
        self, path: Path, currency: str, today: Callable[[], date], notation: ListFormat | None = None
    ) -> None:
        self._path = path
        self._currency = currency
        self._today = today
        self._notation = notation
        self._seen = file_stamp(path)
        self._growing, self._still = self._seen, 0
        self._loaded: Catalogue = load(path, currency, notation)
        self._tell_doubt()
        self._key_of: Callable[[str], str] = normal_brand
        self.current = self._loaded
        self.problem: str | None = None

    def find(self, brand: str | None, type_: str | None, slot: str, model: str | None = None) -> Listing:
        """Return what the list says today."""
        return self.current.find(brand, type_, slot, self._today(), model)

    def lookup(self, brand: str | None, type_: str | None, slot: str) -> Price | None:
        """Return today's price, as the ledger asks for it."""
        return self.current.lookup(brand, type_, slot, self._today())

    def alike(self, brand: str, type_: str) -> Price | None:
        """Return today's price of the brand's things that look like that type."""
        return self.current.alike(brand, type_, self._today())

    def join(self, key_of: Callable[[str], str]) -> None:
        """Put each brand under the key that its spelling leads to, from now on; on the thread that polls."""
        self._key_of = key_of
        self.current = self._loaded.joined(key_of)

    def poll(self) -> bool:
        """Load the file again if it changed; call every second or so. Return whether `current` was replaced.

        A file that another was moved onto is taken at once; else it may be half written, and is taken when it
        has not changed for REST calls. A broken or missing file keeps the old list and is logged once, not
        again until the file changes.
        """
        stamp = file_stamp(self._path)
        if stamp == self._seen:
            return False
        self._still = self._still + 1 if stamp == self._growing else 0
        self._growing = stamp
        if self._still < REST and not _was_moved_there(stamp, self._seen):
            return False
        self._seen, self._still = stamp, 0
        try:
            fresh = load(self._path, self._currency, self._notation)
        except BadInput as error:
            self.problem = str(error)
            problem = str(error).replace("\n", "; ")
            extra = news("prices_kept", problem=problem)
            logger.error("price list not loaded, the old one stays: %s", problem, extra=extra)
            return False
        self._loaded, self.problem = fresh, None
        self.current = fresh.joined(self._key_of)
        logger.info("price list loaded: %d rows, %d brands", len(fresh), len(fresh.names))
        self._tell_doubt()
        return True

    def _tell_doubt(self) -> None:
        if self._loaded.doubt:
            logger.warning("price list %s: %s", self._path, self._loaded.doubt)


def _was_moved_there(stamp: FileSignature | None, seen: FileSignature | None) -> bool:
    """Return whether it is another file, which was last written before it came there."""
    if stamp is None or seen is None:
        return False
    return stamp.number != seen.number and stamp.written < stamp.changed
