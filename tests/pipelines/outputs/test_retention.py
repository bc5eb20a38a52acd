"""Recordings and snapshots go when their time is over, on quiet cameras too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipelines.outputs.retention import EVERY_S, Retention
from pipelines.settings.outputs import OutputsConfig, RecordConfig, SnapshotsConfig

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000.0
HOUR = 3600


def file(folder: Path, name: str, age_h: float) -> Path:
    path = folder / "door" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    os.utime(path, (NOW - age_h * HOUR,) * 2)
    return path


def test_what_is_older_goes_and_nothing_else(tmp_path: Path) -> None:
    video, pictures = tmp_path / "video", tmp_path / "pictures"
    outputs = OutputsConfig(
        record=RecordConfig(folder=video, max_hours=24),
        snapshots=SnapshotsConfig(folder=pictures, max_hours=1),
    )
    old = [file(video, "a.mp4", 25), file(video, "b.mp4.part", 30), file(pictures, "a.jpg", 1.1)]
    kept = [file(video, "c.mp4", 23), file(video, "notes.txt", 99), file(pictures, "b.jpg", 0.9)]
    clock = [0.0]
    retention = Retention(outputs, now=lambda: NOW, clock=lambda: clock[0])
    assert retention.check() == 3
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in kept)
    again = file(pictures, "c.jpg", 2)
    assert retention.check() == 0
    clock[0] += EVERY_S
    assert retention.check() == 1
    assert not again.exists()


def test_without_a_longest_time_files_stay(tmp_path: Path) -> None:
    outputs = OutputsConfig(record=RecordConfig(folder=tmp_path))
    path = file(tmp_path, "a.mp4", 9999)
    assert Retention(outputs, now=lambda: NOW, clock=lambda: 0.0).check() == 0
    assert path.exists()
