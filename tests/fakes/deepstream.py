"""Stand-ins for NVIDIA's elements, made from the contract: pads, caps, properties and enums of one version.

What a property reads after it was set, what is refused and what ends the process comes from readback.json,
which was measured on the genuine elements. Pictures are I420 in system memory throughout, whatever their caps
call them; so nothing here converts, and what leaves NVMM for an encoder is a picture again.
"""

from __future__ import annotations

import ctypes
import itertools
import re
import weakref
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, GObject, Gst  # noqa: E402

from pipelines.deepstream.checks.contract import load_contract  # noqa: E402
from pipelines.deepstream.runtime.elements import GstElementFactory  # noqa: E402
from pipelines.errors import BadInput  # noqa: E402
from tests.fakes.batching import Batcher, Router, slots_in  # noqa: E402

if TYPE_CHECKING:
    import threading

    from pipelines.deepstream.checks.contract import Contract
    from pipelines.deepstream.graph.capabilities import Capabilities, Device

Gst.init(None)
_NUMBERS = itertools.count()
_TYPES = {
    "int": GObject.TYPE_INT,
    "uint": GObject.TYPE_UINT,
    "int64": GObject.TYPE_INT64,
    "uint64": GObject.TYPE_UINT64,
}
_DIRECTIONS = {"src": Gst.PadDirection.SRC, "sink": Gst.PadDirection.SINK}
_PRESENCES = {
    "always": Gst.PadPresence.ALWAYS,
    "sometimes": Gst.PadPresence.SOMETIMES,
    "request": Gst.PadPresence.REQUEST,
}
PICTURE = "video/x-raw,format=I420,width=1280,height=720,framerate=10/1"


class Relabel(Gst.Element):
    """Passes buffers on under whatever caps the next element takes."""

    __gtype_name__ = "MshFakeRelabel"
    __gsttemplates__ = tuple(
        Gst.PadTemplate.new(name, direction, Gst.PadPresence.ALWAYS, Gst.Caps.new_any())
        for name, direction in _DIRECTIONS.items()
    )

    def __init__(self) -> None:
        super().__init__()
        self.broken = False
        self.into = Gst.Pad.new_from_template(self.get_pad_template("sink"), "sink")
        self.out = Gst.Pad.new_from_template(self.get_pad_template("src"), "src")
        self.into.set_chain_function_full(self._chain)
        self.into.set_event_function_full(self._event)
        self.add_pad(self.into)
        self.add_pad(self.out)

    def _chain(self, _pad: Any, _parent: Any, buffer: Any) -> Any:
        if self.broken:
            error = GLib.GError.new_literal(Gst.StreamError.quark(), "broken", int(Gst.StreamError.ENCODE))
            self.post_message(Gst.Message.new_error(self, error, ""))
            return Gst.FlowReturn.ERROR
        return self.out.push(buffer)

    def _event(self, pad: Any, parent: Any, event: Any) -> bool:
        if event.type == Gst.EventType.CAPS:
            event = Gst.Event.new_caps(self._chosen(event.parse_caps()))
        return bool(self.out.push_event(event))

    def _chosen(self, came: Any) -> Any:
        wanted = self.out.peer_query_caps(None)
        if wanted.is_any() or wanted.is_empty():
            return came
        chosen = Gst.Caps.new_empty()
        old = came.get_structure(0)
        structure, features = wanted.get_structure(0).copy(), wanted.get_features(0).copy()
        for field in ("width", "height", "framerate"):
            if not structure.has_field(field) and old.has_field(field):
                structure.set_value(field, old.get_value(field))
        for field, least in (("width", 16), ("height", 16)):
            if not isinstance(structure.get_value(field), int):
                structure.set_value(field, old.get_value(field) or least)
        if not isinstance(structure.get_value("framerate"), Gst.Fraction):
            structure.set_value("framerate", old.get_value("framerate"))
        if structure.get_string("format") is None:
            structure.fixate_field_string("format", "I420")
        chosen.append_structure_full(structure, features)
        return chosen.fixate()


class ProcessEnded(AssertionError):
    """The genuine element would have ended the process here, without a Python error."""


class _GEnumValue(ctypes.Structure):
    _fields_ = (("value", ctypes.c_int), ("name", ctypes.c_char_p), ("nick", ctypes.c_char_p))


_gobject = ctypes.CDLL("libgobject-2.0.so.0")
_gobject.g_enum_register_static.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
_gobject.g_enum_register_static.restype = ctypes.c_size_t
_KEPT: list[Any] = []


