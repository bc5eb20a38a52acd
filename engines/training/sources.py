"""Fetching what the training pictures are made of: `python -m engines.training.sources OUT`.

Packages are fetched with the machine's own npm, pip and apt, unpacked, and what is of use is put in
OUT/icons, OUT/fonts, OUT/photos, OUT/textures and OUT/drawings. Run again, it fetches only what is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import re
import shutil
import struct
import subprocess
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from fontTools.ttLib import TTFont, TTLibError  # type: ignore[import-untyped]  # it has none
from PIL import Image

from engines.errors import BadInput
from engines.training.packages import NOT_PHOTOS, PACKAGES, Package, Registry
from engines.training.split import held_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Bgr = npt.NDArray[np.uint8]

logger = logging.getLogger(__name__)

LONGEST = 1600
"""Longest side of a photograph that is kept, px."""
FETCH_TIMEOUT = 600.0
_LETTERS = frozenset(map(ord, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789&'.-"))


def collect(out: Path) -> dict[str, int]:
    """Fetch, unpack and sort everything; return how many of each kind there are now."""
    fonts: dict[str, list[tuple[int, bool, Path]]] = {}
    photos = Pictures(out / "photos", 180, 350, np.inf, NOT_PHOTOS)
    textures = Pictures(out / "textures", 96, 2, 12.0, r"logo|flare|sky|banner|emblem|sign")
    for package in PACKAGES:
        try:
            files = _unpack(package, fetch(package, out / "packages"), out / "unpacked")
        except (OSError, subprocess.SubprocessError) as error:
            logger.warning("%s: left out: %s", package.name, error)
            continue
        if package.icons:
            _copy(_matching(files, package.icons), out / "icons")
        if package.drawings:
            _copy_drawings(_matching(files, package.drawings), out / "drawings" / package.kind)
        if package.photos:
            photos.add(package.name, _matching(files, package.photos))
        if package.textures:
            textures.add(package.name, _matching(files, package.textures))
        if package.fonts:
            _faces(files, fonts)
    _choose_fonts(fonts, out / "fonts")
    return {
        kind: len([p for p in (out / kind).iterdir() if p.suffix != ".json"])
        for kind in ("icons", "fonts", "photos", "textures")
    }


def fetch(package: Package, folder: Path) -> Path:
    """Return the package's archive, fetched unless it is there already."""
    folder = folder / re.sub(r"\W+", "-", f"{package.name} {package.version}").strip("-")
    found = sorted(folder.glob("*")) if folder.is_dir() else []
    if not found:
        folder.mkdir(parents=True, exist_ok=True)
        commands = {
            Registry.NPM: ["npm", "pack", "--silent", f"{package.name}@{package.version}"],
            Registry.PYPI: ["pip", "download", "-q", "--no-deps", f"{package.name}=={package.version}"],
            Registry.DEBIAN: ["apt-get", "download", "-q", package.name],
        }
        command = commands[package.registry]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=FETCH_TIMEOUT)
        found = sorted(folder.glob("*"))
    digest = hashlib.sha256(found[0].read_bytes()).hexdigest()
    if package.sha256 and digest != package.sha256:
        raise BadInput(f"{found[0].name}: not the file that was pinned: its SHA-256 is {digest}; delete it")
    return found[0]


def _unpack(package: Package, archive: Path, folder: Path) -> Path:
    """Return the folder with the archive's contents, archives within it opened too."""
    into = folder / archive.parent.name
    if not into.is_dir():
        unfinished = folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        if package.registry is Registry.DEBIAN:
            subprocess.run(
                ["dpkg-deb", "-x", str(archive), str(unfinished)], check=True, timeout=FETCH_TIMEOUT
            )
        else:
            shutil.unpack_archive(str(archive), unfinished, "zip" if archive.suffix == ".whl" else None)
        for inner in [path for path in unfinished.rglob("*.pk3") if path.is_file()]:
            with zipfile.ZipFile(inner) as opened:
                opened.extractall(inner.with_suffix(""))
        for inner in [path for path in unfinished.rglob("*.rcc") if path.is_file()]:
            carve(inner)
        unfinished.rename(into)
    return into


