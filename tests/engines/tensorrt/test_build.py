"""Building engines with a fake TensorRT that has the real one's API."""

from __future__ import annotations

import hashlib
import inspect
import json
from enum import Enum
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from engines.errors import BadInput, BuildFailed, InferenceFailed
from engines.manifest import ChannelOrder, Decoder, Input, Model, Origin, read_manifest
from engines.tensorrt import calibration
from engines.tensorrt.build import EngineBuilder, WantedEngine
from engines.tensorrt.calibration import Frames, read_picture, to_tensor
from engines.tensorrt.compiler import check_version, load_tensorrt
from engines.tensorrt.cuda import open_cuda
from engines.tensorrt.engine_key import EngineKey, EnginePrecision, EngineStore, Gpu, engine_folder
from tests.fakes.tensorrt_package import FakeGpu, fake_tensorrt

MODEL = read_manifest()["centerface"]
NANODET = read_manifest()["nanodet-416"]
FP16, INT8, BEST = EnginePrecision.FP16, EnginePrecision.INT8, EnginePrecision.BEST
API = json.loads((Path(__file__).parent / "tensorrt_api.json").read_text(encoding="utf-8"))


class Watch:
    def __init__(self, stop_at: int | None = None) -> None:
        self.heard: list[tuple[object, ...]] = []
        self._stop_at = stop_at

    def started(self, phase: str, parent: str | None, steps: int) -> None:
        self.heard.append(("started", phase, parent, steps))

    def step(self, phase: str, number: int) -> bool:
        self.heard.append(("step", phase, number))
        return number != self._stop_at

    def finished(self, phase: str) -> None:
        self.heard.append(("finished", phase))


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    rng = np.random.default_rng(3)
    for number in range(60):
        picture = np.zeros((180, 320, 3), np.uint8)
        for q in range(4):
            top, left = q // 2 * 90 + int(rng.integers(5, 25)), q % 2 * 160 + int(rng.integers(5, 60))
            picture[top : top + 50, left : left + 60] = 230
        cv2.imwrite(str(folder / f"{number:03}.png"), picture)
    return folder


def maker(
    folder: Path, watch: Watch | None = None, name: str = "Orin", **how: Any
) -> tuple[EngineBuilder, list[str]]:
    gpu = FakeGpu(name)
    said: list[str] = []
    return EngineBuilder(
        fake_tensorrt(gpu, **how), gpu, EngineStore(folder), watch or Watch(), said.append
    ), said


def test_the_fake_has_the_real_api_and_no_more() -> None:
    fake = fake_tensorrt(FakeGpu())
    for name, members in API.items():
        if name == "about":
            continue
        kind = getattr(fake, name)
        if isinstance(members, list):
            assert set(kind.__members__) <= set(members), name
            continue
        for member, what in members.items():
            if member == "__init__" and "__init__" not in vars(kind):
                continue
            found = inspect.getattr_static(kind, member)
            if what == "property":
                assert not inspect.isfunction(found), f"{name}.{member}"
            else:
                assert list(inspect.signature(found).parameters)[1:] == what, f"{name}.{member}"
        own = {m for m in vars(kind) if not m.startswith("_")} - {"Severity"}
        assert own <= set(members), name


def test_an_engine_is_built_once_and_kept(tmp_path: Path) -> None:
    watch = Watch()
    builder, _ = maker(tmp_path / "new" / "engines", watch)
    built, fresh = builder.build(WantedEngine(MODEL, FP16, 4))
    assert fresh
    plan = json.loads(built.path.read_bytes())
    assert plan["flags"] == ["FP16"]
    assert plan["shapes"] == [[1, 3, 384, 640], [4, 3, 384, 640], [4, 3, 384, 640]]
    assert ("started", "Tactics", "Building Engine", 3) in watch.heard
    assert watch.heard.count(("step", "Tactics", 2)) == 1
    again, fresh = builder.build(WantedEngine(MODEL, FP16, 4))
    assert (again, fresh) == (built, False)
    _, fresh = builder.build(WantedEngine(MODEL, FP16, 4, anew=True))
    assert fresh


