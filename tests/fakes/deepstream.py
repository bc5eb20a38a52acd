"""Stand-ins for NVIDIA's elements, made from the contract: pads, caps, properties and enums of one version.

What a property reads after it was set, what is refused and what ends the process comes from readback.json,
which was measured on the genuine elements. Pictures are I420 in system memory throughout, whatever their caps
call them; so nothing here converts, and what leaves NVMM for an encoder is a picture again.
"""

from __future__ import annotations

import itertools
import os
import weakref
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst  # noqa: E402

from pipelines.deepstream.checks.contract import load_contract  # noqa: E402
from pipelines.deepstream.graph.camera import NVMM  # noqa: E402
from pipelines.deepstream.graph.capabilities import Device  # noqa: E402
from pipelines.deepstream.runtime.elements import GstElementFactory, get_nick  # noqa: E402
from pipelines.errors import BadInput  # noqa: E402
from tests.fakes.batching import Batcher  # noqa: E402
from tests.fakes.deepstream_base import DIRECTIONS, Relabel, StandIn, enum_type  # noqa: E402
from tests.fakes.deepstream_files import nvinfer_refusals, nvtracker_refusals  # noqa: E402
from tests.fakes.deepstream_sources import Sensor, UriSource  # noqa: E402

if TYPE_CHECKING:
    import threading

    from pipelines.deepstream.checks.contract import Contract
    from pipelines.deepstream.graph.capabilities import Capabilities

Gst.init(None)
_NUMBERS = itertools.count()
_TYPES = {
    "int": GObject.TYPE_INT,
    "uint": GObject.TYPE_UINT,
    "int64": GObject.TYPE_INT64,
    "uint64": GObject.TYPE_UINT64,
}
ADAPTIVE = "NVSTREAMMUX_ADAPTIVE_BATCHING"
SIDES = {"width": 8, "height": 4}
"""What the legacy mux rounds its size up to."""
_PRESENCES = {
    "always": Gst.PadPresence.ALWAYS,
    "sometimes": Gst.PadPresence.SOMETIMES,
    "request": Gst.PadPresence.REQUEST,
}


class Converter(StandIn):
    def build(self) -> None:
        self.passes("relabel")


class Encoder(StandIn):
    def build(self) -> None:
        self.passes("relabel", "x264enc", "h264parse", "capsfilter")
        self.children[0].set_property("caps", self.get_pad_template("src").caps)  # the last one first
        self.entry = next(e for e in self.children if isinstance(e, Relabel))
        encoder = next(
            e for e in self.children if e.get_factory() and e.get_factory().get_name() == "x264enc"
        )
        encoder.set_property("key-int-max", 5)
        Gst.util_set_object_arg(encoder, "tune", "zerolatency")
        Gst.util_set_object_arg(encoder, "speed-preset", "ultrafast")

    def do_change_state(self, transition: Any) -> Any:
        if transition == Gst.StateChange.READY_TO_PAUSED and not self.element_factory.encoder_works:
            self.fail(Gst.ResourceError.quark(), int(Gst.ResourceError.SETTINGS), "no NVENC")
        return StandIn.do_change_state(self, transition)


class StreamMux(StandIn):
    """The tests' one and only shared batch: the mux of the graph; that of the wall goes by the same rules."""

    def build(self) -> None:
        is_new = "width" not in self.values
        if not is_new and os.environ.get(ADAPTIVE) != "yes":  # read when it is made, and in no other spelling
            self.element_factory.faults.append(f"{self.get_name()} waits for every slot of its batch")
        shared = self.get_name() == "mux"
        self.batcher = self.element_factory.batcher() if shared else Batcher()
        self.add(self.batcher)
        self.batcher.note = self.element_factory.note if shared else None
        self.batcher.rates = self.element_factory.rates if shared else {}
        self.batcher.on_end = self._tell
        self.batcher.fit = self._round_up
        self.expose("src", self.batcher.get_static_pad("src"))

    def do_set_property(self, spec: Any, value: Any) -> None:
        StandIn.do_set_property(self, spec, value)
        if spec.name == "batched-push-timeout" and value > 0:
            self.batcher.timeout_s = value / 1e6

    def do_request_new_pad(self, _template: Any, name: str, _caps: Any) -> Any:
        return self.expose(name, self.batcher.request_pad_simple(name), "sink_%u")

    def do_change_state(self, transition: Any) -> Any:
        if transition == Gst.StateChange.PAUSED_TO_PLAYING:
            self._check_pads()
        return StandIn.do_change_state(self, transition)

    def refusals(self) -> list[str]:
        waits = self.values.get("sync-inputs") and self.values["batched-push-timeout"] == -1
        return ["sync-inputs without batched-push-timeout"] if waits else []

    def _round_up(self, frame: Any) -> None:
        """Round width and height up, with a WARNING each, once a frame must be scaled. The new mux cannot."""
        sides = {key: step for key, step in SIDES.items() if key in self.values}
        if all(frame.get_value(key) == self.values[key] for key in sides):
            return
        for key, step in sides.items():
            if left := self.values[key] % step:
                self.values[key] += step - left
                self.warn(f"{key} is rounded up to {self.values[key]}")

    def _check_pads(self) -> None:
        if self.numsinkpads == 0 and (self.element_factory.version or (0, 0)) < (9, 2):
            self.element_factory.faults.append(f"{self.get_name()} runs without pads: use after free")

    def do_release_pad(self, pad: Any) -> None:
        target = pad.get_target()
        pad.set_active(False)
        self.remove_pad(pad)
        self.batcher.release_request_pad(target)
        if self.get_state(0)[1] in (Gst.State.PAUSED, Gst.State.PLAYING):
            self._check_pads()

    def _tell(self, slot: int) -> None:
        told = Gst.Structure.new_empty("stream-eos")
        told.set_value("stream-id", GObject.Value(GObject.TYPE_UINT, slot))
        self.post_message(Gst.Message.new_element(self, told))
        if self.batcher.spins and not self.values.get("drop-pipeline-eos"):
            self.batcher.out.push_event(Gst.Event.new_eos())


