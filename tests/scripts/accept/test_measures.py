"""What scripts/acceptance measures on a box: the judging, and the measuring where no GPU is needed."""

from __future__ import annotations

import json
import os
import socket
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from engines.colour import from_bgr, to_bgr
from engines.manifest import find_model, read_manifest
from engines.tensorrt.agreement import Agreement
from engines.tensorrt.build import WantedEngine
from engines.tensorrt.engine_key import EnginePrecision
from probes.frame import Box, Detection, Frame, Kind
from probes.redaction.redact import Redactor
from scripts.accept import child, clip, detectors, faces, memory, outage
from scripts.accept.outage import BACK_S, Phase
from scripts.demo.encode import write_mp4
from scripts.demo.footage import ASSETS
from tests.engines.tensorrt.test_build import maker
from tests.fakes.acceptance_child import EVERY_ANSWER_S, NONE_S, Camera
from tests.fakes.tensorrt_package import FakeGpu, fake_tensorrt, find
from tests.waiting import wait_for

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

FPS = 10.0


@pytest.fixture(scope="module")
def portrait() -> Any:
    return cv2.imread(str(ASSETS / "astronaut.jpg"))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, portrait: Any) -> Path:
    """Six frames of the portrait, first small, then large."""
    path, frames = tmp_path_factory.mktemp("film") / "film.mp4", []
    for size in (200, 400):
        frame = np.full((480, 640, 3), 96, np.uint8)
        frame[:size, :size] = cv2.resize(portrait, (size, size))
        frames += [frame] * 3
    write_mp4(frames, (640, 480), 10, path)
    return path


def masked(film: Path, folder: Path, face: Any, *, solid: bool) -> Path:
    """Return a picture of the film as the redactor of the CPU lets it out."""
    capture = cv2.VideoCapture(str(film))
    _, frame = capture.read()
    capture.release()
    left, top, right, bottom = face
    found = (Detection(Kind.FACE, "face", 0.9, Box(left, top, right - left, bottom - top)),)
    pixels = from_bgr(frame)
    kinds = frozenset({Kind.PERSON, Kind.FACE})
    redactor = Redactor(method="solid" if solid else "pixelate", margin=0.25, hold_ms=0)
    done = redactor.redact(Frame("c", 1, (pixels.width, pixels.height), found, kinds), pixels)
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "out.jpg"), to_bgr(done.pixels))
    return folder / "out.jpg"


def test_faces_are_measured_at_three_sizes_before_and_after(
    tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces, "FILM_S", 1)  # stills: only their first frame is looked at
    monkeypatch.setattr(faces, "FILM_FPS", 2)
    find = faces.face_finder()
    best = faces.best_face(film, find)
    assert best is not None
    stills = {f"face-{height}": faces.at_height(*best, height)[1] for height in faces.HEIGHTS}

    for solid in (True, False):

        def left(still: Path, folder: Path, solid: bool = solid) -> Path:
            return masked(still, folder, stills[still.stem], solid=solid)

        check = faces.check(film, tmp_path, find, left)
        assert check.good, check
    assert set(check.data["sizes"]) == {"32", "64", "128"}
    assert all(size["contrast"] > 20 for size in check.data["sizes"].values())

    def open_(still: Path, folder: Path) -> Path:
        return masked(still, folder, (0, 0, 8, 8), solid=True)

    check = faces.check(film, tmp_path, find, open_)
    assert not check.good
    assert all(size["left"] > 0.9 for size in check.data["sizes"].values())
    assert "32 px" in faces.check(film, tmp_path, find, lambda _film, _folder: None).found