def _enum_type(name: str, values: dict[str, int]) -> Any:
    """Register a GObject enum, so that nicks are known and refused as those of the genuine element are."""
    rows = [_GEnumValue(number, nick.encode(), nick.encode()) for nick, number in values.items()]
    table = (_GEnumValue * (len(rows) + 1))(*rows, _GEnumValue(0, None, None))
    _KEPT.append(table)  # GObject keeps the address
    _gobject.g_enum_register_static(name.encode(), ctypes.addressof(table))
    return GObject.GType.from_name(name)


class _Fake(Gst.Bin):
    """A stand-in: keeps properties, and holds stock elements that do what little is done."""

    facts: ClassVar[dict[str, Any]] = {}
    readback: ClassVar[dict[str, Any]] = {}
    needed: ClassVar[tuple[str, ...]] = ()
    element_factory: FakeElementFactory
    factory = ""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.values = {key: self._fresh(key, fact) for key, fact in self.facts.items()}
        self.build()

    def _fresh(self, key: str, fact: dict[str, Any]) -> Any:
        value = self.readback.get(key, {}).get("reads", fact.get("default"))
        if fact["type"] != "enum":
            return value
        number = fact["values"].get(value, fact["values"].get(fact["default"]))
        return self.find_property(key).enum_class.__enum_values__[number]

    def set_property(self, key: str, value: Any) -> None:
        if isinstance(value, (str, type(None))) and self.facts.get(key, {}).get("type") == "string":
            self._survive(key, value)
        super().set_property(key, value)

    def _survive(self, key: str, value: str | None) -> None:
        """Raise where the genuine element ends the process."""
        trials = self.readback.get(key, {}).get("trials", ())
        ends = any(set_ == value and result == "ends the process" for set_, _, _, result in trials)
        broken = key == "operate-on-class-ids" and value is not None and "-" in value
        yaml = key == "config-file-path" and str(value).endswith((".yml", ".yaml"))
        if ends or broken or (yaml and not Path(str(value)).is_file()):
            raise ProcessEnded(f"{self.factory}.{key} = {value!r}")

    def do_get_property(self, spec: Any) -> Any:
        return self.values.get(spec.name, spec.default_value)

    def do_set_property(self, spec: Any, value: Any) -> None:
        self.values[spec.name] = self._read_as(spec.name, value)

    def _read_as(self, key: str, value: Any) -> Any:
        known = self.readback.get(key, {})
        for set_, _, reads, _ in known.get("trials", ()):
            if set_ == value and type(set_) is type(value):
                return reads
        rule = known.get("rule", {})
        if rule.get("kind") == "id-set" and isinstance(value, str):
            ids = sorted({int(one) for one in re.split("[:;,]", value) if one.strip().isdigit()})
            return "".join(f"{one}{rule['separator']}" for one in ids)
        return value

    def do_change_state(self, transition: Any) -> Any:
        if transition == Gst.StateChange.NULL_TO_READY and (missing := self._missing()):
            self.fail(Gst.LibraryError.quark(), int(Gst.LibraryError.SETTINGS), f"{missing} is not set")
            return Gst.StateChangeReturn.FAILURE
        loading = self.element_factory.loading
        if transition == Gst.StateChange.READY_TO_PAUSED and self.factory == "nvinfer" and loading:
            loading.wait(30)
        return Gst.Bin.do_change_state(self, transition)

    def _missing(self) -> str:
        return next((key for key in self.needed if not self.values.get(key)), "")

    def fail(self, domain: int, code: int, text: str) -> None:
        self.post_message(Gst.Message.new_error(self, GLib.GError.new_literal(domain, text, code), ""))

    def build(self) -> None:
        """Put in what passes pictures on, held to the caps of the contract."""
        self.passes("capsfilter")

    def passes(self, *factories: str) -> None:
        made = [self.inner(factory) for factory in factories]
        for a, b in itertools.pairwise(made):
            a.link(b)
        if factories[0] == "capsfilter":
            made[0].set_property("caps", self.get_pad_template("sink").caps)
        self.expose("sink", made[0].get_static_pad("sink"))
        self.expose("src", made[-1].get_static_pad("src"))

    def inner(self, factory: str) -> Any:
        own = {"relabel": Relabel, "router": Router, "first": First}.get(factory)
        element = own() if own else Gst.ElementFactory.make(factory, None)
        self.add(element)
        return element

    def expose(self, name: str, target: Any, template: str = "") -> Any:
        made_from = self.get_pad_template(template or name)
        pad = Gst.GhostPad.new_from_template(name, target, made_from)
        pad.set_active(True)
        self.add_pad(pad)
        return pad


class Converter(_Fake):
    def build(self) -> None:
        self.passes("relabel")


class Encoder(_Fake):
    def build(self) -> None:
        self.passes("relabel", "x264enc", "h264parse")
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
        return _Fake.do_change_state(self, transition)


