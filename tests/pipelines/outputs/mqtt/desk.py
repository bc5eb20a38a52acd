"""An outbox with a session that only takes notes and clocks that stand still."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from pipelines.outputs.mqtt.outbox import Outbox
from pipelines.outputs.mqtt.spool import Spool
from probes.events.messages import Message, MessageKind
from tests.fakes.people import SECOND, START

if TYPE_CHECKING:
    from pathlib import Path

ENDED, NOTIFY = MessageKind.ENDED, MessageKind.NOTIFY


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
        self.now, self.seconds, self.path, self.doubted = now, 100.0, path, 0
        self.counts: Counter[tuple[str, str]] = Counter()
        spool = Spool(path, 1_000_000, lambda: self.now, self.count, lambda: self.now - self.doubted)
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


def numbers(session):
    return [m["n"] for m in session.sent]
