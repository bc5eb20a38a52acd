"""The floor, the cameras and the system as the API writes them (web/openapi.yaml)."""

from __future__ import annotations

import os
import resource
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from pipelines.cameras.states import REMEDY, CameraState, Cause
from pipelines.cameras.upright import MISTAKEN, turns
from pipelines.version import VERSION
from pricing.money import display
from probes.events.events import item as item_payload
from probes.events.messages import rfc3339
from probes.reason import Reason, cause

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from prometheus_client.metrics import MetricWrapperBase

    from pipelines.cameras.states import CameraStatus
    from pipelines.floor.view import PersonView
    from pricing.value import Price, Total
    from web.backend import Backend

Payload = dict[str, Any]
RATE_WINDOW_S = 10.0
LOOK_MODELS = {"text-regions": "words", "text-lines": "words", "marks": "symbols"}
"""Bundled models that looks load by themselves, with what each sees."""
SUB_STREAM_REFUSED = (
    "its sub-stream has another shape than the main stream and is not analysed: give both the same shape"
    " (16:9 or 4:3) in the camera and restart the store, or remove sub_source"
)
SUSPENDED = (
    "suspended: too many cameras for this machine; nobody is counted in its view. Lower fps, give cameras a"
    " sub_source, or take a faster machine; the camera with the lowest priority is suspended first"
)
PICTURE_WITHHELD = f"its picture is withheld until rotate is right, or people stand upright again; {MISTAKEN}"
STEPS = ("nothing is left out", "fewer frames per second", "fewer looks", "cameras suspended")


def money(amount: Mapping[str, Any], currency: str, locale: str) -> Payload:
    """Write an amount and its range, as numbers and for people; amount: as in messages."""
    low, high = amount["min_minor"], amount["max_minor"]

    def say(minor: int) -> str:
        return display(minor, currency, locale)

    return {
        "amount_minor": amount["amount_minor"],
        "min_minor": low,
        "max_minor": high,
        "text": say(amount["amount_minor"]),
        "range_text": None if low == high else f"{say(low)} – {say(high)}",
    }


def worn(item: Mapping[str, Any], currency: str, backend: Backend) -> Payload:
    """Write an item; item: as in messages."""
    price = item["price"]
    shown = None
    if price is not None:
        more = {"source": price["source"], "as_of": price["as_of"], "stale": bool(price.get("stale"))}
        more["estimate"] = bool(price.get("estimate"))
        shown = money(price, currency, backend.locale) | more
    fields = {key: item[key] for key in ("slot", "type", "brand", "confidence", "votes")}
    brand = backend.brand(item["brand"]) if item["brand"] else None
    return fields | {"brand_text": brand, "colour": item.get("colour"), "price": shown}


def found(person: Mapping[str, Any], backend: Backend) -> Payload:
    """Write one person of an upload; person: as `msh annotate --json` has them."""
    total = person["total"]
    currency = total["currency"]
    sums = {key: total[key] for key in ("currency", "items_priced", "items_unpriced")}
    times = {key: round(person[key], 2) for key in ("first_s", "last_s") if key in person}
    return times | {
        "items": [worn(item, currency, backend) for item in person["items"]],
        "total": money(total, currency, backend.locale) | sums,
    }


def _sum(total: Total | Price) -> Payload:
    return {
        "amount_minor": total.amount_minor,
        "min_minor": total.min_minor,
        "max_minor": total.max_minor,
    }


