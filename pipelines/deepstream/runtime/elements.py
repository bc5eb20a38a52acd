"""Makes GStreamer elements and sets their properties, and sees that they took them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst  # noqa: E402

from pipelines.errors import BadInput  # noqa: E402

__all__ = ["ElementFactory", "Gst", "GstElementFactory", "set_checked"]

if TYPE_CHECKING:
    from pipelines.graph.graph import Value


class ElementFactory(Protocol):
    """Where elements come from."""

    def make(self, factory: str, name: str) -> Any:
        """Return a new element. Raises BadInput where there is none of this factory."""

    def factory_of(self, element: Any) -> str:
        """Return the name of the factory that an element came from, "" where it has none."""

    def version_of(self, factory: str) -> tuple[int, int] | None:
        """Return major and minor of the plugin that holds a factory, None where there is none."""


class GstElementFactory:
    """The elements that are installed."""

    def make(self, factory: str, name: str) -> Any:
        """Return a new element; see ElementFactory."""
        element = Gst.ElementFactory.make(factory, name)
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
        known = len(numbers) >= 2 and numbers[0].isdigit() and numbers[1].isdigit()
        return (int(numbers[0]), int(numbers[1])) if known else None


def set_checked(element: Any, key: str, value: Value) -> None:
    """Set a property and read it back: gst-python only warns of what is out of range, and clamps (32)."""
    known = element.find_property(key)
    place = f"{element.get_name()}.{key}"
    if known is None:
        raise BadInput(f"{place}: the installed element has no such property; is this DeepStream supported?")
    if known.value_type.is_a(GObject.TYPE_ENUM) or known.value_type.is_a(GObject.TYPE_FLAGS):
        Gst.util_set_object_arg(element, key, str(value))
        found = get_nick(element, key)
        if isinstance(found, str) and found != value:
            raise BadInput(f"{place}: the installed element does not know {value!r}")
        return
    if known.value_type.name == "GstCaps":
        element.set_property(key, Gst.Caps.from_string(str(value)))
        return
    if known.value_type.name == "GstStructure":
        element.set_property(key, Gst.Structure.new_from_string(str(value)))
        return
    element.set_property(key, value)
    if element.get_property(key) != value:
        raise BadInput(f"{place}: the installed element does not take {value!r}")


def get_nick(element: Any, key: str) -> Value | None:
    """Return a property as graphs write it: enums by nick. None where there is none."""
    if element.find_property(key) is None:
        return None
    value = element.get_property(key)
    nick = getattr(value, "value_nick", None)
    return nick if isinstance(nick, str) else value if isinstance(value, bool | int | float | str) else None