def test_the_face_is_where_it_is_said_to_be(portrait: Any) -> None:
    (face,) = faces.face_finder()(portrait)
    for height in faces.HEIGHTS:
        still, box = faces.at_height(portrait, face, height)
        assert still.shape == (720, 1280, 3)
        assert box[3] - box[1] == pytest.approx(height, abs=0.01)
        assert faces.contrast(still, box) > 20
        dim = (still // 2 + 30).astype(np.uint8)
        shown = [faces.contrast_shown(still, after, box) for after in (still, dim, still * 0)]
        assert shown == pytest.approx([1, 0.5, 0], abs=0.01)


@pytest.mark.parametrize(
    ("measured", "missing", "said"),
    [
        ({32: (40.0, 0.05), 64: (40.0, 0.1)}, (), "5% at 32 px, 10% at 64 px"),
        ({32: (40.0, 0.5)}, (), "50% at 32 px; at most 30%"),
        ({32: (4.0, 0.0)}, (), "has no contrast"),
        ({32: (40.0, 0.05), 64: (40.0, 0.0, 0.1)}, (), "shows nothing around faces of 64 px"),
        ({32: (40.0, 0.0)}, (64,), "no picture came for faces of 64 px"),
        ({}, (), "no picture came"),
    ],
)
def test_judging_faces(measured: Any, missing: Any, said: str) -> None:
    check = faces.judge({height: faces.Measured(*one) for height, one in measured.items()}, missing)
    assert said in check.found
    assert check.good == said.startswith("5%")


def run_of(away: dict[str, list[tuple[float, float]]], until: float = 180.0, rate: float = FPS) -> Any:
    """Return samples of three cameras, of which each is away in some spans."""
    counts, samples = dict.fromkeys(("a", "b", "c"), 0.0), []
    for second in range(int(until) + 1):
        for camera in counts:
            gone = any(begin <= second < end for begin, end in away.get(camera, ()))
            counts[camera] += 0 if gone else rate
        samples.append((float(second), {camera: int(count) for camera, count in counts.items()}))
    return samples


ONE, ALL = (
    Phase("one camera unplugged", ["a"], 20, 35),
    Phase("all cameras unplugged", ["a", "b", "c"], 90, 105),
)
GOOD = {"a": [(20.0, 40.0), (90.0, 115.0)], "b": [(90.0, 110.0)], "c": [(90.0, 107.0)]}


@pytest.mark.parametrize(
    ("away", "until", "said"),
    [
        (GOOD, 180.0, "back after 5 s, all cameras unplugged: back after 10 s"),
        ({**GOOD, "b": [(22.0, 30.0)]}, 180.0, "one camera unplugged: b lost frames"),
        ({**GOOD, "a": [(20.0, 500.0)]}, 180.0, "a did not come back"),
        ({**GOOD, "a": [(20.0, 40.0), (41.0, 500.0)]}, 180.0, "a did not come back"),  # one late frame
        ({**GOOD, "c": [(90.0, 105.0 + BACK_S + 5)]}, 180.0, "c did not come back"),
        (GOOD, 60.0, "the program ended before its time"),
    ],
)
def test_judging_outages(away: Any, until: float, said: str) -> None:
    check = outage.judge(run_of(away, until), [ONE, ALL], FPS)
    assert said in check.found
    assert check.good == said.startswith("back after")
    assert not outage.judge([], [ONE], FPS).good
    assert outage.judge(run_of(GOOD, rate=4), [ONE, ALL], FPS).good


@pytest.mark.parametrize(
    ("grow", "of_card", "until", "said"),
    [
        (0.0, None, 3600, "600 MB to 600 MB in 60 minutes; a card's memory could not be read"),
        (0.0, 0.0, 3600, "600 MB to 600 MB in 60 minutes; the card's 2000 MB to 2000 MB"),
        (40.0, 0.0, 3600, "615 MB to 635 MB"),
        (400.0, 0.0, 3600, "it grows"),
        (0.0, 400.0, 3600, "it grows: 600 MB to 600 MB in 60 minutes; the card's 2149 MB to 2351 MB"),
        (0.0, 0.0, 600, "ended"),
    ],
)
def test_judging_memory(grow: float, of_card: float | None, until: int, said: str) -> None:
    times = [float(at) for at in range(0, until + 1, 10)]
    samples = [(at, {}, 600 + grow * at / 3600 + (300 if at < 60 else 0)) for at in times]
    card = [] if of_card is None else [(at, 2000 + of_card * at / 3600) for at in times]
    check = memory.judge({"samples": samples, "gpu_samples": card}, 3600)
    assert said in check.found
    assert check.good == (not said.startswith(("it grows", "ended")))


def test_a_run_that_fails_says_nothing_good_of_memory() -> None:
    check = memory.judge({"error": "ended before its time: no memory"}, 3600)
    assert (check.good, check.found) == (False, "the run ended: ended before its time: no memory")


def test_the_cards_memory_is_what_the_driver_says() -> None:
    answers = ("1830\n20", "[N/A]", None, "")
    assert [child.cards_mb(lambda _, said=said: said) for said in answers] == [1850, None, None, None]


def test_a_run_is_measured_from_when_its_engines_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    class Box:
        now, failed = 0.0, False
        build_s, first_s = 900.0, 902.0

        @property
        def starting(self) -> str:
            return "building engine" if self.now < self.build_s else ""

        @property
        def processed(self) -> dict[str, int]:
            return {"camera-1": int(self.now >= self.first_s)}

        def sleep(self, seconds: float) -> None:
            self.now += seconds

    waited = []
    for first_s in (902.0, float("inf")):
        box = Box()
        box.first_s = first_s
        clock = SimpleNamespace(monotonic=lambda box=box: box.now, sleep=box.sleep)
        monkeypatch.setattr(child, "time", clock)
        child._wait_for_frames(SimpleNamespace(platform=box))  # type: ignore[arg-type]  # a fake
        waited.append(box.now)
    assert waited == pytest.approx([902, 900 + child.FIRST_FRAME_S], abs=1)


def test_who_waits_for_a_run_leaves_it_the_time_to_build_engines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    def run(command: list[str], *, timeout: float, **_: Any) -> Any:
        given.append(timeout)
        raise clip.subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(clip.subprocess, "run", run)
    errors = [clip.play(tmp_path / "store.yaml", on, 30)["error"] for on in ("cpu", "deepstream")]
    assert given == [150, 150 + clip.BUILD_S]
    assert errors == ["did not end 120 s after its time", "did not end 3720 s after its time"]


def agreement(found: int, clear: int = 100) -> Agreement:
    return Agreement(40, clear, found, 100, 100, 0.95, 0.01)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"a": agreement(100), "b": agreement(98)}, "a: 100 of 100"),
        ({"a": agreement(100), "b": agreement(80)}, "b differ from the CPU"),
        ({"a": agreement(3, 3)}, "too little was seen"),
        ({}, "too little was seen"),
    ],
)
def test_judging_detectors(found: Any, said: str) -> None:
    check = detectors.judge(found)
    assert said in check.found
    assert check.good == said.startswith("a: 100")


