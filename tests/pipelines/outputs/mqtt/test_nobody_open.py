"""Who was there when the program was killed ends once at the next start, whatever the disk has lost."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pipelines.outputs.mqtt.open_people import HALF_BYTES
from probes.events.events import EndReason, PersonEvents
from probes.events.messages import MessageKind
from tests.fakes import schemas
from tests.fakes.full_disk import FullDisk
from tests.fakes.people import SECOND, START, frame, person, track, value
from tests.pipelines.outputs.mqtt.desk import Desk

if TYPE_CHECKING:
    from pathlib import Path

SPOOL = "spool.sqlite3"


class Shop:
    """One person at one camera, and the outbox that her events go to."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder / SPOOL)
        self.events = PersonEvents("berlin", "edge-1", "EUR", lambda bits: 0)
        self.at = 0

    def shows(self) -> None:
        self.at += 1
        seen = frame(self.at * SECOND, person(1))
        self.desk.outbox.write(self.events.observe(seen, {track(1): value(100 * self.at)}, {}))

    def leaves(self) -> None:
        self.at += 1
        at = START + self.at * SECOND
        self.desk.outbox.write(self.events.end(track(1), at, value(100), EndReason.LOST))


def killed(desk: Desk, folder: Path) -> Path:
    """Return the message file in a folder as a kill leaves it."""
    folder.mkdir()
    for file in desk.path.parent.glob(f"{desk.path.stem}*"):
        shutil.copy(file, folder)
    return folder / SPOOL


def ruin(path: Path) -> None:
    for extra in ("-wal", "-shm"):
        path.with_name(f"{path.name}{extra}").unlink(missing_ok=True)
    path.write_text("nothing that can be read\n" * 4000)


def ends_of_next_start(path: Path) -> list[tuple[int, str]]:
    again = Desk(path)
    again.outbox.end_people(lambda bits: 1)
    session = again.session()
    again.pass_time(3)
    ends = [m for m in session.sent if m.get("type") == "person.ended"]
    for message in ends:
        schemas.PERSON_EVENT.validate(message)
    return [(m["seq"], m["reason"]) for m in ends]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    folder = tmp_path / "state"
    folder.mkdir()
    return Shop(folder)


def test_an_end_that_arrives_late_does_not_hide_who_shows_again(shop: Shop, tmp_path: Path) -> None:
    session = shop.desk.session()
    shop.shows()
    shop.leaves()
    shop.desk.outbox.send()
    shop.shows()  # before the broker has acknowledged the end
    shop.desk.ack(*range(1, len(session.sent) + 1))
    shop.desk.outbox.write([])
    path = killed(shop.desk, tmp_path / "again")
    ruin(path)
    assert ends_of_next_start(path) == [(4, "restart")]


def test_an_end_that_waits_does_not_hide_who_has_shown_again(shop: Shop, tmp_path: Path) -> None:
    shop.shows()
    shop.leaves()
    shop.shows()
    path = killed(shop.desk, tmp_path / "again")
    with sqlite3.connect(path) as db:  # the page that said who is there is lost
        db.execute("DELETE FROM person")
    db.close()
    assert ends_of_next_start(path) == [(2, "lost"), (4, "restart")]


def test_a_second_end_that_is_lost_is_not_taken_for_the_first_that_waits(shop: Shop, tmp_path: Path) -> None:
    shop.shows()
    shop.leaves()
    shop.shows()
    shop.leaves()
    path = killed(shop.desk, tmp_path / "again")
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM message WHERE id = (SELECT max(id) FROM message)")
    db.close()
    assert ends_of_next_start(path) == [(2, "lost"), (4, "lost")]


@pytest.mark.parametrize("is_acknowledged", [True, False])
def test_the_older_half_of_a_damaged_file_ends_nobody_twice(
    shop: Shop, tmp_path: Path, *, is_acknowledged: bool
) -> None:
    session = shop.desk.session()
    shop.shows()
    shop.leaves()
    shop.desk.outbox.send()
    if is_acknowledged:
        shop.desk.ack(*range(1, len(session.sent) + 1))
        shop.desk.outbox.write([])
    path = killed(shop.desk, tmp_path / "again")
    notes = path.with_suffix(".people")
    newest = shop.desk.spool._open_people.generation % 2
    with notes.open("r+b") as file:
        file.seek(newest * HALF_BYTES + 20)
        file.write(b"damage")
    assert ends_of_next_start(path) == ([] if is_acknowledged else [(2, "lost")])


@pytest.mark.parametrize("damaged", ["none", "people", "messages"])
def test_who_is_there_ends_once_whichever_file_is_damaged(shop: Shop, tmp_path: Path, damaged: str) -> None:
    shop.desk.session()
    shop.shows()
    shop.shows()
    path = killed(shop.desk, tmp_path / "again")
    if damaged != "none":
        ruin(path if damaged == "messages" else path.with_suffix(".people"))
    (end,) = ends_of_next_start(path)
    assert end[1] == "restart"


