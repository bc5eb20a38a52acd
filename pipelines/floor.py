"""The people in the shop now: what their frames, looks and zones mean for price, message and metric.

Both platforms feed it frames' metadata; it holds no pixel.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from probes.events import EndReason
from probes.frame import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pricing.value import Item, PersonValue
    from probes.answers import LookAnswer
    from probes.events import PersonEvents
    from probes.frame import Frame, TrackId
    from probes.measure import Metrics
    from probes.messages import Message
    from probes.notify import Notifier
    from probes.price import PriceProbe
    from probes.status import Summaries
    from probes.zones import Zones, ZoneVisit


class Publisher(Protocol):
    """Where messages go. Neither method ever waits."""

    def send(self, message: Message) -> bool:
        """Take a message that must arrive; False where it had to be dropped."""

    def set_state(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Take the newest content of a retained topic."""


class Nowhere:
    """A Publisher for a store without a broker."""

    def send(self, message: Message) -> bool:
        """Let the message go."""
        return True

    def set_state(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Let the state go."""


@dataclass(slots=True)
class Tally:
    """What one camera has seen since the start: ended and present persons, their items, their totals."""

    persons: int = 0
    items: int = 0
    total_minor: int = 0

    def add(self, value: PersonValue) -> None:
        """Count one more person."""
        self.persons += 1
        self.items += len(value.items)
        self.total_minor += value.total.amount_minor


class Floor:
    """One per device; used by one thread."""

    def __init__(
        self,
        *,
        prices: PriceProbe,
        zones: Mapping[str, Zones],
        events: PersonEvents,
        notifier: Notifier,
        summaries: Summaries,
        publisher: Publisher,
        metrics: Metrics,
        minor_per_unit: int,
    ) -> None:
        self._prices, self._zones = prices, zones
        self._events, self._notifier, self._summaries = events, notifier, summaries
        self._publisher, self._metrics = publisher, metrics
        self._minor_per_unit = minor_per_unit
        self._present: dict[TrackId, PersonValue] = {}
        self._tallies = {camera: Tally() for camera in zones}

    def update(
        self, frame: Frame, answers: Iterable[LookAnswer] = (), ended: Sequence[TrackId] = ()
    ) -> dict[TrackId, PersonValue]:
        """Take a frame, new answers to looks, and tracks that ended; return the frame's persons' values."""
        values = self._prices.update(frame, answers)
        self._count_items(values)
        self._present |= values
        visits = self._zones[frame.camera].update(frame)
        self._send(self._events.observe(frame, self._present, visits))
        shown = [person.track for person in frame.of(Kind.PERSON) if person.track is not None]
        self._send(self._notifier.weigh(frame.captured_at, shown, values, visits))
        self.leave(frame.camera, ended, frame.captured_at, EndReason.LOST)
        here = [track for track in self._present if track.camera == frame.camera]
        self._state(frame.camera, frame.captured_at, here, visits)
        self._metrics.tracks_active.labels(frame.camera).set(len(here))
        for kind, count in Counter(detection.kind for detection in frame.detections).items():
            self._metrics.detections.labels(frame.camera, kind.value).inc(count)
        return values

    def leave(self, camera: str, tracks: Iterable[TrackId], at: int, reason: EndReason) -> None:
        """End tracks of a camera: last event, final value into the metrics, everything else forgotten."""
        for track in tracks:
            self._present.pop(track, None)
            value = self._prices.end(track)
            self._tallies[camera].add(value)
            self._send(self._events.end(track, at, value, reason))
            self._metrics.tracks.labels(camera, reason.value).inc()
            self._metrics.person_value.labels(camera).observe(value.total.amount_minor / self._minor_per_unit)
            for visit in self._zones[camera].forget(track):
                self._metrics.dwell.labels(camera, visit.zone).observe(visit.dwell_ms / 1000)

    def quiet(self, camera: str, at: int, ended: Sequence[TrackId]) -> None:
        """Let time pass for a camera that gives no frames."""
        self.leave(camera, ended, at, EndReason.CAMERA_LOST)
        here = [track for track in self._present if track.camera == camera]
        self._state(camera, at, here, {})
        self._metrics.tracks_active.labels(camera).set(len(here))

    def close(self, at: int) -> None:
        """End everyone, as the program does."""
        for track in list(self._present):
            self.leave(track.camera, [track], at, EndReason.SHUTDOWN)

    def tally(self, camera: str) -> Tally:
        """Return what the camera has seen, those now present included."""
        past = self._tallies[camera]
        found = Tally(past.persons, past.items, past.total_minor)
        for track, value in self._present.items():
            if track.camera == camera:
                found.add(value)
        return found

    def _count_items(self, values: Mapping[TrackId, PersonValue]) -> None:
        for track, value in values.items():
            before = self._present.get(track)
            known = {_key(item) for item in before.items} if before else set()
            for item in value.items:
                if _key(item) not in known:
                    self._metrics.items_confirmed.labels(track.camera, item.type).inc()
                    self._metrics.price_lookups.labels(_lookup_result(item)).inc()

    def _state(
        self, camera: str, at: int, tracks: Sequence[TrackId], visits: Mapping[TrackId, Sequence[ZoneVisit]]
    ) -> None:
        changed = self._summaries.update(camera, at, tracks, self._present, visits)
        for topic, payload in changed.items():
            self._publisher.set_state(topic, payload)

    def _send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._publisher.send(message)


def _key(item: Item) -> tuple[str, str, str | None]:
    return item.slot, item.type, item.brand


def _lookup_result(item: Item) -> str:
    if item.price is None:
        return "miss"
    return "stale" if item.price.stale else "hit"
