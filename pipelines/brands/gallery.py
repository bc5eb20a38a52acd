"""The brands of a store: read as a whole, kept current while the box runs."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engines.errors import BadInput
from engines.free_memory import release_free_memory
from engines.marks.picture import read_marks
from engines.native_threads import join_native
from pipelines.brands.folder import BrandSource, read_brands
from pipelines.settings.mistakes import SettingsError
from pricing.brands.book import BrandBook
from pricing.brands.names import normal_brand
from pricing.news import news
from pricing.outage import Outage
from pricing.plain_file import FileSignature, file_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engines.marks.picture import MarkPicture
    from engines.marks.types import Enrolled
    from pipelines.brands.enrol import Enroller
    from pipelines.brands.enrolled_cache import EnrolledCache
    from pipelines.settings.brands import BrandsConfig

logger = logging.getLogger(__name__)

STOP_S: Final = 5.0
POLL_S: Final = 2.0
AGAIN: Final = 15
"""Polls after which is read again what could not be, though no file is wrong: it loads models."""
_Stamp = tuple[tuple[str, FileSignature | None], ...]


@dataclass(frozen=True, slots=True)
class BrandSet:
    """All brands of a gallery: what is known of them, and the marks of those that have pictures."""

    book: BrandBook
    enrolled: tuple[Enrolled, ...]
    sources: tuple[BrandSource, ...]


class BrandReader:
    """Reads the brands that the settings ask for. What has not changed is not decoded again. One thread."""

    def __init__(
        self, settings: BrandsConfig, enroller: Callable[[], Enroller], cache: EnrolledCache | None = None
    ) -> None:
        """Nothing is read yet. enroller: called once a picture is not in the cache: it loads models."""
        self._settings, self._build, self._cache = settings, enroller, cache
        self._enroller: Enroller | None = None
        self._enrolled: dict[tuple[BrandSource, _Stamp], Enrolled | None] = {}

    def read(self) -> BrandSet:
        """Return the brands; raises SettingsError with a line for each mistake, in pictures too."""
        try:
            return self._read()
        finally:  # also where it fails: until the folder is mended days may pass
            if self._enroller is not None:
                self._enroller = None
                release_free_memory()  # 70 MB of a first start

    def _read(self) -> BrandSet:
        sources = self._wanted(read_brands(self._settings.place))
        found: dict[tuple[BrandSource, _Stamp], Enrolled | None] = {}
        lines: list[str] = []
        stamps = {source.key: _stamp((source.folder,)) for source in sources}
        fresh = [source for source in sources if (source, stamps[source.key]) not in self._enrolled]
        if self._cache:
            from_disk = {source.key: self._cache.get(source) for source in fresh}
            for source in fresh:
                if (cached := from_disk[source.key]) is not None:
                    found[source, stamps[source.key]] = cached[0]
            fresh = [source for source in fresh if from_disk[source.key] is None]
        pictures = iter(read_marks([path for source in fresh for path in source.pictures]))
        for source in fresh:
            own = list(islice(pictures, len(source.pictures)))
            good = [picture for picture in own if not isinstance(picture, BadInput)]
            lines += [str(picture) for picture in own if isinstance(picture, BadInput)]
            if not lines:
                found[source, stamps[source.key]] = self._enrol(source, good) if good else None
                if self._cache:
                    self._cache.put(source, found[source, stamps[source.key]])
        if lines:
            raise SettingsError(lines)
        current = {(source, stamps[source.key]) for source in sources}
        self._enrolled = {key: marks for key, marks in (self._enrolled | found).items() if key in current}
        enrolled = (self._enrolled[source, stamps[source.key]] for source in sources)
        book = BrandBook((source.file.brand for source in sources), self._settings.staff)
        return BrandSet(book, tuple(marks for marks in enrolled if marks is not None), tuple(sources))

    def _enrol(self, source: BrandSource, pictures: Sequence[MarkPicture]) -> Enrolled | None:
        self._enroller = self._enroller or self._build()
        return self._enroller.enrol(source.key, pictures, source.file.wanted)

    def _wanted(self, sources: list[BrandSource]) -> list[BrandSource]:
        """Return the brands that the settings ask for; raises SettingsError for one that is not there."""
        if self._settings.only is None:
            return sources
        book = BrandBook(source.file.brand for source in sources)
        lines = [
            f'{self._settings.place}: has no brand "{name}", which brands.only names.{_near(name, book)}'
            for name in self._settings.only
            if book.key_of(name) not in book
        ]
        if lines:
            raise SettingsError(lines)
        wanted = {book.key_of(name) for name in (*self._settings.only, *self._settings.staff)}
        return [source for source in sources if source.key in wanted]


class BrandFolder:
    """The brands of a store, following their folder. `current` is replaced whole; any thread may read it.

    Reading and embedding happen on a thread of its own. A broken folder keeps the old brands and is logged
    once, not again until it changes. Raises SettingsError if it is broken at the start.
    """

    def __init__(
        self,
        settings: BrandsConfig,
        enroller: Callable[[], Enroller],
        *,
        cache: EnrolledCache | None = None,
        poll_s: float = POLL_S,
    ) -> None:
        self._reader = BrandReader(settings, enroller, cache)
        self._folder, self._poll_s = settings.place, poll_s
        self._seen = self._growing = _stamp(_places(self._folder))
        self.current = self._reader.read()
        self.problem: str | None = None
        self._reading = Outage(logger, "brands cannot be read, the old ones stay", "brands can be read again")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="brands", daemon=True)

    @property
    def is_right(self) -> bool:
        """Whether the folder, as it lies there now, has no mistake and could be read."""
        return self.problem is None and not self._reading.active

    def start(self) -> None:
        """Begin to follow the folder."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no more; returns within seconds, from any state."""
        self._stop.set()
        join_native(self._thread, STOP_S)

    def poll(self) -> bool:
        """Read the folder again if it has changed and is still; return whether `current` was replaced.

        A folder that has changed may still be in the middle of a copy; it is read at the next unchanged call,
        and again at the one after where that failed for another reason than a mistake in it.
        """
        stamp = _stamp(_places(self._folder))
        if stamp == self._seen:
            return False
        if stamp != self._growing:
            self._growing = stamp
            return False
        try:
            fresh = self._reader.read()
        except SettingsError as error:
            self._seen, self.problem = stamp, str(error)
            first, *more = error.lines
            others = f" (and {len(more)} more)" if more else ""
            extra = news("brands_kept", problem=first)
            logger.error("brands not loaded, the old ones stay: %s%s", first, others, extra=extra)
            return False
        self._seen, self.current, self.problem = stamp, fresh, None
        logger.info("brands loaded: %d, %d of them by pictures", len(fresh.book), len(fresh.enrolled))
        return True

    def _follow(self) -> None:
        while not self._stop.wait(self._poll_s * (AGAIN if self._reading.active else 1)):
            try:
                self.poll()
                self._reading.recover()
            except Exception as error:  # noqa: BLE001 whatever becomes of the new brands, the old ones go on
                self._reading.fail(error=error)


def gallery_files(folder: Path) -> list[Path]:
    """Return what a mistake in a gallery may be mended by: it, the folders of its brands, their files."""
    places = _places(folder)
    return [folder, *places, *(Path(name) for name, _ in _stamp(places))]


def _places(folder: Path) -> list[Path]:
    try:
        return [folder, *folder.iterdir()]
    except OSError:
        return []


def _near(name: str, book: BrandBook) -> str:
    near = get_close_matches(normal_brand(name), book.names, 1)
    return f' Did you mean "{book.name(near[0])}"?' if near else ""


def _stamp(folders: Iterable[Path]) -> _Stamp:
    """Return what changes whenever a file in the folders does."""
    return tuple(sorted(chain.from_iterable(map(_files, folders)), key=itemgetter(0)))


def _files(folder: Path) -> Iterable[tuple[str, FileSignature | None]]:
    try:
        for file in folder.iterdir():
            if not file.name.startswith(".") and file.is_file():
                yield str(file), file_stamp(file)
    except OSError:
        return