KEY = EngineKey.of(MODEL, "10.3.0", Gpu("Orin", (8, 7)), FP16, 4)


@pytest.mark.parametrize(
    "other",
    [
        EngineKey.of(NANODET, "10.3.0", Gpu("Orin", (8, 7)), FP16, 4),
        EngineKey.of(MODEL, "10.7.0", Gpu("Orin", (8, 7)), FP16, 4),
        EngineKey.of(MODEL, "10.3.0", Gpu("Orin Nano", (8, 7)), FP16, 4),
        EngineKey.of(MODEL, "10.3.0", Gpu("Orin", (8, 9)), FP16, 4),
        EngineKey.of(MODEL, "10.3.0", Gpu("Orin", (8, 7)), EnginePrecision.FP32, 4),
        EngineKey.of(MODEL, "10.3.0", Gpu("Orin", (8, 7)), FP16, 8),
        EngineKey.of(read_manifest()["centerface-960x544"], "10.3.0", Gpu("Orin", (8, 7)), FP16, 4),
    ],
)
def test_whatever_changes_makes_another_engine(tmp_path: Path, other: EngineKey) -> None:
    store = EngineStore(tmp_path)
    store.put(KEY, b"engine", {})
    assert store.find(KEY) is not None
    assert store.find(other) is None
    assert other.file_name != KEY.file_name


@pytest.mark.parametrize("harm", ["cut", "no notes", "other notes", "not json"])
def test_an_engine_that_is_not_whole_is_not_used(tmp_path: Path, harm: str) -> None:
    store = EngineStore(tmp_path)
    path = store.put(KEY, b"engine", {}).path
    notes = path.with_name(path.name + ".json")
    if harm == "cut":
        path.write_bytes(b"eng")
    elif harm == "no notes":
        notes.unlink()
    else:
        notes.write_text('{"key": {}, "bytes": 6}' if harm == "other notes" else "{")
    assert store.find(KEY) is None


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = EngineStore(tmp_path)
    path = store.put(KEY, b"old", {}).path

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(BadInput, match=r"no space left on device; free some space, or set MSH_ENGINES"):
        store.put(KEY, b"newer", {})
    assert path.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([path.name, path.name + ".json"])


