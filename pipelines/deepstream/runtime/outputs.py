"""What leaves the DeepStream pipeline: streams that it has encoded, pictures, recordings; all redacted."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from pipelines.deepstream.checks.privacy_proof import Proof
from pipelines.deepstream.graph.outlets import WALL
from pipelines.deepstream.runtime.elements import Gst
from pipelines.deepstream.runtime.pictures import TIMEOUT_S, PictureBranches
from pipelines.deepstream.runtime.sink_pictures import SinkPictures
from pipelines.deepstream.runtime.valves import PICTURE, STREAM
from pipelines.gst_structure import caps_structure, structure_of
from pipelines.outputs.disk import OutputFailed, stamp, trim, write_whole
from pipelines.outputs.gst import GstVideo, plays
from pipelines.outputs.no_picture import encoded
from pipelines.outputs.record import GAP_S
from pipelines.outputs.rtsp import RtspOutput
from pipelines.outputs.snapshot import NO_SNAPSHOTS
from pricing.outage import CameraOutages, Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from pipelines.deepstream.interfaces import Analysis
    from pipelines.deepstream.runtime.recordings import Recordings
    from pipelines.deepstream.runtime.valves import Valves
    from pipelines.outputs.base import PictureSink
    from pipelines.outputs.no_picture import Card
    from pipelines.outputs.watching import WatchListener
    from pipelines.settings.outputs import SnapshotsConfig
    from pipelines.settings.root import Settings
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

_PLAIN = Gst.BufferCopyFlags.FLAGS | Gst.BufferCopyFlags.MEMORY
ON_THE_WAY = 16
"""More frames of a stream never lie between the probe and its viewers: queues hold one, encoders some."""
HOUSEKEEPING_S = 0.5
TRIM_EVERY_S = 10.0


class EncodedRtsp(RtspOutput):
    """An RTSP server that hands on what the pipeline has encoded; a stream is encoded while it is watched."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        path: str,
        credentials: tuple[str, str] | None = None,
        pipeline: Any,
        want: Callable[[str, bool], None],
        on_viewers: Callable[[str, int], None],
        on_watch: WatchListener | None = None,
    ) -> None:
        """want(camera, wanted) opens and shuts a camera's encoder."""
        super().__init__(
            host, port, path=path, credentials=credentials, on_viewers=on_viewers, on_watch=on_watch
        )
        self._pipeline, self._want = pipeline, want
        self._begun: dict[str, Any] = {}
        self._left_out: dict[str, int] = {}
        self._connected_to: set[str] = set()

    def add_camera(self, camera: str, fps: int = 10) -> None:
        """Offer the stream of the appsink `stream_CAMERA`; also of a camera that comes back."""
        super().add_camera(camera, fps)
        if camera in self._connected_to:
            return
        self._connected_to.add(camera)
        sink = self._pipeline.get_by_name(f"stream_{camera}")
        sink.set_property("emit-signals", True)
        sink.connect("new-sample", self._sample, camera)

    def forget_pictures(self, camera: str) -> None:
        """Hand on nothing more that was masked by now; viewers go on with a key frame of what comes next.

        Neither of a camera's stream nor of the wall, where it is one of many.
        """
        with self._lock:
            for name in {camera, WALL} & self._streams.keys():
                self._left_out[name] = ON_THE_WAY

    def _leaves_out(self, camera: str) -> bool:
        """Return whether an encoded frame may still be one of before its camera's masks changed."""
        if camera not in self._left_out:
            return False
        with self._lock:
            self._left_out[camera] -= 1
            if self._left_out[camera] > 0:
                return True
            del self._left_out[camera]
        self._begun.pop(camera, None)
        never = Gst.CLOCK_TIME_NONE
        self._pipeline.get_by_name(f"encoder_{camera}").send_event(
            GstVideo.video_event_new_upstream_force_key_unit(never, True, 0)
        )
        return True

    def _sample(self, sink: Any, camera: str) -> Any:
        """Hand a frame on, from the first keyframe of each new media. In the encoder's thread."""
        sample = sink.emit("pull-sample")
        if self._leaves_out(camera):
            return Gst.FlowReturn.OK
        stream = self._streams.get(camera)
        media: Any = stream.media if stream else None
        if sample is None or stream is None or media is None or not plays(media.source):
            return Gst.FlowReturn.OK
        with media.lock:
            self._hand_on(sample, camera, stream, media)
        return Gst.FlowReturn.OK

    def _hand_on(self, sample: Any, camera: str, stream: Any, media: Any) -> None:
        buffer = sample.get_buffer()
        if self._begun.get(camera) is not media:
            if buffer.has_flags(Gst.BufferFlags.DELTA_UNIT):
                return
            self._begun[camera] = media
        if media.size is None:
            shape = caps_structure(sample.get_caps())
            media.size = shape["width"], shape["height"]
        media.note_picture()
        # Without its timestamps, so that appsrc gives it new ones: encoders shift theirs by hours.
        fresh = buffer.copy_region(_PLAIN, 0, buffer.get_size())
        if media.source.push_buffer(fresh) != Gst.FlowReturn.OK:
            stream.dropped += 1

    def _show_card(self, camera: str, stream: Any, media: Any, card: Card) -> None:
        """Hand on a card as a key frame; the camera's stream then begins anew with one of its own."""
        before, unit = media.picture_at, encoded(card)
        with media.lock:
            if media.picture_at != before:  # a card amid the camera's own frames would smear them
                return
            self._begun.pop(camera, None)
            media.source.push_buffer(Gst.Buffer.new_wrapped(unit))

    def _launch(self, _fps: int) -> str:
        return (
            "( appsrc name=in is-live=true do-timestamp=true format=time max-bytes=0 max-buffers=120"
            " leaky-type=downstream caps=video/x-h264,stream-format=byte-stream,alignment=au"
            " ! h264parse name=encoder ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
        )

    def _configured(self, factory: Any, media: Any, camera: str, stream: Any) -> None:
        super()._configured(factory, media, camera, stream)
        source = media.get_element().get_by_name_recurse_up("in")
        source.get_static_pad("src").add_probe(
            Gst.PadProbeType.EVENT_UPSTREAM, self._on_upstream_event, camera
        )
        media.connect("unprepared", lambda _media: self._want(camera, stream.media is not None))
        self._want(camera, True)

    def _on_upstream_event(self, _pad: Any, info: Any, camera: str) -> Any:
        """Pass a viewer's force-key-unit event to the encoder in the other pipeline."""
        event = info.get_event()
        structure = structure_of(event)
        if structure is not None and structure.get_name() == "GstForceKeyUnit":
            self._pipeline.get_by_name(f"encoder_{camera}").send_event(event.copy())
        return Gst.PadProbeReturn.OK


