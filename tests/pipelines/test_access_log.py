"""The access log: kept for its days, bounded, told once, and in nobody's way when the disk is full."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pipelines import access_log
from pipelines.access_log import DAY_NS, AccessKind, AccessLog, AccessWay, access_file
from pipelines.clock import StoreClock
from probes.metrics import Metrics
from tests.fakes.schemas import message

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from probes.events.messages import Message

HOLD = """
import sys
from pathlib import Path
from pipelines.state_lock import StateLock
lock = StateLock(Path(sys.argv[1]), sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""
T0 = 1_763_800_000_000_000_000


class Clock:
    now = T0

    def __call__(self) -> int:
        return self.now


def log_of(
    path: Path | None, clock: Callable[[], int], sent: list[Message] | None = None, **more: Any
) -> AccessLog:
    def publish(one: Message) -> bool:
        if sent is not None:
            sent.append(one)
        return True

    return AccessLog(
        path, days=2, now_ns=clock, getrandbits=lambda _: 7, publish=publish, origin=("shop", "box"), **more
    )


def look(log: AccessLog, camera: str = "door") -> None:
    log.note(AccessKind.WATCH_STARTED, "staff", AccessWay.PAGE, camera=camera, address="10.0.0.7")


@pytest.mark.parametrize("kind", AccessKind)
@pytest.mark.parametrize("way", AccessWay)
def test_every_kind_and_way_is_a_message_by_the_schema(kind: AccessKind, way: AccessWay) -> None:
    sent: list[Message] = []
    log = log_of(None, Clock(), sent)
    log.note(kind, "", way)
    log.note(
        kind, "manager", way, session="0f" * 8, address="10.0.0.7", camera="door", seconds=1.25, detail="a\nb"
    )
    for one in sent:
        message("access").validate(dict(one.payload))
        assert one.topic == "access"
    assert sent[1].payload["detail"] == "a b"


@pytest.mark.parametrize("began", [0, T0 + 70 * 365 * DAY_NS], ids=["in 1970", "in 2095"])
def test_what_was_noted_before_the_clock_was_set_right_has_the_right_time_and_its_days(
    tmp_path: Path, began: int
) -> None:
    """A page that opens with the box watches before its time server answers: deleted too soon, or never."""
    wall, steady, hour = [began], [0], DAY_NS // 24
    clock = StoreClock(lambda: wall[0], lambda: steady[0])
    log = log_of(tmp_path / "access.db", clock.now, utc=clock.utc, expiry_ns=clock.expiry_now)

    def passes(ns: int, *, step: int = 0) -> None:
        steady[0] += ns
        wall[0] += ns + step
        clock.check()

    def shown() -> list[tuple[str, int]]:
        return [(entry.camera, entry.at) for _, entry in log.entries()]

    look(log, "on-disk")
    assert shown() == [("on-disk", began)]
    look(log, "waiting")
    passes(hour, step=T0 - began)
    look(log, "right")
    passes(3 * hour)
    all_of_them = [("right", T0 + hour), ("waiting", T0), ("on-disk", T0)]
    assert shown() == all_of_them
    passes(DAY_NS)
    assert shown() == all_of_them
    passes(DAY_NS)
    assert shown() == []
    log.close()


def test_entries_outlive_a_restart_and_are_newest_first_by_pages(tmp_path: Path) -> None:
    path, clock = tmp_path / "state" / "access.db", Clock()
    log = log_of(path, clock)
    log.start()
    for number in range(5):
        look(log, f"camera-{number}")
    log.close()
    again = log_of(path, clock)
    newest = again.entries(limit=2)
    assert [entry.camera for _, entry in newest] == ["camera-4", "camera-3"]
    assert [entry.camera for _, entry in again.entries(before=newest[-1][0])] == [
        "camera-2",
        "camera-1",
        "camera-0",
    ]
    again.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_is_older_than_its_days_goes_from_the_file(tmp_path: Path) -> None:
    path, clock = tmp_path / "access.db", Clock()
    log = log_of(path, clock)
    look(log, "old-camera")
    assert len(log.entries()) == 1
    clock.now += 2 * DAY_NS + 1
    assert log.entries() == []
    log.close()
    assert b"old-camera" not in path.read_bytes()


def test_at_most_so_many_entries_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "MAX_ENTRIES", 3)
    log = log_of(tmp_path / "access.db", Clock())
    for number in range(5):
        look(log, f"camera-{number}")
    assert [entry.camera for _, entry in log.entries()] == ["camera-4", "camera-3", "camera-2"]


