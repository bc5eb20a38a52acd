"""Which cameras are suspended: those of lowest priority, and of equals each in its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TURN_S = 60.0
"""So long a camera is suspended, and then analysed, before its turn may end. Visits take minutes."""
LOOK_ROUND_S = 15.0
"""Until it shows whether anybody is in view of a camera that returns: 6 s to be followed, and a few more.
Once in TURN_S at most: meanwhile all have fewer frames than they should, and the load says nothing."""


class Turns:
    """Names the cameras to suspend. No clock and no I/O: `choose` is told all. One thread.

    The people of every camera get their looks for a while: who is never looked at is never announced. Those
    with nobody in view go first. One that had nobody looks round first, beside the others, before it takes
    the place of one that has somebody.

    >>> turns = Turns()
    >>> alike = {"door": 1, "till": 1}
    >>> [turns.choose(now, alike, 1, {"door": 2, "till": 1}) for now in (0, 59, 60, 120)]
    [('door',), ('door',), ('till',), ('door',)]
    """

    def __init__(self) -> None:
        self._suspended: tuple[str, ...] = ()
        self._since: dict[str, float] = {}
        self._turned_at = 0.0
        self._looks_round: str | None = None
        self._until = self._next_round_at = 0.0

    @property
    def looks_round(self) -> str | None:
        """The camera that is analysed beyond what is asked for: what the load says meanwhile is no rule."""
        return self._looks_round

    def choose(
        self, now: float, cameras: Mapping[str, int], count: int, people: Mapping[str, int]
    ) -> tuple[str, ...]:
        """Return the cameras to suspend now.

        cameras: priorities; of equals the first goes first. people: in view, of one that is suspended when it
        was analysed last.
        """
        self._since = {camera: self._since.get(camera, now) for camera in cameras}
        chosen = self._ranked(cameras, people)[:count]
        changed = set(chosen) != set(self._suspended)
        self._note(now, chosen)
        if changed or self._looks_round not in chosen:
            self._looks_round = None
        if self._looks_round is not None:
            if now < self._until:
                return tuple(camera for camera in chosen if camera != self._looks_round)
            back, self._looks_round = self._looks_round, None
            if people[back]:
                self._swap(now, back, cameras, people)
            else:
                self._since[back] = now
        elif chosen and now - self._turned_at >= TURN_S:
            self._turn(now, cameras, people)
        if self._looks_round is not None:
            return tuple(camera for camera in self._suspended if camera != self._looks_round)
        return self._suspended

    def _ranked(self, cameras: Mapping[str, int], people: Mapping[str, int]) -> list[str]:
        """Return the cameras, the first to suspend first; what is suspended is before its equals."""

        def rank(camera: str) -> tuple[int, bool, bool, float]:
            since = self._since[camera]
            if camera in self._suspended:
                return cameras[camera], False, False, -since  # the longest suspended returns first
            return cameras[camera], True, people[camera] > 0, since

        return sorted(cameras, key=rank)

    def _turn(self, now: float, cameras: Mapping[str, int], people: Mapping[str, int]) -> None:
        """Begin the next turn, where one is due."""
        last = max(cameras[camera] for camera in self._suspended)
        back = min((c for c in self._suspended if cameras[c] == last), key=self._since.__getitem__)
        goes = self._next(now, last, cameras, people)
        if goes is None or now - self._since[back] < TURN_S:
            return
        if not people[goes] or people[back]:
            self._swap(now, back, cameras, people)
        elif now >= self._next_round_at:
            self._looks_round, self._until = back, now + LOOK_ROUND_S
            self._next_round_at = now + TURN_S

    def _next(
        self, now: float, priority: int, cameras: Mapping[str, int], people: Mapping[str, int]
    ) -> str | None:
        ready = (
            camera
            for camera in cameras
            if cameras[camera] == priority
            and camera not in self._suspended
            and now - self._since[camera] >= TURN_S
        )
        return min(ready, key=lambda camera: (people[camera] > 0, self._since[camera]), default=None)

    def _swap(self, now: float, back: str, cameras: Mapping[str, int], people: Mapping[str, int]) -> None:
        goes = self._next(now, cameras[back], cameras, people)
        if goes is not None:
            self._note(now, [goes if camera == back else camera for camera in self._suspended])
            self._turned_at = now

    def _note(self, now: float, suspended: list[str]) -> None:
        """Note what is suspended from now on."""
        for camera in set(suspended) ^ set(self._suspended):
            self._since[camera] = now
        if len(suspended) > len(self._suspended):
            self._turned_at = now
        self._suspended = tuple(suspended)
