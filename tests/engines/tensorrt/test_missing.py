"""Engines that a machine lacks are built once, each by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.deepstream.files import Machine
from engines.manifest import read_manifest
from engines.tensorrt.build import WantedEngine
from engines.tensorrt.engine_key import EnginePrecision, EngineStore, Gpu, engine_folder
from engines.tensorrt.missing import build_missing, missing_engines
from tests.fakes.tensorrt_package import FakeGpu, fake_tensorrt

MANIFEST = read_manifest()
MODELS = [MANIFEST["nanodet-416"], MANIFEST["centerface"]]


class Silent:
    def started(self, phase: str, parent: str | None, steps: int) -> None:
        pass

    def step(self, phase: str, number: int) -> bool:
        return True

    def finished(self, phase: str) -> None:
        pass


def machine(folder: Path, batch: int = 3) -> Machine:
    return Machine(Gpu("Orin", (8, 7)), "10.3.0", (9, 1), EngineStore(folder), batch=batch)


def build(wanted: list[WantedEngine], here: Machine, **how: Any) -> tuple[bool, list[tuple[int, str]]]:
    heard: list[tuple[int, str]] = []
    gpu = FakeGpu("Orin")
    done = build_missing(
        wanted,
        here,
        Silent(),
        lambda left, one: heard.append((left, one.model.name)),
        tensorrt=lambda: fake_tensorrt(gpu, **how),
        cuda=lambda: gpu,
    )
    return done, heard


def test_what_is_missing_is_built_and_then_there_for_one_camera_more(tmp_path: Path) -> None:
    here = machine(tmp_path)
    wanted = missing_engines(MODELS, here)
    assert [(one.model.name, one.batch) for one in wanted] == [("nanodet-416", 4), ("centerface", 4)]
    assert build(wanted, here) == (True, [(2, "nanodet-416"), (1, "centerface")])
    assert missing_engines(MODELS, here) == []
    assert missing_engines(MODELS, machine(tmp_path, batch=4)) == []
    assert len(missing_engines(MODELS, machine(tmp_path, batch=5))) == 2
    for model in MODELS:
        assert here.inference(model).engine.is_file()


def test_one_that_cannot_be_built_is_a_warning(tmp_path: Path, caplog: Any) -> None:
    (tmp_path / "file").write_text("")
    here = machine(tmp_path / "file" / "engines")
    done, heard = build([WantedEngine(MODELS[0], EnginePrecision.FP16, 4)], here)
    assert (done, len(heard)) == (False, 1)
    assert "engine not built, nvinfer builds its own at each start: engines:" in caplog.text


def test_engines_lie_in_the_services_state_folder(tmp_path: Path) -> None:
    assert engine_folder({"STATE_DIRECTORY": "/var/lib/msh:/x", "HOME": "/root"}) == Path(
        "/var/lib/msh/engines"
    )
    assert engine_folder({"STATE_DIRECTORY": "/var/lib/msh", "MSH_ENGINES": "/e"}) == Path("/e")
