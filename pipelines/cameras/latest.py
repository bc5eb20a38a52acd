"""The newest item of each camera: what stands between the cameras and a thread that is slower than they."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

STARVED_S = 5.0
"""A camera that has waited for its turn for so long gets it, however old its item is."""
SOON_S = 2.0
"""Only who gives items so often loses one by its age: the next will be fresh."""
FAIR_TURNS = 3
"""Nor a camera that lost one already, where another had so many turns since."""
NOBODY: Final = Counter[str]()
LATE_S = 0.05
"""So much later than by its camera's rate may an item come that is waited for."""


class LatestPerCamera(Generic[T]):
    """One slot per camera. Producers never wait; one consumer takes at most one item of each camera.

    on_drop(camera, reason): called in the producer's thread, without any lock held, for each item that
    nobody will see; reason is "superseded" (a newer one came first), "removed" (camera or all closed), or
    "stale", in the consumer's thread: it waited for longer than max_age_s, the next comes within SOON_S, and
    its camera had a turn in the last STARVED_S. With that bound whose turn was longest ago is first, and who
    lost an item by age keeps that place: the next one is waited for where no other grows too old meanwhile.
    on_replaced(camera, item): takes items that a newer one replaced; on_drop does not hear of them then.
    cameras: those whose items are taken, besides those of `add`; None: those of any.

    >>> frames = LatestPerCamera()
    >>> frames.put("door", "first")
    >>> frames.put("door", "second")
    >>> frames.take(0.2)
    ['second']
    """

    def __init__(
        self,
        on_drop: Callable[[str, str], None] = lambda camera, reason: None,
        *,
        cameras: Iterable[str] | None = None,
        on_replaced: Callable[[str, T], None] | None = None,
        max_age_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_drop, self._max_age_s, self._clock = on_drop, max_age_s, clock
        self._on_replaced = on_replaced or (lambda camera, _: on_drop(camera, "superseded"))
        self._ready = threading.Condition()
        self._slots: dict[str, T] = {}
        self._put_at: dict[str, float] = {}
        self._fresh_at: dict[str, float] = {}
        self._every_s: dict[str, float] = {}
        self._turn_at: dict[str, float] = {}
        self._owed: dict[str, Counter[str]] = {}
        """The cameras that lost an item by its age and had no turn since: how many each other had."""
        self._cameras = None if cameras is None else set(cameras)
        self._closed = self._woken = False

    def put(self, camera: str, item: T) -> None:
        """Leave the item; one of the same camera that still lies there is replaced."""
        with self._ready:
            gone = self._closed or (self._cameras is not None and camera not in self._cameras)
            replaced = None if gone else self._slots.get(camera)
            if not gone:
                self._slots[camera] = item
                now = self._clock()
                self._every_s[camera] = now - self._put_at.get(camera, -math.inf)
                self._put_at[camera] = self._fresh_at[camera] = now
                self._ready.notify()
        if gone:
            self._on_drop(camera, "removed")
        elif replaced is not None:
            self._on_replaced(camera, replaced)

    def waits(self, camera: str) -> bool:
        """Return whether an item of the camera waits for the consumer."""
        return camera in self._slots

    def freshen(self, camera: str, item: T) -> T:
        """Leave the item in place of the one that waits, and return that; no item more is taken for it.

        Where none waits (any more) the item itself is returned.
        """
        with self._ready:
            if camera in self._slots:
                item, self._slots[camera] = self._slots[camera], item
                self._fresh_at[camera] = self._clock()
        return item

    def take(self, timeout_s: float, limit: int | None = None) -> list[T]:
        """Return the newest item of each camera, at most `limit`, the longest waiting camera first.

        Waits up to timeout_s for the first one; empty after that, after `wake`, and at once when closed.
        """
        with self._ready:
            stale, cameras = self._wait(timeout_s)
            if self._max_age_s is not None:
                self._note_turns(cameras[:limit])
            taken = [self._slots.pop(camera) for camera in cameras[:limit]]
        for camera in stale:
            self._on_drop(camera, "stale")
        return taken

    def _wait(self, timeout_s: float) -> tuple[list[str], list[str]]:
        """Wait for what can be taken; return whose items were too old, and the cameras in their order."""
        ends_at, stale = time.monotonic() + timeout_s, list[str]()
        while True:
            stale += self._take_stale()
            # A dict keeps a camera's place while its item is replaced, so no camera can starve another.
            cameras = list(self._slots)
            if self._max_age_s is not None:
                cameras.sort(key=self._had_turn)
            owed_s = self._comes_in(cameras[0]) if cameras else 0.0
            left_s = ends_at - time.monotonic()
            ready = cameras and not owed_s
            if ready or self._closed or self._woken or left_s <= 0:
                self._woken = False
                return stale, [] if owed_s else cameras
            self._ready.wait(min(left_s, owed_s or left_s))

    def _note_turns(self, cameras: list[str]) -> None:
        self._turn_at |= dict.fromkeys(cameras, self._clock())
        for camera in cameras:
            self._owed.pop(camera, None)
        for others in self._owed.values():
            others.update(cameras)

    def _had_turn(self, camera: str) -> float:
        return self._turn_at.get(camera, -math.inf)

    def _comes_in(self, first: str) -> float:
        """Return for how long an item is awaited that goes before that of `first`; 0 where none is.

        Its camera is owed a turn, and the other item is not too old by then.
        """
        now, turn_at = self._clock(), self._had_turn(first)
        latest = self._fresh_at[first] + (self._max_age_s or 0.0) - LATE_S
        due = (
            self._put_at[camera] + self._every_s[camera] + LATE_S
            for camera in self._owed
            if camera not in self._slots and self._had_turn(camera) < turn_at
        )
        return max(0.0, min((at for at in due if now < at <= latest), default=now) - now)

    def _take_stale(self) -> list[str]:
        """Take out what is too old to be worth the work, and return whose it was."""
        if self._max_age_s is None:
            return []
        now, stale = self._clock(), []
        for camera in list(self._slots):
            is_old = now - self._fresh_at[camera] > self._max_age_s
            had_turn = now - self._had_turn(camera) < STARVED_S
            is_fair = max(self._owed.get(camera, NOBODY).values(), default=0) < FAIR_TURNS
            if is_old and had_turn and is_fair and self._every_s[camera] <= SOON_S:
                del self._slots[camera]
                self._owed.setdefault(camera, Counter())
                stale.append(camera)
        return stale

    def wake(self) -> None:
        """Have the consumer return from `take` now."""
        with self._ready:
            self._woken = True
            self._ready.notify()

    def add(self, camera: str) -> None:
        """Take a camera's items from now on."""
        with self._ready:
            if self._cameras is not None:
                self._cameras.add(camera)

    def remove(self, camera: str) -> None:
        """Forget the camera: its item vanishes, and late ones are dropped where cameras were named."""
        with self._ready:
            if self._cameras is not None:
                self._cameras.discard(camera)
            for kept in (
                self._slots,
                self._put_at,
                self._fresh_at,
                self._every_s,
                self._turn_at,
                self._owed,
            ):
                kept.pop(camera, None)
            for others in self._owed.values():
                del others[camera]

    def close(self) -> None:
        """Drop everything and wake the consumer, for good."""
        with self._ready:
            self._closed = True
            self._slots.clear()
            self._ready.notify_all()

    @property
    def closed(self) -> bool:
        """Return whether `close` was called."""
        return self._closed

    def __len__(self) -> int:
        with self._ready:
            return len(self._slots)
