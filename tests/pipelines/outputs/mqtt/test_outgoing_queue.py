"""What waits for the thread that writes it: bounded, and right where the clock is set."""

from __future__ import annotations

from pipelines.outputs.mqtt.outgoing_queue import OutgoingQueue
from probes.events.messages import Message, MessageKind, rfc3339
from tests.fakes.people import SECOND, START

UPDATED, ENDED, NOTIFY = MessageKind.UPDATED, MessageKind.ENDED, MessageKind.NOTIFY


def test_a_full_inbox_gives_up_updates_first():
    lost: list[MessageKind] = []
    inbox = OutgoingQueue(3, lost.append)
    for kind, n in ((ENDED, 1), (UPDATED, 2), (ENDED, 3), (ENDED, 4), (UPDATED, 5), (NOTIFY, 6)):
        inbox.put(Message(kind, "t", {"n": n}))
    assert [m.payload["n"] for m in inbox.take(0)[1]] == [1, 3, 4]
    assert lost == [UPDATED, UPDATED, NOTIFY]


def test_what_waits_to_be_written_follows_the_clock_too():
    inbox = OutgoingQueue(3, lambda _: None)
    old, new = rfc3339(40 * SECOND), rfc3339(START)
    step = START - 40 * SECOND
    inbox.put(Message(UPDATED, "t", {"occurred_at": old, "track": {"started_at": old}}))
    inbox.put(Message(NOTIFY, "t", {"expires_at": old, "n": 7}, expires_at=40 * SECOND))
    inbox.clock_set(step, lambda: None)
    inbox.put(Message(NOTIFY, "t", {"occurred_at": new}, expires_at=START))
    notes, messages = inbox.take(0)
    assert len(notes) == 1
    assert [m.payload for m in messages] == [
        {"occurred_at": new, "track": {"started_at": new}}, {"expires_at": new, "n": 7}, {"occurred_at": new},
    ]  # fmt: skip
    assert [m.expires_at for m in messages] == [None, START, START]
    inbox.put(Message(NOTIFY, "t", {"occurred_at": new}, expires_at=START))
    assert inbox.take(0)[1] == messages[2:]
