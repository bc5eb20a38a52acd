"""A broker that does not answer is left; one that is slow, or has nothing to answer, is not."""

from __future__ import annotations

import pytest

from pipelines.outputs.mqtt.outbox import STUCK_S, WINDOW
from tests.pipelines.outputs.mqtt.desk import numbers


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
