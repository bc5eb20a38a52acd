"""MP4 files of redacted frames: every frame of an offline video, with its exact time."""

from __future__ import annotations

import os
import shutil
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from pipelines.errors import BadInput
from pipelines.outputs.disk import PART, OutputFailed, fitting
from pipelines.outputs.gst import Gst, caps, encoder, even_size, initialise, launch, only_redacted, to_buffer

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from probes.redaction.redact import RedactedFrame

WAITING = 8
FRAGMENT_MS = 1000
LITTLE_SPACE = 100_000


class Mp4Writer:
    """Writes H.264 to `path` by way of `path`.part; the file appears whole when finish() is done.

    size: width and height of the video; pictures of another size get black borders.
    kind `whole` has its index first, so that it plays while it loads; `fragmented` also plays as far as it
    got when the program is killed (ISO/IEC 14496-12, movie fragments).
    Not for two threads at once. Left as a context by an exception, it removes what it has written.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: float | Fraction,
        *,
        kind: Literal["whole", "fragmented"] = "whole",
        bitrate_kbit: int | None = None,
    ) -> None:
        """Without a bit rate the quality is constant. BadInput where there is no such folder."""
        if not path.parent.is_dir():
            raise BadInput(f"{path}: no such folder {path.parent}; create it or choose another place")
        if any("\ud800" <= c <= "\udfff" for c in str(path.parent)):
            raise BadInput(f"{path}: the folder's name is not UTF-8, which video needs; choose another place")
        size = size[0] & ~1, size[1] & ~1
        if min(size) < 16 or fps <= 0:
            raise BadInput(
                f"{path}: video needs 16 x 16 pixels and a frame rate, not {size[0]} x {size[1]} at {fps}"
            )
        initialise("mp4mux")
        self.frames = 0
        self.size = size
        self._path = path
        self._part = _draft(path, PART)
        self._scratch = _draft(path, ".scratch" + PART)
        self._fps = Fraction(fps).limit_denominator(1001)
        self._fragmented = kind == "fragmented"
        self._fed: tuple[int, int] | None = None
        self._ended = False
        self._pipeline = launch(
            "appsrc name=in format=time max-bytes=0 ! videoscale add-borders=true"
            f" ! {caps(size, self._fps)} ! {encoder(self._fps, bitrate_kbit, live=self._fragmented)}"
            " ! mp4mux name=mux ! filesink name=file buffer-mode=unbuffered"
        )
        mux = self._pipeline.get_by_name("mux")
        ticks = self._fps.numerator * max(1, 90_000 // self._fps.numerator)
        mux.set_property("trak-timescale", ticks)
        if self._fragmented and Gst.version() < (1, 22):
            # GStreamer 1.20 (Ubuntu 22.04) tells where a fragment begins, and of its later pictures only that
            # they follow: FFmpeg and browsers read keyframes alone. So each picture is a fragment; a whole
            # file gets an index, for its last two pictures are one fragment all the same.
            mux.set_property("fragment-duration", 1)
            Gst.util_set_object_arg(mux, "fragment-mode", "first-moov-then-finalise")
        elif self._fragmented:
            mux.set_property("fragment-duration", FRAGMENT_MS)
        else:
            mux.set_property("faststart", True)
            mux.set_property("faststart-file", str(self._scratch))
        self._pipeline.get_by_name("file").set_property("location", str(self._part))
        self._source = self._pipeline.get_by_name("in")
        self._pipeline.set_state(Gst.State.PLAYING)

    def __enter__(self) -> Mp4Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.cancel()

    @property
    def bytes_written(self) -> int:
        """Size of the unfinished file."""
        try:
            return self._part.stat().st_size
        except FileNotFoundError:
            return 0

    def write(self, frame: RedactedFrame, pts: int | None = None) -> None:
        """Append a frame at `pts`, ns from the start of the video, or else one frame time after another.

        Waits while the encoder is behind. OutputFailed when the file cannot be written; it is abandoned then.
        """
        only_redacted(frame)
        if self._ended:
            raise ValueError("the file is finished")
        while self._source.get_property("current-level-buffers") >= WAITING:
            self._check(5)
        self._check(0)
        size = even_size(frame.pixels)
        if size != self._fed:
            self._source.set_property("caps", Gst.Caps.from_string(caps(size, self._fps)))
            self._fed = size
        buffer = to_buffer(frame.pixels)
        buffer.pts = round(self.frames * Gst.SECOND / self._fps) if pts is None else pts
        buffer.duration = round(Gst.SECOND / self._fps)
        self._source.push_buffer(buffer)
        self.frames += 1

    def finish(self, timeout_s: float = 600) -> None:
        """Complete the file and put it in its place; OutputFailed where that fails; it is abandoned then."""
        if self._ended:
            return
        if self.frames == 0:
            self.cancel()
            raise OutputFailed(f"{self._path}: no frame came, so there is no video")
        self._source.end_of_stream()
        if not self._check(round(timeout_s * 1000)):
            self.abandon()
            raise OutputFailed(f"{self._path}: not complete after {timeout_s:.0f} s; is the disk too slow?")
        self._stop()
        try:
            with self._part.open("rb") as file:
                os.fsync(file.fileno())
            self._part.replace(self._path)
        except OSError as error:
            self.cancel()
            raise OutputFailed(f"{self._path}: cannot be written: {error.strerror}") from error

    def cancel(self) -> None:
        """Stop and remove what was written."""
        self._stop()
        self._part.unlink(missing_ok=True)
        self._scratch.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Stop without completing; of a fragmented file `path`.part stays and plays as far as it got."""
        if self._fragmented:
            self._stop()
        else:
            self.cancel()

    def _stop(self) -> None:
        self._ended = True
        self._pipeline.set_state(Gst.State.NULL)

    def _check(self, wait_ms: int) -> bool:
        """Wait for the end of the file, and return whether it came; raises what went wrong instead."""
        message = self._pipeline.get_bus().timed_pop_filtered(
            wait_ms * Gst.MSECOND, Gst.MessageType.ERROR | Gst.MessageType.EOS
        )
        if message is None or message.type == Gst.MessageType.EOS:
            return message is not None
        error, _ = message.parse_error()
        full = shutil.disk_usage(self._path.parent).free < LITTLE_SPACE
        self.abandon()
        if full or error.matches(Gst.ResourceError.quark(), Gst.ResourceError.NO_SPACE_LEFT):
            raise OutputFailed(f"{self._path}: the disk is full; free some space and try again")
        raise OutputFailed(f"{self._path}: cannot be written: {error.message}")


def _draft(path: Path, suffix: str) -> Path:
    """Return where a file grows until it is whole. GStreamer takes UTF-8 alone; file names may be no text."""
    return path.with_name(fitting(os.fsencode(path.name).decode(errors="replace"), suffix))
