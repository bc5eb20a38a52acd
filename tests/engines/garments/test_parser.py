"""The model that comes along: what it answers to pictures, and that it is what the manifest says."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import onnx
import pytest
from skimage import data

import engines.garments.parser as parsing
from engines.colour import from_bgr
from engines.errors import BadInput
from engines.garments.classes import CLASSES
from engines.garments.parser import GarmentParser
from engines.image import I420
from engines.manifest import GARMENTS, read_manifest
from engines.openvino_runtime import Precision


@pytest.fixture(scope="module")
def parser() -> GarmentParser:
    return GarmentParser(threads=2)


def test_a_person_wears_something_and_shows_skin(parser: GarmentParser) -> None:
    picture = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    outfit = parser.parse(from_bgr(picture[:, :380]))
    assert outfit is not None
    assert outfit.is_person
    (top,) = [
        g for g in outfit.garments if g.type in {"top", "outerwear", "jacket", "coat", "shirt", "sweater"}
    ]
    assert top.colour in {"orange", "red"}
    assert outfit.at((60, 380, 120, 440)) == top.type


@pytest.mark.parametrize("right", [300, 380])
def test_what_is_quickest_tells_the_same_of_what_is_plain(parser: GarmentParser, right: int) -> None:
    crop = from_bgr(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)[:, :right])
    exact, quick = parser.parse(crop), GarmentParser(precision=Precision.FASTEST).parse(crop)
    assert exact is not None
    assert quick is not None
    assert quick.is_person
    plain = {(g.type, g.colour) for g in exact.garments if g.confidence > 0.7}
    assert plain
    assert plain <= {(g.type, g.colour) for g in quick.garments}


@pytest.mark.parametrize("light", [0.5, 0.4, 0.3])
def test_in_the_dark_a_person_wears_the_same(parser: GarmentParser, light: float) -> None:
    picture = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)[:, :380]
    lit, dark = parser.parse(from_bgr(picture)), parser.parse(from_bgr((picture * light).astype(np.uint8)))
    assert lit is not None
    assert dark is not None
    assert dark.is_person
    assert {(g.type, g.colour) for g in dark.garments} == {(g.type, g.colour) for g in lit.garments}


def test_what_is_bright_enough_is_parsed_as_it_is() -> None:
    pixels = np.full((8, 8, 3), 90, np.uint8)
    pixels[0] = 121
    parsing._lighten(pixels)
    assert pixels[4, 4].tolist() == [90, 90, 90]
    parsing._lighten(black := np.zeros((8, 8, 3), np.uint8))
    assert not black.any()


@pytest.mark.parametrize("crop", [I420.black(192, 320), from_bgr(np.full((300, 120, 3), 200, np.uint8))])
def test_nothing_is_no_person(parser: GarmentParser, crop: I420) -> None:
    outfit = parser.parse(crop)
    assert outfit is not None
    assert not outfit.is_person
    assert outfit.at((0, 0, 50, 50)) is None


@pytest.mark.parametrize(("width", "height"), [(16, 16), (17, 501), (900, 40)])
def test_any_crop_that_is_not_tiny_is_parsed(parser: GarmentParser, width: int, height: int) -> None:
    assert parser.parse(I420.black(width, height)) is not None
    assert parser.parse(I420.black(8, height)) is None


def test_working_memory_is_given_back_after_each_crop(
    parser: GarmentParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    released: list[object] = []
    monkeypatch.setattr("engines.garments.parser.release_working_memory", released.append)
    parser.parse(I420.black(160, 400))
    assert len(released) == 1


def test_the_file_is_of_fixed_shape_and_standard_operators() -> None:
    model = onnx.load(read_manifest()[GARMENTS].path)
    (fed,), (told,) = model.graph.input, model.graph.output
    shapes = [[d.dim_value for d in one.type.tensor_type.shape.dim] for one in (fed, told)]
    assert shapes == [[1, 3, 384, 224], [1, len(CLASSES), 96, 56]]
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    half = onnx.TensorProto.FLOAT16
    weights = [one for one in model.graph.initializer if len(one.dims) == 4]
    assert weights
    assert {one.data_type for one in weights} == {half}


def test_another_model_or_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="its decoder is marks, not garments"):
        GarmentParser(model="marks")
    models = read_manifest()
    wrong = models["mark-embedding"]
    models["garments"] = replace(models["garments"], path=wrong.path, sha256=wrong.sha256)
    monkeypatch.setattr(parsing, "read_manifest", lambda: models)
    with pytest.raises(BadInput, match="model garments"):
        GarmentParser()