def test_no_room_and_no_right_are_said_before_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder, _ = maker(tmp_path)
    usage = type("Usage", (), {"free": 5_000_000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(BadInput, match=r"has 5 MB free, \d+ MB are needed"):
        builder.build(WantedEngine(MODEL, FP16, 1))
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="set MSH_ENGINES"):
        maker(tmp_path / "file" / "x")[0].build(WantedEngine(MODEL, FP16, 1))
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(BadInput, match="cannot be written"):
        builder.build(WantedEngine(MODEL, FP16, 1))


def test_eight_bits_are_calibrated_and_judged(tmp_path: Path, frames: Path) -> None:
    builder, said = maker(tmp_path)
    chosen = Frames.of(frames)
    built, fresh = builder.build(WantedEngine(MODEL, INT8, 4, chosen))
    assert fresh
    assert (len(chosen.calibration), len(chosen.held_out)) == (50, 10)
    plan = json.loads(built.path.read_bytes())
    assert plan["flags"] == ["FP16", "INT8"]
    assert plan["seen"] == 48  # whole batches of 8
    assert built.calibration is not None
    assert built.calibration.read_bytes().startswith(b"TRT-fake 48")
    assert "40 of 40 clear detections kept" in said[0]
    assert built.notes["agreement"]["overlap"] > 0.99
    assert builder.build(WantedEngine(MODEL, INT8, 4, chosen))[1] is False
    assert builder.build(WantedEngine(MODEL, INT8, 4))[1] is False  # in service nobody has the frames
    again, fresh = builder.build(
        WantedEngine(MODEL, INT8, 8, chosen)
    )  # another batch: the calibration serves again
    assert fresh
    assert json.loads(again.path.read_bytes())["seen"] is None


def test_other_frames_are_another_calibration(tmp_path: Path, frames: Path) -> None:
    builder, _ = maker(tmp_path)
    chosen = Frames.of(frames)
    builder.build(WantedEngine(MODEL, INT8, 4, chosen))
    fewer = Frames(chosen.calibration[:30], chosen.held_out, "other")
    built, fresh = builder.build(WantedEngine(MODEL, INT8, 4, fewer))
    assert fresh
    assert json.loads(built.path.read_bytes())["seen"] == 24
    assert built.calibration is not None
    built.calibration.write_bytes(b"spoiled")
    assert EngineStore(tmp_path).find(builder.key(WantedEngine(MODEL, INT8, 4))) is None


@pytest.mark.parametrize("fault", ["blind", "shifts", "invents"])
def test_eight_bits_that_differ_are_refused_and_leave_nothing(
    tmp_path: Path, frames: Path, fault: str
) -> None:
    builder, _ = maker(tmp_path, fault=fault)
    with pytest.raises(BuildFailed, match=r"int8 is refused, it differs from fp16 \(\d+ of 40"):
        builder.build(WantedEngine(MODEL, INT8, 4, Frames.of(frames)))
    assert not list(tmp_path.glob("*int8*"))
    assert not list(tmp_path.glob("*.calibration*"))


def marks_model(folder: Path) -> Model:
    """Return a model of marks as the manifest has one; the file is a stand-in."""
    path = folder / "marks.onnx"
    path.write_bytes(b"ONNX of a model of marks")
    size = Input(320, 480, ChannelOrder.RGB, (0.0, 0.0, 0.0), 1.0)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    origin = Origin("own", "1", "engines/training")
    return Model("marks", path, digest, "Apache-2.0", origin, size, Decoder.MARKS, (), (), 1.0)


def test_a_model_of_marks_is_built_but_never_in_eight_bits(tmp_path: Path, frames: Path) -> None:
    builder, _ = maker(tmp_path)
    model = marks_model(tmp_path)
    built, fresh = builder.build(WantedEngine(model, FP16, 8))
    assert fresh
    plan = json.loads(built.path.read_bytes())
    assert plan["shapes"] == [[1, 3, 480, 320], [8, 3, 480, 320], [8, 3, 480, 320]]
    for precision in (INT8, BEST):
        with pytest.raises(BadInput, match=r"this is none; build it with --precision fp16"):
            builder.build(WantedEngine(model, precision, 8, Frames.of(frames)))


def test_too_little_to_judge_by_is_refused(tmp_path: Path, frames: Path) -> None:
    chosen = Frames.of(frames)
    few = Frames(chosen.calibration, chosen.held_out[:3], "few")
    with pytest.raises(BadInput, match="only 12 clear detections, too few to judge int8"):
        maker(tmp_path)[0].build(WantedEngine(MODEL, INT8, 4, few))


@pytest.mark.parametrize(
    ("how", "kind", "said"),
    [
        ({"fails": "parse"}, BuildFailed, "cannot read the graph: no importer for operator X"),
        ({"fails": "build"}, BuildFailed, "built no engine: out of memory in tactic 3"),
        ({"fast": False}, BadInput, "no fast int8|no fast fp16"),
        ({"fails": "load"}, BuildFailed, "does not load: magic tag"),
        (
            {"fails": "names"},
            BuildFailed,
            "the engine has tensors input, detection_boxes, detection_scores, other",
        ),
        ({"fails": "run"}, InferenceFailed, "did not run"),
        ({"fault": "nan"}, InferenceFailed, "not finite"),
    ],
)
def test_what_goes_wrong_is_one_line(
    tmp_path: Path, frames: Path, how: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        maker(tmp_path, **how)[0].build(WantedEngine(MODEL, INT8, 4, Frames.of(frames)))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("*int8*"))


def test_stopping_a_build_stops_it(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        maker(tmp_path, Watch(stop_at=1))[0].build(WantedEngine(MODEL, FP16, 1))
    assert not list(tmp_path.iterdir())


def test_a_bad_frame_stops_the_build_with_its_name(tmp_path: Path, frames: Path) -> None:
    chosen = Frames.of(frames)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    wrong = Frames((broken, *chosen.calibration), chosen.held_out, "x")
    with pytest.raises(BadInput, match=r"broken\.jpg cannot be read as a picture"):
        maker(tmp_path / "e")[0].build(WantedEngine(MODEL, INT8, 4, wrong))


def test_int8_without_frames_says_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="add --frames FOLDER"):
        maker(tmp_path)[0].build(WantedEngine(MODEL, BEST, 4))


def test_frames(tmp_path: Path, frames: Path) -> None:
    with pytest.raises(BadInput, match="has 0 pictures"):
        Frames.of(tmp_path)
    with pytest.raises(BadInput, match="is no folder"):
        Frames.of(tmp_path / "nowhere")
    one = Frames.of(frames)
    assert one == Frames.of(frames)
    assert not set(one.calibration) & set(one.held_out)


@pytest.mark.parametrize("model", [MODEL, NANODET])
def test_calibration_sees_what_inference_sees(model: Any, frames: Path) -> None:
    from engines.letterbox import letterbox
    from engines.openvino_runtime import Network, Precision

    picture = read_picture(sorted(frames.iterdir())[0])
    target = np.empty((3, model.input.height, model.input.width), np.float32)
    fit = to_tensor(picture, model, target)
    slot = Network(model, threads=1, precision=Precision.FP32).take()
    assert letterbox(picture, slot.pixels, rgb=model.input.order.value == "rgb") == fit
    mean = np.array(model.input.mean, np.float32)
    expected = ((slot.pixels.astype(np.float32) - mean) * model.input.scale).transpose(2, 0, 1)
    np.testing.assert_allclose(target, expected, atol=1e-4)


@pytest.mark.parametrize("version", ["8.6.1", "10.2.0", "11.0.0.114", "11.4.0"])
def test_versions_that_do_not_serve(version: str) -> None:
    with pytest.raises(BadInput, match=f"TensorRT {version} is not supported, 10.3 to 10.16"):
        check_version(fake_tensorrt(FakeGpu(), version=version))


@pytest.mark.parametrize("version", ["10.3.0", "10.9.0.34", "10.16.1.11"])
def test_versions_that_serve(version: str) -> None:
    assert check_version(fake_tensorrt(FakeGpu(), version=version)).__version__ == version


def test_missing_packages_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tensorrt", None)
    monkeypatch.setitem(__import__("sys").modules, "pycuda", None)
    with pytest.raises(BadInput, match=r"^TensorRT's Python package is not installed; "):
        load_tensorrt()
    with pytest.raises(BadInput, match=r"^pycuda is not installed, and cuda-bindings is not there either; "):
        open_cuda()


def test_where_engines_lie() -> None:
    assert engine_folder({"MSH_ENGINES": "/data/e"}) == Path("/data/e")
    assert engine_folder({"HOME": "/root"}) == Path("/root/.cache/msh/engines")
    assert engine_folder({"HOME": "/root", "XDG_CACHE_HOME": "/c"}) == Path("/c/msh/engines")


def test_precisions_have_nvinfers_numbers() -> None:
    assert {p: p.network_mode for p in EnginePrecision} == {
        EnginePrecision.FP32: 0,
        INT8: 1,
        FP16: 2,
        BEST: 3,
    }
    assert isinstance(FP16, Enum)
    assert calibration.HELD_OUT < calibration.ROUND
