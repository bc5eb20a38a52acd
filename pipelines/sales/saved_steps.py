"""Steps of the sales desk: each is on disk, with its events, before anybody is told of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pipelines.sales.last_places import LastPlaces
from pipelines.sales.saved_times import from_utc, to_utc
from pipelines.sales.unsent import UnsentEvents
from pricing.sales.types import SaleKind
from probes.events.messages import Message, MessageKind, rfc3339, ulid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelines.floor.publisher import Publisher
    from pipelines.sales.file import SaleFile
    from pipelines.sales.last_places import LastPlace
    from pricing.sales.desk import SalesDesk
    from pricing.sales.types import SaleEvent
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

SCHEMA = "msh.sale/1"


class SavedSteps:
    """Saves the desk and its events, then passes the events to listeners and to the broker.

    The desk goes on where its file says that the run before ended. Events that a crash kept from the broker
    go out again, with the same event_id. origin: the message keys that are the same in each event. now_ns:
    time that never steps, ns; utc: what to tell of it. Callers see to it that one step is saved at a time.
    """

    def __init__(
        self,
        desk: SalesDesk,
        file: SaleFile,
        publisher: Publisher,
        metrics: Metrics,
        *,
        origin: Mapping[str, str],
        now_ns: Callable[[], int],
        utc: Callable[[int], int],
        getrandbits: Callable[[int], int],
    ) -> None:
        self._desk, self._file, self._publisher, self._metrics = desk, file, publisher, metrics
        self._origin, self._now_ns, self._utc, self._getrandbits = origin, now_ns, utc, getrandbits
        self._listeners: list[Callable[[list[SaleEvent]], None]] = []
        self._restore()
        self._saved_offset_ns = self._offset_ns
        self._places = LastPlaces(file)
        dropped = metrics.mqtt_messages.labels(MessageKind.SALE.value, "dropped")
        self._unsent = UnsentEvents(file, self._send, dropped.inc)
        metrics.queue_depth.labels("sales").set_function(lambda: len(self._unsent))
        for kind in SaleKind:
            metrics.sale_events.labels(kind.value)

    def _restore(self) -> None:
        """Go on from the file, or anew where the disk has changed what is in it."""
        try:
            if (saved := self._file.load()) is not None:
                self._desk.restore(from_utc(saved, self._now_ns(), self._utc))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            text = "the offers of the run before are damaged and forgotten (%s)"
            logger.error(text, type(error).__name__)
        self._desk.number_after(self._file.last_number())

    @property
    def places(self) -> Mapping[str, LastPlace]:
        """Where customers were last, by customer, as the file has it."""
        return self._places.stored

    def on_events(self, listener: Callable[[list[SaleEvent]], None]) -> None:
        """Call a listener with each step's events once they are on disk. It must be quick."""
        self._listeners.append(listener)

    def save(
        self,
        events: list[SaleEvent],
        where: Mapping[str, tuple[str, str]],
        places: Mapping[str, LastPlace] | None = None,
    ) -> None:
        """Write a step to disk, then pass its events on. A step that changes nothing there is not written.

        where: camera and track by customer. places: where customers are now; None: as before. After the clock
        was set the next step is written in any case: the file has UTC.
        """
        at, offset_ns = self._now_ns(), self._offset_ns
        if places is not None and not self._places.due(places, at):
            places = None
        if not events and places is None and offset_ns == self._saved_offset_ns:
            return
        rows = [(event.number, self._payload(event, where)) for event in events]
        saved = self._file.save(to_utc(self._desk.snapshot(), lambda at: at + offset_ns), rows, places)
        self._saved_offset_ns = offset_ns if saved else self._saved_offset_ns
        if saved and places is not None:
            self._places.written(places, at)
        if not events:
            return
        self._unsent.add(rows, saved=saved)
        for event in events:
            self._metrics.sale_events.labels(event.kind.value).inc()
            if event.kind is SaleKind.ACCEPTED:
                self._metrics.sale_waited.observe(event.waited_ms / 1000)
        for listener in self._listeners:
            listener(events)
        self.send()

    def send(self) -> None:
        """Send the events that the publisher has room for now."""
        self._unsent.send(self._now_ns())

    @property
    def _offset_ns(self) -> int:
        """By how much UTC is later than the time that never steps."""
        return self._utc(0)

    def _send(self, payload: dict[str, Any]) -> bool:
        if "kind" not in payload:
            logger.warning("a sale event is damaged: it is left out")
            return True
        return self._publisher.send(Message(MessageKind.SALE, f"sale/{payload['kind']}", payload))

    def _payload(self, event: SaleEvent, where: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
        at = self._utc(event.at)
        camera, track = where.get(event.customer or "", (None, None))
        return {
            "schema": SCHEMA,
            "event_id": ulid(at, self._getrandbits),
            "number": event.number,
            "kind": event.kind.value,
            "occurred_at": rfc3339(at),
            "sent_at": rfc3339(at),
            "replayed": False,
            **self._origin,
            "offer": event.offer,
            "seller": event.seller,
            "customer": {"id": event.customer, "camera": camera, "track": track} if event.customer else None,
            "worth_minor": event.worth_minor,
            "waited_ms": event.waited_ms,
            "reason": event.reason[:400],
            "state": event.state and event.state.value,
            "outcome": event.outcome and event.outcome.value,
            "amount_minor": event.amount_minor,
        }
