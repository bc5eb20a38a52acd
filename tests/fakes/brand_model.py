"""What nvinfer does with the model of marks: which crops it works on, and its tensors as metadata of objects.

Rules from DeepStream 9.1: should_infer_object, gst_nvinfer_process_objects and get_converted_buffer in
gst-plugins/gst-nvinfer/gstnvinfer.cpp, attach_tensor_output_meta in gstnvinfer_meta_utils.cpp.
"""

from __future__ import annotations

import ctypes as c
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.deepstream.nvinfer_config import BRAND_GIE, LOOKS
from engines.marks.types import VECTOR, Route, Sighting
from scripts.bench.pyds_over_ctypes import NVDSINFER_TENSOR_OUTPUT_META, struct
from tests.fakes.nvds import frames_of, objects_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from engines.marks.types import Candidates

    Crop = tuple[int, int, int, int]
    Answer = Mapping[str, npt.NDArray[np.float32]]

NETWORK = (320, 480)
SMALLEST = 32
_RELEASE = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p)


def crop_of(look: Any) -> Crop:
    """Return left, top, width, height of what nvinfer cuts out for an object."""
    box = look.rect_params
    left, top = (int(value) + 1 & ~1 for value in (box.left, box.top))
    return left, top, int(box.width) & ~1, int(box.height) & ~1


def into_network(crop: Crop, box: tuple[float, float, float, float]) -> tuple[float, ...]:
    """Return where the network sees a box of the surface, x1 y1 x2 y2: scaled into its top left corner."""
    left, top, width, height = crop
    high, wide = NETWORK[0] * height / width, NETWORK[1] * width / height
    size = (NETWORK[0], int(high)) if high <= NETWORK[1] else (int(wide), NETWORK[1])
    across, down = size[0] / width, size[1] / height
    x1, y1, x2, y2 = box
    return (x1 - left) * across, (y1 - top) * down, (x2 - left) * across, (y2 - top) * down


def tensors(*marks: tuple[tuple[float, ...], float, int], most: int = 20) -> dict[str, Any]:
    """Return an answer: marks as box in network pixels, score, and the number whose one is in the vector."""
    boxes, scores = np.zeros((most, 4), np.float32), np.zeros(most, np.float32)
    vectors = np.zeros((most, VECTOR), np.float32)
    vectors[:, 0] = 1
    for row, (box, score, number) in enumerate(marks):
        boxes[row], scores[row] = box, score
        vectors[row] = np.eye(VECTOR, dtype=np.float32)[number]
    return {"boxes": boxes, "scores": scores, "vectors": vectors}


class BrandModel:
    """Stands for the nvinfer of the graph. answer: what it tells of a crop. released: tensors let go."""

    def __init__(self, ds: Any, answer: Callable[[Crop], Answer]) -> None:
        self._ds, self._answer = ds, answer
        self.crops: list[Crop] = []
        self.released = 0
        self._kept: list[Any] = []
        self._release = _RELEASE(self._let_go)

    def infer(self, buffer: int) -> None:
        """Work on every look of a batch, as the element does."""
        batch = self._ds.gst_buffer_get_nvds_batch_meta(buffer)
        for frame in frames_of(self._ds, buffer):
            for one in objects_of(self._ds, frame):
                crop = crop_of(one)
                if one.unique_component_id == LOOKS and min(crop[2:]) >= SMALLEST:
                    self.crops.append(crop)
                    self._attach(batch, one, self._answer(crop))

    def _attach(self, batch: Any, look: Any, answer: Answer) -> None:
        layers = (struct("NvDsInferLayerInfo") * len(answer))()
        host = (c.c_void_p * len(answer))()
        for index, (name, values) in enumerate(answer.items()):
            layers[index].dataType = 0 if values.dtype == np.float32 else 1
            layers[index].inferDims.numElements = values.size
            text = c.create_string_buffer(name.encode())
            layers[index]._layerName, host[index] = c.addressof(text), values.ctypes.data
            self._kept += [text, values]
        tensor = struct("NvDsInferTensorMeta")()
        tensor.unique_id, tensor.num_output_layers = BRAND_GIE, len(answer)
        tensor._output_layers_info, tensor._out_buf_ptrs_host = c.addressof(layers), c.addressof(host)
        self._kept += [layers, host, tensor]
        user = self._ds.nvds_acquire_user_meta_from_pool(batch)
        user._user_meta_data = c.addressof(tensor)
        user.base_meta.meta_type = NVDSINFER_TENSOR_OUTPUT_META
        user.base_meta._release_func = c.cast(self._release, c.c_void_p).value
        self._ds.nvds_add_user_meta_to_obj(look, user)

    def _let_go(self, _meta: Any, _user: Any) -> None:
        self.released += 1


class Gallery:
    """Takes every candidate whose vector is the one of number 7 for a Nike."""

    def sightings(self, candidates: Candidates) -> list[Sighting]:
        return [
            Sighting("nike", float(score), tuple(box.tolist()), Route.SYMBOL, float(vector[7]))
            for box, score, vector in zip(
                candidates.boxes, candidates.scores, candidates.vectors, strict=True
            )
            if vector[7] > 0.9
        ]
