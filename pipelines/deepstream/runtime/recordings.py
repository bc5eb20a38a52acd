"""The files of recordings: named once finished, ended where no picture comes, begun anew where one fails."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.deepstream.runtime.elements import Gst
from pipelines.deepstream.runtime.retries import Retries
from pipelines.errors import BadInput
from pipelines.gst_structure import structure_of
from pipelines.outputs.disk import PART, stamp
from pipelines.outputs.record import STEADY_S, recover_all, recover_file
from pricing.outage import Outage

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
    more after an EOS or an error. So the whole branch ends, and another takes its place. Methods: from any
    thread.
    """

    def __init__(
        self,
        built: BuiltPipeline,
        folder: Path,
        now_ns: Callable[[], int] = time.time_ns,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Give what earlier runs left unfinished its name. Each file's folder is made with the file."""
        self._built, self._folder, self._now_ns, self._clock = built, folder, now_ns, clock
        self._open: dict[str, str] = {}
        """The camera of each file that is not finished yet: one may still end while the next is written."""
        self._ending: dict[str, threading.Thread] = {}
        self._failed: dict[str, str] = {}
        """Why a branch has failed that is not replaced yet, by camera."""
        self._changed = threading.Condition()
        self._closed = False
        self._retries = {
            camera: Retries(
                Outage(logger, f"camera {camera}: not recorded", f"camera {camera}: recorded again")
            )
            for camera in built.graph.slots
        }
        recover_all(folder)
        for camera in built.graph.slots:
            built.set_apart(_branch(camera))
            self._begin(camera)

    def start(self) -> None:
        """Have the branches play; to be called once the pipeline does, and before any camera."""
        for camera in self._retries:
            try:
                self._built.play_apart(_branch(camera))
            except BadInput as error:
                self.fail(camera, str(error))

    def end(self, camera: str) -> None:
        """Finish the file of a camera that gives no picture, if there is one. Does not wait."""
        with self._changed:
            if self._files(camera):
                self._renew_soon(camera, 0.0)

    def fail(self, camera: str, why: str) -> None:
        """Have a recording that has failed begun anew after a while, as on the CPU. Does not wait."""
        with self._changed:
            self._failed[camera] = why  # where the old one is being replaced, that is forgotten with it
            if camera not in self._ending:
                self._renew_soon(camera, self._retries[camera].fail(why))

    def check(self) -> None:
        """Call a recording mended that has gone on for a while; to be called now and then."""
        for camera, retries in self._retries.items():
            if self._clock() - retries.since < STEADY_S or camera in self._ending:
                continue
            with self._changed:
                files = self._files(camera)
            # What fails to open its file says so a moment after it has chosen the name.
            if any(map(_is_written, files)):
                retries.mend()

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
            self._open.pop(str(part), None)
            self._changed.notify_all()

    def close(self) -> bool:
        """Begin no more, and wait for what is about to end; return False where something hangs."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            threads = list(self._ending.values())
        ends = time.monotonic() + 2 * FINISH_S
        for thread in threads:
            thread.join(max(0.0, ends - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def finish(self) -> None:
        """End the files that are being written, wait a little until they are, and stop the branches."""
        ended = []
        for camera in self._retries.keys() - self._failed.keys():
            entry = self._entry(camera)  # none is there where it is not replaced yet
            if entry is not None and entry.send_event(Gst.Event.new_eos()):
                ended.append(camera)
        with self._changed:
            self._changed.wait_for(lambda: not any(map(self._files, ended)), FINISH_S)
        for camera in self._retries:
            # A splitmuxsink that could not begin its first file would hold up its own feed's way to READY.
            for name in reversed(_branch(camera)):
                if (element := self._built.pipeline.get_by_name(name)) is not None:
                    element.set_state(Gst.State.NULL)

    def _renew_soon(self, camera: str, wait_s: float) -> None:
        """Renew a camera's branch in a thread of its own, for a disk may hang. The lock is held."""
        if self._closed or camera in self._ending:
            return
        given = camera, wait_s
        thread = threading.Thread(target=self._renew, args=given, name=f"tape-{camera}", daemon=True)
        thread.start()
        self._ending[camera] = thread

    def _file_name(self, _sink: Any, _number: int, camera: str) -> str:
        path = self._folder / camera / f"{stamp(self._now_ns())}.mp4{PART}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("wb").close()
        except OSError as error:
            # A splitmuxsink whose file cannot be opened tries another with the next frame, and blocks its own
            # pad then: stopped in that moment, it waits for good for a wake-up that has been (1.22).
            self.fail(camera, f"{path}: cannot be opened: {error.strerror}")
            return os.devnull
        with self._changed:
            self._open[str(path)] = camera
        retries = self._retries[camera]
        if retries.outage.active:
            retries.since = min(retries.since, self._clock())
        return str(path)

    def _renew(self, camera: str, wait_s: float) -> None:
        """Put another branch in the place of one that ends, or has failed; where that fails, later again."""
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._closed, wait_s):
                    return
            try:
                old = self._replace(camera, broken=wait_s > 0)
            except Exception as error:  # whatever it was, the next try may succeed
                logger.debug("camera %s: the recording cannot be begun anew", camera, exc_info=True)
                wait_s = self._retries[camera].fail(error if str(error) else type(error).__name__)
                continue
            for element in reversed(old):
                element.set_state(Gst.State.NULL)
            return

    def _replace(self, camera: str, *, broken: bool) -> list[Any]:
        """End a branch and put another in its place; return the elements of the old one, still running."""
        entry = self._entry(camera)
        feed = entry.get_peer() if entry is not None else None
        if feed is not None:
            feed.unlink(entry)  # what comes meanwhile goes nowhere, which the tee allows
            entry.send_event(Gst.Event.new_eos())
        with self._changed:
            self._changed.wait_for(lambda: not self._files(camera), 0 if broken else FINISH_S)
            unfinished = self._files(camera)
            for path in unfinished:
                del self._open[path]
        if unfinished and not broken:
            logger.warning("%s: does not end", ", ".join(unfinished))
        old = self._built.put_anew(_branch(camera), lambda: self._begin_anew(camera))
        if unfinished and broken:
            for element in reversed(old):
                element.set_state(Gst.State.NULL)
            for path in unfinished:
                with contextlib.suppress(OSError):
                    recover_file(Path(path))
        keyframe: Any = Gst.Structure.new_from_string(_KEYFRAME)
        wish = Gst.Event.new_custom(Gst.EventType.CUSTOM_UPSTREAM, keyframe)
        self._built.element(f"encoder_{camera}").send_event(wish)
        with self._changed:
            del self._ending[camera]
            if why := self._failed.get(camera):
                self._renew_soon(camera, self._retries[camera].fail(why))
        return old

    def _files(self, camera: str) -> list[str]:
        """Return the camera's files that are not finished yet. The lock is held."""
        return [path for path, whose in self._open.items() if whose == camera]

    def _entry(self, camera: str) -> Any:
        tape = self._built.pipeline.get_by_name(f"tape_{camera}")
        return tape.get_static_pad("sink") if tape is not None else None

    def _begin_anew(self, camera: str) -> None:
        with self._changed:
            self._failed.pop(camera, None)
        self._begin(camera)

    def _begin(self, camera: str) -> None:
        """Make a branch ready for its first frame, which must be a key frame: others need what was before."""
        # Its own numbers begin at 0 with each start, and would write over the last one's files.
        self._built.element(f"record_{camera}").connect("format-location", self._file_name, camera)
        tape = self._built.element(f"tape_{camera}")
        gate = _FromKeyframe(lambda: self._note_overrun(camera))
        gate.shut(tape)
        tape.connect("overrun", gate.shut_at_gap)

    def _note_overrun(self, camera: str) -> None:
        """Say that the disk does not take what comes; the recording goes on by itself once it does."""
        retries = self._retries[camera]
        retries.since = self._clock()
        retries.outage.fail("the disk is too slow, or hangs")


