"""Reading media offline, every frame, as fast as it is consumed: for `msh annotate`."""

from __future__ import annotations

import contextlib
import logging
import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.file_type import HEAD_BYTES, TAKEN, other_kind, read_type
from pipelines.cameras.causes import classify
from pipelines.cameras.file_end import CUT_SHORT, has_lost_index, is_cut_off, is_whole
from pipelines.cameras.movie_header import shows_all, trimmed_ns
from pipelines.cameras.source import SourceKind, SourceLost
from pipelines.cameras.states import REMEDY, Cause
from pipelines.cpu import gst
from pipelines.cpu.decoding import add_file
from pipelines.cpu.gst import SINK, Gst
from pipelines.cpu.images import (
    IMAGE_SUFFIXES,
    animation_times,
    check_size,
    read_animation,
    read_image,
    unknown_picture,
)
from pipelines.errors import BadInput
from pipelines.gst_structure import caps_structure, structure_of
from pipelines.offline.complaints import Complaints, listen
from pipelines.offline.decoded_count import DecodedCount
from pipelines.offline.frame_count import count_frames, is_torn, shows_each
from probes.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engines.file_type import FileType
    from engines.image import I420

logger = logging.getLogger(__name__)

PATIENCE_S, PULL_PATIENCE_S = 30, 15
SHORT = 8
"""Frames below which a video is read a second time, for those that the first time missed; see `_Read`."""


class MediaKind(str, Enum):
    """A single picture or a video."""

    IMAGE = "image"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Media:
    """What a file holds. size: upright width, height in pixels; frames: a good estimate for videos.

    sound: whether a video has any.
    """

    kind: MediaKind
    size: tuple[int, int]
    fps: float | None = None
    frames: int | None = None
    duration_ns: int | None = None
    sound: bool = False


def probe_media(path: str | Path) -> Media:
    """Look into an image or video file. BadInput where it is neither."""
    found = _type_of(path)
    if found is not None and found.kind == "image":
        picture = read_image(path)
        return Media(MediaKind.IMAGE, (picture.width, picture.height), frames=1)
    if found is not None and found.animated:
        size, count, length_ms = animation_times(path)
        return Media(MediaKind.VIDEO, size, 1000 * count / length_ms, count, length_ms * 1_000_000)
    try:
        return _probe(path)
    except BadInput as error:
        if not has_lost_index(path):
            with contextlib.suppress(BadInput):
                return _probe(path, pull=True)
        raise _refusal(path, error) from None


def _probe(path: str | Path, *, pull: bool = False) -> Media:
    pipeline = _open(Path(path), pull=pull)
    try:
        # A sample says that a picture is there. Preroll does not: a sink is prerolled by a gap too, such as
        # that of an empty edit or of sound that begins first, and then holds no picture.
        pipeline.set_state(Gst.State.PLAYING)
        sample = _wait(pipeline, path, patience_s=PULL_PATIENCE_S if pull else PATIENCE_S)
        if sample is None:
            raise _unread(path, Cause.NO_VIDEO)
        structure = caps_structure(sample.get_caps())
        size = (structure.get_int("width")[1], structure.get_int("height")[1])
        check_size(size)
        ok, num, den = structure.get_fraction("framerate")
        fps = num / den if ok and num > 0 and den > 0 else None
        measured, duration = pipeline.query_duration(Gst.Format.TIME)
        duration_ns = trimmed_ns(path) or (duration if measured and duration > 0 else None)
        frames = max(1, round(duration_ns / 1e9 * fps)) if fps and duration_ns else None
        return Media(MediaKind.VIDEO, size, fps, frames, duration_ns, any(map(_is_sound, _tracks(pipeline))))
    finally:
        pipeline.set_state(Gst.State.NULL)


def read_frames(path: str | Path, warn: Callable[[str], None] | None = None) -> Iterator[tuple[int, I420]]:
    """Yield (ns since the first frame, picture) for every frame of a video, or the one picture of an image.

    BadInput where the file is neither, or gives no picture.
    warn: called with one line where the file was cut short or is damaged; without it, that is logged.
    """
    warn = warn or (lambda line: logger.warning("%s: %s", path, line))
    found = _type_of(path)
    if found is not None and found.kind == "image":
        yield 0, read_image(path, warn)
        return
    if found is not None and found.animated:
        yield from read_animation(path, warn)
        return
    yield from _read_video(path, warn)


