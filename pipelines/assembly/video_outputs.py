"""The outputs of pixels that a store file asks for, built, started, and changed while the store runs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pipelines.errors import BadInput
from pipelines.outputs.base import CameraSink
from pipelines.outputs.record import VideoRecorder
from pipelines.outputs.rtsp import RtspOutput
from pipelines.outputs.snapshot import NO_SNAPSHOTS, SnapshotOutput
from pricing.news import news
from probes.events.messages import same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pipelines.outputs.base import FrameSink
    from pipelines.outputs.watching import WatchListener
    from pipelines.settings.root import Settings
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

KEYS = ("snapshots", "record", "rtsp")


class VideoOutputs:
    """The outputs of a store by their keys, and more of the caller's. Changed by one thread."""

    def __init__(
        self,
        metrics: Metrics,
        more: Sequence[FrameSink] = (),
        on_watch: WatchListener | None = None,
        utc: Callable[[int], int] = same,
    ) -> None:
        """more: outputs besides the settings' own, such as the page's; closed with them.

        on_watch: told of who watches a stream. utc: turns a time of frames into UTC, both in ns.
        """
        self._metrics, self._more, self._on_watch, self._utc = metrics, tuple(more), on_watch, utc
        self._own: dict[str, CameraSink] = {}

    @property
    def sinks(self) -> tuple[FrameSink, ...]:
        """All outputs."""
        return (*self._more, *self._own.values())

    def build(self, settings: Settings) -> tuple[FrameSink, ...]:
        """Build those of the settings, ready for frames. BadInput where a port or folder cannot be had."""
        try:
            for key in KEYS:
                self._add(key, settings)
        except BaseException:
            for sink in self._own.values():
                sink.close()
            raise
        return self.sinks

    def replace(
        self, keys: Iterable[str], settings: Settings, use: Callable[[Sequence[FrameSink]], None]
    ) -> None:
        """Go on with other outputs of these keys. use: has frames published to the outputs given.

        The old one ends first: both would want one port or folder. One that cannot begin is logged, and off.
        """
        for key in keys:
            old = self._own.pop(key, None)
            use(self.sinks)
            if old:
                old.close()
            try:
                self._add(key, settings)
            except (BadInput, OSError) as error:
                extra = news("output_off", output=key, what=str(error))
                logger.error("outputs.%s: off until it is changed again: %s", key, error, extra=extra)
            use(self.sinks)

    def set_cameras(self, rates: Mapping[str, int], renewed: Iterable[str] = ()) -> None:
        """Go on with other cameras. rates: their frames a second; renewed: those whose rate differs."""
        for sink in self.sinks:
            if isinstance(sink, CameraSink):
                for camera in {*sink.cameras - rates.keys(), *renewed}:
                    sink.remove_camera(camera)
                for camera, rate in rates.items():
                    sink.add_camera(camera, rate)

    def take_picture(self, camera: str) -> str:
        """Have the next masked picture of a camera written now; return why not, empty where it is."""
        sink = self._own.get("snapshots")
        if not isinstance(sink, SnapshotOutput):
            return NO_SNAPSHOTS
        if camera not in sink.cameras:
            return f"camera {camera} is not running"
        sink.take_next(camera)
        return ""

    def close(self) -> None:
        """End all outputs."""
        for sink in self.sinks:
            sink.close()

    def _add(self, key: str, settings: Settings) -> None:
        sink = self._sink(key, settings)
        if sink is None:
            return
        try:
            for name, camera in settings.enabled_cameras().items():
                sink.add_camera(name, max(1, round(camera.fps)))
            if isinstance(sink, RtspOutput):
                sink.start()
        except BaseException:
            sink.close()
            raise
        self._own[key] = sink

    def _sink(self, key: str, settings: Settings) -> CameraSink | None:
        outputs, clients = settings.outputs, self._metrics.restream_clients
        if key == "snapshots" and (snapshots := outputs.snapshots) is not None:
            return SnapshotOutput(
                snapshots.folder,
                interval_s=snapshots.interval_s,
                max_mb=snapshots.max_mb,
                quality=snapshots.quality,
                utc=self._utc,
            )
        if key == "record" and (record := outputs.record) is not None:
            return VideoRecorder(
                record.folder,
                record.segment_s,
                record.max_mb,
                bitrate_kbit=record.bitrate_kbit,
                utc=self._utc,
            )
        if key == "rtsp" and (rtsp := outputs.rtsp) is not None:
            return RtspOutput(
                rtsp.bound.host,
                rtsp.bound.port,
                path=rtsp.path,
                bitrate_kbit=rtsp.bitrate_kbit,
                credentials=rtsp.login,
                on_viewers=lambda camera, count: clients.labels(camera).set(count),
                on_watch=self._on_watch,
            )
        return None
