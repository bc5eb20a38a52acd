"""Passes offers, customers whom nobody attends, and messages of rules to the messengers that want them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pipelines.outputs.messengers.messenger import OutgoingText
from pricing.sales.types import SaleKind
from probes.events.messages import MessageKind, from_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipelines.floor.publisher import Publisher
    from pipelines.floor.view import PersonView
    from pipelines.outputs.base import PictureSink
    from pipelines.outputs.messengers.crops import MaskedCrops
    from pipelines.outputs.messengers.messenger import Messenger
    from pricing.item_words import ItemWords
    from pricing.sales.types import SaleEvent
    from probes.events.messages import Message

    Place = tuple[str, str] | None  # camera and track

MAX_ITEMS = 5
MAX_TEXT = 400
STOP_S = 3.0
ESCALATION_S = 600.0
"""So long it is worth telling that nobody attends a customer."""


@dataclass(frozen=True, slots=True)
class Audience:
    """A messenger and what it is for. about: offers, escalations, rules. staff: whose offers; empty: all."""

    messenger: Messenger
    about: frozenset[str]
    staff: frozenset[str] = frozenset()
    picture: bool = False


class Announcer:
    """Writes messages and hands them over; never waits. Any thread.

    words, worn: of the store's language. money, brand: write an amount and a brand for people. accept_s: how
    long an offer stands. crops: where pictures come from; it is an output of the store.
    """

    def __init__(
        self,
        audiences: Sequence[Audience],
        words: Mapping[str, str],
        *,
        worn: ItemWords,
        money: Callable[[int], str],
        brand: Callable[[str], str],
        accept_s: float,
        crops: MaskedCrops | None = None,
        now_ns: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._audiences, self._words, self._worn = tuple(audiences), words, worn
        self._money, self._brand, self._accept_s = money, brand, accept_s
        self._crops, self._now_ns, self._clock = crops, now_ns, clock
        self._person: Callable[[str], PersonView | None] = lambda _: None
        self._changing, self._stopped = threading.Lock(), False

    @property
    def sinks(self) -> tuple[PictureSink, ...]:
        """The outputs of pixels that are needed for pictures."""
        return (self._crops,) if self._crops else ()

    def start(self) -> None:
        """Begin to send."""
        for audience in self._audiences:
            audience.messenger.start()

    def reconfigure(self, audiences: Sequence[Audience], accept_s: float) -> None:
        """Go on with other audiences; messengers that are in both go on, with what waits in them."""
        with self._changing:
            if self._stopped:
                return
            before, after = ([one.messenger for one in some] for some in (self._audiences, audiences))
            for messenger in after:
                if messenger not in before:
                    messenger.start()
            self._audiences, self._accept_s = tuple(audiences), accept_s
            _end([messenger for messenger in before if messenger not in after])

    def stop(self) -> None:
        """End all messengers, within seconds, however many services hang."""
        with self._changing:
            self._stopped = True
            _end([audience.messenger for audience in self._audiences])

    def listen_to(self, person: Callable[[str], PersonView | None]) -> Callable[[list[SaleEvent]], None]:
        """Return what takes a desk's steps. person: the one that a customer of the desk is."""
        self._person = person
        return self.take

    def take(self, events: list[SaleEvent]) -> None:
        """Take steps of the sales desk."""
        for event in events:
            if event.kind is SaleKind.OFFERED:
                title = self._words["offer"].format(seller=event.seller)
                self._announce("offers", title, event, self._accept_s)
            elif event.kind is SaleKind.ESCALATED:
                self._announce("escalations", self._words["nobody"], event, ESCALATION_S)

    def beside(self, publisher: Publisher) -> Publisher:
        """Return a publisher that passes messages of rules to the messengers as well."""
        return _Beside(publisher, self.take_message)

    def take_message(self, message: Message) -> None:
        """Take a message to the broker; what is no rule's is left out."""
        payload: Mapping[str, Any] = message.payload
        if message.kind is not MessageKind.NOTIFY:
            return
        left_s = (from_rfc3339(payload["expires_at"]) - self._now_ns()) / 1e9
        title = self._words["rule"].format(rule=payload["rule"])
        self._put("rules", title, payload["text"], left_s, (payload["camera"], payload["track"]["id"]))

    def _announce(self, about: str, title: str, event: SaleEvent, within_s: float) -> None:
        person = self._person(event.customer or "")
        amount = self._money(event.worth_minor if person is None else person.total.amount_minor)
        parts = [amount]
        place = None
        if person is not None:
            place = person.camera, person.track
            zone = next((stay.zone for stay in person.zones if stay.now), person.camera)
            parts += [self._words["where"].format(place=zone)]
            parts += [self._item(item.type, item.brand, item.colour) for item in person.items[:MAX_ITEMS]]
        if event.waited_ms >= 60_000:
            parts += [self._words["waits"].format(minutes=event.waited_ms // 60_000)]
        self._put(about, title, ", ".join(parts), within_s, place, seller=event.seller)

    def _item(self, type_: str, brand: str | None, colour: str | None) -> str:
        return self._worn.name(type_, self._brand(brand) if brand else None, colour)

    def _put(
        self, about: str, title: str, text: str, within_s: float, place: Place, *, seller: str | None = None
    ) -> None:
        for one in self._audiences:
            if about not in one.about or (about == "offers" and one.staff and seller not in one.staff):
                continue
            picture = partial(self._crops.take, *place) if self._crops and one.picture and place else None
            expires_at = self._clock() + within_s
            one.messenger.put(OutgoingText(title, text[:MAX_TEXT], expires_at, picture))


def _end(messengers: Sequence[Messenger]) -> None:
    for messenger in messengers:
        messenger.end()
    until = time.monotonic() + STOP_S
    for messenger in messengers:
        messenger.stop(max(0.0, until - time.monotonic()))


class _Beside:
    """A Publisher that tells somebody else too."""

    def __init__(self, publisher: Publisher, also: Callable[[Message], None]) -> None:
        self._publisher, self._also = publisher, also
        self.set_state, self.clear_state = publisher.set_state, publisher.clear_state

    def send(self, message: Message) -> bool:
        """Take a message."""
        self._also(message)
        return self._publisher.send(message)
