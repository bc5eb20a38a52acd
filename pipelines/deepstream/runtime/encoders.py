"""Encoders that fail are started anew after a while; pictures of their camera and other cameras go on."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from pipelines.deepstream.graph.outlets import WALL
from pipelines.deepstream.runtime.retries import Retries
from pipelines.outputs.record import STEADY_S
from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.deepstream.runtime.built_pipeline import BuiltPipeline
    from pipelines.deepstream.runtime.valves import Valves

logger = logging.getLogger(__name__)

BRANCH: Final = ("cut_", "cutout_", "streamed_", "soft_", "softraw_", "encoder_", "parse_")
"""What encodes a camera, or the wall, behind its valves: those of these elements that are there, in order."""
CLOSE_S: Final = 3.0


class Encoders:
    """Restarts the encoders of a pipeline. `fail` and `check` by one thread, `close` by any."""

    def __init__(
        self,
        built: BuiltPipeline,
        valves: Valves,
        *,
        on_halt: Callable[[str], Any] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """on_halt: called with a camera that is encoded no more for a while."""
        self._built, self._valves, self._on_halt, self._clock = built, valves, on_halt, clock
        self._retries: dict[str, Retries] = {}
        self._threads: dict[str, threading.Thread] = {}
        """Those that wait to start an encoder anew, by camera."""
        self._changed = threading.Condition()
        self._closed = False

    def fail(self, camera: str, why: str) -> None:
        """Shut off an encoder that has failed, and have it started anew after a while. Does not wait."""
        with self._changed:
            if self._closed or camera in self._threads:
                return
            self._valves.halt(camera, halted=True)
            given = camera, self._retries_of(camera).fail(why)
            thread = threading.Thread(target=self._restart, args=given, name=f"encode-{camera}", daemon=True)
            self._threads[camera] = thread
            thread.start()
        self._on_halt(camera)

    def check(self) -> None:
        """Call an encoder mended that has encoded for a while; to be called now and then."""
        for camera, retries in self._retries.items():
            if self._clock() - retries.since >= STEADY_S and self._encodes(camera):
                retries.mend()

    def close(self) -> bool:
        """Start no more; return False where one hangs."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            threads = list(self._threads.values())
        ends = time.monotonic() + CLOSE_S
        for thread in threads:
            thread.join(max(0.0, ends - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _retries_of(self, camera: str) -> Retries:
        if camera not in self._retries:
            whose = "the picture of all cameras" if camera == WALL else f"camera {camera}"
            failed = f"{whose}: the encoder has failed; no stream, and no recording, until it starts again"
            outage = Outage(logger, failed, f"{whose}: encoded again")
            self._retries = {**self._retries, camera: Retries(outage)}
        return self._retries[camera]

    def _restart(self, camera: str, wait_s: float) -> None:
        """Start an encoder anew; where that fails, later again."""
        retries = self._retries[camera]
        names = [name for part in BRANCH if (name := part + camera) in self._built.graph.by_name]
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._closed, wait_s):
                    return
            try:
                self._built.restart(names)
            except Exception as error:  # whatever it was, the next try may succeed
                logger.debug("%s: the encoder cannot be started", camera, exc_info=True)
                wait_s = retries.fail(error if str(error) else type(error).__name__)
                continue
            with self._changed:
                retries.since = self._clock()
                del self._threads[camera]
                self._valves.halt(camera, halted=False)
            return

    def _encodes(self, camera: str) -> bool:
        return bool(self._built.element(f"encoder_{camera}").get_static_pad("src").has_current_caps())
