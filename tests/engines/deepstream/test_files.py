"""nvinfer and tracker files: every key and value against the facts, and the committed ones in step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engines.deepstream.files import BESIDE_GRAPH, batch_of, deepstream_files
from engines.deepstream.nvinfer_config import (
    BEST_K,
    BRAND_GIE,
    CROPS,
    LOOKS,
    Inference,
    OnObjects,
    nvinfer_yaml,
)
from engines.deepstream.nvtracker_config import NvTracker, ReId, TrackerPreset, nvtracker_yaml
from engines.errors import BadInput
from engines.manifest import ChannelOrder, Decoder, Input, Model, Origin, read_manifest
from engines.paths import CONFIGS
from engines.tensorrt.engine_key import EngineKey, EnginePrecision, EngineStore
from engines.thresholds import MASKED_PERSON
from scripts.models.export import REFERENCE
from tests.fakes.deepstream_keys import FACTS, PATHS, nvinfer_mistakes, nvtracker_mistakes

CONFIGS = CONFIGS / "deepstream"
MODELS = read_manifest()
DETECTORS = [name for name, model in MODELS.items() if model.classes]
MARKS = Model(
    "marks",
    CONFIGS.parent.parent / "engines" / "models" / "marks.onnx",
    "0" * 64,
    "Apache-2.0",
    Origin("own", "1", "engines/training"),
    Input(320, 480, ChannelOrder.RGB, (0.0, 0.0, 0.0), 1.0),
    Decoder.MARKS,
    (),
    (),
    1.0,
)
FILES = deepstream_files(MODELS.values(), REFERENCE, CONFIGS)


def test_the_committed_files_are_those_that_the_code_writes() -> None:
    assert {path.name: path.read_text() for path in CONFIGS.iterdir()} == FILES


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".yml")])
def test_every_key_and_value_is_one_that_deepstream_reads(name: str) -> None:
    mistakes = nvtracker_mistakes if name.startswith("tracker") else nvinfer_mistakes
    assert mistakes(FILES[name]) == []


@given(
    name=st.sampled_from(sorted(DETECTORS)),
    batch=st.integers(1, 1024),
    precision=st.sampled_from(EnginePrecision),
    on=st.none() | st.builds(OnObjects, st.just(1), st.just((0, 3)), st.integers(0, 200)),
    threshold=st.floats(0.01, 0.99),
)
def test_whatever_is_asked_for_is_readable(
    name: str, batch: int, precision: EnginePrecision, on: OnObjects | None, threshold: float
) -> None:
    model = MODELS[name]
    calibration = Path("/engines/x.calibration")
    least = {model.classes[0]: threshold}
    inference = Inference(model, 7, batch, precision, None, calibration, least, on)
    text = nvinfer_yaml(inference, folder=Path("/etc/msh/deepstream"))
    assert nvinfer_mistakes(text) == []
    found = yaml.safe_load(text)
    assert found["class-attrs-0"]["pre-cluster-threshold"] == pytest.approx(threshold)
    assert found["property"]["network-mode"] == {"fp32": 0, "int8": 1, "fp16": 2, "best": 3}[precision.value]


def test_the_file_says_what_the_manifest_says() -> None:
    own = yaml.safe_load(FILES["nanodet-544x320.yml"])
    assert own["property"]["infer-dims"] == "3;320;544"  # channels, height, width
    assert own["property"]["model-color-format"] == 1  # BGR
    assert own["property"]["offsets"] == "103.53;116.28;123.675"
    assert own["property"]["parse-bbox-func-name"] == "NvDsInferParseCustomTfSSD"
    assert own["property"]["cluster-mode"] == 2
    assert own["class-attrs-0"] == {"pre-cluster-threshold": MASKED_PERSON}  # the probe tells who counts
    assert own["class-attrs-all"] == {
        "pre-cluster-threshold": MASKED_PERSON,
        "nms-iou-threshold": 0.6,
        "topk": BEST_K,
    }
    face = yaml.safe_load(FILES["centerface.yml"])["property"]
    assert (face["model-color-format"], face["gie-unique-id"], face["process-mode"]) == (0, 2, 1)
    assert face["interval"] == 0  # every frame, or faces go unmasked


@pytest.mark.parametrize("precision", EnginePrecision)
def test_a_model_of_marks_works_on_looks_and_hands_its_tensors_on(precision: EnginePrecision) -> None:
    machine = replace(REFERENCE, precision=precision, batch=3)
    files = deepstream_files([MARKS], machine, CONFIGS)
    assert [name for name in files if name.startswith("marks")] == ["marks.yml"]  # no labels
    assert nvinfer_mistakes(files["marks.yml"]) == []
    content = yaml.safe_load(files["marks.yml"])
    assert list(content) == ["property"]
    own = content["property"]
    same = {
        "network-type": 100,
        "output-tensor-meta": 1,
        "infer-dims": "3;480;320",
        "model-color-format": 0,
        "net-scale-factor": 1.0,
        "maintain-aspect-ratio": 1,
        "symmetric-padding": 0,
        "output-blob-names": "boxes;scores;vectors",
        "batch-size": CROPS,
        "gie-unique-id": BRAND_GIE,
        "process-mode": 2,
        "operate-on-gie-id": LOOKS,
        "operate-on-class-ids": 0,
        "input-object-min-width": 32,
        "input-object-min-height": 32,
    }
    assert same.items() <= own.items()
    assert own["network-mode"] == (0 if precision is EnginePrecision.FP32 else 2)
    assert f"-b{CROPS}-" in own["model-engine-file"]
    assert "offsets" not in own


def test_files_named_in_the_committed_ones_are_there() -> None:
    for name, model in MODELS.items():
        if model.decoder in BESIDE_GRAPH:
            assert f"{name}.yml" not in FILES  # for enrolling and words, which the CPU does
            continue
        own = yaml.safe_load(FILES[f"{name}.yml"])["property"]
        assert all((CONFIGS / own[key]).is_file() for key in PATHS if key in own)
        engine = Path(own["model-engine-file"]).name
        assert engine.startswith(f"{name}-fp16-b{batch_of(model, REFERENCE.batch)}-")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch": 0}, "batch 0"),
        ({"batch": 1025}, "batch 1025"),
        ({"gie_id": 0}, "unique ids"),
        ({"on": OnObjects(1, (0,))}, "its own boxes"),
        ({"model": MARKS}, "works on crops of persons"),
        (
            {"model": MARKS, "precision": EnginePrecision.BEST, "calibration": Path("x")},
            "cannot be judged in 8 bits",
        ),
        ({"precision": EnginePrecision.INT8}, "msh models build centerface --precision int8 --frames"),
    ],
)
def test_what_nvinfer_would_refuse_or_misread_is_refused_here(change: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        replace(Inference(MODELS["centerface"], 1, 4), **change)  # type: ignore[arg-type]  # one wrong value each


def test_an_unknown_class_is_refused() -> None:
    wrong = Inference(MODELS["centerface"], 2, 4, thresholds={"nose": 0.5})
    with pytest.raises(BadInput, match="no class 'nose'"):
        nvinfer_yaml(wrong, folder=Path("/x/y"))


@pytest.mark.parametrize("preset", TrackerPreset)
@pytest.mark.parametrize("version", [(7, 1), (8, 0), (9, 2)])
@pytest.mark.parametrize("reid", [None, ReId(Path("/m/r.onnx"), Path("/m/r.engine"))])
def test_tracker_files(preset: TrackerPreset, version: tuple[int, int], reid: ReId | None) -> None:
    tracker = NvTracker(preset, version, reid=reid)
    assert nvtracker_mistakes(nvtracker_yaml(tracker)) == []
    sections = tracker.sections()
    old = version < (8, 0) or preset is TrackerPreset.MAX_PERF
    assert sections["VisualTracker"]["visualTrackerType"] == (1 if old else 2)
    assert sections["ReID"]["reidType"] == (0 if reid is None else 2)
    assert sections["TrajectoryManagement"]["enableReAssoc"] == (reid is not None)


@pytest.mark.parametrize("preset", TrackerPreset)
def test_presets_are_the_vendors_but_for_appearance(preset: TrackerPreset) -> None:
    ours = NvTracker(preset).sections()
    for section, keys in FACTS["nvtracker-presets"][preset.value].items():
        if section not in ("ReID", "TrajectoryManagement"):
            assert {key: ours[section][key] for key in keys} == keys
    with_reid = NvTracker(preset, reid=ReId(Path("a"), Path("b"))).sections()
    if preset is TrackerPreset.ACCURACY:
        theirs = FACTS["nvtracker-presets"]["accuracy"]
        assert theirs["TrajectoryManagement"].items() <= with_reid["TrajectoryManagement"].items()
        assert set(theirs["ReID"]) <= set(with_reid["ReID"])


def test_a_stores_thresholds_come_before_the_manifests() -> None:
    wanted = {"centerface": {"face": 0.35}}
    files = deepstream_files(MODELS.values(), REFERENCE, CONFIGS, wanted)
    changed = [name for name, text in files.items() if text != FILES[name]]
    assert changed == ["centerface.yml"]
    assert yaml.safe_load(files["centerface.yml"])["class-attrs-0"] == {"pre-cluster-threshold": 0.35}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("property: {batch_size: 4}", "unknown key"),
        ("property: {network-mode: 4}", "none of"),
        ("property: {network-mode: fp16}", "is no int"),
        ("property: {maintain-aspect-ratio: true}", "is no bool"),
        ("property: {infer-dims: [3, 4, 4]}", "sequence"),
        ("property: {batch-size: 2000}", "out of range"),
        ("property: {num-detected-classes: 1}\nclass-attrs-1: {topk: 3}", "section class-attrs-1"),
        ("class-attrs-all: {topk: 3}", "no property section"),
        ("property: {uff-file: x}", "dead"),
        ("property: {network-type: 100}", "output-tensor-meta"),
        ("property: {network-type: 100, secondary-reinfer-interval: 5}", "these keys count"),
    ],
)
def test_the_checker_finds_mistakes(text: str, mistake: str) -> None:
    assert any(mistake in found for found in nvinfer_mistakes(text))


def test_eight_bits_are_named_only_where_they_were_judged(tmp_path: Path) -> None:
    machine = replace(REFERENCE, precision=EnginePrecision.INT8, engines=EngineStore(tmp_path))
    with pytest.raises(BadInput, match="msh models build centerface --precision int8 --frames"):
        deepstream_files([MODELS["centerface"]], machine, CONFIGS)
    key = EngineKey.of(MODELS["centerface"], machine.tensorrt, machine.gpu, machine.precision, machine.batch)
    machine.engines.write(machine.engines.calibration(key), b"calibration")
    machine.engines.put(key, b"engine", {})
    text = deepstream_files([MODELS["centerface"]], machine, CONFIGS)["centerface.yml"]
    assert nvinfer_mistakes(text) == []
    own = yaml.safe_load(text)["property"]
    assert own["int8-calib-file"] == str(tmp_path / key.calibration_name)
    assert own["network-mode"] == 1
