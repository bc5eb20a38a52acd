from __future__ import annotations

import argparse
import time
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
import yaml

import pipelines.errors
from pricing.errors import BadInput
from pricing.live.cache import PriceCache
from pricing.live.remembered import Answer, Result, Thing
from scripts.commands import prices
from tests.fakes.price_server import KEY, PriceServer
from tests.pipelines.settings.store_file import MINIMAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIST = """brand,type,price_min,price_max,currency,valid_from,valid_until
Burberry,handbag,1100,1480,EUR,2026-11-01,
Nike,sneakers,120,120,EUR,,
Nike,hoodie,65.50,65.50,EUR,,2026-06-30
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text(LIST)
    return path


def msh(*words: object) -> int:
    parser = argparse.ArgumentParser()
    prices.add(parser.add_subparsers())
    args = parser.parse_args(["prices", *map(str, words)])
    return int(args.run(args))


def test_check_says_what_is_in_the_list(catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert msh("check", catalogue) == 0
    assert capsys.readouterr().out == f"{catalogue}: ok, 3 prices of 2 brands in EUR\n"


def test_check_tells_each_mistake_on_a_line(catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalogue.write_text(LIST.replace("handbag", "handbg").replace("65.50", "65,50"))
    assert msh("check", catalogue) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split("  ")[0] for line in err.splitlines()] == [f"{catalogue}:2:10", f"{catalogue}:4:29"]


def test_the_stores_own_list_needs_no_name(
    catalogue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store.yaml"
    store.write_text(f"{MINIMAL}prices: {{catalogue: {catalogue.name}}}\n")
    assert msh("check", "--config", store) == 0
    assert capsys.readouterr().out == f"{catalogue}: ok, 3 prices of 2 brands in EUR\n"
    store.write_text(MINIMAL)
    for words, message in ((("--config", store), "names no price list"), ((), "name a price list")):
        with pytest.raises(BadInput, match=message):
            msh("check", *words)


def test_no_format_is_suggested_for_the_beginning_of_a_file_that_is_too_large(
    catalogue: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pricing.catalogue.catalogue.MAX_BYTES", len(LIST) - 1)
    with pytest.raises(BadInput, match=r"prices\.csv: larger than 0 MiB; is this a price list\?"):
        msh("check", catalogue, "--suggest")
    assert capsys.readouterr().out == ""


def test_a_list_in_another_notation_is_suggested_checked_and_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "preise.csv"
    path.write_text("Marke;Typ;Preis\nGucci;handbag;1.290\nPrada;coat;2.450,50\n")
    assert msh("check", path, "--currency", "EUR") == 2
    capsys.readouterr()
    assert msh("check", path, "--currency", "EUR", "--suggest") == 0
    out = capsys.readouterr().out
    section, _, summary = out.partition("# ")
    assert yaml.safe_load(section)["prices"]["format"] == {
        "columns": {"brand": "Marke", "type": "Typ", "price": "Preis"},
        "decimal": ",",
        "grouping": ".",
    }
    assert "ok, 2 prices of 2 brands in EUR" in summary
    store = tmp_path / "store.yaml"
    store.write_text(
        "version: 1\nstore: {id: shop-1, name: Shop, timezone: Europe/Berlin, currency: EUR}\n"
        f'cameras: {{door: {{source: "rtsp://10.0.0.11:554/s"}}}}\n{section}'
    )
    assert msh("check", path, "--config", store) == 0
    capsys.readouterr()
    assert msh("lookup", "gucci", "handbag", "--config", store) == 0
    assert "€1,290 EUR" in capsys.readouterr().out


@pytest.fixture
def far_west(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine where it is the day before, whenever it is, beside a store on Kiritimati."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Etc/GMT+12")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_west")
def test_todays_price_is_that_of_the_stores_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A server in UTC had yesterday's for the first hours of a day in Vienna, for half of it in Auckland."""
    today = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    path, store = tmp_path / "prices.csv", tmp_path / "store.yaml"
    path.write_text(f"brand,type,price,currency,valid_from\nGucci,handbag,1290,EUR,{today}\n")
    store.write_text(
        f"{MINIMAL.replace('Europe/Berlin', 'Pacific/Kiritimati')}prices: {{catalogue: {path.name}}}\n"
    )
    assert msh("lookup", "gucci", "handbag", "--config", store) == 0
    assert "€1,290 EUR" in capsys.readouterr().out


def test_three_decimals_of_a_dinar_are_pointed_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("brand,type,price,currency\nGucci,handbag,1.290,KWD\n")
    assert msh("check", path) == 0
    assert (
        "note: 1 prices such as 1.290 in line 2 are read as 1.290 KWD, not as 1290" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (
            ("burberry", "tote"),
            0,
            "Burberry tote: €1,290 EUR (€1,100 to €1,480), source catalogue since 2026-11-01",
        ),
        (("NIKE", "shoes"), 0, "Nike shoes: €120 EUR, source catalogue"),
        (("nike", "top", "--on", "2026-06-30"), 0, "Nike top: €65.50 EUR, source catalogue"),
        (("nike", "top"), 1, "Nike top: no price in the list for 2026-11-22"),
        (("Burbery", "bag"), 1, '"Burbery" is not in the list; did you mean "Burberry"?'),
        (("xyz", "bag"), 1, '"xyz" is not in the list'),
    ],
)
def test_lookup(
    catalogue: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, told: str
) -> None:
    on = () if "--on" in words else ("--on", "2026-11-22")
    assert msh("lookup", *words, "--catalogue", catalogue, *on) == code
    assert "".join(capsys.readouterr()) == f"{told}\n"


