"""The ledger: what each person is believed to wear and carry, and what it costs."""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import TYPE_CHECKING

from pricing.ledger.explanation import doubt_of, line_of
from pricing.ledger.slot_events import SlotEvents
from pricing.ledger.votes import ConfirmRule, Vote
from pricing.money import display
from pricing.slots import akin, ancestors
from pricing.value import Item, PersonValue, Price, Total

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from pricing.ledger.belief import SlotBelief
    from pricing.ledger.slot_events import Key
    from pricing.ledger.votes import Withdrawal

    Lookup = Callable[..., Price | None]

MS = 1_000_000
MAX_ENDED = 4096


class Unknown(str, Enum):
    """What becomes of a confirmed item whose price nobody knows."""

    LIST_UNPRICED = "list_unpriced"
    OMIT = "omit"


class _Person:
    __slots__ = ("ids", "newest", "slots")

    def __init__(self) -> None:
        self.newest = -(2**63)
        self.ids: set[str] = set()
        self.slots: dict[str, SlotEvents] = {}

    def copy(self) -> _Person:
        twin = _Person()
        twin.newest, twin.ids = self.newest, set(self.ids)
        twin.slots = {name: events.copy() for name, events in self.slots.items()}
        return twin

    def slot(self, name: str) -> SlotEvents:
        found = self.slots.get(name)
        if found is None:
            found = self.slots[name] = SlotEvents()
        return found


