from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from engines.paths import ROOT
from pricing.live.cache import HISTORY, SPENT_DAYS, PriceCache, history
from pricing.live.remembered import Answer, PriceBelief, Result, Thing
from pricing.live.sqlite_file import RETRY_NS

if TYPE_CHECKING:
    from pathlib import Path

START = 1_795_000_000_000_000_000
NIKE = Thing("nike", "sneakers")
TODAY = date(2026, 11, 22)


def answer(amount: int | None, thing: Thing = NIKE, at: int = START, currency: str = "EUR") -> Answer:
    result = Result.NOTHING if amount is None else Result.PRICED
    return Answer(thing, at, result, *[amount or 0] * 3, currency, "live", "median of 3 offers")


class Box:
    """A cache and its clock."""

    def __init__(self, path: Path, limit: int = 10_000_000) -> None:
        self.now = START
        self.cache = PriceCache(path, limit, lambda: self.now)

    def amounts(self) -> dict[Thing, int | None]:
        return {t: k.price and k.price.amount_minor for t, k in self.cache.believed("EUR").items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "prices.db"


def test_what_is_put_is_believed_by_the_next_run(path: Path) -> None:
    box = Box(path)
    assert box.cache.put(answer(100))
    assert box.cache.put(answer(110, at=START + 5))
    assert box.cache.put(answer(None, Thing("gucci", "hat", "lola")))
    assert box.cache.put(answer(9, Thing("prada", "hat"), currency="USD"))
    box.cache.close()
    assert not box.cache.put(answer(1))
    again = Box(path)
    assert again.amounts() == {NIKE: 110, Thing("gucci", "hat", "lola"): None}
    assert isinstance(again.cache.believed("EUR")[NIKE], PriceBelief)
    assert path.stat().st_mode & 0o077 == 0


def test_answers_go_after_their_days_at_the_start_and_while_it_runs(path: Path) -> None:
    now = [START]
    cache = PriceCache(path, 10_000_000, lambda: now[0], max_days=2)
    other = Thing("gucci", "hat")
    cache.put(answer(100))
    now[0] += 86_400 * 10**9
    cache.put(answer(50, other, at=now[0]))
    now[0] += 86_400 * 10**9 + 1
    cache.expire()
    assert set(cache.believed("EUR")) == {other}
    cache.close()
    now[0] += 86_400 * 10**9
    assert PriceCache(path, 10_000_000, lambda: now[0], max_days=2).believed("EUR") == {}


def test_answers_go_by_the_clock_that_is_believed_for_that(path: Path) -> None:
    now, believed = [START], [START]
    cache = PriceCache(path, 10_000_000, lambda: now[0], expiry_ns=lambda: believed[0], max_days=2)
    cache.put(answer(100))
    now[0] += 3 * 86_400 * 10**9  # a wrong year
    cache.expire()
    assert set(cache.believed("EUR")) == {NIKE}
    believed[0] = now[0]
    cache.expire()
    assert cache.believed("EUR") == {}


def test_history_can_be_read_while_it_is_written(path: Path) -> None:
    box = Box(path)
    for n in range(HISTORY + 5):
        box.cache.put(answer(100 + n, at=START + n))
    box.cache.put(answer(5, Thing("gucci", "hat")))
    found = history(path, NIKE)
    assert [one.amount_minor for one in found] == list(range(105, 105 + HISTORY))
    assert found[0].detail == "median of 3 offers"
    assert history(path, Thing("no", "such")) == []
    with pytest.raises(OSError, match="no such file"):
        history(path.with_name("none"), NIKE)


def test_it_stays_within_its_bound_and_the_oldest_go(path: Path) -> None:
    limit = 200_000
    box = Box(path, limit)
    for n in range(2500):
        box.cache.put(answer(100 + n, Thing(f"brand {n}", "hat")))
    box.cache._file.db and box.cache._file.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = box.amounts()
    assert 300 < len(kept) < 2500
    assert Thing("brand 2499", "hat") in kept
    assert Thing("brand 0", "hat") not in kept
    assert path.stat().st_size < 2 * limit


def test_questions_are_counted_by_day(path: Path) -> None:
    box = Box(path)
    for _ in range(3):
        box.cache.spend(TODAY)
    box.cache.close()
    again = Box(path)
    assert again.cache.spent(TODAY) == 3
    assert again.cache.spent(date(2026, 11, 23)) == 0


def test_a_wrong_year_in_between_forgets_no_question_of_today(path: Path) -> None:
    box = Box(path)
    box.cache.spend(TODAY)
    for wrong in (date(2099, 1, 1), date(1970, 1, 1)):
        box.cache.spend(wrong)
    box.cache.close()
    again = Box(path)
    again.cache.spend(TODAY)
    assert again.cache.spent(TODAY) == 2


def test_the_days_of_questions_are_bounded(path: Path) -> None:
    box = Box(path)
    for n in range(SPENT_DAYS + 5):
        box.cache.spend(TODAY + timedelta(days=n))
    assert box.cache.spent(TODAY) == 0
    assert box.cache.spent(TODAY + timedelta(days=6)) == 1


@pytest.mark.parametrize("damage", ["header", "middle", "text"])
def test_a_damaged_file_is_moved_aside_and_said_once(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    box = Box(path)
    for n in range(300):
        box.cache.put(answer(n + 1, Thing(f"brand {n}", "hat")))
    box.cache.close()
    raw = bytearray(path.read_bytes())
    if damage == "text":
        raw = bytearray(b"this was never a database\n" * 40)
    else:
        at = 0 if damage == "header" else 4096 * 3
        raw[at : at + 3000] = os.urandom(3000)
    path.write_bytes(raw)
    again = Box(path)
    again.cache.put(answer(7))
    assert again.amounts()[NIKE] == 7
    assert path.with_suffix(".damaged").exists()
    assert len([r for r in caplog.records if "damaged" in r.message]) == 1


def test_a_disk_that_cannot_be_written_is_said_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    box = Box(blocked / "prices.db")
    for _ in range(50):
        assert not box.cache.put(answer(1))
        box.now += RETRY_NS // 10
    assert len(caplog.records) == 1
    blocked.unlink()
    box.now += RETRY_NS
    assert box.cache.put(answer(1))
    assert caplog.records[-1].levelname == "INFO" or len(caplog.records) == 1


WRITER = """
import sys
import time
from pathlib import Path
from datetime import date, timedelta
from pricing.live.remembered import Answer, Result, Thing
from pricing.live.cache import PriceCache
cache = PriceCache(Path(sys.argv[1]), 10_000_000, lambda: 0)
first = int(sys.argv[2])
for n in range(first, 100000):
    cache.spend(date(2026, 11, 22))
    answer = Answer(Thing(f"brand {n}", "hat"), n, Result.PRICED, n, n, n, "EUR", "live", "x" * (n % 400))
    if cache.put(answer):
        print(n, flush=True)
        time.sleep(float(sys.argv[3]))
"""


def test_kill_9_in_the_middle_of_writing_loses_nothing_acknowledged(path: Path) -> None:
    """Killed while it writes, and, every other time, most likely between an acknowledgement and the next."""
    done: set[int] = set()
    for round_ in range(8):
        count = 1 + 3 * round_
        first, pause = max(done, default=0) + 1, "0.01" if round_ % 2 else "0"
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(first), pause],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert process.stdout
        acknowledged = [process.stdout.readline() for _ in range(count)]
        os.kill(process.pid, signal.SIGKILL)
        acknowledged += process.stdout.readlines()
        process.wait(120)
        done |= {int(line) for line in acknowledged if line.endswith("\n")}
        with contextlib.closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    box = Box(path)
    kept = {known.price.amount_minor for known in box.cache.believed("EUR").values() if known.price}
    assert len(done) > 20
    assert done <= kept
    assert box.cache.spent(TODAY) >= len(done)
    assert not path.with_suffix(".damaged").exists()
