"""Puts the probe and the gates onto GStreamer pads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402 the version must be chosen first

from probes.nvds.redaction_gate import BufferVerdict  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

DROP, OK = Gst.PadProbeReturn.DROP, Gst.PadProbeReturn.OK


def filter_buffers(pad: Any, judge: Callable[[int], BufferVerdict]) -> int:
    """Add a probe that passes or drops every buffer of the pad by `judge`; return the id of the probe.

    judge takes the buffer's address: hash(buffer) in gst-python. No reference is kept, or the element behind
    would have to copy the buffer. Lists of buffers do not occur in a DeepStream graph and are dropped.
    """

    def on_buffer(_pad: Any, info: Any) -> Any:
        try:
            buffer = info.get_buffer()
            passes = buffer is not None and judge(hash(buffer)) is BufferVerdict.PASS
        except Exception:  # noqa: BLE001 an error here would be printed for each frame
            passes = False
        return OK if passes else DROP

    kinds = Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST
    return int(pad.add_probe(kinds, on_buffer))
