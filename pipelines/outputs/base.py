"""What every output of pixels is: it takes redacted frames and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pipelines.outputs.masked_jpeg import MaskedFrame
    from probes.redaction.redact import RedactedFrame


class FrameSink(Protocol):
    """A place where frames of all cameras may go. `publish` never blocks: it drops and counts."""

    def wanted(self, camera: str) -> bool:
        """Return whether anyone would see the next frame; where nobody would, none is drawn."""

    def publish(self, frame: RedactedFrame) -> None:
        """Take one frame, or drop and count it."""

    def close(self) -> None:
        """Stop all threads and finish all files within seconds, from any state."""


@runtime_checkable
class CameraSink(FrameSink, Protocol):
    """An output that is told which cameras there are; they may come and go while it runs."""

    @property
    def cameras(self) -> frozenset[str]:
        """Those it was told of."""

    def add_camera(self, camera: str, fps: int = 10) -> None:
        """Take a camera's frames from now on; nothing where it does already."""

    def remove_camera(self, camera: str) -> None:
        """Take no more of a camera, and end whoever watches it."""


@runtime_checkable
class KeepsPictures(Protocol):
    """An output in which pictures wait, or that keeps some for who comes later."""

    def forget_pictures(self, camera: str) -> None:
        """Let go of a camera's pictures of before; its masks have changed. Never waits for a disk or peer."""


class PictureSink(CameraSink, Protocol):
    """A CameraSink that wants a picture now and then; on DeepStream it gets a JPEG from behind redaction."""

    def publish(self, frame: MaskedFrame) -> None:
        """Take one frame, or drop and count it."""
