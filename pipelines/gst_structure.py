"""The fields of GStreamer's caps, events and messages, whichever Python bindings read them.

Those of 1.26 (Debian 13) hand out something that must be entered by `with` and has no fields of its own.
"""

from __future__ import annotations

from typing import Any


def caps_structure(caps: Any) -> Any:
    """Return the first structure of caps that are not empty."""
    return _entered(caps.get_structure(0))


def structure_of(holder: Any) -> Any:
    """Return the structure of an event or message, None where it has none."""
    return _entered(holder.get_structure())


def _entered(found: Any) -> Any:
    if not hasattr(found, "__enter__"):
        return found
    with found as structure:  # which goes with the caps or the event; a copy stays
        return None if structure is None else structure.copy()
