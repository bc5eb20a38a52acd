"""Makes GStreamer elements and sets their properties, and sees that they took them."""

from __future__ import annotations

import logging
import math
import re
from typing import TYPE_CHECKING, Any, Protocol

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst  # noqa: E402

from engines.deepstream.nvinfer_config import DEEPSTREAM, PARSER_LIBRARY  # noqa: E402
from pipelines.deepstream.graph.build import TRACKER_LIBRARY  # noqa: E402
from pipelines.deepstream.runtime.device import this_device  # noqa: E402
from pipelines.errors import BadInput  # noqa: E402
from pipelines.gst_elements import make_element  # noqa: E402
from pipelines.gst_enums import enum_nicks  # noqa: E402

__all__ = ["ElementFactory", "Gst", "GstElementFactory", "set_checked"]

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.deepstream.graph.capabilities import Device
    from pipelines.graph.graph import Value


logger = logging.getLogger(__name__)

ID_LISTS = frozenset({"operate-on-class-ids", "infer-on-class-ids", "filter-out-class-ids"})
"""Properties that elements keep as sets: "0" reads "0;" from nvtracker and "0:" from nvinfer."""


class ElementFactory(Protocol):
    """Where elements come from."""

    def make(self, factory: str, name: str) -> Any:
        """Return a new element. Raises BadInput where there is none of this factory."""

    def factory_of(self, element: Any) -> str:
        """Return the name of the factory that an element came from, "" where it has none."""

    def version_of(self, factory: str) -> tuple[int, int] | None:
        """Return major and minor of the plugin that holds a factory, None where there is none."""

    def device(self) -> Device:
        """Return whether the GPU that they run on is a Jetson's or a discrete one."""

    def libraries(self) -> tuple[Path, ...]:
        """Return what elements of DeepStream load once they start, by the names that the graph gives them."""


class GstElementFactory:
    """The elements that are installed."""

    def make(self, factory: str, name: str) -> Any:
        """Return a new element; see ElementFactory."""
        element = make_element(factory, name)
        if element is None:
            raise BadInput(
                f"GStreamer has no element {factory}; DeepStream, or a plugin of it, is not installed"
            )
        return element

    def factory_of(self, element: Any) -> str:
        """Return the name of the element's factory."""
        factory = element.get_factory()
        return str(factory.get_name()) if factory is not None else ""

    def version_of(self, factory: str) -> tuple[int, int] | None:
        """Return the version that NVIDIA gives its plugins, which is that of DeepStream."""
        found = Gst.ElementFactory.find(factory)
        plugin = found.get_plugin() if found is not None else None
        numbers = str(plugin.get_version()).split(".") if plugin is not None else []
        is_numbered = len(numbers) >= 2 and numbers[0].isdigit() and numbers[1].isdigit()
        return (int(numbers[0]), int(numbers[1])) if is_numbered else None

    def device(self) -> Device:
        """Return the kind of this machine's GPU."""
        return this_device()

    def libraries(self) -> tuple[Path, ...]:
        """Return those of the tracker and of detections."""
        return TRACKER_LIBRARY, DEEPSTREAM / PARSER_LIBRARY


def set_checked(element: Any, key: str, value: Value, *, strict: bool = True) -> None:
    """Set a property and compare what it reads back, by meaning: elements rewrite lists of ids.

    strict: raise BadInput where the value did not arrive; else log a WARNING and go on with the old value.
    GStreamer only warns of a number out of range, and ignores an unknown nick; both keep the old value.
    """
    if (problem := _set(element, key, value)) is None:
        return
    problem = f"{element.get_name()}.{key}: {problem}"
    if strict:
        raise BadInput(problem)
    logger.warning("%s; the element keeps its own value", problem)


def _set(element: Any, key: str, value: Value) -> str | None:
    """Set a property; return what is wrong, None where it arrived."""
    spec = element.find_property(key)
    if spec is None:
        return "the installed element has no such property; is this DeepStream supported?"
    kind = spec.value_type
    if kind.is_a(GObject.TYPE_ENUM):
        # The nick of a value outside the enum's class ends Python, so the nick is looked up before.
        if str(value) not in enum_nicks(spec).values():
            return f"the installed element does not know {value!r}"
        Gst.util_set_object_arg(element, key, str(value))
    elif kind.is_a(GObject.TYPE_FLAGS):
        Gst.util_set_object_arg(element, key, str(value))
        return None
    elif kind.name == "GstCaps":
        element.set_property(key, Gst.Caps.from_string(str(value)))
        return None
    elif kind.name == "GstStructure":
        element.set_property(key, Gst.Structure.new_from_string(str(value)))
        return None
    else:
        element.set_property(key, value)
    found = get_nick(element, key)
    return None if same_meaning(key, value, found) else f"set to {value!r}, it reads {found!r}"


def same_meaning(key: str, value: Value, found: Value | None) -> bool:
    """Return whether a property that reads `found` was set to `value`: ids are sets, floats are rounded."""
    if isinstance(value, float) and isinstance(found, (int, float)):
        return math.isclose(value, found, rel_tol=1e-6)
    if key in ID_LISTS and isinstance(value, str) and isinstance(found, str):
        return _ids(value) == _ids(found)
    return found == value


def _ids(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in re.split("[:;,]", text)) - {""}


def get_nick(element: Any, key: str) -> Value | None:
    """Return a property as graphs write it: enums by nick. None where there is none."""
    if element.find_property(key) is None:
        return None
    value = element.get_property(key)
    nick = getattr(value, "value_nick", None)
    return nick if isinstance(nick, str) else value if isinstance(value, bool | int | float | str) else None