def _read_video(path: str | Path, warn: Callable[[str], None]) -> Iterator[tuple[int, I420]]:
    """Yield the frames of a video; a second reading yields those that the first one missed, see `_Read`."""
    read, wrong = _Read(), None
    try:
        yield from read.frames(path, PATIENCE_S)
    except BadInput as error:
        wrong = error
    cut = is_cut_off(path)
    first = read.count
    # A demuxer that pulls says nothing of a lost index: the reader would wait in vain.
    is_lost = first == 0 and has_lost_index(path)
    if not is_lost and (wrong or first < SHORT or (read.is_short and not cut)):
        try:
            yield from read.frames(path, PULL_PATIENCE_S, pull=True)
            if first == 0 and read.count:  # the first reading had no chance to see any damage
                wrong = None
        except BadInput as error:
            logger.debug("%s: read a second time: %s", path, error)
    if read.count == 0:
        raise _refusal(path, wrong or _unread(path, Cause.NO_VIDEO))
    if cut or (read.is_short and not read.was_whole):
        warn(Reason(f"{CUT_SHORT}: {read}", why="film_cut_short", frames=read.count))
    elif wrong or read.is_short:
        warn(Reason(f"the file is damaged: {read}", why="film_damaged", frames=read.count))
    elif read.missing:
        text = f"the file is damaged: {read}; {read.missing} {'were' if read.missing > 1 else 'was'} not"
        warn(Reason(text, why="film_misses_frames", frames=read.count, missing=read.missing))
    elif read.complaints.lines or is_torn(path):
        logger.debug("%s: %s", path, read.complaints.lines)
        text = f"the file is damaged: {read}; pictures are missing or broken"
        warn(Reason(text, why="film_broken_frames", frames=read.count))


def _refusal(path: str | Path, wrong: BadInput) -> BadInput:
    """Return what to say of a file that gives no picture."""
    if not is_cut_off(path):
        return wrong
    return BadInput(Reason(f"{path}: {CUT_SHORT}; send it again", why="file_cut_short"))


def _unread(path: str | Path, cause: Cause, after: str = "") -> BadInput:
    if cause is Cause.NO_VIDEO:  # the words of a camera name streams and transports
        text = f"{path}: no picture was found in the file: it may hold sound alone, or be damaged"
        return BadInput(Reason(text, why="film_without_pictures"))
    words = f"{REMEDY[cause]}{after}"
    if cause is Cause.FILE and not after and Path(path).is_file() and read_type(Path(path)) is None:
        words = f"is no file that can be annotated: {TAKEN} are"  # as the page says it
    return BadInput(Reason(f"{path}: {words}", why="film_unread", cause=cause.value))


class _Read:
    """What was read of a video so far."""

    def __init__(self) -> None:
        self.count = self.missing = 0
        self.is_short = self.was_whole = False
        self.complaints = Complaints()
        self._last_ns = self._duration_ns = 0

    def frames(self, path: str | Path, patience_s: int, *, pull: bool = False) -> Iterator[tuple[int, I420]]:
        """Yield the frames after those that were read already.

        pull: by a demuxer that pulls. The one that waits for data (see `add_file`) ends an MP4 with an edit
        list and frames out of order after its first frame, where it has a handful of frames, ends an AVI at
        the first damaged place, and fails at times on an Ogg's first packets. Seen with GStreamer 1.22.
        """
        pipeline, end_ns = _open(Path(path), pull=pull), 0
        decoded = DecodedCount(pipeline)
        try:
            with listen(pipeline) as self.complaints:
                for number, (time_ns, until_ns, picture) in enumerate(_samples(pipeline, path, patience_s)):
                    end_ns = until_ns
                    if number >= self.count:
                        self.count, self._last_ns = number + 1, time_ns
                        yield time_ns, picture
            self._look_at_end(pipeline, path, end_ns, decoded)
        except SourceLost as lost:
            raise _unread(path, lost.cause) from None
        finally:
            pipeline.set_state(Gst.State.NULL)

    def _look_at_end(self, pipeline: Any, path: str | Path, end_ns: int, decoded: DecodedCount) -> None:
        """Note whether the video ends before the file does: a file that was cut off ends like any other.

        Where all that the file announces is in it, its sound may be longer than its picture, and its last
        picture may stand still: the frames are counted then.
        """
        ok, duration_ns = pipeline.query_duration(Gst.Format.TIME)
        self._duration_ns = trimmed_ns(path) or (duration_ns if ok else 0)
        self.was_whole = is_whole(path)
        spare_ns = Gst.SECOND // 5 if self.was_whole else 2 * Gst.SECOND
        stored = count_frames(path)
        self.is_short = end_ns < 0.95 * self._duration_ns - spare_ns and not (
            (self.was_whole and len(_tracks(pipeline)) > 1) or self.count >= (stored or math.inf)
        )
        given = self.count if decoded.given is None else decoded.given
        left_out = max(0, stored - given) if stored and shows_all(path) else 0
        if stored and self.count >= stored:
            self.complaints.forgive(max(0, given - stored))
        elif stored and shows_each(path):
            self.missing = stored - self.count
        else:
            self.missing = left_out + decoded.lost

    def __str__(self) -> str:
        is_known = self._duration_ns > self._last_ns + Gst.SECOND // 2
        of = f" of {self._duration_ns / 1e9:.1f} s" if is_known else ""
        return f"{self.count} frame{'s' * (self.count > 1)}, {self._last_ns / 1e9:.1f} s{of}, were read"


