"""Live prices in the store file: what is taken, what is refused and in which words."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from engines.paths import CONFIGS
from tests.pipelines.settings.store_file import MINIMAL, load, mistakes

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ak_s3cret"


def prices(text: str) -> str:
    return MINIMAL + "prices:\n" + "".join(f"  {line}\n" for line in text.splitlines())


def test_a_key_is_all_that_live_prices_need(tmp_path: Path) -> None:
    found = load(tmp_path, prices('live: {key: "${PRICES_KEY}"}'), PRICES_KEY=KEY)
    live = found.prices.live
    assert live
    assert live.base_url == "https://api.openwebninja.com/realtime-product-search"
    assert (live.budget_per_day, live.timeout_s, live.least, live.most) == (500, 8.0, 1, 100_000)
    assert KEY in found.secret_values()
    assert KEY not in repr(found)


def test_a_service_of_one_s_own(tmp_path: Path) -> None:
    text = """live:
  service:
    url: "https://prices.shop.lan/v1/{brand}?type={type}"
    headers: {X-Shop-Key: "${PRICES_KEY}"}
    items: $.articles[*]
    price: $.price.cents
    currency: $.price.currency
    unit: minor"""
    found = load(tmp_path, prices(text), PRICES_KEY=KEY)
    assert found.prices.live
    assert found.prices.live.service
    assert found.prices.live.service.paths.in_minor
    assert KEY in found.secret_values()
    assert KEY not in repr(found)


def test_what_the_example_shows_as_comments_is_valid(tmp_path: Path) -> None:
    text = (CONFIGS / "store.yaml").read_text(encoding="utf-8")
    begins = text.index("  # live: ")
    lines = text[begins : text.index("\n\n", begins)].splitlines()
    shown = "\n".join(line.replace("  # ", "", 1) for line in lines)
    for live in (shown.replace('key: "${PRICES_KEY}"       #', "#"), shown[: shown.index("  service:")]):
        assert load(tmp_path, prices(live), PRICES_KEY=KEY).prices.live


def test_rates(tmp_path: Path) -> None:
    text = "rates: {date: 2026-11-20, source: ECB, base: EUR, per_base: {USD: 1.0815, JPY: 162}}"
    rates = load(tmp_path, prices(text)).prices.rates
    assert rates
    assert rates.table
    assert rates.table.rate("EUR", "USD") == Decimal("1.0815")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("live: {}", "needs either `key:`, or `service:`"),
        ('live: {key: a, service: {url: "http://x/{brand}"}}', "needs either"),
        ('live: {key: "${PRICES_KEY}"}', "printable ASCII"),
        ("live: {key: a, base_url: https://u:hush@x/y}", "user or password in the URL"),
        ("live: {key: a, base_url: ftp://x/y}", "must be an address such as https://"),
        ("live: {key: a, base_url: 'https://x/y?key=hush'}", 'without "?"'),
        ("live: {key: a, base_url: 'https://x:99999/y'}", "must be an address"),
        ("live: {key: a, least: 9, most: 8}", "exchange them"),
        ("live: {key: a, country: Germany}", "form"),
        ("live: {key: a, currency: EURO}", 'Did you mean "EUR"?'),
        ("live: {key: a, timeout_s: 0}", "at least 0.5"),
        ("live: {service: {url: 'https://x/y'}}", "must hold {brand}"),
        ("live: {service: {url: 'https://x/{brand}/{size}'}}", "only these placeholders"),
        ("live: {service: {url: 'https://{brand}/y'}}", "host without placeholders"),
        ("live: {service: {url: 'https://x/{brand}?api_key=hush'}}", "secret in the URL"),
        ("live: {service: {url: 'https://u:hush@x/{brand}'}}", "user or password"),
        ("live: {service: {url: 'https://x/{brand}', price: '$['}}", "is not a JSONPath"),
        (
            "live: {service: {url: 'https://x/{brand}', headers: {'a b': hush}}}",
            "name that a header can have",
        ),
        ('live: {service: {url: "https://x/{brand}", headers: {a: "${PRICES_KEY}"}}}', "printable ASCII"),
        ("cache: {fresh_h: 10, stale_h: 5}", "first fresh, then stale"),
        ("rates: {}", "needs a table"),
        ("rates: {per_base: {USD: 1.1}}", "needs `date:`"),
        ("rates: {date: 20.11.2026, per_base: {USD: 1.1}}", "write it as 2026-11-30"),
        ("rates: {date: 2026-11-20, per_base: {USD: 0}}", "above 0"),
        ("rates: {date: 2026-11-20, per_base: {usd: 1}}", 'Did you mean "USD"?'),
        ("rates: {feed: nonsense}", "must be an address"),
        ("rates: {date: 2026-11-20, base: {USD: 1.1}}", "prices.rates.base: must be text"),
    ],
)
def test_mistakes_are_told_in_one_line_without_the_secret(tmp_path: Path, text: str, words: str) -> None:
    (line,) = mistakes(tmp_path, prices(text), PRICES_KEY="hush\nhush")[:1] or ("",)
    assert words in line
    assert "hush" not in line


@pytest.mark.parametrize(("locale", "good"), [("de_DE", True), ("fr-CH", True), ("xx_YY", False)])
def test_the_locale(tmp_path: Path, locale: str, *, good: bool) -> None:
    text = MINIMAL.replace("currency: EUR", f"currency: EUR, locale: {locale}")
    assert bool(mistakes(tmp_path, text)) is not good


def test_prices_in_a_currency_that_cannot_be_converted_are_a_mistake(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, prices("live: {key: a, currency: USD}"))
    assert line == (
        "7:28  prices.live.currency: prices in USD cannot be converted to EUR; add USD to prices.rates"
    )
    assert not mistakes(
        tmp_path,
        prices("live: {key: a, currency: USD}\nrates: {date: 2026-11-20, per_base: {USD: 1.1}}"),
    )
