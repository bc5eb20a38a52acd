"""Names the files of recordings that are finished, and ends those that are being written."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.deepstream.runtime.elements import Gst
from pipelines.gst_structure import structure_of
from pipelines.outputs.disk import PART

if TYPE_CHECKING:
    from pipelines.deepstream.runtime.built_pipeline import BuiltPipeline

logger = logging.getLogger(__name__)

FINISH_S = 3.0
_CLOSED: Final = "splitmuxsink-fragment-closed"


def name_finished(message: Any) -> None:
    """Give a recording its proper name where a bus message says that it is finished.

    Until then it ends in PART. Called in the thread that posts: a disk that hangs holds up that one alone.
    """
    structure = structure_of(message) if message.type == Gst.MessageType.ELEMENT else None
    if structure is None or structure.get_name() != _CLOSED:
        return
    location = structure.get_string("location") or ""
    if not location.endswith(PART):
        return
    part = Path(location)
    try:
        part.replace(part.with_suffix(""))
    except FileNotFoundError:
        logger.debug("%s: deleted while it was written", part)
    except OSError as error:  # the next start tries it again
        logger.warning("%s: cannot be renamed: %s", part, error.strerror)


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
        opened -= structure is not None and structure.get_name() == _CLOSED
