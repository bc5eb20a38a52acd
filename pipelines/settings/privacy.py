"""`privacy:` how faces are masked. Masking itself cannot be turned off."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipelines.settings.base import Section


class FacesConfig(Section):
    """How a face is made unrecognisable."""

    method: Literal["pixelate", "solid"] = Field(
        default="pixelate",
        title="Method",
        description="pixelate: coarse cells that scale with the face; solid: one colour.",
    )
    margin: float = Field(
        default=0.25,
        title="Margin",
        description="How far the mask reaches beyond the face box, as a share of the box's side.",
        ge=0.0,
        le=2.0,
    )
    hold_ms: int = Field(
        default=800,
        title="Hold",
        description="How long a face stays masked after it was last detected, in milliseconds.",
        ge=0,
        le=10_000,
    )


class PrivacyConfig(Section):
    """The privacy rules of this store."""

    faces: FacesConfig = Field(default=FacesConfig(), title="Faces", description="How faces are masked.")
    on_failure: Literal["drop_frame"] = Field(
        default="drop_frame",
        title="On failure",
        description="What happens to a frame whose masking failed: it is dropped and counted, never shown.",
    )
