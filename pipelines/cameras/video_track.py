"""Which video track of an RTSP session is the camera's picture."""

from __future__ import annotations

import threading
from typing import Any

from pipelines.gst_structure import caps_structure


class VideoTrack:
    """Chooses one of a session's video tracks, counted from 1 in the order of its description.

    Asked for each track in that order, by rtspsrc's `select-stream`, from any thread; asked anew for another
    transport.

    >>> track = VideoTrack(2)
    >>> [track.claims(number) for number in (1, 3, 1, 3)]
    [False, True, False, True]
    """

    def __init__(self, wanted: int = 1) -> None:
        self._wanted = wanted
        self._lock = threading.Lock()
        self._seen: list[int] = []

    def claims(self, number: int) -> bool:
        """Return whether the video track with this number in the session is the one."""
        with self._lock:
            if number not in self._seen:
                self._seen.append(number)
            return self._seen.index(number) == self._wanted - 1


def on_select_stream(_source: Any, number: int, caps: Any, track: VideoTrack) -> bool:
    """Handle rtspsrc's signal; all tracks but the one are left alone."""
    return caps_structure(caps).get_string("media") == "video" and track.claims(number)
