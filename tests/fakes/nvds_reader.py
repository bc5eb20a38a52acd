"""Builds the reader (probes/nvds/*.c) here, against headers made from our own table of NVIDIA's structs.

On a box it is built against that DeepStream's headers; the metadata library that it works on is NVIDIA's own
in both cases. Surfaces, which no machine without a GPU has, are stand-ins in memory.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

import pytest

from engines.paths import ROOT
from probes.nvds.native_meta import NativeLibrary
from scripts.bench import pyds_over_ctypes
from scripts.bench.pyds_over_ctypes import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = ROOT / "probes" / "nvds"
SURFACES = Path(__file__).with_name("nvbufsurface.c")
HEADERS = {
    "glib.h": """#include <stddef.h>
#include <stdint.h>
typedef unsigned int guint; typedef int gint; typedef int gboolean; typedef float gfloat; typedef char gchar;
typedef uint64_t guint64; typedef int64_t gint64; typedef size_t gsize;
typedef struct { uint64_t a[2]; } GRecMutex;
typedef struct GList { void *data; struct GList *next, *prev; } GList;
void g_free (void *memory); char *g_strdup (const char *text);
""",
    "gst/gst.h": """#include <glib.h>
typedef struct GstBuffer GstBuffer;
typedef struct { void *memory; int flags; unsigned char *data; gsize size, maxsize; void *more[8]; }
  GstMapInfo;
enum { GST_MAP_READ = 1 };
gboolean gst_buffer_map (GstBuffer * buffer, GstMapInfo * info, int flags);
void gst_buffer_unmap (GstBuffer * buffer, GstMapInfo * info);
""",
    "gstnvdsinfer.h": "#include <nvdsmeta.h>\nenum { FLOAT };\n",
    "nvbufsurftransform.h": "#include <nvbufsurface.h>\n",
    "nvbufsurface.h": """#include <stdbool.h>
#include <stdint.h>
enum { NVBUF_COLOR_FORMAT_RGBA = 19, NVBUF_LAYOUT_PITCH = 0, NVBUF_MAP_READ = 0 };
enum { NVBUF_MEM_DEFAULT, NVBUF_MEM_CUDA_PINNED, NVBUF_MEM_CUDA_DEVICE, NVBUF_MEM_SURFACE_ARRAY = 4 };
enum { NVBUFSURF_TRANSFORM_CROP_SRC = 1, NVBUFSURF_TRANSFORM_CROP_DST = 2 };
enum { NvBufSurfTransformError_Success = 0 };
typedef struct { void *addr[4]; } NvBufSurfaceMappedAddr;
typedef struct {
  uint32_t width, height, pitch; int colorFormat, layout; void *dataPtr; NvBufSurfaceMappedAddr mappedAddr;
} NvBufSurfaceParams;
typedef struct {
  uint32_t gpuId, batchSize, numFilled; bool isContiguous; int memType; NvBufSurfaceParams *surfaceList;
} NvBufSurface;
typedef struct { uint32_t gpuId, width, height, size; bool isContiguous; int colorFormat, layout, memType; }
  NvBufSurfaceCreateParams;
typedef struct { uint32_t top, left, width, height; } NvBufSurfTransformRect;
typedef struct { uint32_t transform_flag; int flip, filter; NvBufSurfTransformRect *src_rect, *dst_rect; }
  NvBufSurfTransformParams;
int NvBufSurfaceCreate (NvBufSurface **, uint32_t, NvBufSurfaceCreateParams *);
int NvBufSurfaceDestroy (NvBufSurface *);
int NvBufSurfaceMap (NvBufSurface *, int, int, int);
int NvBufSurfaceUnMap (NvBufSurface *, int, int);
int NvBufSurfaceSyncForCpu (NvBufSurface *, int, int);
int NvBufSurfTransform (NvBufSurface *, NvBufSurface *, NvBufSurfTransformParams *);
""",
}
FUNCTIONS = """
NvDsObjectMeta *nvds_acquire_obj_meta_from_pool (NvDsBatchMeta *);
void nvds_add_obj_meta_to_frame (NvDsFrameMeta *, NvDsObjectMeta *, NvDsObjectMeta *);
void nvds_remove_obj_meta_from_frame (NvDsFrameMeta *, NvDsObjectMeta *);
"""


SANITIZED = bool(os.environ.get("MSH_READER_SANITIZED"))
"""Set in the run under AddressSanitizer, which must be loaded before Python."""
WARN = ["-std=gnu11", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"]
BUILT = ROOT / ".pytest_cache" / "reader"
EXAMPLES = 20 if SANITIZED else 60
"""Of property tests. The run under the sanitizer looks for accesses out of bounds, not for wrong answers."""


@cache
def reader() -> NativeLibrary:
    """Return the reader over NVIDIA's library, built once."""
    return NativeLibrary(build(sanitized=SANITIZED))


