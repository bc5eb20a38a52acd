"""Live recording: segments of MP4 in one folder a camera, bounded in sum, the oldest deleted first."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import queue
import signal
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from pipelines.errors import BadInput
from pipelines.outputs.disk import PART, OutputFailed, stamp, trim
from pipelines.outputs.gst import even_size, initialise, only_redacted
from pipelines.outputs.mp4 import Mp4Writer
from pricing.outage import Outage
from probes.events.messages import same

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from probes.redaction.redact import RedactedFrame

logger = logging.getLogger(__name__)

WAITING = 4
GAP_S = 5.0
"""Silence that ends a segment, so that no file holds a frozen picture for hours."""
RETRY_S, MAX_RETRY_S = 10.0, 160.0
"""How long after a failure it is tried again: twice as long each time, until one try has held."""
STEADY_S = 30.0
"""A try that wrote for so long has held: a full disk takes the first seconds of each file."""
HOUSEKEEPING_S = 2.0
CLOSE_S = 10.0
SECOND = 1_000_000_000


class VideoRecorder:
    """A FrameSink that records the cameras added to it, each in a thread of its own.

    Files are folder/camera/TIME.mp4, TIME in UTC; the one being written ends in .part and plays too.
    utc: turns a time of frames into UTC, both in ns.
    """

    def __init__(
        self,
        folder: Path,
        segment_s: float = 300,
        max_mb: int = 2000,
        *,
        bitrate_kbit: int = 2500,
        clock: Callable[[], float] = time.monotonic,
        utc: Callable[[int], int] = same,
    ) -> None:
        self._rules = _Rules(folder, segment_s, max_mb * 1_000_000, bitrate_kbit, clock, utc)
        self._tapes: dict[str, _Tape] = {}
        self._closed = False
        recover_all(folder)

    @property
    def cameras(self) -> frozenset[str]:
        """The cameras that are recorded."""
        return frozenset(self._tapes)

    def add_camera(self, camera: str, fps: int = 10) -> None:
        """Record this camera from its next frame on; where its folder cannot be had, that is tried again."""
        if self._closed or camera in self._tapes:
            return
        initialise("mp4mux")
        self._tapes = {**self._tapes, camera: _Tape(self._rules, camera, fps)}
        self._rules.cameras = len(self._tapes)

    def remove_camera(self, camera: str) -> None:
        """End the camera's recording; its last file is finished."""
        tapes = dict(self._tapes)
        tape = tapes.pop(camera, None)
        self._tapes = tapes
        self._rules.cameras = len(tapes)
        if tape:
            tape.close()

    def wanted(self, camera: str) -> bool:
        """Return whether this camera is recorded."""
        return camera in self._tapes

    def publish(self, frame: RedactedFrame) -> None:
        """Hand the frame to its camera's thread, or drop and count it; its pixels stay as they are."""
        only_redacted(frame)
        tape = self._tapes.get(frame.frame.camera)
        if tape:
            tape.put(frame)

    def dropped(self, camera: str) -> int:
        """Return how many frames could not be recorded: encoder behind, or disk refusing."""
        tape = self._tapes.get(camera)
        return tape.dropped if tape else 0

    def close(self) -> None:
        """Finish all files and end all threads."""
        self._closed = True
        tapes, self._tapes = self._tapes, {}
        for tape in tapes.values():
            tape.stop()
        for tape in tapes.values():
            tape.close()


@dataclass(slots=True)
class _Rules:
    """What all tapes keep to."""

    folder: Path
    segment_s: float
    max_bytes: int
    bitrate_kbit: int
    clock: Callable[[], float]
    utc: Callable[[int], int]
    cameras: int = 0

    def full(self, writer: Mp4Writer, age_s: float) -> bool:
        """Return whether a segment is long enough, or so large that the bound could not be kept."""
        return age_s >= self.segment_s or writer.bytes_written * 2 * self.cameras >= self.max_bytes

    def tidy(self, at: int) -> None:
        """Delete the oldest files beyond the bound. at: of the newest frame."""
        trim(self.folder, ".mp4", self.max_bytes, now=self.utc(at))


