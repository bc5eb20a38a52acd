"""Counts a running store's visits, from what the floor shows once a second."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pricing.insights.cells import CountCell
from pricing.insights.collector import QUARTER_S, Collector, CustomerVisit, place_of
from pricing.sales.types import SaleKind, SaleOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipelines.floor.view import FloorView, PersonView
    from pipelines.insights.file import InsightsFile
    from pricing.sales.types import SaleEvent

logger = logging.getLogger(__name__)

MIN_STAY_MS = 3000
"""Who was seen for less walked by, or was no person."""
MAX_ATTENDED = 1024
MAX_EVENTS = 4096
MAX_UNWRITTEN = 20_000
"""Most cells that wait in memory while the file cannot be written: days of most shops."""
SECOND = 1_000_000_000
_DAY_S = 86_400


class InsightsRecorder:
    """Watches the floor and the desk, and writes cells at each quarter of an hour.

    `check` from one thread, `take` from any. Who is in the shop when the store stops is not counted.

    snapshot: the floor. up: camera -> whether it gives pictures. now_ns: UTC ns; expiry_ns: the same, by
    which old cells are deleted. least, days: from the store file's `privacy.report_min_count` and
    `report_days`. on_cells: called with the cells that were written, perhaps none, and the beginning of their
    quarter, UTC s.
    """

    def __init__(
        self,
        file: InsightsFile,
        snapshot: Callable[[], FloorView],
        up: Callable[[], Mapping[str, bool]],
        *,
        now_ns: Callable[[], int],
        expiry_ns: Callable[[], int] | None = None,
        zone: str,
        least: int,
        days: int,
        per_unit: int,
        on_cells: Sequence[Callable[[list[CountCell], int], object]] = (),
    ) -> None:
        self.file, self._snapshot, self._up, self._now_ns = file, snapshot, up, now_ns
        self._expiry_ns = expiry_ns or now_ns
        self._zone, self._days, self._on_cells = ZoneInfo(zone), days, tuple(on_cells)
        second = now_ns() // SECOND
        self._start = second - second % QUARTER_S
        self._collector = Collector(least, self._start, per_unit=per_unit)
        self._here: dict[int, PersonView] = {}
        self._places: dict[int, set[str]] = {}
        self._cameras: dict[str, tuple[int, int]] = {}
        self._unwritten: list[CountCell] = []
        self._lost = 0
        self._events: deque[SaleEvent] = deque(maxlen=MAX_EVENTS)
        self._since: OrderedDict[int, int] = OrderedDict()

    def take(self, events: list[SaleEvent]) -> None:
        """Take steps of the sales desk."""
        self._events.extend(events)

    def check(self) -> None:
        """Look at the floor; call about once a second."""
        self._close_quarters()
        view = self._snapshot()
        here = {person.number: person for person in view.persons}
        for person in view.persons:
            self._merge(person)
        for number, person in self._here.items():
            if number not in here:
                self._gone(person)
        for number in self._places.keys() - here.keys():
            del self._places[number]
        for number, person in here.items():
            if person.visible and person.customer:
                self._places.setdefault(number, set()).add(place_of(person.camera, person.box))
        self._here = here
        while self._events:
            self._step(self._events.popleft())
        for camera, good in self._up().items():
            up, seen = self._cameras.get(camera, (0, 0))
            self._cameras[camera] = up + good, seen + 1

    def close(self) -> None:
        """Write what may be written; the rest of the quarter is forgotten."""
        second = self._now_ns() // SECOND
        self._follow(second)
        self._write(second, last=True)
        self._lose(len(self._unwritten))
        self.file.close()

    def _follow(self, second: int) -> None:
        """Go on from there where the clock was set back."""
        if second < self._start:
            self._start = second - second % QUARTER_S
            self._collector.set_back(self._start)

    def _close_quarters(self) -> None:
        second = self._now_ns() // SECOND
        self._follow(second)
        end = self._start + QUARTER_S
        if second < end:
            return
        latest = second - second % QUARTER_S
        self._write(end, last=self._day(self._start) != self._day(latest))
        self._start = latest
        self.file.forget(self._expiry_ns() // SECOND - self._days * _DAY_S)

    def _write(self, end: int, *, last: bool) -> None:
        cells = self._unwritten + self._collector.close(end, last=last)
        start = self._start
        cells += [
            CountCell("camera", name, start, end, seen, up) for name, (up, seen) in self._cameras.items()
        ]
        self._cameras = {}
        if cells and not self.file.add(cells):
            self._unwritten = cells
            self._lose(len(cells) - MAX_UNWRITTEN)
            return
        self._unwritten = []
        for listener in self._on_cells:
            listener(cells, start)

    def _lose(self, count: int) -> None:
        """Give up the oldest of the cells that wait, and tell of it."""
        if count > 0:
            del self._unwritten[:count]
            self._lost += count
            text = "insights: %d counts that could not be written are lost, %d so far"
            logger.warning(text, count, self._lost)

    def _day(self, second: int) -> object:
        return datetime.fromtimestamp(second, timezone.utc).astimezone(self._zone).date()

    def _merge(self, person: PersonView) -> None:
        """Forget under which other numbers somebody was shown: that was nobody else, and has not left."""
        for number in person.also:
            self._here.pop(number, None)
            if (places := self._places.pop(number, None)) is not None:
                self._places.setdefault(person.number, set()).update(places)

    def _gone(self, person: PersonView) -> None:
        if not person.customer or person.dwell_ms < MIN_STAY_MS:
            return
        dwell: dict[str, float] = {}
        for stay in person.zones:
            name = f"{stay.camera}/{stay.zone}"
            dwell[name] = dwell.get(name, 0.0) + stay.dwell_ms / 1000
        served = person.served_at
        self._collector.visit(
            CustomerVisit(
                person.total.amount_minor,
                None if served is None else max(0.0, (served - person.arrived_at) / SECOND),
                frozenset(item.brand for item in person.items if item.brand),
                frozenset(item.type for item in person.items),
                dwell,
                frozenset(self._places.get(person.number, ())),
            )
        )

    def _step(self, event: SaleEvent) -> None:
        if event.offer is None:
            return
        if event.kind is SaleKind.ACCEPTED:
            self._since[event.offer] = event.at
            if len(self._since) > MAX_ATTENDED:
                self._since.popitem(last=False)
        elif event.kind is SaleKind.DONE and (since := self._since.pop(event.offer, None)) is not None:
            outcome = (event.outcome or SaleOutcome.UNKNOWN).value
            self._collector.done(outcome, (event.at - since) / SECOND, event.amount_minor)
