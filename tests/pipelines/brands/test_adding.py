from __future__ import annotations

import errno
import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from engines.marks.picture import read_mark
from pipelines.brands import adding
from pipelines.brands.adding import (
    Added,
    brand_file,
    examine,
    folder_of,
    remove_brand,
    slug_of,
    write_brand,
    write_picture,
)
from pipelines.brands.folder import read_brands
from pipelines.brands.gallery import BrandReader
from pipelines.brands.lockup import FAINT
from pipelines.brands.transfer import import_brands
from pipelines.errors import BadInput
from pipelines.settings.brands import BrandsConfig
from tests.fakes.enroller import fake_enroller

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1h7v3H4v4H1z"/></svg>'
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
    kept, given = read_mark(source.pictures[0]), read_mark(picture)
    assert (kept.pixels.tolist(), kept.ground) == (given.pixels.tolist(), given.ground)
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


@pytest.mark.parametrize("force", [False, True])
def test_a_brand_never_replaces_another_whose_folder_has_its_name(tmp_path: Path, force: bool) -> None:
    folder, picture = tmp_path / "brands", mark(tmp_path / "a.png")
    write_brand(folder, new("C&A", picture), force=False)
    with pytest.raises(BadInput, match=r"c-and-a: is in the way of C and A; rename it"):
        write_brand(folder, new("C and A", picture), force=force)
    assert [source.file.name for source in read_brands(folder)] == ["C&A"]


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


def test_a_disk_that_fills_half_way_leaves_no_half_brand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(adding, "_flush", fill)
    with pytest.raises(BadInput, match="free space"):
        write_brand(tmp_path / "brands", new("Acme", mark(tmp_path / "a.png")), force=False)
    assert list((tmp_path / "brands").iterdir()) == []


@pytest.mark.parametrize("imported", [False, True])
def test_a_replacement_that_cannot_be_put_in_place_leaves_the_brand_of_before(
    tmp_path: Path, imported: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, other, failed = tmp_path / "brands", tmp_path / "other", list[Path]()
    fresh = new("ACME", mark(tmp_path / "b.png"))
    write_brand(folder, new("Acme", mark(tmp_path / "a.png")), force=False)
    write_brand(other, fresh, force=False)
    rename = Path.rename

    def refuse_once(path: Path, target: Path) -> Path:
        if target == folder / "acme" and not failed:
            failed.append(path)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse_once)
    with pytest.raises(BadInput, match="free space"):
        import_brands(other, folder, force=True) if imported else write_brand(folder, fresh, force=True)
    assert [source.file.name for source in read_brands(folder)] == ["Acme"]
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


def photo(path: Path) -> Path:
    """Write a JPEG lying on its side, with place, owner and a thumbnail in it."""
    noise = np.random.default_rng(1).integers(0, 255, (40, 60, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112], exif[0x013B] = 6, "Ann Owner"
    exif.get_ifd(0x8825)[1] = "N"
    Image.fromarray(noise).save(path, "JPEG", exif=exif, comment=b"Ann Owner")
    return path


@pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "photo.svg"])
def test_nothing_of_a_photographs_file_goes_into_the_gallery(tmp_path: Path, name: str) -> None:
    picture = photo(tmp_path / name)
    assert b"Ann Owner" in picture.read_bytes()
    added = Added(brand_file("Acme", None, None), (read_mark(picture),), None, ())
    write_brand(tmp_path / "brands", added, force=False)
    (kept,) = read_brands(tmp_path / "brands")[0].pictures
    with Image.open(kept) as seen:
        assert (seen.format, seen.size, dict(seen.getexif()), seen.info) == ("PNG", (40, 60), {}, {})
    assert b"Ann" not in kept.read_bytes()


def test_a_picture_with_a_clear_face_is_refused_and_a_drawing_is_not_asked_about(tmp_path: Path) -> None:
    drawing = tmp_path / "mark.svg"
    drawing.write_text(SVG)
    look = partial(examine, brand_file("Acme", None, None), brands=None, enroller=fake_enroller())
    assert look([drawing], faces=lambda _: 1).pictures
    picture = photo(tmp_path / "photo.jpg")
    with pytest.raises(BadInput, match=r"photo.jpg: shows a clear face; cut the picture .* --faces"):
        look([picture], faces=lambda _: 1)
    assert look([picture], faces=lambda _: 0).pictures
    assert look([picture], faces=None).pictures


def test_what_a_cut_out_hides_is_not_kept(tmp_path: Path) -> None:
    """Who cuts a mark out of a photograph mostly leaves all the rest in the file, unseen."""
    pixels = np.random.default_rng(0).integers(1, 255, (200, 200, 4), np.uint8)
    pixels[..., 3] = FAINT - 1
    pixels[60:140, 60:140] = (200, 30, 30, 255)
    pixels[80:100, 80:100, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "cut-out.png")
    kept = np.asarray(Image.open(write_picture(read_mark(tmp_path / "cut-out.png"), tmp_path / "kept")))
    assert not kept[kept[..., 3] < 255].any()
    assert np.count_nonzero(kept[..., 3]) == 80 * 80 - 20 * 20
