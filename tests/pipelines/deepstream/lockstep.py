"""The whole stand-in graph fed frame by frame, with real metadata and a real floor, on a clock of its own."""

from __future__ import annotations

import ctypes
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pipelines.clock import StoreClock
from pipelines.deepstream.analysis import MetaAnalysis
from pipelines.deepstream.cameras import Clocks
from pipelines.deepstream.graph.camera import SIZE
from pipelines.deepstream.graph.redaction import Method, Redaction
from pipelines.deepstream.runtime.elements import Gst
from pipelines.deepstream.runtime.valves import STREAM
from pipelines.floor.plan import FloorPlan, build_floor, plan_of
from pipelines.interfaces import PlatformParts
from probes.events.status import Summaries
from probes.nvds.binding import native_binding, pyds_binding
from probes.nvds.meta import HEADS
from probes.nvds.redaction_gate import BufferVerdict
from tests.fakes.nvds import SURFACE, Obj, Pic, fill, frames_of, objects_of, pyds, split
from tests.fakes.nvds_reader import reader
from tests.fakes.people import START
from tests.fakes.pyds_surfaces import PydsSurfaces
from tests.fakes.shop_day import Sayings
from tests.pipelines.deepstream.running import Running, running
from tests.pipelines.deepstream.stores import rtsp
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pipelines.settings.root import Settings
    from pricing.ledger.lookup_once import Lookup
    from probes.metrics import Metrics
    from probes.nvds.binding import MetaBinding

    Scene = Callable[[int, int], Sequence[Obj] | None]
    """What camera `slot` sees in step `number`; None: it gives no frame."""

