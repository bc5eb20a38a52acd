"""`platform:` what the frames are computed with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipelines.settings.base import Section


class PlatformConfig(Section):
    """What the frames are computed with."""

    kind: Literal["auto", "deepstream", "cpu"] = Field(
        default="auto", title="Platform", description="auto: DeepStream where it is installed, else the CPU."
    )
    precision: Literal["fp32", "fp16", "int8"] = Field(
        default="fp16",
        title="Precision",
        description="Number format of inference; the CPU takes the nearest it is fast at.",
    )
    max_cameras: int = Field(
        default=16,
        title="Most cameras",
        description="Most cameras enabled at once, a guard for the box.",
        ge=1,
        le=64,
    )
    threads: int = Field(
        default=0,
        title="Threads",
        description="CPU threads for inference; 0: one for each core.",
        ge=0,
        le=256,
    )
