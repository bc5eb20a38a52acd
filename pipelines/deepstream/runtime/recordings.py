"""Ends the files that are being written, before the pipeline stops."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pipelines.deepstream.runtime.elements import Gst
from pipelines.gst_structure import structure_of

if TYPE_CHECKING:
    from pipelines.deepstream.runtime.built_pipeline import BuiltPipeline

FINISH_S = 3.0


def finish_recordings(built: BuiltPipeline) -> None:
    """End the files that are being written, and wait a little until they are. Reads the bus."""
    opened = 0
    for element in built.graph.of("splitmuxsink"):
        if built.element(element.name).get_state(0).state == Gst.State.PLAYING:
            tape = built.element(element.name.replace("record_", "tape_", 1))
            opened += tape.get_static_pad("sink").send_event(Gst.Event.new_eos())
    bus, ends = built.pipeline.get_bus(), time.monotonic() + FINISH_S
    while opened and (left := ends - time.monotonic()) > 0:
        message = bus.timed_pop_filtered(int(left * Gst.SECOND), Gst.MessageType.ELEMENT)
        structure = structure_of(message) if message is not None else None
        opened -= structure is not None and structure.get_name() == "splitmuxsink-fragment-closed"