def test_a_person_of_a_spool_that_was_damaged_while_it_ran_ends(shop: Shop, tmp_path: Path) -> None:
    session = shop.desk.session()
    shop.shows()
    shop.desk.outbox.send()
    shop.desk.ack(*range(1, len(session.sent) + 1))
    shop.desk.outbox.write([])
    shop.desk.spool._file.db.close()
    ruin(shop.desk.path)
    shop.desk.spool._file.db = None
    shop.desk.spool._file.open()
    shop.desk.write(7, kind=MessageKind.NOTIFY)
    assert [reason for _, reason in ends_of_next_start(killed(shop.desk, tmp_path / "again"))] == ["restart"]


def test_who_was_there_when_the_program_was_killed_ends_at_the_next_start(desk):
    events = PersonEvents("berlin", "edge-1", "EUR", lambda bits: 0)
    stayed, left = track(1), track(2)
    worth = {stayed: value(100), left: value(200)}
    desk.outbox.write(events.observe(frame(0, person(1), person(2)), worth, {}))
    desk.outbox.write(events.end(left, START + SECOND, worth[left], EndReason.LOST))
    for extra in ("", "-wal"):  # what a kill leaves on the disk
        shutil.copy(f"{desk.path}{extra}", f"{desk.path.with_name('copy.sqlite3')}{extra}")
    again = Desk(desk.path.with_name("copy.sqlite3"))
    assert again.outbox.end_people(lambda bits: 1) == 1
    assert again.outbox.end_people(lambda bits: 1) == 0
    session = again.session()
    again.pass_time(3)
    ends = [m for m in session.sent if m["type"] == "person.ended"]
    assert [(m["track"]["id"], m["reason"]) for m in ends] == [(str(left), "lost"), (str(stayed), "restart")]
    started = next(m for m in session.sent if m["track"]["id"] == str(stayed))
    assert (ends[-1]["seq"], ends[-1]["total"]) == (started["seq"] + 1, started["total"])
    assert ends[-1]["event_id"] != started["event_id"]
    for message in session.sent:
        schemas.PERSON_EVENT.validate(message)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("acked", [False, True])
def test_nobody_stays_open_where_the_spool_has_lost_who_was_there(desk, full, acked):
    """A page of it is damaged, or it waited in memory when the program was killed: the disk was full."""
    events = PersonEvents("berlin", "edge-1", "EUR", lambda bits: 0)
    stayed, left = track(1), track(2)
    worth = {stayed: value(100), left: value(200)}
    session = desk.session()
    if full:
        desk.spool._file.db._db.close()
        desk.spool._file.db._db = FullDisk()
    desk.outbox.write(events.observe(frame(0, person(1), person(2)), worth, {}))
    desk.outbox.write(events.end(left, START + SECOND, worth[left], EndReason.LOST))
    desk.pass_time(1)
    if acked:
        desk.ack(*range(1, len(session.sent) + 1))
        desk.outbox.write([])
    again = desk.path.with_name("again.sqlite3")
    shutil.copy(desk.path.with_suffix(".people"), again.with_suffix(".people"))
    if full:
        shutil.copy(desk.path, again)
    else:
        again.write_text("nothing that can be read\n" * 400)
    again = Desk(again)
    session = again.session()
    assert again.outbox.end_people(lambda bits: 1) == (1 if acked else 2)
    again.pass_time(3)
    assert {(m["track"]["id"], m["type"], m["reason"]) for m in session.sent} == {
        (str(stayed), "person.ended", "restart"),
        *([] if acked else [(str(left), "person.ended", "lost")]),
    }
    for message in session.sent:
        schemas.PERSON_EVENT.validate(message)
    again.ack(*range(1, len(session.sent) + 1))
    again.outbox.write([])
    assert again.spool.noted() == {}


@pytest.mark.parametrize("noted", [False, True])
def test_a_person_whose_row_has_a_damaged_key_ends_once(desk, noted):
    events = PersonEvents("berlin", "edge-1", "EUR", lambda bits: 0)
    desk.outbox.write(events.observe(frame(0, person(1)), {track(1): value(100)}, {}))
    desk.spool.close()
    if not noted:
        desk.path.with_suffix(".people").unlink()
    with closing(sqlite3.connect(desk.path)) as db, db:
        assert db.execute("UPDATE person SET key = 'x' || substr(key, 2)").rowcount == 1
    sent = []
    for _ in range(2):
        desk = Desk(desk.path)
        desk.outbox.end_people(lambda bits: 1)
        session = desk.session()
        desk.pass_time(3)
        sent += [m["track"]["id"] for m in session.sent if m["type"] == "person.ended"]
        desk.ack(*range(1, len(session.sent) + 1))
        desk.outbox.write([])
        desk.spool.close()
    assert sent == [str(track(1))]
