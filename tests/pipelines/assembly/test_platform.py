from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from engines.deepstream.nvinfer_config import FACE_GIE
from engines.manifest import find_model
from engines.tensorrt.engine_key import EngineStore
from engines.thresholds import MASKED_FACE
from pipelines.assembly.platform import Nvidia, _files_for
from pipelines.cameras.source import SourceSpec
from pipelines.cameras.states import CameraState
from pipelines.deepstream.camera_meta import object_classes
from pipelines.deepstream.checks.store_check import box_of, proven_graph
from pipelines.deepstream.graph.capabilities import Device
from pipelines.errors import BadInput
from pipelines.settings import load_settings
from pipelines.stopping import Stopping
from pipelines.store import Store
from probes.frame import Kind
from probes.metrics import Metrics
from scripts.models.export import REFERENCE
from tests.fakes.deepstream import FakeElementFactory
from tests.fakes.deepstream_files import TRACKER_LIBRARY, nvinfer_refusals, nvtracker_refusals
from tests.fakes.nvds import pyds
from tests.pipelines.deepstream.stores import BOXES
from tests.waiting import wait_for

TEXT = """
version: 1
store: {id: s, name: S, device: box, timezone: UTC, currency: EUR}
cameras: {door: {source: "rtsp://127.0.0.1:9/x"}}
outputs: {rtsp: {listen: "127.0.0.1:0"}}
"""


def store_on(platform, folder, nvidia=None, text=TEXT):
    path = folder / "store.yaml"
    path.write_text(text)
    metrics = Metrics([state.value for state in CameraState])
    return Store(load_settings(path, env={}), metrics=metrics, platform=platform, nvidia=nvidia)


@pytest.mark.parametrize("platform", ["cpu", "deepstream"])
def test_the_overlay_speaks_the_stores_language(tmp_path, monkeypatch, platform):
    built = []
    for overlay in ("pipelines.cpu.platform.Overlay", "pipelines.deepstream.analysis.MetaOverlay"):
        monkeypatch.setattr(overlay, lambda *given, **_named: built.append(given[-1]))
    nvidia = Nvidia(FakeElementFactory(BOXES["dgpu-legacy-blur"]), pyds(), REFERENCE)
    store = store_on(platform, tmp_path, nvidia, TEXT.replace("EUR}", "EUR, locale: de_DE}"))
    assert [words.type("handbag") for words in built] == ["Handtasche"]
    store.stop()


@pytest.mark.parametrize(("platform", "models"), [("cpu", 2), ("deepstream", 3)])
def test_the_models_of_persons_and_faces_are_told_with_their_precision(tmp_path, platform, models):
    """And that of marks, where it is a part of DeepStream's graph and not of the looks."""
    nvidia = Nvidia(FakeElementFactory(BOXES["dgpu-legacy-blur"]), pyds(), REFERENCE)
    store = store_on(platform, tmp_path, nvidia, TEXT + "brands: {}\n")
    (found,) = (one for one in store._metrics.registry.collect() if one.name == "msh_model_loaded")
    told = {one.labels["model"]: one.labels["precision"] for one in found.samples}
    assert list(told) == ["nanodet-416", "centerface", "marks"][:models]
    assert platform == "cpu" or set(told.values()) == {REFERENCE.precision.value}
    store.stop()


def test_all_that_a_face_model_of_the_shop_finds_is_a_face_on_deepstream(tmp_path, monkeypatch):
    """Its manifest lists two classes, and wants them to be very sure."""

    def of_the_shop(name, manifest):
        model = find_model(name, manifest)
        own = {"classes": ("person", "face"), "thresholds": (0.999, 0.999)}
        return replace(model, **own) if name == "centerface" else model

    for place in ("engines.manifest", "pipelines.deepstream.camera_meta"):
        monkeypatch.setattr(f"{place}.find_model", of_the_shop)
    (tmp_path / "store.yaml").write_text(TEXT)
    settings = load_settings(tmp_path / "store.yaml", env={})
    _files_for(settings, REFERENCE, tmp_path)
    written = yaml.safe_load((tmp_path / "deepstream/centerface.yml").read_text())
    least = [written[f"class-attrs-{number}"]["pre-cluster-threshold"] for number in (0, 1)]
    assert least == [MASKED_FACE] * 2
    assert [object_classes(settings)[FACE_GIE, number][0] for number in (0, 1)] == [Kind.FACE] * 2


@pytest.mark.parametrize(
    "name", ["shop #1", "shop: Berlin", "it's", '"a"', "{a}", "[a]", "& a", "\\a", "Käufe"]
)
def test_nvinfer_finds_its_files_in_a_folder_of_any_name(tmp_path, name):
    """Its files are YAML, which ends a value at a " #", and cannot be read at a ": "."""
    (tmp_path / "store.yaml").write_text(TEXT)
    machine = replace(REFERENCE, engines=EngineStore(tmp_path / name))
    written = _files_for(load_settings(tmp_path / "store.yaml", env={}), machine, tmp_path / "state")
    for path in (written.person, written.face):
        assert nvinfer_refusals(path, 1) == []
        engine = yaml.safe_load(path.read_text())["property"]["model-engine-file"]
        assert (path.parent / engine).resolve().parent == tmp_path / name


