from __future__ import annotations

from random import Random
from zoneinfo import ZoneInfo

from probes.people.tracks import Sessions, TrackBook

HOUR = 3_600_000_000_000
EVENING = 1_795_386_600_000_000_000  # 2026-11-22T22:30:00Z, which is 23:30 in Berlin


def test_session_changes_at_midnight_of_the_store_and_at_each_start() -> None:
    sessions = Sessions(ZoneInfo("Europe/Berlin"), Random(1))
    evening = sessions(EVENING)
    assert sessions(EVENING + HOUR // 4) == evening
    assert sessions(EVENING + HOUR) != evening
    assert Sessions(ZoneInfo("Europe/Berlin"), Random(2))(EVENING) != evening


def test_a_track_keeps_its_name_over_midnight_and_ends_after_the_gap() -> None:
    book = TrackBook("door", Sessions(ZoneInfo("Europe/Berlin"), Random(1)), gap_ms=2000)
    name = book.see(7, EVENING)
    assert book.see(7, EVENING + HOUR) == name
    assert book.expire(EVENING + HOUR + 2_000_000_000) == []
    assert book.expire(EVENING + HOUR + 2_000_000_001) == [name]
    assert len(book) == 0
    assert book.see(7, EVENING + 2 * HOUR) != name


def test_clear_returns_all() -> None:
    book = TrackBook("door", lambda _: "abcd", gap_ms=1)
    names = [book.see(number, 5) for number in (1, 2)]
    assert str(names[0]) == "abcd-0001"
    assert book.clear() == names
    assert book.expire(10**18) == []
