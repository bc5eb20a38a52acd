"""Who shows again after an end, and what a damaged file of open people says, at the next start."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from pipelines.outputs.mqtt.open_people import HALF_BYTES
from probes.events.events import EndReason, PersonEvents
from probes.events.messages import MessageKind
from tests.fakes import schemas
from tests.fakes.people import START, frame, person, track, value
from tests.pipelines.outputs.mqtt.test_outbox import SECOND, Desk

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
