from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.paths import ROOT
from pipelines.outputs.mqtt.salvage import salvage
from pipelines.outputs.mqtt.spool import Spool
from pricing.live.sqlite_file import RETRY_NS
from probes.events.messages import MessageKind
from tests.fakes.full_disk import FullDisk
from tests.fakes.people import START

UPDATED, STARTED, ENDED, NOTIFY = (
    MessageKind.UPDATED,
    MessageKind.STARTED,
    MessageKind.ENDED,
    MessageKind.NOTIFY,
)


class Box:
    """A spool, its clock and what it lost."""

    def __init__(self, path, limit=1_000_000) -> None:
        self.now = START
        self.lost: Counter[tuple[str, str]] = Counter()
        self.spool = Spool(path, limit, lambda: self.now, self.lose)
        self.spool.open()

    def lose(self, kind, why, count):
        self.lost[kind.value, why] += count

    def put(self, *messages):
        return self.spool.put(
            [(kind, "t", body.encode(), end) for kind, body, *rest in messages for end in (rest or [None])]
        )

    def bodies(self, **which):
        return [e.payload.decode() for e in self.spool.pending(**which)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "spool.sqlite3"


def test_what_is_put_waits_in_order_until_deleted_and_outlives_the_object(path):
    box = Box(path)
    first, *_ = box.put((STARTED, "a"), (UPDATED, "b"), (ENDED, "c"))
    box.spool.delete([first])
    assert box.bodies() == ["b", "c"]
    size = box.spool.size_bytes
    box.spool.close()
    again = Box(path)
    assert (again.bodies(), again.spool.messages, again.spool.size_bytes) == (["b", "c"], 2, size)
    assert path.stat().st_mode & 0o077 == 0


def test_pending_is_a_window(path):
    box = Box(path)
    ids = box.put(*[(UPDATED, str(n)) for n in range(10)], (NOTIFY, "n"))
    assert box.bodies(after=ids[2], before=ids[5]) == ["3", "4"]
    assert box.bodies(limit=2) == ["0", "1"]
    assert box.bodies(kind=NOTIFY) == ["n"]


def test_over_the_bound_updates_go_before_starts_before_ends_before_notifications(path):
    box = Box(path, limit=20_000)
    filler = "x" * 1000
    for kind in (NOTIFY, ENDED, STARTED, UPDATED):
        box.put(*[(kind, filler)] * 5)
    assert box.lost == {("updated", "dropped"): 2}
    box.put(*[(ENDED, filler)] * 6)
    left = Counter(e.kind for e in box.spool.pending())
    assert (left[UPDATED], left[STARTED], left[ENDED], left[NOTIFY]) == (0, 2, 11, 5)
    box.put(*[(NOTIFY, filler)] * 40)
    assert {e.kind for e in box.spool.pending()} == {NOTIFY}
    assert box.spool.size_bytes <= 20_000


def test_the_oldest_goes_first(path):
    box = Box(path, limit=1000)
    box.put(*[(UPDATED, f"{n:200}") for n in range(5)])
    assert [b.strip() for b in box.bodies()] == ["2", "3", "4"]


def test_old_notifications_expire(path):
    box = Box(path)
    box.put((NOTIFY, "soon", START + 10), (NOTIFY, "later", START + 99), (ENDED, "never"))
    box.now = START + 10
    box.put()
    assert box.bodies() == ["later", "never"]
    assert box.lost == {("notify", "expired"): 1}


@pytest.mark.parametrize("moved_aside", [False, True])
def test_a_row_whose_text_the_disk_has_changed_holds_up_no_other(path, moved_aside):
    box = Box(path)
    first, _ = box.put((STARTED, "1"), (ENDED, "2"))
    box.spool.put([], {"door/1": b"{}", "door/2": b"{}"})
    box.spool.close()
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE message SET topic = CAST(x'74ff' AS TEXT) WHERE id = ?", (first,))
        db.execute("UPDATE person SET key = CAST(x'64ff' AS TEXT) WHERE key = 'door/1'")
    if moved_aside:
        found = salvage(path)
        assert (len(found.entries), set(found.people)) == (2, {"d\ufffd", "door/2"})
        return
    again = Box(path)
    assert again.bodies() == ["1", "2"]
    assert set(again.spool.people()) == {"d\ufffd", "door/2"}
    assert again.spool.on_disk


kinds = st.sampled_from([UPDATED, STARTED, ENDED, NOTIFY])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.tuples(kinds, st.integers(0, 900)), st.integers(0, 5)), max_size=40))
def test_the_books_are_right_whatever_happens(tmp_path_factory, steps):
    box = Box(tmp_path_factory.mktemp("spool") / "s.sqlite3", limit=5000)
    put = deleted = 0
    for step in steps:
        if isinstance(step, tuple):
            box.put((step[0], "x" * step[1]))
            put += 1
        else:
            some = [e.id for e in box.spool.pending(limit=step)]
            box.spool.delete(some)
            deleted += len(some)
        waiting = box.spool.pending(limit=1000)
        assert box.spool.messages == len(waiting) == put - deleted - sum(box.lost.values())
        assert box.spool.size_bytes == sum(e.size for e in waiting) <= 5000
    box.spool.close()


