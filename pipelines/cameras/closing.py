"""Connections are closed in threads of their own: some never close."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.cameras.source import Source

CLOSE_TIMEOUT_S = 3.0


def close_within(source: Source, name: str, timeout_s: float | None = None) -> threading.Thread | None:
    """Close a source; return the thread that still does where that takes longer, else None.

    timeout_s: CLOSE_TIMEOUT_S unless said. A driver may hang there, and rtspsrc does while an answer that it
    has begun to read goes on and on.
    """
    thread = threading.Thread(target=source.close, name=f"close-{name}", daemon=True)
    thread.start()
    thread.join(CLOSE_TIMEOUT_S if timeout_s is None else timeout_s)
    return thread if thread.is_alive() else None
