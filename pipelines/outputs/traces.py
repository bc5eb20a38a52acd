"""OpenTelemetry traces of single frames: where one frame's time went, sent by OTLP over HTTP."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from pipelines.version import VERSION
from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

CAPACITY: Final = 64
TIMEOUT_S: Final = 5.0
RESULTS: Final = ("sent", "failed", "dropped")


@dataclass(frozen=True, slots=True)
class FrameTrace:
    """One frame's way through the store. Times in UTC ns; stages: name, begin and end of each."""

    camera: str
    captured_at: int
    published_at: int
    stages: tuple[tuple[str, int, int], ...] = ()


class SendsTraces(Protocol):
    """What carries traces away."""

    def send(self, trace: FrameTrace) -> bool:
        """Send and wait, seconds at most; return whether it arrived."""

    def close(self) -> None:
        """End; a send that waits gives up."""


class OtlpService:
    """Makes spans of a trace and posts them, by OpenTelemetry's own SDK; the only class that knows it.

    url: of the collector, such as http://collector:4318/v1/traces. about: what the spans are of, by
    OpenTelemetry's resource names.
    """

    def __init__(self, url: str, headers: Mapping[str, str], about: Mapping[str, str]) -> None:
        # Its own log goes nowhere: it tells of every try, and what the collector answered.
        logging.getLogger("opentelemetry").propagate = False
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 loaded where a store asks for traces
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import SpanProcessor, TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON  # noqa: PLC0415

        ended: list[ReadableSpan] = []

        class Collected(SpanProcessor):
            """Keeps the spans of one frame until they are sent together."""

            def on_end(self, span: ReadableSpan) -> None:
                """Keep a span."""
                ended.append(span)

        self._ended = ended
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=Resource.create(dict(about)), shutdown_on_exit=False
        )
        self._provider.add_span_processor(Collected())
        self._tracer = self._provider.get_tracer("make-sales-happen", VERSION)
        self._exporter = OTLPSpanExporter(endpoint=url, headers=dict(headers), timeout=TIMEOUT_S)

    def send(self, trace: FrameTrace) -> bool:
        """Send a frame's spans in one request."""
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415
        from opentelemetry.trace import set_span_in_context  # noqa: PLC0415

        self._ended.clear()
        frame = self._tracer.start_span(
            "frame", start_time=trace.captured_at, attributes={"msh.camera": trace.camera}
        )
        inside = set_span_in_context(frame)
        for name, begin, end in trace.stages:
            self._tracer.start_span(name, context=inside, start_time=begin).end(end)
        frame.end(trace.published_at)
        return self._exporter.export(tuple(self._ended)) is SpanExportResult.SUCCESS

    def close(self) -> None:
        """Give up what is under way."""
        exporter: Any = self._exporter  # it has no annotations
        exporter.shutdown()


class FrameTraces:
    """Takes one frame of each camera every so often, and has a thread send it. `due` and `put` never wait.

    open_service: called by the thread before the first trace, for loading it takes a second. every_s: between
    two frames of a camera that are traced. utc: the UTC ns of a moment of the store's clock. clock: monotonic
    s.
    """

    def __init__(
        self,
        open_service: Callable[[], SendsTraces],
        every_s: float,
        metrics: Metrics,
        *,
        utc: Callable[[int], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open, self._every_s, self._utc, self._clock = open_service, every_s, utc, clock
        self._counter = metrics.traced_frames
        for result in RESULTS:
            self._counter.labels(result)
        self._next: dict[str, float] = {}
        self._queue: deque[FrameTrace] = deque()
        self._news = threading.Condition()
        self._stopping = False
        self._service: SendsTraces | None = None
        self._outage = Outage(
            logger, "traces are not delivered", "traces are delivered again", level=logging.WARNING
        )
        self._thread = threading.Thread(target=self._work, name="traces", daemon=True)

    def due(self, camera: str) -> bool:
        """Return whether this frame of the camera is one to trace; then none is for a while."""
        now = self._clock()
        if now < self._next.get(camera, 0.0):
            return False
        self._next[camera] = now + self._every_s
        return True

    def keep_only(self, cameras: Container[str]) -> None:
        """Forget all other cameras; in the thread that calls `due`."""
        self._next = {camera: at for camera, at in self._next.items() if camera in cameras}

    def put(
        self,
        camera: str,
        captured_at: int,
        published_at: int,
        stages: Sequence[tuple[str, int, int]],
    ) -> None:
        """Take a frame's times, by the store's clock, ns. A full queue drops its oldest."""
        trace = FrameTrace(
            camera,
            self._utc(captured_at),
            self._utc(published_at),
            tuple((name, self._utc(begin), self._utc(end)) for name, begin, end in stages),
        )
        with self._news:
            if len(self._queue) >= CAPACITY:
                self._queue.popleft()
                self._counter.labels("dropped").inc()
            self._queue.append(trace)
            self._news.notify()

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """End and wait for the thread; what waits is dropped, and a service that hangs is left behind."""
        with self._news:
            self._stopping = True
            self._news.notify()
        if self._service is not None:
            self._service.close()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _work(self) -> None:
        while (trace := self._take()) is not None:
            try:
                self._service = self._service or self._open()
                sent = self._service.send(trace)
                cause = "" if sent else "the collector does not answer, or refuses"
            except Exception as error:  # noqa: BLE001 a fault of the library must not end all traces
                cause = type(error).__name__
            self._counter.labels("failed" if cause else "sent").inc()
            if cause:
                self._outage.fail(cause, cause=cause)
            else:
                self._outage.recover()

    def _take(self) -> FrameTrace | None:
        with self._news:
            self._news.wait_for(lambda: bool(self._queue) or self._stopping)
            if self._stopping:
                for _ in self._queue:
                    self._counter.labels("dropped").inc()
                self._queue.clear()
                return None
            return self._queue.popleft()
