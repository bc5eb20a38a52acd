"""The original NanoDet graph, run by OpenVINO, as the reference for ours.

    python -m tests.engines.original_nanodet package/models/nanodet.json tests/engines/nanodet_reference.npz

writes what the original says of a picture that every machine has, for its best cells and a few others.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import openvino as ov
from skimage import data

from engines.convert.nanodet import CHANNELS, CLASSES
from engines.convert.tfjs import read_tfjs
from tests.engines.graphdef import graphdef

MEAN = np.array([103.53, 116.28, 123.675], np.float32)
DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)
EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


def centred_input() -> np.ndarray:
    """Return a photograph as 1 x 3 x 416 x 416 BGR less the mean; cut, not resized: the same everywhere."""
    bgr = data.astronaut()[:416, :416, ::-1].astype(np.float32)
    return np.ascontiguousarray((bgr - MEAN).transpose(2, 0, 1)[None])


def original_outputs(source: Path, centred: np.ndarray) -> np.ndarray:
    """Return (50, 3549): 6 class scores after the sigmoid, then 44 box logits, ordered as in our `raw`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nanodet.pb"
        path.write_bytes(graphdef(read_tfjs(source)))
        compiled = ov.Core().compile_model(ov.Core().read_model(path), "CPU", EXACT)
    answer = compiled(centred / DEVIATION[None, :, None, None])
    by_name = {name: values[0] for key, values in answer.items() for name in key.get_names()}
    names = [f"Identity{suffix}:0" for suffix in ("", *(f"_{i}" for i in range(1, 6)))]
    scores, boxes = (np.concatenate([by_name[name] for name in part]) for part in (names[:3], names[3:]))
    return np.concatenate([scores, boxes], 1)[:, CHANNELS].T


if __name__ == "__main__":
    outputs = original_outputs(Path(sys.argv[1]), centred_input())
    best = np.argsort(-outputs[: len(CLASSES)].max(0))[:24]
    cells = np.unique(np.concatenate([best, np.arange(0, outputs.shape[1], 97)]))
    np.savez_compressed(sys.argv[2], cells=cells, outputs=outputs[:, cells])
