"""Reading media offline, every frame, as fast as it is consumed: for `msh annotate`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.file_type import HEAD_BYTES, other_kind, read_type
from pipelines.cameras.causes import classify
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
from pipelines.cpu.movie_header import is_whole
from pipelines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engines.file_type import FileType
    from engines.image import I420

logger = logging.getLogger(__name__)

PATIENCE_S = 30
SHORT = 8
"""Frames below which a video is read a second time, for those that the first time missed; see `_rest`."""


class MediaKind(str, Enum):
    """A single picture or a video."""

    IMAGE = "image"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Media:
    """What a file holds. size: upright width, height in pixels; frames: a good estimate for videos."""

    kind: MediaKind
    size: tuple[int, int]
    fps: float | None = None
    frames: int | None = None
    duration_ns: int | None = None


def probe_media(path: str | Path) -> Media:
    """Look into an image or video file. BadInput where it is neither."""
    found = _type_of(path)
    if found is not None and found.kind == "image":
        picture = read_image(path)
        return Media(MediaKind.IMAGE, (picture.width, picture.height), frames=1)
    if found is not None and found.animated:
        size, count, length_ms = animation_times(path)
        return Media(MediaKind.VIDEO, size, 1000 * count / length_ms, count, length_ms * 1_000_000)
    pipeline = _open(Path(path))
    try:
        # A sample says that a picture is there. Preroll does not: a sink is prerolled by a gap too, such as
        # that of an empty edit or of sound that begins first, and then holds no picture.
        pipeline.set_state(Gst.State.PLAYING)
        sample = _wait(pipeline, path)
        if sample is None:
            raise BadInput(f"{path}: {REMEDY[Cause.NO_VIDEO]}")
        structure = sample.get_caps().get_structure(0)
        size = (structure.get_int("width")[1], structure.get_int("height")[1])
        check_size(size)
        ok, num, den = structure.get_fraction("framerate")
        fps = num / den if ok and num > 0 and den > 0 else None
        measured, duration = pipeline.query_duration(Gst.Format.TIME)
        duration_ns = duration if measured and duration > 0 else None
        frames = max(1, round(duration_ns / 1e9 * fps)) if fps and duration_ns else None
        return Media(MediaKind.VIDEO, size, fps, frames, duration_ns)
    finally:
        pipeline.set_state(Gst.State.NULL)


def read_frames(path: str | Path, warn: Callable[[str], None] | None = None) -> Iterator[tuple[int, I420]]:
    """Yield (ns since the first frame, picture) for every frame of a video, or the one picture of an image.

    BadInput where the file is neither, and after the last good frame where it is damaged.
    warn: called with one line where the file was cut short; without it, that is logged.
    """
    warn = warn or (lambda line: logger.warning("%s: %s", path, line))
    found = _type_of(path)
    if found is not None and found.kind == "image":
        yield 0, read_image(path, warn)
        return
    if found is not None and found.animated:
        yield from read_animation(path)
        return
    yield from _read_video(path, warn)


def _read_video(path: str | Path, warn: Callable[[str], None]) -> Iterator[tuple[int, I420]]:
    pipeline = _open(Path(path))
    try:
        count = last_ns = 0
        for start_ns, time_ns, picture in _samples(pipeline, path, PATIENCE_S):
            yield time_ns, picture
            count, last_ns = count + 1, start_ns + time_ns
        cut = _cut_short(pipeline, path, last_ns)
    except SourceLost as lost:
        raise BadInput(f"{path}: {REMEDY[lost.cause]}") from None
    finally:
        pipeline.set_state(Gst.State.NULL)
    if count == 0:
        raise BadInput(f"{path}: {REMEDY[Cause.NO_VIDEO]}")
    if count < SHORT:
        yield from _rest(path, count)
    if cut:
        warn(cut)


def _rest(path: str | Path, count: int) -> Iterator[tuple[int, I420]]:
    """Yield the frames after the first `count`, read by a demuxer that pulls.

    The demuxer that waits for data (see `add_file`) ends an MP4 with an edit list and frames out of order
    after its first frame, where it has a handful of frames. Seen with GStreamer 1.22.
    """
    pipeline = _open(Path(path), pull=True)
    try:
        for number, (_, time_ns, picture) in enumerate(_samples(pipeline, path, patience_s=5)):
            if number >= count:
                yield time_ns, picture
    except (BadInput, SourceLost) as error:
        logger.debug("%s: read a second time: %s", path, error)
    finally:
        pipeline.set_state(Gst.State.NULL)


def _samples(pipeline: Any, path: str | Path, patience_s: int) -> Iterator[tuple[int, int, I420]]:
    """Yield the file's time of the first frame, ns since that for this frame, and its picture."""
    pipeline.set_state(Gst.State.PLAYING)
    count = start_ns = time_ns = 0
    while (sample := _wait(pipeline, path, count, patience_s)) is not None:
        stream_ns = sample.get_segment().to_stream_time(Gst.Format.TIME, sample.get_buffer().pts)
        if stream_ns == Gst.CLOCK_TIME_NONE:  # a raw stream carries no times: only the order is known
            stream_ns = start_ns + time_ns + 1
        if count == 0:
            start_ns = stream_ns
        time_ns = max(stream_ns - start_ns, time_ns + 1) if count else 0
        yield start_ns, time_ns, gst.copy_i420(sample)
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
                raise BadInput(f"{path}: {unknown_picture(head)}")
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
            raise BadInput(f"{path}: {REMEDY[cause]}{after}")
        if sink.is_eos():
            return None
    raise BadInput(f"{path}: no frame for {patience_s} s{f' after {count} frames' if count else ''}")


def _cut_short(pipeline: Any, path: str | Path, last_ns: int) -> str | None:
    """Return a line on a file that was cut off: it ends like any other, only its duration tells.

    Where all that the file announces is in it, its sound is longer than its picture.
    """
    ok, duration_ns = pipeline.query_duration(Gst.Format.TIME)
    if ok and last_ns < 0.95 * duration_ns - 2 * Gst.SECOND and not is_whole(path):
        return f"ends after {last_ns / 1e9:.1f} s of {duration_ns / 1e9:.1f} s: the file is cut short"
    return None


def _cause(message: Any) -> Cause:
    if message.type == Gst.MessageType.APPLICATION:
        return Cause(message.get_structure().get_name())
    error, debug = message.parse_error()
    logger.debug("%s %d: %s %s", error.domain, error.code, error.message, debug)
    cause = classify(SourceKind.FILE, error.domain, error.code, f"{error.message} {debug or ''}")
    return Cause.FILE if cause is Cause.UNKNOWN else cause
