"""The gallery's part of a backup: what the gallery reads, by content, and nothing that lies elsewhere.

Who may write in the gallery must not get files of others into a backup, which root may make: no link out of
the gallery is followed, and what is judged is the copy that goes into the backup.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engines.file_type import HEAD_BYTES, sniff
from engines.marks.decode_child import DecodeRefused, check_svg
from engines.marks.picture import MAX_BYTES, read_marks
from pipelines.brands.adding import write_stored_picture
from pipelines.brands.folder import BRAND_YAML, read_brand, read_brands
from pipelines.errors import BadInput
from pipelines.settings.mistakes import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engines.marks.picture import MarkPicture
    from pipelines.brands.clear_faces import FaceCount
    from pipelines.brands.folder import BrandSource

_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


class _LeftOut(Exception):
    """Why a file does not go into the backup."""


def gallery_files(
    folder: Path, name: str, scratch: Path, faces: FaceCount, left_out: list[str]
) -> Mapping[str, Path]:
    """Return the files of a gallery by their names in a backup, below `name`; they are copies in `scratch`.

    No photograph on which somebody's face is clear is among them. What goes is what the gallery sees of it,
    and what was judged: a larger picture may show a face that is not clear in that, and its file may hold
    more than is seen, such as a second picture, or where and by whom it was taken. left_out: gets a line for
    each file that is not taken.
    """
    files: dict[str, Path] = {}
    root = folder.resolve()
    for source in read_brands(folder):
        copies = _brand(source, root, scratch, faces, left_out)
        try:
            if copies:
                read_brand(copies[0].parent)  # as `msh restore` will
        except SettingsError:
            left_out.append(f"{source.folder} (without those nothing tells this brand)")
        else:
            files |= {f"{name}/{source.folder.name}/{path.name}": path for path in copies}
    return files


def _brand(
    source: BrandSource, root: Path, scratch: Path, faces: FaceCount, left_out: list[str]
) -> list[Path]:
    """Return copies of what goes into the backup of one brand, in a folder of their own."""
    as_it_is, out = (scratch / part / source.folder.name for part in ("gallery", "brands"))
    for place in (as_it_is, out):
        place.mkdir(parents=True)
    copies: list[Path] = []
    photographs: list[Path] = []
    for path in (source.folder / BRAND_YAML, *source.pictures):
        try:
            f"{source.folder.name}/{path.name}".encode()  # as names in a ZIP are
            data = _read_inside(path, root)
            is_photograph = path.name != BRAND_YAML and _is_photograph(data)
            copy = (as_it_is if is_photograph else out) / path.name
            copy.write_bytes(data)
            (photographs if is_photograph else copies).append(copy)
        except FileNotFoundError:
            continue  # a brand may do without brand.yaml
        except UnicodeEncodeError:
            left_out.append(f"{path} (has a name that is not UTF-8; rename it)")
        except _LeftOut as error:
            left_out.append(f"{path} ({error})")
    for photograph, picture in zip(photographs, read_marks(photographs), strict=True):
        try:
            copies.append(_drawn_anew(photograph, picture, out, faces))
        except _LeftOut as error:
            left_out.append(f"{source.folder / photograph.name} ({error})")
    return copies


def _drawn_anew(photograph: Path, picture: MarkPicture | BadInput, folder: Path, faces: FaceCount) -> Path:
    """Write what the gallery sees of a photograph, and return where; _LeftOut where it may not."""
    if isinstance(picture, BadInput):
        raise _LeftOut(str(picture).removeprefix(f"{photograph}: "))
    if faces(picture):
        raise _LeftOut("shows a clear face")
    copy = folder / photograph.name
    write_stored_picture(picture, copy)
    return copy


def _is_photograph(data: bytes) -> bool:
    """Return whether a picture's pixels must be judged, or it is a drawing; _LeftOut where it is neither."""
    found = sniff(data[:HEAD_BYTES])
    if found is not None and found.kind == "image":
        return True
    try:
        check_svg(data)
    except DecodeRefused as error:
        raise _LeftOut(str(error)) from None
    return False


def _read_inside(path: Path, root: Path) -> bytes:
    """Return a file's bytes; _LeftOut where it lies outside of root, by a link, or cannot be read.

    The file is asked once it is open: until then it could be exchanged. Raises FileNotFoundError.
    """
    try:
        with os.fdopen(os.open(path, _READ), "rb") as file:
            if not Path(f"/proc/self/fd/{file.fileno()}").readlink().is_relative_to(root):
                raise _LeftOut("is a link out of the gallery")
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _LeftOut("is no file")
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _LeftOut(f"cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise _LeftOut(f"is larger than {MAX_BYTES // 10**6} MB")
    return data
