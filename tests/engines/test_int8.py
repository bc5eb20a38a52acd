"""Networks in 8 bits: where they are taken, and that they find what those in fp32 find."""

from __future__ import annotations

import random
import shutil

import cv2
import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from engines.boxes import iou
from engines.colour import from_bgr
from engines.compiled_models import _place, compile_cached, openvino_core
from engines.convert import int8_text
from engines.convert.int8 import convert, draw_marks, fed_tensor, montage, round_depthwise
from engines.convert.int8_text import _reach, composed, simplified, with_biases
from engines.cpu_flags import is_quick_in_int8
from engines.detector import load_detector
from engines.errors import BadInput
from engines.manifest import read_manifest
from engines.marks.network import MarkFinder
from engines.marks.picture import read_mark
from engines.ocr.reader import WordReader
from engines.openvino_runtime import EXACT, Precision
from engines.paths import CONFIGS, ROOT
from tests.engines.rendered_words import cloth, ink, printed, turned
from tests.fakes.cloth import ASTRONAUT

N100, ZEN4 = "flags : avx2 avx_vnni", "flags : avx2 avx512f avx512_bf16 avx512_vnni"


@pytest.mark.parametrize(
    ("flags", "quick"),
    [
        (N100, True),
        (ZEN4, True),
        ("flags : avx2 fma", False),
        ("flags : avx512_vnni avx_vnni amx_bf16 amx_int8", False),
        ("Features : asimddp i8mm bf16", False),  # of an ARM: not measured
        ("", False),
    ],
)
def test_eight_bits_are_for_cpus_that_are_quick_at_them(flags, quick):
    assert is_quick_in_int8(flags) is quick


@pytest.mark.parametrize(
    ("flags", "precision", "is_int8"),
    [
        (N100, Precision.FASTEST, True),
        ("flags : avx2", Precision.FASTEST, False),
        (N100, Precision.FP32, False),  # of reference runs
    ],
)
def test_the_cpu_says_which_file_is_taken(monkeypatch, flags, precision, is_int8):
    monkeypatch.setattr("engines.detector.cpu_flags", lambda: flags)
    assert (load_detector("centerface", precision=precision).precision == "i8") is is_int8


@pytest.mark.parametrize("name", ["nanodet-416", "nanodet-544x320", "centerface", "centerface-960x544"])
def test_the_same_is_found_in_eight_bits(monkeypatch, name):
    picture = from_bgr(cv2.imread(str(ASTRONAUT)))
    exact = load_detector(name, precision=Precision.FP32).detect([picture])[0]
    monkeypatch.setattr("engines.detector.cpu_flags", lambda: N100)
    found = load_detector(name).detect([picture])[0]
    first, other = int(np.argmax(exact.scores)), int(np.argmax(found.scores))
    assert exact.classes[first] == found.classes[other] == 0
    assert iou(exact.boxes[first], found.boxes[other]) > 0.85
    assert found.scores[other] == pytest.approx(exact.scores[first], abs=0.1)


def depthwise_precisions(network):
    """Return the arithmetic that each depthwise layer of a network runs in, as OpenVINO names it."""
    names = {op.get_friendly_name() for op in network.get_ops() if op.get_type_name() == "GroupConvolution"}
    running = openvino_core().compile_model(network, "CPU", EXACT).get_runtime_model().get_ops()
    return [
        layer["runtimePrecision"].astype(str)
        for layer in (op.get_rt_info() for op in running)
        if names.intersection(layer["originalLayersNames"].astype(str).split(","))
    ]


def test_depthwise_layers_of_faces_run_in_eight_bits():
    network = openvino_core().read_model(read_manifest()["centerface"].in_int8().path)
    assert depthwise_precisions(network) == ["u8"] * 17


