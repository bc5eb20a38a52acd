"""What is believed of one slot of one person: brand, type, model and colour, by the looks so far."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pricing.ledger.votes import MAX_VALUES, LookVotes, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from pricing.ledger.votes import ConfirmRule, Vote

MAX_WINDOW = 512


class SlotBelief:
    """What is believed of one slot after the votes so far, which must be added in order of time.

    Brand and type are counted separately, so that a mark refines the bag that the detector saw and never adds
    a second one. Models are counted for each brand that they were told with; those told without one (None)
    count for each, too. Bounded: the looks of one window (at most MAX_WINDOW), MAX_VALUES values.
    """

    __slots__ = ("brand", "colour", "models", "stretch", "type", "window")

    def __init__(self) -> None:
        self.window: deque[LookVotes] = deque()
        self.brand = Tally()
        self.type = Tally()
        self.models: dict[str | None, Tally] = {}
        self.colour: Tally | None = None
        self.stretch = 1.0

    def copy(self) -> SlotBelief:
        """Return a belief of its own in the same state."""
        twin = SlotBelief()
        twin.window, twin.brand, twin.type = self.window.copy(), self.brand.copy(), self.type.copy()
        twin.models = {brand: tally.copy() for brand, tally in self.models.items()}
        twin.colour = self.colour.copy() if self.colour else None
        twin.stretch = self.stretch
        return twin

    def model(self, brand: str | None) -> str | None:
        """Return the model that is confirmed, if the thing is of that brand; None where none is."""
        tally = self.models.get(brand, self.models.get(None))
        return tally.winner if tally else None

    def add(self, vote: Vote, rule: ConfirmRule) -> None:
        """Add the next vote in order of time."""
        if vote.look:
            self.stretch = vote.stretch
        self._expire(vote.at, rule)
        window = self.window
        if vote.model is not None and vote.brand not in self.models:
            self._count_models_of(vote.brand)
        if vote.colour is not None and self.colour is None:
            self.colour = Tally()
        name = vote.look or vote.id
        place = _of(window, vote.at, name)
        before = None if place is None else window[place]
        after = LookVotes(vote.at, name, (*before.votes, vote) if before else (vote,))
        if place is None:
            window.append(after)
        else:
            window[place] = after
        for tally, value in self._tallies():
            tally.change(before.support(value) if before else {}, after.support(value))
            tally.decide(rule.min_votes)

    def _expire(self, now: int, rule: ConfirmRule) -> None:
        """Take what no longer counts out of the window."""
        window, before = self.window, now - rule.window_ns
        looks_before = now - rule.looks_ns(self.stretch)
        gone = []
        while window and (window[0].at < looks_before or len(window) >= MAX_WINDOW):
            gone.append(window.popleft())
        if looks_before < before and any(not one.is_look and one.at < before for one in window):
            gone += [one for one in window if not one.is_look and one.at < before]
            window = self.window = deque(one for one in window if one.is_look or one.at >= before)
        for old in gone:
            for tally, value in self._tallies():
                tally.expire(old.support(value))

    def withdraw(self, brand: str | None, rule: ConfirmRule) -> None:
        """Remove a brand and all votes for it; None: all votes without a brand, with the types they told.

        Models go with the votes that told them.
        """
        remaining = (
            LookVotes(look.at, look.name, tuple(vote for vote in look.votes if vote.brand != brand))
            for look in self.window
        )
        self.window = deque(look for look in remaining if look.votes)
        if brand is not None:
            self.brand.drop(brand)
        else:
            self.type, self.colour = self._recounted(_type), Tally() if self.colour else None
        self.models.pop(brand, None)
        if brand is None:
            self.models = {one: self._recounted(_model_of(one)) for one in self.models}
        for tally, value in self._tallies():
            tally.recent.clear()
            for look in self.window:
                for name, support in look.support(value).items():
                    tally.count(name, support.looks, support.weight)
            tally.decide(rule.min_votes)

    def _count_models_of(self, brand: str | None) -> None:
        """Count models for one brand more; those told without a brand so far are its own, too."""
        if len(self.models) >= MAX_VALUES:
            kept = {None, *self.brand.support}
            self.models = {one: tally for one, tally in self.models.items() if one in kept}
        self.models[brand] = self._models_of(brand)

    def _models_of(self, brand: str | None) -> Tally:
        """Return a tally of its own of the models of a brand."""
        known = self.models.get(brand, self.models.get(None))
        return known.copy() if known else Tally()

    def _recounted(self, value: Callable[[Vote], str | None]) -> Tally:
        """Return what the votes in the window say, without any before."""
        tally = Tally()
        for look in self.window:
            tally.change({}, look.support(value))
        return tally

    def follow(self, later: SlotBelief) -> None:
        """Add what is believed by later votes on the same slot."""
        self.window = deque(sorted((*self.window, *later.window), key=_at))
        self.stretch = later.stretch
        self.brand.follow(later.brand)
        self.type.follow(later.type)
        told = {**self.models, **later.models}
        models = {brand: self._models_of(brand) for brand in told}
        for brand, tally in models.items():
            tally.follow(later._models_of(brand))
        self.models = models
        if later.colour is not None:
            self.colour = self.colour or Tally()
            self.colour.follow(later.colour)

    def _tallies(self) -> tuple[tuple[Tally, Callable[[Vote], str | None]], ...]:
        both = ((self.brand, _brand), (self.type, _type))
        if not self.models and self.colour is None:
            return both
        models = ((tally, _model_of(brand)) for brand, tally in self.models.items())
        return (*both, *models, *(((self.colour, _colour),) if self.colour is not None else ()))


def _at(look: LookVotes) -> int:
    return look.at


def _brand(vote: Vote) -> str | None:
    return vote.brand


def _type(vote: Vote) -> str | None:
    return vote.type


def _model_of(brand: str | None) -> Callable[[Vote], str | None]:
    """Return what tells of a vote the model that it names, if that may be one of the brand's."""
    return lambda vote: vote.model if vote.brand in (brand, None) else None


def _colour(vote: Vote) -> str | None:
    return vote.colour


def _of(window: deque[LookVotes], at: int, name: str) -> int | None:
    """Return the index of the look with that time and name; it can only be at the end of the window."""
    for place in range(len(window) - 1, -1, -1):
        if window[place].at != at:
            return None
        if window[place].name == name:
            return place
    return None
