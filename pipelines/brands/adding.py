"""Adds and removes brands: a folder appears or goes in one step, so that nobody ever sees half of one."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import yaml
from PIL import Image
from pydantic import ValidationError

from engines.errors import BadPicture
from engines.marks.picture import Ground, is_drawing, read_mark, read_pattern
from engines.marks.types import Route
from pipelines.brands.brand_file import BrandFile
from pipelines.brands.folder import BRAND_YAML, MAX_PICTURES, BrandSource, read_brands
from pipelines.brands.lockup import Lockup, seen_alone, separate, with_margin
from pipelines.errors import BadInput
from pipelines.settings.words import sentence
from pricing.brands.book import BrandBook
from pricing.brands.names import normal_brand

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engines.marks.picture import MarkPicture
    from engines.marks.types import Enrolled
    from pipelines.brands.clear_faces import FaceCount
    from pipelines.brands.enrol import Enroller
    from pipelines.brands.gallery import BrandSet

HIDDEN: Final = ".adding-"
LEFT_S: Final = 600
SVG: Final = ".svg"
OPAQUE: Final = 255


@dataclass(frozen=True, slots=True)
class Close:
    """An enrolled brand that a new mark is close to. needed: what is enough to be taken for either."""

    brand: str
    similarity: float
    needed: float


@dataclass(frozen=True, slots=True)
class Added:
    """A brand that is good to add. pictures: its marks as read; close: brands it may be confused with.

    lockups: of the pictures that show a symbol with a word, which (from 0) and their parts.
    """

    file: BrandFile
    pictures: tuple[MarkPicture, ...]
    enrolled: Enrolled | None
    close: tuple[Close, ...]
    lockups: tuple[tuple[int, Lockup], ...] = ()

    @property
    def routes(self) -> list[Route]:
        """The routes by which the brand is recognised."""
        used = self.enrolled.routes if self.enrolled else frozenset()
        words = self.file.brand.words or self.file.brand.stylised
        return [route for route in Route if route in used or (route is Route.WORDS and words)]

    @property
    def lacks_pattern(self) -> bool:
        """Whether there is a swatch, and too much of what others wear is like it for it to be used."""
        wanted = self.file.wanted is None or Route.PATTERN in self.file.wanted
        has_swatch = any(picture.is_pattern for picture in self.pictures)
        return wanted and has_swatch and (self.enrolled is None or self.enrolled.pattern is None)

    @property
    def has_garment(self) -> bool:
        """Whether a picture is cut from a photograph of a garment."""
        return any(one.ground is Ground.GARMENT and not one.is_pattern for one in self.pictures)


def slug_of(name: str) -> str:
    """Return the name of a brand's folder: a-z, 0-9 and "-"; letters of other scripts become a short hash.

    >>> slug_of("Hermès"), slug_of("李宁 Sport"), slug_of("李宁")
    ('hermes', 'sport-99e930', 'brand-4a6956')
    """
    key = normal_brand(name)
    plain = key.encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.replace("&", " and ")).strip("-")[:48]
    if not key.isascii():
        slug = f"{slug[:40].strip('-') or 'brand'}-{hashlib.sha256(key.encode()).hexdigest()[:6]}"
    if not slug:
        raise BadInput(f'a folder cannot be named after "{name}"; make it yourself, with a {BRAND_YAML}')
    return slug


def folder_of(folder: Path, name: str) -> Path | None:
    """Return where a brand of this name or alias lies; None where there is none. Raises SettingsError."""
    sources = read_brands(folder)
    key = BrandBook(source.file.brand for source in sources).key_of(name)
    return next((source.folder for source in sources if source.key == key), None)


def brand_file(name: str, words: Sequence[str] | None, slots: Sequence[str] | None) -> BrandFile:
    """Return what brand.yaml is to say; raises BadInput where that is no brand."""
    given = {"name": name, "words": words, "slots": slots}
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in given.items() if v is not None}
    try:
        return BrandFile.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        keys = first["loc"]
        wrong = str(first["input"])[:60] if isinstance(first["input"], str) else ""
        what = "NAME" if keys[:1] == ("name",) else f"--{keys[0]}" if keys else "the brand"
        raise BadInput(f'{what} "{wrong}" {sentence(first, keys, BrandFile)}') from None


def examine(
    file: BrandFile,
    pictures: Sequence[Path],
    brands: BrandSet | None,
    enroller: Enroller,
    *,
    patterns: Sequence[Path] = (),
    separate_lockups: bool = True,
    faces: FaceCount | None = None,
) -> Added:
    """Return what a new brand would be, beside those that are known; raises BadInput for a bad picture.

    patterns: swatches of the brand's cloth. separate_lockups: enrol the symbol and the word of a picture that
    shows both alone, too. faces: counts the clear faces on a picture, and one that shows any is refused; None
    where faces are wanted.
    """
    count = len(pictures) + len(patterns)
    if count > MAX_PICTURES:
        raise BadInput(f"{count} pictures, at most {MAX_PICTURES} are used; give the best")
    read = (*(read_mark(path) for path in pictures), *(read_pattern(path) for path in patterns))
    if faces is not None:
        check_faces(read, faces)
    lockups: list[tuple[int, Lockup]] = []
    for number, picture in enumerate(read if separate_lockups else ()):
        if picture.is_pattern:
            continue
        if count + 2 * len(lockups) + 2 <= MAX_PICTURES and (lockup := separate(picture)) is not None:
            lockups.append((number, lockup))
    parts = [part for _, lockup in lockups for part in (lockup.symbol, lockup.word)]
    enrolled = enroller.enrol(normal_brand(file.name), (*read, *parts), file.wanted) if read else None
    close = tuple(_close(enrolled, brands)) if enrolled and brands else ()
    return Added(file, read, enrolled, close, tuple(lockups))


def check_faces(pictures: Sequence[MarkPicture], faces: FaceCount) -> None:
    """Raise BadInput for a photograph with a clear face; drawings show none that is anybody's."""
    for picture in pictures:
        if not is_drawing(picture.path) and faces(picture):
            raise BadPicture(
                f"{picture.path}: shows a clear face; cut the picture to the mark, or give --faces where the"
                " face is the mark",
                "brand_face",
            )