def person(seen: PersonView, backend: Backend) -> Payload:
    """Write one person of the floor."""
    total, currency = seen.total, seen.total.currency
    return {
        "id": seen.track,
        "camera": seen.camera,
        "rank": seen.rank,
        "visible": seen.visible,
        "arrived_at": rfc3339(seen.arrived_at),
        "seen_at": rfc3339(seen.seen_at),
        "dwell_ms": seen.dwell_ms,
        "waiting_ms": seen.waiting_ms,
        "zones": [
            {
                "id": stay.zone,
                "camera": stay.camera,
                "entered_at": rfc3339(stay.entered_at),
                "dwell_ms": stay.dwell_ms,
                "now": stay.now,
            }
            for stay in seen.zones
        ],
        "box": dict(zip("xywh", seen.box, strict=True)),
        "items": [worn(item_payload(item), currency, backend) for item in seen.items],
        "total": money(_sum(total), currency, backend.locale)
        | {
            "currency": currency,
            "items_priced": total.items_priced,
            "items_unpriced": total.items_unpriced,
        },
        "certainty": round(seen.certainty, 3),
        "rules": list(seen.rules),
        "served_at": None if seen.served_at is None else rfc3339(seen.served_at),
        "customer": seen.customer,
        "explain": list(seen.explain),
    }


def floor(backend: Backend, now_ns: int) -> Payload:
    """Write the floor."""
    view = backend.floor.snapshot()
    return {
        "at": rfc3339(now_ns),
        "currency": backend.settings.store.currency,
        "people": [person(one, backend) for one in view.persons],
    }


class Rates:
    """Frames a second of each camera over the last ten seconds; asked about once a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def keep_only(self, cameras: Container[str]) -> None:
        """Forget all other cameras."""
        self._seen = {camera: seen for camera, seen in self._seen.items() if camera in cameras}

    def per_s(self, camera: str, count: int) -> float:
        """Add a camera's count, and return its rate."""
        seen, now = self._seen.setdefault(camera, deque(maxlen=64)), self._clock()
        if seen and count < seen[-1][1]:
            seen.clear()  # it was taken out of the store file, and has come back
        if not seen or now - seen[-1][0] >= RATE_WINDOW_S / 32:
            seen.append((now, count))
        while len(seen) > 2 and now - seen[1][0] >= RATE_WINDOW_S:
            seen.popleft()
        begun, first = seen[0]
        return round((count - first) / (now - begun), 1) if now > begun else 0.0


def cameras(backend: Backend, rates: Rates, sizes: dict[str, tuple[int, int]], now_ns: int) -> Payload:
    """Write all cameras. sizes: of their frames, where known; those of gone cameras are taken out."""
    statuses = backend.cameras()
    processed = samples(backend.metrics.frames_processed, "camera")
    dropped: dict[str, dict[str, int]] = {}
    for labels, value in _all(backend.metrics.frames_dropped):
        if value:
            dropped.setdefault(labels["camera"], {})[labels["reason"]] = int(value)
    between: Counter[str] = Counter()
    for labels, value in _all(backend.metrics.frames_between):
        between[labels["camera"]] += int(value)
    turned = samples(backend.metrics.camera_turned, "camera")
    withheld = samples(backend.metrics.camera_picture_withheld, "camera")
    refused = samples(backend.metrics.camera_sub_stream_refused, "camera")
    suspended = samples(backend.metrics.camera_suspended, "camera")
    in_graph = backend.platform == "deepstream"
    written = []
    for name, settings in backend.settings.cameras.items():
        status = statuses.get(name)
        count = int(processed.get(name, 0))
        live = backend.live
        age = live.age_s(name) if live else None
        size = sizes.get(name)
        written.append(
            _state(status, enabled=settings.enabled)
            | _advice(
                status,
                turns(int(turned.get(name, 0)), exact=not in_graph, rotate=settings.rotate),
                withheld=bool(withheld.get(name)),
                refused=bool(refused.get(name)),
                suspended=bool(suspended.get(name)),
            )
            | {
                "id": name,
                "enabled": settings.enabled,
                "picture_age_ms": None if age is None else round(age * 1000),
                "fps": rates.per_s(name, count),
                "frames_processed": count,
                "frames_between": between[name],
                "frames_dropped": dropped.get(name, {}),
                "viewers": sum(output.watched(name) for output in (live, backend.film) if output),
                "size": None if size is None else list(size),
                "zones": list(settings.zones),
            }
        )
    rates.keep_only(backend.settings.cameras)
    for gone in sizes.keys() - backend.settings.cameras.keys():
        del sizes[gone]
    return {"at": rfc3339(now_ns), "cameras": written}


