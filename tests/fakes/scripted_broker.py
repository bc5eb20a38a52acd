"""An MQTT 5 broker on a socket that can do less than the standard, and hangs up on whoever asks for more."""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from tests.fakes.tcp_server import tcp_server

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from typing import BinaryIO

CONNECT, PUBLISH, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 8, 12, 14
RECEIVE_MAXIMUM, MAXIMUM_PACKET_SIZE, WILDCARDS, SERVER_REFERENCE, REASON_STRING = (
    0x21,
    0x27,
    0x28,
    0x1C,
    0x1F,
)
HOLD_S = 0.05
"""Before a message is acknowledged, so that more than one may be in flight."""


class Rules(NamedTuple):
    """What the broker does. announced: properties of its answer to a connection, or to its refusal.

    wildcards: "taken", "refused" in the answer to a subscription, or "cut". refusal: reason of the answer to
    a connection. denied: reason of the answer to every subscription.
    """

    announced: bytes = b""
    refusal: int = 0
    in_flight: int = 65_535
    max_bytes: int = 2**28
    wildcards: str = "taken"
    denied: int = 0


def number(kind: int, value: int, form: str) -> bytes:
    """Return a property that is a number; form: as for struct."""
    return bytes([kind]) + struct.pack(f">{form}", value)


def text(kind: int, value: str) -> bytes:
    """Return a property that is a text."""
    return bytes([kind]) + struct.pack(">H", len(value.encode())) + value.encode()


class ScriptedBroker:
    """Notes what clients subscribe to and publish, and the reasons for which it hung up on them."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.subscribed: list[str] = []
        self.published: list[str] = []
        self.hung_up: list[int] = []
        self.port = 0

    def talk(self, client: socket.socket) -> None:
        """Serve one client until it goes or must go."""
        waiting: list[bytes] = []
        lock = threading.Lock()
        with client.makefile("rb") as stream, contextlib.suppress(OSError):
            while (packet := _packet(stream)) is not None:
                reason = self._answer(client, packet, waiting, lock)
                if reason is not None:
                    if reason:
                        self.hung_up.append(reason)
                        with lock:
                            client.sendall(bytes([DISCONNECT << 4, 2, reason, 0]))
                    return

    def _answer(
        self, client: socket.socket, packet: bytes, waiting: list[bytes], lock: threading.Lock
    ) -> int | None:
        """Answer a packet; return why to hang up, 0 without a word, None to go on."""
        rules, kind = self.rules, packet[0] >> 4
        body = packet[1 + _length_bytes(packet) :]
        if len(packet) > rules.max_bytes:
            return 149
        if kind == CONNECT:
            told = bytes([0, rules.refusal, len(rules.announced)]) + rules.announced
            client.sendall(bytes([0x20, len(told)]) + told)
            return 0 if rules.refusal else None
        if kind == SUBSCRIBE:
            return self._subscribe(client, body, lock)
        if kind == PUBLISH:
            return self._publish(client, packet[0], body, waiting, lock)
        if kind == PINGREQ:
            client.sendall(b"\xd0\x00")
        return 0 if kind == DISCONNECT else None

    def _subscribe(self, client: socket.socket, body: bytes, lock: threading.Lock) -> int | None:
        at, reasons = 3 + body[2], b""
        while at < len(body):
            end = at + 2 + struct.unpack(">H", body[at : at + 2])[0]
            topic = body[at + 2 : end].decode()
            wild = "+" in topic or "#" in topic
            if wild and self.rules.wildcards == "cut":
                return 162
            refused = 162 if wild and self.rules.wildcards == "refused" else self.rules.denied
            if not refused:
                self.subscribed.append(topic)
            reasons, at = reasons + bytes([refused or 1]), end + 1
        with lock:
            client.sendall(bytes([0x90, 3 + len(reasons)]) + body[:2] + b"\x00" + reasons)
        return None

    def _publish(
        self, client: socket.socket, first: int, body: bytes, waiting: list[bytes], lock: threading.Lock
    ) -> int | None:
        end = 2 + struct.unpack(">H", body[:2])[0]
        self.published.append(body[2:end].decode())
        if not first & 0x06:
            return None
        mid = body[end : end + 2]
        waiting.append(mid)
        if len(waiting) > self.rules.in_flight:
            return 147

        def acknowledge() -> None:
            time.sleep(HOLD_S)
            with lock, contextlib.suppress(OSError):
                waiting.remove(mid)
                client.sendall(b"\x40\x02" + mid)

        threading.Thread(target=acknowledge, daemon=True).start()
        return None


@contextlib.contextmanager
def scripted_broker(rules: Rules) -> Iterator[ScriptedBroker]:
    """Run a broker; yield it with its port set."""
    broker = ScriptedBroker(rules)
    with tcp_server(broker.talk) as broker.port:
        yield broker


def _length_bytes(packet: bytes) -> int:
    return next(count for count in range(1, 5) if packet[count] < 128)


def _packet(stream: BinaryIO) -> bytes | None:
    packet, length = stream.read(1), 0
    if not packet:
        return None
    for shift in (0, 7, 14, 21):
        if not (digit := stream.read(1)):
            return None
        packet, length = packet + digit, length | (digit[0] & 127) << shift
        if digit[0] < 128:
            break
    return packet + stream.read(length)
