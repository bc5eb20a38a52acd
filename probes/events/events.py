"""The life of each tracked person as events: `person.started`, `person.updated`, `person.ended`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from pricing.value import PersonValue, Total
from probes.events.messages import Message, MessageKind, Payload, from_rfc3339, rfc3339, same, ulid
from probes.frame import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from pricing.value import Item, Price
    from probes.frame import Box, Frame, TrackId

SCHEMA = "msh.person/1"
UPDATE_EVERY_NS = 1_000_000_000
MAX_ENDED = 1024
"""Ended tracks whose last `seq` is kept."""


class ZoneStay(Protocol):
    """A stay of one person in one zone. entered_at: UTC ns; dwell_ms: time inside so far."""

    @property
    def zone(self) -> str: ...  # noqa: D102
    @property
    def entered_at(self) -> int: ...  # noqa: D102
    @property
    def dwell_ms(self) -> int: ...  # noqa: D102


class EndReason(str, Enum):
    """Why a person's events end. SUSPENDED, CAMERA_LOST: not found again after that befell the camera."""

    LOST = "lost"
    CAMERA_LOST = "camera_lost"
    SUSPENDED = "suspended"
    SHUTDOWN = "shutdown"
    RESTART = "restart"


@dataclass(slots=True)
class _Life:
    """The last known and the last sent state of one track."""

    started_at: int
    box: Payload
    value: PersonValue
    zones: tuple[ZoneStay, ...]
    seq: int = 0
    sent_at: int = 0
    sent: tuple[Any, ...] = ()
    continues: Payload | None = None

    def meaning(self) -> tuple[Any, ...]:
        """Return the part whose change is worth an `updated`: not the box, the votes or the dwell time."""
        items = tuple((i.slot, i.type, i.brand, i.colour, i.price) for i in self.value.items)
        return items, self.value.total, tuple((z.zone, z.entered_at) for z in self.zones), self.continues

    def due(self, at: int) -> bool:
        """Return whether something changed and the last message is a second old (or the clock went far back).

        `at` may be of another camera's frame, and a little before the last message.
        """
        return abs(at - self.sent_at) >= UPDATE_EVERY_NS and self.meaning() != self.sent


class PersonEvents:
    """Turns each frame and its values into events; one per device, called from one thread.

    getrandbits: randomness of the event ids, as `random.SystemRandom().getrandbits`. utc: the UTC ns to tell
    of a time in frames and values.
    """

    def __init__(
        self,
        store: str,
        device: str,
        currency: str,
        getrandbits: Callable[[int], int],
        *,
        utc: Callable[[int], int] = same,
    ) -> None:
        self._utc = utc
        self._store = store
        self._device = device
        self._nothing = PersonValue((), Total(0, 0, 0, currency, 0, 0))
        self._getrandbits = getrandbits
        self._lives: dict[TrackId, _Life] = {}
        self._last_seq: dict[TrackId, int] = {}

    def follow(self, old: TrackId, new: TrackId, certainty: float) -> None:
        """Report `new` as the same person as `old` from now on."""
        if (life := self._lives.get(new)) is not None:
            life.continues = {"id": str(old), "camera": old.camera, "certainty": round(certainty, 3)}

    def part(self, track: TrackId) -> None:
        """Report a track as nobody's that was known before."""
        if (life := self._lives.get(track)) is not None:
            life.continues = None

    def observe(
        self,
        frame: Frame,
        values: Mapping[TrackId, PersonValue],
        zones: Mapping[TrackId, Sequence[ZoneStay]],
        ended: Iterable[TrackId] = (),
        held: Container[TrackId] = (),
    ) -> list[Message]:
        """Take one frame; return the events to send now, each track's in order of `seq`.

        values may be known of tracks that this frame does not show; a track in `ended` ends once. One that
        shows again after that, as where another track was taken for its person's, counts on in `seq`. A
        change within a second of the last message is sent by a later call, whichever camera that frame is of.
        held: tracks that are not seen and have not ended; nothing is told of them until they end or show.
        """
        at, messages = frame.captured_at, []
        for person in frame.of(Kind.PERSON):
            if (track := person.track) is None:
                continue
            box = relative(person.box, frame.size)
            life = self._lives.get(track)
            if life is None:
                life = _Life(at, box, values.get(track, self._nothing), tuple(zones.get(track, ())))
                life.seq = self._last_seq.pop(track, 0)
                self._lives[track] = life
                messages.append(self._message(MessageKind.STARTED, track, life, at))
            life.box = box
        for track, life in self._lives.items():
            life.value = values.get(track, life.value)
            if track.camera == frame.camera and track not in held:
                life.zones = tuple(zones.get(track, ()))
        for track in ended:
            if (life := self._lives.pop(track, None)) is not None:
                messages.append(self._ended(track, life, at, EndReason.LOST))
        messages += [
            self._message(MessageKind.UPDATED, track, life, at)
            for track, life in self._lives.items()
            if track not in held and life.due(at)
        ]
        return messages

    def end(self, track: TrackId, at: int, value: PersonValue, reason: EndReason) -> list[Message]:
        """End one track with its final value; nothing where it never started."""
        if (life := self._lives.pop(track, None)) is None:
            return []
        life.value = value
        return [self._ended(track, life, at, reason)]

    def _ended(self, track: TrackId, life: _Life, at: int, reason: EndReason) -> Message:
        message = self._message(MessageKind.ENDED, track, life, at, reason)
        self._last_seq[track] = life.seq
        if len(self._last_seq) > MAX_ENDED:
            del self._last_seq[next(iter(self._last_seq))]
        return message

    def _message(
        self, kind: MessageKind, track: TrackId, life: _Life, at: int, reason: EndReason | None = None
    ) -> Message:
        life.seq, life.sent_at, life.sent = life.seq + 1, at, life.meaning()
        occurred_at = self._utc(at)
        payload: Payload = {
            "schema": SCHEMA,
            "event_id": ulid(occurred_at, self._getrandbits),
            "type": f"person.{kind.value}",
            "seq": life.seq,
            "occurred_at": rfc3339(occurred_at),
            "sent_at": rfc3339(occurred_at),
            "replayed": False,
            "store": self._store,
            "device": self._device,
            "camera": track.camera,
            "track": {"id": str(track), "started_at": rfc3339(self._utc(life.started_at)), "confirmed": True},
            "zones": [zone_visit(v, self._utc) for v in life.zones],
            "box": life.box,
            "items": [item(i) for i in life.value.items],
            "total": total(life.value.total),
            "privacy": {"faces": "redacted", "image": None},
        }
        if life.continues is not None:
            payload["track"]["continues"] = life.continues
        if reason is not None:
            payload["reason"] = reason.value
        return Message(kind, f"camera/{track.camera}/person", payload)