def carve(resources: Path) -> None:
    """Put the WebP and JPEG pictures of a Qt resource file, each after its length, in a folder beside it."""
    data, folder = resources.read_bytes(), resources.with_suffix(".pictures")
    for found in re.finditer(rb"RIFF(....)WEBP|\xff\xd8\xff", data, re.DOTALL):
        start = found.start()
        if found[1] is not None:
            size, suffix = struct.unpack("<I", found[1])[0] + 8, "webp"
        elif start >= 4:
            size, suffix = struct.unpack(">I", data[start - 4 : start])[0], "jpg"
        else:
            continue
        if 12_000 < size <= len(data) - start:
            folder.mkdir(exist_ok=True)
            (folder / f"{start}.{suffix}").write_bytes(data[start : start + size])


def _matching(folder: Path, pattern: str) -> list[Path]:
    """Return the files whose path in the package fits, largest first; of a resource file, its pictures."""
    found: list[Path] = []
    for path in sorted(folder.rglob("*")):
        if (
            path.is_file()
            and not path.is_symlink()
            and re.search(pattern, path.relative_to(folder).as_posix())
        ):
            pictures = path.with_suffix(".pictures")
            found += sorted(pictures.iterdir()) if path.suffix == ".rcc" and pictures.is_dir() else [path]
    return sorted(found, key=lambda path: -path.stat().st_size)