def test_the_cpu_reference_sees_the_face(tmp_path: Path, film: Path) -> None:
    model = find_model(clip.MODELS[1], read_manifest())
    pictures = detectors.frames_of(film, tmp_path, 4)
    assert len(pictures) == 4
    seen = list(detectors.detect(detectors.on_cpu(model), model, pictures, detectors.thresholds_of(model)))
    assert [len(one) for one in seen] == [1, 1, 1, 1]


def test_streams_with_and_without_our_probe() -> None:
    def box(capacity: float) -> Any:
        def run(count: int) -> dict[str, Any]:
            each = min(10.0, capacity / count) * 10
            return {
                "seconds": 10.0,
                "cameras": {n: {"processed": each} for n in range(count)},
                "stages_ms": {},
            }

        return run

    check = clip.streams(box(100), 10, box(200))
    assert check.found == "8 cameras at 10 frames a second; 16 with a probe that only counts"
    assert check.data["bare"]["best"] == 16
    assert not clip.streams(box(1), 10, box(200)).good


def test_our_own_cameras_serve_a_film_and_their_addresses_go_into_the_store_file(
    tmp_path: Path, film: Path
) -> None:
    servers: dict[str, subprocess.Popen[str]] = {}
    try:
        url, port = outage._serve(servers, "camera-1", film, 0)
        assert url.startswith(f"rtsp://127.0.0.1:{port}/")
        store = clip.store_file(tmp_path, film, tmp_path / "prices.csv", 1, FPS)
        outage.write_store(store, {"camera-1": url}, FPS)
        assert url in store.read_text()
        with pytest.raises(OSError, match="does not start"):
            outage._serve(servers, "camera-2", tmp_path / "none.mp4", 0)
    finally:
        for server in servers.values():
            server.kill()
            server.wait()


