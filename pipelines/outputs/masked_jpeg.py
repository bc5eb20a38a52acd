"""A masked picture as DeepStream encodes it, and the check that outputs make of what they are given."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NoReturn, TypeAlias, final

import numpy as np

from probes.redaction.redact import RedactedFrame

if TYPE_CHECKING:
    from engines.image import I420
    from pipelines.deepstream.checks.privacy_proof import Proof
    from probes.frame import Frame
    from probes.redaction.masked_by import MaskedBy


@final
class MaskedJpeg:
    """A JPEG from behind the redaction of a proven graph, with its frame's metadata.

    Outputs take it as they take a RedactedFrame; it is decoded when its pixels are asked for.
    """

    def __init__(self, frame: Frame, jpeg: bytes, *, masked_by: MaskedBy, proof: Proof) -> None:
        """proof: that the graph it comes from shows only what is redacted; without it, TypeError."""
        from pipelines.deepstream.checks.privacy_proof import Proof  # noqa: PLC0415 not on the CPU

        if not isinstance(proof, Proof):
            raise TypeError("a masked picture comes only from a pipeline that has been proven")
        self.frame, self.jpeg, self.masked_by = frame, jpeg, masked_by

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("MaskedJpeg has no kinds")

    @cached_property
    def pixels(self) -> I420:
        """The picture, of the frame's size. ValueError where it is no JPEG of that size."""
        import cv2  # noqa: PLC0415 for pictures alone

        from engines.colour import from_bgr  # noqa: PLC0415 loads OpenCV

        found = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        if found is None or found.shape[1::-1] != self.frame.size:
            raise ValueError("a picture that is not of its frame's size")
        return from_bgr(np.asarray(found, np.uint8))


MaskedFrame: TypeAlias = RedactedFrame | MaskedJpeg


def only_masked(frame: MaskedFrame) -> None:
    """Refuse whatever did not come out of a redactor, with TypeError."""
    if type(frame) not in (RedactedFrame, MaskedJpeg):
        raise TypeError(f"outputs take redacted frames alone, not {type(frame).__name__}")
