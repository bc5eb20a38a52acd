"""Looks as objects of the DeepStream metadata, and the tensors that the brand model leaves on them.

Facts: gst-nvinfer attaches one NvDsInferTensorMeta to each object it worked on (attach_tensor_output_meta,
gstnvinfer_meta_utils.cpp, 9.1); its pointers lead into a batch that is kept until the metadata goes, so
numbers are copied and the object is taken off at once. pyds hands out a layer with its host buffer by
get_nvds_LayerInfo (bindings/src/bindfunctions.cpp, 1.2.0).
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from engines.deepstream.nvinfer_config import BRAND_GIE, LOOKS, MARK_OUTPUTS
from engines.marks.types import VECTOR
from probes.nvds.meta import MetaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from probes.nvds.meta import BatchMeta, FrameMeta, ObjectMeta, Rectangle

    Floats = npt.NDArray[np.float32]

FLOAT = 0
"""NvDsInferDataType of 32 bit floats (includes/nvdsinfer.h)."""
MAX_CANDIDATES = 100
"""Candidates of one look; more is no answer of a model of marks."""


class Tensors(NamedTuple):
    """The model's output of one look: boxes (K, 4) x1 y1 x2 y2 in px of its input, (K,), (K, VECTOR)."""

    boxes: Floats
    scores: Floats
    vectors: Floats


class LookObjects(Protocol):
    """Puts looks onto frames and takes them off, whichever binding does the work."""

    def add(self, batch: BatchMeta, frame: FrameMeta, box: Rectangle, number: int) -> None:
        """Add a look at the person of that tracker id; it draws nothing. box: even px of the surface."""

    def take(self, frame: FrameMeta, look: ObjectMeta) -> Tensors | None:
        """Copy what the model answered and take the look off; None where it did not work on it."""


class PydsLooks:
    """Adds looks to frames and removes them, by a pyds module. One thread works on a batch at a time."""

    def __init__(self, pyds: Any) -> None:
        self._pyds = pyds
        self._kind = int(pyds.NvDsMetaType.NVDSINFER_TENSOR_OUTPUT_META)

    def add(self, batch: BatchMeta, frame: FrameMeta, box: Rectangle, number: int) -> None:
        """Add a look at the person of that tracker id; it draws nothing. box: even px of the surface."""
        added = self._pyds.nvds_acquire_obj_meta_from_pool(batch.meta)
        added.unique_component_id = LOOKS
        added.class_id = 0
        added.object_id = number
        rectangle = added.rect_params
        rectangle.left, rectangle.top, rectangle.width, rectangle.height = box
        rectangle.border_width = rectangle.has_bg_color = 0
        self._pyds.nvds_add_obj_meta_to_frame(frame.meta, added, None)

    def take(self, frame: FrameMeta, look: ObjectMeta) -> Tensors | None:
        """Copy the model's output and remove the look; None where the model did not run on it."""
        try:
            return self._read(look)
        finally:
            self._pyds.nvds_remove_obj_meta_from_frame(frame.meta, look.meta)

    def _read(self, look: ObjectMeta) -> Tensors | None:
        node = look.meta.obj_user_meta_list
        while node is not None:
            try:
                user = self._pyds.NvDsUserMeta.cast(node.data)
                if user.base_meta.meta_type == self._kind:
                    data = user.user_meta_data
                    if data is None or not self._pyds.get_ptr(data):  # NULL comes as a capsule, not as None
                        raise MetaError("tensor metadata without tensors")
                    tensor = self._pyds.NvDsInferTensorMeta.cast(data)
                    if tensor.unique_id == BRAND_GIE:
                        return self._copy(tensor)
                node = node.next
            except StopIteration:
                break
        return None

    def _copy(self, tensor: Any) -> Tensors:
        found: dict[str, Floats] = {}
        for index in range(tensor.num_output_layers):
            layer = self._pyds.get_nvds_LayerInfo(tensor, index)
            if layer.layerName not in MARK_OUTPUTS:
                continue
            count, buffer = int(layer.inferDims.numElements), layer.buffer
            address = self._pyds.get_ptr(buffer) if buffer is not None else 0
            if int(layer.dataType) != FLOAT or not address or not 0 < count <= MAX_CANDIDATES * VECTOR:
                raise MetaError(f"the brand model's output {layer.layerName} is not what it should be")
            copied = ctypes.string_at(address, 4 * count)
            found[layer.layerName] = np.frombuffer(copied, np.float32)
        return tensors_of(found)


def tensors_of(found: Mapping[str, Floats]) -> Tensors:
    """Return the outputs, flat and by name, as one answer. Raises MetaError where they are none."""
    if missing := [name for name in MARK_OUTPUTS if name not in found]:
        raise MetaError(f"the brand model has no output {', '.join(missing)}")
    boxes, scores, vectors = (found[name] for name in MARK_OUTPUTS)
    if len(boxes) != 4 * len(scores) or len(vectors) != VECTOR * len(scores):
        raise MetaError("the brand model's outputs do not belong together")
    return Tensors(boxes.reshape(-1, 4), scores, vectors.reshape(-1, VECTOR))
