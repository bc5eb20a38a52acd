"""The part of pyds that the probe uses, over NVIDIA's real metadata library, with pyds' pitfalls.

For tests and benches. The library comes from the wheel nvidia-deepstream-videodecode-cu13 (never imported:
it imports torch); struct layouts come from nvds_structs.json and are checked against the library's sizes.
"""

from __future__ import annotations

import ctypes as c
import json
from enum import IntEnum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

FACTS = json.loads((Path(__file__).parent / "nvds_structs.json").read_text())
POOLED = {
    "frame": "NvDsFrameMeta",
    "obj": "NvDsObjectMeta",
    "classifier": "NvDsClassifierMeta",
    "display": "NvDsDisplayMeta",
    "user": "NvDsUserMeta",
    "label_info": "NvDsLabelInfo",
}
NVDS_BATCH_GST_META = 4097
NVDS_TRACKER_PAST_FRAME_META = 15
NVDSINFER_TENSOR_OUTPUT_META = 12


class MetaType(IntEnum):
    """The kinds of metadata that the project meets; pyds shows an enum that equals its number."""

    NVDS_BATCH_META = 1
    NVDSINFER_TENSOR_OUTPUT_META = 12
    NVDS_TRACKER_PAST_FRAME_META = 15


_SIMPLE = {
    "guint": c.c_uint,
    "unsigned int": c.c_uint,
    "uint32_t": c.c_uint,
    "uint16_t": c.c_uint16,
    "guint64": c.c_uint64,
    "uint64_t": c.c_uint64,
    "gint": c.c_int,
    "int": c.c_int,
    "gboolean": c.c_int,
    "NvDsMetaType": c.c_int,
    "NvOSD_Arrow_Head_Direction": c.c_int,
    "TRACKER_STATE": c.c_int,
    "NvDsInferDataType": c.c_int,
    "gfloat": c.c_float,
    "float": c.c_float,
    "double": c.c_double,
    "gint64": c.c_int64,
    "char": c.c_char,
    "gchar": c.c_char,
    "NvDsMetaCopyFunc": c.c_void_p,
    "NvDsMetaReleaseFunc": c.c_void_p,
    "GRecMutex": c.c_uint64 * 2,
}
_WHOLE = (c.c_int, c.c_uint, c.c_uint16, c.c_uint64)
_libc = c.CDLL(None)
_libc.strdup.restype, _libc.strdup.argtypes = c.c_void_p, [c.c_char_p]
_libc.free.argtypes = [c.c_void_p]
_fonts: dict[str, Any] = {}


class Capsule:
    """What pyds hands out for a bare pointer."""

    __slots__ = ("address",)

    def __init__(self, address: int) -> None:
        self.address = address


class GList:
    """A node. The end of a list is None, or StopIteration where `stops` says so."""

    __slots__ = ("_node",)
    stops = False

    def __init__(self, address: int) -> None:
        self._node = (c.c_void_p * 3).from_address(address)

    @property
    def data(self) -> Capsule:
        """What the node holds."""
        return Capsule(self._node[0] or 0)

    @property
    def next(self) -> GList | None:
        """The node after this one."""
        if self._node[1]:
            return GList(self._node[1])
        if GList.stops:
            raise StopIteration
        return None


def _address(pointer: Any) -> int:
    return pointer.address if isinstance(pointer, Capsule) else int(pointer)


def get_ptr(meta: Any) -> int:
    """Return the address of a struct or a capsule."""
    return meta.address if isinstance(meta, Capsule) else c.addressof(meta)


def get_nvds_LayerInfo(meta: Any, index: int) -> Any:  # noqa: N802 pyds calls it so
    """Return an output layer of tensor metadata, with its host buffer."""
    kind = struct("NvDsInferLayerInfo")
    layer = kind.from_address(meta._output_layers_info + index * c.sizeof(kind))
    layer._buffer = c.c_void_p.from_address(meta._out_buf_ptrs_host + index * c.sizeof(c.c_void_p)).value
    return layer


def get_string(address: int) -> str:
    """Return the text at an address."""
    return c.string_at(address).decode()


def _list(raw: str) -> property:
    def get(self: Any) -> GList | None:
        head = getattr(self, raw)
        return GList(head) if head else None

    return property(get)


def _whole(raw: str, c_type: Any) -> property:
    """Take what pybind11 takes for a whole number: integers of Python and numpy that fit."""

    def put(self: Any, value: Any) -> None:
        if not isinstance(value, (int, np.integer)) or c_type(int(value)).value != value:
            raise TypeError(f"incompatible function arguments: {raw[1:]} = {value!r}")
        setattr(self, raw, int(value))

    return property(lambda self: getattr(self, raw), put)


