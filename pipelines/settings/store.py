"""`store:` which shop this is, its clock and its money."""

from datetime import date, datetime, tzinfo
from difflib import get_close_matches
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, Field, WithJsonSchema

from pipelines.settings.base import Section, Slug
from pricing.money import EXPONENTS, locale_name

_NO_ZONES: Final = ("localtime", "posixrules", "Factory", "posix", "right")
"""What lies beside the zones of the IANA list: no browser knows it, and "right" counts leap seconds."""


def _known_timezone(name: str) -> str:
    try:
        if name.partition("/")[0] in _NO_ZONES:
            raise ValueError
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = get_close_matches(name, available_timezones(), n=1, cutoff=0.6)
        hint = f'. Did you mean "{near[0]}"?' if near else ", such as Europe/Berlin"
        raise ValueError(f"must be a time zone of the IANA list{hint}") from None
    return name


def _known_currency(code: str) -> str:
    if code in EXPONENTS:
        return code
    near = get_close_matches(code.upper(), EXPONENTS, n=1, cutoff=0.6)
    hint = f'. Did you mean "{near[0]}"?' if near else ", such as EUR"
    raise ValueError(f"must be an ISO 4217 code of three capital letters{hint}")


Currency = Annotated[
    str, AfterValidator(_known_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})
]


class StoreConfig(Section):
    """Which shop this is."""

    id: Slug = Field(
        title="Store id", description="Name of the store in topics and metrics: 1 to 32 of a-z, 0-9 and '-'."
    )
    name: str = Field(
        title="Store name", description="The store's name as people say it.", min_length=1, max_length=80
    )
    device: Slug | None = Field(
        default=None,
        title="Device id",
        description="Name of this box in topics: 1 to 32 of a-z, 0-9 and '-'; absent: the host's name.",
    )
    timezone: Annotated[str, AfterValidator(_known_timezone)] = Field(
        title="Time zone", description="IANA name of the store's time zone, such as Europe/Berlin."
    )
    currency: Currency = Field(
        title="Currency", description="ISO 4217 code of all prices and totals of this store, such as EUR."
    )
    locale: Annotated[str, AfterValidator(locale_name)] = Field(
        default="en",
        title="Locale",
        description="Language and country for people, such as de_DE: how amounts are written, and what texts"
        " on the video, messages and reports are in (English, German, French, Spanish, Italian). The page"
        " takes the browser's language, and this where it has no words of that.",
    )

    @property
    def zone(self) -> tzinfo:
        """The store's time zone."""
        return ZoneInfo(self.timezone)

    def today(self) -> date:
        """Return the day in the store, whatever the machine's time zone is."""
        return datetime.now(self.zone).date()
