"""Events and state to the MQTT broker, through the spool: written first, deleted on acknowledgement."""

from __future__ import annotations

import json
import logging
import threading
import time
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from pipelines.outputs.mqtt.broker import BrokerState
from pipelines.outputs.mqtt.commands import Commands
from pipelines.outputs.mqtt.connection import BrokerConnection
from pipelines.outputs.mqtt.former_name import (
    FORMER,
    forget_former_base,
    is_former_availability,
    machine,
    whole,
)
from pipelines.outputs.mqtt.outbox import Outbox
from pipelines.outputs.mqtt.outgoing_queue import OutgoingQueue
from pipelines.outputs.mqtt.retained import Retained
from pipelines.outputs.mqtt.session import Callbacks
from pipelines.outputs.mqtt.spool import Spool
from pricing.news import news
from probes.events.messages import MessageKind
from probes.events.status import AVAILABILITY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pipelines.outputs.mqtt.broker import MqttSpec
    from pipelines.outputs.mqtt.commands import Handler
    from pipelines.outputs.mqtt.session import Session
    from probes.events.messages import Message
    from probes.metrics import Metrics
    from probes.redaction.masked_by import MaskedBy

logger = logging.getLogger(__name__)

QUEUE = 4096
COMMIT_PAUSE_S = 0.05
"""Rest after a commit, so that a burst costs few flushes of the disk; an end or a notification ends it."""
IDLE_S = 1.0

_SAY = {
    BrokerState.ONLINE: "connected",
    BrokerState.UNREACHABLE: "no connection, messages wait in the spool",
    BrokerState.AUTH_FAILED: "the broker refuses user name or password, the next attempt waits",
    BrokerState.TLS_FAILED: "a certificate, the broker's or ours, is not accepted, the next attempt waits",
    BrokerState.REFUSED: "the broker refuses the connection",
    BrokerState.TAKEN_OVER: "another program uses the same store and device name, the next attempt waits",
}


