"""`msh annotate` on real pictures and a real video."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from engines.colour import from_bgr, to_bgr
from engines.detector import load_detector
from engines.paths import ROOT
from pipelines.offline.annotate import SILENT
from pipelines.offline.reader import probe_media, read_frames
from pipelines.outputs.disk import OutputFailed
from probes.redaction.redact import RedactionFailed
from scripts.demo.truth import PRICES, prices, total
from scripts.msh import main
from tests.fakes.printed import cameraman
from tests.fakes.video_file import H264, write_video
from tests.pipelines.settings.store_file import MINIMAL
from tests.scripts.demo import films as demo_films

pytestmark = pytest.mark.usefixtures("models_once")


def annotate(*args: object) -> int:
    return main(["annotate", *map(str, args)])


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """The frame of the demo's counter film in which the mark is read best, as a picture of 640 x 360."""
    clip = demo_films.clips()["counter"]
    number = max(clip.truth.prints, key=lambda n: clip.truth.prints[n][1].w)
    for index, (_, picture) in enumerate(read_frames(clip.path)):
        if index == number:
            path = tmp_path_factory.mktemp("in") / "customer.png"
            cv2.imwrite(str(path), to_bgr(picture.scaled(640, 360)))
            return path
    raise AssertionError("the film is shorter than its truth")


def test_pictures_get_items_totals_or_the_words_of_the_original_page(marked, tmp_path, capsys):
    empty = tmp_path / "coffee.jpg"
    cv2.imwrite(str(empty), skimage.data.coffee()[::2, ::2, ::-1])
    strip = tmp_path / "strip.png"
    cv2.imwrite(str(strip), np.random.default_rng(1).integers(0, 255, (3, 641, 3), np.uint8))
    turned = tmp_path / "turned.png"  # what is found where `--rotate` turns it, is found in one that stands
    cv2.imwrite(str(turned), np.rot90(cv2.imread(str(marked))))
    told = tmp_path / "out" / "j"  # in a folder that is made by the command itself
    more = ("-o", tmp_path / "out", "--catalogue", PRICES, "--json", told, "--rotate", "90")
    assert annotate(turned, empty, strip, *more) == 0
    out = capsys.readouterr().out
    assert "jacket (Burberry) €1,290; total €1,290" in out
    assert out.count("No person detected in the image") == 2
    found = json.loads(told.read_text())
    assert [len(entry["persons"]) for entry in found["files"]] == [1, 0, 0]
    assert found["files"][0]["persons"][0]["total"]["amount_minor"] == 129_000
    before, after = cv2.imread(str(marked)), cv2.imread(found["files"][0]["output"])
    assert before.shape == after.shape
    assert found["files"][0]["size"] == [before.shape[1], before.shape[0]]
    faces = load_detector("centerface")
    (bare,), (masked,) = faces.detect([from_bgr(before)]), faces.detect([from_bgr(after)])
    assert bare.scores.max() > 0.5
    assert masked.scores.max(initial=0) < 0.5


def test_a_symbol_tells_a_brand_without_a_word_and_a_brand_without_a_price(tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "printed.png"), cameraman("nike"))
    cv2.imwrite(str(tmp_path / "astronaut.png"), skimage.data.astronaut()[:, :, ::-1])
    (tmp_path / "p.csv").write_text(
        "brand,type,price,currency,valid_from\nFendi,handbag,900,EUR,2026-01-01\n"
    )
    args = ["-o", tmp_path / "out", "--catalogue", tmp_path / "p.csv", "--json", "-"]
    assert annotate(*(tmp_path / f"{n}.png" for n in ("printed", "astronaut")), *args) == 0
    said = capsys.readouterr()
    files = json.loads(said.out)["files"]
    assert [len(entry["persons"]) for entry in files] == [1, 1]
    items, plain = [entry["persons"][0]["items"] for entry in files]
    branded = [item for item in items if item["brand"]]
    assert [(item["slot"], item["brand"], item["price"]) for item in branded] == [("top", "nike", None)]
    assert {item["brand"] for item in plain} <= {None}, "worn, by type and colour alone"
    assert "(Nike)" in said.err
    assert "total €0" in said.err


