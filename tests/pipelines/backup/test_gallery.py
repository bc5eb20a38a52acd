"""What of the gallery a backup holds: no face, no metadata, nothing that the gallery does not read."""

from __future__ import annotations

import zipfile
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageChops

from pipelines.backup.collect import back_up
from pipelines.brands.folder import read_brands
from pipelines.settings import load_settings
from scripts.msh import main
from tests.pipelines.backup.boxes import SVG, box

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from engines.marks.picture import MarkPicture


def test_a_photograph_with_a_clear_face_stays_out(tmp_path: Path) -> None:
    config = box(tmp_path / "shop")
    cv2.imwrite(
        str(tmp_path / "shop/brands/nike/worn.png"),
        np.arange(90 * 90 * 3, dtype=np.uint32).reshape(90, 90, 3).astype(np.uint8),
    )
    (tmp_path / "scratch").mkdir()
    settings = load_settings(config, env={"BROKER_PW": "x"})
    report = back_up(
        settings, tmp_path, tmp_path / "b", datetime.now(timezone.utc), tmp_path / "scratch",
        names=(), faces=lambda _: 1,
    )  # fmt: skip
    assert [line.rpartition("/")[2] for line in report.left_out] == ["worn.png (shows a clear face)"]
    assert "brands/nike/worn.png" not in report.manifest.files


def test_swatches_come_back_as_swatches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "old/state"))
    config, place = box(tmp_path / "old"), tmp_path / "old/brands/nike"
    for number, turn in enumerate((0, 90), 1):
        Image.linear_gradient("L").rotate(turn).convert("RGB").save(place / f"pattern-{number}.png")
    assert main(["backup", str(config), str(tmp_path / "b")]) == 0
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "new/state"))
    assert main(["restore", str(tmp_path / "b"), str(tmp_path / "new/store.yaml")]) == 0
    (brand,) = read_brands(tmp_path / "new/brands")
    assert [path.name for path in brand.swatches] == ["pattern-1.png", "pattern-2.png"]
    for path in brand.swatches:
        assert not ImageChops.difference(Image.open(path), Image.open(place / path.name)).getbbox()


def test_photographs_go_without_where_and_by_whom_they_were_taken(tmp_path: Path) -> None:
    config, folder = box(tmp_path / "shop"), tmp_path / "shop/brands/nike"
    exif = Image.Exif()
    exif[0x013B] = "Jane-Doe"
    for kind in ("jpg", "tiff", "png", "webp"):
        Image.radial_gradient("L").convert("RGB").save(folder / f"worn.{kind}", exif=exif)
    (folder / "worn.tiff").rename(folder / "tiff.jpg")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xffJane-Doe")
    assert sum(b"Jane-Doe" in path.read_bytes() for path in folder.iterdir()) == 5
    (tmp_path / "scratch").mkdir()
    settings = load_settings(config, env={"BROKER_PW": "x"})
    report = back_up(
        settings, tmp_path, tmp_path / "b", datetime.now(timezone.utc), tmp_path / "scratch",
        names=(), faces=lambda _: 0,
    )  # fmt: skip
    assert [line.rpartition("/")[2] for line in report.left_out] == [
        "broken.jpg (is broken or cut off; export it again)"
    ]
    with zipfile.ZipFile(tmp_path / "b") as archive:
        inside = {name: archive.read(name) for name in archive.namelist() if name.startswith("brands")}
    kept = ("mark.svg", "tiff.jpg", "worn.jpg", "worn.png", "worn.webp")
    assert sorted(inside) == [f"brands/nike/{name}" for name in kept]
    assert not [name for name, raw in inside.items() if b"Jane-Doe" in raw]


