"""A line of the log that the page's list of events shows, in the words of its own language."""

from __future__ import annotations

from typing import Any


def news(why: str, **values: str | float) -> dict[str, Any]:
    """Return the `extra` of such a line. why: a key of the page's words; values: what stands in their blanks.

    The page shows a warning or an error without it, too, as the log has it.

    >>> news("camera_live", camera="till")
    {'news': {'why': 'camera_live', 'values': {'camera': 'till'}}}
    """
    return {"news": {"why": why, "values": values}}
