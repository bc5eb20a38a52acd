/* Pixels of DeepStream's surfaces, for NativeSurfaces of probes/nvds/native_meta.py (through ctypes). */
#include <string.h>

#include <gst/gst.h>

#include "nvbufsurface.h"
#include "nvbufsurftransform.h"
#include "records.h"

/* Copy a rectangle of frame `index` of a batch as RGBA, width * height * 4 bytes, whatever memory and format the
 * surface has: it is converted into *scratch, which is made for the first one and kept. One thread at a time. */
API int64_t
msh_nvds_crop (uint64_t buffer, uint32_t index, uint32_t left, uint32_t top, uint32_t width, uint32_t height,
    int32_t integrated, uint64_t * scratch, uint8_t * out)
{
  GstMapInfo map;
  GstBuffer *held = (GstBuffer *) (uintptr_t) buffer;
  int64_t result = BAD_SURFACE;
  if (!gst_buffer_map (held, &map, GST_MAP_READ))
    return BAD_SURFACE;
  NvBufSurface *batch = (NvBufSurface *) map.data;
  if (map.size < sizeof (NvBufSurface) || index >= batch->numFilled)
    goto unmap;
  NvBufSurfaceParams *from = &batch->surfaceList[index];
  if (!width || !height || left > from->width || width > from->width - left || top > from->height ||
      height > from->height - top)
    goto unmap;
  NvBufSurface *into = (NvBufSurface *) (uintptr_t) *scratch;
  if (into && (into->surfaceList[0].width < from->width || into->surfaceList[0].height < from->height)) {
    NvBufSurfaceDestroy (into);
    into = NULL;
    *scratch = 0;
  }
  if (!into) {
    NvBufSurfaceCreateParams make = {0};
    make.gpuId = batch->gpuId;
    make.width = from->width;
    make.height = from->height;
    make.colorFormat = NVBUF_COLOR_FORMAT_RGBA;
    make.layout = NVBUF_LAYOUT_PITCH;
    make.memType = integrated ? NVBUF_MEM_DEFAULT : NVBUF_MEM_CUDA_PINNED;
    int failed = NvBufSurfaceCreate (&into, 1, &make);
    if (!failed && into->memType == NVBUF_MEM_CUDA_DEVICE) {
      /* The default follows the driver, which on an integrated GPU may be that of cards: then it cannot be mapped. */
      NvBufSurfaceDestroy (into);
      make.memType = NVBUF_MEM_CUDA_PINNED;
      failed = NvBufSurfaceCreate (&into, 1, &make);
    }
    if (failed)
      goto unmap;
    into->numFilled = 1;
    *scratch = (uintptr_t) into;
  }
  NvBufSurface one = *batch; /* the batch, seen as this frame alone */
  one.surfaceList = from;
  one.numFilled = one.batchSize = 1;
  NvBufSurfTransformRect source = {0}, target = {0};
  source.left = left;
  source.top = top;
  source.width = target.width = width;
  source.height = target.height = height;
  NvBufSurfTransformParams how = {0};
  how.src_rect = &source;
  how.dst_rect = &target;
  how.transform_flag = NVBUFSURF_TRANSFORM_CROP_SRC | NVBUFSURF_TRANSFORM_CROP_DST;
  if (NvBufSurfTransform (&one, into, &how) != NvBufSurfTransformError_Success)
    goto unmap;
  if (NvBufSurfaceMap (into, 0, 0, NVBUF_MAP_READ))
    goto unmap;
  if (into->memType != NVBUF_MEM_SURFACE_ARRAY || !NvBufSurfaceSyncForCpu (into, 0, 0)) {
    NvBufSurfaceParams *made = &into->surfaceList[0];
    const uint8_t *pixels = made->mappedAddr.addr[0];
    for (uint32_t row = 0; pixels && row < height; row++)
      memcpy (out + (size_t) row * width * 4, pixels + (size_t) row * made->pitch, (size_t) width * 4);
    result = pixels ? 0 : BAD_SURFACE;
  }
  NvBufSurfaceUnMap (into, 0, 0);
unmap:
  gst_buffer_unmap (held, &map);
  return result;
}
