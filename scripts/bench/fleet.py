"""The event streams of a fleet of boxes on a busy Saturday, against a real broker on this machine.

Each box has a connection of its own and makes its messages with the product's own code: persons who come, are
recognised and leave, and the cameras' retained summaries.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from pipelines.errors import BadInput
from pricing.value import Item, PersonValue, Price, Total
from probes.events.events import PersonEvents
from probes.events.status import camera_summary
from probes.frame import Box, Detection, Frame, Kind, TrackId
from scripts.bench.broker import start_broker
from scripts.bench.cameras import free_port
from scripts.demo.children import Children, StartFailed
from scripts.demo.settings import HOST
from scripts.work_folder import work_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CAMERAS: Final = 4
STAY_S: Final = 45.0
"""Mean time that a person is in view of one camera."""
CHANGE_S: Final = 8.0
"""Mean time between changes of what is known of a person: an item, a price, a zone."""
LOOK_S: Final = 1.0
"""How often a box's floor is looked at; `updated` is sent at most once a second anyway."""
DESCRIPTORS_SPARE: Final = 200
NOTHING: Final = PersonValue((), Total(0, 0, 0, "EUR", 0, 0))


@dataclass(frozen=True, slots=True)
class FleetLoad:
    """What a fleet of so many boxes meant for the broker. cpu_percent: of one core; memory in bytes.

    slowed: whether this machine was too busy to make all the messages in time.
    """

    boxes: int
    messages_per_s: float
    bytes_per_s: float
    broker_cpu_percent: float
    broker_memory_bytes: int
    delivered_per_s: float
    slowed: bool = False


class SimulatedBox:
    """One shop: persons come at a rate, stay a while, and are recognised bit by bit. now: UTC ns."""

    def __init__(self, number: int, visitors_per_hour: float, dice: Random) -> None:
        self.base = f"msh/v1/shop-{number:04d}/box/"
        self._dice, self._arrivals_per_s = dice, visitors_per_hour / 3600 * CAMERAS
        bits = dice.getrandbits
        self._events = PersonEvents(f"shop-{number:04d}", "box", "EUR", bits)
        self._here: dict[TrackId, PersonValue] = {}
        self._count, self._session = 0, f"{bits(20):05x}"[-4:]
        self._published: dict[str, tuple[int, int]] = {}

    def look(self, now: int, elapsed_s: float) -> Iterator[tuple[str, bytes, bool]]:
        """Let time pass; yield topic, payload and whether it is retained."""
        dice = self._dice
        gone = [track for track in self._here if dice.random() < elapsed_s / STAY_S]
        for track, value in self._here.items():
            if dice.random() < elapsed_s / CHANGE_S:
                self._here[track] = _more(value, dice)
        if dice.random() < self._arrivals_per_s * elapsed_s:
            self._count += 1
            camera = f"camera-{dice.randrange(CAMERAS)}"
            self._here[TrackId(camera, self._session, self._count)] = NOTHING
        for number in range(CAMERAS):
            yield from self._camera(
                f"camera-{number}", now, [t for t in gone if t.camera == f"camera-{number}"]
            )

    def _camera(self, camera: str, now: int, gone: Sequence[TrackId]) -> Iterator[tuple[str, bytes, bool]]:
        for track in gone:
            del self._here[track]
        here = {track: value for track, value in self._here.items() if track.camera == camera}
        box = Box(400, 150, 150, 400)
        found = tuple(Detection(Kind.PERSON, "person", 0.9, box, track) for track in here)
        frame = Frame(camera, now, (1280, 720), found, frozenset({Kind.PERSON, Kind.FACE}))
        for message in self._events.observe(frame, here, {}, gone):
            yield self.base + message.topic, _json(message.payload), False
        shown = len(here), max((value.total.amount_minor for value in here.values()), default=0)
        if self._published.get(camera) != shown:
            self._published[camera] = shown
            payload = camera_summary(now, *shown, "EUR")
            yield f"{self.base}camera/{camera}/summary", _json(payload), True