class _FromKeyframe:
    """Leaves out what cannot be decoded: all before a key frame, at the beginning and after a gap.

    A probe on the queue of a recording, which is off while all goes on: a frame then costs no Python.
    """

    def __init__(self, on_gap: Callable[[], None]) -> None:
        self._on_gap, self._waits = on_gap, False

    def shut(self, queue: Any) -> None:
        """Wait for a key frame. Called before the first frame comes, or in the thread that brings frames."""
        if not self._waits:
            self._waits = True
            queue.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self._judge)

    def shut_at_gap(self, queue: Any) -> None:
        """Note that the queue is full, and that the frame which came last is left out."""
        self.shut(queue)
        self._on_gap()

    def _judge(self, _pad: Any, info: Any) -> Any:
        """Leave out a frame, or let it and all that follow go on."""
        if info.get_buffer().has_flags(Gst.BufferFlags.DELTA_UNIT):
            return Gst.PadProbeReturn.DROP
        self._waits = False
        return Gst.PadProbeReturn.REMOVE


def _branch(camera: str) -> list[str]:
    return [part + camera for part in BRANCH]


def _is_written(path: str) -> bool:
    try:
        return Path(path).stat().st_size > 0
    except OSError:
        return False


def _finished(message: Any) -> Path | None:
    """Return the file that a message says is finished."""
    structure = structure_of(message) if message.type == Gst.MessageType.ELEMENT else None
    if structure is None or structure.get_name() != _CLOSED:
        return None
    location = structure.get_string("location") or ""
    return Path(location) if location.endswith(PART) else None
