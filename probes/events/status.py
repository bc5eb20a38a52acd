"""The retained topics: the state of device, cameras and zones for a program that connects now."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from probes.events.messages import Payload, rfc3339, same

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from pricing.value import PersonValue
    from probes.events.events import ZoneStay
    from probes.frame import TrackId

STATUS = "status"
AVAILABILITY = "availability"
SUMMARY = "summary"
_EVERY_NS = 1_000_000_000


def qos(topic: str) -> int:
    """Return the agreed quality of service of a retained topic: counts are 0, states 1."""
    return 0 if topic.endswith(SUMMARY) or "/zone/" in topic else 1


def device_status(
    at: int,
    *,
    version: str,
    config_sha256: str,
    platform: str,
    cameras_up: int,
    cameras_total: int,
    gpu_unused: str = "",
    degrade: int = 0,
    sub_streams: Sequence[str] = (),
    suspended: Sequence[str] = (),
    store_file: Payload | None = None,
) -> Payload:
    """Write topic `status`. config_sha256: hexadecimal, whole or its first 12 digits.

    gpu_unused: why the CPU works although there is an NVIDIA GPU; empty where it does not. degrade: what
    overload leaves out, as `msh_degrade_step`. sub_streams: cameras of which it has the sub-stream analysed.
    suspended: cameras that are not analysed.
    store_file: what became of it when it was read last.
    """
    return {
        "schema": "msh.status/1",
        "at": rfc3339(at),
        "version": version,
        "config_sha256": config_sha256,
        "platform": platform,
        "cameras_up": cameras_up,
        "cameras_total": cameras_total,
        "degrade": degrade,
        **({"sub_streams": list(sub_streams)} if sub_streams else {}),
        **({"suspended": list(suspended)} if suspended else {}),
        **({} if store_file is None else {"store_file": store_file}),
        **({"gpu_unused": gpu_unused[:500]} if gpu_unused else {}),
    }


def camera_status(state: str, since: int, cause: str | None = None) -> Payload:
    """Write topic `camera/{camera}/status`. since: UTC ns. cause: a closed word, never an error's text.

    >>> camera_status("stale", 1_764_000_000_000_000_000, "no_frames")["since"]
    '2025-11-24T16:00:00.000Z'
    """
    return {"schema": "msh.camera-status/1", "state": state, "since": rfc3339(since), "cause": cause}


def camera_summary(at: int, persons: int, highest_minor: int, currency: str) -> Payload:
    """Write topic `camera/{camera}/summary`."""
    return {
        "schema": "msh.camera-summary/1",
        "at": rfc3339(at),
        "persons": persons,
        "highest_total": {"amount_minor": highest_minor, "currency": currency},
    }


def zone_summary(at: int, persons: int) -> Payload:
    """Write topic `camera/{camera}/zone/{zone}`."""
    return {"schema": "msh.zone/1", "at": rfc3339(at), "persons": persons}


def store_summary(
    at: int,
    persons: int,
    value_minor: int,
    currency: str,
    *,
    unattended_minor: int | None = None,
    staff: dict[str, int] | None = None,
) -> Payload:
    """Write topic `summary`: customers in the store and what they wear. staff: salespeople by state.

    unattended_minor, staff: None where the store names no staff.
    """

    def amount(minor: int) -> Payload:
        return {"amount_minor": minor, "currency": currency}

    return {
        "schema": "msh.store-summary/1",
        "at": rfc3339(at),
        "persons": persons,
        "value": amount(value_minor),
        "unattended": None if unattended_minor is None else amount(unattended_minor),
        "staff": staff,
    }


class Summaries:
    """Counts persons of each camera and zone; returns what changed, at most once a second per camera.

    cameras: the zones of each configured camera. utc: the UTC ns to tell of a time in frames.
    """

    def __init__(
        self,
        cameras: Mapping[str, Sequence[str]],
        currency: str,
        *,
        utc: Callable[[int], int] = same,
    ) -> None:
        self._utc = utc
        self._currency = currency
        self._cameras: dict[str, tuple[str, ...]] = {}
        self._published: dict[str, tuple[int, int, dict[str, int]]] = {}
        self._published_at: dict[str, int] = {}
        self.reconfigure(cameras, 0)

    def reconfigure(self, cameras: Mapping[str, Sequence[str]], at: int) -> dict[str, Payload | None]:
        """Count by other cameras and zones from now on, UTC ns `at`.

        Returns the summaries to publish: empty ones of what is new, None for what is there no more.
        """
        before = {topic: 0 for camera in self._cameras for topic in self._counted(camera)}
        self._cameras = {camera: tuple(zones) for camera, zones in cameras.items()}
        published = {}
        for camera, zones in self._cameras.items():
            persons, highest, counts = self._published.get(camera, (0, 0, {}))
            published[camera] = (persons, highest, {zone: counts.get(zone, 0) for zone in zones})
        self._published = published
        self._published_at = {camera: self._published_at.get(camera, 0) for camera in self._cameras}
        now = {topic: payload for c in self._cameras for topic, payload in self._empty(c, at).items()}
        gone: dict[str, Payload | None] = {topic: None for topic in before if topic not in now}
        return {**gone, **{topic: payload for topic, payload in now.items() if topic not in before}}

    def _counted(self, camera: str) -> list[str]:
        return [f"camera/{camera}/summary", *(f"camera/{camera}/zone/{z}" for z in self._cameras[camera])]

    def _empty(self, camera: str, at: int) -> dict[str, Payload]:
        summary, *zones = self._counted(camera)
        empty = camera_summary(at, 0, 0, self._currency)
        return {summary: empty, **{zone: zone_summary(at, 0) for zone in zones}}

    def initial(self, at: int, state: str) -> dict[str, Payload]:
        """Return the empty state of every configured topic, so that nothing of an earlier run remains."""
        found: dict[str, Payload] = {}
        for camera in self._cameras:
            found[f"camera/{camera}/status"] = camera_status(state, at)
            found |= self._empty(camera, at)
        return found

    def update(
        self,
        camera: str,
        at: int,
        tracks: Collection[TrackId],
        values: Mapping[TrackId, PersonValue],
        zones: Mapping[TrackId, Sequence[ZoneStay]],
    ) -> dict[str, Payload]:
        """Take one camera's confirmed persons of now; return the topics whose content changed."""
        if camera not in self._cameras or 0 <= at - self._published_at[camera] < _EVERY_NS:
            return {}
        highest = max((values[t].total.amount_minor for t in tracks if t in values), default=0)
        inside = Counter(visit.zone for t in tracks for visit in zones.get(t, ()))
        counts = {zone: inside[zone] for zone in self._cameras[camera]}
        persons_before, highest_before, counts_before = self._published[camera]
        found: dict[str, Payload] = {}
        if (len(tracks), highest) != (persons_before, highest_before):
            found[f"camera/{camera}/summary"] = camera_summary(
                self._utc(at), len(tracks), highest, self._currency
            )
        for zone, persons in counts.items():
            if persons != counts_before[zone]:
                found[f"camera/{camera}/zone/{zone}"] = zone_summary(self._utc(at), persons)
        if found:
            self._published[camera], self._published_at[camera] = (len(tracks), highest, counts), at
        return found
