"""Files that a store of another id left in the state folder: nothing opens them, so they go by age."""

from __future__ import annotations

import logging
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pipelines.errors import BadInput
from pipelines.sales.file import SaleFile
from pipelines.state_lock import StateLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)

INSIGHTS, PRICES, SALES = "insights", "prices", "sales"
KINDS: Final = {
    INSIGHTS: ".db",
    PRICES: ".db",
    SALES: ".db",
    "crops-sent": ".json",
    "files-ahead": ".json",
    "clock": ".json",
}
"""What is named KIND-STORE and a suffix. Not the message file: it knows whose end receivers wait for."""
DAY_S: Final = 86_400
PLACES_S: Final = 3600
"""Where customers stood is of no use after minutes."""


@dataclass(frozen=True, slots=True)
class FormerFiles:
    """Deletes what was last written longer ago than its days, of stores that do not run.

    folder: the state folder. own: the id of this store, whose files are left to it. days: by kind. now_s: UTC
    s by which files get old.
    """

    folder: Path
    own: str
    days: Mapping[str, int]
    now_s: Callable[[], float]

    def expire(self) -> None:
        """Look once. A renamed store leaves such files; another one that shares the folder has its own."""
        found: dict[str, list[tuple[str, Path]]] = {}
        for kind, suffix in KINDS.items():
            for path in self.folder.glob(f"{kind}-*{suffix}"):
                store = path.name.removeprefix(f"{kind}-").removesuffix(suffix)
                found.setdefault(store, []).append((kind, path))
        for store in found.keys() - {self.own}:
            try:
                lock = StateLock(self.folder, store, wait_s=0)
            except BadInput:  # its store runs
                continue
            try:
                for kind, path in found[store]:
                    self._expire(kind, path)
            except OSError as error:
                logger.debug("%s: %s", self.folder, error)
            finally:
                lock.release()

    def _expire(self, kind: str, path: Path) -> None:
        age_s = self.now_s() - max(one.stat().st_mtime for one in _parts(path))
        if age_s > self.days[kind] * DAY_S:
            for one in _parts(path):
                one.unlink(missing_ok=True)
            logger.info("%s: deleted, of a store that has not run here for %d days", path, age_s // DAY_S)
        elif kind == SALES and age_s > PLACES_S:
            with closing(SaleFile(path, lambda: 0)) as file:
                if file.load_places():
                    file.forget_places()


def _parts(path: Path) -> Iterator[Path]:
    """Yield a file and, of a database, those beside it that are there: the newest rows may be in them."""
    yield path
    for extra in ("-wal", "-shm"):
        beside = path.with_name(path.name + extra)
        with suppress(OSError):
            if beside.exists():
                yield beside