def test_explain_shows_the_lines_used(catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert msh("lookup", "burberry", "bag", "--catalogue", catalogue, "--on", "2026-11-22", "--explain") == 0
    assert f"{catalogue}:2  Burberry handbag €1,100 to €1,480 from 2026-11-01" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("check", "none.csv"), "cannot be read"),
        (("check", "none.csv", "--currency", "euro"), "ISO 4217"),
        (("lookup", "nike", "handbg", "--catalogue", "x"), '"handbag"'),
        (("lookup", "nike", "bag", "--catalogue", "x", "--on", "tomorrow"), "2026-11-30"),
    ],
)
def test_a_user_s_mistake_is_one_line(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        msh(*words)


STORE = """version: 1
store: {{id: shop-1, name: Shop, timezone: Europe/Berlin, currency: EUR, locale: de_DE}}
cameras: {{door: {{source: "rtsp://10.0.0.11:554/s"}}}}
prices:
  catalogue: prices.csv
  live: {{key: "${{PRICES_KEY}}", base_url: "{url}", timeout_s: 60, currency: USD}}
  rates: {{date: 2026-11-20, source: ECB, per_base: {{USD: 1.25}}}}
"""


@pytest.fixture
def server() -> Iterator[PriceServer]:
    with PriceServer() as one:
        yield one


@pytest.fixture
def store(catalogue: Path, server: PriceServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = catalogue.with_name("store.yaml")
    path.write_text(STORE.format(url=server.url))
    monkeypatch.setenv("PRICES_KEY", KEY)
    monkeypatch.setenv("STATE_DIRECTORY", str(catalogue.parent / "state"))
    return path


def answer(amount: int, hours_old: float, detail: str = "median of 3 offers") -> Answer:
    at = time.time_ns() - int(hours_old * 3_600_000_000_000)
    return Answer(Thing("nike", "hat"), at, Result.PRICED, *[amount] * 3, "EUR", "openwebninja", detail)


def test_the_list_comes_before_what_is_remembered(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert msh("lookup", "nike", "sneakers", "--config", store) == 0
    assert capsys.readouterr().out == "Nike sneakers: 120 € EUR, source catalogue\n"
    assert msh("lookup", "nike", "hat", "--config", store) == 1
    assert "no price in the list for" in capsys.readouterr().err


def test_explain_tells_the_history_of_a_remembered_price(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = PriceCache(store.parent / "state" / "prices-shop-1.db", 1_000_000, time.time_ns)
    cache.put(answer(5000, 500))
    cache.put(answer(5550, 200, "median of 2 offers, 1 dropped; USD at 0.8 (ECB 2026-11-20)"))
    assert msh("lookup", "nike", "hat", "--config", store, "--explain") == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("nike hat: 55,50 € EUR, source openwebninja since 20")
    assert first.endswith(", stale")
    assert [line.split("Z  ")[1] for line in lines] == [
        "openwebninja: €50, median of 3 offers",
        "openwebninja: €55.50, median of 2 offers, 1 dropped; USD at 0.8 (ECB 2026-11-20)",
    ]
    assert (
        msh("lookup", "nike", "hat", "--config", store, "--cache", store.parent / "state/prices-shop-1.db")
        == 0
    )


def test_live_asks_the_service_now(
    store: Path, server: PriceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert msh("lookup", "Gucci", "hat", "--config", store, "--live", "--explain") == 0
    out = capsys.readouterr().out
    assert "Gucci hat: 103,20 € EUR, source openwebninja since" in out
    assert "median of 3 offers; USD at 0.8 (ECB 2026-11-20)" in out
    for mode, words in (("401", "refuses the key"), ("absurd", "no sensible price"), ("html", "no sensible")):
        server.mode = mode
        with pytest.raises(pipelines.errors.BadInput, match=words) as caught:
            msh("lookup", "Gucci", "hat", "--config", store, "--live")
        assert KEY not in str(caught.value)


def test_not_sold_here_is_said_and_not_searched_for(
    store: Path, catalogue: Path, server: PriceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue.write_text("brand,type,price\nPrada,*,not sold\n")
    assert msh("lookup", "prada", "hat", "--config", store, "--live", "--explain") == 1
    out, err = capsys.readouterr()
    assert err == "Prada hat: not sold here, so it has no price\n"
    assert out == f"  {catalogue}:2  Prada * not sold\n"
    assert server.asked == []


def test_a_cache_that_cannot_be_read_is_one_line(store: Path) -> None:
    bad = store.with_name("bad.db")
    bad.write_text("no database" * 100)
    for file in (bad, store.with_name("none.db")):
        with pytest.raises(BadInput, match="cannot be read"):
            msh("lookup", "nike", "hat", "--config", store, "--cache", file)


def test_without_a_store_there_is_no_service_to_ask(catalogue: Path) -> None:
    cache = catalogue.with_name("prices.db")
    PriceCache(cache, 1_000_000, time.time_ns).put(answer(5000, 500))
    assert msh("lookup", "nike", "hat", "--catalogue", catalogue, "--cache", cache) == 0
    with pytest.raises(BadInput, match=r"prices\.live"):
        msh("lookup", "nike", "hat", "--catalogue", catalogue, "--cache", cache, "--live")
