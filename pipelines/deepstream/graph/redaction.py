"""How nvdsosd redacts a frame, and which object classes it must cover.

nvdsosd as read in its source (DeepStream 9.1, gstnvdsosd.c, transform_ip): it walks all objects of the buffer
and passes on rectangles without the frame they belong to, and one surface; so it must work on buffers of one
frame, after nvstreamdemux, as NVIDIA's own applications do. On a batch it would redact the wrong picture. On
the GPU it blurs first (nvll_osd/cuda/cuosd_kernel.cu), then draws rectangles (only with display-bbox), text
and lines; so one element redacts and writes. An nvdsosd that fails pushes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

from engines.deepstream.nvinfer_config import BRAND_GIE, FACE_GIE, PERSON_GIE
from probes.nvds.meta import COVER_CLASS, HEADS

if TYPE_CHECKING:
    from pipelines.deepstream.graph.capabilities import Capabilities
    from pipelines.graph.graph import Element, Value

__all__ = ["BRAND_GIE", "COVERED", "FACE_GIE", "PERSON_GIE", "REDACTOR", "Method", "Redaction", "choose"]

REDACTOR = "nvdsosd"
FACE_CLASS = 0
COVERED = frozenset({(FACE_GIE, FACE_CLASS), (HEADS, COVER_CLASS)})
"""Faces as nvinfer finds them, and the boxes that the probe adds: held, estimated, with their margin."""


class Method(str, Enum):
    """How nvdsosd covers a head."""

    BLUR = "blur"
    OPAQUE = "opaque"


@dataclass(frozen=True, slots=True)
class Redaction:
    """What the guard demands of a redactor. OPAQUE: the probe gives boxes a background of alpha 1."""

    method: Method
    covered: frozenset[tuple[int, int]] = COVERED

    @property
    def properties(self) -> dict[str, Value]:
        """The properties of nvdsosd that make it redact.

        display-bbox stays on with blur too: camera masks and the cover over a whole frame are rectangles.
        """
        base: dict[str, Value] = {"process-mode": "MODE_GPU", "display-bbox": True, "display-text": True}
        if self.method is Method.OPAQUE:
            return base
        # Unset or unparsable pairs would blur every object, whole persons too (pitfall 27).
        pairs = ";".join(f"{gie},{class_}" for gie, class_ in sorted(self.covered))
        return {**base, "blur-bbox": 1, "blur-on-gie-class-ids": pairs}

    @property
    def opaque(self) -> bool:
        """Whether the probe fills the boxes of heads: always.

        nvdsosd's blur keeps enough of a face for a program to tell 50 candidates apart
        (docs/privacy-measured.md); where it runs, it runs beside the filled boxes.
        """
        return True

    def missing(self, element: Element) -> str:
        """Return in words why this element does not redact; empty where it does."""
        if element.factory != REDACTOR:
            return f"is a {element.factory}, not {REDACTOR}"
        if element.get("process-mode", "MODE_GPU") != "MODE_GPU":
            return "does not work on the GPU (process-mode): only there texts are drawn over the blur"
        if element.get("display-bbox", True) is not True:
            return "draws no boxes (display-bbox)"
        if self.method is Method.OPAQUE:
            return ""
        if element.get("blur-bbox", 0) != 1:
            return "does not blur (blur-bbox is not 1)"
        absent = self.covered - _pairs(element.get("blur-on-gie-class-ids"))
        return f"does not blur {sorted(absent)} (blur-on-gie-class-ids)" if absent else ""


def choose(faces: Literal["pixelate", "solid"], capabilities: Capabilities) -> Redaction:
    """Return how to redact: nvdsosd cannot pixelate, so its blur stands for that, else boxes."""
    return Redaction(Method.BLUR if faces == "pixelate" and capabilities.blur else Method.OPAQUE)


def _pairs(text: Value | None) -> set[tuple[int, int]]:
    found = set()
    for pair in str(text or "").split(";"):
        first, _, second = pair.partition(",")
        if not (first.strip().isdigit() and second.strip().isdigit()):
            return set()
        found.add((int(first), int(second)))
    return found
