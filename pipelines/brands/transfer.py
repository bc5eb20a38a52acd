"""Brands to and from one file: a ZIP of brand folders, or a folder of them."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from engines.marks.picture import MAX_BYTES, SUFFIXES, is_drawing, read_marks
from pipelines.brands.adding import (
    HIDDEN,
    check_faces,
    claimed_by_others,
    folder_of,
    put_in_place,
    slug_of,
    sweep,
    write_picture,
)
from pipelines.brands.folder import BRAND_YAML, MAX_BRANDS, MAX_PICTURES, BrandSource, read_brands
from pipelines.errors import BadInput
from pipelines.printable import noted
from pipelines.settings.mistakes import SettingsError
from pricing.plain_file import open_plain, replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engines.marks.picture import MarkPicture
    from pipelines.brands.clear_faces import FaceCount

MAX_TOTAL: Final = 500_000_000
"""Bytes of all that is unpacked from one ZIP."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: the names of brands that are new, and of those that were replaced."""

    added: tuple[str, ...]
    replaced: tuple[str, ...]


def import_brands(
    source: Path, folder: Path, *, force: bool = False, faces: FaceCount | None = None
) -> Imported:
    """Add the brands of a folder of brand folders, or of a ZIP of one, to a gallery; all of them or none.

    Each is looked at as `brands check` would: raises BadInput with a line for each mistake, for pictures that
    cannot be read, for words that another brand claims, and for brands that are there unless `force`. faces:
    counts clear faces, which are refused; None where they are wanted. Pictures are drawn anew, see
    `write_picture`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    with tempfile.TemporaryDirectory(prefix=HIDDEN, dir=folder) as place:
        unpacked = Path(place) / "brands"
        if source.is_dir():
            _copy(source, unpacked)
        else:
            _unpack(source, unpacked)
        found = _checked(unpacked, folder, source, force=force, faces=faces)
        return _put(found, folder)


def export_brands(sources: Sequence[BrandSource], target: Path) -> None:
    """Write brands as a ZIP that `import_brands` reads; whole, or not at all.

    Pictures are drawn anew, as they are when they come in: of one that was put there by hand, place, time and
    owner do not go along. BadInput where one cannot be read.
    """
    if target.is_dir():
        raise BadInput(f"{target}: is a folder; name the file to write")
    draft = target.with_name(f".{target.name}.new")
    try:
        with (
            tempfile.TemporaryDirectory() as place,
            zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for source in sources:
                folder = _drawn_anew(source, Path(place) / source.folder.name)
                written = source.folder / BRAND_YAML
                for path in (*([written] if written.is_file() else []), *sorted(folder.iterdir())):
                    archive.write(path, f"{source.folder.name}/{path.name}")
        replace_file(draft, target)
    except OSError as error:
        raise BadInput(f"{target}: cannot be written ({error.strerror})") from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _drawn_anew(source: BrandSource, folder: Path) -> Path:
    """Write a brand's pictures into a folder, as `_redraw` does, and return it."""
    folder.mkdir()
    copies = [Path(shutil.copyfile(path, folder / path.name)) for path in source.pictures]
    for picture in read_marks(copies):
        if isinstance(picture, BadInput):
            raise BadInput(str(picture).replace(str(folder), str(source.folder)))
        if not is_drawing(picture.path):
            _redraw(picture)
    return folder


def _is_wanted(name: str) -> bool:
    return name == BRAND_YAML or (not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES)


def _copy(source: Path, unpacked: Path) -> None:
    try:
        for place in noted(source.iterdir()):
            if not place.is_dir() or place.name.startswith("."):
                continue
            (unpacked / place.name).mkdir(parents=True)
            for file in noted(place.iterdir()):
                if file.is_file() and _is_wanted(file.name):
                    shutil.copyfile(file, unpacked / place.name / file.name)
    except OSError as error:
        raise BadInput(f"{source}: cannot be read ({error.strerror})") from None


def _unpack(source: Path, unpacked: Path) -> None:
    """Unpack the brand folders of a ZIP; names that lead elsewhere and files of other kinds are left out."""
    total = 0
    try:
        with open_plain(source) as file, zipfile.ZipFile(file) as archive:
            for entry, brand, name in _members(archive):
                total += entry.file_size
                if entry.file_size > MAX_BYTES or total > MAX_TOTAL:
                    raise BadInput(
                        f"{source}: {entry.filename} is too large; at most {MAX_BYTES // 10**6} MB"
                    )
                (unpacked / brand).mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as packed:
                    data = packed.read(entry.file_size + 1)
                if len(data) > entry.file_size:
                    raise BadInput(f"{source}: {entry.filename} is larger than the ZIP says; pack it again")
                (unpacked / brand / name).write_bytes(data)
    except FileNotFoundError:
        raise BadInput(f"{source}: no such file or folder") from None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadInput(f"{source}: is no ZIP that can be read ({error}); pack the folders again") from None
    except OSError as error:
        raise BadInput(f"{source}: cannot be read ({error.strerror})") from None


