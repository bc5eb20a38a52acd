"""A decodebin that decodes in software alone, whatever hardware the machine has."""

from __future__ import annotations

from typing import Any, Final

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from pipelines.gst_structure import caps_structure  # noqa: E402

TRY: Final = 0
SKIP: Final = 2
"""GstAutoplugSelectResult, of which GStreamer's bindings have no names."""
PLAIN: Final = "memory:SystemMemory"


def decode_in_software(decodebin: Any, *, one_thread: bool) -> None:
    """Have a new decodebin give video in plain memory only; one_thread: each decoder has one thread."""
    decodebin.set_property("force-sw-decoders", True)
    decodebin.connect("autoplug-continue", _is_not_audio)
    decodebin.connect("autoplug-select", _select)
    decodebin.connect("element-added", tune_one_thread if one_thread else _tune)


def _is_not_audio(_bin: Any, _pad: Any, caps: Any) -> bool:
    return not caps_structure(caps).get_name().startswith("audio/")


def _select(_bin: Any, _pad: Any, _caps: Any, factory: Any) -> int:
    """Skip what force-sw-decoders lets through: NVIDIA's decoder does not call itself hardware.

    nvv4l2decoder and nvjpegdec rank above all software, and give pictures in the GPU's memory, which nothing
    behind this one can read.
    """
    sources = (t for t in factory.get_static_pad_templates() if t.direction == Gst.PadDirection.SRC)
    return SKIP if any(_leaves_plain_memory(template.get_caps()) for template in sources) else TRY


def _leaves_plain_memory(caps: Any) -> bool:
    features = [caps.get_features(index) for index in range(caps.get_size())]
    names = [one.get_nth(number) for one in features for number in range(one.get_size())]
    return any(name.startswith("memory:") and name != PLAIN for name in names)


def _tune(_bin: Any, element: Any) -> None:
    """No grey pictures before the first keyframe."""
    if element.find_property("output-corrupt") is not None:
        element.set_property("output-corrupt", False)


def tune_one_thread(parent: Any, element: Any) -> None:
    """Frame threads would hold frames back, and a camera needs no second core."""
    _tune(parent, element)
    if element.find_property("max-threads") is not None:
        element.set_property("max-threads", 1)