def _advice(
    status: CameraStatus | None, turn: Sequence[int], *, withheld: bool, refused: bool, suspended: bool
) -> Payload:
    """Return what to do about a camera whose picture comes: suspended, turned, its sub-stream refused."""
    if status is None or status.cause is not Cause.NONE:
        return {"suspended": False, "turn": [], "picture_withheld": False, "sub_stream_refused": False}
    remedies = [SUSPENDED] if suspended else []
    if turn:
        degrees = " or ".join(map(str, turn))
        remedies.append(f"people seem to be turned in the picture: set rotate: {degrees} for this camera")
    if withheld:
        remedies.append(PICTURE_WITHHELD)
    if refused:
        remedies.append(SUB_STREAM_REFUSED)
    found = {"suspended": suspended, "turn": list(turn)}
    found |= {"picture_withheld": withheld, "sub_stream_refused": refused}
    return found | ({"remedy": "; ".join(remedies)} if remedies else {})


def _state(status: CameraStatus | None, *, enabled: bool) -> Payload:
    if status is None:
        state = CameraState.STOPPED if enabled else CameraState.DISABLED
        nothing = dict.fromkeys(("cause", "remedy", "since", "last_frame_at"))
        return nothing | {"state": state.value, "frames_received": 0, "connects": 0}
    has_cause = status.cause is not Cause.NONE
    return {
        "state": status.state.value,
        "cause": status.cause.value if has_cause else None,
        "remedy": REMEDY[status.cause] if has_cause else None,
        "since": rfc3339(status.since),
        "last_frame_at": None if status.last_frame_at is None else rfc3339(status.last_frame_at),
        "frames_received": status.frames_received,
        "connects": status.connects,
    }


class Load:
    """CPU and memory of this process, since the last call."""

    def __init__(self) -> None:
        self._last = (time.monotonic(), _cpu_s())
        self._latency = (0.0, 0.0)

    def look(self, backend: Backend) -> Payload:
        """Return CPU in percent of one core, resident memory, and mean latency of the frames meanwhile."""
        now, cpu = time.monotonic(), _cpu_s()
        begun, before = self._last
        share = round(100 * (cpu - before) / (now - begun), 1) if now - begun > 0.1 else None
        self._last = now, cpu
        latency = None
        total, count = _histogram(backend.metrics.frame_latency)
        if count > self._latency[1]:
            latency = round(1000 * (total - self._latency[0]) / (count - self._latency[1]), 1)
        self._latency = total, count
        return {"cpu_percent": share, "memory_bytes": _memory(), "latency_ms": latency}


def system(backend: Backend, load: Load, uploads: Payload, started: float, now_ns: int) -> Payload:
    """Write the system. started: monotonic s, for UTC may have been set since."""
    settings, metrics = backend.settings, backend.metrics
    health = backend.health()
    step = _degrade(metrics)
    subs = sorted(labels["camera"] for labels, value in _all(metrics.camera_sub_stream) if value)
    idle = _gpu_unused(backend.gpu_unused)
    mqtt = settings.outputs.mqtt
    report = backend.store_file()
    return {
        "at": rfc3339(now_ns),
        "version": VERSION,
        "revision": os.environ.get("MSH_REVISION", "unknown"),
        "platform": backend.platform,
        "gpu_unused": idle,
        "gpu_unused_cause": cause(idle),
        "config_sha256": settings.sha,
        "store_file": report and report.payload(),
        "started_at": rfc3339(now_ns - int((time.monotonic() - started) * 1e9)),
        "health": {
            "ok": health.ok,
            "reasons": list(health.reasons),
            "causes": [cause(one) for one in health.reasons],
        },
        "degrade": {"step": step, "text": _left_out(step, subs), "sub_streams": subs},
        "models": _models(backend),
        "prices": [
            {"kind": s.kind, "name": s.name, "ok": s.ok, "text": s.text, "cause": cause(s.text)}
            for s in backend.prices()
        ],
        "mqtt": None
        if mqtt is None
        else {
            "broker": f"{mqtt.host}:{mqtt.port}",
            "connected": bool(_one(metrics.mqtt_connected)),
            "spool_messages": int(_one(metrics.mqtt_spool_messages)),
            "spool_bytes": int(_one(metrics.mqtt_spool_bytes)),
        },
        "outputs": _outputs(backend),
        "load": load.look(backend),
        "uploads": uploads,
        "events": backend.events(),
    }