@pytest.mark.parametrize(("cpu", "said"), [("", "clear detections kept"), ("invents", "differ from the CPU")])
def test_engines_are_run_beside_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpu: str, said: str
) -> None:
    """On a stand-in for TensorRT: built, run through its memory, decoded, compared with what the CPU sees."""
    gpu, pictures = FakeGpu(), []
    for number in range(10):
        picture = np.full((416, 416, 3), 10, np.uint8)
        for quarter in range(4):
            top, left = 208 * (quarter // 2) + 20 + number, 208 * (quarter % 2) + 30
            picture[top : top + 120, left : left + 90] = 230
        pictures.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(pictures[-1]), picture)
    monkeypatch.setattr(detectors, "open_cuda", lambda: gpu)
    monkeypatch.setattr(detectors, "load_tensorrt", lambda: fake_tensorrt(gpu))
    monkeypatch.setattr(detectors, "on_cpu", lambda _model: lambda tensor: find(tensor, cpu))
    model = find_model("nanodet-416", read_manifest())
    builder, _ = maker(tmp_path / "engines")
    built, _ = builder.build(WantedEngine(model, EnginePrecision.FP16, 2))
    check = detectors.check({model.name: str(built.path)}, pictures, 2)
    assert said in check.found
    assert check.good == (not cpu)
    assert not detectors.check({model.name: str(tmp_path / "none.engine")}, pictures, 2).good


def test_outages_are_made_and_measured(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On real RTSP cameras, with a stand-in for the program that counts while they are there."""
    for name, seconds in {"AWAY_S": 1.0, "STEADY_S": 2.0, "BACK_S": 600.0, "STORE_S": 1200.0}.items():
        monkeypatch.setattr(outage, name, seconds)
    monkeypatch.setattr(outage, "CHILD", "tests.fakes.acceptance_child")
    store = clip.store_file(tmp_path, film, tmp_path / "none.csv", 1, FPS)
    cut_off = iter((1, outage.CAMERAS, outage.CAMERAS))

    def pause(seconds: float) -> None:
        """End when the stand-in has seen a few times what the pause is for."""
        away = next(cut_off) if seconds == outage.AWAY_S else 0

        def is_seen() -> bool:
            try:
                looks = json.loads(store.with_suffix(".outage.looks").read_text()).values()
            except FileNotFoundError:
                return False
            return sum(n <= -5 for n in looks) == away and sum(n >= 5 for n in looks) == len(looks) - away

        wait_for(is_seen, 300)

    monkeypatch.setattr(outage, "time", SimpleNamespace(monotonic=time.monotonic, sleep=pause))
    check = outage.check(store, film, "cpu", FPS)
    assert check.good, check
    assert set(check.data["back_s"]) == set(outage.PHASES)
    monkeypatch.setattr(outage, "CHILD", "tests.fakes.no_such_module")
    assert "does not play" in outage.check(store, film, "cpu", FPS).found


def test_a_camera_that_runs_and_serves_nothing_is_not_there() -> None:
    """Not for a moment's silence: the port is shut, or nobody answers."""
    for shut in (True, False):
        with socket.create_server(("127.0.0.1", 0)) as server:
            camera = Camera("door", f"rtsp://127.0.0.1:{server.getsockname()[1]}/door", 10, os.getpid())
            camera.look(0.0)
            line, _ = server.accept()
            with line:
                line.sendall(b"RTSP/1.0 200 OK\r\n\r\n")
                wait_for(lambda: camera.look(0.0) or camera.looks > 0)  # noqa: B023 called at once
            camera.look(EVERY_ANSWER_S / 2)
            assert camera.looks > 0
            if shut:
                server.close()
            else:
                camera.look(EVERY_ANSWER_S)
                camera.look(NONE_S)
                assert camera.looks > 0
            camera.look(2 * NONE_S)
            assert camera.looks < 0
