"""Watches the store file of a running store: tells when it has changed, and reads it whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipelines.settings.load import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelines.settings.root import Settings

Signature = tuple[int, int, int, int]


class StoreFileWatch:
    """Used by one thread."""

    def __init__(self, path: Path, env: Mapping[str, str] | None = None) -> None:
        """Begin with the file as it is now. env: where `${NAME}` comes from; by default the process's."""
        self._path = path
        self._env = os.environ if env is None else env
        self._seen = self._growing = self._signature()

    def changed(self) -> bool:
        """Tell, once, that the file has changed; to be called every second.

        A file that is written in place is told of when it has been still for a call: it may be half there.
        """
        signature = self._signature()
        if signature == self._seen:
            self._growing = signature
            return False
        if signature != self._growing and _same_file(signature, self._seen):
            self._growing = signature
            return False
        self._seen = self._growing = signature
        return True

    def load(self) -> Settings:
        """Read the file as it is now. Raises SettingsError with a line for each mistake."""
        self._seen = self._growing = self._signature()
        return load_settings(self._path, env=self._env)

    def _signature(self) -> Signature | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_ctime_ns  # tools set the first


def _same_file(one: Signature | None, other: Signature | None) -> bool:
    return one is not None and other is not None and one[2] == other[2]