_gst = ctypes.CDLL("libgstreamer-1.0.so.0")
_gst.gst_buffer_extract.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t]
_gst.gst_buffer_extract.restype = ctypes.c_size_t
GREY = np.full((SURFACE[1] * 3 // 2, SURFACE[0]), 128, np.uint8).tobytes()


class Time:
    """A monotonic clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Nobody:
    """Looks without answers."""

    def offer(self, frame: Any, pixels: Any) -> None:
        pass

    def drain(self) -> list[Any]:
        return []

    def set_values(self, values: Any) -> None:
        """Look as if nobody knew what is confirmed."""


class HeardFloor:
    """A floor that is real, and all that it was told and said."""

    def __init__(self, plan: FloorPlan, lookup: Lookup, metrics: Metrics) -> None:
        self.said, self.taken = Sayings(), 0
        self.frames: list[Any] = []
        zones = {camera: [zone.name for zone in found] for camera, found in plan.zones.items()}
        self.floor = build_floor(
            plan,
            lookup,
            summaries=Summaries(zones, plan.currency),
            publisher=self.said,
            metrics=metrics,
            getrandbits=Random(0).getrandbits,
        )

    def update(self, frame: Any, answers: Any, ended: Any, votes: Any = ()) -> Any:
        values = self.floor.update(frame, answers, ended, votes)
        self.frames.append(frame)
        self.taken += 1
        return values

    def quiet(self, camera: str, at: int, ended: Any, *, absence: Any = None) -> None:
        self.floor.quiet(camera, at, ended, absence=absence)

    def held(self, camera: str) -> Any:
        return self.floor.held(camera)

    def customers(self, values: Any) -> Any:
        return self.floor.customers(values)

    def events(self, camera: str) -> list[dict[str, Any]]:
        """Return the person events of a camera, in their order."""
        found = [dict(message.payload) for message in self.said.said]
        return [e for e in found if e.get("type", "").startswith("person.") and e["camera"] == camera]


class FramesOwnTime(StoreClock):
    """Takes the times of frames as they are: tests make them up."""

    def from_wall(self, wall_ns: int) -> int:
        return wall_ns


class Watched(MetaAnalysis):
    """The analysis of production; counts what it has judged and handed over."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.verdicts: list[BufferVerdict] = []
        self.handed = 0
        self._put, self._frame_queue.put = self._frame_queue.put, self._count

    def _count(self, batch: Any) -> None:
        self.handed += len(batch)
        self._put(batch)

    def process_batch(self, buffer: int) -> BufferVerdict:
        verdict = super().process_batch(buffer)
        self.verdicts.append(verdict)
        return verdict


class Lockstep:
    """One store on stand-in elements; `step` feeds a frame to each camera and waits until all is done.

    scene: what is seen. harm(ds, batch) may spoil a batch's metadata. size: of the cameras' own pictures.
    native: metadata goes through the C reader.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        lookup: Lookup = lambda *_: None,
        looks: Any = None,
        harm: Callable[[Any, Any], None] | None = None,
        size: tuple[int, int] = (640, 480),
        step_ns: int = 100_000_000,
        native: bool = False,
    ) -> None:
        self._native = native
        self.ds, self.broken, self.time, self.scene = pyds(), pyds(), Time(), scene
        self.surfaces = PydsSurfaces(self.surface, self.frames).on(self.broken)
        self.run: Running
        self.floor: HeardFloor
        self.batches: list[list[tuple[int, int, int]]] = []
        self.covered: dict[str, list[set[tuple[float, ...]]]] = {}
        self._lookup, self._looks, self._harm, self._size = lookup, looks or Nobody(), harm, size
        self._number, self._fed, self._step_ns = 0, 0, step_ns

    def note(self, buffer: int, frames: list[tuple[int, int, int]]) -> None:
        batch = self.ds.new_batch(len(frames))
        pics = [
            Pic(
                slot,
                self.scene(slot, number) or (),
                number,
                START + number * self._step_ns,
                self._size,
                pts=pts,
            )
            for slot, number, pts in frames
        ]
        fill(self.ds, batch, pics)
        if self._harm is not None:
            self._harm(self.ds, batch)
        self.ds.attach(buffer, batch)
        self.batches.append(frames)

    def split(self, batch: int, index: int, part: int) -> None:
        split(self.ds, batch, index, part)

    def surface(self, buffer: int, batch_id: int) -> Any:
        """Return the RGBA pixels of a frame of a batch."""
        pixels = np.empty((SURFACE[1] * 3 // 2, SURFACE[0]), np.uint8)
        read = _gst.gst_buffer_extract(buffer, batch_id * pixels.nbytes, pixels.ctypes.data, pixels.nbytes)
        assert read == pixels.nbytes
        return cv2.cvtColor(pixels, cv2.COLOR_YUV2RGBA_I420)

    def frames(self, buffer: int) -> int:
        return int(self.ds.gst_buffer_get_nvds_batch_meta(buffer).num_frames_in_batch)

    def analyse(self, settings: Settings, metrics: Metrics) -> Watched:
        self.floor = HeardFloor(plan_of(settings, "box"), self._lookup, metrics)
        return Watched(
            settings,
            self._binding(),
            PlatformParts(
                floor=self.floor,
                looks=self._looks,
                metrics=metrics,
                on_state=lambda *_: None,
                money=str,
                random=Random(1),
                clock=FramesOwnTime(),
            ),
            slots={name: slot for slot, name in enumerate(settings.cameras)},
            redaction=Redaction(Method.BLUR),
            clock=self.time,
        )

    def _binding(self) -> MetaBinding:
        plain = pyds_binding(self.broken, SIZE, jetson=True)
        if not self._native:
            return plain
        own = native_binding(reader(), SIZE, jetson=True)
        return replace(own, surfaces=plain.surfaces)  # buffers here hold pictures, not NvBufSurfaces

    def watch(self, camera: str) -> None:
        """Want the camera's stream, and note the heads covered on what passes its gate."""
        element = self.run.platform.pipeline.get_by_name(f"redact_{camera}")
        noted = self.covered[camera] = []
        self.run.listen(f"stream_{camera}")

        def passing(_pad: Any, info: Any) -> Any:
            address = hash(info.get_buffer())
            found = [o for frame in frames_of(self.ds, address) for o in objects_of(self.ds, frame)]
            heads = (o.rect_params for o in found if o.unique_component_id == HEADS)
            noted.append({(r.left, r.top, r.width, r.height, r.has_bg_color) for r in heads})
            return Gst.PadProbeReturn.OK

        element.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, passing)
        self.run.platform.valves.want(camera, STREAM, wanted=True)

    def step(self, steps: int = 1, pictures: Callable[[int, int], bytes] = lambda *_: GREY) -> None:
        """Feed so many frames to each camera that gives one."""
        for _ in range(steps):
            number, self._number = self._number, self._number + 1
            self.time.now += self._step_ns / 1e9
            for slot, feed in enumerate(self._feeds()):
                if feed is None or self.scene(slot, number) is None:
                    continue
                self.push(feed, slot, pictures, number)
            wait_for(self.settled), self

    def push(
        self, feed: Any, slot: int, pictures: Callable[[int, int], bytes] = lambda *_: GREY, number: int = -1
    ) -> None:
        """Feed one frame, that of the next step where no other is named, and wait for nothing."""
        if number < 0:
            number, self._number = self._number, self._number + 1
            self.time.now += self._step_ns / 1e9
        buffer = Gst.Buffer.new_wrapped(pictures(slot, number))
        buffer.pts, buffer.duration = number * self._step_ns, self._step_ns
        buffer.offset = number
        feed.emit("push-buffer", buffer)
        self._fed += 1

    def settled(self) -> bool:
        """Return whether all that was fed has gone as far as it will: to the floor, and to the streams."""
        verdicts, handed = self.run.analysis.verdicts, self.run.analysis.handed
        passed = zip(self.batches, verdicts, strict=False)
        leaving = Counter(f"c{slot}" for batch, v in passed if v is BufferVerdict.PASS for slot, *_ in batch)
        return (
            sum(len(batch) for batch in self.batches) == self._fed
            and len(verdicts) == len(self.batches)
            and self.floor.taken == handed
            and all(self.run.samples[f"stream_{camera}"] == leaving[camera] for camera in self.covered)
        )

    def kill(self, camera: str) -> None:
        """Let a camera's source fail, for good."""
        uri = self.run.platform._cameras._settings.cameras[camera].source
        self.run.element_factory.scripts[uri] = "dead"
        source = self.run.element_factory.feeds.pop(uri).get_parent()
        source._complain(Gst.Message.new_error, Gst.ResourceError.READ, "Could not read from resource.")

    def _feeds(self) -> list[Any]:
        cameras = self.run.platform._cameras._settings.cameras.values()
        return [self.run.element_factory.feeds.get(camera.source) for camera in cameras]


@contextmanager
def lockstep(folder: Path, shop: Lockstep, cameras: int = 2, change: Any = None) -> Iterator[Lockstep]:
    """Run the store, its cameras connected and waiting to be fed."""
    scripts = {f"c{slot}": "fed" for slot in range(cameras)}
    wired = SimpleNamespace(analyse=shop.analyse, note=shop.note, split=shop.split)
    clocks = Clocks(clock=shop.time, random=Random(1))
    with running(folder, rtsp(cameras), change=change, clocks=clocks, **vars(wired), **scripts) as run:
        shop.run = run
        for camera in scripts:
            shop.watch(camera)
        run.platform.start()
        wait_for(lambda: len(run.element_factory.feeds) == cameras)
        yield shop
