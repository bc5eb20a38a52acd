"""What is counted of the people in the shop, by camera: for the metrics, and for the summary of a run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipelines.floor.tally import CameraTally
from probes.frame import Kind
from probes.people.returns import Absence

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from prometheus_client.metrics import MetricWrapperBase

    from pipelines.floor.customer import Customer
    from pipelines.floor.people import People
    from pricing.value import Item, PersonValue
    from probes.events.events import EndReason
    from probes.frame import Frame, TrackId
    from probes.metrics import Metrics
    from probes.people.zones import Zone, ZoneVisit


class FloorCounts:
    """One per floor, used by its thread; `tally` by any. minor_per_unit: cents in a euro."""

    def __init__(self, metrics: Metrics, minor_per_unit: int) -> None:
        self._metrics, self._minor_per_unit = metrics, minor_per_unit
        self._zones: dict[str, frozenset[str]] = {}
        self._tallies: dict[str, CameraTally] = {}

    def set_zones(self, zones: Mapping[str, Iterable[Zone]]) -> None:
        """Count for these cameras and their zones from now on; the tallies of other cameras stay."""
        self._zones = {camera: frozenset(zone.name for zone in found) for camera, found in zones.items()}
        self._tallies = {**{camera: CameraTally() for camera in self._zones}, **self._tallies}
        dwell = self._metrics.dwell
        for labels in _labels(dwell):
            if labels["zone"] not in self._zones.get(labels["camera"], {labels["zone"]}):
                dwell.remove(labels["camera"], labels["zone"])

    def forget_camera(self, camera: str) -> None:
        """Drop the tally of a camera that the store has no more."""
        self._tallies.pop(camera, None)

    def set_rules(self, names: Container[str]) -> None:
        """Count the notifications of these rules from now on."""
        notifications = self._metrics.notifications
        for labels in _labels(notifications):
            if labels["rule"] not in names:
                notifications.remove_by_labels({"rule": labels["rule"]})

    def frame(self, frame: Frame, followed: int) -> None:
        """Count what was detected. followed: how many of the persons are on a track seen before."""
        for kind, count in Counter(detection.kind for detection in frame.detections).items():
            self._metrics.detections.labels(frame.camera, kind.value).inc(count)
        for label, count in (("yes", followed), ("no", len(frame.of(Kind.PERSON)) - followed)):
            if count:
                self._metrics.persons_detected.labels(frame.camera, label).inc(count)

    def items(self, people: People, values: Mapping[TrackId, PersonValue]) -> None:
        """Count what is confirmed of people and was not before, whichever track they were on."""
        for track, value in values.items():
            if (customer := people.customer(track)) is None:
                continue
            for item in value.items:
                if customer.count(item):
                    self._metrics.items_confirmed.labels(track.camera, item.type).inc()
                    if item.brand or item.price:
                        self._metrics.price_lookups.labels(_lookup_result(item)).inc()

    def ended(self, camera: str, reason: EndReason) -> None:
        """Count a track that has ended."""
        self._metrics.tracks.labels(camera, reason.value).inc()

    def stays(self, camera: str, visits: Iterable[ZoneVisit], customer: Customer | None) -> None:
        """Count the stays of one person in zones, unless it is known that this is no customer."""
        for visit in () if customer is not None and customer.staff else visits:
            if visit.zone in self._zones.get(camera, ()):  # else its metrics are gone with it
                self._metrics.dwell.labels(camera, visit.zone).observe(visit.dwell_ms / 1000)

    def returned(self, track: TrackId, absence: Absence, result: str) -> None:
        """Count somebody who was held, and is found again or given up."""
        self._metrics.people_returned.labels(track.camera, absence.value, result).inc()

    def present(self, camera: str, tracks: int, held: Mapping[TrackId, tuple[int, Absence]]) -> None:
        """Tell how many tracks a camera has now. held: those of all cameras that are not seen, and why."""
        if camera not in self._zones:  # its metrics are gone with it
            return
        self._metrics.tracks_active.labels(camera).set(tracks)
        counts = Counter(absence for track, (_, absence) in held.items() if track.camera == camera)
        for absence in Absence:
            self._metrics.people_held.labels(camera, absence.value).set(counts[absence])

    def departed(self, customer: Customer, value: PersonValue) -> None:
        """Count a customer who has left for good."""
        if customer.staff:
            return
        camera, amount = customer.track.camera, value.total.amount_minor
        if (tally := self._tallies.get(camera)) is not None:
            tally.add(value)
        if camera in self._zones:  # else its metrics are gone with it
            self._metrics.person_value.labels(camera).observe(amount / self._minor_per_unit)

    def tally(self, camera: str, people: People) -> CameraTally:
        """Return which customers the camera has seen, those now present included."""
        past = self._tallies.get(camera, CameraTally())
        found = CameraTally(past.persons, past.items, past.total_minor)
        for customer in people:
            if customer.track.camera == camera and not customer.staff:
                found.add(people.value(customer.track))
        return found


def _labels(metric: MetricWrapperBase) -> list[dict[str, str]]:
    return [sample.labels for family in metric.collect() for sample in family.samples]


def _lookup_result(item: Item) -> str:
    if item.price is None:
        return "miss"
    return "stale" if item.price.stale else "hit"