def test_a_full_disk_keeps_the_newest_in_memory_and_writes_them_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "MAX_WAITING", 3)
    metrics, clock = Metrics(()), Clock()
    log = log_of(tmp_path / "access.db", clock, metrics=metrics)
    connect = access_log._open

    def full(_path: Path | None) -> sqlite3.Connection:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(access_log, "_open", full)
    for number in range(5):
        look(log, f"camera-{number}")
    assert log.entries() == []
    assert log.dropped == 2
    monkeypatch.setattr(access_log, "_open", connect)
    clock.now += 31_000_000_000
    assert [entry.camera for _, entry in log.entries()] == ["camera-4", "camera-3", "camera-2"]
    counted = metrics.access_log_entries
    assert [counted.labels(result)._value.get() for result in ("written", "dropped")] == [3, 2]
    log.close()


@pytest.mark.parametrize("column", ["kind", "way"])
def test_entries_of_a_later_version_hide_none_of_the_others(tmp_path: Path, column: str) -> None:
    path = tmp_path / "access.db"
    log = log_of(path, Clock())
    look(log, "before")
    look(log, "after")
    log.close()
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE access SET {column} = 'of_a_later_version' WHERE camera = 'after'")
    db.close()
    again = log_of(path, Clock())
    assert [entry.camera for _, entry in again.entries()] == ["before"]
    again.close()


def test_nothing_of_an_old_entry_is_left_on_disk(tmp_path: Path) -> None:
    path, clock = tmp_path / "access.db", Clock()

    def on_disk() -> bytes:
        return b"".join(file.read_bytes() for file in path.parent.glob("access.db*"))

    log = log_of(path, clock)
    look(log, "the-day-before")
    log.entries()
    assert b"the-day-before" in on_disk()
    clock.now += 3 * DAY_NS
    look(log, "today")
    assert [entry.camera for _, entry in log.entries()] == ["today"]
    assert b"the-day-before" not in on_disk()
    log.close()


@pytest.mark.parametrize("release", ["this", "an older"])
def test_the_log_of_a_former_id_is_emptied_by_its_days_and_goes(tmp_path: Path, release: str) -> None:
    """A renamed store never opens it again; addresses would lie there for ever."""
    clock, own = Clock(), access_file("mitte", tmp_path)
    former = access_file("berlin", tmp_path)
    for camera in ("door", "till"):
        log = log_of(former, clock)
        look(log, camera)
        log.close()
        clock.now += DAY_NS
    if release == "an older":  # which did not write its days down
        with sqlite3.connect(former) as db:
            db.execute("DROP TABLE kept")
        db.close()
    days = 30 if release == "this" else 2
    access_log.expire_others(own, clock.now + 1, days)
    kept = log_of(former, clock)
    assert [entry.camera for _, entry in kept.entries()] == ["till"]
    kept.close()
    access_log.expire_others(own, clock.now + 2 * DAY_NS, days)
    assert not list(tmp_path.glob("access-*"))


@pytest.mark.parametrize("spared", ["own", "running"])
def test_the_logs_of_this_store_and_of_one_that_runs_are_left_to_them(tmp_path: Path, spared: str) -> None:
    path = access_file("berlin", tmp_path)
    log = log_of(path, Clock())
    look(log)
    log.close()
    runs = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), "berlin" if spared == "running" else "other"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert runs.stdout
    assert runs.stdout.readline() == b"held\n"
    own = path if spared == "own" else access_file("mitte", tmp_path)
    access_log.expire_others(own, T0 + 99 * DAY_NS, 30)
    runs.communicate(b"")
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT COUNT(*) FROM access").fetchone() == (1,)
    db.close()


def test_what_an_earlier_run_wrote_by_a_clock_that_ran_ahead_goes_once_it_was_there_for_its_days(
    tmp_path: Path,
) -> None:
    """Its time is never past: who watched would be on record for ever."""
    path, wall, steady = tmp_path / "access.db", [T0], [0]
    ahead = log_of(path, lambda: T0 + 70 * 365 * DAY_NS)
    look(ahead, "in 2095")
    ahead.close()

    def runs_for(ns: int) -> list[str]:
        """Run so long, flushing in between as its thread does; return what is on record still."""
        clock = StoreClock(lambda: wall[0], lambda: steady[0])
        log = log_of(path, clock.now, utc=clock.utc, expiry_ns=clock.expiry_now)
        for _ in range(6):
            steady[0] += ns // 6
            wall[0] += ns // 6
            seen = [entry.camera for _, entry in log.entries()]
        log.close()
        return seen

    assert runs_for(DAY_NS) == ["in 2095"]
    wall[0] = 0  # one that was never set proves nothing
    assert runs_for(DAY_NS // 2) == ["in 2095"]
    wall[0] = T0 + 2 * DAY_NS
    assert runs_for(DAY_NS // 4) == ["in 2095"]
    assert runs_for(DAY_NS // 4) == []
    assert b"in 2095" not in path.read_bytes()
    late = log_of(path, lambda: T0 + 70 * 365 * DAY_NS)
    look(late, "ahead again")
    late.close()
    assert runs_for(DAY_NS) == ["ahead again"], "its days begin with it"