def test_a_backup_shows_no_more_of_a_photograph_than_was_judged(tmp_path: Path) -> None:
    """A face may be clear in the large file alone, under what a cut-out hides, or in a later picture."""
    config, folder = box(tmp_path / "shop"), tmp_path / "shop/brands/nike"
    noise = np.random.default_rng(0).integers(1, 255, (600, 900, 4), np.uint8)
    worn = Image.fromarray(noise[..., :3])
    worn.save(folder / "large.jpg")
    cut_out = noise.copy()
    cut_out[..., 3] = 0
    cut_out[200:400, 300:600, 3] = 255
    for name in ("cut-out.png", "pattern.png"):
        Image.fromarray(cut_out).save(folder / name)
    worn.save(folder / "moving.webp", save_all=True, append_images=[worn.rotate(180)])
    (tmp_path / "scratch").mkdir()
    judged: list[MarkPicture] = []

    def count(picture: MarkPicture) -> int:
        judged.append(picture)
        return 0

    settings = load_settings(config, env={"BROKER_PW": "x"})
    back_up(
        settings, tmp_path, tmp_path / "b", datetime.now(timezone.utc), tmp_path / "scratch",
        names=(), faces=count,
    )  # fmt: skip
    with zipfile.ZipFile(tmp_path / "b") as archive:
        names = [name for name in archive.namelist() if name.startswith("brands") and "svg" not in name]
        found = {name.rpartition("/")[2]: Image.open(archive.open(name)) for name in names}
    assert len(judged) == len(found) == 4
    for name, picture in found.items():
        seen = np.asarray(picture.convert("RGBA"))
        assert max(seen.shape) < 800, name  # what was judged, 640 at most, and a rim
        assert not seen[seen[..., 3] < 16].any(), name
        assert getattr(picture, "n_frames", 1) == 1, name


def test_what_the_gallery_does_not_read_and_links_out_of_it_stay_out_and_are_told(tmp_path: Path) -> None:
    config, folder = box(tmp_path / "shop"), tmp_path / "shop/brands/nike"
    for name in ("passwd", "elsewhere/mark.svg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{SVG}<!-- hush-9 -->")
    (folder / "linked.png").symlink_to(tmp_path / "passwd")
    (folder / "brand.yaml").symlink_to(tmp_path / "shop/brands/nike.yaml")
    (tmp_path / "shop/brands/nike.yaml").write_text("name: Nike\n")
    (folder / "notes.png").write_text("hush-9")
    (folder / "blob.webp").write_bytes(b"\0\1hush-9")
    (folder / "page.svg").write_text("<html>hush-9</html>")
    (folder / "huge.svg").write_text(SVG + " " * 20_000_000)
    (folder / "read-me.txt").write_text("hush-9, which the gallery passes over")
    (tmp_path / "shop/brands/puma").symlink_to(tmp_path / "elsewhere")
    worn = tmp_path / "shop/brands/acme"
    worn.mkdir()
    (worn / "brand.yaml").write_text("name: Acme\nroutes: [symbol]\n")
    Image.new("RGB", (60, 60), "red").save(worn / "flat.jpg")
    (tmp_path / "scratch").mkdir()
    report = back_up(
        load_settings(config, env={"BROKER_PW": "x"}), tmp_path, tmp_path / "b", datetime.now(timezone.utc),
        tmp_path / "scratch", names=(), faces=lambda _: 0,
    )  # fmt: skip
    with zipfile.ZipFile(tmp_path / "b") as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    assert {name for name in inside if name.startswith("brands")} == {
        "brands/nike/brand.yaml", "brands/nike/mark.svg",
    }  # fmt: skip
    assert not [name for name, raw in inside.items() if b"hush-9" in raw]
    said = {line.removeprefix(f"{tmp_path}/shop/brands/").partition(" ")[0]: line for line in report.left_out}
    for name, words in {
        "nike/linked.png": "is a link out of the gallery",
        "puma/mark.svg": "is a link out of the gallery",
        "nike/notes.png": "is no SVG drawing",
        "nike/blob.webp": "is no SVG drawing",
        "nike/page.svg": "is no SVG drawing",
        "nike/huge.svg": "is larger than 20 MB",
        "acme/flat.jpg": "shows no mark",
        "acme": "without those nothing tells this brand",
    }.items():
        assert words in said.pop(name)
    assert not said
    assert main(["restore", "--check", str(tmp_path / "b"), str(tmp_path / "new/store.yaml")]) == 0


def test_a_picture_of_any_name_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "old/state"))
    config, place = box(tmp_path / "old"), tmp_path / "old/brands/nike"
    for name in ("Screenshot 12:30.svg", r"web\logo.svg", "stra\udcdfe.svg"):
        (place / name).write_text(SVG)
    assert main(["backup", str(config), str(tmp_path / "b")]) == 0
    assert r"stra\udcdfe.svg (has a name that is not UTF-8; rename it)" in capsys.readouterr().out
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "new/state"))
    assert main(["restore", str(tmp_path / "b"), str(tmp_path / "new/store.yaml")]) == 0
    (brand,) = read_brands(tmp_path / "new/brands")
    assert [path.name for path in brand.pictures] == ["Screenshot 12:30.svg", "mark.svg", r"web\logo.svg"]