def test_a_depthwise_layer_that_was_rounded_by_columns_is_rounded_by_channels():
    """NNCF 3.4 rounds it by columns, and OpenVINO 2026.4 runs that in float without a word."""
    chance = np.random.default_rng(3)
    weights = chance.normal(size=(8, 1, 1, 3, 3)).astype(np.float32)
    weights[5] = 0
    picture = ops.parameter([1, 8, 16, 16], np.float32)
    seen = ops.fake_quantize(picture, np.float32(0), np.float32(2.55), np.float32(0), np.float32(2.55), 256)
    reach = np.abs(weights).max(axis=(2, 3), keepdims=True) + np.float32(1e-6)
    stored = ops.reshape(ops.constant(weights.reshape(8, 1, 3, 3)), np.array(weights.shape), False)
    by_columns = ops.fake_quantize(stored, -reach, reach, -reach, reach, 255)
    layer = ops.group_convolution(seen, by_columns, [1, 1], [1, 1], [1, 1], [1, 1])
    network = ov.Model([layer], [picture])
    fed = np.rint(chance.uniform(0, 255, (1, 8, 16, 16))).astype(np.float32) / 100
    assert depthwise_precisions(network) != ["u8"]
    before = openvino_core().compile_model(network, "CPU", EXACT)(fed)[0]
    round_depthwise(network)
    assert depthwise_precisions(network) == ["u8"]
    after = openvino_core().compile_model(network, "CPU", EXACT)(fed)[0]
    assert np.abs(after - before).max() < 0.02 * np.abs(before).max()
    assert not after[0, 5].any()


def test_marks_are_at_the_same_places_in_eight_bits(monkeypatch):
    """Their vectors are in fp32 whatever says where they are."""
    sheet = np.full((480, 320, 3), (90, 60, 40), np.uint8)
    for number, brand in enumerate(("nike", "adidas", "puma")):
        view = cv2.resize(read_mark(CONFIGS / "brands" / brand / f"{brand}.svg").views()[1], (60, 60))
        sheet[60 + 130 * number : 120 + 130 * number, 130:190] = view
    exact = MarkFinder(precision=Precision.FP32)
    monkeypatch.setattr("engines.marks.network.cpu_flags", lambda: N100)
    quick = MarkFinder()
    assert exact.loaded == {"marks": "f32", "mark-embedding": "f32"}
    assert quick.loaded == {"marks": "i8", "mark-embedding": "f32"}
    sure, found = exact.find(sheet), quick.find(sheet)
    rows = [row for row in range(len(sure)) if sure.scores[row] > 0.3]
    assert len(rows) >= 3
    for row in rows:
        near = max(range(len(found)), key=lambda one: iou(tuple(found.boxes[one]), tuple(sure.boxes[row])))
        assert iou(tuple(found.boxes[near]), tuple(sure.boxes[row])) > 0.75
        assert found.scores[near] == pytest.approx(sure.scores[row], abs=0.1)
        assert float(found.vectors[near] @ sure.vectors[row]) > 0.9


@pytest.mark.parametrize("flags", ["flags : avx2", "flags : avx512_bf16", "flags : avx512_vnni amx_bf16"])
def test_marks_stay_in_float_where_eight_bits_are_not_quick(monkeypatch, flags):
    monkeypatch.setattr("engines.marks.network.cpu_flags", lambda: flags)
    assert MarkFinder().loaded["marks"] != "i8"


@pytest.mark.parametrize(
    ("flags", "precision", "regions"),
    [
        (N100, Precision.FASTEST, "i8"),
        (ZEN4, Precision.FASTEST, "i8"),
        ("flags : avx2", Precision.FASTEST, "f32"),
        ("flags : avx512_vnni amx_bf16", Precision.FASTEST, "f32"),
        (N100, Precision.FP32, "f32"),  # of reference runs
    ],
)
def test_where_text_is_runs_in_eight_bits_and_what_it_says_never(monkeypatch, flags, precision, regions):
    monkeypatch.setattr("engines.ocr.reader.cpu_flags", lambda: flags)
    assert WordReader(precision=precision).loaded == {"text-regions": regions, "text-lines": "f32"}


def test_what_stays_in_float_of_a_network_in_eight_bits_runs_as_the_cpu_is_quickest(monkeypatch):
    """Bf16 where it has it: a fifth of the time of the detector of text. What reads words stays in fp32."""
    exact = {}

    def compiled(path, build, config, how):
        exact[path.name] = config.get("INFERENCE_PRECISION_HINT")
        return compile_cached(path, build, config, how)

    monkeypatch.setattr("engines.ocr.reader.compile_cached", compiled)
    monkeypatch.setattr("engines.ocr.reader.cpu_flags", lambda: ZEN4)
    WordReader()
    assert exact == {"text-regions-int8.xml": None, "text-lines.onnx": "f32"}


