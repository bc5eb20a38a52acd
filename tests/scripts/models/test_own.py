"""`msh models add`, `remove`, `fetch` and `test`, by the command line, on small files made here."""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import yaml

from engines.detector import load_detector
from engines.errors import BadInput
from engines.image import I420
from engines.manifest import read_manifest
from engines.own_models import own_folder
from scripts.commands import models
from scripts.models import download as downloading
from scripts.models.download import download
from tests.fakes.http_server import LocalServer, QuietHandler
from tests.fakes.networks import network_file

if TYPE_CHECKING:
    from collections.abc import Iterator

SIDE = 64
LOGITS = np.array([[[4.0, -4, -4, -4], [-4, -4, 3, -4], [-4, -4, -4, 5]]])
BOXES = np.array([[[0.5, 0.5, 0.5, 0.5], [0.25, 0.25, 0.2, 0.2], [0.5, 0.5, 1, 1]]])


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    models.add(parser.add_subparsers())
    args = parser.parse_args(["models", *map(str, words)])
    return int(args.run(args))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a network of DETR's kind that sees a person, and a bag at the left top, whatever it is shown."""
    monkeypatch.setenv("MSH_MODELS", str(tmp_path / "own"))
    monkeypatch.setenv("MSH_COMPILED", str(tmp_path / "compiled"))  # the folder of all tests holds 40 files
    (tmp_path / "classes.txt").write_text("# ours\nperson\n-\nhand bag=handbag\n")
    dims = ["batch", 3, SIDE, SIDE]
    return network_file(tmp_path, {"logits": LOGITS, "pred_boxes": BOXES}, dims=dims)


def added(made: Path, *more: object) -> int:
    return run("add", "mine", made, "--family", "detr", "--classes", made.parent / "classes.txt", *more)


def test_without_onnx_one_line_says_how_to_install_it(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("onnx", "engines.families."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(BadInput, match="needs the package onnx: ") as told:
        added(made)
    pins = str(told.value).rpartition(" ")[2]
    assert str(told.value).endswith(f"{sys.executable} -m pip install --no-deps -r {pins}")
    assert "\nonnx==" in Path(pins).read_text()
    assert "mine" not in read_manifest()


def test_a_model_of_ones_own_is_used_like_those_that_come_along(made: Path, capsys: Any) -> None:
    assert added(made, "--licence", "MIT", "--threshold", "0.8") == 0
    model = read_manifest()["mine"]
    assert (model.classes, model.thresholds, model.licence) == (("person", "handbag"), (0.8, 0.8), "MIT")
    (seen,) = load_detector("mine", threads=1).detect([I420.black(200, 100)])
    assert [("person", "handbag")[number] for number in seen.classes] == ["person", "handbag"]
    np.testing.assert_allclose(seen.boxes[0], [50, 0, 150, 100], atol=1)
    assert run("verify", "mine") == 0
    assert run("list") == 0
    assert "mine" in capsys.readouterr().out
    with pytest.raises(BadInput, match="model mine is there already"):
        added(made)
    assert run("remove", "mine") == 0
    assert "mine" not in read_manifest()
    assert list(own_folder().iterdir()) == []
    with pytest.raises(BadInput, match="model mine is none of your own"):
        run("remove", "mine")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--size", "large"], "--size large: expected WIDTHxHEIGHT"),
        (["--size", "640x640"], "its input is 64 x 64"),
        (["--threshold", "7"], "--threshold 7: expected a number between 0 and 1"),
        (["--first-class", "0"], "--first-class: of family ssd alone"),
    ],
)
def test_a_wrong_call_is_one_line_and_leaves_nothing(made: Path, words: list[str], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        added(made, *words)
    assert not own_folder().exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no class is wanted"),
        ("-\n-\n-\n", "no class is wanted"),
        ("bag\nhat\nbag\n", "bag is named twice"),
    ],
)
def test_classes_are_checked(made: Path, text: str, told: str) -> None:
    (made.parent / "classes.txt").write_text(text)
    with pytest.raises(BadInput, match=told):
        added(made)


@pytest.mark.parametrize("first", [0, 1])
def test_an_ssd_that_counts_its_classes_from_0_is_told_of(first: int, made: Path, capsys: Any) -> None:
    outputs = {
        "detection_boxes": np.array([[[0.25, 0.25, 0.75, 0.75], [0, 0, 0.5, 0.5], [0, 0, 0, 0]]]),
        "detection_scores": np.array([[0.9, 0.8, 0.0]]),
        "detection_classes": np.array([[first, first + 2, 0]]),
    }
    file = network_file(made.parent, outputs, dims=[1, 3, SIDE, SIDE])
    classes = made.parent / "classes.txt"
    assert run("add", "mine", file, "--family", "ssd", "--classes", classes) == 0
    assert ("add it with --first-class 0" in capsys.readouterr().err) == (first == 0)
    assert run("add", "told", file, "--family", "ssd", "--classes", classes, "--first-class", first) == 0
    assert "warning" not in capsys.readouterr().err
    (seen,) = load_detector("told", threads=1).detect([I420.black(200, 100)])
    assert [("person", "handbag")[number] for number in seen.classes] == ["person", "handbag"]


@pytest.mark.parametrize("name", ["", "UPPER", "a b", "../up", "nanodet-416"])
def test_names_are_checked(made: Path, name: str) -> None:
    with pytest.raises(BadInput, match="model"):
        run("add", name, made, "--family", "detr", "--classes", made.parent / "classes.txt")


