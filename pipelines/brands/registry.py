"""The brands of the price list and of the gallery as one, for all that asks for brands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.marks.types import Route
from pipelines.brands.enrol import build_enroller
from pipelines.brands.enrolled_cache import EnrolledCache
from pipelines.brands.gallery import BrandFolder, BrandSet
from pipelines.errors import BadInput
from pipelines.settings.mistakes import did_you_mean
from pricing.brands.book import BrandBook
from probes.recognition.targets import RecognitionTargets

if TYPE_CHECKING:
    from engines.marks.gallery import Gallery
    from pipelines.settings.brands import BrandsConfig
    from pipelines.settings.root import Settings
    from pricing.catalogue.reload import CatalogueFile
    from probes.metrics import Metrics

_NOTHING = BrandSet(BrandBook(), (), ())


class BrandRegistry:
    """What a store looks for. `poll` on one thread; the rest from any.

    catalogue: its brands are put under the gallery's keys. folder: None for a store without a gallery.
    """

    def __init__(self, catalogue: CatalogueFile | None, folder: BrandFolder | None) -> None:
        self._catalogue, self._folder = catalogue, folder
        self._joined = _NOTHING
        self.book = BrandBook()
        self.targets = RecognitionTargets(self.book)
        self._join()

    @property
    def gallery(self) -> BrandSet:
        """The gallery as it was last taken, without the price list."""
        return self._joined

    @property
    def is_gallery_right(self) -> bool:
        """Whether the gallery's last change was taken; so it is where there is no gallery."""
        return self._folder is None or self._folder.is_right

    @property
    def catalogue(self) -> CatalogueFile | None:
        """The price list, if there is one."""
        return self._catalogue

    @property
    def folder(self) -> BrandFolder | None:
        """The gallery's folder, if there is one."""
        return self._folder

    def replace(self, catalogue: CatalogueFile | None, folder: BrandFolder | None) -> None:
        """Go on with another price list or folder, on the thread that polls; a new folder is followed."""
        before, self._catalogue, self._folder = self._folder, catalogue, folder
        self._join()
        if before is not folder:
            if folder:
                folder.start()
            if before:
                before.stop()

    def start(self) -> None:
        """Begin to follow the gallery's folder."""
        if self._folder:
            self._folder.start()

    def stop(self) -> None:
        """Follow no more; returns within seconds, from any state."""
        if self._folder:
            self._folder.stop()

    def poll(self) -> bool:
        """Load a changed price list or gallery; return whether `book` and `targets` were replaced."""
        listed = self._catalogue.poll() if self._catalogue else False
        if not listed and (self._folder is None or self._folder.current is self._joined):
            return False
        self._join()
        return True

    def spell(self, key: str) -> str:
        """Write a brand as the price list spells it, else as the gallery does."""
        listed = self._catalogue.current.names.get(key) if self._catalogue else None
        return listed or self.book.name(key)

    def _join(self) -> None:
        self._joined = self._folder.current if self._folder else _NOTHING
        self.book = joined_book(self._catalogue, self._folder)
        if self._catalogue:
            self._catalogue.join(self.book.key_of)
        self.targets = targets_in(self._joined, self.book)


def export_health(registry: BrandRegistry, metrics: Metrics) -> None:
    """Let the metrics say, whenever they are read, whether price list and gallery are right."""
    metrics.price_list_ok.set_function(
        lambda: float(registry.catalogue is None or registry.catalogue.problem is None)
    )
    metrics.gallery_ok.set_function(lambda: float(registry.is_gallery_right))


def build_brands(settings: Settings, catalogue: CatalogueFile | None) -> BrandRegistry:
    """Return the brands of a store, not yet followed; raises BadInput where the gallery is broken."""
    gallery = settings.gallery
    folder = build_folder(settings)
    joined = BrandRegistry(catalogue, folder)
    if gallery:
        check_staff(gallery, joined.book)
    return joined


def build_folder(settings: Settings) -> BrandFolder | None:
    """Return the gallery's folder, read and not yet followed; raises BadInput where it is broken."""
    gallery = settings.gallery
    if gallery is None:
        return None
    return BrandFolder(gallery, build_enroller, cache=EnrolledCache.of_this_machine())


def joined_book(catalogue: CatalogueFile | None, folder: BrandFolder | None) -> BrandBook:
    """Return the brands of a gallery and of a price list."""
    brands = folder.current if folder else _NOTHING
    return brands.book.with_listed(catalogue.current.names if catalogue else {})


def check_staff(gallery: BrandsConfig, book: BrandBook) -> None:
    """Raise BadInput where the staff's brand cannot be recognised."""
    for name in gallery.staff:
        if book.key_of(name) not in book:
            hint = did_you_mean(name, book.names.values())
            words = "no brand of this name in the gallery or the price list"
            raise BadInput(f'brands.staff: "{name}": {words}.{hint if "Did" in hint else ""}')


def targets_in(brands: BrandSet, book: BrandBook) -> RecognitionTargets:
    """Return what looks look for. book: of the gallery and the price list."""
    gallery: Gallery | None = None
    if any(Route.SYMBOL in marks.routes for marks in brands.enrolled):
        from engines.marks.gallery import Gallery, read_cohort  # noqa: PLC0415 a file of some megabytes

        gallery = Gallery(brands.enrolled, read_cohort())
    emblems = [emblem for marks in brands.enrolled for emblem in marks.emblems]
    patterns = [marks.pattern for marks in brands.enrolled if marks.pattern is not None]
    return RecognitionTargets(book, gallery=gallery, emblems=emblems, patterns=patterns)
