"""Recordings and snapshots go when their time is over, on quiet cameras too."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.outputs.retention import DISK_EVERY_S, EVERY_S, HOUSE_EVERY_S, Retention, free_bytes
from pipelines.settings.outputs import MetadataConfig, OutputsConfig, RecordConfig, SnapshotsConfig
from probes.metrics import Metrics

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000.0
HOUR = 3600


def file(folder: Path, name: str, age_h: float, content: bytes = b"x") -> Path:
    path = folder / "door" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (NOW - age_h * HOUR,) * 2)
    return path


def retention_of(outputs: OutputsConfig, metrics: Metrics | None = None, **changed: Any) -> Retention:
    defaults: dict[str, Any] = {
        "now_s": lambda: NOW,
        "wall_s": lambda: NOW,
        "clock": lambda: 0.0,
        "free": lambda _: 10**12,
    }
    return Retention(outputs, metrics or Metrics(()), **(defaults | changed))


def test_what_is_older_goes_and_nothing_else(tmp_path: Path) -> None:
    video, pictures = tmp_path / "video", tmp_path / "pictures"
    outputs = OutputsConfig(
        record=RecordConfig(folder=video, max_hours=24),
        snapshots=SnapshotsConfig(folder=pictures, max_hours=1),
    )
    old = [file(video, "a.mp4", 25), file(video, "b.mp4.part", 30), file(pictures, "a.jpg", 1.1)]
    kept = [file(video, "c.mp4", 23), file(video, "notes.txt", 99), file(pictures, "b.jpg", 0.9)]
    clock = [0.0]
    retention = Retention(
        outputs, Metrics(()), now_s=lambda: NOW, clock=lambda: clock[0], free=lambda _: 10**12
    )
    assert retention.check() == 3
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in kept)
    again = file(pictures, "c.jpg", 2)
    assert retention.check() == 0
    clock[0] += EVERY_S
    assert retention.check() == 1
    assert not again.exists()


def test_what_a_clock_that_ran_ahead_has_written_goes_once_it_was_there_so_long(tmp_path: Path) -> None:
    """Its time tells nothing. It stays: a box that begins in 1970 would make all it has new, then old."""
    outputs = OutputsConfig(record=RecordConfig(folder=tmp_path, max_hours=24))
    clock, metrics = [0.0], Metrics(())
    retention = retention_of(outputs, metrics, now_s=lambda: NOW + clock[0], clock=lambda: clock[0])
    ahead, written = file(tmp_path, "a.mp4", -9999), file(tmp_path, "b.mp4.part", -9999)
    assert retention.check() == 0
    retention.reconfigure(outputs)
    clock[0] += 23 * HOUR
    os.utime(written, (NOW + 9998 * HOUR,) * 2)
    assert retention.check() == 0
    clock[0] += 1.1 * HOUR
    assert retention.check() == 1
    assert (ahead.exists(), written.exists()) == (False, True)


def test_an_output_that_writes_nothing_any_more_is_told(tmp_path: Path) -> None:
    """A folder that cannot be written to was in the log alone: no metric told, so no alert could."""
    video, pictures = tmp_path / "video", tmp_path / "pictures"
    outputs = OutputsConfig(
        record=RecordConfig(folder=video), snapshots=SnapshotsConfig(folder=pictures, interval_s=HOUR)
    )
    clock, metrics = [0.0], Metrics(())
    retention = retention_of(outputs, metrics, wall_s=lambda: NOW + clock[0], clock=lambda: clock[0])

    def overdue() -> list[float | None]:
        retention.check()
        read = metrics.registry.get_sample_value
        return [read("msh_output_overdue_seconds", {"output": name}) for name in ("record", "snapshots")]

    file(video, "1.mp4", 9)
    file(video, "20990101T000000000Z.mp4", -9)  # by a clock that ran ahead
    assert overdue() == [0, 0]  # of an earlier run
    clock[0] += 2 * HOUR
    assert overdue() == [2 * HOUR, HOUR]
    file(video, "2.mp4.part", -1.5)
    file(pictures, "2.jpg", -0.5)
    clock[0] += EVERY_S
    assert overdue() == [0.5 * HOUR + EVERY_S, 0.5 * HOUR + EVERY_S]
    retention.reconfigure(OutputsConfig())
    assert overdue() == [0, 0]


@pytest.mark.parametrize(
    ("name", "hours"), [("day.gz", 10), ("day.gz.1", 5), ("spool.damaged", 168), ("spool.damaged.1", 168)]
)
def test_metadata_and_damaged_files_of_a_clock_that_ran_ahead_go_once_they_were_there_so_long(
    tmp_path: Path, name: str, hours: float
) -> None:
    clock, path = [0.0], file(tmp_path, name, -9999, b"\x1f\x8b")
    outputs = OutputsConfig(metadata=MetadataConfig(file=path.with_name("day.gz"), max_hours=10))
    retention = retention_of(
        outputs, now_s=lambda: NOW + clock[0], clock=lambda: clock[0], state=tmp_path / "door"
    )
    for passed, there in ((0, True), (hours - 1, True), (hours + 1, False)):
        clock[0] = passed * HOUR
        retention.check()
        assert path.exists() is there


def test_a_box_that_is_restarted_daily_deletes_what_a_clock_that_ran_ahead_wrote(
    tmp_path: Path,
) -> None:
    outputs = OutputsConfig(
        record=RecordConfig(folder=tmp_path, max_hours=50), snapshots=SnapshotsConfig(folder=tmp_path)
    )
    paths = [file(tmp_path, name, -9999) for name in ("a.mp4", "spool.damaged")]
    kept, days = tmp_path / "ahead.json", {}
    for day in range(10):
        clock = [day * 1000.0]  # as after a boot: it has nothing to do with yesterday's
        retention = retention_of(
            outputs,
            now_s=lambda day=day: NOW + day * 24 * HOUR,
            clock=lambda clock=clock: clock[0],
            state=tmp_path / "door",
            ahead=kept,
        )
        for _ in range(23):
            retention.check()
            clock[0] += HOUR
        days[day] = [path.name for path in paths if path.exists()]
        assert kept.exists() is any(path.exists() for path in paths)
    assert days[1] == ["a.mp4", "spool.damaged"]
    assert days[2] == ["spool.damaged"]
    assert (days[6], days[7]) == (["spool.damaged"], [])


@pytest.mark.parametrize("text", ["", "[1]", "{'a'", '{"a": 1}', '{"a": ["x", null]}'])
def test_a_damaged_file_of_what_runs_ahead_is_none(tmp_path: Path, text: str) -> None:
    path, kept = file(tmp_path, "a.mp4", -9999), tmp_path / "ahead.json"
    kept.write_text(text)
    outputs = OutputsConfig(record=RecordConfig(folder=tmp_path, max_hours=1))
    assert retention_of(outputs, ahead=kept).check() == 0
    assert str(path) in json.loads(kept.read_text())


def test_without_a_longest_time_files_stay(tmp_path: Path) -> None:
    outputs = OutputsConfig(record=RecordConfig(folder=tmp_path))
    path = file(tmp_path, "a.mp4", 9999)
    assert retention_of(outputs).check() == 0
    assert path.exists()


def test_a_full_disk_costs_the_oldest_finished_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    video, pictures = tmp_path / "video", tmp_path / "pictures"
    outputs = OutputsConfig(
        record=RecordConfig(folder=video, min_free_mb=3),
        snapshots=SnapshotsConfig(folder=pictures, min_free_mb=0),
    )
    files = [file(video, f"{name}.mp4", age) for name, age in (("b", 3), ("a", 9), ("c", 1))]
    writing = file(video, "d.mp4.part", 99)
    picture = file(pictures, "a.jpg", 99)
    metrics, clock = Metrics(()), [0.0]
    other = [2_000_000]  # what other programs left free; each file that goes gives a megabyte

    def free(_: Path) -> int:
        return other[0] + (3 - sum(path.exists() for path in files)) * 1_000_000

    def seen(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    retention = retention_of(outputs, metrics, clock=lambda: clock[0], free=free)
    # From 0 on, or the alert DiskFull would not see the first files go.
    assert seen("msh_output_files_deleted_total", output="record", reason="disk_full") == 0
    assert retention.check() == 1
    assert seen("msh_output_disk_full", output="record") == 0
    assert [path.exists() for path in files] == [True, False, True]
    other[0] = -1_000_000
    assert retention.check() == 0
    clock[0] += DISK_EVERY_S
    assert retention.check() == 2
    assert not any(path.exists() for path in files)
    assert writing.exists()
    assert picture.exists()
    assert seen("msh_output_files_deleted_total", output="record", reason="disk_full") == 3
    assert seen("msh_output_disk_free_bytes", output="record") == 2_000_000
    assert seen("msh_output_disk_full", output="record") == 1  # nothing is left to delete
    retention.reconfigure(OutputsConfig())
    assert seen("msh_output_disk_full", output="record") == 0
    assert "2 MB free, 3 wanted" in caplog.text


def test_a_full_disk_costs_what_a_clock_that_ran_ahead_has_written_first(tmp_path: Path) -> None:
    """Else it would cost each new recording as soon as it is whole, once those of 2099 fill the disk."""
    outputs = OutputsConfig(record=RecordConfig(folder=tmp_path, min_free_mb=3))
    ages = {"old": 9, "new": 0.1, "newest": -0.5, "later": -20 * 8766, "latest": -20 * 8766 - 1}
    files = [file(tmp_path, f"{name}.mp4", age) for name, age in ages.items()]
    retention = retention_of(outputs, free=lambda _: (6 - sum(p.exists() for p in files)) * 1_000_000)
    assert retention.check() == 2
    assert [path.stem for path in files if path.exists()] == ["old", "new", "newest"]


def test_a_folder_that_is_not_there_yet_has_its_disk_s_room(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "no" / "folder") == shutil.disk_usage(tmp_path).free


def test_a_disk_that_cannot_be_asked_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def gone(_: Path) -> int:
        raise OSError(5, "Input/output error")

    kept = file(tmp_path, "a.mp4", 9)
    clock = [0.0]
    outputs = OutputsConfig(record=RecordConfig(folder=tmp_path))
    retention = retention_of(outputs, clock=lambda: clock[0], free=gone)
    for _ in range(3):
        clock[0] += DISK_EVERY_S
        assert retention.check() == 0
    assert kept.exists()
    assert caplog.text.count("Input/output error") == 1


def test_a_file_that_cannot_be_deleted_is_said_once_until_it_can_also_over_a_reload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = file(tmp_path, "a.mp4", 9), file(tmp_path, "b.mp4", 9)
    outputs = OutputsConfig(record=RecordConfig(folder=tmp_path, max_hours=1))
    clock = [0.0]
    retention = retention_of(outputs, clock=lambda: clock[0])
    unlink = type(stuck).unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path in (stuck, other):
            raise PermissionError(1, "Operation not permitted")
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(type(stuck), "unlink", refused)
        for _ in range(3):
            assert retention.check() == 0
            retention.reconfigure(outputs)
            clock[0] += EVERY_S
    for path in (stuck, other):
        assert caplog.text.count(f"{path}: cannot be deleted") == 1
    assert retention.check() == 2
    caplog.clear()
    file(tmp_path, "a.mp4", 9)
    clock[0] += EVERY_S
    assert retention.check() == 1
    assert caplog.text == ""


def test_a_full_disk_is_said_once_also_over_a_reload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outputs = OutputsConfig(record=RecordConfig(folder=tmp_path))
    clock = [0.0]
    retention = retention_of(outputs, clock=lambda: clock[0], free=lambda _: 0)
    for _ in range(3):
        retention.check()
        retention.reconfigure(outputs)
        clock[0] += DISK_EVERY_S
    assert caplog.text.count("the disk is full") == 1


@pytest.mark.parametrize(("name", "age_h", "goes"), [
    ("day.gz", 9, False), ("day.gz", 11, True), ("day.gz.1", 4, False), ("day.gz.1", 6, True),
])  # fmt: skip
def test_metadata_goes_by_age_also_where_its_writer_has_ended(
    tmp_path: Path, name: str, age_h: float, goes: bool
) -> None:
    path = file(tmp_path, name, age_h, b"\x1f\x8b")
    outputs = OutputsConfig(metadata=MetadataConfig(file=tmp_path / "door" / "day.gz", max_hours=10))
    retention_of(outputs).check()
    assert path.exists() is not goes


def test_another_file_that_was_named_as_the_record_is_not_deleted(tmp_path: Path) -> None:
    path = file(tmp_path, "prices.csv", 11)
    retention_of(OutputsConfig(metadata=MetadataConfig(file=path, max_hours=10))).check()
    assert path.exists()


def test_damaged_files_of_the_state_folder_go_after_a_week_and_others_are_tidied_hourly(
    tmp_path: Path,
) -> None:
    state = tmp_path / "door"
    old = [file(tmp_path, name, 169) for name in ("spool.damaged", "spool.damaged.1", "spool.damaged-wal")]
    kept = [file(tmp_path, "spool.damaged.2", 167), file(tmp_path, "spool.db", 999)]
    calls: list[float] = []
    clock = [0.0]
    retention = retention_of(
        OutputsConfig(), clock=lambda: clock[0], state=state, tidy=(lambda: calls.append(clock[0]),)
    )
    for _ in range(3):
        retention.check()
        clock[0] += HOUSE_EVERY_S / 2
    assert [path.exists() for path in (*old, *kept)] == [False] * 3 + [True] * 2
    assert calls == [0.0, HOUSE_EVERY_S]
