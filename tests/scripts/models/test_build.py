"""`msh models build` and `export`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from rich.console import Console

from engines.deepstream import files as deepstream_files
from engines.manifest import read_manifest
from engines.tensorrt.build import EngineBuilder, WantedEngine
from engines.tensorrt.engine_key import EnginePrecision, EngineStore
from scripts.models import build as models_build
from scripts.models.build import Display, build_all
from scripts.msh import main
from tests.fakes.deepstream_keys import nvinfer_mistakes
from tests.fakes.tensorrt_package import FakeGpu, fake_tensorrt

if TYPE_CHECKING:
    from pathlib import Path

MODELS = read_manifest()


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    found = FakeGpu()
    for module in (models_build, deepstream_files):
        monkeypatch.setattr(module, "open_cuda", lambda: found)
        monkeypatch.setattr(module, "load_tensorrt", lambda: fake_tensorrt(found))
    return found


@pytest.mark.usefixtures("gpu")
def test_build_and_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["models", "build", "centerface", "nanodet-416", "--batch", "2", "--folder", str(tmp_path)]
    assert main(call) == 0
    said = capsys.readouterr().out
    assert "centerface fp16: building" in said
    assert "nanodet-416: built: " in said
    assert len(list(tmp_path.glob("*.engine"))) == 2
    assert main(call) == 0
    assert "nanodet-416: up to date: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["nose"], "model 'nose' is not in the manifest"),
        (["centerface", "--batch", "0"], "--batch 0 is outside 1 to 1024"),
        (["centerface", "--precision", "int8"], "--precision int8 needs --frames FOLDER"),
        (["centerface", "--precision", "int8", "--frames", "/nowhere"], "/nowhere is no folder"),
        (["centerface"], "TensorRT's Python package is not installed"),
    ],
)
def test_bad_calls(call: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "build", *call]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_one_that_fails_does_not_stop_the_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gpu = FakeGpu()
    out = io.StringIO()
    display = Display(Console(file=out, soft_wrap=True))

    class Flaky(EngineBuilder):
        def build(self, wanted: WantedEngine) -> Any:
            if wanted.model.name == "centerface":
                return EngineBuilder(
                    fake_tensorrt(gpu, fails="build"), gpu, EngineStore(tmp_path), display, display.say
                ).build(wanted)
            return super().build(wanted)

    builder = Flaky(fake_tensorrt(gpu), gpu, EngineStore(tmp_path), display, display.say)
    wanted = [WantedEngine(MODELS[name], EnginePrecision.FP16, 1) for name in ("centerface", "nanodet-416")]
    with display:
        assert build_all(builder, wanted, display) == 1
    assert "TensorRT built no engine: out of memory" in capsys.readouterr().err
    assert "nanodet-416: built" in out.getvalue()


def test_progress_shows_phases_within_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")  # on a dumb terminal nothing is drawn anew
    out = io.StringIO()
    display = Display(Console(file=out, force_terminal=True, width=100))
    display.title("face fp16")
    with display:
        display.started("Building", None, 4)
        display.started("Tactics", "Building", 2)
        assert display.step("Tactics", 0)
        assert display.step("unheard of", 0)
        display._progress.refresh()
        shown = out.getvalue()
        display.finished("Tactics")
        display.finished("Building")
        display.finished("unheard of")
    assert "face fp16: Building" in shown
    assert "  Tactics" in shown
    assert "1/2" in shown


@pytest.mark.usefixtures("gpu")
def test_export_for_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["models", "export", "centerface", "-o", str(tmp_path / "out"), "--copy", "--batch", "3"]) == 0
    )
    assert str(tmp_path / "out" / "centerface.yml") in capsys.readouterr().out
    text = (tmp_path / "out" / "centerface.yml").read_text()
    assert nvinfer_mistakes(text) == []
    own = yaml.safe_load(text)["property"]
    assert own["onnx-file"] == "centerface.onnx"
    assert own["batch-size"] == 4, "rounded up to a power of two"
    assert (tmp_path / "out" / own["onnx-file"]).read_bytes() == MODELS["centerface"].path.read_bytes()
    key = EngineBuilder(fake_tensorrt(FakeGpu()), FakeGpu(), EngineStore(tmp_path), Display(), print).key(
        WantedEngine(MODELS["centerface"], EnginePrecision.FP16, 4)
    )
    assert own["model-engine-file"].endswith(key.file_name)  # the one that `msh models build` makes


def test_export_without_a_gpu_tells_where_the_graphs_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "export", "-o", str(tmp_path)]) == 0
    assert f"centerface: {MODELS['centerface'].path}" in capsys.readouterr().out
    (tmp_path / "file").write_text("")
    assert main(["models", "export", "-o", str(tmp_path / "file")]) == 2
    assert "name another folder" in capsys.readouterr().err