def write_picture(picture: MarkPicture, target: Path) -> Path:
    """Write a mark as the gallery keeps it and return where: a drawing as it is, others drawn anew as PNG.

    So nothing of a photograph's file goes along: place, time, camera, owner, a thumbnail of all it showed.
    target: its path without a suffix.
    """
    written = target.with_name(f"{target.name}{SVG if is_drawing(picture.path) else '.png'}")
    write_stored_picture(picture, written)
    return written


def write_stored_picture(picture: MarkPicture, path: Path) -> None:
    """Write a mark as `write_picture` does, to exactly this path, which may be of an open file."""
    if is_drawing(picture.path):
        shutil.copyfile(picture.path, path)
        return
    whole = picture.ground is Ground.GARMENT
    pixels = seen_alone(picture.pixels) if whole else with_margin(picture)
    opaque = bool((pixels[..., 3] == OPAQUE).all())
    Image.fromarray(np.ascontiguousarray(pixels[..., :3]) if opaque else pixels).save(path, "PNG")


def _close(new: Enrolled, brands: BrandSet) -> list[Close]:
    found = []
    for other in brands.enrolled:
        if other.brand == new.brand or not len(other.vectors) or not len(new.vectors):
            continue
        similarity = float(np.max(new.vectors @ other.vectors.T))
        needed = min(new.threshold, other.threshold)
        if similarity >= needed:
            found.append(Close(brands.book.name(other.brand), similarity, needed))
    return sorted(found, key=lambda close: -close.similarity)


