/* What reader.c, detections.c and heads.c share: records that Python packs and unpacks, too. */
#pragma once
#include <stdint.h>

#define API __attribute__ ((visibility ("default")))

enum { SEEN_PERSON, SEEN_DOUBTFUL, SEEN_FACE, SEEN_OTHER }; /* kinds; heads are those of the first two */

typedef struct {
  double x, y, w, h;
} Rect;

/* An object of the metadata. */
typedef struct {
  int32_t component, class_id;
  uint64_t number;
  float confidence, left, top, width, height;
  uint32_t unused;
  uint64_t meta, rectangle;
} ObjectRecord;

/* A detection in pixels of the camera. */
typedef struct {
  Rect box;
  double confidence;
  int64_t track; /* -1 without */
  int32_t kind, label;
} SeenRecord;

/* A box to cover, in pixels of the surface. */
typedef struct {
  int32_t left, top, width, height, opaque;
} BoxRecord;

/* How masks in pixels of a camera's frame, of width and height, become boxes of a surface of across and down, and
 * further boxes beside them. smallest: side of a box; opaque: of the masks' boxes. */
typedef struct {
  double width, height;
  int32_t across, down, smallest, opaque;
  const BoxRecord *more;
  int64_t n_more;
} PlaceRecord;
