"""What a camera sends, seen for some seconds: its groups of pictures, their order, the camera's clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pipelines.cameras.closing import close_within
from pipelines.cameras.loss_guard import LossGuard
from pipelines.cameras.preflight import check_answer
from pipelines.cameras.source import SourceKind, SourceLost
from pipelines.cameras.states import Cause
from pipelines.cpu import gst
from pipelines.cpu.gst import Gst
from pipelines.cpu.source import GstSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.cameras.source import SourceSpec

NTP_EPOCH_S: Final = 2_208_988_800
"""Seconds from 1900, when NTP's time begins, to 1970."""
KEYS: Final = 3
"""Key frames after which the distance between them is known."""
_POLL_S: Final = 0.05


@dataclass(slots=True)
class StreamFacts:
    """What was seen. size: px of a picture; seconds: for how long; frames: coded pictures in that time.

    codec: as RTP names it. key_s: seconds between key frames, None where fewer than two came; reordered:
    pictures that are shown before one that was sent before them (B-frames). ahead_s: how far the camera's
    clock is ahead of this machine's, by RTCP; None where the camera does not say it. lost: why no more came.
    """

    size: tuple[int, int] = (0, 0)
    codec: str = ""
    seconds: float = 0.0
    frames: int = 0
    key_s: float | None = None
    reordered: bool = False
    ahead_s: float | None = None
    keys: list[float] = field(default_factory=list)
    lost: Cause = Cause.NONE

    @property
    def fps(self) -> float:
        """Coded pictures a second."""
        return self.frames / self.seconds if self.seconds else 0.0


class _Watch(LossGuard):
    """Takes note of what passes; in the streaming thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.codec, self.frames, self.reordered = "", 0, False
        self.begun: float | None = None
        self.keys: list[float] = []
        self._clock, self._shown_until = clock, 0

    def watch(self, depayloader: Any, parser: Any, codec: str = "") -> None:
        """See `LossGuard`."""
        self.codec = codec
        super().watch(depayloader, parser, codec)

    def _pass(self, pad: Any, info: Any) -> Any:
        buffer, now = info.get_buffer(), self._clock()
        self.begun = now if self.begun is None else self.begun
        self.frames += 1
        if not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT):
            self.keys.append(now)
        if buffer.pts != Gst.CLOCK_TIME_NONE:
            self.reordered |= buffer.pts < self._shown_until
            self._shown_until = max(self._shown_until, buffer.pts)
        return super()._pass(pad, info)


def look_at_stream(
    spec: SourceSpec,
    timeout_s: float,
    watch_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    now_s: Callable[[], float] = time.time,
) -> StreamFacts | None:
    """Watch an RTSP camera for `watch_s` after its first picture, less where all is known before.

    Returns None where no picture comes within `timeout_s` or the source is another kind; who wants to know
    why connects as a store does. Raises SourceLost before the first picture. Blocks.
    """
    if spec.kind is not SourceKind.RTSP:
        return None
    gst.init()
    check_answer(spec)
    watch, facts = _Watch(clock), StreamFacts()
    source = GstSource(spec, guard=watch)
    try:
        ends, report = clock() + timeout_s, 0
        while clock() < ends:
            if source.wait(_POLL_S):
                if not facts.frames:
                    picture = source.take()
                    facts.size, ends = (picture.width, picture.height), clock() + watch_s
                else:
                    source.take()
                facts.frames = max(1, watch.frames)
            if facts.ahead_s is None and (found := _sender_report(source.pipeline)) != report:
                facts.ahead_s = found / 2**32 - NTP_EPOCH_S - now_s() if report or found else None
                report = found
            if facts.ahead_s is not None and len(watch.keys) >= KEYS:
                break
    except SourceLost as lost:
        if not facts.frames:
            raise
        facts.lost = lost.cause
    finally:
        close_within(source, spec.camera)
    if not facts.frames:
        return None
    facts.codec, facts.reordered = watch.codec, watch.reordered
    facts.seconds = clock() - watch.begun if watch.begun is not None else 0.0
    facts.keys = watch.keys
    if len(watch.keys) > 1:
        facts.key_s = (watch.keys[-1] - watch.keys[0]) / (len(watch.keys) - 1)
    return facts


def _sender_report(pipeline: Any) -> int:
    """Return the NTP time of the camera's last RTCP sender report, in 2**-32 s since 1900; 0: none came."""
    manager = _rtp_manager(pipeline)
    session = manager.emit("get-internal-session", 0) if manager is not None else None
    if session is None:
        return 0
    stats = session.get_property("stats")  # the array below is its own: it must outlive it
    for source in stats.get_value("source-stats") or ():
        if source.get_value("have-sr") and not source.get_value("internal"):
            return int(source.get_value("sr-ntptime"))
    return 0


def _rtp_manager(pipeline: Any) -> Any:
    iterator = pipeline.iterate_recurse()
    while True:
        result, element = iterator.next()
        if result != Gst.IteratorResult.OK:
            return None
        factory = element.get_factory()
        if factory is not None and factory.get_name() == "rtpbin":
            return element