def _label(raw: str) -> property:
    def put(self: Any, text: str) -> None:
        data = text.encode()
        field = getattr(type(self), raw)
        c.memmove(c.addressof(self) + field.offset, data, len(data))

    return property(lambda self: getattr(self, raw).decode(), put)


def _text(raw: str) -> property:
    def put(self: Any, text: str) -> None:
        _libc.free(getattr(self, raw))
        setattr(self, raw, _libc.strdup(text.encode()))

    return property(lambda self: getattr(self, raw) or 0, put)


def _font(raw: str) -> property:
    def put(self: Any, name: str) -> None:
        buffer = _fonts.setdefault(name, c.create_string_buffer(name.encode()))
        setattr(self, raw, c.addressof(buffer))

    return property(lambda self: getattr(self, raw) or 0, put)  # an address, for get_string


def _pointer(raw: str, *, null: bool) -> property:
    """Show a pointer; null: a capsule of NULL where it points nowhere, else None."""

    def get(self: Any) -> Capsule | None:
        address = getattr(self, raw) or 0
        return Capsule(address) if address or null else None

    return property(get)


def _meta_type(raw: str) -> property:
    def get(self: Any) -> int:
        value = int(getattr(self, raw))
        return MetaType(value) if value in set(MetaType) else value

    return property(get, lambda self, value: setattr(self, raw, int(value)))


def _array(raw: str) -> property:
    return property(lambda self: list(getattr(self, raw)))


def _property(struct: str, name: str, c_type: str) -> property | None:  # noqa: PLR0911 one return a case
    """Return what pyds shows instead of the plain field, if it does."""
    raw = "_" + name
    if name.endswith("List *") or c_type.endswith("List *"):
        return _list(raw)
    if c_type.endswith("char[MAX_LABEL_SIZE]"):
        return _label(raw)
    if name == "display_text":
        return _text(raw)
    if name == "font_name":
        return _font(raw)
    if name == "layerName":
        return property(lambda self: c.string_at(getattr(self, raw)).decode())
    if c_type.endswith("*"):
        return _pointer(raw, null=name == "user_meta_data")
    if c_type == "NvDsMetaType":
        return _meta_type(raw)
    if c_type.endswith(("[MAX_ELEMENTS_IN_DISPLAY_META]", "[NVDSINFER_MAX_DIMS]")):
        return _array(raw)
    simple = _SIMPLE.get(c_type)
    return _whole(raw, simple) if simple in _WHOLE else None


@cache
def _type(c_type: str) -> Any:
    if c_type.endswith("*"):
        return c.c_void_p
    if c_type.endswith("]"):
        base, _, length = c_type[:-1].partition("[")
        return _type(base) * int(FACTS["constants"].get(length, length))
    return _SIMPLE[c_type] if c_type in _SIMPLE else struct(c_type)


@cache
def struct(name: str) -> Any:
    """Return the class of a C struct; fields that pyds does not show raise AttributeError as in pyds."""
    fields, members = [], {}
    for field, c_type, shown in FACTS["structs"][name]:
        special = _property(name, field, c_type)
        plain = shown and special is None
        fields.append((field if plain else "_" + field, _type(c_type)))
        if shown and special is not None:
            members[field] = special
    made = type(name, (c.Structure,), {"_fields_": fields, **members})
    made.cast = staticmethod(lambda pointer: made.from_address(_address(pointer)))  # type: ignore[attr-defined]  # made here
    return made


def _misc(name: str, length: str) -> None:
    """Give a tracker struct its list(): an iterator over the array that it points to."""
    inner = {"Batch": "Stream", "Stream": "Object", "Object": "Frame"}[name]
    element = struct(f"NvDsTargetMiscData{inner}")

    def items(self: Any) -> Any:
        size = c.sizeof(element)
        return iter([element.from_address(self._list + i * size) for i in range(getattr(self, length))])

    struct(f"NvDsTargetMiscData{name}").list = items


_misc("Batch", "numFilled")
_misc("Stream", "numFilled")
_misc("Object", "numObj")


def _set_colour(self: Any, red: float, green: float, blue: float, alpha: float) -> None:
    self.red, self.green, self.blue, self.alpha = red, green, blue, alpha


struct("NvOSD_ColorParams").set = _set_colour


