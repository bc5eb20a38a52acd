from __future__ import annotations

import gzip
import json
import os
import threading
import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.marks.types import Route
from pipelines.outputs.journal.format import (
    frame_line,
    line,
    price_line,
    read_absence,
    read_answers,
    read_frame,
    read_price,
    read_tracks,
    read_votes,
)
from pipelines.outputs.journal.writer import JournalWriter
from pricing.ledger.votes import Vote
from pricing.value import Price
from probes.answers import LookAnswer, Mark, Worn
from probes.events.staff_orders import StaffAction, StaffOrder
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.returns import Absence
from tests.waiting import wait_for

NUMBERS = st.floats(-1e4, 1e4)
BOXES = st.builds(Box, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
TRACKS = st.builds(TrackId, st.just("c"), st.sampled_from(["k7f3", "a0"]), st.integers(1, 10**6))
SEEN = st.builds(
    Detection,
    st.sampled_from([Kind.PERSON, Kind.ACCESSORY]),
    st.sampled_from(["person", "handbag"]),
    st.floats(0, 1),
    BOXES,
    st.none() | TRACKS,
)
FRAMES = st.builds(
    Frame,
    st.just("c"),
    st.integers(0, 2**62),
    st.just((1280, 720)),
    st.lists(SEEN, max_size=4).map(tuple),
    st.just(frozenset({Kind.PERSON, Kind.ACCESSORY})),
)


SLOTS = st.none() | st.frozensets(st.sampled_from(["top", "bag"]))
ON = st.sampled_from([None, "coat"])
MARKS = st.builds(
    Mark, st.text(min_size=1, max_size=9), st.just(0.5), BOXES, st.sampled_from(Route), SLOTS, ON
)
WORN = st.builds(Worn, st.just("coat"), st.just(0.75), BOXES, st.sampled_from([None, "beige"]))
DRESSED = st.lists(WORN, max_size=2).map(tuple)


@given(FRAMES, TRACKS, MARKS, DRESSED, st.booleans(), st.sampled_from([1.0, 2.5]), st.none() | st.booleans())
def test_what_is_written_is_read_again(
    frame: Frame,
    track: TrackId,
    mark: Mark,
    worn: tuple[Worn, ...],
    bare: bool,
    stretch: float,
    tie: bool | None,
) -> None:
    answer, brand = LookAnswer(track, frame, (mark,), worn, bare, stretch, tie=tie), mark.brand
    votes = [(track, [Vote("v", "top", None, brand, 0.25, 7)])]
    entry = json.loads(line(frame_line(frame, [answer], votes, [track])))
    assert read_frame(entry) == frame
    assert read_answers(entry, {("c", frame.captured_at): frame}) == ([answer], 0)
    assert read_answers(entry, {}) == ([], 1)
    assert read_votes(entry) == votes
    assert read_tracks("c", entry["ended"]) == [track]


def test_faces_are_not_written() -> None:
    face = Detection(Kind.FACE, "face", 0.9, Box(1, 2, 3, 4))
    assert frame_line(Frame("c", 0, (8, 8), (face,)), (), (), ())["seen"] == []


@pytest.mark.parametrize(
    "price", [None, Price(5, 4, 6, "EUR", "shop"), Price(5, 5, 5, "JPY", "x", date(2026, 1, 2), True, "cap")]
)
def test_prices_are_read_again(price: Price | None) -> None:
    question = ("gucci", None, "bag")
    assert read_price(json.loads(line(price_line(question, price)))) == (question, price)


@pytest.mark.parametrize(
    ("entry", "absence"),
    [
        ({}, None),
        ({"suspended": True}, Absence.SUSPENDED),  # as records were written before cameras could be lost
        ({"held": "suspended"}, Absence.SUSPENDED),
        ({"held": "camera_lost"}, Absence.LOST),
    ],
)
def test_records_of_before_say_who_is_held_too(entry: dict, absence: Absence | None) -> None:
    assert read_absence({"quiet": "door", "at": 5, "ended": [], **entry}) is absence


def entries(path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(text) for text in file]


def test_a_record_holds_everything_in_order(tmp_path) -> None:
    path = tmp_path / "day.gz"
    recorder = JournalWriter(path, {"store": "s"}, 10_000_000)
    recorder.prices([(("gucci", None, "bag"), None)])
    recorder.frame(Frame("c", 5, (8, 8)), (), (), (), [StaffOrder(StaffAction.SERVED, "c", "k-0001")])
    recorder.quiet("c", 9, [TrackId("c", "k", 1)], [])
    recorder.close(10)
    recorder.quiet("c", 11, [], [])
    head, *rest = entries(path)
    assert head == {"schema": "msh.record/1", "plan": {"store": "s"}}
    assert rest == [
        {"price": ["gucci", None, "bag"], "is": None},
        {"frame": "c", "at": 5, "size": [8, 8], "seen": [], "orders": [["served", "c", "k-0001"]]},
        {"quiet": "c", "at": 9, "ended": [["k", 1]]},
        {"close": 10},
    ]


def test_a_new_record_keeps_the_one_before(tmp_path) -> None:
    path = tmp_path / "day.gz"
    for start in (1, 2, 3):
        JournalWriter(path, {"start": start}, 10_000_000).close(0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["day.gz", "day.gz.1"]
    assert [entries(p)[0]["plan"]["start"] for p in (path, tmp_path / "day.gz.1")] == [3, 2]


def killed(path, start: int, monkeypatch, cut: int = 0, at: int = 5) -> None:
    """What a run leaves that is killed after some entries; cut: bytes that a power cut takes with it."""
    monkeypatch.setattr("pipelines.outputs.journal.writer.FLUSH_S", 0.01)
    recorder = JournalWriter(path, {"start": start}, 10_000_000)
    flushed = threading.Event()
    write = recorder._part.write
    monkeypatch.setattr(recorder._part, "write", lambda lines: (write(lines), flushed.set()))
    recorder.quiet("c", at, [], [])
    assert flushed.wait(120)
    raw = path.read_bytes()
    recorder.close(6)
    path.write_bytes(raw[: len(raw) - cut])


def test_a_record_that_a_kill_broke_off_is_gone_on_with(tmp_path, monkeypatch) -> None:
    path = tmp_path / "day.gz"
    for start in range(4):
        killed(path, start, monkeypatch)
    JournalWriter(path, {"start": 4}, 10_000_000).close(9)
    assert [p.name for p in tmp_path.iterdir()] == ["day.gz"]
    found = entries(path)
    assert [entry["plan"]["start"] for entry in found if "plan" in entry] == [0, 1, 2, 3, 4]
    assert [entry["at"] for entry in found if "quiet" in entry] == [5] * 4
    assert [entry for entry in found if "close" in entry] == [{"close": 9}]


@pytest.mark.parametrize(("cut", "runs"), [(1, [0, 1, 2]), (9, [0, 1, 2]), (17, [0, 1, 2]), (40, [0, 2])])
def test_a_power_cut_within_a_flush_costs_that_flush_and_no_more(tmp_path, monkeypatch, cut, runs) -> None:
    path = tmp_path / "day.gz"
    killed(path, 0, monkeypatch)
    killed(path, 1, monkeypatch, cut=cut)
    JournalWriter(path, {"start": 2}, 10_000_000).close(9)
    assert not (tmp_path / "day.gz.1").exists()
    assert [entry["plan"]["start"] for entry in entries(path) if "plan" in entry] == runs
    assert len([entry for entry in entries(path) if "quiet" in entry]) == 1
    assert entries(path)[-1] == {"close": 9}


@pytest.mark.parametrize("damage", ["old", "zeros", "noise", "empty"])
def test_a_record_that_cannot_be_gone_on_with_becomes_the_one_before(tmp_path, monkeypatch, damage) -> None:
    path = tmp_path / "day.gz"
    killed(path, 0, monkeypatch, at=time.time_ns() - 6 * 3600 * 10**9)
    raw = path.read_bytes()
    if damage != "old":
        damaged = {"zeros": bytes(99), "noise": raw[:60] + bytes(range(1, 200)), "empty": b""}
        path.write_bytes(damaged[damage])
    JournalWriter(path, {"start": 1}, 10_000_000, max_age_s=10 * 3600).close(9)
    assert (tmp_path / "day.gz.1").exists()
    assert [entry["plan"] for entry in entries(path) if "plan" in entry] == [{"start": 1}]


@pytest.mark.parametrize(
    "content", [b"version: 1\n", b"\0\0\0\x18ftyp", gzip.compress(b"backup", mtime=0), None]
)
def test_another_file_or_a_folder_is_neither_moved_nor_overwritten(tmp_path, content) -> None:
    path = tmp_path / "named by mistake"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(OSError, match="not a"):
        JournalWriter(path, {}, 10_000_000)
    assert [*tmp_path.iterdir()] == [path]
    assert content is None or path.read_bytes() == content


def test_disk_use_is_bounded_and_each_file_knows_the_prices(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("pipelines.outputs.journal.writer.FLUSH_S", 0.01)
    path = tmp_path / "day.gz"
    recorder = JournalWriter(path, {}, 4000)
    recorder.prices([(("gucci", None, "bag"), Price(1, 1, 1, "EUR", "x"))])
    for number in range(400):
        noise = [Detection(Kind.PERSON, "person", 0.9, Box(number**0.5, number**0.4, number**0.3, 1))]
        recorder.frame(Frame("c", number, (8, 8), tuple(noise)), (), (), (), [])
        if number % 20 == 0:
            while recorder._waiting:
                time.sleep(0.002)
    recorder.close(0)
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) < 12_000
    assert entries(path)[1]["price"] == ["gucci", None, "bag"]


@pytest.mark.parametrize(("left_h", "kept"), [(1, True), (6, False)])
def test_no_entry_outlives_its_time_on_quiet_cameras_either(tmp_path, monkeypatch, left_h, kept) -> None:
    monkeypatch.setattr("pipelines.outputs.journal.writer.FLUSH_S", 0.01)
    path, clock = tmp_path / "day.gz", [0.0]
    JournalWriter(path, {"start": 1}, 10_000_000).close(0)
    written = time.time() - left_h * 3600
    os.utime(path, (written, written))
    recorder = JournalWriter(path, {"start": 2}, 10_000_000, max_age_s=10 * 3600, clock=lambda: clock[0])
    older = tmp_path / "day.gz.1"
    assert older.exists() is kept
    clock[0] = 5 * 3600
    ends = time.monotonic() + 120
    while not older.exists() or older.stat().st_mtime <= written:
        assert time.monotonic() < ends
        time.sleep(0.01)
    recorder.close(0)
    assert [entries(p)[0]["plan"]["start"] for p in (path, tmp_path / "day.gz.1")] == [2, 2]


def test_a_record_that_is_deleted_begins_anew(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("pipelines.outputs.journal.writer.FLUSH_S", 0.01)
    path = tmp_path / "day.gz"
    recorder = JournalWriter(path, {"start": 1}, 10_000_000)
    recorder.quiet("before", 1, [], [])
    wait_for(lambda: not recorder._waiting)
    path.unlink()
    wait_for(path.exists)
    recorder.quiet("after", 2, [], [])
    recorder.close(3)
    assert entries(path)[0]["plan"] == {"start": 1}
    assert [entry["quiet"] for entry in entries(path) if "quiet" in entry] == ["after"]
