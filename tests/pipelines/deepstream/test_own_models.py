"""A shop's own model on DeepStream, whose file most exporters make for one picture at once."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from engines.errors import BadInput
from engines.manifest import read_manifest
from engines.tensorrt.engine_key import EngineStore
from engines.tensorrt.missing import missing_engines
from pipelines.assembly.platform import _files_for
from pipelines.deepstream.graph.build import build_graph
from scripts.commands import models
from scripts.models.export import REFERENCE
from tests.engines.tensorrt.test_missing import build
from tests.fakes.deepstream_files import nvinfer_refusals
from tests.fakes.networks import network_file
from tests.pipelines.deepstream.stores import JETSON, rtsp, store

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 64
ANSWERS = {"logits": np.zeros((1, 3, 3)), "pred_boxes": np.full((1, 3, 4), 0.5)}
"""Of one picture, or of as many as the file takes."""


def shop(folder: Path, batch: Any, cameras: int) -> Any:
    """Return the settings of a shop whose model of persons was exported with this batch, and its machine."""
    (folder / "classes.txt").write_text("person\nhandbag\n")
    count = batch if isinstance(batch, int) else 1
    answers = {name: np.repeat(values, count, axis=0) for name, values in ANSWERS.items()}
    made = network_file(folder, answers, dims=[batch, 3, SIDE, SIDE])
    parser = argparse.ArgumentParser()
    models.add(parser.add_subparsers())
    words = ["models", "add", "mine", made, "--family", "detr", "--classes", folder / "classes.txt"]
    args = parser.parse_args([*map(str, words)])
    assert args.run(args) == 0
    machine = replace(REFERENCE, batch=cameras, engines=EngineStore(folder / "engines"))
    settings = store(folder, rtsp(cameras))
    person = settings.models.person.model_copy(update={"name": "mine"})
    return settings.model_copy(
        update={"models": settings.models.model_copy(update={"person": person})}
    ), machine


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSH_MODELS", str(tmp_path / "own"))
    monkeypatch.setenv("MSH_COMPILED", str(tmp_path / "compiled"))


@pytest.mark.parametrize(("batch", "cameras", "at_once"), [(1, 4, 1), (1, 1, 1), ("batch", 4, 4)])
def test_a_model_works_on_as_many_pictures_at_once_as_its_file_takes(
    tmp_path: Path, batch: Any, cameras: int, at_once: int
) -> None:
    settings, machine = shop(tmp_path, batch, cameras)
    files = _files_for(settings, machine, tmp_path / "state")
    graph, _ = build_graph(settings, JETSON, files)
    asked = {name: graph.by_name[name].get("batch-size") for name in ("person", "face")}
    assert asked == {"person": at_once, "face": cameras}
    assert nvinfer_refusals(files.person, at_once) == []
    wanted = missing_engines([read_manifest()["mine"]], machine)
    assert [one.batch for one in wanted] == [at_once]
    assert build(wanted, machine) == (True, [(1, "mine")])


def test_a_model_of_a_fixed_number_of_pictures_is_refused_in_one_line(tmp_path: Path) -> None:
    settings, machine = shop(tmp_path, 4, 4)
    with pytest.raises(BadInput, match=r"model mine: mine\.onnx takes 4 pictures at once, never fewer"):
        _files_for(settings, machine, tmp_path / "state")
