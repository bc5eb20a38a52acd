"""Encoders that fail are started anew after a while; what else leaves of their camera, and others, go on."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from pipelines.deepstream.graph.outlets import WALL
from pipelines.deepstream.runtime.retries import Retries
from pipelines.deepstream.runtime.valves import ALL, PICTURE, STREAM
from pipelines.outputs.record import STEADY_S
from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.deepstream.runtime.built_pipeline import BuiltPipeline
    from pipelines.deepstream.runtime.valves import Valves

logger = logging.getLogger(__name__)

BRANCHES: Final = {
    STREAM: ("cut_", "cutout_", "streamed_", "soft_", "softraw_", "encoder_", "parse_"),
    PICTURE: ("flat_", "flatraw_", "jpeg_"),
    ALL: ("copy_", "copied_"),
}
"""What encodes a camera, or the wall, behind its valves: those of these elements that are there, in order.

Of all that leaves, the copy behind the redactor; a redactor that failed is trusted no more.
"""
ENCODER: Final = {STREAM: "encoder_", PICTURE: "jpeg_", ALL: "copied_"}
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
        """on_halt: called with a camera whose stream is encoded no more for a while."""
        self._built, self._valves, self._on_halt, self._clock = built, valves, on_halt, clock
        self._retries: dict[tuple[str, str], Retries] = {}
        """By camera, and what is encoded."""
        self._threads: dict[tuple[str, str], threading.Thread] = {}
        """Those that wait to start an encoder anew."""
        self._changed = threading.Condition()
        self._closed = False

    def fail(self, camera: str, outlet: str, why: str) -> bool:
        """Shut off an encoder that has failed, and have it started anew after a while. Does not wait.

        outlet: the element of the graph that has failed; False where it is no part of an encoder.
        """
        what = next((what for what, branch in BRANCHES.items() if outlet.startswith(branch)), None)
        if what is None:
            return False
        with self._changed:
            if self._closed or (camera, what) in self._threads:
                return True
            self._valves.halt(camera, what, halted=True)
            given = camera, what, self._retries_of(camera, what).fail(why)
            thread = threading.Thread(target=self._restart, args=given, name=f"encode-{camera}", daemon=True)
            self._threads[camera, what] = thread
            thread.start()
        if what != PICTURE:
            self._on_halt(camera)
        return True

    def check(self) -> None:
        """Call an encoder mended that has encoded for a while; to be called now and then."""
        for (camera, what), retries in self._retries.items():
            if self._clock() - retries.since >= STEADY_S and self._encodes(camera, what):
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

    def _retries_of(self, camera: str, what: str) -> Retries:
        if (camera, what) not in self._retries:
            whose = "the picture of all cameras" if camera == WALL else f"camera {camera}"
            failed = f"{whose}: the encoder has failed; no stream, and no recording, until it starts again"
            again = f"{whose}: encoded again"
            if what == PICTURE:
                failed = f"{whose}: pictures cannot be encoded; none leaves until that works again"
                again = f"{whose}: pictures are encoded again"
            elif what == ALL:
                failed = f"{whose}: its frames cannot be copied; nothing leaves until that works again"
                again = f"{whose}: its frames are copied again"
            self._retries = {**self._retries, (camera, what): Retries(Outage(logger, failed, again))}
        return self._retries[camera, what]

    def _restart(self, camera: str, what: str, wait_s: float) -> None:
        """Start an encoder anew; where that fails, later again."""
        retries, elements = self._retries[camera, what], self._built.graph.by_name
        names = [name for part in BRANCHES[what] if (name := part + camera) in elements]
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._closed, wait_s):
                    return
            try:
                self._built.restart(names)
            except Exception as error:  # whatever it was, the next try may succeed
                logger.debug("%s: the encoder cannot be started", names[-1], exc_info=True)
                wait_s = retries.fail(error if str(error) else type(error).__name__)
                continue
            with self._changed:
                retries.since = self._clock()
                del self._threads[camera, what]
                self._valves.halt(camera, what, halted=False)
            return

    def _encodes(self, camera: str, what: str) -> bool:
        return bool(self._built.element(ENCODER[what] + camera).get_static_pad("src").has_current_caps())
