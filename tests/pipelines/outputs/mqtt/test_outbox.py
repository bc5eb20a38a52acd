"""What is sent when, with a session that only takes notes and clocks that stand still."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pipelines.outputs.mqtt.broker import BrokerState, MqttSpec
from pipelines.outputs.mqtt.connection import BrokerConnection
from pipelines.outputs.mqtt.outbox import MAX_AGE_NS, STUCK_S, WINDOW, Outbox
from pipelines.outputs.mqtt.session import Callbacks
from pipelines.outputs.mqtt.spool import Spool
from probes.events.events import EndReason, PersonEvents
from probes.events.messages import Message, MessageKind
from probes.frame import Frame, Kind
from tests.fakes import schemas
from tests.fakes.full_disk import FullDisk
from tests.fakes.people import SECOND, START, frame, person, track, value

if TYPE_CHECKING:
    from pathlib import Path

UPDATED, ENDED, NOTIFY = MessageKind.UPDATED, MessageKind.ENDED, MessageKind.NOTIFY


class Session:
    """Notes what is published; `works` False is a broken connection."""

    def __init__(self) -> None:
        self.was_answered = False
        self.sent: list[dict] = []
        self.expiries: list[int | None] = []
        self.works = True
        self.dropped = False

    def takes(self, _topic, payload):
        return len(payload) < 10_000

    def publish(self, _topic, payload, _qos, *, expiry_s=None):
        if not self.works:
            return None
        self.sent.append(json.loads(payload))
        self.expiries.append(expiry_s)
        return len(self.sent)

    def abort(self, why):
        assert why
        self.dropped = True


class Desk:
    def __init__(self, path: Path, now: int = START) -> None:
        self.now, self.seconds, self.path = now, 100.0, path
        self.counts: Counter[tuple[str, str]] = Counter()
        spool = Spool(path, 1_000_000, lambda: self.now, self.count)
        spool.open()
        self.spool = spool
        self.outbox = Outbox(
            spool,
            "msh/",
            now_ns=lambda: self.now,
            clock=lambda: self.seconds,
            count=self.count,
            drain_per_s=10,
        )

    def count(self, kind, result, count):
        self.counts[kind.value, result] += count

    def write(self, *numbers, kind=ENDED, expires_at=None):
        self.outbox.write([Message(kind, "t", {"n": n}, expires_at) for n in numbers])

    def session(self) -> Session:
        session = Session()
        self.outbox.begin(session)
        return session

    def pass_time(self, seconds):
        self.seconds += seconds
        self.now += int(seconds * SECOND)
        self.outbox.send()

    def ack(self, *mids):
        for mid in mids:
            assert self.outbox.acked(mid, good=True)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "spool.sqlite3")


def numbers(session):
    return [m["n"] for m in session.sent]


def test_live_messages_go_at_once_and_backlog_slowly_behind_them(desk):
    desk.write(*range(10))
    session = desk.session()
    desk.write(100, 101)
    desk.outbox.send()
    assert numbers(session) == [100, 101]
    desk.pass_time(0.35)
    assert numbers(session) == [100, 101, 0, 1, 2]
    desk.write(102)
    desk.pass_time(0.2)
    assert numbers(session) == [100, 101, 0, 1, 2, 102, 3, 4]
    assert [m["replayed"] for m in session.sent] == [False, False, True, True, True, False, True, True]
    assert session.sent[-1]["sent_at"] == "2026-11-22T10:31:07.962Z"


def test_waiting_notifications_go_before_other_backlog_and_expire_at_the_broker_too(desk):
    desk.write(*range(5))
    desk.write(9, kind=NOTIFY, expires_at=START + 90 * SECOND)
    session = desk.session()
    desk.pass_time(0.15)
    assert (numbers(session), session.expiries) == ([9, 0], [89, None])
    desk.pass_time(5)
    assert sorted(numbers(session)) == [0, 1, 2, 3, 4, 9]
    desk.pass_time(1)
    assert not desk.outbox.draining


def test_however_many_notifications_wait_all_go_before_other_backlog(desk):
    desk.write(*range(1000, 1005))
    desk.write(*range(150), kind=NOTIFY)
    session = desk.session()
    while len(session.sent) < 150:
        before = len(session.sent)
        desk.outbox.send()
        assert len(session.sent) > before
        desk.ack(*range(before + 1, len(session.sent) + 1))
    assert numbers(session) == list(range(150))


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


def test_no_more_than_a_window_is_under_way(desk):
    session = desk.session()
    desk.write(*range(WINDOW * 2))
    desk.outbox.send()
    desk.outbox.send()
    assert numbers(session) == list(range(WINDOW))
    desk.ack(1, 2, 3)
    desk.outbox.send()
    assert numbers(session) == list(range(WINDOW + 3))


def test_what_is_acknowledged_is_deleted_and_the_rest_repeated_as_replayed(desk):
    first = desk.session()
    desk.write(1, 2, 3)
    desk.outbox.send()
    assert numbers(first) == [1, 2, 3]
    desk.ack(2)
    desk.outbox.end()
    second = desk.session()
    desk.pass_time(1)
    assert [(m["n"], m["replayed"]) for m in second.sent] == [(1, True), (3, True)]
    assert desk.counts == {("ended", "acked"): 1}


def test_a_broken_session_skips_nothing(desk):
    session = desk.session()
    session.works = False
    desk.write(1, 2)
    desk.outbox.send()
    session.works = True
    desk.outbox.send()
    assert numbers(session) == [1, 2]


@pytest.mark.parametrize("kind", ["event", "state"])
def test_a_broker_that_never_acknowledges_is_left_and_one_with_nothing_to_answer_is_not(desk, kind):
    session = desk.session()
    desk.pass_time(10 * STUCK_S)
    desk.outbox.check_answers()
    assert not session.dropped
    if kind == "event":
        desk.write(1)
        desk.outbox.send()
    else:
        desk.outbox.await_answer(77, 1)
    for seconds, left in ((STUCK_S, False), (1, True)):
        desk.pass_time(seconds)
        desk.outbox.check_answers()
        assert session.dropped is left


def test_what_is_only_written_is_no_answer(desk):
    """Summaries go with QoS 0; paho calls them published once they are written."""
    session = desk.session()
    desk.write(1)
    desk.outbox.send()
    for mid in range(100, 104):
        desk.outbox.await_answer(mid, 0)
        desk.pass_time(STUCK_S / 3)
        assert not desk.outbox.acked(mid, good=True)
        desk.outbox.check_answers()
    assert session.dropped
    assert not session.was_answered


def test_what_is_only_written_is_not_waited_for(desk):
    session = desk.session()
    for mid in range(100, 104):
        desk.outbox.await_answer(mid, 0)
        desk.pass_time(STUCK_S)
        desk.outbox.check_answers()
    assert not session.dropped


def test_a_slow_disk_is_not_taken_for_a_frozen_broker(desk):
    """The disk stalls in a write; what is sent after it has had no time to be answered."""
    session = desk.session()
    desk.outbox.check_answers()
    desk.write(1)
    desk.pass_time(STUCK_S + 1)
    desk.outbox.check_answers()
    assert (numbers(session), session.dropped) == ([1], False)
    desk.ack(1)
    desk.outbox.check_answers()
    desk.pass_time(STUCK_S + 1)
    desk.outbox.await_answer(2, 1)
    desk.outbox.check_answers()
    assert not session.dropped


def test_a_broker_that_is_only_slow_is_not_left(desk):
    """Over a slow line the last message of a window is answered long after it was sent."""
    session = desk.session()
    desk.write(*range(3 * WINDOW))
    for mid in range(1, 3 * WINDOW + 1):
        desk.pass_time(STUCK_S - 1)
        desk.ack(mid)
        desk.outbox.check_answers()
        assert not session.dropped
    assert numbers(session) == list(range(3 * WINDOW))


def test_a_refused_or_oversized_message_is_counted_and_let_go(desk):
    session = desk.session()
    desk.write(1, "x" * 20_000, 3)
    desk.outbox.send()
    assert numbers(session) == [1, 3]
    assert desk.outbox.acked(1, good=False)
    desk.outbox.write([])
    assert desk.counts == {("ended", "rejected"): 2}
    assert desk.spool.messages == 1


def test_what_is_not_json_is_counted_and_harms_no_other(desk):
    desk.outbox.write([Message(ENDED, "t", {"n": object()}), Message(ENDED, "t", {"n": 1})])
    assert desk.spool.messages == 1
    assert desk.counts == {("ended", "rejected"): 1, ("ended", "spooled"): 1}


def test_a_message_that_the_disk_has_damaged_holds_up_no_other(desk):
    desk.write(1, 2, 3)
    desk.spool.close()
    with closing(sqlite3.connect(desk.path)) as db, db:
        db.execute("UPDATE message SET payload = ? WHERE id = (SELECT min(id) FROM message)", (b'{"n":\0',))
    desk = Desk(desk.path)
    session = desk.session()
    desk.pass_time(1)
    assert numbers(session) == [2, 3]
    desk.outbox.write([])
    assert desk.spool.messages == 2
    assert desk.counts == {("ended", "rejected"): 1}


def test_nothing_about_a_person_is_kept_longer_than_a_week(desk):
    desk.write(1)
    desk.now += MAX_AGE_NS
    desk.outbox.write([])
    assert desk.spool.messages == 0
    assert desk.counts["ended", "expired"] == 1


def nothing(*_):
    return None


@pytest.mark.parametrize(
    ("ended", "failures", "draw", "seconds"),
    [
        (BrokerState.UNREACHABLE, 1, 0.5, 0.5),
        (BrokerState.UNREACHABLE, 2, 0.5, 1.0),
        (BrokerState.UNREACHABLE, 4, 0.0, 4 * 0.7),
        (BrokerState.UNREACHABLE, 1000, 1.0, 30 * 1.3),
        (BrokerState.UNREACHABLE, 0, 0.5, 0.5),
        (BrokerState.REFUSED, 3, 0.5, 2.0),
        (BrokerState.AUTH_FAILED, 1, 0.5, 60.0),
        (BrokerState.TLS_FAILED, 1, 1.0, 78.0),
        (BrokerState.TAKEN_OVER, 9, 0.5, 60.0),
    ],
)
def test_attempts_are_spread_and_grow_rare(ended, failures, draw, seconds):
    callbacks = Callbacks(nothing, nothing, nothing, nothing, nothing)
    link = BrokerConnection(
        MqttSpec("broker"), "id", "will", lambda _: ["command/+"], callbacks, random=lambda: draw
    )
    assert link._delay(ended, failures) == pytest.approx(seconds)


def test_a_clock_that_is_set_makes_nothing_expire_and_corrects_what_waits(tmp_path):
    desk = Desk(tmp_path / "spool.sqlite3", now=40 * SECOND)  # a box without a battery, in 1970
    events = PersonEvents("berlin", "edge-1", "EUR", lambda bits: 0)
    seen = Frame("handbags", desk.now, (640, 480), (person(),), frozenset({Kind.PERSON}))
    desk.outbox.write(events.observe(seen, {track(): value(100)}, {}))
    desk.write(7, kind=NOTIFY, expires_at=desk.now + 120 * SECOND)
    step = START - desk.now
    desk.spool.shift(step)
    desk.now += step
    session = desk.session()
    desk.pass_time(1)
    assert desk.counts["notify", "expired"] == desk.counts["started", "expired"] == 0
    notified, started = session.sent
    assert (notified["n"], session.expiries[0]) == (7, 119)
    assert started["occurred_at"] == started["track"]["started_at"] == "2026-11-22T10:31:07.412Z"
    (there,) = desk.spool.people().values()
    assert json.loads(there)["occurred_at"] == started["occurred_at"]
    schemas.PERSON_EVENT.validate(started)
