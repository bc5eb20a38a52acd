"""The judge of bags, with the model that comes along, and how its file is made."""

from __future__ import annotations

import io
import os
import pickle
from typing import TYPE_CHECKING

import cv2
import numpy as np
import openvino as ov
import pytest
from skimage import data

from engines.convert import bag_share
from engines.errors import BadInput
from engines.garments.bag_judge import BagJudge
from scripts.demo.handbag import handbag

if TYPE_CHECKING:
    from pathlib import Path


def test_a_drawn_bag_looks_like_one_and_an_astronaut_does_not() -> None:
    bag, outline = handbag("GUCCI")
    height, width = outline.shape
    scene = np.full((height + 120, width + 60, 3), 190.0, np.float32)
    place = (slice(100, 100 + height), slice(30, 30 + width))
    scene[place] = scene[place] * (1 - outline[..., None]) + bag * outline[..., None]
    judge, there = BagJudge(), (30.0, 100.0, 30.0 + width, 100.0 + height)
    drawn, wall, outside, empty = judge.shares(
        scene.astype(np.uint8), [there, (0, 0, 40, 90), (-90, -80, -20, -10), (50, 50, 50, 50)]
    )
    assert drawn > 0.5
    assert wall < 0.05
    assert (outside, empty) == (0.0, 0.0)
    person = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    assert max(judge.shares(person, [(0, 0, 512, 512), (100, 100, 300, 400)])) < 0.05
    assert judge.shares(person, []) == []


def _old_form(*parts: object) -> io.BytesIO:
    return io.BytesIO(b"".join(pickle.dumps(part, 2) for part in (1, 2, {}, *parts)))


def test_weights_that_are_none_are_refused_and_nothing_is_called(tmp_path: Path) -> None:
    class Call:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "called"),)

    for content in (_old_form(Call(), []), _old_form({}), io.BytesIO(b"GIF89a"), _old_form({"a": 1}, ["a"])):
        with pytest.raises(BadInput):
            bag_share.read_weights(content)
    assert not (tmp_path / "called").exists()


def _random_weights(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return weights of the network's shapes, in the order of its file."""
    found: dict[str, np.ndarray] = {}

    def conv(outside: int, inside: int, side: int) -> None:
        place = f"conv{len(found)}"
        found[place] = rng.normal(0, (2 / (inside * side * side)) ** 0.5, (outside, inside, side, side))
        for name, value in (("scale", 1.0), ("shift", 0.1), ("mean", 0.0), ("variance", 1.0)):
            found[f"{place}.{name}"] = np.full(outside, value)
        found[f"{place}.count"] = np.array(0)

    conv(32, 3, 3)
    channels = 32
    for blocks, side, _, expansion, outside in bag_share.LITE2_STAGES:
        for _ in range(blocks):
            wide = channels * expansion
            if expansion > 1:
                conv(wide, channels, 1)
            conv(wide, 1, side)
            conv(outside, wide, 1)
            channels = outside
    conv(1280, channels, 1)
    return found | {"_fc.weight": rng.normal(0, 0.05, (1000, 1280)), "_fc.bias": np.zeros(1000)}


def test_the_converter_writes_one_file_for_the_same_weights_and_refuses_others(tmp_path: Path) -> None:
    weights = _random_weights(np.random.default_rng(1))
    files = [tmp_path / name for name in ("first.onnx", "second.onnx")]
    for file in files:
        bag_share.convert(weights, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    picture = np.random.default_rng(2).integers(0, 256, (1, 3, 256, 256)).astype(np.float32)
    (share,) = ov.Core().compile_model(files[0], "CPU")([picture])["share"]
    assert 0 < share < 0.5
    cut = {name: values for name, values in weights.items() if name != "conv0"}
    with pytest.raises(BadInput):
        bag_share.convert(cut, tmp_path / "third.onnx")
