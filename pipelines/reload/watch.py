"""Watches the store file of a running store: tells when it has changed, and reads it whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipelines.settings.load import load_settings
from pipelines.settings.mistakes import SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from pipelines.settings.root import Settings

Signature = tuple[int, int, int, int]


class StoreFileWatch:
    """Used by one thread."""

    def __init__(
        self, path: Path, env: Mapping[str, str] | None = None, secret_files: Collection[Path] = ()
    ) -> None:
        """Begin with the files as they are now.

        env: where `${NAME}` comes from; by default the process's. secret_files: where else, until `load`.
        """
        self._path, self._secret_files = path, sorted(secret_files)
        self._env = os.environ if env is None else env
        self._seen = self._growing = self._signatures()

    def changed(self) -> bool:
        """Tell, once, that the file or a secret's has changed; to be called every second.

        A file that is written in place is told of when it has been still for a call: it may be half there.
        """
        signatures = self._signatures()
        if signatures == self._seen:
            self._growing = signatures
            return False
        if signatures != self._growing and any(map(_is_written_in_place, signatures, self._seen)):
            self._growing = signatures
            return False
        self._seen = self._growing = signatures
        return True

    def load(self) -> Settings:
        """Read the file as it is now. Raises SettingsError with a line for each mistake."""
        self._seen = self._growing = self._signatures()
        try:
            settings = load_settings(self._path, env=self._env)
        except SettingsError as error:  # a secret that it misses may come without another edit
            self._follow(error.secret_files.union(self._secret_files))
            raise
        self._follow(settings.secret_files)
        return settings

    def _follow(self, secret_files: Collection[Path]) -> None:
        if (files := sorted(secret_files)) != self._secret_files:
            self._secret_files = files
            self._seen = self._growing = (self._seen[0], *self._signatures()[1:])

    def _signatures(self) -> tuple[Signature | None, ...]:
        return tuple(_signature(path) for path in (self._path, *self._secret_files))


def _signature(path: Path) -> Signature | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_ctime_ns  # tools set the first


def _is_written_in_place(now: Signature | None, before: Signature | None) -> bool:
    return now is not None and before is not None and now != before and now[2] == before[2]
