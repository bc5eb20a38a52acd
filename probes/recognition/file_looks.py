"""Looks at files: in the caller's thread, for nothing else goes on meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from probes.answers import LookAnswer
from probes.frame import Frame, Kind, TrackId
from probes.recognition.look import Look, crop_person

if TYPE_CHECKING:
    from engines.image import I420
    from probes.frame import Box
    from probes.recognition.reading import Recogniser
    from probes.recognition.targets import RecognitionTargets

MAX_TRACKS = 512
EVERY_MS = 400
MIN_FILE_HEIGHT = 40
"""Height, px, from which on a person in a file is looked at."""
MAX_FILE_LOOKS, MAX_PATIENT_LOOKS = 40, 6
"""Looks at the persons of one frame of a file, about a quarter of a minute on two cores; and how many of a
picture, the largest, are worth the seconds of a patient one."""


class FileLooks(Protocol):
    """Looks at files, which may also read a whole picture."""

    def offer(self, frame: Frame, pixels: I420) -> None:
        """Take the frame's persons who deserve a look now; `pixels` may change after the call."""

    def drain(self) -> list[LookAnswer]:
        """Return the answers that have come since the last call."""

    @property
    def left_out(self) -> int:
        """Persons of the last frame that were due, and had no look because there were too many."""

    def read_whole(self, frame: Frame, pixels: I420, part: Box | None = None) -> LookAnswer:
        """Read the whole picture, as where it shows no person, or a part; the answer's track names nobody."""


class NoLooks:
    """Looks at files where only the masked frames are wanted: reads nothing."""

    left_out = 0

    def offer(self, frame: Frame, pixels: I420) -> None:
        """Do nothing."""

    def drain(self) -> list[LookAnswer]:
        """Return nothing."""
        return []

    def read_whole(self, frame: Frame, pixels: I420, part: Box | None = None) -> LookAnswer:
        """Return nothing."""
        return LookAnswer(TrackId("picture", "p", 0), frame, ())


class SynchronousLooks:
    """Looks for files, in the caller's thread: each confirmed person every EVERY_MS, the largest first.

    max_looks: of one frame. A crowd would take minutes otherwise; who is left out is due in the next frame.
    Errors are the caller's where every route fails.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        targets: RecognitionTargets,
        *,
        max_looks: int = MAX_FILE_LOOKS,
    ) -> None:
        self._recogniser, self._targets = recogniser, targets
        self._max_looks = max_looks
        self.left_out = 0
        self._looked: dict[TrackId, int] = {}
        self._answers: list[LookAnswer] = []

    def offer(self, frame: Frame, pixels: I420) -> None:
        """Look at each confirmed person whose last look is EVERY_MS past."""
        at = frame.captured_at
        wanted = bool(self._targets) or self._recogniser.sees_garments
        due = [
            (person, person.track)
            for person in frame.of(Kind.PERSON)
            if wanted and person.track is not None and person.box.h >= MIN_FILE_HEIGHT
            if (looked := self._looked.get(person.track)) is None or self._past(at, looked)
        ]
        self.left_out = max(0, len(due) - self._max_looks)
        if self.left_out:
            due = sorted(due, key=lambda one: -one[0].box.area)[: self._max_looks]
        largest = {track for _, track in sorted(due, key=lambda one: -one[0].box.area)[:MAX_PATIENT_LOOKS]}
        for person, track in due:
            look = crop_person(frame, person, pixels, fine=True, patient=track in largest)
            if look is not None:
                self._looked[track] = at
                self._answers.append(self._recogniser.read(look, self._targets))
        if len(self._looked) > MAX_TRACKS:
            self._looked = {track: then for track, then in self._looked.items() if not self._past(at, then)}

    def read_whole(self, frame: Frame, pixels: I420, part: Box | None = None) -> LookAnswer:
        """Read the whole picture, as where it shows no person, or a part; the answer's track names nobody."""
        nobody = TrackId(frame.camera, "nobody", 0)
        if not self._targets:
            return LookAnswer(nobody, frame, ())
        left = top = 0
        if part is not None:
            left, top = max(0, int(part.x)) // 2 * 2, max(0, int(part.y)) // 2 * 2
            pixels = pixels.crop(left, top, part.right - left, part.bottom - top)
        return self._recogniser.read(
            Look(nobody, frame, left, top, pixels, fine=True, patient=True), self._targets
        )

    def drain(self) -> list[LookAnswer]:
        """Return the answers to the frames offered since the last call."""
        answers, self._answers = self._answers, []
        return answers

    @staticmethod
    def _past(at: int, looked: int) -> bool:
        return not 0 <= at - looked < EVERY_MS * 1_000_000