def test_a_price_list_is_read_as_the_store_reads_it(tmp_path):
    """Without the store's currency, a list that leaves it to the store was refused."""
    (tmp_path / "preise.csv").write_text("Marke;Ware;VK\nGucci;handbag;1.975,50\n")
    notation = """{columns: {brand: Marke, type: Ware, price: VK}, decimal: ",", grouping: "."}"""
    (tmp_path / "store.yaml").write_text(
        f"{MINIMAL}prices: {{catalogue: preise.csv, format: {notation}}}\nbrands: {{only: [nike]}}\n"
    )
    args = ["-o", tmp_path / "out", "--config", tmp_path / "store.yaml", "--json", "-"]
    cv2.imwrite(str(tmp_path / "bare.png"), np.full((40, 40, 3), 128, np.uint8))
    assert annotate(tmp_path / "bare.png", *args) == 0


def test_only_the_brands_of_the_folder_are_looked_for(tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "printed.png"), cameraman("nike"))
    (tmp_path / "brands" / "umbra").mkdir(parents=True)
    (tmp_path / "brands" / "umbra" / "brand.yaml").write_text("name: Umbra\n")
    (tmp_path / "p.csv").write_text(
        "brand,type,price,currency,valid_from\nFendi,handbag,900,EUR,2026-01-01\n"
    )
    args = [tmp_path / "printed.png", "-o", tmp_path / "out", "--catalogue", tmp_path / "p.csv"]
    assert annotate(*args, "--brands", tmp_path / "brands") == 0
    out = capsys.readouterr().out
    assert "person 1: " in out
    assert "Nike" not in out


def test_a_video_keeps_every_frame_and_every_person(tmp_path, capsys):
    clip, frames = demo_films.clips()["entrance"], 28
    film = demo_films.cut(clip, tmp_path / "entrance.mp4", 150, frames)
    assert annotate(film, "-o", tmp_path / "out", "--catalogue", PRICES, "--json", "-") == 0
    (entry,) = json.loads(capsys.readouterr().out)["files"]
    made = probe_media(entry["output"])
    assert entry["frames"] == frames
    before, after = read(film), read(entry["output"])
    assert len(after) == frames
    assert distance(after[0], before[0]) < distance(after[0], before[-1])
    assert distance(after[-1], before[-1]) < distance(after[-1], before[0])
    assert (made.size, made.fps) == (probe_media(film).size, clip.truth.fps)
    worth = sorted(person["total"]["amount_minor"] for person in entry["persons"])
    assert worth[-1] == total(clip.truth.visits[0], prices())
    assert len(worth) >= 2
    assert set(worth[:-1]) == {0}


@pytest.mark.parametrize(("frames", "sound"), [(2, True), (4, True), (4, False)])
def test_a_film_whose_sound_is_left_out_is_told_so(frames, sound, tmp_path, capsys):
    track = " ! m. audiotestsrc num-buffers=20 ! audioconvert ! avenc_aac ! aacparse" * sound
    film = write_video(
        tmp_path / "a.mp4", frames=frames, encoder=f"{H264} ! h264parse{track}", mux="mp4mux name=m"
    )
    assert annotate(film, "-o", tmp_path / "out", "--json", "-") == 0
    said = capsys.readouterr()
    (entry,) = json.loads(said.out)["files"]
    assert entry.get("notes", []) == [SILENT] * sound
    assert (SILENT in said.err) == sound
    assert not probe_media(entry["output"]).sound


def read(film) -> list[np.ndarray]:
    return [to_bgr(picture) for _, picture in read_frames(film)]


def distance(picture: np.ndarray, other: np.ndarray) -> float:
    """Return how much two pictures differ, each pixel by 0 to 255 on average."""
    return float(cv2.absdiff(picture, np.ascontiguousarray(other)).mean())