def test_text_is_at_the_same_places_in_eight_bits(monkeypatch):
    exact = WordReader(precision=Precision.FP32)
    monkeypatch.setattr("engines.ocr.reader.cpu_flags", lambda: N100)
    quick = WordReader()
    for capital, degrees in ((12, 0), (20, 15), (40, 0), (60, 60)):
        picture, _ = printed(turned(ink("BURBERRY"), degrees), capital, on=cloth(640, 640))
        (sure,), (found,) = exact.read(picture), quick.read(picture)
        assert found.text == sure.text == "BURBERRY"
        assert iou(found.box, sure.box) > 0.75


def test_a_convolution_without_a_bias_gets_one_that_says_nothing():
    """OpenVINO 2026.4 answers wrongly in 8 bits where one without is averaged and scaled."""
    path = read_manifest()["text-regions"].path
    before, after = simplified(path), with_biases(simplified(path))

    def unbiased(network):
        return [
            node.get_friendly_name()
            for node in network.get_ordered_ops()
            if node.get_type_name() == "Convolution"
            and [reader.get_node().get_type_name() for reader in node.output(0).get_target_inputs()]
            != ["Add"]
        ]

    assert len(unbiased(before)) == 8
    assert unbiased(after) == []


def test_the_ends_of_rare_canvases_are_cut_off_and_zero_is_a_step():
    ends = np.zeros((100, 2, 3), np.float32)
    ends[:, 0], ends[:, 1] = -1, 4
    ends[0, 1, 2] = 1000
    low, high = _reach(ends)
    step = (high - low) / 255
    assert (low, high) == (pytest.approx(-1, abs=step), pytest.approx(4, abs=step))
    assert low / step == pytest.approx(round(low / step))


def test_names_are_drawn_on_photographs_for_the_detector_of_text():
    fonts = sorted((ROOT / "probes/overlay/fonts").glob("*.otf"))
    plain = cv2.imread(str(ASTRONAUT))
    made = list(composed([ASTRONAUT] * 4, fonts, random.Random(4)))
    assert len({one.tobytes() for one in made}) == 4
    assert {one.shape[0] / plain.shape[0] for one in made} <= {0.5, 0.7, 1.0, 1.3, 358 / 512, 666 / 512}


def test_other_weights_are_another_compiled_model(tmp_path, monkeypatch):
    monkeypatch.setenv("MSH_COMPILED", str(tmp_path))
    file = read_manifest()["centerface"].in_int8().path
    for suffix in (".xml", ".bin"):
        shutil.copy(file.with_suffix(suffix), tmp_path / f"m{suffix}")
    before = _place(tmp_path / "m.xml", {}, "")
    with (tmp_path / "m.bin").open("ab") as weights:
        weights.write(b"!")
    assert before != _place(tmp_path / "m.xml", {}, "")
    (tmp_path / "m.bin").unlink()
    assert _place(tmp_path / "m.xml", {}, "") is None


def test_montages_are_as_the_network_is_fed():
    fed = read_manifest()["nanodet-416"].input
    made = [montage([ASTRONAUT], fed, random.Random(seed)) for seed in range(8)]
    assert {one.shape for one in made} == {(416, 416, 3)}
    assert len({one.tobytes() for one in made}) == 8
    tensor = fed_tensor(made[0], fed)
    assert tensor.shape == (1, 3, 416, 416)
    assert tensor[0, 0, 5, 5] == pytest.approx(made[0][5, 5, 0] - 103.53, abs=1e-3)


def test_marks_are_drawn_on_montages_for_the_finder():
    chance = random.Random(2)
    made = [np.zeros((480, 320, 3), np.uint8) for _ in range(4)]
    draw_marks(made, chance)
    assert any(one.any() for one in made)
    assert {one.shape for one in made} == {(480, 320, 3)}


def test_too_few_photographs_are_refused(tmp_path):
    with pytest.raises(BadInput, match="1 photographs; at least 100 are needed"):
        convert("centerface", [tmp_path / "one.jpg"], tmp_path / "out.xml")
    with pytest.raises(BadInput, match="1 photographs; at least 100 are needed"):
        int8_text.convert([tmp_path / "one.jpg"], [tmp_path / "one.ttf"], tmp_path / "out.xml")


def test_without_fonts_nothing_is_drawn(tmp_path):
    with pytest.raises(BadInput, match="no fonts"):
        int8_text.convert([tmp_path / "one.jpg"] * 100, [], tmp_path / "out.xml")