@cache
def build(*, sanitized: bool = False) -> Path:
    """Compile, once for all workers and runs. Without wheel or compiler: skipped, or failed in CI."""
    folder = pyds_over_ctypes.library_folder()
    if folder is None:
        _missing("needs nvidia-deepstream-videodecode-cu13==9.0.2 (x86_64): pip install --no-deps")
    compiler = shutil.which("gcc")
    if compiler is None:
        _missing("needs gcc")
    pyds_over_ctypes.load(folder)  # its symbols are found by the reader
    headers = {**HEADERS, "nvdsmeta.h": "\n".join(_declarations())}
    options = (
        ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-g"] if sanitized else ["-O2"]
    )
    libraries = [f"-L{folder}", f"-Wl,-rpath,{folder}", "-l:libnvds_meta.so", "-l:libnvdsgst_meta.so"]
    libraries += ["-l:libgstreamer-1.0.so.0", "-l:libglib-2.0.so.0", "-lm"]
    sources = [*sorted(SOURCES.glob("*.c")), SURFACES]
    # The path behind gcc has its version in it.
    said = [str(Path(compiler).resolve()), *WARN, *options, *libraries, *headers.values()]
    said += [path.read_text(encoding="utf-8") for path in (*sources, *sorted(SOURCES.glob("*.h")))]
    made = BUILT / f"{hashlib.sha256('//'.join(said).encode()).hexdigest()[:16]}.so"
    if made.is_file():
        return made
    BUILT.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=BUILT) as work:
        for name, text in headers.items():
            (Path(work) / name).parent.mkdir(exist_ok=True)
            (Path(work) / name).write_text("#pragma once\n" + text)
        draft = Path(work) / "libmsh_nvds.so"
        arguments = [*WARN, f"-I{work}", *options, "-shared", "-fPIC", *map(str, sources), "-o", str(draft)]
        done = subprocess.run([compiler, *arguments, *libraries], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        draft.replace(made)
    return made


def _missing(why: str) -> NoReturn:
    if os.environ.get("MSH_NO_SKIP"):
        pytest.fail(why)
    pytest.skip(why)


def _declarations() -> Iterator[str]:
    """Yield nvdsmeta.h: our table of structs in C; the compiler holds the sizes that ctypes gives them."""
    yield "#include <glib.h>"
    yield "typedef int NvDsMetaType; typedef int NvOSD_Arrow_Head_Direction; typedef int TRACKER_STATE;"
    yield "typedef int NvDsInferDataType; typedef void *NvDsMetaCopyFunc, *NvDsMetaReleaseFunc;"
    yield "typedef struct NvDsMetaPool NvDsMetaPool;"
    yield f"enum {{ NVDSINFER_TENSOR_OUTPUT_META = {pyds_over_ctypes.NVDSINFER_TENSOR_OUTPUT_META} }};"
    for constant, value in FACTS["constants"].items():
        yield f"enum {{ {constant} = {value} }};"
    for name in FACTS["structs"]:
        yield f"typedef struct {name} {name};"
    for name in _in_order():
        fields = (_field(field, kind) for field, kind, _ in FACTS["structs"][name])
        yield f"struct {name} {{ {' '.join(fields)} }};"
        size = ctypes.sizeof(pyds_over_ctypes.struct(name))
        yield f'_Static_assert (sizeof ({name}) == {size}, "{name}");'
    yield FUNCTIONS


def _field(name: str, kind: str) -> str:
    if kind.endswith("List *"):
        kind = "GList *"
    base, bracket, length = kind.partition("[")
    return f"{base} {name}{bracket}{length};"


def _in_order() -> list[str]:
    """Return the structs, each after those that it holds by value."""
    structs: dict[str, list[tuple[str, str, bool]]] = FACTS["structs"]
    found: list[str] = []

    def add(name: str) -> None:
        if name in found:
            return
        for _, kind, _ in structs[name]:
            base = kind.partition("[")[0].strip()
            if base in structs:
                add(base)
        found.append(name)

    for name in structs:
        add(name)
    return found