def test_a_turned_picture_is_told_how_to_turn_it(marked, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "turned.png"), np.rot90(cv2.imread(str(marked))))
    asked = [tmp_path / "turned.png", "-o", tmp_path / "out", "--catalogue", PRICES, "--json", "-"]
    assert annotate(*asked) == 0
    (entry,) = json.loads(capsys.readouterr().out)["files"]
    assert "masked as it is, but not recognised: turn it (msh annotate --rotate 90)" in entry["notes"][0]


def test_a_video_is_turned_as_a_whole(tmp_path, capsys):
    film = demo_films.cut(demo_films.clips()["entrance"], tmp_path / "entrance.mp4", 100, 4)
    assert annotate(film, "-o", tmp_path / "out", "--rotate", 90, "--json", "-") == 0
    (entry,) = json.loads(capsys.readouterr().out)["files"]
    width, height = probe_media(film).size
    assert entry["frames"] + entry["withheld"] == 4
    assert entry["size"] == [height, width]
    assert probe_media(entry["output"]).size == (height, width)
    first, last = read(film)[0], read(entry["output"])[-1]
    clockwise, the_other_way = np.rot90(first, -1), np.rot90(first)
    assert distance(last, clockwise) < distance(last, the_other_way)


def test_one_bad_file_is_one_line_and_stops_no_other(tmp_path, capsys):
    bad = tmp_path / "in" / "bad.jpg"
    bad.parent.mkdir()
    bad.write_text("no picture")
    cv2.imwrite(str(tmp_path / "in" / "plain.png"), np.full((120, 160, 3), 90, np.uint8))
    assert annotate(bad.parent, "-o", tmp_path / "out") == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "bad.jpg" in said.err
    assert "No person detected in the image" in said.out
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["plain.png"]