def _copy(files: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in files:
        shutil.copyfile(path, folder / path.name)


def _copy_drawings(files: list[Path], folder: Path) -> None:
    """Copy drawings side by side; where a name is there several times, its folder's name tells which."""
    folder.mkdir(parents=True, exist_ok=True)
    names = Counter(path.name for path in files)
    for path in files:
        same = f"{path.stem}-{path.parent.name}{path.suffix}"
        shutil.copyfile(path, folder / (path.name if names[path.name] == 1 else same))


class Pictures:
    """A folder of pictures, none of them twice, that takes in only those that are large and rich enough.

    uneven: the most that the mean grey of sixteenths of a picture may vary, as standard deviation; where it
    is finite, none of the sixteenths may be much busier than the others.
    """

    def __init__(
        self, folder: Path, least_side: int, least_colours: int, uneven: float, unwanted: str
    ) -> None:
        self._folder, self._least_side, self._least_colours = folder, least_side, least_colours
        self._uneven = uneven
        self._unwanted = re.compile(unwanted, re.IGNORECASE)
        self._seen: list[npt.NDArray[np.bool_]] = []
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, package: str, files: list[Path]) -> None:
        """Take in what fits, as JPEG no longer than LONGEST a side."""
        for path in files:
            short = "/".join(path.parts[-4:])
            if self._unwanted.search(short):
                continue
            picture = read_picture(path)
            if picture is None or not self._fits(picture):
                continue
            scale = LONGEST / max(picture.shape[:2])
            if scale < 1:
                picture = np.asarray(
                    cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
                )
            name = re.sub(r"[^A-Za-z0-9]+", "-", f"{package}-{short}")[-90:].strip("-")
            cv2.imwrite(str(self._folder / f"{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])

    def _fits(self, picture: Bgr) -> bool:
        colours = np.asarray(cv2.resize(picture, (200, 200), interpolation=cv2.INTER_AREA), np.int64)
        if min(picture.shape[:2]) < self._least_side or max(picture.shape[:2]) > 4 * min(picture.shape[:2]):
            return False
        if len(np.unique((colours >> 3) @ (1, 32, 1024))) < self._least_colours:
            return False
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        if not self._even(grey):
            return False
        small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA)
        shape = (small[:, 1:] > small[:, :-1]).reshape(-1)
        if any(np.count_nonzero(shape != other) <= 6 for other in self._seen):
            return False
        self._seen.append(shape)
        return True

    def _even(self, grey: npt.NDArray[np.uint8]) -> bool:
        if np.isinf(self._uneven):
            return True
        square = cv2.resize(grey, (256, 256), interpolation=cv2.INTER_AREA).astype(np.float32)
        parts = square.reshape(4, 64, 4, 64).swapaxes(1, 2).reshape(16, -1)
        busy = parts.std(axis=1)
        return bool(
            parts.mean(axis=1).std() <= self._uneven and busy.mean() > 1.5 and busy.std() < 0.45 * busy.mean()
        )


def read_picture(path: Path) -> Bgr | None:
    """Return the picture as BGR, or None where it cannot be read or is partly see-through."""
    if path.suffix == ".pat":
        return _gimp_pattern(path.read_bytes())
    if path.suffix == ".tga":
        with Image.open(path) as opened:
            return np.ascontiguousarray(np.asarray(opened.convert("RGB"), np.uint8)[..., ::-1])
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.dtype != np.uint8:
        return None
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    if picture.shape[2] == 4 and (picture[..., 3] < 200).mean() > 0.02:
        return None
    return np.asarray(picture[..., :3], np.uint8)


def _gimp_pattern(data: bytes) -> Bgr | None:
    """Return a GIMP pattern as BGR: a header of 32-bit words (its size, 1, width, height, depth)."""
    if len(data) < 24 or data[20:24] != b"GPAT":
        return None
    header, _, width, height, depth = struct.unpack(">5I", data[:20])
    if depth not in (1, 3, 4) or len(data) < header + width * height * depth:
        return None
    pixels = np.frombuffer(data, np.uint8, width * height * depth, header).reshape(height, width, depth)
    colours = np.repeat(pixels, 3, axis=2) if depth == 1 else pixels[..., 2::-1]
    return np.ascontiguousarray(colours)


def _faces(folder: Path, families: dict[str, list[tuple[int, bool, Path]]]) -> None:
    """Add the Latin faces of a package to their families, as (weight, italic, path)."""
    for path in sorted(path for path in folder.rglob("*.[to]tf") if path.is_file()):
        try:
            with TTFont(path, lazy=True) as font:
                if path.stat().st_size < 3_000_000 and frozenset(font.getBestCmap() or ()) >= _LETTERS:
                    family = str(font["name"].getBestFamilyName())
                    face = (int(font["OS/2"].usWeightClass), bool(font["head"].macStyle & 2), path)
                    families.setdefault(family, []).append(face)
        except (TTLibError, KeyError, AssertionError) as error:
            logger.info("%s: passed over: %s", path.name, error)


def _choose_fonts(families: dict[str, list[tuple[int, bool, Path]]], folder: Path) -> None:
    """Copy up to three faces of a family: the regular, the heaviest, an italic; list them in fonts.json."""
    folder.mkdir(parents=True, exist_ok=True)
    listing: dict[str, dict[str, str | bool]] = {}
    for family, faces in sorted(families.items()):
        for path in _three(sorted(faces)):
            shutil.copyfile(path, folder / path.name)
            listing[path.name] = {"family": family, "held_out": held_out(family)}
    (folder / "fonts.json").write_text(json.dumps(listing, indent=0, sort_keys=True), encoding="utf-8")


def _three(faces: list[tuple[int, bool, Path]]) -> Iterator[Path]:
    upright = [face for face in faces if not face[1]]
    chosen = [face for face in faces if face[1]][:1]
    if upright:
        chosen += [min(upright, key=lambda face: abs(face[0] - 400)), upright[-1]]
    yield from dict.fromkeys(face[2] for face in chosen)


def main() -> None:
    """Collect the material in the folder named on the command line."""
    parser = argparse.ArgumentParser(description="Fetch what the training pictures are made of.")
    parser.add_argument("out", type=Path, help="folder that it is put in; takes about 3 GB")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    counts = collect(parser.parse_args().out)
    logger.info("%s", ", ".join(f"{count} {kind}" for kind, count in counts.items()))


if __name__ == "__main__":
    main()
