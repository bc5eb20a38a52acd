"""`msh types train`: what is refused before anything is trained, and what becomes of what was trained."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from engines.garments.classes import CLASSES
from engines.garments.parser import GarmentParser
from engines.image import I420
from engines.manifest import find_model, read_manifest
from scripts.msh import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none"], "there is no such folder"),
        ([".", "--samples", "0"], "--samples: expected 1 or more, found 0"),
        ([".", "--seconds", "0"], "--seconds: expected 1 or more, found 0"),
        ([".", "--name", "garments"], "model garments is there already"),
        ([".", "--name", "My Own"], "write up to 63 of a-z"),
    ],
)
def test_bad_calls_are_one_line(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["types", "train", str(tmp_path / words[0]), *words[1:]]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert told in err


def test_without_the_training_packages_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    assert main(["types", "train", str(tmp_path)]) == 2
    assert "training needs the package torch" in capsys.readouterr().err


def _trained(folder: Path, out: Path, *_: object) -> None:
    """Write a parser of 64 x 32 px to which everything is background."""
    assert folder.name == "labelled"
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("picture", [1, 3, 64, 32]), ("shares", [1, len(CLASSES), 16, 8]))
    ]
    bias = np.zeros(len(CLASSES), np.float32)
    bias[0] = 9
    weights = [
        numpy_helper.from_array(np.zeros((len(CLASSES), 3, 4, 4), np.float32), "w"),
        numpy_helper.from_array(bias, "b"),
    ]
    nodes = [
        helper.make_node("Conv", ["picture", "w", "b"], ["logits"], strides=[4, 4]),
        helper.make_node("Softmax", ["logits"], ["shares"], axis=1),
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), out)


def test_what_was_trained_is_a_model_with_the_input_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The trainer itself needs torch: here it is replaced by what writes a file of another size."""
    module = SimpleNamespace(
        TrainingPlan=lambda *_, **__: None, backbone_weights=lambda: None, train_parser=_trained
    )
    monkeypatch.setitem(sys.modules, "engines.training.garments", module)
    monkeypatch.setattr("engines.training.garments", module, raising=False)
    monkeypatch.setenv("MSH_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("MSH_COMPILED", str(tmp_path / "compiled"))
    (tmp_path / "labelled").mkdir()
    assert main(["types", "train", str(tmp_path / "labelled"), "--name", "ours"]) == 0
    assert "models: {garments: ours}" in capsys.readouterr().err
    size = find_model("ours", read_manifest()).input
    assert (size.width, size.height) == (32, 64)
    outfit = GarmentParser(model="ours").parse(I420.black(60, 120))
    assert outfit is not None
    assert outfit.garments == ()