def _more(value: PersonValue, dice: Random) -> PersonValue:
    """Return what is known of somebody with an item more, of at most four, or one with another price."""
    slots = ("top", "bag", "shoes", "glasses")
    amount = dice.randrange(4_000, 240_000, 100)
    price = Price(amount, amount * 9 // 10, amount * 11 // 10, "EUR", "catalogue")
    slot = slots[min(len(value.items), dice.randrange(4))]
    others = tuple(item for item in value.items if item.slot != slot)
    items = (*others, Item(slot, "handbag", "burberry", 0.83, 9, price, "black"))
    amounts = [item.price.amount_minor for item in items if item.price]
    total = sum(amounts)
    return PersonValue(items, Total(total, total * 9 // 10, total * 11 // 10, "EUR", len(amounts), 0))


def _json(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()


class BoxLinks:
    """The boxes' connections to the broker, and one of head office that hears all, on a thread of its own."""

    def __init__(self, boxes: Sequence[SimulatedBox], port: int) -> None:
        from paho.mqtt.client import Client, MQTTv5  # noqa: PLC0415  what only this bench needs
        from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

        self.heard = 0
        self._select = selectors.DefaultSelector()
        self._clients = []
        self._office = Client(CallbackAPIVersion.VERSION2, "head-office", protocol=MQTTv5)
        self._office.on_connect = lambda c, *_: c.subscribe("msh/v1/#", qos=0)
        self._office.on_message = self._hear
        self._office.connect(HOST, port, keepalive=600)
        self._office.loop_start()
        for box in boxes:
            client = Client(CallbackAPIVersion.VERSION2, box.base.split("/")[2], protocol=MQTTv5)
            client.max_inflight_messages_set(1000)
            client.connect(HOST, port, keepalive=600)
            if (link := client.socket()) is None:
                raise StartFailed("the broker does not take all connections")
            self._select.register(link, selectors.EVENT_READ, client)
            self._clients.append(client)
            self.serve(0.0)
        until = time.monotonic() + 60
        while not all(client.is_connected() for client in (self._office, *self._clients)):
            self.serve(0.05)
            if time.monotonic() > until:
                raise StartFailed("the broker did not take all connections within 60 s")

    def publish(self, box: int, topic: str, payload: bytes, *, retain: bool) -> None:
        """Publish for a box, counted from 0: retained topics with QoS 0, events with QoS 1."""
        self._clients[box].publish(topic, payload, 0 if retain else 1, retain)

    def serve(self, timeout_s: float) -> None:
        """Read what came, for so long at most."""
        for key, _ in self._select.select(timeout_s):
            key.data.loop_read(100)
        for client in self._clients:
            if client.want_write():
                client.loop_write()

    def close(self) -> None:
        """Disconnect all."""
        self._office.disconnect()
        self._office.loop_stop()
        for client in self._clients:
            client.disconnect()
        self._select.close()

    def _hear(self, *_: object) -> None:
        self.heard += 1


def measure_fleet(boxes: int, seconds: float, visitors_per_hour: float, seed: int) -> FleetLoad:
    """Run a broker and a fleet for so long; return what it took. Raises StartFailed, BadInput."""
    _, max_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    if max_files < boxes + DESCRIPTORS_SPARE:
        raise BadInput(f"{boxes} boxes need as many open files, {max_files} are allowed: ulimit -n")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max_files, max_files))
    with work_folder("fleet") as made, Children() as children:
        port = free_port(18830)
        broker = start_broker(children, Path(made), port)
        shops = [SimulatedBox(n, visitors_per_hour, Random(f"{seed} {n}")) for n in range(boxes)]
        return _run(shops, seconds, broker.pid, port)


def _run(shops: Sequence[SimulatedBox], seconds: float, broker: int, port: int) -> FleetLoad:
    boxes = len(shops)
    now = time.time_ns()
    for _ in range(round(3 * STAY_S)):  # the day is under way
        now += int(LOOK_S * 1e9)
        for shop in shops:
            for _ in shop.look(now, LOOK_S):
                pass
    links = BoxLinks(shops, port)
    try:
        messages = size = 0
        begun, cpu, heard = time.monotonic(), _cpu_s(broker), links.heard
        steps = round(seconds * boxes / LOOK_S)
        for step in range(steps):
            due = begun + step * LOOK_S / boxes  # the boxes are spread over the second
            while (left := due - time.monotonic()) > 0:
                links.serve(min(left, 0.05))
            number = step % boxes
            for topic, payload, retain in shops[number].look(now + int((due - begun) * 1e9), LOOK_S):
                links.publish(number, topic, payload, retain=retain)
                messages, size = messages + 1, size + len(topic) + len(payload)
            if step % 20 == 0:
                links.serve(0)
        links.serve(0.2)
        took = time.monotonic() - begun
        return FleetLoad(
            boxes,
            messages / took,
            size / took,
            100 * (_cpu_s(broker) - cpu) / took,
            _memory(broker),
            (links.heard - heard) / took,
            took > 1.1 * seconds,
        )
    finally:
        links.close()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def as_row(load: FleetLoad) -> dict[str, Any]:
    """Return it for programs."""
    return {k: value if isinstance(value, bool) else round(value, 1) for k, value in asdict(load).items()}
