"""Deletes what is older than the store allows, and the oldest where the disk fills, by whatever it fills."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pipelines.outputs.disk import AHEAD_NS, PART, stamp
from pipelines.outputs.files_ahead import FilesAhead
from pipelines.outputs.journal.resume import is_record
from pricing.news import news
from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from pipelines.settings.outputs import OutputsConfig, RecordConfig, SnapshotsConfig
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

EVERY_S: Final = 60.0
DISK_EVERY_S: Final = 5.0
SLACK_S: Final = 60.0
"""By so much a file may be newer than now, s: the store's clock is not the machine's to the second."""
HOUSE_EVERY_S: Final = 3600.0
DAMAGED_MAX_AGE_S: Final = 7 * 86_400
"""Files that were damaged and moved aside may hold messages: no message is kept longer than a week."""
_SUFFIXES: Final = {"record": ".mp4", "snapshots": ".jpg"}
_DAMAGED: Final = "*.damaged*"


def free_bytes(folder: Path) -> int:
    """Return the free space of the disk on which a folder is, or will be."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free


@dataclass(slots=True)
class _Rule:
    """What holds for the files of one output, and what of it fails now; the latter outlives a reload."""

    output: str
    disk: Outage
    stuck: set[Path] = field(default_factory=set)
    """Files that should have gone and cannot: each was logged once."""
    folder: Path | None = None
    age_s: float | None = None
    min_free: int = 0
    every_s: float = 0.0
    """How long there may be between two writings."""
    since: float = 0.0
    """When it began, by the machine's clock."""

    def take(self, section: RecordConfig | SnapshotsConfig | None) -> None:
        """Go on by another section; None: nothing is to be done."""
        self.folder = None if section is None else section.folder
        if section is not None:
            self.age_s = None if section.max_hours is None else section.max_hours * 3600
            self.min_free = section.min_free_mb * 1_000_000
            self.every_s = getattr(section, "interval_s", 0.0)  # a recording is written all the time

    def finished(self, more: str = "") -> Iterator[Path]:
        """Yield the files that nobody writes to; more: a further suffix."""
        if self.folder is not None:
            yield from self.folder.glob(f"*/*{_SUFFIXES[self.output]}{more}")

    def overdue_s(self, now: float) -> float:
        """Return how much longer ago than it should be a file of any camera was written. now: s, as since.

        The last by name is asked: names tell when a file was begun, and there may be very many. Not one that
        a clock that ran ahead has named.
        """
        last: dict[Path, Path] = {}
        latest = stamp(int((now + SLACK_S) * 1e9))
        for path in (*self.finished(), *self.finished(PART)):
            if path.name <= latest:
                last[path.parent] = max(path, last.get(path.parent, path))
        written = [at for at in map(_written_at, last.values()) if at <= now + SLACK_S]
        return max(0.0, now - self.every_s - max([self.since, *written]))


