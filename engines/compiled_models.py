"""Compiled OpenVINO models, kept on disk: the next start reads no ONNX file and optimises no graph.

A file is named after all that its content follows from: model file, what is built around it, settings,
OpenVINO and the CPU. It is mapped, not read: of its weights only those that the CPU uses as they are stay in
memory. Whatever is wrong with it, the model is compiled again.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
import shutil
import tempfile
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import openvino as ov  # type: ignore[import-untyped]  # the wheel has no py.typed

from engines.cpu_flags import cpu_flags
from engines.file_digest import FileStamp, digest_of
from engines.free_memory import drop_mapped_pages, note_mapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

FOLDER_VARIABLE: Final = "MSH_COMPILED"
"""Names another folder; `off` there: nothing is kept."""
FORMAT: Final = "1"
OWN_FORM: Final = ".xml"
"""Of OpenVINO's own files: the weights lie beside it, and are mapped."""
DIGEST_BYTES: Final = 32
"""Length of the SHA-256 at the end of a file, over all that is before it."""
MAX_AGE_DAYS, MAX_FILES = 60, 40
TOUCH_S: Final = 86_400.0
"""How old the note of a file's last use may be."""
LEAST_FREE_BYTES: Final = 500_000_000
"""Less free space on the disk than this: nothing is written, it is needed for what cannot be made again."""

_mapped: dict[tuple[Path, int, int], mmap.mmap] = {}
"""What OpenVINO reads weights from, for as long as the process lives: it does not say when it is done."""
_proved: dict[Path, FileStamp] = {}
"""Files whose digest was looked at, as they were then."""
_lock = threading.Lock()
_core: list[ov.Core] = []
_core_lock = threading.Lock()


def openvino_core() -> ov.Core:
    """Return OpenVINO's core, the one of this process, which lives as long; from any thread.

    Each core has a CPU plugin of its own. That gives the thread which first uses it a stack for signals, and
    when it goes, with the last of its models, the stack that was there before, which may be gone itself: the
    next signal, such as Ctrl-C, is then a segmentation fault (OpenVINO 2026.4).
    """
    with _core_lock:
        if not _core:
            _core.append(ov.Core())
        return _core[0]