def library_folder() -> Path | None:
    """Return where the wheel's libraries are, or None where it is not installed."""
    try:
        spec = find_spec("nvidia")
    except (ImportError, ValueError):
        return None
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    folders = [place / "deepstream_videodecode" / "_libs" for place in places]
    return next((folder for folder in folders if (folder / "libnvds_meta.so").exists()), None)


class Pyds(SimpleNamespace):
    """The module's functions and classes; set an attribute to change one of them for a test."""

    meta: Any
    gst: Any

    def new_batch(self, frames: int) -> Any:
        """Make an empty batch meta that copies well: the library leaves max_frames_in_batch at 0."""
        batch = struct("NvDsBatchMeta").from_address(self.meta.nvds_create_batch_meta(frames))
        batch.max_frames_in_batch = frames
        batch.base_meta.meta_type = 1
        return batch

    def attach(self, buffer: int, batch: Any) -> None:
        """Put a batch meta onto a GstBuffer, which owns it from now on."""
        functions = [
            c.cast(getattr(self.meta, f"nvds_batch_meta_{n}_func"), c.c_void_p) for n in ("copy", "release")
        ]
        added = self.gst.gst_buffer_add_nvds_meta(buffer, get_ptr(batch), None, *functions)
        meta_type = added + 16 + 2 * 8  # after GstMeta, meta_data and user_data
        c.c_int.from_address(meta_type).value = NVDS_BATCH_GST_META

    def element_sizes(self, batch: Any) -> dict[str, int]:
        """Return the size of each pool's elements, by struct, as the library has them."""
        return {
            name: (c.c_uint * 3).from_address(getattr(batch, f"_{pool}_meta_pool"))[2]
            for pool, name in POOLED.items()
        }


def load(folder: Path) -> Pyds:
    """Load the real library and return a stand-in for the pyds module."""
    meta = c.CDLL(str(folder / "libnvds_meta.so"), mode=c.RTLD_GLOBAL)
    gst = c.CDLL(str(folder / "libnvdsgst_meta.so"), mode=c.RTLD_GLOBAL)
    pyds = Pyds(
        meta=meta,
        gst=gst,
        get_string=get_string,
        get_ptr=get_ptr,
        get_nvds_LayerInfo=get_nvds_LayerInfo,
        **{n: struct(n) for n in FACTS["structs"]},
    )
    pyds.NvDsMetaType = SimpleNamespace(
        NVDS_TRACKER_PAST_FRAME_META=NVDS_TRACKER_PAST_FRAME_META,
        NVDSINFER_TENSOR_OUTPUT_META=NVDSINFER_TENSOR_OUTPUT_META,
    )
    meta.nvds_create_batch_meta.restype, meta.nvds_create_batch_meta.argtypes = c.c_void_p, [c.c_uint]
    gst.gst_buffer_add_nvds_meta.restype, gst.gst_buffer_add_nvds_meta.argtypes = c.c_void_p, [c.c_void_p] * 5
    get = gst.gst_buffer_get_nvds_batch_meta
    get.restype, get.argtypes = c.c_void_p, [c.c_void_p]
    batch_type = struct("NvDsBatchMeta")

    def get_batch(buffer: int) -> Any:
        address = get(buffer)
        return batch_type.from_address(address) if address else None

    pyds.gst_buffer_get_nvds_batch_meta = get_batch
    for pool, name in POOLED.items():
        setattr(pyds, f"nvds_acquire_{pool}_meta_from_pool", _acquire(meta, pool, struct(name)))
    for function, width in (
        ("nvds_add_frame_meta_to_batch", 2),
        ("nvds_add_obj_meta_to_frame", 3),
        ("nvds_add_display_meta_to_frame", 2),
        ("nvds_add_user_meta_to_batch", 2),
        ("nvds_add_user_meta_to_obj", 2),
        ("nvds_remove_obj_meta_from_frame", 2),
        ("nvds_copy_frame_meta", 2),
    ):
        setattr(pyds, function, _call(meta, function, width))
    return pyds


def _acquire(library: Any, pool: str, kind: Any) -> Any:
    function = getattr(library, f"nvds_acquire_{pool}_meta_from_pool")
    function.restype, function.argtypes = c.c_void_p, [c.c_void_p]
    return lambda batch: kind.from_address(function(get_ptr(batch)))


def _call(library: Any, name: str, width: int) -> Any:
    function = getattr(library, name)
    function.restype, function.argtypes = None, [c.c_void_p] * width

    def call(*metas: Any) -> None:
        if len(metas) != width:
            raise TypeError("incompatible function arguments")
        function(*(None if meta is None else get_ptr(meta) for meta in metas))

    return call
