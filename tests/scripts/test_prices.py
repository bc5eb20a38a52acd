from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from pricing.errors import BadInput
from scripts.commands import prices

if TYPE_CHECKING:
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
