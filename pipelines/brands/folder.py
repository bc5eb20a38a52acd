"""Reads the folder of brands: what is written there, or every mistake in it at once. Pictures stay unread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from engines.marks.picture import is_picture, is_swatch
from pipelines.brands.brand_file import BrandFile
from pipelines.printable import noted
from pipelines.settings.document import Document, Unreadable, read_document
from pipelines.settings.load import decoded, mistakes_of, read_raw
from pipelines.settings.mistakes import Mistake, Place, SettingsError
from pipelines.settings.substitute import Substitution
from pricing.brands.names import normal_brand

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

BRAND_YAML: Final = "brand.yaml"
MAX_BRANDS: Final = 1000
MAX_PICTURES: Final = 16


@dataclass(frozen=True, slots=True)
class BrandSource:
    """One brand as it lies in its folder. pictures: in the order of their names."""

    folder: Path
    file: BrandFile
    pictures: tuple[Path, ...]

    @property
    def key(self) -> str:
        """The brand's normal form."""
        return normal_brand(self.file.name)

    @property
    def swatches(self) -> tuple[Path, ...]:
        """The pictures of its cloth; none where `routes` leaves patterns out."""
        wanted = self.file.routes
        return tuple(filter(is_swatch, self.pictures)) if wanted is None or "pattern" in wanted else ()


class _Verbatim(Substitution):
    """`${` is as good as any other text in the name of a brand."""

    def __init__(self) -> None:
        """There is nothing to fill in."""

    def fill(self, text: str) -> str:
        return text


def read_brands(folder: Path) -> list[BrandSource]:
    """Return the brands in a folder, by folder name.

    A brand is a folder with brand.yaml, pictures of its mark, or both; without brand.yaml it is called like
    the folder. Files beside them and names that begin with a dot are passed over. Raises SettingsError.
    """
    try:
        places = sorted(p for p in noted(folder.iterdir()) if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        raise SettingsError([f"{folder}: cannot be read ({error.strerror})"]) from None
    if len(places) > MAX_BRANDS:
        raise SettingsError([f"{folder}: has {len(places)} folders, at most {MAX_BRANDS} brands are read"])
    sources: list[BrandSource] = []
    lines: list[str] = []
    for place in places:
        try:
            sources.append(read_brand(place))
        except SettingsError as error:
            lines += error.lines
    lines += _claims(sources)
    if lines:
        raise SettingsError(lines)
    return sources


def read_brand(folder: Path) -> BrandSource:
    """Return the brand in one folder; raises SettingsError."""
    try:
        files = sorted(p for p in noted(folder.iterdir()) if p.is_file() and not p.name.startswith("."))
    except OSError as error:
        raise SettingsError([f"{folder}: cannot be read ({error.strerror})"]) from None
    pictures = tuple(p for p in files if is_picture(p))
    written = folder / BRAND_YAML
    if written in files:
        file = _read(written)
    elif pictures:
        file = _named_like(folder)
    else:
        raise SettingsError([f"{folder}: has neither {BRAND_YAML} nor a picture; add one, or remove it"])
    if len(pictures) > MAX_PICTURES:
        raise SettingsError([f"{folder}: has {len(pictures)} pictures, at most {MAX_PICTURES} are used"])
    brand, wanted = file.brand, set(file.routes or ())
    if not pictures and not brand.words and not brand.stylised:
        raise SettingsError([f"{folder}: nothing tells this brand; add a picture of its mark, or words"])
    if not pictures and (missing := wanted & {"symbol", "emblem"}):
        route = sorted(missing)[0]
        raise SettingsError([f"{folder}: has the route {route} but no picture; add one of the mark"])
    if "pattern" in wanted and not any(map(is_swatch, pictures)):
        raise SettingsError(
            [f"{folder}: has the route pattern but no pattern-1.png; add a swatch of its cloth"]
        )
    return BrandSource(folder, file, pictures)


def _named_like(folder: Path) -> BrandFile:
    try:
        return BrandFile(name=folder.name.replace("-", " ").replace("_", " ").title())
    except ValidationError:
        raise SettingsError([f"{folder}: a brand cannot be called that; add a {BRAND_YAML}"]) from None


def _read(path: Path) -> BrandFile:
    try:
        document = read_document(decoded(read_raw(path, BRAND_YAML)), _Verbatim(), BrandFile)
    except Unreadable as error:
        raise SettingsError([error.mistake.line(path)]) from None
    file, mistakes = _judge(document)
    if file is None or mistakes:
        raise SettingsError(mistake.line(path) for mistake in sorted(set(mistakes)))
    return file


def _judge(document: Document) -> tuple[BrandFile | None, list[Mistake]]:
    if not isinstance(document.value, dict):
        words = (
            "the file is empty; begin with `name:`"
            if document.value is None
            else 'must be "key: value" lines'
        )
        return None, [Mistake(Place(1, 1), "", words), *document.mistakes]
    try:
        return BrandFile.model_validate(document.value), document.mistakes
    except ValidationError as error:
        return None, [*document.mistakes, *mistakes_of(document, error.errors(include_url=False), BrandFile)]


def _claims(sources: Sequence[BrandSource]) -> Iterable[str]:
    """Yield a line for each name or word that two brands claim: nobody could say whose it is."""
    owners: dict[str, BrandSource] = {}
    for source in sources:
        brand = source.file.brand
        for text in {normal_brand(t): t for t in (*brand.words, *brand.aliases, brand.name)}.values():
            owner = owners.setdefault(normal_brand(text), source)
            if owner is not source:
                yield f'{source.folder}: "{text}" is of {owner.folder.name} too; take it from one of them'
