"""Which TensorRT engine fits which model on which machine, and where built engines lie."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engines.manifest import Model

FOLDER_VARIABLE = "MSH_ENGINES"


class EnginePrecision(str, Enum):
    """Arithmetic of an engine; `network_mode` is its number in an nvinfer file."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
    BEST = "best"

    @property
    def network_mode(self) -> int:
        """The number that nvinfer's `network-mode` has for it (includes/nvdsinfer_context.h)."""
        return {"fp32": 0, "int8": 1, "fp16": 2, "best": 3}[self.value]

    @property
    def quantised(self) -> bool:
        """Whether 8 bit integers may be used, which takes a calibration."""
        return self in (EnginePrecision.INT8, EnginePrecision.BEST)


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU as CUDA names it, and its compute capability; an engine runs only on the kind it was built on."""

    name: str
    capability: tuple[int, int]


@dataclass(frozen=True, slots=True)
class EngineKey:
    """All that an engine depends on. batch: the most pictures at once; width, height: the network's input."""

    model: str
    model_sha256: str
    tensorrt: str
    gpu: Gpu
    precision: EnginePrecision
    batch: int
    width: int
    height: int

    @classmethod
    def of(cls, model: Model, tensorrt: str, gpu: Gpu, precision: EnginePrecision, batch: int) -> EngineKey:
        """Return the key of a model's engine on this machine."""
        size = model.input
        return cls(model.name, model.sha256, tensorrt, gpu, precision, batch, size.width, size.height)

    def facts(self) -> dict[str, Any]:
        """Return all of it as JSON types."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]  # json.loads is untyped

    @property
    def file_name(self) -> str:
        """A file name that another key does not have, readable for a person."""
        digest = hashlib.sha256(json.dumps(self.facts(), sort_keys=True).encode()).hexdigest()[:12]
        return f"{self.model}-{self.precision.value}-b{self.batch}-{digest}.engine"

    @property
    def calibration_name(self) -> str:
        """The file name of the calibration, which depends on neither batch nor precision."""
        facts = (self.model, self.model_sha256, self.tensorrt, self.gpu.name, self.width, self.height)
        return f"{self.model}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:12]}.calibration"


@dataclass(frozen=True, slots=True)
class Built:
    """An engine that is there: its file, its calibration's (where quantised), and what was noted of it."""

    path: Path
    calibration: Path | None
    notes: dict[str, Any]


def engine_folder(environ: Mapping[str, str]) -> Path:
    """Return where engines are kept: $MSH_ENGINES, else the service's state folder, else the user's cache."""
    if wanted := environ.get(FOLDER_VARIABLE):
        return Path(wanted)
    if state := environ.get("STATE_DIRECTORY"):
        return Path(state.split(":")[0]) / "engines"
    cache = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "/var/lib/msh")) / ".cache"
    return Path(cache) / "msh" / "engines"


class EngineStore:
    """A folder of engines. Beside each lies a JSON file with its key; a file without one is not used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, key: EngineKey) -> Built | None:
        """Return the engine of exactly this key, or None where it is missing, cut short, or of another key.

        A quantised one counts only with the calibration that it was built with, as nvinfer needs that too.
        """
        path = self.folder / key.file_name
        try:
            notes = json.loads(_notes_path(path).read_text(encoding="utf-8"))
            whole = notes["key"] == key.facts() and notes["bytes"] == path.stat().st_size
            if not whole or not key.precision.quantised:
                return Built(path, None, notes) if whole else None
            calibration = self.calibration(key)
            same = hashlib.sha256(calibration.read_bytes()).hexdigest() == notes["calibration_sha256"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return Built(path, calibration, notes) if same else None

    def calibration(self, key: EngineKey) -> Path:
        """Return where the calibration of this key lies, whether or not it is there."""
        return self.folder / key.calibration_name

    def put(self, key: EngineKey, engine: bytes, notes: Mapping[str, Any]) -> Built:
        """Write the engine, then its notes, each whole or not at all. Raises BadInput."""
        path = self.folder / key.file_name
        said: dict[str, Any] = {"key": key.facts(), "bytes": len(engine), **notes}
        calibration = None
        if key.precision.quantised:
            calibration = self.calibration(key)
            said["calibration_sha256"] = hashlib.sha256(calibration.read_bytes()).hexdigest()
        self.write(path, engine)
        self.write(_notes_path(path), (json.dumps(said, indent=1) + "\n").encode())
        return Built(path, calibration, said)

    def write(self, path: Path, content: bytes) -> None:
        """Write a file so that a reader finds it whole or not at all, also after a power cut."""
        self.prepare(0)
        with _explained(self.folder):
            handle, temporary = tempfile.mkstemp(prefix=".building-", dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).chmod(0o644)
                Path(temporary).replace(path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise

    def prepare(self, needed_bytes: int) -> None:
        """Raise BadInput unless the folder is there, or can be made, can be written and has the room."""
        with _explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise BadInput(
                f"engines: {self.folder} cannot be written; give this user the right, or set "
                f"{FOLDER_VARIABLE} to another folder"
            )
        free = shutil.disk_usage(self.folder).free
        if free < needed_bytes:
            raise BadInput(
                f"engines: {self.folder} has {free // 1_000_000} MB free, {-(-needed_bytes // 1_000_000)} MB "
                f"are needed; free some, or set {FOLDER_VARIABLE} to a folder on another disk"
            )


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn the errors of writing into one line."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        mend = "free some space" if full else "give this user the right to write there"
        raise BadInput(
            f"engines: {folder}: {(error.strerror or 'cannot be written').lower()}; {mend}, or set "
            f"{FOLDER_VARIABLE} to another folder"
        ) from error


def _notes_path(engine: Path) -> Path:
    return engine.with_name(engine.name + ".json")