def bodies(count):
    return [json.dumps({"n": n, "filling": "x" * 700}) for n in range(count)]


@pytest.mark.parametrize(("damage", "saved"), [("header", 0), ("text", 0), ("page", 290), ("index", 300)])
def test_a_damaged_file_is_moved_aside_and_what_can_be_read_is_saved(path, damage, saved, caplog):
    box = Box(path)
    box.put(*[(ENDED, body) for body in bodies(300)])
    box.spool.set_topic("camera/door/status", listed=True)
    box.spool.close()
    raw = bytearray(path.read_bytes())
    with contextlib.closing(sqlite3.connect(path)) as db:
        (first_index,) = db.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'message_rank'"
        ).fetchone()
    if damage == "text":
        raw = bytearray(b"this was never a database\n" * 40)
    else:
        at = {"header": 0, "page": 4096 * (len(raw) // 8192), "index": 4096 * (first_index - 1)}[damage]
        raw[at : at + 4096] = bytes(range(256)) * 16
    path.write_bytes(raw)
    again = Box(path)
    again.put((ENDED, '"new"'))
    found = again.bodies(limit=1000)
    assert found[-1] == '"new"'
    assert saved <= len(found) - 1 == len(set(found[:-1]) & set(bodies(300)))
    assert len(found) - 1 + again.lost["ended", "dropped"] in (300, 0)
    assert again.spool.topics() == ({"camera/door/status"} if saved else set())
    assert path.with_suffix(".damaged").exists()
    assert [r.levelno for r in caplog.records].count(logging.ERROR) == 1
    again.spool.close()
    assert Box(path).bodies(limit=1000) == found


def test_the_last_damaged_files_are_kept_apart(path):
    for number in range(5):
        box = Box(path)
        box.spool.close()
        path.write_text(f"damaged {number}\n" * 100)
    Box(path).spool.close()
    kept = sorted(file.name for file in path.parent.iterdir() if ".damaged" in file.name)
    assert kept == ["spool.damaged", "spool.damaged.1", "spool.damaged.2"]
    assert path.with_suffix(".damaged").read_text().startswith("damaged 4")


def test_who_was_there_is_known_after_a_kill_and_who_left_is_not(path):
    box = Box(path)
    box.spool.put([(STARTED, "t", b"1", None)], {"door/a": b"1", "door/b": b"1"})
    box.spool.put([(UPDATED, "t", b"2", None)], {"door/a": b"2"})
    box.spool.put([(ENDED, "t", b"3", None)], {"door/b": None})
    again = Spool(path.with_name("copy.sqlite3"), 1_000_000, lambda: START, box.lose)
    for extra in ("", "-wal"):
        source = path.with_name(path.name + extra)
        again_path = path.with_name("copy.sqlite3" + extra)
        again_path.write_bytes(source.read_bytes())
    again.open()
    assert again.people() == {"door/a": b"2"}


def test_nothing_of_anybody_is_left_on_disk_when_all_have_left_and_the_broker_has_it(path):
    def on_disk():
        return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))

    box = Box(path)
    began = box.spool.put([(STARTED, "t", b"came with a red bag", None)], {"door/1": b"came with a red bag"})
    left = box.spool.put([(ENDED, "t", b"left with a red bag", None)], {"door/1": None})
    assert b"red bag" in on_disk()
    box.spool.delete(began)
    box.spool.delete(left)
    assert b"red bag" not in on_disk()
    box.spool.close()


