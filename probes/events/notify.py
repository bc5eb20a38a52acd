"""Notification rules: a salesperson gets one message per person and rule, then a cool-down."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING

from pricing.hours import Hours, open_now
from pricing.item_words import item_words
from pricing.money import display
from probes.events.events import total
from probes.events.messages import Message, MessageKind, Payload, rfc3339, same, ulid

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Mapping, Sequence
    from datetime import tzinfo

    from pricing.value import Item, PersonValue, Total
    from probes.events.events import ZoneStay
    from probes.frame import TrackId

SCHEMA = "msh.notify/1"
REJOIN_NS = 10 * 1_000_000_000
"""A person who is lost and found again within this time gets a new track, but is the same customer."""
TOP_ITEMS = 5


class NotifyResult(str, Enum):
    """What became of a notification that was due; label `result` of `msh_notifications_total`."""

    SENT = "sent"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Rule:
    """When to notify. in_zones: the person is in any of these now; empty: anywhere. hours: empty: always.

    expires_s: how long the message is worth reading. estimates: whether things without a brand count.

    >>> from datetime import datetime
    >>> rule = Rule("vip", 100_000, in_zones=frozenset({"till"}))
    >>> noon = datetime(2026, 11, 30, 12)
    >>> rule.holds(129_000, {"till"}, noon), rule.holds(129_000, (), noon)
    (True, False)
    """

    name: str
    total_at_least_minor: int
    in_zones: frozenset[str] = frozenset()
    cooldown_s: int = 600
    hours: tuple[Hours, ...] = ()
    expires_s: int = 120
    estimates: bool = False

    def amount(self, total: Total) -> int:
        """Return the part of a total that counts for the rule, in minor units."""
        return total.amount_minor - (0 if self.estimates else total.estimated_minor)

    def holds(self, amount: int, inside: Collection[str], local: datetime) -> bool:
        """Return whether the rule holds for a total in minor units, zones, and a local time."""
        if amount < self.total_at_least_minor or not open_now(self.hours, local):
            return False
        return not self.in_zones or not self.in_zones.isdisjoint(inside)


@dataclass(slots=True)
class _Notification:
    """The last notification about one person by one rule, and the last amount weighed since."""

    at: int
    amount: int
    weighed: int


@dataclass(slots=True)
class _Person:
    """State of a track: since when and until when it was seen, what was notified, which rules hold now."""

    began_at: int
    seen_at: int
    wears: frozenset[tuple[str, str]] = frozenset()
    sent: dict[str, _Notification] = field(default_factory=dict)
    holding: tuple[str, ...] = ()


class Notifier:
    """Checks each frame's persons against the rules. One per device, called from one thread.

    A rule notifies once per person; after its cool-down again, but only if the total has risen since. A new
    track that appears with the very same items on the same camera within ten seconds of a lost one carries
    on that one's cool-down.
    on_result: called with the rule's name and what became of a notification that was due. brand: writes a
    brand for people. zone: the time zone of the rules' hours. utc: the UTC ns to tell of a time in frames.
    locale: of the text for people, such as de_DE.
    """

    def __init__(
        self,
        store: str,
        device: str,
        rules: Sequence[Rule],
        getrandbits: Callable[[int], int],
        on_result: Callable[[str, NotifyResult], None],
        *,
        brand: Callable[[str], str] = lambda brand: brand,
        zone: tzinfo = timezone.utc,
        utc: Callable[[int], int] = same,
        locale: str = "en",
    ) -> None:
        self._utc = utc
        self._locale, self._words = locale, item_words(locale)
        self._store = store
        self._device = device
        self._rules = tuple(rules)
        self._getrandbits = getrandbits
        self._on_result = on_result
        self._brand = brand
        self._zone = zone
        self._people: dict[TrackId, _Person] = {}

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Replace the rules; what a rule of the same name has notified stays notified."""
        self._rules = tuple(rules)
        names = {rule.name for rule in rules}
        for person in self._people.values():
            person.sent = {name: sent for name, sent in person.sent.items() if name in names}
            person.holding = tuple(name for name in person.holding if name in names)

    def weigh(
        self,
        at: int,
        tracks: Collection[TrackId],
        values: Mapping[TrackId, PersonValue],
        zones: Mapping[TrackId, Sequence[ZoneStay]],
        *,
        known: Container[TrackId] = (),
    ) -> list[Message]:
        """Take one camera's tracks in view, and all that are held; return the messages now due.

        known: tracks whose persons are in view, or can be found again.
        """
        messages = []
        local = datetime.fromtimestamp(self._utc(at) // 1_000_000_000, self._zone)
        for track in tracks:
            self._people.setdefault(track, _Person(at, at)).seen_at = at
        for track in tracks:
            if (value := values.get(track)) is None:
                continue
            if not value.items:
                self._people[track].holding = ()
                continue
            person = self._person(track, value)
            inside = tuple(visit.zone for visit in zones.get(track, ()))
            amounts = {rule.name: rule.amount(value.total) for rule in self._rules}
            holding = [rule for rule in self._rules if rule.holds(amounts[rule.name], inside, local)]
            person.holding = tuple(rule.name for rule in holding)
            messages += [
                self._message(rule, track, value, inside, at)
                for rule in holding
                if self._due(rule, person, amounts[rule.name], at)
            ]
        self._forget(at, known)
        return messages

    def holding(self, track: TrackId) -> tuple[str, ...]:
        """Return the rules that held when the track was last weighed."""
        person = self._people.get(track)
        return person.holding if person else ()

    def follow(self, old: TrackId, new: TrackId) -> None:
        """Treat `new` as the person of `old`: what was notified stays notified."""
        gone = self._people.pop(old, None)
        if gone is None:
            return
        here = self._people.setdefault(new, gone)
        here.sent = {**gone.sent, **here.sent}

    def exchange(self, one: TrackId, other: TrackId) -> None:
        """Give each of two tracks the other's person."""
        persons = {one: self._people.pop(other, None), other: self._people.pop(one, None)}
        self._people |= {track: person for track, person in persons.items() if person is not None}

    def _person(self, track: TrackId, value: PersonValue) -> _Person:
        person = self._people[track]
        person.wears = frozenset((i.slot, i.brand or i.type) for i in value.items if i.brand or i.price)
        if person.wears and not person.sent:
            self._rejoin(track, person)
        return person

    def _rejoin(self, track: TrackId, person: _Person) -> None:
        for other, gone in self._people.items():
            same = other != track and other.camera == track.camera and gone.wears == person.wears
            if same and gone.sent and 0 < person.began_at - gone.seen_at < REJOIN_NS:
                person.sent, gone.sent = gone.sent, {}
                return

    def _due(self, rule: Rule, person: _Person, amount: int, at: int) -> bool:
        last = person.sent.get(rule.name)
        if last is None:
            person.sent[rule.name] = _Notification(at, amount, amount)
        elif not 0 <= at - last.at < rule.cooldown_s * 1_000_000_000 and amount > last.amount:
            last.at, last.amount, last.weighed = at, amount, amount
        else:
            if amount > last.weighed:
                last.weighed = amount
                self._on_result(rule.name, NotifyResult.SUPPRESSED)
            return False
        self._on_result(rule.name, NotifyResult.SENT)
        return True

    def _forget(self, at: int, known: Container[TrackId]) -> None:
        # The frames of two cameras come in any order: a little before the last one is no long absence.
        gone = [t for t, p in self._people.items() if abs(at - p.seen_at) >= 2 * REJOIN_NS and t not in known]
        for track in gone:
            del self._people[track]

    def _message(
        self, rule: Rule, track: TrackId, value: PersonValue, inside: tuple[str, ...], at: int
    ) -> Message:
        at = self._utc(at)
        expires_at = at + rule.expires_s * 1_000_000_000
        dearest = sorted(value.items, key=lambda i: (-_amount(i), i.slot))[:TOP_ITEMS]
        payload: Payload = {
            "schema": SCHEMA,
            "event_id": ulid(at, self._getrandbits),
            "rule": rule.name,
            "text": self._text(track.camera, inside, value, dearest),
            "occurred_at": rfc3339(at),
            "sent_at": rfc3339(at),
            "replayed": False,
            "expires_at": rfc3339(expires_at),
            "store": self._store,
            "device": self._device,
            "camera": track.camera,
            "track": {"id": str(track)},
            "zones": list(inside),
            "total": total(value.total),
            "items": [
                {
                    "slot": i.slot,
                    "type": i.type,
                    "brand": i.brand,
                    "amount_minor": None if i.price is None else i.price.amount_minor,
                    **({"colour": i.colour} if i.colour else {}),
                }
                for i in dearest
            ],
        }
        return Message(MessageKind.NOTIFY, f"notify/{rule.name}", payload, expires_at)

    def _text(self, camera: str, inside: Sequence[str], value: PersonValue, dearest: Sequence[Item]) -> str:
        """Return one line: where the person is, the worth of what they wear, and the items."""
        place = f"{camera} ({', '.join(inside)})" if inside else camera
        worn = ", ".join(
            self._words.branded(i.type, self._brand(i.brand))
            if i.brand
            else self._words.name(i.type, None, i.colour)
            for i in dearest
        )
        amount = display(value.total.amount_minor, value.total.currency, self._locale)
        return f"{place}: {amount}, {worn}"[:400]


def _amount(worn: Item) -> int:
    return -1 if worn.price is None else worn.price.amount_minor
