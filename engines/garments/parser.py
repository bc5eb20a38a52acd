"""The garment parser on the CPU: a person's crop in, an outfit out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.compiled_models import compile_cached
from engines.errors import BadInput, InferenceFailed
from engines.free_memory import release_working_memory
from engines.garments.classes import CLASSES
from engines.garments.outfit import STRIDE, Outfit
from engines.letterbox import letterbox
from engines.manifest import GARMENTS, Decoder, find_model, read_manifest
from engines.openvino_runtime import EXACT, Precision, one_line, precision_of

if TYPE_CHECKING:
    import numpy.typing as npt
    import openvino as ov  # type: ignore[import-untyped]  # the wheel has no py.typed

    from engines.image import I420

OUTPUT = "shares"
SMALLEST = 16
DARK, LIT, MAX_GAIN = 120, 230, 3.0
"""Brightness, of 255, below which all but a hundredth of a crop too dark for the network lies, what that is
raised to, and the most by which it is multiplied. Five of 153 people on photographs are so dark, of 120 on
street photographs none.
"""


class GarmentParser:
    """Parses crops of persons. One instance serves one thread at a time.

    model: its name in the manifest; its file is verified. precision: FASTEST, for who is looked at again and
    again, is bf16 where the CPU has it. Raises BadInput where the model cannot be used.
    """

    def __init__(
        self, *, threads: int = 1, model: str = GARMENTS, precision: Precision = Precision.FP32
    ) -> None:
        self._model = find_model(model, read_manifest())
        if self._model.decoder is not Decoder.GARMENTS:
            raise BadInput(f"model {model}: its decoder is {self._model.decoder.value}, not garments")
        self._model.check_file()
        size = self._model.input
        exact = EXACT if precision is Precision.FP32 else {}
        settings = {"INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False, **exact}
        shape = [1, 3, size.height, size.width]

        def read(core: ov.Core) -> ov.Model:
            network = core.read_model(self._model.path)
            network.reshape(shape)
            return network

        try:
            compiled = compile_cached(self._model.path, read, settings, f"shape {shape}")
            self._request = compiled.create_infer_request()
        except RuntimeError as error:
            raise BadInput(f"model {model}: OpenVINO cannot load it: {one_line(error)}") from error
        cells = (1, len(CLASSES), size.height // STRIDE, size.width // STRIDE)
        if tuple(self._request.get_output_tensor(0).shape) != cells:
            raise BadInput(f"model {model}: {self._model.path} does not answer with {cells}")
        self._pixels = np.zeros((size.height, size.width, 3), np.uint8)

    @property
    def loaded(self) -> dict[str, str]:
        """The arithmetic of each model in use, by its name."""
        return {self._model.name: precision_of(self._request.get_compiled_model())}

    def parse(self, crop: I420) -> Outfit | None:
        """Return the outfit on a crop; None where that is too small to tell. Raises InferenceFailed."""
        if min(crop.width, crop.height) < SMALLEST:
            return None
        pixels = np.zeros_like(self._pixels)
        fit = letterbox(crop, pixels, rgb=True)
        _lighten(pixels[fit.top : fit.top + fit.height, fit.left : fit.left + fit.width])
        fed = pixels.transpose(2, 0, 1)[None].astype(np.float32)
        try:
            shares = self._request.infer([fed])[OUTPUT][0].copy()
        except RuntimeError as error:
            raise InferenceFailed(f"model {self._model.name}: {one_line(error)}") from error
        release_working_memory(self._request)
        if not np.isfinite(shares).all():
            raise InferenceFailed(f"model {self._model.name}: the answer holds numbers that are not finite")
        return Outfit(shares, pixels, fit)


def _lighten(pixels: npt.NDArray[np.uint8]) -> None:
    """Make a dark crop, (height, width, 3) RGB, as bright as others, in place."""
    brightest = float(np.percentile(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), 99))
    if brightest < DARK:
        pixels[:] = cv2.convertScaleAbs(pixels, alpha=min(MAX_GAIN, LIT / max(1.0, brightest)))
