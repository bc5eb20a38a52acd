"""The outputs that a store file asks for, built and started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.outputs.record import VideoRecorder
from pipelines.outputs.rtsp import RtspOutput
from pipelines.outputs.snapshot import SnapshotOutput

if TYPE_CHECKING:
    from pipelines.outputs.base import FrameSink
    from pipelines.settings.root import Settings
    from probes.metrics import Metrics


def build_sinks(settings: Settings, metrics: Metrics) -> list[FrameSink]:
    """Return the outputs of pixels, ready for frames. BadInput where a port or folder cannot be had."""
    outputs, cameras = settings.outputs, settings.enabled_cameras()
    sinks: list[FrameSink] = []
    try:
        if (snapshots := outputs.snapshots) is not None:
            pictures = SnapshotOutput(
                snapshots.folder,
                interval_s=snapshots.interval_s,
                max_mb=snapshots.max_mb,
                quality=snapshots.quality,
            )
            sinks.append(pictures)
            for name in cameras:
                pictures.add_camera(name)
        if (record := outputs.record) is not None:
            recorder = VideoRecorder(
                record.folder, record.segment_s, record.max_mb, bitrate_kbit=record.bitrate_kbit
            )
            sinks.append(recorder)
            for name, camera in cameras.items():
                recorder.add_camera(name, max(1, round(camera.fps)))
        if (rtsp := outputs.rtsp) is not None:
            streams = RtspOutput(
                rtsp.bound.host,
                rtsp.bound.port,
                path=rtsp.path,
                bitrate_kbit=rtsp.bitrate_kbit,
                credentials=rtsp.login,
                on_viewers=lambda camera, count: metrics.restream_clients.labels(camera).set(count),
            )
            sinks.append(streams)
            for name, camera in cameras.items():
                streams.add_camera(name, max(1, round(camera.fps)))
            streams.start()
    except BaseException:
        for sink in sinks:
            sink.close()
        raise
    return sinks
