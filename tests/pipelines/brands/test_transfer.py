"""Galleries out and in."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from engines.marks.picture import is_swatch
from pipelines.brands.folder import read_brands
from pipelines.brands.transfer import export_brands, import_brands
from pipelines.errors import BadInput
from tests.pipelines.brands.test_adding import mark, photo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A gallery of two brands, one with a brand.yaml."""
    for name in ("acme", "umbra"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        mark(tmp_path / "mine" / name / "mark-1.png")
    Image.linear_gradient("L").save(tmp_path / "mine" / "acme" / "pattern-2.png")
    (tmp_path / "mine" / "acme" / "brand.yaml").write_text("name: Acme & Co\nwords: [ACME]\nslots: [bag]\n")
    return tmp_path / "mine"


def names(folder: Path) -> list[str]:
    return sorted(source.file.name for source in read_brands(folder))


def packed(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("as_zip", [True, False])
def test_what_is_exported_is_imported(shop: Path, tmp_path: Path, as_zip: bool) -> None:
    source = shop
    if as_zip:
        source = tmp_path / "brands.zip"
        export_brands(read_brands(shop), source)
    done = import_brands(source, tmp_path / "other")
    assert sorted(done.added) == names(tmp_path / "other") == ["Acme & Co", "Umbra"]
    assert sorted(p.name for p in (tmp_path / "other").iterdir()) == ["acme-and-co", "umbra"]
    (acme, _) = read_brands(tmp_path / "other")
    assert (acme.file.words, acme.file.slots, len(acme.pictures)) == (("ACME",), ("bag",), 2)
    assert [is_swatch(picture) for picture in acme.pictures] == [False, True]
    with Image.open(acme.pictures[1]) as swatch:
        assert swatch.size == (256, 256)


def test_brands_that_are_there_are_replaced_only_by_force(shop: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    import_brands(shop, other)
    with pytest.raises(BadInput, match="there is this brand already"):
        import_brands(shop, other)
    mark(shop / "umbra" / "mark-2.png", ((5, 5), (50, 30), (10, 50)))
    assert sorted(import_brands(shop, other, force=True).replaced) == ["Acme & Co", "Umbra"]
    assert [len(source.pictures) for source in read_brands(other)] == [2, 2]


def test_one_mistake_and_nothing_is_taken(shop: Path, tmp_path: Path) -> None:
    (shop / "umbra" / "mark-2.png").write_bytes(b"\x89PNG no picture")
    with pytest.raises(BadInput, match=r"umbra/mark-2\.png: is named") as error:
        import_brands(shop, tmp_path / "other")
    assert str(tmp_path / "other") not in str(error.value)
    assert list((tmp_path / "other").iterdir()) == []


@pytest.mark.parametrize("is_there", [False, True])
def test_where_another_brand_has_the_folder_nothing_is_taken(tmp_path: Path, is_there: bool) -> None:
    other, more = tmp_path / "other", tmp_path / "more"
    for at, name, folder in ((more, "Acme", "a"), (other if is_there else more, "C&A", "c-and-a")):
        (at / folder).mkdir(parents=True)
        (at / folder / "brand.yaml").write_text(f"name: {name}\nwords: [{name}]\n")
    (more / "x").mkdir()
    (more / "x" / "brand.yaml").write_text("name: C and A\nwords: [C and A]\n")
    with pytest.raises(BadInput, match="c-and-a: is in the way of C and A; rename it"):
        import_brands(more, other)
    assert names(other) == ["C&A"] * is_there


def test_words_of_another_brand_are_refused(shop: Path, tmp_path: Path) -> None:
    import_brands(shop, tmp_path / "other")
    (tmp_path / "more" / "fake").mkdir(parents=True)
    (tmp_path / "more" / "fake" / "brand.yaml").write_text("name: Fake\nwords: [ACME]\n")
    with pytest.raises(BadInput, match='"acme" is of Acme & Co already'):
        import_brands(tmp_path / "more", tmp_path / "other")


def test_a_folder_around_the_brands_is_seen_through_and_other_files_are_left_out(
    shop: Path, tmp_path: Path
) -> None:
    picture = (shop / "umbra" / "mark-1.png").read_bytes()
    source = packed(
        tmp_path / "a.zip", {"all/umbra/mark.png": picture, "all/umbra/notes.txt": b"x", "__MACOSX/a/b": b""}
    )
    import_brands(source, tmp_path / "other")
    (umbra,) = read_brands(tmp_path / "other")
    assert [path.name for path in umbra.pictures] == ["mark.png"]
    assert not (umbra.folder / "notes.txt").exists()


def test_a_zip_with_the_separators_of_windows_is_read(shop: Path, tmp_path: Path) -> None:
    picture = (shop / "umbra" / "mark-1.png").read_bytes()
    with pytest.raises(BadInput, match="no brand folders"):
        import_brands(packed(tmp_path / "b.zip", {"..\\mark.png": picture}), tmp_path / "other")
    import_brands(packed(tmp_path / "a.zip", {"all\\umbra\\mark.png": picture}), tmp_path / "other")
    assert [one.folder.name for one in read_brands(tmp_path / "other")] == ["umbra"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"../out/mark.png": b"\x89PNG"}, "no brand folders"),
        ({"mark.png": b"\x89PNG"}, "no brand folders"),
        ({"a/../../mark.png": b"\x89PNG"}, "no brand folders"),
        ({"a/mark.txt": b"x"}, "no brand folders"),
        ({}, "no brand folders"),
    ],
)
def test_what_leads_elsewhere_is_not_unpacked(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        import_brands(packed(tmp_path / "a.zip", files), tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "other"]


def test_what_is_no_zip_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("no zip")
    with pytest.raises(BadInput, match="is no ZIP that can be read"):
        import_brands(tmp_path / "a.zip", tmp_path / "other")
    with pytest.raises(BadInput, match="no such file or folder"):
        import_brands(tmp_path / "b.zip", tmp_path / "other")


def test_photographs_are_drawn_anew_and_a_clear_face_is_refused(tmp_path: Path) -> None:
    acme = tmp_path / "mine" / "acme"
    acme.mkdir(parents=True)
    photo(acme / "mark.jpg")
    mark(acme / "mark.png")
    with pytest.raises(BadInput, match=r"acme/mark\.jpg: shows a clear face"):
        import_brands(tmp_path / "mine", tmp_path / "other", faces=lambda one: one.path.suffix == ".jpg")
    import_brands(tmp_path / "mine", tmp_path / "other", faces=lambda _: 0)
    (source,) = read_brands(tmp_path / "other")
    assert [path.name for path in source.pictures] == ["mark-jpg.png", "mark.png"]
    assert all(b"Ann Owner" not in path.read_bytes() for path in source.pictures)
    assert b"Ann Owner" in (acme / "mark.jpg").read_bytes()


def test_what_a_photograph_says_of_its_owner_is_not_exported(tmp_path: Path) -> None:
    acme = tmp_path / "mine" / "acme"
    acme.mkdir(parents=True)
    photo(acme / "mark.jpg")
    export_brands(read_brands(tmp_path / "mine"), tmp_path / "brands.zip")
    with zipfile.ZipFile(tmp_path / "brands.zip") as archive:
        assert archive.namelist() == ["acme/mark.png"]
        assert b"Ann Owner" not in archive.read("acme/mark.png")
