"""What a store of another id left in the state folder goes by age, and nothing that somebody uses."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from engines.paths import ROOT
from pipelines.former_files import DAY_S, KINDS, PLACES_S, FormerFiles
from pipelines.sales.file import SaleFile
from pipelines.sales.last_places import LastPlace

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000
PLACE = LastPlace("door", (0.1, 0.1, 0.2, 0.2), NOW, served=False)
HOLD = """
import sys
from pathlib import Path
from pipelines.state_lock import StateLock
lock = StateLock(Path(sys.argv[1]), "berlin")
print("held", flush=True)
sys.stdin.read()
"""


def left(folder: Path, store: str, days: int, *, extra: str = "") -> list[Path]:
    """Leave a file of each kind, last written so many days ago."""
    paths = [folder / f"{kind}-{store}{suffix}{extra}" for kind, suffix in KINDS.items()]
    for path in paths:
        path.write_bytes(b"")
        os.utime(path, (NOW - days * DAY_S, NOW - days * DAY_S))
    return paths


def expire(folder: Path) -> None:
    FormerFiles(folder, "mitte", dict.fromkeys(KINDS, 30), lambda: NOW).expire()


def test_what_was_not_written_for_its_days_goes_with_what_lies_beside_it(tmp_path: Path) -> None:
    gone = [*left(tmp_path, "berlin", 31), *left(tmp_path, "berlin-2", 40)]
    beside = tmp_path / "prices-berlin.db-wal"
    beside.write_bytes(b"")
    os.utime(beside, (NOW - 31 * DAY_S, NOW - 31 * DAY_S))
    kept = [*left(tmp_path, "mitte", 999), *left(tmp_path, "hamburg", 29)]
    spool = tmp_path / "spool-berlin-box.db"
    spool.write_bytes(b"")
    os.utime(spool, (0, 0))
    expire(tmp_path)
    assert [path for path in [*gone, beside] if path.exists()] == []
    assert [path for path in [*kept, spool] if not path.exists()] == []


def test_the_newest_rows_count_also_where_they_stand_beside_the_database(tmp_path: Path) -> None:
    left(tmp_path, "berlin", 31)
    left(tmp_path, "berlin", 1, extra="-wal")
    expire(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.db")) == [
        "insights-berlin.db",
        "prices-berlin.db",
        "sales-berlin.db",
    ]


def test_what_a_running_store_has_is_left_to_it(tmp_path: Path) -> None:
    paths = left(tmp_path, "berlin", 31)
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        expire(tmp_path)
        other.communicate()
    assert all(path.exists() for path in paths)
    expire(tmp_path)
    assert not any(path.exists() for path in paths)


@pytest.mark.parametrize("age_s", [PLACES_S - 60, PLACES_S + 60], ids=["just stopped", "long"])
def test_where_customers_stood_goes_at_once_and_pins_stay(tmp_path: Path, age_s: int) -> None:
    path = tmp_path / "sales-berlin.db"
    file = SaleFile(path, lambda: 0)
    file.save({}, [], {"c-1": PLACE})
    file.save_pin("Ann", "hash")
    file.close()
    os.utime(path, (NOW - age_s, NOW - age_s))
    expire(tmp_path)
    file = SaleFile(path, lambda: 0)
    assert bool(file.load_places()) is (age_s < PLACES_S)
    assert file.load_pins() == {"Ann": "hash"}
    file.close()
