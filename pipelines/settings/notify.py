"""`notify:` when a salesperson gets a message."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from pipelines.settings.base import Section, Slug
from pricing.errors import BadInput
from pricing.hours import parse_hours
from pricing.money import exponent


def _amount(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1e9:
        raise ValueError("must be an amount in whole units of the store's currency, such as 1500 or 99.50")
    return Decimal(str(value))


Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1_000_000_000}),
]


def _hours(value: str) -> str:
    try:
        parse_hours(value)
    except BadInput as error:
        raise ValueError(str(error)) from None
    return value


class WhenConfig(Section):
    """What must hold of one person for the message to go out."""

    total_at_least: Amount = Field(
        title="Total at least",
        description="The person's total reaches this, in units of the store's currency (1500 is 1500 euros).",
    )
    in_zones: tuple[Slug, ...] = Field(
        default=(),
        title="In zones",
        description="The person stands in one of these zones; absent: anywhere.",
        max_length=64,
    )
    hours: tuple[Annotated[str, AfterValidator(_hours)], ...] = Field(
        default=(),
        title="Hours",
        description='Only then, in the store\'s time zone, such as "mon-sat 10:00-20:00"; absent: always.',
        max_length=32,
    )
    estimates: bool = Field(
        default=False,
        title="Estimates count",
        description="Things without a readable brand count too, at what the price list says of their type"
        " (rows whose brand is *); absent: only prices of brands that were read.",
    )

    def minor(self, currency: str) -> int:
        """Return the least total in minor units of an ISO 4217 currency."""
        return int(self.total_at_least.scaleb(exponent(currency)))


class RuleConfig(Section):
    """One rule."""

    name: Slug = Field(
        title="Name", description="Name of the rule in its topic: 1 to 32 of a-z, 0-9 and '-'."
    )
    when: WhenConfig = Field(title="When", description="What must hold of one person.")
    cooldown_s: int = Field(
        default=600,
        title="Cool-down",
        description="After a message this rule is quiet about the same person for this long, in seconds.",
        ge=0,
        le=86_400,
    )
    expires_s: int = Field(
        default=120,
        title="Expiry",
        description="A message not delivered after this long is worthless and deleted, in seconds.",
        ge=5,
        le=86_400,
    )
