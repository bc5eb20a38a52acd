/* DeepStream's metadata in one call a batch, for probes/nvds/native_meta.py (through ctypes).
 *
 * Built where it runs, against that DeepStream's own headers, so that every layout is the installed one; what
 * Python and this file share are the records below, and msh_nvds_layout tells their sizes. Functions return
 * a count or 0, and a negative number on failure: then nothing may be concluded. Nothing is printed, no lock is
 * taken, and no text of the metadata is read (obj_label may lack its end).
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <gst/gst.h>

#include "gstnvdsinfer.h"
#include "nvdsmeta.h"
#include "records.h"

/* heads.c */
API int64_t msh_nvds_covers (const void * masks, int64_t count, const PlaceRecord * place, BoxRecord * boxes);

/* gstnvdsmeta.h declares it, but wants headers of GStreamer's video library. */
NvDsBatchMeta *gst_buffer_get_nvds_batch_meta (GstBuffer * buffer);

#define VERSION 9
#define MAX_LIST 65536     /* a longer list is a broken one, or a ring */

typedef struct {
  uint32_t pad, batch_id;
  int32_t number;
  uint32_t width, height;
  int32_t inferred, objects; /* objects: -1 where their list is broken */
  int32_t unused;
  uint64_t pts, ntp, meta;
} FrameRecord;

typedef struct {
  uint64_t style, text; /* addresses of a StyleRecord and a TextRecord; text: 0 for none */
} DrawRecord;

/* How a frame's objects are drawn, on a surface of across and down. */
typedef struct {
  const DrawRecord *drawn;
  uint64_t count;
  double across, down;
} DrawingRecord;

/* What boxes to cover and their tag are. done: of the boxes that a frame has, before a call and after it. */
typedef struct {
  uint64_t number, key;
  int64_t done;
  int32_t component, class_id, tag, unused;
} IdsRecord;

typedef struct {
  uint64_t key;
  int64_t boxes;
  int32_t tags, heads;
} TagRecord;

typedef struct {
  uint32_t border_width;
  float red, green, blue;
} StyleRecord;

typedef struct {
  double width, height; /* of the text, px of the surface */
  float red, green, blue;
  uint32_t size;
  float plate[4];
  char words[]; /* ends with 0 */
} TextRecord;

static char font[] = "Sans";

API int32_t
msh_nvds_layout (uint32_t sizes[9])
{
  sizes[0] = sizeof (FrameRecord);
  sizes[1] = sizeof (ObjectRecord);
  sizes[2] = sizeof (TagRecord);
  sizes[3] = sizeof (StyleRecord);
  sizes[4] = offsetof (TextRecord, words);
  sizes[5] = sizeof (BoxRecord);
  sizes[6] = sizeof (DrawRecord);
  sizes[7] = sizeof (DrawingRecord);
  sizes[8] = sizeof (IdsRecord);
  return VERSION;
}

static int64_t
length (const GList * node)
{
  int64_t count = 0;
  for (; node && count <= MAX_LIST; node = node->next)
    count++;
  return count;
}

static NvDsBatchMeta *
batch_of (uint64_t buffer, int64_t * error)
{
  NvDsBatchMeta *batch = gst_buffer_get_nvds_batch_meta ((GstBuffer *) (uintptr_t) buffer);
  *error = !batch ? NO_META : length (batch->frame_meta_list) != batch->num_frames_in_batch ? BAD_LIST : 0;
  return batch;
}

static int
order (double a, double b)
{
  return a < b ? -1 : a > b ? 1 : !!isnan (a) - !!isnan (b);
}

/* By what an object is, as in_order of meta.py: the order of the metadata's lists means nothing. */
static int
by_content (const void *one, const void *other)
{
  const ObjectRecord *a = one, *b = other;
  int sign = order (a->component, b->component);
  if (!sign)
    sign = order (a->class_id, b->class_id);
  if (!sign)
    sign = (a->number > b->number) - (a->number < b->number);
  if (!sign)
    sign = order (a->left, b->left);
  if (!sign)
    sign = order (a->top, b->top);
  if (!sign)
    sign = order (a->width, b->width);
  if (!sign)
    sign = order (a->height, b->height);
  return sign ? sign : order (a->confidence, b->confidence);
}

/* Write all frames, and the objects of all frames one behind the other, each frame's in their order; return the
 * number of frames.
 * needed: frames and objects that the batch holds; meta: the batch. */
