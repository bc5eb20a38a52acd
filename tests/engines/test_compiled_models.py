"""Compiled models on disk: the same answers, nobody else's file is trusted, and no fault stops a start."""

import os
import stat
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from engines import compiled_models
from engines.compiled_models import compile_cached, compiled_folder
from engines.paths import ROOT

CONFIG = {"INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MSH_COMPILED", str(tmp_path / "state" / "compiled"))
    return tmp_path / "state" / "compiled"


@pytest.fixture
def model(tmp_path):
    def write(factor: float):
        weights = numpy_helper.from_array(np.full((4, 64), factor, np.float32), "w")
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n])
            for name, n in (("x", 4), ("y", 64))
        ]
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [weights]
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.save(made, tmp_path / "m.onnx")
        return tmp_path / "m.onnx"

    return write


def run(path, how="as it is", config=CONFIG):
    """Return the answer, and whether the file had to be read and compiled."""
    built = []

    def build(core):
        built.append(path)
        return core.read_model(path)

    compiled = compile_cached(path, build, config, how)
    return float(compiled([np.ones((1, 4), np.float32)])[0][0, 0]), bool(built)


MODELS_THAT_GO = """
import gc, os, signal, sys
from engines.compiled_models import compile_cached
def load():
    return compile_cached(Path(sys.argv[1]), lambda core: core.read_model(sys.argv[1]), {}, "as it is")
models = [load() for _ in range(3)]
while models:
    del models[0]
    gc.collect()
signal.signal(signal.SIGINT, lambda *_: print("heard"))
os.kill(os.getpid(), signal.SIGINT)
"""


def test_a_signal_is_heard_after_models_have_gone(model):
    """Each model had a core of its own, which left a stack for signals that was gone: Ctrl-C crashed."""
    code = f"from pathlib import Path{MODELS_THAT_GO}"
    command = [sys.executable, "-c", code, str(model(2.0))]
    environment = {**os.environ, "MSH_COMPILED": "off"}
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "heard\n")


def test_what_was_compiled_is_read_back_by_its_user_alone(folder, model):
    path = model(2.0)
    assert [run(path), run(path)] == [(8.0, True), (8.0, False)]
    (kept,) = folder.iterdir()
    assert [stat.S_IMODE(place.stat().st_mode) for place in (kept, folder, folder.parent)] == [
        0o600,
        0o700,
        0o700,
    ]


def test_the_start_that_compiles_a_model_maps_its_weights_as_later_ones_do(folder, model):
    """An ONNX file's weights lay beside those arranged for the CPU until the next start: 60 MB of looks."""
    path = model(2.0)
    assert run(path) == (8.0, True)
    (kept,) = folder.iterdir()
    assert [place for place, _, _ in compiled_models._mapped if place == kept] == [kept]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"how": "another graph"}, id="another graph around it"),
        pytest.param({"config": {**CONFIG, "INFERENCE_PRECISION_HINT": "f32"}}, id="other settings"),
    ],
)
def test_what_a_compiled_model_follows_from_is_in_its_name(folder, model, other):
    path = model(2.0)
    assert [run(path), run(path, **other), run(path, **other)] == [(8.0, True), (8.0, True), (8.0, False)]
    assert run(model(3.0)) == (12.0, True)
    assert len(list(folder.iterdir())) == 3


def test_another_version_or_cpu_compiles_anew(folder, model, monkeypatch):
    path = model(2.0)
    run(path)
    monkeypatch.setattr(compiled_models.ov, "__version__", "another")
    assert run(path)[1]
    monkeypatch.setattr(compiled_models, "_cpu", lambda: "another")
    assert run(path)[1]


def damage(kept, at):
    data = bytearray(kept.read_bytes())
    data[at] ^= 1
    kept.write_bytes(data)


FAULTS = {
    "a bit at the start": lambda kept: damage(kept, 3),
    "a bit of a weight": lambda kept: damage(kept, -40),
    "a bit of the digest": lambda kept: damage(kept, -1),
    "cut short": lambda kept: kept.write_bytes(kept.read_bytes()[:100]),
    "empty": lambda kept: kept.write_bytes(b""),
    "a folder": lambda kept: (kept.unlink(), kept.mkdir()),
    "writable by others": lambda kept: kept.chmod(0o666),
    "whole, but OpenVINO refuses it": lambda kept: kept.write_bytes(
        b"x" * 64 + compiled_models.hashlib.sha256(b"x" * 64).digest()
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_damaged_file_costs_time_only(folder, model, fault):
    path = model(2.0)
    run(path)
    (kept,) = folder.iterdir()
    fault(kept)
    assert run(path) == (8.0, True)
    if not kept.is_dir():
        assert run(path) == (8.0, False)


def test_a_folder_that_cannot_be_written_and_a_full_disk_cost_time_only(folder, model, monkeypatch):
    path = model(2.0)
    folder.parent.write_text("a file where the state should be")
    assert [run(path), run(path)] == [(8.0, True)] * 2
    folder.parent.unlink()
    monkeypatch.setattr(compiled_models, "LEAST_FREE_BYTES", 1 << 60)
    assert [run(path), run(path)] == [(8.0, True)] * 2
    monkeypatch.setenv("MSH_COMPILED", "off")
    assert run(path) == (8.0, True)
    assert not any(path.suffix == ".blob" for path in folder.rglob("*"))


def test_the_oldest_go(folder, model, monkeypatch):
    monkeypatch.setattr(compiled_models, "MAX_FILES", 2)
    path = model(2.0)
    for how in "abc":
        run(path, how)
    assert len(list(folder.iterdir())) == 2
    assert not run(path, "c")[1]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"MSH_COMPILED": "/a", "STATE_DIRECTORY": "/b"}, "/a"),
        ({"STATE_DIRECTORY": "/b:/c", "HOME": "/h"}, "/b/compiled"),
        ({"XDG_STATE_HOME": "/x"}, "/x/msh/compiled"),
        ({"HOME": "/h"}, "/h/.local/state/msh/compiled"),
        ({}, "None"),
        ({"MSH_COMPILED": "off", "HOME": "/h"}, "None"),
    ],
)
def test_where_they_are_kept(environ, expected):
    assert str(compiled_folder(environ)) == expected
