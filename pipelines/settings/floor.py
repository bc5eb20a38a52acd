"""`floor:` how tracks become people across gaps and cameras, and who is served next."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from pipelines.settings.base import SLUG, Section
from pipelines.settings.notify import Amount
from pricing.money import exponent


def _camera_zone(value: str) -> str:
    camera, slash, zone = value.partition("/")
    if not slash or not camera or not zone or "/" in zone:
        raise ValueError('must name a camera and one of its zones, as "camera/zone"')
    return value


Place = Annotated[
    str,
    Field(json_schema_extra={"pattern": f"{SLUG[:-1]}/{SLUG[1:]}"}),
    AfterValidator(_camera_zone),
]


class WayConfig(Section):
    """A way between two cameras: who leaves here comes into view there, still the same person."""

    leaves: Place = Field(
        title="Leaves", description="camera/zone where people leave; the zone's role is exit or both."
    )
    enters: Place = Field(
        title="Enters", description="camera/zone where they appear; the zone's role is entry or both."
    )
    within_s: int = Field(
        default=20, title="Within", description="Longest time on the way, in seconds.", ge=1, le=600
    )
    at_least_s: int = Field(
        default=0, title="At least", description="Shortest time on the way, in seconds.", ge=0, le=600
    )

    @field_validator("at_least_s")
    @classmethod
    def _below_within(cls, value: int, info: ValidationInfo) -> int:
        within = info.data.get("within_s")
        if within is not None and value >= within:
            raise ValueError(f"must be below within_s, which is {within}")
        return value

    def places(self) -> tuple[str, str, str, str]:
        """Return camera and zone of the exit, camera and zone of the entry."""
        left, entered = self.leaves.split("/"), self.enters.split("/")
        return left[0], left[1], entered[0], entered[1]


class ServeConfig(Section):
    """Who is served next: first those for whom a rule of `notify` holds, then by value, with time added."""

    dwell_per_minute: Amount = Field(
        default=Decimal(5),
        title="Dwell",
        description="What a minute in the shop adds to a person's value, in units of the store's currency.",
    )
    waiting_per_minute: Amount = Field(
        default=Decimal(20),
        title="Waiting",
        description="What a minute since a rule first held adds to it, in units of the store's currency.",
    )

    def minor(self, currency: str) -> tuple[int, int]:
        """Return both in minor units of an ISO 4217 currency."""
        digits = exponent(currency)
        return int(self.dwell_per_minute.scaleb(digits)), int(self.waiting_per_minute.scaleb(digits))


class FloorConfig(Section):
    """How tracks become people, and who is served next."""

    found_again_s: int = Field(
        default=8,
        title="Found again",
        description="Who is lost and found near the same place within this keeps the items, in seconds.",
        ge=1,
        le=60,
    )
    handover: tuple[WayConfig, ...] = Field(
        default=(), title="Handover", description="Ways from one camera's view to another's.", max_length=256
    )
    serve: ServeConfig = Field(default=ServeConfig(), title="Serve", description="Who is served next.")