API int64_t
msh_nvds_read (uint64_t buffer, FrameRecord * frames, uint64_t most_frames, ObjectRecord * objects,
    uint64_t most_objects, uint64_t needed[2], uint64_t * meta)
{
  int64_t error;
  NvDsBatchMeta *batch = batch_of (buffer, &error);
  if (error)
    return error;
  needed[0] = batch->num_frames_in_batch;
  needed[1] = 0;
  for (GList * f = batch->frame_meta_list; f; f = f->next) {
    NvDsFrameMeta *frame = f->data;
    if (!frame)
      return BAD_LIST;
    int64_t count = length (frame->obj_meta_list);
    needed[1] += count == frame->num_obj_meta ? count : 0;
  }
  if (needed[0] > most_frames || needed[1] > most_objects)
    return TOO_SMALL;
  *meta = (uintptr_t) batch;
  for (GList * f = batch->frame_meta_list; f; f = f->next, frames++) {
    NvDsFrameMeta *frame = f->data;
    *frames = (FrameRecord) {
      frame->pad_index, frame->batch_id, frame->frame_num, frame->source_frame_width,
      frame->source_frame_height, frame->bInferDone, -1, 0, frame->buf_pts,
      frame->ntp_timestamp, (uintptr_t) frame};
    if (length (frame->obj_meta_list) != frame->num_obj_meta)
      continue;
    ObjectRecord *first = objects;
    for (GList * o = frame->obj_meta_list; o; o = o->next) {
      NvDsObjectMeta *object = o->data;
      if (!object)
        break;
      NvOSD_RectParams *box = &object->rect_params;
      *objects++ = (ObjectRecord) {
        object->unique_component_id, object->class_id, object->object_id, object->confidence,
        box->left, box->top, box->width, box->height, 0, (uintptr_t) object, (uintptr_t) box};
    }
    if (objects - first == frame->num_obj_meta) {
      frames->objects = (int32_t) (objects - first);
      if (frames->objects > 1)
        qsort (first, (size_t) (objects - first), sizeof *first, by_content);
    } else
      objects = first;
  }
  return (int64_t) needed[0];
}

/* Write for each frame its tags and head boxes: objects of these two components. Return the number of frames. */
API int64_t
msh_nvds_tags (uint64_t buffer, int32_t tag, int32_t head, TagRecord * found, uint64_t most)
{
  int64_t error;
  NvDsBatchMeta *batch = batch_of (buffer, &error);
  if (error)
    return error;
  if (batch->num_frames_in_batch > most)
    return TOO_SMALL;
  for (GList * f = batch->frame_meta_list; f; f = f->next, found++) {
    NvDsFrameMeta *frame = f->data;
    if (!frame || length (frame->obj_meta_list) > MAX_LIST)
      return BAD_LIST;
    *found = (TagRecord) {0, 0, 0, 0};
    for (GList * o = frame->obj_meta_list; o; o = o->next) {
      NvDsObjectMeta *object = o->data;
      if (!object)
        return BAD_LIST;
      if (object->unique_component_id == tag) {
        found->key = object->object_id;
        found->boxes = object->class_id;
        found->tags++;
      }
      found->heads += object->unique_component_id == head;
    }
  }
  return batch->num_frames_in_batch;
}

/* Add an object to a frame: a box to cover (opaque or not), a tag, a look. It draws no outline and no text. */
API int64_t
msh_nvds_add (uint64_t batch, uint64_t frame, int32_t component, int32_t class_id, uint64_t number,
    int32_t left, int32_t top, int32_t width, int32_t height, int32_t opaque)
{
  NvDsObjectMeta *added = nvds_acquire_obj_meta_from_pool ((NvDsBatchMeta *) (uintptr_t) batch);
  if (!added)
    return NO_OBJECT;
  added->unique_component_id = component;
  added->class_id = class_id;
  added->object_id = number;
  NvOSD_RectParams *box = &added->rect_params;
  box->left = left;
  box->top = top;
  box->width = width;
  box->height = height;
  box->border_width = 0;
  box->has_bg_color = opaque != 0;
  if (opaque)
    box->border_color = box->bg_color = (NvOSD_ColorParams) {0, 0, 0, 1};
  nvds_add_obj_meta_to_frame ((NvDsFrameMeta *) (uintptr_t) frame, added, NULL);
  return 0;
}

static int64_t
add_boxes (uint64_t batch, uint64_t frame, const BoxRecord * boxes, int64_t count, IdsRecord * ids)
{
  for (; count > 0; count--, boxes++, ids->done++)
    if (msh_nvds_add (batch, frame, ids->component, ids->class_id, ids->number, boxes->left, boxes->top, boxes->width,
            boxes->height, boxes->opaque))
      return NO_OBJECT;
  return 0;
}

/* Add boxes to a frame, and then its tag: an object without size whose class says how many boxes it has. Where a box
 * fails, there is no tag. */
API int64_t
msh_nvds_redact (uint64_t batch, uint64_t frame, const BoxRecord * boxes, int64_t count, IdsRecord * ids)
{
  int64_t error = add_boxes (batch, frame, boxes, count, ids);
  return error ? error : msh_nvds_add (batch, frame, ids->tag, (int32_t) ids->done, ids->key, 0, 0, 0, 0, 0);
}

/* The same with masks, as msh_nvds_covers takes them, and further boxes; where a mask has no place, nothing is added
 * at all. */