def write_brand(folder: Path, added: Added, *, force: bool) -> Path:
    """Write a brand's folder whole or not at all, and return it; BadInput where it is there already."""
    place = folder_of(folder, added.file.name) if folder.is_dir() else None
    target = place or folder / slug_of(added.file.name)
    if place is None and target.exists():  # of another brand, which `force` must not replace
        raise BadInput(f"{target}: is in the way of {added.file.name}; rename it")
    if place is not None and not force:
        raise BadInput(f"{target}: there is this brand already; --force replaces it")
    half: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        half = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=folder))
        half.chmod(0o755)
        for number, picture in enumerate(added.pictures, 1):
            write_picture(picture, half / f"{'pattern' if picture.is_pattern else 'mark'}-{number}")
        for number, lockup in added.lockups:
            for kind, part in (("symbol", lockup.symbol), ("word", lockup.word)):
                Image.fromarray(with_margin(part)).save(half / f"mark-{number + 1}-{kind}.png")
        said = added.file.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        text = yaml.safe_dump(said, allow_unicode=True, sort_keys=False, default_flow_style=False)
        (half / BRAND_YAML).write_text(text, "utf-8")
        for path in (*half.iterdir(), half):
            _flush(path)
        put_in_place(half, target)
        _flush(folder)
    except OSError as error:
        raise BadInput(
            f"{target}: cannot be written ({error.strerror}); mend the folder or free space"
        ) from None
    finally:
        if half is not None:  # it is there still only where something failed
            shutil.rmtree(half, ignore_errors=True)
    return target


def is_part(picture: Path) -> bool:
    """Return whether a picture in a brand's folder was cut out of another one by `write_brand`."""
    return re.fullmatch(r"mark-\d+-(symbol|word)\.png", picture.name) is not None


def remove_brand(folder: Path, name: str) -> Path:
    """Take a brand's folder away in one step, and return where it was; BadInput where there is none."""
    place = folder_of(folder, name)
    if place is None:
        raise BadInput(f'{folder}: there is no brand "{name}"; `msh brands list` names them')
    try:
        take_away(place)
    except OSError as error:
        raise BadInput(f"{place}: cannot be removed ({error.strerror})") from None
    sweep(folder)
    return place


def sweep(folder: Path) -> None:
    """Remove what an `add` or `remove` left behind that was cut off; younger ones may still be at work."""
    for left in folder.glob(f"{HIDDEN}*"):
        if time.time() - left.stat().st_mtime > LEFT_S:
            shutil.rmtree(left, ignore_errors=True)


def check_claims(folder: Path, added: Added) -> None:
    """Raise BadInput where another brand goes by this one's name or words."""
    for line in claimed_by_others(folder, added.file):
        raise BadInput(f"{line}; choose other --words")


def claimed_by_others(folder: Path, file: BrandFile, besides: Collection[str] = ()) -> list[str]:
    """Return a line for each brand of a gallery that goes by a brand's name or words.

    besides: keys of brands that do not count, as they are about to be replaced.
    """
    own = {normal_brand(text) for text in (file.name, *file.brand.words)}
    lines = []
    for source in read_brands(folder) if folder.is_dir() else ():
        if source.key in besides or source.key == normal_brand(file.name):
            continue
        if both := own & _claimed(source):
            lines.append(f'"{min(both)}" is of {source.file.name} already ({source.folder})')
    return lines


def _claimed(source: BrandSource) -> set[str]:
    brand = source.file.brand
    return {normal_brand(text) for text in (brand.name, *brand.aliases, *brand.words)}


def put_in_place(fresh: Path, target: Path) -> None:
    """Rename a brand's whole folder to `target`; what was there goes after that, and stays on an OSError."""
    if not target.exists():
        fresh.rename(target)
        return
    aside = _move_aside(target)
    try:
        fresh.rename(target)
    except OSError:
        (aside / target.name).rename(target)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


def take_away(place: Path) -> None:
    """Remove a brand's folder, which goes in one step."""
    shutil.rmtree(_move_aside(place), ignore_errors=True)


def _move_aside(place: Path) -> Path:
    """Move a brand's folder into a hidden one beside it, and return that one."""
    aside = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=place.parent))
    place.rename(aside / place.name)
    return aside


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
