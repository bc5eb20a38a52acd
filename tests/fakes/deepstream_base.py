"""The ground of the stand-ins for NVIDIA's elements: properties that behave, pads that pass pictures on."""

from __future__ import annotations

import ctypes
import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import gi
import yaml

gi.require_version("Gst", "1.0")
from gi.repository import GLib, GObject, Gst  # noqa: E402

from pipelines.cpu.gst import init  # noqa: E402
from pipelines.deepstream.checks.graph_check import FORMATS  # noqa: E402
from pipelines.gst_structure import caps_structure  # noqa: E402
from tests.fakes.batching import Router, slots_in  # noqa: E402

if TYPE_CHECKING:
    from tests.fakes.deepstream import FakeElementFactory

init()  # not Gst.init: the first rtspsrc of a process looks for the login guard, for all that follow
DIRECTIONS = {"src": Gst.PadDirection.SRC, "sink": Gst.PadDirection.SINK}


class Relabel(Gst.Element):
    """Passes buffers on under whatever caps the next element takes."""

    __gtype_name__ = "MshFakeRelabel"
    __gsttemplates__ = tuple(
        Gst.PadTemplate.new(name, direction, Gst.PadPresence.ALWAYS, Gst.Caps.new_any())
        for name, direction in DIRECTIONS.items()
    )

    def __init__(self) -> None:
        super().__init__()
        self.broken = False
        self.came: Any = None
        self.native = "I420"
        """The format that it gives where it may choose."""
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
        if self.came is not None and self.out.check_reconfigure():
            # What comes next takes other caps now, as a caps filter that was changed: a converter obeys.
            chosen = self._chosen(self.came)
            if not chosen.is_equal(self.out.get_current_caps()):
                self.out.push_event(Gst.Event.new_caps(chosen))
        return self.out.push(buffer)

    def _event(self, pad: Any, parent: Any, event: Any) -> bool:
        if event.type == Gst.EventType.CAPS:
            self.came = event.parse_caps()
            event = Gst.Event.new_caps(self._chosen(self.came))
        return bool(self.out.push_event(event))

    def _chosen(self, came: Any) -> Any:
        wanted = self.out.peer_query_caps(None)
        if wanted.is_any() or wanted.is_empty():
            return came
        chosen = Gst.Caps.new_empty()
        old = caps_structure(came)
        structure, features = caps_structure(wanted).copy(), wanted.get_features(0).copy()
        for field in ("width", "height", "framerate", "pixel-aspect-ratio"):
            if not structure.has_field(field) and old.has_field(field):
                structure.set_value(field, old.get_value(field))
        for field, least in (("width", 16), ("height", 16)):
            if not isinstance(structure.get_value(field), int):
                structure.set_value(field, old.get_value(field) or least)
        if not isinstance(structure.get_value("framerate"), Gst.Fraction):
            structure.set_value("framerate", old.get_value("framerate"))
        if structure.get_string("format") is None:
            structure.fixate_field_string("format", self.native)
        chosen.append_structure_full(structure, features)
        return chosen.fixate()


