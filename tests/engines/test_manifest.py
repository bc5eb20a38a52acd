from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
import yaml

from engines.errors import BadInput
from engines.manifest import ChannelOrder, Decoder, find_model, read_manifest

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

DATA = b"weights"

INT8 = {"file": "tiny.xml", "sha256": "0" * 64, "weights_sha256": "1" * 64}


def minimal() -> dict[str, Any]:
    return {
        "version": 1,
        "models": {
            "tiny": {
                "file": "tiny.onnx",
                "sha256": hashlib.sha256(DATA).hexdigest(),
                "licence": "MIT",
                "origin": {"package": "pypi:tiny", "version": "1.0", "file": "tiny.onnx"},
                "input": {"width": 64, "height": 32, "order": "rgb", "mean": [0, 1.5, 2], "scale": 1.0},
                "decoder": "tf-ssd",
                "classes": ["cat", "dog"],
                "thresholds": {"dog": 0.2, "cat": 0.4},
                "nms_iou": 0.5,
            }
        },
    }


def written(folder: Path, content: object) -> Path:
    path = folder / "models.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_the_minimal_manifest_reads(tmp_path: Path) -> None:
    (model,) = read_manifest(written(tmp_path, minimal())).values()
    assert (model.name, model.classes, model.thresholds) == ("tiny", ("cat", "dog"), (0.4, 0.2))
    assert (model.input.order, model.input.mean, model.decoder) == (
        ChannelOrder.RGB,
        (0, 1.5, 2),
        Decoder.TF_SSD,
    )
    (tmp_path / "tiny.onnx").write_bytes(DATA)
    model.check_file()


def marks(entry: dict[str, Any]) -> None:
    """Make the entry that of a model of marks."""
    entry["decoder"] = "marks"
    for key in ("classes", "thresholds", "nms_iou"):
        del entry[key]


def test_a_model_of_marks_tells_no_classes(tmp_path: Path) -> None:
    content = minimal()
    marks(content["models"]["tiny"])
    (model,) = read_manifest(written(tmp_path, content)).values()
    assert (model.decoder, model.classes, model.thresholds) == (Decoder.MARKS, (), ())
    content["models"]["tiny"]["classes"] = ["mark"]
    with pytest.raises(BadInput, match=r"tiny\.classes: unknown key"):
        read_manifest(written(tmp_path, content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root, m: m.update(colour="x"), r"models\.tiny\.colour: unknown key; known are classes, "),
        (lambda root, m: root.update(modles={}), r"modles: unknown key; known are models, version"),
        (lambda root, m: root.update(version=2), "version 2 is not known; this program reads version 1"),
        (lambda root, m: m.pop("licence"), r"models\.tiny: licence is missing"),
        (lambda root, m: m.update(sha256="ABC"), r"tiny\.sha256: expected 64 hexadecimal digits"),
        (lambda root, m: m.update(decoder="yolo"), r"decoder: 'yolo' is not known; known are tf-ssd"),
        (lambda root, m: m["input"].update(order="yuv"), r"input\.order: 'yuv' .* bgr, rgb"),
        (lambda root, m: m["input"].update(width=100), r"input\.width: expected a multiple of 8, found 100"),
        (lambda root, m: m["input"].update(width="64"), r"input\.width: expected a number from 32 to 4096"),
        (lambda root, m: m["input"].update(mean=[1]), r"input\.mean: expected 3 numbers, found 1"),
        (lambda root, m: m["input"].update(mean=[1, 2, 999]), r"input\.mean: .*0 to 255, found 999"),
        (lambda root, m: m["input"].update(std=1), r"input\.std: unknown key"),
        (lambda root, m: m["thresholds"].pop("cat"), r"thresholds: cat is missing"),
        (lambda root, m: m["thresholds"].update(cow=0.5), r"thresholds\.cow: unknown key"),
        (lambda root, m: m["thresholds"].update(cat=True), r"thresholds\.cat: expected a number"),
        (lambda root, m: m.update(classes=[]), r"classes: expected a list"),
        (lambda root, m: m.update(classes=["cat", "cat"]), r"classes: cat is named twice"),
        (lambda root, m: m.update(origin="pypi"), r"origin: expected a mapping, found 'pypi'"),
        (lambda root, m: m.update(file=None), r"file: expected text, found nothing"),
        (lambda root, m: m.update(int8={**INT8, "sha256": "1"}), r"tiny\.int8\.sha256: expected 64 hex"),
        (
            lambda root, m: m.update(int8={**INT8, "bin": 1}),
            r"int8\.bin: unknown key; known are file, sha256",
        ),
        (lambda root, m: m.update(int8={**INT8, "file": "t.onnx"}), r"int8\.file: .* ends in \.xml"),
        (lambda root, m: m.update(int8={"file": "t.xml"}), r"tiny\.int8: sha256 is missing"),
        (lambda root, m: m.update(nms_iou=1.5), r"nms_iou: expected a number from 0 to 1, found 1.5"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, change: Any, message: str) -> None:
    content = minimal()
    change(content, content["models"]["tiny"])
    with pytest.raises(BadInput, match=message) as caught:
        read_manifest(written(tmp_path, content))
    assert "\n" not in str(caught.value)
    assert "models.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", "not YAML"), ("- 1", "expected a mapping"), ("", "expected a mapping, found nothing")],
)
def test_what_is_no_manifest_is_said(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=message) as caught:
        read_manifest(path)
    assert "\n" not in str(caught.value)


def test_a_missing_manifest_model_or_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read the model manifest: No such file"):
        read_manifest(tmp_path / "none.yaml")
    models = read_manifest(written(tmp_path, minimal()))
    with pytest.raises(BadInput, match="'huge' is not in the manifest; it has tiny"):
        find_model("huge", models)
    with pytest.raises(BadInput, match=r"model tiny: cannot read .*tiny\.onnx: No such file"):
        models["tiny"].check_file()


def test_a_changed_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "tiny.onnx").write_bytes(DATA + b"!")
    with pytest.raises(BadInput, match=r"has sha256 .* the manifest says"):
        read_manifest(written(tmp_path, minimal()))["tiny"].check_file()