class StreamDemux(StandIn):
    def build(self) -> None:
        self.router = self.inner("router")
        self.router.split = self.element_factory.split if self.get_name() == "demux" else None
        self.router.rates = self.element_factory.rates
        self.expose("sink", self.router.get_static_pad("sink"))

    def do_request_new_pad(self, _template: Any, name: str, _caps: Any) -> Any:
        version = self.element_factory.version or (0, 0)
        if self.get_static_pad(name) is not None:
            if version < (9, 2):
                self.element_factory.faults.append(f"{self.get_name()}.{name} asked for twice: it locks up")
            return None
        if version < (9, 2) and self.get_state(0)[1] in (Gst.State.PAUSED, Gst.State.PLAYING):
            self.element_factory.faults.append(f"{self.get_name()}.{name} asked for late: no caps, no frames")
        return self.expose(name, self.router.request_pad_simple(name), "src_%u")


class Infer(StandIn):
    opens = Gst.StateChange.READY_TO_PAUSED

    def refusals(self) -> list[str]:
        path = Path(self.values["config-file-path"])
        if not path.is_file():  # an INI; a YAML ends the process when it is set
            return [f"{path} is not there"]
        return nvinfer_refusals(path, self.values["batch-size"])


class Tracker(StandIn):
    """Without operate-on-class-ids, before 9.0, it takes out of the metadata whom it does not track."""

    opens = Gst.StateChange.READY_TO_PAUSED

    def build(self) -> None:
        super().build()
        self.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, self._take_out)

    def _take_out(self, _pad: Any, info: Any) -> Any:
        if not self.values.get("operate-on-class-ids") and self.element_factory.take_out is not None:
            self.element_factory.take_out(hash(info.get_buffer()))
        return Gst.PadProbeReturn.OK

    def refusals(self) -> list[str]:
        files, library = self.values["ll-config-file"], self.values["ll-lib-file"]
        jetson = self.element_factory.device() is Device.JETSON
        return nvtracker_refusals(files, library, jetson=jetson)


class Osd(StandIn):
    """On the CPU it takes RGBA alone."""

    def do_change_state(self, transition: Any) -> Any:
        if transition == Gst.StateChange.NULL_TO_READY and get_nick(self, "process-mode") == "MODE_CPU":
            (held,) = self.children
            held.set_property("caps", Gst.Caps.from_string(f"{NVMM},format=RGBA"))
        return StandIn.do_change_state(self, transition)


class Tiler(StandIn):
    def build(self) -> None:
        self.passes("first")


CLASSES: dict[str, type[StandIn]] = {
    "nvstreammux": StreamMux,
    "nvstreamdemux": StreamDemux,
    "nvmultistreamtiler": Tiler,
    "nvvideoconvert": Converter,
    "nvv4l2h264enc": Encoder,
    "nvv4l2decoder": Converter,
    "nvinfer": Infer,
    "nvtracker": Tracker,
    "nvdsosd": Osd,
    "nvurisrcbin": UriSource,
    "nvarguscamerasrc": Sensor,
}


NEEDED = {
    ("nvstreammux", "legacy"): ("width", "height", "batch-size"),
    ("nvtracker", ""): ("ll-lib-file", "ll-config-file"),
    ("nvinfer", ""): ("config-file-path",),
}
"""Without these the genuine elements fail from NULL to READY."""