def test_films_of_recorders_in_a_folder_are_not_passed_over(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for name in ("CH1.dav", "CH2.H264", "notes.txt"):
        (tmp_path / "in" / name).write_bytes(b"DHAV" + bytes(64))
    assert annotate(tmp_path / "in", "-o", tmp_path / "out") == 2
    said = capsys.readouterr().err.splitlines()
    assert ["a recorder's own format" in line for line in said] == [True, True]


def test_what_is_no_file_is_one_line_each_and_stops_no_other(tmp_path, monkeypatch, capsys):
    """A broken link, a pipe or an empty folder in a glob ended the batch before its first file."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("a-pipe")
    Path("b-folder").mkdir()
    Path("c.jpg").symlink_to("nowhere")
    cv2.imwrite("plain.png", np.full((120, 160, 3), 90, np.uint8))
    assert annotate(*sorted(Path().iterdir()), "-o", "out", "--json", "found.json") == 2
    said = capsys.readouterr()
    assert [line.split(":")[1].strip() for line in said.err.splitlines()] == ["a-pipe", "b-folder", "c.jpg"]
    assert "No person detected in the image" in said.out
    files = json.loads(Path("found.json").read_text())["files"]
    assert ["error" in file for file in files] == [True, True, True, False]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["missing.jpg", "-o", "out"], "there is no such file"),
        ([".", "-o", "out"], "holds no picture and no video"),
        (["pipe", "-o", "out"], "pipe: is no file"),
        (["a.png", "-o", "a.png"], "-o takes a folder"),
        (["a.png", "-o", "out", "--catalogue", "none.csv"], "none.csv"),
        (["a.png", "-o", "out", "--brands", "none"], "none: cannot be read"),
        (["a.png", "-o", "out", "--config", "none.yaml"], "none.yaml"),
    ],
)
def test_a_wrong_call_is_one_clear_line(args, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    if "a.png" in args:
        cv2.imwrite("a.png", np.zeros((64, 64, 3), np.uint8))
    assert annotate(*args) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "error", [OutputFailed("a.mp4: not complete"), RedactionFailed("no mask"), OSError(28, "full")]
)
def test_a_copy_that_cannot_be_made_is_one_line(error, tmp_path, monkeypatch, capsys):
    def job(*_):
        raise error

    monkeypatch.setattr("scripts.commands.annotate._annotate", job)
    monkeypatch.setattr("scripts.commands.annotate._job", lambda _: None)
    cv2.imwrite(str(tmp_path / "a.png"), cameraman())
    assert annotate(tmp_path / "a.png", "-o", tmp_path / "out") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert str(error) in line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_leaves_what_was_found_until_then(number, tmp_path):
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.full((64, 64, 3), 40, np.uint8))
    waits = (  # for ever, with the second picture
        "import signal, threading; from pipelines.offline import annotate; from scripts.msh import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "real = annotate.probe_media\n"
        "annotate.probe_media = lambda path: real(path) if path.stem == 'a' else threading.Event().wait()\n"
        "raise SystemExit(main())"
    )
    call = ("annotate", tmp_path, "-o", tmp_path / "out", "--json", tmp_path / "found.json")
    with subprocess.Popen(
        [sys.executable, "-u", "-c", waits, *map(str, call)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            assert "a.png" in child.stdout.readline()
            child.send_signal(number)
            said = child.communicate(timeout=120)[1]
        finally:
            child.kill()
    assert child.returncode == 128 + number
    (entry,) = json.loads((tmp_path / "found.json").read_text())["files"]
    assert entry["output"] == str(tmp_path / "out" / "a.png")
    assert said == "msh annotate: stopped: 1 of 2 files are done\n"


def test_two_inputs_of_one_name_get_two_copies_and_no_source_is_overwritten(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "x.png"), np.full((64, 64, 3), 40, np.uint8))
    before = (tmp_path / "a" / "x.png").read_bytes()
    assert annotate(tmp_path / "a" / "x.png", tmp_path / "b" / "x.png", "-o", tmp_path / "a") == 0
    assert (tmp_path / "a" / "x.png").read_bytes() == before
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["x-2.png", "x-3.png", "x.png"]


def test_names_as_long_as_can_be_have_copies_whose_names_fit(tmp_path, capsys):
    long = "ü" * 125
    inputs = [tmp_path / f"{long}a.png", tmp_path / "b" / f"{long}a.png", tmp_path / ("ä" * 127 + "a")]
    inputs[1].parent.mkdir()
    for path in inputs:
        path.write_bytes(cv2.imencode(".png", np.full((64, 64, 3), 40, np.uint8))[1].tobytes())
    inputs.append(write_video(tmp_path / "film.mp4", frames=4).rename(tmp_path / f"{long}a.mp4"))
    assert annotate(*inputs, "-o", tmp_path / "out", "--json", "-") == 0
    copies = [entry["output"] for entry in json.loads(capsys.readouterr().out)["files"]]
    names = [f"{long}a.png", f"{'ü' * 124}-2.png", f"{'ä' * 125}.png", f"{long}a.mp4"]
    assert copies == [str(tmp_path / "out" / name) for name in names]
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(names)


@pytest.mark.parametrize(("name", "out", "rc"), [(b"caf\xe9.mp4", b"out", 0), (b"a.mp4", b"\xe9", 2)])
def test_a_film_whose_name_is_no_utf8_has_a_copy_of_that_name(name, out, rc, tmp_path, capsys):
    path, folder = (tmp_path / os.fsdecode(part) for part in (name, out))
    write_video(tmp_path / "film.mp4", frames=4).rename(path)
    assert annotate(path, "-o", folder) == rc
    assert [os.fsencode(copy.name) for copy in folder.iterdir()] == [name][: rc == 0]
    assert ("folder's name is not UTF-8" in capsys.readouterr().err) is (rc == 2)


def test_beside_the_inputs_nothing_is_overwritten_and_elsewhere_a_second_run_replaces_the_first(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("x.png", "x-2.png"):  # as phones and programs name a second picture
        cv2.imwrite(name, np.full((64, 64, 3), 40, np.uint8))
    before = (tmp_path / "x-2.png").read_bytes()
    for folder in (".", "out", "out"):
        assert annotate("x.png", "-o", folder) == 0
    assert (tmp_path / "x-2.png").read_bytes() == before
    assert sorted(p.name for p in tmp_path.glob("*.png")) == ["x-2.png", "x-3.png", "x.png"]
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["x.png"]
