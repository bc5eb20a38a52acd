"""Which parts of a look may be left out, because they would hardly learn anything new."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from engines.marks.types import Route
from pricing.slots import slot_of
from probes.recognition.look_history import remember
from probes.recognition.look_scheduler import ROUND

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from probes.answers import LookAnswer
    from probes.frame import TrackId
    from probes.recognition.look import Look

EVERY = 3
"""One look in so many includes keypoints and patterns, though it is no better than those before; and one in
so many asks what somebody wears of whom all that is confirmed."""
ASK_AGAIN_NS = 2_000_000_000
"""A look so much later, ns, than the last that asked what is worn asks again: marks that a GPU finds are
placed by it for six seconds."""
WORDS_OF_ROUND = 2
"""So many looks in a row, the first ones of each round but the first, read words of whom none were read: as
many of them as one in EVERY, and once one of them reads a text, enough of the round is left to confirm it."""
_DEAR = frozenset({Route.EMBLEM, Route.PATTERN})
_WORDS = frozenset({Route.WORDS})
_NONE: frozenset[Route] = frozenset()
_NOTHING: frozenset[str] = frozenset()


class RoutePace:
    """Leaves out of a look what takes much time and would hardly tell anything new.

    Most people show neither keypoints nor patterns of a brand. A look includes both if it is clearly better
    than all before, once in EVERY, and always after a look of that person that saw an emblem or a pattern:
    then they decide. Words are part of each look of a person's first round, for who walks by has no other;
    then of WORDS_OF_ROUND looks of each round, until one was read, of whatever brand or none: most people
    wear no text. What is worn is asked less often where it is known. From any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spared: dict[TrackId, int] = {}
        self._seen: dict[TrackId, None] = {}
        self._texts: dict[TrackId, bool] = {}
        self._looks: dict[TrackId, int] = {}
        self._worn: dict[TrackId, frozenset[str]] = {}
        self._settled: dict[TrackId, frozenset[str]] = {}
        self._undressed: dict[TrackId, tuple[int, int]] = {}

    def without(self, look: Look) -> frozenset[Route]:
        """Return the routes to leave out of this look, and count it."""
        track = look.track
        with self._lock:
            words = _NONE if self._seeks_words(track) else _WORDS
            if look.fine:
                self._spared.pop(track, None)
                return _NONE
            spared = self._spared.pop(track, 0) + 1
            remember(self._spared, track, spared % EVERY)
            return words if spared == EVERY or track in self._seen else _DEAR | words

    def _seeks_words(self, track: TrackId) -> bool:
        looks = self._looks.pop(track, 0)
        remember(self._looks, track, looks + 1)
        return looks < ROUND or looks % ROUND < WORDS_OF_ROUND or self._texts.get(track) is not False

    def reads_quickly(self, look: Look) -> bool:
        """Return whether words are sought quickly: a look before read none, and this one is no better."""
        return not look.fine and self._texts.get(look.track) is False

    def asks_clothes(self, look: Look, confirmed: AbstractSet[str]) -> bool:
        """Return whether this look asks what is worn, and count it. confirmed: the slots known already.

        Not where the last two that asked saw the same slots and all of them are confirmed: then one in EVERY
        asks, which sees a coat put on or a bag taken up, and, as that is not confirmed, all that follow.
        """
        track, at = look.track, look.frame.captured_at
        with self._lock:
            slots = self._settled.get(track, _NOTHING)
            spared, asked = self._undressed.pop(track, (0, at - ASK_AGAIN_NS))
            is_known = bool(slots) and slots <= confirmed and 0 <= at - asked < ASK_AGAIN_NS
            if look.fine or not is_known or spared + 1 == EVERY:
                remember(self._undressed, track, (0, at))
                return True
            remember(self._undressed, track, (spared + 1, asked))
            return False

    def note(self, answer: LookAnswer) -> None:
        """Take what a look found."""
        with self._lock:
            if answer.worn:
                slots = frozenset(slot_of(one.type) for one in answer.worn)
                same = self._worn.pop(answer.track, None) == slots
                remember(self._worn, answer.track, slots)
                self._settled.pop(answer.track, None)
                if same and answer.bare:
                    remember(self._settled, answer.track, slots)
            if answer.words is not None:
                remember(self._texts, answer.track, self._texts.pop(answer.track, False) or answer.words > 0)
            if any(mark.route in _DEAR for mark in answer.marks):
                self._seen.pop(answer.track, None)
                remember(self._seen, answer.track, None)