def _members(archive: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, str, str]]:
    """Yield the files of brand folders, at the top or in one folder around them all."""
    entries = [
        (entry, PurePosixPath(name if "/" in name else name.replace("\\", "/")).parts)  # as old Windows packs
        for entry, name in zip(archive.infolist(), noted(archive.namelist()), strict=True)
        if not entry.is_dir()
    ]
    entries = [(entry, parts) for entry, parts in entries if parts and parts[0] != "__MACOSX"]
    tops = {parts[0] for _, parts in entries}
    around = len(tops) == 1 and all(len(parts) == 3 for _, parts in entries)
    if len(entries) > MAX_BRANDS * (MAX_PICTURES + 1):
        raise BadInput(f"{archive.filename}: holds {len(entries)} files; at most {MAX_BRANDS} brands")
    for entry, parts in entries:
        inner = parts[1:] if around else parts
        if len(inner) != 2 or ".." in parts or inner[0].startswith(".") or not _is_wanted(inner[1]):
            continue
        yield entry, inner[0].replace("\\", "-").replace("\0", ""), inner[1]


def _checked(
    unpacked: Path, folder: Path, source: Path, *, force: bool, faces: FaceCount | None
) -> list[BrandSource]:
    """Return the brands that are good to take; raises BadInput with a line for each mistake."""
    if not unpacked.is_dir():
        raise BadInput(f"{source}: holds no brand folders; make one a brand, with pictures of its mark")
    try:
        found = read_brands(unpacked)
    except SettingsError as error:
        raise BadInput("\n".join(line.replace(f"{unpacked}{os.sep}", "") for line in error.lines)) from None
    pictures = read_marks([path for one in found for path in one.pictures])
    lines = []
    for picture in pictures:
        try:
            if isinstance(picture, BadInput):
                raise picture
            if faces is not None:
                check_faces([picture], faces)
        except BadInput as error:
            lines.append(str(error).replace(f"{unpacked}{os.sep}", ""))
    keys = {one.key for one in found}
    lines += _in_the_way(found, folder, force=force)
    for one in found:
        lines += claimed_by_others(folder, one.file, keys)
    if lines:
        raise BadInput("\n".join(lines))
    for picture in pictures:
        if not isinstance(picture, BadInput) and not is_drawing(picture.path):
            _redraw(picture)
    return found


def _in_the_way(found: Sequence[BrandSource], folder: Path, *, force: bool) -> Iterator[str]:
    """Yield a line for each brand at which `_put` would stop, with those before it taken."""
    wanted: set[Path] = set()
    for one in found:
        name = one.file.name
        there, target = folder_of(folder, name), folder / slug_of(name)
        if there is None:
            if target in wanted or target.exists():
                yield f"{target}: is in the way of {name}; rename it"
            wanted.add(target)
        elif not force:
            yield f"{name}: there is this brand already ({there}); --force replaces it"


def _redraw(picture: MarkPicture) -> None:
    """Write a picture anew in its place, as PNG and without what else its file holds."""
    target = picture.path.with_suffix("")
    if picture.path.suffix != ".png" and target.with_name(f"{target.name}.png").exists():
        target = target.with_name(f"{target.name}-{picture.path.suffix[1:].lower()}")
    if write_picture(picture, target) != picture.path:
        picture.path.unlink()


def _put(found: Sequence[BrandSource], folder: Path) -> Imported:
    added: list[str] = []
    replaced: list[str] = []
    try:
        for one in found:
            there = folder_of(folder, one.file.name)
            target = there or folder / slug_of(one.file.name)
            if there is None and target.exists():
                raise BadInput(f"{target}: is in the way of {one.file.name}; rename it")
            put_in_place(one.folder, target)
            (replaced if there else added).append(one.file.name)
    except OSError as error:
        raise BadInput(
            f"{folder}: cannot be written ({error.strerror}); mend the folder or free space"
        ) from None
    return Imported(tuple(added), tuple(replaced))
