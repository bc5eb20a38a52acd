"""ONNX Runtime for `msh bench detector`: runs in the rivals' environment, one model a process.

Each line on its input asks for one pass over the tensors of an NPZ; the answer is the CPU milliseconds of one
of them. The first pass writes what the model answered.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import Any

import numpy as np

ort: Any = import_module("onnxruntime")


def main(model: str, tensors: str, answers: str) -> None:
    """Serve passes until the input ends."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    with np.load(tensors) as kept:
        fed = [kept[key] for key in kept.files]
    found = [session.run(None, {name: tensor}) for tensor in fed]
    np.savez(answers, *(value.astype(np.float32) for outputs in found for value in outputs))
    for _ in sys.stdin:
        begun = time.process_time()
        for tensor in fed:
            session.run(None, {name: tensor})
        print(1000 * (time.process_time() - begun) / len(fed), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