def test_what_does_not_answer_is_not_kept(made: Path) -> None:
    network_file(made.parent, {"logits": LOGITS * np.nan, "pred_boxes": BOXES}, dims=[1, 3, SIDE, SIDE])
    with pytest.raises(BadInput, match="not added"):
        added(made)
    assert "mine" not in read_manifest()


def test_recall_is_counted_beside_the_model_that_comes_along(made: Path, capsys: Any) -> None:
    added(made)
    folder = made.parent / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "one.png"), np.full((SIDE, SIDE, 3), 90, np.uint8))
    (folder / "one.txt").write_text("0 0.5 0.5 0.5 0.5\n1 0.9 0.9 0.1 0.1\n")
    (folder / "classes.txt").write_text("person\nhandbag\n")
    capsys.readouterr()
    assert run("test", folder, "mine") == 0
    out = capsys.readouterr().out
    assert "person: 1 of 1 found (under 64 px 1/1), 0 wrong" in out
    assert "handbag: 0 of 1 found (under 64 px 0/1), 1 wrong" in out
    assert "nanodet-416: 1 pictures" in out
    (folder / "one.txt").write_text("9 0.5 0.5 0.5 0.5\n")
    with pytest.raises(BadInput, match=r"one.txt:1:1  expected class x y w h"):
        run("test", folder)


class Server(LocalServer):
    """Serves one file, in answers of at most `max_bytes` before it breaks the line; notes what was asked."""

    def __init__(self, content: bytes, max_bytes: int) -> None:
        super().__init__(Handler)
        self.content, self.max_bytes = content, max_bytes
        self.asked: list[tuple[str, str | None]] = []


class Handler(QuietHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        if self.path.endswith("/gone"):
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        rest = self.server.content[start:]
        if not rest:
            self.send_error(416)
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.server.max_bytes])
        self.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server(bytes(range(256)) * 40, 4000)
    served.start()
    yield served
    served.stop()


def address(server: Server, path: str = "net.onnx") -> str:
    return f"{server.url}/{path}"


def digest(server: Server) -> str:
    return hashlib.sha256(server.content).hexdigest()


def test_a_download_goes_on_where_it_broke_off(server: Server, tmp_path: Path) -> None:
    progress: list[int] = []
    download(address(server), tmp_path / "net", digest(server), lambda done, _: progress.append(done))
    assert (tmp_path / "net").read_bytes() == server.content
    assert [wanted for _, wanted in server.asked] == [None, "bytes=4000-", "bytes=8000-"]
    assert progress[-1] == len(server.content)
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_what_has_come_is_kept_for_the_next_call(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "TRIES", 1)
    for _ in range(2):
        with pytest.raises(BadInput, match="call again to go on from"):
            download(address(server), tmp_path / "net", digest(server), lambda *_: None)
    download(address(server), tmp_path / "net", digest(server), lambda *_: None)
    assert (tmp_path / "net").read_bytes() == server.content


@pytest.mark.parametrize(
    ("url", "words"),
    [("gone", "the server answers 404"), ("net.onnx", "not the file promised, nothing is kept")],
)
def test_a_wrong_file_is_not_taken(server: Server, tmp_path: Path, url: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        download(address(server, url), tmp_path / "net", "0" * 64, lambda *_: None)
    assert not any(path.suffix == ".part" and path.stat().st_size for path in tmp_path.iterdir())


@pytest.mark.parametrize("url", ["http://example.com/net", "file:///etc/passwd", "ftp://127.0.0.1/net"])
def test_only_https_is_fetched(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="only https is fetched"):
        download(url, tmp_path / "net", "0" * 64, lambda *_: None)


def test_a_proxy_of_the_environment_is_used(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.max_bytes = 10**6
    download("http://localhost:9/net.onnx", tmp_path / "net", digest(server), lambda *_: None)
    assert server.asked == [("http://localhost:9/net.onnx", None)]


@pytest.fixture
def registry(server: Server, made: Path) -> Path:
    server.content, server.max_bytes = made.read_bytes(), 10**6
    entry = {
        "about": "A small one",
        "url": address(server),
        "sha256": digest(server),
        "licence": "MIT",
        "licence_url": "https://example.com/licence",
        "family": "detr",
        "classes": ["person", "-", "handbag"],
    }
    path = made.parent / "registry.yaml"
    path.write_text(
        yaml.safe_dump({"version": 1, "models": {"small": entry, "bare": entry | {"sha256": None}}})
    )
    return path


def test_a_published_model_is_fetched_once_its_licence_is_accepted(
    registry: Path, server: Server, capsys: Any
) -> None:
    with pytest.raises(BadInput, match="read the licence, then say --accept-licence"):
        run("fetch", "small", "--registry", registry)
    assert "licence: MIT, https://example.com/licence" in capsys.readouterr().out
    assert server.asked == []
    assert run("fetch", "small", "--registry", registry, "--accept-licence") == 0
    assert read_manifest()["small"].classes == ("person", "handbag")
    assert list((own_folder() / "fetched").iterdir()) == []


def test_without_a_checksum_nothing_is_fetched(registry: Path, server: Server) -> None:
    with pytest.raises(BadInput, match="the registry has no checksum of it"):
        run("fetch", "bare", "--registry", registry, "--accept-licence")
    assert server.asked == []
    assert run("fetch", "bare", "--registry", registry, "--accept-licence", "--sha256", digest(server)) == 0


def test_the_registry_that_comes_along_is_sound(capsys: Any) -> None:
    assert run("fetch") == 0
    assert capsys.readouterr().out.splitlines()
    with pytest.raises(BadInput, match="is not in"):
        run("fetch", "nothing")