def _degrade(metrics: object) -> int:
    """Return how far the box has stepped down, where the platform measures it."""
    gauge = getattr(metrics, "degrade_step", None)
    return 0 if gauge is None else int(_one(gauge))


def _gpu_unused(what: str) -> Reason | None:
    return Reason(f"The NVIDIA GPU is not used: {what}", why="gpu_unused", what=what) if what else None


def _left_out(step: int, subs: Sequence[str]) -> str:
    """Say what is left out, and of which cameras the sub-stream is analysed."""
    text = STEPS[min(step, len(STEPS) - 1)]
    return f"{text}; sub-streams of {', '.join(subs)}" if subs and step else text


def _models(backend: Backend) -> list[Payload]:
    """Write the models that the store file names, then the others that looks have loaded."""
    models = backend.settings.models
    precision = {labels["model"]: labels["precision"] for labels, _ in _all(backend.metrics.model_loaded)}
    named = [("person", models.person.name), ("face", models.face.name), ("brand", models.brand.name)]
    looks = dict(LOOK_MODELS) | ({models.garments.name: "garments"} if models.garments else {})
    listed = {name for _, name in named}
    named += [(role, name) for name, role in looks.items() if name in precision and name not in listed]
    return [{"role": role, "name": name, "precision": precision.get(name, "unknown")} for role, name in named]


def _outputs(backend: Backend) -> list[Payload]:
    outputs = backend.settings.outputs
    rows: dict[str, str] = {}
    if outputs.rtsp:
        count, address = int(_one(backend.metrics.restream_clients)), f"rtsp://{outputs.rtsp.bound}"
        rows["rtsp"] = Reason(f"{address}, {count} watching", why="watching", address=address, count=count)
    if outputs.record:
        most = outputs.record.max_mb
        rows["record"] = Reason(f"MP4 files, at most {most} MB", why="recorded", most=most)
    if outputs.snapshots:
        every = outputs.snapshots.interval_s
        rows["snapshots"] = Reason(f"a picture every {every:g} s", why="snapshots", seconds=every)
    if outputs.metrics:
        rows["metrics"] = f"http://{outputs.metrics.listen}/metrics"
    return [{"kind": kind, "text": text, "cause": cause(text)} for kind, text in rows.items()]


def samples(metric: MetricWrapperBase, label: str) -> dict[str, float]:
    """Return a metric's values by one label."""
    found: dict[str, float] = {}
    for labels, value in _all(metric):
        found[labels[label]] = found.get(labels[label], 0) + value
    return found


def _all(metric: MetricWrapperBase) -> list[tuple[Mapping[str, str], float]]:
    return [(sample.labels, sample.value) for family in metric.collect() for sample in family.samples]


def _one(metric: MetricWrapperBase) -> float:
    return sum(value for _, value in _all(metric))


def _histogram(metric: MetricWrapperBase) -> tuple[float, float]:
    total = count = 0.0
    for family in metric.collect():
        for sample in family.samples:
            total += sample.value if sample.name.endswith("_sum") else 0
            count += sample.value if sample.name.endswith("_count") else 0
    return total, count


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory() -> int | None:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - not a file on a disk
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