def test_a_file_damaged_while_in_use_is_replaced_without_losing_the_new_message(path):
    box = Box(path)
    box.put(*[(ENDED, f"{n:3000}") for n in range(200)])
    disk = box.spool._file.db
    disk._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    disk._db.execute("PRAGMA cache_size=0")
    with path.open("r+b") as file:
        file.seek(0)
        file.write(os.urandom(200_000))
    box.put((ENDED, "new"))
    assert "new" in box.bodies(limit=1000)
    box.put((ENDED, "newer"))
    assert box.bodies(limit=1000)[-2:] == ["new", "newer"]


def test_a_full_disk_means_memory_bounded_and_the_disk_gets_it_back(path, caplog):
    box = Box(path, limit=100_000)
    (kept,) = box.put((ENDED, "kept"))
    box.spool._file.db._db.close()
    box.spool._file.db._db = FullDisk()
    for n in range(50):
        box.put((UPDATED, f"{n:3000}"))
    assert [r.levelno for r in caplog.records].count(logging.ERROR) == 1
    assert box.lost["updated", "dropped"] > 10
    box.put((ENDED, "in memory"))
    assert "in memory" in box.bodies()
    box.spool.delete([kept])
    box.now += RETRY_NS
    box.put((ENDED, "after"))
    bodies = box.bodies()
    assert bodies[-2:] == ["in memory", "after"]
    assert "kept" not in bodies
    box.spool.close()
    assert Box(path).bodies() == bodies


def test_a_folder_that_cannot_be_made_means_memory(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    box = Box(tmp_path / "file" / "spool.sqlite3")
    box.put((ENDED, "a"))
    box.spool.set_topic("camera/a/status", listed=True)
    assert (box.bodies(), box.spool.topics()) == (["a"], {"camera/a/status"})
    assert [r.levelno for r in caplog.records] == [logging.ERROR, logging.WARNING]


def test_a_second_process_on_the_same_file_does_not_hang_or_share(path):
    first, second = Box(path), Box(path)
    second.put((ENDED, "b"))
    first.put((ENDED, "a"))
    assert (first.bodies(), second.bodies()) == (["a"], ["b"])


def test_a_message_of_a_kind_that_nobody_knows_holds_up_no_other(path):
    """The disk has changed it, or a later release wrote it and the box went back to this one."""
    before = Box(path, 10_000)
    before.put((UPDATED, "1"), (ENDED, "2"))
    before.spool.close()
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE message SET kind = 'endeD' WHERE kind = 'ended'")
    box = Box(path, 10_000)
    box.put((STARTED, "3"))
    assert box.bodies() == ["1", "2", "3"]
    box.put((NOTIFY, "x" * 9_850))
    assert box.lost == {("updated", "dropped"): 2, ("started", "dropped"): 1}


def test_retained_topics_are_remembered(path):
    box = Box(path)
    for name in ("camera/a/status", "camera/b/status"):
        box.spool.set_topic(name, listed=True)
    box.spool.set_topic("camera/a/status", listed=False)
    box.spool.close()
    assert Box(path).spool.topics() == {"camera/b/status"}


WRITER = """
import sys, time
from pathlib import Path
from probes.events.messages import MessageKind
from pipelines.outputs.mqtt.spool import Spool
spool = Spool(Path(sys.argv[1]), 10_000_000, time.time_ns, lambda *_: None)
spool.open()
n = 0
while True:
    spool.put([(MessageKind.ENDED, "t", b"%d" % (n + i) + b" " * 500, None) for i in range(20)])
    n += 20
    print(n, flush=True)
"""


def test_what_was_written_survives_kill_9_in_the_middle_of_writing(path):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=ROOT)
    try:
        while int(writer.stdout.readline()) < 200:
            pass
        time.sleep(0.05)
        writer.send_signal(signal.SIGKILL)
        said = [int(line) for line in writer.stdout.read().split(b"\n")[:-1]]
    finally:
        writer.kill()
        writer.wait(120)
        writer.stdout.close()
    committed = max(said, default=200)
    numbers = [json.loads(b) for b in Box(path).bodies(limit=100_000)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= committed
