"""Which of GStreamer's demuxers no film is given to: those that open other addresses, and libav's.

A film comes from outside: an upload, a file of a camera. decodebin takes any demuxer that knows its
format. That of a playlist (HLS, DASH, Smooth Streaming, SDP) then fetches what the file names: whoever
sends one would have the box ask any address of the shop's network. Those of libav are for formats that
no camera, phone or shop sends (NUT, old games), and some never end: that of NUT asks for more at the end
of a file for ever, and cannot be stopped then. Seen with GStreamer 1.22.
"""

from __future__ import annotations

from typing import Any, Final

FORBIDDEN: Final = ("hlsdemux", "dashdemux", "mssdemux", "sdpdemux", "sdpsrc", "avdemux_")
"""How the names begin; newer elements have a digit behind, such as hlsdemux2."""


def forbid_demuxers(gst: Any) -> None:
    """Let decodebin and its like choose none of `FORBIDDEN`. gst: the module Gst, initialised.

    Elements that are made by name stay as they are.
    """
    for factory in gst.Registry.get().get_feature_list(gst.ElementFactory):
        if factory.get_name().startswith(FORBIDDEN):
            factory.set_rank(gst.Rank.NONE)
