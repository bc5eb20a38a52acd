"""What every output of pixels is: it takes redacted frames and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from probes.redaction.redact import RedactedFrame


class FrameSink(Protocol):
    """A place where frames of all cameras may go. `publish` never blocks: it drops and counts."""

    def wanted(self, camera: str) -> bool:
        """Return whether anyone would see the next frame; where nobody would, none is drawn."""

    def publish(self, frame: RedactedFrame) -> None:
        """Take one frame, or drop and count it."""

    def close(self) -> None:
        """Stop all threads and finish all files within seconds, from any state."""