class MqttPublisher:
    """The product's voice on MQTT below `msh/v1/{store}/{device}/`.

    `send` and `set_state` never block and never raise; all work is done by threads of its own. What cannot
    be sent now waits in the file `spool`, of at most spool_bytes, and goes out later marked replayed.

    initial: retained topics with the empty state of all configured cameras; topics that an earlier run
    left at the broker and that are not among them are cleared, those of a former name or prefix too.
    random: 0 to 1. now_ns: UTC ns without steps; `clock_set` reports steps. expiry_ns: as for `Spool`.
    on_link: called by the worker when the connection's state changes. store_file: as for `take_over`.
    Raises BadInput at construction where the TLS files cannot be used.
    """

    def __init__(
        self,
        spec: MqttSpec,
        store: str,
        device: str,
        *,
        spool: Path,
        spool_bytes: int,
        initial: Mapping[str, Mapping[str, Any]],
        metrics: Metrics,
        now_ns: Callable[[], int],
        random: Callable[[], float],
        expiry_ns: Callable[[], int] | None = None,
        on_link: Callable[[BrokerState], None] | None = None,
        store_file: str | None = None,
        drain_per_s: int = 100,
    ) -> None:
        self._spec, self._store_file = spec, store_file
        self._base = f"{spec.topic_prefix}/{store}/{device}/"
        self._metrics = metrics
        self._on_link = on_link
        self._queue = OutgoingQueue(QUEUE, lambda kind: self._count(kind, "dropped"))
        metrics.queue_depth.labels("mqtt").set_function(lambda: len(self._queue))
        self._steady_now_ns, self._correction = now_ns, 0
        now_ns = self._now_ns
        self._commands = Commands(
            now_ns, on_refusal=lambda reason: metrics.mqtt_commands_refused.labels(reason).inc()
        )
        self._retained = Retained(initial)
        self._spool = Spool(spool, spool_bytes, now_ns, self._count, expiry_ns)
        self._outbox = Outbox(
            self._spool,
            self._base,
            now_ns=now_ns,
            clock=time.monotonic,
            count=self._count,
            drain_per_s=drain_per_s,
        )
        soon = self._queue.call_soon
        callbacks = Callbacks(
            up=lambda session: soon(lambda: self._begin(session)),
            down=lambda session: soon(lambda: self._end(session)),
            ack=lambda session, mid, good: soon(lambda: self._acked(session, mid, good=good)),
            message=self._command,
            state=lambda state, detail: soon(lambda: self._log_state(state, detail)),
        )
        will = self._base + AVAILABILITY
        self._link = BrokerConnection(
            spec, f"{store}-{device}", will, self._subscriptions, callbacks, random=random
        )
        self._worker = threading.Thread(target=self._work, name="mqtt-writer", daemon=True)
        self._stopping = threading.Event()
        self._deadline = 0.0
        self._offline_sent = threading.Event()
        self.state = BrokerState.STOPPED
        self._session: Session | None = None  # this and the rest: the worker's alone
        self._announce = False
        self._others: dict[int, tuple[MessageKind, str]] = {}
        self._topics: set[str] = set()
        self._too_large: set[str] = set()  # that were told of
        self._denied: set[str] = set()
        self._said = BrokerState.STOPPED
        self._picture_lock = threading.Lock()
        self._pictures: dict[str, tuple[bytes, MaskedBy]] = {}
        self.on_command("ping", lambda _: "pong")
        self.on_command("refresh", self._refresh)

    def start(self) -> None:
        """Start to connect and to send; to be called once."""
        self._worker.start()
        self._link.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Send or keep on disk all that waits, say `offline`, disconnect; takes timeout_s at most, about."""
        self._deadline = time.monotonic() + timeout_s
        self._stopping.set()
        self._queue.wake()
        if self._worker.is_alive():
            self._offline_sent.wait(timeout_s)
        self._link.stop(max(0.5, self._deadline - time.monotonic()))
        if self._worker.is_alive():
            self._worker.join(max(0.5, self._deadline - time.monotonic()))

    def send(self, message: Message) -> bool:
        """Take an event or a notification; False, and counted, where it had to be dropped."""
        if self._stopping.is_set():
            self._count(message.kind, "dropped")
            return False
        return self._queue.put(message)

    def set_state(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Set a retained topic, named below the device's; only the newest value is ever sent.

        A name that begins with `//` is one of the broker's own, whole.
        """
        self._retained.set(topic, payload)
        self._queue.wake()

    def clear_state(self, topic: str) -> None:
        """Take a retained topic away, at the broker too."""
        self._retained.clear(topic)
        self._queue.wake()

    def send_picture(self, topic: str, jpeg: bytes, masked_by: MaskedBy) -> None:
        """Send a picture, not retained, as soon as it can be; a newer one takes its place. Never waits.

        Without a connection it is dropped: nobody wants to see it later. So it is where masks have changed.
        """
        with self._picture_lock:
            if self._pictures.pop(topic, None) is not None:
                self._count(MessageKind.PICTURE, "dropped")
            self._pictures[topic] = jpeg, masked_by
        self._queue.wake()

    def on_command(self, name: str, handler: Handler) -> None:
        """Answer `command/{name}`: handler takes the command's JSON object and returns a short text."""
        self._commands.add(name, handler)

    def clock_set(self, step: int) -> None:
        """Take it that the machine's clock was set by so many ns: correct the times of all that waits.

        To be called before anything is set or sent that has the new time: from `StoreClock.check`.
        """
        self._retained.shift(step)

        def correct() -> None:
            self._correction += step
            self._spool.shift(step)

        self._queue.clock_set(step, correct)

    def _now_ns(self) -> int:
        """Return UTC ns; it is corrected together with the times in the spool, in the worker."""
        return self._steady_now_ns() + self._correction

    def _count(self, kind: MessageKind, result: str, count: int = 1) -> None:
        self._metrics.mqtt_messages.labels(kind.value, result).inc(count)

    def _subscriptions(self, wildcards: bool) -> list[str]:
        return [f"{self._base}command/{name}" for name in (["+"] if wildcards else self._commands.names)]

    def _command(self, topic: str, payload: bytes, retained: bool) -> None:
        if is_former_availability(former := FORMER + topic):
            self._queue.call_soon(lambda: self._clear_former(former, payload))
            return
        self._commands.accept(topic.rpartition("/")[2], payload, retained=retained)
        self._queue.wake()

    def _clear_former(self, availability: str, payload: bytes) -> None:
        """Take away what was left under a former name, unless another box has it: of a copied disk."""
        if payload == b"offline" and availability in self._topics:
            base = availability.removesuffix(AVAILABILITY)
            self._retained.clear_others(topic for topic in self._topics if topic.startswith(base))

    def _work(self) -> None:
        self._spool.open()
        if ended := self._outbox.end_people(SystemRandom().getrandbits):
            logger.info("%d persons of an earlier run that was killed are reported as ended", ended)
        forget_former_base(self._spool, self._base, self._retained.topics)
        self._spool.set_user(self._store_file, machine())
        self._topics = self._spool.topics()
        self._retained.clear_others(topic for topic in self._topics if not topic.startswith(FORMER))
        while not self._stopping.is_set():
            try:
                self._cycle(0.02 if self._outbox.draining else IDLE_S)
            except Exception:
                logger.exception("MQTT writer: unexpected error; it continues")
                self._stopping.wait(IDLE_S)
        try:
            self._cycle(0)
            self._publish_offline()
        finally:
            self._offline_sent.set()
            self._spool.close()
            self._metrics.mqtt_connected.set(0)
            self._log_state(BrokerState.STOPPED)

    def _cycle(self, timeout_s: float) -> None:
        notes, messages = self._queue.take(timeout_s)
        for note in notes:
            note()
        self._outbox.check_answers()
        self._outbox.write(messages)
        self._publish_state()
        self._answer_commands()
        self._outbox.send()
        self._publish_pictures()
        self._metrics.mqtt_spool_messages.set(self._spool.messages)
        self._metrics.mqtt_spool_bytes.set(self._spool.size_bytes)
        if messages:
            self._queue.rest(COMMIT_PAUSE_S)

    def _publish_offline(self) -> None:
        """Wait for the last acknowledgements, then for that of `offline`."""
        while self._session and self._outbox.in_flight and time.monotonic() < self._deadline - 1:
            self._cycle(0.05)
        if self._session is None:
            return
        self._publish(AVAILABILITY, b"offline", 1, MessageKind.STATE, retain=True)
        while self._session and AVAILABILITY in self._awaited() and time.monotonic() < self._deadline:
            self._cycle(0.05)

    def _awaited(self) -> set[str]:
        return {topic for _, topic in self._others.values()}

    def _begin(self, session: Session) -> None:
        self._session, self._announce = session, True
        self._others.clear()
        self._retained.again()
        self._outbox.begin(session)
        if asked := [whole(topic, "") for topic in self._topics if is_former_availability(topic)]:
            session.ask(asked)

    def _end(self, session: Session) -> None:
        if session is self._session:
            self._session = None
            self._outbox.end()
            self._metrics.mqtt_connected.set(0)

    def _acked(self, session: Session, mid: int, *, good: bool) -> None:
        if session is not self._session or self._outbox.acked(mid, good=good):
            return
        kind, topic = self._others.pop(mid, (MessageKind.STATE, ""))
        self._count(kind, "acked" if good else "rejected")
        if topic == AVAILABILITY and not self._stopping.is_set():  # only now is it sure to answer
            self._metrics.mqtt_connected.set(1)
            self._log_state(BrokerState.ONLINE)
        if good:
            self._forget(topic)
        elif not topic.startswith(FORMER):
            self._tell_denied(kind, whole(topic, self._base))

    def _tell_denied(self, kind: MessageKind, topic: str) -> None:
        """Log once for each first part of a topic, as of which rights are given, mostly."""
        if (first := topic.partition("/")[0]) not in self._denied:
            self._denied.add(first)
            extra = news("messages_refused", kind=kind.value)
            logger.warning("the MQTT broker refuses a message to %s", topic, extra=extra)

    def _forget(self, topic: str) -> None:
        """Forget a topic that is cleared; one that came and went without a broker was never listed."""
        if self._retained.forget(topic) and topic in self._topics:
            self._topics.discard(topic)
            self._spool.set_topic(topic, listed=False)

    def _log_state(self, state: BrokerState, detail: str = "") -> None:
        """Log a state when it differs from the last logged one."""
        self.state = state
        if self._on_link is not None:
            self._on_link(state)
        if state in _SAY and state is not self._said:
            self._said = state
            level = logging.INFO if state is BrokerState.ONLINE else logging.WARNING
            host, port = self._spec.host, self._spec.port
            logger.log(level, "mqtt %s:%d: %s%s", host, port, _SAY[state], f" ({detail})" if detail else "")

    def _publish_state(self) -> None:
        """Publish what changed; after the first round of a session, `online`."""
        if self._session is None:
            return
        for topic, payload, qos in self._retained.take():
            if payload is not None and topic not in self._topics:
                self._topics.add(topic)
                self._spool.set_topic(topic, listed=True)
            if topic.startswith(FORMER):
                # One try: a broker may end the session of who writes under that name.
                self._forget(topic)
            body = b"" if payload is None else json.dumps(payload, separators=(",", ":")).encode()
            self._publish(topic, body, qos, MessageKind.STATE, retain=True)
        if self._announce:
            self._announce = False
            self._publish(AVAILABILITY, b"online", 1, MessageKind.STATE, retain=True)

    def _publish_pictures(self) -> None:
        with self._picture_lock:
            pictures, self._pictures = self._pictures, {}
        for topic, (jpeg, masked_by) in pictures.items():
            takes = self._session is not None and self._session.takes(self._base + topic, jpeg)
            if takes and masked_by.in_force:
                self._publish(topic, jpeg, 0, MessageKind.PICTURE)
            else:
                self._count(MessageKind.PICTURE, "dropped")

    def _answer_commands(self) -> None:
        for name, result in self._commands.answers():
            body = json.dumps(result, separators=(",", ":")).encode()
            self._publish(f"command/{name}/result", body, 1, MessageKind.RESULT)

    def _publish(self, topic: str, body: bytes, qos: int, kind: MessageKind, *, retain: bool = False) -> None:
        if self._session is not None:
            full = whole(topic, self._base)
            if not self._session.takes(full, body):
                self._count(kind, "rejected")
                if topic in self._too_large:
                    return
                self._too_large.add(topic)
                logger.warning("the MQTT broker takes no message as large as %s (%d bytes)", topic, len(body))
                return
            mid = self._session.publish(full, body, qos, retain=retain)
            if mid is not None:
                self._others[mid] = (kind, topic)
                self._outbox.await_answer(mid, qos)

    def _refresh(self, _: Mapping[str, Any]) -> str:
        self._retained.again()
        self._queue.wake()
        return "state is published again"