class First(Relabel):
    """Hands on the first picture of each batch."""

    __gtype_name__ = "MshFakeFirst"

    def _chain(self, _pad: Any, _parent: Any, batch: Any) -> Any:
        flags = Gst.BufferCopyFlags.MEMORY | Gst.BufferCopyFlags.TIMESTAMPS
        return self.out.push(batch.copy_region(flags, 0, batch.get_size() // len(slots_in(batch.offset))))


NEVER_READ_BACK = {
    "nvdsosd": ("clock-font", "clock-font-size", "clock-color"),
    **dict.fromkeys(("nvv4l2h264enc", "nvv4l2h265enc"), ("constqp", "initqp", "qp-range", "intra-refresh")),
}
"""Whatever is set, these read what a fresh element does."""


def _is_readable(path: Path) -> bool:
    try:
        yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return False
    return True


class ProcessEnded(AssertionError):
    """The genuine element would have ended the process here, without a Python error."""


class _GEnumValue(ctypes.Structure):
    _fields_ = (("value", ctypes.c_int), ("name", ctypes.c_char_p), ("nick", ctypes.c_char_p))


_gobject = ctypes.CDLL("libgobject-2.0.so.0")
_gobject.g_enum_register_static.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
_gobject.g_enum_register_static.restype = ctypes.c_size_t
_KEPT: list[Any] = []


def enum_type(name: str, values: dict[str, int]) -> Any:
    """Register a GObject enum, so that nicks are known and refused as those of the genuine element are."""
    rows = [_GEnumValue(number, nick.encode(), nick.encode()) for nick, number in values.items()]
    table = (_GEnumValue * (len(rows) + 1))(*rows, _GEnumValue(0, None, None))
    _KEPT.append(table)  # GObject keeps the address
    _gobject.g_enum_register_static(name.encode(), ctypes.addressof(table))
    return GObject.GType.from_name(name)


class StandIn(Gst.Bin):
    """A stand-in: keeps properties, and holds stock elements that do what little is done."""

    facts: ClassVar[dict[str, Any]] = {}
    readback: ClassVar[dict[str, Any]] = {}
    needed: ClassVar[tuple[str, ...]] = ()
    opens: Any = Gst.StateChange.NULL_TO_READY
    """The step at which it looks at what it was given."""
    element_factory: FakeElementFactory
    factory = ""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.values: dict[str, Any] = {}
        for key, fact in self.facts.items():
            self._renew(key, fact)
        self.build()

    def _renew(self, key: str, fact: dict[str, Any]) -> None:
        value = self.readback.get(key, {}).get("reads", fact.get("default"))
        if fact["type"] == "enum":  # by its nick: each PyGObject makes enums in another way
            Gst.util_set_object_arg(self, key, value if value in fact["values"] else fact["default"])
        else:
            self.values[key] = value

    def set_property(self, key: str, value: Any) -> None:
        if isinstance(value, (str, type(None))) and self.facts.get(key, {}).get("type") == "string":
            self._survive(key, value)
        super().set_property(key, value)

    def _survive(self, key: str, value: str | None) -> None:
        """Raise where the genuine element ends the process."""
        trials = self.readback.get(key, {}).get("trials", ())
        ends = any(set_ == value and result == "ends the process" for set_, _, _, result in trials)
        broken = key == "operate-on-class-ids" and value is not None and "-" in value
        is_yaml = key == "config-file-path" and str(value).endswith((".yml", ".yaml"))
        if ends or broken or (is_yaml and not _is_readable(Path(str(value)))):
            raise ProcessEnded(f"{self.factory}.{key} = {value!r}")

    def do_get_property(self, spec: Any) -> Any:
        return self.values.get(spec.name, spec.default_value)

    def do_set_property(self, spec: Any, value: Any) -> None:
        self.values[spec.name] = self._read_as(spec.name, value)

    def _read_as(self, key: str, value: Any) -> Any:
        known = self.readback.get(key, {})
        if key in NEVER_READ_BACK.get(self.factory, ()):
            return known.get("reads")
        is_rectangle = self.facts[key].get("format") == "rectangle"
        if is_rectangle and not FORMATS["rectangle"].fullmatch(value or ""):
            return self.values[key]  # passed over
        for set_, _, reads, _ in known.get("trials", ()):
            if set_ == value and type(set_) is type(value):
                return reads
        rule = known.get("rule", {})
        if rule.get("kind") == "id-set" and isinstance(value, str):
            parts = itertools.takewhile(bool, (one.strip() for one in re.split("[:;,]", value)))
            ids = sorted({int(one) if one.isdigit() else 0 for one in parts})
            return "".join(f"{one}{rule['separator']}" for one in ids)
        return value

    def do_change_state(self, transition: Any) -> Any:
        wrong = self._missing() if transition == Gst.StateChange.NULL_TO_READY else []
        if transition == self.opens:
            wrong = wrong or self.refusals()
        if wrong:
            self.fail(Gst.LibraryError.quark(), int(Gst.LibraryError.SETTINGS), "; ".join(wrong))
            return Gst.StateChangeReturn.FAILURE
        loading = self.element_factory.loading
        if transition == Gst.StateChange.READY_TO_PAUSED and self.factory == "nvinfer" and loading:
            loading.wait(300)
        return Gst.Bin.do_change_state(self, transition)

    def _missing(self) -> list[str]:
        return [f"{key} is not set" for key in self.needed if not self.values.get(key)]

    def refusals(self) -> list[str]:
        """Return for what the genuine element would not start."""
        return []

    def fail(self, domain: int, code: int, text: str) -> None:
        self.post_message(Gst.Message.new_error(self, GLib.GError.new_literal(domain, text, code), ""))

    def warn(self, text: str) -> None:
        error = GLib.GError.new_literal(Gst.StreamError.quark(), text, int(Gst.StreamError.FAILED))
        self.post_message(Gst.Message.new_warning(self, error, ""))

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
