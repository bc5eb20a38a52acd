"""The stand-ins of nvinfer and nvtracker refuse the files that the genuine ones would not work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engines.deepstream.files import deepstream_files
from engines.manifest import read_manifest
from pipelines.deepstream.runtime.elements import Gst
from scripts.models.export import REFERENCE
from tests.fakes.deepstream import FakeElementFactory
from tests.fakes.deepstream_base import ProcessEnded
from tests.fakes.deepstream_files import PARSER_LIBRARY, nvinfer_refusals
from tests.pipelines.deepstream.stores import DGPU, JETSON

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = "/opt/nvidia/deepstream/deepstream/lib/libnvds_nvmultiobjecttracker.so"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with the files of all models, as the product writes them on a machine."""
    folder = tmp_path / "state" / "deepstream"
    folder.mkdir(parents=True)
    for name, text in deepstream_files(read_manifest().values(), REFERENCE, folder).items():
        (folder / name).write_text(text)
    return folder


def starts(factory: str, box: Any = JETSON, **properties: Any) -> tuple[bool, str]:
    """Return whether an element starts, and what it says."""
    pipeline: Any = Gst.Pipeline.new(None)
    element = FakeElementFactory(box).make(factory, "x")
    for key, value in properties.items():
        element.set_property(key.replace("_", "-"), value)
    pipeline.add(element)
    result = pipeline.set_state(Gst.State.PAUSED)
    message = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    said = message.parse_error()[0].message if message is not None else ""
    return result != Gst.StateChangeReturn.FAILURE, said


def test_what_the_product_writes_is_taken(files: Path) -> None:
    names = sorted(path.name for path in files.glob("*.yml") if not path.name.startswith("tracker"))
    assert {name: nvinfer_refusals(files / name, 8) for name in names} == {name: [] for name in names}
    assert starts("nvinfer", config_file_path=str(files / "centerface.yml"), batch_size=8) == (True, "")
    for tracker in files.glob("tracker-*.yml"):
        assert starts("nvtracker", ll_config_file=str(tracker), ll_lib_file=LIBRARY) == (True, "")


WRONG = {
    "an unknown key": ("interval: 0", "intervall: 0", "unknown key"),
    "a wrong type": ("network-mode: 2", "network-mode: fp16", "is no int"),
    "no such number": ("network-type: 0", "network-type: 7", "none of"),
    "a truth value in letters": ("symmetric-padding: 1", "symmetric-padding: true", "is no bool"),
    "out of range": ("nms-iou-threshold: 0.3", "nms-iou-threshold: 1.3", "out of range"),
    "a class that there is not": ("class-attrs-0", "class-attrs-1", "section class-attrs-1"),
    "thresholds where none are read": ("network-type: 0", "network-type: 2", "read of detectors alone"),
    "twenty boxes at most": ("  cluster-mode: 2\n", "", "cluster-mode"),
    "offsets of another network": ("net-scale", "offsets: 1;2\n  net-scale", "an offset for each channel"),
    "colours of another network": ("color-format: 0", "color-format: 2", "a colour for each channel"),
    "no network": ("centerface.onnx", "gone.onnx", "gone.onnx is not there"),
    "no labels": ("centerface.labels", "gone.labels", "gone.labels.txt is not there"),
    "labels of another network": ("centerface.labels", "nanodet-416.labels", "6 labels for 1 classes"),
    "another network's outputs": ("centerface.onnx", "marks.onnx", "the network has no detection_boxes"),
    "another network's size": ("infer-dims: 3;384;640", "infer-dims: 4;384;640", "channel of infer-dims"),
    "an unknown parser": ("CustomTfSSD", "CustomYolo", "has no NvDsInferParseCustomYolo"),
    "no parsers": (PARSER_LIBRARY, "libmine.so", "libmine.so is not there"),
}


@pytest.mark.parametrize(("old", "new", "said"), WRONG.values(), ids=WRONG)
def test_a_file_that_nvinfer_would_refuse_pass_over_or_misread(
    files: Path, old: str, new: str, said: str
) -> None:
    path = files / "centerface.yml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    works, words = starts("nvinfer", config_file_path=str(path))
    assert not works
    assert said in words


def test_a_parser_that_cannot_read_the_networks_outputs(files: Path) -> None:
    path = files / "centerface.yml"
    outputs = "detection_boxes;detection_scores;detection_classes"
    text = path.read_text().replace("centerface.onnx", "marks.onnx").replace(outputs, "boxes;scores")
    path.write_text(text)
    assert "TfSSD cannot read detection_boxes" in starts("nvinfer", config_file_path=str(path))[1]


@pytest.mark.parametrize(("made_for", "works"), [(4, False), (8, True), (16, True)])
def test_an_engine_for_fewer_pictures_at_once(files: Path, made_for: int, works: bool) -> None:
    """nvinfer would put it aside and build another one, for minutes at each start."""
    path, engine = files / "centerface.yml", files / f"centerface-fp16-b{made_for}-0.engine"
    engine.write_bytes(b"engine")
    lines = (line for line in path.read_text().splitlines() if "model-engine-file" not in line)
    path.write_text("\n".join(lines).replace("property:", f"property:\n  model-engine-file: {engine}"))
    assert starts("nvinfer", config_file_path=str(path), batch_size=8)[0] is works


@pytest.mark.parametrize("text", [None, "property: [", "property:\n\t- x"])
def test_a_yaml_that_cannot_be_read_ends_the_process(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "x.yml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ProcessEnded):
        starts("nvinfer", config_file_path=str(path))


def test_an_ini_that_is_not_there_is_taken_and_does_not_start(tmp_path: Path) -> None:
    assert starts("nvinfer", config_file_path=str(tmp_path / "x.txt"))[0] is False


TRACKERS = {
    "no first line": ("%YAML:1.0\n", "", "the first line"),
    "an unknown section": ("TargetManagement:", "TargetManager:", "section TargetManager"),
    "a key of another section": ("  maxTargetsPerStream: 150\n", "  useHog: 1\n", "useHog: unknown key"),
    "a truth value in letters": ("enableReAssoc: 0", "enableReAssoc: false", "is no bool"),
    "out of range": ("featureImgSizeLevel: 2", "featureImgSizeLevel: 6", "out of range"),
    "no such number": ("stateEstimatorType: 1", "stateEstimatorType: 4", "none of"),
    "a network that is not there": ("reidType: 0", "reidType: 2", "its network is not there"),
    "a back end of another filter": ("useHog", "vpiBackend4DcfTracker: 1\n  useHog", "only the VPI filter"),
    "hardware of a Jetson": (
        "visualTrackerType: 1",
        "visualTrackerType: 2\n  vpiBackend4DcfTracker: 2",
        "PVA",
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), TRACKERS.values(), ids=TRACKERS)
def test_a_file_that_the_trackers_library_would_refuse(files: Path, old: str, new: str, said: str) -> None:
    path = files / "tracker-perf.yml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    works, words = starts("nvtracker", DGPU, ll_config_file=str(path), ll_lib_file=LIBRARY)
    assert not works
    assert said in words


@pytest.mark.parametrize(
    ("config", "library"), [("", LIBRARY), ("gone.yml", LIBRARY), ("tracker-perf.yml", "/x/libmine.so")]
)
def test_a_tracker_without_its_files_does_not_start(files: Path, config: str, library: str) -> None:
    path = str(files / config) if config else ""
    assert starts("nvtracker", ll_config_file=path, ll_lib_file=library)[0] is False