def test_nvtracker_finds_its_file_where_the_state_folder_has_its_separator_in_its_name(
    tmp_path, monkeypatch, caplog
):
    """What stands behind a ";" is the file of another part of the batch, see gst_nv_tracker_set_property."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "store.yaml").write_text(TEXT)
    settings = load_settings(tmp_path / "store.yaml", env={})
    files = _files_for(settings, REFERENCE, tmp_path / "a;b")
    assert nvtracker_refusals(str(files.tracker), TRACKER_LIBRARY, jetson=True) == []
    for path in (files.person, files.face):
        assert nvinfer_refusals(path, 1) == []
    assert "takes what stands behind a ';' for another file" in caplog.text
    box = box_of(Device.JETSON, (9, 1))
    proven_graph(settings, box, files)
    with pytest.raises(BadInput, match=r"'/a;b/x\.yml' is not a path of one file"):
        proven_graph(settings, box, replace(files, tracker=Path("/a;b/x.yml")))


def test_a_folder_whose_name_is_no_utf_8_is_one_clear_line(tmp_path):
    (tmp_path / "store.yaml").write_text(TEXT)
    settings = load_settings(tmp_path / "store.yaml", env={})
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    machine = replace(REFERENCE, engines=EngineStore(folder))
    with pytest.raises(BadInput, match=r"caf\\udce9.*: nvinfer reads names in UTF-8 alone"):
        _files_for(settings, machine, tmp_path)


def test_files_that_the_state_folder_does_not_take_lie_elsewhere_and_go_with_the_process(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    at_exit = []
    noted = SimpleNamespace(register=lambda *call, **more: at_exit.append((call, more)))
    monkeypatch.setattr("pipelines.assembly.platform.atexit", noted)
    (tmp_path / "store.yaml").write_text(TEXT)
    (tmp_path / "deepstream").write_text("a file where the folder should be")
    _files_for(load_settings(tmp_path / "store.yaml", env={}), REFERENCE, tmp_path)
    (place,) = tmp_path.glob("msh-deepstream-*")
    assert list(place.iterdir())
    assert f"lie in {place} until the next restart" in caplog.text
    (((remove, *arguments), more),) = at_exit
    remove(*arguments, **more)
    assert not place.exists()


@pytest.mark.skipif(shutil.which("deepstream-app") is not None, reason="DeepStream is installed here")
def test_auto_takes_the_cpu_where_deepstream_is_missing_and_says_why(tmp_path, caplog):
    caplog.set_level("INFO")
    store = store_on("auto", tmp_path)
    assert store.platform.name == "cpu"
    assert "DeepStream is not installed here" in caplog.text
    store.stop()


@pytest.mark.skipif(shutil.which("deepstream-app") is not None, reason="DeepStream is installed here")
def test_a_platform_that_cannot_be_had_is_one_line(tmp_path):
    with pytest.raises(
        BadInput, match=r'DeepStream is not installed here.*set platform.kind to "cpu"'
    ) as raised:
        store_on("deepstream", tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("gpu", [True, False])
def test_the_cpu_in_place_of_a_gpu_is_a_warning_a_metric_and_a_status(tmp_path, monkeypatch, caplog, gpu):
    caplog.set_level("INFO")
    monkeypatch.setattr("pipelines.deepstream.runtime.device.has_nvidia_gpu", lambda: gpu)
    store = store_on("auto", tmp_path, a_box(version=(6, 3)))
    assert store.platform.name == "cpu"
    level = "WARNING" if gpu else "INFO"
    (record,) = [r for r in caplog.records if "runs on the CPU" in r.getMessage()]
    assert (record.levelname, "DeepStream 6.3 is not supported" in record.getMessage()) == (level, True)
    assert ("DeepStream 6.3 is not supported" in store.platform.gpu_unused) is gpu
    assert store._metrics.registry.get_sample_value("msh_gpu_unused") == float(gpu)
    store.stop()


def a_box(box="dgpu-legacy-blur", version=(9, 1), missing=(), **parts):
    """Return a box on which DeepStream is whole, but for what a test takes away."""
    element_factory = FakeElementFactory(BOXES[box])
    element_factory.version, element_factory.missing, element_factory.encoder_works = (
        version,
        set(missing),
        BOXES[box].nvenc,
    )
    return Nvidia(**{"element_factory": element_factory, "pyds": pyds(), "machine": REFERENCE, **parts})


def an_old_one(_monkeypatch):
    return a_box(version=(6, 3))


def without_pyds(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyds", None)
    return a_box(pyds=None)


def a_wheel_under_numpy_2(monkeypatch):
    monkeypatch.setattr("probes.nvds.pyds_meta.version", lambda _name: "1.2.0")
    monkeypatch.setattr(np, "__version__", "2.1.0")
    return a_box(pyds=None)


def without_an_encoder(_monkeypatch):
    return a_box("h100-legacy-boxes", missing=["x264enc"])


def without_a_plugin(_monkeypatch):
    return a_box(missing=["nvtracker"])


def without_a_parser(monkeypatch):
    monkeypatch.setattr("engines.deepstream.nvinfer_config.PARSERS", {})
    return a_box()


def without_tensorrt(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    return a_box(machine=None)


def whole(_monkeypatch):
    return a_box()


FOLDER = TEXT.replace("rtsp://127.0.0.1:9/x", "PICTURES")
BAD = {
    "unsupported version": (an_old_one, TEXT, r"DeepStream 6\.3 is not supported; 7\.1 to 9\.x are"),
    "missing pyds": (without_pyds, TEXT, "pyds: cannot be imported .*; install NVIDIA's wheel"),
    "numpy 2 with a wheel": (
        a_wheel_under_numpy_2,
        TEXT,
        r'numpy below 2, here is 2\.1\.0; install "numpy<2"',
    ),
    "no encoder": (without_an_encoder, TEXT, "no H.264 encoder: .* install gstreamer1.0-plugins-ugly"),
    "a missing plugin": (without_a_plugin, TEXT, "no element nvtracker"),
    "no decoder for TensorRT": (
        without_a_parser,
        TEXT,
        "model nanodet-416: nvinfer has no parser for decoder tf-ssd; .* or run it on the CPU",
    ),
    "no TensorRT": (without_tensorrt, TEXT, "TensorRT.s Python package is not installed"),
    "a folder of pictures": (whole, FOLDER, "reads no folders of pictures; use a video file or the CPU"),
}


@pytest.mark.parametrize(("spoil", "text", "says"), BAD.values(), ids=BAD)
def test_what_deepstream_cannot_do_is_one_line_and_auto_takes_the_cpu(
    tmp_path, caplog, monkeypatch, spoil, text, says
):
    caplog.set_level("INFO")
    (tmp_path / "pictures").mkdir()
    text = text.replace("PICTURES", str(tmp_path / "pictures"))
    nvidia = spoil(monkeypatch)
    with pytest.raises(BadInput, match=says) as raised:
        store_on("deepstream", tmp_path, nvidia, text)
    assert "\n" not in str(raised.value)
    store = store_on("auto", tmp_path, nvidia, text)
    assert store.platform.name == "cpu"
    assert caplog.messages.count(f"runs on the CPU: {raised.value}") == 1
    store.stop()


@pytest.mark.parametrize("kind", ["auto", "deepstream"])
def test_a_box_on_which_all_is_there_runs_deepstream(tmp_path, monkeypatch, kind):
    store = store_on(kind, tmp_path, whole(monkeypatch))
    assert store.platform.name == "deepstream"
    store.stop()


@pytest.mark.parametrize("kind", ["auto", "deepstream"])
def test_a_folder_that_cannot_be_had_yet_keeps_no_store_from_the_gpu(tmp_path, monkeypatch, kind):
    """A network disk that is mounted late. The CPU platform tries again, too."""
    (tmp_path / "disk").write_text("in its way")
    outputs = "snapshots: {folder: disk/shots}, record: {folder: disk/video}"
    text = TEXT.replace("outputs: {", f"outputs: {{{outputs}, ")
    store = store_on(kind, tmp_path, whole(monkeypatch), text)
    assert store.platform.name == "deepstream"
    store.stop()


def test_deepstream_says_that_it_describes_nobody(tmp_path, caplog):
    service = "describe: {provider: openai, url: 'http://127.0.0.1:9/v1', model: m}\n"
    store_on("deepstream", tmp_path, a_box(), TEXT + service).stop()
    assert "describe: not available on DeepStream" in caplog.text


def test_a_csi_camera_is_refused_on_the_cpu_with_a_way_out():
    with pytest.raises(BadInput, match="need DeepStream on a Jetson; use /dev/video0"):
        SourceSpec("door", "csi://0")


@pytest.mark.parametrize("platform", ["cpu", "deepstream"])
def test_a_lost_camera_is_one_log_line_on_either_platform(tmp_path, caplog, platform):
    nvidia = a_box("dgpu-legacy-blur")
    nvidia.element_factory.scripts["rtsp://127.0.0.1:9/x"] = "dead"
    store = store_on(platform, tmp_path, nvidia if platform == "deepstream" else None)
    store.start()
    try:
        wait_for(lambda: "camera door: backoff (" in caplog.text)
    finally:
        assert store.stop(Stopping(300))
    assert "Traceback" not in caplog.text
