"""The values of an element's enum property, whichever Python bindings read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping


def enum_nicks(spec: Any) -> Mapping[int, str]:
    """Return the nicks of a property's enum by number; empty for properties of other types.

    `spec.enum_class` is not asked: PyGObject 3.50 hands out GObject's own class there, and 3.56 (Ubuntu
    26.04) a class that has nothing to do with it, and may end in a segmentation fault.
    """
    if not spec.value_type.is_a(GObject.TYPE_ENUM):
        return {}
    holder = Gst.Structure.new_empty("holder")  # what comes out of one is of the enum's own Python class
    holder.set_value("value", GObject.Value(spec.value_type, spec.default_value))
    kind: Any = type(holder.get_value("value"))
    if hasattr(kind, "__members__"):  # an enum.IntEnum since PyGObject 3.52
        return {int(value): value.value_nick for value in kind}
    return {number: value.value_nick for number, value in kind.__enum_values__.items()}