class DeepStreamOutputs:
    """All outputs of pixels of a DeepStream store. `start`, then `close`; both once."""

    def __init__(
        self,
        settings: Settings,
        pipeline: Any,
        valves: Valves,
        metrics: Metrics,
        *,
        proof: Proof,
        analysis: Analysis,
        cameras: Mapping[str, int],
        now_ns: Callable[[], int] = time.time_ns,
        on_watch: WatchListener | None = None,
        sinks: Sequence[PictureSink] = (),
        recordings: Recordings | None = None,
    ) -> None:
        """cameras: frames per second by camera.

        proof: that this pipeline shows only what is redacted; without it, TypeError. on_watch: told of who
        watches a stream. sinks: outputs that want a masked picture now and then. recordings: None where
        nothing is recorded.
        """
        if not isinstance(proof, Proof):
            raise TypeError("outputs belong only to a pipeline that has been proven")
        self._settings, self._pipeline, self._valves = settings.outputs, pipeline, valves
        self._cameras, self._now_ns = dict(cameras), now_ns
        self._running = frozenset(self._cameras)
        self.pictures = PictureBranches(pipeline, valves, self._cameras, analysis.newest)
        self._sink_pictures = SinkPictures(
            self.pictures,
            sinks,
            proof=proof,
            on_result=lambda camera, result: metrics.masked_pictures.labels(camera, result).inc(),
        )
        analysis.on_masked(self._sink_pictures.offer)
        self.age_s = analysis.age_s
        self.rtsp = self._build_rtsp(metrics, on_watch)
        self._recordings = recordings
        self._heard: dict[str, float] = {}
        self._gaps_s = {name: max(GAP_S, 3 / settings.cameras[name].fps) for name in self._cameras}
        self._snapping = CameraOutages(logger, "snapshots cannot be written", "snapshots are written again")
        self._ending = Outage(logger, "recordings cannot be ended", "recordings are ended again")
        self._tidying = Outage(logger, "no room can be made for files", "room is made for files again")
        self._due: dict[str, float] = {}
        self._requested: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._housekeep, name="deepstream-outputs", daemon=True)

    @property
    def cameras(self) -> tuple[str, ...]:
        """The enabled cameras."""
        return tuple(self._cameras)

    @property
    def running(self) -> frozenset[str]:
        """Those that no reload has taken out."""
        return self._running

    def take_picture(self, camera: str) -> str:
        """Have a camera's next masked picture written; return why not, empty where it is. From any thread."""
        if self._settings.snapshots is None:
            return f"{NO_SNAPSHOTS} and restart the store"
        if not self.pictures.has(camera):
            return f"camera {camera} is not in the graph: restart the store"
        if camera not in self._running:
            return f"camera {camera} is not running"
        if not self._valves.works(camera):
            return f"the encoder of camera {camera} has failed: restart the store"
        if not self._valves.encodes(camera, PICTURE):
            return f"pictures of camera {camera} cannot be encoded now: that is tried again by itself"
        self._requested.add(camera)
        return ""

    def set_running(self, cameras: Collection[str]) -> None:
        """Offer streams and pictures of these cameras of the graph, and of no other one."""
        self._running = frozenset(self._cameras.keys() & cameras)
        self._requested &= self._running
        if self.rtsp is None:
            return
        for camera, fps in self._cameras.items():
            if camera in self._running:
                self.rtsp.add_camera(camera, fps)
            else:
                self.rtsp.remove_camera(camera)

    def forget_pictures(self, cameras: Iterable[str]) -> None:
        """Have outputs let go of what they keep, and streams of what is on its way: masks have changed."""
        for camera in cameras:
            self._sink_pictures.forget(camera)
            if self.rtsp is not None:
                self.rtsp.forget_pictures(camera)

    def start(self) -> None:
        """Listen and begin. Raises BadInput where the port cannot be had."""
        if self.rtsp is not None:
            self.rtsp.start()
        self._thread.start()
        self._sink_pictures.start()

    def close(self) -> bool:
        """End within seconds, from any state."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(TIMEOUT_S + 3)
        handed_out = self._sink_pictures.close()
        ended = self._recordings.close() if self._recordings else True
        if self.rtsp is not None:
            self.rtsp.close()
        return handed_out and ended and not self._thread.is_alive()

    def _build_rtsp(self, metrics: Metrics, on_watch: WatchListener | None) -> EncodedRtsp | None:
        rtsp, recorded = self._settings.rtsp, self._settings.record is not None
        if rtsp is None:
            return None
        server = EncodedRtsp(
            rtsp.bound.host,
            rtsp.bound.port,
            path=rtsp.path,
            credentials=rtsp.login,
            pipeline=self._pipeline,
            # What is recorded is encoded anyway, watched or not.
            want=lambda camera, wanted: self._valves.want(
                camera, STREAM, wanted=wanted or (recorded and camera != WALL)
            ),
            on_viewers=lambda camera, count: metrics.restream_clients.labels(camera).set(count),
            on_watch=on_watch,
        )
        for name, fps in self._cameras.items():
            server.add_camera(name, fps)
        if self._pipeline.get_by_name(f"stream_{WALL}") is not None:
            server.add_camera(WALL)
        return server

    def _housekeep(self) -> None:
        """Take snapshots, end files and make room on the disk; what fails here stops nothing else."""
        tidy = 0.0
        while not self._stop.wait(HOUSEKEEPING_S):
            now = time.monotonic()
            if snapshots := self._settings.snapshots:
                self._snap(snapshots, now)
            self._guard(self._ending, self._end_silent, now)
            if now >= tidy:
                tidy = now + TRIM_EVERY_S
                self._guard(self._tidying, self._tidy)

    @staticmethod
    def _guard(outage: Outage, step: Callable[..., None], *given: float) -> None:
        try:
            step(*given)
        except Exception as error:  # noqa: BLE001 whatever it was, the next time it may succeed
            outage.fail(error)
        else:
            outage.recover()

    def _snap(self, snapshots: SnapshotsConfig, now: float) -> None:
        """Take what is due or requested; nothing where none can come, which would delay other cameras."""
        for name in self._cameras:
            age, requested = self.age_s(name), name in self._requested
            if not (requested or now >= self._due.get(name, 0.0)):
                continue
            if age is None or age >= TIMEOUT_S or not self._valves.encodes(name, PICTURE):
                continue
            self._due[name] = now + snapshots.interval_s
            self._requested.discard(name)  # before it is taken: who asks meanwhile gets another one
            try:
                picture = None if self._stop.is_set() else self.pictures.take(name)
                if picture is not None:
                    write_whole(snapshots.folder / name / f"{stamp(self._now_ns())}.jpg", picture)
            except (OutputFailed, OSError) as error:  # that of another camera may be written
                self._snapping.fail(name, error)
                continue
            if picture is not None:
                self._snapping.recover(name)
            elif requested:
                self._requested.add(name)

    def _end_silent(self, now: float) -> None:
        """End the recordings of cameras that give no picture, or were taken out: no file waits for hours."""
        if self._recordings is None:
            return
        for name, gap_s in self._gaps_s.items():
            if (age := self.age_s(name)) is not None:
                self._heard[name] = now - age
            if now - self._heard.get(name, now) > gap_s:
                self._recordings.end(name)
        self._recordings.check()

    def _tidy(self) -> None:
        if snapshots := self._settings.snapshots:
            trim(snapshots.folder, ".jpg", snapshots.max_mb * 1_000_000, now=self._now_ns())
        if record := self._settings.record:
            trim(record.folder, ".mp4", record.max_mb * 1_000_000, now=self._now_ns())
