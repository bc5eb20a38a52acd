"""What `msh bench faults` kills: a shop's persons, events, spool and link to the broker, without pictures.

Run as a program it imports all that once and forks on each line `start PORT SPOOL` of its input: a start then
takes no time. A fork writes a line for each message that it has handed over, for those that are committed
to the disk, and what was dropped.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final

from pipelines.clock import StoreClock
from pipelines.outputs.mqtt.broker import MqttSpec
from pipelines.outputs.mqtt.publisher import MqttPublisher
from pipelines.outputs.mqtt.spool import Spool
from probes.events.events import PersonEvents
from probes.events.messages import Message, MessageKind, ulid
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TICK_S: Final = 0.02
MAX_PERSONS: Final = 8
STEP_S: Final = 3600
CAMERA: Final = "door"
SIZE: Final = (640, 360)
SPOOL_BYTES: Final = 8_000_000
WATCHED: Final = (MessageKind.STARTED, MessageKind.ENDED, MessageKind.NOTIFY)
COMMITTED: Final = (MessageKind.ENDED, MessageKind.NOTIFY)
LOST: Final = ("dropped", "expired")


class FaultWorker:
    """One run of the program: people come and go, until it is killed or, by SIGUSR2, told to end.

    SIGUSR1 sets its clock, an hour forward and back in turn.
    """

    def __init__(self, port: int, spool: Path) -> None:
        self._dice, self._step, self._stopping = SystemRandom(), 0, threading.Event()
        self._clock = StoreClock(lambda: time.time_ns() + self._step)
        self._metrics = Metrics(("live",))
        self._publisher = MqttPublisher(
            MqttSpec("127.0.0.1", port, keepalive_s=5, retry_first_ms=20, retry_max_ms=200),
            "faults",
            "box",
            spool=spool,
            spool_bytes=SPOOL_BYTES,
            initial={},
            metrics=self._metrics,
            now_ns=self._clock.now,
            random=self._dice.random,
            drain_per_s=1000,
        )
        bits = self._dice.getrandbits
        self._events = PersonEvents("faults", "box", "EUR", bits, utc=self._clock.utc)
        self._session, self._count = f"{bits(20):04x}"[-4:], 0
        self._here: list[TrackId] = []
        self._reported: dict[str, int] = {}
        signal.signal(signal.SIGUSR1, self._set_clock)
        signal.signal(signal.SIGUSR2, lambda *_: self._stopping.set())

    def run(self) -> None:
        """Go on until told to end; then all leave."""
        self._publisher.start()
        _say("running", os.getpid())
        parent = os.getppid()
        while not self._stopping.wait(TICK_S):
            if os.getppid() != parent:
                return  # the bench was killed
            self._clock.check(self._publisher.clock_set)
            self._tick()
        self._send(self._observe(self._here))
        self._publisher.stop(20)
        self._say_lost()
        _say("stopped", os.getpid())

    def _tick(self) -> None:
        ended = [track for track in self._here if self._dice.random() < 0.02]
        if len(self._here) < MAX_PERSONS and self._dice.random() < 0.2:
            self._count += 1
            self._here.append(TrackId(CAMERA, self._session, self._count))
        self._send(self._observe(ended))
        if self._dice.random() < 0.05:
            name = ulid(self._clock.utc_now(), self._dice.getrandbits)
            self._send([Message(MessageKind.NOTIFY, "notify/vip", {"event_id": name})])
        self._say_lost()

    def _observe(self, ended: list[TrackId]) -> list[Message]:
        ended = list(ended)
        self._here = [track for track in self._here if track not in ended]
        box = Box(100, 50, 80, 200)
        found = tuple(Detection(Kind.PERSON, "person", 0.9, box, track) for track in self._here)
        frame = Frame(CAMERA, self._clock.now(), SIZE, found, frozenset({Kind.PERSON, Kind.FACE}))
        return self._events.observe(frame, {}, {}, ended)

    def _send(self, messages: list[Message]) -> None:
        for message in messages:
            if self._publisher.send(message) and message.kind in WATCHED:
                _say("sent", message.kind.value, name_of(message.payload), time.monotonic_ns())

    def _say_lost(self) -> None:
        for family in self._metrics.mqtt_messages.collect():
            for sample in family.samples:
                kind, result = sample.labels["kind"], sample.labels["result"]
                key, now = f"{kind} {result}", round(sample.value)
                if sample.name.endswith("_total") and result in LOST and now > self._reported.get(key, 0):
                    _say("lost", kind, now - self._reported.get(key, 0))
                    self._reported[key] = now

    def _set_clock(self, *_: object) -> None:
        self._step = 0 if self._step else STEP_S * 1_000_000_000


def name_of(payload: Any) -> str:
    """Return what a message is known by: a person's track, or the id of a notification."""
    return str(payload["track"]["id"] if "track" in payload else payload["event_id"])


def say_what_is_committed() -> None:
    """Have every spool of this process write a line for what has just gone to the disk."""
    put = Spool.put

    def committed_put(
        spool: Spool,
        messages: Sequence[tuple[MessageKind, str, bytes, int | None]],
        people: Mapping[str, bytes | None] = {},
    ) -> list[int]:
        ids = put(spool, messages, people)
        names = [name_of(json.loads(body)) for kind, _, body, _ in messages if kind in COMMITTED]
        if names and spool.on_disk:
            _say("committed", *names)
        return ids

    Spool.put = committed_put  # type: ignore[method-assign,assignment]


def _say(*words: object) -> None:
    os.write(1, f"{' '.join(map(str, words))}\n".encode())  # in one piece, whoever else writes


def main() -> None:
    """Fork a run for each line of the input; end with it."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    say_what_is_committed()
    for line in sys.stdin:
        _, port, spool = line.split()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            FaultWorker(int(port), Path(spool)).run()
            os._exit(0)


if __name__ == "__main__":
    main()
