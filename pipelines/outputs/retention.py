"""Deletes what is older than the store allows, and the oldest where the disk fills, by whatever it fills."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pipelines.outputs.disk import PART
from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipelines.settings.outputs import OutputsConfig, RecordConfig, SnapshotsConfig
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

EVERY_S: Final = 60.0
DISK_EVERY_S: Final = 5.0
_SUFFIXES: Final = {"record": ".mp4", "snapshots": ".jpg"}


def free_bytes(folder: Path) -> int:
    """Return the free space of the disk on which a folder is, or will be."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free


@dataclass(slots=True)
class _Rule:
    """What holds for the files of one output."""

    output: str
    folder: Path
    suffix: str
    age_s: float | None
    min_free: int
    outage: Outage

    @classmethod
    def of(cls, output: str, section: RecordConfig | SnapshotsConfig) -> _Rule:
        age_s = None if section.max_hours is None else section.max_hours * 3600
        outage = Outage(
            logger,
            f"outputs.{output}: the disk is full",
            f"outputs.{output}: the disk has room again",
        )
        return cls(output, section.folder, _SUFFIXES[output], age_s, section.min_free_mb * 1_000_000, outage)

    def finished(self) -> Iterator[Path]:
        """Yield the files that nobody writes to."""
        yield from self.folder.glob(f"*/*{self.suffix}")


class Retention:
    """Deletes recordings and snapshots after `max_hours`, and the oldest where `min_free_mb` is not free.

    `check` is called once a second or so, by one thread.
    """

    def __init__(
        self,
        outputs: OutputsConfig,
        metrics: Metrics,
        *,
        now: Callable[[], float],
        clock: Callable[[], float],
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        """now: UTC seconds, as files' times are; clock: monotonic seconds; free: bytes where a folder is."""
        sections = (("record", outputs.record), ("snapshots", outputs.snapshots))
        self._rules = [_Rule.of(name, section) for name, section in sections if section is not None]
        self._metrics, self._now, self._clock, self._free = metrics, now, clock, free
        self._due = self._disk_due = clock()

    def check(self) -> int:
        """Delete what has to go, if it is time to look; return how many files."""
        now, deleted = self._clock(), 0
        if self._rules and now >= self._due:
            self._due = now + EVERY_S
            deleted += sum(self._by_age(rule) for rule in self._rules)
        if self._rules and now >= self._disk_due:
            self._disk_due = now + DISK_EVERY_S
            deleted += sum(self._by_space(rule) for rule in self._rules)
        return deleted

    def _by_age(self, rule: _Rule) -> int:
        if rule.age_s is None:
            return 0
        oldest = self._now() - rule.age_s
        try:
            paths = [*rule.finished(), *rule.folder.glob(f"*/*{rule.suffix}{PART}")]
        except OSError as error:
            rule.outage.fail(error)
            return 0
        return sum(self._delete(rule, path, "age") for path in paths if _written_at(path) < oldest)

    def _by_space(self, rule: _Rule) -> int:
        """Delete the oldest files until enough is free; what is being written stays."""
        deleted = 0
        try:
            free = self._free(rule.folder)
            if free < rule.min_free:
                for path in sorted(rule.finished(), key=_written_at):
                    deleted += self._delete(rule, path, "disk_full")
                    free = self._free(rule.folder)
                    if free >= rule.min_free:
                        break
        except OSError as error:
            rule.outage.fail(error)
            return deleted
        self._metrics.output_disk_free.labels(rule.output).set(free)
        if free < rule.min_free:
            rule.outage.fail(f"{free // 1_000_000} MB free, {rule.min_free // 1_000_000} wanted: free space")
        elif deleted:
            logger.warning("outputs.%s: the disk was full: the %d oldest files deleted", rule.output, deleted)
        else:
            rule.outage.recover()
        return deleted

    def _delete(self, rule: _Rule, path: Path, reason: str) -> int:
        try:
            path.unlink()
        except FileNotFoundError:
            return 0
        except OSError as error:
            logger.error("%s: should be deleted, but: %s", path, error.strerror)
            return 0
        self._metrics.output_files_deleted.labels(rule.output, reason).inc()
        return 1


def _written_at(path: Path) -> float:
    """Return when a file was last written to; never for one that has gone meanwhile."""
    try:
        return path.stat().st_mtime
    except OSError:
        return float("inf")
