"""Runs GLib's default main loop, which NVIDIA's sources need."""

from __future__ import annotations

import threading

from gi.repository import GLib

STOP_S = 2.0


class DefaultLoop:
    """Runs GLib's default loop: nvurisrcbin reconnects and loops files by timers on it (its source, 9.1)."""

    def __init__(self) -> None:
        self._loop = GLib.MainLoop.new(None, False)
        self._thread = threading.Thread(target=self._loop.run, name="glib", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> bool:
        """End within seconds; False where the thread was left behind."""
        if self._thread.ident is None:
            return True
        GLib.idle_add(self._loop.quit)
        self._thread.join(STOP_S)
        return not self._thread.is_alive()
