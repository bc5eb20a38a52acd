"""Who watches which camera on the page, and at what size and rate; the same on every platform."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from probes.redaction.masked_by import MaskedBy

WIDTHS = (320, 640, 960, 1280)
"""What a viewer's width is rounded up to: few sizes, so that viewers share them."""
MAX_FPS = 30
EARLY = 0.8
"""Share of its interval after which a frame is in time: cameras are not exactly regular."""


class WatchListener(Protocol):
    """Is told of each viewer: when it begins, and when it ends with how many seconds it watched."""

    def __call__(self, camera: str, address: str, seconds: float | None) -> None:
        """Take it."""


@dataclass(frozen=True, slots=True)
class LivePicture:
    """A JPEG, when its frame was captured (UTC ns), and the size of that frame before it was scaled.

    masked_by: asked before each picture is sent.
    """

    camera: str
    jpeg: bytes
    captured_at: int
    frame_size: tuple[int, int]
    masked_by: MaskedBy


@dataclass(eq=False, slots=True)
class LiveViewer:
    """One who watches a camera at a width; on_picture is called in the encoder's thread and must not wait."""

    camera: str
    width: int
    interval_s: float
    on_picture: Callable[[LivePicture], None]
    due: float = float("-inf")


class LiveViewers(ABC):
    """Live redacted pictures of a running store: who watches which camera. From any thread."""

    def __init__(self, cameras: Iterable[str], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._watches: dict[str, tuple[LiveViewer, ...]] = dict.fromkeys(cameras, ())
        self._watching = threading.Lock()
        self.encoded = 0

    @property
    def cameras(self) -> frozenset[str]:
        """The cameras that may be watched."""
        return frozenset(self._watches)

    def watch(
        self,
        camera: str,
        on_picture: Callable[[LivePicture], None],
        *,
        width: int = WIDTHS[-1],
        fps: float = MAX_FPS,
    ) -> LiveViewer:
        """Call on_picture with each new picture, at most `fps` a second; KeyError for an unknown camera.

        Pictures may be wider than asked for, where the platform has no such size, but never narrower than
        both that and the camera's. None was captured long before the watch.
        """
        if camera not in self.cameras:
            raise KeyError(camera)
        width = next((w for w in WIDTHS if w >= width), WIDTHS[-1])
        watch = LiveViewer(camera, width, 1 / min(max(fps, 0.1), MAX_FPS), on_picture)
        with self._watching:
            before = self._watches[camera]
            self._watches[camera] = (*before, watch)
            self._changed(camera, len(before), len(before) + 1)
        return watch

    def unwatch(self, watch: LiveViewer) -> None:
        """Stop calling; a call under way may still come."""
        with self._watching:
            before = self._watches.get(watch.camera, ())
            if watch not in before:  # its camera was taken out meanwhile
                return
            self._watches[watch.camera] = after = tuple(w for w in before if w is not watch)
            self._changed(watch.camera, len(before), len(after))

    def watched(self, camera: str) -> int:
        """Return how many watches a camera has."""
        return len(self._watches.get(camera, ()))

    @abstractmethod
    def age_s(self, camera: str) -> float | None:
        """Return how long ago the camera's last frame was redacted, whether or not it was encoded."""

    def _changed(self, camera: str, before: int, after: int) -> None:  # noqa: B027 not every platform minds
        """Take how many watched and how many watch now; called under the lock."""

    def _due(self, camera: str, now: float) -> list[LiveViewer]:
        return [watch for watch in self._watches.get(camera, ()) if now >= watch.due]

    def _hand_out(
        self,
        due: Sequence[LiveViewer],
        now: float,
        width_of: Callable[[int], int],
        make: Callable[[int], LivePicture],
    ) -> None:
        """Give a picture to those who are due one, each width made once. width_of: what a width becomes."""
        made: dict[int, LivePicture] = {}
        for watch in due:
            width = width_of(watch.width)
            if width not in made:
                made[width] = make(width)
                self.encoded += 1
            if made[width].masked_by.in_force:
                watch.due = now + EARLY * watch.interval_s
                watch.on_picture(made[width])
