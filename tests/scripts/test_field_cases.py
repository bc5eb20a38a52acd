"""Files as shops really send them, through the command line as an outsider types it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from engines.paths import ROOT
from scripts.msh import main
from tests.field_cases import CASES, cases_of

if TYPE_CHECKING:
    from pathlib import Path

STORE = """version: 1
store: {id: field-01, name: Field, timezone: Europe/Berlin, currency: EUR}
cameras:
  door: %s
outputs: {metrics: {listen: "127.0.0.1:21264"}}
"""
ASCII_BRANDS = """brand,type,price,currency
Samsoe Samsoe,jacket,199,EUR
Hermes,handbag,1290,EUR
Fjallraven,jacket,300,EUR
Strasse,top,10,EUR
"""


def test_every_case_has_tests_that_exist() -> None:
    named = {name for names in CASES.values() for name in names}
    for name in sorted(named):
        path, _, function = name.partition("::")
        tree = ast.parse((ROOT / "tests" / path).read_text("utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name
    assert len(CASES) == 24
    assert cases_of("scripts/test_msh.py", "test_a_user_without_a_home_folder_gets_one_line") == ["case_32"]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("brand;type;price;currency\nGucci;handbag;1.290;EUR\nDior;coat;12.900;EUR\n", 2, "1290 or 1.29?"),
        ("brand;type;price;currency\nGucci;handbag;1290.00;EUR\n;;;\n;;;\n", 0, "ok, 1 prices"),
        ("brand;type;price;currency;\nGucci;handbag;1290.00;EUR;\n", 0, "ok, 1 prices"),
        ('brand,type,price,currency,source\nGucci,handbag,1290.00,EUR,"a\nb"\n', 0, "ok, 1 prices"),
        ("PK\x03\x04\x14\x00 no text", 2, "an Excel workbook that cannot be read; export it as CSV"),
    ],
)
def test_prices_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, code: int, said: str
) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(text, "utf-8")
    assert main(["prices", "check", str(file)]) == code
    assert said in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("brand", "type_", "price"),
    [
        ("Samsøe Samsøe", "jacket", "€199"),
        ("Hermès", "handbag", "€1,290"),
        ("Fjällräven", "jacket", "€300"),
        ("Straße", "top", "€10"),
    ],
)
def test_prices_lookup(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], brand: str, type_: str, price: str
) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(ASCII_BRANDS, "utf-8")
    assert main(["prices", "lookup", brand, type_, "--catalogue", str(file)]) == 0
    assert price in capsys.readouterr().out


@pytest.mark.parametrize(
    ("camera", "code", "said"),
    [
        (
            "{source: rtsp://10.0.0.11/s, credentials: {username: viewer, password:Sommer2026Geheim}}",
            2,
            "a space is missing after the colon",
        ),
        ("{source: /dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920-video-index0}", 0, "(v4l2,"),
    ],
)
def test_check(tmp_path: Path, capsys: pytest.CaptureFixture[str], camera: str, code: int, said: str) -> None:
    file = tmp_path / "store.yaml"
    file.write_text(STORE % camera, "utf-8")
    assert main(["check", str(file)]) == code
    found = "".join(capsys.readouterr())
    assert said in found
    assert "Geheim" not in found