class FakeElementFactory:
    """Makes stand-ins for NVIDIA's elements of one version, and real stock ones.

    scripts: what sources do, by URI. note, split: see batching; metadata put on and carried over.
    feeds: the appsrc of each source that is "fed", by URI. batcher: what the mux of the graph is made of.
    coded: frames a second of sources that are decoded, by URI; decoders: their drop-frame-interval.
    aspects: width to height of the pixels that a source sends, by URI; formats: what its decoder gives.
    rates: frame rates that the mux of the graph knows, by slot.
    loading: nvinfer starts once it is set. alive: stand-ins that were made and not yet freed, by factory.
    """

    def __init__(self, box: Capabilities, version: tuple[int, int] | None = None) -> None:
        self.version: tuple[int, int] | None = version or box.version or (9, 1)
        self._box, self._stock = box, GstElementFactory()
        self._classes: dict[str, type[StandIn]] = {}
        self.scripts: dict[str, str] = {}
        self.opened: list[str] = []
        self.logins: list[tuple[str | None, str | None]] = []
        self.protocols: list[int] = []
        self.tracks: list[list[int]] = []
        """The tracks that rtspsrc would take of a sound and two videos."""
        self.faults: list[str] = []
        self.hang: Any = None
        self.loading: threading.Event | None = None
        self.note: Any = None
        self.split: Any = None
        self.take_out: Any = None
        """Called with the address of a batch whose untracked objects the tracker removes."""
        self.feeds: dict[str, Any] = {}
        self.missing: set[str] = set()
        self.encoder_works = True
        self.batcher: Any = Batcher
        self.coded: dict[str, int] = {}
        self.aspects: dict[str, str] = {}
        self.formats: dict[str, str] = {}
        self.rates: dict[int, Any] = {}
        self.decoders: list[int] = []
        self.alive: Counter[str] = Counter()
        self.lacks: tuple[Path, ...] = ()
        """Libraries that are not there."""

    @property
    def _contract(self) -> Contract:
        return load_contract(replace(self._box, version=self.version))

    def make(self, factory: str, name: str) -> Any:
        if factory in self.missing:
            raise BadInput(f"GStreamer has no element {factory}")
        contract = self._contract
        if not contract.knows(factory) or not contract.is_vendor(factory):
            return self._stock.make(factory, name)
        if factory not in self._classes:
            self._classes[factory] = self._class_of(factory)
        made = self._classes[factory](name)
        self.alive[factory] += 1
        weakref.finalize(made, self._freed, factory).atexit = False
        return made

    def _freed(self, factory: str) -> None:
        self.alive[factory] -= 1

    def factory_of(self, element: Any) -> str:
        return element.factory if isinstance(element, StandIn) else self._stock.factory_of(element)

    def device(self) -> Device:
        return self._box.device

    def libraries(self) -> tuple[Path, ...]:
        return self.lacks

    def version_of(self, _factory: str) -> tuple[int, int] | None:
        return self.version

    def _class_of(self, factory: str) -> type[StandIn]:
        base, contract, number = CLASSES.get(factory, StandIn), self._contract, next(_NUMBERS)
        known = {spec.name for spec in GObject.list_properties(Gst.Bin)}
        facts = {k: f for k, f in contract.properties(factory).items() if k not in known}
        specs = {key: _spec(f"MshFake{number}_{key}", fact) for key, fact in facts.items()}
        pads = [
            Gst.PadTemplate.new(
                p.name, DIRECTIONS[p.direction], _PRESENCES[p.presence], Gst.Caps.from_string(p.caps)
            )
            for p in contract.pads(factory)
        ]
        mux = NEEDED.get((factory, self._box.mux.value), ())
        body = {
            "__gtype_name__": f"MshFake{number}_{factory}",
            "__gsttemplates__": tuple(pads),
            "__gproperties__": {key: spec for key, spec in specs.items() if spec},
            "facts": {key: facts[key] for key, spec in specs.items() if spec},
            "readback": contract.readback(factory),
            "needed": NEEDED.get((factory, ""), mux),
            "factory": factory,
            "element_factory": self,
        }
        return type(factory, (base,), body)


def _spec(name: str, fact: dict[str, Any]) -> tuple[Any, ...] | None:
    kind, default, flags = fact["type"], fact["default"], GObject.ParamFlags.READWRITE
    if "w" not in fact.get("flags", "rw"):
        flags = GObject.ParamFlags.READABLE
    if kind in _TYPES:
        return _TYPES[kind], "", "", fact["min"], fact["max"], default, flags
    if kind == "bool":
        return bool, "", "", bool(default), flags
    if kind == "enum":
        values = fact["values"]
        return enum_type(name, values), "", "", values.get(default, min(values.values())), flags
    return (str, "", "", default, flags) if kind == "string" else None
