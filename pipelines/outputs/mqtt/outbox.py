"""What is sent of the spool, and when: new messages at once, a backlog slowly, each until acknowledged."""

from __future__ import annotations

import json
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from pricing.news import news
from probes.events.events import ended_by_restart
from probes.events.messages import Message, MessageKind, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipelines.outputs.mqtt.session import Session
    from pipelines.outputs.mqtt.spool import Spool
    from pipelines.outputs.mqtt.spool_db import Entry

logger = logging.getLogger(__name__)

NO_END = 2**62
ENDED_TYPE = f"person.{MessageKind.ENDED.value}"

WINDOW = 16
"""Messages sent and not yet acknowledged; leaves room for state below the broker's usual 20."""
STUCK_S = 15.0
"""Without an acknowledgement for so long the broker is taken for frozen."""
MAX_AGE_NS = 7 * 86_400 * 1_000_000_000
"""No message about a person is kept longer than a week, whatever the broker does."""


class Outbox:
    """Writes messages to the spool and sends them from there. Belongs to one thread.

    A message that could be sent when it was written is live; what an earlier session left is backlog: sent
    after the live ones, not faster than drain_per_s, marked replayed. Readers order by track and seq.
    now_ns: UTC ns. clock: monotonic s. count: called with kind, result and how many.
    """

    def __init__(
        self,
        spool: Spool,
        base: str,
        *,
        now_ns: Callable[[], int],
        clock: Callable[[], float],
        count: Callable[[MessageKind, str, int], None],
        drain_per_s: int,
    ) -> None:
        self._spool = spool
        self._base = base
        self._now_ns = now_ns
        self._clock = clock
        self._count = count
        self._drain_per_s = drain_per_s
        self._session: Session | None = None
        self._in_flight: dict[int, Entry] = {}
        self._awaited: set[int] = set()  # ids that the broker must answer, of other messages too
        self._heard_at = 0.0
        self._done: list[int] = []
        self._arrived: dict[str, int] = {}  # persons of whom the broker has the end, and its seq
        self._urgent: deque[Entry] = deque()
        self._urgent_after = 0
        self._live_after = 0
        self._backlog_after = 0
        self._backlog_end = 0
        self._drained_at = 0.0
        self._warned = False

    @property
    def draining(self) -> bool:
        """Whether a session is up and backlog remains."""
        return self._session is not None and self._backlog_after < self._backlog_end

    @property
    def in_flight(self) -> int:
        """How many messages are sent and not yet acknowledged."""
        return len(self._in_flight)

    def begin(self, session: Session) -> None:
        """Send over this session; all that waits by now is backlog."""
        self.write([])
        self._session = session
        self._warned = False
        self._in_flight.clear()
        self._awaited.clear()
        self._live_after = self._backlog_end = self._spool.last_id
        self._backlog_after = 0
        self._drained_at = self._heard_at = self._clock()
        self._urgent.clear()
        self._urgent_after = 0

    def end_people(self, getrandbits: Callable[[int], int]) -> int:
        """Write the ends that an earlier run, which was killed, left out; return how many. Before `begin`."""
        waiting: dict[str, int] = {}  # the newest end of each that the spool has
        for entry in self._spool.pending(kind=MessageKind.ENDED, limit=NO_END):
            if (end := _key_and_seq(entry.payload)) is not None:
                waiting[end[0]] = max(end[1], waiting.get(end[0], 0))
        here, noted = self._spool.people(), self._spool.noted()
        messages = []
        damaged: dict[str, None] = {}
        for key in {**here, **noted}:
            try:
                last = max(filter(None, (_event(noted.get(key)), _event(here.get(key)))), key=_age)
                if (own := _key(last)) != key:  # a damaged key: no end would ever clear it
                    damaged[key] = None
                    if own in here or own in noted:
                        continue
                if own is not None and waiting.get(own, -1) >= last["seq"]:
                    continue
                if last["type"] != ENDED_TYPE:
                    messages.append(ended_by_restart(last, getrandbits))
                else:  # the spool has lost it
                    messages.append(Message(MessageKind.ENDED, f"camera/{last['camera']}/person", last))
            except (ValueError, KeyError, TypeError):
                logger.warning("a person of an earlier run cannot be ended: the last event is damaged")
                damaged[key] = None
        self.write(messages)
        if damaged:
            self._spool.put([], damaged)
            self._spool.note(damaged)
        return len(messages)

    def end(self) -> None:
        """Note that the session is gone; what was not acknowledged will be sent again."""
        self._session = None
        self._in_flight.clear()
        self._awaited.clear()

    def write(self, messages: Sequence[Message]) -> None:
        """Write messages, delete acknowledged ones and drop what has expired."""
        if self._done:
            self._spool.delete(self._done)
            self._done.clear()
        latest, rows = self._now_ns() + MAX_AGE_NS, []
        people: dict[str, bytes | None] = {}
        last: dict[str, bytes | None] = dict.fromkeys(self._arrived_for_good())
        for m in messages:
            try:
                body = json.dumps(m.payload, separators=(",", ":"), ensure_ascii=False).encode()
            except (TypeError, ValueError):
                logger.exception("a message for %s is not JSON", m.topic)
                self._count(m.kind, "rejected", 1)
                continue
            rows.append(
                (m.kind, m.topic, body, latest if m.expires_at is None else min(m.expires_at, latest))
            )
            if (person := _person(m)) is not None:
                people[person] = None if m.kind is MessageKind.ENDED else body
                last[person] = body
            if self._session is None:
                self._count(m.kind, "spooled", 1)
        self._spool.put(rows, people)
        self._spool.note(last)

    def _arrived_for_good(self) -> list[str]:
        """Take the persons whose end has arrived; not those who have shown again since it was written."""
        if not self._arrived:
            return []
        noted = self._spool.noted()
        last = {key: _key_and_seq(noted[key]) for key in self._arrived if key in noted}
        gone = [key for key, event in last.items() if event is None or event[1] <= self._arrived[key]]
        self._arrived.clear()
        return gone

    def acked(self, mid: int, *, good: bool) -> bool:
        """Note the broker's answer to a message; False where the id is not of one of these."""
        if mid in self._awaited:
            self._awaited.discard(mid)
            self._heard_at = self._clock()
            if self._session is not None:
                self._session.was_answered = True
        if (entry := self._in_flight.pop(mid, None)) is None:
            return False
        self._finish(entry, "acked" if good else "rejected")
        return True

    def await_answer(self, mid: int, qos: int) -> None:
        """Note a message, the spool's or another, that was just sent: the broker must answer it.

        Not one meant for QoS 0: that it is written is no answer. qos: as wanted, not as lowered for a broker
        that takes QoS 0 only; that one never answers, so what is written must do.
        """
        if qos == 0:
            return
        if not self._awaited:  # else a slow disk before it would count against the broker
            self._heard_at = self._clock()
        self._awaited.add(mid)

    def check_answers(self) -> None:
        """Cut a session in which nothing was acknowledged for STUCK_S; one that is only slow goes on."""
        now = self._clock()
        if self._session is None or not self._awaited:
            self._heard_at = now
        elif now - self._heard_at > STUCK_S:
            self._heard_at = now
            self._session.abort("it acknowledges nothing")

    def send(self) -> None:
        """Send what may be sent now."""
        if self._session is None:
            return
        for entry in self._spool.pending(after=self._live_after, limit=self._room()) if self._room() else ():
            if not self._publish(entry, replayed=False):
                return
            self._live_after = entry.id
        while self._room() and (urgent := self._next_urgent()) is not None:
            if not self._publish(urgent, replayed=True):
                return
        self._drain()

    def _next_urgent(self) -> Entry | None:
        """Return the next notification of the backlog; they go before all else of it, however many wait."""
        if not self._urgent and self._urgent_after < self._backlog_end:
            found = self._spool.pending(
                after=self._urgent_after, before=self._backlog_end + 1, kind=MessageKind.NOTIFY
            )
            self._urgent.extend(found)
            self._urgent_after = found[-1].id if found else self._backlog_end
        return self._urgent.popleft() if self._urgent else None

    def _room(self) -> int:
        return max(0, WINDOW - len(self._in_flight))

    def _drain(self) -> None:
        now = self._clock()
        allowed = min(self._room(), int((now - self._drained_at) * self._drain_per_s))
        if not self.draining or not allowed:
            return
        self._drained_at = now
        entries = self._spool.pending(after=self._backlog_after, before=self._backlog_end + 1, limit=allowed)
        for entry in entries:
            if entry.kind is not MessageKind.NOTIFY and not self._publish(entry, replayed=True):
                return
            self._backlog_after = entry.id
        if not entries:
            self._backlog_after = self._backlog_end

    def _publish(self, entry: Entry, *, replayed: bool) -> bool:
        """Send one; False where the session is broken."""
        now = self._now_ns()
        if self._session is None:
            return False
        if self._spool.is_over(entry):
            return True  # the next `write` drops and counts it
        try:
            payload: Mapping[str, Any] = json.loads(entry.payload)
            stamped = {**payload, "sent_at": rfc3339(now), "replayed": replayed}
        except (ValueError, TypeError):  # the disk has changed it, which SQLite does not notice
            logger.warning("a message for %s is damaged: it is left out", entry.topic)
            self._finish(entry, "rejected")
            return True
        body = json.dumps(stamped, separators=(",", ":"), ensure_ascii=False).encode()
        topic = self._base + entry.topic
        if not self._session.takes(topic, body):
            self._finish(entry, "rejected")
            return True
        expiry_s = None
        if entry.kind is MessageKind.NOTIFY and entry.expires_at is not None:
            expiry_s = (entry.expires_at - now) // 1_000_000_000
        mid = self._session.publish(topic, body, entry.qos, expiry_s=expiry_s)
        if mid is None:
            return False
        self._in_flight[mid] = entry
        self.await_answer(mid, entry.qos)
        return True

    def _finish(self, entry: Entry, result: str) -> None:
        self._done.append(entry.id)
        if entry.kind is MessageKind.ENDED and (end := _key_and_seq(entry.payload)) is not None:
            self._arrived[end[0]] = max(end[1], self._arrived.get(end[0], 0))
        self._count(entry.kind, result, 1)
        if result == "rejected" and not self._warned:
            self._warned = True
            kind = entry.kind.value
            extra = news("messages_refused", kind=kind)
            logger.warning("the MQTT broker refuses messages of kind %s", kind, extra=extra)


def _person(message: Message) -> str | None:
    """Return whose life a message is about; None where it is about none."""
    return None if message.kind is MessageKind.NOTIFY else _key(message.payload)


def _key(payload: Mapping[str, Any]) -> str | None:
    camera, track = payload.get("camera"), payload.get("track")
    return f"{camera}/{track['id']}" if camera and track else None


def _key_and_seq(body: bytes) -> tuple[str, int] | None:
    """Return whose event it is and its `seq`; None where it is none."""
    try:
        event = json.loads(body)
        key = _key(event)
        return None if key is None else (key, int(event["seq"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _event(body: bytes | None) -> dict[str, Any] | None:
    return None if body is None else dict(json.loads(body))


def _age(event: Mapping[str, Any]) -> tuple[int, bool]:
    """Order the events of one track: by `seq`, as readers do; it may show again after an end."""
    return event["seq"], event["type"] == ENDED_TYPE
