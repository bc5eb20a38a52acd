"""The request pads of nvstreammux: one for each camera in the pipeline, and always at least one.

Up to DeepStream 9.1 a running nvstreammux without any sink pad pushes one freed buffer again and again, every
second, until the process crashes. So the last pad stays until another has come.
"""

from __future__ import annotations

import threading
from typing import Any


class MuxPads:
    """Takes and gives back pads of one mux. From any thread; no lock is held while a pad is released.

    Releasing waits until the mux has sent what the pad still holds, so it belongs into a thread of its own.
    """

    def __init__(self, mux: Any) -> None:
        """Use a mux that has no pads yet."""
        self._mux = mux
        self._taken: set[str] = set()
        self._releasing: set[str] = set()
        self._spare: Any = None
        self._lock = threading.Lock()

    def reserve(self, name: str) -> None:
        """Request a pad before the pipeline runs; cameras are added later."""
        with self._lock:
            if self._spare is None and not self._taken:
                self._spare = self._mux.request_pad_simple(name)

    def take(self, name: str) -> Any:
        """Return the pad of this name; None where the mux gives none, or still holds the one before.

        A second pad of one name would be refused by GStreamer with a warning only, after the request.
        """
        with self._lock:
            if name in self._releasing:
                return None
            spare = self._spare
            if spare is not None and spare.get_name() == name:
                self._spare, released, pad = None, None, spare
            else:
                pad = self._mux.request_pad_simple(name)
                released = spare if pad is not None else None
                if released is not None:
                    self._spare = None
                    self._releasing.add(released.get_name())
            if pad is not None:
                self._taken.add(name)
        if released is not None:
            threading.Thread(target=self._release, args=(released,), name="release-pad", daemon=True).start()
        return pad

    def give_back(self, pad: Any) -> None:
        """Release a pad, or keep it where it is the last. May wait for the mux."""
        with self._lock:
            self._taken.discard(pad.get_name())
            if not self._taken and self._spare is None:
                self._spare = pad
                return
            self._releasing.add(pad.get_name())
        self._release(pad)

    def _release(self, pad: Any) -> None:
        name = pad.get_name()
        self._mux.release_request_pad(pad)
        with self._lock:
            self._releasing.discard(name)
