"""The files of recordings: named once they are finished, and ended where their camera gives no picture."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.deepstream.runtime.elements import Gst
from pipelines.errors import BadInput
from pipelines.gst_structure import structure_of
from pipelines.outputs.disk import PART, stamp
from pipelines.outputs.record import recover_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.deepstream.runtime.built_pipeline import BuiltPipeline

logger = logging.getLogger(__name__)

FINISH_S = 3.0
BRANCH: Final = ("tape_", "tapeparse_", "record_")
"""What records a camera, behind its encoder: these elements, in this order."""
_CLOSED: Final = "splitmuxsink-fragment-closed"
_KEYFRAME: Final = "GstForceKeyUnit, all-headers=(boolean)true"


class Recordings:
    """The branches that record. A file ends at its length, or by `end`; the next frame begins a new one.

    splitmuxsink cannot end a file before the next frame comes (`split-now` waits for it), and takes none any
    more after an EOS. So the whole branch ends, and another takes its place. Methods: from any thread.
    """

    def __init__(self, built: BuiltPipeline, folder: Path, now_ns: Callable[[], int] = time.time_ns) -> None:
        """Give what earlier runs left unfinished its name. Raises BadInput where a folder cannot be had."""
        self._built, self._folder, self._now_ns = built, folder, now_ns
        self._open: dict[str, str] = {}
        """The file that is being written, by camera."""
        self._ending: dict[str, threading.Thread] = {}
        self._changed = threading.Condition()
        self._closed = False
        recover_all(folder)
        for camera in built.graph.slots:
            try:
                (folder / camera).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise BadInput(f"outputs.record.folder: {folder / camera}: {error.strerror}") from None
            self._name_files(camera)

    def end(self, camera: str) -> None:
        """Finish the file of a camera that gives no picture, if there is one. Does not wait."""
        with self._changed:
            if self._closed or camera in self._ending or camera not in self._open:
                return
            thread = threading.Thread(target=self._renew, args=(camera,), name=f"tape-{camera}", daemon=True)
            self._ending[camera] = thread
        thread.start()

    def note(self, message: Any) -> None:
        """Give a recording its proper name where a bus message says that it is finished.

        Until then it ends in PART. Called in the thread that posts: a disk that hangs holds up no other one.
        """
        part = _finished(message)
        if part is None:
            return
        try:
            part.replace(part.with_suffix(""))
        except FileNotFoundError:
            logger.debug("%s: deleted while it was written", part)
        except OSError as error:  # the next start tries it again
            logger.warning("%s: cannot be renamed: %s", part, error.strerror)
        with self._changed:
            self._open = {camera: path for camera, path in self._open.items() if path != str(part)}
            self._changed.notify_all()

    def close(self) -> bool:
        """Begin no more, and wait for what is about to end; return False where something hangs."""
        with self._changed:
            self._closed = True
            threads = list(self._ending.values())
        ends = time.monotonic() + 2 * FINISH_S
        for thread in threads:
            thread.join(max(0.0, ends - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _name_files(self, camera: str) -> None:
        # Its own numbers begin at 0 with each start, and would write over the last one's files.
        self._built.element(f"record_{camera}").connect("format-location", self._file_name, camera)

    def _file_name(self, _sink: Any, _number: int, camera: str) -> str:
        path = str(self._folder / camera / f"{stamp(self._now_ns())}.mp4{PART}")
        with self._changed:
            self._open[camera] = path
        return path

    def _renew(self, camera: str) -> None:
        """End a branch and put another in its place: in a thread of its own, for a disk may hang."""
        try:
            entry = self._built.element(f"tape_{camera}").get_static_pad("sink")
            entry.get_peer().unlink(entry)  # what comes meanwhile goes nowhere, which the tee allows
            entry.send_event(Gst.Event.new_eos())
            with self._changed:
                if not self._changed.wait_for(lambda: camera not in self._open, FINISH_S):
                    logger.warning("%s: does not end", self._open.pop(camera))
            names = [part + camera for part in BRANCH]
            old = self._built.put_anew(names, lambda: self._begin(camera))
            keyframe: Any = Gst.Structure.new_from_string(_KEYFRAME)
            wish = Gst.Event.new_custom(Gst.EventType.CUSTOM_UPSTREAM, keyframe)
            self._built.element(f"encoder_{camera}").send_event(wish)
            with self._changed:
                del self._ending[camera]
            for element in reversed(old):
                element.set_state(Gst.State.NULL)
        except Exception:
            logger.exception("camera %s: no more recordings until the next start", camera)

    def _begin(self, camera: str) -> None:
        """Make a branch ready for its first frame, which must be a key frame: others need what was before."""
        self._name_files(camera)
        pad = self._built.element(f"tape_{camera}").get_static_pad("sink")
        pad.add_probe(Gst.PadProbeType.BUFFER, _from_a_keyframe_on)


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
        opened -= message is not None and _finished(message) is not None


def _finished(message: Any) -> Path | None:
    """Return the file that a message says is finished."""
    structure = structure_of(message) if message.type == Gst.MessageType.ELEMENT else None
    if structure is None or structure.get_name() != _CLOSED:
        return None
    location = structure.get_string("location") or ""
    return Path(location) if location.endswith(PART) else None


def _from_a_keyframe_on(_pad: Any, info: Any) -> Any:
    if info.get_buffer().has_flags(Gst.BufferFlags.DELTA_UNIT):
        return Gst.PadProbeReturn.DROP
    return Gst.PadProbeReturn.REMOVE
