"""Whether the detectors' engines say the same as the CPU of the same pictures."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.decoding import OUTPUTS, Raw, decode, thresholds_of
from engines.errors import BuildFailed, InferenceFailed
from engines.manifest import find_model, read_manifest
from engines.tensorrt.agreement import compare
from engines.tensorrt.calibration import batches
from engines.tensorrt.compiler import Runner, load_tensorrt
from engines.tensorrt.cuda import open_cuda
from pipelines.errors import BadInput
from scripts.check_result import CheckResult, fail, ok

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from engines.detections import Detections
    from engines.manifest import Model
    from engines.tensorrt.agreement import Agreement

    Floats = npt.NDArray[np.float32]

PICTURES = 40


def frames_of(film: Path, folder: Path, count: int = PICTURES) -> list[Path]:
    """Write frames spread over a clip as picture files; return them."""
    capture, found = cv2.VideoCapture(str(film)), []
    try:
        total = max(1, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        wanted = {round(n * (total - 1) / max(1, count - 1)) for n in range(count)}
        number = 0
        while capture.grab():
            if number in wanted:
                read, frame = capture.retrieve()
                path = folder / f"frame-{number:06}.png"
                if read and cv2.imwrite(str(path), frame):
                    found.append(path)
            number += 1
    finally:
        capture.release()
    return found


def judge(found: Mapping[str, Agreement]) -> CheckResult:
    """Return the verdict on all models together."""
    data = {name: str(one) for name, one in found.items()}
    text = "; ".join(f"{name}: {one}" for name, one in found.items())
    little = [name for name, one in found.items() if not one.enough]
    if little or not found:
        mend = "name a clip with more people: --clip FILE"
        return fail("detectors", f"too little was seen to compare: {text}", mend, **data)
    if bad := [name for name, one in found.items() if not one.good]:
        mend = "set platform.precision to fp32 in the store file, and send the report to the maintainer"
        return fail("detectors", f"{', '.join(bad)} differ from the CPU: {text}", mend, **data)
    return ok("detectors", text, **data)


def check(engines: Mapping[str, str], pictures: Sequence[Path], batch: int) -> CheckResult:
    """Run each engine, by model, beside the CPU on the pictures. Nothing is raised."""
    found: dict[str, Agreement] = {}
    try:
        with closing(open_cuda()) as cuda:
            trt = load_tensorrt()
            for name, path in engines.items():
                model = find_model(name, read_manifest())
                least = thresholds_of(model)
                runner = Runner(trt, cuda, model, Path(path).read_bytes(), batch)
                reference = list(detect(on_cpu(model), model, pictures, least))
                found[name] = compare(reference, list(runner.detect(pictures, least)), least)
    except (BuildFailed, InferenceFailed, BadInput, OSError) as error:
        return fail("detectors", str(error))
    return judge(found)


def detect(
    infer: Callable[[Floats], Sequence[Floats]], model: Model, pictures: Sequence[Path], least: Floats
) -> Iterator[Detections]:
    """Yield what a network sees in each picture file, prepared as for an engine."""
    for tensor, fits in batches(pictures, model, 1):
        boxes, scores, classes = infer(tensor)
        for index, fit in enumerate(fits):
            yield decode(Raw(boxes[index], scores[index], classes[index]), fit, model, least)


def on_cpu(model: Model) -> Callable[[Floats], Sequence[Floats]]:
    """Return the model on the CPU in 32 bit: (1, 3, height, width) in, OUTPUTS out."""
    from engines.compiled_models import openvino_core  # noqa: PLC0415 of the extra cpu

    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino_core().compile_model(str(model.path), "CPU", settings)

    def infer(tensor: Floats) -> list[Floats]:
        answer = {key.get_any_name(): value for key, value in compiled(tensor).items()}
        return [np.asarray(answer[name], np.float32) for name in OUTPUTS]

    return infer
