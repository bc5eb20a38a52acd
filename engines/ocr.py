"""Reads words from a picture: PP-OCR by rapidocr on OpenVINO, with the models inside its wheel."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import openvino  # type: ignore[import-untyped]  # the wheel has no py.typed
import rapidocr
from rapidocr import EngineType, RapidOCR
from rapidocr.utils.output import RapidOCROutput

from engines.colour import to_bgr
from engines.errors import BadInput
from engines.image import I420
from engines.words import Word

if TYPE_CHECKING:
    import numpy.typing as npt

    Bgr = npt.NDArray[np.uint8]

# On composed words of 6 to 24 px cap height on 160 x 400 crops, recall over 6/8/10/12/16/24 px was
# 14/16/17/19/18/14 at scale 1, 16/17/21/20/21/15 at 1.5 and no better at 2 or 3, for 24, 37, 45, 90 ms.
UPSCALE = 1.5
MAX_SIDE = 736
GRID = 64
SMALLEST = 16
CACHED_SHAPES = 100
TEXT_SCORE = 0.5


class WordReader:
    """Reads words. One instance serves one thread at a time.

    Pictures are scaled (up to UPSCALE, at most MAX_SIDE) and padded to a grid, so that the runtime meets few
    shapes. Loads and tries its models at once, from the wheel, never from a network.
    """

    def __init__(self, *, threads: int = 1, max_side: int = MAX_SIDE) -> None:
        self._max_side = max_side
        models = {task: _model(task) for task in ("Det", "Rec", "Cls")}
        settings: dict[str, object] = {f"{task}.model_path": str(path) for task, path in models.items()}
        settings |= {f"{task}.engine_type": EngineType.OPENVINO for task in models}
        settings |= {
            "Global.use_cls": False,
            "Global.log_level": "error",
            "Global.text_score": TEXT_SCORE,
            "Det.limit_type": "max",
            "Det.limit_side_len": max_side + GRID,
            "Rec.rec_batch_num": 1,
            "EngineConfig.openvino.inference_num_threads": threads,
        }
        self._engine = RapidOCR(params=settings)
        _quieten()
        trial = np.full((64, 256, 3), 255, np.uint8)
        cv2.putText(trial, "READY", (40, 44), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 3)
        if not self.read(trial):
            raise BadInput("the word reader cannot read a plain word: reinstall it (`pip install rapidocr`)")
        for stage in (self._engine.text_det, self._engine.text_rec):
            _bound_cache(stage, threads)

    def read(self, picture: I420 | Bgr) -> list[Word]:
        """Return the words of an I420 picture or a (height, width, 3) uint8 BGR array, in reading order."""
        bgr = to_bgr(picture) if isinstance(picture, I420) else picture
        height, width = bgr.shape[:2]
        if min(height, width) < SMALLEST:
            return []
        scale = min(UPSCALE, self._max_side / max(height, width))
        found = self._engine(_on_grid(bgr, scale))
        if not isinstance(found, RapidOCROutput) or found.boxes is None:
            return []
        words = []
        for corners, text, score in zip(found.boxes, found.txts or (), found.scores or (), strict=True):
            (left, top), (right, bottom) = (np.asarray(corners).min(0), np.asarray(corners).max(0))
            box = (
                max(0.0, float(left) / scale),
                max(0.0, float(top) / scale),
                min(float(width), float(right) / scale),
                min(float(height), float(bottom) / scale),
            )
            words.append(Word(str(text), float(score), box))
        return words


def _on_grid(bgr: Bgr, scale: float) -> Bgr:
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    scaled = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=method)
    height, width = scaled.shape[:2]
    down, across = -height % GRID, -width % GRID
    padded = cv2.copyMakeBorder(scaled, 0, down, 0, across, cv2.BORDER_REPLICATE)
    return np.asarray(padded, np.uint8)


def _model(task: str) -> Path:
    folder = Path(rapidocr.__file__).parent / "models"
    found = sorted(folder.glob(f"*_{task.lower()}_*.onnx"))
    if len(found) != 1:
        raise BadInput(f"{len(found)} {task} models in {folder}, not one: reinstall rapidocr 3")
    return found[0]


def _bound_cache(stage: Any, threads: int) -> None:
    """Compile a stage's model anew with few cached shapes.

    OpenVINO's default of 5000 made memory grow from 250 to 635 MB within 400 crops; rapidocr cannot set it.
    """
    limits = {"CPU_RUNTIME_CACHE_CAPACITY": str(CACHED_SHAPES), "INFERENCE_NUM_THREADS": str(threads)}
    limits["ENABLE_CPU_PINNING"] = "NO"
    compiled = openvino.Core().compile_model(stage.session.model, "CPU", limits)
    stage.session.session = compiled.create_infer_request()


def _quieten() -> None:
    """Let rapidocr's log go where ours goes: it brings a coloured handler of its own."""
    logger = logging.getLogger("RapidOCR")
    logger.handlers.clear()
    logger.propagate = True
