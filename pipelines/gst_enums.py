"""The values of an element's enum property, whichever Python bindings read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gi

gi.require_version("GObject", "2.0")
from gi.repository import GObject  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping


def enum_nicks(spec: Any) -> Mapping[int, str]:
    """Return the nicks of a property's enum by number; empty for properties of other types."""
    kind = getattr(spec, "enum_class", None)
    if kind is None:
        return {}
    known = getattr(kind, "__enum_values__", None)
    if known is not None:
        return {number: value.value_nick for number, value in known.items()}
    # PyGObject 3.50 (Debian 13) hands out GObject's own class, which is asked number by number.
    asked = {number: GObject.enum_get_value(kind, number) for number in range(kind.minimum, kind.maximum + 1)}
    return {number: value.value_nick for number, value in asked.items() if value is not None}
