/* NVIDIA's surfaces as far as the reader uses them, in plain memory. What the genuine functions refuse is refused:
 * rectangles outside or odd, flags without rectangles, a surface without a format (0 is NVBUF_COLOR_FORMAT_INVALID),
 * memory that cannot be mapped, a surface mapped twice. It converts nothing, so both sides are RGBA. */
#include <stdlib.h>
#include <string.h>

#include "nvbufsurftransform.h"

/* What the default becomes: by the driver, nvgpu or that of cards. */
__attribute__ ((visibility ("default"))) int fake_default = NVBUF_MEM_SURFACE_ARRAY;

int
NvBufSurfaceCreate (NvBufSurface ** surface, uint32_t count, NvBufSurfaceCreateParams * how)
{
  if (count != 1 || !how->width || !how->height || how->colorFormat != NVBUF_COLOR_FORMAT_RGBA)
    return -1;
  NvBufSurface *made = calloc (1, sizeof *made);
  NvBufSurfaceParams *one = made->surfaceList = calloc (1, sizeof *one);
  made->batchSize = 1;
  made->memType = how->memType == NVBUF_MEM_DEFAULT ? fake_default : (int) how->memType;
  one->width = how->width;
  one->height = how->height;
  one->colorFormat = how->colorFormat;
  one->pitch = how->width * 4 + 64;
  one->dataPtr = malloc ((size_t) one->pitch * one->height);
  *surface = made;
  return 0;
}

int
NvBufSurfaceDestroy (NvBufSurface * surface)
{
  free (surface->surfaceList->dataPtr);
  free (surface->surfaceList);
  free (surface);
  return 0;
}

static int
outside (const NvBufSurfTransformRect * r, const NvBufSurfaceParams * s)
{
  return !r->width || !r->height || r->left + r->width > s->width || r->top + r->height > s->height ||
      ((r->left | r->top | r->width | r->height) & 1);
}

/* How often pixels were asked for: what the reader refuses by itself comes to no driver. */
__attribute__ ((visibility ("default"))) int fake_transforms;

int
NvBufSurfTransform (NvBufSurface * from, NvBufSurface * into, NvBufSurfTransformParams * how)
{
  NvBufSurfaceParams *a = from->surfaceList, *b = into->surfaceList;
  const NvBufSurfTransformRect *s = how->src_rect, *t = how->dst_rect;
  fake_transforms++;
  if (from->numFilled != 1 || into->batchSize < 1 || from->batchSize != 1 || b->mappedAddr.addr[0])
    return -1;
  if (a->colorFormat != NVBUF_COLOR_FORMAT_RGBA || b->colorFormat != NVBUF_COLOR_FORMAT_RGBA)
    return -1;
  if (how->transform_flag != (NVBUFSURF_TRANSFORM_CROP_SRC | NVBUFSURF_TRANSFORM_CROP_DST) || outside (s, a) ||
      outside (t, b) || s->width != t->width || s->height != t->height)
    return -1;
  for (uint32_t row = 0; row < s->height; row++)
    memcpy ((uint8_t *) b->dataPtr + (t->top + row) * b->pitch + t->left * 4,
        (uint8_t *) a->dataPtr + (s->top + row) * a->pitch + s->left * 4, s->width * 4);
  return 0;
}

int
NvBufSurfaceMap (NvBufSurface * surface, int index, int plane, int kind)
{
  NvBufSurfaceParams *one = surface->surfaceList;
  if (index || plane || kind != NVBUF_MAP_READ || one->mappedAddr.addr[0])
    return -1;
  if (surface->memType != NVBUF_MEM_CUDA_PINNED && surface->memType != NVBUF_MEM_SURFACE_ARRAY)
    return -1;
  one->mappedAddr.addr[0] = one->dataPtr;
  return 0;
}

int
NvBufSurfaceUnMap (NvBufSurface * surface, int index, int plane)
{
  NvBufSurfaceParams *one = surface->surfaceList;
  if (index || plane || !one->mappedAddr.addr[0])
    return -1;
  one->mappedAddr.addr[0] = 0;
  return 0;
}

int
NvBufSurfaceSyncForCpu (NvBufSurface * surface, int index, int plane)
{
  return index || plane || surface->memType != NVBUF_MEM_SURFACE_ARRAY ? -1 : 0;
}
