"""`prices:` where prices come from, and when an item is believed."""

from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    WithJsonSchema,
    model_validator,
)

from pipelines.settings.base import FilePath, Section
from pipelines.settings.notify import Amount
from pipelines.settings.store import Currency
from pipelines.settings.urls import header_name, header_value, service_base, service_template
from pricing.catalogue.list_format import ListFormat
from pricing.catalogue.rows import COLUMNS, parse_day
from pricing.live.json_service import PLACEHOLDERS, JsonPaths, compiled
from pricing.live.rates import ExchangeRates


def _path(text: str) -> str:
    try:
        compiled(text)
    except ValueError:
        raise ValueError("is not a JSONPath; write one such as $.offers[*].price") from None
    return text


def _template(text: str) -> str:
    return service_template(text, PLACEHOLDERS)


def _secret_header(value: SecretStr) -> SecretStr:
    header_value(value.get_secret_value())
    return value


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a date such as 2026-11-30")
    try:
        return parse_day(value)
    except ValueError:
        raise ValueError("is not a date; write it as 2026-11-30") from None


def _rate(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
        raise ValueError("must be a number above 0: units of this currency for one of the base")
    return Decimal(str(value))


def _column(name: str) -> str:
    if name not in COLUMNS:
        near = get_close_matches(name, COLUMNS, 1)
        hint = f'did you mean "{near[0]}"?' if near else f"one of {', '.join(COLUMNS)}"
        raise ValueError(f"is not a column of ours; {hint}")
    return name


Column = Annotated[str, AfterValidator(_column)]
Path = Annotated[str, AfterValidator(_path), Field(max_length=300)]
HeaderValue = Annotated[SecretStr, AfterValidator(_secret_header)]
Day = Annotated[
    date,
    BeforeValidator(_day),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "format": "date"}),
]
Rate = Annotated[Decimal, BeforeValidator(_rate), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]


class PriceServiceConfig(Section):
    """A price service of your own: where it is asked, and where the price stands in its JSON answer."""

    url: Annotated[str, AfterValidator(_template)] = Field(
        title="URL",
        description="URL to GET, with {brand} and, as you need them, {type}, {model}, {country}, {language},"
        " {currency}.",
        max_length=1000,
    )
    headers: dict[Annotated[str, AfterValidator(header_name)], HeaderValue] = Field(
        default={},
        title="Headers",
        description="Headers to send, such as a key; write secrets as ${NAME}.",
        max_length=16,
    )
    items: Path = Field(
        default="$", title="Items", description="JSONPath of the offers; absent: the answer is the one offer."
    )
    price: Path = Field(
        default="$.price", title="Price", description="JSONPath from an item to its price, number or text."
    )
    price_max: Path | None = Field(
        default=None,
        title="Highest price",
        description="JSONPath from an item to the upper end, where price is the lower end of a range.",
    )
    currency: Path | None = Field(
        default=None, title="Currency", description="JSONPath from an item to its currency, code or sign."
    )
    title: Path | None = Field(
        default=None,
        title="Title",
        description="JSONPath from an item to its name; items that do not name the brand are passed over.",
    )
    unit: Literal["major", "minor"] = Field(
        default="major", title="Unit", description="major: prices in euros; minor: in cents."
    )
    three_digits: Literal["decimals", "thousands"] | None = Field(
        default=None,
        title="Three digits",
        description="What three digits after a point are, as in 1.290, in a currency with fewer decimals,"
        " or in a text of one with three, as in 1,290 KWD or 1.290 TND: decimals (1.29) or thousands"
        " (1290). Absent: such a price is read where another number of the answer, such as 49.95, shows"
        " what is meant, and else refused.",
    )

    @property
    def paths(self) -> JsonPaths:
        """Where the values stand in an answer."""
        minor = self.unit == "minor"
        return JsonPaths(
            self.items, self.price, self.price_max, self.currency, self.title, minor, self.three_digits
        )


