"""One camera's way from detections to a redacted frame, on the CPU platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.frame import Box, Detection, Frame, Kind
from probes.redaction.redact import black_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engines.detections import Detections
    from engines.image import I420
    from engines.tracking import Tracker
    from probes.frame import TrackId
    from probes.people.tracks import TrackBook
    from probes.redaction.redact import Polygon, RedactedFrame, Redactor

ANALYSED = frozenset({Kind.PERSON, Kind.FACE, Kind.ACCESSORY})
PERSON = "person"


class CameraChain:
    """What one camera's frames go through, in order. Used by one thread.

    labels: the class names of the person and accessory detector.
    """

    def __init__(
        self,
        camera: str,
        *,
        labels: Sequence[str],
        tracker: Tracker,
        book: TrackBook,
        redactor: Redactor,
        masks: Sequence[Polygon] = (),
    ) -> None:
        self.camera = camera
        self._labels = tuple(labels)
        self._tracker, self._book, self._redactor = tracker, book, redactor
        self._masks = tuple(masks)

    def prepare(self, pixels: I420) -> None:
        """Black the camera's masks out, so that nothing behind them is analysed."""
        black_out(pixels, self._masks)

    def assemble(self, captured_at: int, pixels: I420, objects: Detections, faces: Detections) -> Frame:
        """Track what was detected on a picture and write it down as a frame."""
        found = [*self._objects(captured_at, objects), *_faces(faces)]
        return Frame(self.camera, captured_at, (pixels.width, pixels.height), tuple(found), ANALYSED)

    def redact(self, frame: Frame, pixels: I420) -> RedactedFrame:
        """Cover all heads, in place. Raises RedactionFailed: then nothing of the picture may leave."""
        return self._redactor.redact(frame, pixels)

    def ended(self, now: int) -> list[TrackId]:
        """Return the tracks that have ended by UTC nanoseconds `now`, once."""
        return self._book.expire(now)

    def close(self) -> list[TrackId]:
        """End all tracks and return them."""
        self._tracker.reset()
        return self._book.clear()

    def _objects(self, captured_at: int, objects: Detections) -> Iterator[Detection]:
        for seen in self._tracker.update(objects, captured_at):
            label = self._labels[seen.class_id]
            if label == PERSON:
                track = None if seen.number is None else self._book.see(seen.number, captured_at)
                yield Detection(Kind.PERSON, label, seen.score, _box(*seen.box), track)
            else:
                yield Detection(Kind.ACCESSORY, label, seen.score, _box(*seen.box))


def _faces(faces: Detections) -> Iterator[Detection]:
    for corners, score in zip(faces.boxes.tolist(), faces.scores.tolist(), strict=True):
        yield Detection(Kind.FACE, "face", score, _box(*corners))


def _box(left: float, top: float, right: float, bottom: float) -> Box:
    return Box(float(left), float(top), float(right - left), float(bottom - top))
