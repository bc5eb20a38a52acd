"""Chooses the binding to DeepStream's metadata and surfaces: our C reader, else pyds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from probes.nvds.crops import PydsSurfaces
from probes.nvds.native_meta import NativeLooks, NativeMeta, NativeSurfaces, load_reader
from probes.nvds.pyds_meta import PydsMeta, load_pyds
from probes.nvds.tensors import PydsLooks

if TYPE_CHECKING:
    from probes.nvds.crops import Surfaces
    from probes.nvds.native_meta import NativeLibrary
    from probes.nvds.tensors import LookObjects


@dataclass(frozen=True, slots=True)
class MetaBinding:
    """One way to metadata, looks and surfaces. name: for logs and reports."""

    name: str
    meta: PydsMeta | NativeMeta
    looks: LookObjects
    surfaces: Surfaces


def pyds_binding(pyds: Any, size: tuple[int, int], *, jetson: bool) -> MetaBinding:
    """Return the binding over a pyds module. size: width and height of all surfaces."""
    # On a discrete GPU the graph makes unified memory for it (graph.build).
    surfaces = PydsSurfaces(pyds, jetson=jetson, unified=not jetson)
    return MetaBinding("pyds", PydsMeta(pyds, size), PydsLooks(pyds), surfaces)


def native_binding(library: NativeLibrary, size: tuple[int, int], *, jetson: bool) -> MetaBinding:
    """Return the binding over the C reader."""
    surfaces = NativeSurfaces(library, size, jetson=jetson)
    return MetaBinding("reader", NativeMeta(library, size), NativeLooks(library), surfaces)


def open_binding(size: tuple[int, int], *, jetson: bool) -> MetaBinding:
    """Return the binding of this machine. Raises BadInput where it has neither."""
    library = load_reader()
    if library is not None:
        return native_binding(library, size, jetson=jetson)
    return pyds_binding(load_pyds(), size, jetson=jetson)
