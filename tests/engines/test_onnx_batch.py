"""The batch that an ONNX file is made for, read without ONNX's package, against that package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.manifest import read_manifest
from engines.onnx_batch import fixed_batch
from tests.fakes.networks import network_file

if TYPE_CHECKING:
    from pathlib import Path

MODELS = read_manifest()


def made(folder: Path, dims: list[Any]) -> Path:
    return network_file(folder, {"answer": np.zeros((1, 4))}, dims=dims)


@pytest.mark.parametrize(
    ("dims", "batch"),
    [
        ([1, 3, 64, 64], 1),
        ([16, 3, 64, 64], 16),
        ([300, 3, 64, 64], 300),
        (["batch", 3, 64, 64], None),
        ([0, 3, 64, 64], None),
        ([1, 12], None),
    ],
)
def test_the_batch_of_a_file(tmp_path: Path, dims: list[Any], batch: int | None) -> None:
    assert fixed_batch(made(tmp_path, dims)) == batch


@pytest.mark.parametrize("name", sorted(name for name, one in MODELS.items() if one.path.suffix == ".onnx"))
def test_the_models_that_come_along_are_read_as_onnx_reads_them(name: str) -> None:
    path = MODELS[name].path
    graph = onnx.load(path, load_external_data=False).graph
    constants = {one.name for one in graph.initializer}
    (picture,) = [one for one in graph.input if one.name not in constants]
    axes = picture.type.tensor_type.shape.dim
    assert fixed_batch(path) == (axes[0].dim_value or None if len(axes) == 4 else None)


def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    assert fixed_batch(made(tmp_path, [1, 3, 64, 64])) == 1
    assert fixed_batch(made(tmp_path, ["batch", 3, 64, 64])) is None


@pytest.mark.parametrize("content", [b"", b"<xml>", b"\xff" * 40, b"\x3a\x7f"])
def test_what_is_no_such_file_has_no_batch(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.onnx"
    assert fixed_batch(path) is None
    path.write_bytes(content)
    assert fixed_batch(path) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_never_an_error(tmp_path: Path, data: st.DataObject) -> None:
    whole = made(tmp_path, [1, 3, 64, 64]).read_bytes()
    cut = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for place in data.draw(st.lists(st.integers(0, max(0, len(cut) - 1)), max_size=4)) if cut else []:
        cut[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "cut.onnx"
    path.write_bytes(cut)
    found = fixed_batch(path)
    assert found is None or found > 0
