"""scripts/acceptance: what can be run where there is no DeepStream, and the judging of what cannot."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest

from engines.deepstream.nvinfer_config import MARK_OUTPUTS
from engines.manifest import read_manifest
from engines.marks.network import MarkFinder
from engines.openvino_runtime import EXACT
from engines.paths import ROOT
from pipelines.deepstream.checks.contract import load_contract
from pipelines.deepstream.graph.capabilities import Capabilities, Device
from pipelines.deepstream.runtime.elements import Gst
from pipelines.graph.graph import Element, PipelineGraph
from scripts.accept import __main__ as acceptance
from scripts.accept import clip, machine, marks
from scripts.accept.elements import element_checks
from scripts.check_result import CheckLevel, CheckResult, fail, ok
from tests.fakes.tensorrt_package import FakeGpu, fake_tensorrt

if TYPE_CHECKING:
    from pathlib import Path

RESULT: dict[str, Any] = {
    "platform": "cpu",
    "seconds": 10.0,
    "frames": 100,
    "cameras": {"camera-1": {"processed": 100, "dropped": 0, "persons": 4, "items": 4, "total_minor": 40000}},
    "detections": {"person": 200.0, "face": 150.0},
    "masked": {"detector": 150.0, "hold": 30.0, "head_estimate": 20.0},
    "redaction_failures": 0.0,
    "stages_ms": {"probe": 1.5},
    "samples": [(second, {}, 500.0) for second in range(11)],
}


def test_here_it_says_what_is_missing_and_still_writes_the_report(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = subprocess.run(
        [str(ROOT / "scripts" / "acceptance"), "--dry-run", "--report", str(report)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "fail  driver: no NVIDIA driver answers"
    assert lines[1].startswith("      install it")
    assert any(line.startswith("fail  tensorrt: TensorRT's Python package") for line in lines)
    assert any(line.startswith("fail  element nvinfer: GStreamer does not have it") for line in lines)
    assert any(line.startswith("ok    element queue: ") for line in lines)
    assert "skipped  clip: needs driver, deepstream" in done.stdout
    assert "skipped  marks: needs driver, deepstream" in done.stdout
    content = json.loads(report.read_text())
    assert (content["schema"], content["accepted"]) == ("msh.acceptance/1", False)
    assert content["checks"][0]["outcome"] == "failed"
    said = [line.split("  ", 1)[1].strip().split(":")[0] for line in lines[:-1] if not line.startswith(" ")]
    assert [check["name"] for check in content["checks"]] == said


def test_bad_calls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert acceptance.main(["--clip", str(tmp_path / "none.mp4")]) == 2
    assert "is not a file" in capsys.readouterr().err
    monkeypatch.setattr(acceptance, "all_checks", lambda _: [ok("one", "fine")])
    assert acceptance.main(["--report", str(tmp_path / "no" / "r.json")]) == 2
    assert "No such file or directory; name another file" in capsys.readouterr().err


def box(root: Path, version: str = "7.1", *, tegra: bool = False, libraries: bool = True) -> Path:
    folder = root / "opt/nvidia/deepstream/deepstream"
    (folder / "lib").mkdir(parents=True)
    (folder / "version").write_text(f"DeepStreamSDK {version}.0\n")
    for library in machine.LIBRARIES if libraries else ():
        (folder / "lib" / library).touch()
    (root / "etc").mkdir()
    if tegra:
        (root / "etc/nv_tegra_release").write_text("# R36 (release), REVISION: 4.0\n")
    return root


def checks(root: Path, smi: str | None = None) -> dict[str, CheckResult]:
    return {check.name: check for check in machine.machine_checks(root, lambda _: smi)}


@pytest.mark.parametrize(
    ("how", "smi", "driver", "deepstream"),
    [
        ({}, "NVIDIA L4, 550.1, 23034 MiB, 8.9", "NVIDIA L4, 550.1, 23034 MiB, 8.9", "7.1"),
        ({"tegra": True}, None, "Jetson Linux R36 (release), REVISION: 4.0", "7.1"),
        ({"version": "9.1"}, None, "no NVIDIA driver answers", "9.1"),
        ({"version": "6.4"}, None, "no NVIDIA driver answers", "6.4 is not supported"),
        ({"libraries": False}, None, "no NVIDIA driver answers", "7.1 lacks libnvds_nvmultiobjecttracker.so"),
    ],
)
def test_the_box(tmp_path: Path, how: dict[str, Any], smi: str | None, driver: str, deepstream: str) -> None:
    found = checks(box(tmp_path, **how), smi)
    assert found["driver"].found == driver
    assert found["driver"].good == (smi is not None or how.get("tegra", False))
    assert found["deepstream"].found.startswith(deepstream)
    assert found["deepstream"].good == (" " not in deepstream)


def test_gpu_and_packages_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "load_tensorrt", lambda: fake_tensorrt(FakeGpu(), version="10.3.0"))
    monkeypatch.setattr(machine, "open_cuda", FakeGpu)
    monkeypatch.setattr("probes.nvds.pyds_meta.load_pyds", lambda: None)
    found = checks(box(tmp_path), "GPU")
    assert all(check.good for check in found.values())
    assert found["cuda"].data == {"gpu": "Orin", "capability": [8, 7]}
    assert machine.deepstream_version(tmp_path) == (7, 1)


def test_the_report_holds_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQTT_PASSWORD", "hunter2")
    assert "hunter2" not in json.dumps(machine.about())


def stock(factory: str, properties: dict[str, Any]) -> CheckResult:
    graph = PipelineGraph((Element("x", factory, properties),), ())
    contract = load_contract(Capabilities(Device.DGPU))
    (check,) = element_checks(graph, contract)
    return check


def test_elements_as_expected() -> None:
    Gst.init(None)
    check = stock("queue", {"max-size-buffers": 2})
    assert check.good
    assert check.data["differences"] == {}


def test_elements_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    Gst.init(None)
    contract = load_contract(Capabilities(Device.DGPU))  # one for the process: what it has worked out, too
    facts = contract._facts
    monkeypatch.setattr(contract, "_properties", {})
    changed = dict(facts["queue"]["properties"])
    changed["max-size-buffers"] = {"type": "int64", "min": 5}
    changed["leaky"] = {"type": "enum", "values": {"sideways": 9}}
    changed["absent"] = {"type": "int"}
    monkeypatch.setitem(facts["queue"], "properties", changed)
    assert stock("queue", {"max-size-bytes": 0}).good  # it does not set what differs
    for key in ("max-size-buffers", "leaky", "absent"):
        check = stock("queue", {key: 1})
        assert check.found == f"differs in {key}"
        assert set(check.data["differences"]) == {"max-size-buffers", "leaky", "absent"}
    assert stock("nvinfer", {}).level is CheckLevel.FAIL


def changed(**how: Any) -> dict[str, Any]:
    return {**RESULT, **how}


@pytest.mark.parametrize(
    ("gpu", "said"),
    [
        (RESULT, "as on the CPU"),
        (changed(masked={"detector": 300.0}), "as on the CPU"),  # more is no fault
        (changed(detections={"person": 150.0}), "people a frame 1.50 instead of 2.00"),
        (changed(masked={"detector": 180.0}), "masked heads a frame 1.80 instead of 2.00"),
        (changed(redaction_failures=2.0), "2 frames could not be masked"),
        (changed(frames=0), "no frame was analysed"),
        (changed(frames=49), "49 frames analysed, 100 on the CPU: too few to compare"),
        ({"error": "no element nvinfer"}, "DeepStream: no element nvinfer"),
        (
            changed(cameras={"c": {"processed": 100, "persons": 4, "total_minor": 10000}}),
            "mean total 2500 instead of 10000",
        ),
    ],
)
def test_comparing_with_the_cpu(gpu: dict[str, Any], said: str) -> None:
    check = clip.compare(gpu, RESULT)
    assert said in check.found
    assert check.good == (said == "as on the CPU")
    assert check.data["cpu"] == RESULT


@pytest.mark.parametrize(
    "nobody", [changed(detections={"face": 150.0}), changed(masked={}), changed(detections={"person": 9.0})]
)
def test_a_clip_without_people_says_nothing(nobody: dict[str, Any]) -> None:
    check = clip.compare(nobody, nobody)
    assert (check.good, check.mend) == (False, "name a clip with more people: --clip FILE")


@pytest.mark.parametrize(
    ("capacity", "best", "found"),
    [
        (200, 16, "16 cameras at 10 frames a second"),
        (1000, 32, "32 cameras at 10 frames a second or more"),
        (9, 0, "not even one"),
    ],
)
def test_how_many_streams(capacity: float, best: int, found: str) -> None:
    def run(count: int) -> dict[str, Any]:
        each = min(10.0, capacity / count) * 10
        return {"seconds": 10.0, "cameras": {n: {"processed": each} for n in range(count)}, "stages_ms": {}}

    check = clip.streams(run, 10)
    assert check.found == found or not best
    assert check.found.startswith(found)
    assert check.data["best"] == best
    assert [clip.streams(run, 10, wanted=n).good for n in (best, 2 * best)] == [best > 0, capacity == 1000]


def test_streams_that_fail_end_the_search() -> None:
    check = clip.streams(lambda count: {"error": "out of memory"} if count == 1 else RESULT, 10)
    assert (check.good, check.found) == (False, "out of memory")


@pytest.mark.parametrize(("wanted", "good"), [(0, False), (4, True), (6, False)])
def test_a_run_that_fails_is_no_limit_unless_enough_cameras_are_served(wanted: int, good: bool) -> None:
    check = clip.streams(lambda count: {"error": "out of memory"} if count > 4 else RESULT, 10, wanted=wanted)
    assert check.good == good
    assert check.found.startswith("4 cameras at 10 frames a second; with more: out of memory")


def test_a_probe_that_only_counts_and_does_not_run_is_no_comparison() -> None:
    check = clip.streams(lambda _: RESULT, 10, lambda _: {"error": "no such property"})
    assert (check.good, check.data["best"]) == (False, 32)
    assert "with a probe that only counts: no such property" in check.found


def test_a_report_of_checks_that_were_not_all_made_accepts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    report, film = tmp_path / "r.json", tmp_path / "till-of-anna.mp4"
    film.touch()

    def some(error: BaseException) -> Any:
        yield ok("one", "fine")
        raise error

    for error in (KeyboardInterrupt(), RuntimeError(f"{film} in {tmp_path}")):
        monkeypatch.setattr(acceptance, "all_checks", lambda _, error=error: some(error))
        monkeypatch.setenv("HOME", str(tmp_path))
        assert acceptance.main(["--report", str(report), "--clip", str(film)]) == 1
        text = report.read_text()
        content = json.loads(text)
        assert (content["accepted"], content["complete"]) == (False, False)
        assert "anna" not in text
        assert str(tmp_path) not in text
    assert content["checks"][-1]["found"] == "RuntimeError: CLIP in ~"
    assert "not accepted: not all checks were made" in capsys.readouterr().out


def test_a_run_that_cannot_start_is_one_line(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.touch()
    store = clip.store_file(tmp_path, film, tmp_path / "none.csv", 2, 10)
    assert "prices.catalogue: there is no such file" in clip.play(store, "cpu", 1)["error"]


@cache
def compiled_marks() -> Any:
    return ov.Core().compile_model(str(read_manifest()["marks"].path), "CPU", EXACT)


def on_cpu(tensor: np.ndarray) -> list[np.ndarray]:
    """Return what the model of marks answers, from OpenVINO."""
    request = compiled_marks().create_infer_request()
    answer = {key.get_any_name(): values for key, values in request.infer([tensor]).items()}
    return [answer[name] for name in MARK_OUTPUTS]


class Engine:
    """Runs the model of marks with a fault."""

    def __init__(self, fault: str) -> None:
        self._fault = fault

    def infer(self, tensor: np.ndarray) -> list[np.ndarray]:
        boxes, scores, vectors = on_cpu(tensor)
        if self._fault == "shifts":
            boxes = boxes + 9
        if self._fault == "other vectors":
            vectors = np.roll(vectors, 1, axis=2)
        return [boxes, scores, vectors]


@pytest.mark.parametrize(
    ("fault", "said"),
    [("", "100% of"), ("shifts", "90% and 0.97 are needed"), ("other vectors", "found again, vectors -0")],
)
def test_the_brand_model_is_judged_by_the_cpu(fault: str, said: str) -> None:
    shown = marks.pictures(320, 480)
    check = marks.compare(Engine(fault), MarkFinder().find, shown)  # type: ignore[arg-type]  # a fake
    assert said in check.found
    assert check.good == (not fault)


def test_without_anything_to_compare_nothing_is_said_to_be_good() -> None:
    blank = [np.full((480, 320, 3), 90, np.uint8)]
    check = marks.compare(Engine(""), MarkFinder().find, blank)  # type: ignore[arg-type]  # a fake
    assert (check.good, check.found) == (False, "the CPU found nothing to compare")


def test_all_the_way_on_a_box_that_has_it_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = FakeGpu()
    film = tmp_path / "film.mp4"
    film.touch()
    played: list[tuple[str, str]] = []

    def play(store: Path, platform: str, seconds: float) -> dict[str, Any]:
        played.append((store.name, platform))
        return {**RESULT, "samples": [(second, {}, 500.0) for second in range(61)]}

    monkeypatch.setattr(machine, "machine_checks", lambda: [ok(name, "there") for name in acceptance.NEEDED])
    monkeypatch.setattr(acceptance, "graph_checks", lambda: [ok("graph", "sound")])
    monkeypatch.setattr(acceptance, "open_cuda", lambda: gpu)
    monkeypatch.setattr(acceptance, "load_tensorrt", lambda: fake_tensorrt(gpu, marks=on_cpu))
    monkeypatch.setattr(clip, "play", play)
    for module in (acceptance.detectors, acceptance.faces, acceptance.outage):
        name = module.__name__.rsplit(".", 1)[-1]
        monkeypatch.setattr(module, "check", lambda *_, name=name: ok(name, "as it should"))
    monkeypatch.setattr(acceptance.faces, "face_finder", lambda: None)
    monkeypatch.setattr(acceptance.detectors, "frames_of", lambda *_: [])
    monkeypatch.setenv("MSH_ENGINES", str(tmp_path / "engines"))
    report = tmp_path / "r.json"
    assert (
        acceptance.main(["--clip", str(film), "--report", str(report), "--seconds", "10", "--minutes", "1"])
        == 0
    )
    found = {check["name"]: check for check in json.loads(report.read_text())["checks"]}
    assert played[:3] == [
        ("store-1.yaml", "deepstream"),
        ("store-1.yaml", "cpu"),
        ("store-1.yaml", "deepstream"),
    ]
    assert found["streams"]["found"].startswith("32 cameras at 10 frames a second or more; 32 with a probe")
    assert found["memory"]["found"].startswith("500 MB to 500 MB in 1 minutes; a card's memory could not be")
    assert acceptance.main(["--clip", str(film), "--report", str(report), "--minutes", "0"]) == 1
    assert "not watched: --minutes 0" in report.read_text()
    assert found["engines"]["data"]["centerface"]["fresh"] is True
    assert found["marks"]["found"].startswith("100% of")
    assert (tmp_path / "engines" / "deepstream" / "centerface.yml").is_file()
    monkeypatch.setattr(acceptance, "load_tensorrt", lambda: fake_tensorrt(gpu, fails="build"))
    assert acceptance.main(["--clip", str(film), "--report", str(report), "--anew"]) == 1
    assert fail("x", "y").good is False
    assert "TensorRT built no engine" in report.read_text()
