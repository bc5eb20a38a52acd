"""Makes the ImageNet baseline of `msh bench brands`: `python -m scripts.bench.imagenet PACKAGE OUT.onnx`.

PACKAGE is the unpacked npm package nsfwjs (4.3.0, MIT), of whose MobileNetV2 all up to the last feature map
is taken: trained on ImageNet, its upper layers tuned further for that package. Needs node. The result is for
comparison only and no part of the product.
"""

from __future__ import annotations

import argparse
import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

MODEL = Path("dist") / "models" / "mobilenet_v2"
READ = (
    "const own=p=>{const m=require(p);return m.default||m};"
    "process.stdout.write(JSON.stringify([own(process.argv[1]),own(process.argv[2])]))"
)
EPSILON = 1e-3


def convert(package: Path) -> Any:
    """Return the backbone as an ONNX model: picture (1, 224, 224, 3) from -1 to 1, RGB, to features."""
    folder = (package / MODEL).resolve()
    files = [str(folder / name) for name in ("model.min.js", "group1-shard1of1.min.js")]
    done = subprocess.run(["node", "-e", READ, *files], stdout=subprocess.PIPE, check=True, timeout=120)
    model, data = json.loads(done.stdout)
    weights = dict(_weights(model["weightsManifest"], base64.b64decode(data)))
    layers = model["modelTopology"]["model_config"]["config"]["layers"]
    nodes = [helper.make_node("Transpose", ["picture"], [layers[0]["name"]], perm=[0, 3, 1, 2])]
    held: list[Any] = []
    last = layers[0]["name"]
    for layer in layers[1:]:
        if layer["class_name"] in ("AveragePooling2D", "GlobalAveragePooling2D", "Dense", "Dropout"):
            break
        nodes.append(_node(layer, weights, held))
        last = layer["name"]
    graph = helper.make_graph(
        nodes,
        "mobilenet_v2",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 224, 224, 3])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [1, "channels", "height", "width"])],
        held,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _weights(manifest: Any, data: bytes) -> Any:
    """Yield each weight by name; uint8 values have a scale and a least value."""
    offset = 0
    for weight in (weight for group in manifest for weight in group["weights"]):
        packed = weight.get("quantization", {})
        kind = np.dtype(packed.get("dtype", weight["dtype"]))
        count = int(np.prod(weight["shape"], dtype=np.int64))
        values = np.frombuffer(data, kind, count, offset).reshape(weight["shape"]).astype(np.float32)
        yield weight["name"], values * packed.get("scale", 1.0) + packed.get("min", 0.0)
        offset += count * kind.itemsize


def _node(layer: Any, weights: dict[str, Any], held: list[Any]) -> Any:
    name, settings, kind = layer["name"], layer["config"], layer["class_name"]
    inputs = [source[0] for source in layer["inbound_nodes"][0]]

    def hold(suffix: str, values: Any) -> str:
        held.append(numpy_helper.from_array(np.ascontiguousarray(values), f"{name}/{suffix}"))
        return f"{name}/{suffix}"

    if kind == "ZeroPadding2D":
        (top, bottom), (left, right) = settings["padding"]
        pads = hold("pads", np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
        return helper.make_node("Pad", [*inputs, pads], [name])
    if kind in ("Conv2D", "DepthwiseConv2D"):
        deep = kind == "DepthwiseConv2D"
        values = weights[f"{name}/{'depthwise_kernel' if deep else 'kernel'}"]
        kernel = hold("kernel", values.transpose(2, 3, 0, 1) if deep else values.transpose(3, 2, 0, 1))
        padding = "SAME_UPPER" if settings["padding"] == "same" else "VALID"
        group = values.shape[2] if deep else 1
        strides = settings["strides"]
        return helper.make_node(
            "Conv", [*inputs, kernel], [name], auto_pad=padding, strides=strides, group=group
        )
    if kind == "BatchNormalization":
        parts = [
            hold(p, weights[f"{name}/{p}"].astype(np.float32))
            for p in ("gamma", "beta", "moving_mean", "moving_variance")
        ]
        return helper.make_node("BatchNormalization", [*inputs, *parts], [name], epsilon=EPSILON)
    if kind == "ReLU":
        bounds = [hold("low", np.float32(0)), hold("high", np.float32(settings.get("max_value") or 6))]
        return helper.make_node("Clip", [*inputs, *bounds], [name])
    if kind == "Add":
        return helper.make_node("Add", inputs, [name])
    raise ValueError(f"{name}: a layer {kind} is not known")


def main() -> None:
    """Convert."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    save(convert(args.package), str(args.out))


if __name__ == "__main__":
    main()
