"""What brands are enrolled with, kept on disk: a restart then decodes no picture and loads no model."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engines.manifest import GARMENTS, find_model, read_manifest
from engines.marks.gallery import COHORT
from engines.marks.picture import is_swatch
from engines.paths import ROOT
from pipelines.brands.gallery import BrandSet
from pipelines.brands.snapshot import from_npz, to_npz
from pipelines.paths import state_folder
from pricing.brands.book import BrandBook
from pricing.outage import Outage

if TYPE_CHECKING:
    from engines.marks.types import Enrolled
    from pipelines.brands.folder import BrandSource

logger = logging.getLogger(__name__)

FORMAT: Final = "1"
MAX_AGE_DAYS: Final = 60
MAX_BYTES: Final = 50_000_000
_CODE: Final = ("engines/marks", "pipelines/brands/enrol.py")
"""What decides what a picture is enrolled as; a change there makes all that is kept worthless."""


class EnrolledCache:
    """One file a brand, named after everything it follows from: pictures, brand.yaml, models, program.

    A file that is damaged, missing or cannot be written costs time, nothing else. From any thread.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing = Outage(
            logger,
            f"{folder}: enrolled brands cannot be kept on disk",
            "enrolled brands are kept on disk again",
        )

    def get(self, source: BrandSource) -> tuple[Enrolled | None] | None:
        """Return what a brand was enrolled as, in a tuple of one; None where that is not known."""
        try:
            path = self._path(source)
            data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
            found = from_npz(data).enrolled
        except FileNotFoundError:
            return None
        except Exception:  # noqa: BLE001 whatever a damaged file does, its pictures are enrolled again
            logger.info("%s: what was kept of the brand cannot be read; it is enrolled again", source.folder)
            return None
        if any(marks.brand != source.key for marks in found):
            return None
        with suppress(OSError):  # the disk takes no writes: it can be read all the same
            os.utime(path)
        return (found[0],) if found else (None,)

    def put(self, source: BrandSource, enrolled: Enrolled | None) -> None:
        """Keep what a brand was enrolled as."""
        data = to_npz(BrandSet(BrandBook(), () if enrolled is None else (enrolled,), ()))
        draft = None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(prefix=".draft-", dir=self._folder)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(draft).replace(self._path(source))
            self._writing.recover()
        except OSError as error:
            self._writing.fail(error.strerror or error)
            if draft is not None:
                with suppress(OSError):
                    Path(draft).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what nothing has asked for in MAX_AGE_DAYS."""
        with suppress(OSError):
            for path in self._folder.iterdir():
                if time.time() - path.stat().st_mtime > MAX_AGE_DAYS * 86_400:
                    path.unlink(missing_ok=True)

    @classmethod
    def of_this_machine(cls) -> EnrolledCache:
        """Return the one in the folder for what outlives a restart, swept."""
        cache = cls(state_folder() / "brands")
        cache.sweep()
        return cache

    def _path(self, source: BrandSource) -> Path:
        digest = hashlib.sha256(self._program)
        digest.update(source.file.model_dump_json().encode())
        for picture in source.pictures:
            digest.update(hashlib.sha256(picture.read_bytes()).digest() + picture.suffix.encode())
            digest.update(b"pattern" if is_swatch(picture) else b"")
        return self._folder / f"{digest.hexdigest()[:40]}.npz"

    @cached_property
    def _program(self) -> bytes:
        """Digest what enrolls: the models, the cohort, and the code itself."""
        digest = hashlib.sha256(FORMAT.encode())
        digest.update(find_model("mark-embedding", read_manifest()).path.read_bytes())
        digest.update(find_model(GARMENTS, read_manifest()).sha256.encode())
        digest.update(COHORT.read_bytes())
        for place in _CODE:
            path = ROOT / place
            for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
                digest.update(file.read_bytes())
        return digest.digest()