class StreamMux(_Fake):
    """The tests' one and only shared batch: the mux of the graph; that of the wall goes by the same rules."""

    def build(self) -> None:
        shared = self.get_name() == "mux"
        self.batcher = self.element_factory.batcher() if shared else Batcher()
        self.add(self.batcher)
        self.batcher.note = self.element_factory.note if shared else None
        self.batcher.on_end = self._tell
        self.expose("src", self.batcher.get_static_pad("src"))

    def do_set_property(self, spec: Any, value: Any) -> None:
        _Fake.do_set_property(self, spec, value)
        if spec.name == "batched-push-timeout" and value > 0:
            self.batcher.timeout_s = value / 1e6

    def do_request_new_pad(self, _template: Any, name: str, _caps: Any) -> Any:
        return self.expose(name, self.batcher.request_pad_simple(name), "sink_%u")

    def do_change_state(self, transition: Any) -> Any:
        if transition == Gst.StateChange.PAUSED_TO_PLAYING:
            self._check_pads()
        return _Fake.do_change_state(self, transition)

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
        self.post_message(Gst.Message.new_element(self, told))  # and no EOS: drop-pipeline-eos


class StreamDemux(_Fake):
    def build(self) -> None:
        self.router = self.inner("router")
        self.router.split = self.element_factory.split if self.get_name() == "demux" else None
        self.expose("sink", self.router.get_static_pad("sink"))

    def do_request_new_pad(self, _template: Any, name: str, _caps: Any) -> Any:
        return self.expose(name, self.router.request_pad_simple(name), "src_%u")


class First(Relabel):
    """Hands on the first picture of each batch."""

    __gtype_name__ = "MshFakeFirst"

    def _chain(self, _pad: Any, _parent: Any, batch: Any) -> Any:
        flags = Gst.BufferCopyFlags.MEMORY | Gst.BufferCopyFlags.TIMESTAMPS
        return self.out.push(batch.copy_region(flags, 0, batch.get_size() // len(slots_in(batch.offset))))


class Tiler(_Fake):
    def build(self) -> None:
        self.passes("first")


class UriSource(_Fake):
    """It plays what `scripts` says of its URI: live, fed, dead, auth, ends, dies, stalls."""

    def build(self) -> None:
        self.source: Any = None

    def do_change_state(self, transition: Any) -> Any:
        if transition == Gst.StateChange.READY_TO_PAUSED:
            self._start(self.element_factory.scripts.get(self.values["uri"], "live"))
        if transition == Gst.StateChange.PAUSED_TO_READY and self.element_factory.hang is not None:
            self.element_factory.hang.wait(30)
        result = Gst.Bin.do_change_state(self, transition)
        live = transition in (Gst.StateChange.READY_TO_PAUSED, Gst.StateChange.PLAYING_TO_PAUSED)
        return (
            Gst.StateChangeReturn.NO_PREROLL if live and result != Gst.StateChangeReturn.FAILURE else result
        )

    def _start(self, script: str) -> None:
        self.element_factory.opened.append(self.values["uri"])
        if script == "auth":
            # As nvurisrcbin does where it reconnects: an error that calls itself a warning.
            self._complain(Gst.Message.new_warning, Gst.ResourceError.NOT_AUTHORIZED, "Unauthorized")
        if script in ("dead", "auth") or self.source is not None:
            return
        rtsp = self.inner("rtspsrc")  # for the login only
        rtsp.set_locked_state(True)
        self.element_factory.logins.append((rtsp.get_property("user-id"), rtsp.get_property("user-pw")))
        video = Gst.Caps.from_string("application/x-unknown,media=(string)video")
        sound = Gst.Caps.from_string("application/x-unknown,media=(string)audio")
        asked = [(0, sound), (1, video), (2, video)]
        self.element_factory.tracks.append([n for n, caps in asked if rtsp.emit("select-stream", n, caps)])
        self.source = self._source(script)
        held, label = self.inner("capsfilter"), self.inner("relabel")
        held.set_property("caps", Gst.Caps.from_string(PICTURE))
        self.source.link(held)
        held.link(label)
        if rate := self.element_factory.coded.get(self.values["uri"]):
            self._decode(label, rate)
            return
        out = label.get_static_pad("src")
        if script in ("dies", "stalls"):
            out.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self._at_end, script)
        self.expose("vsrc_0", out, "vsrc_%u")

    def _decode(self, raw: Any, rate: int) -> None:
        """Go on as coded video; a decoder is added once its caps are known, as decodebin does."""
        coder, coded = self.inner("relabel"), self.inner("capsfilter")
        form = "video/x-h264,stream-format=byte-stream,alignment=au"
        caps = f"{form},width=1280,height=720,framerate={rate}/1"
        coded.set_property("caps", Gst.Caps.from_string(caps))
        raw.link(coder)
        coder.link(coded)
        coded.get_static_pad("src").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self._on_caps)

    def _on_caps(self, pad: Any, info: Any) -> Any:
        if info.get_event().type != Gst.EventType.CAPS or pad.is_linked():
            return Gst.PadProbeReturn.OK
        pad.store_sticky_event(info.get_event())
        decoder = self.element_factory.make("nvv4l2decoder", "decoder")
        self.add(decoder)
        decoder.set_property("drop-frame-interval", self.values["drop-frame-interval"])
        pad.link(decoder.get_static_pad("sink"))
        decoder.sync_state_with_parent()
        self.expose("vsrc_0", decoder.get_static_pad("src"), "vsrc_%u")
        self.element_factory.decoders.append(decoder.values["drop-frame-interval"])
        return Gst.PadProbeReturn.OK

    def _source(self, script: str) -> Any:
        if script == "fed":
            source = self.element_factory.feeds[self.values["uri"]] = self.inner("appsrc")
            source.set_property("format", Gst.Format.TIME)
            source.set_property("is-live", True)
            return source
        source = self.inner("videotestsrc")
        source.set_property("is-live", True)
        source.set_property("num-buffers", 5 if script in ("ends", "dies", "stalls") else -1)
        return source

    def _at_end(self, _pad: Any, info: Any, script: str) -> Any:
        if info.get_event().type != Gst.EventType.EOS:
            return Gst.PadProbeReturn.OK
        if script == "dies":
            self._complain(Gst.Message.new_error, Gst.ResourceError.READ, "Could not read from resource.")
        return Gst.PadProbeReturn.DROP

    def _complain(self, kind: Any, code: Any, text: str) -> None:
        error = GLib.GError.new_literal(Gst.ResourceError.quark(), text, int(code))
        self.post_message(kind(self, error, "debug"))


