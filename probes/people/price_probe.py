"""The values of the persons of a file, frame by frame. A store's are kept by pipelines.floor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.frame import Kind
from probes.people.attribution import VoteBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pricing.ledger.ledger import Ledger
    from pricing.value import PersonValue
    from probes.answers import LookAnswer
    from probes.frame import Frame, TrackId


class PriceProbe:
    """Turns frames and look answers into the values of persons. Tracks not yet confirmed leave no trace."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._votes = VoteBuilder()

    def update(self, frame: Frame, answers: Iterable[LookAnswer] = ()) -> dict[TrackId, PersonValue]:
        """Take a frame and the answers that have come, of whichever cameras; value the frame's persons."""
        for track, votes in self._votes.of(frame, answers):
            self._ledger.observe(track, votes)
        for track, withdrawal in self._votes.withdrawn():
            self._ledger.withdraw(track, withdrawal)
        tracks = (person.track for person in frame.of(Kind.PERSON))
        return {track: self._ledger.value(track) for track in tracks if track is not None}

    def is_figure(self, track: TrackId) -> bool:
        """Return whether a track is that of a garment on a hanger, or of a figure, as far as looks show."""
        return self._votes.is_figure(track)

    def end(self, track: TrackId) -> PersonValue:
        """Return the person's last value and forget the track; answers still on their way are ignored."""
        self._votes.forget(track)
        return self._ledger.end(track)
