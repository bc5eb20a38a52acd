"""How much a place on a picture looks like a bag, to a network that knows bags by themselves.

A detector says where a bag may be, and is seldom sure of one that fills much of a picture. Cut out, that
place is a photograph of a bag or of something else, which networks that name photographs tell well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.compiled_models import compile_cached
from engines.errors import BadInput, InferenceFailed
from engines.free_memory import release_working_memory
from engines.manifest import find_model, read_manifest
from engines.openvino_runtime import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import openvino as ov  # type: ignore[import-untyped]  # the wheel has no py.typed

    Bgr = npt.NDArray[np.uint8]
    Corners = tuple[float, float, float, float]

MODEL, OUTPUT = "bag-share", "share"
AROUND = 0.08
"""How much more than its box is cut out on each side, in sides."""
FEWEST = 8
"""Least side of a cut, px; a smaller one is no bag."""


class BagJudge:
    """Says how much places look like bags. One instance serves one thread at a time.

    Raises BadInput where the model cannot be used.
    """

    def __init__(self) -> None:
        self._model = find_model(MODEL, read_manifest())
        self._model.check_file()
        self._side = self._model.input.height
        shape = [1, 3, self._side, self._side]

        def read(core: ov.Core) -> ov.Model:
            network = core.read_model(self._model.path)
            network.reshape(shape)
            return network

        settings = {"INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}
        try:
            compiled = compile_cached(self._model.path, read, settings, f"shape {shape}")
            self._request = compiled.create_infer_request()
        except RuntimeError as error:
            raise BadInput(f"model {MODEL}: OpenVINO cannot load it: {one_line(error)}") from error

    def shares(self, picture: Bgr, boxes: Sequence[Corners]) -> list[float]:
        """Return from 0 to 1 how much each box on a BGR picture looks like a bag. Raises InferenceFailed."""
        found = [self._share(_cut(picture, box)) for box in boxes]
        if found:
            release_working_memory(self._request)
        return found

    def _share(self, cut: Bgr) -> float:
        if min(cut.shape[:2]) < FEWEST:
            return 0.0
        method = cv2.INTER_AREA if min(cut.shape[:2]) > self._side else cv2.INTER_LINEAR
        small = cv2.resize(cut, (self._side, self._side), interpolation=method)
        fed = np.ascontiguousarray(small[..., ::-1].transpose(2, 0, 1)[None], np.float32)
        try:
            share = float(self._request.infer([fed])[OUTPUT][0])
        except RuntimeError as error:
            raise InferenceFailed(f"model {MODEL}: {one_line(error)}") from error
        if not np.isfinite(share):
            raise InferenceFailed(f"model {MODEL}: the answer is no finite number")
        return share


def _cut(picture: Bgr, box: Corners) -> Bgr:
    x1, y1, x2, y2 = box
    aside, above = AROUND * (x2 - x1), AROUND * (y2 - y1)
    return picture[
        max(0, int(y1 - above)) : max(0, int(y2 + above)), max(0, int(x1 - aside)) : max(0, int(x2 + aside))
    ]