def ended_by_restart(last: Mapping[str, Any], getrandbits: Callable[[int], int]) -> Message:
    """Return the `ended` event of a person whose last event, `last`, an earlier run of the program sent.

    It has the time of that event. Raises KeyError, TypeError or ValueError where `last` is no event.
    """
    payload: Payload = {
        **last,
        "event_id": ulid(from_rfc3339(last["occurred_at"]), getrandbits),
        "type": f"person.{MessageKind.ENDED.value}",
        "seq": last["seq"] + 1,
        "reason": EndReason.RESTART.value,
    }
    return Message(MessageKind.ENDED, f"camera/{last['camera']}/person", payload)


def relative(box: Box, size: tuple[int, int]) -> Payload:
    """Return the part of the box inside a frame of size (width, height), as fractions of it."""
    width, height = size
    left, right = min(max(box.x / width, 0.0), 1.0), min(max(box.right / width, 0.0), 1.0)
    top, bottom = min(max(box.y / height, 0.0), 1.0), min(max(box.bottom / height, 0.0), 1.0)
    return {
        "x": round(left, 4),
        "y": round(top, 4),
        "w": round(right - left, 4),
        "h": round(bottom - top, 4),
    }


def zone_visit(visit: ZoneStay, utc: Callable[[int], int] = same) -> Payload:
    """Return a stay in a zone as JSON types."""
    return {"id": visit.zone, "entered_at": rfc3339(utc(visit.entered_at)), "dwell_ms": visit.dwell_ms}


def item(worn: Item) -> Payload:
    """Return an item as JSON types; price is null where none is known, `colour` is there only if known."""
    written: Payload = {
        "slot": worn.slot,
        "type": worn.type,
        "brand": worn.brand,
        "confidence": round(worn.confidence, 3),
        "votes": worn.votes,
        "price": None if worn.price is None else price(worn.price),
    }
    return written if worn.colour is None else {**written, "colour": worn.colour}


def price(item_price: Price) -> Payload:
    """Return a price as JSON types; `stale` and `estimate` are there only if true."""
    written: Payload = {
        "amount_minor": item_price.amount_minor,
        "min_minor": item_price.min_minor,
        "max_minor": item_price.max_minor,
        "source": item_price.source,
        "as_of": None if item_price.as_of is None else item_price.as_of.isoformat(),
    }
    marks = {"stale": item_price.stale, "estimate": item_price.estimate}
    return written | {name: True for name, holds in marks.items() if holds}


def total(summed: Total) -> Payload:
    """Return a total as JSON types; `estimated_minor` is there only if a part is estimated."""
    written: Payload = {
        "amount_minor": summed.amount_minor,
        "min_minor": summed.min_minor,
        "max_minor": summed.max_minor,
        "currency": summed.currency,
        "items_priced": summed.items_priced,
        "items_unpriced": summed.items_unpriced,
    }
    return written | ({"estimated_minor": summed.estimated_minor} if summed.estimated_minor else {})
