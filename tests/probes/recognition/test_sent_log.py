from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probes.recognition.sent_log import MAX_AGE_DAYS, SentLog, read_sent, sent_path
from tests.fakes.people import SECOND, START

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600 * SECOND


def test_the_count_outlives_a_restart_and_begins_anew_each_hour(tmp_path: Path) -> None:
    path, now = sent_path(tmp_path, "shop"), [START]
    for _ in range(2):
        SentLog(path, lambda: now[0]).add()
    again = SentLog(path, lambda: now[0])
    assert again.this_hour() == 2
    now[0] += HOUR
    assert again.this_hour() == 0
    again.add()
    assert read_sent(path) == {"2026-11-22T10": 2, "2026-11-22T11": 1}


def test_old_counts_go(tmp_path: Path) -> None:
    path, now = sent_path(tmp_path, "shop"), [START]
    log = SentLog(path, lambda: now[0])
    log.add()
    now[0] += (MAX_AGE_DAYS + 1) * 24 * HOUR
    log.add()
    assert list(read_sent(path)) == ["2026-12-24T10"]


def test_what_is_not_written_is_not_counted(tmp_path: Path) -> None:
    log = SentLog(sent_path(tmp_path / "gone", "shop"), lambda: START)
    with pytest.raises(OSError, match="gone"):
        log.add()
    assert log.this_hour() == 0


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": null}', '{"a": "x"}', "\x80"])
def test_a_broken_file_begins_anew(tmp_path: Path, text: str) -> None:
    path = sent_path(tmp_path, "shop")
    path.write_text(text, encoding="latin-1")
    log = SentLog(path, lambda: START)
    log.add()
    assert read_sent(path) == {"2026-11-22T10": 1}
