"""Tells an RTSP camera in time that somebody still watches.

Over TCP rtspsrc asks for nothing while video comes: GStreamer 1.22 to 1.28 send the request that keeps a
session only where none has come for a while. A camera that counts requests alone as life then hangs up.
Asked to, rtspsrc sends GET_PARAMETER, and nothing to a camera that does not list it. Such a camera, and one
that lists and refuses it, is asked by OPTIONS, which every camera has: the login guard puts the one in the
other's place.
"""

from __future__ import annotations

import re
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import Gst, GstRtsp  # noqa: E402

DEFAULT_TIMEOUT_S = 60.0
"""How long a session lasts whose camera does not say, as of RFC 2326."""
MIN_INTERVAL_S = 1.0
# Read here, before threads: see login_guard.
_DATAGRAMS = int(GstRtsp.RTSPLowerTrans.UDP | GstRtsp.RTSPLowerTrans.UDP_MCAST)
_TIMEOUT = re.compile(r";\s*timeout\s*=\s*(\d{1,6})", re.IGNORECASE | re.ASCII)


class RtspSession:
    """What the answers of one rtspsrc's camera tell of its session; written in that element's thread.

    is_asked: a request to keep the session is on its way, and not answered yet. inside_only: video may come
    in no other way than inside the connection. by_options: the camera does not list GET_PARAMETER, or has
    refused it, after which is_overdue: a request that it takes must follow. has_login: that rtspsrc has one
    to give.
    """

    def __init__(self) -> None:
        self.interval_s: float | None = None
        """How often it needs a request; None where rtspsrc sees to that, or there is none yet."""
        self.is_asked = self.is_overdue = self.inside_only = self.by_options = self.has_login = False

    def listed(self, *methods: str) -> str:
        """Take the lists of methods in an answer to OPTIONS; return what is to be added to them.

        With datagrams rtspsrc keeps the session by a request that nobody can change: nothing is added.

        >>> session = RtspSession()
        >>> session.inside_only = True
        >>> session.listed("OPTIONS, DESCRIBE, SETUP, PLAY"), session.by_options
        ('GET_PARAMETER', True)
        """
        known = {one.strip().upper() for text in methods for one in text.split(",")} - {""}
        self.by_options = self.inside_only and "GET_PARAMETER" not in known
        if not self.by_options:
            return ""
        # Of a camera that lists nothing rtspsrc assumes these two, and refuses one that lists others alone.
        return "GET_PARAMETER" if known else "DESCRIBE, SETUP, GET_PARAMETER"

    def answered(self, status: int) -> None:
        """Take the answer to a request that keeps the session; 401 asks for a login anew.

        >>> session = RtspSession()
        >>> session.inside_only = session.is_asked = True
        >>> session.answered(405)
        >>> session.is_asked, session.by_options, session.is_overdue
        (False, True, True)
        """
        self.is_asked = False
        if status >= 400 and status != 401 and self.inside_only and not self.by_options:
            self.by_options = self.is_overdue = True

    def opened(self, session: str, transport: str) -> None:
        """Take the headers of an answer to SETUP.

        >>> session = RtspSession()
        >>> session.opened("66;timeout=10", "RTP/AVP/TCP;unicast;interleaved=0-1")
        >>> session.interval_s
        5.0
        """
        told = _TIMEOUT.search(session)
        timeout = float(told[1]) if told and int(told[1]) else DEFAULT_TIMEOUT_S
        is_inside = "interleaved" in transport.lower() or "/tcp" in transport.lower()
        self.interval_s = max(MIN_INTERVAL_S, timeout / 2) if is_inside else None


class KeepAlive:
    """Sends the requests that keep one rtspsrc's session. `frame` is called by one thread."""

    def __init__(self, source: Any, session: RtspSession) -> None:
        """source: the rtspsrc, with its `protocols` set."""
        session.inside_only = not int(source.get_property("protocols")) & _DATAGRAMS
        self._source, self._session = source, session
        self._last: float | None = None

    def frame(self, now: float) -> None:
        """Hear, with each frame or now and then, that video comes; without it nothing is sent.

        A camera that leaves a request without an answer gets no other one.
        """
        interval = self._session.interval_s
        if interval is None or self._session.is_asked:
            return
        if self._last is None or (now - self._last < interval and not self._session.is_overdue):
            self._last = now if self._last is None else self._last
            return
        self._last, self._session.is_asked, self._session.is_overdue = now, True, False
        promise: Any = Gst.Promise.new()
        # No names: an empty GET_PARAMETER asks for nothing.
        self._source.emit("get-parameters", [], None, promise)
        promise.interrupt()  # nobody waits for the answer; freed while it is pending, a warning is printed
