from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engines.marks.types import Route
from pipelines.brands.folder import read_brands
from pipelines.settings.mistakes import SettingsError
from pricing.brands.book import ALL_SLOTS

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, brand: str, text: str | None = None, *pictures: str) -> None:
    place = folder / brand
    place.mkdir(exist_ok=True)
    if text is not None:
        (place / "brand.yaml").write_text(text)
    for name in pictures:
        (place / name).write_bytes(b"unread")


def lines(folder: Path) -> list[str]:
    """What is wrong, without the folder's path."""
    with pytest.raises(SettingsError) as caught:
        read_brands(folder)
    return [line.replace(f"{folder}/", "") for line in caught.value.lines]


def test_a_brand_says_all_there_is_to_say(tmp_path: Path) -> None:
    text = """name: Calvin Klein
aliases: [CK Jeans]
words: [CALVIN KLEIN]
stylised: [CK]
slots: [top, trousers]
routes: [words, symbol]
"""
    write(tmp_path, "ck", text, "b.png", "a.SVG", "notes.txt", ".a.png")
    (source,) = read_brands(tmp_path)
    brand = source.file.brand
    assert (source.key, brand.words, brand.stylised) == ("calvin klein", ("CALVIN KLEIN",), ("CK",))
    assert brand.slots == {"top", "trousers"}
    assert source.file.wanted == frozenset({Route.WORDS, Route.SYMBOL})
    assert [path.name for path in source.pictures] == ["a.SVG", "b.png"]


def test_a_name_alone_is_read_everywhere(tmp_path: Path) -> None:
    write(tmp_path, "gucci", "name: Gucci\n")
    (source,) = read_brands(tmp_path)
    assert source.file.brand.words == ("Gucci",)
    assert source.file.brand.slots == ALL_SLOTS
    assert source.file.wanted is None


@pytest.mark.parametrize("text", ["name: Nike\nwords: []\n", "name: Nike\nroutes: [symbol]\n"])
def test_a_brand_need_not_be_read(tmp_path: Path, text: str) -> None:
    write(tmp_path, "nike", text, "mark.png")
    assert read_brands(tmp_path)[0].file.brand.words == ()


def test_a_dropped_picture_is_a_brand_called_like_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "our-shop", None, "mark.jpg")
    (tmp_path / "LICENSE").write_text("beside the brands")
    write(tmp_path, ".half-made", "name: Half\n")
    assert [source.file.name for source in read_brands(tmp_path)] == ["Our Shop"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "x/brand.yaml:1:1  the file is empty; begin with `name:`"),
        ("- a\n", 'x/brand.yaml:1:1  must be "key: value" lines'),
        ("name: [a\nwords: b\n", "x/brand.yaml:1:7  the bracket that opens here is not closed"),
        ("aliases: [X]\n", "x/brand.yaml:1:1  name: is missing; add it"),
        ("name: X\nalias: [Y]\n", 'x/brand.yaml:2:1  alias: unknown key. Did you mean "aliases"?'),
        ("name: '-/-'\n", "x/brand.yaml:1:7  name: must be a name with letters or digits in it"),
        ('name: "a\\nb"\n', "x/brand.yaml:1:7  name: must be one line of plain text"),
        (f"name: {'x' * 61}\n", "x/brand.yaml:1:7  name: must be at most 60 characters long"),
        ("name: X\nslots: [shoe]\n", 'x/brand.yaml:2:9  slots[0]: must be a slot. Did you mean "shoes"?'),
        ("name: X\nslots: [wheel]\n", "x/brand.yaml:2:9  slots[0]: must be a slot: hat, glasses,"),
        ("name: X\nslots: []\n", "x/brand.yaml:2:8  slots: must name at least one"),
        (
            "name: X\nroutes: [word]\n",
            "x/brand.yaml:2:10  routes[0]: must be words or symbol or emblem or",
        ),
        ("name: X\nwords: Y\n", "x/brand.yaml:2:8  words: must be a list"),
        ("name: X\nroutes: [words]\nwords: []\n", "has the route words but no `words:`"),
        ("name: X\nname: Y\n", "x/brand.yaml:2:1  name: is here a second time"),
        ("name: X\nwords: []\n", "x: nothing tells this brand; add a picture of its mark, or words"),
        ("name: X\nroutes: [symbol]\nwords: [X]\n", "x: nothing tells this brand"),
        ("name: X\nroutes: [words, symbol]\n", "x: has the route symbol but no picture"),
        ("name: X\nwords: ['${HOME}']\n", None),
        (None, "x: has neither brand.yaml nor a picture; add one, or remove it"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str | None, wanted: str | None) -> None:
    write(tmp_path, "x", text)
    if wanted is None:
        assert read_brands(tmp_path)
    else:
        (line,) = lines(tmp_path)
        assert wanted in line


def test_all_mistakes_of_all_brands_are_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, "a", "name: A\nnam: A\nslots: [hats]\n")
    write(tmp_path, "b", "name: B\n", *(f"{i}.png" for i in range(17)))
    write(tmp_path, "c", "name: C\naliases: [Dee]\n")
    write(tmp_path, "d", "name: D\nwords: [DÉE]\n")
    found = lines(tmp_path)
    assert len(found) == 4, found
    assert found[2:] == [
        "b: has 17 pictures, at most 16 are used",
        'd: "DÉE" is of c too; take it from one of them',
    ]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    assert lines(tmp_path / "none") == [f"{tmp_path}/none: cannot be read (No such file or directory)"]
