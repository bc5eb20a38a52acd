from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from engines.errors import InferenceFailed
from pipelines.brands.folder import read_brands
from pipelines.errors import BadInput
from pipelines.outputs.disk import write_whole
from probes.redaction.redact import RedactionFailed
from scripts.commands import brands
from tests.fakes.enroller import fake_enroller
from tests.pipelines.brands.test_adding import mark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def msh(*words: object) -> int:
    parser = argparse.ArgumentParser()
    brands.add(parser.add_subparsers())
    args = parser.parse_args(["brands", *map(str, words)])
    if args.run == brands.run_add:
        return int(args.run(args, fake_enroller, lambda: lambda picture: "face" in picture.path.name))
    return int(args.run(args, fake_enroller) if args.run == brands.run_list else args.run(args))


def test_a_brand_is_added_listed_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, picture = tmp_path / "brands", mark(tmp_path / "photo.jpg")
    assert msh("add", "Acme Co", picture, "--folder", folder, "--slots", "bag, top", "--words", "ACME") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        f"Acme Co: added to {folder}/acme-co",
        "  by its words: ACME",
        "  by the shape of its mark",
        "  a mark counts from 0.70 alike",
        "  on: bag, top",
        f"  see what was made of it: {folder}/acme-co/.mark.png",
        "  a flat picture finds about a third of what is worn; add one cut from a photo of a garment: msh"
        " brands add 'Acme Co' CROP --more",
    ]
    with Image.open(folder / "acme-co/.mark.png") as seen:
        assert seen.size[1] == 220
    store = tmp_path / "store.yaml"
    store.write_text(
        f"version: 1\nbrands: {{folder: {folder}}}\nstore: {{id: s, name: S, timezone: UTC, currency: EUR}}\n"
        "cameras: {door: {source: 'rtsp://10.0.0.1/a'}}\n"
    )
    assert msh("list", store) == 0
    listed = " ".join(capsys.readouterr().out.splitlines()[1].split())
    assert listed == "Acme Co ACME 1 words symbol bag top 0.70"
    assert msh("remove", "acme co", "--config", store) == 0
    assert read_brands(folder) == []


def test_a_brand_is_added_where_the_picture_of_it_finds_no_room(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (full := tmp_path / "full.png").symlink_to("/dev/full")
    monkeypatch.setattr(brands, "SEEN", full)
    assert msh("add", "Acme", mark(tmp_path / "a.png"), "--folder", tmp_path / "brands") == 0
    out, err = capsys.readouterr()
    assert "added to" in out
    assert "see what was made" not in out
    assert err == f"msh brands: warning: {full}: cannot be written (No space left on device)\n"
    assert [source.file.name for source in read_brands(tmp_path / "brands")] == ["Acme"]


def test_a_mark_like_another_is_added_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, picture = tmp_path / "brands", mark(tmp_path / "a.png")
    msh("add", "Acme", picture, "--folder", folder)
    assert msh("add", "Copy", picture, "--folder", folder) == 0
    assert "warning: Copy is close to Acme: 1.00 alike, and 0.70 is enough" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("Acme", "text.png"), "text.png: is named .png but holds no PNG, JPEG or WebP"),
        (("Acme", "plain.png"), "plain.png: shows no mark"),
        (("Acme", "good.png", "gone.svg"), "gone.svg: cannot be read"),
        (("Acme", "face.png"), "face.png: shows a clear face"),
        (("&", "good.png"), 'NAME "&" must be a name with letters'),
        (("Taken", "good.png"), "there is this brand already"),
        (("Acme", "good.png", "--words", "TAKEN"), '"taken" is of Taken already'),
        (("Acme", "good.png", "--slots", "wheel"), '--slots "wheel" must be a slot'),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(tmp_path: Path, words: tuple[str, ...], line: str) -> None:
    folder = tmp_path / "brands"
    (tmp_path / "text.png").write_text("text")
    Image.new("RGB", (50, 50), "red").save(tmp_path / "plain.png")
    mark(tmp_path / "good.png")
    mark(tmp_path / "face.png")
    (folder / "taken").mkdir(parents=True)
    (folder / "taken/brand.yaml").write_text("name: Taken\n")
    given = [str(tmp_path / word) if "." in word else word for word in words]
    with pytest.raises(BadInput) as caught:
        msh("add", *given, "--folder", folder)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in folder.iterdir()] == ["taken"]


def test_a_swatch_is_added_beside_the_marks_and_kept_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, swatch = tmp_path / "brands", tmp_path / "canvas.jpg"
    checked(120).save(swatch)
    assert msh("add", "Acme", "--pattern", swatch, "--folder", folder) == 0
    assert "  by the pattern of its cloth" in capsys.readouterr().out.splitlines()
    assert msh("add", "Acme", mark(tmp_path / "a.png"), "--more", "--folder", folder) == 0
    assert sorted(path.name for path in (folder / "acme").glob("[!.]*.png")) == [
        "mark-2.png",
        "pattern-1.png",
    ]
    assert Image.open(folder / "acme/pattern-1.png").size == (120, 120), "a swatch is not trimmed"
    checked(40).save(swatch)
    with pytest.raises(BadInput, match="shows only 40x40 pixels of a pattern; give 48 or more each way"):
        msh("add", "Other", "--pattern", swatch, "--folder", folder)
    with pytest.raises(BadInput, match="give a PICTURE of the mark, or a --pattern"):
        msh("add", "Other", "--folder", folder)


def checked(side: int) -> Image.Image:
    """Return a check with an even border."""
    tile = Image.new("RGB", (side, side), "beige")
    for at in range(10, side - 10, 20):
        tile.paste("black", (at, 0, at + 6, side))
        tile.paste("red", (0, at, side, at + 3))
    return tile


def test_a_mark_that_is_a_face_is_taken_if_that_is_said(tmp_path: Path) -> None:
    face = mark(tmp_path / "face.png")
    assert msh("add", "Acme", face, "--folder", tmp_path / "brands", "--faces") == 0


@pytest.mark.parametrize("error", [RedactionFailed("too many faces"), InferenceFailed("no answer")])
def test_a_picture_that_cannot_be_masked_is_told_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: object) -> Iterator[str]:
        yield "begun"
        raise error

    monkeypatch.setattr("scripts.brands.explain.show", fails)
    assert msh("test", tmp_path / "a.png", "--folder", tmp_path, "-o", tmp_path / "b.png") == 1
    assert capsys.readouterr().err == f"msh brands: {tmp_path}/a.png: {error}; nothing was written\n"


def test_a_place_that_is_no_file_is_told_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def writes(_: Path, target: Path, __: object) -> Iterator[str]:
        write_whole(target, b"picture")
        yield "written"

    monkeypatch.setattr("scripts.brands.explain.show", writes)
    for place in (".", "/", tmp_path):
        with pytest.raises(BadInput, match="cannot be written"):
            msh("test", tmp_path / "a.png", "--folder", tmp_path, "-o", place)
