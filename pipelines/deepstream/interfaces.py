"""The interface between the DeepStream platform and what it makes of the metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pipelines.settings.root import Settings
    from probes.frame import Frame
    from probes.nvds.frame_origins import FrameOrigins
    from probes.nvds.picture_place import PicturePlace
    from probes.nvds.redaction_gate import BufferVerdict
    from probes.nvds.self_check import SelfCheck
    from probes.redaction.masked_by import MaskedBy


class Analysis(Protocol):
    """What is made of the metadata: a probe on each batch, a gate before each redaction, the floor behind."""

    @property
    def self_check(self) -> SelfCheck | None:
        """What judges the film of the self-check; None where there is none."""

    def process_batch(self, buffer: int) -> BufferVerdict:
        """Work on the batch at this address, in the streaming thread."""

    def choose_looks(self, buffer: int) -> BufferVerdict:
        """Choose what the brand model looks at in the batch at this address, in the streaming thread."""

    def keep_people(self, buffer: int) -> BufferVerdict:
        """Remember who is in the batch at this address, before a tracker that takes some of them out."""

    def restore_people(self, buffer: int) -> BufferVerdict:
        """Put those back whom the tracker has taken out of the batch at this address."""

    def new_gate(self) -> Callable[[int], BufferVerdict]:
        """Return what judges the frames of one camera before redaction."""

    def reconfigure(
        self,
        settings: Settings,
        gone: Collection[str],
        fresh: Collection[str],
        change: Callable[[int], None],
    ) -> Mapping[str, int]:
        """Go on with other cameras of those it was made for, and other masks; waits.

        gone: cameras whose tracks end; fresh: cameras that come, or come anew. No frame of an earlier
        connection of these is taken any more; the numbers of the next ones are returned. change: called in
        between, in the floor's thread, with UTC ns. Where it raises nothing has changed; TimeoutError where
        that thread does not come to it.
        """

    def reshape(self, camera: str, place: PicturePlace) -> int:
        """Go on with a camera whose picture lies elsewhere in the frame; waits, TimeoutError as there.

        Its tracks end, its masks move, and no frame of an earlier connection is taken any more; the number of
        the next one is returned.
        """

    def origins(self, camera: str) -> FrameOrigins:
        """Return what records the frames of a camera before the mux."""

    def on_masked(self, listener: Callable[[Frame], None]) -> None:
        """Call listener, in the floor's thread, with each frame that was masked, counted in its picture."""

    def start(self) -> None:
        """Begin to take what the probe hands over."""

    def stop(self) -> bool:
        """End; False where a thread was left behind."""

    @property
    def processed(self) -> Mapping[str, int]:
        """Frames analysed and covered, by camera."""

    def redacting(self, within_s: float) -> bool:
        """Return whether any camera's frame was covered in the last seconds."""

    def age_s(self, camera: str) -> float | None:
        """Return how long ago a frame of the camera was covered last; None before the first."""

    def newest(self, camera: str) -> tuple[int, MaskedBy] | None:
        """Return of the camera's frame judged last when it was captured, UTC ns, and what it is masked by."""

    @property
    def failed(self) -> bool:
        """Whether it has failed."""
