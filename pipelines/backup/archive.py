"""The file of a backup: a ZIP with a manifest of its files, closed by the SHA-256 of all before it.

The digest stands in the ZIP's comment, its last bytes: any ZIP program opens the file, and any changed byte
shows.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Final

from pipelines.errors import BadInput
from pricing.plain_file import open_plain, replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SCHEMA: Final = "msh.backup/1"
MANIFEST: Final = "manifest.json"
MAX_BYTES: Final = 1_000_000_000
"""Bytes of all that is unpacked."""
MAX_FILES: Final = 20_000
_MAX_MANIFEST: Final = 8_000_000
_PREFIX: Final = b"msh.backup sha256 "
_DIGEST: Final = 64
_NAME: Final = re.compile(r"[^/\0]+(?:/[^/\0]+){0,3}")
_BLOCK: Final = 1 << 20
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """What a backup says of itself.

    product: the version that wrote it. settings: the version of the store file's form. withheld: key path of
    a secret that was written in the store file -> name of the `${NAME}` that stands there now. needs: names
    of secrets and paths of files that are not in it. files: name -> SHA-256.
    """

    made_at: str
    product: str
    settings: int
    store: str
    withheld: dict[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)


def write_archive(
    target: Path, manifest: BackupManifest, files: Mapping[str, Path], parts: Mapping[str, Path]
) -> BackupManifest:
    """Write the file, whole or not at all; return the manifest with the files in it. Raises BadInput.

    Its owner alone may read it, for it names the staff and counts the visitors. What `unpack_archive` would
    refuse for its size is refused here, while there is somebody to mend it. parts: where each part of the
    store is, by the first part of its files' names.
    """
    if target.is_dir():
        raise BadInput(f"{target}: is a folder; name the file to write")
    draft = target.with_name(f".{target.name}.new")
    digests: dict[str, str] = {}
    try:
        _check_size(target, files, parts)
        draft.unlink(missing_ok=True)  # it may be somebody's link to another file
        # A box without a battery for its clock has files of 1970, which a ZIP dates 1980.
        with (
            os.fdopen(os.open(draft, _NEW, 0o600), "w+b") as out,
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive,
        ):
            for name, path in files.items():
                archive.write(path, name)
                with archive.open(name) as packed:
                    digests[name] = _digest(packed)
            whole = BackupManifest(**{**_fields(manifest), "files": digests})
            archive.writestr(MANIFEST, json.dumps({"schema": SCHEMA, **_fields(whole)}, indent=1))
            archive.comment = _PREFIX + b"0" * _DIGEST
        _seal(draft)
        replace_file(draft, target)
    except OSError as error:
        raise BadInput(f"{target}: cannot be written ({error.strerror})") from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return whole


def _check_size(target: Path, files: Mapping[str, Path], parts: Mapping[str, Path]) -> None:
    sizes, counts = Counter[str](), Counter(name.partition("/")[0] for name in files)
    for name, path in files.items():
        sizes[name.partition("/")[0]] += path.stat().st_size
    limit, size = f"{MAX_BYTES // 10**6} MB", f"{-(-sizes.total() // 10**6)} MB"
    if len(files) > MAX_FILES:
        limit, size, sizes = f"{MAX_FILES} files", f"{len(files)} files", counts
    elif sizes.total() <= MAX_BYTES:
        return
    largest = sizes.most_common(1)[0][0]
    raise BadInput(
        f"{target}: at most {limit} can be restored, and this is {size}; the largest part is"
        f" {parts.get(largest, largest)}: move it, or files of it, elsewhere"
    )


def unpack_archive(source: Path, folder: Path) -> BackupManifest:
    """Check a backup and unpack it into an empty folder; raises BadInput with one line for a bad one."""
    with _readable(source):
        _check_seal(source)
        with zipfile.ZipFile(source) as archive:
            manifest = _manifest(archive, source)
            entries = [entry for entry in archive.infolist() if entry.filename != MANIFEST]
            names = [entry.filename for entry in entries]
            if sorted(names) != sorted(manifest.files) or len(names) > MAX_FILES:
                raise BadInput(f"{source}: its files are not those of its manifest; take another backup")
            if sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise BadInput(f"{source}: holds more than {MAX_BYTES // 10**6} MB")
            for entry in entries:
                if _unpack(archive, entry, folder) != manifest.files[entry.filename]:
                    raise BadInput(f"{source}: {entry.filename} is damaged; take another backup")
    return manifest


def _fields(manifest: BackupManifest) -> dict[str, Any]:
    return {**asdict(manifest), "needs": tuple(manifest.needs)}


def _seal(path: Path) -> None:
    with path.open("r+b") as file:
        size = path.stat().st_size - _DIGEST
        digest = _digest(file, size)
        file.seek(size)
        file.write(digest.encode())


def _check_seal(path: Path) -> None:
    foreign = BadInput(f"{path}: is no backup of msh; `msh backup` writes one")
    size = path.stat().st_size - _DIGEST
    with open_plain(path) as file:
        if file.read(2) != b"PK" or size < len(_PREFIX):
            raise foreign
        file.seek(size - len(_PREFIX))
        tail = file.read(len(_PREFIX) + _DIGEST)
        file.seek(0)
        digest = _digest(file, size)
    if tail[: len(_PREFIX)] != _PREFIX and zipfile.is_zipfile(path):
        raise foreign
    if tail != _PREFIX + digest.encode():
        raise BadInput(f"{path}: is damaged or cut short; take another backup")


def _digest(file: IO[bytes], size: int | None = None) -> str:
    sha, left = hashlib.sha256(), MAX_BYTES if size is None else size
    while left and (block := file.read(min(_BLOCK, left))):
        sha.update(block)
        left -= len(block)
    return sha.hexdigest()


def _manifest(archive: zipfile.ZipFile, source: Path) -> BackupManifest:
    foreign = BadInput(f"{source}: is no backup of msh; `msh backup` writes one")
    try:
        entry = archive.getinfo(MANIFEST)
        raw: Any = json.loads(archive.read(entry)) if entry.file_size <= _MAX_MANIFEST else None
        schema = raw.pop("schema")
    except (KeyError, ValueError, AttributeError, TypeError):
        raise foreign from None
    if schema != SCHEMA:
        newer = isinstance(schema, str) and schema.startswith("msh.backup/")
        raise BadInput(f"{source}: is of a newer release; upgrade this one first") if newer else foreign
    try:
        manifest = BackupManifest(**{**raw, "needs": tuple(raw["needs"])})
    except (KeyError, TypeError):
        raise foreign from None
    if not _is_well_formed(manifest):
        raise foreign
    return manifest


def _is_well_formed(manifest: BackupManifest) -> bool:
    """Return whether its fields are of their types: anybody may have written it."""
    tables: tuple[object, ...] = manifest.withheld, manifest.files
    texts: list[object] = [manifest.made_at, manifest.product, manifest.store, *manifest.needs]
    for table in tables:
        if not isinstance(table, dict):
            return False
        texts += [*table, *table.values()]
    if not isinstance(manifest.settings, int) or not all(isinstance(text, str) for text in texts):
        return False
    return all(map(_NAME.fullmatch, manifest.files))


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> str:
    """Write one file below the folder; return its digest."""
    parts = PurePosixPath(entry.filename).parts
    if ".." in parts or PurePosixPath(entry.filename).is_absolute():
        return ""
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    sha, left = hashlib.sha256(), entry.file_size
    with archive.open(entry) as packed, target.open("wb") as out:
        while block := packed.read(_BLOCK):
            left -= len(block)
            if left < 0:
                return ""
            sha.update(block)
            out.write(block)
    return sha.hexdigest()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except BadInput:
        raise
    except FileNotFoundError:
        raise BadInput(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise BadInput(f"{path}: is a folder; name the file that `msh backup` wrote") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError):
        raise BadInput(f"{path}: is no backup of msh; `msh backup` writes one") from None
