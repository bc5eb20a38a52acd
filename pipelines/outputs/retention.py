"""Deletes what is older than the store allows, whether or not anything new is written."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelines.settings.outputs import OutputsConfig

logger = logging.getLogger(__name__)

EVERY_S: Final = 60.0
UNFINISHED: Final = ".part"


class Retention:
    """Deletes recordings and snapshots after their `max_hours`. `check` is called once a second or so."""

    def __init__(
        self, outputs: OutputsConfig, *, now: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        """now: UTC seconds, as files' times are; clock: monotonic seconds."""
        self._rules = [
            (section.folder, suffix, section.max_hours * 3600)
            for section, suffix in ((outputs.record, ".mp4"), (outputs.snapshots, ".jpg"))
            if section is not None and section.max_hours is not None
        ]
        self._now, self._clock = now, clock
        self._due = clock()

    def check(self) -> int:
        """Delete what is too old, if it is time to look; return how many files."""
        if not self._rules or self._clock() < self._due:
            return 0
        self._due = self._clock() + EVERY_S
        return sum(self._delete(folder, suffix, age_s) for folder, suffix, age_s in self._rules)

    def _delete(self, folder: Path, suffix: str, age_s: float) -> int:
        deleted, oldest = 0, self._now() - age_s
        for path in [*folder.glob(f"*/*{suffix}"), *folder.glob(f"*/*{suffix}{UNFINISHED}")]:
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink()
                    deleted += 1
            except FileNotFoundError:
                continue
            except OSError as error:
                logger.error("%s: should be deleted by its age, but: %s", path, error.strerror)
        return deleted