class Sensor(_Fake):
    """A CSI camera."""

    def build(self) -> None:
        source, held, label = self.inner("videotestsrc"), self.inner("capsfilter"), self.inner("relabel")
        source.set_property("is-live", True)
        held.set_property("caps", Gst.Caps.from_string(PICTURE))
        source.link(held)
        held.link(label)
        self.expose("src", label.get_static_pad("src"))


CLASSES: dict[str, type[_Fake]] = {
    "nvstreammux": StreamMux,
    "nvstreamdemux": StreamDemux,
    "nvmultistreamtiler": Tiler,
    "nvvideoconvert": Converter,
    "nvv4l2h264enc": Encoder,
    "nvv4l2decoder": Converter,
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
    loading: nvinfer starts once it is set. alive: stand-ins that were made and not yet freed, by factory.
    """

    def __init__(self, box: Capabilities, version: tuple[int, int] | None = None) -> None:
        self.version: tuple[int, int] | None = version or box.version or (9, 1)
        self._box, self._stock = box, GstElementFactory()
        self._classes: dict[str, type[_Fake]] = {}
        self.scripts: dict[str, str] = {}
        self.opened: list[str] = []
        self.logins: list[tuple[str | None, str | None]] = []
        self.tracks: list[list[int]] = []
        """The tracks that rtspsrc would take of a sound and two videos."""
        self.faults: list[str] = []
        self.hang: Any = None
        self.loading: threading.Event | None = None
        self.note: Any = None
        self.split: Any = None
        self.feeds: dict[str, Any] = {}
        self.missing: set[str] = set()
        self.encoder_works = True
        self.batcher: Any = Batcher
        self.coded: dict[str, int] = {}
        self.decoders: list[int] = []
        self.alive: Counter[str] = Counter()

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
        return element.factory if isinstance(element, _Fake) else self._stock.factory_of(element)

    def device(self) -> Device:
        return self._box.device

    def version_of(self, _factory: str) -> tuple[int, int] | None:
        return self.version

    def _class_of(self, factory: str) -> type[_Fake]:
        base, contract, number = CLASSES.get(factory, _Fake), self._contract, next(_NUMBERS)
        known = {spec.name for spec in GObject.list_properties(Gst.Bin)}
        facts = {k: f for k, f in contract.properties(factory).items() if k not in known}
        specs = {key: _spec(f"MshFake{number}_{key}", fact) for key, fact in facts.items()}
        pads = [
            Gst.PadTemplate.new(
                p.name, _DIRECTIONS[p.direction], _PRESENCES[p.presence], Gst.Caps.from_string(p.caps)
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
    if kind in _TYPES:
        return _TYPES[kind], "", "", fact["min"], fact["max"], default, flags
    if kind == "bool":
        return bool, "", "", bool(default), flags
    if kind == "enum":
        values = fact["values"]
        return _enum_type(name, values), "", "", values.get(default, min(values.values())), flags
    return (str, "", "", default, flags) if kind == "string" else None
