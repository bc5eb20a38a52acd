from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from scripts.commands import simulate
from scripts.msh import main

if TYPE_CHECKING:
    from pathlib import Path

FEW = ("simulate", "--days", "8", "--seed", "3")


def test_the_table_names_every_way_and_the_picture_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "days.svg"
    assert main([*FEW, "--picture", str(out), "--add", "16-19"]) == 0
    printed = capsys.readouterr().out
    for name in (
        "value",
        "value, one kept free by load",
        "turn",
        "first come first served",
        "random",
        "clairvoyant bound",
        "of what is recognised",
    ):
        assert f"\n{name} " in printed
    assert "with one more from 16 to 19" in printed
    root = ElementTree.fromstring(out.read_text())
    assert len(root.findall("{http://www.w3.org/2000/svg}path")) == 8


def test_without_scipy_the_table_has_no_empty_columns_and_says_how_to_get_the_bound(
    monkeypatch, capsys
) -> None:
    monkeypatch.setattr(simulate, "_can_bound", lambda: False)
    assert main([*FEW, "--add", "16-19"]) == 0
    printed = capsys.readouterr().out
    assert "of bound" not in printed
    assert "of recognised" not in printed
    assert printed.count("install it: pip install scipy") == 1


def test_the_figures_for_programs_are_the_same_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for _ in range(2):
        assert main([*FEW, "--json", "--staff", "2", "--arrivals", "5,9,9"]) == 0
        said.append(json.loads(capsys.readouterr().out))
    assert said[0] == said[1]
    ways = said[0]["ways"]
    assert ways["first come first served"]["gain"] == 0
    assert ways["clairvoyant bound"]["of_bound"] == 1
    assert all(0 < row["of_bound"] <= 1 for row in ways.values())
    assert 0 < ways["value"]["of_seen"] <= ways["of what is recognised"]["of_seen"] == 1


def test_the_staff_of_a_store_file_is_played(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "store.yaml"
    shop = "version: 1\nstore: {id: s, name: S, timezone: Europe/Berlin, currency: EUR}\n"
    cameras = 'cameras: {door: {source: "rtsp://10.0.0.11:554/s"}}\n'
    store.write_text(f"{shop}{cameras}staff: {{people: {{Anna: {{}}, Ben: {{}}}}, keep_free: 1}}\n")
    assert main([*FEW, "--config", str(store)]) == 0
    assert "8 days, 2 salespeople" in capsys.readouterr().out
    store.write_text(shop + cameras)
    assert main([*FEW, "--config", str(store)]) == 2
    assert "names no staff" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--days", "0"), "from 1 to 100000"),
        (("--add", "19-16"), "such as 16-19"),
        (("--arrivals", "5,x"), "such as 7,9,12"),
        (("--value", "nan"), "above 0"),
        (("--open", "23", "--arrivals", "5,5"), "more hours than the day has"),
        (("--picture", "/nowhere/at/all.svg"), "cannot be written"),
    ],
)
def test_bad_input_is_one_line(words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main([*FEW, *words])
    except SystemExit as end:
        code = int(str(end.code))
    assert code == 2
    assert told in capsys.readouterr().err
