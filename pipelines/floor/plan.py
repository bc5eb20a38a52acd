"""What the floor of a store needs to know of the store file, and the floor made from it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from pipelines.errors import BadInput
from pipelines.floor.floor import Floor
from pipelines.floor.people import People
from pipelines.outputs.journal.writer import JournalWriter
from pricing.hours import parse_hours
from pricing.ledger.ledger import Ledger, Unknown
from pricing.ledger.lookup_once import LookupOnce
from pricing.ledger.ranking import Weights
from pricing.money import exponent
from probes.events.events import PersonEvents
from probes.events.messages import same
from probes.events.notify import Notifier, NotifyResult, Rule
from probes.people.attribution import VoteBuilder
from probes.people.reidentification import Passage, TrackLinker
from probes.people.zones import Role, Zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from pipelines.floor.publisher import Publisher
    from pipelines.settings.root import Settings
    from pricing.ledger.lookup_once import Lookup
    from probes.events.status import Summaries
    from probes.metrics import Metrics

RECORD_MB = 200

LATENESS_MS = 10_000
DESCRIBE_WAIT_S = 5.0
BADGE_VOTES = 2
"""How many more looks it takes to be staff than to own a thing."""


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """All that decides what the floor makes of frames, looks and prices. Plain values, fit for a file.

    zones: of each enabled camera. staff: brands, in normal form, whose marks make the wearer staff.
    """

    store: str
    device: str
    timezone: str
    currency: str
    zones: dict[str, tuple[Zone, ...]]
    passages: tuple[Passage, ...] = ()
    rules: tuple[Rule, ...] = ()
    weights: Weights = field(default_factory=Weights)
    min_votes: int = 4
    window_ms: int = 4000
    unknown: Unknown = Unknown.LIST_UNPRICED
    found_again_ms: int = 8000
    lateness_ms: int = LATENESS_MS
    staff: tuple[str, ...] = ()

    @property
    def badge_votes(self) -> int:
        """How many looks it takes to be staff."""
        return self.min_votes + BADGE_VOTES


_PLAN = TypeAdapter(FloorPlan)


def to_json(plan: FloorPlan) -> Any:
    """Return a plan as JSON values."""
    return _PLAN.dump_python(plan, mode="json")


def read_plan(value: object) -> FloorPlan:
    """Return the plan that `to_json` wrote; raises BadInput."""
    try:
        return _PLAN.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(f"is no plan of a floor: {where}: {first['msg']}") from None


def open_record(
    path: Path,
    plan: FloorPlan,
    max_mb: int = RECORD_MB,
    max_hours: float | None = None,
    *,
    insist: bool = False,
    expiry_s: Callable[[], float] = time.time,
) -> JournalWriter:
    """Begin a record of a floor, at most max_mb megabytes on disk.

    max_hours: no entry is kept longer. Raises BadInput where it cannot be made, unless told to insist: then
    it is tried again. expiry_s: UTC s, by which an earlier part is deleted.
    """
    max_age_s, max_bytes = None if max_hours is None else max_hours * 3600, max_mb * 1_000_000
    try:
        return JournalWriter(
            path, to_json(plan), max_bytes, max_age_s=max_age_s, insist=insist, expiry_s=expiry_s
        )
    except OSError as error:
        raise BadInput(f"{path}: the record cannot be made ({error.strerror or error})") from None


def plan_of(settings: Settings, device: str, staff: Iterable[str] = ()) -> FloorPlan:
    """Return the floor's plan from the store file. staff: brands of staff, in normal form."""
    currency, floor = settings.store.currency, settings.floor
    return FloorPlan(
        store=settings.store.id,
        device=device,
        timezone=settings.store.timezone,
        currency=currency,
        zones={
            name: tuple(Zone(z, o.polygon, o.dwell_ms, Role(o.role)) for z, o in camera.zones.items())
            for name, camera in settings.enabled_cameras().items()
        },
        passages=tuple(
            Passage(*way.places(), way.within_s * 1000, way.at_least_s * 1000) for way in floor.handover
        ),
        rules=tuple(
            Rule(
                rule.name,
                rule.when.minor(currency),
                frozenset(rule.when.in_zones),
                rule.cooldown_s,
                tuple(parse_hours(line) for line in rule.when.hours),
                rule.expires_s,
                estimates=rule.when.estimates,
            )
            for rule in settings.notify
        ),
        weights=Weights(*floor.serve.minor(currency)),
        min_votes=settings.prices.confirm.min_votes,
        window_ms=settings.prices.confirm.window_ms,
        unknown=Unknown(settings.prices.unknown),
        found_again_ms=floor.found_again_s * 1000,
        lateness_ms=_lateness_ms(settings),
        staff=tuple(sorted(staff)),
    )


def _lateness_ms(settings: Settings) -> int:
    """Return how late a vote may come: descriptions wait for their turn, then for the service."""
    longest = settings.describe.timeout_s if settings.describe else 0.0
    return max(LATENESS_MS, int((longest + DESCRIBE_WAIT_S) * 1000))


def build_people(plan: FloorPlan, lookup: Lookup) -> People:
    """Return the people of a plan, nobody yet."""
    ledger = Ledger(
        plan.currency,
        lookup,
        min_votes=plan.min_votes,
        window_ms=plan.window_ms,
        unknown=plan.unknown,
        lateness_ms=plan.lateness_ms,
    )
    linker = TrackLinker(plan.zones, plan.passages, gap_ms=plan.found_again_ms)
    return People(ledger, linker, VoteBuilder(staff=plan.staff), badges=_badges(plan))


def _badges(plan: FloorPlan) -> Ledger | None:
    """Return the ledger for the marks of staff; None where no mark makes anybody staff."""
    if not plan.staff:
        return None
    return Ledger(
        plan.currency,
        _unpriced,
        min_votes=plan.badge_votes,
        window_ms=plan.window_ms,
        lateness_ms=plan.lateness_ms,
    )


def apply_plan(floor: Floor, plan: FloorPlan, at: int) -> None:
    """Have a floor go on by another plan of the same store, see `Floor.reconfigure`; on its own thread."""
    floor.reconfigure(plan, at, badges=_badges(plan), written=to_json(plan))


def _unpriced(*_: str | None) -> None:
    """Know no price."""


def build_floor(
    plan: FloorPlan,
    lookup: Lookup,
    *,
    summaries: Summaries,
    publisher: Publisher,
    metrics: Metrics,
    getrandbits: Callable[[int], int],
    brand: Callable[[str], str] = lambda brand: brand,
    journal: JournalWriter | None = None,
    utc: Callable[[int], int] = same,
    locale: str = "en",
) -> Floor:
    """Return the floor of a plan. lookup: the ledger's question for prices; it must never wait.

    locale: of the texts of notifications.
    """
    lookups = LookupOnce(lookup)

    def count(rule: str, result: NotifyResult) -> None:
        metrics.notifications.labels(rule, result.value).inc()

    return Floor(
        people=build_people(plan, lookups),
        lookups=lookups,
        zones=plan.zones,
        weights=plan.weights,
        events=PersonEvents(plan.store, plan.device, plan.currency, getrandbits, utc=utc),
        notifier=Notifier(
            plan.store,
            plan.device,
            plan.rules,
            getrandbits,
            count,
            brand=brand,
            zone=ZoneInfo(plan.timezone),
            utc=utc,
            locale=locale,
        ),
        summaries=summaries,
        publisher=publisher,
        metrics=metrics,
        minor_per_unit=10 ** exponent(plan.currency),
        journal=journal,
        utc=utc,
    )