def compiled_folder(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return where compiled models are kept: $MSH_COMPILED, else in the state of the program; None: nowhere.

    >>> compiled_folder({"MSH_COMPILED": "off"}) is None
    True
    """
    env = os.environ if environ is None else environ
    if wanted := env.get(FOLDER_VARIABLE):
        return None if wanted == "off" else Path(wanted)
    if state := env.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(state) / "compiled"
    if state := env.get("XDG_STATE_HOME", ""):
        return Path(state) / "msh" / "compiled"
    return Path(home) / ".local/state/msh/compiled" if (home := env.get("HOME")) else None


def compile_cached(
    path: Path, build: Callable[[ov.Core], ov.Model], config: Mapping[str, Any], how: str
) -> Any:
    """Return a model file compiled for the CPU, from the disk where it was compiled before.

    build: reads the file and makes of it what is compiled. how: what `build` makes, in a few words; another
    `how`, or another version of the file, is another compiled model. Raises what `build` and OpenVINO raise.
    """
    core = openvino_core()
    blob = _place(path, config, how)
    if blob is not None and (found := _load(core, blob, config)) is not None:
        return found
    compiled = core.compile_model(build(core), "CPU", dict(config))
    if blob is None or not _store(compiled, blob) or path.suffix == OWN_FORM:
        return compiled
    # Of an ONNX file it holds all weights in memory of its own; what was written can be mapped instead.
    mapped = _load(core, blob, config)
    return compiled if mapped is None else mapped


def is_kept(path: Path, config: Mapping[str, Any], how: str) -> bool:
    """Return whether `compile_cached` has been asked for the same before, and kept it on the disk."""
    blob = _place(path, config, how)
    with suppress(OSError):  # of a folder that may not be entered, say
        return blob is not None and blob.is_file()
    return False


def _place(path: Path, config: Mapping[str, Any], how: str) -> Path | None:
    folder = compiled_folder()
    if folder is None:
        return None
    try:
        digest = digest_of(path)
        if path.suffix == OWN_FORM:
            digest.update(digest_of(path.with_suffix(".bin")).digest())
    except OSError:
        return None  # OpenVINO says what is wrong with it
    settings = sorted((key, str(value)) for key, value in config.items())
    digest.update(repr((FORMAT, path.suffix, how, settings, ov.__version__, _cpu())).encode())
    return folder / f"{path.stem[:40]}-{digest.hexdigest()[:40]}.blob"


@cache
def _cpu() -> str:
    """Return what this CPU can do: a graph is optimised for it. Where the system does not say, its name."""
    return cpu_flags() or str(openvino_core().get_property("CPU", "FULL_DEVICE_NAME"))


def _load(core: ov.Core, blob: Path, config: Mapping[str, Any]) -> Any:
    """Return the compiled model of a file; None where it is missing, damaged, another user's or refused."""
    try:
        pages = _mapping(blob)
        _prove(blob, pages)
        weights = np.frombuffer(pages, np.uint8, count=len(pages) - DIGEST_BYTES)
        compiled = core.import_model(ov.Tensor(weights, shared_memory=True), "CPU", dict(config))
        compiled.create_infer_request()  # arranges the weights
    except FileNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001 whatever a file does, its model can be compiled
        reason = " ".join(str(error).split())
        logger.info("%s: cannot be used (%s); the model is compiled again", blob, reason)
        return None
    drop_mapped_pages()
    with suppress(OSError):
        if time.time() - blob.stat().st_mtime > TOUCH_S:
            os.utime(blob)
    return compiled


def _prove(blob: Path, pages: mmap.mmap) -> None:
    """Raise ValueError where a file is not as it was written; once while it stays the same."""
    stamp = FileStamp.of(blob)
    if _proved.get(blob) == stamp:
        return
    whole = memoryview(pages)
    if hashlib.sha256(whole[:-DIGEST_BYTES]).digest() != bytes(whole[-DIGEST_BYTES:]):
        raise ValueError("damaged")
    if stamp.is_settled and FileStamp.of(blob) == stamp:
        _proved[blob] = stamp


def _mapping(blob: Path) -> mmap.mmap:
    """Map a file, once while it stays the same. Raises OSError, and ValueError where others may write it."""
    with blob.open("rb") as file, _lock:
        status = os.fstat(file.fileno())
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022:
            raise ValueError("others may write it")
        key = (blob, status.st_ino, status.st_size)
        if key not in _mapped:
            # Copied on write: OpenVINO takes only writable memory, and writes nothing.
            _mapped[key] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            note_mapped(_mapped[key])
        return _mapped[key]


def _store(compiled: Any, blob: Path) -> bool:
    """Keep a compiled model on the disk; return whether it is there now."""
    draft = None
    try:
        for folder in (blob.parent.parent, blob.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if shutil.disk_usage(blob.parent).free < LEAST_FREE_BYTES:
            return False
        data = compiled.export_model().getbuffer()
        handle, draft = tempfile.mkstemp(prefix=".draft-", dir=blob.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.write(hashlib.sha256(data).digest())
        Path(draft).replace(blob)
        _sweep(blob.parent)
    except (OSError, RuntimeError) as error:
        logger.info("%s: compiled models cannot be kept on disk: %s", blob.parent, error)
        if draft is not None:
            Path(draft).unlink(missing_ok=True)
        return False
    return True


def _sweep(folder: Path) -> None:
    """Remove what nothing has asked for in MAX_AGE_DAYS, the oldest beyond MAX_FILES, and old drafts."""
    with suppress(OSError):
        ages = {path: time.time() - path.stat().st_mtime for path in folder.iterdir()}
        blobs = sorted((path for path in ages if path.suffix == ".blob"), key=ages.__getitem__)
        old = [path for path in blobs if ages[path] > MAX_AGE_DAYS * 86_400]
        drafts = [path for path in ages if path.name.startswith(".draft-") and ages[path] > 3600]
        for path in {*blobs[MAX_FILES:], *old, *drafts}:
            path.unlink(missing_ok=True)
