"""Watches the store file of a running store: tells when it has changed, and reads it whole."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipelines.settings.load import load_settings
from pipelines.settings.mistakes import SettingsError
from pricing.plain_file import FileSignature, file_stamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from pipelines.settings.root import Settings


class StoreFileWatch:
    """Used by one thread."""

    def __init__(
        self,
        path: Path,
        env: Mapping[str, str] | None = None,
        secret_files: Collection[Path] = (),
        *,
        read: Mapping[Path, FileSignature | None] = MappingProxyType({}),
    ) -> None:
        """Begin with the files as they are now, or as they were when they were read.

        env: where `${NAME}` comes from; by default the process's. secret_files: where else, until `load`.
        """
        self._path = path
        self._env = os.environ if env is None else env
        self._seen = self._growing = {**_stamps((path, *secret_files)), **read}

    def changed(self) -> bool:
        """Tell, once, that the file or one that is followed has changed; to be called every second.

        A file that is written in place is told of when it has been still for a call: it may be half there.
        """
        stamps = _stamps(self._seen)
        if stamps == self._seen:
            self._growing = stamps
            return False
        if stamps != self._growing and any(
            _is_written_in_place(stamps[path], before) for path, before in self._seen.items()
        ):
            self._growing = stamps
            return False
        self._seen = self._growing = stamps
        return True

    def load(self) -> Settings:
        """Read the file as it is now. Raises SettingsError with a line for each mistake.

        The files of its secrets are followed from now on; with a mistake, also what else it names: what is
        missing may come without another edit.
        """
        self._seen = self._growing = _stamps(self._seen)
        try:
            settings = load_settings(self._path, env=self._env)
        except SettingsError as error:
            self.follow(error.files)
            raise
        self.follow_only(settings.secret_files)
        return settings

    def follow(self, files: Iterable[Path]) -> None:
        """Tell of changes of these files, too, until the next `load` that finds no mistake."""
        self.follow_only({*self._seen, *files})

    def follow_only(self, files: Iterable[Path]) -> None:
        """Tell of changes of the store file and these."""
        fresh = {path: self._seen[path] if path in self._seen else file_stamp(path) for path in files}
        self._seen = self._growing = {self._path: self._seen[self._path], **fresh}


def _stamps(paths: Iterable[Path]) -> dict[Path, FileSignature | None]:
    return {path: file_stamp(path) for path in paths}


def _is_written_in_place(now: FileSignature | None, before: FileSignature | None) -> bool:
    return now is not None and before is not None and now != before and now.number == before.number