class Ledger:
    """One running list of items per person, at most one a slot.

    The state is a function of the set of votes and retractions, whatever their order of arrival, as long as
    each arrives before votes that are more than `lateness_ms` younger (per person); later ones are refused
    and counted in `refused`. Of votes with the same id the surest counts. A slot holds at most MAX_PENDING
    open votes: a flood shortens the lateness.

    lookup: (brand, type or None, slot, and the model where it is confirmed) -> price; asked each time, so
    that a new catalogue changes totals without new votes. A price in another currency than the ledger's
    counts as unknown. One thread at a time.

    >>> price = Price(129000, 129000, 129000, "EUR", "catalogue")
    >>> ledger = Ledger("EUR", lambda brand, type_, slot: price if brand == "gucci" else None, min_votes=2)
    >>> ledger.observe(7, [Vote(f"look {n}", "bag", "handbag", "gucci", 0.9, n * MS) for n in (1, 2)])
    >>> for line in ledger.explain(7):
    ...     print(line)
    bag: gucci handbag, 2 votes, confidence 0.90, €1,290 from catalogue
    total: €1,290, 1 priced, 0 unpriced
    """

    def __init__(
        self,
        currency: str,
        lookup: Lookup,
        *,
        min_votes: int = 4,
        window_ms: int = 4000,
        unknown: Unknown = Unknown.LIST_UNPRICED,
        lateness_ms: int = 10_000,
    ) -> None:
        self.currency = currency
        self.refused = 0
        self._lookup = lookup
        self._rule = ConfirmRule(min_votes, window_ms * MS)
        self._unknown = unknown
        self._lateness = lateness_ms * MS
        self._people: dict[Hashable, _Person] = {}
        self._ended: OrderedDict[Hashable, None] = OrderedDict()
        self._excluded: set[Hashable] = set()

    def reconfigure(self, *, min_votes: int, window_ms: int, unknown: Unknown | None = None) -> None:
        """Judge by other rules from now on; what is believed stays believed until votes say otherwise.

        unknown: None leaves it as it is.
        """
        self._rule = ConfirmRule(min_votes, window_ms * MS)
        self._unknown = unknown or self._unknown

    def __len__(self) -> int:
        return len(self._people)

    def observe(self, person: Hashable, votes: Iterable[Vote]) -> None:
        """Count votes on one person: once per id, and none that come too late or after the end."""
        if person in self._ended:
            self.refused += sum(1 for _ in votes)
            return
        if person in self._excluded:
            return
        for vote in votes:
            if not self._take(self._record(person), vote):
                self.refused += 1

    def _record(self, person: Hashable) -> _Person:
        found = self._people.get(person)
        if found is None:
            found = self._people[person] = _Person()
        return found

    def _take(self, record: _Person, vote: Vote) -> bool:
        slot = record.slot(vote.slot)
        key = (vote.at, 0, vote.id)
        if vote.id in record.ids:
            slot.replace(key, vote, self._rule)
            return True
        if vote.at < record.newest - self._lateness or key <= slot.floor:
            return False
        record.newest = max(record.newest, vote.at)
        record.ids.add(vote.id)
        slot.insert(key, vote, self._rule)
        record.ids.difference_update(slot.settle(record.newest - self._lateness, self._rule))
        return True

    def retract(self, person: Hashable, slot: str, at: int) -> None:
        """Discard all votes in a slot up to `at` ns; later votes count from zero.

        With `at` not before the newest vote the total falls by the slot's line, or stays; it cannot rise.
        """
        self._undo(person, slot, (at, 2, ""), None)

    def withdraw(self, person: Hashable, withdrawal: Withdrawal) -> None:
        """Discard votes for a brand, or without one, up to `withdrawal.at`; later votes count from zero."""
        self._undo(person, withdrawal.slot, (withdrawal.at, 1, withdrawal.brand or ""), withdrawal)

    def _undo(self, person: Hashable, slot: str, key: Key, event: Withdrawal | None) -> None:
        if person in self._ended or person in self._excluded:
            return
        record = self._record(person)
        state = record.slot(slot)
        key = (max(key[0], state.floor[0]), *key[1:])
        if state.knows(key):
            return
        state.insert(key, event, self._rule)
        record.ids.difference_update(state.settle(record.newest - self._lateness, self._rule))

    def copy(self, person: Hashable, twin: Hashable) -> None:
        """Let `twin` have all that is known of `person` now, as its own; what comes then is of each apart."""
        if person in self._excluded:
            self.exclude(twin)
        elif person in self._people:
            self._people[twin] = self._people[person].copy()

    def join(self, person: Hashable, other: Hashable) -> None:
        """Move the votes on `other` to `person`: both are the same one; `other` is unknown afterwards.

        The result is as if all votes had been cast on `person`, if `other` was first seen within the
        lateness. What older votes on `other` confirmed stays, unless the older track has more for something
        else. If one of the two is excluded, both are.
        """
        if other in self._excluded:
            self.exclude(person)
        record = self._people.pop(other, None)
        self._excluded.discard(other)
        if person in self._excluded or person in self._ended:
            return
        if record is None:
            return
        known = self._record(person)
        for slot, state in record.slots.items():
            known.ids.difference_update(known.slot(slot).follow(state, self._rule))
        # In order of time over all slots: a vote that is much older than the newest is refused.
        open_events = [(*one, slot) for slot, state in record.slots.items() for one in state.pending]
        for (at, _, _), event, slot in sorted(open_events, key=lambda one: one[0]):
            if event is None:
                self.retract(person, slot, at)
            elif isinstance(event, Vote):
                self.observe(person, [event])
            else:
                self.withdraw(person, event)

    def exclude(self, person: Hashable) -> None:
        """Count nothing for this person, such as a member of the staff: no votes, no items, until the end."""
        self._people.pop(person, None)
        self._excluded.add(person)

    def value(self, person: Hashable) -> PersonValue:
        """Return the items now confirmed, ordered by slot, and their sum; empty for an unknown person."""
        record = self._people.get(person)
        slots = record.slots if record else {}
        items = (self._item(slot, slots[slot].head) for slot in sorted(slots))
        return total_of((item for item in items if item is not None), self.currency)

    def end(self, person: Hashable) -> PersonValue:
        """Return the last value and drop the votes; votes that still come for this person are refused."""
        value = self.value(person)
        self._people.pop(person, None)
        self._excluded.discard(person)
        self._ended[person] = None
        if len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)
        return value

    def forget(self, person: Hashable) -> None:
        """Drop all that is known of the person, that it ended too."""
        self._people.pop(person, None)
        self._excluded.discard(person)
        self._ended.pop(person, None)

    def explain(self, person: Hashable) -> list[str]:
        """Return a line per slot that was voted on: item, votes, price and its source; then the total."""
        if person in self._excluded:
            return ["excluded: not a customer"]
        record = self._people.get(person)
        lines, items = [], []
        for slot, state in sorted(record.slots.items()) if record else ():
            if item := self._item(slot, state.head):
                items.append(item)
                lines.append(line_of(item, state.head))
            else:
                lines.append(f"{slot}: {doubt_of(state.head, self._rule)}")
        total = total_of(items, self.currency).total
        money = display(total.amount_minor, self.currency)
        return [*lines, f"total: {money}, {total.items_priced} priced, {total.items_unpriced} unpriced"]

    def _item(self, slot: str, belief: SlotBelief) -> Item | None:
        brand, type_ = belief.brand.winner, belief.type.winner
        poll, winner = (belief.brand, brand) if brand is not None else (belief.type, type_)
        if winner is None:
            return None
        model = belief.model(brand)
        question = (brand, type_, slot) if model is None else (brand, type_, slot, model)
        price = self._lookup(*question)
        if price is not None and price.currency != self.currency:
            price = None
        if price is None and self._unknown is Unknown.OMIT:
            return None
        support = poll.support[winner]
        # Where nothing but the price list tells what it is, it is what the price list sells in that slot.
        sold = price.type if price is not None else None
        if sold is not None and type_ is not None and _names_better(sold, type_):
            type_ = sold  # seen as a top or a sweater, and the one top that the brand sells here is a jacket
        colour = belief.colour.winner if belief.colour else None
        return Item(
            slot,
            type_ or sold or slot,
            brand,
            support.confidence / support.looks,
            support.looks,
            price,
            colour,
        )


def _names_better(sold: str, seen: str) -> bool:
    """Return whether what the list sells, rather than what was seen, is the item's type.

    So where it is finer, and where the two are not mere look-alikes.
    """
    return seen in ancestors(sold) or (sold not in ancestors(seen) and akin(sold) != akin(seen))


def total_of(items: Iterable[Item], currency: str) -> PersonValue:
    """Return the items with the sum of their lines.

    >>> from pricing.value import Item, Price
    >>> bag = Item("bag", "handbag", "gucci", 0.9, 5, Price(129000, 110000, 148000, "EUR", "catalogue"))
    >>> total = total_of([bag, Item("shoes", "shoes", "nike", 0.8, 4)], "EUR").total
    >>> total.amount_minor, total.items_priced, total.items_unpriced
    (129000, 1, 1)
    """
    lines = tuple(items)
    amount = lowest = highest = estimated = priced = 0
    for item in lines:  # in one go: each frame sums up everybody in it
        price = item.price
        if price is not None:
            priced += 1
            amount += price.amount_minor
            lowest += price.min_minor
            highest += price.max_minor
            estimated += price.amount_minor if price.estimate else 0
    total = Total(amount, lowest, highest, currency, priced, len(lines) - priced, estimated)
    return PersonValue(lines, total)