class LivePricesConfig(Section):
    """A service that is asked for prices that the list does not have. Only brand and type are sent."""

    key: HeaderValue | None = Field(
        default=None,
        title="Key",
        description="Key of OpenWeb Ninja's Real-Time Product Search, or of RapidAPI; write ${NAME}.",
    )
    base_url: Annotated[str, AfterValidator(service_base)] = Field(
        default="https://api.openwebninja.com/realtime-product-search",
        title="Base URL",
        description="Where the search is; RapidAPI: https://real-time-product-search.p.rapidapi.com.",
        max_length=300,
    )
    service: PriceServiceConfig | None = Field(
        default=None, title="Service", description="A price service of your own, instead of a key."
    )
    country: str = Field(
        default="us", title="Country", description="Whose prices: two letters.", pattern=r"^[a-z]{2}$"
    )
    language: str = Field(
        default="en", title="Language", description="Of the search: two letters.", pattern=r"^[a-z]{2}$"
    )
    currency: Currency | None = Field(
        default=None,
        title="Currency",
        description="ISO 4217 code of prices that do not say theirs; absent: the store's.",
    )
    timeout_s: float = Field(
        default=8.0, title="Timeout", description="For one question in all, in seconds.", ge=0.5, le=60
    )
    retries: int = Field(
        default=2, title="Retries", description="More tries after a passing failure.", ge=0, le=5
    )
    budget_per_day: int = Field(
        default=500, title="Budget", description="Most questions a day, tries too.", ge=1, le=1_000_000
    )
    least: Amount = Field(
        default=Decimal(1),
        title="Least price",
        description="A lower price is taken for a mistake, in units of the store's currency.",
    )
    most: Amount = Field(
        default=Decimal(100_000),
        title="Most price",
        description="A higher price is taken for a mistake, in units of the store's currency; raise it for"
        " small ones such as JPY or IDR.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> "LivePricesConfig":
        if (self.key is None) == (self.service is None):
            raise ValueError("needs either `key:`, or `service:` to describe a service of your own")
        if self.least > self.most:
            raise ValueError("has `least` above `most`; exchange them")
        return self


class PriceCacheConfig(Section):
    """How long answers of the live service are used."""

    fresh_h: int = Field(
        default=168, title="Fresh", description="A price is as good as new for so many hours.", ge=1, le=8760
    )
    stale_h: int = Field(
        default=2160,
        title="Stale",
        description="Up to this age in hours an older price is used, marked, while a new one is asked for.",
        ge=1,
        le=87_600,
    )
    unknown_h: int = Field(
        default=24,
        title="Unknown",
        description="Hours after which an unknown price is asked for again.",
        ge=1,
        le=8760,
    )
    max_mb: int = Field(
        default=64, title="Most disk", description="Most disk for all answers, in megabytes.", ge=1, le=10_000
    )

    max_days: int = Field(
        default=365,
        title="Longest time",
        description="Answers are deleted after so many days.",
        ge=1,
        le=3650,
    )

    @model_validator(mode="after")
    def _in_order(self) -> "PriceCacheConfig":
        if self.stale_h < self.fresh_h:
            raise ValueError("has `stale_h` below `fresh_h`; a price is first fresh, then stale")
        return self


class ExchangeRatesConfig(Section):
    """Rates by which prices in other currencies are converted; dated, so that each price can be explained."""

    date: Day | None = Field(default=None, title="Date", description="Day of the rates, as 2026-11-30.")
    source: str = Field(
        default="settings", title="Source", description="Who published them.", min_length=1, max_length=40
    )
    base: Currency = Field(default="EUR", title="Base", description="ISO 4217 code of what is exchanged.")
    per_base: dict[Currency, Rate] = Field(
        default={}, title="Per base", description="Units of each currency that one unit of the base buys."
    )
    feed: Annotated[str, AfterValidator(service_base)] | None = Field(
        default=None,
        title="Feed",
        description="URL of the European Central Bank's daily file, fetched every six hours:"
        " https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml. Absent: nothing is fetched.",
        max_length=300,
    )

    @model_validator(mode="after")
    def _dated(self) -> "ExchangeRatesConfig":
        if bool(self.per_base) != (self.date is not None):
            raise ValueError("needs `date:` and `per_base:` together")
        if not self.per_base and self.feed is None:
            raise ValueError("needs a table (`date:`, `per_base:`), a `feed:`, or both")
        return self

    @property
    def table(self) -> ExchangeRates | None:
        """The rates written here."""
        return ExchangeRates(self.date, self.source, self.base, self.per_base) if self.date else None


class ConfirmConfig(Section):
    """How many looks must agree before an item is believed."""

    min_votes: int = Field(
        default=4, title="Least votes", description="Agreeing looks that confirm an item.", ge=1, le=100
    )
    window_ms: int = Field(
        default=4000,
        title="Window",
        description="How long a look's vote counts, in milliseconds; on an overloaded machine, which looks"
        " more rarely, longer by as much, half a minute at most.",
        ge=100,
        le=600_000,
    )


class ListFormatConfig(Section):
    """How the price list is written, if not as the example; `msh prices check --suggest` shows it."""

    columns: dict[Column, Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        default={},
        title="Columns",
        description="Our name of a column: its heading in the list. Columns not named are then passed over.",
    )
    decimal: Literal[".", ","] = Field(
        default=".", title="Decimal mark", description='Mark before the cents, "." or ",".'
    )
    grouping: Literal["", ".", ",", " ", "'"] = Field(
        default="",
        title="Grouping mark",
        description="Mark between thousands; empty: none may stand there.",
    )
    dates: str = Field(
        default="YYYY-MM-DD",
        title="Dates",
        description="How dates are written: YYYY, MM and DD with what stands between, such as DD.MM.YYYY.",
        max_length=20,
    )
    encoding: str = Field(
        default="utf-8",
        title="Encoding",
        description="Of a CSV file without a byte order mark: utf-8, cp1252 and so on.",
        max_length=30,
    )
    currency: Currency | None = Field(
        default=None,
        title="Currency",
        description="ISO 4217 code of the list's amounts; absent: the store's.",
    )

    @model_validator(mode="after")
    def _readable(self) -> "ListFormatConfig":
        self.notation  # noqa: B018 raises what is wrong
        return self

    @property
    def notation(self) -> ListFormat:
        """The same for the reader of lists."""
        return ListFormat(
            dict(self.columns),
            self.decimal,
            self.grouping,
            self.dates,
            self.encoding,
            self.currency,
            marks_said=bool({"decimal", "grouping"} & self.model_fields_set),
        )


class PricesConfig(Section):
    """Where prices come from, and when an item is believed."""

    catalogue: FilePath | None = Field(
        default=None,
        title="Catalogue",
        description="Price list (CSV, YAML or Excel workbook), relative to this file's folder; read again"
        " when it changes.",
    )
    format: ListFormatConfig = Field(
        default=ListFormatConfig(), title="Format", description="How the price list is written."
    )
    unknown: Literal["list_unpriced", "omit"] = Field(
        default="list_unpriced",
        title="Unknown prices",
        description="list_unpriced: an item without a price is listed without one; omit: it is left out.",
    )
    confirm: ConfirmConfig = Field(
        default=ConfirmConfig(), title="Confirmation", description="When an item is believed."
    )
    live: LivePricesConfig | None = Field(
        default=None,
        title="Live",
        description="Service asked over the network for prices that the list does not have; absent: none.",
    )
    cache: PriceCacheConfig = Field(
        default=PriceCacheConfig(), title="Cache", description="How long its answers are used."
    )
    rates: ExchangeRatesConfig | None = Field(
        default=None,
        title="Rates",
        description="Exchange rates; absent: prices in other currencies are not used.",
    )
