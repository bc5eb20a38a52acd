from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw

from engines.marks.picture import read_mark
from pipelines.brands import adding
from pipelines.brands.adding import Added, brand_file, examine, folder_of, remove_brand, slug_of, write_brand
from pipelines.brands.folder import read_brands
from pipelines.brands.gallery import BrandReader
from pipelines.errors import BadInput
from pipelines.settings.brands import BrandsConfig
from tests.fakes.enroller import fake_enroller

if TYPE_CHECKING:
    from pathlib import Path

CORNERS = ((10, 10), (50, 10), (10, 50))


def mark(path: Path, corners: tuple[tuple[int, int], ...] = CORNERS) -> Path:
    picture = Image.new("RGB", (60, 60), "white")
    ImageDraw.Draw(picture).polygon(corners, fill="red")
    picture.save(path)
    return path


def new(name: str, picture: Path) -> Added:
    return Added(brand_file(name, None, ["bag"]), (read_mark(picture),), None, ())


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("H&M", "h-and-m"),
        ("Levi's", "levis"),
        ("Hermès", "hermes"),
        ("  A/../B ", "a-b"),
        ("x" * 60, "x" * 48),
        ("李宁", "brand-4a6956"),
        ("李宁 Sport", "sport-99e930"),
        ("ニケ Sport", "sport-3ca1cb"),
        ("Найк", "brand-b7cd9c"),
    ],
)
def test_a_folder_is_named_after_its_brand(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_a_name_without_plain_letters_names_no_folder() -> None:
    with pytest.raises(BadInput, match="a folder cannot be named after"):
        slug_of("!")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    folder, picture = tmp_path / "brands", mark(tmp_path / "a.png")
    place = write_brand(folder, new("Acme & Söhne", picture), force=False)
    (source,) = read_brands(folder)
    assert source.folder == place == folder_of(folder, "acme & sohne")
    assert (source.file.name, source.file.slots) == ("Acme & Söhne", ("bag",))
    assert source.pictures[0].read_bytes() == picture.read_bytes()
    assert remove_brand(folder, "ACME & SÖHNE") == place
    assert list(folder.iterdir()) == []
    with pytest.raises(BadInput, match="there is no brand"):
        remove_brand(folder, "Acme")


def test_a_brand_is_replaced_only_by_force(tmp_path: Path) -> None:
    folder, picture = tmp_path / "brands", mark(tmp_path / "a.png")
    write_brand(folder, new("Acme", picture), force=False)
    with pytest.raises(BadInput, match="--force replaces it"):
        write_brand(folder, new("ACME", picture), force=False)
    write_brand(folder, new("ACME", mark(tmp_path / "b.png", CORNERS[::-1])), force=True)
    assert [source.file.name for source in read_brands(folder)] == ["ACME"]
    assert [path.name for path in folder.iterdir()] == ["acme"]


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("step", range(6))
def test_killed_at_any_step_there_is_no_half_brand(
    tmp_path: Path, step: int, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "brands"
    old, fresh = new("Acme", mark(tmp_path / "a.png")), new("ACME", mark(tmp_path / "b.png"))
    if there:
        write_brand(folder, old, force=False)
    child = os.fork()
    if child == 0:
        steps = iter(range(99))

        def die(*_: object) -> None:
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(adding, "_flush", die)
        write_brand(folder, fresh, force=True)
        os._exit(0)
    os.waitpid(child, 0)
    names = [source.file.name for source in read_brands(folder)]
    assert names in ([["Acme"], ["ACME"]] if there else [[], ["ACME"]])
    write_brand(folder, fresh, force=True)
    assert [source.file.name for source in read_brands(folder)] == ["ACME"]
    monkeypatch.setattr(adding, "LEFT_S", -1)
    adding.sweep(folder)
    assert [path.name for path in folder.iterdir()] == ["acme"]


@pytest.mark.parametrize(
    ("name", "words", "slots", "line"),
    [
        ("-", None, None, 'NAME "-" must be a name with letters or digits in it'),
        ("../x", None, None, "NAME \"../x\" must be a brand's name, not a file's"),
        ("Mark.PNG", None, None, "NAME \"Mark.PNG\" must be a brand's name, not a file's"),
        ("", None, None, 'NAME "" must not be empty'),
        ("a\nb", None, None, "must be one line of plain text"),
        ("x" * 61, None, None, "must be at most 60 characters long"),
        ("X", ["!"], None, '--words "!" must be a name'),
        ("X", None, ["shoe"], '--slots "shoe" must be a slot. Did you mean "shoes"?'),
    ],
)
def test_what_is_no_brand_is_told(
    name: str, words: list[str] | None, slots: list[str] | None, line: str
) -> None:
    with pytest.raises(BadInput) as caught:
        brand_file(name, words, slots)
    assert line in str(caught.value)


def test_a_mark_close_to_another_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "brands"
    write_brand(folder, new("Acme", mark(tmp_path / "a.png")), force=False)
    known = BrandReader(BrandsConfig(folder=folder), fake_enroller).read()
    enroller = fake_enroller()
    same = examine(brand_file("Copy", None, None), [tmp_path / "a.png"], known, enroller)
    assert [close.brand for close in same.close] == ["Acme"]
    assert same.close[0].similarity == pytest.approx(1)
    other = mark(tmp_path / "o.png", ((50, 50), (50, 30), (20, 50)))
    assert not examine(brand_file("Other", None, None), [other], known, enroller).close
    again = examine(brand_file("ACME", None, None), [tmp_path / "a.png"], known, enroller)
    assert not again.close