class Retention:
    """Deletes recordings and snapshots after `max_hours`, and the oldest where `min_free_mb` is not free.

    Also the record of metadata after its `max_hours`, where its writer does not, and damaged files of the
    state folder. `check` is called once a second or so, by one thread; `reconfigure` by the same.
    """

    def __init__(
        self,
        outputs: OutputsConfig,
        metrics: Metrics,
        *,
        now_s: Callable[[], float],
        clock: Callable[[], float],
        wall_s: Callable[[], float] = time.time,
        free: Callable[[Path], int] = free_bytes,
        state: Path | None = None,
        ahead: Path | None = None,
        tidy: Iterable[Callable[[], object]] = (),
    ) -> None:
        """now_s: UTC seconds, by which files get old; clock: monotonic s; free: bytes of a folder's disk.

        wall_s: what the machine's clock shows, by which files are dated. state: the state folder. ahead: the
        file of what `FilesAhead` keeps. tidy: called once an hour, to delete what else has had its time.
        """
        self._metrics, self._now_s, self._clock, self._free = metrics, now_s, clock, free
        self._wall_s = wall_s
        self._state, self._tidy, self._ahead = state, tuple(tidy), FilesAhead(ahead, clock)
        self._rules = [_Rule(name, _full(name)) for name in _SUFFIXES]
        for rule in self._rules:  # what is counted begins at 0: a first 1 is no increase to Prometheus
            for reason in ("age", "disk_full"):
                metrics.output_files_deleted.labels(rule.output, reason)
        self._others = _Rule("record", _full("record"))
        self._due = self._disk_due = self._house_due = clock()
        self.reconfigure(outputs)

    def reconfigure(self, outputs: OutputsConfig) -> None:
        """Go on by other settings. What fails, and was logged, is not logged again."""
        self._metadata = outputs.metadata
        for rule in self._rules:
            rule.take(outputs.record if rule.output == "record" else outputs.snapshots)
            rule.since = rule.since or self._wall_s()
            if rule.folder is None:
                rule.since = 0.0
                self._metrics.output_disk_full.labels(rule.output).set(0)
                self._metrics.output_overdue.labels(rule.output).set(0)

    def check(self) -> int:
        """Delete what has to go, if it is time to look; return how many files."""
        now, deleted = self._clock(), 0
        rules = [rule for rule in self._rules if rule.folder is not None]
        if now >= self._due:
            self._due = now + EVERY_S
            deleted += sum(self._by_age(rule) for rule in rules) + self._others_by_age()
            for rule in rules:
                self._note_overdue(rule)
            self._ahead.keep()
        if now >= self._disk_due:
            self._disk_due = now + DISK_EVERY_S
            deleted += sum(self._by_space(rule) for rule in rules)
        if now >= self._house_due:
            self._house_due = now + HOUSE_EVERY_S
            for tidy in self._tidy:
                tidy()
        return deleted

    def _by_age(self, rule: _Rule) -> int:
        if rule.age_s is None:
            return 0
        try:
            paths = [*rule.finished(), *rule.finished(PART)]
        except OSError as error:
            rule.disk.fail(error)
            return 0
        due = self._too_old([(path, rule.age_s) for path in paths])
        return sum(self._delete(rule, path, "age") for path in due)

    def _note_overdue(self, rule: _Rule) -> None:
        with contextlib.suppress(OSError):  # a folder that cannot be read has no new file
            self._metrics.output_overdue.labels(rule.output).set(rule.overdue_s(self._wall_s()))

    def _too_old(self, limits: Iterable[tuple[Path, float]]) -> list[Path]:
        """Return which files have had their time: one of a clock that ran ahead when it was there so long."""
        now = self._now_s()
        old: list[Path] = []
        for path, age_s in limits:
            at = _written_at(path)
            there_s = self._ahead.there_s(path, at) if now < at < float("inf") else now - at
            if there_s > age_s:
                old.append(path)
        return old

    def _others_by_age(self) -> int:
        """Delete old metadata and damaged files; not counted as files of an output."""
        limits: list[tuple[Path, float]] = []
        if self._metadata is not None and self._metadata.max_hours is not None:
            path, age_s = self._metadata.file, self._metadata.max_hours * 3600
            # The writer begins anew twice in that time: a file that is still written to is never so old.
            records = [(path, age_s), (path.with_name(f"{path.name}.1"), age_s / 2)]
            limits += [(path, age_s) for path, age_s in records if _is_record(path)]
        if self._state is not None:
            limits += [(path, DAMAGED_MAX_AGE_S) for path in self._state.glob(_DAMAGED)]
        return sum(self._unlink(self._others, path) for path in self._too_old(limits))

    def _by_space(self, rule: _Rule) -> int:
        """Delete the oldest files until enough is free; what is being written stays.

        What a clock that ran ahead has written goes first, see `trim` of pipelines.outputs.disk.
        """
        deleted, latest = 0, self._wall_s() + AHEAD_NS / 1e9

        def order(path: Path) -> tuple[bool, float]:
            at = _written_at(path)
            return at <= latest, at

        if rule.folder is None:
            return 0
        try:
            free = self._free(rule.folder)
            if free < rule.min_free:
                for path in sorted(rule.finished(), key=order):
                    deleted += self._delete(rule, path, "disk_full")
                    free = self._free(rule.folder)
                    if free >= rule.min_free:
                        break
        except OSError as error:
            rule.disk.fail(error)
            return deleted
        self._metrics.output_disk_free.labels(rule.output).set(free)
        self._metrics.output_disk_full.labels(rule.output).set(free < rule.min_free)
        if free < rule.min_free:
            rule.disk.fail(f"{free // 1_000_000} MB free, {rule.min_free // 1_000_000} wanted: free space")
        elif deleted:
            text = "outputs.%s: the disk was full: the %d oldest files deleted"
            extra = news("disk_full", output=rule.output, count=deleted)
            logger.warning(text, rule.output, deleted, extra=extra)
        else:
            rule.disk.recover()
        return deleted

    def _delete(self, rule: _Rule, path: Path, reason: str) -> int:
        deleted = self._unlink(rule, path)
        if deleted:
            self._metrics.output_files_deleted.labels(rule.output, reason).inc()
        return deleted

    @staticmethod
    def _unlink(rule: _Rule, path: Path) -> int:
        """Delete a file; return how many went. One that cannot be deleted is logged once until it can."""
        try:
            path.unlink()
        except FileNotFoundError:
            rule.stuck.discard(path)
            return 0
        except OSError as error:
            if path not in rule.stuck:
                rule.stuck.add(path)
                logger.error("%s: cannot be deleted: %s", path, error.strerror)
            return 0
        if path in rule.stuck:
            rule.stuck.discard(path)
            logger.info("%s: deleted; it could not be before", path)
        return 1


def _full(output: str) -> Outage:
    return Outage(logger, f"outputs.{output}: the disk is full", f"outputs.{output}: the disk has room again")


def _is_record(path: Path) -> bool:
    """Return whether it is a record of metadata, not another file named by mistake. Unreadable: it is."""
    try:
        return is_record(path)
    except OSError:
        return True


def _written_at(path: Path) -> float:
    """Return when a file was last written to; never for one that has gone meanwhile."""
    try:
        return path.stat().st_mtime
    except OSError:
        return float("inf")
