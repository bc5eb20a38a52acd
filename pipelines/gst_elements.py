"""Makes elements of GStreamer, whichever Python bindings do it."""

from __future__ import annotations

from typing import Any

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402


def make_element(factory: str, name: str | None = None) -> Any:
    """Return a new element, None where none of this factory is installed.

    `Gst.ElementFactory.make` raises an error of its own there from GStreamer 1.28 on.
    """
    found = Gst.ElementFactory.find(factory)
    return found.create(name) if found is not None else None