API int64_t
msh_nvds_redact_masks (uint64_t batch, uint64_t frame, const void * masks, int64_t count, const PlaceRecord * place,
    IdsRecord * ids)
{
  BoxRecord few[64], *boxes = few;
  if (count > 64 && !(boxes = malloc ((size_t) count * sizeof *boxes)))
    return NO_MEMORY;
  int64_t found = msh_nvds_covers (masks, count, place, boxes);
  if (found >= 0 && add_boxes (batch, frame, place->more, place->n_more, ids))
    found = NO_OBJECT;
  if (found >= 0)
    found = msh_nvds_redact (batch, frame, boxes, found, ids);
  if (boxes != few)
    free (boxes);
  return found;
}

API int64_t
msh_nvds_remove (uint64_t frame, uint64_t object)
{
  nvds_remove_obj_meta_from_frame ((NvDsFrameMeta *) (uintptr_t) frame, (NvDsObjectMeta *) (uintptr_t) object);
  return 0;
}

static void
draw (NvDsObjectMeta * seen, const StyleRecord * style, const TextRecord * text, uint32_t left, uint32_t top)
{
  NvOSD_RectParams *box = &seen->rect_params;
  NvOSD_TextParams *params = &seen->text_params;
  box->border_width = style->border_width;
  if (style->border_width)
    box->border_color = (NvOSD_ColorParams) {style->red, style->green, style->blue, 1};
  if (!text) {
    if (params->display_text)
      params->display_text[0] = 0;
    return;
  }
  g_free (params->display_text); /* as NVIDIA's own code allocates it */
  params->display_text = g_strdup (text->words);
  params->x_offset = left;
  params->y_offset = top;
  params->font_params.font_name = font;
  params->font_params.font_size = text->size;
  params->font_params.font_color = (NvOSD_ColorParams) {text->red, text->green, text->blue, 1};
  params->set_bg_clr = 1;
  params->text_bg_clr = (NvOSD_ColorParams) {text->plate[0], text->plate[1], text->plate[2], text->plate[3]};
}

/* Set outlines and texts of a frame's objects; without a text, what was there is emptied. A text is put as
 * probes/nvds/meta.py puts it. objects: the address of the first one's, the others' `stride` on. */
API int64_t
msh_nvds_draw (const char *objects, uint64_t stride, const DrawingRecord * drawing)
{
  const DrawRecord *drawn = drawing->drawn;
  double across = drawing->across, down = drawing->down;
  for (uint64_t count = drawing->count; count; count--, drawn++, objects += stride) {
    NvDsObjectMeta *seen = (NvDsObjectMeta *) (uintptr_t) *(const uint64_t *) objects;
    const TextRecord *text = (const TextRecord *) (uintptr_t) drawn->text;
    double left = 0, top = 0;
    if (text) {
      const NvOSD_RectParams *box = &seen->rect_params;
      double above = box->top - text->height, low = down - text->height;
      left = across - text->width < box->left ? across - text->width : box->left;
      top = above >= 0 ? above : box->top;
      top = low < top ? low : top;
      if (!isfinite (left) || !isfinite (top))
        return BAD_BOX;
    }
    draw (seen, (const StyleRecord *) (uintptr_t) drawn->style, text, left > 0 ? (uint32_t) left : 0,
        top > 0 ? (uint32_t) top : 0);
  }
  return 0;
}

/* Copy an output of the network `gie` on an object as 32 bit floats; return how many, 0 where it did not run. */
API int64_t
msh_nvds_tensor (uint64_t object, uint32_t gie, const char *layer, float *out, uint64_t most)
{
  NvDsObjectMeta *seen = (NvDsObjectMeta *) (uintptr_t) object;
  if (length (seen->obj_user_meta_list) > MAX_LIST)
    return BAD_LIST;
  for (GList * u = seen->obj_user_meta_list; u; u = u->next) {
    NvDsUserMeta *user = u->data;
    if (!user || user->base_meta.meta_type != (NvDsMetaType) NVDSINFER_TENSOR_OUTPUT_META)
      continue;
    NvDsInferTensorMeta *tensor = user->user_meta_data;
    if (!tensor || !tensor->output_layers_info || !tensor->out_buf_ptrs_host)
      return BAD_TENSOR;
    if (tensor->unique_id != gie)
      continue;
    for (unsigned int i = 0; i < tensor->num_output_layers; i++) {
      NvDsInferLayerInfo *info = &tensor->output_layers_info[i];
      if (!info->layerName || strcmp (info->layerName, layer))
        continue;
      uint64_t count = info->inferDims.numElements;
      if (info->dataType != FLOAT || !count || count > most || !tensor->out_buf_ptrs_host[i])
        return BAD_TENSOR;
      memcpy (out, tensor->out_buf_ptrs_host[i], count * sizeof (float));
      return (int64_t) count;
    }
    return BAD_TENSOR;
  }
  return 0;
}
