"""What is sent when, how often, and how long it is kept."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from pipelines.outputs.mqtt.outbox import MAX_AGE_NS, WINDOW
from probes.events.events import PersonEvents
from probes.events.messages import Message
from probes.frame import Frame, Kind
from tests.fakes import schemas
from tests.fakes.people import SECOND, START, person, track, value
from tests.pipelines.outputs.mqtt.desk import ENDED, NOTIFY, Desk, numbers


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


def test_a_wrong_year_costs_nothing_that_waits_from_an_earlier_run(tmp_path):
    path = tmp_path / "spool.sqlite3"
    before = Desk(path)
    before.write(1)
    before.spool.close()
    desk, years = Desk(path), 3 * 365 * 86_400 * SECOND
    desk.spool.shift(years)
    desk.now, desk.doubted = desk.now + years, years
    desk.write(2)
    session = desk.session()
    desk.pass_time(1)
    assert numbers(session) == [1, 2]
    assert desk.counts["ended", "expired"] == 0
    desk.doubted = 0  # a time that lasts is believed
    desk.outbox.write([])
    assert (desk.spool.messages, desk.counts["ended", "expired"]) == (1, 1)