def _tracks(pipeline: Any) -> list[Any]:
    """Return the pads of what a file holds: its video, and what may go on after it."""
    elements = pipeline.iterate_elements()
    pads: list[Any] = []
    while True:
        more, element = elements.next()
        if more != Gst.IteratorResult.OK:
            return pads
        if element.get_factory().get_name() == "decodebin":
            pads = list(element.srcpads)


def _is_sound(pad: Any) -> bool:
    caps = pad.get_current_caps() or pad.query_caps(None)
    return caps.get_size() > 0 and bool(caps_structure(caps).get_name().startswith("audio/"))


def _samples(pipeline: Any, path: str | Path, patience_s: int) -> Iterator[tuple[int, int, I420]]:
    """Yield ns since the first frame, the file's time at the end of this frame, and its picture."""
    pipeline.set_state(Gst.State.PLAYING)
    count = start_ns = time_ns = before_ns = 0
    while (sample := _wait(pipeline, path, count, patience_s)) is not None:
        buffer = sample.get_buffer()
        stream_ns = sample.get_segment().to_stream_time(Gst.Format.TIME, buffer.pts)
        if stream_ns == Gst.CLOCK_TIME_NONE:  # a raw stream carries no times: only the order is known
            stream_ns = start_ns + time_ns + 1
        if count == 0:
            start_ns = stream_ns
        time_ns = max(stream_ns - start_ns, time_ns + 1) if count else 0
        shown_ns = time_ns - before_ns if buffer.duration == Gst.CLOCK_TIME_NONE else buffer.duration
        before_ns = time_ns
        yield time_ns, start_ns + time_ns + shown_ns, gst.copy_i420(sample)
        count += 1


def _type_of(path: str | Path) -> FileType | None:
    """Return what the file holds; None for what only GStreamer may know. BadInput where it cannot be read."""
    try:
        if Path(path).is_file() and Path(path).stat().st_size == 0:
            raise BadInput(f"{path}: is empty; send it again")
        found = read_type(Path(path))
        if found is None:
            with Path(path).open("rb") as file:
                head = file.read(HEAD_BYTES)
            if other_kind(head) or Path(path).suffix.lower() in IMAGE_SUFFIXES:
                raise BadInput(Reason.at(path, unknown_picture(head)))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    return found


def _open(path: Path, *, pull: bool = False) -> Any:
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    gst.init()
    try:
        pipeline = gst.pipeline_to_i420(max_buffers=4, drop=False, sync=False, upright=True)
        add_file(pipeline, str(path), max_threads=0, pull=pull)
    except SourceLost as lost:
        raise BadInput(f"{path}: {lost.detail}") from None
    return pipeline


def _wait(pipeline: Any, path: str | Path, count: int = 0, patience_s: int = PATIENCE_S) -> Any:
    """Return the next sample, None at the end. BadInput on an error, and on silence for patience_s."""
    sink, bus = pipeline.get_by_name(SINK), pipeline.get_bus()
    wanted = Gst.MessageType.ERROR | Gst.MessageType.APPLICATION
    for _ in range(patience_s * 10):
        sample = sink.emit("try-pull-sample", Gst.SECOND // 10)
        if sample is not None:
            return sample
        message = bus.pop_filtered(wanted)
        if message is not None:
            cause, after = _cause(message), f" (after {count} frames)" if count else ""
            raise _unread(path, cause, after)
        if sink.is_eos():
            return None
    text = f"{path}: no frame for {patience_s} s{f' after {count} frames' if count else ''}"
    raise BadInput(Reason(text, why="film_silent", seconds=patience_s))


def _cause(message: Any) -> Cause:
    if message.type == Gst.MessageType.APPLICATION:
        return Cause(structure_of(message).get_name())
    error, debug = message.parse_error()
    logger.debug("%s %d: %s %s", error.domain, error.code, error.message, debug)
    cause = classify(SourceKind.FILE, error.domain, error.code, f"{error.message} {debug or ''}")
    return Cause.FILE if cause is Cause.UNKNOWN else cause
