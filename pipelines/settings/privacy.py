"""`privacy:` how faces are masked. Masking itself cannot be turned off."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipelines.settings.base import Section

MIN_MARGIN, MIN_HOLD_MS = 0.1, 400
"""What a store cannot go below: with less, parts of faces that turn or are lost for a moment stay open."""

REPORT_DAYS = 400


class FacesConfig(Section):
    """How a face is made unrecognisable."""

    method: Literal["pixelate", "solid"] = Field(
        default="pixelate",
        title="Method",
        description="pixelate: a grey mosaic that scales with the face and holds nothing of it; solid: black."
        " DeepStream draws black for both.",
    )
    margin: float = Field(
        default=0.25,
        title="Margin",
        description="How far the mask reaches beyond the face box, as a share of its side; 0.1 at least.",
        ge=MIN_MARGIN,
        le=2.0,
    )
    hold_ms: int = Field(
        default=800,
        title="Hold",
        description="How long a face stays masked after its last detection, in milliseconds; 400 at least.",
        ge=MIN_HOLD_MS,
        le=10_000,
    )


class PrivacyConfig(Section):
    """The privacy rules of this store."""

    faces: FacesConfig = Field(default=FacesConfig(), title="Faces", description="How faces are masked.")
    access_log_days: int = Field(
        default=30,
        title="Access log",
        description="Days for which it is kept who signed in, watched a camera, took pictures away or changed"
        " something.",
        ge=1,
        le=3650,
    )
    on_failure: Literal["drop_frame"] = Field(
        default="drop_frame",
        title="On failure",
        description="What happens to a frame whose masking failed: it is dropped and counted, never shown.",
    )
    report_min_count: int = Field(
        default=5,
        title="Report from",
        description="No count of the reports is about fewer people; 5 at least.",
        ge=5,
        le=1000,
    )
    report_days: int = Field(
        default=REPORT_DAYS,
        title="Report days",
        description="How many days counts for reports are kept; 0: nothing is counted.",
        ge=0,
        le=3660,
    )
