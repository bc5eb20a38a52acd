"""`prices:` where prices come from, and when an item is believed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipelines.settings.base import FilePath, Section


class Confirm(Section):
    """How many looks must agree before an item is believed."""

    min_votes: int = Field(
        default=4, title="Least votes", description="Agreeing looks that confirm an item.", ge=1, le=100
    )
    window_ms: int = Field(
        default=4000,
        title="Window",
        description="How long a look's vote counts, in milliseconds.",
        ge=100,
        le=600_000,
    )


class Prices(Section):
    """Where prices come from, and when an item is believed."""

    catalogue: FilePath | None = Field(
        default=None,
        title="Catalogue",
        description="Price list (CSV or YAML), relative to this file's folder; read again when it changes.",
    )
    unknown: Literal["list_unpriced", "omit"] = Field(
        default="list_unpriced",
        title="Unknown prices",
        description="list_unpriced: an item without a price is listed without one; omit: it is left out.",
    )
    confirm: Confirm = Field(default=Confirm(), title="Confirmation", description="When an item is believed.")