class _Tape:
    """One camera's recording thread."""

    def __init__(self, rules: _Rules, camera: str, fps: int) -> None:
        self.dropped = 0
        self._rules, self._folder, self._fps = rules, rules.folder / camera, fps
        self._frames: queue.Queue[RedactedFrame] = queue.Queue(WAITING)
        self._stop = threading.Event()
        self._writer: Mp4Writer | None = None
        self._began = self._last = 0
        self._tidied = self._retry_at = float("-inf")
        self._retry_s, self._again_since = RETRY_S, float("inf")
        self._outage = Outage(logger, f"camera {camera}: not recorded", f"camera {camera}: recorded again")
        self._thread = threading.Thread(target=self._run, name=f"record-{camera}", daemon=True)
        self._thread.start()

    def put(self, frame: RedactedFrame) -> None:
        try:
            self._frames.put_nowait(frame)
        except queue.Full:
            self.dropped += 1

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        self.stop()
        self._thread.join(CLOSE_S)
        if not self._thread.is_alive():  # the camera may never come again, whose next file would see to it
            with contextlib.suppress(OSError):
                recover(self._folder)

    def _run(self) -> None:
        heard = self._rules.clock()
        while True:
            try:
                frame = self._frames.get(timeout=0.2)
            except queue.Empty:
                if self._stop.is_set():
                    break
                if self._rules.clock() - heard > GAP_S:
                    self._guard(self._finish)
                continue
            heard = self._rules.clock()
            if heard < self._retry_at:
                self.dropped += 1
            else:
                self._guard(self._write, frame)
        self._guard(self._finish)

    def _guard(self, step: Callable[..., None], *frame: RedactedFrame) -> None:
        """Run a step; a disk that refuses ends the segment, and is tried again later."""
        try:
            step(*frame)
        except (OutputFailed, BadInput, OSError) as error:
            if self._writer:
                self._writer.abandon()
            self._writer = None
            self.dropped += 1
            self._retry_at = self._rules.clock() + self._retry_s
            self._retry_s = min(2 * self._retry_s, MAX_RETRY_S)
            self._again_since = float("inf")
            self._outage.fail(error)

    def _note_written(self) -> None:
        """Call a recording that goes on after a failure mended once it has held for a while."""
        if self._outage.active:
            now = self._rules.clock()
            self._again_since = min(self._again_since, now)
            if now - self._again_since >= STEADY_S:
                self._retry_s = RETRY_S
                self._outage.recover()

    def _write(self, frame: RedactedFrame) -> None:
        at = frame.frame.captured_at
        if self._writer and self._ends_before(frame):
            self._finish()
        if self._writer is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            recover(self._folder)
            self._rules.tidy(at)
            self._writer = Mp4Writer(
                self._folder / f"{stamp(self._rules.utc(at))}.mp4",
                even_size(frame.pixels),
                self._fps,
                kind="fragmented",
                bitrate_kbit=self._rules.bitrate_kbit,
            )
            self._began = at
        elif at <= self._last:
            self.dropped += 1
            return
        self._writer.write(frame, at - self._began)
        self._last = at
        self._note_written()

    def _ends_before(self, frame: RedactedFrame) -> bool:
        at = frame.frame.captured_at
        if self._writer is None or self._writer.size != even_size(frame.pixels):
            return True
        if not -SECOND < at - self._last < GAP_S * SECOND:
            return True
        if self._rules.clock() - self._tidied > HOUSEKEEPING_S:
            self._tidied = self._rules.clock()
            self._rules.tidy(at)
        return self._rules.full(self._writer, (at - self._began) / SECOND)

    def _finish(self) -> None:
        writer, self._writer = self._writer, None
        if writer:
            writer.finish(timeout_s=8)


def recover(folder: Path) -> None:
    """Give files that a killed run left their proper names, and remove those without any picture.

    One that is being written is left alone: another store may record into the same folder.
    """
    for part in folder.glob(f"*.mp4{PART}"):
        recover_file(part)


def recover_file(part: Path) -> None:
    """Do the same for one file."""
    with part.open("rb") as file:
        if _is_written(file):
            return
        head = file.read(1 << 16)
    if b"moof" in head:
        part.replace(part.with_suffix(""))
    else:
        part.unlink()


def _is_written(file: BinaryIO) -> bool:
    """Return whether any process has the file open to write; False where its file system cannot tell."""
    try:
        # Who opens it to write meanwhile has this process sent a signal: SIGIO, the usual one, would end it.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def recover_all(folder: Path) -> None:
    """Do the same for all cameras, those that the store has no more too; what cannot be read is left."""
    with contextlib.suppress(OSError):
        for camera in folder.iterdir():
            with contextlib.suppress(OSError):
                recover(camera)
