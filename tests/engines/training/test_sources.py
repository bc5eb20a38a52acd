import struct

import cv2
import numpy as np
import pytest

from engines.errors import BadInput
from engines.training import sources
from engines.training.packages import PACKAGES, Package, Registry


def photograph(seed, side=240):
    rng = np.random.default_rng(seed)
    rough = rng.integers(0, 256, (7, 7, 3), dtype=np.uint8)
    return cv2.resize(rough, (side, side), interpolation=cv2.INTER_CUBIC)


def taken(folder, tmp_path, pictures, least_colours=100, uneven=np.inf):
    paths = []
    for name, picture in pictures.items():
        paths.append(tmp_path / "from" / f"{name}.png")
        paths[-1].parent.mkdir(exist_ok=True)
        cv2.imwrite(str(paths[-1]), picture)
    sources.Pictures(folder, 180, least_colours, uneven, r"logo").add("some", paths)
    return {path.stem.split("-")[-2] for path in folder.iterdir()}


def test_photographs_are_taken_in_once_and_nothing_else(tmp_path):
    see_through = np.dstack([photograph(4), np.zeros((240, 240), np.uint8)])
    pictures = {
        "a": photograph(1),
        "b": photograph(2),
        "again": cv2.resize(photograph(1), (300, 300)),
        "drawing": np.full((240, 240, 3), 200, np.uint8),
        "small": photograph(3, 100),
        "logo": photograph(5),
        "cutout": see_through,
    }
    assert taken(tmp_path / "photos", tmp_path, pictures) == {"a", "b"}


def test_textures_are_even(tmp_path):
    even = np.random.default_rng(0).integers(0, 256, (240, 240, 3), dtype=np.uint8)
    halves = np.vstack([even[:120] // 8, even[120:]])
    marked = np.full((240, 240, 3), 90, np.uint8)
    cv2.circle(marked, (120, 120), 40, (20, 20, 200), 6)
    pictures = {"even": even, "halves": halves, "marked": marked}
    assert taken(tmp_path / "textures", tmp_path, pictures, 2, 12.0) == {"even"}


@pytest.mark.parametrize("depth", [1, 3, 4])
def test_a_gimp_pattern_is_read(tmp_path, depth):
    pixels = np.arange(6 * depth, dtype=np.uint8).reshape(2, 3, depth)
    path = tmp_path / "some.pat"
    path.write_bytes(struct.pack(">5I", 28, 1, 3, 2, depth) + b"GPATabc\0" + pixels.tobytes())
    picture = sources.read_picture(path)
    assert picture.shape == (2, 3, 3)
    assert picture[1, 2].tolist() == (pixels[1, 2, 2::-1].tolist() if depth > 1 else [5, 5, 5])


@pytest.mark.parametrize("data", [b"", b"GPAT", struct.pack(">5I", 28, 1, 3, 2, 3) + b"GPATabc\0short"])
def test_a_broken_pattern_is_passed_over(tmp_path, data):
    path = tmp_path / "some.pat"
    path.write_bytes(data)
    assert sources.read_picture(path) is None


def test_pictures_of_a_resource_file_are_carved_out(tmp_path):
    jpeg = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 256, (99, 99, 3), dtype=np.uint8))[
        1
    ].tobytes()
    body = b"x" * 13_000
    webp = b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
    cut_short = b"RIFF" + struct.pack("<I", 90_000) + b"WEBP"
    rcc = tmp_path / "some.rcc"
    rcc.write_bytes(b"qres" + struct.pack(">I", len(jpeg)) + jpeg + b"--" + webp + cut_short)
    sources.carve(rcc)
    assert sorted(p.suffix for p in (tmp_path / "some.pictures").iterdir()) == [".jpg", ".webp"]
    assert (tmp_path / "some.pictures" / "8.jpg").read_bytes() == jpeg


def test_a_package_that_is_not_the_pinned_one_is_refused(tmp_path):
    (tmp_path / "some-1-0").mkdir()
    (tmp_path / "some-1-0" / "some-1.0.tgz").write_bytes(b"something else")
    with pytest.raises(BadInput, match="not the file that was pinned"):
        sources.fetch(Package(Registry.NPM, "some", "1.0", "00"), tmp_path)


def test_packages_of_npm_and_pypi_are_pinned():
    others = [p for p in PACKAGES if p.registry is not Registry.DEBIAN]
    assert others
    assert all(p.version and len(p.sha256) == 64 for p in others)
